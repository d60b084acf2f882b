"""The capture loop: end, loss and return, stall and rebuild, pause."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from bridge.capture import CaptureLoop, CaptureState
from bridge.errors import BridgeError, SourceEnded, SourceLost, SourceUnavailable, TrackerStalled
from bridge.types import CameraFrame, OnResult, TrackResult, frozen_array

DEADLINE_S = 20.0
IMAGE = frozen_array(np.zeros((4, 4, 3), dtype=np.uint8))


class ScriptedSource:
    """Plays a list: a frame, a result, or an exception to raise. After the last entry it blocks until cancelled."""

    def __init__(self, script: list[CameraFrame | TrackResult | BridgeError], *, live: bool = True) -> None:
        self._script = iter(script)
        self.live = live
        self.label = "scripted"
        self.delivers_results = all(isinstance(item, TrackResult) for item in script)
        self.open_errors: Iterator[BridgeError] = iter(())
        self.opened = self.closed = 0
        self._cancelled = threading.Event()
        self.exhausted = threading.Event()

    def open(self) -> None:
        error = next(self.open_errors, None)
        if error is not None:
            raise error
        self.opened += 1

    def read(self) -> CameraFrame | TrackResult:
        item = next(self._script, None)
        if item is None:
            self.exhausted.set()
            self._cancelled.wait(DEADLINE_S)
            raise SourceEnded("cancelled")
        if isinstance(item, BridgeError):
            raise item
        return item

    def close(self) -> None:
        self.closed += 1

    def cancel(self) -> None:
        self._cancelled.set()


class FakeTracker:
    """Answers every frame at once; ``stall_at`` raises once on that frame."""

    def __init__(self, *, stall_at: int | None = None) -> None:
        self.stall_at = stall_at
        self.closed = False
        self.flushed = False
        self._on_result: OnResult | None = None

    def start(self, on_result: OnResult) -> None:
        self._on_result = on_result

    def submit(self, frame: CameraFrame) -> None:
        if frame.seq == self.stall_at:
            raise TrackerStalled("nothing came back for 2 s")
        assert self._on_result is not None
        self._on_result(TrackResult(seq=frame.seq, t=frame.t, t_done=frame.t, faces=()))

    def flush(self, timeout_s: float) -> bool:
        self.flushed = True
        return True

    def close(self) -> None:
        self.closed = True


def _frames(count: int, *, first: int = 0) -> list[CameraFrame | TrackResult | BridgeError]:
    return [CameraFrame(seq=i, t=i / 30, image=IMAGE) for i in range(first, first + count)]


def _loop(
    source: ScriptedSource, trackers: Iterator[FakeTracker] | None = None
) -> tuple[CaptureLoop, list[TrackResult], Callable[[], None]]:
    results: list[TrackResult] = []
    supply = trackers or iter([FakeTracker()])
    loop = CaptureLoop(source, make_tracker=lambda: next(supply), offer=results.append, retry_max_s=1.0, jitter=lambda: 0.0)

    def begin() -> None:
        loop.start()
        assert loop.opened.wait(DEADLINE_S)
        loop.go.set()

    return loop, results, begin


def test_a_file_ends_the_loop_after_every_frame_and_a_flush() -> None:
    """SourceEnded is the natural end: tracker flushed and closed, source closed, no failure."""
    tracker = FakeTracker()
    source = ScriptedSource([*_frames(3), SourceEnded("end of file")], live=False)
    loop, results, begin = _loop(source, iter([tracker]))

    begin()

    assert loop.ended.wait(DEADLINE_S)
    loop.stop()
    assert [0, 1, 2] == [result.seq for result in results]
    assert tracker.flushed
    assert tracker.closed
    assert source.closed >= 1
    assert loop.failure is None
    assert loop.status().state is CaptureState.ENDED


def test_finished_results_pass_without_a_tracker() -> None:
    """A demo or recording needs no model: its results go straight on."""
    result = TrackResult(seq=0, t=0.0, t_done=0.0, faces=())
    source = ScriptedSource([result, SourceEnded("end")], live=False)
    source.delivers_results = True
    loop, results, begin = _loop(source, iter([]))

    begin()

    assert loop.ended.wait(DEADLINE_S)
    loop.stop()
    assert [result] == results


def test_a_lost_camera_is_reopened_until_it_is_back() -> None:
    """SourceLost on a live source waits, retries, and goes on with the same source."""
    source = ScriptedSource([*_frames(1), SourceLost("the camera is gone"), *_frames(1, first=1)])
    loop, results, begin = _loop(source)

    begin()
    assert source.exhausted.wait(DEADLINE_S)
    loop.stop()

    assert [0, 1] == [result.seq for result in results]
    assert source.opened == 2
    assert loop.status().losses == 1
    assert loop.failure is None


def test_reopening_survives_refusals() -> None:
    """While the device is absent each attempt fails; the loop keeps trying and keeps the last sentence for status."""
    source = ScriptedSource([SourceLost("gone"), *_frames(1)])
    loop, results, begin = _loop(source)
    begin_open = source.open
    attempts = iter([None, SourceUnavailable("still absent"), None])

    def open_() -> None:
        error = next(attempts)
        if error is not None:
            raise error
        begin_open()

    source.open = open_  # type: ignore[method-assign]
    begin()
    assert source.exhausted.wait(DEADLINE_S)
    loop.stop()

    assert len(results) == 1
    assert source.opened == 2


def test_a_lost_file_is_a_failure() -> None:
    """A file that breaks will not come back: the run ends with its error."""
    source = ScriptedSource([*_frames(1), SourceLost("unreadable from here on")], live=False)
    loop, _, begin = _loop(source)

    begin()

    assert loop.ended.wait(DEADLINE_S)
    loop.stop()
    assert isinstance(loop.failure, SourceLost)
    assert loop.status().state is CaptureState.FAILED


def test_failure_to_open_is_reported_and_leaves_nothing_open() -> None:
    """The first opening decides the start: its error is the loop's failure."""
    source = ScriptedSource([])
    source.open_errors = iter([SourceUnavailable("no such camera")])
    loop, _, _ = _loop(source)

    loop.start()
    assert loop.opened.wait(DEADLINE_S)

    assert loop.ended.wait(DEADLINE_S)
    loop.stop()
    assert isinstance(loop.failure, SourceUnavailable)
    assert source.opened == 0


def test_a_stalled_tracker_is_rebuilt() -> None:
    """TrackerStalled closes the tracker and makes a new one; later frames go to the new one."""
    first, second = FakeTracker(stall_at=1), FakeTracker()
    source = ScriptedSource(_frames(3))
    loop, results, begin = _loop(source, iter([first, second]))

    begin()
    assert source.exhausted.wait(DEADLINE_S)
    status = loop.status()
    loop.stop()

    assert first.closed
    assert [0, 2] == [result.seq for result in results]
    assert status.rebuilds == 1


def test_a_tracker_that_refuses_fails_the_start() -> None:
    """Errors of the tracker's start are the loop's failure: a run never half-starts."""

    class Refusing(FakeTracker):
        def start(self, on_result: OnResult) -> None:
            raise SourceUnavailable("the model is missing")

    source = ScriptedSource(_frames(1))
    loop, _, _ = _loop(source, iter([Refusing()]))

    loop.start()

    assert loop.ended.wait(DEADLINE_S)
    loop.stop()
    assert loop.failure is not None
    assert source.closed >= 1


def test_an_unexpected_exception_becomes_one_sentence() -> None:
    """A bug in a source ends as a SourceError that names the source, not as a dead thread."""

    class Broken(ScriptedSource):
        def read(self) -> CameraFrame | TrackResult:
            raise ZeroDivisionError("oops")

    loop, _, begin = _loop(Broken(_frames(1)))

    begin()

    assert loop.ended.wait(DEADLINE_S)
    loop.stop()
    assert str(loop.failure) == "scripted: ZeroDivisionError: oops"


@pytest.mark.parametrize("paused_first", [True, False])
def test_pause_releases_the_camera_and_resume_takes_it_again(*, paused_first: bool) -> None:
    """Paused: the source is closed. Resumed: opened again."""
    source = ScriptedSource(_frames(2))
    loop, results, begin = _loop(source)
    released = threading.Event()
    close = source.close

    def close_() -> None:
        close()
        released.set()

    source.close = close_  # type: ignore[method-assign]
    if paused_first:
        loop.pause()
        begin()
        assert released.wait(DEADLINE_S)
        loop.resume()
        assert source.exhausted.wait(DEADLINE_S)
        assert source.opened == 2
    else:
        begin()
        assert source.exhausted.wait(DEADLINE_S)
        assert source.opened == 1
    loop.stop()
    assert len(results) == 2
