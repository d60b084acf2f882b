"""Sideways gaze from the irises: linear in the angle, where the eyeLook coefficients saturate (QUALITY.md, section 6.4). Pure."""

from __future__ import annotations

import math

from bridge.types import Float32Array

_RIGHT = (468, 33, 133)
"""Middle of the iris, outer and inner corner of the subject's own right eye in MediaPipe's mesh."""
_LEFT = (473, 263, 362)
_POINTS = [*_RIGHT, *_LEFT]
_LEAST_WIDTH = 1e-4


_REST_HZ, _HZ_PER_UNIT, _DEAD_ZONE = 0.3, 400.0, 0.02
"""Of ``IrisFilter``, in coefficients: iris landmarks are as noisy as the eyeLook coefficients, about 0.01 without any filter."""
_GAP_S = 0.5


class IrisFilter:
    """Calm while the eye rests, at once when it moves: a low pass that distance beyond a dead zone opens. Engine thread."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The next value passes."""
        self._t = -math.inf
        self._value = 0.0

    def value(self, otherwise: float) -> float:
        """What was shown last; ``otherwise`` before the first value."""
        return self._value if self._t > -math.inf else otherwise

    def step(self, t: float, value: float) -> float:
        """The calmed ``value`` (coefficient) of time ``t`` (seconds)."""
        dt, self._t = t - self._t, t
        if not 0.0 <= dt <= _GAP_S:
            self._value = value
            return value
        error = value - self._value
        r = math.tau * dt * (_REST_HZ + _HZ_PER_UNIT * max(0.0, abs(error) - _DEAD_ZONE))
        self._value += r / (1.0 + r) * error
        return self._value


def iris_yaw(landmarks: Float32Array, *, aspect: float) -> tuple[float, float] | None:
    """How far each iris (left, right) is off the middle of its eye, in eye widths, + towards the own left.

    ``landmarks`` (478, 3) as in ``FaceState``; ``aspect`` is the picture's width by its height. None when an eye has no width.
    """
    points: list[list[float]] = landmarks[_POINTS, :2].tolist()
    right = _offset(points[0], points[1], points[2], aspect)
    left = _offset(points[3], points[5], points[4], aspect)
    return None if left is None or right is None else (left, right)


def aspect_of(landmarks: Float32Array, box: tuple[float, float, float, float] | None) -> float:
    """Width by height of the picture in which the mesh fills ``box`` (pixels); 4:3 where there is no box."""
    if box is None:
        return 4.0 / 3.0
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    size: list[float] = (high - low).tolist()
    wide, tall = size
    if not (wide > 0.0 and tall > 0.0 and box[2] > 0.0 and box[3] > 0.0):
        return 4.0 / 3.0
    return (box[2] / wide) / (box[3] / tall)


def _offset(iris: list[float], start: list[float], end: list[float], aspect: float) -> float | None:
    """Where the iris is along the line of the corners, from its middle. ``start`` is the corner at the own right."""
    across, down = (end[0] - start[0]) * aspect, end[1] - start[1]
    width = math.hypot(across, down)
    if not (math.isfinite(width) and width > _LEAST_WIDTH):
        return None
    x, y = (iris[0] - 0.5 * (start[0] + end[0])) * aspect, iris[1] - 0.5 * (start[1] + end[1])
    offset = (x * across + y * down) / (width * width)
    return min(0.5, max(-0.5, offset)) if math.isfinite(offset) else None
