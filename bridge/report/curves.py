"""The points of a report's plots: as many as a page can carry, peaks kept, as small integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bridge.report.figures import Plain
from bridge.report.take import NAMES, Take
from bridge.types import CHANNELS, Float64Array

Packed: TypeAlias = list[int | None] | int | None

MOST_POINTS = 6000
"""Of one curve. What is longer keeps the lowest and the highest value of each of half as many stretches of time."""
SCALE_WEIGHT, SCALE_OTHER = 10_000, 100
"""Units of the integers: 0.0001 for coefficients, 0.01 ° or cm for the rest."""


def curves(take: Take) -> Plain:
    """``t`` in ms and ``series`` name -> {scale, raw, final}; each list holds differences from the value before, None is a gap.

    A curve that never changes is a single number; what is not known is None.
    """
    t = take.t - take.t[0]
    edges = _edges(len(t))
    times = t if edges is None else np.repeat(t[edges[:-1]], 2)
    if edges is not None:  # lowest and highest stand at a quarter and three quarters of their stretch
        width = np.diff(np.append(t[edges[:-1]], t[-1]))
        times = times + np.stack([0.25 * width, 0.75 * width], axis=1).ravel()
    series: Plain = {}
    for i, name in enumerate(NAMES):
        scale = SCALE_WEIGHT if i < CHANNELS else SCALE_OTHER
        series[name] = {
            "scale": scale,
            "raw": None if take.raw is None else _packed(take.raw[:, i].astype(np.float64), edges, scale),
            "final": _packed(take.final[:, i].astype(np.float64), edges, scale),
        }
    return {"thinned": edges is not None, "t_ms": _differences((1e3 * times).round().tolist()), "series": series}


def _edges(count: int) -> NDArray[np.intp] | None:
    """Where the stretches begin, and the end; None when every sample fits."""
    if count <= MOST_POINTS:
        return None
    return np.linspace(0, count, MOST_POINTS // 2 + 1).astype(np.intp)


def _packed(x: Float64Array, edges: NDArray[np.intp] | None, scale: int) -> Packed:
    if edges is not None:
        low = np.fmin.reduceat(x, edges[:-1])
        high = np.fmax.reduceat(x, edges[:-1])
        x = np.stack([low, high], axis=1).ravel()
    units = np.round(x * scale)
    known = units[~np.isnan(units)]
    if not len(known):
        return None
    if len(known) == len(units) and bool((known == known[0]).all()):
        return int(known[0])
    return _differences([None if np.isnan(unit) else unit for unit in units.tolist()])


def _differences(values: Sequence[float | None]) -> list[int | None]:
    last = 0
    packed: list[int | None] = []
    for value in values:
        if value is None:
            packed.append(None)
        else:
            packed.append(int(value) - last)
            last = int(value)
    return packed


def unpacked(packed: Packed, scale: int, count: int) -> list[float | None]:
    """The values again; what the page's own script does."""
    if packed is None:
        return [None] * count
    if isinstance(packed, int):
        return [packed / scale] * count
    last = 0
    values: list[float | None] = []
    for difference in packed:
        if difference is None:
            values.append(None)
        else:
            last += difference
            values.append(last / scale)
    return values
