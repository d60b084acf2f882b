"""The live tracker around a stand-in for MediaPipe."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bridge.errors import TrackerRefused, TrackerStalled
from bridge.settings import TrackerSettings
from bridge.trackers.backends import Backend, Deliver
from bridge.trackers.face_landmarker import FaceLandmarkerTracker
from bridge.trackers.results import RawFace, WeightOrder
from bridge.trackers.timestamps import LAST_TIMESTAMP_MS
from bridge.types import CameraFrame, ImageArray, TrackResult


def _raw(score: float = 0.5) -> RawFace:
    matrix = np.eye(4, dtype=np.float32)
    matrix[2, 3] = -50.0
    return RawFace(scores=np.full(52, score, dtype=np.float32), matrix=matrix, bounds=(0.25, 0.25, 0.75, 0.75), landmarks=None)


class _Fake:
    """A backend whose results the test delivers by hand; ``opened`` counts how often one was built."""

    def __init__(self) -> None:
        self.reader = SimpleNamespace(kind="direct", reason="", order=WeightOrder.of(None))
        self.images: list[ImageArray] = []
        self.timestamps: list[int] = []
        self.opened = self.closed = 0
        self.refusal: Exception | None = None
        self._deliver: Deliver | None = None

    def open(self, settings: TrackerSettings, model_path: Path, *, landmarks: bool, deliver: Deliver) -> Backend:
        self.opened += 1
        self.landmarks, self._deliver = landmarks, deliver
        return cast("Backend", self)

    def submit(self, image: ImageArray, timestamp: int) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.images.append(image.copy())
        self.timestamps.append(timestamp)

    def answer(self, index: int = -1, *faces: RawFace) -> None:
        assert self._deliver is not None
        self._deliver(faces, self.timestamps[index])

    def close(self) -> None:
        self.closed += 1


class _Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def _frame(seq: int, *, t: float | None = None, height: int = 4, width: int = 8) -> CameraFrame:
    image = np.full((height, width, 3), seq, dtype=np.uint8)
    return CameraFrame(seq=seq, t=seq / 30 if t is None else t, image=image)


def _tracker(fake: _Fake, settings: TrackerSettings | None = None, **options: Any) -> FaceLandmarkerTracker:
    options.setdefault("clock", _Clock())
    return FaceLandmarkerTracker(settings or TrackerSettings(), Path("x.task"), open_backend=fake.open, **options)


def _started(fake: _Fake, **options: Any) -> tuple[FaceLandmarkerTracker, list[TrackResult]]:
    results: list[TrackResult] = []
    tracker = _tracker(fake, **options)
    tracker.start(results.append)
    return tracker, results


def test_a_result_tells_of_its_frame() -> None:
    """seq and t are the frame's, t_done is the clock's, the box is in pixels of the picture."""
    fake = _Fake()
    clock = _Clock()
    tracker, results = _started(fake, clock=clock)
    tracker.submit(_frame(3))
    clock.now = 50.015
    fake.answer(-1, _raw())
    (result,) = results
    assert (result.seq, result.t, result.t_done, result.frame) == (3, 3 / 30, 50.015, None)
    (face,) = result.faces
    assert face.box == (2.0, 1.0, 4.0, 2.0)
    assert face.head is not None
    assert face.head.position_m.tolist() == [0.0, 0.0, -0.5]


def test_no_face_is_an_empty_result() -> None:
    """A frame without a face is delivered too."""
    fake = _Fake()
    tracker, results = _started(fake)
    tracker.submit(_frame(0))
    fake.answer()
    assert [result.faces for result in results] == [()]


def test_faces_with_bad_numbers_are_no_faces() -> None:
    """A face with a NaN is left out and counted; the others stay."""
    fake = _Fake()
    tracker, results = _started(fake)
    tracker.submit(_frame(0))
    fake.answer(-1, _raw(float("nan")), _raw(0.25))
    assert [float(face.weights[0]) for face in results[0].faces] == [0.25]
    assert tracker.stats.rejected_faces == 1


def test_drops_are_counted() -> None:
    """Of five frames the first and the last came back: three were dropped."""
    fake = _Fake()
    tracker, results = _started(fake)
    for seq in range(5):
        tracker.submit(_frame(seq))
    fake.answer(0)
    fake.answer(4)
    assert [result.seq for result in results] == [0, 4]
    stats = tracker.stats
    assert (stats.submitted, stats.returned, stats.dropped) == (5, 2, 3)


def test_timestamps_are_scaled_and_increase() -> None:
    """The default scale is 4; a clock that falls back does not stop the tracker."""
    fake = _Fake()
    tracker, _ = _started(fake)
    for t in (10.0, 10.1, 3.0, 3.1):
        tracker.submit(_frame(0, t=t))
    assert fake.timestamps == [0, 400, 401, 801]


def test_an_exception_in_the_callback_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    """It is counted each time and logged once per change of state."""
    fake = _Fake()
    delivered: list[int] = []

    def fragile(result: TrackResult) -> None:
        if result.seq < 3:
            raise ValueError("a bug in the engine")
        delivered.append(result.seq)

    tracker = _tracker(fake)
    tracker.start(fragile)
    with caplog.at_level(logging.INFO):
        for seq in range(5):
            tracker.submit(_frame(seq))
            fake.answer()
    assert delivered == [3, 4]
    assert tracker.stats.callback_errors == 3
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert tracker.flush(0.0)


def test_frames_are_kept_on_request() -> None:
    """With keep_frames the result carries the picture that was tracked."""
    fake = _Fake()
    tracker, results = _started(fake, keep_frames=True)
    frame = _frame(9)
    tracker.submit(frame)
    fake.answer()
    assert results[0].frame is frame


def test_rotation_turns_everything_upright() -> None:
    """MediaPipe gets the turned picture, the box is in its pixels, and the kept frame is the turned one."""
    fake = _Fake()
    tracker, results = _started(fake, settings=TrackerSettings(rotation=90), keep_frames=True)
    tracker.submit(_frame(1, height=4, width=8))
    fake.answer(-1, _raw())
    assert fake.images[0].shape == (8, 4, 3)
    assert results[0].faces[0].box == (1.0, 2.0, 2.0, 4.0)
    assert results[0].frame is not None
    assert results[0].frame.image.shape == (8, 4, 3)


def test_the_region_is_masked_for_mediapipe_only() -> None:
    """Outside the region of interest MediaPipe sees black; the kept frame is whole."""
    fake = _Fake()
    settings = TrackerSettings(region_of_interest=(0.0, 0.0, 0.5, 1.0))
    tracker, results = _started(fake, settings=settings, keep_frames=True)
    tracker.submit(_frame(7))
    fake.answer()
    assert fake.images[0][:, :4].min() == 7
    assert fake.images[0][:, 4:].max() == 0
    assert results[0].frame is not None
    assert int(results[0].frame.image.min()) == 7


@pytest.mark.parametrize(("asked", "configured", "read"), [(False, False, False), (True, False, True), (False, True, True)])
def test_landmarks_are_read_when_anyone_asks(*, asked: bool, configured: bool, read: bool) -> None:
    """Either the outputs or the configuration."""
    fake = _Fake()
    _started(fake, settings=TrackerSettings(landmarks=configured), landmarks=asked)
    assert fake.landmarks == read


def test_a_stall_is_raised_by_submit() -> None:
    """Frames go in, nothing comes back for the stall time: submit says so, once it is sure."""
    fake = _Fake()
    clock = _Clock()
    tracker, _ = _started(fake, clock=clock)
    tracker.submit(_frame(0))
    fake.answer()
    tracker.submit(_frame(1))
    clock.now += 2.1
    tracker.submit(_frame(2))
    clock.now += 0.1
    with pytest.raises(TrackerStalled, match=r"returned nothing for 2\.2 s"):
        tracker.submit(_frame(3))
    tracker.close()


def test_a_refused_frame_is_not_waited_for() -> None:
    """When MediaPipe's graph has failed, submit raises and the frame counts as never submitted."""
    fake = _Fake()
    tracker, _ = _started(fake)
    fake.refusal = TrackerStalled("MediaPipe takes no more frames")
    with pytest.raises(TrackerStalled):
        tracker.submit(_frame(0))
    assert tracker.stats.submitted == 0
    assert tracker.flush(0.0)


def test_after_close_there_are_no_callbacks() -> None:
    """A result that arrives during or after close is not delivered; frames are ignored; closing again does nothing."""
    fake = _Fake()
    tracker, results = _started(fake)
    tracker.submit(_frame(0))
    tracker.close()
    fake.answer()
    tracker.submit(_frame(1))
    tracker.close()
    assert results == []
    assert fake.closed == 1
    assert len(fake.timestamps) == 1
    assert tracker.stats.dropped == 1


def test_a_callback_that_runs_while_closing_is_no_deadlock() -> None:
    """close waits for the callback in progress, which may look at the tracker meanwhile."""
    fake = _Fake()
    entered, leave = threading.Event(), threading.Event()
    tracker = _tracker(fake)
    seen: list[int] = []

    def slow(_result: TrackResult) -> None:
        entered.set()
        leave.wait(30.0)
        seen.append(tracker.stats.submitted)

    tracker.start(slow)
    tracker.submit(_frame(0))
    delivering = threading.Thread(target=fake.answer)
    original_close = fake.close

    def close_like_mediapipe() -> None:
        leave.set()
        delivering.join(30.0)
        original_close()

    fake.close = close_like_mediapipe  # type: ignore[method-assign]
    delivering.start()
    assert entered.wait(30.0)
    tracker.close()
    assert seen == [1]
    assert not delivering.is_alive()


def test_the_callback_may_not_close_the_tracker() -> None:
    """It would wait for itself: it is told so instead."""
    fake = _Fake()
    tracker = _tracker(fake)
    told: list[str] = []

    def closing(_result: TrackResult) -> None:
        try:
            tracker.close()
        except RuntimeError as error:
            told.append(str(error))

    tracker.start(closing)
    tracker.submit(_frame(0))
    fake.answer()
    assert told == ["the tracker cannot be closed by its own callback"]
    assert fake.closed == 0


def test_flush_waits_for_the_last_result() -> None:
    """False while the newest frame is out, True when its callback has returned."""
    fake = _Fake()
    tracker, results = _started(fake)
    tracker.submit(_frame(0))
    assert not tracker.flush(0.0)
    answering = threading.Thread(target=fake.answer)
    answering.start()
    assert tracker.flush(30.0)
    assert len(results) == 1
    answering.join()


def test_a_used_up_clock_renews_the_landmarker() -> None:
    """Before MediaPipe's nanoseconds overflow (25 hours at a scale of 1e5) a new landmarker begins at 0; nothing is lost."""
    fake = _Fake()
    tracker, results = _started(fake, timestamp_scale=1e5)
    beyond = LAST_TIMESTAMP_MS / 1e8 + 1.0
    for seq, t in enumerate((0.0, beyond, beyond + 1 / 30, beyond + 2 / 30)):
        tracker.submit(_frame(seq, t=t))
        fake.answer()
    assert (fake.opened, fake.closed) == (2, 1)
    assert fake.timestamps[2:] == [0, 3_333_333]
    assert [result.seq for result in results] == [0, 1, 2, 3]


def test_before_start_frames_are_ignored() -> None:
    """Nothing is open yet, nothing is counted."""
    tracker = _tracker(_Fake())
    tracker.submit(_frame(0))
    assert tracker.stats.submitted == 0
    assert tracker.stats.reader_reason == "not started"


def test_a_refusal_leaves_nothing_open() -> None:
    """start raises what MediaPipe refused; close is still allowed."""

    def refuse(*_args: object, **_options: object) -> Backend:
        raise TrackerRefused("MediaPipe refused to start")

    tracker = FaceLandmarkerTracker(TrackerSettings(), Path("x.task"), open_backend=refuse)
    with pytest.raises(TrackerRefused):
        tracker.start(lambda _result: None)
    tracker.close()


def test_stats_remember_the_reader_after_close() -> None:
    """How results were read is still known when the tracker is gone."""
    fake = _Fake()
    fake.reader.kind, fake.reader.reason = "public", "the direct reader and the public objects differ"
    tracker, _ = _started(fake)
    tracker.close()
    assert (tracker.stats.reader, tracker.stats.reader_reason) == ("public", "the direct reader and the public objects differ")


def test_the_mode_chooses_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """running_mode "video" opens the VIDEO backend, "live_stream" the other."""
    opened: list[str] = []

    def opener(name: str) -> Callable[..., Backend]:
        def open_backend(*_args: object, **_options: object) -> Backend:
            opened.append(name)
            return cast("Backend", _Fake())

        return open_backend

    monkeypatch.setattr("bridge.trackers.face_landmarker.VideoBackend", opener("video"))
    monkeypatch.setattr("bridge.trackers.face_landmarker.LiveStreamBackend", opener("live"))
    for mode in ("video", "live_stream"):
        tracker = FaceLandmarkerTracker(TrackerSettings.model_validate({"running_mode": mode}), Path("x.task"))
        tracker.start(lambda _result: None)
        tracker.close()
    assert opened == ["video", "live"]
