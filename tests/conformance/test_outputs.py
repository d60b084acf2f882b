"""What every output does, whatever it speaks. A new kind gets a bench in ``conftest`` and passes this."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Protocol

import pytest

from bridge import arkit
from bridge.errors import OutputError
from bridge.outputs.registry import BUILT_IN, OutputPlan
from bridge.outputs.worker import OutputWorker
from bridge.types import FaceState, Output, OutputState, Presence

DEADLINE_S = 20.0
MakeState = Callable[..., FaceState]


class Seen(Protocol):
    """One frame as it arrived: see ``conftest``."""

    weights: dict[str, float]


class Bench(Protocol):
    """The receiver's side: see ``conftest``."""

    url: str

    def sent(self) -> None: ...

    def frames(self) -> list[Seen]: ...

    def die(self) -> None: ...


Exchange = Callable[..., list[Seen]]


def test_every_state_arrives_with_its_values(
    exchange: Exchange, make_state: MakeState, assert_same_head: Callable[[FaceState, Seen], None]
) -> None:
    """All 52 coefficients and the head of each, in their order; sides and signs right."""
    states = [make_state(seed=seed, seq=seed, t=1.0 + seed / 30) for seed in range(3)]
    frames = exchange(*states)

    assert 3 == len(frames)
    for state, seen in zip(states, frames, strict=True):
        assert {
            name: pytest.approx(float(w), abs=1e-4) for name, w in zip(arkit.NAMES, state.weights, strict=True)
        } == seen.weights
        assert_same_head(state, seen)


def test_the_golden_pose_arrives(
    exchange: Exchange, make_state: MakeState, assert_same_head: Callable[[FaceState, Seen], None]
) -> None:
    """Yaw 20 to the own left, pitch 10 down, roll -5."""
    state = make_state(yaw=20, pitch=10, roll=-5)

    assert_same_head(state, exchange(state)[-1])


def test_the_rest_state_arrives_as_rest(
    exchange: Exchange, make_state: MakeState, assert_same_head: Callable[[FaceState, Seen], None]
) -> None:
    """All zeros, head straight: what is sent when the bridge stops."""
    rest = FaceState.rest(t=2.0)
    *_, seen = exchange(make_state(seed=1, t=1.0), rest)

    assert {0.0} == set(seen.weights.values())
    assert_same_head(rest, seen)


@pytest.mark.parametrize("presence", list(Presence))
def test_a_state_without_a_head_is_sent(exchange: Exchange, make_state: MakeState, presence: Presence) -> None:
    """Matrices may be off, or nobody there."""
    (seen,) = exchange(make_state(head=None, presence=presence, weights={"jawOpen": 0.5}))

    assert 0.5 == seen.weights["jawOpen"]


def test_a_closed_output_opens_again(exchange: Exchange, make_state: MakeState) -> None:
    """As the worker does after a failure."""
    exchange(make_state(weights={"jawOpen": 0.25}, t=1.0))

    assert 0.75 == exchange(make_state(weights={"jawOpen": 0.75}, t=2.0))[-1].weights["jawOpen"]


def test_close_is_idempotent(output: Output, make_state: MakeState) -> None:
    """Before open, after open, after close; the first send after it fails as an output does, or is ignored."""
    output.close()
    output.open()
    output.close()
    output.close()
    with contextlib.suppress(OutputError):
        output.send(make_state())


def test_nothing_happens_before_open(output: Output) -> None:
    """No thread of ours: the configuration is only checked, perhaps."""
    assert [] == [thread.name for thread in threading.enumerate() if thread.name.startswith("bridge-")]


def test_a_receiver_that_dies_is_survived(bench: Bench, output: Output, meet: Callable[[], None], make_state: MakeState) -> None:
    """Sending goes on, or fails with an output error; closing works."""
    output.open()
    meet()
    output.send(make_state(t=1.0))
    bench.sent()
    bench.die()
    for i in range(20):
        with contextlib.suppress(OutputError):
            output.send(make_state(seq=i, t=2.0 + i))
    output.close()


def test_a_mirrored_output_swaps_sides(
    bench: Bench, plan: OutputPlan, output: Output, meet: Callable[[], None], make_state: MakeState
) -> None:
    """Through its worker: the left lid's value arrives at the right."""
    worker = OutputWorker(plan, output, mirror=True)
    worker.start()
    assert worker.wait_tried(DEADLINE_S)
    meet()
    worker.offer(make_state(weights={"eyeBlinkLeft": 0.75, "mouthRight": 0.5}, t=1.0))
    bench.sent()
    worker.stop()
    weights = bench.frames()[-1].weights

    assert (0.0, 0.75, 0.5, 0.0) == tuple(weights[n] for n in ("eyeBlinkLeft", "eyeBlinkRight", "mouthLeft", "mouthRight"))


def test_a_worker_stops_in_time_and_off(bench: Bench, plan: OutputPlan, output: Output, make_state: MakeState) -> None:
    """The rest state is the last that arrives, the thread is gone."""
    worker = OutputWorker(plan, output, mirror=False)
    worker.start()
    assert worker.wait_tried(DEADLINE_S)
    worker.offer(make_state(seed=1, t=1.0))
    worker.stop(FaceState.rest(t=2.0))

    assert OutputState.OFF is worker.status.state
    assert f"bridge-output-{plan.name}" not in [thread.name for thread in threading.enumerate()]
    assert (2, 0, None) == (worker.status.sent, worker.status.failures, worker.status.last_error)
    assert all({0.0} == set(seen.weights.values()) for seen in bench.frames()[-1:])


def test_every_built_in_kind_has_a_bench() -> None:
    """A kind without one would escape all of this."""
    tested = {"vmc", "osc", "ws", "record"}

    assert set(BUILT_IN) == tested
