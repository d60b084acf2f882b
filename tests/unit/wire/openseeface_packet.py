"""The OpenSeeFace packet read by the fact sheet's table of offsets, with NumPy and nothing of ours; its receivers' formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

FACE = np.dtype({
    "names": [
        "time", "id", "size", "right_open", "left_open", "fitted", "error", "quat", "euler", "translation",
        "confidence", "points", "points_3d", "features",
    ],
    "formats": [
        "<f8", "<i4", ("<f4", 2), "<f4", "<f4", "u1", "<f4", ("<f4", 4), ("<f4", 3), ("<f4", 3),
        ("<f4", 68), ("<f4", (68, 2)), ("<f4", (70, 3)), ("<f4", 14),
    ],
    "offsets": [0, 8, 12, 20, 24, 28, 29, 33, 49, 61, 73, 345, 889, 1729],
    "itemsize": 1785,
})  # fmt: skip
"""Offsets as the sheet prints them, not added up."""

FEATURE = {
    name: i
    for i, name in enumerate((
        "eye_l", "eye_r", "eyebrow_steepness_l", "eyebrow_updown_l", "eyebrow_quirk_l", "eyebrow_steepness_r",
        "eyebrow_updown_r", "eyebrow_quirk_r", "mouth_corner_updown_l", "mouth_corner_inout_l", "mouth_corner_updown_r",
        "mouth_corner_inout_r", "mouth_open", "mouth_wide",
    ))
}  # fmt: skip

S = np.diag([-1.0, 1.0, 1.0])
N = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


def read_packet(data: bytes) -> Any:
    """The one face of a datagram, a NumPy record."""
    (face,) = np.frombuffer(data, dtype=FACE)
    return face


def raw_matrix(head: Rotation) -> NDArray[np.float64]:
    """The sheet's R_raw = N S R S."""
    matrix: NDArray[np.float64] = N @ S @ head.as_matrix() @ S
    return matrix


def head_rotation(face: Any) -> Rotation:
    """Backwards from the raw quaternion: conjugate, as a matrix, and N and S taken off again."""
    x, y, z, w = face["quat"].astype(float)
    return Rotation.from_matrix(S @ N @ Rotation.from_quat([-x, -y, -z, w]).as_matrix() @ S)


def unity_rotation_deg(face: Any) -> NDArray[np.float64]:
    """``OpenSee.cs``: rawEuler read as (x, -y, z), then x = -((x + 180) mod 360), z = (z - 90) mod 360; nearest to 0."""
    x, y, z = face["euler"].astype(float)
    angles = np.array([-((x + 180.0) % 360.0), -y, (z - 90.0) % 360.0])
    return (angles + 180.0) % 360.0 - 180.0


def unity_translation(face: Any) -> NDArray[np.float64]:
    """``OpenSee.cs``: (-ty, tx, -tz)."""
    x, y, z = face["translation"].astype(float)
    return np.array([-y, x, -z])


def unity_gaze_direction(face: Any, side: str) -> NDArray[np.float64]:
    """``OpenSee.cs``: points read as (x, -y, z), x negated; from eyeball to pupil is the forward of its LookRotation."""
    points = face["points_3d"].astype(float) * [-1.0, -1.0, 1.0]
    way: NDArray[np.float64] = points[66] - points[68] if side == "right" else points[67] - points[69]
    return way / np.linalg.norm(way)


def facetrack_d_rotation(face: Any) -> Rotation:
    """facetrack-d: quat(w=-qw, qx, qy, qz) * Euler(180, 0, 90)."""
    x, y, z, w = face["quat"].astype(float)
    return Rotation.from_quat([x, y, z, -w]) * Rotation.from_euler("xyz", [180.0, 0.0, 90.0], degrees=True)
