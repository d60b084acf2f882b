"""The parts ``pictures`` and ``clips``: the real model on made-up scenes and on videos, through every chain."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bridge.bench import quality_metrics as metrics
from bridge.bench import quality_pictures as pictures
from bridge.bench.quality_chains import Chain
from bridge.bench.quality_goals import Goal, Row
from bridge.bench.quality_loss import GapFigures, gap_figures, gap_rows, sent_at_rate
from bridge.bench.quality_pictures import FPS, LIGHTS, Move, Portrait, Scene
from bridge.bench.quality_recordings import Clip, nanmedian
from bridge.bench.quality_rest import rest_rows
from bridge.bench.quality_series import BLINKS, LIVE, ROLL, Series, Z, series_of_results
from bridge.errors import SourceUnavailable
from bridge.recording_npz import read_npz, write_npz
from bridge.settings import Settings, TrackerSettings
from bridge.trackers.offline import OfflineTracker
from bridge.types import CameraFrame, ImageArray, TrackResult

RAW_SCALE = 1e5
_MOVING = 3
"""So many portraits move: tracking takes most of the time."""
_SCENES_VERSION = 1
"""Counted up when a scene looks different: what was tracked before is no longer true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laboratory:
    """Tracks scenes with the real model, at the scale of the raw reference and at the preset's, once."""

    model: Path
    cache: Path
    scale: float
    """Of the timestamps, as the preset wants them."""
    say: Callable[[str], None]

    def track(self, name: str, scene: Scene, *, fps: float = FPS) -> tuple[tuple[TrackResult, ...], tuple[TrackResult, ...]]:
        """(raw, as the preset's landmark filter lets it through). Raises SourceUnavailable, TrackerRefused."""
        return self._once(name, scene, RAW_SCALE, fps), self._once(name, scene, self.scale, fps)

    def _once(self, name: str, scene: Scene, scale: float, fps: float) -> tuple[TrackResult, ...]:
        key = f"{_SCENES_VERSION}|{name}|{scale}|{version('mediapipe')}|{self.model.stat().st_size}"
        path = self.cache / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"
        if not path.is_file():
            self.say(f"  tracking {name}, timestamps x {scale:g}")
            results = track_pictures(scene(), self.model, scale=scale, fps=fps)
            self.cache.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".part")
            with unfinished.open("wb") as file:
                write_npz(file, results)
            unfinished.replace(path)
        return read_npz(path)


def track_pictures(images: Iterator[ImageArray], model: Path, *, scale: float, fps: float) -> list[TrackResult]:
    """Every picture through the landmarker, dated by the rate."""
    with OfflineTracker(TrackerSettings(), model, timestamp_scale=scale) as tracker:
        return [tracker.detect(CameraFrame(seq=k, t=k / fps, image=image)) for k, image in enumerate(images)]


# --- clips ---------------------------------------------------------------------------------------------------------------


def tracked_clips(folder: Path, laboratory: Laboratory, *, seconds: float = 30.0) -> list[Clip]:
    """Every video of a folder, cut to the longest stretch in which the face is seen at both scales."""
    clips = []
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in {".gif", ".mkv", ".mp4", ".avi", ".webm"}):
        fps = pictures.rate_of(path)
        name = f"{path.name}:{path.stat().st_size}"
        raw, fed = laboratory.track(name, _film(path, round(seconds * fps)), fps=fps)
        both = np.array([bool(a.faces and b.faces) for a, b in zip(raw, fed, strict=True)])
        times = np.array([result.t for result in raw])
        spans = metrics.quiet_spans(times, both, at_least_s=1.0)
        if spans:
            span = max(spans, key=lambda found: found.stop - found.start)
            clips.append(
                Clip(name=path.stem, raw_results=raw[span], fed_results=fed[span], raw=series_of_results(raw[span]))
            )  # fmt: skip
    if not clips:
        raise SourceUnavailable(f"{folder} has no video in which a face is seen for a second")
    return clips


def _film(path: Path, limit: int) -> Scene:
    return lambda: pictures.pictures_of(path, limit=limit)


# --- scenes --------------------------------------------------------------------------------------------------------------


def measure_pictures(
    portraits: Sequence[Portrait], laboratory: Laboratory, chains: Mapping[str, Chain], settings: Settings
) -> Iterator[Row]:
    """Stills with a camera's noise, motions in the picture plane, blinks of the drawn face, gaps, a hand.

    The goals of rest and gaps are those of a sharp face, so the first, drawn portrait is judged by them; people enlarged from
    small pictures are blurred, which makes the model two to three times as noisy, and are shown.
    """
    for what, group, judged in _judged_apart(portraits):
        for level, light in LIGHTS.items():
            stills = [laboratory.track(f"{who.name} still {level}", pictures.still(who, light)) for who in group]
            seen = [pair for pair in stills if all(result.faces for results in pair for result in results)]
            if seen:
                yield from rest_rows("pictures", f"{what} stills", level, seen, chains, absolute=level == "typ", judged=judged)
    yield from _steps(portraits[:_MOVING], laboratory, chains)
    yield from _blinks(laboratory, chains)
    for what, group, judged in _judged_apart(portraits[:_MOVING]):
        yield from _gaps(what, group, laboratory, chains, settings, judged=judged)


def _judged_apart(portraits: Sequence[Portrait]) -> list[tuple[str, Sequence[Portrait], bool]]:
    groups = [("drawn", portraits[:1], True), ("enlarged", portraits[1:], False)]
    return [group for group in groups if group[1]]


def _feed(chain: str, run: Chain, tracked: tuple[Sequence[TrackResult], Sequence[TrackResult]]) -> Series:
    """The yardsticks get what an unfiltered tracker sees, the bridge what its preset asks for."""
    return run(tracked[1] if chain == "bridge" else tracked[0])


def _row(name: str, values: Mapping[str, float], *, limit: float | None, unit: str = "", reference: str = "",
         at_least: bool = False) -> Row:  # fmt: skip
    goal = Goal(name=f"pictures: {name}", part="pictures", limit=limit, unit=unit, reference=reference, at_least=at_least)
    return Row(goal=goal, values=values)


def _steps(portraits: Sequence[Portrait], laboratory: Laboratory, chains: Mapping[str, Chain]) -> Iterator[Row]:
    for name, move, column, limits in (
        ("roll 20 deg/0.35 s", pictures.ROLL, ROLL, (15.0, 20.0, 2.0)),
        ("lean", pictures.LEAN, Z, (20.0, None, 1.0)),
    ):
        tracked = [laboratory.track(f"{who.name} {name}", pictures.moved(who, move, LIGHTS["typ"])) for who in portraits]
        found = {chain: _responses(chain, run, tracked, move, column) for chain, run in chains.items()}
        for k, (what, unit) in enumerate((("d50", "ms"), ("d90", "ms"), ("overshoot", "%"))):
            values = {chain: float(np.median([response[k] for response in responses])) for chain, responses in found.items()}
            yield _row(f"{name}: {what}", values, limit=limits[k], unit=unit)
    yield from _drift(portraits, laboratory, chains)


def _responses(
    chain: str, run: Chain, tracked: Sequence[tuple[Sequence[TrackResult], Sequence[TrackResult]]], move: Move, column: int
) -> list[tuple[float, float, float]]:
    """Extra delay over the raw tracker at 50 and 90 % in ms, overshoot beyond the raw one's in percent."""
    responses = []
    for pair in tracked:
        raw, out = series_of_results(pair[0]), _feed(chain, run, pair)
        sign = np.sign(np.ptp(raw.pose[:, column])) * (1.0 if _rises(raw, move, column) else -1.0)
        for begin, end in move.events:
            ref = (raw.t, sign * raw.pose[:, column])
            step = metrics.step_response(ref, (out.t, sign * out.pose[:, column]), at=begin, end=end)
            own = metrics.step_response(ref, ref, at=begin, end=end)
            responses.append((1e3 * step.d50_s, 1e3 * step.d90_s, 100.0 * max(0.0, step.overshoot - own.overshoot)))
    return responses


def _rises(raw: Series, move: Move, column: int) -> bool:
    begin, end = move.events[0]
    return float(raw.pose[raw.t <= end, column][-1]) > float(np.median(raw.pose[raw.t < begin, column]))


def _drift(portraits: Sequence[Portrait], laboratory: Laboratory, chains: Mapping[str, Chain]) -> Iterator[Row]:
    move = pictures.DRIFT
    begin, end = move.events[0]
    tracked = [laboratory.track(f"{who.name} drift", pictures.moved(who, move, LIGHTS["typ"])) for who in portraits]
    lags: dict[str, list[float]] = {chain: [] for chain in chains}
    rough: dict[str, list[float]] = {chain: [] for chain in chains}
    for pair in tracked:
        raw = series_of_results(pair[0])
        truth = move.amount(raw.t)[:, None] * move.roll_deg
        inside = (raw.t > begin + 0.5) & (raw.t < end)
        for chain, run in chains.items():
            out = _feed(chain, run, pair)
            signed = out.pose[:, [ROLL]] * np.sign(np.corrcoef(raw.pose[:, ROLL], truth[:, 0])[0, 1])
            lags[chain].append(1e3 * metrics.lag(raw.t, truth, out.t, signed, band=(0.5, np.inf)))
            rough[chain].append(metrics.roughness(out.pose[inside][:, [ROLL]], raw.pose[inside][:, [ROLL]]))
    medians = {chain: float(np.median(found)) for chain, found in lags.items()}
    yield _row("drift 4 deg/s: lag", medians, limit=60, unit="ms", reference="34")
    medians = {chain: float(np.median(found)) for chain, found in rough.items()}
    yield _row("drift 4 deg/s: roughness / raw", medians, limit=0.5, reference=".35")


def _blinks(laboratory: Laboratory, chains: Mapping[str, Chain]) -> Iterator[Row]:
    begins = (2.31, 4.02, 5.73, 7.44)
    pair = laboratory.track("drawn blinks", pictures.blinking(LIGHTS["typ"], begins=begins))
    raw = series_of_results(pair[0])
    found: dict[str, list[metrics.Pulse]] = {chain: [] for chain in chains}
    for chain, run in chains.items():
        out = _feed(chain, run, pair)
        for begin in begins:
            for lid in BLINKS:
                ref = (raw.t, raw.weights[:, lid])
                found[chain].append(
                    metrics.pulse_response(ref, (out.t, out.weights[:, lid]), at=begin - 0.02, end=begin + 0.8)
                )  # fmt: skip
    for name, field, limit, reference in (
        ("close 50", "close50_s", 8.0, "2"),
        ("open 50", "open50_s", 15.0, "2"),
        ("open to 10", "tail10_s", 30.0, "6"),
    ):
        values = {chain: 1e3 * nanmedian([getattr(p, field) for p in pulses]) for chain, pulses in found.items()}
        yield _row(f"drawn blink: {name}", values, limit=limit, unit="ms", reference=reference)


def _sent(
    pair: tuple[Sequence[TrackResult], Sequence[TrackResult]], chains: Mapping[str, Chain], settings: Settings
) -> dict[str, Series]:
    """What receivers at 60 Hz get: yardsticks of the raw tracker, the bridge of its own."""
    yardsticks = {chain: run for chain, run in chains.items() if chain != "bridge"}
    sent = sent_at_rate(pair[0], yardsticks, settings)
    return sent | {"bridge": sent_at_rate(pair[1], {}, settings)["bridge"]}


def _gaps(
    what: str,
    portraits: Sequence[Portrait],
    laboratory: Laboratory,
    chains: Mapping[str, Chain],
    settings: Settings,
    *,
    judged: bool,
) -> Iterator[Row]:
    light = LIGHTS["typ"]
    whole = [
        _sent(laboratory.track(f"{who.name} whole", pictures.interrupted(who, light, frames=0)), chains, settings)
        for who in portraits
    ]
    begin = pictures.GAP_FRAME / FPS - 0.02
    for count in (1, 5):
        found: dict[str, list[GapFigures]] = {chain: [] for chain in chains}
        for who, unbroken in zip(portraits, whole, strict=True):
            pair = laboratory.track(f"{who.name} gap {count}", pictures.interrupted(who, light, frames=count))
            for chain, seen in _sent(pair, chains, settings).items():
                found[chain].append(gap_figures(seen, unbroken[chain], begin=begin, end=begin + 1.5))
        worst = {
            chain: GapFigures(**{field.name: max(getattr(one, field.name) for one in each) for field in fields(GapFigures)})
            for chain, each in found.items()
        }
        yield from gap_rows("pictures", f"{what}: gap of {count} frame{'s' if count > 1 else ''}", worst, judged=judged)
    yield from _hand(what, list(zip(portraits, whole, strict=True)), laboratory, chains, settings)


def _hand(
    what: str,
    people: Sequence[tuple[Portrait, Mapping[str, Series]]],
    laboratory: Laboratory,
    chains: Mapping[str, Chain],
    settings: Settings,
) -> Iterator[Row]:
    """A hand before the face: the error from when it comes until the face is seen again, and how the avatar returns."""
    begin = pictures.HAND[0] / FPS
    found: dict[str, list[tuple[float, float, float, float]]] = {chain: [] for chain in chains}
    for who, unbroken in people:
        pair = laboratory.track(f"{who.name} hand", pictures.occluded(who, LIGHTS["typ"]))
        sent = _sent(pair, chains, settings)
        for chain, seen in sent.items():
            back = _first_after_loss(pair[1] if chain == "bridge" else pair[0], begin)
            base = unbroken[chain]
            before = (base.t > begin - 0.5) & (base.t < begin)
            still = np.median(base.weights[before], axis=0)[None, LIVE], np.median(base.group("rotation")[before], axis=0)[None]
            hidden, later = (seen.t >= begin) & (seen.t < back), (seen.t >= back) & (seen.t < back + 1.0)
            found[chain].append((
                metrics.mean_error(seen.weights[hidden][:, LIVE], np.repeat(still[0], int(hidden.sum()), axis=0)),
                metrics.mean_error(seen.group("rotation")[hidden], np.repeat(still[1], int(hidden.sum()), axis=0)),
                metrics.largest_step(seen.weights[later][:, LIVE]),
                metrics.largest_step(seen.group("rotation")[later]),
            ))  # fmt: skip
    means = {chain: np.mean(each, axis=0).tolist() for chain, each in found.items()}
    for k, (name, limit, unit, reference) in enumerate((
        (f"{what}, hand: mean error", 0.20, "", ".11"),
        (f"{what}, hand: mean error", 12.0, "deg", "8.6"),
        (f"{what}, hand: step at return", None, "", ".10"),
        (f"{what}, hand: step at return", None, "deg", "1.5"),
    )):  # fmt: skip
        yield _row(name, {chain: mean[k] for chain, mean in means.items()}, limit=limit, unit=unit, reference=reference)


def _first_after_loss(results: Sequence[TrackResult], begin: float) -> float:
    """When the face was found again; when it was never lost, when the hand had left."""
    lost = [k for k, result in enumerate(results) if result.t >= begin and not result.faces]
    last = lost[-1] + 1 if lost else pictures.HAND[1]
    return results[min(last, len(results) - 1)].t
