"""OSCQuery's server under clients that do as they like, and its client before servers that do."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from bridge.outputs import oscquery_http
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.oscquery_http import HttpFailed, OscQueryServer, get
from bridge.wire.oscquery import AVATAR_CHANGE, MAX_TEXT_CHARACTERS, HostInfo, OscQueryRoot

DEADLINE_S = 30.0


@pytest.fixture
def loop() -> Iterator[EventLoopThread]:
    """A loop of the test's own."""
    made = EventLoopThread()
    yield made
    made.close()


@pytest.fixture
def server(loop: EventLoopThread) -> Iterator[OscQueryServer]:
    """Open at 127.0.0.1."""
    made = OscQueryServer(OscQueryRoot(HostInfo(name="avatar-bridge", osc_ip=None, osc_port=9001), [AVATAR_CHANGE]))
    loop.run(made.open("127.0.0.1"), DEADLINE_S)
    yield made
    loop.run(made.close(), DEADLINE_S)


def talk(port: int, request: bytes) -> bytes:
    """All that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as line:
        received = b""
        with contextlib.suppress(ConnectionError):
            line.sendall(request)
            while data := line.recv(65536):
                received += data
        return received


def status_of(port: int, request: bytes) -> int:
    first = talk(port, request).split(b"\r\n")[0]
    return int(first.split(b" ")[1]) if first else 0


def asked(port: int, target: str) -> tuple[int, str, str]:
    """Status, content type and body, by the standard library's client."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status, response.headers.get("Content-Type", ""), response.read().decode()
    finally:
        connection.close()


# --- the server ------------------------------------------------------------------------------------------------------


def test_a_node_comes_as_json(server: OscQueryServer) -> None:
    """With its type, in one piece."""
    status, content_type, body = asked(server.port, "/avatar/change")

    assert (200, "application/json") == (status, content_type)
    assert "/avatar/change" == json.loads(body)["FULL_PATH"]


def test_what_is_not_there_has_a_status(server: OscQueryServer) -> None:
    """404 and 400 with a sentence, 204 with nothing at all."""
    assert (404, "text/plain; charset=utf-8") == asked(server.port, "/elsewhere")[:2]
    assert (400, "text/plain; charset=utf-8") == asked(server.port, "/avatar?NONSENSE")[:2]
    assert (204, "", "") == asked(server.port, "/avatar/change?VALUE")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", 200),
        ("GET / HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nHost: example.org:{port}\r\n\r\n", 403),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", 403),
        ("GET / HTTP/1.1\r\n\r\n", 403),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://example.org\r\n\r\n", 403),
        ("POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", 405),
        ("GET /\r\n\r\n", 400),
        ("GET / SPDY/3\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        ("\xff\xfe\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n" + "A: b\r\n" * 200 + "\r\n", 400),
        ("GET /" + "a" * 3000 + " HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", 400),
        ("GET /" + "a" * 20000 + " HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", 0),
        ("GET /", 0),
    ],
)
def test_every_request_is_checked(
    server: OscQueryServer, request_text: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Host, Origin, method, size; a head that is too long or never ends gets nothing. The next client is served."""
    monkeypatch.setattr(oscquery_http, "REQUEST_TIMEOUT_S", 1.0)

    assert status == status_of(server.port, request_text.format(port=server.port).encode("latin-1"))
    assert 200 == asked(server.port, "/")[0]


def test_many_who_say_nothing_are_bounded(server: OscQueryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes when the limit is reached is hung up on at once, not only when its time is over."""
    monkeypatch.setattr(oscquery_http, "REQUEST_TIMEOUT_S", 10 * DEADLINE_S)
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_S))
            for _ in range(oscquery_http.MAX_CONNECTIONS + 5)
        ]
        for line in silent[oscquery_http.MAX_CONNECTIONS :]:
            with contextlib.suppress(ConnectionResetError):
                assert b"" == line.recv(1)


def test_closing_hangs_up(loop: EventLoopThread, server: OscQueryServer) -> None:
    """On who is connected; twice is once."""
    port = server.port
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as line:
        line.sendall(b"GET /")
        assert 200 == asked(port, "/")[0]  # the one before was accepted, then
        loop.run(server.close(), DEADLINE_S)
        with contextlib.suppress(ConnectionError):
            assert b"" == line.recv(1)
    loop.run(server.close(), DEADLINE_S)

    assert 0 == server.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)


# --- the client ------------------------------------------------------------------------------------------------------


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], int]]:
    """``answering(bytes)`` is the port of a server that sends them to its one client and hangs up."""
    threads: list[threading.Thread] = []

    def start(answer: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(DEADLINE_S)

        def serve() -> None:
            with listener, contextlib.suppress(OSError):
                line, _ = listener.accept()
                with line:
                    line.settimeout(DEADLINE_S)
                    received = b""
                    while b"\r\n\r\n" not in received:
                        received += line.recv(65536)
                    line.sendall(answer)

        thread = threading.Thread(target=serve, name="bridge-test-answering")
        thread.start()
        threads.append(thread)
        return int(listener.getsockname()[1])

    yield start
    for thread in threads:
        thread.join(DEADLINE_S)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{} and more", "{}"),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", "{}"),
        (b"HTTP/1.1 200\r\n\r\n{}", "{}"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n", "{}"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff{}", "�{}"),
    ],
)
def test_a_body_is_read(loop: EventLoopThread, answering: Callable[[bytes], int], answer: bytes, body: str) -> None:
    """By length, in chunks, or until the end: .NET sends chunks where it was told no length."""
    assert body == loop.run(get("127.0.0.1", answering(answer), "/"), DEADLINE_S)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "something else than HTTP"),
        (b"nonsense", "something else than HTTP"),
        (b"nonsense\r\n\r\n", "something else than HTTP"),
        (b"SPDY/3 200 OK\r\n\r\n{}", "something else than HTTP"),
        (b"HTTP/1.1 4O4 Oh\r\n\r\n", "something else than HTTP"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answered 404"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\nContent-Length: 0\r\n\r\n", "answered 302"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", "something else than HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}", "more than"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{}" % (MAX_TEXT_CHARACTERS + 1), "more than"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (MAX_TEXT_CHARACTERS + 1), "more than"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", "more than"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "something else than HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n", "something else than HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: " + b"b" * 20000, "something else than HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "something else than HTTP"),
    ],
)
def test_what_is_no_answer_is_one_sentence(
    loop: EventLoopThread, answering: Callable[[bytes], int], answer: bytes, why: str
) -> None:
    """Nothing is followed, nothing without bound is read."""
    with pytest.raises(HttpFailed, match=f"http://127.0.0.1:.*{why}") as failed:
        loop.run(get("127.0.0.1", answering(answer), "/"), DEADLINE_S)

    status = re.search(r"answered (\d+)", str(failed.value))
    assert (None if status is None else int(status[1])) == failed.value.status


def test_nobody_there_is_one_sentence(loop: EventLoopThread, free_tcp_port: int) -> None:
    """Refused."""
    with pytest.raises(HttpFailed, match="cannot be reached"):
        loop.run(get("127.0.0.1", free_tcp_port, "/"), DEADLINE_S)


def test_silence_is_one_sentence(loop: EventLoopThread) -> None:
    """A server that accepts and says nothing costs the time limit, not more."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(HttpFailed, match=r"did not answer within 0\.2 s"),
    ):
        loop.run(get("127.0.0.1", listener.getsockname()[1], "/", timeout_s=0.2), DEADLINE_S)
