"""The part ``recordings``: real people, recorded once without MediaPipe's landmark filter and once as a preset asks for it.

A clip is ``NAME.nosmooth.npz`` (timestamps x 1e5, the raw reference) beside ``NAME.dil4.npz`` (x 4) and ``NAME.video.npz`` (x 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bridge import arkit
from bridge.bench import quality_metrics as metrics
from bridge.bench.quality_chains import Chain
from bridge.bench.quality_eyes import (
    BlinkFigures,
    blink_figures,
    blink_rows,
    residual_rows,
    run_calibrated,
    wink_rows,
)
from bridge.bench.quality_goals import Goal, Row
from bridge.bench.quality_motion import with_noise
from bridge.bench.quality_rest import static_gain
from bridge.bench.quality_series import BLINKS, COLUMNS, FACE_GROUPS, GROUPS, LIVE, Series, results_of_series, series_of_results
from bridge.errors import SourceUnavailable
from bridge.recording_npz import read_npz
from bridge.settings import Settings
from bridge.types import Float64Array, TrackResult

_REST_LIMITS = {"eyelids": 0.30, "brows": 0.30, "mouth": 0.40, "rotation": 0.20, "translation": 0.20}
_REST_REFERENCE = {"eyelids": ".15-.23", "brows": ".12-.22", "mouth": ".14-.37", "rotation": ".08-.15", "translation": ".15"}
_QUIET = {"rotation": 5.0, "translation": 2.0}
"""Slower than this, per second, counts as rest; coefficients: 0.5."""
_NEUTRAL_S = 0.8
_PREFACE_FRAMES = 130
_CLEAN = 0.1
"""A face whose coefficients change by more than this within a second is not a neutral one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """One person."""

    name: str
    raw_results: tuple[TrackResult, ...]
    fed_results: tuple[TrackResult, ...]
    """As the preset's landmark filter lets them through."""
    raw: Series


def suffix_of(timestamp_scale: float) -> str:
    """Which recording a preset is fed with."""
    return "nosmooth" if timestamp_scale >= 100.0 else "dil4" if timestamp_scale > 1.0 else "video"


def load_clips(folder: Path, *, timestamp_scale: float) -> tuple[list[Clip], list[str]]:
    """The clips, and the names of those that lack a recording at this scale. Raises SourceUnavailable."""
    clips, missing = [], []
    for path in sorted(folder.glob("*.nosmooth.npz")):
        name = path.name.removesuffix(".nosmooth.npz")
        fed = path.with_name(f"{name}.{suffix_of(timestamp_scale)}.npz")
        if not fed.is_file():
            missing.append(name)
            continue
        raw_results = read_npz(path)
        clips.append(
            Clip(name=name, raw_results=raw_results, fed_results=read_npz(fed), raw=series_of_results(raw_results))
        )  # fmt: skip
    if not clips:
        raise SourceUnavailable(f"{folder} has no recordings NAME.nosmooth.npz and NAME.{suffix_of(timestamp_scale)}.npz")
    return clips, missing


def measure_recordings(clips: Sequence[Clip], chains: Mapping[str, Chain], settings: Settings) -> Iterator[Row]:
    """Rest, lag, peaks, blinks, winks and neutral faces of real people."""
    outs = {
        chain: [run(clip.fed_results if chain == "bridge" else clip.raw_results) for clip in clips]
        for chain, run in chains.items()
    }
    yield from _rest(clips, outs, chains)
    yield from _lags(clips, outs)
    yield from _kept(clips, outs, chains)
    yield from _blink_delays(clips, outs)
    yield from _calibrated(clips, settings)


def _row(name: str, values: Mapping[str, float], **goal: float | str | bool | None) -> Row:
    wanted: dict[str, float | str | bool | None] = {"limit": None, **goal}
    return Row(goal=Goal(name=f"recorded {name}", part="recordings", **wanted), values=values)  # type: ignore[arg-type]


# --- rest, lag -----------------------------------------------------------------------------------------------------------


def rest_spans(raw: Series, group: str) -> list[slice]:
    """Where the head and a group of channels are still for half a second or longer."""
    kernel = np.ones(5) / 5.0

    def still(name: str) -> metrics.BoolArray:
        smooth = np.stack([np.convolve(np.pad(x, 2, mode="edge"), kernel, mode="valid") for x in raw.group(name).T], axis=1)
        quiet: metrics.BoolArray = np.abs(np.gradient(smooth, raw.t, axis=0)).max(axis=1) < _QUIET.get(name, 0.5)
        return quiet

    return metrics.quiet_spans(raw.t, raw.live & still(group) & still("rotation"), at_least_s=0.5)


def _rest(clips: Sequence[Clip], outs: Mapping[str, list[Series]], chains: Mapping[str, Chain]) -> Iterator[Row]:
    for group in GROUPS:
        spans = [rest_spans(clip.raw, group) for clip in clips]
        values = {}
        for chain, series in outs.items():
            left = before = 0.0
            for clip, out, quiet in zip(clips, series, spans, strict=True):
                gain = _gain(clip, chains[chain], group)
                for span in quiet:
                    left += float(np.sum(np.square(np.diff(out.group(group)[span] / gain, 2, axis=0))))
                    before += float(np.sum(np.square(np.diff(clip.raw.group(group)[span], 2, axis=0))))
            values[chain] = math.sqrt(left / before) if before else math.nan
        limit, reference = _REST_LIMITS.get(group), _REST_REFERENCE.get(group, "")
        yield _row(f"rest, {group}: jitter / raw", values, limit=limit, reference=reference)


def _gain(clip: Clip, run: Chain, group: str) -> Float64Array:
    """What the chain multiplies by: calibration is neither jitter nor peak."""
    middle = replace(clip.raw, weights=np.median(clip.raw.weights, axis=0)[None], pose=np.median(clip.raw.pose, axis=0)[None])
    return static_gain(run, middle, group)


def _least_range(group: str) -> float:
    return {"rotation": 3.0, "translation": 1.0}.get(group, 0.2)


def _lags(clips: Sequence[Clip], outs: Mapping[str, list[Series]]) -> Iterator[Row]:
    for what, band in (("lag", metrics.FAST), ("slow lag", metrics.SLOW)):
        for group in GROUPS:
            moving = [k for k, clip in enumerate(clips) if np.ptp(clip.raw.group(group), axis=0).max() >= _least_range(group)]
            values = {
                chain: 1e3 * _nanmedian([
                    metrics.lag(clips[k].raw.t, clips[k].raw.group(group), series[k].t, series[k].group(group), band=band)
                    for k in moving
                ])
                for chain, series in outs.items()
            }  # fmt: skip
            yield _row(f"{group}: {what}", values, unit="ms")


def _nanmedian(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.median(known)) if known else math.nan


# --- peaks and blinks ----------------------------------------------------------------------------------------------------


def _kept(clips: Sequence[Clip], outs: Mapping[str, list[Series]], chains: Mapping[str, Chain]) -> Iterator[Row]:
    """How much is left of the peaks of short excursions."""
    for group in FACE_GROUPS:
        kept: dict[str, list[float]] = {chain: [] for chain in outs}
        for k, clip in enumerate(clips):
            found = [
                (column, begin, end)
                for column in COLUMNS[group]
                for begin, end in metrics.excursions(clip.raw.t, clip.raw.weights[:, column], least=0.2, longest_s=0.8)
            ]
            for chain, series in outs.items():
                gains = dict(zip(COLUMNS[group], _gain(clip, chains[chain], group).tolist(), strict=True))
                kept[chain] += [_peak(series[k], c, b, e) / (gains[c] * _peak(clip.raw, c, b, e)) for c, b, e in found]
        yield _row(f"{group}: peak kept, median", {c: 100.0 * float(np.median(v)) for c, v in kept.items() if v}, unit="%")
        yield _row(f"{group}: peak kept, p10", {c: 100.0 * float(np.percentile(v, 10)) for c, v in kept.items() if v}, unit="%")


def _peak(series: Series, column: int, begin: float, end: float) -> float:
    inside = (series.t >= begin) & (series.t <= end + 0.05)
    values = series.weights[inside, column]
    return float(values.max() - values[0])


def blinks_of(raw: Series) -> tuple[list[tuple[float, float]], list[tuple[float, float, int]]]:
    """Blinks (begin, end), and winks (begin, end, closing eye: 0 left, 1 right), of raw eyelids."""
    lids = raw.weights[:, BLINKS]
    winks = [
        (float(raw.t[span][0]), float(raw.t[span][-1]), eye)
        for eye in (0, 1)
        for span in metrics.quiet_spans(raw.t, (lids[:, eye] > 0.4) & (lids[:, 1 - eye] < 0.2), at_least_s=0.2)
    ]
    blinks = []
    for begin, end in metrics.excursions(raw.t, lids.mean(axis=1), least=0.25, longest_s=0.8):
        seen = lids[(raw.t >= begin) & (raw.t <= end)]
        if not any(begin < last and first < end for first, last, _ in winks) and (seen.max(axis=0) - seen[0]).min() > 0.25:
            blinks.append((begin, end))
    return blinks, winks


def closures_of(raw: Series) -> list[tuple[float, float]]:
    """Where the lids are down for any reason and time: what is left is open eyes."""
    lids = raw.weights[:, BLINKS].mean(axis=1)
    spans = metrics.quiet_spans(raw.t, lids > np.percentile(lids, 30) + 0.2, at_least_s=0.0)
    return [(float(raw.t[span][0]), float(raw.t[span][-1])) for span in spans]


def _blink_delays(clips: Sequence[Clip], outs: Mapping[str, list[Series]]) -> Iterator[Row]:
    pulses: dict[str, list[metrics.Pulse]] = {chain: [] for chain in outs}
    for k, clip in enumerate(clips):
        for begin, end in blinks_of(clip.raw)[0]:
            for chain, series in outs.items():
                pulses[chain] += [
                    metrics.pulse_response(
                        (clip.raw.t, clip.raw.weights[:, lid]), (series[k].t, series[k].weights[:, lid]), at=begin, end=end + 0.2
                    )
                    for lid in BLINKS
                ]
    for what, field, limit, reference in (
        ("close 50", "close50_s", 8.0, "2"),
        ("open 50", "open50_s", 15.0, "2"),
        ("open to 10", "tail10_s", 30.0, "6"),
    ):
        values = {chain: 1e3 * _nanmedian([getattr(pulse, field) for pulse in found]) for chain, found in pulses.items()}
        yield _row(f"blinks: {what}", values, limit=limit, unit="ms", reference=reference)


# --- calibration ---------------------------------------------------------------------------------------------------------


_AT_REST = {"eyeSquint": 0.45, "browDown": 0.30, "mouthPress": 0.25, "mouthPucker": 0.20, "eyeLook": 0.22, "eyeBlink": 0.22}
"""Levels up to which a face counts as neutral; all others 0.12 (QUALITY.md, section A)."""
_LEVELS = np.array([next((level for prefix, level in _AT_REST.items() if n.startswith(prefix)), 0.12) for n in arkit.NAMES])


def neutral_span(raw: Series) -> slice:
    """The stretch of ``_NEUTRAL_S`` in which this person moves and expresses least."""
    frames = max(8, round(_NEUTRAL_S / float(np.median(np.diff(raw.t)))))
    if len(raw.t) <= frames:
        return slice(0, len(raw.t))
    effort = np.maximum(raw.weights - _LEVELS, 0.0)[:, LIVE].sum(axis=1)
    lids = raw.weights[:, BLINKS]
    effort += 4.0 * np.maximum(lids - np.percentile(lids, 30, axis=0) - 0.03, 0.0).sum(axis=1)  # open eyes above all
    effort += 0.05 * np.abs(np.gradient(raw.pose[:, :3], raw.t, axis=0)).max(axis=1)
    total = np.convolve(effort, np.ones(frames), mode="valid")
    begin = int(total.argmin())
    return slice(begin, begin + frames)


def still_of(face: Series, count: int, *, relaxed: bool = False) -> list[TrackResult]:
    """The median face of a stretch, held still for so many frames as people do when they calibrate, with a little noise.

    ``relaxed``: without expressions that never end in this clip; the lids stay as they are.
    """
    weights = np.median(face.weights, axis=0)
    if relaxed:
        weights = np.where(np.isin(np.arange(len(weights)), BLINKS), weights, np.minimum(weights, _LEVELS))
    t = np.arange(count) / 30.0
    still = Series(
        t=t,
        live=np.ones(count, dtype=np.bool_),
        weights=np.repeat(weights[None], count, axis=0),
        pose=np.repeat(np.median(face.pose, axis=0)[None], count, axis=0),
    )
    return results_of_series(with_noise(still, 0.3, np.random.default_rng(3)))


def looped(results: Sequence[TrackResult], count: int) -> list[TrackResult]:
    """Forth and back until there are so many, in one stream."""
    interval_s = (results[-1].t - results[0].t) / max(1, len(results) - 1)
    there_and_back = [*results, *results[-2:0:-1]]
    t0 = results[0].t
    return [
        replace(there_and_back[k % len(there_and_back)], seq=k, t=t0 + k * interval_s, t_done=t0 + k * interval_s)
        for k in range(count)
    ]


def _calibrated(clips: Sequence[Clip], settings: Settings) -> Iterator[Row]:
    """Every clip after a calibration on its own most neutral second."""
    accepted = 0
    figures: dict[str, list[tuple[int, BlinkFigures]]] = {"raw": [], "bridge": []}
    winks: dict[str, list[Row]] = {}
    residuals: dict[str, list[Row]] = {}
    for clip in clips:
        span = neutral_span(clip.raw)
        neutral = clip.fed_results[span]
        run = run_calibrated(still_of(series_of_results(neutral), _PREFACE_FRAMES, relaxed=True), clip.fed_results, settings)
        accepted += run.accepted
        blinks, found_winks = blinks_of(clip.raw)
        every = [*blinks, *((begin, end) for begin, end, _ in found_winks), *closures_of(clip.raw)]
        for chain, out in (("raw", clip.raw), ("bridge", run.out)):
            if blinks and run.accepted:
                figures[chain].append((len(blinks), _figures(out, blinks, every)))
        if found_winks and run.accepted:
            for row in wink_rows("recordings", "recorded", {"raw": clip.raw, "bridge": run.out}, found_winks):
                winks.setdefault(row.goal.name, []).append(row)
        half = len(neutral) // 2
        learnt = still_of(series_of_results(neutral[:half]), _PREFACE_FRAMES)
        held_out = run_calibrated(learnt, looped(neutral[half:], 60), settings)
        plain, before = series_of_results(neutral[half:]), series_of_results(neutral[:half])
        moved = np.abs(np.median(plain.weights, axis=0) - np.median(before.weights, axis=0)).max()
        if held_out.accepted and moved < _CLEAN:
            for row in residual_rows("recordings", "recorded neutral residual", plain, held_out.out):
                residuals.setdefault(row.goal.name, []).append(row)
    yield _row("calibrations accepted", {"bridge": float(accepted)}, reference=f"of {len(clips)}")
    yield from blink_rows("recordings", "recorded calibrated blinks", {c: _mean(found) for c, found in figures.items() if found})
    yield from (_merged(rows, min if "closing" in name else max) for name, rows in winks.items())
    yield from (_merged(rows, np.median) for rows in residuals.values())


def _figures(out: Series, blinks: list[tuple[float, float]], every: list[tuple[float, float]]) -> BlinkFigures:
    """Blinks as such; what counts as open leaves out winks too."""
    own, rest = blink_figures(out, blinks), blink_figures(out, every)
    return replace(own, false_closures=rest.false_closures, open_level=rest.open_level)


def _mean(found: Sequence[tuple[int, BlinkFigures]]) -> BlinkFigures:
    """Blinks count alike, and so do clips for what is between blinks."""
    counts = np.array([count for count, _ in found], dtype=np.float64)

    def mean(field: str, weights: Float64Array) -> float:
        return float(np.average([getattr(figure, field) for _, figure in found], weights=weights))

    alike = np.ones(len(found))
    return BlinkFigures(
        closed=mean("closed", counts),
        uneven=mean("uneven", counts),
        false_closures=mean("false_closures", alike),
        open_level=mean("open_level", alike),
    )


def _merged(rows: Sequence[Row], how: Callable[[list[float]], float]) -> Row:
    return Row(goal=rows[0].goal, values={chain: float(how([row.values[chain] for row in rows])) for chain in rows[0].values})
