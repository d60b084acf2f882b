"""The fact sheet's golden .vrma and .bvh ("VRM, Live2D", section 7), read and written."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge import arkit, space
from bridge.types import frozen_array
from bridge.wire import bvh, vrma, vrma_reader
from bridge.wire.animation import EXPRESSIONS, Animation

HEAD = [0.0782044, 0.1765667, -0.0579133, 0.9794664]
SHA256 = "bd7984ca9e78831a68d42ff33d232744730f96fa611a0dccde2aa1ef95dd9ac9"
BIN = (
    "000000008988083d0000000000000000000000000000803f9b29a03de5cd343e79366dbd4fbe7a3f0000000000000000000000000000003f"
    "00000000000000000000000000000000000000000000803e00000000000000000000000000000000000000000000803f00000000b67eb23d"
    "000000009e067f3f"
)


@pytest.fixture
def golden_vrma(protocols: Path) -> bytes:
    """``golden.vrma``, the one that the sheet means."""
    data = (protocols / "golden" / "golden.vrma").read_bytes()
    assert SHA256 == hashlib.sha256(data).hexdigest()
    return data


@pytest.fixture
def performance() -> Animation:
    """What the golden .vrma holds, written down by hand: yaw 20, pitch 10, roll -5, aa .5, jawOpen .25, gaze 10 to the left."""
    weights = np.zeros((2, 52), np.float32)
    weights[1, arkit.INDEX["jawOpen"]] = 0.25
    presets = np.zeros((2, len(EXPRESSIONS)), np.float32)
    presets[1, EXPRESSIONS.index("aa")] = 0.5
    head = np.stack([space.from_euler_deg(yaw=0, pitch=0, roll=0), space.from_euler_deg(yaw=20, pitch=10, roll=-5)])
    return Animation(
        times_s=frozen_array(np.array([0.0, 1 / 30])),
        weights=frozen_array(weights),
        presets=frozen_array(presets),
        head_xyzw=frozen_array(head),
        gaze_deg=frozen_array(np.array([[0.0, 0.0], [10.0, 0.0]])),
    )


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """JSON and BIN of a .glb, by the container's definition."""
    length = struct.unpack_from("<I", data, 12)[0]
    size = struct.unpack_from("<I", data, 20 + length)[0]
    return json.loads(data[20 : 20 + length]), data[28 + length : 28 + length + size]


def track(data: bytes, node_of: tuple[str, ...]) -> list[float]:
    """All numbers of the track that moves a node, found through the extension: ("humanoid", "humanBones", "head")."""
    document, binary = parts(data)
    found = document["extensions"]["VRMC_vrm_animation"]
    for key in node_of:
        found = found[key]
    animation = document["animations"][0]
    (sampler,) = [
        animation["samplers"][channel["sampler"]]
        for channel in animation["channels"]
        if channel["target"]["node"] == found["node"]
    ]
    accessor = document["accessors"][sampler["output"]]
    view = document["bufferViews"][accessor["bufferView"]]
    return np.frombuffer(binary[view["byteOffset"] :][: view["byteLength"]], "<f4").tolist()  # type: ignore[no-any-return]


def test_the_golden_vrma_is_read(golden_vrma: bytes) -> None:
    """Every value that the sheet gives; the gaze has become eyeLook coefficients, as the file has none of those."""
    animation = vrma_reader.decode(golden_vrma)

    assert [0.0, 0.0333333] == pytest.approx(animation.times_s.tolist(), abs=1e-7)
    assert [0.0, 0.0, 0.0, 1.0] == animation.head_xyzw[0].tolist()
    assert pytest.approx(animation.head_xyzw[1].tolist(), abs=1e-7) == HEAD
    assert [0.0, 0.5] == animation.presets[:, EXPRESSIONS.index("aa")].tolist()
    assert [0.0, 0.25] == animation.weights[:, arkit.INDEX["jawOpen"]].tolist()
    assert [10.0, 0.0] == pytest.approx(animation.gaze_deg[1].tolist(), abs=1e-5)
    moved = {name: round(float(value), 5) for name, value in zip(arkit.NAMES, animation.weights[1], strict=True) if value}
    assert {"jawOpen": 0.25, "eyeLookOutLeft": 0.26316, "eyeLookInRight": 0.26316} == moved


def test_the_golden_tracks_are_written(performance: Animation, golden_vrma: bytes) -> None:
    """Head only, as the golden file: its tracks have the golden file's very floats, and the sheet's."""
    data = vrma.encode(performance, neck=0.0)

    for node in (
        ("humanoid", "humanBones", "head"),
        ("expressions", "preset", "aa"),
        ("expressions", "custom", "jawOpen"),
        ("lookAt",),
    ):
        assert pytest.approx(track(data, node), abs=1e-7) == track(golden_vrma, node)
    assert [0.0, 0.0, 0.0, 1.0, *HEAD] == pytest.approx(track(data, ("humanoid", "humanBones", "head")), abs=1e-7)
    assert [0.0871557444, 0.9961947203] == pytest.approx(track(data, ("lookAt",))[5::2], abs=1e-7)
    assert bytes.fromhex(BIN) == parts(golden_vrma)[1]


def test_the_skeleton_is_the_golden_ones(performance: Animation, golden_vrma: bytes) -> None:
    """The same bones in the same places, the same scene, extension and lookAt."""
    ours, theirs = (parts(data)[0] for data in (vrma.encode(performance, neck=0.0), golden_vrma))
    extensions = [document["extensions"]["VRMC_vrm_animation"] for document in (ours, theirs)]

    assert theirs["nodes"][:15] == ours["nodes"][:15]
    assert extensions[1]["humanoid"] == extensions[0]["humanoid"]
    assert extensions[1]["lookAt"]["offsetFromHeadBone"] == extensions[0]["lookAt"]["offsetFromHeadBone"]
    assert ("1.0", ["VRMC_vrm_animation"]) == (extensions[0]["specVersion"], ours["extensionsUsed"])
    assert theirs["accessors"][0] == ours["accessors"][0]  # key times with min and max


def test_the_golden_bvh_is_read_and_written_byte_for_byte(protocols: Path) -> None:
    """Yaw 20, pitch 10, roll -5 in its second frame; without a neck ours is the same file."""
    data = (protocols / "golden" / "golden.bvh").read_bytes()

    animation = bvh.decode(data)

    assert [0.0, 0.033333] == animation.times_s.tolist()
    assert pytest.approx(animation.head_xyzw[1].tolist(), abs=1e-6) == HEAD
    assert not animation.weights.any()
    assert data == bvh.encode(animation, neck=0.0)
