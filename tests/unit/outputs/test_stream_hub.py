"""Fan-out to viewers over real sockets: formats, limits, and what a slow viewer costs the others (nothing)."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.stream_hub import StreamHub
from bridge.outputs.web_server import WebServer
from bridge.types import FaceState, frozen_array
from bridge.wire import stream
from bridge.wire.web import WebGate, WebRequest

DEADLINE_S = 20.0
LANDMARKS = frozen_array(np.zeros((478, 3), dtype=np.float32))
HANDSHAKE = (
    b"GET /?landmarks=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MakeState = Callable[..., FaceState]


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class House:
    """A hub behind a server, and its viewers."""

    hub: StreamHub
    port: int
    clock: Clock
    watching: ExitStack
    viewers: list[ClientConnection] = field(default_factory=list)

    def watch(self, query: str = "") -> ClientConnection:
        """A viewer that has had its hello."""
        opening = connect(f"ws://127.0.0.1:{self.port}/?{query}", compression=None, proxy=None)
        viewer = self.watching.enter_context(opening)
        self.viewers.append(viewer)
        assert json.loads(viewer.recv(timeout=DEADLINE_S))["type"] == "hello"
        wait_for(lambda: self.hub.viewers >= len(self.viewers))
        return viewer


def wait_for(condition: Callable[[], bool]) -> None:
    """Polls until it is so."""
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.005)


@pytest.fixture
def open_house(pick_tcp_port: Callable[[], int]) -> Iterator[Callable[..., House]]:
    """Opens a house; takes the hub's limits."""
    stack = ExitStack()

    def open_one(**limits: float) -> House:
        loop, clock = EventLoopThread(), Clock()
        hub = StreamHub(loop, clock=clock, **limits)  # type: ignore[arg-type]  # the limits' types are the caller's

        async def answer(_request: WebRequest) -> None:
            return None

        async def serve(connection: ServerConnection, request: WebRequest) -> None:
            await hub.serve(connection, stream.parse_options(request.query))

        port = pick_tcp_port()
        server = WebServer(WebGate(host="127.0.0.1", port=port), event_loop=loop, answer=answer, serve=serve)
        server.open()
        for close in (loop.close, server.close, hub.close):
            stack.callback(close)
        return House(hub, port, clock, stack.enter_context(ExitStack()))

    with stack:
        yield open_one


def test_a_frame_published_while_a_viewer_sits_down_comes_once(
    open_house: Callable[..., House], make_state: MakeState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its seat and its greeting another thread may publish: that frame is the greeting, and not sent again."""
    house = open_house()
    hello = stream.encode_hello

    def published_meanwhile(options: stream.StreamOptions) -> str:
        house.hub.publish(make_state(seq=1))
        return hello(options)

    monkeypatch.setattr(stream, "encode_hello", published_meanwhile)
    viewer = house.watch()
    first = stream.decode_json(str(viewer.recv(timeout=DEADLINE_S)))
    house.hub.publish(make_state(seq=2))
    second = stream.decode_json(str(viewer.recv(timeout=DEADLINE_S)))

    assert (1, 2) == (first.seq, second.seq)


def test_frames_reach_every_viewer_in_its_own_format(open_house: Callable[..., House], make_state: MakeState) -> None:
    """One publish; JSON, binary and mirrored viewers each get theirs, with the time since capture as latency."""
    house = open_house()
    text, binary, mirrored = house.watch(), house.watch("format=binary&landmarks=1"), house.watch("mirror=1")
    house.clock.now = 50.25

    house.hub.publish(make_state(weights={"eyeBlinkLeft": 1.0}, yaw=10, seq=3, t=50.0, landmarks=LANDMARKS))

    seen = stream.decode_json(str(text.recv(timeout=DEADLINE_S)))
    assert (seen.seq, seen.latency_ms, seen.weights[0], seen.weights[7]) == (3, 250.0, 1.0, 0.0)
    data = binary.recv(timeout=DEADLINE_S)
    assert isinstance(data, bytes)
    assert stream.decode_binary(data).landmarks is not None
    flipped = stream.decode_json(str(mirrored.recv(timeout=DEADLINE_S)))
    assert (flipped.weights[0], flipped.weights[7]) == (0.0, 1.0)
    assert flipped.yaw_pitch_roll_deg is not None
    assert flipped.yaw_pitch_roll_deg[0] == pytest.approx(-10.0)


def test_newcomer_gets_the_newest_frame_at_once(open_house: Callable[..., House], make_state: MakeState) -> None:
    """A page that opens while the camera is paused is not empty."""
    house = open_house()
    for seq in range(3):
        house.hub.publish(make_state(seq=seq))

    assert stream.decode_json(str(house.watch().recv(timeout=DEADLINE_S))).seq == 2


def test_viewer_gets_only_the_subject_it_follows(open_house: Callable[..., House], make_state: MakeState) -> None:
    """Subject 0 unless it asks for another, or for all."""
    house = open_house()
    first, second, every = house.watch(), house.watch("subject=1"), house.watch("subject=all")

    house.hub.publish(make_state(subject=1, seq=1))
    assert stream.decode_json(str(every.recv(timeout=DEADLINE_S))).subject == 1
    house.hub.publish(make_state(subject=0, seq=2))

    assert stream.decode_json(str(first.recv(timeout=DEADLINE_S))).subject == 0
    assert stream.decode_json(str(second.recv(timeout=DEADLINE_S))).subject == 1
    assert stream.decode_json(str(every.recv(timeout=DEADLINE_S))).subject == 0


def test_fps_limit_thins_the_stream_evenly(open_house: Callable[..., House], make_state: MakeState) -> None:
    """Of a second at 30 a viewer that asks for 10 gets every third frame."""
    house = open_house()
    limited, full = house.watch("fps=10"), house.watch()
    for seq in range(30):
        house.clock.now = 100.0 + seq / 30
        house.hub.publish(make_state(seq=seq))
        full.recv(timeout=DEADLINE_S)  # so that every frame has been handed out
    house.clock.now = 200.0
    house.hub.publish(make_state(seq=99))

    got: list[int] = []
    while not got or got[-1] != 99:
        got.append(stream.decode_json(str(limited.recv(timeout=DEADLINE_S))).seq)

    assert got == [*range(0, 30, 3), 99]


def test_viewer_that_does_not_read_is_dropped_and_slows_nobody(open_house: Callable[..., House], make_state: MakeState) -> None:
    """The healthy one gets every single frame; the stuck one skips, then is cut off; the count tells."""
    house = open_house(stall_s=0.3)
    healthy = house.watch("format=binary")
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", house.port))
        stuck.sendall(HANDSHAKE % house.port)
        wait_for(lambda: house.hub.viewers == 2)
        seq, deadline = 0, time.monotonic() + DEADLINE_S
        while house.hub.status().dropped == 0:
            assert time.monotonic() < deadline, "the stuck viewer was never dropped"
            house.hub.publish(make_state(seq=seq, landmarks=LANDMARKS))
            data = healthy.recv(timeout=DEADLINE_S)
            assert isinstance(data, bytes)
            assert stream.decode_binary(data).seq == seq
            seq += 1

    status = house.hub.status()
    assert (status.viewers, status.dropped) == (1, 1)
    assert status.skipped > 0


def test_viewers_beyond_the_limit_are_turned_away(open_house: Callable[..., House]) -> None:
    """With a WebSocket close that says so, and without a seat."""
    house = open_house(max_viewers=1)
    house.watch()

    opening = connect(f"ws://127.0.0.1:{house.port}/", compression=None, proxy=None)
    with opening as late, pytest.raises(ConnectionClosed) as closed:
        late.recv(timeout=DEADLINE_S)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013
    assert house.hub.viewers == 1


def test_viewer_that_talks_is_sent_away(open_house: Callable[..., House]) -> None:
    """The stream takes no messages; a few are overlooked."""
    viewer = open_house().watch()

    for _ in range(17):
        viewer.send("hello?")
    with pytest.raises(ConnectionClosed) as closed:
        viewer.recv(timeout=DEADLINE_S)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_leaving_frees_the_seat(open_house: Callable[..., House], make_state: MakeState) -> None:
    """And publishing goes on without anybody."""
    house = open_house()
    house.watch().close()
    wait_for(lambda: house.hub.viewers == 0)

    house.hub.publish(make_state())

    assert house.hub.status().sent == 1  # the hello


def test_publishing_without_viewers_never_touches_the_loop(make_state: MakeState) -> None:
    """Nobody watching: not even the network thread is started."""
    loop = EventLoopThread()
    hub = StreamHub(loop)

    hub.publish(make_state())

    assert not [thread for thread in threading.enumerate() if thread.name == "bridge-net"]
    loop.close()


def test_closing_does_not_wait_for_a_stuck_viewer(open_house: Callable[..., House], make_state: MakeState) -> None:
    """The hub cuts it off; the server then has nobody to say goodbye to."""
    house = open_house(stall_s=600.0)
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", house.port))
        stuck.sendall(HANDSHAKE % house.port)
        wait_for(lambda: house.hub.viewers == 1)
        seq, deadline = 0, time.monotonic() + DEADLINE_S
        while house.hub.status().skipped == 0:
            assert time.monotonic() < deadline, "the viewer never got stuck"
            house.hub.publish(make_state(seq=seq, landmarks=LANDMARKS))
            seq += 1
        house.hub.close()
        wait_for(lambda: house.hub.viewers == 0)
