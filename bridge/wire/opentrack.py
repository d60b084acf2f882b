"""opentrack's "UDP over network": six little-endian doubles, TX TY TZ in centimetres, Yaw Pitch Roll in degrees. Pure.

Always 48 bytes: of a shorter datagram the receiver would take the front and keep the rest of the last. It drops a pose with a
NaN in it, keeps the last one when nothing comes, and reads up to 250 a second. Axes and golden bytes: the fact sheet
"OpenSeeFace"; the conversion is ``space.to_opentrack``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from bridge import space
from bridge.mapping.head_place import HeadPlace
from bridge.types import FaceState, HeadPose

PORT = 4242
"""Where opentrack listens by default."""

Axis: TypeAlias = Literal["x", "y", "z", "yaw", "pitch", "roll"]
AXES: tuple[Axis, ...] = ("x", "y", "z", "yaw", "pitch", "roll")

Pose: TypeAlias = tuple[float, float, float, float, float, float]
"""TX, TY, TZ, Yaw, Pitch, Roll: + to the own left, up, away from the screen; turned right, looking up, tilted to the own left."""

_POSE = struct.Struct("<6d")


def encode_pose(pose: Pose) -> bytes:
    """48 bytes. Raises ValueError for a number that is not finite."""
    if not all(map(math.isfinite, pose)):
        raise ValueError("opentrack takes only finite numbers")
    return _POSE.pack(*pose)


def decode(datagram: bytes) -> Pose | None:
    """As opentrack reads it: the first 48 bytes; None for less, and for a number that is not finite. Never raises."""
    if len(datagram) < _POSE.size:
        return None
    pose: Pose = _POSE.unpack_from(datagram)
    return pose if all(map(math.isfinite, pose)) else None


class OpentrackEncoder:
    """States of one subject -> datagrams. One thread; remembers whether positions are counted from the camera."""

    def __init__(self, *, distance_cm: float = 0.0, inverted: Sequence[Axis] = ()) -> None:
        """``distance_cm`` is taken off TZ while positions are counted from the camera; ``inverted`` axes change sign."""
        self._distance_m = distance_cm / 100.0
        self._signs = tuple(-1.0 if axis in inverted else 1.0 for axis in AXES)
        self._place = HeadPlace()

    def encode(self, state: FaceState) -> tuple[bytes, ...]:
        """One datagram; none without a head: opentrack then keeps the last pose."""
        x, y, z, from_camera = self._place.locate(state)
        if state.head is None:
            return ()
        place = np.array((x, y, z + self._distance_m if from_camera else z))
        values = space.to_opentrack(HeadPose(position_m=place, quat_xyzw=state.head.quat_xyzw))
        # + 0.0 turns -0.0 into 0.
        tx, ty, tz, yaw, pitch, roll = (sign * value + 0.0 for sign, value in zip(self._signs, values, strict=True))
        return (encode_pose((tx, ty, tz, yaw, pitch, roll)),)
