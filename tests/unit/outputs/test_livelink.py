"""``livelink://``: every option of the URL has its effect on what PyLiveLinkFace reads."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from pylivelinkface import FaceBlendShape, PyLiveLinkFace

from bridge.errors import ConfigError
from bridge.outputs.registry import OutputContext, create_output, parse_output
from bridge.settings import OutputSettings
from bridge.types import FaceState, Presence

DEADLINE_S = 20.0
Send = Callable[..., tuple[bool, PyLiveLinkFace]]


@pytest.fixture
def send(make_state: Callable[..., FaceState]) -> Iterator[Send]:
    """Sends one state through the output of a URL's query; what arrived."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(DEADLINE_S)
        port = receiver.getsockname()[1]

        def run(query: str, presence: Presence = Presence.LIVE) -> tuple[bool, PyLiveLinkFace]:
            output = create_output(parse_output(OutputSettings(url=f"livelink://:{port}?{query}")), OutputContext())
            output.open()
            output.send(make_state(weights={"mouthLeft": 0.5}, yaw=20, t=2.0, presence=presence))
            output.close()
            found, packet = PyLiveLinkFace.decode(receiver.recv(65536))
            return found, packet

        yield run


def test_defaults(send: Send) -> None:
    """ "Face" at 60 frames a second, the own left negative."""
    _, packet = send("")

    assert ("Face", 60, 120) == (packet.name, packet.fps, packet._frames)
    assert (0.5, 0.0) == (packet.get_blendshape(FaceBlendShape.MouthLeft), packet.get_blendshape(FaceBlendShape.MouthRight))
    assert packet.get_blendshape(FaceBlendShape.HeadYaw) < 0


def test_names_and_rate(send: Send) -> None:
    """Subject, device, frame numbers."""
    _, packet = send("subject_name=Ada%20L.&id=00000000-0000-0000-0000-00000000000f&rate=24")

    assert ("Ada L.", "$00000000-0000-0000-0000-00000000000f", 24, 48) == (packet.name, packet.uuid, packet.fps, packet._frames)


def test_invert(send: Send) -> None:
    """Angles and the mouth."""
    _, packet = send("invert=mouth,yaw")

    assert (0.0, 0.5) == (packet.get_blendshape(FaceBlendShape.MouthLeft), packet.get_blendshape(FaceBlendShape.MouthRight))
    assert packet.get_blendshape(FaceBlendShape.HeadYaw) > 0


@pytest.mark.parametrize(("query", "presence", "expected"), [
    ("", Presence.LOST, True),
    ("absent=short", Presence.LOST, False),
    ("absent=short", Presence.HELD, True),
])  # fmt: skip
def test_absent(send: Send, query: str, presence: Presence, expected: bool) -> None:
    """Whether a lost face has values."""
    assert expected is send(query, presence)[0]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [("id=mp", "36 plain characters"), ("absent=never", "absent"), ("invert=jaw", "invert"), ("subject_name=", "subject_name")],
)
def test_wrong_options(query: str, sentence: str) -> None:
    """One sentence each."""
    with pytest.raises(ConfigError, match=sentence):
        parse_output(OutputSettings(url=f"livelink://?{query}"))
