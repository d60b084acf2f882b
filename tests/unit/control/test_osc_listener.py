"""Buttons over OSC reach the bridge, from this machine only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from queue import Queue

import pytest
from pythonosc.udp_client import SimpleUDPClient

from bridge.control.osc_listener import OscListener
from bridge.errors import ControlError
from bridge.outputs.event_loop import EventLoopThread

DEADLINE_S = 30.0


@pytest.fixture
def loop() -> Iterator[EventLoopThread]:
    """The network thread."""
    made = EventLoopThread()
    yield made
    made.close()


@pytest.fixture
def client(free_udp_port: int) -> Iterator[SimpleUDPClient]:
    """Somebody else's OSC sender."""
    made = SimpleUDPClient("127.0.0.1", free_udp_port)
    yield made
    made._sock.close()


def test_commands_are_carried_out(loop: EventLoopThread, free_udp_port: int, client: SimpleUDPClient) -> None:
    """On a thread that may block, in order; noise between them is nothing."""
    done: Queue[tuple[str, dict[str, object], str]] = Queue()
    listener = OscListener(
        free_udp_port,
        event_loop=loop,
        commands=lambda method, params: done.put((method, params, threading.current_thread().name)),
    )
    listener.open()
    try:
        client.send_message("/avatar-bridge/recenter", 1)
        client.send_message("/something/else", 1)
        client._sock.sendto(b"\xff\x00garbage", ("127.0.0.1", free_udp_port))
        client.send_message("/avatar-bridge/profile", "anna")
        seen = [done.get(timeout=DEADLINE_S) for _ in range(2)]
    finally:
        listener.close()
    assert [("recenter", {}), ("calibration.use", {"name": "anna"})] == [(method, params) for method, params, _ in seen]
    assert all(name.startswith("bridge-osc") for _, _, name in seen)


def test_a_command_that_fails_is_told_and_the_next_is_heard(
    loop: EventLoopThread, free_udp_port: int, client: SimpleUDPClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, not for every press."""
    asked: Queue[str] = Queue()

    def carry_out(method: str, _params: dict[str, object]) -> object:
        asked.put(method)
        raise ControlError("there is no profile 'anna'")

    listener = OscListener(free_udp_port, event_loop=loop, commands=carry_out)
    listener.open()
    try:
        for _ in range(3):
            client.send_message("/avatar-bridge/profile", "anna")
            asked.get(timeout=DEADLINE_S)
    finally:
        listener.close()
    assert 1 == len([record for record in caplog.records if "there is no profile" in record.getMessage()])


def test_a_flood_does_not_pile_up(loop: EventLoopThread, free_udp_port: int, client: SimpleUDPClient) -> None:
    """While one command takes its time, few others wait and the rest is dropped."""
    go, entered = threading.Event(), threading.Event()
    done: list[str] = []

    def slow(method: str, _params: dict[str, object]) -> object:
        entered.set()
        assert go.wait(DEADLINE_S)
        done.append(method)
        return None

    listener = OscListener(free_udp_port, event_loop=loop, commands=slow)
    listener.open()
    try:
        client.send_message("/avatar-bridge/recenter", 1)
        assert entered.wait(DEADLINE_S)
        for _ in range(200):
            client.send_message("/avatar-bridge/recenter", 1)
        heard: Queue[None] = Queue()
        loop.call(heard.put, None)  # after what came before
        heard.get(timeout=DEADLINE_S)
        go.set()
    finally:
        listener.close()
    assert 1 <= len(done) <= 9


def test_a_taken_port_is_one_sentence(loop: EventLoopThread, free_udp_port: int) -> None:
    """And nothing is left open."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", free_udp_port))
        listener = OscListener(free_udp_port, event_loop=loop, commands=lambda *_: None)
        with pytest.raises(ControlError, match=rf"control\.osc_port {free_udp_port} cannot be listened on"):
            listener.open()
    listener.close()


def test_only_this_machine_is_heard(loop: EventLoopThread, free_udp_port: int) -> None:
    """The socket is bound to loopback."""
    listener = OscListener(free_udp_port, event_loop=loop, commands=lambda *_: None)
    listener.open()
    try:
        assert listener.address == ("127.0.0.1", free_udp_port)
    finally:
        listener.close()
