"""A face drawn with ellipses, which MediaPipe takes for one: self-tests and benchmarks need no picture of a person."""

from __future__ import annotations

import cv2
import numpy as np

from bridge.types import ImageArray, frozen_array

Colour = tuple[int, int, int]

_WALL, _SHIRT, _HAIR, _SKIN = (176, 190, 200), (70, 90, 130), (60, 40, 30), (224, 172, 140)
_SHADE, _LIGHT, _LIPS, _MOUTH, _DARK = (206, 153, 123), (236, 188, 158), (178, 84, 82), (70, 20, 25), (62, 38, 28)
_WHITE, _IRIS, _PUPIL, _NOSTRIL = (250, 248, 245), (80, 55, 40), (15, 10, 10), (120, 70, 60)
_FRACTION_BITS = 4


class _Brush:
    """Ellipses in units of a 256th of the picture, drawn to a sixteenth of a pixel."""

    def __init__(self, size: int) -> None:
        self.image: ImageArray = np.full((size, size, 3), _WALL, dtype=np.uint8)
        self._unit = size / 256 * (1 << _FRACTION_BITS)
        self._stroke = max(1, round(2 * size / 256))

    def ellipse(self, x: float, y: float, half_width: float, half_height: float, colour: Colour, *, strokes: int = 0) -> None:
        """Filled; with ``strokes`` only the upper part of its outline, so many thick."""
        centre = round(x * self._unit), round(y * self._unit)
        axes = round(half_width * self._unit), round(half_height * self._unit)
        start, end, thickness = (195, 345, strokes * self._stroke) if strokes else (0, 360, cv2.FILLED)
        cv2.ellipse(self.image, centre, axes, 0, start, end, colour, thickness, cv2.LINE_AA, _FRACTION_BITS)


def draw_face(size: int = 256, *, mouth_open: float = 0.0, eyes_closed: float = 0.0) -> ImageArray:
    """A frontal face on a plain wall: uint8 (size, size, 3) RGB, read-only. ``mouth_open``, ``eyes_closed``: 0..1."""
    brush = _Brush(size)
    brush.ellipse(128, 250, 95, 40, _SHIRT)
    brush.ellipse(128, 112, 78, 92, _HAIR)
    brush.ellipse(128, 212, 26, 34, _SHADE)  # neck
    for side in (-1, 1):
        brush.ellipse(128 + side * 60, 132, 8, 16, _SHADE)  # ears
    brush.ellipse(128, 130, 62, 82, _SKIN)
    for side in (-1, 1):
        _draw_eye(brush, 128 + side * 27, closed=eyes_closed)
    brush.ellipse(128, 146, 6, 24, _LIGHT)  # nose: ridge, tip, nostrils
    brush.ellipse(128, 158, 13, 7, _SHADE)
    for side in (-1, 1):
        brush.ellipse(128 + side * 6, 161, 3, 2, _NOSTRIL)
    brush.ellipse(128, 183 + 5 * mouth_open, 24 - 4 * mouth_open, 7 + 9 * mouth_open, _LIPS)
    brush.ellipse(128, 183 + 5 * mouth_open, 21 - 4 * mouth_open, 1.2 + 11 * mouth_open, _MOUTH)
    brush.ellipse(128, 48, 56, 20, _HAIR)  # fringe
    softened = cv2.GaussianBlur(brush.image, (0, 0), 1.2 * size / 256)
    return frozen_array(np.asarray(softened, dtype=np.uint8))


def _draw_eye(brush: _Brush, x: float, *, closed: float) -> None:
    brush.ellipse(x, 116, 17, 10, _SHADE)
    height = 6.5 * (1 - closed)
    if height > 0.5:
        brush.ellipse(x, 118, 13, height, _WHITE)
        brush.ellipse(x, 118, 6, min(6.0, height), _IRIS)
        brush.ellipse(x, 118, 2.8, min(2.8, height), _PUPIL)
    brush.ellipse(x, 118 + 3 * closed, 14, 1 + height, _DARK, strokes=1)
    brush.ellipse(x, 108, 17, 9, _DARK, strokes=2)


def moved(image: ImageArray, *, x_px: float = 0.0, y_px: float = 0.0, roll_deg: float = 0.0) -> ImageArray:
    """``image`` shifted, to fractions of a pixel, and turned about its centre, + counter-clockwise; the edges are stretched."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), roll_deg, 1.0)
    matrix[:, 2] += np.array([x_px, y_px])
    warped = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return frozen_array(np.asarray(warped, dtype=np.uint8))
