"""The demo: an authored performance instead of a camera. It gives finished results; no tracker is needed."""

from __future__ import annotations

import math

from bridge.clock import Clock, monotonic
from bridge.errors import SourceEnded, SourceLost
from bridge.sources.paced import Pacer, Wait
from bridge.sources.performance import shipped_performance
from bridge.sources.report import RateMeter, SourceReport, rate_text
from bridge.types import Face, Float32Array, HeadPose, TrackResult

_WIDTH, _HEIGHT = 640, 480
_FOCAL_PX = _HEIGHT / 2 / math.tan(math.radians(63.0) / 2)
"""Of the virtual camera that MediaPipe's matrices assume: 63 degrees from top to bottom."""
_FACE_M = (0.155, 0.185)
"""Width and height of the average face, landmark to landmark."""


def performance_at(t_s: float) -> tuple[Float32Array, HeadPose]:
    """Coefficients (52,) and head ``t_s`` seconds into the performance, which repeats. The truth behind ``DemoSource``."""
    return shipped_performance().at(t_s)


class DemoSource:
    """The performance at ``fps`` results a second: result k is due, and dated, start + k / fps, and shows that moment.

    A consumer that is late makes the performance wait; nothing is skipped. Without ``loop`` it ends after one round.
    """

    live = False
    notice: str | None = None
    delivers_results = True
    full_range = True
    """The coefficients run from 0 to 1 by themselves, as authored: nothing of MediaPipe's resting face is to be taken off."""

    def __init__(self, *, fps: float = 30.0, loop: bool = True, clock: Clock = monotonic, wait: Wait | None = None) -> None:
        self._fps = fps
        self._loop = loop
        self._clock = clock
        self._pacer = Pacer(slack_s=1 / fps, clock=clock, wait=wait)
        self._meter = RateMeter()
        self._is_open = False
        self._seq = 0
        self._shown = 0

    @property
    def label(self) -> str:
        return "demo"

    def open(self) -> None:
        """From the beginning. Raises SourceEnded when cancelled."""
        self._pacer.check()
        shipped_performance()  # reads the script now, not before the first result
        self._pacer.restart()
        self._meter.reset()
        self._shown = 0
        self._is_open = True

    def read(self) -> TrackResult:
        """Blocks until the next moment is due. Raises SourceEnded."""
        self._pacer.check()
        if not self._is_open:
            raise SourceLost("the demo is not open")
        moment_s = self._shown / self._fps
        if not self._loop and moment_s >= shipped_performance().duration_s:
            raise SourceEnded("the demo has ended")
        t = self._pacer.wait_for(moment_s)
        weights, head = performance_at(moment_s)
        face = Face(weights=weights, head=head, box=_box(head))
        result = TrackResult(seq=self._seq, t=t, t_done=max(t, self._clock()), faces=(face,))
        self._seq += 1
        self._shown += 1
        self._meter.tick(t)
        return result

    def close(self) -> None:
        self._is_open = False

    def cancel(self) -> None:
        self._pacer.cancel()

    def report(self) -> SourceReport:
        """The asked pace against the measured one. Any thread."""
        pace = f"{rate_text(self._fps)} fps"
        return SourceReport(requested=pace, delivered=pace, fps_measured=self._meter.fps, warning=None)


def _box(head: HeadPose) -> tuple[float, float, float, float]:
    """Where the face would be in a picture of 640x480: x, y, width, height in pixels."""
    x, y, z = head.position_m.tolist()
    scale = _FOCAL_PX / -z
    width, height = _FACE_M[0] * scale, _FACE_M[1] * scale
    return _WIDTH / 2 + x * scale - width / 2, _HEIGHT / 2 - y * scale - height / 2, width, height
