"""VRM Animation 1.0 (.vrma), read: ours and anybody's. Bytes in, an ``Animation`` out; pure, any thread.

Taken are the head's rotation against its rest pose (all bones above it together), the custom expressions that are ARKit names in
any spelling, the presets, and gaze. Where no eyeLook expression is given, gaze becomes eyeLook coefficients. Nothing that the
file claims is trusted: counts and lengths are checked first, keys are bounded by ``MAX_KEYS``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridge import arkit
from bridge.settings import EyesSettings
from bridge.types import CHANNELS, Float32Array, Float64Array, frozen_array
from bridge.wire import rotation_rows
from bridge.wire.animation import EXPRESSIONS, MAX_KEYS, Animation, BadAnimation
from bridge.wire.glb import Glb, mapping, unpack, whole
from bridge.wire.vrma import EXTENSION

_DEEPEST = 32
"""Nodes from the root to the head; a human has eight."""
_WIDTH = {"rotation": "VEC4", "translation": "VEC3"}
_EYES = EyesSettings()
_LOOKS = tuple(arkit.INDEX[f"eyeLook{way}{side}"] for side in ("Left", "Right") for way in ("In", "Out", "Up", "Down"))


@dataclass(frozen=True, slots=True)
class _Track:
    """One channel."""

    times_s: Float64Array
    values: Float64Array
    steps: bool
    """STEP: a value holds until the next."""

    def scalars(self, wanted_s: Float64Array) -> Float64Array:
        """The first component over time."""
        if self.steps:
            return self._held(wanted_s)[:, 0]
        between: Float64Array = np.interp(wanted_s, self.times_s, self.values[:, 0])
        return between

    def rotations(self, wanted_s: Float64Array) -> Float64Array:
        """Unit rows."""
        if self.steps:
            return self._held(wanted_s)
        return rotation_rows.at_times(self.times_s, self.values, wanted_s)

    def _held(self, wanted_s: Float64Array) -> Float64Array:
        held: Float64Array = self.values[np.maximum(np.searchsorted(self.times_s, wanted_s, side="right") - 1, 0)]
        return held


def decode(data: bytes) -> Animation:
    """The performance in a file. Raises BadAnimation."""
    file = unpack(data)
    found = mapping(mapping(file.document.get("extensions"), "extensions").get(EXTENSION), f"extensions.{EXTENSION}")
    version = found.get("specVersion")
    if not (isinstance(version, str) and version.startswith("1.")):
        raise BadAnimation("not a VRM Animation of version 1")
    chain = _chain(file, found)
    expressions = dict(_expressions(found))
    look = whole(mapping(found["lookAt"], "lookAt").get("node"), "lookAt.node") if "lookAt" in found else None
    wanted = {(node, "rotation") for node in chain} | {(node, "translation") for node in expressions.values()}
    tracks = _tracks(file, wanted | ({(look, "rotation")} if look is not None else set()))
    if not tracks:
        raise BadAnimation("it moves neither a head nor an expression")
    times = _moments(track.times_s for track in tracks.values())
    weights, presets, looks_given = _weights(expressions, tracks, times)
    gaze = np.zeros((len(times), 2))
    if look is not None and (look, "rotation") in tracks:
        gaze = rotation_rows.to_euler_deg(tracks[look, "rotation"].rotations(times))[:, :2]
        if not looks_given:
            _look(weights, gaze)
    return Animation(
        times_s=frozen_array(times),
        weights=frozen_array(weights),
        presets=frozen_array(presets),
        head_xyzw=frozen_array(_head(file, chain, tracks, times)),
        gaze_deg=frozen_array(gaze),
    )


# --- what moves what ----------------------------------------------------------------------------------------------------


def _chain(file: Glb, found: Mapping[str, Any]) -> tuple[int, ...]:
    """The nodes from the root to the head; empty when the file has no head."""
    bones = mapping(mapping(found.get("humanoid", {}), "humanoid").get("humanBones", {}), "humanBones")
    if "head" not in bones:
        return ()
    node = whole(mapping(bones["head"], "humanBones.head").get("node"), "humanBones.head.node")
    nodes = file.document.get("nodes")
    parents: dict[int, int] = {}
    for parent, each in enumerate(nodes if isinstance(nodes, list) else ()):
        children = each.get("children", ()) if isinstance(each, dict) else ()
        for child in children if isinstance(children, list) else ():
            if type(child) is int:
                parents.setdefault(child, parent)
    chain = [node]
    while chain[-1] in parents:
        chain.append(parents[chain[-1]])
        if len(chain) > _DEEPEST:
            raise BadAnimation(f"its head is more than {_DEEPEST} nodes deep, or part of a ring")
    return tuple(reversed(chain))


def _expressions(found: Mapping[str, Any]) -> Iterator[tuple[tuple[str, int], int]]:
    """(("custom", ARKit position) or ("preset", position in EXPRESSIONS, or that of blink), node)."""
    groups = mapping(found.get("expressions", {}), "expressions")
    for name, entry in mapping(groups.get("custom", {}), "expressions.custom").items():
        position = arkit.find(name)
        if position is not None:
            yield ("custom", position), whole(mapping(entry, f"expression {name!r}").get("node"), "node")
    for name, entry in mapping(groups.get("preset", {}), "expressions.preset").items():
        if name in EXPRESSIONS or name == "blink":
            at = EXPRESSIONS.index(name) if name in EXPRESSIONS else len(EXPRESSIONS)
            yield ("preset", at), whole(mapping(entry, f"expression {name!r}").get("node"), "node")


def _tracks(file: Glb, wanted: set[tuple[int, str]]) -> dict[tuple[int, str], _Track]:
    """The channels of the first animation that move what is wanted: at most one each, the first."""
    animation = file.item("animations", 0)
    channels, samplers = animation.get("channels"), animation.get("samplers")
    if not (isinstance(channels, list) and isinstance(samplers, list)):
        raise BadAnimation("its animation has no channels")
    tracks: dict[tuple[int, str], _Track] = {}
    for each in channels:
        channel = mapping(each, "a channel")
        target = mapping(channel.get("target"), "a channel's target")
        node, path = target.get("node"), target.get("path")
        if type(node) is not int or not isinstance(path, str) or (node, path) not in wanted or (node, path) in tracks:
            continue
        sampler = whole(channel.get("sampler"), "a channel's sampler")
        if sampler >= len(samplers):
            raise BadAnimation(f"samplers[{sampler}] does not exist")
        tracks[node, path] = _track(file, mapping(samplers[sampler], "a sampler"), path)
    return tracks


def _track(file: Glb, sampler: Mapping[str, Any], path: str) -> _Track:
    way = sampler.get("interpolation", "LINEAR")
    if way not in ("LINEAR", "STEP", "CUBICSPLINE"):
        raise BadAnimation("an interpolation is not LINEAR, STEP or CUBICSPLINE")
    times = file.accessor(sampler.get("input"), kind="SCALAR", longest=MAX_KEYS)[:, 0]
    if times[0] < 0.0 or (np.diff(times) <= 0.0).any():
        raise BadAnimation("key times are negative or do not rise")
    per_key = 3 if way == "CUBICSPLINE" else 1
    values = file.accessor(sampler.get("output"), kind=_WIDTH[path], longest=per_key * MAX_KEYS)
    if len(values) != per_key * len(times):
        raise BadAnimation(f"a track has {len(times)} times and {len(values)} values")
    values = values[1::3] if per_key == 3 else values  # the keys themselves, without their tangents
    return _Track(times, _unit(values) if path == "rotation" else values, way == "STEP")


def _unit(rows: Float64Array) -> Float64Array:
    try:
        return rotation_rows.unit(rows)
    except ValueError as error:
        raise BadAnimation(str(error)) from error


def _moments(all_times: Iterable[Float64Array]) -> Float64Array:
    """Every moment at which some track has a key."""
    distinct = {times.tobytes(): times for times in all_times}
    moments = np.unique(np.concatenate(list(distinct.values())))
    if len(moments) > MAX_KEYS:
        raise BadAnimation(f"it has {len(moments)} moments; up to {MAX_KEYS} are read")
    return moments


# --- values --------------------------------------------------------------------------------------------------------------


def _weights(
    expressions: Mapping[tuple[str, int], int], tracks: Mapping[tuple[int, str], _Track], times: Float64Array
) -> tuple[Float32Array, Float32Array, bool]:
    """Coefficients, presets, and whether any eyeLook was among them."""
    columns = {"custom": np.zeros((len(times), CHANNELS), np.float32)}
    columns["preset"] = np.zeros((len(times), len(EXPRESSIONS) + 1), np.float32)
    looks_given = False
    for (group, at), node in expressions.items():
        track = tracks.get((node, "translation"))
        if track is not None:
            columns[group][:, at] = np.clip(track.scalars(times), 0.0, 1.0)
            looks_given |= group == "custom" and at in _LOOKS
    presets = columns["preset"][:, :-1].copy()
    for side in ("blinkLeft", "blinkRight"):
        at = EXPRESSIONS.index(side)
        presets[:, at] = np.maximum(presets[:, at], columns["preset"][:, -1])
    return columns["custom"], presets, looks_given


def _look(weights: Float32Array, gaze_deg: Float64Array) -> None:
    """Both eyes alike: the reverse of ``mapping.gaze`` at its defaults."""
    yaw, down = gaze_deg[:, 0] / _EYES.gaze_yaw_deg, gaze_deg[:, 1] / _EYES.gaze_pitch_deg
    for way, value in (("OutLeft", yaw), ("InRight", yaw), ("InLeft", -yaw), ("OutRight", -yaw)):
        weights[:, arkit.INDEX[f"eyeLook{way}"]] = np.clip(value, 0.0, 1.0) + 0.0  # no -0
    for side in ("Left", "Right"):
        weights[:, arkit.INDEX[f"eyeLookDown{side}"]] = np.clip(down, 0.0, 1.0) + 0.0
        weights[:, arkit.INDEX[f"eyeLookUp{side}"]] = np.clip(-down, 0.0, 1.0) + 0.0


def _head(file: Glb, chain: tuple[int, ...], tracks: Mapping[tuple[int, str], _Track], times: Float64Array) -> Float64Array:
    """The head's rotation against its rest pose, in the model's axes."""
    identity = np.array([[0.0, 0.0, 0.0, 1.0]])
    at_rest, turned = identity, np.repeat(identity, len(times), axis=0)
    for node in chain:
        own = _rest_rotation(file.item("nodes", node))
        track = tracks.get((node, "rotation"))
        at_rest = rotation_rows.multiply(at_rest, own)
        turned = rotation_rows.multiply(turned, own if track is None else track.rotations(times))
    return _unit(rotation_rows.multiply(turned, rotation_rows.inverse(at_rest)))


def _rest_rotation(node: Mapping[str, Any]) -> Float64Array:
    given = node.get("rotation", [0, 0, 0, 1])
    if not (isinstance(given, list) and len(given) == 4 and all(type(value) in (int, float) for value in given)):
        raise BadAnimation("a node's rotation is not four numbers")
    try:
        return _unit(np.array([given], dtype=np.float64))
    except OverflowError as error:
        raise BadAnimation("a node's rotation is out of range") from error
