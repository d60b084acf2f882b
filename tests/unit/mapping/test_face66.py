"""The 66 points: of the generic face, and out of landmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bridge.mapping.face66 import LANDMARK_INDEX, head_points_cm, picture_points_px, with_eyes
from bridge.mapping.generic_face import FACE_CM, MIRROR, generic_points_cm
from bridge.types import FaceState, Float32Array, Float64Array, Gaze

MakeState = Callable[..., FaceState]

RIGHT_EYE, LEFT_EYE = slice(36, 42), slice(42, 48)


@pytest.fixture
def shape(make_state: MakeState) -> Callable[[Mapping[str, float]], Float64Array]:
    """The generic face with some coefficients."""

    def run(weights: Mapping[str, float]) -> Float64Array:
        return generic_points_cm(make_state(weights=weights).weights)

    return run


Shape = Callable[[Mapping[str, float]], Float64Array]


def test_no_landmark_is_used_twice() -> None:
    """68 different ones of the 478; the last two are the centres of the irises."""
    assert 68 == len(set(LANDMARK_INDEX.tolist()))
    assert [468, 473] == LANDMARK_INDEX[-2:].tolist()


def test_the_mirror_table_is_its_own_inverse_and_the_face_symmetric() -> None:
    """A point's mirror image has -x and the rest alike; the eyeballs swap too."""
    np.testing.assert_array_equal(np.arange(70), MIRROR[MIRROR])
    np.testing.assert_allclose(FACE_CM * [-1, 1, 1], FACE_CM[MIRROR[:66]])
    assert [67, 66, 69, 68] == MIRROR[66:].tolist()


def test_the_resting_face_is_a_face() -> None:
    """Brows over eyes over nose over mouth over chin; the own right has smaller x; nobody's lips cross."""
    heights = [FACE_CM[part, 1].mean() for part in (slice(17, 27), slice(36, 48), slice(31, 36), slice(48, 66), slice(8, 9))]

    assert sorted(heights, reverse=True) == heights
    assert FACE_CM[RIGHT_EYE, 0].max() < FACE_CM[LEFT_EYE, 0].min()
    assert 30 == int(FACE_CM[:, 2].argmax())
    assert (FACE_CM[[59, 60, 61], 1] > FACE_CM[[65, 64, 63], 1]).all()


def test_an_open_jaw_parts_the_lips_and_lowers_the_chin(shape: Shape) -> None:
    """By two to three centimetres; mouthClose brings the lips together again and leaves the chin down."""
    opened, closed = shape({"jawOpen": 1.0}), shape({"jawOpen": 1.0, "mouthClose": 1.0})

    assert 2.0 < opened[60, 1] - opened[64, 1] < 3.0
    assert FACE_CM[8, 1] - 2.8 == pytest.approx(opened[8, 1])
    assert 0.0 <= closed[60, 1] - closed[64, 1] < 0.3
    assert opened[8, 1] == closed[8, 1]


@pytest.mark.parametrize(("side", "eye"), [("Right", (37, 41)), ("Left", (44, 46))])
def test_a_blink_closes_its_own_lid_only(shape: Shape, side: str, eye: tuple[int, int]) -> None:
    """Nearly, and never beyond; the other eye does not move."""
    upper, lower = eye
    face = shape({f"eyeBlink{side}": 1.0})
    other = LEFT_EYE if side == "Right" else RIGHT_EYE

    assert 0.0 <= face[upper, 1] - face[lower, 1] < 0.1
    np.testing.assert_allclose(FACE_CM[other], face[other])


@pytest.mark.parametrize(("side", "corner", "outwards"), [("Right", 58, -1.0), ("Left", 62, 1.0)])
def test_a_smile_draws_its_own_corner_out_and_up(shape: Shape, side: str, corner: int, outwards: float) -> None:
    """The own left is +x."""
    moved = shape({f"mouthSmile{side}": 1.0})[corner] - FACE_CM[corner]

    assert moved[0] * outwards > 0.5
    assert moved[1] > 0.5


def test_directions_are_the_own(shape: Shape) -> None:
    """jawLeft and mouthLeft go to +x."""
    assert shape({"jawLeft": 1.0})[8, 0] > 0.5
    assert shape({"mouthLeft": 1.0})[60, 0] > 0.5
    assert shape({"jawRight": 1.0})[8, 0] < -0.5


def test_pupils_sit_within_the_lids_and_go_where_the_eye_looks() -> None:
    """Ahead: in the middle of the eye. To the own left and down: +x and lower, as seen from the eyeball."""
    ahead = with_eyes(FACE_CM, Gaze(left_deg=(0.0, 0.0), right_deg=(0.0, 0.0)))
    turned = with_eyes(FACE_CM, Gaze(left_deg=(20.0, 10.0), right_deg=(-5.0, -10.0)))

    for pupil, eye in ((66, RIGHT_EYE), (67, LEFT_EYE)):
        assert FACE_CM[eye, 0].min() < ahead[pupil, 0] < FACE_CM[eye, 0].max()
        assert FACE_CM[eye, 1].min() < ahead[pupil, 1] < FACE_CM[eye, 1].max()
    np.testing.assert_allclose(ahead[68:], turned[68:])
    for pupil, ball, (yaw, pitch) in ((66, 68, (-5.0, -10.0)), (67, 69, (20.0, 10.0))):
        way = turned[pupil] - turned[ball]
        expected = Rotation.from_euler("YX", [yaw, pitch], degrees=True).apply([0.0, 0.0, np.linalg.norm(way)])
        np.testing.assert_allclose(expected, way, atol=1e-9)


def _landmarks_of(points: Float64Array, size_px: tuple[float, float]) -> Float32Array:
    """Landmarks that would be seen of these points by a camera without perspective."""
    landmarks = np.zeros((478, 3), dtype=np.float32)
    width, height = size_px
    scale = 20.0
    landmarks[LANDMARK_INDEX[: len(points)]] = points * scale * [1, -1, -1] / [width, height, width] + [0.5, 0.4, 0.0]
    return landmarks


def test_a_turned_face_gives_its_points_in_head_space(shape: Shape) -> None:
    """Whatever the pose, the size and the shape of the picture: turn, scale and place are taken off."""
    face = shape({"jawOpen": 0.7, "mouthSmileLeft": 1.0, "eyeBlinkRight": 1.0, "browInnerUp": 1.0})
    for angles in ((0, 0, 0), (40, -20, 15), (-60, 30, -80)):
        turned = Rotation.from_euler("YXZ", angles, degrees=True).apply(face * 1.3) + np.array([3.0, -2.0, 1.0])

        points = head_points_cm(_landmarks_of(turned, (640.0, 360.0)), (640.0, 360.0))

        np.testing.assert_allclose(face, points, atol=1e-3)


def test_landmarks_on_one_spot_are_no_face_and_no_error() -> None:
    """The generic face then."""
    points = head_points_cm(np.full((478, 3), 0.5, dtype=np.float32), (640.0, 480.0))

    np.testing.assert_allclose(FACE_CM, points)


def test_picture_points_are_pixels() -> None:
    """x times width, y times height, each landmark at its place."""
    landmarks = np.linspace(0.0, 1.0, 478 * 3, dtype=np.float32).reshape(478, 3)
    points = picture_points_px(landmarks, (640.0, 480.0))

    np.testing.assert_allclose(landmarks[152, :2] * [640, 480], points[8], rtol=1e-6)
    np.testing.assert_allclose(landmarks[473, :2] * [640, 480], points[67], rtol=1e-6)
