"""Dead channels out of the landmarks: on a made-up mesh whose points move by known amounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from bridge import arkit, space
from bridge.settings import ExpressionSettings, Settings
from bridge.stages.expression import ExpressionStage
from bridge.stages.landmark_shapes import LandmarkShapes, head_points
from bridge.types import FaceState, Float32Array, Float64Array, HeadPose, frozen_array

States = Callable[..., FaceState]
FPS = 30
WIDTH, HEIGHT = 640.0, 480.0

# Points of a face in its own axes (x the own left, y up, z out of the face), in distances of the outer eye corners.
FACE: dict[int, tuple[float, float, float]] = {
    33: (-0.5, 0.0, -0.1), 133: (-0.2, 0.0, 0.0), 159: (-0.35, 0.06, 0.0), 145: (-0.35, -0.05, 0.0),
    263: (0.5, 0.0, -0.1), 362: (0.2, 0.0, 0.0), 386: (0.35, 0.06, 0.0), 374: (0.35, -0.05, 0.0),
    168: (0.0, 0.05, 0.05), 129: (-0.2, -0.4, 0.1), 358: (0.2, -0.4, 0.1), 13: (0.0, -0.7, 0.1), 14: (0.0, -0.72, 0.1),
    61: (-0.28, -0.71, 0.0), 291: (0.28, -0.71, 0.0), 152: (0.0, -1.2, 0.0), 10: (0.0, 0.7, 0.0), 234: (-0.75, 0.0, -0.6),
    454: (0.75, 0.0, -0.6),
}  # fmt: skip
SIZE_PX = 150.0

Moved = Mapping[int, tuple[float, float, float]]
FROWN: Moved = {61: (0.0, -0.02, 0.0), 291: (0.0, -0.02, 0.0)}
WIDE: Moved = {159: (0.0, 0.012, 0.0), 386: (0.0, 0.012, 0.0)}
SNEER: Moved = {129: (0.0, 0.03, 0.0), 358: (0.0, 0.03, 0.0)}
PUFF: Moved = {61: (0.03, 0.0, 0.0), 291: (-0.03, 0.0, 0.0)}


def _mesh(moved: Moved, quat: Float64Array) -> tuple[Float32Array, tuple[float, ...]]:
    """Landmarks (478, 3) of the face turned by ``quat``, and its box."""
    points = np.zeros((478, 3))
    for index, place in FACE.items():
        points[index] = np.array(place) + np.array(moved.get(index, (0.0, 0.0, 0.0)))
    turned = points @ space.to_rotation_matrix(quat).T * SIZE_PX
    picture = np.column_stack([320 + turned[:, 0], 240 - turned[:, 1], -turned[:, 2]]) / np.array([WIDTH, HEIGHT, WIDTH])
    low, high = picture[:, :2].min(axis=0), picture[:, :2].max(axis=0)
    size = (high - low) * (WIDTH, HEIGHT)
    return frozen_array(picture.astype(np.float32)), (float(low[0] * WIDTH), float(low[1] * HEIGHT), *size.tolist())


def _state(make_state: States, moved: Moved, t: float, *, yaw: float = 0.0, **weights: float) -> FaceState:
    quat = space.from_euler_deg(yaw=yaw, pitch=0.0, roll=0.0)
    landmarks, box = _mesh(moved, quat)
    head = HeadPose(position_m=frozen_array(np.array([0.0, 0.0, -0.5])), quat_xyzw=frozen_array(quat))
    return make_state(weights=weights, head=head, landmarks=landmarks, box=box, t=t)


def _stage(*names: str) -> ExpressionStage:
    return ExpressionStage(ExpressionSettings.model_validate({"landmark_shapes": names, "gain": {}, "dead_zone": 0.0}))


def _shown(make_state: States, name: str, moved: Moved, *, yaw: float = 0.0, **weights: float) -> float:
    """What a channel shows, after three seconds at rest, for a face that does ``moved``."""
    stage = _stage(name)
    for k in range(3 * FPS):
        stage.step(_state(make_state, {}, k / FPS))
    return float(stage.step(_state(make_state, moved, 3.0, yaw=yaw, **weights)).weights[arkit.sides_of(name)[0]])


@pytest.mark.parametrize(
    ("name", "moved", "weights"),
    [
        ("mouthFrown", FROWN, {}),
        ("eyeWide", WIDE, {}),
        ("noseSneer", SNEER, {}),
        ("cheekPuff", PUFF, {"mouthRollUpper": 0.6, "mouthRollLower": 0.6}),
        ("jawForward", {152: (0.0, 0.0, 0.08)}, {}),
    ],
)
def test_each_shape_is_0_at_rest_and_nearly_1_when_done(
    make_state: States, name: str, moved: Moved, weights: dict[str, float]
) -> None:
    """Moved as far as the rendered head moved the tracker's mesh."""
    assert 0.0 == _shown(make_state, name, {})
    assert _shown(make_state, name, moved, **weights) > 0.7


def test_both_sides_get_the_value(make_state: States) -> None:
    """The measures are means of the sides."""
    stage = _stage("noseSneer")
    for k in range(3 * FPS):
        stage.step(_state(make_state, {}, k / FPS))
    after = stage.step(_state(make_state, SNEER, 3.0)).weights
    assert after[arkit.INDEX["noseSneerLeft"]] == after[arkit.INDEX["noseSneerRight"]] > 0.7


def test_a_turned_face_is_measured_in_its_own_axes(make_state: States) -> None:
    """By 15 degrees: at rest still 0, done still done. Beyond 30 degrees nothing is said."""
    assert 0.0 == pytest.approx(_shown(make_state, "mouthFrown", {}, yaw=15), abs=1e-3)
    assert _shown(make_state, "mouthFrown", FROWN, yaw=15) > 0.7
    assert 0.0 == _shown(make_state, "mouthFrown", FROWN, yaw=31)


def test_a_smile_is_no_sneer(make_state: States) -> None:
    """It lifts the wings of the nose too; the model knows it."""
    assert _shown(make_state, "noseSneer", SNEER, mouthSmileLeft=0.9, mouthSmileRight=0.9) == 0.0


def test_a_narrow_mouth_alone_is_no_puffed_cheek(make_state: States) -> None:
    """A pucker narrows it too; puffed cheeks have both lips rolled in."""
    assert 0.0 == _shown(make_state, "cheekPuff", PUFF, mouthRollUpper=0.6)


def test_where_the_model_says_more_it_is_believed(make_state: States) -> None:
    """eyeWide and mouthFrown are weak, not dead."""
    assert 0.6 == pytest.approx(_shown(make_state, "mouthFrown", {}, mouthFrownLeft=0.6))


def test_nothing_is_said_before_the_face_was_watched(make_state: States) -> None:
    """For a second; after a reset again."""
    stage = _stage("mouthFrown")
    stage.step(_state(make_state, {}, 0.0))
    assert not stage.step(_state(make_state, FROWN, 0.1)).weights.any()
    for k in range(3 * FPS):
        stage.step(_state(make_state, {}, 1.0 + k / FPS))
    assert stage.step(_state(make_state, FROWN, 4.0)).weights.any()
    stage.reset()
    stage.step(_state(make_state, {}, 5.0))
    assert not stage.step(_state(make_state, FROWN, 5.1)).weights.any()


def test_an_open_mouth_is_not_taken_for_rest(make_state: States) -> None:
    """Ten seconds of it, in which the corners are up, do not make the rest a frown."""
    stage, open_mouth = _stage("mouthFrown"), {61: (0.0, 0.05, 0.0), 291: (0.0, 0.05, 0.0)}
    for k in range(2 * FPS):
        stage.step(_state(make_state, {}, k / FPS))
    for k in range(10 * FPS):
        stage.step(_state(make_state, open_mouth, 2 + k / FPS, jawOpen=0.7))
    assert not stage.step(_state(make_state, {}, 12.0)).weights[arkit.INDEX["mouthFrownLeft"]]


def test_without_landmarks_nothing_happens(make_state: States) -> None:
    """A source that has none."""
    state = make_state(seed=2)
    np.testing.assert_array_equal(_stage().step(state).weights, _stage("cheekPuff").step(state).weights)


def test_a_mesh_without_size_is_no_measure() -> None:
    """All points in one place: nothing to divide by, and nothing is written."""
    quat, nowhere = np.array([0.0, 0.0, 0.0, 1.0]), np.zeros((478, 3), dtype=np.float32)
    assert head_points(nowhere, (1.0, 1.0, 0.0, 0.0), quat) is None
    weights = np.full(52, 0.5, dtype=np.float32)
    LandmarkShapes(("cheekPuff", "eyeWide")).apply(weights, nowhere, None, quat, 0.0)
    assert (weights == 0.5).all()


def test_the_points_are_in_the_heads_own_axes() -> None:
    """Turned, in a wide picture: the same numbers, in distances of the outer eye corners."""
    quat = space.from_euler_deg(yaw=20, pitch=-10, roll=15)
    landmarks, box = _mesh({}, quat)
    points = head_points(landmarks, (box[0], box[1], box[2], box[3]), quat)
    assert points is not None
    np.testing.assert_allclose(points[4] - points[0], [1.0, 0.0, 0.0], atol=1e-4)


def test_the_tracker_is_asked_for_landmarks_only_when_a_shape_needs_them() -> None:
    """Reading them costs time."""
    assert not Settings().needs_landmarks
    assert Settings.model_validate({"expression": {"landmark_shapes": ["cheekPuff"]}}).needs_landmarks
    off = {"expression": {"landmark_shapes": ["cheekPuff"], "enabled": False}}
    assert not Settings.model_validate(off).needs_landmarks
    assert Settings.model_validate({"tracker": {"landmarks": True}}).needs_landmarks
