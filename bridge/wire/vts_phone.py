"""What VTube Studio on a phone sends to other programs ("3rd Party PC Clients"), and how it is asked for. Pure; any thread.

One JSON object in one datagram a frame, about 2.5 kB: PascalCase coefficients, angles in degrees. Source: the fact sheet "VTube
Studio", part B, and what the official sample draws: Unity Euler(-Rotation.y, -Rotation.x, Rotation.z) and position (-x, y, z) for
a cube whose mouth faces the viewer, unmirrored. So Rotation is (yaw, pitch, roll) with the signs of bridge space (+ own left,
+ down, + own right shoulder), Position is (-x, y, z), and the eyes are (-pitch, -yaw, 0). Another program that plays the phone,
and one that receives it, agree; no phone was there to check the signs or the units: ``PhoneAxes`` changes them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from bridge import arkit, space
from bridge.types import CHANNELS, IDENTITY_HEAD, Face, FaceState, Float32Array, HeadPose, Presence, frozen_array
from bridge.wire.json_values import finite, json_object

PORT = 21412
"""Where the phone listens for requests, UDP."""

MESSAGE_TYPE = "iOSTrackingDataRequest"
LEASE_RANGE_S = (0.5, 10.0)
MOST_PORTS = 32
LONGEST_NAME = 64
MAX_REQUEST = 4096
"""Bytes: a request with 32 ports has 300."""

Axis: TypeAlias = Literal["yaw", "pitch", "roll", "x", "y", "z"]
AXES: tuple[Axis, ...] = get_args(Axis)

_USUAL_LEASE_S = 5.0
_MOST_SHAPES = 256
_FARTHEST_M = 1000.0


def split_axes(value: object) -> object:
    """``yaw,roll`` in a URL -> ["yaw", "roll"]; anything else as it is, for whoever checks it."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneAxes:
    """What is UNVERIFIED about the numbers of a phone, as switches; the defaults are what the sheet derives."""

    flip: frozenset[Axis] = frozenset()
    """Axes whose sign is the other one."""
    nod_first: bool = False
    """Rotation.x is the nod and Rotation.y the turn, the usual order."""
    units_per_m: float = 100.0
    """Of Position; 100: centimetres."""

    def signs(self, *names: Axis) -> list[float]:
        """-1 for what is flipped."""
        return [-1.0 if name in self.flip else 1.0 for name in names]


# --- asking ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingRequest:
    """ "Send to these ports of mine for so long"."""

    ports: tuple[int, ...]
    """UDP, of whoever asks; 1 to 32 different ones."""
    lease_s: float
    """0.5 to 10."""
    sent_by: str
    """Who asks: 1 to 64 characters."""


def encode_request(request: TrackingRequest) -> bytes:
    """One datagram to the phone's port 21412; to be repeated before the lease is over."""
    return json.dumps(
        {"messageType": MESSAGE_TYPE, "time": request.lease_s, "sentBy": request.sent_by, "ports": list(request.ports)},
        separators=(",", ":"),
    ).encode()


def decode_request(datagram: bytes) -> TrackingRequest | None:
    """The request in a datagram; None for everything else. A lease out of range is cut to it; the name is made printable."""
    body = json_object(datagram, max_bytes=MAX_REQUEST)
    if body is None or body.get("messageType") != MESSAGE_TYPE:
        return None
    # Some programs write sendForSeconds instead of time, others neither.
    lease_s = finite(body.get("time", body.get("sendForSeconds", _USUAL_LEASE_S)))
    ports, name = body.get("ports"), body.get("sentBy")
    if lease_s is None or lease_s <= 0.0 or not isinstance(ports, list) or not 1 <= len(ports) <= MOST_PORTS:
        return None
    if not all(isinstance(port, int) and not isinstance(port, bool) and 1 <= port <= 65535 for port in ports):
        return None
    sent_by = "".join(c for c in name if c.isprintable())[:LONGEST_NAME].strip() if isinstance(name, str) else ""
    low, high = LEASE_RANGE_S
    return TrackingRequest(
        ports=tuple(dict.fromkeys(ports)), lease_s=min(max(lease_s, low), high), sent_by=sent_by or "somebody without a name"
    )


# --- frames ----------------------------------------------------------------------------------------------------------------


def _three(name: str) -> str:
    return f'"{name}":{{"x":%.7g,"y":%.7g,"z":%.7g}}'


_FRAME = ",".join([
    '{"Timestamp":%d', '"Hotkey":-1', '"FaceFound":%s', *map(_three, ("Rotation", "Position", "EyeLeft", "EyeRight")),
    '"BlendShapes":[' + ",".join(f'{{"k":"{name}","v":%.9g}}' for name in arkit.PASCAL) + "]}",
])  # fmt: skip
"""A frame with holes: filling it takes a tenth of what building and dumping dicts takes. Nine digits hold a float32."""


class PhoneEncoder:
    """States -> frames. Stateless."""

    def __init__(self, axes: PhoneAxes | None = None) -> None:
        self._axes = axes or PhoneAxes()
        self._angle_signs = self._axes.signs("yaw", "pitch", "roll")
        self._place_signs = _place_signs(self._axes)

    def encode(self, state: FaceState, *, unix_ms: int) -> bytes:
        """The datagram of one frame. FaceFound is true while the face is seen, or held through a short gap."""
        head = state.head or IDENTITY_HEAD
        yaw, pitch, roll = space.to_euler_deg(head.quat_xyzw)
        scale = self._axes.units_per_m
        place = [sign * scale * value for sign, value in zip(self._place_signs, head.position_m.tolist(), strict=True)]
        values = (
            unix_ms,
            "false" if state.presence is Presence.LOST else "true",
            *self._rotation(yaw, pitch, roll),
            *place,
            *self._eye(*state.gaze.left_deg),
            *self._eye(*state.gaze.right_deg),
            *state.weights.tolist(),
        )
        return (_FRAME % values).encode()

    def _rotation(self, yaw: float, pitch: float, roll: float) -> tuple[float, float, float]:
        turn, nod, tilt = self._angle_signs
        first, second = (nod * pitch, turn * yaw) if self._axes.nod_first else (turn * yaw, nod * pitch)
        return first, second, tilt * roll

    def _eye(self, yaw: float, pitch: float) -> tuple[float, float, float]:
        turn, nod, _ = self._angle_signs
        return -nod * pitch, -turn * yaw, 0.0


class PhoneDecoder:
    """Frames -> faces. Takes the keys of iPhones and of Android phones, in any case. One thread."""

    def __init__(self, axes: PhoneAxes | None = None) -> None:
        self._axes = axes or PhoneAxes()
        self._angle_signs = self._axes.signs("yaw", "pitch", "roll")
        self._place_signs = _place_signs(self._axes)

    def decode(self, datagram: bytes) -> tuple[Face, ...] | None:
        """The face of one datagram; () while the phone finds none; None for what is no frame. Never raises.

        Coefficients that are missing, or no numbers, are 0; one that is there but out of [0, 1] is cut to it. A rotation that is
        none, or missing, is no head.
        """
        body = json_object(datagram, max_bytes=65535)
        shapes = None if body is None else body.get("BlendShapes")
        if body is None or not isinstance(shapes, list):
            return None
        if body.get("FaceFound") is False:
            return ()
        weights = np.zeros(CHANNELS, dtype=np.float32)
        if not _fill(weights, shapes[:_MOST_SHAPES]):
            return None
        return (Face(weights=frozen_array(weights), head=self._head(body)),)

    def _head(self, body: dict[str, object]) -> HeadPose | None:
        rotation = _vector(body.get("Rotation"))
        if rotation is None:
            return None
        first, second, tilt = rotation
        turn, nod = (second, first) if self._axes.nod_first else (first, second)
        signs = self._angle_signs
        quat = space.from_euler_deg(yaw=signs[0] * turn, pitch=signs[1] * nod, roll=signs[2] * tilt)
        place = _vector(body.get("Position")) or (0.0, 0.0, 0.0)
        position_m = np.array(self._place_signs) * np.array(place) / self._axes.units_per_m
        if not float(position_m @ position_m) < _FARTHEST_M * _FARTHEST_M:
            return None
        return HeadPose(position_m=frozen_array(position_m), quat_xyzw=frozen_array(quat))


def _place_signs(axes: PhoneAxes) -> list[float]:
    """Of Position against bridge space; the phone's x is the own right."""
    x, y, z = axes.signs("x", "y", "z")
    return [-x, y, z]


def _fill(weights: Float32Array, shapes: Iterable[object]) -> bool:
    """Whether one of them at least was known."""
    known = False
    for shape in shapes:
        if not isinstance(shape, dict):
            continue
        name, value = shape.get("k"), finite(shape.get("v"))
        if not isinstance(name, str) or value is None:
            continue
        channel = _CHANNELS.get(name)
        if channel is None and len(name) <= LONGEST_NAME:
            channel = arkit.find(name)
        if channel is not None:
            weights[channel] = min(max(value, 0.0), 1.0)
            known = True
    return known


_CHANNELS = {name: i for names in (arkit.IFACIALMOCAP, arkit.NAMES, arkit.PASCAL) for i, name in enumerate(names)}
"""The spellings that phones use; others are looked up more slowly."""


def _vector(value: object) -> tuple[float, float, float] | None:
    if not isinstance(value, dict):
        return None
    x, y, z = (finite(value.get(key)) for key in ("x", "y", "z"))
    if x is None or y is None or z is None or not max(map(math.fabs, (x, y, z))) < 1e6:
        return None
    return x, y, z
