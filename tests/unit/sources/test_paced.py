"""Pacing on the monotonic clock."""

from __future__ import annotations

import threading
import time

import pytest

from bridge.errors import SourceEnded
from bridge.sources.paced import Pacer


class FakeTime:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return False


def make_pacer(fake: FakeTime, *, slack_s: float = 0.1) -> Pacer:
    return Pacer(slack_s=slack_s, clock=fake.clock, wait=fake.wait)


def test_first_offset_is_due_at_once() -> None:
    """Nothing is waited for before the first delivery, whatever its offset."""
    fake = FakeTime()
    assert make_pacer(fake).wait_for(7.0) == 100.0
    assert fake.waits == []


def test_offsets_are_due_after_the_first() -> None:
    """The due moment is the start plus the offset, exactly, however the clock stands when asked."""
    fake = FakeTime()
    pacer = make_pacer(fake)
    pacer.wait_for(0.0)
    fake.now += 0.3
    assert pacer.wait_for(1.0) == 101.0
    assert fake.waits == [pytest.approx(0.7)]


def test_a_little_late_keeps_the_grid() -> None:
    """Lateness within the slack neither waits nor moves later moments."""
    fake = FakeTime()
    pacer = make_pacer(fake)
    pacer.wait_for(0.0)
    fake.now += 1.05
    assert pacer.wait_for(1.0) == 101.0
    assert pacer.wait_for(2.0) == 102.0


def test_a_slow_consumer_moves_the_start() -> None:
    """Beyond the slack the frame is due now, and the next keeps its distance to it: no burst."""
    fake = FakeTime()
    pacer = make_pacer(fake)
    pacer.wait_for(0.0)
    fake.now += 5.0
    assert pacer.wait_for(1.0) == 105.0
    assert pacer.wait_for(2.0) == 106.0


def test_wait_that_returns_early_is_continued() -> None:
    """Never earlier than due, even if the wait ends early."""
    fake = FakeTime()
    steps: list[float] = []

    def half(seconds: float) -> bool:
        steps.append(seconds)
        fake.now += max(seconds / 2, 0.01)
        return False

    pacer = Pacer(slack_s=0.1, clock=fake.clock, wait=half)
    pacer.wait_for(0.0)
    assert pacer.wait_for(1.0) == 101.0
    assert fake.now >= 101.0
    assert len(steps) > 2


def test_restart_begins_anew() -> None:
    """After ``restart`` the next offset is due at once."""
    fake = FakeTime()
    pacer = make_pacer(fake)
    pacer.wait_for(0.0)
    fake.now += 50.0
    pacer.restart()
    assert pacer.wait_for(1.0) == 150.0
    assert pacer.wait_for(2.0) == 151.0


def test_cancel_ends_a_running_wait() -> None:
    """``cancel`` from another thread ends a wait of an hour at once, with SourceEnded."""
    pacer = Pacer(slack_s=0.1)
    pacer.wait_for(0.0)
    ended: list[float] = []

    def blocked() -> None:
        with pytest.raises(SourceEnded):
            pacer.wait_for(3600.0)
        ended.append(time.monotonic())

    thread = threading.Thread(target=blocked, name="bridge-test-paced")
    thread.start()
    cancelled_at = time.monotonic()
    pacer.cancel()
    thread.join(10.0)
    assert len(ended) == 1
    assert ended[0] - cancelled_at < 5.0


def test_cancelled_stays_cancelled() -> None:
    """Every wait after ``cancel`` ends at once, and ``restart`` does not undo it."""
    fake = FakeTime()
    pacer = make_pacer(fake)
    pacer.cancel()
    pacer.restart()
    assert pacer.cancelled
    with pytest.raises(SourceEnded):
        pacer.wait_for(0.0)
