"""Real pictures through the real trackers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bridge import space
from bridge.settings import TrackerSettings
from bridge.trackers.face_landmarker import FaceLandmarkerTracker
from bridge.trackers.offline import OfflineTracker
from bridge.types import CameraFrame, Face, ImageArray, TrackResult, frozen_array

DEADLINE_S = 60.0


def read_clip(path: Path, limit: int = 1000) -> list[ImageArray]:
    """The pictures of a video, RGB."""
    capture = cv2.VideoCapture(str(path))
    frames: list[ImageArray] = []
    while len(frames) < limit and (read := capture.read())[0]:
        frames.append(frozen_array(np.asarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB), dtype=np.uint8)))
    capture.release()
    assert frames
    return frames


def numbered(images: list[ImageArray], fps: float = 12.5) -> list[CameraFrame]:
    """The pictures as a camera would deliver them, from t = 100 s on."""
    return [CameraFrame(seq=seq, t=100.0 + seq / fps, image=image) for seq, image in enumerate(images)]


def run_live(
    model: Path, frames: list[CameraFrame], settings: TrackerSettings | None = None, **options: Any
) -> list[TrackResult]:
    """Every frame through the live tracker, each after the last has returned, so that none is dropped."""
    results: list[TrackResult] = []
    tracker = FaceLandmarkerTracker(settings or TrackerSettings(), model, **options)
    try:
        tracker.start(results.append)
        for frame in frames:
            tracker.submit(frame)
            assert tracker.flush(DEADLINE_S)
        assert tracker.stats.callback_errors == 0
    finally:
        tracker.close()
    return results


def run_offline(
    model: Path, frames: list[CameraFrame], settings: TrackerSettings | None = None, **options: Any
) -> list[TrackResult]:
    """Every frame through the offline tracker."""
    with OfflineTracker(settings or TrackerSettings(), model, **options) as tracker:
        return [tracker.detect(frame) for frame in frames]


def only_face(result: TrackResult) -> Face:
    """The one face; fails when there is none or another."""
    (face,) = result.faces
    return face


def assert_same(a: TrackResult, b: TrackResult, *, weights: float, degrees: float) -> None:
    """The same faces: weights and head within the given limits, position within 1 mm."""
    assert (a.seq, len(a.faces)) == (b.seq, len(b.faces))
    for one, other in zip(a.faces, b.faces, strict=True):
        assert one.head is not None
        assert other.head is not None
        assert float(np.abs(one.weights - other.weights).max()) <= weights
        assert space.angle_between_deg(one.head.quat_xyzw, other.head.quat_xyzw) <= degrees
        np.testing.assert_allclose(one.head.position_m, other.head.position_m, atol=1e-3)
