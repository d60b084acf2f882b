"""The benchmark's other parts: what it receives, what steps cost, how it counts."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.bench.cost import encode_cost_us, performance_states, stage_cost_us
from bridge.bench.receiver import VmcReceiver
from bridge.bench.run import BenchOptions, Figures, _median, _ratio, run_bench
from bridge.errors import ConfigError

DEADLINE_S = 20.0


def _message(address: str, *arguments: tuple[float | str, str]) -> OscMessageBuilder:
    builder = OscMessageBuilder(address=address)
    for value, tag in arguments:
        builder.add_arg(value, tag)
    return builder


def _bundle(*messages: OscMessageBuilder) -> bytes:
    builder = OscBundleBuilder(IMMEDIATELY)
    for message in messages:
        builder.add_content(message.build())
    return bytes(builder.build().dgram)


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("bundled", [True, False])
def test_a_frame_has_arrived_when_apply_and_time_have(*, bundled: bool) -> None:
    """In one bundle, or as single messages with the time first: one frame, its T as sent."""
    receiver = VmcReceiver()
    value = _message("/VMC/Ext/Blend/Val", ("JawOpen", "s"), (0.5, "f"))
    apply, sent = _message("/VMC/Ext/Blend/Apply"), _message("/VMC/Ext/T", (1.5, "f"))
    datagrams = [_bundle(value, apply, sent)] if bundled else [bytes(part.build().dgram) for part in (sent, value, apply)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", receiver.port))
        _wait_for(lambda: receiver.arrivals.datagrams == len(datagrams))

    arrivals = receiver.stop()

    assert [1.5] == [t for _, t in arrivals.frames]
    assert arrivals.first_datagram is not None
    assert arrivals.frames[0][0] >= arrivals.first_datagram


def test_a_time_without_apply_is_no_frame() -> None:
    """A naive bridge tells its time for pictures without a face too: these are not counted."""
    receiver = VmcReceiver()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(bytes(_message("/VMC/Ext/T", (1.5, "f")).build().dgram), ("127.0.0.1", receiver.port))
        _wait_for(lambda: receiver.arrivals.datagrams == 1)

    assert [] == receiver.stop().frames


def test_costs_are_measured_on_a_face_that_moves() -> None:
    """States differ from each other in every part, and both figures are positive."""
    states = performance_states()

    assert len({state.weights.tobytes() for state in states}) == len(states)
    assert stage_cost_us() > 0
    assert encode_cost_us() > 0


def _figures(cpu_ms: float) -> Figures:
    return Figures(variant="x", cpu_ms=cpu_ms, fps=30.0, latencies_ms=(3.0, 1.0, 2.0), rss_mb=None)


def test_ratios_are_taken_round_by_round() -> None:
    """A machine that slows down in the second round does not change the ratio."""
    runs = {"bridge": [_figures(11.0), _figures(22.0), _figures(33.0)], "bare": [_figures(10.0), _figures(20.0), _figures(30.0)]}

    assert pytest.approx(1.1) == _ratio(runs, "cpu_ms", "bridge", "bare")


def test_medians_are_over_rounds() -> None:
    """Each figure's own median; what nobody measured stays unknown."""
    medians = _median([_figures(1.0), _figures(5.0), _figures(3.0)])

    assert (3.0, 2.0, 3.0, None) == (medians["cpu_ms"], medians["p50_ms"], medians["p99_ms"], medians["rss_mb"])


def test_an_unknown_part_is_refused() -> None:
    """Before anything is measured."""
    with pytest.raises(ConfigError, match="known parts are pace30"):
        run_bench(BenchOptions(only=("speed",)))
