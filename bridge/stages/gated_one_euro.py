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
_STEP_WEIGHTS = np.array([1.0, -1.0, 3.0, -3.0])
"""Of the newest step, the oldest, the second oldest, the second newest: d4 x as a sum of d1 x."""
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
        self.size = size = len(beta)
        self._min_cutoff_rad_s, self._beta_rad_s = 2.0 * math.pi * min_cutoff_hz, 2.0 * math.pi * beta
        self._derivative_rad_s = 2.0 * math.pi * derivative_cutoff_hz
        # Three widths that all follow the noise: k sigma, m, w sigma. Kept together, as numpy's cost is per call, not per number.
        # They are kept in range themselves, so that they never have to come back from far outside it.
        median = noise_prior * MEDIAN_PER_SIGMA
        self._prior = np.array([dead_zone * noise_prior, median, np.maximum(knee, _SHARPEST) * noise_prior])
        self._narrowest, self._widest = (self._prior.ravel() * limit for limit in NOISE_RANGE)
        self._widths = self._prior.copy()
        self._flat_widths = self._widths.ravel()
        self._zone_and_median, self._knee = self._flat_widths[: 2 * size], self._widths[2]
        # The smoothed error, and the fourth difference of the input: how far each is off 0, and beyond zone and median.
        self._signed, self._beyond = np.zeros(2 * size), np.zeros(2 * size)
        self._error, self._fourth = self._signed[:size], self._signed[size:]
        self._beyond_zone, self._beyond_median = self._beyond[:size], self._beyond[size:]
        # The last four steps of the input, the newest in turn in each row; the fourth difference is a weighted sum of them.
        self._steps = np.zeros((_ORDER, size))
        self._step_rows = tuple(self._steps)
        self._weights_of_steps = tuple(np.roll(_STEP_WEIGHTS, newest) for newest in range(_ORDER))
        self._samples = 0
        self._rate = np.empty(())  # an array, because a float would be made one in every call
        self._zero, self._a, self._b = np.zeros(size), np.empty(size), np.empty(size)
        # exp(+-g) = cosh g +- sinh g: an addition per frame instead of an exponential.
        self._learn, self._follow = (
            (np.full(size, math.cosh(gain)), np.full(size, math.sinh(gain))) for gain in (_LEARN_GAIN, _FOLLOW_GAIN)
        )

    def reset(self) -> None:
        """Forgets the past and the measured noise."""
        self._samples = 0
        self._error[:] = 0.0
        self._widths[:] = self._prior

    @property
    def noise(self) -> Float64Array:
        """The measured sigma per channel (N,)."""
        sigma: Float64Array = self._widths[1] / MEDIAN_PER_SIGMA
        return sigma

    def advance(self, error: Float64Array, step: Float64Array, dt: float) -> Float64Array:
        """How far the output moves: ``a * error`` (N,), valid until the next call. ``error`` is input minus output, ``step`` how
        far the input moved since the sample before, ``dt`` seconds > 0 since then."""
        rate, smoothed, a, b = self._rate, self._error, self._a, self._b
        rate.fill(1.0 / dt)
        np.add(self._derivative_rad_s, rate, b)  # r / (1 + r) with both sides divided by dt
        np.divide(self._derivative_rad_s, b, b)
        np.subtract(error, smoothed, a)
        np.multiply(a, b, a)
        np.add(smoothed, a, smoothed)
        newest = self._samples % _ORDER
        self._step_rows[newest][:] = step
        self._weights_of_steps[newest].dot(self._steps, self._fourth)
        np.abs(self._signed, self._beyond)
        np.subtract(self._beyond, self._zone_and_median, self._beyond)
        v = self._beyond_zone
        np.maximum(v, self._zero, out=v)
        np.add(v, self._knee, b)
        np.multiply(v, v, a)
        np.divide(a, b, a)
        np.multiply(a, self._beta_rad_s, a)
        np.add(a, self._min_cutoff_rad_s, a)
        np.add(a, rate, b)
        np.divide(a, b, a)
        self._samples += 1
        if self._samples >= _ORDER:
            self._measure()
        return np.multiply(a, error, a)

    def _measure(self) -> None:
        """Lets the noise level follow one more sample of the input."""
        change, widths = self._b, self._flat_widths
        middle, either = self._learn if self._samples < _ORDER + _LEARN_FRAMES else self._follow
        np.copysign(either, self._beyond_median, change)
        np.add(change, middle, change)
        np.multiply(self._widths, change, self._widths)
        np.maximum(widths, self._narrowest, out=widths)
        np.minimum(widths, self._widest, out=widths)
