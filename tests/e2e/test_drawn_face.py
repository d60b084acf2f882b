"""The drawn face under the real model, and MediaPipe's own landmark filter, which is measured with it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bridge import arkit, space
from bridge.bench.clip import write_drawn_clip
from bridge.settings import TrackerSettings
from bridge.trackers.drawn_face import draw_face
from bridge.trackers.mediapipe_import import load
from bridge.trackers.offline import OfflineTracker
from bridge.trackers.smoothing_check import check_smoothing
from tests.e2e.tracking import numbered, only_face, read_clip, run_offline

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("no_thread_of_mediapipe_left")]


def test_the_drawn_face_is_found(model_path: Path) -> None:
    """As frontal, with its mouth and eyes seen open and closed."""
    images = [draw_face(256), draw_face(256, mouth_open=1.0), draw_face(256, eyes_closed=1.0)]
    with OfflineTracker(TrackerSettings(), model_path, mode="image") as tracker:
        neutral, talking, asleep = (only_face(tracker.detect(frame)) for frame in numbered(images))
    assert neutral.head is not None
    yaw, _, roll = space.to_euler_deg(neutral.head.quat_xyzw)
    assert abs(yaw) < 5
    assert abs(roll) < 3
    jaw, blink = arkit.INDEX["jawOpen"], arkit.INDEX["eyeBlinkLeft"]
    assert talking.weights[jaw] > neutral.weights[jaw] + 0.2
    assert asleep.weights[blink] > neutral.weights[blink] + 0.2


def test_the_drawn_clip_is_tracked(model_path: Path, tmp_path: Path) -> None:
    """A face in every frame of the clip that benchmarks fall back to."""
    images = read_clip(write_drawn_clip(tmp_path / "drawn.avi", seconds=1.0))
    results = run_offline(model_path, numbered(images, fps=30.0))
    assert [len(result.faces) for result in results] == [1] * 30


@pytest.mark.parametrize(("scale", "filtered"), [(1.0, True), (4.0, True), (1e5, False)])
def test_the_landmark_filter_answers(model_path: Path, *, scale: float, filtered: bool) -> None:
    """With the pinned MediaPipe scaled timestamps weaken the filter: of a one-pixel jump about .34, .55 and .91 at once."""
    check = check_smoothing(model_path, scale)
    assert (check.works, check.landmark_filtered, check.conclusive) == (True, filtered, True)
    assert 0.2 < check.share_plain < 0.5
    assert abs(check.share_scaled - {1.0: 0.34, 4.0: 0.55, 1e5: 0.91}[scale]) < 0.1


def test_several_faces_are_not_filtered(model_path: Path) -> None:
    """num_faces=2 turns MediaPipe's filter off, at any scale."""
    check = check_smoothing(model_path, 4.0, num_faces=2)
    assert (check.works, check.landmark_filtered) == (True, False)


def test_the_check_is_quick(model_path: Path) -> None:
    """Half a second of CPU at most; time on the wall depends on the machine."""
    load()
    began = time.process_time()
    check_smoothing(model_path, 4.0)
    assert time.process_time() - began < 1.0
