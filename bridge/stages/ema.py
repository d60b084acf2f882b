"""The exponential moving average: the same delay at rest and in motion, at any frame rate the same.

::

    y += (1 - exp(-dt / tau)) * (x - y)
"""

from __future__ import annotations

import numpy as np

from bridge.types import Float64Array


class Ema:
    """The filter's arithmetic for N channels, on errors instead of values, so that rotations can use it as well.

    ``time_constant_s``: tau (N,), seconds > 0; an output is 63 % of the way there after it. Engine thread; the arrays inside are
    reused.
    """

    def __init__(self, *, time_constant_s: Float64Array) -> None:
        self.size = len(time_constant_s)
        self._rate = -1.0 / time_constant_s
        self._a = np.empty(self.size)

    def reset(self) -> None:
        """There is nothing to forget."""

    def advance(self, error: Float64Array, step: Float64Array, dt: float) -> Float64Array:  # noqa: ARG002 - as its siblings
        """How far the output moves: ``a * error`` (N,), valid until the next call. ``error`` is input minus output, ``dt``
        seconds > 0 since the sample before."""
        a = self._a
        np.multiply(self._rate, dt, out=a)
        np.expm1(a, out=a)
        np.negative(a, out=a)
        return np.multiply(a, error, out=a)
