"""VRM Animation 1.0 (.vrma), written; ``vrma_reader`` reads it. Fact sheet "VRM, Live2D", section 4. Pure; any thread.

A binary glTF without a mesh: a standing skeleton in T-pose (every bone that VRM 1 requires), rotations of head and neck in the
axes of VRM 1, which are ours; an expression is a node whose x is the weight; gaze is the rotation of the lookAt node. Eye bones
are forbidden in such files.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from bridge import arkit
from bridge.mapping.vrm import EMOTIONS
from bridge.types import Float64Array
from bridge.wire import glb, rotation_rows
from bridge.wire.animation import EXPRESSIONS, MAX_KEYS, Animation

Expressions: TypeAlias = Literal["all", "custom", "presets"]
Blink: TypeAlias = Literal["sides", "both"]

EXTENSION = "VRMC_vrm_animation"
_NECK_M, _HEAD_M = 0.42, 0.5
"""Above the spine joint."""
_EYES_M = [0, 0.06, 0]
"""From the head joint to between the eyes."""

_SKELETON: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("hips", "", (0, 1, 0)),  # at 0 the importers could not scale
    ("spine", "hips", (0, 0.1, 0)),
    ("head", "spine", (0, _HEAD_M, 0)),
    ("leftUpperLeg", "hips", (0.1, -0.05, 0)),
    ("leftLowerLeg", "leftUpperLeg", (0, -0.45, 0)),
    ("leftFoot", "leftLowerLeg", (0, -0.45, 0)),
    ("rightUpperLeg", "hips", (-0.1, -0.05, 0)),
    ("rightLowerLeg", "rightUpperLeg", (0, -0.45, 0)),
    ("rightFoot", "rightLowerLeg", (0, -0.45, 0)),
    ("leftUpperArm", "spine", (0.15, 0.4, 0)),
    ("leftLowerArm", "leftUpperArm", (0.25, 0, 0)),
    ("leftHand", "leftLowerArm", (0.25, 0, 0)),
    ("rightUpperArm", "spine", (-0.15, 0.4, 0)),
    ("rightLowerArm", "rightUpperArm", (-0.25, 0, 0)),
    ("rightHand", "rightLowerArm", (-0.25, 0, 0)),
)
"""Bone, parent, metres from the parent; T-pose, facing +Z."""

REQUIRED_BONES: tuple[str, ...] = tuple(name for name, _, _ in _SKELETON)
"""Without these importers refuse the file."""


# --- writing -----------------------------------------------------------------------------------------------------------


def encode(
    animation: Animation,
    *,
    neck: float = 0.5,
    expressions: Expressions = "all",
    blink: Blink = "sides",
    gaze: bool = True,
) -> bytes:
    """The file. ``neck``: how much of the head's rotation the neck takes, 0..1; at 0 there is no neck bone.

    ``blink``: as blinkLeft and blinkRight, or as the one preset blink. An emotion that never shows is left out, so that it stays
    the avatar's own; so is a coefficient that MediaPipe does not deliver and that is 0 throughout.
    """
    writer = _Writer(animation.times_s)
    bones = writer.add_skeleton(with_neck=neck > 0.0)
    head = rotation_rows.continuous(animation.head_xyzw)
    if neck > 0.0:
        writer.add_track(bones["neck"], "rotation", rotation_rows.continuous(rotation_rows.power(head, neck)))
        head = rotation_rows.continuous(rotation_rows.power(head, 1.0 - neck))
    writer.add_track(bones["head"], "rotation", head, whole=True)
    found: dict[str, Any] = {"humanoid": {"humanBones": {name: {"node": node} for name, node in bones.items()}}}
    groups: dict[str, Any] = {}
    if expressions != "custom":
        groups["preset"] = {
            name: {"node": writer.add_expression(name, weights)} for name, weights in _presets(animation, blink).items()
        }
    if expressions != "presets":
        groups["custom"] = {
            name: {"node": writer.add_expression(name, animation.weights[:, i])}
            for i, name in enumerate(arkit.NAMES)
            if arkit.SUPPORT[i] is not arkit.Support.DEAD or animation.weights[:, i].any()
        }
    found["expressions"] = groups
    if gaze:
        node = writer.add_node({"name": "lookAt", "translation": _EYES_M}, root=True)
        yaw, pitch = animation.gaze_deg.T
        turned = rotation_rows.multiply(rotation_rows.about_axis(1, yaw), rotation_rows.about_axis(0, pitch))
        writer.add_track(node, "rotation", rotation_rows.continuous(turned))
        found["lookAt"] = {"node": node, "offsetFromHeadBone": _EYES_M}
    return writer.file(found)


def _presets(animation: Animation, blink: Blink) -> dict[str, Any]:
    columns = dict(zip(EXPRESSIONS, animation.presets.T, strict=True))
    if blink == "both":
        columns["blink"] = 0.5 * (columns.pop("blinkLeft") + columns.pop("blinkRight"))
    return {name: column for name, column in columns.items() if name not in EMOTIONS or column.any()}


class _Writer:
    """The parts of the document while they grow."""

    def __init__(self, times_s: Float64Array) -> None:
        self._times = times_s.astype(np.float32)
        if not 1 <= len(times_s) <= MAX_KEYS or self._times[0] < 0.0 or (np.diff(self._times) <= 0.0).any():
            raise ValueError(f"an animation has 1 to {MAX_KEYS} moments from 0 on, strictly rising as float32")
        self._nodes: list[dict[str, Any]] = []
        self._roots: list[int] = []
        self._chunks: list[bytes] = []
        self._length = 0
        self._views: list[dict[str, int]] = []
        self._accessors: list[dict[str, Any]] = []
        self._samplers: list[dict[str, Any]] = []
        self._channels: list[dict[str, Any]] = []
        self._inputs: dict[bytes, int] = {}

    def add_node(self, node: dict[str, Any], *, root: bool) -> int:
        if root:
            self._roots.append(len(self._nodes))
        self._nodes.append(node)
        return len(self._nodes) - 1

    def add_skeleton(self, *, with_neck: bool) -> dict[str, int]:
        skeleton = list(_SKELETON)
        if with_neck:
            at = REQUIRED_BONES.index("head")
            skeleton[at : at + 1] = [("neck", "spine", (0, _NECK_M, 0)), ("head", "neck", (0, round(_HEAD_M - _NECK_M, 6), 0))]
        bones: dict[str, int] = {}
        for name, parent, offset in skeleton:
            bones[name] = self.add_node({"name": name, "translation": list(offset)}, root=not parent)
            if parent:
                self._nodes[bones[parent]].setdefault("children", []).append(bones[name])
        return bones

    def add_expression(self, name: str, weights: np.ndarray[Any, Any]) -> int:
        node = self.add_node({"name": name}, root=True)
        moved = np.zeros((len(weights), 3), dtype=np.float32)
        moved[:, 0] = np.clip(weights, 0.0, 1.0)
        self.add_track(node, "translation", moved)
        return node

    def add_track(self, node: int, path: str, values: np.ndarray[Any, Any], *, whole: bool = False) -> None:
        """``whole`` keeps every key; otherwise those go that lie on a level line between their neighbours."""
        rows = values.astype(np.float32)
        kept = np.ones(len(rows), dtype=np.bool_)
        if not whole and len(rows) > 2:
            same = (rows[1:] == rows[:-1]).all(axis=1)
            kept[1:-1] = ~(same[1:] & same[:-1])
            # A track with times of its own has to be worth them.
            if kept.sum() * (rows.shape[1] + 1) >= len(rows) * rows.shape[1]:
                kept[:] = True
        source = self._inputs.get(kept.tobytes())
        if source is None:
            source = self._inputs[kept.tobytes()] = self._add_accessor(self._times[kept][:, None], bounds=True)
        sampler = {"input": source, "output": self._add_accessor(rows[kept]), "interpolation": "LINEAR"}
        self._channels.append({"sampler": len(self._samplers), "target": {"node": node, "path": path}})
        self._samplers.append(sampler)

    def _add_accessor(self, values: np.ndarray[Any, Any], *, bounds: bool = False) -> int:
        data = values.astype("<f4").tobytes()
        accessor: dict[str, Any] = {"bufferView": len(self._views), "componentType": glb.FLOAT, "count": len(values)}
        accessor["type"] = "SCALAR" if values.shape[1] == 1 else f"VEC{values.shape[1]}"
        if bounds:
            accessor |= {"min": [float(values.min())], "max": [float(values.max())]}
        self._views.append({"buffer": 0, "byteOffset": self._length, "byteLength": len(data)})
        self._chunks.append(data)
        self._length += len(data)
        self._accessors.append(accessor)
        return len(self._accessors) - 1

    def file(self, animation: dict[str, Any]) -> bytes:
        document = {
            "asset": {"version": "2.0", "generator": "avatar-bridge"},
            "extensionsUsed": [EXTENSION],
            "scene": 0,
            "scenes": [{"nodes": self._roots}],
            "nodes": self._nodes,
            "buffers": [{"byteLength": self._length}],
            "bufferViews": self._views,
            "accessors": self._accessors,
            "animations": [{"name": "take", "samplers": self._samplers, "channels": self._channels}],
            "extensions": {EXTENSION: {"specVersion": "1.0", **animation}},
        }
        return glb.pack(document, b"".join(self._chunks))
