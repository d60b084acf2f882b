"""What holds for every OpenSeeFace packet, every head and every byte string; the angles against OpenCV's own decomposition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from bridge.mapping.generic_face import MIRROR
from bridge.mapping.openseeface import OpenSeeFaceMapping, raw_euler_deg, raw_quaternion
from bridge.stages.mirror import mirror_state
from bridge.types import FaceState, Gaze
from bridge.wire import opentrack
from bridge.wire.openseeface import FACE_BYTES, OpenSeeFaceEncoder, decode, encode_face
from bridge.wire.opentrack import OpentrackEncoder
from tests.unit.wire.openseeface_packet import FEATURE, raw_matrix, read_packet

BATCH = 100
EXAMPLES = 100
SEEDS = st.integers(0, 2**32 - 1)
ANGLES = st.floats(-180.0, 180.0)

MakeState = Callable[..., FaceState]


def _apart_deg(a: float, b: float) -> float:
    return abs((a - b + 180.0) % 360.0 - 180.0)


@settings(max_examples=500)
@given(yaw=ANGLES, pitch=st.floats(-89.9, 89.9), roll=ANGLES)
def test_the_angles_are_opencvs(yaw: float, pitch: float, roll: float) -> None:
    """Of the raw matrix, in one of the two solutions that there are; ours is the nearer to (180, ., 90)."""
    head = Rotation.from_euler("YXZ", [yaw, pitch, roll], degrees=True)
    ours = raw_euler_deg(head.as_quat())
    x, y, z = cv2.RQDecomp3x3(raw_matrix(head))[0]
    nearness = [(_apart_deg(a, 180.0) + _apart_deg(b, 90.0)) for a, b in ((x, z), (x + 180.0, z + 180.0))]
    rebuilt = Rotation.from_euler("xyz", ours, degrees=True).as_matrix()

    np.testing.assert_allclose(raw_matrix(head), rebuilt, atol=1e-9)
    if abs(abs(y) - 90.0) > 0.01:  # straight to the side x and z turn about one axis
        theirs = min(((x, y, z), (x + 180.0, 180.0 - y, z + 180.0)), key=lambda t: _apart_deg(t[0], ours[0]))
        assert max(_apart_deg(a, b) for a, b in zip(theirs, ours, strict=True)) < 1e-4
        mine = _apart_deg(ours[0], 180.0) + _apart_deg(ours[2], 90.0)
        assert mine <= min(nearness) + 1e-4


@given(yaw=ANGLES, pitch=ANGLES, roll=ANGLES)
def test_the_quaternion_is_scipys_conjugate(yaw: float, pitch: float, roll: float) -> None:
    """Of the raw matrix, up to its sign."""
    head = Rotation.from_euler("YXZ", [yaw, pitch, roll], degrees=True)
    expected = Rotation.from_matrix(raw_matrix(head)).inv().as_quat()
    ours = np.array(raw_quaternion(head.as_quat()))

    assert pytest.approx(1.0, abs=1e-9) == abs(float(expected @ ours))


@pytest.mark.parametrize("seed", range(30))
def test_every_state_is_a_whole_and_finite_packet(make_state: MakeState, seed: int) -> None:
    """Also with landmarks by chance, and whatever the gaze; what is decoded encodes to the same bytes."""
    random = np.random.default_rng(seed)
    eye = tuple(float(angle) for angle in random.uniform(-180, 180, 2))
    state = replace(make_state(seed=seed), gaze=Gaze(left_deg=(eye[0], eye[1]), right_deg=(eye[1], eye[0])))
    if seed % 2:
        landmarks = random.normal(0.5, 10.0 ** (seed % 7 - 5), (478, 3)).astype(np.float32)
        state = replace(state, landmarks=landmarks, box=(1.0, 2.0, 30.0, 40.0))
    (datagram,) = OpenSeeFaceEncoder().encode(state)

    faces = decode(bytes(datagram))

    assert faces is not None
    assert bytes(datagram) == encode_face(faces[0])


def test_a_mirrored_generic_face_is_the_face_in_a_mirror(make_state: MakeState) -> None:
    """Pose, sides, points in picture and space: 50 random states."""
    swapped = [FEATURE[name[:-1] + {"l": "r", "r": "l"}[name[-1]] if name[-2] == "_" else name] for name in FEATURE]
    for seed in range(50):
        state = replace(make_state(seed=seed), gaze=Gaze(left_deg=(5.0, 3.0), right_deg=(-8.0, 1.0)))
        plain, mirrored = OpenSeeFaceMapping().step(state), OpenSeeFaceMapping().step(mirror_state(state))

        assert (plain.left_open, plain.right_open) == (mirrored.right_open, mirrored.left_open)
        np.testing.assert_allclose(plain.features[swapped], mirrored.features, atol=1e-6)
        np.testing.assert_allclose(plain.points_3d[MIRROR] * [-1, 1, 1], mirrored.points_3d, atol=1e-6)
        picture = plain.points_px[MIRROR[:68]] * [-1, 1] + [640, 0]
        np.testing.assert_allclose(picture, mirrored.points_px, atol=1e-3)
        np.testing.assert_allclose(np.array(plain.translation) * [1, -1, 1], mirrored.translation, atol=1e-6)


def _damaged(random: np.random.Generator, whole: bytes, unit: int) -> bytes:
    """Bytes by chance of any length, or a whole packet with some bytes changed and sometimes cut or doubled."""
    kind = random.integers(4)
    if kind == 0:
        return random.bytes(int(random.integers(0, 2 * unit)))
    if kind == 1:
        return random.bytes(unit * int(random.integers(1, 4)))
    data = np.frombuffer(whole * int(random.integers(1, 3)), dtype=np.uint8).copy()
    at = random.integers(0, len(data), int(random.integers(1, 9)))
    data[at] = random.integers(0, 256, len(at))
    return data.tobytes()[: None if kind == 2 else int(random.integers(0, len(data)))]


def test_ten_thousand_damaged_packets_never_raise(make_state: MakeState) -> None:
    """A datagram is a few faces with finite numbers, or nothing."""
    whole = bytes(OpenSeeFaceEncoder().encode(make_state(seed=1))[0])
    seen = {"packets": 0, "read": 0}

    @settings(max_examples=EXAMPLES, database=None)
    @given(SEEDS)
    def run(seed: int) -> None:
        random = np.random.default_rng(seed)
        for _ in range(BATCH):
            data = _damaged(random, whole, FACE_BYTES)
            faces = decode(data)
            seen["packets"] += 1
            if faces is not None:
                seen["read"] += 1
                assert len(data) == FACE_BYTES * len(faces)
                assert np.isfinite(read_packet(data[:FACE_BYTES])["points"]).all()

    run()
    assert seen["packets"] >= BATCH * EXAMPLES
    assert 0 < seen["read"] < seen["packets"]


def test_ten_thousand_damaged_opentrack_datagrams_never_raise(make_state: MakeState) -> None:
    """Six finite numbers or nothing."""
    (whole,) = OpentrackEncoder().encode(make_state(seed=1))
    seen = {"packets": 0, "read": 0}

    @settings(max_examples=EXAMPLES, database=None)
    @given(SEEDS)
    def run(seed: int) -> None:
        random = np.random.default_rng(seed)
        for _ in range(BATCH):
            data = _damaged(random, whole, 48)
            pose = opentrack.decode(data)
            seen["packets"] += 1
            if pose is not None:
                seen["read"] += 1
                assert np.isfinite(pose).all()
                np.testing.assert_array_equal(np.frombuffer(data[:48], "<f8"), pose)

    run()
    assert seen["packets"] >= BATCH * EXAMPLES
    assert 0 < seen["read"] < seen["packets"]
