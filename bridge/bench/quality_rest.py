"""The part ``rest``: what is left of the tracker's noise when nobody moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bridge.bench import quality_metrics as metrics
from bridge.bench import quality_motion as motions
from bridge.bench.quality_chains import Chain
from bridge.bench.quality_goals import Goal, Row
from bridge.bench.quality_series import FACE_GROUPS, GROUPS, Series, results_of_series, series_of_results
from bridge.types import Float64Array, TrackResult

SETTLED_S = 2.0
"""So long a filter may take to learn the noise."""

LIMITS = {
    "good": dict.fromkeys(GROUPS, 0.10),
    "typ": dict.fromkeys(GROUPS, 0.10),
    "dim": dict.fromkeys(GROUPS, 0.25) | {"mouth": 0.30},
}
"""Level of light -> group -> rest jitter over raw."""
_REFERENCE = {"good": ".033-.062", "typ": ".033-.062", "dim": ".05-.24"}
_ABSOLUTE = {
    "eyelids": 0.003,
    "gaze": 0.0035,
    "brows": 0.003,
    "mouth": 0.003,
    "jaw": 0.0006,
    "rotation": 0.05,
    "translation": 0.010,
}
_ABSOLUTE_REFERENCE = {"rotation": ".028", "translation": ".005"}
_UNITS = {"rotation": "deg", "translation": "cm"}
_SEEDS = (11, 12, 13)


def static_gain(run: Chain, face: Series, group: str) -> Float64Array:
    """What a chain multiplies a group's channels by (C,): two levels of the still ``face`` (its first moment), 2.5 s each.

    Calibration is no jitter: the rest jitter is divided by this (QUALITY.md, section 4). 1 for the head, and within 0.5..4.
    """
    channels = face.group(group).shape[1]
    if group not in FACE_GROUPS:
        return np.ones(channels)
    levels = []
    for raised in (0.15, 0.25):
        t = np.arange(0.0, 5.0, 1.0 / 30.0)
        still = Series(
            t=t,
            live=np.ones(len(t), dtype=np.bool_),
            weights=np.clip(face.weights[0] + raised * (t > 2.5)[:, None], 0.0, 1.0),
            pose=np.repeat(face.pose[:1], len(t), axis=0),
        )
        levels.append(run(results_of_series(still)).group(group)[-1])
    gain: Float64Array = np.clip((levels[1] - levels[0]) / 0.1, 0.5, 4.0)
    return gain


Still = tuple[Sequence[TrackResult], Sequence[TrackResult]]
"""The same still twice: as seen by an unfiltered tracker, and as the chains are fed."""


def jitter(stills: Sequence[Still], run: Chain) -> tuple[dict[str, float], dict[str, float]]:
    """Of every group, pooled over the stills: rest jitter over raw, and the RMS second difference itself."""
    power: dict[str, list[tuple[float, float]]] = {group: [] for group in GROUPS}
    for raw_results, fed in stills:
        raw, out = (_settled(series) for series in (series_of_results(raw_results), run(fed)))
        mean = replace(raw, weights=raw.weights.mean(axis=0)[None], pose=raw.pose.mean(axis=0)[None])
        for group in GROUPS:
            gain = static_gain(run, mean, group)
            power[group].append(
                (
                    metrics.pooled(metrics.second_difference_rms(out.group(group)), gain),
                    metrics.pooled(metrics.second_difference_rms(raw.group(group))),
                )
            )
    rms = {group: np.sqrt(np.mean(np.square(pairs), axis=0)).tolist() for group, pairs in power.items()}
    return {group: out / raw for group, (out, raw) in rms.items()}, {group: out for group, (out, _) in rms.items()}


def _settled(series: Series) -> Series:
    return series.cut(series.t >= series.t[0] + SETTLED_S)


def rest_rows(
    part: str, what: str, level: str, stills: Sequence[Still], chains: Mapping[str, Chain], *, absolute: bool, judged: bool = True
) -> Iterator[Row]:
    """A row for every group; ``absolute`` adds the second differences themselves. The yardsticks get the unfiltered tracker."""
    unfiltered = [(raw, raw) for raw, _ in stills]
    found = {chain: jitter(stills if chain == "bridge" else unfiltered, run) for chain, run in chains.items()}

    def row(group: str, figure: int, limit: float, unit: str, reference: str) -> Row:
        name = f"{what}, {level}, {group}: {('jitter / raw', 'second difference')[figure]}"
        goal = Goal(name=name, part=part, limit=limit if judged else None, unit=unit, reference=reference)
        return Row(goal=goal, values={chain: figures[figure][group] for chain, figures in found.items()})

    for group in GROUPS:
        yield row(group, 0, LIMITS[level][group], "", _REFERENCE[level])
    for group in GROUPS if absolute else ():
        yield row(group, 1, _ABSOLUTE[group], _UNITS.get(group, ""), _ABSOLUTE_REFERENCE.get(group, ".001-.002"))


def measure_rest(chains: Mapping[str, Chain]) -> Iterator[Row]:
    """A still face with white noise as of an unfiltered tracker, in three kinds of light."""
    for level, noise in motions.NOISE_LEVELS.items():
        takes = [motions.take(motions.REST, noise=noise, seed=seed) for seed in _SEEDS]
        stills = [(take.results, take.results) for take in takes]
        yield from rest_rows("rest", "noise", level, stills, chains, absolute=level == "typ")
