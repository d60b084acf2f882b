"""The part ``recordings``: real people, recorded once without MediaPipe's landmark filter and once as a preset asks for it.

A clip is ``NAME.nosmooth.npz`` (timestamps x 1e5, the raw reference) beside ``NAME.dil4.npz`` (x 4) and ``NAME.video.npz`` (x 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bridge.bench import quality_metrics as metrics
from bridge.bench.quality_chains import Chain
from bridge.bench.quality_goals import Goal, Row
from bridge.bench.quality_rest import static_gain
from bridge.bench.quality_series import COLUMNS, FACE_GROUPS, GROUPS, Series, series_of_results
from bridge.errors import SourceUnavailable
from bridge.recording_npz import read_npz
from bridge.types import Float64Array, TrackResult

_REST_LIMITS = {"eyelids": 0.30, "brows": 0.30, "mouth": 0.40, "rotation": 0.20, "translation": 0.20}
_REST_REFERENCE = {"eyelids": ".15-.23", "brows": ".12-.22", "mouth": ".14-.37", "rotation": ".08-.15", "translation": ".15"}
_QUIET = {"rotation": 5.0, "translation": 2.0}
"""Slower than this, per second, counts as rest; coefficients: 0.5."""


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


def through_all(clips: Sequence[Clip], chains: Mapping[str, Chain]) -> dict[str, list[Series]]:
    """Every clip through every chain: the yardsticks get the raw tracker, the bridge what its preset asks for."""
    return {
        chain: [run(clip.fed_results if chain == "bridge" else clip.raw_results) for clip in clips]
        for chain, run in chains.items()
    }


def measure_people(
    clips: Sequence[Clip], outs: Mapping[str, list[Series]], chains: Mapping[str, Chain], *, part: str, judged: bool
) -> Iterator[Row]:
    """Rest, lag and peaks of real people. ``judged``: whether the goals hold for these clips (faces as large as at a desk)."""
    for row in (*_rest(clips, outs, chains), *_lags(clips, outs), *_kept(clips, outs, chains)):
        goal = replace(row.goal, part=part, name=f"{part}: {row.goal.name}", limit=row.goal.limit if judged else None)
        yield Row(goal=goal, values=row.values)


def _row(name: str, values: Mapping[str, float], *, limit: float | None = None, unit: str = "", reference: str = "") -> Row:
    return Row(goal=Goal(name=name, part="", limit=limit, unit=unit, reference=reference), values=values)


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
                chain: 1e3 * nanmedian([
                    metrics.lag(clips[k].raw.t, clips[k].raw.group(group), series[k].t, series[k].group(group), band=band)
                    for k in moving
                ])
                for chain, series in outs.items()
            }  # fmt: skip
            yield _row(f"{group}: {what}", values, unit="ms")


def nanmedian(values: Sequence[float]) -> float:
    """The median of what could be measured; NaN when nothing could."""
    known = [value for value in values if math.isfinite(value)]
    return float(np.median(known)) if known else math.nan


# --- peaks --------------------------------------------------------------------------------------------------------------


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
