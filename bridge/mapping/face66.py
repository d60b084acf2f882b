"""OpenSeeFace's 66 points, pupils and eyeballs: out of MediaPipe's landmarks, or of a generic face. Pure; any thread.

Points 0-57 are iBUG's 68 without the outer corners of the mouth (what follows moves up): 0-16 jaw line from the own right ear to
the left one, 17-21 and 22-26 right and left brow, 27-30 bridge of the nose, 31-35 its base, 36-41 right and 42-47 left eye, 48-52
upper and 53-57 lower edge of the lips; then 58 the right corner, 59-61 upper inner edge, 62 the left corner, 63-65 lower inner
edge. 66 and 67 are the right and left pupil; in space 68 and 69 are the right and left eyeball. That 58 and 62 are the corners
follows from how OpenSeeFace's feature extractor and its Unity component read the points.

**Head space**: bridge space without the pose, in centimetres; the origin is that of MediaPipe's face model, behind the nose.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bridge.mapping.generic_face import FACE_CM
from bridge.types import Float32Array, Float64Array, Gaze, frozen_array

POINTS = 68
"""In the picture: 66 and the pupils."""
POINTS_3D = 70
"""In space: the eyeballs too."""

LANDMARK_INDEX: NDArray[np.intp] = frozen_array(
    np.array(
        [
            *(127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356),
            *(70, 63, 105, 66, 107), *(336, 296, 334, 293, 300),
            *(168, 197, 5, 4), *(98, 97, 2, 326, 327),
            *(33, 160, 158, 133, 153, 144), *(362, 385, 387, 263, 373, 380),
            *(39, 37, 0, 267, 269), *(405, 314, 17, 84, 181),
            *(78, 82, 13, 312, 308, 317, 14, 87),
            *(468, 473),
        ],
        dtype=np.intp,
    )
)  # fmt: skip
"""``points = landmarks[LANDMARK_INDEX]``, intp (68,)."""

_RIGID = frozen_array(np.array([0, 1, 15, 16, 27, 28, 29, 30, 31, 35, 36, 39, 42, 45], dtype=np.intp))
"""Points that no expression moves: ears, nose, corners of the eyes."""
_HEAD_INDEX = frozen_array(LANDMARK_INDEX[:66].copy())
_CENTRING = frozen_array(np.isin(np.arange(66), _RIGID) / len(_RIGID))
"""Times the points: the middle of the rigid ones."""
_MODEL = frozen_array(FACE_CM[_RIGID] - FACE_CM[_RIGID].mean(axis=0))
_MODEL_CENTRE_CM = frozen_array(FACE_CM[_RIGID].mean(axis=0))

_EYEBALL_DEPTH = 0.385
"""Centre of the eyeball behind the line between the corners, in distances between the corners: OpenSeeFace's own figure."""


def picture_points_px(landmarks: Float32Array, size_px: tuple[float, float]) -> Float64Array:
    """Landmarks (478, 3) -> float64 (68, 2), pixels from the upper left corner of a picture of (width, height)."""
    points: Float64Array = landmarks[LANDMARK_INDEX, :2] * np.array(size_px)
    return points


def head_points_cm(landmarks: Float32Array, size_px: tuple[float, float]) -> Float64Array:
    """Landmarks (478, 3) of a picture of (width, height) -> float64 (66, 3) in head space, in the size of the generic face.

    What no expression moves is laid over the generic face, turned, shifted and scaled (Umeyama 1991): so the result depends on
    neither the pose nor its calibration.
    """
    width, height = size_px
    seen = landmarks[_HEAD_INDEX] * np.array((width, -height, -width))  # z counts in widths, away from the viewer
    seen -= _CENTRING @ seen
    rigid = seen[_RIGID]
    spread = float(np.vdot(rigid, rigid))
    if not spread > 1e-9:
        return FACE_CM  # all on one spot: no face
    u, stretch, vt = np.linalg.svd(rigid.T @ _MODEL)
    if _handedness(u.tolist()) * _handedness(vt.tolist()) < 0.0:
        u[:, 2] *= -1.0
        stretch[2] *= -1.0
    points: Float64Array = seen @ (u @ vt * (float(stretch.sum()) / spread))
    points += _MODEL_CENTRE_CM
    return points


def _handedness(rows: list[list[float]]) -> float:
    """The determinant; on a matrix so small that a call of NumPy costs more."""
    (a, b, c), (d, e, f), (g, h, i) = rows
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def with_eyes(points_cm: Float64Array, gaze: Gaze) -> Float64Array:
    """Adds pupils and eyeballs to (66, 3): float64 (70, 3). From eyeball to pupil is where the eye looks."""
    whole = np.empty((POINTS_3D, 3))
    whole[:66] = points_cm
    for side, (outer, inner, (yaw_deg, pitch_deg)) in enumerate(((36, 39, gaze.right_deg), (42, 45, gaze.left_deg))):
        (ax, ay, az), (bx, by, bz) = points_cm[outer].tolist(), points_cm[inner].tolist()
        radius = _EYEBALL_DEPTH * math.dist((ax, ay, az), (bx, by, bz))
        x, y, z = (ax + bx) / 2.0, (ay + by) / 2.0, (az + bz) / 2.0 - radius
        yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
        whole[66 + side] = (
            x + radius * math.sin(yaw) * math.cos(pitch),
            y - radius * math.sin(pitch),
            z + radius * math.cos(yaw) * math.cos(pitch),
        )
        whole[68 + side] = x, y, z
    return whole
