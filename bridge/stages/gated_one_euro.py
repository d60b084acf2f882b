"""The gated One Euro filter: calm at rest, a few milliseconds late in motion, no overshoot.

A One Euro filter whose cutoff is opened by the distance between input and output beyond a dead zone, instead of by speed; the
dead zone is a multiple of the noise, which is measured per channel while it runs (QUALITY.md, section 5.2)::

    e   += a(dt, dc) * ((x - y) - e)              a(dt, fc) = r / (1 + r),  r = 2 pi fc dt
    v    = max(|e| - k sigma, 0)
    y   += a(dt, mc + beta v) * (x - y)
    m   *= exp(g sign(|x[n] - 2 x[n-1] + x[n-2]| - m)),  sigma = m / 1.652

``m`` follows the median of the second difference, which for white noise is 1.652 sigma. All channels go through numpy together.
Engine thread; the arrays inside are reused, what leaves is copied.
"""

from __future__ import annotations

import math

import numpy as np

from bridge.types import CHANNELS, IDENTITY_HEAD, ZERO_WEIGHTS, Float32Array, Float64Array, HeadPose, frozen_array

RESET_GAP_S = 0.5
"""Longer without a sample, and the past says nothing any more."""
POSE_CHANNELS = 6
"""Rotation about the camera's x, y, z in degrees, then position x, y, z in centimetres."""
_MEDIAN_PER_SIGMA = 1.652
_NOISE_RANGE = (0.2, 4.0)
"""How far the measured noise may leave its prior."""
_LEARN_FRAMES, _LEARN_GAIN, _FOLLOW_GAIN = 30, 0.15, 0.03


class Gate:
    """The filter's arithmetic for N channels, on errors instead of values, so that rotations can use it as well.

    Args (arrays of N, units of the channel): ``min_cutoff_hz``; ``beta`` in Hz per unit; ``dead_zone``, the k above;
    ``noise_prior``, sigma before it is measured. ``derivative_cutoff_hz`` is the dc above.
    """

    def __init__(
        self,
        *,
        min_cutoff_hz: Float64Array,
        beta: Float64Array,
        dead_zone: Float64Array,
        noise_prior: Float64Array,
        derivative_cutoff_hz: float,
    ) -> None:
        self.size = len(beta)
        self._min_cutoff_rad_s, self._beta_rad_s = 2.0 * math.pi * min_cutoff_hz, 2.0 * math.pi * beta
        self._derivative_rad_s = 2.0 * math.pi * derivative_cutoff_hz
        self._zone_per_median = dead_zone / _MEDIAN_PER_SIGMA
        self._median_prior = noise_prior * _MEDIAN_PER_SIGMA
        # The median itself is kept in range, so that it never has to come back from far outside it.
        self._median_min, self._median_max = (self._median_prior * limit for limit in _NOISE_RANGE)
        self._zero = np.zeros(self.size)
        self._error, self._median = np.zeros(self.size), self._median_prior.copy()
        self._a, self._b = np.empty(self.size), np.empty(self.size)
        self._learnt = 0

    def reset(self) -> None:
        """Forgets the past and the measured noise."""
        self._learnt = 0
        self._error[:] = 0.0
        self._median[:] = self._median_prior

    @property
    def noise(self) -> Float64Array:
        """The measured sigma per channel (N,)."""
        return self._median / _MEDIAN_PER_SIGMA

    def advance(self, error: Float64Array, dt: float) -> Float64Array:
        """How far the output moves: ``a * error`` (N,), valid until the next call. ``error`` is input minus output."""
        a, b, smoothed = self._a, self._b, self._error
        gain = self._derivative_rad_s * dt
        np.subtract(error, smoothed, out=a)
        np.multiply(a, gain / (1.0 + gain), out=a)
        np.add(smoothed, a, out=smoothed)
        np.abs(smoothed, out=a)
        np.multiply(self._median, self._zone_per_median, out=b)
        np.subtract(a, b, out=a)
        np.maximum(a, self._zero, out=a)
        np.multiply(a, self._beta_rad_s, out=a)
        np.add(a, self._min_cutoff_rad_s, out=a)
        np.add(a, 1.0 / dt, out=b)  # r / (1 + r) with both sides divided by dt
        np.divide(a, b, out=a)
        return np.multiply(a, error, out=a)

    def measure(self, second_difference: Float64Array) -> None:
        """Lets the noise level follow one more second difference of the input (N,); overwrites that array."""
        gain = _LEARN_GAIN if self._learnt < _LEARN_FRAMES else _FOLLOW_GAIN
        self._learnt += 1
        median, change = self._median, second_difference
        np.abs(change, out=change)
        np.subtract(change, median, out=change)
        np.sign(change, out=change)
        np.multiply(change, gain, out=change)
        np.exp(change, out=change)
        np.multiply(median, change, out=median)
        np.maximum(median, self._median_min, out=median)
        np.minimum(median, self._median_max, out=median)


class FaceFilter:
    """Filters the 52 weights and the head's pose, in one go because numpy's cost is per call.

    The head's error is the rotation that leads from the output to the input, about the camera's axes: so there is no angle at
    which it breaks, and the sign of a quaternion does not matter.
    """

    def __init__(self, gate: Gate) -> None:
        """``gate`` has 52 + ``POSE_CHANNELS`` channels."""
        self._gate = gate
        self._t: float | None = None
        self._samples = 0
        self._head: HeadPose | None = None
        self._head_input: HeadPose | None = None
        self._weights, self._weights_input = np.zeros(CHANNELS), np.zeros(CHANNELS)
        # Differences: input to output; and between the last two inputs, this time and last time.
        self._error, self._step, self._last_step = (np.zeros(gate.size) for _ in range(3))

    def reset(self) -> None:
        """The next sample passes through."""
        self._t = None
        self._gate.reset()

    def filter(self, weights: Float32Array, head: HeadPose | None, t: float) -> tuple[Float32Array, HeadPose | None]:
        """The filtered weights, float32 (52,), between the smallest and the largest so far, and the filtered head.

        ``t`` seconds. The first sample and one after a long gap pass through (the same objects); a sample that is not later than
        the last, or not finite, changes nothing and gets the previous output. A head that was not there before passes through.
        """
        last = self._t
        if not _is_finite(weights, head):
            return (ZERO_WEIGHTS, IDENTITY_HEAD) if last is None else self._output()
        if last is None or t - last > RESET_GAP_S:
            self._begin(weights, head, t)
            return weights, head
        if not t > last:
            return self._output()
        self._t = t
        error, step = self._error, self._step
        np.subtract(weights, self._weights, out=error[:CHANNELS])
        np.subtract(weights, self._weights_input, out=step[:CHANNELS])
        self._weights_input[:] = weights
        start, start_input = self._head, self._head_input
        if head is None or start is None or start_input is None:
            error[CHANNELS:] = step[CHANNELS:] = 0.0
            self._head, move = head, self._gate.advance(error, t - last)
        else:
            _difference(start, head, out=error[CHANNELS:])
            _difference(start_input, head, out=step[CHANNELS:])
            move = self._gate.advance(error, t - last)
            self._head = _moved(start, move[CHANNELS:])
        self._head_input = head
        np.add(self._weights, move[:CHANNELS], out=self._weights)
        if self._samples >= 2:
            self._gate.measure(np.subtract(step, self._last_step, out=error))
        self._samples += 1
        self._step, self._last_step = self._last_step, step
        return self._output()

    def _begin(self, weights: Float32Array, head: HeadPose | None, t: float) -> None:
        self._gate.reset()
        self._t = t
        self._samples = 1
        self._weights[:] = self._weights_input[:] = weights
        self._head = self._head_input = head

    def _output(self) -> tuple[Float32Array, HeadPose | None]:
        return frozen_array(self._weights.astype(np.float32)), self._head


def _is_finite(weights: Float32Array, head: HeadPose | None) -> bool:
    total = float(weights.dot(weights))
    if head is not None:
        total += float(head.quat_xyzw.dot(head.quat_xyzw)) + float(head.position_m.dot(head.position_m))
    return math.isfinite(total)


# Plain floats: for so few numbers each numpy call costs more than the arithmetic, and this runs with every frame.


def _difference(start: HeadPose, end: HeadPose, *, out: Float64Array) -> None:
    """What leads from ``start`` to ``end``: the rotation vector of ``end * start^-1`` in degrees, then centimetres."""
    ax, ay, az, aw = end.quat_xyzw.tolist()
    bx, by, bz, bw = start.quat_xyzw.tolist()
    x = ax * bw - aw * bx - ay * bz + az * by
    y = ay * bw - aw * by - az * bx + ax * bz
    z = az * bw - aw * bz - ax * by + ay * bx
    w = aw * bw + ax * bx + ay * by + az * bz
    sine = math.sqrt(x * x + y * y + z * z)
    k = 2.0 if sine < 1e-9 else 2.0 * math.atan2(sine, abs(w)) / sine
    k = math.degrees(-k if w < 0.0 else k)
    px, py, pz = end.position_m.tolist()
    qx, qy, qz = start.position_m.tolist()
    out[:] = (x * k, y * k, z * k, 100.0 * (px - qx), 100.0 * (py - qy), 100.0 * (pz - qz))


def _moved(start: HeadPose, move: Float64Array) -> HeadPose:
    """``start``, moved on by what ``_difference`` calls a difference."""
    rx, ry, rz, dx, dy, dz = move.tolist()
    angle = math.radians(math.sqrt(rx * rx + ry * ry + rz * rz))
    k = math.radians(0.5 if angle < 1e-6 else math.sin(0.5 * angle) / angle)
    ax, ay, az, aw = rx * k, ry * k, rz * k, math.cos(0.5 * angle)
    bx, by, bz, bw = start.quat_xyzw.tolist()
    x = aw * bx + ax * bw + ay * bz - az * by
    y = aw * by - ax * bz + ay * bw + az * bx
    z = aw * bz + ax * by - ay * bx + az * bw
    w = aw * bw - ax * bx - ay * by - az * bz
    scale = math.copysign(1.0 / math.sqrt(x * x + y * y + z * z + w * w), w)
    px, py, pz = start.position_m.tolist()
    return HeadPose(
        position_m=frozen_array(np.array((px + 0.01 * dx, py + 0.01 * dy, pz + 0.01 * dz))),
        quat_xyzw=frozen_array(np.array((x * scale, y * scale, z * scale, w * scale))),
    )
