"""Where two rates meet: a slot that keeps the newest value and counts what it replaced."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One slot. ``offer`` never blocks; ``take`` waits for something new. Any number of threads on either side.

    Also takes ``nudge``: wakes the taker without a value (a command arrived, stop).
    """

    __slots__ = ("_closed", "_condition", "_full", "_nudged", "_replaced", "_value")

    def __init__(self) -> None:
        self._condition = threading.Condition(threading.Lock())
        self._value: T | None = None
        self._full = False
        self._nudged = False
        self._closed = False
        self._replaced = 0

    @property
    def replaced(self) -> int:
        """How many values nobody took before a newer one came."""
        return self._replaced

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called; what is left in the slot can still be taken."""
        return self._closed

    def offer(self, value: T) -> None:
        """Puts ``value`` in the slot; an untaken older one is counted and gone. Ignored after ``close``."""
        with self._condition:
            if self._closed:
                return
            if self._full:
                self._replaced += 1
            self._value, self._full = value, True
            self._condition.notify()

    def take(self, timeout_s: float | None = None) -> T | None:
        """The newest value, at once or within ``timeout_s``; None after a timeout, a nudge or, once empty, ``close``."""
        with self._condition:
            # wait_for, not wait: with several takers the one that is woken may find the value gone, and goes on waiting.
            self._condition.wait_for(lambda: self._full or self._nudged or self._closed, timeout_s)
            self._nudged = False
            if not self._full:
                return None
            value, self._value, self._full = self._value, None, False
            return value

    def nudge(self) -> None:
        """Wakes one taker with None."""
        with self._condition:
            self._nudged = True
            self._condition.notify()

    def close(self) -> None:
        """No more offers; takers get what is left, then None."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
