"""The gated One Euro filter: calm at rest, a few milliseconds late in motion, no overshoot.

A One Euro filter whose cutoff is opened by the distance between input and output instead of by speed: not at all within a dead
zone, softly beyond it, then in proportion. Zone and knee are multiples of the noise, which is measured per channel while it
runs (QUALITY.md, section 5.2, with two changes that were measured to be better, see below)::

    e   += a(dt, dc) * ((x - y) - e)              a(dt, fc) = r / (1 + r),  r = 2 pi fc dt
    v    = max(|e| - k sigma, 0)
    y   += a(dt, mc + beta v v / (v + w sigma)) * (x - y)
    m   *= exp(g sign(|d4 x| - m)),  sigma = m / 5.643,  d4 x = x[n] - 4 x[n-1] + 6 x[n-2] - 4 x[n-3] + x[n-4]

With w = 0 the third line is the published one, which needs a wide dead zone (k = 2.5) and so leaves every movement short by that
much; a knee lets k be small. ``m`` follows the median of the fourth difference, which for white noise is 5.643 sigma. It is taken
instead of the second because movement hardly shows in it: speech of 4.5 Hz at 30 frames a second weighs a quarter as much.
"""

from __future__ import annotations

import math

import numpy as np

from bridge.types import Float64Array

MEDIAN_PER_SIGMA = 5.643
"""Median of the fourth difference of white noise: 0.6745 times the root of 1 + 16 + 36 + 16 + 1."""
NOISE_RANGE = (0.2, 5.0)
"""How far the measured noise may leave its prior."""
_ORDER = 4
_LEARN_FRAMES, _LEARN_GAIN, _FOLLOW_GAIN = 30, 0.15, 0.03
_SHARPEST = 1e-6
"""The smallest knee, which keeps a channel without knee and noise from dividing by zero."""


class GatedOneEuro:
    """The filter's arithmetic for N channels, on errors instead of values, so that rotations can use it as well.

    Args (arrays of N, units of the channel): ``min_cutoff_hz``; ``beta`` in Hz per unit; ``dead_zone`` and ``knee``, k and w
    above; ``derivative_cutoff_hz``, dc; ``noise_prior``, sigma before it is measured. Engine thread; the arrays inside are
    reused.
    """

    def __init__(
        self,
        *,
        min_cutoff_hz: Float64Array,
        beta: Float64Array,
        dead_zone: Float64Array,
        knee: Float64Array,
        noise_prior: Float64Array,
        derivative_cutoff_hz: Float64Array,
    ) -> None:
        self.size = len(beta)
        self._min_cutoff_rad_s, self._beta_rad_s = 2.0 * math.pi * min_cutoff_hz, 2.0 * math.pi * beta
        self._derivative_rad_s = 2.0 * math.pi * derivative_cutoff_hz
        self._zone_per_median = dead_zone / MEDIAN_PER_SIGMA
        self._knee_per_median = np.maximum(knee, _SHARPEST) / MEDIAN_PER_SIGMA
        self._median_prior = noise_prior * MEDIAN_PER_SIGMA
        # The median itself is kept in range, so that it never has to come back from far outside it.
        self._median_min, self._median_max = (self._median_prior * limit for limit in NOISE_RANGE)
        self._zero = np.zeros(self.size)
        self._error, self._median = np.zeros(self.size), self._median_prior.copy()
        self._a, self._b = np.empty(self.size), np.empty(self.size)
        # First to third difference of the input, of this sample and of the one before.
        self._differences = np.zeros((_ORDER - 1, self.size))
        self._last_differences = np.zeros((_ORDER - 1, self.size))
        self._samples = 0

    def reset(self) -> None:
        """Forgets the past and the measured noise."""
        self._samples = 0
        self._error[:] = 0.0
        self._median[:] = self._median_prior

    @property
    def noise(self) -> Float64Array:
        """The measured sigma per channel (N,)."""
        return self._median / MEDIAN_PER_SIGMA

    def advance(self, error: Float64Array, step: Float64Array, dt: float) -> Float64Array:
        """How far the output moves: ``a * error`` (N,), valid until the next call. ``error`` is input minus output, ``step`` how
        far the input moved since the sample before, ``dt`` seconds > 0 since then."""
        a, b, smoothed = self._a, self._b, self._error
        np.add(self._derivative_rad_s, 1.0 / dt, out=b)  # r / (1 + r) with both sides divided by dt
        np.divide(self._derivative_rad_s, b, out=b)
        np.subtract(error, smoothed, out=a)
        np.multiply(a, b, out=a)
        np.add(smoothed, a, out=smoothed)
        np.abs(smoothed, out=a)
        np.multiply(self._median, self._zone_per_median, out=b)
        np.subtract(a, b, out=a)
        np.maximum(a, self._zero, out=a)
        np.multiply(self._median, self._knee_per_median, out=b)
        np.add(b, a, out=b)
        np.multiply(a, a, out=a)
        np.divide(a, b, out=a)
        np.multiply(a, self._beta_rad_s, out=a)
        np.add(a, self._min_cutoff_rad_s, out=a)
        np.add(a, 1.0 / dt, out=b)
        np.divide(a, b, out=a)
        self._measure(step)
        return np.multiply(a, error, out=a)

    def _measure(self, step: Float64Array) -> None:
        """Lets the noise level follow one more sample of the input."""
        now, last = self._differences, self._last_differences
        self._differences, self._last_differences = last, now
        now[0] = step
        self._samples += 1
        np.subtract(now[0], last[0], out=now[1])
        np.subtract(now[1], last[1], out=now[2])
        if self._samples < _ORDER:
            return
        median, change = self._median, self._b
        np.subtract(now[2], last[2], out=change)
        np.abs(change, out=change)
        np.subtract(change, median, out=change)
        np.sign(change, out=change)
        np.multiply(change, _LEARN_GAIN if self._samples < _ORDER + _LEARN_FRAMES else _FOLLOW_GAIN, out=change)
        np.exp(change, out=change)
        np.multiply(median, change, out=median)
        np.maximum(median, self._median_min, out=median)
        np.minimum(median, self._median_max, out=median)
