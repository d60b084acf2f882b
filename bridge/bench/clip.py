"""A clip, drawn or read, as a camera: preloaded frames, ready at a fixed rate, with a driver's buffers or the newest one only."""

from __future__ import annotations

import math
import time
from collections import deque
from pathlib import Path

import cv2
import numpy as np

from bridge.clock import monotonic
from bridge.errors import SourceEnded, SourceUnavailable
from bridge.sources.opencv import load_cv2
from bridge.trackers.drawn_face import draw_face, moved
from bridge.types import CameraFrame, ImageArray, frozen_array


def load_clip(path: Path, limit: int) -> list[ImageArray]:
    """BGR frames, played forth and back so that the loop has no cut. Raises SourceUnavailable."""
    capture = load_cv2().VideoCapture(str(path))
    frames: list[ImageArray] = []
    while len(frames) < limit:
        ok, frame = capture.read()
        if not ok:
            break
        frames.append(np.ascontiguousarray(frame, dtype=np.uint8))
    capture.release()
    if not frames:
        raise SourceUnavailable(f"{path} has no picture that can be read; name a video with a face: --clip FILE")
    return frames + frames[-2:0:-1]


def write_drawn_clip(path: Path, *, seconds: float = 4.0, fps: float = 30.0) -> Path:
    """Writes a video (MJPG, 640x480) of the face swaying, nodding, blinking and talking, and returns its path.

    Raises SourceUnavailable when OpenCV cannot write there.
    """
    load_cv2()  # before FFmpeg's first use: it looks once how loud it may be
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (640, 480))
    if not writer.isOpened():
        raise SourceUnavailable(f"{path} cannot be written: choose another folder")
    try:
        for k in range(round(seconds * fps)):
            phase = 2 * math.pi * k / (seconds * fps)
            face = draw_face(
                480,
                mouth_open=max(0.0, math.sin(6 * phase)) * 0.6,
                eyes_closed=max(0.0, 1 - abs((k % 60) - 30) / 4),
            )
            swaying = moved(face, x_px=40 * math.sin(phase), y_px=15 * math.sin(2 * phase), roll_deg=10 * math.sin(phase))
            wide = cv2.copyMakeBorder(swaying, 0, 0, 80, 80, cv2.BORDER_REPLICATE)
            writer.write(cv2.cvtColor(wide, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()
    return path


class ClipCamera:
    """Source role. Frame k is ready at t0 + k/fps, and that is its capture time.

    ``buffers`` 1 keeps only the newest frame, as our capture does; 4 is what OpenCV's V4L2 backend does: first in, first
    out, and new frames are lost while all are full.
    """

    live = False
    label = "clip as camera"
    delivers_results = False

    def __init__(self, frames: list[ImageArray], *, fps: float, seconds: float, buffers: int = 1, warm_up_s: float = 1.0) -> None:
        """``fps`` 0 has the next frame ready whenever it is asked for."""
        self._frames, self._fps, self._buffers = frames, fps, buffers
        self._waiting: deque[int] = deque()
        self._seconds, self._warm_up_s = seconds, warm_up_s
        self._t0: float | None = None
        self._k = 0
        self._delivered = 0
        self._cancelled = False
        self.skipped = 0
        self.cpu_s = 0.0
        """CPU time of the process from the end of the warm-up to the end."""
        self.measured = 0
        """Frames delivered in that time."""
        self._cpu_begin: float | None = None

    def open(self) -> None:
        """Nothing to open: the frames are in memory."""

    def close(self) -> None:
        """Nothing to close."""

    def cancel(self) -> None:
        """Ends at the next read."""
        self._cancelled = True

    def read(self) -> CameraFrame:
        """The newest frame, RGB, as a camera's driver would hand it over."""
        now = monotonic()
        if self._t0 is None:
            self._t0 = now
        if self._cancelled or now - self._t0 >= self._warm_up_s + self._seconds:
            if self._cpu_begin is not None:
                self.cpu_s = time.process_time() - self._cpu_begin
                self._cpu_begin = None
            raise SourceEnded("the measurement is over")
        if self._cpu_begin is None and now - self._t0 >= self._warm_up_s:
            self._cpu_begin = time.process_time()
            self.measured = 0
        k, ready = (self._k, now) if self._fps <= 0 else self._next(now)
        bgr = self._frames[k % len(self._frames)]
        rgb: ImageArray = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        frame = CameraFrame(seq=self._delivered, t=ready, image=frozen_array(rgb))
        self._k += self._fps <= 0
        self._delivered += 1
        self.measured += 1
        return frame

    def _next(self, now: float) -> tuple[int, float]:
        """Index and ready time of the next frame; waits for it."""
        assert self._t0 is not None
        self._arrive(now)
        while not self._waiting:
            time.sleep(max(0.0, self._t0 + self._k / self._fps - monotonic()))
            self._arrive(monotonic())
        k = self._waiting.popleft()
        return k, self._t0 + k / self._fps

    def _arrive(self, now: float) -> None:
        assert self._t0 is not None
        while self._t0 + self._k / self._fps <= now:
            if len(self._waiting) < self._buffers:
                self._waiting.append(self._k)
            else:
                self.skipped += 1
                if self._buffers == 1:
                    self._waiting[0] = self._k
            self._k += 1
