"""One filter for a whole face: the 52 weights, the head's rotation and its position go through it together.

Which filter it is, its ``Response`` says (``gated_one_euro``, ``one_euro``, ``ema``). Engine thread; the arrays inside are
reused, what leaves is copied.
"""

from __future__ import annotations

import math
from typing import Protocol, TypeAlias

import numpy as np

from bridge.types import CHANNELS, IDENTITY_HEAD, ZERO_WEIGHTS, Float32Array, Float64Array, HeadPose, frozen_array

RESET_GAP_S = 0.5
"""Longer without a sample, and the past says nothing any more."""
_SHORTEST_S = 1e-6
"""Samples closer than this are one sample: there is no speed to be had from them."""
POSE_CHANNELS = 6
"""Rotation about the camera's x, y, z in degrees, then position x, y, z in centimetres."""

_Pose: TypeAlias = tuple[float, float, float, float, float, float, float]
"""Position in metres, then the quaternion x, y, z, w."""
_REST_POSE: _Pose = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


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
        self._pose, self._pose_input = _REST_POSE, _REST_POSE
        """Of the head's output, and of its last input, while there is a head."""
        # What all channels moved so far, added up in one go: of the weights that is the output; the pose has its own.
        self._moves = np.zeros(response.size)
        self._weights = self._moves[:CHANNELS]
        self._weights_input, self._spare = np.zeros(CHANNELS), np.zeros(CHANNELS)
        # Differences: output to input; and from the last input to this one.
        self._error, self._step = np.zeros(response.size), np.zeros(response.size)
        self._error_weights, self._error_pose = self._error[:CHANNELS], self._error[CHANNELS:]
        self._step_weights, self._step_pose = self._step[:CHANNELS], self._step[CHANNELS:]

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
        pose = None if head is None else _pose_of(head)
        if not _is_finite(weights, pose):
            return (ZERO_WEIGHTS, IDENTITY_HEAD) if last is None else self._output()
        if last is None or t - last > RESET_GAP_S:
            self._begin(weights, head, t)
            return weights, head
        if not t - last >= _SHORTEST_S:
            return self._output()
        self._t = t
        now, before = self._spare, self._weights_input
        now[:] = weights  # float64 once, instead of in each subtraction
        np.subtract(now, self._weights, self._error_weights)
        np.subtract(now, before, self._step_weights)
        self._weights_input, self._spare = now, before
        if pose is not None and self._head is not None:
            self._error_pose[:] = _difference(self._pose, pose)
            self._step_pose[:] = _difference(self._pose_input, pose)
            move = self._response.advance(self._error, self._step, t - last)
            self._pose = _moved(self._pose, move[CHANNELS:].tolist())
            self._pose_input = pose
            self._head = _head_of(self._pose)
        else:
            self._error_pose[:] = self._step_pose[:] = 0.0
            move = self._response.advance(self._error, self._step, t - last)
            self._begin_head(head)
        np.add(self._moves, move, self._moves)
        return self._output()

    def _begin(self, weights: Float32Array, head: HeadPose | None, t: float) -> None:
        self._response.reset()
        self._t = t
        self._moves[CHANNELS:] = 0.0
        self._weights[:] = self._weights_input[:] = weights
        self._begin_head(head)

    def _begin_head(self, head: HeadPose | None) -> None:
        self._head = head
        if head is not None:
            self._pose = self._pose_input = _pose_of(head)

    def _output(self) -> tuple[Float32Array, HeadPose | None]:
        return frozen_array(self._weights.astype(np.float32)), self._head


# Plain floats: for so few numbers each numpy call costs more than the arithmetic, and this runs with every frame.


def _pose_of(head: HeadPose) -> _Pose:
    px, py, pz = head.position_m.tolist()
    x, y, z, w = head.quat_xyzw.tolist()
    return px, py, pz, x, y, z, w


def _head_of(pose: _Pose) -> HeadPose:
    both = frozen_array(np.array(pose))
    return HeadPose(position_m=both[:3], quat_xyzw=both[3:])


def _is_finite(weights: Float32Array, pose: _Pose | None) -> bool:
    total = float(weights.dot(weights))
    if pose is not None:
        px, py, pz, x, y, z, w = pose
        total += px * px + py * py + pz * pz + x * x + y * y + z * z + w * w
    return math.isfinite(total)


def _difference(start: _Pose, end: _Pose) -> tuple[float, float, float, float, float, float]:
    """What leads from ``start`` to ``end``: the rotation vector of ``end * start^-1`` in degrees, then centimetres."""
    px, py, pz, ax, ay, az, aw = end
    qx, qy, qz, bx, by, bz, bw = start
    x = ax * bw - aw * bx - ay * bz + az * by
    y = ay * bw - aw * by - az * bx + ax * bz
    z = az * bw - aw * bz - ax * by + ay * bx
    w = aw * bw + ax * bx + ay * by + az * bz
    sine = math.sqrt(x * x + y * y + z * z)
    k = 2.0 if sine < 1e-9 else 2.0 * math.atan2(sine, abs(w)) / sine
    k = math.degrees(-k if w < 0.0 else k)
    return x * k, y * k, z * k, 100.0 * (px - qx), 100.0 * (py - qy), 100.0 * (pz - qz)


def _moved(start: _Pose, move: list[float]) -> _Pose:
    """``start``, moved on by what ``_difference`` calls a difference."""
    rx, ry, rz, dx, dy, dz = move
    px, py, pz, bx, by, bz, bw = start
    angle = math.radians(math.sqrt(rx * rx + ry * ry + rz * rz))
    k = math.radians(0.5 if angle < 1e-6 else math.sin(0.5 * angle) / angle)
    ax, ay, az, aw = rx * k, ry * k, rz * k, math.cos(0.5 * angle)
    x = aw * bx + ax * bw + ay * bz - az * by
    y = aw * by - ax * bz + ay * bw + az * bx
    z = aw * bz + ax * by - ay * bx + az * bw
    w = aw * bw - ax * bx - ay * by - az * bz
    scale = math.copysign(1.0 / math.sqrt(x * x + y * y + z * z + w * w), w)
    return px + 0.01 * dx, py + 0.01 * dy, pz + 0.01 * dz, x * scale, y * scale, z * scale, w * scale
