"""``ws://``: a server of its own, through the registry, as the worker drives it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bridge.errors import ConfigError, OutputUnavailable
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.kinds import OutputContext
from bridge.outputs.registry import parse_output
from bridge.outputs.websocket import WebSocketOutput
from bridge.outputs.worker import Reporting
from bridge.settings import OutputSettings
from bridge.types import FaceState, OutputState
from bridge.wire import stream

DEADLINE_S = 20.0
MakeState = Callable[..., FaceState]
MakeOutput = Callable[[str], WebSocketOutput]


@pytest.fixture
def make_output() -> Iterator[MakeOutput]:
    """An output from its URL; closed at the end."""
    loop = EventLoopThread()
    made: list[WebSocketOutput] = []

    def make(url: str) -> WebSocketOutput:
        plan = parse_output(OutputSettings(url=url))
        output = plan.kind.create(plan, OutputContext(event_loop=loop))
        assert isinstance(output, WebSocketOutput)
        made.append(output)
        return output

    yield make
    for output in made:
        output.close()
    loop.close()


def refused(url: str, **headers: str) -> int:
    """The status with which a viewer is turned away."""
    with pytest.raises(InvalidStatus) as caught, connect(url, compression=None, proxy=None, additional_headers=headers):
        pass
    return caught.value.response.status_code


def test_viewer_gets_hello_and_then_what_is_sent(make_output: MakeOutput, make_state: MakeState, free_tcp_port: int) -> None:
    """On any path, whatever subject the output follows."""
    output = make_output(f"ws://127.0.0.1:{free_tcp_port}?subject=1")
    output.open()
    output.send(make_state(seq=1, subject=1))

    with connect(f"ws://127.0.0.1:{free_tcp_port}/any", compression=None, proxy=None) as viewer:
        assert json.loads(viewer.recv(timeout=DEADLINE_S))["subject"] == "all"
        assert stream.decode_json(str(viewer.recv(timeout=DEADLINE_S))).seq == 1
        output.send(make_state(seq=2, subject=1))
        assert stream.decode_json(str(viewer.recv(timeout=DEADLINE_S))).seq == 2


def test_it_waits_until_somebody_watches(make_output: MakeOutput, free_tcp_port: int) -> None:
    """The state that ``status`` shows."""
    output = make_output(f"ws://127.0.0.1:{free_tcp_port}")
    output.open()
    assert isinstance(output, Reporting)

    before = output.report()
    with connect(f"ws://127.0.0.1:{free_tcp_port}/", compression=None, proxy=None) as viewer:
        viewer.recv(timeout=DEADLINE_S)
        during = output.report()

    assert before is not None
    assert before.state is OutputState.WAITING
    assert during is not None
    assert (during.state, during.note) == (OutputState.SENDING, "1 viewer")


def test_foreign_pages_are_refused_unless_named(make_output: MakeOutput, pick_tcp_port: Callable[[], int]) -> None:
    """A face is nobody's business but that of the pages that the user names."""
    closed, open_to_one = pick_tcp_port(), pick_tcp_port()
    make_output(f"ws://127.0.0.1:{closed}").open()
    make_output(f"ws://127.0.0.1:{open_to_one}?origins=https://pose.example/").open()

    assert refused(f"ws://127.0.0.1:{closed}/", Origin="https://pose.example") == 403
    assert refused(f"ws://127.0.0.1:{open_to_one}/", Origin="https://evil.example") == 403
    headers = {"Origin": "https://pose.example"}
    with connect(f"ws://127.0.0.1:{open_to_one}/", compression=None, proxy=None, additional_headers=headers) as viewer:
        assert "hello" in str(viewer.recv(timeout=DEADLINE_S))


def test_beyond_loopback_a_token_is_demanded(make_output: MakeOutput, free_tcp_port: int) -> None:
    """By the configuration first, then of every viewer."""
    with pytest.raises(ConfigError, match="token"):
        make_output(f"ws://0.0.0.0:{free_tcp_port}")

    make_output(f"ws://0.0.0.0:{free_tcp_port}?token=secret").open()
    assert refused(f"ws://127.0.0.1:{free_tcp_port}/") == 401
    with connect(f"ws://127.0.0.1:{free_tcp_port}/?token=secret", compression=None, proxy=None) as viewer:
        assert "hello" in str(viewer.recv(timeout=DEADLINE_S))


def test_wrong_stream_option_is_answered_with_its_name(make_output: MakeOutput, free_tcp_port: int) -> None:
    """400, before the handshake."""
    make_output(f"ws://127.0.0.1:{free_tcp_port}").open()

    assert refused(f"ws://127.0.0.1:{free_tcp_port}/?format=xml") == 400


def test_port_in_use_is_tried_again_later(make_output: MakeOutput, free_tcp_port: int) -> None:
    """A retryable error that names the place; once the port is free it works."""
    output = make_output(f"ws://127.0.0.1:{free_tcp_port}")
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_tcp_port))
        other.listen()
        with pytest.raises(OutputUnavailable, match=f"127.0.0.1:{free_tcp_port} is in use by another program"):
            output.open()

    output.open()


def test_close_tells_the_viewers_and_can_be_followed_by_open(make_output: MakeOutput, free_tcp_port: int) -> None:
    """As the worker does after a failure."""
    output = make_output(f"ws://127.0.0.1:{free_tcp_port}")
    output.open()
    with connect(f"ws://127.0.0.1:{free_tcp_port}/", compression=None, proxy=None) as viewer:
        viewer.recv(timeout=DEADLINE_S)
        output.close()
        assert [*viewer] == []
        assert viewer.close_code == 1001

    output.close()
    output.open()


def test_landmarks_are_read_only_when_asked_for() -> None:
    """478 points cost time that nobody else wants to spend."""
    assert not parse_output(OutputSettings(url="ws://127.0.0.1:8723")).wants_landmarks
    assert parse_output(OutputSettings(url="ws://127.0.0.1:8723?landmarks=1")).wants_landmarks
