"""VMC protocol, received: datagrams to faces. Pure; the fact sheet "VMC protocol" gives messages and axes.

A frame is what came until ``Blend/Apply``; from a sender without expressions, until ``T``. The head is Neck times Head: both are
local to the bone below them, and Hips, Spine and Chest are the body's business.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from bridge import arkit, space
from bridge.mapping.vrm_reverse import PRESET_OF, weights_from_presets
from bridge.types import CHANNELS, IDENTITY_HEAD, Face, Float32Array, Float64Array, Gaze, HeadPose, frozen_array
from bridge.wire.osc import MAX_DATAGRAM, Argument, Message, OscError, elements, messages

Position: TypeAlias = Literal["off", "root"]

PERFECT_SYNC = CHANNELS // 2
"""A sender of so many of the 52 has them all; below, VRM presets fill what it did not name. VMagicMirror draws the same line."""

_BONES = ("Neck", "Head", "LeftEye", "RightEye")
_KNOWN_NAMES = 256
"""So many spellings are looked up once and remembered; whoever sends more has each looked up anew."""
_FLOAT = struct.Struct(">f")
_FARTHEST_M = 1000.0


class VmcDecoder:
    """Datagrams of one sender, in their order -> faces. One thread.

    Values stay until the sender names them again: some send only what changed. Nothing that arrives raises or is kept beyond the
    values of 52 coefficients, the presets, four bones and a bounded table of names.
    """

    def __init__(self, *, position: Position = "off") -> None:
        """``position`` root: the head is where the avatar's root stands, as ``vmc://...?position=1`` sends it; off: at 0."""
        self._with_position = position == "root"
        self._channels: dict[bytes, int | str] = {}
        """All of a Val but its number -> coefficient or preset."""
        self.reset()

    def reset(self) -> None:
        """Another stream begins."""
        self._weights = np.zeros(CHANNELS, dtype=np.float32)
        self._named: set[int] = set()
        self._presets: dict[str, float] = {}
        self._bones: dict[str, Float64Array] = {}
        self._position_m = IDENTITY_HEAD.position_m
        self._absent = False
        self._ended = False
        self._expressive = False
        self._moved = False

    def decode(self, datagram: bytes) -> tuple[Face, ...] | None:
        """The newest face of a frame that ended in this datagram; () when the sender says that it tracks nobody; else None."""
        was_absent, self._ended = self._absent, False
        try:
            for element in elements(datagram) if len(datagram) <= MAX_DATAGRAM else ():
                # Most of a frame is Val, the same bytes before its number: a third of the time of decoding each.
                channel = self._channels.get(element[:-4])
                if channel is not None:
                    self._put(channel, *_FLOAT.unpack_from(element, len(element) - 4))
                    continue
                for message in messages(element):
                    self._take(message, element)
        except OscError:
            return None
        if self._absent:
            return () if self._ended or not was_absent else None
        if not self._ended:
            return None
        self._moved = False
        return (Face(weights=frozen_array(self._all_weights()), head=self._head()),)

    # --- messages -------------------------------------------------------------------------------------------------------

    def _take(self, message: Message, element: bytes) -> None:
        match message.address:
            case "/VMC/Ext/Blend/Val":
                self._value(message, element)
            case "/VMC/Ext/Bone/Pos":
                self._bone(message.arguments)
            case "/VMC/Ext/Blend/Apply":
                self._ended = self._expressive = True
            case "/VMC/Ext/T":
                self._ended = self._ended or (self._moved and not self._expressive)
            case "/VMC/Ext/OK":
                self._ok(message.arguments)
            case "/VMC/Ext/Root/Pos" if self._with_position:
                self._root(message.arguments)

    def _value(self, message: Message, element: bytes) -> None:
        if len(message.arguments) < 2:
            return
        name, value = message.arguments[0], _number(message.arguments[1])
        if not isinstance(name, str) or value is None:
            return
        channel: int | str | None = arkit.find(name)
        if channel is None:
            channel = PRESET_OF.get(name.lower())
        if channel is None:
            return
        self._put(channel, value)
        if message.tags == "sf" and not element.startswith(b"#") and len(self._channels) < _KNOWN_NAMES:
            self._channels[element[:-4]] = channel

    def _put(self, channel: int | str, value: float) -> None:
        if not math.isfinite(value):
            return
        value = min(max(value, 0.0), 1.0)
        if isinstance(channel, int):
            self._weights[channel] = value
            self._named.add(channel)
        else:
            self._presets[channel] = value

    def _bone(self, arguments: Sequence[Argument]) -> None:
        if len(arguments) < 8 or arguments[0] not in _BONES:
            return
        quat = _floats(arguments[4:8])
        length = 0.0 if quat is None else math.hypot(*quat)
        if quat is not None and 0.5 < length < 2.0:  # a rotation; zeros are what some senders have instead of one
            self._bones[str(arguments[0])] = space.from_unity(space.canonical(np.array(quat)))
            self._moved = True

    def _root(self, arguments: Sequence[Argument]) -> None:
        place = _floats(arguments[1:4])
        if place is not None and len(place) == 3 and math.hypot(*place) < _FARTHEST_M:
            self._position_m = frozen_array(space.from_unity_position(np.array(place)))

    def _ok(self, arguments: Sequence[Argument]) -> None:
        """Loaded or not; since V2.7 the fourth number says whether tracking is good."""
        loaded = arguments[0] if arguments else 1
        tracking = arguments[3] if len(arguments) > 3 else 1
        self._absent = 0 in (loaded, tracking)

    # --- the face -------------------------------------------------------------------------------------------------------

    def _all_weights(self) -> Float32Array:
        if len(self._named) >= PERFECT_SYNC:
            return self._weights.copy()
        weights = weights_from_presets(self._presets, self._gaze()).copy()
        named = list(self._named)
        weights[named] = self._weights[named]
        return weights

    def _gaze(self) -> Gaze | None:
        """Of the eye bones, where the sender has them."""
        eyes = [self._bones.get(name) for name in ("LeftEye", "RightEye")]
        (left, right) = ((None if eye is None else space.to_euler_deg(eye)[:2]) for eye in eyes)
        if left is None and right is None:
            return None
        return Gaze(left_deg=left or right or (0.0, 0.0), right_deg=right or left or (0.0, 0.0))

    def _head(self) -> HeadPose | None:
        if not self._bones.keys() & {"Neck", "Head"}:
            return None
        neck, head = (self._bones.get(name, IDENTITY_HEAD.quat_xyzw) for name in ("Neck", "Head"))
        return HeadPose(position_m=self._position_m, quat_xyzw=frozen_array(space.canonical(space.multiply(neck, head))))


def _number(value: Argument) -> float | None:
    """A finite number; senders of integers mean numbers too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _floats(values: Sequence[Argument]) -> list[float] | None:
    numbers = [number for value in values if (number := _number(value)) is not None]
    return numbers if len(numbers) == len(values) else None
