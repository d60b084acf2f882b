"""The One Euro filter as published: a low pass whose cutoff grows with the speed (Casiez, Roussel, Vogel, CHI 2012).

::

    s   += a(dt, dc) * ((x[n] - x[n-1]) / dt - s)    a(dt, fc) = r / (1 + r),  r = 2 pi fc dt
    y   += a(dt, mc + beta |s|) * (x - y)
"""

from __future__ import annotations

import math

import numpy as np

from bridge.types import Float64Array


class OneEuro:
    """The filter's arithmetic for N channels, on errors instead of values, so that rotations can use it as well.

    Args (arrays of N): ``min_cutoff_hz``, mc; ``beta`` in Hz per unit of speed (1, degree, centimetre a second);
    ``derivative_cutoff_hz``, dc. Engine thread; the arrays inside are reused.
    """

    def __init__(self, *, min_cutoff_hz: Float64Array, beta: Float64Array, derivative_cutoff_hz: Float64Array) -> None:
        self.size = len(beta)
        self._min_cutoff_rad_s, self._beta_rad_s = 2.0 * math.pi * min_cutoff_hz, 2.0 * math.pi * beta
        self._derivative_rad_s = 2.0 * math.pi * derivative_cutoff_hz
        self._speed = np.zeros(self.size)
        self._a, self._b = np.empty(self.size), np.empty(self.size)

    def reset(self) -> None:
        """Forgets the speed."""
        self._speed[:] = 0.0

    def advance(self, error: Float64Array, step: Float64Array, dt: float) -> Float64Array:
        """How far the output moves: ``a * error`` (N,), valid until the next call. ``error`` is input minus output, ``step`` how
        far the input moved since the sample before, ``dt`` seconds > 0 since then."""
        a, b, speed = self._a, self._b, self._speed
        rate = 1.0 / dt
        np.multiply(step, rate, out=a)
        np.subtract(a, speed, out=a)
        np.multiply(a, self._derivative_rad_s, out=a)
        np.add(self._derivative_rad_s, rate, out=b)  # r / (1 + r) with both sides divided by dt
        np.divide(a, b, out=a)
        np.add(speed, a, out=speed)
        np.abs(speed, out=a)
        np.multiply(a, self._beta_rad_s, out=a)
        np.add(a, self._min_cutoff_rad_s, out=a)
        np.add(a, rate, out=b)
        np.divide(a, b, out=a)
        return np.multiply(a, error, out=a)
