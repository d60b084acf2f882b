"""What was asked of a source, what it delivers, and how fast."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """For ``status`` and the page; every source makes one with ``report()``."""

    requested: str
    """"640x480 at 30 fps"."""
    delivered: str
    """"640x480 at 30 fps, MJPG", empty before the source is open."""
    fps_measured: float | None
    """Frames per second over the last two seconds; None until that can be said."""
    warning: str | None
    """One sentence when less comes than was asked for, else None."""


class RateMeter:
    """Rate over the last ``window_s`` seconds. ``tick`` by one thread, ``fps`` by any."""

    def __init__(self, *, window_s: float = 2.0, min_span_s: float = 0.75) -> None:
        self._window_s = window_s
        self._min_span_s = min_span_s
        self._times: deque[float] = deque()
        self._lock = threading.Lock()

    def tick(self, t: float) -> None:
        """One frame at ``t``, seconds, not falling."""
        with self._lock:
            self._times.append(t)
            while t - self._times[0] > self._window_s:
                self._times.popleft()

    def reset(self) -> None:
        """Forgets all ticks."""
        with self._lock:
            self._times.clear()

    @property
    def fps(self) -> float | None:
        """Frames per second; None while the ticks span too little time to tell."""
        with self._lock:
            if len(self._times) < 2:
                return None
            span_s = self._times[-1] - self._times[0]
            return (len(self._times) - 1) / span_s if span_s >= self._min_span_s else None


def rate_text(fps: float) -> str:
    """29.97 -> "30", 12.5 -> "12.5"."""
    return f"{fps:.1f}".removesuffix(".0")
