"""A sender in the network in the capture loop: its states, its losses in the log, the pause."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from bridge.capture import CaptureLoop, CaptureState, Polled
from bridge.sources.network import DatagramSource
from bridge.types import Tracker, TrackResult
from tests.unit.sources.datagrams import DEADLINE_S, wait_for

Make = Callable[..., DatagramSource]


class _Capture:
    """A capture loop around a source, its results counted."""

    def __init__(self, source: DatagramSource) -> None:
        self.results: list[TrackResult] = []
        self.loop = CaptureLoop(source, make_tracker=self._no_tracker, offer=self.results.append, retry_max_s=10.0)
        self.loop.start()
        assert self.loop.opened.wait(DEADLINE_S)
        self.loop.go.set()

    @staticmethod
    def _no_tracker() -> Tracker:
        raise AssertionError("finished results need no tracker")

    def wait_for_state(self, state: CaptureState) -> None:
        wait_for(lambda: self.loop.status().state is state, f"state {state.value}")


@pytest.fixture
def capture(datagram_source: Make) -> Iterator[Callable[[], tuple[_Capture, DatagramSource]]]:
    """Starts one; stopped at the end."""
    with ExitStack() as started:

        def run() -> tuple[_Capture, DatagramSource]:
            source = datagram_source()
            running = _Capture(source)
            started.callback(running.loop.stop)
            return running, source

        yield run


def _send_until(datagram_sender: socket.socket, port: int, condition: Callable[[], bool]) -> None:
    def done() -> bool:
        datagram_sender.sendto(b".5", ("127.0.0.1", port))
        return condition()

    wait_for(done, "results")


def test_the_loop_waits_runs_loses_and_finds_again(
    capture: Callable[[], tuple[_Capture, DatagramSource]], datagram_sender: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    """waiting -> running -> lost -> running, one line in the log for the loss and one for the return."""
    with caplog.at_level(logging.INFO, logger="bridge.capture"):
        running, source = capture()
        port = source.port
        running.wait_for_state(CaptureState.WAITING)
        _send_until(datagram_sender, port, lambda: len(running.results) >= 100)
        assert running.loop.status().state is CaptureState.RUNNING
        running.wait_for_state(CaptureState.LOST)
        _send_until(datagram_sender, port, lambda: running.loop.status().state is CaptureState.RUNNING)

    assert 1 == running.loop.status().losses
    assert running.loop.status().error is None
    assert [
        "test from 127.0.0.1 has sent nothing for 0.3 s; waiting for it to return",
        "test from 127.0.0.1 is back",
    ] == caplog.messages


def test_a_sender_that_comes_and_goes_does_not_fill_the_log(
    capture: Callable[[], tuple[_Capture, DatagramSource]], datagram_sender: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    """A frame now and then: lost and found each time in ``status``, told once."""
    with caplog.at_level(logging.INFO, logger="bridge.capture"):
        running, source = capture()
        port = source.port
        for round_ in range(4):
            _send_until(datagram_sender, port, lambda: running.loop.status().state is CaptureState.RUNNING)
            wait_for(lambda before=round_: running.loop.status().losses > before, "a loss")  # type: ignore[misc]

    assert 2 >= len(caplog.messages)


def test_a_pause_lets_go_of_the_port_and_resume_takes_it(
    capture: Callable[[], tuple[_Capture, DatagramSource]], datagram_sender: socket.socket
) -> None:
    """Also while it still waits for its sender."""
    running, source = capture()
    port = source.port
    running.wait_for_state(CaptureState.WAITING)
    running.loop.pause()
    running.wait_for_state(CaptureState.PAUSED)
    wait_for(lambda: source.port == 0, "closed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
    running.loop.resume()
    _send_until(datagram_sender, port, lambda: len(running.results) > 0)

    running.loop.pause()
    running.wait_for_state(CaptureState.PAUSED)
    running.loop.resume()
    _send_until(datagram_sender, port, lambda: running.loop.status().state is CaptureState.RUNNING)


def test_it_plays_the_roles_it_is_meant_for(datagram_source: Make) -> None:
    """Asked with a time limit, no tracker, no end."""
    source = datagram_source()

    assert isinstance(source, Polled)
    assert (True, True, True) == (source.live, source.delivers_results, source.smoothed)
