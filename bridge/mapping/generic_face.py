"""A face of our own for sources that know no landmarks: 66 points at rest, and how far each coefficient moves them.

Head space, centimetres; the points in OpenSeeFace's order (``mapping.face66``). Drawn by hand: corners of the eyes, tip of the
nose and chin are where MediaPipe's face model has them, the rest lies between. Moves are straight lines, sized by what a face
does at coefficient 1: the jaw opens three centimetres, a smile draws a corner one to the side and one up. Pure, any thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bridge import arkit
from bridge.types import CHANNELS, Float32Array, Float64Array, frozen_array

_Move = tuple[float, float, float]

MIRROR: NDArray[np.intp] = frozen_array(
    np.array(
        [
            *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1),
            45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
            *range(52, 47, -1), *range(57, 52, -1), 62, 61, 60, 59, 58, 65, 64, 63, 67, 66, 69, 68,
        ],
        dtype=np.intp,
    )
)  # fmt: skip
"""Which point is a point's mirror image, intp (70,): the 66, the pupils, the eyeballs. Its own inverse."""

_RIGHT_HALF: dict[int, _Move] = {
    # jaw line, from the ear to the chin
    0: (-7.2, 2.6, -1.8), 1: (-7.2, 0.9, -1.8), 2: (-7.1, -0.8, -1.6), 3: (-6.9, -2.5, -1.2), 4: (-6.4, -4.5, -0.5),
    5: (-5.2, -6.8, 1.5), 6: (-3.9, -8.0, 2.7), 7: (-2.1, -9.0, 3.8), 8: (0.0, -9.4, 4.3),
    # brow, from the temple inwards
    17: (-5.6, 4.3, 2.9), 18: (-4.8, 5.0, 3.8), 19: (-3.8, 5.3, 4.5), 20: (-2.6, 5.2, 5.0), 21: (-1.4, 4.9, 5.2),
    # nose
    27: (0.0, 3.1, 5.2), 28: (0.0, 1.7, 6.1), 29: (0.0, 0.3, 6.9), 30: (0.0, -1.13, 7.48),
    31: (-1.6, -2.2, 5.3), 32: (-0.8, -2.5, 5.9), 33: (0.0, -2.7, 6.2),
    # eye: outer corner, lid, inner corner, lower lid
    36: (-4.45, 2.66, 3.17), 37: (-3.7, 3.1, 3.7), 38: (-2.7, 3.1, 3.9), 39: (-1.86, 2.58, 3.76),
    40: (-2.7, 2.2, 3.8), 41: (-3.7, 2.2, 3.6),
    # lips: upper edge, lower edge, corner, inner edges
    48: (-1.6, -4.2, 5.6), 49: (-0.8, -3.9, 6.1), 50: (0.0, -4.05, 6.25), 57: (-1.5, -5.5, 5.5), 56: (-0.8, -5.8, 5.9),
    55: (0.0, -5.9, 6.0), 58: (-2.4, -4.85, 4.8), 59: (-0.8, -4.75, 5.9), 60: (0.0, -4.75, 6.0), 65: (-0.8, -4.85, 5.8),
    64: (0.0, -4.85, 5.9),
}  # fmt: skip


def _whole(right_half: dict[int, _Move]) -> Float64Array:
    face = np.zeros((66, 3))
    for i, (x, y, z) in right_half.items():
        face[MIRROR[i]] = (-x, y, z)
        face[i] = (x, y, z)
    return frozen_array(face)


FACE_CM: Float64Array = _whole(_RIGHT_HALF)
"""The face at rest, eyes open, float64 (66, 3), head space, centimetres."""

_LOWER_LIP = (53, 54, 55, 56, 57, 63, 64, 65)
_UPPER_LIP = (48, 49, 50, 51, 52, 59, 60, 61)
_LIPS = (*_UPPER_LIP, *_LOWER_LIP, 58, 62)
_CHIN_SHARE = {3: 0.1, 4: 0.25, 5: 0.6, 6: 0.8, 7: 0.95, 8: 1.0, 9: 0.95, 10: 0.8, 11: 0.6, 12: 0.25, 13: 0.1}
"""How much of the jaw's motion the points of the jaw line take part in."""
_LOWER_LIP_SHARE = {53: 0.75, 54: 0.95, 55: 1.0, 56: 0.95, 57: 0.75, 63: 0.95, 64: 1.0, 65: 0.95, 58: 0.35, 62: 0.35}


def _all(points: tuple[int, ...], move: _Move) -> dict[int, _Move]:
    return dict.fromkeys(points, move)


def _shared(shares: dict[int, float], move: _Move) -> dict[int, _Move]:
    x, y, z = move
    return {i: (share * x, share * y, share * z) for i, share in shares.items()}


_JAW_SHARE = {**_CHIN_SHARE, **_LOWER_LIP_SHARE}

_WHOLE_MOVES: dict[str, dict[int, _Move]] = {
    "jawOpen": _shared(_JAW_SHARE, (0.0, -2.8, -0.8)),
    "jawForward": _shared(_JAW_SHARE, (0.0, 0.0, 0.8)),
    "jawLeft": _shared(_JAW_SHARE, (0.8, 0.0, 0.0)),
    "jawRight": _shared(_JAW_SHARE, (-0.8, 0.0, 0.0)),
    # With the jaw open the lips meet again at 1; the chin stays down.
    "mouthClose": {**_shared(_LOWER_LIP_SHARE, (0.0, 2.5, 0.7)), **_all(_UPPER_LIP, (0.0, -0.2, 0.0))},
    "mouthFunnel": {
        **_all(_UPPER_LIP, (0.0, 0.3, 0.6)), **_all(_LOWER_LIP, (0.0, -0.4, 0.6)), 58: (0.7, 0.0, 0.4), 62: (-0.7, 0.0, 0.4)
    },
    "mouthPucker": {
        **_all(_LIPS, (0.0, 0.0, 0.5)), 48: (0.4, 0.0, 0.5), 57: (0.4, 0.0, 0.5), 58: (1.0, 0.0, 0.5),
        52: (-0.4, 0.0, 0.5), 53: (-0.4, 0.0, 0.5), 62: (-1.0, 0.0, 0.5),
    },
    "mouthLeft": _all(_LIPS, (0.8, 0.0, 0.0)),
    "mouthRight": _all(_LIPS, (-0.8, 0.0, 0.0)),
    "mouthShrugLower": _all(_LOWER_LIP, (0.0, 0.3, 0.1)),
    "mouthShrugUpper": _all(_UPPER_LIP, (0.0, 0.2, 0.1)),
    "browInnerUp": {19: (0.0, 0.25, 0.0), 20: (0.0, 0.6, 0.0), 21: (0.0, 0.9, 0.0),
                    24: (0.0, 0.25, 0.0), 23: (0.0, 0.6, 0.0), 22: (0.0, 0.9, 0.0)},
}  # fmt: skip

_RIGHT_MOVES: dict[str, dict[int, _Move]] = {
    "eyeBlink": {**_all((37, 38), (0.0, -0.8, 0.0)), **_all((40, 41), (0.0, 0.05, 0.0))},
    "eyeWide": _all((37, 38), (0.0, 0.15, 0.0)),
    "eyeSquint": _all((40, 41), (0.0, 0.2, 0.0)),
    "mouthSmile": {58: (-0.9, 0.9, -0.5), 48: (-0.3, 0.35, -0.1), 57: (-0.3, 0.35, -0.1)},
    "mouthFrown": {58: (0.1, -0.7, -0.1), 48: (0.0, -0.2, 0.0), 57: (0.0, -0.2, 0.0)},
    "mouthDimple": {58: (-0.4, 0.0, -0.3)},
    "mouthStretch": {58: (-0.8, -0.4, -0.4), 48: (-0.3, 0.0, -0.1), 57: (-0.3, -0.2, -0.1)},
    "mouthUpperUp": {48: (0.0, 0.4, 0.0), 49: (0.0, 0.5, 0.0), 50: (0.0, 0.25, 0.0), 59: (0.0, 0.5, 0.0), 60: (0.0, 0.25, 0.0)},
    "mouthLowerDown": {
        57: (0.0, -0.4, 0.0), 56: (0.0, -0.5, 0.0), 55: (0.0, -0.25, 0.0), 65: (0.0, -0.5, 0.0), 64: (0.0, -0.25, 0.0)
    },
    "browDown": {17: (0.0, -0.3, 0.0), **_all((18, 19, 20), (0.0, -0.6, 0.0)), 21: (0.25, -0.8, 0.0)},
    "browOuterUp": {17: (0.0, 0.6, 0.0), 18: (0.0, 0.8, 0.0), 19: (0.0, 0.6, 0.0), 20: (0.0, 0.2, 0.0)},
    "noseSneer": {31: (-0.1, 0.3, 0.1), 32: (0.0, 0.2, 0.0)},
}  # fmt: skip
"""Of the own right side; the left side's are their mirror images."""


def _moves() -> Float32Array:
    moves = np.zeros((CHANNELS, 66, 3))
    for name, by_point in _WHOLE_MOVES.items():
        for i, move in by_point.items():
            moves[arkit.INDEX[name], i] = move
    for name, by_point in _RIGHT_MOVES.items():
        for i, (x, y, z) in by_point.items():
            moves[arkit.INDEX[name + "Right"], i] = (x, y, z)
            moves[arkit.INDEX[name + "Left"], MIRROR[i]] = (-x, y, z)
    return frozen_array(moves.reshape(CHANNELS, 66 * 3).astype(np.float32))


_MOVES = _moves()


def generic_points_cm(weights: Float32Array) -> Float64Array:
    """The face with these coefficients, weights (52,) -> float64 (66, 3), head space, centimetres."""
    return FACE_CM + (weights @ _MOVES).reshape(66, 3)
