"""The slot between two rates: newest wins, replacements are counted, nothing waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from bridge.mailbox import Mailbox

DEADLINE_S = 30.0


@pytest.fixture
def mailbox() -> Mailbox[int]:
    return Mailbox()


def _take_in_thread(mailbox: Mailbox[int], results: list[int | None], timeout_s: float | None = DEADLINE_S) -> threading.Thread:
    thread = threading.Thread(target=lambda: results.append(mailbox.take(timeout_s)), name="bridge-test-taker", daemon=True)
    thread.start()
    return thread


def _tell_waiting(mailbox: Mailbox[int]) -> threading.Event:
    """An event that is set whenever a taker begins to wait: it is among those for whom the bell will ring by then."""
    waiting = threading.Event()
    listen = Mailbox._listen

    class Telling(Mailbox[int]):
        __slots__ = ()

        def _listen(self, timeout_s: float | None) -> None:
            waiting.set()
            listen(self, timeout_s)

    mailbox.__class__ = Telling
    return waiting


def _join(thread: threading.Thread) -> None:
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def test_a_value_is_taken_once(mailbox: Mailbox[int]) -> None:
    """What was offered comes out, and then the slot is empty."""
    mailbox.offer(1)

    assert mailbox.take(0) == 1
    assert mailbox.take(0) is None


def test_the_newest_value_wins_and_the_others_are_counted(mailbox: Mailbox[int]) -> None:
    """Three offers without a taker: the last stays, two are counted as replaced."""
    for value in (1, 2, 3):
        mailbox.offer(value)

    assert mailbox.take(0) == 3
    assert mailbox.replaced == 2


def test_a_taken_value_does_not_count_as_replaced(mailbox: Mailbox[int]) -> None:
    """Only what nobody saw is counted."""
    mailbox.offer(1)
    mailbox.take(0)
    mailbox.offer(2)

    assert mailbox.replaced == 0


def test_falsy_values_are_values() -> None:
    """0, False and "" come out as themselves, not as "nothing new"."""
    mailbox: Mailbox[object] = Mailbox()
    mailbox.offer(0)

    assert mailbox.take(0) == 0


def test_take_waits_for_an_offer(mailbox: Mailbox[int]) -> None:
    """A taker that came first is woken by the offer."""
    results: list[int | None] = []
    waiting = _tell_waiting(mailbox)
    thread = _take_in_thread(mailbox, results, None)
    assert waiting.wait(DEADLINE_S)
    mailbox.offer(5)
    _join(thread)

    assert results == [5]


def test_take_gives_up_after_its_timeout(mailbox: Mailbox[int]) -> None:
    """Nothing came: None."""
    assert mailbox.take(0.001) is None


def test_a_negative_timeout_does_not_wait(mailbox: Mailbox[int]) -> None:
    """A deadline that has passed already is no error."""
    assert mailbox.take(-1.0) is None


def test_nudge_wakes_a_taker_without_a_value(mailbox: Mailbox[int]) -> None:
    """A command arrived: the taker goes on with None."""
    results: list[int | None] = []
    waiting = _tell_waiting(mailbox)
    thread = _take_in_thread(mailbox, results, None)
    assert waiting.wait(DEADLINE_S)
    mailbox.nudge()
    _join(thread)

    assert results == [None]


def test_a_nudge_before_the_take_is_not_lost(mailbox: Mailbox[int]) -> None:
    """The next take returns at once, the one after it waits again."""
    mailbox.nudge()
    results: list[int | None] = []
    _join(_take_in_thread(mailbox, results, None))
    waiting = _tell_waiting(mailbox)
    thread = _take_in_thread(mailbox, results, None)

    assert waiting.wait(DEADLINE_S)
    mailbox.offer(1)
    _join(thread)
    assert results == [None, 1]


def test_a_nudge_does_not_hide_a_value(mailbox: Mailbox[int]) -> None:
    """Nudge and offer before one take: the value comes first, and the nudge is done with."""
    mailbox.nudge()
    mailbox.offer(1)

    assert mailbox.take(0) == 1
    assert mailbox.take(0) is None


def test_close_hands_out_what_is_left_then_none(mailbox: Mailbox[int]) -> None:
    """The last state still goes out; after it takers do not wait."""
    mailbox.offer(1)
    mailbox.close()

    results: list[int | None] = []
    for _ in range(3):
        _join(_take_in_thread(mailbox, results, None))

    assert mailbox.closed
    assert results == [1, None, None]


def test_close_wakes_every_taker(mailbox: Mailbox[int]) -> None:
    """Nobody is left waiting."""
    results: list[int | None] = []
    threads = [_take_in_thread(mailbox, results, None) for _ in range(3)]
    mailbox.close()
    for thread in threads:
        _join(thread)

    assert results == [None] * 3


def test_offers_after_close_are_ignored(mailbox: Mailbox[int]) -> None:
    """A late producer changes nothing and counts nothing."""
    mailbox.offer(1)
    mailbox.close()
    mailbox.offer(2)

    assert mailbox.take(0) == 1
    assert mailbox.replaced == 0


def test_a_robbed_taker_keeps_waiting(mailbox: Mailbox[int]) -> None:
    """A taker woken for a value that another has taken meanwhile does not give up before its time."""
    results: list[int | None] = []
    waiting = _tell_waiting(mailbox)
    thread = _take_in_thread(mailbox, results, None)
    assert waiting.wait(DEADLINE_S)
    waiting.clear()
    with mailbox._guard:  # what an offer does, seen by a taker whose value is gone again when it gets the lock
        mailbox._ring()
    assert waiting.wait(DEADLINE_S)

    assert results == []
    mailbox.offer(9)
    _join(thread)
    assert results == [9]


def test_a_time_that_is_over_leaves_nobody_waiting(mailbox: Mailbox[int]) -> None:
    """After many takes that ran out, the next offer is taken at once and nothing rings for those who have gone."""
    for _ in range(20):
        assert mailbox.take(0.001) is None
    mailbox.offer(3)

    assert mailbox.take(0.001) == 3
    assert mailbox._waiting == 0
    assert mailbox._bell.empty()


def test_every_offer_is_taken_or_counted(mailbox: Mailbox[int]) -> None:
    """Under load, with two producers and two takers, nothing vanishes without being counted and nothing comes twice."""
    each = 2000
    taken: list[int] = []

    def produce(first: int) -> None:
        for value in range(first, first + each):
            mailbox.offer(value)

    def take_all() -> None:
        while (value := mailbox.take(DEADLINE_S)) is not None:
            taken.append(value)

    def start(work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, name="bridge-test-load", daemon=True)
        thread.start()
        return thread

    takers = [start(take_all) for _ in range(2)]
    producers = [start(lambda: produce(0)), start(lambda: produce(each))]
    for thread in producers:
        _join(thread)
    mailbox.close()
    for thread in takers:
        _join(thread)

    assert len(taken) + mailbox.replaced == 2 * each
    assert len(set(taken)) == len(taken)
