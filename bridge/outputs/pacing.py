"""When to send and when to try again: arithmetic on times that are passed in."""

from __future__ import annotations

import math
import random
from collections.abc import Callable


class SendGrid:
    """Instants ``1 / rate_hz`` apart, beginning with the first send. Instants that were missed are skipped, never made up for."""

    __slots__ = ("_next_t", "_period_s")

    def __init__(self, rate_hz: float) -> None:
        self._period_s = 1.0 / rate_hz
        self._next_t = -math.inf

    def wait_s(self, now: float) -> float:
        """How long until the next instant; 0 when it is here."""
        return max(0.0, self._next_t - now)

    def advance(self, now: float) -> None:
        """Something was sent at ``now``: on to the first instant after it."""
        if now - self._next_t >= self._period_s:  # also the first time
            missed = math.floor((now - self._next_t) / self._period_s) if math.isfinite(self._next_t) else 0
            self._next_t = self._next_t + (missed + 1) * self._period_s if missed else now + self._period_s
        else:
            self._next_t += self._period_s


class Backoff:
    """Pauses between attempts: 0.5, 1, 2, ... 30 s, each 20 % shorter to 20 % longer so that outputs do not try in step."""

    __slots__ = ("_failures", "_first_s", "_longest_s", "_random")

    def __init__(
        self, *, first_s: float = 0.5, longest_s: float = 30.0, random_fraction: Callable[[], float] = random.random
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._random = random_fraction
        self._failures = 0

    def next_s(self) -> float:
        """The pause after one more failure."""
        pause = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return min(self._longest_s, pause * (0.8 + 0.4 * self._random()))

    def reset(self) -> None:
        """It works again: the next failure begins with the shortest pause."""
        self._failures = 0
