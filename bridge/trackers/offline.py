"""The tracker for files: a frame in, its result out, in order, none left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from bridge.clock import Clock, monotonic
from bridge.errors import TrackerRefused
from bridge.settings import TrackerSettings
from bridge.trackers.backends import SyncDetector
from bridge.trackers.landmarker import Landmarker
from bridge.trackers.picture import RegionMask, turn_upright
from bridge.trackers.results import build_face
from bridge.trackers.timestamps import TimestampClock
from bridge.types import CameraFrame, TrackResult


class OfflineTracker:
    """The Face Landmarker in VIDEO mode (frames of one film, in order) or IMAGE mode (unrelated stills). One thread.

    Results as from the live tracker: of the upright picture. The constructor raises TrackerRefused.
    """

    def __init__(
        self,
        settings: TrackerSettings,
        model_path: Path,
        *,
        mode: Literal["video", "image"] = "video",
        timestamp_scale: float = 4.0,
        landmarks: bool = False,
        keep_frames: bool = False,
        clock: Clock = monotonic,
    ) -> None:
        self._settings, self._model_path = settings, model_path
        self._video, self._scale = mode == "video", timestamp_scale
        self._landmarks, self._keep_frames, self._clock = landmarks or settings.landmarks, keep_frames, clock
        self._mask = RegionMask(settings.region_of_interest)
        self._open()

    def _open(self) -> None:
        self._landmarker = Landmarker(self._settings, self._model_path, mode="VIDEO" if self._video else "IMAGE")
        self._detector = SyncDetector(self._landmarker, self._settings, video=self._video, landmarks=self._landmarks)
        self._timestamps = TimestampClock(scale=self._scale)

    def detect(self, frame: CameraFrame) -> TrackResult:
        """The faces of one frame. Raises TrackerRefused when MediaPipe fails on it, or after ``close``."""
        if self._timestamps.exhausted:
            self.close()
            self._open()
        image = turn_upright(frame.image, rotation=self._settings.rotation)
        upright = frame if image is frame.image else replace(frame, image=image)
        height, width = image.shape[:2]
        if self._landmarker.task is None:
            raise TrackerRefused("the tracker is closed")
        try:
            picture = self._landmarker.picture(self._mask.apply(image))
            raw_faces = self._detector.detect(picture, self._timestamps.next(frame.t))
        except (RuntimeError, ValueError, OSError) as error:
            raise TrackerRefused(f"MediaPipe failed on frame {frame.seq} ({error})") from error
        order = self._detector.reader.order
        found = (build_face(raw, order=order, width=width, height=height) for raw in raw_faces)
        faces = tuple(face for face in found if face is not None)
        return TrackResult(
            seq=frame.seq, t=frame.t, t_done=self._clock(), faces=faces, frame=upright if self._keep_frames else None
        )

    def close(self) -> None:
        """Idempotent."""
        self._landmarker.close()

    def __enter__(self) -> OfflineTracker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
