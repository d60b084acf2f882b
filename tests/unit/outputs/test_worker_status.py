"""What a worker says of its output: state, note, rate, latency."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.errors import OutputUnavailable
from bridge.outputs.pacing import Backoff
from bridge.outputs.worker import OutputReport, OutputWorker
from bridge.types import FaceState, OutputState
from tests.unit.outputs.fake_output import DEADLINE_S, PLAN, FakeOutput, until

MakeState = Callable[..., FaceState]


@pytest.fixture
def output() -> FakeOutput:
    return FakeOutput()


def test_status_before_and_after() -> None:
    """OFF, and nothing done yet."""
    status = OutputWorker(PLAN, FakeOutput(), mirror=False).status

    assert ("me", "fake", "fake://h:1", OutputState.OFF) == (status.name, status.kind, status.url, status.state)
    assert (0, 0, 0, 0.0, None, None) == (
        status.sent, status.replaced, status.failures, status.fps, status.latency_ms, status.last_error,
    )  # fmt: skip


def test_an_open_output_without_states_waits(output: FakeOutput) -> None:
    """There is nothing to send yet."""
    worker = OutputWorker(PLAN, output, mirror=False)
    worker.start()
    assert worker.wait_tried(DEADLINE_S)
    state = worker.status.state
    worker.stop()

    assert OutputState.WAITING is state


def test_a_faulted_output_says_when_it_tries_again(output: FakeOutput) -> None:
    """The pause is 0.5 s by default; `stop` does not wait for it."""
    output.open_failures = [OutputUnavailable("nobody")] * 50
    worker = OutputWorker(PLAN, output, mirror=False, clock=lambda: 100.0, backoff=Backoff(random_fraction=lambda: 0.5))
    worker.start()
    until(lambda: worker.status.retry_in_s is not None)
    status = worker.status
    worker.stop()

    assert (OutputState.FAULTED, "nobody") == (status.state, status.note)
    assert status.retry_in_s in (0.5, 1.0)


def test_rate_and_latency_are_measured(output: FakeOutput, make_state: MakeState) -> None:
    """Sends at 10.00, 10.05, 10.10 s of states 30 ms old, tracked 10 ms ago: 20 fps, 30 ms, 10 ms; silence is 0 fps."""
    now = [10.0]
    worker = OutputWorker(PLAN, output, mirror=False, clock=lambda: now[0])
    worker.start()
    output.next()
    for i in range(3):
        now[0] = 10.0 + 0.05 * i
        worker.offer(make_state(seq=i, t=now[0] - 0.03, t_done=now[0] - 0.01))
        output.next()
        until(lambda sent=i + 1: worker.status.sent == sent)  # type: ignore[misc]
    status = worker.status
    now[0] = 20.0
    later = worker.status
    worker.stop()

    assert (OutputState.SENDING, 3) == (status.state, status.sent)
    assert pytest.approx((20.0, 30.0, 10.0)) == (status.fps, status.latency_ms, status.since_result_ms)
    assert 0.0 == later.fps


class ReportingOutput(FakeOutput):
    """Knows more of its receiver."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: OutputReport | Exception | None = None

    def report(self) -> OutputReport | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_an_output_may_report_itself() -> None:
    """Its word counts while it is open; a report that fails is none."""
    output = ReportingOutput()
    worker = OutputWorker(PLAN, output, mirror=False)
    worker.start()
    assert worker.wait_tried(DEADLINE_S)
    seen = []
    for answer in (OutputReport(state=OutputState.WAITING, note="1 question"), None, RuntimeError("oh")):
        output.answer = answer
        seen.append((worker.status.state, worker.status.note))
    worker.stop()

    assert [(OutputState.WAITING, "1 question"), (OutputState.WAITING, ""), (OutputState.WAITING, "")] == seen
    assert OutputState.OFF is worker.status.state
