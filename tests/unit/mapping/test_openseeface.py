"""OpenSeeFace's features, eyes and picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from bridge.mapping.openseeface import (
    FEATURES,
    OpenSeeFaceMapping,
    features,
    picture_size_px,
    project_px,
    raw_translation,
)
from bridge.types import CameraFrame, FaceState, Float32Array, Presence
from tests.unit.wire.openseeface_packet import FEATURE

MakeState = Callable[..., FaceState]


def _landmarks(seed: int = 1) -> Float32Array:
    return np.random.default_rng(seed).uniform(0.2, 0.6, (478, 3)).astype(np.float32)


def _box(landmarks: Float32Array, width: float, height: float) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = landmarks[:, :2].min(axis=0).tolist(), landmarks[:, :2].max(axis=0).tolist()
    return x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height


def test_the_features_are_the_packets_in_its_order() -> None:
    """The sheet's list; and a resting face has none."""
    assert list(FEATURE) == list(FEATURES)
    assert {0.0} == set(features(np.zeros(52, dtype=np.float32)).tolist())


@pytest.mark.parametrize(
    ("weights", "feature", "sign"),
    [
        ({"eyeBlinkLeft": 1.0}, "eye_l", -1),
        ({"eyeBlinkRight": 1.0}, "eye_r", -1),
        ({"eyeWideRight": 1.0}, "eye_r", 1),
        ({"browOuterUpLeft": 1.0}, "eyebrow_updown_l", 1),
        ({"browDownRight": 1.0}, "eyebrow_updown_r", -1),
        ({"browInnerUp": 1.0}, "eyebrow_steepness_l", 1),
        ({"browDownLeft": 1.0}, "eyebrow_steepness_l", -1),
        ({"browOuterUpRight": 1.0}, "eyebrow_quirk_r", 1),
        ({"mouthSmileLeft": 1.0}, "mouth_corner_updown_l", -1),
        ({"mouthFrownRight": 1.0}, "mouth_corner_updown_r", 1),
        ({"mouthSmileLeft": 1.0}, "mouth_corner_inout_l", 1),
        ({"mouthRight": 1.0}, "mouth_corner_inout_r", 1),
        ({"mouthRight": 1.0}, "mouth_corner_inout_l", -1),
        ({"mouthPucker": 1.0}, "mouth_corner_inout_r", -1),
        ({"jawOpen": 1.0}, "mouth_open", 1),
        ({"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}, "mouth_wide", 1),
        ({"mouthPucker": 1.0}, "mouth_wide", -1),
    ],
)
def test_signs_of_the_features(make_state: MakeState, weights: dict[str, float], feature: str, sign: int) -> None:
    """As OpenSeeFace's extractor measures them; a smile is negative, since its corners are nearer to the upper lip's line."""
    value = features(make_state(weights=weights).weights)[FEATURE[feature]]

    assert value * sign >= 0.5


@pytest.mark.parametrize(("side", "other"), [("Left", "_r"), ("Right", "_l")])
def test_one_sides_expressions_leave_the_other_sides_features(make_state: MakeState, side: str, other: str) -> None:
    """Left is left."""
    names = ("eyeBlink", "browDown", "browOuterUp", "mouthSmile", "mouthFrown", "mouthStretch")
    values = features(make_state(weights={name + side: 0.3 for name in names}).weights)

    assert {0.0} == {values[i] for name, i in FEATURE.items() if name.endswith(other)}


def test_features_stay_within_one(make_state: MakeState) -> None:
    """All coefficients at 1, and any of them."""
    for seed in range(20):
        values = features(make_state(seed=seed).weights)
        assert float(np.abs(values).max()) <= 1.0
    assert float(np.abs(features(np.ones(52, dtype=np.float32))).max()) <= 1.0


def test_closed_jaws_with_open_lips_are_closed(make_state: MakeState) -> None:
    """jawOpen and mouthClose alike: the lips touch."""
    assert 0.0 == features(make_state(weights={"jawOpen": 0.5, "mouthClose": 0.5}).weights)[FEATURE["mouth_open"]]


@pytest.mark.parametrize(("lids", "expected"), [("mediapipe", (1.0, 0.5)), ("plain", (0.8, 0.65))])
def test_open_eyes(make_state: MakeState, lids: str, expected: tuple[float, float]) -> None:
    """MediaPipe's eyeBlink rests at .2 and is closed at .5; or as it is. (left, right)"""
    made = OpenSeeFaceMapping(lids="plain" if lids == "plain" else "mediapipe")
    face = made.step(make_state(weights={"eyeBlinkLeft": 0.2, "eyeBlinkRight": 0.35}))

    assert pytest.approx(expected) == (face.left_open, face.right_open)


def test_the_pictures_size_follows_from_box_and_landmarks(make_state: MakeState) -> None:
    """The box is in pixels, the landmarks in fractions; a frame says it outright."""
    landmarks = _landmarks()
    state = make_state(landmarks=landmarks, box=_box(landmarks, 1280.0, 720.0))
    frame = CameraFrame(seq=0, t=0.0, image=np.zeros((360, 480, 3), dtype=np.uint8))

    assert (1280.0, 720.0) == picture_size_px(state)
    assert (480.0, 360.0) == picture_size_px(make_state(frame=frame))


@pytest.mark.parametrize("box", [None, (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1e9, 1e9)])
def test_an_unknown_picture_is_640_by_480(make_state: MakeState, box: tuple[float, float, float, float] | None) -> None:
    """Without a box, or with one that cannot be."""
    assert (640.0, 480.0) == picture_size_px(make_state(landmarks=_landmarks(), box=box))
    assert (640.0, 480.0) == picture_size_px(make_state(landmarks=np.zeros((478, 3), dtype=np.float32), box=(1, 1, 2, 2)))


def test_translation_is_up_own_right_and_minus_the_distance() -> None:
    """In units: outer corners of the eyes, 8.89 cm, are 0.632."""
    assert pytest.approx((0.632, 0.0, 0.0)) == raw_translation((0.0, 0.0889, 0.0))
    assert pytest.approx((0.0, -0.632, -1.264)) == raw_translation((0.0889, 0.0, -0.1778))


def test_the_translation_is_that_of_the_nose(make_state: MakeState) -> None:
    """7.48 cm before and 1.13 cm below the origin of the head; it turns with it."""
    made = OpenSeeFaceMapping(units_per_m=100.0)

    assert pytest.approx((-1.13, 0.0, -42.52)) == made.step(make_state(position_m=(0.0, 0.0, -0.5))).translation
    assert pytest.approx((-1.13, -7.48, -50.0)) == made.step(make_state(yaw=90.0, position_m=(0.0, 0.0, -0.5))).translation


def test_a_calibrated_head_is_put_at_the_resting_distance(make_state: MakeState) -> None:
    """Its own z is about 0; receivers expect a head before the camera."""
    made = OpenSeeFaceMapping(units_per_m=100.0, distance_m=0.6)

    assert pytest.approx(-52.52) == made.step(make_state(position_m=(0.0, 0.0, 0.0))).translation[2]
    assert pytest.approx(-42.52) == made.step(make_state(position_m=(0.0, 0.0, 0.1))).translation[2]


def test_a_projected_point() -> None:
    """At 1 m the picture is 2 tan(31.5 degrees) high; x to the right is the own left."""
    top = np.tan(np.radians(31.5))

    pixels = project_px(np.array([[0.0, 0.0, -1.0], [0.0, top, -1.0], [top, 0.0, -1.0]]), (640.0, 480.0))

    np.testing.assert_allclose([[320, 240], [320, 0], [560, 240]], pixels)


def test_time_always_grows(make_state: MakeState) -> None:
    """Receivers ignore a face that is no newer; resampled states come several times with one time."""
    made = OpenSeeFaceMapping(epoch_s=1000.0)
    times = [made.step(make_state(t=t)).time_s for t in (1.0, 1.0, 1.0, 1.033, 0.5)]

    assert [1001.0, 1001.001, 1001.002, 1001.033, 1001.034] == [pytest.approx(t, abs=1e-9) for t in times]
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


def test_while_held_the_last_landmarks_stay(make_state: MakeState) -> None:
    """The points do not jump to the generic face; once lost they are forgotten."""
    landmarks = _landmarks()
    made = OpenSeeFaceMapping()
    live = made.step(make_state(landmarks=landmarks, box=_box(landmarks, 320.0, 240.0)))
    held = made.step(make_state(presence=Presence.HELD))
    lost = made.step(make_state(presence=Presence.LOST))
    again = made.step(make_state(presence=Presence.HELD))

    np.testing.assert_array_equal(live.points_px, held.points_px)
    assert (320.0, 240.0) == held.size_px
    assert not np.array_equal(live.points_px, lost.points_px)
    np.testing.assert_array_equal(lost.points_px, again.points_px)
    assert [1.0, 0.5, 0.0] == [face.confidence[0] for face in (live, held, lost)]


def test_points_of_the_model_only(make_state: MakeState) -> None:
    """points=model does not look at landmarks."""
    landmarks = _landmarks()
    with_them = OpenSeeFaceMapping(points="model").step(make_state(landmarks=landmarks, box=_box(landmarks, 320.0, 240.0)))
    without = OpenSeeFaceMapping().step(make_state())

    np.testing.assert_array_equal(without.points_px, with_them.points_px)
    assert (640.0, 480.0) == with_them.size_px


def test_the_generic_face_closes_as_far_as_the_eye_does(make_state: MakeState) -> None:
    """eyeBlink .5 is closed by default, and so are the lids of the model."""
    face = OpenSeeFaceMapping().step(make_state(weights={"eyeBlinkLeft": 0.5}))
    gap = [face.points_px[low, 1] - face.points_px[up, 1] for up, low in ((44, 46), (37, 41))]

    assert gap[0] < 0.15 * gap[1]
