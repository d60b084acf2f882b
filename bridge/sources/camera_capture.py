"""One camera opened with OpenCV: the mode negotiated, pictures read without blocking for good."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.clock import Clock, monotonic
from bridge.sources.camera_device import Opening
from bridge.sources.opencv import load_cv2, rgb_image
from bridge.types import ImageArray

_SLICE_S = 0.05
"""How long a wait for a picture goes on before it looks whether somebody cancelled."""
_BAD_READS = 10
"""That many failed reads in a row are a loss: a single one is a damaged picture, as USB brings them now and then."""
_BAD_READ_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequest:
    """What a camera is asked for."""

    width: int
    height: int
    fps: float
    fourcc: str
    """Empty: whatever the backend picks."""
    read_timeout_s: float


class CameraCapture(Protocol):
    """An open camera."""

    @property
    def fourcc(self) -> str:
        """The format that it sends; empty when the backend does not tell."""
        ...

    @property
    def fps(self) -> float:
        """The rate that it promises; 0 when unknown."""
        ...

    def read(self, *, timeout_s: float, cancelled: Callable[[], bool]) -> ImageArray | None:
        """The next picture as RGB; None when it failed, stayed silent for ``timeout_s``, or was cancelled."""
        ...

    def close(self) -> None: ...


OpenCapture = Callable[[Opening, CaptureRequest], "CameraCapture | None"]


def open_capture(opening: Opening, request: CaptureRequest) -> CameraCapture | None:
    """The camera, set up as far as it follows; None when it does not open."""
    cv2 = load_cv2(v4l_timeout_s=request.read_timeout_s)
    try:
        capture = cv2.VideoCapture(opening.target, opening.backend)
        if not capture.isOpened():
            return None
        # The format first: sizes and rates are offered per format. One buffer, so that no old picture waits in a queue.
        if request.fourcc:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*request.fourcc))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, request.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, request.height)
        capture.set(cv2.CAP_PROP_FPS, request.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if not capture.isOpened():
            return None
    except cv2.error:
        return None
    return _OpenCVCapture(cv2, capture, waits=opening.backend == cv2.CAP_V4L2)


class _OpenCVCapture:
    def __init__(self, cv2: Any, capture: Any, *, waits: bool, clock: Clock = monotonic) -> None:
        """``waits``: the backend can be polled; others block in ``read`` until their own timeout."""
        self._cv2 = cv2
        self._capture = capture
        self._waits = waits
        self._clock = clock
        self._bgr: Any = None
        """What OpenCV unpacks into, again and again; nobody else sees it."""

    @property
    def fourcc(self) -> str:
        code = int(self._capture.get(self._cv2.CAP_PROP_FOURCC))
        text = code.to_bytes(4, "little", signed=code < 0).decode("latin-1").strip("\0 ") if -(2**31) <= code < 2**32 else ""
        return text if text.isascii() and text.isprintable() else ""

    @property
    def fps(self) -> float:
        fps = float(self._capture.get(self._cv2.CAP_PROP_FPS))
        return fps if 1.0 <= fps <= 1000.0 else 0.0

    def read(self, *, timeout_s: float, cancelled: Callable[[], bool]) -> ImageArray | None:
        deadline = self._clock() + timeout_s
        failures = 0
        while failures < _BAD_READS and not cancelled():
            left_s = deadline - self._clock()
            if left_s <= 0:
                return None
            try:
                ok, image = self._grab(min(left_s, _SLICE_S))
            except self._cv2.error:
                ok, image = True, None
            if image is not None:
                return rgb_image(image)
            if ok:  # something came, and it was no picture
                failures += 1
                time.sleep(_BAD_READ_PAUSE_S)
        return None

    def _grab(self, wait_s: float) -> tuple[bool, Any]:
        """(whether the wait is over, picture or None). May raise cv2.error."""
        if not self._waits:
            ok, image = self._capture.read(self._bgr)
        elif self._cv2.VideoCapture.waitAny([self._capture], int(wait_s * 1e9))[0]:
            ok, image = self._capture.retrieve(self._bgr)
        else:
            return False, None
        if not ok:
            return True, None
        self._bgr = image
        return True, image

    def close(self) -> None:
        self._capture.release()
