"""The live tracker: camera frames in, ``TrackResult`` values out through a callback, on MediaPipe's Face Landmarker."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from bridge.clock import Clock, monotonic
from bridge.errors import TrackerStalled
from bridge.settings import TrackerSettings
from bridge.trackers.backends import Backend, Deliver, LiveStreamBackend, RawFaces, VideoBackend
from bridge.trackers.in_flight import InFlight
from bridge.trackers.picture import RegionMask, turn_upright
from bridge.trackers.results import build_face
from bridge.trackers.timestamps import TimestampClock
from bridge.types import CameraFrame, Face, OnResult, TrackResult

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerStats:
    """What ``status`` shows of the tracker. Frames: ``submitted = returned + dropped + in flight``."""

    submitted: int
    returned: int
    dropped: int
    """Frames that MediaPipe left out because newer ones had come."""
    rejected_faces: int
    """Faces with a number that was not finite: treated as not seen."""
    callback_errors: int
    """Results that could not be converted or delivered."""
    reader: Literal["direct", "public"]
    reader_reason: str
    """Why results are read through the public objects; empty while they are read directly."""


class OpenBackend(Protocol):
    """Builds a backend; the classes in ``backends`` are ones."""

    def __call__(self, settings: TrackerSettings, model_path: Path, *, landmarks: bool, deliver: Deliver) -> Backend: ...


class FaceLandmarkerTracker:
    """The ``Tracker`` role. ``start``, ``submit``: capture thread. ``flush``, ``stats``, ``close``: any thread.

    Pose, landmarks, box and the frame in the result are those of the upright picture (after ``rotation``).
    ``timestamp_scale`` weakens MediaPipe's own landmark filter (``timestamps``). ``keep_frames`` puts the frame in the result.
    """

    def __init__(
        self,
        settings: TrackerSettings,
        model_path: Path,
        *,
        timestamp_scale: float = 4.0,
        landmarks: bool = False,
        keep_frames: bool = False,
        clock: Clock = monotonic,
        open_backend: OpenBackend | None = None,
    ) -> None:
        self._settings, self._model_path = settings, model_path
        self._scale, self._keep_frames, self._clock = timestamp_scale, keep_frames, clock
        self._landmarks = landmarks or settings.landmarks
        self._open_backend: OpenBackend = open_backend or (
            VideoBackend if settings.running_mode == "video" else LiveStreamBackend
        )
        self._timestamps = TimestampClock(scale=timestamp_scale)
        self._mask = RegionMask(settings.region_of_interest)
        self._flight = InFlight(stall_timeout_s=settings.stall_timeout_s, clock=clock)
        self._call_lock = threading.Lock()  # submit against close; the callback never takes it
        self._backend: Backend | None = None
        self._on_result: OnResult | None = None
        self._delivering: int | None = None
        self._rejected = self._callback_errors = 0
        self._failing = False
        self._reader_kind: Literal["direct", "public"] = "public"
        self._reader_reason = "not started"

    def start(self, on_result: OnResult) -> None:
        """Loads the model. ``on_result`` is called by one thread of the tracker's and must only store and return: behind it
        MediaPipe queues without bound. Raises TrackerRefused."""
        with self._call_lock:
            self._on_result = on_result
            self._open()

    def _open(self) -> None:
        self._backend = self._open_backend(self._settings, self._model_path, landmarks=self._landmarks, deliver=self._deliver)

    def submit(self, frame: CameraFrame) -> None:
        """Hands a frame over and returns; MediaPipe copies it. 0.5-0.7 ms at 480x270 (LIVE_STREAM), 0.05 (VIDEO).

        Ignored before ``start`` and after ``close``. Raises TrackerStalled: close this tracker and build another.
        """
        waited_s = self._flight.stalled_for_s()
        if waited_s is not None:
            raise TrackerStalled(f"MediaPipe was given frames and returned nothing for {waited_s:.1f} s; it has to be rebuilt")
        rotation = self._settings.rotation
        upright = replace(frame, image=turn_upright(frame.image, rotation=rotation)) if rotation else frame
        with self._call_lock:
            if self._timestamps.exhausted and self._backend is not None:
                self._renew()
            if self._backend is None:
                return
            timestamp = self._timestamps.next(frame.t)
            self._flight.enter(timestamp, upright, keep_picture=self._keep_frames)
            try:
                self._backend.submit(self._mask.apply(upright.image), timestamp)
            except TrackerStalled:
                self._flight.withdraw(timestamp)
                raise

    def _renew(self) -> None:
        """A new landmarker with timestamps from 0, once in 25 hours at a scale of 1e5 (``LAST_TIMESTAMP_MS``); 0.1 s."""
        log.info("renewing the tracker: its timestamps are used up")
        self._shut()
        self._timestamps = TimestampClock(scale=self._scale)
        self._open()

    def flush(self, timeout_s: float) -> bool:
        """Waits until nothing of what was submitted so far is outstanding; False when the time was not enough."""
        return self._flight.wait(timeout_s)

    def close(self) -> None:
        """Returns after the last callback. Idempotent. Must run before the interpreter ends, or MediaPipe aborts noisily.

        Raises RuntimeError when called by the callback, which it would have to wait for.
        """
        if self._delivering == threading.get_ident():
            raise RuntimeError("the tracker cannot be closed by its own callback")
        self._on_result = None
        with self._call_lock:
            self._shut()

    def _shut(self) -> None:
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.close()
            self._remember_reader(backend)
        self._flight.abandon()

    def _remember_reader(self, backend: Backend) -> None:
        self._reader_kind, self._reader_reason = backend.reader.kind, backend.reader.reason

    @property
    def stats(self) -> TrackerStats:
        """A snapshot; any thread, also after ``close``."""
        backend = self._backend
        if backend is not None:
            self._remember_reader(backend)
        counts = self._flight.counts
        return TrackerStats(
            submitted=counts.submitted,
            returned=counts.returned,
            dropped=counts.dropped,
            rejected_faces=self._rejected,
            callback_errors=self._callback_errors,
            reader=self._reader_kind,
            reader_reason=self._reader_reason,
        )

    # --- the backend's delivering thread ---

    def _deliver(self, raw_faces: RawFaces, timestamp: int) -> None:
        """Converts one result and hands it on; never raises, since MediaPipe would only log it."""
        self._delivering = threading.get_ident()
        try:
            result = self._result(raw_faces, timestamp)
            on_result = self._on_result
            if result is not None and on_result is not None:
                on_result(result)
            if self._failing:
                self._failing = False
                log.info("results are delivered again")
        except Exception:  # the supervisor of the callback: one bad result must not end tracking
            self._callback_errors += 1
            if not self._failing:
                self._failing = True
                log.exception("a tracking result could not be delivered; more of the same are counted, not logged")
        finally:
            self._delivering = None
            self._flight.finish(timestamp)

    def _result(self, raw_faces: RawFaces, timestamp: int) -> TrackResult | None:
        backend = self._backend
        pending = self._flight.claim(timestamp)
        if pending is None or backend is None:
            return None
        order = backend.reader.order
        faces: list[Face] = []
        for raw in raw_faces:
            face = build_face(raw, order=order, width=pending.width, height=pending.height)
            if face is None:
                self._rejected += 1
            else:
                faces.append(face)
        return TrackResult(
            seq=pending.seq, t=pending.t, t_done=self._clock(), faces=tuple(faces), frame=pending.frame
        )  # fmt: skip
