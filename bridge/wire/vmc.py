"""VMC protocol: a FaceState as the datagrams of one frame. Pure; the fact sheet "VMC protocol" gives messages and axes.

Performer (to a Marionette, port 39539): Root, the bones from the hips to head and eyes, all expressions and one Apply, OK, T.
Assistant (to a Performer, port 39540): where the eyes look, all expressions and one Apply; neck and head only when asked.
Every float is an ``f``, every int an ``i``, every frame complete, zeros included: some receivers stop for good otherwise.
Named values of mapping rules (``FaceState.extras``) are expressions too; one of an expression's own name takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from bridge import arkit, space
from bridge.errors import OutputUnavailable
from bridge.mapping.vrm import LOOKS, PRESETS, VRM0_NAMES, LipSync, VrmMapping
from bridge.types import CHANNELS, IDENTITY_HEAD, FaceState, Presence
from bridge.wire.gaze import eye_rotation, looked_at
from bridge.wire.osc import Message, OscError, pack_bundles
from bridge.wire.osc_template import Slot, Template, message

Target: TypeAlias = Literal["performer", "assistant"]
Names: TypeAlias = Literal["pascal", "camel", "both", "vrm0", "vrm1"]
Eyes: TypeAlias = Literal["bones", "expressions", "off"]

PORTS: dict[Target, int] = {"performer": 39539, "assistant": 39540}
"""Where each target listens by default."""

_PRESETS_AT = CHANNELS
_ROTATIONS_AT = _PRESETS_AT + len(PRESETS)
_NECK, _HEAD, _LEFT_EYE, _RIGHT_EYE = range(_ROTATIONS_AT, _ROTATIONS_AT + 16, 4)
_ROOT_AT = _ROTATIONS_AT + 16
_TARGET_AT = _ROOT_AT + 3
_TIME_AT = _TARGET_AT + 3
_VALUES = _TIME_AT + 1
"""From there on: the named values of mapping rules."""

_TRACKING, _EYE_ENABLED = 0, 1
"""The int slots."""

_IDENTITY = (0.0, 0.0, 0.0, 1.0)
_ORIGIN = (0.0, 0.0, 0.0)

_TO_UNITY = np.concatenate([*[space.to_unity(np.ones(4))] * 4, *[space.to_unity_position(np.ones(3))] * 2, np.ones(1)])
"""The conversions of `space`, as factors on all that follows the expressions at once."""


class VmcEncoder:
    """States of one subject -> datagrams. One thread; stateful only in the time that T counts from."""

    def __init__(
        self,
        *,
        target: Target = "performer",
        names: Names = "pascal",
        eyes: Eyes = "bones",
        bones: bool | None = None,
        neck: float = 0.5,
        root_position: bool = False,
        ok_fields: Literal[1, 4] = 1,
        bundled: bool = True,
        max_bytes: int = 1400,
        lipsync: LipSync = "mediapipe",
        emotions: bool = False,
    ) -> None:
        """``neck``: how much of the head's rotation the neck takes, 0..1. ``bones`` None: as usual for the target."""
        self._neck = neck
        self._root_position = root_position
        self._looks_at = target == "assistant"
        presets = names in ("vrm0", "vrm1")
        look_expressions = presets and eyes == "expressions"
        self._mapping = VrmMapping(lipsync=lipsync, emotions=emotions, look_expressions=look_expressions) if presets else None
        self._expressions = _expressions(names, look_expressions=look_expressions)
        with_bones = target == "performer" if bones is None else bones
        self._groups = (
            (_performer_body(with_bones=with_bones, eye_bones=eyes == "bones"), _trailer(ok_fields))
            if target == "performer"
            else (_assistant_body(with_bones=with_bones, gaze=eyes != "off"), [])
        )
        self._max_bytes = max_bytes if bundled else None
        self._origin_t: float | None = None
        self._prepare(())

    def _prepare(self, extra_names: tuple[str, ...]) -> None:
        """The datagrams of frames with these named values. Raises OscError when one does not fit into a datagram."""
        body, trailer = self._groups
        expressions = [(name, slot) for name, slot in self._expressions if name not in extra_names]
        expressions += [(name, _VALUES + i) for i, name in enumerate(extra_names)]
        values = [message("/VMC/Ext/Blend/Val", "sf", name, Slot(slot)) for name, slot in expressions]
        rest = [*values, message("/VMC/Ext/Blend/Apply", ""), *trailer]
        # A Performer's bones fill datagrams of their own.
        groups = [body, rest] if trailer else [[*body, *rest]]
        packets = [each for group in groups for each in group]
        self._template = Template(packets if self._max_bytes is None else pack_bundles(groups, max_bytes=self._max_bytes))
        self._values = np.zeros(_VALUES + len(extra_names), dtype=np.float32)
        self._extra_names = extra_names
        self._presence: Presence | None = None  # its slots are to be filled again

    def _take_extras(self, extras: tuple[tuple[str, float], ...]) -> None:
        names = tuple([name for name, _ in extras])
        if names != self._extra_names:
            try:
                self._prepare(names)
            except OscError as error:
                raise OutputUnavailable(f"{error}: set max_bytes higher, or give the value a shorter name") from error
        self._values[_VALUES:] = [value for _, value in extras]

    def encode(self, state: FaceState) -> Sequence[memoryview]:
        """The datagrams of one frame, in order. They are views of memory that the next call overwrites. Raises OutputUnavailable
        when the name of an extra value does not fit into ``max_bytes``.

        T counts seconds from the first state on, as a float32 of the machine's up-time would stand still for many frames.
        """
        if self._origin_t is None:
            self._origin_t = state.t
        head = state.head or IDENTITY_HEAD
        neck_quat, head_quat = split_rotation(head.quat_xyzw.tolist(), self._neck)
        gaze = state.gaze
        pose = [
            *neck_quat,
            *head_quat,
            *eye_rotation(*gaze.left_deg),
            *eye_rotation(*gaze.right_deg),
            *(head.position_m.tolist() if self._root_position else _ORIGIN),
            *(looked_at(gaze) if self._looks_at else _ORIGIN),
            state.t - self._origin_t,
        ]
        if state.extras or self._extra_names:
            self._take_extras(state.extras)
        values = self._values
        values[:CHANNELS] = state.weights
        if self._mapping is not None:
            values[_PRESETS_AT:_ROTATIONS_AT] = self._mapping.step(state.weights, gaze)
        # + 0.0 turns the -0.0 of the conversion into the plain 0 that everybody else sends.
        values[_ROTATIONS_AT:_VALUES] = np.array(pose) * _TO_UNITY + 0.0
        if state.presence is not self._presence:
            self._presence = state.presence
            self._template.set_int(_TRACKING, int(state.presence is Presence.LIVE))
            self._template.set_int(_EYE_ENABLED, int(state.presence is not Presence.LOST))
        self._template.fill(values)
        return self._template.datagrams


def split_rotation(quat_xyzw: Sequence[float], fraction: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(first, second) about the same axis, so that first * second is the whole: ``fraction`` of the angle, and the rest of it."""
    x, y, z, w = quat_xyzw
    if w < 0.0:  # the shorter way round
        x, y, z, w = -x, -y, -z, -w
    sine = math.sqrt(x * x + y * y + z * z)
    if sine < 1e-12:
        return _IDENTITY, _IDENTITY
    half_angle = math.atan2(sine, w)
    parts = []
    for share in (fraction * half_angle, (1.0 - fraction) * half_angle):
        k = math.sin(share) / sine
        parts.append((x * k, y * k, z * k, math.cos(share)))
    return parts[0], parts[1]


# --- messages --------------------------------------------------------------------------------------------------------


def _bone(name: str, rotation_at: int | None = None) -> Message:
    """A bone at rest, or with the rotation of these four slots."""
    rotation = _IDENTITY if rotation_at is None else [Slot(rotation_at + i) for i in range(4)]
    return message("/VMC/Ext/Bone/Pos", "sfffffff", name, 0.0, 0.0, 0.0, *rotation)


def _performer_body(*, with_bones: bool, eye_bones: bool) -> list[Message]:
    root = [Slot(_ROOT_AT + i) for i in range(3)]
    body = [message("/VMC/Ext/Root/Pos", "sfffffff", "root", *root, *_IDENTITY)]
    if with_bones:
        # The untouched ones too: some receivers find the head by going up from the hips.
        body += [_bone(name) for name in ("Hips", "Spine", "Chest", "UpperChest")]
        body += [_bone("Neck", _NECK), _bone("Head", _HEAD)]
    if with_bones and eye_bones:
        body += [_bone("LeftEye", _LEFT_EYE), _bone("RightEye", _RIGHT_EYE)]
    return body


def _assistant_body(*, with_bones: bool, gaze: bool) -> list[Message]:
    point = [Slot(_TARGET_AT + i) for i in range(3)]
    body = [message("/VMC/Ext/Set/Eye", "ifff", Slot(_EYE_ENABLED), *point)] if gaze else []
    return body + ([_bone("Neck", _NECK), _bone("Head", _HEAD)] if with_bones else [])


def _expressions(names: Names, *, look_expressions: bool) -> list[tuple[str, int]]:
    """(name, slot) of each."""
    named: list[tuple[str, int]] = []
    if names in ("pascal", "both"):
        named += [(name, i) for i, name in enumerate(arkit.PASCAL)]
    if names in ("camel", "both"):
        named += [(name, i) for i, name in enumerate(arkit.NAMES)]
    if names in ("vrm0", "vrm1"):
        owned = len(PRESETS) if look_expressions else len(PRESETS) - len(LOOKS)
        spelling = VRM0_NAMES if names == "vrm0" else PRESETS
        named += [(name, _PRESETS_AT + i) for i, name in enumerate(spelling[:owned])]
    return named


def _trailer(ok_fields: Literal[1, 4]) -> list[Message]:
    """OK: a model is loaded; in the form of V2.7 also calibrated (3), normal mode (0), tracking good or bad. Then the time."""
    ok = (1,) if ok_fields == 1 else (1, 3, 0, Slot(_TRACKING))
    return [message("/VMC/Ext/OK", "i" * len(ok), *ok), message("/VMC/Ext/T", "f", Slot(_TIME_AT))]
