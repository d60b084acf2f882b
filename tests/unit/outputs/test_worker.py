"""The worker: newest wins, failures are survived, stopping is clean, status tells the truth."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from bridge.errors import OutputRejected, OutputUnavailable
from bridge.outputs.pacing import Backoff
from bridge.outputs.registry import OutputPlan
from bridge.outputs.worker import OutputWorker
from bridge.types import FaceState, OutputState, Presence
from tests.unit.outputs.fake_output import DEADLINE_S, PLAN, FakeOutput, until

MakeState = Callable[..., FaceState]
Start = Callable[..., OutputWorker]


@pytest.fixture
def output() -> FakeOutput:
    return FakeOutput()


@pytest.fixture
def start(output: FakeOutput) -> Iterator[Start]:
    """Starts a worker on ``output``, with hardly any pause between attempts; stops it after the test."""
    workers = []

    def begin(*, plan: OutputPlan = PLAN, mirror: bool = False, clock: Callable[[], float] = time.monotonic) -> OutputWorker:
        worker = OutputWorker(plan, output, mirror=mirror, clock=clock, backoff=Backoff(first_s=0.001, longest_s=0.002))
        workers.append(worker)
        worker.start()
        return worker

    yield begin
    output.gate.set()
    for worker in workers:
        worker.stop()


# --- sending ---------------------------------------------------------------------------------------------------------


def test_states_are_sent_from_one_thread_of_its_own(start: Start, output: FakeOutput, make_state: MakeState) -> None:
    """Opened first, then the very state that was offered."""
    worker = start()
    state = make_state(seq=1)
    worker.offer(state)

    assert ["open", state] == [output.next(), output.next()]
    worker.stop()
    assert {"bridge-output-me"} == output.thread_names


def test_the_newest_state_wins(start: Start, output: FakeOutput, make_state: MakeState) -> None:
    """While a send takes its time, only the last of what comes is kept, and the others are counted."""
    worker = start()
    output.gate.clear()
    states = [make_state(seq=i, t=float(i)) for i in range(4)]
    worker.offer(states[0])
    assert ["open", states[0]] == [output.next(), output.next()]
    for state in states[1:]:
        worker.offer(state)
    output.gate.set()

    assert states[3] == output.next()
    assert 2 == worker.status.replaced


def test_mirror_swaps_sides(start: Start, output: FakeOutput, make_state: MakeState) -> None:
    """Before the output sees the state."""
    worker = start(mirror=True)
    worker.offer(make_state(weights={"eyeBlinkLeft": 0.75}))
    output.next()
    sent = output.next()

    assert isinstance(sent, FaceState)
    assert (0.0, 0.75) == (float(sent.weights[0]), float(sent.weights[7]))


def test_an_own_rate_repeats_the_newest_state(start: Start, output: FakeOutput, make_state: MakeState) -> None:
    """fps > 0: also when none comes."""
    worker = start(plan=replace(PLAN, fps=200.0))
    state = make_state(seq=1)
    worker.offer(state)
    output.next()

    assert [1, 1, 1] == [sent.seq for sent in (output.next() for _ in range(3)) if isinstance(sent, FaceState)]


def test_an_own_rate_sends_the_newest_state_before_it_stops(start: Start, output: FakeOutput, make_state: MakeState) -> None:
    """One that came between two instants of a slow grid is not lost."""
    worker = start(plan=replace(PLAN, fps=0.01))
    first, second = make_state(seq=1, t=1.0), make_state(seq=2, t=2.0)
    worker.offer(first)
    assert ["open", first] == [output.next(), output.next()]
    worker.offer(second)
    worker.stop()

    assert [second, "close"] == output.rest()


# --- failures --------------------------------------------------------------------------------------------------------


def test_an_output_that_cannot_open_is_tried_again(start: Start, output: FakeOutput, make_state: MakeState) -> None:
    """It is closed after each failure; the newest state waits."""
    output.open_failures = [OutputUnavailable("nobody"), OutputUnavailable("nobody")]
    worker = start()
    state = make_state()
    worker.offer(state)

    assert ["open", "close", "open", "close", "open", state] == [output.next() for _ in range(6)]
    assert (2, "nobody") == (worker.status.failures, worker.status.last_error)


def test_an_output_that_fails_to_send_is_opened_again(start: Start, output: FakeOutput, make_state: MakeState) -> None:
    """The state that failed is gone: a newer one is better."""
    output.send_failures = [OutputUnavailable("gone")]
    worker = start()
    first, second = make_state(seq=1), make_state(seq=2)
    worker.offer(first)
    assert ["open", first, "close", "open"] == [output.next() for _ in range(4)]
    worker.offer(second)

    assert second == output.next()


def test_a_refusal_is_not_tried_again(start: Start, output: FakeOutput) -> None:
    """REJECTED with the receiver's reason, until somebody asks for another attempt."""
    output.open_failures = [OutputRejected("the port is forbidden")]
    worker = start()
    assert ["open", "close"] == [output.next(), output.next()]
    until(lambda: worker.status.state is OutputState.REJECTED)
    status = worker.status

    assert ("the port is forbidden", None) == (status.note, status.retry_in_s)
    worker.retry()
    assert "open" == output.next()


def test_a_bug_in_an_output_is_a_fault_that_is_tried_again(
    start: Start, output: FakeOutput, make_state: MakeState, caplog: pytest.LogCaptureFixture
) -> None:
    """One sentence in status and log, the traceback only for debugging."""
    output.send_failures = [ZeroDivisionError("division by zero")]
    with caplog.at_level(logging.DEBUG, logger="bridge.outputs.worker"):
        worker = start()
        worker.offer(make_state())
        for _ in range(4):
            output.next()
    expected = "internal error in the fake output: ZeroDivisionError: division by zero"

    assert expected == worker.status.last_error
    assert [("DEBUG", True), ("WARNING", False)] == [(record.levelname, bool(record.exc_info)) for record in caplog.records[:2]]


def test_a_close_that_raises_harms_nobody(start: Start, output: FakeOutput, make_state: MakeState) -> None:
    """Stopping goes on."""
    output.close_failure = RuntimeError("oh")
    worker = start()
    worker.offer(make_state())
    worker.stop()

    assert OutputState.OFF is worker.status.state


def test_the_same_failure_is_logged_once(
    start: Start, output: FakeOutput, make_state: MakeState, caplog: pytest.LogCaptureFixture
) -> None:
    """A line per change: it fails, it works again."""
    output.open_failures = [OutputUnavailable("nobody") for _ in range(5)]
    with caplog.at_level(logging.INFO, logger="bridge.outputs.worker"):
        worker = start()
        worker.offer(make_state())
        for _ in range(12):
            output.next()
        worker.stop()

    assert ["output me (fake://h:1): nobody", "output me (fake://h:1) works again"] == [
        record.getMessage() for record in caplog.records
    ]


# --- stopping --------------------------------------------------------------------------------------------------------


def test_stop_sends_what_waits_then_the_rest_state_and_closes(start: Start, output: FakeOutput, make_state: MakeState) -> None:
    """Avatars are not left with a twisted face."""
    worker = start()
    output.gate.clear()
    first, second = make_state(seq=1, t=1.0), make_state(seq=2, t=2.0)
    worker.offer(first)
    assert ["open", first] == [output.next(), output.next()]
    worker.offer(second)
    rest = FaceState.rest(t=3.0)
    stopper = threading.Thread(target=worker.stop, args=(rest,))
    stopper.start()
    output.gate.set()
    stopper.join(DEADLINE_S)

    assert [second, rest, "close"] == output.rest()
    assert OutputState.OFF is worker.status.state


def test_the_rest_states_time_does_not_run_backwards(start: Start, output: FakeOutput, make_state: MakeState) -> None:
    """It gets at least the time of the last state."""
    worker = start()
    worker.offer(make_state(t=5.0))
    worker.stop(FaceState.rest(t=1.0))
    sent = [call for call in output.rest() if isinstance(call, FaceState)]

    assert [(Presence.LIVE, 5.0), (Presence.LOST, 5.0)] == [(state.presence, state.t) for state in sent]


def test_a_run_that_ends_while_the_output_opens_still_sends(output: FakeOutput, make_state: MakeState) -> None:
    """A very short file: offered and stopped before the first attempt has ended."""
    worker = OutputWorker(PLAN, output, mirror=False)
    state = make_state()
    worker.offer(state)
    worker.start()
    worker.stop(FaceState.rest(t=9.0))
    calls = output.rest()

    assert ("open", state, "close") == (calls[0], calls[1], calls[-1])


def test_a_pause_between_attempts_ends_with_stop(output: FakeOutput) -> None:
    """30 s of back-off do not hold the program."""
    output.open_failures = [OutputUnavailable("nobody")]
    worker = OutputWorker(PLAN, output, mirror=False, backoff=Backoff(first_s=30.0))
    worker.start()
    assert worker.wait_tried(DEADLINE_S)
    worker.stop(FaceState.rest())

    assert ["open", "close", "close"] == output.rest()


def test_an_output_that_blocks_is_left_behind(
    start: Start, output: FakeOutput, make_state: MakeState, caplog: pytest.LogCaptureFixture
) -> None:
    """After 1.5 s: OFF, with a line in the log."""
    worker = start()
    output.gate.clear()
    worker.offer(make_state())
    assert "open" == output.next()
    output.next()
    began = time.monotonic()
    worker.stop()

    assert 1.4 < time.monotonic() - began < DEADLINE_S
    assert OutputState.OFF is worker.status.state
    assert ["output me did not stop within 1.5 s and was left behind"] == [record.getMessage() for record in caplog.records]


def test_stop_is_idempotent_and_may_come_before_start(output: FakeOutput) -> None:
    """An output that was never started is never opened."""
    worker = OutputWorker(PLAN, output, mirror=False)
    worker.stop()
    worker.stop(FaceState.rest())

    assert [] == output.rest()


def test_offers_after_stop_are_ignored(start: Start, output: FakeOutput, make_state: MakeState) -> None:
    """The engine may still be running."""
    worker = start()
    worker.stop()
    worker.offer(make_state())

    assert ["open", "close"] == output.rest()
