"""``osc://``: every option of the URL has its effect on what arrives."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from bridge.outputs.registry import OutputContext, create_output, parse_output
from bridge.settings import OutputSettings
from bridge.types import FaceState
from bridge.wire.osc import Message, messages

DEADLINE_S = 20.0
Send = Callable[..., list[Message]]


@pytest.fixture
def send(make_state: Callable[..., FaceState]) -> Iterator[Send]:
    """Sends one state twice to a loopback socket through the output of a URL's query; the messages of each, in datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(DEADLINE_S)
        port = receiver.getsockname()[1]

        def run(query: str) -> list[Message]:
            output = create_output(parse_output(OutputSettings(url=f"osc://:{port}?{query}")), OutputContext())
            output.open()
            output.send(make_state(weights={"jawOpen": 0.5}, yaw=20, t=1.0))
            output.send(make_state(weights={"jawOpen": 0.5}, yaw=20, t=1.1))
            output.close()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closing:
                closing.sendto(b"/end", ("127.0.0.1", port))
            arrived: list[Message] = []
            while True:
                data = receiver.recv(65536)
                if data == b"/end":
                    return arrived
                arrived += messages(data)

        yield run


def _addresses(sent: list[Message]) -> set[str]:
    return {each.address for each in sent}


def test_preset(send: Send) -> None:
    """Other programs' addresses."""
    assert "/jawOpen" in _addresses(send(""))
    assert "/W" in _addresses(send("preset=facecap"))
    assert "/phiz/blendshapes" in _addresses(send("preset=phiz"))


def test_addresses(send: Send) -> None:
    """Template, prefix and spelling; a prefix may end with a slash."""
    assert "/a/face/JawOpen" in _addresses(send("address=/face/{name}&prefix=/a/&names=pascal"))


@pytest.mark.parametrize("part", ["head", "gaze", "presence"])
def test_parts(send: Send, part: str) -> None:
    """Each can be left out."""
    assert not any(address.startswith(f"/{part}") for address in _addresses(send(f"{part}=0")))


def test_space(send: Send) -> None:
    """The own left is positive here and negative in Unity."""
    yaw = [next(each.arguments[0] for each in send(query) if each.address == "/head/euler") for query in ("", "space=unity")]

    assert [pytest.approx(20.0), pytest.approx(-20.0)] == yaw


def test_on_change(send: Send) -> None:
    """The same state again is not sent; by default it is."""
    assert [116, 58] == [len(send(query)) for query in ("", "on_change=1")]


def test_epsilon(send: Send) -> None:
    """What moved less is not sent either, but the first frame is complete."""
    assert 58 == len(send("on_change=1&epsilon=1"))
