"""Results read straight from the memory of the real MediaPipe are those of its public objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.settings import TrackerSettings
from bridge.trackers.direct_read import ResultReader
from bridge.trackers.face_landmarker import FaceLandmarkerTracker
from bridge.trackers.mediapipe_import import load
from bridge.types import ImageArray, TrackResult
from tests.e2e.tracking import DEADLINE_S, assert_same, numbered, run_live

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_thread_of_mediapipe_left")]


@pytest.mark.parametrize("mode", ["live_stream", "video"])
def test_direct_reading_is_public_reading(model_path: Path, two_people: list[ImageArray], mode: str) -> None:
    """Both readers give the same bytes, for several faces, with landmarks."""
    frames = numbered(two_people[:8])
    settings = TrackerSettings.model_validate({"running_mode": mode, "num_faces": 2, "landmarks": True})
    direct = run_live(model_path, frames, settings)
    public = run_live(model_path, frames, settings.model_copy(update={"direct_read": False}))
    assert max(len(result.faces) for result in direct) == 2
    for a, b in zip(direct, public, strict=True):
        assert len(a.faces) == len(b.faces)
        for one, other in zip(a.faces, b.faces, strict=True):
            np.testing.assert_array_equal(one.weights, other.weights)
            assert one.landmarks is not None
            assert other.landmarks is not None
            np.testing.assert_array_equal(one.landmarks, other.landmarks)
            assert one.box == other.box
            assert one.head is not None
            assert other.head is not None
            np.testing.assert_array_equal(one.head.quat_xyzw, other.head.quat_xyzw)


@pytest.mark.parametrize("mode", ["live_stream", "video"])
def test_the_direct_reader_is_in_use(model_path: Path, one_person: list[ImageArray], mode: str) -> None:
    """With the pinned MediaPipe the direct reader passes its verification; switched off, the reason says so."""
    readers = []
    for direct in (True, False):
        settings = TrackerSettings.model_validate({"running_mode": mode, "direct_read": direct})
        tracker = FaceLandmarkerTracker(settings, model_path)
        try:
            tracker.start(lambda _result: None)
            for frame in numbered(one_person[:6]):
                tracker.submit(frame)
                assert tracker.flush(DEADLINE_S)
            readers.append((tracker.stats.reader, tracker.stats.reader_reason))
        finally:
            tracker.close()
    assert readers == [("direct", ""), ("public", "switched off by tracker.direct_read")]


def test_a_lying_direct_reader_is_found_out(
    model_path: Path, one_person: list[ImageArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If MediaPipe's memory were laid out differently, the public objects would take over without a wrong value."""
    from bridge.trackers.direct_read import DirectLayout

    frames = numbered(one_person[:5])
    right = run_live(model_path, frames)
    original = DirectLayout.read

    def shifted(self: DirectLayout, result: Any, *, landmarks: bool) -> Any:
        return tuple(
            face._replace(scores=np.roll(face.scores, 1) if face.scores is not None else None)
            for face in original(self, result, landmarks=landmarks)
        )

    monkeypatch.setattr(DirectLayout, "read", shifted)
    found: list[TrackResult] = []
    tracker = FaceLandmarkerTracker(TrackerSettings(), model_path)
    try:
        tracker.start(found.append)
        for frame in frames:
            tracker.submit(frame)
            assert tracker.flush(DEADLINE_S)
        stats = tracker.stats
    finally:
        tracker.close()
    assert (stats.reader, stats.reader_reason) == ("public", "the direct reader and the public objects differ")
    for a, b in zip(found, right, strict=True):
        assert_same(a, b, weights=0.0, degrees=1e-6)


def test_a_dispatcher_without_converter_uses_the_public_objects(
    model_path: Path, one_person: list[ImageArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A MediaPipe with another inside is read through its public objects; the results are the same."""
    frames = numbered(one_person[:5])
    right = run_live(model_path, frames)
    reasons: list[str] = []
    given_up = ResultReader.give_up

    def note(self: ResultReader, reason: str) -> None:
        reasons.append(reason)
        given_up(self, reason)

    monkeypatch.setattr(ResultReader, "give_up", note)
    result_class = load().face_landmarker.FaceLandmarkerResult
    original = result_class.from_ctypes
    monkeypatch.setattr(load().face_landmarker, "FaceLandmarkerResult", type("Other", (), {}))
    tracker = FaceLandmarkerTracker(TrackerSettings(), model_path)
    found: list[TrackResult] = []
    try:
        tracker.start(found.append)
        monkeypatch.setattr(load().face_landmarker, "FaceLandmarkerResult", result_class)
        assert original is not None
        for frame in frames:
            tracker.submit(frame)
            assert tracker.flush(DEADLINE_S)
    finally:
        tracker.close()
    assert reasons == ["MediaPipe's dispatcher has no converter to replace"]
    for a, b in zip(found, right, strict=True):
        assert_same(a, b, weights=0.0, degrees=1e-6)
