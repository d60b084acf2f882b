"""Delivery at the pace of the material: waits for moments on the monotonic clock, and for nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable

from bridge.clock import Clock, monotonic
from bridge.errors import SourceEnded

Wait = Callable[[float], bool]
"""Sleeps for that many seconds, or less; True when somebody cancelled meanwhile."""


class Pacer:
    """Turns times of the material (seconds from its start) into moments of the clock, and waits for them.

    The first ``wait_for`` after construction or ``restart`` sets the start; from then on an offset is due at start + offset, so
    capture times have no jitter. Nothing is ever delivered early. A consumer that is late by more than ``slack_s`` moves the
    start: everything after it comes later, nothing is skipped, and no burst follows.

    ``wait_for`` and ``restart`` belong to the capture thread; ``cancel`` to any.
    """

    def __init__(self, *, slack_s: float, clock: Clock = monotonic, wait: Wait | None = None) -> None:
        self.slack_s = slack_s
        self._clock = clock
        self._cancelled = threading.Event()
        self._wait = wait or self._cancelled.wait
        self._start: float | None = None

    @property
    def cancelled(self) -> bool:
        """True from the first ``cancel`` on."""
        return self._cancelled.is_set()

    def restart(self) -> None:
        """The next ``wait_for`` is due at once and sets a new start."""
        self._start = None

    def wait_for(self, offset_s: float) -> float:
        """Blocks until ``offset_s`` is due; the due moment on the clock, seconds. Raises SourceEnded when cancelled."""
        self.check()
        now = self._clock()
        if self._start is None:
            self._start = now - offset_s
            return now
        due = self._start + offset_s
        if now - due > self.slack_s:
            self._start += now - due
            return now
        while now < due:
            self._wait(due - now)
            self.check()
            now = self._clock()
        return due

    def cancel(self) -> None:
        """Ends a running ``wait_for`` and every later one with SourceEnded."""
        self._cancelled.set()

    def check(self) -> None:
        """Raises SourceEnded when cancelled."""
        if self._cancelled.is_set():
            raise SourceEnded("stopped on request")
