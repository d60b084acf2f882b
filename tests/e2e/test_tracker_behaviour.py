"""How the tracker behaves with the real model: bursts, failures, closing, silence, refusals."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from bridge.errors import TrackerRefused, TrackerStalled
from bridge.settings import TrackerSettings
from bridge.trackers.face_landmarker import FaceLandmarkerTracker
from bridge.trackers.offline import OfflineTracker
from bridge.types import CameraFrame, ImageArray, TrackResult, frozen_array
from tests.e2e.tracking import DEADLINE_S, assert_same, numbered, run_live, run_offline

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_thread_of_mediapipe_left")]

# --- behaviour -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["live_stream", "video"])
def test_a_burst_is_thinned_out_and_counted(model_path: Path, one_person: list[ImageArray], mode: str) -> None:
    """Of many frames at once some vanish; the last one comes back, order is kept, and every frame is accounted for."""
    results: list[TrackResult] = []
    settings = TrackerSettings.model_validate({"running_mode": mode})
    tracker = FaceLandmarkerTracker(settings, model_path)
    try:
        tracker.start(results.append)
        for frame in numbered(one_person, fps=1000.0):
            tracker.submit(frame)
        assert tracker.flush(DEADLINE_S)
        stats = tracker.stats
    finally:
        tracker.close()
    seqs = [result.seq for result in results]
    assert seqs == sorted(set(seqs))
    assert seqs[-1] == 22
    assert len(seqs) < 23
    assert (stats.submitted, stats.returned, stats.dropped) == (23, len(seqs), 23 - len(seqs))


@pytest.mark.parametrize("mode", ["live_stream", "video"])
def test_a_failing_callback_is_survived(model_path: Path, one_person: list[ImageArray], mode: str) -> None:
    """An exception in the consumer does not end tracking."""
    seen: list[int] = []

    def fragile(result: TrackResult) -> None:
        if result.seq == 1:
            raise ZeroDivisionError
        seen.append(result.seq)

    tracker = FaceLandmarkerTracker(TrackerSettings.model_validate({"running_mode": mode}), model_path)
    try:
        tracker.start(fragile)
        for frame in numbered(one_person[:4]):
            tracker.submit(frame)
            assert tracker.flush(DEADLINE_S)
        assert tracker.stats.callback_errors == 1
    finally:
        tracker.close()
    assert seen == [0, 2, 3]


@pytest.mark.parametrize("mode", ["live_stream", "video"])
def test_a_clock_that_jumps_back(model_path: Path, one_person: list[ImageArray], mode: str) -> None:
    """Capture times that fall back or repeat do not stop the tracker."""
    times = [5.0, 5.1, 5.1, 2.0, 2.0, 9.0]
    frames = [CameraFrame(seq=k, t=t, image=one_person[0]) for k, t in enumerate(times)]
    results = run_live(model_path, frames, TrackerSettings.model_validate({"running_mode": mode}))
    assert [result.t for result in results] == times
    assert all(len(result.faces) == 1 for result in results)


def test_a_view_that_is_not_contiguous(model_path: Path, one_person: list[ImageArray]) -> None:
    """MediaPipe would misread such an array silently; the tracker straightens it out."""
    image = one_person[0]
    wide = np.zeros((270, 960, 3), dtype=np.uint8)
    wide[:, ::2] = image
    a = run_offline(model_path, numbered([frozen_array(wide[:, ::2])]))[0]
    b = run_offline(model_path, numbered([image]))[0]
    assert_same(a, b, weights=0.0, degrees=1e-6)


@pytest.mark.parametrize("mode", ["live_stream", "video"])
def test_close_while_frames_are_in_work(model_path: Path, one_person: list[ImageArray], mode: str) -> None:
    """Close returns soon, no callback comes after it, no thread of MediaPipe's Python part or ours is left."""
    before = set(threading.enumerate())
    results: list[TrackResult] = []
    closed = threading.Event()
    late: list[int] = []

    def on_result(result: TrackResult) -> None:
        (late if closed.is_set() else results).append(result)  # type: ignore[arg-type]

    tracker = FaceLandmarkerTracker(TrackerSettings.model_validate({"running_mode": mode}), model_path)
    tracker.start(on_result)
    for frame in numbered(one_person):
        tracker.submit(frame)
    tracker.close()
    closed.set()
    tracker.close()
    tracker.submit(numbered(one_person)[0])
    assert late == []
    assert set(threading.enumerate()) == before


def test_close_waits_for_the_callback_in_progress(model_path: Path, one_person: list[ImageArray]) -> None:
    """A callback that is running when close is called ends before close returns, without a deadlock."""
    entered, leave, left = threading.Event(), threading.Event(), threading.Event()

    def slow(_result: TrackResult) -> None:
        entered.set()
        leave.wait(DEADLINE_S)
        left.set()

    tracker = FaceLandmarkerTracker(TrackerSettings(), model_path)
    tracker.start(slow)
    tracker.submit(numbered(one_person)[0])
    assert entered.wait(DEADLINE_S)
    closing = threading.Thread(target=tracker.close)
    closing.start()
    leave.set()
    closing.join(DEADLINE_S)
    assert left.is_set()
    assert not closing.is_alive()


def test_a_tracker_that_hangs_is_reported(model_path: Path, one_person: list[ImageArray]) -> None:
    """While a callback never returns nothing more comes: after the stall time submit says so, and closing still works."""
    hang = threading.Event()
    results: list[TrackResult] = []

    def on_result(result: TrackResult) -> None:
        results.append(result)
        if len(results) == 2:
            hang.wait(DEADLINE_S)

    now = [1000.0]
    settings = TrackerSettings(stall_timeout_s=2.0, running_mode="video")
    tracker = FaceLandmarkerTracker(settings, model_path, clock=lambda: now[0])
    stalled: list[str] = []
    try:
        tracker.start(on_result)
        frames = iter(numbered(one_person))
        tracker.submit(next(frames))
        assert tracker.flush(DEADLINE_S)
        for frame in frames:
            now[0] += 0.5
            try:
                tracker.submit(frame)
            except TrackerStalled as error:
                stalled.append(str(error))
                break
    finally:
        hang.set()
        tracker.close()
    assert stalled
    assert "returned nothing" in stalled[0]


def test_a_new_tracker_after_a_closed_one(model_path: Path, one_person: list[ImageArray]) -> None:
    """Rebuilding after a stall gives the same results as the first time."""
    frames = numbered(one_person[:3])
    for a, b in zip(run_live(model_path, frames), run_live(model_path, frames), strict=True):
        assert_same(a, b, weights=0.0, degrees=1e-6)


def test_nothing_is_written_to_the_terminal(
    model_path: Path, one_person: list[ImageArray], capfd: pytest.CaptureFixture[str]
) -> None:
    """Not one line of MediaPipe's native log, from start to close."""
    run_live(model_path, numbered(one_person[:3]))
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_no_socket_is_opened(model_path: Path, one_person: list[ImageArray], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by Python code nor, where the system tells, by native code: the process has no more sockets than before."""
    before = _sockets()
    tracker = FaceLandmarkerTracker(TrackerSettings(), model_path)
    try:
        tracker.start(lambda _result: None)
        for frame in numbered(one_person[:3]):
            tracker.submit(frame)
            assert tracker.flush(DEADLINE_S)
        assert _sockets() == before
    finally:
        tracker.close()
    assert _sockets() == before


def _sockets() -> set[str]:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("needs /proc")
    found = set()
    for descriptor in folder.iterdir():
        try:
            target = descriptor.readlink()
        except OSError:
            continue
        if str(target).startswith("socket:"):
            found.add(str(target))
    return found


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"PK\x03\x04 cut off"])
def test_a_model_that_is_none(tmp_path: Path, content: bytes) -> None:
    """MediaPipe's refusal becomes one sentence with the file in it."""
    path = tmp_path / "broken.task"
    path.write_bytes(content)
    tracker = FaceLandmarkerTracker(TrackerSettings(), path)
    with pytest.raises(TrackerRefused, match=r"does not take .*broken\.task") as caught:
        tracker.start(lambda _result: None)
    assert "\n" not in str(caught.value)
    tracker.close()
    with pytest.raises(TrackerRefused):
        OfflineTracker(TrackerSettings(), path)


def test_a_closed_offline_tracker_says_so(model_path: Path, one_person: list[ImageArray]) -> None:
    """Not a crash of native code."""
    tracker = OfflineTracker(TrackerSettings(), model_path, mode="image")
    tracker.close()
    tracker.close()
    with pytest.raises(TrackerRefused, match="closed"):
        tracker.detect(numbered(one_person)[0])
