"""``ifacialmocap://`` and ``facemotion3d://``: every option of the URL has its effect on what arrives, unasked and asked."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from bridge.errors import ConfigError
from bridge.outputs.registry import OutputContext, create_output, parse_output
from bridge.outputs.worker import Reporting
from bridge.settings import OutputSettings
from bridge.types import FaceState, Gaze, OutputState
from bridge.wire.ifacialmocap_requests import START_FACEMOTION3D, START_V1, START_V2

DEADLINE_S = 20.0
Ask = Callable[[str, bytes], bytes]


@pytest.fixture
def state(make_state: Callable[..., FaceState]) -> FaceState:
    """A wink of the own left eye, turned to the own left."""
    return make_state(weights={"eyeBlinkLeft": 1.0}, yaw=20, gaze=Gaze(left_deg=(3.0, 4.0), right_deg=(1.0, 2.0)))


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(DEADLINE_S)
        yield opened


def _pushed(url: str, state: FaceState, receiver: socket.socket) -> bytes:
    """The datagram of one state, without a request."""
    url = url.replace("PORT", str(receiver.getsockname()[1]))
    output = create_output(parse_output(OutputSettings(url=url)), OutputContext())
    output.open()
    output.send(state)
    output.close()
    return receiver.recv(65536)


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("", b"trackingStatus-1|eyeBlink_L-100|eyeLookDown_L-0|"),
        ("version=2", b"trackingStatus&1|eyeBlink_L&100|eyeLookDown_L&0|"),
        ("status=0", b"eyeBlink_L-100|eyeLookDown_L-0|"),
        ("swap=1", b"trackingStatus-1|eyeBlink_R-100|eyeLookDown_R-0|"),
    ],
)
def test_options_of_a_frame(query: str, part: bytes, state: FaceState, receiver: socket.socket) -> None:
    """How it begins."""
    assert _pushed(f"ifacialmocap://:PORT?{query}", state, receiver).startswith(part)


@pytest.mark.parametrize(("scheme", "name"), [("ifacialmocap", b"eyeBlink_L-100|"), ("facemotion3d", b"eyeBlinkLeft&100|")])
def test_angles_and_their_inversion(scheme: str, name: bytes, state: FaceState, receiver: socket.socket) -> None:
    """The own left is positive, unless inverted."""
    plain = _pushed(f"{scheme}://:PORT", state, receiver)
    turned = _pushed(f"{scheme}://:PORT?invert=yaw,eye-pitch", state, receiver)

    assert name in plain
    assert plain.endswith(b"|=head#0,20,0,0,0,-0.5|rightEye#2,1,0|leftEye#4,3,0|")
    assert turned.endswith(b"|=head#0,-20,0,0,0,-0.5|rightEye#-2,1,0|leftEye#-4,3,0|")


def test_facemotion3d_swaps_too(state: FaceState, receiver: socket.socket) -> None:
    """Its names are whole words."""
    assert b"|eyeBlinkLeft&0|" in _pushed("facemotion3d://:PORT?swap=1", state, receiver)
    assert _pushed("facemotion3d://:PORT?swap=1", state, receiver).startswith(b"eyeBlinkRight&100|")


def test_reopening_begins_anew(state: FaceState, receiver: socket.socket) -> None:
    """The same state gives the same bytes again: noise is against repeats only."""
    assert _pushed("ifacialmocap://:PORT", state, receiver) == _pushed("ifacialmocap://:PORT", state, receiver)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("ifacialmocap://", ("127.0.0.1", 49983)),
        ("ifacialmocap://?serve=1", ("127.0.0.1", 49983)),
        ("facemotion3d://", ("127.0.0.1", 49983)),
        ("facemotion3d://?serve=1", ("127.0.0.1", 49993)),
        ("facemotion3d://0.0.0.0?serve=1", ("0.0.0.0", 49993)),
    ],
)
def test_where_it_sends_or_listens(url: str, place: tuple[str, int]) -> None:
    """Other machines are not listened to unless the URL says so."""
    plan = parse_output(OutputSettings(url=url))

    assert place == (plan.host, plan.port)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ifacialmocap://?version=3", "version"),
        ("ifacialmocap://?version=2&serve=1", "version has no meaning with serve=1"),
        ("ifacialmocap://?reply=5", "reply has no meaning with serve=0"),
        ("ifacialmocap://?expire=5", "expire has no meaning with serve=0"),
        ("facemotion3d://?reply=5", "reply has no meaning with serve=0"),
        ("ifacialmocap://?invert=nose", "invert"),
    ],
)
def test_options_that_contradict(url: str, sentence: str) -> None:
    """One sentence each."""
    with pytest.raises(ConfigError, match=sentence):
        parse_output(OutputSettings(url=url))


def test_the_canonical_url_is_the_same_output() -> None:
    """Words of a list in one order, whatever was written."""
    plan = parse_output(OutputSettings(url="ifacialmocap://10.0.0.1?invert=yaw,roll&swap=1"))

    assert "ifacialmocap://10.0.0.1:49983?swap=1&invert=roll,yaw" == plan.url
    assert plan.options == parse_output(OutputSettings(url=plan.url)).options


@pytest.mark.parametrize(
    ("scheme", "start", "begin"),
    [
        ("ifacialmocap", START_V1, b"trackingStatus-1|eyeBlink_L-100|"),
        ("ifacialmocap", START_V2, b"trackingStatus&1|eyeBlink_L&100|"),
        ("facemotion3d", START_FACEMOTION3D, b"eyeBlinkLeft&100|"),
    ],
)
def test_who_asks_is_answered(  # noqa: PLR0917 - a case and what it needs
    scheme: str, start: bytes, begin: bytes, state: FaceState, receiver: socket.socket, free_udp_port: int
) -> None:
    """In the version that was asked for, and nothing before; status says to whom."""
    reply = receiver.getsockname()[1]
    plan = parse_output(OutputSettings(url=f"{scheme}://:{free_udp_port}?serve=1&reply={reply}"))
    output = create_output(plan, OutputContext())
    output.open()
    output.send(state)
    assert isinstance(output, Reporting)
    before = output.report()
    receiver.sendto(start, ("127.0.0.1", free_udp_port))
    output.send(state)
    after = output.report()
    output.close()

    assert receiver.recv(65536).startswith(begin)
    receiver.setblocking(False)
    with pytest.raises(BlockingIOError):
        receiver.recv(65536)
    assert before is not None
    assert (OutputState.WAITING, f"nobody has asked on UDP port 127.0.0.1:{free_udp_port} yet") == (before.state, before.note)
    assert after is not None
    assert (OutputState.SENDING, "to 127.0.0.1") == (after.state, after.note)
