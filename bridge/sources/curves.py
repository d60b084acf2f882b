"""Periodic keyframe curves: smooth, and never beyond their keys. Pure; any thread."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from bridge.types import Float64Array, frozen_array

Key: TypeAlias = tuple[float, float]
"""(time in seconds, value)."""


class CurveSet:
    """Many curves with one period, evaluated together.

    Each is a piecewise cubic through its keys with the slopes of Fritsch and Butland (SIAM J. Sci. Stat. Comput., 1984), known as
    PCHIP: monotone between keys, flat at each turning point. So every key that is an extreme eases in and out by itself, a held
    value stays held, and an overshoot is there only where a key says so. Value and slope are continuous, across the seam too.
    """

    def __init__(self, curves: Mapping[str, Sequence[Key]], *, period_s: float) -> None:
        """Keys of a curve: at least one, times rising, all in [0, period). Raises ValueError that names the curve."""
        self.names = tuple(curves)
        self.period_s = period_s
        pieces = [_pieces(name, keys, period_s) for name, keys in curves.items()]
        # One table for all: at each time where any curve changes its piece, the cubics of all curves from there on. So a moment
        # needs one search and one row, whatever the number of curves.
        breaks = np.unique(np.concatenate([[0.0], *(times for times, _ in pieces)]))
        table = np.stack([_from_each(breaks, *piece) for piece in pieces], axis=2)
        self._breaks: list[float] = breaks.tolist()
        self._table = frozen_array(np.ascontiguousarray(table))

    def at(self, t_s: float) -> Float64Array:
        """The values at any time, in the order of ``names``: float64 (len(names),)."""
        t = t_s % self.period_s
        row = bisect.bisect_right(self._breaks, t) - 1
        d, c, b, a = self._table[row]
        u = t - self._breaks[row]
        values: Float64Array = ((a * u + b) * u + c) * u + d
        return values


def _from_each(breaks: Float64Array, times: Float64Array, cubics: Float64Array) -> Float64Array:
    """The cubics (start, d, c, b, a) that hold from each of ``breaks`` on, written around it: (len(breaks), 4)."""
    start, d, c, b, a = cubics[np.searchsorted(times, breaks, side="right")].T
    u = breaks - start
    return np.stack([((a * u + b) * u + c) * u + d, (3.0 * a * u + 2.0 * b) * u + c, 3.0 * a * u + b, a], axis=1)


def _pieces(name: str, keys: Sequence[Key], period_s: float) -> tuple[Float64Array, Float64Array]:
    """The times of the keys, and a row (start, d, c, b, a) for the piece before, between and after them."""
    times = np.array([key[0] for key in keys], dtype=np.float64)
    values = np.array([key[1] for key in keys], dtype=np.float64)
    if not (len(times) and np.isfinite(times).all() and np.isfinite(values).all()):
        raise ValueError(f"{name}: keys are missing or not finite")
    if times[0] < 0.0 or times[-1] >= period_s:
        raise ValueError(f"{name}: its keys must lie from 0 to below {period_s} s, not at {times[0]} or {times[-1]}")
    if (np.diff(times) <= 0.0).any():
        raise ValueError(f"{name}: its keys must follow each other in time: look at {times[1:][np.diff(times) <= 0.0].tolist()}")
    # Three periods, of which the middle one is kept: the seam is then a place like any other.
    t = np.concatenate([times - period_s, times, times + period_s])
    v = np.tile(values, 3)
    h = np.diff(t)
    secant = np.diff(v) / h
    slope = np.zeros(len(t))
    slope[1:-1] = _slopes(h, secant)
    count = len(times)
    middle = slice(count - 1, 2 * count)  # from the last key of the period before to the last key of this one
    h, secant, d, c, after = h[middle], secant[middle], v[:-1][middle], slope[:-1][middle], slope[1:][middle]
    b = (3.0 * secant - 2.0 * c - after) / h
    a = (c + after - 2.0 * secant) / (h * h)
    return times, np.stack([t[:-1][middle], d, c, b, a], axis=1)


def _slopes(h: Float64Array, secant: Float64Array) -> Float64Array:
    """Slopes at the inner keys: the weighted harmonic mean of the secants where they agree in sign, else 0."""
    before, after = secant[:-1], secant[1:]
    w1, w2 = 2.0 * h[1:] + h[:-1], h[1:] + 2.0 * h[:-1]
    turning = before * after <= 0.0
    safe_before, safe_after = np.where(turning, 1.0, before), np.where(turning, 1.0, after)
    return np.where(turning, 0.0, (w1 + w2) / (w1 / safe_before + w2 / safe_after))
