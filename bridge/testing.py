"""The conformance kit: what every output does, whatever it speaks. For authors of outputs, ours and those of other packages.

A test module of a plugin is a bench, the receiver's side, and one class (pytest finds the tests in it)::

    from bridge.testing import OutputConformance, Seen, UdpBench


    class TestMyOutput(OutputConformance):
        @pytest.fixture
        def bench(self):
            with UdpBench("mine://127.0.0.1:PORT", decode=my_independent_decoder) as bench:
                yield bench

The decoder should be somebody else's code, or at least not the encoder's: two halves of one mistake agree with each other.
Needs pytest, which the bridge itself does not.
"""

from __future__ import annotations

import contextlib
import math
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pytest

from bridge import arkit, space
from bridge.errors import OutputError
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.registry import OutputContext, OutputPlan, create_output, parse_output
from bridge.outputs.worker import OutputWorker, Reporting
from bridge.settings import OutputSettings
from bridge.types import ZERO_WEIGHTS, FaceState, Float64Array, HeadPose, Output, OutputState, Presence, frozen_array

__all__ = ["Bench", "OutputConformance", "Seen", "UdpBench", "acted_state", "assert_same", "random_state"]

DEADLINE_S = 30.0
"""Reached only by a test that fails."""


# --- states ----------------------------------------------------------------------------------------------------------


def acted_state(
    weights: Mapping[str, float] | None = None,
    *,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    roll_deg: float = 0.0,
    position_m: tuple[float, float, float] = (0.0, 0.0, -0.5),
    has_head: bool = True,
    presence: Presence = Presence.LIVE,
    seq: int = 0,
    t: float = 0.0,
) -> FaceState:
    """A face with these coefficients (by ARKit name, the others 0) and this head, in bridge space."""
    values = ZERO_WEIGHTS.copy()
    for name, value in (weights or {}).items():
        values[arkit.INDEX[name]] = value
    quat_xyzw = space.from_euler_deg(yaw=yaw_deg, pitch=pitch_deg, roll=roll_deg)
    head = HeadPose(position_m=frozen_array(np.array(position_m)), quat_xyzw=frozen_array(quat_xyzw))
    return FaceState(
        subject=0, seq=seq, t=t, t_done=t, presence=presence, weights=frozen_array(values), head=head if has_head else None
    )


def random_state(seed: int, *, seq: int = 0, t: float = 0.0) -> FaceState:
    """All 52 coefficients within 0..1, angles within 60 degrees, a place before the camera; the same for the same seed."""
    random = np.random.default_rng(seed)
    weights = dict(zip(arkit.NAMES, random.random(len(arkit.NAMES)).tolist(), strict=True))
    yaw, pitch, roll = random.uniform(-60.0, 60.0, 3).tolist()
    x, y, z = random.uniform(-0.3, 0.3, 3).tolist()
    return acted_state(weights, yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll, position_m=(x, y, z - 0.5), seq=seq, t=t)


# --- the receiver's side ---------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What one frame said, in bridge space and by ARKit names."""

    weights: dict[str, float] = field(default_factory=dict)
    quat_xyzw: Float64Array | None = None
    """The head's rotation; None where the frame carried none."""


class Bench(Protocol):
    """The receiver's side of one kind of output. Calls come in this order: ``meet``, ``sent`` after each state, ``frames``."""

    url: str
    """What the output is made from."""
    carries: frozenset[str]
    """The coefficients that the format carries, by ARKit name."""
    carries_head: bool
    weight_error: float
    """What the format's precision costs."""
    head_error_deg: float
    tells_absence: bool
    """Whether a frame is sent for a state without a face; some formats fall silent instead."""
    met_while_sending: bool
    """Whether the output notices its receiver only when it sends, so that until then it says that it waits."""

    def meet(self) -> None:
        """The output is open now: connect, if it is the receiver that connects."""
        ...

    def sent(self) -> None:
        """One state was sent."""
        ...

    def frames(self) -> list[Seen]:
        """All frames that arrived, in order; the output is closed."""
        ...

    def die(self) -> None:
        """Goes away without a word. ``pytest.skip`` where there is nobody who could."""
        ...


class UdpBench:
    """A UDP socket on 127.0.0.1 and a decoder behind it. A context manager."""

    def __init__(
        self,
        url: str,
        decode: Callable[[bytes], Iterable[Seen]],
        *,
        carries: Iterable[str] = arkit.NAMES,
        carries_head: bool = True,
        weight_error: float = 1e-4,
        head_error_deg: float = 1e-3,
        tells_absence: bool = True,
        met_while_sending: bool = False,
    ) -> None:
        """``url`` has ``PORT`` where the socket's port goes; ``decode`` turns a datagram into the frames it completes."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        # On Linux what was sent over loopback is there when `send` returns.
        self._socket.settimeout(0.0 if sys.platform == "linux" else 0.5)
        self._decode = decode
        self.url = url.replace("PORT", str(self.port))
        self.carries, self.carries_head = frozenset(carries), carries_head
        self.weight_error, self.head_error_deg = weight_error, head_error_deg
        self.tells_absence, self.met_while_sending = tells_absence, met_while_sending

    def __enter__(self) -> UdpBench:
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def meet(self) -> None:
        """Nothing to do: nobody connects."""

    def sent(self) -> None:
        """Nothing to do: the system keeps what arrives."""

    def frames(self) -> list[Seen]:
        """Decodes what has arrived."""
        seen: list[Seen] = []
        with contextlib.suppress(BlockingIOError, TimeoutError):
            while True:
                seen += self._decode(self._socket.recv(65536))
        return seen

    @property
    def port(self) -> int:
        """The socket's port; before ``die``."""
        return int(self._socket.getsockname()[1])

    def ask(self, data: bytes, port: int) -> None:
        """Sends a datagram to a port of this machine, for outputs that want to be asked."""
        self._socket.sendto(data, ("127.0.0.1", port))

    def die(self) -> None:
        """Closes the socket."""
        self._socket.close()


# --- the tests -------------------------------------------------------------------------------------------------------


class OutputConformance:
    """Derive from it, give it a ``bench`` fixture, and pytest runs the tests below."""

    @pytest.fixture
    def plan(self, bench: Bench) -> OutputPlan:
        """The plan of the bench's output."""
        return parse_output(OutputSettings(url=bench.url))

    @pytest.fixture
    def output(self, plan: OutputPlan) -> Iterator[Output]:
        """The output, not open."""
        loop = EventLoopThread()
        made = create_output(plan, OutputContext(event_loop=loop))
        yield made
        made.close()
        loop.close()

    @pytest.fixture
    def meet(self, bench: Bench, output: Output) -> Callable[[], None]:
        """Has the receiver connect, and returns when the output no longer says that it waits for somebody."""

        def run() -> None:
            bench.meet()
            deadline = time.monotonic() + DEADLINE_S
            if bench.met_while_sending:
                return
            while isinstance(output, Reporting) and (report := output.report()) and report.state is OutputState.WAITING:
                assert time.monotonic() < deadline, report.note
                time.sleep(0.001)

        return run

    @pytest.fixture
    def exchange(self, bench: Bench, output: Output, meet: Callable[[], None]) -> Callable[..., list[Seen]]:
        """Opens, sends states, closes; what arrived."""

        def run(*states: FaceState) -> list[Seen]:
            output.open()
            meet()
            for state in states:
                output.send(state)
                bench.sent()
            output.close()
            return bench.frames()

        return run

    def test_every_state_arrives_with_its_values(self, bench: Bench, exchange: Callable[..., list[Seen]]) -> None:
        """All coefficients and the head of each, in their order; sides and signs right."""
        states = [random_state(seed, seq=seed, t=1.0 + seed / 30) for seed in range(3)]
        frames = exchange(*states)

        assert len(states) == len(frames)
        for state, seen in zip(states, frames, strict=True):
            assert_same(state, seen, bench)

    def test_the_golden_pose_arrives(self, bench: Bench, exchange: Callable[..., list[Seen]]) -> None:
        """Yaw 20 to the own left, pitch 10 down, roll -5."""
        state = acted_state(yaw_deg=20, pitch_deg=10, roll_deg=-5, t=1.0)

        assert_same(state, exchange(state)[-1], bench)

    def test_the_rest_state_arrives_as_rest(self, bench: Bench, exchange: Callable[..., list[Seen]]) -> None:
        """What is sent when the bridge stops: all zeros, head straight; or nothing, where silence means absence."""
        live, rest = random_state(1, t=1.0), FaceState.rest(t=2.0)
        frames = exchange(live, rest)

        assert (2 if bench.tells_absence else 1) == len(frames)
        assert_same(rest if bench.tells_absence else live, frames[-1], bench)

    @pytest.mark.parametrize("presence", list(Presence))
    def test_a_state_without_a_head_is_sent(self, bench: Bench, exchange: Callable[..., list[Seen]], presence: Presence) -> None:
        """Matrices may be off, or nobody there: nothing raises, and what is carried is right."""
        state = acted_state({"jawOpen": 0.5}, has_head=False, presence=presence, t=1.0)
        for seen in exchange(state):
            assert_same(state, seen, bench)

    def test_a_closed_output_opens_again(self, bench: Bench, exchange: Callable[..., list[Seen]]) -> None:
        """As the worker does after a failure."""
        exchange(random_state(1, t=1.0))
        again = random_state(2, seq=1, t=2.0)

        assert_same(again, exchange(again)[-1], bench)

    def test_close_is_idempotent(self, output: Output) -> None:
        """Before open, after open, after close; a send after it fails as an output does, or is ignored."""
        output.close()
        output.open()
        output.close()
        output.close()
        with contextlib.suppress(OutputError):
            output.send(random_state(1))

    @pytest.mark.usefixtures("output")
    def test_nothing_happens_before_open(self) -> None:
        """No thread of ours: the configuration is only checked, perhaps."""
        assert [] == [thread.name for thread in threading.enumerate() if thread.name.startswith("bridge-")]

    def test_a_receiver_that_dies_is_survived(self, bench: Bench, output: Output, meet: Callable[[], None]) -> None:
        """Sending goes on, or fails with an output error; closing works."""
        output.open()
        meet()
        output.send(random_state(0, t=1.0))
        bench.sent()
        bench.die()
        for i in range(20):
            with contextlib.suppress(OutputError):
                output.send(random_state(i, seq=i, t=2.0 + i))
        output.close()

    def test_a_mirrored_output_swaps_sides(
        self, bench: Bench, plan: OutputPlan, output: Output, meet: Callable[[], None]
    ) -> None:
        """Through its worker: the left lid's value arrives at the right, a turn to the left is one to the right."""
        worker = OutputWorker(plan, output, mirror=True)
        worker.start()
        assert worker.wait_tried(DEADLINE_S)
        meet()
        worker.offer(acted_state({"eyeBlinkLeft": 0.75, "mouthRight": 0.5}, yaw_deg=20, t=1.0))
        bench.sent()
        worker.stop()

        assert_same(acted_state({"eyeBlinkRight": 0.75, "mouthLeft": 0.5}, yaw_deg=-20), bench.frames()[-1], bench)

    def test_a_worker_stops_in_time_and_off(self, bench: Bench, plan: OutputPlan, output: Output) -> None:
        """The rest state is the last that arrives, the thread is gone."""
        rest = FaceState.rest(t=2.0)
        worker = OutputWorker(plan, output, mirror=False)
        worker.start()
        assert worker.wait_tried(DEADLINE_S)
        worker.offer(random_state(1, t=1.0))
        worker.stop(rest)

        assert OutputState.OFF is worker.status.state
        assert f"bridge-output-{plan.name}" not in [thread.name for thread in threading.enumerate()]
        assert (2, 0, None) == (worker.status.sent, worker.status.failures, worker.status.last_error)
        if bench.tells_absence:
            for seen in bench.frames()[-1:]:
                assert_same(rest, seen, bench)


def assert_same(state: FaceState, seen: Seen, bench: Bench) -> None:
    """The frame says what the state said, within what the bench's format loses; AssertionError names what differs."""
    sent = {name: float(weight) for name, weight in zip(arkit.NAMES, state.weights, strict=True) if name in bench.carries}
    assert sent.keys() == seen.weights.keys()
    wrong = {name: (value, seen.weights[name]) for name, value in sent.items() if _differ(value, seen.weights[name], bench)}
    assert {} == wrong
    if bench.carries_head and state.head is not None:
        assert seen.quat_xyzw is not None
        off_deg = space.angle_between_deg(state.head.quat_xyzw, space.canonical(np.asarray(seen.quat_xyzw, dtype=np.float64)))
        assert off_deg <= bench.head_error_deg


def _differ(sent: float, seen: Any, bench: Bench) -> bool:
    return not (math.isfinite(seen) and abs(sent - seen) <= bench.weight_error)
