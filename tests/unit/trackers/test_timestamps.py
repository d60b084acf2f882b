"""Timestamps that MediaPipe always accepts."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bridge.trackers.timestamps import LAST_TIMESTAMP_MS, TimestampClock


def test_milliseconds_since_the_first_frame() -> None:
    """The first frame is 0; later ones are whole milliseconds after it."""
    clock = TimestampClock(scale=1.0)
    assert [clock.next(t) for t in (100.0, 100.0334, 100.0667)] == [0, 33, 67]


def test_the_scale_stretches_the_distances() -> None:
    """A scale of 4 makes 33.3 ms look like 133 ms."""
    clock = TimestampClock(scale=4.0)
    assert [clock.next(t) for t in (5.0, 5.0 + 1 / 30, 5.0 + 2 / 30)] == [0, 133, 267]


def test_equal_times_are_told_apart() -> None:
    """Frames captured in the same millisecond differ by one."""
    clock = TimestampClock(scale=1.0)
    assert [clock.next(t) for t in (1.0, 1.0, 1.0001, 1.010)] == [0, 1, 2, 10]


def test_a_clock_that_jumps_back_goes_on_at_its_own_pace() -> None:
    """After a jump backwards later frames keep their true distances, at any scale."""
    clock = TimestampClock(scale=10.0)
    clock.next(1000.0)
    assert clock.next(1001.0) == 10_000
    after_jump = [clock.next(t) for t in (900.0, 900.1, 900.2)]
    assert after_jump == [10_001, 11_001, 12_001]


def test_it_knows_when_it_is_used_up() -> None:
    """Before MediaPipe's nanoseconds overflow the clock asks for a new beginning."""
    clock = TimestampClock(scale=1e5)
    end = LAST_TIMESTAMP_MS / 1e8
    exhausted = []
    for t in (0.0, end, end + 1.0):
        clock.next(t)
        exhausted.append(clock.exhausted)
    assert exhausted == [False, False, True]
    assert LAST_TIMESTAMP_MS * 1_000_000 < 2**63 - 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.sampled_from([1.0, 4.0, 1e5]))
def test_always_strictly_increasing(times: list[float], scale: float) -> None:
    """Whatever the times are, each timestamp is a larger int than the one before."""
    clock = TimestampClock(scale=scale)
    stamps = [clock.next(t) for t in times]
    assert all(isinstance(stamp, int) for stamp in stamps)
    assert all(a < b for a, b in itertools.pairwise(stamps))
