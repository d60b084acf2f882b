"""A FaceState as plain OSC: one address per coefficient, head and gaze beside them; or the layouts of Face Cap and phiz.

No standard names such addresses. Source: the fact sheet "OSC", section 2. Pure, one thread per encoder.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from bridge import arkit, space
from bridge.errors import OutputUnavailable
from bridge.types import CHANNELS, IDENTITY_HEAD, FaceState, Float64Array, Presence
from bridge.wire.gaze import eye_rotation
from bridge.wire.osc import Message, OscError, pack_bundles
from bridge.wire.osc_changes import ChangingMessages
from bridge.wire.osc_template import Slot, Template, message

Preset: TypeAlias = Literal["plain", "facecap", "phiz"]
Spelling: TypeAlias = Literal["camel", "pascal"]

FACE_CAP_NAMES: tuple[str, ...] = tuple(sorted(arkit.NAMES, key=lambda name: arkit.FACE_CAP_INDEX[arkit.INDEX[name]]))
"""The order of Face Cap's indices and of phiz's 52 floats."""

_FORBIDDEN = frozenset(" #*,?[]{}")


class Space(enum.Enum):
    """Axes in which head and gaze are sent."""

    BRIDGE = "bridge"
    """Right-handed, metres, +X own left, +Y up, +Z out of the face; = ARKit, glTF, VRM 1."""
    UNITY = "unity"
    UNREAL = "unreal"
    """Centimetres."""
    VRM0 = "vrm0"


class _Conversion(NamedTuple):
    quat: Callable[[Float64Array], Float64Array]
    position: Callable[[Float64Array], Float64Array]
    euler_deg: Callable[[Float64Array], tuple[float, float, float]]
    """(yaw, pitch, roll) in the target's own signs, of a quaternion in bridge space."""


def _unity_euler_deg(quat_xyzw: Float64Array) -> tuple[float, float, float]:
    x, y, z = space.to_unity_euler_deg(quat_xyzw)
    return y, x, z


def _unreal_euler_deg(quat_xyzw: Float64Array) -> tuple[float, float, float]:
    pitch, yaw, roll = space.to_unreal_rotator_deg(quat_xyzw)
    return yaw, pitch, roll


_CONVERSIONS = {
    Space.BRIDGE: _Conversion(lambda q: q, lambda p: p, space.to_euler_deg),
    Space.UNITY: _Conversion(space.to_unity, space.to_unity_position, _unity_euler_deg),
    Space.UNREAL: _Conversion(space.to_unreal, space.to_unreal_position_cm, _unreal_euler_deg),
    Space.VRM0: _Conversion(space.to_vrm0, space.to_vrm0_position, lambda q: space.to_euler_deg(space.to_vrm0(q))),
}

# Where the values of a frame stand in its array.
_QUAT, _EULER, _POSITION, _GAZE_LEFT, _GAZE_RIGHT = 52, 56, 59, 62, 64
_EYE_LEFT, _EYE_RIGHT, _VALUES = 66, 70, 74
"""``_VALUES`` and on: the named values of mapping rules."""
_PRESENCE = 0
"""The int slot."""


def _pose_matrix(target: Space) -> Float64Array:
    """All conversions of a frame's pose at once, (22, 22): they are linear, so each is known by what it does to unit vectors."""
    conversion = _CONVERSIONS[target]
    matrix = np.zeros((_VALUES - _QUAT, _VALUES - _QUAT))
    for at in (_QUAT - _QUAT, _EYE_LEFT - _QUAT, _EYE_RIGHT - _QUAT):
        matrix[at : at + 4, at : at + 4] = [conversion.quat(row) for row in np.eye(4)]
    at = _POSITION - _QUAT
    matrix[at : at + 3, at : at + 3] = [conversion.position(row) for row in np.eye(3)]
    # Angles only change signs.
    signs = np.sign(conversion.euler_deg(space.from_euler_deg(yaw=10.0, pitch=10.0, roll=10.0)))
    for start, count in ((_EULER, 3), (_GAZE_LEFT, 2), (_GAZE_RIGHT, 2)):
        for i in range(count):
            matrix[start - _QUAT + i, start - _QUAT + i] = signs[i]
    return matrix


class FaceOscEncoder:
    """States of one subject -> datagrams."""

    def __init__(
        self,
        *,
        preset: Preset = "plain",
        address: str = "/{name}",
        prefix: str = "",
        names: Spelling = "camel",
        head: bool = True,
        gaze: bool = True,
        presence: bool = True,
        axes: Space = Space.BRIDGE,
        bundled: bool = True,
        max_bytes: int = 1400,
        on_change: bool = False,
        epsilon: float = 0.001,
        refresh_s: float = 1.0,
    ) -> None:
        """``address`` is also that of named values of mapping rules (``FaceState.extras``); the other programs' layouts have no
        place for them. ``on_change``: only messages with a value that moved by more than ``epsilon`` since it was sent, and
        everything again every ``refresh_s`` of the states' time. Raises OscError for addresses that are none, or do not fit."""
        if preset == "plain":
            layout = _plain(address=address, prefix=prefix, names=names)
        else:
            layout = _face_cap(prefix) if preset == "facecap" else _phiz(prefix)
        wanted = {"shape": True, "head": head, "gaze": gaze, "presence": presence}
        self._messages = [each for part, each in layout if wanted[part]]
        for each in self._messages:
            check_address(each.address)
        self._extra_address = prefix + address if preset == "plain" else ""
        self._matrix = _pose_matrix(axes)
        self._on_change = on_change
        self._epsilon = epsilon
        self._refresh_s = refresh_s
        self._bundled = bundled
        self._max_bytes = max_bytes
        self._prepare(())

    def _prepare(self, extra_names: tuple[str, ...]) -> None:
        """The datagrams of frames with these named values. Raises OscError when one does not fit into a datagram."""
        addresses = [self._extra_address.replace("{name}", osc_name(name)) for name in extra_names]
        extras = {address: message(address, "f", Slot(_VALUES + i)) for i, address in enumerate(addresses)}
        messages = [*[each for each in self._messages if each.address not in extras], *extras.values()]
        bundles = pack_bundles([messages], max_bytes=self._max_bytes)
        limit = self._max_bytes if self._bundled else None
        self._packets: Template | ChangingMessages = (
            ChangingMessages(messages, epsilon=self._epsilon, refresh_s=self._refresh_s, max_bytes=limit)
            if self._on_change
            else Template(bundles if self._bundled else messages)
        )
        self._values = np.zeros(_VALUES + len(extra_names), dtype=np.float32)
        self._extra_names = extra_names

    def _take_extras(self, extras: tuple[tuple[str, float], ...]) -> None:
        names = tuple([name for name, _ in extras])
        if names != self._extra_names:
            try:
                self._prepare(names)
            except OscError as error:
                raise OutputUnavailable(f"{error}: set max_bytes higher, or give the value a shorter name") from error
        self._values[_VALUES:] = [value for _, value in extras]

    def encode(self, state: FaceState) -> Sequence[bytes | memoryview]:
        """The datagrams of one frame, in order, perhaps none; they may be views of memory that the next call overwrites. Raises
        OutputUnavailable when the name of an extra value does not fit into ``max_bytes``."""
        if self._extra_address and (state.extras or self._extra_names):
            self._take_extras(state.extras)
        head = state.head or IDENTITY_HEAD
        left, right = state.gaze.left_deg, state.gaze.right_deg
        pose = [
            *head.quat_xyzw.tolist(),
            *space.to_euler_deg(head.quat_xyzw),
            *head.position_m.tolist(),
            *left,
            *right,
            *eye_rotation(*left),
            *eye_rotation(*right),
        ]
        values = self._values
        values[:CHANNELS] = state.weights
        values[CHANNELS:_VALUES] = np.array(pose) @ self._matrix + 0.0  # + 0.0: no -0.0 on the wire
        packets = self._packets
        packets.set_int(_PRESENCE, int(state.presence is Presence.LIVE))
        if isinstance(packets, ChangingMessages):
            return packets.fill(values, state.t)
        packets.fill(values)
        return packets.datagrams


def check_address(address: str) -> None:
    """Raises OscError unless ``address`` can be the name of one method: no blanks, nothing that is a pattern."""
    if not address.startswith("/") or "//" in address or address.endswith("/"):
        raise OscError(f"{address!r} is not an OSC address: it begins with /, names are separated by single slashes")
    found = sorted(_FORBIDDEN & set(address)) or [c for c in address if not c.isprintable()]
    if found:
        raise OscError(f"{address!r} is not an OSC address: it contains {found[0]!r}")


def osc_name(name: str) -> str:
    """A name as part of an address: what OSC forbids there becomes _, empty parts between slashes are left out."""
    parts = "".join("_" if c in _FORBIDDEN or not c.isprintable() else c for c in name).split("/")
    return "/".join(filter(None, parts)) or "_"


# --- layouts: (part, message) in the order in which they are sent --------------------------------------------------------

_Layout: TypeAlias = list[tuple[str, Message]]


def _slots(start: int, *offsets: int) -> list[Slot]:
    return [Slot(start + offset) for offset in offsets]


def _plain(*, address: str, prefix: str, names: Spelling) -> _Layout:
    spelling = arkit.PASCAL if names == "pascal" else arkit.NAMES
    layout: _Layout = [
        ("shape", message(prefix + address.replace("{name}", name), "f", Slot(i))) for i, name in enumerate(spelling)
    ]
    return [
        *layout,
        ("head", message(f"{prefix}/head/rotation", "ffff", *_slots(_QUAT, 0, 1, 2, 3))),
        ("head", message(f"{prefix}/head/euler", "fff", *_slots(_EULER, 0, 1, 2))),
        ("head", message(f"{prefix}/head/position", "fff", *_slots(_POSITION, 0, 1, 2))),
        ("gaze", message(f"{prefix}/gaze/left", "ff", *_slots(_GAZE_LEFT, 0, 1))),
        ("gaze", message(f"{prefix}/gaze/right", "ff", *_slots(_GAZE_RIGHT, 0, 1))),
        ("presence", message(f"{prefix}/presence", "i", Slot(_PRESENCE))),
    ]


def _face_cap(prefix: str) -> _Layout:
    """Angles about x, y, z, so pitch before yaw; which signs Face Cap itself uses is not published."""
    return [
        ("head", message(f"{prefix}/HT", "fff", *_slots(_POSITION, 0, 1, 2))),
        ("head", message(f"{prefix}/HR", "fff", *_slots(_EULER, 1, 0, 2))),
        ("head", message(f"{prefix}/HRQ", "ffff", *_slots(_QUAT, 0, 1, 2, 3))),
        ("gaze", message(f"{prefix}/ELR", "ff", *_slots(_GAZE_LEFT, 1, 0))),
        ("gaze", message(f"{prefix}/ERR", "ff", *_slots(_GAZE_RIGHT, 1, 0))),
        *[("shape", message(f"{prefix}/W", "if", index, Slot(arkit.INDEX[name]))) for index, name in enumerate(FACE_CAP_NAMES)],
    ]


def _phiz(prefix: str) -> _Layout:
    return [
        ("head", message(f"{prefix}/phiz/headRotation", "ffff", *_slots(_QUAT, 0, 1, 2, 3))),
        ("gaze", message(f"{prefix}/phiz/leftEyeRotation", "ffff", *_slots(_EYE_LEFT, 0, 1, 2, 3))),
        ("gaze", message(f"{prefix}/phiz/rightEyeRotation", "ffff", *_slots(_EYE_RIGHT, 0, 1, 2, 3))),
        ("shape", message(f"{prefix}/phiz/blendshapes", "f" * CHANNELS, *[Slot(arkit.INDEX[name]) for name in FACE_CAP_NAMES])),
    ]
