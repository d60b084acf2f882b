"""OpenSeeFace's points on a real face: what is called the right eye is the right eye."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge import space
from bridge.stages.mirror import mirror_state
from bridge.types import Face, FaceState, ImageArray
from bridge.wire.openseeface import OpenSeeFaceEncoder
from tests.e2e.tracking import numbered, only_face, run_offline
from tests.unit.wire.openseeface_packet import head_rotation, read_packet

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_thread_of_mediapipe_left")]

FRONTAL, TURNED_LEFT, TURNED_RIGHT = 9, 13, 3
"""Frames of the clip: yaw 3, 31 and -43 degrees."""


@pytest.fixture(scope="module")
def faces(model_path: Path, one_person: list[ImageArray]) -> list[Face]:
    """The person's face in the first 14 frames, landmarks too."""
    return [only_face(result) for result in run_offline(model_path, numbered(one_person[:14]), landmarks=True)]


@pytest.fixture
def packet(faces: list[Face], make_state: Callable[..., FaceState]) -> Callable[..., Any]:
    """The packet of a frame, read by the sheet's offsets."""

    def run(number: int, *, mirrored: bool = False) -> Any:
        face = faces[number]
        state = make_state(weights=face.weights, head=face.head, landmarks=face.landmarks, box=face.box)
        (datagram,) = OpenSeeFaceEncoder().encode(mirror_state(state) if mirrored else state)
        return read_packet(bytes(datagram))

    return run


def _inside(point: Any, contour: Any) -> bool:
    """Whether a point lies within a convex polygon, whichever way round that is."""
    edges = np.roll(contour, -1, axis=0) - contour
    to_point = point - contour
    side = edges[:, 0] * to_point[:, 1] - edges[:, 1] * to_point[:, 0]
    return bool((side > 0).all() or (side < 0).all())


@pytest.mark.parametrize("number", [FRONTAL, TURNED_LEFT, TURNED_RIGHT])
def test_the_parts_of_the_face_are_where_they_belong(packet: Callable[..., Any], number: int) -> None:
    """The own right on the left of the picture, brows over eyes over nose over mouth over chin, pupils within the lids."""
    face = packet(number)
    points = face["points"]
    brows, eyes, nose, upper, lower = (points[part, 1].mean() for part in (
        slice(17, 27), slice(36, 48), slice(31, 36), [48, 49, 50, 51, 52], [53, 54, 55, 56, 57],
    ))  # fmt: skip

    assert [480.0, 270.0] == face["size"].tolist()
    assert brows < eyes < points[30, 1] < nose < upper < lower < points[8, 1]
    assert points[36:42, 0].mean() < points[27, 0] < points[42:48, 0].mean()
    assert points[58, 0] < points[62, 0]
    assert points[31, 0] < points[35, 0]
    assert _inside(points[66], points[36:42])
    assert _inside(points[67], points[42:48])
    assert (points >= 0).all()
    assert (points <= face["size"]).all()


def test_the_jaw_line_goes_round_the_face_once(packet: Callable[..., Any]) -> None:
    """From the right ear over the chin to the left one, in steps of like length."""
    line = packet(FRONTAL)["points"][:17]
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)

    assert (np.diff(line[2:15, 0]) > 0).all()
    assert 8 == int(line[:, 1].argmax())
    assert steps.max() < 3.5 * steps.min()


def test_turning_moves_the_nose_and_the_pose_alike(packet: Callable[..., Any]) -> None:
    """To the own left: towards the own left eye; and the packet's rotation says the same."""
    share = []
    for number in (TURNED_RIGHT, FRONTAL, TURNED_LEFT):
        points = packet(number)["points"]
        share.append((points[30, 0] - points[36, 0]) / (points[45, 0] - points[36, 0]))
    yaw = [space.to_euler_deg(head_rotation(packet(n)).as_quat())[0] for n in (TURNED_RIGHT, FRONTAL, TURNED_LEFT)]

    assert share[0] < 0.3 < share[1] < 0.7 < share[2]
    assert yaw[0] < -30 < yaw[1] < 20 < yaw[2]


def test_points_in_space_hardly_know_the_pose(packet: Callable[..., Any]) -> None:
    """Eyes, nose and mouth of the turned face lie within a centimetre of those of the frontal one, sides told apart."""
    frontal, turned = packet(FRONTAL)["points_3d"], packet(TURNED_LEFT)["points_3d"]
    inner = [*range(27, 60)]
    per_cm = 0.632 / 8.89

    assert np.linalg.norm(frontal[inner] - turned[inner], axis=1).mean() < per_cm
    assert frontal[36, 0] - frontal[45, 0] == pytest.approx(0.632, rel=0.1)
    assert turned[58, 0] > turned[62, 0] + 2 * per_cm


def test_in_a_mirror_the_right_eye_is_the_left(packet: Callable[..., Any]) -> None:
    """The picture's points are reflected with the pose."""
    points, mirrored = packet(TURNED_LEFT)["points"], packet(TURNED_LEFT, mirrored=True)["points"]

    np.testing.assert_allclose(480 - points[66, 0], mirrored[67, 0], atol=1e-3)
    np.testing.assert_allclose(points[8] * [-1, 1] + [480, 0], mirrored[8], atol=1e-3)
