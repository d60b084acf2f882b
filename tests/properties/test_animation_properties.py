"""Animation files: what goes in comes out within a float32; whatever bytes come in, only BadAnimation comes out."""

from __future__ import annotations

import copy
import json
import random
import tracemalloc
from collections.abc import Callable

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from bridge import space
from bridge.types import Face, HeadPose, TrackResult, frozen_array
from bridge.wire import bvh, glb, vrma, vrma_reader
from bridge.wire.animation import Animation, AnimationCollector, BadAnimation

PACKETS, BATCH = 10_000, 250
unit_weights = npst.arrays(np.float32, 52, elements=st.floats(0, 1, width=32)).map(frozen_array)
quaternions = npst.arrays(np.float64, 4, elements=st.floats(-1, 1)).filter(lambda q: float(q @ q) > 1e-3).map(space.canonical)


@st.composite
def performances(draw: st.DrawFn) -> Animation:
    """Up to a dozen results at any times in any order, some without a face, some with faces that are not finite."""
    collector = AnimationCollector()
    for _ in range(draw(st.integers(1, 12))):
        t = draw(st.floats(0, 100) | st.floats())
        faces: tuple[Face, ...] = ()
        if draw(st.integers(0, 4)):
            weights = draw(unit_weights | st.just(frozen_array(np.full(52, np.inf, np.float32))))
            head = HeadPose(position_m=frozen_array(np.zeros(3)), quat_xyzw=frozen_array(draw(quaternions)))
            faces = (Face(weights=weights, head=draw(st.sampled_from([head, None]))),)
        collector.add_result(TrackResult(seq=0, t=t, t_done=t, faces=faces))
    return collector.finished()


@settings(max_examples=60)
@given(
    take=performances(),
    neck=st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1),
    expressions=st.sampled_from(["all", "custom", "presets"]),
    gaze=st.booleans(),
)
def test_a_vrma_gives_back_what_it_was_given(take: Animation, neck: float, expressions: vrma.Expressions, gaze: bool) -> None:
    """Times strictly rising, everything finite, coefficients bit by bit, rotations within a float32."""
    back = vrma_reader.decode(vrma.encode(take, neck=neck, expressions=expressions, gaze=gaze))

    assert take.times_s.astype(np.float32).tolist() == back.times_s.tolist()
    assert (np.diff(back.times_s) > 0.0).all()
    if expressions != "presets":
        np.testing.assert_array_equal(take.weights, back.weights)
    if expressions != "custom":
        np.testing.assert_array_equal(take.presets, back.presets)
    if gaze:
        np.testing.assert_allclose(back.gaze_deg, take.gaze_deg, atol=1e-3)
    for was, got in zip(take.head_xyzw, back.head_xyzw, strict=True):
        assert np.isfinite(got).all()
        assert 1e-3 > space.angle_between_deg(was, space.canonical(got))


@settings(max_examples=60)
@given(angles=st.lists(st.tuples(*[st.floats(-180, 180), st.floats(-89, 89), st.floats(-180, 180)]), min_size=1, max_size=12),
       neck=st.floats(0, 1), frame_s=st.floats(0.002, 1))  # fmt: skip
def test_a_bvh_gives_back_what_it_was_given(angles: list[tuple[float, float, float]], neck: float, frame_s: float) -> None:
    """Rotations within the six decimals, frame by frame, at an even pace."""
    collector = AnimationCollector()
    rotations = [space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll) for yaw, pitch, roll in angles]
    for k, quat in enumerate(rotations):
        head = HeadPose(position_m=frozen_array(np.zeros(3)), quat_xyzw=frozen_array(quat))
        face = Face(weights=frozen_array(np.zeros(52, np.float32)), head=head)
        collector.add_result(TrackResult(seq=k, t=k * frame_s, t_done=0.0, faces=(face,)))

    back = bvh.decode(bvh.encode(collector.finished(), neck=neck))

    assert len(rotations) == len(back.times_s)
    assert 1e-6 > abs(float(back.times_s[-1]) - frame_s * (len(angles) - 1))
    for was, got in zip(rotations, back.head_xyzw, strict=True):
        assert 1e-4 > space.angle_between_deg(was, space.canonical(got))


@settings(max_examples=60)
@given(take=performances(), neck=st.floats(0, 1))
def test_any_performance_is_a_bvh(take: Animation, neck: float) -> None:
    """Uneven times too: finite, beginning and ending with the same head."""
    back = bvh.decode(bvh.encode(take, neck=neck))

    assert np.isfinite(back.head_xyzw).all()
    assert 1e-3 > space.angle_between_deg(take.head_xyzw[0], space.canonical(back.head_xyzw[0]))


# --- fuzz ----------------------------------------------------------------------------------------------------------------

WEIRD: tuple[object, ...] = (
    *(None, True, -1, 0, 1, 3, 5126, 1 << 31, 1 << 40, -(1 << 70), 1.5, 1e308),
    *("", "VEC4", [], [0], {}, {"node": 2}, [[[]]]),
)


def _small_vrma() -> bytes:
    """Two moments with head, aa, jawOpen and gaze only, so that ten thousand of them are quickly read."""
    names = ("hips", "head", "aa", "jawOpen", "lookAt")
    floats = np.array([0, 0.5, 0, 0, 0, 1, 0, 0.6, 0, 0.8, 0, 0, 0, 1, 0, 0], "<f4")
    tracks = ((1, "rotation", 1), (2, "translation", 2), (3, "translation", 2), (4, "rotation", 1))
    document = {
        "nodes": [{"name": name, "children": [1] if name == "hips" else []} for name in names],
        "buffers": [{"byteLength": 64}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": start, "byteLength": length} for start, length in ((0, 8), (8, 32), (40, 24))
        ],
        "accessors": [
            {"bufferView": view, "componentType": glb.FLOAT, "count": 2, "type": kind}
            for view, kind in enumerate(("SCALAR", "VEC4", "VEC3"))
        ],
        "animations": [
            {
                "samplers": [{"input": 0, "output": output, "interpolation": "LINEAR"} for _, _, output in tracks],
                "channels": [
                    {"sampler": sampler, "target": {"node": node, "path": path}} for sampler, (node, path, _) in enumerate(tracks)
                ],
            }
        ],
        "extensions": {
            vrma.EXTENSION: {
                "specVersion": "1.0",
                "humanoid": {"humanBones": {name: {"node": node} for node, name in enumerate(names[:2])}},
                "expressions": {"preset": {"aa": {"node": 2}}, "custom": {"jawOpen": {"node": 3}}},
                "lookAt": {"node": 4},
            }
        },
    }
    return glb.pack(document, floats.tobytes())


VRMA = _small_vrma()
TEXT, BINARY = json.dumps(dict(glb.unpack(VRMA).document)), bytes(glb.unpack(VRMA).binary)
BVH = bvh.encode(vrma_reader.decode(VRMA))


def _mutated_document(rng: random.Random) -> bytes:
    """A valid container around a JSON document in which one to three values are anything at all, or gone."""
    document = json.loads(TEXT)
    for _ in range(rng.randint(1, 3)):
        place = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(place[key], dict | list) and rng.random() < 0.85:
                place = place[key]
                continue
            if rng.random() < 0.2:
                del place[key]
            else:
                place[key] = copy.deepcopy(rng.choice(WEIRD))
            break
    return glb.pack(document, BINARY)


def _mutated_bytes(data: bytes, rng: random.Random) -> bytes:
    """Bytes changed, cut out, doubled, or cut off."""
    mutated = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(mutated) + 1)
        match rng.randrange(4):
            case 0:
                mutated[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del mutated[at : at + rng.randrange(40)]
            case 2:
                mutated[at:at] = mutated[rng.randrange(len(mutated) + 1) :][: rng.randrange(200)]
            case _:
                mutated[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"9999", b" nan", b"1e99", b"\n{\n}"])
    return bytes(mutated[: rng.randrange(len(mutated) + 1)] if rng.random() < 0.1 else mutated)


def _survives(decode: Callable[[bytes], Animation], data: bytes) -> bool:
    """Whether ``data`` was read; what was read is finite and rises. Any exception but BadAnimation fails the test."""
    try:
        take = decode(data)
    except BadAnimation:
        return False
    assert (np.diff(take.times_s) > 0.0).all()
    assert all(np.isfinite(column).all() for column in (take.weights, take.presets, take.head_xyzw, take.gaze_deg))
    assert ((take.weights >= 0.0) & (take.weights <= 1.0)).all()
    return True


def _fuzz(decode: Callable[[bytes], Animation], mutate: Callable[[random.Random], bytes]) -> None:
    """10,000 inputs, a batch an example; some are read, some are refused."""
    outcomes = {True: 0, False: 0}

    @settings(max_examples=PACKETS // BATCH, database=None, phases=[Phase.generate])
    @given(seed=st.integers(0, 2**64), number=st.integers(0, 2**32))
    def batch(seed: int, number: int) -> None:
        rng = random.Random(seed ^ number)
        for _ in range(BATCH):
            outcomes[_survives(decode, mutate(rng))] += 1

    batch()
    assert sum(outcomes.values()) >= PACKETS
    assert min(outcomes.values()) > PACKETS // 50, outcomes


def test_ten_thousand_broken_vrma_files() -> None:
    """Half with a wrong document, half with wrong bytes."""
    _fuzz(
        vrma_reader.decode,
        lambda rng: _mutated_document(rng) if rng.random() < 0.5 else _mutated_bytes(VRMA, rng),
    )


def test_ten_thousand_broken_bvh_files() -> None:
    """Text with wrong bytes."""
    _fuzz(bvh.decode, lambda rng: _mutated_bytes(BVH, rng))


@given(raw=st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(raw: bytes) -> None:
    """No other exception, behind the right beginnings too."""
    for head in (b"", VRMA[:20], b"HIERARCHY\n", b"HIERARCHY\nROOT Head\n{\nCHANNELS 1 Xrotation\n}\nMOTION\n"):
        _survives(vrma_reader.decode, head + raw)
        _survives(bvh.decode, head + raw)


def test_promises_take_no_memory() -> None:
    """Four thousand million keys, frames and bytes that are not there."""
    promised = {
        "accessors": {"count": 216_000, "byteOffset": 0},
        "bufferViews": {"byteLength": 1 << 31, "byteStride": 0},
        "buffers": {"byteLength": 1 << 31},
    }
    rng = random.Random(1)
    tracemalloc.start()
    try:
        for key, claims in promised.items():
            for claim, value in claims.items():
                document = json.loads(TEXT)
                for item in document[key]:
                    item[claim] = value
                _survives(vrma_reader.decode, glb.pack(document, BINARY))
        for _ in range(60):
            _survives(vrma_reader.decode, _mutated_document(rng))
        _survives(bvh.decode, BVH.replace(b"Frames: 2", b"Frames: 4000000000"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
