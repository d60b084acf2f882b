"""The two ways to run the landmarker on a live stream behind one seam: pictures in, raw faces out, on another thread."""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from bridge.errors import TrackerStalled
from bridge.mailbox import Mailbox
from bridge.settings import TrackerSettings
from bridge.trackers.direct_read import ResultReader
from bridge.trackers.inline_calls import call_inline
from bridge.trackers.landmarker import CLOSE_TIMEOUT_S, Landmarker
from bridge.trackers.results import RawFace
from bridge.types import ImageArray

log = logging.getLogger(__name__)

RawFaces: TypeAlias = tuple[RawFace, ...]
Deliver: TypeAlias = Callable[[RawFaces, int], None]
"""Called with the faces and the timestamp of their picture, in order, by one thread of the backend. Never raises."""


class Backend(Protocol):
    """One open landmarker on a stream. ``submit`` and ``close`` are never called at the same time."""

    reader: ResultReader

    def submit(self, image: ImageArray, timestamp: int) -> None:
        """Copies the picture and returns. Raises TrackerStalled when MediaPipe has stopped."""
        ...

    def close(self) -> None:
        """Returns after the last delivery. Idempotent."""
        ...


def _shorten(landmarker: Landmarker, settings: TrackerSettings, *names: str) -> None:
    """Calls these C functions inline, if direct access is wanted; on the CPU only: a GPU context may belong to a thread."""
    if settings.direct_read and settings.delegate == "cpu":
        inline = call_inline(landmarker.task, landmarker.library.face_landmarker, *names)
        log.debug("%s: %s", ", ".join(names), "called inline" if inline else "called through MediaPipe's executor")


class LiveStreamBackend:
    """LIVE_STREAM: MediaPipe's own threads, its own flow limiter (one picture in work, the newest waiting).

    Its C callback arrives on a pool thread and calls the dispatcher's ``_converter``, which we replace to copy the numbers and
    leave; the dispatcher's private thread then delivers. Delivering from the pool thread itself would save one hop, but the gain
    drowns in the noise (median 14.5 -> 14.4 ms, best run 13.6 -> 13.0, 0-0.2 ms CPU a frame; 14 interleaved runs at 60 fps), and
    it would hold up the graph while the engine is being told; so it is not done.
    """

    def __init__(self, settings: TrackerSettings, model_path: Path, *, landmarks: bool, deliver: Deliver) -> None:
        self._deliver = deliver
        self._landmarker = Landmarker(settings, model_path, mode="LIVE_STREAM", on_result=self._arrived)
        definitions = self._landmarker.library.face_landmarker
        self.reader = ResultReader(
            getattr(definitions, "FaceLandmarkerResultC", None), direct=settings.direct_read, landmarks=landmarks
        )
        if self.reader.kind == "direct":
            self._replace_converter(definitions.FaceLandmarkerResult)
        _shorten(self._landmarker, settings, "MpFaceLandmarkerDetectAsync")
        self.reader.tell()

    def _replace_converter(self, result_class: Any) -> None:
        dispatcher: Any = getattr(self._landmarker.task, "_dispatcher", None)
        if not (callable(getattr(dispatcher, "_converter", None)) and callable(getattr(result_class, "from_ctypes", None))):
            self.reader.give_up("MediaPipe's dispatcher has no converter to replace")
            return
        reader = self.reader

        def convert(pointer: Any, _image: Any, timestamp: int) -> tuple[RawFaces, None, int]:
            result = pointer[0]
            return reader.read(result, lambda: result_class.from_ctypes(result)), None, timestamp

        dispatcher._converter = convert

    def _arrived(self, result: Any, _image: Any, timestamp: int) -> None:
        faces = result if isinstance(result, tuple) else self.reader.read_public(result)
        self.reader.tell()
        self._deliver(faces, timestamp)

    def submit(self, image: ImageArray, timestamp: int) -> None:
        try:
            self._landmarker.task.detect_async(self._landmarker.picture(image), timestamp)
        except (RuntimeError, ValueError, OSError) as error:
            raise TrackerStalled(f"MediaPipe takes no more frames ({error}); the tracker has to be rebuilt") from error

    def close(self) -> None:
        self._landmarker.close()


class SyncDetector:
    """VIDEO or IMAGE: one picture in, its faces out. One thread at a time.

    Calls the C function as the public method does, to read its result directly; where the wheel's private parts are not the known
    ones, it calls the public method.
    """

    def __init__(self, landmarker: Landmarker, settings: TrackerSettings, *, video: bool, landmarks: bool) -> None:
        self._landmarker, self._video = landmarker, video
        definitions = landmarker.library.face_landmarker
        detect = "MpFaceLandmarkerDetectForVideo" if video else "MpFaceLandmarkerDetectImage"
        _shorten(landmarker, settings, detect, "MpFaceLandmarkerCloseResult")
        self._result_c: Any = getattr(definitions, "FaceLandmarkerResultC", None)
        self._result_class = definitions.FaceLandmarkerResult
        self.reader = ResultReader(self._result_c, direct=settings.direct_read, landmarks=landmarks)
        library = getattr(landmarker.task, "_lib", None)
        self._call: Any = getattr(library, detect, None)
        self._free: Any = getattr(library, "MpFaceLandmarkerCloseResult", None)
        complete = callable(self._call) and callable(self._free) and hasattr(landmarker.task, "_handle")
        if self.reader.kind == "direct" and not complete:
            self.reader.give_up("MediaPipe's C functions are not where they were")
        self.reader.tell()

    def detect(self, picture: Any, timestamp: int) -> RawFaces:
        """Of a ``Landmarker.picture``; the timestamp is for VIDEO only. Raises RuntimeError, ValueError, OSError."""
        if self.reader.kind == "direct" and hasattr(picture, "_image_ptr"):
            faces = self._detect_direct(picture, timestamp)
        else:
            task = self._landmarker.task
            faces = self.reader.read_public(task.detect_for_video(picture, timestamp) if self._video else task.detect(picture))
        self.reader.tell()
        return faces

    def _detect_direct(self, picture: Any, timestamp: int) -> RawFaces:
        result = self._result_c()
        stamp = (timestamp,) if self._video else ()
        self._call(self._landmarker.task._handle, picture._image_ptr, None, *stamp, ctypes.byref(result))
        try:
            return self.reader.read(result, lambda: self._result_class.from_ctypes(result))
        finally:
            self._free(ctypes.byref(result))


class VideoBackend:
    """VIDEO on a thread of its own, "bridge-tracker", behind a slot that keeps the newest picture."""

    def __init__(self, settings: TrackerSettings, model_path: Path, *, landmarks: bool, deliver: Deliver) -> None:
        self._deliver = deliver
        self._landmarker = Landmarker(settings, model_path, mode="VIDEO")
        self._detector = SyncDetector(self._landmarker, settings, video=True, landmarks=landmarks)
        self.reader = self._detector.reader
        self._slot: Mailbox[tuple[Any, int]] = Mailbox()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="bridge-tracker", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while (waiting := self._slot.take()) is not None or not self._slot.closed:
                if waiting is not None and not self._slot.closed:
                    picture, timestamp = waiting
                    self._deliver(self._detector.detect(picture, timestamp), timestamp)
        except (RuntimeError, ValueError, OSError) as error:
            self._failure = error

    def submit(self, image: ImageArray, timestamp: int) -> None:
        if self._failure is not None:
            raise TrackerStalled(
                f"MediaPipe takes no more frames ({self._failure}); the tracker has to be rebuilt"
            ) from self._failure
        self._slot.offer((self._landmarker.picture(image), timestamp))

    def close(self) -> None:
        self._slot.close()
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            self._landmarker.abandon()
        else:
            self._landmarker.close()
