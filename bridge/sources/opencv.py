"""OpenCV as the sources use it: quiet, one thread, pictures as 8-bit RGB."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

import numpy as np

from bridge.types import ImageArray, frozen_array

_LOG_LEVEL_SILENT = 0


def load_cv2(*, v4l_timeout_s: float | None = None) -> ModuleType:
    """The ``cv2`` module, set up for the bridge. Cheap after the first call.

    One thread: OpenCV's pool alone costs 1.2-1.6 ms CPU a frame (PERFORMANCE.md of the project's notes). Quiet: the bridge says
    in one sentence what is wrong; OpenCV's and FFmpeg's own lines would only hide it. ``v4l_timeout_s`` bounds a silent read of
    a V4L2 camera; OpenCV takes whole seconds, and reads the value once in a process, so the first camera decides.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    if v4l_timeout_s is not None:
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(max(1, round(v4l_timeout_s))))
    import cv2

    if "OPENCV_LOG_LEVEL" not in os.environ:
        # OpenCV 5 has moved it there from cv2 itself.
        (cv2.utils.logging if hasattr(cv2.utils, "logging") else cv2).setLogLevel(_LOG_LEVEL_SILENT)
    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)
    return cv2


def rgb_image(image: np.ndarray[Any, Any]) -> ImageArray:
    """A picture of OpenCV (BGR, BGRA or grey; 8 or 16 bits) -> uint8 (H, W, 3) RGB, contiguous, read-only, fresh memory."""
    import cv2

    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.ndim == 2 or image.shape[2] == 1:
        code = cv2.COLOR_GRAY2RGB
    elif image.shape[2] == 4:
        code = cv2.COLOR_BGRA2RGB
    else:
        code = cv2.COLOR_BGR2RGB
    return frozen_array(cv2.cvtColor(image, code).astype(np.uint8, copy=False))
