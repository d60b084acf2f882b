"""The guarded port under clients that say nothing, say nonsense, or hang."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.asyncio.server import ServerConnection

from bridge.errors import OutputUnavailable
from bridge.outputs import web_server
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.web_server import WebResponse, WebServer, sentence
from bridge.wire.web import WebGate, WebRequest

DEADLINE_S = 20.0
MakeServer = Callable[[], WebServer]


async def answer(request: WebRequest) -> WebResponse | None:
    """Big enough to need several writes."""
    return WebResponse(body=b"x" * 3_000_000) if request.path == "/big" else sentence(200, "fine")


async def serve(_connection: ServerConnection, _request: WebRequest) -> None:
    """Nobody gets here."""


@pytest.fixture
def server(free_tcp_port: int) -> Iterator[WebServer]:
    """Open, on ``free_tcp_port``."""
    loop = EventLoopThread()
    made = WebServer(WebGate(host="127.0.0.1", port=free_tcp_port), event_loop=loop, answer=answer, serve=serve)
    made.open()
    yield made
    made.close()
    loop.close()


def talk(port: int, request: bytes) -> bytes:
    """All that comes back until the server hangs up; empty when it just does."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as line:
        line.sendall(request)
        received = b""
        try:
            while data := line.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        return received


def fine(port: int) -> bool:
    """Whether a proper request is answered."""
    return talk(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port).endswith(b"fine\n")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\r\n\r\n", b"\x16\x03\x01\x02\n\n", b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G" * 20_000, b"GET " + b"/" * 20_000,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 500 + b"\r\n", b"GET / HTTP/1.1\r\nHost\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)  # fmt: skip
@pytest.mark.usefixtures("server")
def test_nonsense_is_hung_up_on_and_harms_nobody(free_tcp_port: int, nonsense: bytes) -> None:
    """No answer with content, and the next client is served."""
    assert b"fine" not in talk(free_tcp_port, nonsense)
    assert fine(free_tcp_port)


@pytest.mark.usefixtures("server")
def test_large_answer_arrives_whole(free_tcp_port: int) -> None:
    """Although a write is through only when the system has taken all of it."""
    received = talk(free_tcp_port, b"GET /big HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % free_tcp_port)

    assert len(received.partition(b"\r\n\r\n")[2]) == 3_000_000


def test_close_does_not_wait_for_those_who_say_nothing(server: WebServer, free_tcp_port: int) -> None:
    """A client that connected and sent half a request is cut off."""
    with socket.create_connection(("127.0.0.1", free_tcp_port), timeout=DEADLINE_S) as silent:
        silent.sendall(b"GET / HT")
        assert fine(free_tcp_port)  # so the silent one has been accepted
        began = time.monotonic()
        server.close()
        elapsed_s = time.monotonic() - began
        try:
            rest = silent.recv(1)
        except ConnectionResetError:
            rest = b""

    assert rest == b""
    assert elapsed_s < web_server.OPEN_TIMEOUT_S


@pytest.mark.usefixtures("server")
def test_connections_beyond_the_limit_are_closed_at_once(free_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And as soon as one is free the next is served."""
    monkeypatch.setattr(web_server, "MAX_CONNECTIONS", 1)
    with socket.create_connection(("127.0.0.1", free_tcp_port), timeout=DEADLINE_S):
        assert not fine(free_tcp_port)

    deadline = time.monotonic() + DEADLINE_S
    while not fine(free_tcp_port):
        assert time.monotonic() < deadline


def test_unknown_host_is_named() -> None:
    """Names under .invalid never resolve (RFC 2606)."""
    loop = EventLoopThread()
    lost = WebServer(WebGate(host="no.such.host.invalid", port=8722), event_loop=loop, answer=answer, serve=serve)
    try:
        with pytest.raises(OutputUnavailable, match=r"no\.such\.host\.invalid:8722"):
            lost.open()
    finally:
        loop.close()
