"""When to send and when to try again: arithmetic on times that are passed in."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from bridge.settings import Motion
from bridge.stages.resample import Resampler
from bridge.types import FaceState

_UPSAMPLE_BELOW, _UPSAMPLE_WHILE_BELOW = 0.75, 0.9
"""Motion between states is made up only for a grid clearly finer than they come; otherwise the newest state has less delay."""


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
        if not math.isfinite(self._next_t):
            self._next_t = now
        missed = math.floor((now - self._next_t) / self._period_s)
        self._next_t += (max(0, missed) + 1) * self._period_s


class Cadence:
    """An output's own rate: takes states as they come, gives the one to send at each instant of the grid.

    A rate well above that of the states gets the motion between them (``stages.resample``; ``motion`` as there), a lower one the
    newest state. How often states come is their capture interval: when they arrive says more about a busy machine.
    """

    __slots__ = ("_grid", "_moving", "_newest", "_period_s", "_resampler")

    def __init__(self, rate_hz: float, *, motion: Motion = "linear") -> None:
        self._grid = SendGrid(rate_hz)
        self._period_s = 1.0 / rate_hz
        self._resampler = Resampler(motion=motion)
        self._newest: FaceState | None = None
        self._moving = False

    def push(self, state: FaceState, now: float) -> None:
        """A new state has come."""
        self._newest = state
        self._resampler.push(state, now=now)
        # Two thresholds: a source whose rate wavers about one of them must not make the output jump to and fro.
        limit = _UPSAMPLE_WHILE_BELOW if self._moving else _UPSAMPLE_BELOW
        self._moving = self._period_s < limit * self._resampler.interval_s

    def wait_s(self, now: float) -> float | None:
        """How long until something is to be sent; None: not before the first ``push``."""
        return None if self._newest is None else self._grid.wait_s(now)

    def take(self, now: float) -> FaceState | None:
        """What to send now; None when it is not yet time."""
        if self._newest is None or self._grid.wait_s(now) > 0.0:
            return None
        self._grid.advance(now)
        return self._resampler.at(now) if self._moving else self._newest


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
