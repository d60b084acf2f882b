"""The frames that went into the tracker and have not come back: counts, drops, waiting, stalling."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from bridge.types import CameraFrame

FIRST_RESULT_GRACE_S = 10.0
"""How long the very first result may take: models are paged in and prepared on the way."""

_KEPT_PICTURES = 16
"""Pictures held for results to come; MediaPipe has at most one frame in work and one waiting."""


@dataclass(slots=True, kw_only=True)
class Pending:
    """What a result will need to know of its frame."""

    seq: int
    t: float
    width: int
    height: int
    entered_at: float
    frame: CameraFrame | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightCounts:
    """Frames: ``submitted = returned + dropped + in flight``."""

    submitted: int
    returned: int
    dropped: int


class InFlight:
    """Ledger of submitted frames by their timestamp. Any thread.

    MediaPipe's flow limiter drops frames without a word and keeps the order: when one returns, the older ones still here
    are gone.
    """

    def __init__(self, *, stall_timeout_s: float, clock: Callable[[], float]) -> None:
        self._stall_timeout_s = stall_timeout_s
        self._clock = clock
        self._changed = threading.Condition(threading.Lock())
        self._pending: dict[int, Pending] = {}
        self._newest = self._finished = -1
        self._submitted = self._returned = self._dropped = 0
        self._last_return_at = clock()
        self._warned_once = False

    @property
    def counts(self) -> FlightCounts:
        """A snapshot."""
        with self._changed:
            return FlightCounts(submitted=self._submitted, returned=self._returned, dropped=self._dropped)

    def enter(self, timestamp: int, frame: CameraFrame, *, keep_picture: bool) -> None:
        """Before the frame is handed over; ``frame`` is the upright one."""
        height, width = frame.image.shape[:2]
        with self._changed:
            self._pending[timestamp] = Pending(
                seq=frame.seq, t=frame.t, width=width, height=height, entered_at=self._clock(),
                frame=frame if keep_picture else None,
            )  # fmt: skip
            self._newest = timestamp
            self._submitted += 1
            if keep_picture and len(self._pending) > _KEPT_PICTURES:
                list(self._pending.values())[-_KEPT_PICTURES - 1].frame = None

    def withdraw(self, timestamp: int) -> None:
        """The frame was refused after all."""
        with self._changed:
            if self._pending.pop(timestamp, None) is not None:
                self._submitted -= 1
                self._newest = max(self._pending, default=self._finished)

    def claim(self, timestamp: int) -> Pending | None:
        """A result is there: its frame, or None when none is known. Older frames count as dropped."""
        with self._changed:
            if timestamp not in self._pending:
                return None
            for older in [key for key in self._pending if key < timestamp]:
                del self._pending[older]
                self._dropped += 1
            self._returned += 1
            self._last_return_at = self._clock()
            self._warned_once = False
            return self._pending.pop(timestamp)

    def finish(self, timestamp: int) -> None:
        """The result was delivered; wakes ``wait``."""
        with self._changed:
            self._finished = max(self._finished, timestamp)
            self._changed.notify_all()

    def abandon(self) -> None:
        """Nothing of what is in flight will come back: the landmarker was replaced or closed."""
        with self._changed:
            self._dropped += len(self._pending)
            self._pending.clear()
            self._finished = self._newest = -1
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Until the newest frame submitted so far is delivered; True if so."""
        with self._changed:
            newest = self._newest
            return self._changed.wait_for(lambda: self._finished >= newest or self._newest < newest, timeout_s)

    def stalled_for_s(self) -> float | None:
        """How long nothing has come back although frames went in, when that is too long; else None. Once per submitted frame.

        The first time that it is too long counts as none: after a suspended process or machine the clock has jumped, and
        the result may be about to arrive.
        """
        if not self._pending:  # the usual case; no need for the lock
            return None
        with self._changed:
            if not self._pending:
                return None
            oldest = next(iter(self._pending.values())).entered_at
            waited = self._clock() - max(oldest, self._last_return_at)
            allowed = self._stall_timeout_s if self._returned else max(self._stall_timeout_s, FIRST_RESULT_GRACE_S)
            if waited <= allowed:
                return None
            already, self._warned_once = self._warned_once, True
            return waited if already else None
