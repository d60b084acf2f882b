"""The ledger of frames on their way."""

from __future__ import annotations

import threading

import numpy as np

from bridge.trackers.in_flight import FIRST_RESULT_GRACE_S, FlightCounts, InFlight
from bridge.types import CameraFrame


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _frame(seq: int) -> CameraFrame:
    return CameraFrame(seq=seq, t=seq / 30, image=np.zeros((3, 4, 3), dtype=np.uint8))


def _ledger(clock: _Clock) -> InFlight:
    return InFlight(stall_timeout_s=2.0, clock=clock)


def test_a_result_gets_its_own_frame_back() -> None:
    """seq, time and size of the frame that went in under this timestamp; the picture only if it was to be kept."""
    ledger = _ledger(_Clock())
    ledger.enter(0, _frame(7), keep_picture=False)
    ledger.enter(33, _frame(8), keep_picture=True)
    first = ledger.claim(0)
    second = ledger.claim(33)
    assert first is not None
    assert second is not None
    assert (first.seq, first.width, first.height, first.frame) == (7, 4, 3, None)
    assert (second.seq, second.t) == (8, 8 / 30)
    assert second.frame is not None


def test_older_frames_are_drops() -> None:
    """When a frame returns, those before it that have not are counted as dropped, and are forgotten."""
    ledger = _ledger(_Clock())
    for k in range(5):
        ledger.enter(k, _frame(k), keep_picture=False)
    ledger.claim(0)
    ledger.claim(4)
    assert ledger.counts == FlightCounts(submitted=5, returned=2, dropped=3)
    assert ledger.claim(2) is None


def test_unknown_timestamps_are_nobodys() -> None:
    """A timestamp that never went in changes nothing."""
    ledger = _ledger(_Clock())
    assert ledger.claim(12) is None
    assert ledger.counts == FlightCounts(submitted=0, returned=0, dropped=0)


def test_a_refused_frame_was_never_submitted() -> None:
    """Withdrawing undoes entering, and nobody waits for it."""
    ledger = _ledger(_Clock())
    ledger.enter(0, _frame(0), keep_picture=False)
    ledger.withdraw(0)
    assert ledger.counts == FlightCounts(submitted=0, returned=0, dropped=0)
    assert ledger.wait(0.0)


def test_waiting_ends_with_the_newest_delivery() -> None:
    """``wait`` is about delivered results, not merely returned ones."""
    ledger = _ledger(_Clock())
    ledger.enter(0, _frame(0), keep_picture=False)
    ledger.enter(1, _frame(1), keep_picture=False)
    ledger.claim(1)
    assert not ledger.wait(0.0)
    thread = threading.Thread(target=ledger.finish, args=(1,))
    thread.start()
    assert ledger.wait(30.0)
    thread.join()


def test_nothing_to_wait_for() -> None:
    """An empty ledger is flushed, and so is one that was abandoned."""
    ledger = _ledger(_Clock())
    assert ledger.wait(0.0)
    ledger.enter(0, _frame(0), keep_picture=False)
    ledger.abandon()
    assert ledger.wait(0.0)
    assert ledger.counts == FlightCounts(submitted=1, returned=0, dropped=1)


def _returned_once(clock: _Clock) -> InFlight:
    ledger = _ledger(clock)
    ledger.enter(0, _frame(0), keep_picture=False)
    ledger.claim(0)
    return ledger


def test_silence_is_a_stall_at_the_second_look() -> None:
    """Longer than the stall time without a result: first forgiven (a suspended machine), then reported with its length."""
    clock = _Clock()
    ledger = _returned_once(clock)
    ledger.enter(1, _frame(1), keep_picture=False)
    clock.now += 1.9
    assert ledger.stalled_for_s() is None
    clock.now += 0.2
    assert ledger.stalled_for_s() is None
    clock.now += 0.1
    waited = ledger.stalled_for_s()
    assert waited is not None
    assert round(waited, 6) == 2.2


def test_a_result_in_between_forgives() -> None:
    """When something came back after all, the count begins anew."""
    clock = _Clock()
    ledger = _returned_once(clock)
    ledger.enter(1, _frame(1), keep_picture=False)
    clock.now += 3.0
    assert ledger.stalled_for_s() is None
    ledger.claim(1)
    ledger.enter(2, _frame(2), keep_picture=False)
    clock.now += 3.0
    assert ledger.stalled_for_s() is None


def test_a_pause_of_the_camera_is_no_stall() -> None:
    """With nothing in flight, time may pass; so it may before the frame that went in just now."""
    clock = _Clock()
    ledger = _returned_once(clock)
    clock.now += 3600.0
    assert ledger.stalled_for_s() is None
    ledger.enter(1, _frame(1), keep_picture=False)
    assert ledger.stalled_for_s() is None
    assert ledger.stalled_for_s() is None


def test_the_first_result_may_take_longer() -> None:
    """Models are loaded on the way to the first result."""
    clock = _Clock()
    ledger = _ledger(clock)
    ledger.enter(0, _frame(0), keep_picture=False)
    clock.now += FIRST_RESULT_GRACE_S - 0.1
    assert ledger.stalled_for_s() is None
    assert ledger.stalled_for_s() is None
    clock.now += 0.2
    assert ledger.stalled_for_s() is None
    assert ledger.stalled_for_s() is not None


def test_a_stall_does_not_hoard_pictures() -> None:
    """However many frames wait, only the newest sixteen keep their pictures."""
    ledger = _ledger(_Clock())
    for k in range(40):
        ledger.enter(k, _frame(k), keep_picture=True)
    kept = [pending.frame is not None for pending in ledger._pending.values()]
    assert kept == [False] * 24 + [True] * 16
