"""Reading results from memory, and giving that up in time."""

from __future__ import annotations

import ctypes
import logging
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bridge import arkit
from bridge.trackers.direct_read import VERIFIED_RESULTS, DirectLayout, ResultReader

# Structures with MediaPipe's field names but other offsets than today's: nothing may be hard-coded.


class _Point(ctypes.Structure):
    _fields_ = (
        ("novelty", ctypes.c_int64),
        ("x", ctypes.c_float),
        ("y", ctypes.c_float),
        ("z", ctypes.c_float),
        ("has_visibility", ctypes.c_bool),
        ("name", ctypes.c_char_p),
    )


class _Points(ctypes.Structure):
    _fields_ = (("landmarks", ctypes.POINTER(_Point)), ("landmarks_count", ctypes.c_uint32))


class _Category(ctypes.Structure):
    _fields_ = (
        ("index", ctypes.c_int),
        ("novelty", ctypes.c_bool),
        ("score", ctypes.c_float),
        ("category_name", ctypes.c_char_p),
    )


class _Categories(ctypes.Structure):
    _fields_ = (("categories", ctypes.POINTER(_Category)), ("categories_count", ctypes.c_uint32))


class _Matrix(ctypes.Structure):
    _fields_ = (("rows", ctypes.c_uint32), ("cols", ctypes.c_uint32), ("data", ctypes.POINTER(ctypes.c_float)))


class _Result(ctypes.Structure):
    _fields_ = (
        ("face_landmarks", ctypes.POINTER(_Points)),
        ("face_landmarks_count", ctypes.c_uint32),
        ("face_blendshapes", ctypes.POINTER(_Categories)),
        ("face_blendshapes_count", ctypes.c_uint32),
        ("facial_transformation_matrixes", ctypes.POINTER(_Matrix)),
        ("facial_transformation_matrixes_count", ctypes.c_uint32),
    )


def _matrix(face: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.arange(16, dtype=np.float32).reshape(4, 4) + 100 * face


def _c_result(faces: int, *, rows: int = 4) -> _Result:
    points, categories, matrices = (_Points * faces)(), (_Categories * faces)(), (_Matrix * faces)()
    for i in range(faces):
        listed = (_Point * 478)(*(_Point(x=0.25 + k / 1024 + i, y=0.5 - k / 1024, z=k) for k in range(478)))
        scored = (_Category * 52)(
            *(_Category(score=(k + i) / 64, category_name=name.encode()) for k, name in enumerate(arkit.MEDIAPIPE_NAMES))
        )
        points[i] = _Points(ctypes.cast(listed, ctypes.POINTER(_Point)), 478)
        categories[i] = _Categories(ctypes.cast(scored, ctypes.POINTER(_Category)), 52)
        data = (ctypes.c_float * 16)(*_matrix(i).T.ravel().tolist())  # column-major
        matrices[i] = _Matrix(rows, 4, ctypes.cast(data, ctypes.POINTER(ctypes.c_float)))
    return _Result(points, faces, categories, faces, matrices, faces)


def _as_public(result: _Result, *, shift: float = 0.0) -> SimpleNamespace:
    """What MediaPipe's own ``from_ctypes`` builds; ``shift`` makes it differ."""
    faces = range(result.face_landmarks_count)
    return SimpleNamespace(
        face_landmarks=[list(result.face_landmarks[i].landmarks[:478]) for i in faces],
        face_blendshapes=[
            [
                SimpleNamespace(score=category.score + shift, category_name=category.category_name.decode())
                for category in result.face_blendshapes[i].categories[:52]
            ]
            for i in faces
        ],
        facial_transformation_matrixes=[_matrix(i) for i in faces],
    )


def test_the_numbers_are_found_by_field_name() -> None:
    """Scores, matrix, bounds and landmarks come out right whatever the structures' padding."""
    first, second = DirectLayout(_Result).read(_c_result(2), landmarks=True)
    assert first.scores is not None
    assert second.scores is not None
    assert first.matrix is not None
    assert second.matrix is not None
    assert first.landmarks is not None
    assert first.scores.tolist() == [k / 64 for k in range(52)]
    assert second.scores.tolist() == [(k + 1) / 64 for k in range(52)]
    np.testing.assert_array_equal(second.matrix, _matrix(1))
    assert first.bounds == (0.25, 0.5 - 477 / 1024, 0.25 + 477 / 1024, 0.5)
    assert first.landmarks[477].tolist() == [0.25 + 477 / 1024, 0.5 - 477 / 1024, 477.0]


def test_what_was_read_is_a_copy() -> None:
    """MediaPipe frees its memory after the callback; what was read stays."""
    result = _c_result(1)
    (face,) = DirectLayout(_Result).read(result, landmarks=True)
    assert face.matrix is not None
    assert face.scores is not None
    assert face.landmarks is not None
    for k in range(16):
        result.facial_transformation_matrixes[0].data[k] = -1.0
    result.face_blendshapes[0].categories[3].score = -1.0
    result.face_landmarks[0].landmarks[0].x = -1.0
    np.testing.assert_array_equal(face.matrix, _matrix(0))
    assert face.scores[3] == 3 / 64
    assert face.landmarks[0, 0] == 0.25


def test_no_face() -> None:
    """A result with null pointers and counts of zero is no face."""
    assert DirectLayout(_Result).read(_Result(), landmarks=True) == ()


def test_the_first_results_are_read_both_ways() -> None:
    """Results with a face are verified three times, those without do not count; then the public objects are left alone."""
    reader = ResultReader(_Result, direct=True, landmarks=False)
    built = []

    def read(faces: int) -> None:
        result = _c_result(faces)

        def build() -> SimpleNamespace:
            built.append(faces)
            return _as_public(result)

        assert len(reader.read(result, build)) == faces

    for faces in (0, 1, 0, 1, 1, 1, 1, 2):
        read(faces)
    assert built == [0, 1, 0, 1, 1]
    assert built.count(1) == VERIFIED_RESULTS
    assert (reader.kind, reader.reason) == ("direct", "")


def test_a_difference_ends_direct_reading(caplog: pytest.LogCaptureFixture) -> None:
    """When the two ways disagree, the public result counts, now and for good; the log says so once."""
    reader = ResultReader(_Result, direct=True, landmarks=False)
    result = _c_result(1)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            (face,) = reader.read(result, lambda: _as_public(result, shift=1.0))
            assert face.scores is not None
            assert face.scores[0] == 1.0
            reader.tell()
    assert reader.kind == "public"
    assert "differ" in reader.reason
    assert len(caplog.records) == 1


def test_an_exception_ends_direct_reading() -> None:
    """A failure inside the direct reader, even after it was trusted, leads to the public objects."""
    reader = ResultReader(_Result, direct=True, landmarks=False)
    good = _c_result(1)
    for _ in range(VERIFIED_RESULTS + 1):
        reader.read(good, lambda: _as_public(good))
    odd = _c_result(1, rows=3)
    (face,) = reader.read(odd, lambda: _as_public(odd))
    assert face.matrix is not None
    assert reader.kind == "public"
    assert "4 x 4" in reader.reason


class _Renamed(ctypes.Structure):
    _fields_ = (("faces", ctypes.POINTER(_Points)), ("face_landmarks_count", ctypes.c_uint32))


class _DoubleScore(ctypes.Structure):
    _fields_ = (("score", ctypes.c_double), ("category_name", ctypes.c_char_p))


class _DoubleScores(ctypes.Structure):
    _fields_ = (("categories", ctypes.POINTER(_DoubleScore)), ("categories_count", ctypes.c_uint32))


class _Doubled(ctypes.Structure):
    _fields_ = (("face_landmarks", ctypes.POINTER(_Points)), ("face_blendshapes", ctypes.POINTER(_DoubleScores)))


@pytest.mark.parametrize("definition", [None, SimpleNamespace, _Renamed, _Doubled])
def test_unknown_structures_are_not_touched(definition: Any) -> None:
    """Missing, renamed or retyped fields are noticed before anything is read."""
    reader = ResultReader(definition, direct=True, landmarks=False)
    assert reader.kind == "public"
    assert "not the known ones" in reader.reason


def test_it_can_be_switched_off() -> None:
    """tracker.direct_read = false reads the public objects from the start, with nothing in the log."""
    reader = ResultReader(_Result, direct=False, landmarks=False)
    result = _c_result(1)
    (face,) = reader.read(result, lambda: _as_public(result))
    assert face.scores is not None
    assert reader.kind == "public"
    assert "direct_read" in reader.reason


def test_the_model_s_own_names_decide_the_order(caplog: pytest.LogCaptureFixture) -> None:
    """The order of the categories is taken from the first face, whichever way it was read; an unusual one is told."""
    reader = ResultReader(_Result, direct=True, landmarks=False)
    result = _c_result(1)
    public = _as_public(result)
    public.face_blendshapes[0][0].category_name = "tongueOut"
    reader.read(result, lambda: public)
    assert caplog.text == ""
    reader.tell()
    assert "absent: none" in caplog.text
    assert reader.order.silent.tolist() == []
    assert reader.order.index[arkit.INDEX["tongueOut"]] == 0
