"""The control port over real sockets: what it serves, to whom, and what it says when it cannot."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bridge.control.client import ControlClient
from bridge.control.server import ControlServer
from bridge.errors import AlreadyRunning, ConfigError, ControlError, OutputUnavailable
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.stream_hub import StreamHub
from bridge.settings import ControlSettings
from bridge.types import FaceState

DEADLINE_S = 20.0
WEB = Path(__file__).parents[3] / "bridge" / "control" / "web"


class Bridge:
    """Stands in for the runtime: answers, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.release = threading.Event()
        self.entered = threading.Event()

    def status(self) -> dict[str, object]:
        return {"name": "avatar-bridge", "pid": 4711, "state": "running", "fps": float("nan")}

    def metrics(self) -> bytes:
        return b"avatar_bridge_fps 30.0\n"

    def command(self, method: str, params: dict[str, object]) -> object:
        self.asked.append((method, params))
        match method:
            case "echo":
                return params
            case "block":
                self.entered.set()
                self.release.wait(DEADLINE_S)
                return "done"
            case "unavailable":
                raise OutputUnavailable("nobody there")
            case "bug":
                raise ZeroDivisionError
        raise ControlError(f"unknown method {method!r}")


@pytest.fixture
def bridge() -> Bridge:
    """The runtime behind the server."""
    return Bridge()


@pytest.fixture
def serve(bridge: Bridge) -> Iterator[Callable[[ControlSettings], StreamHub]]:
    """Starts a server; stops all at the end."""
    with ExitStack() as stack:

        def start(settings: ControlSettings) -> StreamHub:
            loop = EventLoopThread()
            stack.callback(loop.close)
            hub = StreamHub(loop)
            server = ControlServer(
                settings, hub=hub, event_loop=loop, status=bridge.status, commands=bridge.command, metrics=bridge.metrics
            )
            server.start()
            stack.callback(server.close)
            stack.callback(hub.close)
            return hub

        yield start


@pytest.fixture
def port(serve: Callable[[ControlSettings], StreamHub], free_tcp_port: int) -> int:
    """A running server's port, on loopback, without a token."""
    serve(ControlSettings(port=free_tcp_port))
    return free_tcp_port


def get(
    port: int, path: str = "/", *, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Status, headers, body. The path is sent as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def open_control(port: int, query: str = "") -> ClientConnection:
    """The control WebSocket, as a context manager."""
    return connect(f"ws://127.0.0.1:{port}/api/v1/control{query}", compression=None, proxy=None)


def ask(line: ClientConnection, message: str | bytes) -> dict[str, object]:
    """The reply to one message."""
    line.send(message)
    reply = json.loads(line.recv(timeout=DEADLINE_S))
    assert isinstance(reply, dict)
    return reply


# --- plain GETs ------------------------------------------------------------------------------------------------------


def test_every_file_of_the_page_is_served_as_what_it_is(port: int) -> None:
    """The page and the overlay under their short names, the rest under /web/."""
    types = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
    for file in WEB.iterdir():
        path = {"index.html": "/", "overlay.html": "/overlay"}.get(file.name, f"/web/{file.name}")

        status, headers, body = get(port, path)

        assert (status, body) == (200, file.read_bytes())
        assert headers["Content-Type"] == types.get(file.suffix, "text/html; charset=utf-8")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]


def test_health_state_and_metrics(port: int) -> None:
    """Who runs, what it does, and the same for Prometheus; never cached."""
    health, state, metrics = (get(port, path) for path in ("/healthz", "/api/v1/state", "/metrics"))

    assert json.loads(health[2]) == {"name": "avatar-bridge", "version": "0.1.0", "pid": 4711, "state": "running"}
    assert json.loads(state[2]) == {"name": "avatar-bridge", "pid": 4711, "state": "running", "fps": None}
    assert metrics[2] == b"avatar_bridge_fps 30.0\n"
    assert {answer[1]["Cache-Control"] for answer in (health, state, metrics)} == {"no-store"}


@pytest.mark.parametrize(
    "path",
    ["/web/../server.py", "/web/..%2fserver.py", "/web/", "/web", "/web/index.html", "//", "/etc/passwd", "/web/%2e%2e/server.py",
     "/overlay/", "/web/app.js/", "/web\\app.js"],
)  # fmt: skip
def test_nothing_else_of_the_disk_can_be_asked_for(port: int, path: str) -> None:
    """An exact list; there is no path to walk."""
    assert get(port, path)[0] == 404


@pytest.mark.parametrize("path", ["/", "/overlay", "/web/app.js", "/healthz", "/metrics", "/api/v1/state", "/nothing"])
def test_foreign_host_and_origin_are_refused_everywhere(port: int, path: str) -> None:
    """Before anything else is looked at."""
    foreign_host = get(port, path, headers={"Host": f"evil.example:{port}"})
    foreign_origin = get(port, path, headers={"Origin": "http://evil.example"})

    assert (foreign_host[0], foreign_origin[0]) == (403, 403)
    assert b"refuses the Host" in foreign_host[2]
    assert b"refuses the Origin" in foreign_origin[2]


@pytest.mark.parametrize("path", ["stream", "control"])
def test_foreign_origin_gets_no_websocket(port: int, path: str) -> None:
    """Browsers let every page open WebSockets to this machine: the server must say no."""
    address, headers = f"ws://127.0.0.1:{port}/api/v1/{path}", {"Origin": "http://evil.example"}
    with pytest.raises(InvalidStatus) as caught, connect(address, compression=None, proxy=None, additional_headers=headers):
        pass

    assert caught.value.response.status_code == 403


def test_only_get_is_allowed(port: int) -> None:
    """405 with the one that is."""
    status, headers, _ = get(port, "/healthz", method="DELETE")

    assert (status, headers["Allow"]) == (405, "GET")


def test_socket_addresses_say_what_they_are_to_a_plain_get(port: int) -> None:
    """A browser's tab gets a sentence."""
    assert get(port, "/api/v1/stream")[0] == 426


def test_wrong_stream_option_is_named(port: int) -> None:
    """Before the handshake."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    status, _, body = get(port, "/api/v1/stream?format=xml", headers=headers)

    assert (status, b"format=xml" in body) == (400, True)


# --- the stream ------------------------------------------------------------------------------------------------------


def test_stream_carries_what_the_hub_publishes(
    serve: Callable[[ControlSettings], StreamHub], make_state: Callable[..., FaceState], free_tcp_port: int
) -> None:
    """Hello, then the newest frame."""
    hub = serve(ControlSettings(port=free_tcp_port))
    hub.publish(make_state(seq=41))

    with connect(f"ws://127.0.0.1:{free_tcp_port}/api/v1/stream", compression=None, proxy=None) as viewer:
        assert json.loads(viewer.recv(timeout=DEADLINE_S))["type"] == "hello"
        assert json.loads(viewer.recv(timeout=DEADLINE_S))["seq"] == 41


def test_documented_client_runs(
    serve: Callable[[ControlSettings], StreamHub],
    make_state: Callable[..., FaceState],
    free_tcp_port: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The example of docs/stream.md, as it stands there."""
    hub = serve(ControlSettings(port=free_tcp_port))
    hub.publish(make_state(weights={"jawOpen": 0.5}))
    document = (WEB.parents[2] / "docs" / "stream.md").read_text(encoding="utf-8")
    example = document.split("```python\n")[1].split("```")[0]

    exec(example.replace("8722", str(free_tcp_port)), {})

    assert capsys.readouterr().out == "LIVE 0.5\n"


# --- control ---------------------------------------------------------------------------------------------------------


def test_requests_reach_the_runtime_and_come_back(port: int, bridge: Bridge) -> None:
    """With the client's own id."""
    with open_control(port) as line:
        reply = ask(line, '{"id":"x","method":"echo","params":{"a":1}}')

    assert reply == {"id": "x", "result": {"a": 1}}
    assert bridge.asked == [("echo", {"a": 1})]


@pytest.mark.parametrize(
    ("message", "expected_id", "code"),
    [
        ("nonsense", None, "BadRequest"), (b"\x00", None, "BadRequest"), ('{"id":1}', 1, "BadRequest"),
        ('{"id":1,"method":"unavailable"}', 1, "OutputUnavailable"), ('{"id":1,"method":"nope"}', 1, "ControlError"),
        ('{"id":1,"method":"bug"}', 1, "Internal"), ('{"id":1,"method":"subscribe","params":{"events":["x"]}}', 1, "BadRequest"),
    ],
)  # fmt: skip
def test_errors_come_back_as_replies_and_the_line_stays_open(
    port: int, message: str | bytes, expected_id: int | None, code: str
) -> None:
    """Nothing a client sends ends anything but its own request."""
    with open_control(port) as line:
        reply = ask(line, message)
        assert ask(line, '{"id":2,"method":"echo"}') == {"id": 2, "result": {}}

    error = reply["error"]
    assert isinstance(error, dict)
    assert (reply["id"], error["code"]) == (expected_id, code)


def test_slow_command_holds_up_nobody_else(port: int, bridge: Bridge) -> None:
    """The loop never waits for the runtime."""
    with open_control(port) as slow, open_control(port) as quick:
        slow.send('{"id":1,"method":"block"}')
        assert bridge.entered.wait(DEADLINE_S)

        assert ask(quick, '{"id":2,"method":"echo"}') == {"id": 2, "result": {}}
        bridge.release.set()
        assert json.loads(slow.recv(timeout=DEADLINE_S)) == {"id": 1, "result": "done"}


def test_subscribers_are_told_the_status_again_and_again(port: int) -> None:
    """Once at first, then every second."""
    with open_control(port) as line:
        assert ask(line, '{"id":1,"method":"subscribe"}') == {"id": 1, "result": {"events": ["status"], "period_s": 1.0}}
        events = [json.loads(line.recv(timeout=DEADLINE_S)) for _ in range(2)]
        assert ask(line, '{"id":2,"method":"unsubscribe"}')["id"] == 2

    assert [event["event"] for event in events] == ["status", "status"]
    assert events[0]["data"]["pid"] == 4711


def test_oversized_message_ends_only_its_own_connection(port: int) -> None:
    """Close code 1009, and the server goes on."""
    with open_control(port) as line:
        line.send("x" * 300_000)
        assert [*line_until_closed(line)] == []
        assert line.close_code == 1009

    assert get(port, "/healthz")[0] == 200


def line_until_closed(line: ClientConnection) -> Iterator[str | bytes]:
    """What still comes."""
    from websockets.exceptions import ConnectionClosed

    try:
        yield from line
    except ConnectionClosed:
        return


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_beyond_loopback_without_a_token_is_refused_at_the_start(
    serve: Callable[[ControlSettings], StreamHub], free_tcp_port: int
) -> None:
    """A configuration error, before anything listens."""
    with pytest.raises(ConfigError, match=r"control\.token"):
        serve(ControlSettings(host="0.0.0.0", port=free_tcp_port))


def test_token_is_demanded_of_everybody(serve: Callable[[ControlSettings], StreamHub], free_tcp_port: int) -> None:
    """Page, API and sockets alike; a page opened with it gets a cookie for the rest."""
    serve(ControlSettings(host="0.0.0.0", port=free_tcp_port, token="secret"))

    assert {get(free_tcp_port, path)[0] for path in ("/", "/healthz", "/metrics", "/api/v1/state", "/web/app.js")} == {401}
    with pytest.raises(InvalidStatus), open_control(free_tcp_port):
        pass
    status, headers, _ = get(free_tcp_port, "/?token=secret")
    assert status == 200
    cookie = headers["Set-Cookie"].split(";")[0]
    assert get(free_tcp_port, "/web/app.js", headers={"Cookie": cookie})[0] == 200
    with ControlClient("0.0.0.0", free_tcp_port, "secret") as client:
        assert client.call("echo", {"a": 1}) == {"a": 1}


# --- the port --------------------------------------------------------------------------------------------------------


def test_second_bridge_learns_of_the_first(serve: Callable[[ControlSettings], StreamHub], port: int) -> None:
    """Its pid, and two ways out."""
    with pytest.raises(AlreadyRunning) as caught:
        serve(ControlSettings(port=port))

    assert str(caught.value) == (
        f"avatar-bridge is already running (pid 4711) on 127.0.0.1:{port}; stop it with `avatar-bridge stop`, "
        "or choose another port with --set control.port=..."
    )


def test_second_bridge_learns_of_the_first_behind_a_token(
    serve: Callable[[ControlSettings], StreamHub], free_tcp_port: int
) -> None:
    """Even when the tokens differ."""
    serve(ControlSettings(port=free_tcp_port, token="one"))

    with pytest.raises(AlreadyRunning, match="already running on"):
        serve(ControlSettings(port=free_tcp_port, token="other"))


def test_port_of_another_program_is_named_with_the_remedy(
    serve: Callable[[ControlSettings], StreamHub], free_tcp_port: int
) -> None:
    """It may answer nothing at all."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_tcp_port))
        other.listen()
        with pytest.raises(ControlError, match=rf"127\.0\.0\.1:{free_tcp_port} is in use.*--set control\.port="):
            serve(ControlSettings(port=free_tcp_port))


def test_address_of_another_machine_is_named(serve: Callable[[ControlSettings], StreamHub], free_tcp_port: int) -> None:
    """192.0.2.1 is nobody's (RFC 5737)."""
    with pytest.raises(ControlError, match=r"192\.0\.2\.1:\d+ is not an address of this machine"):
        serve(ControlSettings(host="192.0.2.1", port=free_tcp_port, token="x"))
