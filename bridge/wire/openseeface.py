"""OpenSeeFace's UDP packet: 1785 bytes a face, one or more faces back to back, little-endian, no padding. Pure, any thread.

Offsets and fields: the fact sheet "OpenSeeFace". A receiver drops a datagram whose length is no multiple of 1785.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from bridge.mapping.face66 import POINTS, POINTS_3D
from bridge.mapping.openseeface import FEATURES, RESTING_DISTANCE_M, UNITS_PER_M, Lids, OpenSeeFace, OpenSeeFaceMapping, Points
from bridge.types import FaceState, Presence

PORT = 11573
"""Where receivers listen by default."""
FACE_BYTES = 1785

_HEAD = struct.Struct("<di2f2fB11f")
"""Up to the translation; the rest are floats only."""
_SHAPES = ((POINTS,), (POINTS, 2), (POINTS_3D, 3), (len(FEATURES),))


def encode_face(face: OpenSeeFace) -> bytes:
    """The 1785 bytes of one face. An id beyond int32 wraps round."""
    buffer = bytearray(FACE_BYTES)
    _write(buffer, np.frombuffer(buffer, dtype="<f4", offset=_HEAD.size), face)
    return bytes(buffer)


def decode(datagram: bytes) -> tuple[OpenSeeFace, ...] | None:
    """All faces of a datagram; None for what is none: a wrong length, or a number that is not finite. Never raises."""
    if not datagram or len(datagram) % FACE_BYTES:
        return None
    faces: list[OpenSeeFace] = []
    for offset in range(0, len(datagram), FACE_BYTES):
        time_s, face_id, width, height, right, left, fitted, error, *pose = _HEAD.unpack_from(datagram, offset)
        count = (FACE_BYTES - _HEAD.size) // 4
        rest = np.frombuffer(datagram, dtype="<f4", count=count, offset=offset + _HEAD.size)
        if not (np.isfinite(rest).all() and np.isfinite((time_s, width, height, right, left, error, *pose)).all()):
            return None
        rest = rest.astype(np.float64)  # not before: the conversion of a signalling NaN warns
        arrays = []
        for shape in _SHAPES:
            size = int(np.prod(shape))
            arrays.append(rest[:size].reshape(shape))
            rest = rest[size:]
        confidence, points_px, points_3d, features = arrays
        qx, qy, qz, qw, ex, ey, ez, tx, ty, tz = pose
        faces.append(
            OpenSeeFace(
                time_s=time_s,
                face_id=face_id,
                size_px=(width, height),
                right_open=right,
                left_open=left,
                fitted=bool(fitted),
                fit_error=error,
                quat_xyzw=(qx, qy, qz, qw),
                euler_deg=(ex, ey, ez),
                translation=(tx, ty, tz),
                confidence=confidence,
                points_px=points_px,
                points_3d=points_3d,
                features=features,
            )
        )
    return tuple(faces)


class OpenSeeFaceEncoder:
    """States of one subject -> packets of one face. One thread."""

    def __init__(
        self,
        *,
        epoch_s: float = 0.0,
        units_per_m: float = UNITS_PER_M,
        points: Points = "landmarks",
        lids: Lids = "mediapipe",
        distance_m: float = RESTING_DISTANCE_M,
        when_lost: bool = False,
    ) -> None:
        """``epoch_s``: Unix time when the states' clock was 0. ``when_lost``: also send while nobody is seen."""
        self._mapping = OpenSeeFaceMapping(
            epoch_s=epoch_s, units_per_m=units_per_m, points=points, lids=lids, distance_m=distance_m
        )
        self._when_lost = when_lost
        self._buffer = bytearray(FACE_BYTES)
        self._floats = np.frombuffer(self._buffer, dtype="<f4", offset=_HEAD.size)
        self._datagrams = (memoryview(self._buffer).toreadonly(),)

    def encode(self, state: FaceState) -> Sequence[memoryview]:
        """One datagram, a view of memory that the next call overwrites; none while the face is lost, as OpenSeeFace does."""
        face = self._mapping.step(state)
        if state.presence is Presence.LOST and not self._when_lost:
            return ()
        _write(self._buffer, self._floats, face)
        return self._datagrams


def _write(buffer: bytearray, floats: np.ndarray[tuple[int], np.dtype[np.float32]], face: OpenSeeFace) -> None:
    """``floats`` is what follows the head, in the same memory."""
    _HEAD.pack_into(
        buffer,
        0,
        face.time_s,
        (face.face_id + 0x80000000) % 0x100000000 - 0x80000000,
        *face.size_px,
        face.right_open,
        face.left_open,
        face.fitted,
        face.fit_error,
        *face.quat_xyzw,
        *face.euler_deg,
        *face.translation,
    )
    floats[:68] = face.confidence
    floats[68:204] = face.points_px.ravel()
    floats[204:414] = face.points_3d.ravel()
    floats[414:] = face.features
