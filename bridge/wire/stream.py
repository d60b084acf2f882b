"""The WebSocket stream: one FaceState -> one JSON text or one binary message, and back.

``docs/stream.md`` is the same for people who write a receiver. Everything is in bridge space (``types``): left and right are the
subject's own, yaw + turns to the own left, pitch + looks down, roll + tilts to the own right shoulder. Pure; any thread.
"""

from __future__ import annotations

import enum
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

import numpy as np

from bridge import arkit, space
from bridge.errors import ConfigError
from bridge.types import CHANNELS, LANDMARKS, FaceState, Float32Array, Gaze, HeadPose, Presence, frozen_array

VERSION = 1
"""``v`` of the hello. It grows when a receiver written for the older one would misread a frame."""


class StreamFormat(enum.Enum):
    """How frames are written: ``?format=``."""

    JSON = "json"
    BINARY = "binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """What one viewer asked for in the query of its address."""

    format: StreamFormat = StreamFormat.JSON
    landmarks: bool = False
    """Adds the mesh where the bridge reads it."""
    mirror: bool = False
    fps: float = 0.0
    """At most so many frames a second; 0 is every frame."""
    subject: int | None = 0
    """The face that is followed; None is all of them, told apart by ``subject``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFrame:
    """A decoded frame: what ``FaceState`` carries, as far as the stream tells it."""

    subject: int
    seq: int
    t: float
    presence: Presence
    weights: Float32Array
    """float32 (52,) in [0, 1], ARKit order."""
    head: HeadPose | None
    yaw_pitch_roll_deg: tuple[float, float, float] | None
    gaze: Gaze
    box: tuple[float, float, float, float] | None
    latency_ms: float
    landmarks: Float32Array | None
    extras: tuple[tuple[str, float], ...] = ()
    """Named values of mapping rules; the binary format has none."""


# --- the query -------------------------------------------------------------------------------------------------------

_YES_NO = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _yes_no(key: str, text: str) -> bool:
    if text.lower() not in _YES_NO:
        raise ConfigError(f"stream option {key}={text}: use {key}=1 or {key}=0")
    return _YES_NO[text.lower()]


def _fps(text: str) -> float:
    try:
        fps = float(text)
    except ValueError:
        fps = -1.0
    if not 0.0 <= fps <= 240.0:
        raise ConfigError(f"stream option fps={text}: frames per second are a number from 0 (every frame) to 240")
    return fps


def _subject(text: str) -> int | None:
    if text == "all":
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= 15):
        raise ConfigError(f"stream option subject={text}: use a number from 0 to 15, or all")
    return int(text)


def _format(text: str) -> StreamFormat:
    try:
        return StreamFormat(text)
    except ValueError as error:
        known = ", ".join(choice.value for choice in StreamFormat)
        raise ConfigError(f"stream option format={text}: known are {known}") from error


def parse_options(query: str, *, subject: str = "0") -> StreamOptions:
    """``format=binary&landmarks=1&mirror=1&fps=30&subject=all`` -> options. Raises ConfigError naming the key.

    ``subject`` is what counts when the query names none; ``token`` is overlooked, it was checked before.
    """
    given = dict(parse_qsl(query, keep_blank_values=True))
    known = {"format", "landmarks", "mirror", "fps", "subject", "token"}
    for key in given:
        if key not in known:
            raise ConfigError(f"unknown stream option {key!r}; known are format, landmarks, mirror, fps, subject")
    return StreamOptions(
        format=_format(given.get("format", "json")),
        landmarks=_yes_no("landmarks", given.get("landmarks", "0")),
        mirror=_yes_no("mirror", given.get("mirror", "0")),
        fps=_fps(given.get("fps", "0")),
        subject=_subject(given.get("subject", subject)),
    )


# --- hello -----------------------------------------------------------------------------------------------------------


def encode_hello(options: StreamOptions) -> str:
    """The first message of every stream, JSON text in every format."""
    return json.dumps(
        {
            "type": "hello",
            "v": VERSION,
            "names": arkit.NAMES,
            "support": [support.value for support in arkit.SUPPORT],
            "format": options.format.value,
            "mirror": options.mirror,
            "subject": "all" if options.subject is None else options.subject,
        },
        separators=(",", ":"),
    )


# --- JSON ------------------------------------------------------------------------------------------------------------

# One %-template instead of json.dumps: 25 us instead of 75, and every number has its fixed count of decimals.
_START = '{"type":"frame","subject":%d,"seq":%d,"t":%.6f,"presence":"%s","weights":[' + ",".join(["%.4f"] * CHANNELS)
_HEAD = (
    '],"head":{"position_m":[%.5f,%.5f,%.5f],"quat_xyzw":[%.6f,%.6f,%.6f,%.6f],"yaw_deg":%.3f,"pitch_deg":%.3f,"roll_deg":%.3f}'
)
_NO_HEAD = '],"head":null'
_GAZE = ',"gaze":{"left_deg":[%.2f,%.2f],"right_deg":[%.2f,%.2f]}'
_BOX = ',"box":[%.1f,%.1f,%.1f,%.1f]'
_NO_BOX = ',"box":null'
_END = ',"latency_ms":%.2f'
_MESH = ',"landmarks":[' + ",".join(["%.5f"] * (3 * LANDMARKS)) + "]"


def encode_json(state: FaceState, *, latency_ms: float, landmarks: bool = False) -> str:
    """One frame as JSON text, about 900 characters. ``latency_ms``: camera to now. A missing head, box or mesh is ``null``;
    ``extras`` is there only when mapping rules make named values."""
    template, values = _START, [state.subject, state.seq, state.t, state.presence.value, *state.weights.tolist()]
    head = state.head
    if head is None:
        template += _NO_HEAD
    else:
        template += _HEAD
        values += [*head.position_m.tolist(), *head.quat_xyzw.tolist(), *space.to_euler_deg(head.quat_xyzw)]
    template += _GAZE
    values += [*state.gaze.left_deg, *state.gaze.right_deg]
    if state.box is None:
        template += _NO_BOX
    else:
        template += _BOX
        values += state.box
    template += _END
    values.append(latency_ms)
    if landmarks:
        if state.landmarks is None:
            template += ',"landmarks":null'
        else:
            template += _MESH
            values += state.landmarks.ravel().tolist()
    text = template % tuple(values)
    if state.extras:
        text += f',"extras":{json.dumps(dict(state.extras), separators=(",", ":"))}'
    return text + "}"


def decode_json(text: str) -> StreamFrame:
    """The reverse of ``encode_json``, to the decimals it writes. Raises ValueError when the text is no frame."""
    try:
        tree = json.loads(text)
        if tree["type"] != "frame":
            raise ValueError(f"not a frame but {tree['type']!r}")
        head, box, mesh = tree["head"], tree["box"], tree.get("landmarks")
        return StreamFrame(
            subject=int(tree["subject"]),
            seq=int(tree["seq"]),
            t=float(tree["t"]),
            presence=Presence(tree["presence"]),
            weights=_array(tree["weights"], CHANNELS),
            head=None if head is None else _pose(head["position_m"], head["quat_xyzw"]),
            yaw_pitch_roll_deg=None if head is None else (head["yaw_deg"], head["pitch_deg"], head["roll_deg"]),
            gaze=Gaze(left_deg=_pair(tree["gaze"]["left_deg"]), right_deg=_pair(tree["gaze"]["right_deg"])),
            box=None if box is None else _four(box),
            latency_ms=float(tree["latency_ms"]),
            landmarks=None if mesh is None else _mesh(_array(mesh, 3 * LANDMARKS)),
            extras=tuple((name, float(value)) for name, value in tree.get("extras", {}).items()),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a frame of the stream: {error!r}") from error


# --- binary ----------------------------------------------------------------------------------------------------------

MAGIC = b"ABF1"
_PRESENCES = (Presence.LIVE, Presence.HELD, Presence.LOST)
_HAS_HEAD, _HAS_BOX, _HAS_LANDMARKS = 1, 2, 4

_HEADER = struct.Struct("<4sBBBxIfd")
"""magic, presence, flags, subject, padding, seq modulo 2^32, latency_ms, t: 24 bytes."""
_POSE = struct.Struct("<18f")
"""position_m 3, quat_xyzw 4, yaw pitch roll 3, gaze left right 4, box 4."""
_WEIGHTS_AT = _HEADER.size
_POSE_AT = _WEIGHTS_AT + 4 * CHANNELS
FRAME_BYTES = _POSE_AT + _POSE.size
"""A frame without landmarks: 304."""
FRAME_BYTES_WITH_LANDMARKS = FRAME_BYTES + 4 * 3 * LANDMARKS
"""6,040."""

_ZERO_POSE = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
_ZERO_BOX = (0.0, 0.0, 0.0, 0.0)


def encode_binary(state: FaceState, *, latency_ms: float, landmarks: bool = False) -> bytes:
    """One frame as little-endian bytes, ``FRAME_BYTES`` or ``FRAME_BYTES_WITH_LANDMARKS`` long; layout in ``docs/stream.md``."""
    head, mesh = state.head, state.landmarks if landmarks else None
    flags = (
        (_HAS_HEAD if head is not None else 0)
        | (_HAS_BOX if state.box is not None else 0)
        | (_HAS_LANDMARKS if mesh is not None else 0)
    )
    pose = _ZERO_POSE if head is None else (*head.position_m, *head.quat_xyzw, *space.to_euler_deg(head.quat_xyzw))
    header = _HEADER.pack(
        MAGIC, _PRESENCES.index(state.presence), flags, state.subject, state.seq & 0xFFFFFFFF, latency_ms, state.t
    )
    parts = [
        header,
        state.weights.astype("<f4", copy=False).tobytes(),
        _POSE.pack(*pose, *state.gaze.left_deg, *state.gaze.right_deg, *(state.box or _ZERO_BOX)),
    ]
    if mesh is not None:
        parts.append(mesh.astype("<f4", copy=False).tobytes())
    return b"".join(parts)


def decode_binary(data: bytes) -> StreamFrame:
    """The reverse of ``encode_binary``. Raises ValueError when the bytes are no frame."""
    if len(data) not in (FRAME_BYTES, FRAME_BYTES_WITH_LANDMARKS) or data[:4] != MAGIC:
        raise ValueError(f"not a frame of the stream: {len(data)} bytes that begin with {data[:4]!r}")
    _, presence, flags, subject, seq, latency_ms, t = _HEADER.unpack_from(data)
    if presence >= len(_PRESENCES) or bool(flags & _HAS_LANDMARKS) != (len(data) != FRAME_BYTES):
        raise ValueError(f"not a frame of the stream: presence {presence}, flags {flags}, {len(data)} bytes")
    pose = _POSE.unpack_from(data, _POSE_AT)
    has_head, has_box = bool(flags & _HAS_HEAD), bool(flags & _HAS_BOX)
    return StreamFrame(
        subject=subject,
        seq=seq,
        t=t,
        presence=_PRESENCES[presence],
        weights=_array(np.frombuffer(data, "<f4", CHANNELS, _WEIGHTS_AT), CHANNELS),
        head=_pose(pose[0:3], pose[3:7]) if has_head else None,
        yaw_pitch_roll_deg=(pose[7], pose[8], pose[9]) if has_head else None,
        gaze=Gaze(left_deg=_pair(pose[10:12]), right_deg=_pair(pose[12:14])),
        box=_four(pose[14:18]) if has_box else None,
        latency_ms=latency_ms,
        landmarks=_mesh(np.frombuffer(data, "<f4", 3 * LANDMARKS, FRAME_BYTES)) if flags & _HAS_LANDMARKS else None,
    )


# --- pieces of both decoders -----------------------------------------------------------------------------------------


def _array(values: Sequence[float] | Float32Array, length: int) -> Float32Array:
    array = np.array(values, dtype=np.float32)
    if array.shape != (length,):
        raise ValueError(f"not a frame of the stream: {length} numbers expected, {array.shape} found")
    return frozen_array(array)


def _mesh(flat: Float32Array) -> Float32Array:
    return frozen_array(np.array(flat, dtype=np.float32).reshape(LANDMARKS, 3))


def _pose(position_m: Sequence[float], quat_xyzw: Sequence[float]) -> HeadPose:
    return HeadPose(
        position_m=frozen_array(np.array(position_m, dtype=np.float64)),
        quat_xyzw=frozen_array(np.array(quat_xyzw, dtype=np.float64)),
    )


def _pair(values: Sequence[float]) -> tuple[float, float]:
    first, second = values
    return float(first), float(second)


def _four(values: Sequence[float]) -> tuple[float, float, float, float]:
    x, y, width, height = values
    return float(x), float(y), float(width), float(height)
