"""One filter for a whole face: the 52 weights, the head's rotation and its position go through it together.

Which filter it is, its ``Response`` says (``gated_one_euro``, ``one_euro``, ``ema``). Engine thread; the arrays inside are
reused, what leaves is copied.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from bridge.types import CHANNELS, IDENTITY_HEAD, ZERO_WEIGHTS, Float32Array, Float64Array, HeadPose, frozen_array

RESET_GAP_S = 0.5
"""Longer without a sample, and the past says nothing any more."""
_SHORTEST_S = 1e-6
"""Samples closer than this are one sample: there is no speed to be had from them."""
POSE_CHANNELS = 6
"""Rotation about the camera's x, y, z in degrees, then position x, y, z in centimetres."""


class Response(Protocol):
    """How a filter answers, for all channels at once."""

    @property
    def size(self) -> int:
        """Number of channels."""
        ...

    def reset(self) -> None:
        """Forgets the past."""
        ...

    def advance(self, error: Float64Array, step: Float64Array, dt: float) -> Float64Array:
        """How far the output moves (N,): a share from 0 to 1 of ``error``, input minus output. ``step``: how far the input moved
        since the sample before, ``dt`` seconds > 0 ago. Valid until the next call; the arguments may not be kept."""
        ...


class FaceFilter:
    """Filters the 52 weights and the head's pose, in one go because numpy's cost is per call.

    The head's error is the rotation that leads from the output to the input, about the camera's axes: so there is no angle at
    which it breaks, and the sign of a quaternion does not matter.
    """

    def __init__(self, response: Response) -> None:
        """``response`` has 52 + ``POSE_CHANNELS`` channels."""
        self._response = response
        self._t: float | None = None
        self._head: HeadPose | None = None
        self._head_input: HeadPose | None = None
        self._weights, self._weights_input = np.zeros(CHANNELS), np.zeros(CHANNELS)
        # Differences: output to input; and from the last input to this one.
        self._error, self._step = np.zeros(response.size), np.zeros(response.size)

    def reset(self) -> None:
        """The next sample passes through."""
        self._t = None
        self._response.reset()

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
        if not t - last >= _SHORTEST_S:
            return self._output()
        self._t = t
        error, step = self._error, self._step
        np.subtract(weights, self._weights, out=error[:CHANNELS])
        np.subtract(weights, self._weights_input, out=step[:CHANNELS])
        self._weights_input[:] = weights
        start, start_input = self._head, self._head_input
        if head is None or start is None or start_input is None:
            error[CHANNELS:] = step[CHANNELS:] = 0.0
            self._head, move = head, self._response.advance(error, step, t - last)
        else:
            _difference(start, head, out=error[CHANNELS:])
            _difference(start_input, head, out=step[CHANNELS:])
            move = self._response.advance(error, step, t - last)
            self._head = _moved(start, move[CHANNELS:])
        self._head_input = head
        np.add(self._weights, move[:CHANNELS], out=self._weights)
        return self._output()

    def _begin(self, weights: Float32Array, head: HeadPose | None, t: float) -> None:
        self._response.reset()
        self._t = t
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
