"""VRM Animation files: what is in ours, and what is taken from anybody's."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge import arkit, space
from bridge.types import FaceState, Float64Array
from bridge.wire import glb, vrma, vrma_reader
from bridge.wire.animation import MAX_KEYS, Animation, AnimationCollector, BadAnimation

MakeState = Callable[..., FaceState]


@pytest.fixture
def take(make_state: MakeState) -> Animation:
    """Ten random faces, 30 a second."""
    collector = AnimationCollector()
    for i in range(10):
        collector.add_state(make_state(seed=i, t=i / 30))
    return collector.finished()


def document_of(data: bytes) -> dict[str, Any]:
    """The JSON of a .glb."""
    document: dict[str, Any] = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    return document


def changed(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The same file with another JSON document."""
    document = document_of(data)
    change(document)
    file = glb.unpack(data)
    return glb.pack(document, bytes(file.binary))


def turned_deg(a: Float64Array, b: Float64Array) -> float:
    return space.angle_between_deg(space.canonical(a), space.canonical(b))


# --- ours ----------------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read(take: Animation) -> None:
    """Coefficients as the float32 they are; head and gaze within a float32."""
    back = vrma_reader.decode(vrma.encode(take))

    assert take.times_s.astype(np.float32).tolist() == back.times_s.tolist()
    assert take.weights.tobytes() == back.weights.tobytes()
    assert take.presets.tobytes() == back.presets.tobytes()
    assert 1e-4 > max(map(turned_deg, take.head_xyzw, back.head_xyzw))
    np.testing.assert_allclose(back.gaze_deg, take.gaze_deg, atol=1e-4)


def test_the_file_is_what_the_specification_asks(take: Animation) -> None:
    """Every required bone, hips above the floor, no eye bones, no mesh, rotations for bones, x for expressions, LINEAR."""
    data = vrma.encode(take)
    document = document_of(data)
    found = document["extensions"]["VRMC_vrm_animation"]
    nodes = document["nodes"]
    bones = {name: entry["node"] for name, entry in found["humanoid"]["humanBones"].items()}

    assert set(vrma.REQUIRED_BONES) | {"neck"} == set(bones)
    assert nodes[bones["hips"]]["translation"][1] > 0
    assert not any("rotation" in node or "mesh" in node for node in nodes)
    assert not {"lookUp", "lookDown", "lookLeft", "lookRight"} & set(found["expressions"]["preset"])
    assert {"LINEAR"} == {sampler["interpolation"] for sampler in document["animations"][0]["samplers"]}
    paths = {(channel["target"]["node"] in bones.values(), channel["target"]["path"])
             for channel in document["animations"][0]["channels"]}  # fmt: skip
    assert {(True, "rotation"), (False, "translation"), (False, "rotation")} == paths  # the last is lookAt
    assert len(data) == struct.unpack_from("<I", data, 8)[0]
    assert 0 == len(data) % 4


def test_every_time_accessor_has_its_bounds(take: Animation) -> None:
    """min and max equal the bytes, and times rise strictly."""
    data = vrma.encode(take)
    document, file = document_of(data), glb.unpack(data)
    inputs = {sampler["input"] for sampler in document["animations"][0]["samplers"]}

    for index in inputs:
        times = file.accessor(index, kind="SCALAR", longest=MAX_KEYS)[:, 0]
        assert ([times[0]], [times[-1]]) == (document["accessors"][index]["min"], document["accessors"][index]["max"])
        assert (np.diff(times) > 0.0).all()


@pytest.mark.parametrize("neck", [0.0, 0.5, 1.0])
def test_neck_and_head_together_are_the_head(take: Animation, neck: float) -> None:
    """Whatever the neck takes; at 0 there is none."""
    data = vrma.encode(take, neck=neck)
    back = vrma_reader.decode(data)

    assert (neck > 0.0) == ("neck" in document_of(data)["extensions"]["VRMC_vrm_animation"]["humanoid"]["humanBones"])
    assert 1e-4 > max(map(turned_deg, take.head_xyzw, back.head_xyzw))


def test_which_expressions_are_written(take: Animation) -> None:
    """All, the 52 only, or the presets only; lids as two presets or as one."""

    def names(**options: Any) -> tuple[set[str], set[str]]:
        groups = document_of(vrma.encode(take, **options))["extensions"]["VRMC_vrm_animation"]["expressions"]
        return set(groups.get("preset", ())), set(groups.get("custom", ()))

    presets, custom = names()
    assert {"aa", "ih", "ou", "ee", "oh", "blinkLeft", "blinkRight"} == presets
    assert set(arkit.NAMES) == custom  # random faces move the dead ones too
    assert (set(), custom) == names(expressions="custom")
    assert (presets, set()) == names(expressions="presets")
    assert (presets - {"blinkLeft", "blinkRight"} | {"blink"}, set()) == names(expressions="presets", blink="both")


def test_what_never_moves_takes_no_room(make_state: MakeState) -> None:
    """Dead channels are left out, a still one has two keys, a moving one all; the values stay what they are."""
    collector = AnimationCollector()
    for i in range(300):
        collector.add_state(make_state(weights={"jawOpen": i / 300, "mouthPucker": 0.25}, yaw=i / 10, t=i / 30))
    take = collector.finished()
    data = vrma.encode(take)
    document = document_of(data)
    found = document["extensions"]["VRMC_vrm_animation"]["expressions"]["custom"]
    animation = document["animations"][0]
    keys = {
        channel["target"]["node"]: document["accessors"][animation["samplers"][channel["sampler"]]["input"]]["count"]
        for channel in animation["channels"]
    }

    assert not {"tongueOut", "cheekPuff", "jawForward"} & set(found)
    assert (300, 2, 2) == tuple(keys[found[name]["node"]] for name in ("jawOpen", "mouthPucker", "eyeBlinkLeft"))
    assert take.weights.tobytes() == vrma_reader.decode(data).weights.tobytes()
    assert len(data) < 50_000


def test_gaze_may_be_left_out(take: Animation) -> None:
    """For avatars whose eyes the eyeLook expressions move."""
    assert "lookAt" not in document_of(vrma.encode(take, gaze=False))["extensions"]["VRMC_vrm_animation"]


def test_a_single_moment_is_a_file() -> None:
    """As of a still picture."""
    back = vrma_reader.decode(vrma.encode(AnimationCollector().finished()))

    assert [0.0] == back.times_s.tolist()


# --- anybody's -----------------------------------------------------------------------------------------------------------


def test_a_head_whose_rest_pose_is_turned(take: Animation) -> None:
    """What counts is the turn against the rest pose, the bones above it included."""
    rest = space.from_euler_deg(yaw=0, pitch=90, roll=0)
    data = vrma.encode(take, neck=0.0)
    bones = document_of(data)["extensions"]["VRMC_vrm_animation"]["humanoid"]["humanBones"]

    def lean(document: dict[str, Any]) -> None:
        document["nodes"][bones["spine"]["node"]]["rotation"] = rest.tolist()

    back = vrma_reader.decode(changed(data, lean))

    for was, got in zip(take.head_xyzw, back.head_xyzw, strict=True):
        turned = space.multiply(space.multiply(rest, was), space.inverse(rest))
        assert 1e-4 > turned_deg(turned, got)


def test_names_are_known_in_any_spelling(take: Animation) -> None:
    """JawOpen is jawOpen; a stranger is passed over."""

    def rename(document: dict[str, Any]) -> None:
        custom = document["extensions"]["VRMC_vrm_animation"]["expressions"]["custom"]
        custom["JawOpen"] = custom.pop("jawOpen")
        custom["Fangs"] = custom.pop("mouthPucker")

    back = vrma_reader.decode(changed(vrma.encode(take), rename))

    jaw, pucker = arkit.INDEX["jawOpen"], arkit.INDEX["mouthPucker"]
    assert take.weights[:, jaw].tolist() == back.weights[:, jaw].tolist()
    assert not back.weights[:, pucker].any()


@pytest.mark.parametrize(("way", "middle"), [("LINEAR", 0.5), ("STEP", 0.0)])
def test_tracks_with_keys_of_their_own(way: str, middle: float) -> None:
    """Moments are the keys of all tracks; between its keys a track is interpolated as it says."""
    collector = AnimationCollector()
    for t, jaw in ((0.0, 0.0), (1.0, 0.5), (2.0, 1.0)):
        collector.add_state(FaceState.rest(t=t))
        collector._floats[-64 + arkit.INDEX["jawOpen"]] = jaw
    data = vrma.encode(collector.finished(), gaze=False)
    document = document_of(data)
    node = document["extensions"]["VRMC_vrm_animation"]["expressions"]["custom"]["jawOpen"]["node"]
    (channel,) = [each for each in document["animations"][0]["channels"] if each["target"]["node"] == node]
    sampler = document["animations"][0]["samplers"][channel["sampler"]]

    def thin_out(document: dict[str, Any]) -> None:
        """Every other key only: strides of twice the size."""
        changed_sampler = document["animations"][0]["samplers"][channel["sampler"]]
        changed_sampler["interpolation"] = way
        for key in ("input", "output"):
            accessor = dict(document["accessors"][sampler[key]], count=2)
            view = dict(document["bufferViews"][accessor["bufferView"]], byteStride=8 if key == "input" else 24)
            document["bufferViews"].append(view)
            document["accessors"].append(accessor | {"bufferView": len(document["bufferViews"]) - 1})
            changed_sampler[key] = len(document["accessors"]) - 1

    back = vrma_reader.decode(changed(data, thin_out))

    assert [0.0, middle, 1.0] == back.weights[:, arkit.INDEX["jawOpen"]].tolist()


def _set(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


EXTENSION = ("extensions", "VRMC_vrm_animation")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_set(*EXTENSION, "specVersion", to="2.0"), "not a VRM Animation of version 1"),
        (_set("extensions", to={}), "is not an object"),
        (_set("accessors", 0, "count", to=1 << 31), "elements; from 1 to"),
        (_set("accessors", 0, "count", to=11), "reaches beyond"),
        (_set("accessors", 0, "count", to=-1), "not a whole number"),
        (_set("accessors", 0, "count", to=1.5), "not a whole number"),
        (_set("accessors", 0, "byteOffset", to=4), "reaches beyond"),
        (_set("accessors", 0, "componentType", to=5125), "components of type 5125"),
        (_set("accessors", 0, "type", to="MAT4"), "where"),
        (_set("accessors", 0, "sparse", to={}), "sparse"),
        (_set("accessors", 0, "bufferView", to=9999), "does not exist"),
        (_set("bufferViews", 0, "byteLength", to=1 << 30), "beyond the file"),
        (_set("bufferViews", 0, "byteStride", to=1), "reaches beyond"),
        (_set("buffers", 0, "uri", to="data:,"), "not inside the file"),
        (_set("animations", to=[]), "does not exist"),
        (_set("animations", 0, "channels", to=[]), "moves neither"),
        (_set("animations", 0, "samplers", 0, "interpolation", to="CUBIC"), "an interpolation"),
        (_set("animations", 0, "samplers", 0, "input", to=1), "where SCALAR belongs"),
        (_set("nodes", 0, "rotation", to=[0, 0, 0, 0]), "a rotation is zero"),
        (_set("nodes", 0, "rotation", to=[0, 0, 0, 10**400]), "out of range"),
        (_set("nodes", 0, "rotation", to="none"), "not four numbers"),
        (_set("nodes", 2, "children", to=[3, 0]), "a ring"),
    ],
)
def test_a_claim_that_is_wrong_is_one_sentence(take: Animation, change: Callable[[dict[str, Any]], None], reason: str) -> None:
    """Never an exception of another kind."""
    data = vrma.encode(take)
    index = document_of(data)["animations"][0]["samplers"][0]["input"]
    assert 0 == index  # so that the changes above hit the key times of the neck
    with pytest.raises(BadAnimation, match=reason):
        vrma_reader.decode(changed(data, change))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "too short"),
        (b"glTF" + bytes(20), "version 0"),
        (b"HIERARCHY\nROOT Hips\n{", "not a binary glTF"),
        (struct.pack("<IIIII", 0x46546C67, 2, 1 << 31, 8, 0x4E4F534A), "cut off"),
        (struct.pack("<IIIII", 0x46546C67, 2, 20, 1 << 31, 0x4E4F534A), "not a whole JSON"),
        (struct.pack("<IIIII", 0x46546C67, 2, 24, 4, 0x4E4F534A) + b"[]  ", "not an object"),
        (struct.pack("<IIIII", 0x46546C67, 2, 24, 4, 0x4E4F534A) + b"[[[[", "cannot be read"),
        (struct.pack("<IIIII", 0x46546C67, 2, 24, 4, 0x4E4F534A) + b"NaN ", "NaN is not"),
    ],
)
def test_what_is_no_such_file_is_one_sentence(data: bytes, reason: str) -> None:
    """Cut off, of another kind, or nonsense."""
    with pytest.raises(BadAnimation, match=reason):
        vrma_reader.decode(data)


def test_times_must_rise_to_be_written(take: Animation) -> None:
    """A bug of ours is an error here, not in somebody's viewer."""
    times = take.times_s.copy()
    times[3] = times[2]
    broken = Animation(
        times_s=times, weights=take.weights, presets=take.presets, head_xyzw=take.head_xyzw, gaze_deg=take.gaze_deg
    )

    with pytest.raises(ValueError, match="strictly rising"):
        vrma.encode(broken)
