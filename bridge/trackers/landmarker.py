"""MediaPipe's FaceLandmarker, opened and closed: options under their own names, its errors as ours, no noise."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from bridge.errors import TrackerRefused
from bridge.settings import TrackerSettings
from bridge.trackers.mediapipe_import import MediaPipe, load, quiet_stderr
from bridge.types import ImageArray

log = logging.getLogger(__name__)

Mode = Literal["IMAGE", "VIDEO", "LIVE_STREAM"]

CLOSE_TIMEOUT_S = 5.0
"""Closing waits for the inference in work; one that never ends must not hold the bridge."""

_abandoned: list[Any] = []
"""Landmarkers that would not close. Kept, because their ``__del__`` would wait for ever."""


class Landmarker:
    """One open FaceLandmarker. ``close`` may be called by any thread but the one that delivers results.

    Raises TrackerRefused from the constructor.
    """

    def __init__(
        self,
        settings: TrackerSettings,
        model_path: Path,
        *,
        mode: Mode,
        on_result: Callable[[Any, Any, int], None] | None = None,
    ) -> None:
        self.library: MediaPipe = load()
        self._model_bytes: bytes | None = None
        options = self._options(settings, model_path, mode=mode, on_result=on_result)
        try:
            with quiet_stderr(verbose=log.isEnabledFor(logging.DEBUG)):
                self.task: Any = self.library.vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError, OSError, NotImplementedError, IndexError) as error:
            raise TrackerRefused(_why(error, settings=settings, model_path=model_path)) from error

    def _options(self, settings: TrackerSettings, model_path: Path, *, mode: Mode, on_result: Any) -> Any:
        base = self.library.base_options
        if sys.platform == "win32" and not str(model_path).isascii():
            # The native code may open files by the narrow system code page; bytes have no path. Not tried: no Windows at hand.
            self._model_bytes = model_path.read_bytes()
        return self.library.vision.FaceLandmarkerOptions(
            base_options=base(
                model_asset_path=None if self._model_bytes else str(model_path),
                model_asset_buffer=self._model_bytes,
                delegate=base.Delegate.GPU if settings.delegate == "gpu" else base.Delegate.CPU,
            ),
            running_mode=self.library.vision.RunningMode[mode],
            num_faces=settings.num_faces,
            min_face_detection_confidence=settings.min_face_detection_confidence,
            min_face_presence_confidence=settings.min_face_presence_confidence,
            min_tracking_confidence=settings.min_tracking_confidence,
            output_face_blendshapes=settings.output_face_blendshapes,
            output_facial_transformation_matrixes=settings.output_facial_transformation_matrixes,
            result_callback=on_result,
        )

    def picture(self, image: ImageArray) -> Any:
        """An ``mp.Image`` with a copy of ``image``, uint8 (H, W, 3) RGB, C-contiguous (anything else is misread silently)."""
        if not image.flags.c_contiguous:
            image = image.copy(order="C")
        return self.library.image(self.library.image_format.SRGB, image)

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Waits for the inference in work and the last callback; at most ``timeout_s``, then leaves it behind. Idempotent."""
        task, self.task = self.task, None
        if task is None:
            return
        closer = threading.Thread(target=_close, args=(task,), name="bridge-tracker-close", daemon=True)
        closer.start()
        closer.join(timeout_s)
        if closer.is_alive():
            _leave_behind(task)

    def abandon(self) -> None:
        """Instead of ``close``, while another thread is stuck inside MediaPipe: closing would pull the memory from under it."""
        task, self.task = self.task, None
        if task is not None:
            _leave_behind(task)


def _leave_behind(task: Any) -> None:
    _abandoned.append(task)
    log.error("MediaPipe does not come to an end and is left behind; its memory is lost until the program ends")


def _close(task: Any) -> None:
    try:
        task.close()
    except (RuntimeError, ValueError, OSError) as error:
        log.warning("MediaPipe complained while closing: %s", error)


def _why(error: Exception, *, settings: TrackerSettings, model_path: Path) -> str:
    """One sentence about a refusal; MediaPipe's own run over several lines and name C++ nodes."""
    said = re.sub(r"\s+", " ", str(error)).strip()
    said = said if len(said) <= 300 else said[:297] + "..."
    if settings.delegate == "gpu":
        return f'MediaPipe cannot use the GPU here ({said}): set tracker.delegate = "cpu"'
    if "zip archive" in said or "No file with name" in said or "Unable to" in said or "model" in said.lower():
        return f"MediaPipe does not take {model_path} as a Face Landmarker model ({said}): run `avatar-bridge model fetch`"
    return f"MediaPipe refused to start ({said})"
