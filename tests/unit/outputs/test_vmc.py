"""``vmc://``: every option of the URL has its effect on what arrives."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from bridge.errors import ConfigError
from bridge.outputs.registry import OutputContext, create_output, parse_output
from bridge.settings import OutputSettings
from bridge.types import FaceState
from bridge.wire.osc import Message, messages

DEADLINE_S = 20.0
Send = Callable[..., list[Message]]


@pytest.fixture
def send(make_state: Callable[..., FaceState]) -> Iterator[Send]:
    """Sends states to a loopback socket through the output of a URL's query; the messages that arrived."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(DEADLINE_S)
        port = receiver.getsockname()[1]

        def run(query: str, last: str = "/VMC/Ext/T") -> list[Message]:
            plan = parse_output(OutputSettings(url=f"vmc://:{port}?{query}"))
            output = create_output(plan, OutputContext())
            output.open()
            output.send(make_state(weights={"jawOpen": 0.5, "mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}, yaw=20))
            output.close()
            arrived: list[Message] = []
            while not arrived or arrived[-1].address != last:
                arrived += messages(receiver.recv(65536))
            return arrived

        yield run


def _named(sent: list[Message], address: str) -> dict[object, tuple[object, ...]]:
    return {each.arguments[0]: each.arguments[1:] for each in sent if each.address == f"/VMC/Ext/{address}"}


def test_target(send: Send) -> None:
    """An Assistant has no root, and ends with Apply."""
    sent = send("target=assistant", last="/VMC/Ext/Blend/Apply")

    assert "/VMC/Ext/Set/Eye" == sent[0].address


@pytest.mark.parametrize(
    ("names", "jaw"), [("pascal", "JawOpen"), ("camel", "jawOpen"), ("both", "jawOpen"), ("vrm0", "A"), ("vrm1", "aa")]
)
def test_names(send: Send, names: str, jaw: str) -> None:
    """The spelling asked for is there."""
    assert jaw in _named(send(f"names={names}"), "Blend/Val")


def test_eyes_and_bones(send: Send) -> None:
    """Left out when asked."""
    assert "LeftEye" not in _named(send("eyes=off"), "Bone/Pos")
    assert "LookUp" in _named(send("eyes=expressions&names=vrm0"), "Blend/Val")
    assert {} == _named(send("bones=0"), "Bone/Pos")


def test_trunk(send: Send) -> None:
    """spine and chest turn along; together with the neck they are at most the whole."""
    bones = _named(send("spine=0.2&chest=0.3&neck=0.5"), "Bone/Pos")
    assert (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0) == bones["Head"]
    assert bones["Spine"] != bones["Chest"] != bones["Neck"]
    with pytest.raises(ConfigError, match="neck, chest and spine share the head's rotation"):
        send("neck=0.6&chest=0.5")


def test_neck(send: Send) -> None:
    """neck=0 leaves it straight."""
    assert (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0) == _named(send("neck=0"), "Bone/Pos")["Neck"]


def test_position(send: Send) -> None:
    """The root stands where the head is."""
    assert -0.5 == _named(send("position=1"), "Root/Pos")["root"][2]


def test_ok(send: Send) -> None:
    """One number, or four."""
    assert ["i", "iiii"] == [each.tags for query in ("ok=1", "ok=4") for each in send(query) if each.address == "/VMC/Ext/OK"]


def test_lipsync_and_emotions(send: Send) -> None:
    """VMagicMirror's formula knows no E; a smile is Joy only when emotions are wanted."""
    default, other = (_named(send(query), "Blend/Val") for query in ("names=vrm0", "names=vrm0&lipsync=vmagicmirror&emotions=1"))

    assert (True, (0.0,)) == (default["E"] > (0.0,), other["E"])
    assert ((0.0,), (1.0,)) == (default["Joy"], other["Joy"])


@pytest.mark.parametrize(("query", "datagrams"), [("", 3), ("bundle=0", 64), ("max_bytes=9000", 2)])
def test_bundles(query: str, datagrams: int, make_state: Callable[..., FaceState]) -> None:
    """bundle and max_bytes decide how many datagrams a frame is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(DEADLINE_S)
        output = create_output(parse_output(OutputSettings(url=f"vmc://:{receiver.getsockname()[1]}?{query}")), OutputContext())
        output.open()
        output.send(make_state())
        output.close()
        count, last = 0, ""
        while last != "/VMC/Ext/T":
            last = messages(receiver.recv(65536))[-1].address
            count += 1

    assert datagrams == count
