"""Blinks, winks and neutral faces of recorded people: how they come through, and what a calibration makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bridge import arkit
from bridge.bench import quality_metrics as metrics
from bridge.bench.quality_chains import Chain
from bridge.bench.quality_eyes import BlinkFigures, blink_figures, blink_rows, residual_rows, run_calibrated, wink_rows
from bridge.bench.quality_goals import Goal, Row
from bridge.bench.quality_motion import with_noise
from bridge.bench.quality_recordings import Clip, measure_people, nanmedian, through_all
from bridge.bench.quality_series import BLINKS, LIVE, Series, results_of_series, series_of_results
from bridge.settings import Settings
from bridge.types import Float64Array, TrackResult

_NEUTRAL_S = 0.8
_PREFACE_FRAMES = 130
_CLEAN = 0.1
"""A face whose coefficients change by more than this within a second is not a neutral one."""


def measure_recordings(clips: Sequence[Clip], chains: Mapping[str, Chain], settings: Settings) -> Iterator[Row]:
    """Rest, lag, peaks, blinks, winks and neutral faces of real people."""
    outs = through_all(clips, chains)
    yield from measure_people(clips, outs, chains, part="recordings", judged=True)
    yield from _blink_delays(clips, outs)
    yield from _calibrated(clips, settings)


def _row(name: str, values: Mapping[str, float], *, limit: float | None = None, unit: str = "", reference: str = "") -> Row:
    goal = Goal(name=f"recordings: {name}", part="recordings", limit=limit, unit=unit, reference=reference)
    return Row(goal=goal, values=values)


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
        values = {chain: 1e3 * nanmedian([getattr(pulse, field) for pulse in found]) for chain, found in pulses.items()}
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
            for row in wink_rows("recordings", "recordings: calibrated", {"raw": clip.raw, "bridge": run.out}, found_winks):
                winks.setdefault(row.goal.name, []).append(row)
        half = len(neutral) // 2
        learnt = still_of(series_of_results(neutral[:half]), _PREFACE_FRAMES)
        held_out = run_calibrated(learnt, looped(neutral[half:], 60), settings)
        plain, before = series_of_results(neutral[half:]), series_of_results(neutral[:half])
        moved = np.abs(np.median(plain.weights, axis=0) - np.median(before.weights, axis=0)).max()
        if held_out.accepted and moved < _CLEAN:
            for row in residual_rows("recordings", "recordings: neutral residual", plain, held_out.out):
                residuals.setdefault(row.goal.name, []).append(row)
    yield _row("calibrations accepted", {"bridge": float(accepted)}, reference=f"of {len(clips)}")
    yield from blink_rows(
        "recordings", "recordings: calibrated blinks", {c: _mean(found) for c, found in figures.items() if found}
    )
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
