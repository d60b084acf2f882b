"""Epic's Live Link Face over UDP: a FaceState as one packet, and back. Pure; the fact sheet "Live Link Face" gives the layout.

Big-endian: uint8 version 6; int32 length and UTF-8 of the device id, then of the subject's name; int32 frame, float32 sub-frame,
int32 rate numerator and denominator; uint8 61; 61 float32: the 52 coefficients in Apple's order, then yaw, pitch and roll of
head, left and right eye in radians. The id always has 36 characters: most decoders read at fixed offsets.

Signs: head yaw + turns to the own right, pitch + looks up, roll + tilts to the own left; eyes yaw + looks to the own right, pitch
+ looks down. Two independent programs agree on them; for the app itself they are UNVERIFIED: hence ``inverted``. The app is said
to exchange mouthLeft and mouthRight: hence ``mouth``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from bridge import arkit, space
from bridge.types import CHANNELS, Face, FaceState, Float32Array, Gaze, HeadPose, Presence, frozen_array
from bridge.wire.signs import Sign, Signs

PORT = 11111
VERSION = 6
ID_LENGTH = 36
DEVICE_ID = "b41d6e00-face-4a11-8bad-6d6564697065"
"""What the bridge calls itself when nobody says otherwise."""

ANGLES: tuple[str, ...] = tuple(
    f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")
)
"""The nine values after the coefficients."""
VALUES = CHANNELS + len(ANGLES)

Absent: TypeAlias = Literal["rest", "short"]
"""While the face is lost: the values as they ease to rest, or the packet without values that the app sends."""
Inverted: TypeAlias = Sign | Literal["mouth"]

_INT32 = struct.Struct(">i")
_TIME = struct.Struct(">if")
_RATE = struct.Struct(">ii")
_TIMES = _TIME.size + _RATE.size
_SUBFRAMES = 1024
_NO_MORE_FRAMES = 2**31
_MOST_TEXT = 1024
_LARGEST_ANGLE_RAD = 2.0 * math.pi
_MOUTH_SWAP = np.arange(VALUES)
_MOUTH_SWAP[[arkit.INDEX["mouthLeft"], arkit.INDEX["mouthRight"]]] = [arkit.INDEX["mouthRight"], arkit.INDEX["mouthLeft"]]


def angles_rad(head: HeadPose | None, gaze: Gaze, signs: Signs) -> list[float]:
    """The nine ``ANGLES`` of a head and its gaze, radians, in Live Link's signs. Without a head its angles are 0."""
    yaw, pitch, roll = signs.head((0.0, 0.0, 0.0) if head is None else space.to_euler_deg(head.quat_xyzw))
    left_yaw, left_pitch, right_yaw, right_pitch = signs.eyes(gaze)
    degrees = (-yaw, -pitch, -roll, -left_yaw, left_pitch, 0.0, -right_yaw, right_pitch, 0.0)
    return [math.radians(angle) + 0.0 for angle in degrees]  # + 0.0 turns -0.0 into 0.0


def head_of(yaw_rad: float, pitch_rad: float, roll_rad: float, signs: Signs) -> HeadPose:
    """The pose behind Live Link's head angles, radians. The format has no position: it is the origin."""
    yaw, pitch, roll = signs.head((-math.degrees(yaw_rad), -math.degrees(pitch_rad), -math.degrees(roll_rad)))
    return HeadPose(
        position_m=frozen_array(np.zeros(3)), quat_xyzw=frozen_array(space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll))
    )


def frame_time(t_s: float, rate: int) -> tuple[int, float]:
    """Frame number and sub-frame 0..1 of a time in seconds, >= 0, rounded to 1/1024 of a frame."""
    frame, part = divmod(round(t_s * rate * _SUBFRAMES), _SUBFRAMES)
    return frame % _NO_MORE_FRAMES, part / _SUBFRAMES


# --- to bytes ------------------------------------------------------------------------------------------------------------


class LiveLinkEncoder:
    """States of one subject -> packets. One thread; frame times follow the states' own times."""

    def __init__(
        self,
        *,
        subject_name: str = "Face",
        device_id: str = DEVICE_ID,
        rate: int = 60,
        absent: Absent = "rest",
        inverted: Iterable[Inverted] = (),
    ) -> None:
        """``rate``: frames a second that frame numbers count. Raises ValueError for an id that has not 36 ASCII characters."""
        if len(device_id) != ID_LENGTH or not device_id.isascii():
            raise ValueError(f"the device id {device_id!r} must have {ID_LENGTH} ASCII characters")
        turned = frozenset(inverted)
        name = subject_name.encode()
        texts = b"".join((bytes((VERSION,)), _INT32.pack(ID_LENGTH), device_id.encode(), _INT32.pack(len(name)), name))
        self._time_at = len(texts)
        self._buffer = bytearray(texts + bytes(_TIME.size) + _RATE.pack(rate, 1) + bytes((VALUES,)) + bytes(4 * VALUES))
        values_at = self._time_at + _TIMES + 1
        self._values = np.frombuffer(self._buffer, dtype=">f4", offset=values_at)
        view = memoryview(self._buffer).toreadonly()
        self._whole, self._short = view, view[: self._time_at + _TIMES]
        self._rate = rate
        self._absent_short = absent == "short"
        self._signs = Signs(turned)
        self._order = _MOUTH_SWAP[:CHANNELS] if "mouth" in turned else None

    def encode(self, state: FaceState) -> memoryview:
        """The packet of one frame: a view of memory that the next call overwrites."""
        _TIME.pack_into(self._buffer, self._time_at, *frame_time(state.t, self._rate))
        if self._absent_short and state.presence is Presence.LOST:
            return self._short
        self._values[:CHANNELS] = state.weights if self._order is None else state.weights[self._order]
        self._values[CHANNELS:] = angles_rad(state.head, state.gaze, self._signs)
        return self._whole


# --- from bytes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LiveLinkPacket:
    """What a packet says, as it says it."""

    device_id: str
    subject_name: str
    frame: int
    sub_frame: float
    rate: tuple[int, int]
    """Numerator and denominator, frames a second."""
    values: Float32Array | None
    """float32 (61,); None in a packet without a face."""


def parse(data: bytes) -> LiveLinkPacket | None:
    """A packet taken apart; None for anything else, numbers that are not finite included. Never raises."""
    if len(data) < 1 or data[0] != VERSION:
        return None
    device_id, position = _text(data, 1)
    subject_name, position = _text(data, position)
    if device_id is None or subject_name is None:
        return None
    left = len(data) - position
    frame, sub_frame, numerator, denominator = 0, 0.0, 0, 0
    if left >= _TIMES:
        frame, sub_frame = _TIME.unpack_from(data, position)
        numerator, denominator = _RATE.unpack_from(data, position + _TIME.size)
    values: Float32Array | None = None
    if left > _TIMES and data[position + _TIMES] != 0:  # what is shorter has no face: so PyLiveLinkFace, UNVERIFIED
        if data[position + _TIMES] != VALUES or left < _TIMES + 1 + 4 * VALUES:
            return None
        values = np.frombuffer(data, dtype=">f4", count=VALUES, offset=position + _TIMES + 1).astype(np.float32)
        if not np.isfinite(values).all():
            return None
        frozen_array(values)
    return LiveLinkPacket(device_id, subject_name, frame, sub_frame, (numerator, denominator), values)


def decode(data: bytes, *, inverted: Iterable[Inverted] = ()) -> tuple[Face, ...] | None:
    """The face in one packet, () when the sender sees none, None when this is no packet. Never raises.

    Coefficients are limited to [0, 1]; angles beyond a whole turn make it no packet.
    """
    packet = parse(data)
    if packet is None or packet.values is None:
        return None if packet is None else ()
    turned = frozenset(inverted)
    values = packet.values[_MOUTH_SWAP] if "mouth" in turned else packet.values
    yaw, pitch, roll = values[CHANNELS : CHANNELS + 3].tolist()
    if max(abs(yaw), abs(pitch), abs(roll)) > _LARGEST_ANGLE_RAD:
        return None
    weights = frozen_array(np.clip(values[:CHANNELS], 0.0, 1.0).astype(np.float32))
    return (Face(weights=weights, head=head_of(yaw, pitch, roll, Signs(turned))),)


def _text(data: bytes, position: int) -> tuple[str | None, int]:
    """A text and where it ends; None where there is none."""
    if position + _INT32.size > len(data):
        return None, position
    (length,) = _INT32.unpack_from(data, position)
    start = position + _INT32.size
    if not 0 <= length <= min(_MOST_TEXT, len(data) - start):
        return None, position
    return data[start : start + length].decode("utf-8", "replace"), start + length
