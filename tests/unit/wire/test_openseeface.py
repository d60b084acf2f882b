"""OpenSeeFace packets as their receivers understand them: left is left, for pose, eyes, gaze and points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bridge import space
from bridge.mapping.face66 import LANDMARK_INDEX
from bridge.mapping.generic_face import FACE_CM
from bridge.stages.mirror import mirror_state
from bridge.types import FaceState, Gaze, Presence
from bridge.wire.openseeface import OpenSeeFaceEncoder, decode
from tests.unit.wire.openseeface_packet import (
    FEATURE,
    facetrack_d_rotation,
    head_rotation,
    read_packet,
    unity_gaze_direction,
    unity_rotation_deg,
    unity_translation,
)

MakeState = Callable[..., FaceState]


def _packet(state: FaceState, **options: Any) -> Any:
    (datagram,) = OpenSeeFaceEncoder(**options).encode(state)
    return read_packet(bytes(datagram))


def test_every_field_of_a_state_arrives(make_state: MakeState) -> None:
    """Read by the sheet's offsets."""
    weights = {"eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.2, "jawOpen": 0.75}
    face = _packet(make_state(weights=weights, t=2.5, subject=1), epoch_s=1_700_000_000.0)

    assert (1_700_000_002.5, 1, 1) == (face["time"], face["id"], face["fitted"])
    assert [640.0, 480.0] == face["size"].tolist()
    assert (1.0, 0.0) == (face["right_open"], face["left_open"])
    assert 0.0 < face["error"] < 100.0
    assert {1.0} == set(face["confidence"].tolist())
    assert 0.75 == face["features"][FEATURE["mouth_open"]]
    assert -1.0 == face["features"][FEATURE["eye_l"]]
    assert pytest.approx(0.0, abs=1e-6) == face["features"][FEATURE["eye_r"]]


def test_the_heads_rotation_comes_back(make_state: MakeState) -> None:
    """The raw quaternion, taken apart by scipy."""
    for seed in range(20):
        state = make_state(seed=seed)
        assert state.head is not None
        difference = Rotation.from_quat(state.head.quat_xyzw).inv() * head_rotation(_packet(state))
        assert np.degrees(difference.magnitude()) < 1e-4


TURNS = pytest.mark.parametrize(
    ("pose", "point", "axis", "sign"),
    [
        ({"yaw": 20.0}, (0.0, 0.0, -1.0), 0, 1),  # the face turns to the viewer's right: the own left
        ({"pitch": 20.0}, (0.0, 0.0, -1.0), 1, -1),  # the face looks down
        ({"roll": 20.0}, (0.0, 1.0, 0.0), 0, -1),  # the top of the head goes to the viewer's left: the own right
    ],
)


@TURNS
def test_unitys_component_turns_its_object_the_same_way(
    make_state: MakeState, pose: dict[str, float], point: tuple[float, ...], axis: int, sign: int
) -> None:
    """``rotation`` of OpenSee.cs, on an object that looks along -Z, at a viewer for whom +X is right."""
    x, y, z = unity_rotation_deg(_packet(make_state(**pose)))
    moved = Rotation.from_euler("YXZ", [y, x, z], degrees=True).apply(point)

    assert pytest.approx(sign * np.sin(np.radians(20.0)), abs=1e-4) == moved[axis]
    assert pytest.approx(np.cos(np.radians(20.0)), abs=1e-4) == moved @ point


def test_unitys_component_at_rest_is_unturned(make_state: MakeState) -> None:
    """In either spelling of 180 degrees."""
    np.testing.assert_allclose([0, 0, 0], unity_rotation_deg(_packet(make_state())), atol=1e-5)


def test_unitys_head_target_is_our_unity_rotation(make_state: MakeState) -> None:
    """The component that drives an avatar's head takes (-y, -x, z, w) relative to its neutral: what `space.to_unity` gives."""

    def converted(face: Any) -> Rotation:
        x, y, z, w = face["quat"].astype(float)
        return Rotation.from_quat([-y, -x, z, w])

    neutral = converted(_packet(make_state()))
    for seed in range(10):
        state = make_state(seed=seed)
        assert state.head is not None
        expected = Rotation.from_quat(space.to_unity(state.head.quat_xyzw))
        seen = converted(_packet(state)) * neutral.inv()
        assert np.degrees((expected.inv() * seen).magnitude()) < 1e-4


def test_unitys_translation(make_state: MakeState) -> None:
    """To the own left is +x (the viewer's right), up is +y, farther is +z."""
    rest, moved = (
        unity_translation(_packet(make_state(position_m=place), units_per_m=1.0))
        for place in ((0.0, 0.0, -0.5), (0.1, 0.2, -0.7))
    )

    np.testing.assert_allclose([0.1, 0.2, 0.2], moved - rest, atol=1e-6)


@pytest.mark.parametrize(("pose", "axis", "sign"), [({"yaw": 20.0}, 0, -1), ({"pitch": 20.0}, 1, 1), ({"roll": 20.0}, 2, 1)])
def test_facetrack_d_sees_one_axis_per_turn(make_state: MakeState, pose: dict[str, float], axis: int, sign: int) -> None:
    """Rest is no rotation; yaw, pitch and roll of 20 degrees are 20 degrees about an axis of their own."""
    expected = np.zeros(3)
    expected[axis] = sign * 20.0

    np.testing.assert_allclose([0, 0, 0], facetrack_d_rotation(_packet(make_state())).as_rotvec(degrees=True), atol=1e-4)
    np.testing.assert_allclose(expected, facetrack_d_rotation(_packet(make_state(**pose))).as_rotvec(degrees=True), atol=1e-4)


@pytest.mark.parametrize("side", ["left", "right"])
def test_unitys_gaze_follows_the_eyes(make_state: MakeState, side: str) -> None:
    """From eyeball to pupil, for an object that looks along -Z: +x is the own left, each eye its own."""
    gaze = Gaze(left_deg=(20.0, 10.0), right_deg=(-15.0, -5.0))
    yaw, pitch = np.radians(gaze.left_deg if side == "left" else gaze.right_deg)

    seen = unity_gaze_direction(_packet(make_state(gaze=gaze)), side)

    expected = (np.sin(yaw) * np.cos(pitch), -np.sin(pitch), -np.cos(yaw) * np.cos(pitch))
    np.testing.assert_allclose(expected, seen, atol=1e-4)


def test_points_in_space_are_the_generic_face_in_units(make_state: MakeState) -> None:
    """Independent of the pose; the tip of the nose at 0, the outer corners of the eyes 0.632 apart, the own right +x."""
    straight, turned = (_packet(make_state(**pose))["points_3d"] for pose in ({}, {"yaw": 30.0, "roll": 20.0}))

    np.testing.assert_allclose(straight, turned, atol=1e-6)
    np.testing.assert_allclose([0, 0, 0], straight[30], atol=1e-6)
    assert pytest.approx(0.632, abs=0.001) == straight[36, 0] - straight[45, 0]
    assert straight[8, 1] > 0.4  # the chin: y points down on the wire
    assert straight[8, 2] > 0.1  # behind the nose: z points into the head


def test_picture_points_follow_the_head(make_state: MakeState) -> None:
    """The own right is on the left of an unmirrored picture, y points down, nearer is larger, tilting turns the eyes' line."""

    def points(**pose: Any) -> Any:
        return _packet(make_state(**pose))["points"]

    rest, near, tilted, moved = points(), points(position_m=(0, 0, -0.3)), points(roll=30.0), points(position_m=(0.1, 0.1, -0.5))
    assert rest[36, 0] < rest[66, 0] < rest[39, 0] < rest[42, 0] < rest[67, 0] < rest[45, 0]
    assert rest[19, 1] < rest[37, 1] < rest[66, 1] < rest[41, 1] < rest[30, 1] < rest[50, 1] < rest[55, 1] < rest[8, 1]
    assert near[16, 0] - near[0, 0] > 1.5 * (rest[16, 0] - rest[0, 0])
    # To the own right shoulder: in the picture the own right eye sinks.
    assert tilted[36, 1] > tilted[45, 1] + 20
    assert moved[30, 0] > rest[30, 0] + 40
    assert moved[30, 1] < rest[30, 1] - 40


def _tracked(make_state: MakeState, **state: Any) -> FaceState:
    """A state with landmarks of the generic face, one eyebrow and one corner of the mouth of it moved, in 640x480."""
    face = FACE_CM.copy()
    face[17:22, 1] += 1.0  # the own right brow
    face[62, 0] += 1.0  # the own left corner
    landmarks = np.zeros((478, 3), dtype=np.float32)
    landmarks[LANDMARK_INDEX[:66]] = face * 15.0 * [1, -1, -1] / [640, 480, 640] + [0.6, 0.5, 0.0]
    landmarks[LANDMARK_INDEX[66:]] = landmarks[LANDMARK_INDEX[[36, 45]]]
    landmarks[landmarks[:, 0] == 0.0] = landmarks[LANDMARK_INDEX[8]]
    (x0, y0), (x1, y1) = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    box = (float(x0) * 640, float(y0) * 480, float(x1 - x0) * 640, float(y1 - y0) * 480)
    return make_state(landmarks=landmarks, box=box, **state)


def test_points_come_from_the_landmarks_where_there_are_any(make_state: MakeState) -> None:
    """In the picture where they are; in space without the pose, in units of the generic face."""
    face = _packet(_tracked(make_state))

    np.testing.assert_allclose((640 * 0.6, 480 * 0.5 + 9.4 * 15), face["points"][8], atol=1e-3)
    generic = _packet(make_state())["points_3d"]
    still = [i for i in range(66) if i not in {*range(17, 22), 62}]
    np.testing.assert_allclose(generic[still], face["points_3d"][still], atol=1e-4)
    assert face["points_3d"][19, 1] < generic[19, 1] - 0.05
    assert face["points_3d"][62, 0] < generic[62, 0] - 0.05


def test_in_a_mirror_the_points_change_sides_too(make_state: MakeState) -> None:
    """Mirrored is all or nothing: pose, eyes, features, and the points, which come from a picture that is not mirrored."""
    state = _tracked(make_state, weights={"eyeBlinkLeft": 1.0}, yaw=10.0, gaze=Gaze(left_deg=(20.0, 0.0), right_deg=(10.0, 0.0)))
    plain, mirrored = _packet(state), _packet(mirror_state(state))

    assert (plain["left_open"], plain["right_open"]) == (mirrored["right_open"], mirrored["left_open"])
    np.testing.assert_allclose(plain["points"][17, 0], 640 - mirrored["points"][26, 0], atol=1e-3)
    np.testing.assert_allclose(plain["points"][62, 1], mirrored["points"][58, 1], atol=1e-3)
    np.testing.assert_allclose(plain["points_3d"][62] * [-1, 1, 1], mirrored["points_3d"][58], atol=1e-6)
    np.testing.assert_allclose(plain["points_3d"][67] * [-1, 1, 1], mirrored["points_3d"][66], atol=1e-6)
    again = _packet(mirror_state(mirror_state(state)))
    np.testing.assert_allclose(plain["points"], again["points"])


def test_nobody_there_is_silence(make_state: MakeState) -> None:
    """As OpenSeeFace does; while held it is sent, and with when_lost always."""
    for presence, sent in ((Presence.LIVE, 1), (Presence.HELD, 1), (Presence.LOST, 0)):
        assert sent == len(OpenSeeFaceEncoder().encode(make_state(presence=presence)))
    assert 1 == len(OpenSeeFaceEncoder(when_lost=True).encode(FaceState.rest()))


def test_a_state_without_a_head_looks_ahead(make_state: MakeState) -> None:
    """Matrices may be off; the mouth still moves."""
    face = _packet(make_state(head=None, weights={"jawOpen": 0.5}))

    np.testing.assert_allclose([0.0, 0.0, 0.0], unity_rotation_deg(face), atol=1e-5)
    assert 0.5 == face["features"][FEATURE["mouth_open"]]
    assert face["translation"][2] < -2.0


@pytest.mark.parametrize("length", [0, 1, 1784, 1786, 3569])
def test_other_lengths_are_no_packets(length: int) -> None:
    """A receiver drops them, and so does the decoder."""
    assert decode(bytes(length)) is None


@pytest.mark.parametrize(("offset", "value"), [(0, "000000000000f07f"), (12, "0000c07f"), (61, "000080ff"), (1781, "0000c07f")])
def test_numbers_that_are_not_finite_are_refused(make_state: MakeState, offset: int, value: str) -> None:
    """Infinite time, NaN in the size, minus infinity in the place, NaN in the last feature."""
    (datagram,) = OpenSeeFaceEncoder().encode(make_state())
    data = bytearray(datagram)
    data[offset : offset + len(value) // 2] = bytes.fromhex(value)

    assert decode(bytes(datagram)) is not None
    assert decode(bytes(data)) is None


def test_an_id_beyond_int32_is_no_error(make_state: MakeState) -> None:
    """It wraps round."""
    assert -(2**31) == _packet(make_state(subject=2**31))["id"]
