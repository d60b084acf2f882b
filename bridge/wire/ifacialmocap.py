"""The text that iFacialMocap and Facemotion3d send, one datagram a frame: a FaceState to text, and back. Pure.

``name<sep>int|...|=head#rx,ry,rz,px,py,pz|rightEye#rx,ry,rz|leftEye#rx,ry,rz|`` with whole percents, degrees and metres. v1
separates with ``-``, v2 and Facemotion3d with ``&``; Facemotion3d has ARKit's camelCase names, the others ``_L`` and ``_R``.
``trackingStatus`` stands first where the app sends it: 1 while it sees the face, else 0.

Axes are ARKit's face frame, which is bridge space: rx + looks down, ry + turns to the own left, rz + tilts to the own right
shoulder (eyes: measured on the vendor's frames; head: taken to be the same, UNVERIFIED). Whether the apps' L and R are the
subject's own is UNVERIFIED too, and receivers contradict each other: hence ``swap_sides`` and ``inverted``.

The TCP variants (frames ended by ``___iFacialMocap``) and the binary format FMV3 are not spoken here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np

from bridge import arkit, space
from bridge.types import CHANNELS, IDENTITY_HEAD, Face, FaceState, HeadPose, Presence, frozen_array
from bridge.wire.signs import Signs

Variant: TypeAlias = Literal["v1", "v2", "facemotion3d"]

LARGEST_FRAME = 16384
"""Bytes that are looked at; the apps send about 1,000 to 1,500."""

_SEPARATORS: Mapping[Variant, str] = MappingProxyType({"v1": "-", "v2": "&", "facemotion3d": "&"})
_FACEMOTION_ONLY = ("FM_SAD", "FM_ANGRY", "FM_VF", "FM_TH", "FM_browUpRight", "FM_browUpLeft")
_STATUS = "trackingStatus"
_MOST_TOKENS = 512
_LARGEST_EXTRA = 100_000
"""Percents; nothing that a rule makes sensibly is larger."""
_NOISE_M = 1e-6
"""The last decimal that is written."""
_NOISES = 9


# --- to text -------------------------------------------------------------------------------------------------------------


class IfacialmocapEncoder:
    """States of one subject -> datagrams. One thread.

    VMagicMirror takes a datagram that equals the one before for "tracking lost". So while the face is there, a frame that would
    be such a repeat is written with up to 9 micrometres more in the head's z; which, its ``seq`` says. A lost face repeats.
    """

    def __init__(
        self,
        *,
        variant: Variant = "v1",
        tracking_status: bool = True,
        swap_sides: bool = False,
        inverted: Iterable[str] = (),
    ) -> None:
        """``swap_sides`` exchanges L and R in the names alone; ``inverted``: see ``signs``."""
        separator = _SEPARATORS[variant]
        names = arkit.NAMES if variant == "facemotion3d" else arkit.IFACIALMOCAP
        if swap_sides:
            names = tuple(names[i] for i in arkit.MIRROR_INDEX)
        right, left = ("leftEye", "rightEye") if swap_sides else ("rightEye", "leftEye")
        status = f"{_STATUS}{separator}%d|" if tracking_status else "%.0s"
        constant = "".join(f"{name}{separator}0|" for name in _FACEMOTION_ONLY) if variant == "facemotion3d" else ""
        values = "".join(f"{name}{separator}%d|" for name in names)
        self._text = f"{status}{values}{constant}%s=head#%s,%s,%s,%s,%s,%s|{right}#%s,%s,0|{left}#%s,%s,0|"
        self._separator = separator
        self._signs = Signs(inverted)
        self._previous = b""

    def encode(self, state: FaceState) -> bytes:
        """The datagram of one frame, complete, zeros included. Without a head its numbers are 0."""
        head = state.head or IDENTITY_HEAD
        yaw, pitch, roll = self._signs.head(space.to_euler_deg(head.quat_xyzw))
        left_yaw, left_pitch, right_yaw, right_pitch = self._signs.eyes(state.gaze)
        x, y, z = head.position_m.tolist()
        percents = np.rint(np.clip(state.weights, 0.0, 1.0) * 100.0).astype(np.int64).tolist()
        values = [
            int(state.presence is not Presence.LOST), *percents, self._extras(state.extras),
            _number(pitch), _number(yaw), _number(roll), _number(x), _number(y), _number(z),
            _number(right_pitch), _number(right_yaw), _number(left_pitch), _number(left_yaw),
        ]  # fmt: skip
        frame = (self._text % tuple(values)).encode()
        if frame == self._previous and state.presence is not Presence.LOST:
            values[_Z_AT] = _number(round(z, 6) + (1 + state.seq % _NOISES) * _NOISE_M)
            frame = (self._text % tuple(values)).encode()
        self._previous = frame
        return frame

    def _extras(self, extras: tuple[tuple[str, float], ...]) -> str:
        """The user's own values: whole percents, not below 0 with v1. Names that the format cannot carry are left out."""
        if not extras:
            return ""
        lowest = 0 if self._separator == "-" else -_LARGEST_EXTRA
        return "".join(
            f"{name}{self._separator}{min(max(round(value * 100.0), lowest), _LARGEST_EXTRA)}|"
            for name, value in extras
            if _PLAIN_NAME.fullmatch(name) and name not in _TAKEN and math.isfinite(value)
        )


_Z_AT = 1 + CHANNELS + 1 + 5
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.:/]{1,64}")
_TAKEN = frozenset({*arkit.NAMES, *arkit.IFACIALMOCAP, *_FACEMOTION_ONLY, _STATUS})


def _number(value: float) -> str:
    """At most six decimals and no exponent, as every receiver's parser reads it; never -0."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


# --- from text -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a frame says, as it says it."""

    values: Mapping[str, float]
    """Percents by name, unknown names too."""
    vectors: Mapping[str, tuple[float, ...]]
    """``head``, ``rightEye``, ``leftEye``: degrees, then metres."""


_INDEX: Mapping[str, int] = MappingProxyType(
    {name: i for names in (arkit.PASCAL, arkit.NAMES, arkit.IFACIALMOCAP) for i, name in enumerate(names)}
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?")
_LARGEST_ANGLE_DEG = 360.0
_LARGEST_DISTANCE_M = 1000.0
_LARGEST_VALUE = 1e6


def parse(data: bytes) -> Parsed | None:
    """One datagram's names and numbers; None for what is longer than ``LARGEST_FRAME``. Never raises.

    Split at ``|``; a token with ``#`` is a vector; of any other the last ``&``, else the last ``-``, separates name and number.
    What does not parse is passed over: real captures end with garbage.
    """
    if len(data) > LARGEST_FRAME:
        return None
    values: dict[str, float] = {}
    vectors: dict[str, tuple[float, ...]] = {}
    for token in data.decode("ascii", "replace").replace(" ", "").split("|", _MOST_TOKENS):
        name, vector, numbers = token.partition("#")
        if vector:
            found = [_parsed(number) for number in numbers.split(",", 16)]
            if all(number is not None for number in found):
                vectors[name.lstrip("=")] = tuple(number for number in found if number is not None)
            continue
        for separator in "&-":
            name, separated, number_text = token.rpartition(separator)
            number = _parsed(number_text) if separated and name else None
            if number is not None:
                values[name.lstrip("=")] = number
                break
    return Parsed(values, vectors)


def decode(data: bytes, *, swap_sides: bool = False, inverted: Iterable[str] = ()) -> tuple[Face, ...] | None:
    """The face in one datagram; () when the app does not see it; None when this is no frame. Never raises.

    Coefficients that are missing are 0. A head without position is at the origin; one without believable numbers is None.
    """
    parsed = parse(data)
    if parsed is None:
        return None
    if parsed.values.get(_STATUS) == 0.0:
        return ()
    known = [(_INDEX[name], value) for name, value in parsed.values.items() if name in _INDEX]
    if not known:
        return None
    weights = np.zeros(CHANNELS, dtype=np.float32)
    for i, value in known:
        weights[i] = min(max(value * 0.01, 0.0), 1.0)
    if swap_sides:
        weights = weights[arkit.MIRROR_INDEX]
    return (Face(weights=frozen_array(weights), head=_head(parsed.vectors.get("head", ()), Signs(inverted))),)


def _parsed(text: str) -> float | None:
    if len(text) <= 6 and text.isascii() and text.isdigit():  # nearly all of them
        return float(text)
    if len(text) > 64 or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if abs(number) <= _LARGEST_VALUE else None


def _head(numbers: tuple[float, ...], signs: Signs) -> HeadPose | None:
    if len(numbers) < 3:
        return None
    position = numbers[3:6] if len(numbers) >= 6 else (0.0, 0.0, 0.0)
    if max(map(abs, numbers[:3])) > _LARGEST_ANGLE_DEG or max(map(abs, position)) > _LARGEST_DISTANCE_M:
        return None
    yaw, pitch, roll = signs.head((numbers[1], numbers[0], numbers[2]))
    return HeadPose(
        position_m=frozen_array(np.array(position)),
        quat_xyzw=frozen_array(space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll)),
    )
