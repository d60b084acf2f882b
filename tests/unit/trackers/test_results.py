"""From MediaPipe's numbers to faces."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bridge import arkit
from bridge.trackers.results import RawFace, WeightOrder, bounds_of, build_face, category_names, read_public
from bridge.types import ZERO_WEIGHTS, Face, Float32Array

USUAL = WeightOrder.of(None)
DEAD = {
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "jawForward", "tongueOut",
}  # fmt: skip
"""As the README lists them."""


def _pose_matrix() -> Float32Array:
    # yaw 20, pitch 10, roll -5, t = (5, -2, -45) cm: the golden example of the fact sheet
    return np.array(
        [
            [0.930940525, 0.141064782, 0.336824089, 5.0],
            [-0.085831651, 0.981060262, -0.173648178, -2.0],
            [-0.354940371, 0.132745958, 0.925416578, -45.0],
            [0.0, 0.0, 0.0, 1.0],
        ],
        dtype=np.float32,
    )


def _raw(**changes: Any) -> RawFace:
    scores = np.linspace(0.0, 1.0, 52, dtype=np.float32)
    usual = RawFace(scores=scores, matrix=_pose_matrix(), bounds=(0.25, 0.5, 0.75, 0.9), landmarks=None)
    return usual._replace(**changes)


def _build(raw: RawFace, order: WeightOrder = USUAL) -> Face | None:
    return build_face(raw, order=order, width=640, height=480)


def test_weights_are_in_arkit_order() -> None:
    """Each ARKit channel gets the score of MediaPipe's category of its name."""
    face = _build(_raw())
    assert face is not None
    scores = np.linspace(0.0, 1.0, 52, dtype=np.float32)
    for name in set(arkit.NAMES) - DEAD:
        assert face.weights[arkit.INDEX[name]] == scores[arkit.MEDIAPIPE_NAMES.index(name)]
    assert face.weights.dtype == np.float32
    assert not face.weights.flags.writeable


def test_dead_channels_are_exactly_zero() -> None:
    """What Google's model has but never moves is noise, and is not sent; tongueOut it does not have."""
    face = _build(_raw(scores=np.full(52, 0.01, dtype=np.float32)))
    assert face is not None
    assert DEAD == {name for name, weight in zip(arkit.NAMES, face.weights.tolist(), strict=True) if weight == 0.0}


def test_another_models_channels_are_all_alive() -> None:
    """A model with names of its own is taken at its word: cheekPuff arrives as it is."""
    names = ("cheekPuff", *arkit.MEDIAPIPE_NAMES)
    face = _build(_raw(scores=np.full(len(names), 0.5, dtype=np.float32)), WeightOrder.of(names))
    assert face is not None
    assert face.weights[arkit.INDEX["cheekPuff"]] == 0.5


def test_weights_are_clipped() -> None:
    """The net's raw outputs may leave [0, 1]; weights do not."""
    scores = np.full(52, 0.5, dtype=np.float32)
    scores[arkit.MEDIAPIPE_NAMES.index("jawOpen")] = 1.25
    scores[arkit.MEDIAPIPE_NAMES.index("eyeBlinkLeft")] = -0.125
    face = _build(_raw(scores=scores))
    assert face is not None
    assert face.weights[arkit.INDEX["jawOpen"]] == 1.0
    assert face.weights[arkit.INDEX["eyeBlinkLeft"]] == 0.0
    assert face.weights[arkit.INDEX["mouthLeft"]] == 0.5


def test_the_head_is_in_bridge_space() -> None:
    """Centimetres become metres, the rotation a quaternion: the fact sheet's golden example."""
    face = _build(_raw())
    assert face is not None
    assert face.head is not None
    np.testing.assert_allclose(face.head.position_m, [0.05, -0.02, -0.45], atol=1e-7)
    np.testing.assert_allclose(face.head.quat_xyzw, [0.078204354, 0.176566672, -0.057913279, 0.979466355], atol=1e-6)


def test_the_box_is_in_pixels() -> None:
    """Bounds in fractions become (x, y, width, height) of the picture."""
    face = _build(_raw())
    assert face is not None
    assert face.box is not None
    assert tuple(round(value, 6) for value in face.box) == (160.0, 240.0, 320.0, 192.0)


def test_what_is_switched_off_is_absent() -> None:
    """Without blendshapes the weights rest; without matrices there is no head."""
    face = _build(_raw(scores=None, matrix=None))
    assert face is not None
    assert face.weights is ZERO_WEIGHTS
    assert face.head is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_face_with_a_number_that_is_none_is_rejected(bad: float) -> None:
    """One non-finite score, matrix element, bound or landmark, and the face counts as not seen."""
    scores = np.full(52, 0.5, dtype=np.float32)
    scores[9] = bad
    matrix = _pose_matrix()
    matrix[1, 3] = bad
    landmarks = np.zeros((478, 3), dtype=np.float32)
    landmarks[5, 2] = bad
    assert _build(_raw(scores=scores)) is None
    assert _build(_raw(matrix=matrix)) is None
    assert _build(_raw(bounds=(0.1, 0.2, bad, 0.4))) is None
    assert _build(_raw(landmarks=landmarks)) is None


def test_opposite_infinities_are_rejected_without_a_warning() -> None:
    """inf and -inf together do not slip through, nor does numpy complain aloud."""
    scores = np.full(52, 0.5, dtype=np.float32)
    scores[9], scores[10] = math.inf, -math.inf
    assert _build(_raw(scores=scores)) is None


def test_too_few_scores_are_rejected() -> None:
    """A list of another length than the model's is no face."""
    assert _build(_raw(scores=np.zeros(51, dtype=np.float32))) is None


def test_landmarks_are_read_only() -> None:
    """Landmarks, when there, are handed on as they are, read-only."""
    landmarks = np.full((478, 3), 0.5, dtype=np.float32)
    face = _build(_raw(landmarks=landmarks))
    assert face is not None
    assert face.landmarks is not None
    assert face.landmarks.shape == (478, 3)
    assert not face.landmarks.flags.writeable


def test_another_order_is_read_by_name() -> None:
    """A model with its categories in another order, and without some, still gives the right channels; absent ones are 0."""
    names = ("tongueOut", "jawOpen", *sorted(set(arkit.MEDIAPIPE_NAMES) - {"jawOpen", "cheekPuff"}))
    order = WeightOrder.of(names)
    scores = np.zeros(len(names), dtype=np.float32)
    scores[0], scores[1] = 0.25, 0.75
    face = _build(_raw(scores=scores), order)
    assert face is not None
    assert face.weights[arkit.INDEX["tongueOut"]] == 0.25
    assert face.weights[arkit.INDEX["jawOpen"]] == 0.75
    assert face.weights[arkit.INDEX["cheekPuff"]] == 0.0
    assert [arkit.NAMES[i] for i in order.silent] == ["cheekPuff"]


def test_the_usual_order_is_the_table_s() -> None:
    """MediaPipe's own names, or none, lead to the table of ``arkit``."""
    for names in (None, arkit.MEDIAPIPE_NAMES):
        order = WeightOrder.of(names)
        np.testing.assert_array_equal(order.index, arkit.MEDIAPIPE_TO_ARKIT)
        assert {arkit.NAMES[i] for i in order.silent} == DEAD


def _public_result(*, faces: int, blendshapes: bool = True) -> SimpleNamespace:
    points = [SimpleNamespace(x=0.25 + k / 1000, y=0.5 - k / 1000, z=0.125) for k in range(478)]
    categories = [SimpleNamespace(category_name=name, score=k / 64) for k, name in enumerate(arkit.MEDIAPIPE_NAMES)]
    return SimpleNamespace(
        face_landmarks=[points] * faces,
        face_blendshapes=[categories] * (faces if blendshapes else 0),
        facial_transformation_matrixes=[_pose_matrix()] * faces,
    )


def test_public_objects_are_read() -> None:
    """Scores, matrix and bounds of each face; landmarks only when asked for."""
    (face,) = read_public(_public_result(faces=1), landmarks=False)
    assert face.scores is not None
    assert face.matrix is not None
    assert face.scores.tolist() == [k / 64 for k in range(52)]
    np.testing.assert_array_equal(face.matrix, _pose_matrix())
    np.testing.assert_allclose(face.bounds, (0.25, 0.023, 0.727, 0.5), atol=1e-6)
    assert face.landmarks is None
    with_landmarks = read_public(_public_result(faces=2), landmarks=True)
    assert [each.landmarks.shape for each in with_landmarks if each.landmarks is not None] == [(478, 3), (478, 3)]


def test_no_face_and_no_blendshapes() -> None:
    """Empty lists are no faces; missing blendshapes are None."""
    assert read_public(_public_result(faces=0), landmarks=True) == ()
    (face,) = read_public(_public_result(faces=1, blendshapes=False), landmarks=False)
    assert face.scores is None
    assert category_names(_public_result(faces=0)) is None
    assert category_names(_public_result(faces=1)) == arkit.MEDIAPIPE_NAMES


def test_bounds() -> None:
    """Smallest and largest x and y, whatever the other columns hold."""
    points = np.array([[0.5, 0.25, 9.0], [0.125, 0.75, -9.0], [0.25, 0.5, 0.0]], dtype=np.float32)
    assert bounds_of(points) == (0.125, 0.25, 0.5, 0.75)


def test_sameness_is_exact() -> None:
    """A single different bit anywhere makes two faces different; two NaNs are the same."""
    scores = np.full(52, 0.5, dtype=np.float32)
    other = scores.copy()
    other[51] = np.nextafter(np.float32(0.5), np.float32(1))
    nan = np.full(52, math.nan, dtype=np.float32)
    assert _raw(scores=scores).same_as(_raw(scores=scores.copy()))
    assert not _raw(scores=scores).same_as(_raw(scores=other))
    assert not _raw(scores=scores).same_as(_raw(scores=None))
    assert not _raw(bounds=(0.0, 0.0, 1.0, 1.0)).same_as(_raw(bounds=(0.0, 0.0, 1.0, 0.5)))
    assert _raw(scores=nan).same_as(_raw(scores=nan.copy()))
