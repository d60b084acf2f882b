"""iFacialMocap, Facemotion3d and Live Link Face as sources, on real loopback sockets, fed by our own outputs and by others."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pylivelinkface import FaceBlendShape, PyLiveLinkFace

from bridge import arkit
from bridge.errors import SourceLost
from bridge.outputs.registry import OutputContext, create_output, parse_output
from bridge.settings import OutputSettings, SourceSettings
from bridge.sources.select import make_source
from bridge.types import FaceState, Output, Source, TrackResult
from bridge.wire.ifacialmocap_requests import START_FACEMOTION3D, START_V1, START_V2

DEADLINE_S = 20.0


@pytest.fixture
def open_source() -> Iterator[Callable[[str], Source]]:
    """The source that an input names, open."""
    opened: list[Source] = []

    def run(text: str) -> Source:
        source = make_source(SourceSettings(input=text, read_timeout_s=0.5))
        source.open()
        opened.append(source)
        return source

    yield run
    for source in opened:
        source.close()


def _read(source: Source) -> TrackResult:
    """The next result; a source that has nothing ends instead of hanging."""
    watchdog = threading.Timer(DEADLINE_S, source.cancel)
    watchdog.start()
    try:
        result = source.read()
    finally:
        watchdog.cancel()
        watchdog.join()
    assert isinstance(result, TrackResult)
    return result


def _output(url: str) -> Output:
    output = create_output(parse_output(OutputSettings(url=url)), OutputContext())
    output.open()
    return output


def _assert_same(state: FaceState, result: TrackResult, *, step: float, angle: float) -> None:
    (face,) = result.faces
    assert state.weights == pytest.approx(face.weights, abs=step)
    assert state.head is not None
    assert face.head is not None
    assert abs(float(np.dot(state.head.quat_xyzw, face.head.quat_xyzw))) == pytest.approx(1.0, abs=angle)


@pytest.mark.parametrize(
    ("url", "text", "step"),
    [
        ("ifacialmocap://:PORT", "ifacialmocap:127.0.0.1:PORT", 0.00501),
        ("ifacialmocap://:PORT?version=2", "ifacialmocap:127.0.0.1:PORT", 0.00501),
        ("ifacialmocap://:PORT?swap=1&invert=yaw,roll", "ifacialmocap:127.0.0.1:PORT?swap=1&invert=roll,yaw", 0.00501),
        ("facemotion3d://:PORT", "facemotion3d:127.0.0.1:PORT", 0.00501),
        ("facemotion3d://:PORT?swap=1&invert=pitch", "facemotion3d:127.0.0.1:PORT?swap=1&invert=pitch", 0.00501),
        ("livelink://:PORT", "livelink:127.0.0.1:PORT", 0.0),
        ("livelink://:PORT?invert=mouth,pitch", "livelink:127.0.0.1:PORT?invert=mouth,pitch", 0.0),
    ],
)
def test_out_of_one_bridge_and_into_another(  # noqa: PLR0917 - a case and what it needs
    url: str,
    text: str,
    step: float,
    free_udp_port: int,
    open_source: Callable[[str], Source],
    make_state: Callable[..., FaceState],
) -> None:
    """The same coefficients within the wire's precision, half a percent or none, and the same head, unasked."""
    source = open_source(text.replace("PORT", str(free_udp_port)))
    output = _output(url.replace("PORT", str(free_udp_port)))
    for seed in range(10):
        state = make_state(seed=seed, seq=seed)
        output.send(state)
        result = _read(source)
        _assert_same(state, result, step=step, angle=1e-12)
        assert seed == result.seq
    output.close()


@pytest.mark.parametrize(("scheme", "query"), [("ifacialmocap", ""), ("ifacialmocap", "&version=1"), ("facemotion3d", "")])
def test_one_bridge_asks_the_other(
    scheme: str,
    query: str,
    pick_udp_port: Callable[[], int],
    open_source: Callable[[str], Source],
    make_state: Callable[..., FaceState],
) -> None:
    """Nothing is sent until the source has asked; then it gets what it asked for."""
    phone, own = pick_udp_port(), pick_udp_port()
    output = _output(f"{scheme}://:{phone}?serve=1&reply={own}")
    source = open_source(f"{scheme}:127.0.0.1:{own}?phone={phone}{query}")
    state = make_state(seed=4)
    done = threading.Event()

    def perform() -> None:
        while not done.wait(0.01):
            output.send(state)

    thread = threading.Thread(target=perform, name="bridge-test-phone")
    thread.start()
    try:
        for _ in range(3):
            _assert_same(state, _read(source), step=0.00501, angle=1e-9)
    finally:
        done.set()
        thread.join()
        output.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ifacialmocap:127.0.0.1:OWN?phone=PHONE", [START_V2]),
        ("ifacialmocap:127.0.0.1:OWN?phone=PHONE&version=1", [START_V1]),
        ("facemotion3d:127.0.0.1:OWN?phone=PHONE", [START_FACEMOTION3D] * 3),
    ],
)
def test_the_phone_is_asked_and_asked_again_when_it_is_silent(
    text: str, expected: list[bytes], free_udp_port: int, open_source: Callable[[str], Source]
) -> None:
    """From the port that is listened on. After it has answered it is left alone, until it says nothing any more."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(DEADLINE_S)
        source = open_source(text.replace("OWN", str(free_udp_port)).replace("PHONE", str(phone.getsockname()[1])))
        phone.sendto(b"jawOpen&50|", ("127.0.0.1", free_udp_port))
        _read(source)
        asked = [phone.recvfrom(4096) for _ in expected]
        with pytest.raises(SourceLost):  # half a second of silence
            _read(source)

        assert [(start, ("127.0.0.1", free_udp_port)) for start in expected] == asked

        def answer() -> None:
            again.extend(phone.recv(4096) for _ in expected)
            phone.sendto(b"jawOpen&25|", ("127.0.0.1", free_udp_port))

        again: list[bytes] = []
        thread = threading.Thread(target=answer, name="bridge-test-phone")
        thread.start()
        source.open()
        thread.join(DEADLINE_S)

        assert 0.25 == _read(source).faces[0].weights[arkit.INDEX["jawOpen"]]
        assert expected == again


def test_a_phone_that_sees_no_face(free_udp_port: int, open_source: Callable[[str], Source]) -> None:
    """Is there, with a result that has none."""
    source = open_source(f"ifacialmocap:127.0.0.1:{free_udp_port}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.sendto(b"trackingStatus-0|jawOpen-50|", ("127.0.0.1", free_udp_port))

    assert () == _read(source).faces


def test_pylivelinkface_drives_the_bridge(free_udp_port: int, open_source: Callable[[str], Source]) -> None:
    """A sender that is not ours; garbage before it is passed over."""
    theirs = PyLiveLinkFace("Them", "11111111-2222-3333-4444-555555555555")
    theirs.set_blendshape(FaceBlendShape.EyeBlinkLeft, 0.75, no_filter=True)
    source = open_source(f"livelink:127.0.0.1:{free_udp_port}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for data in (b"", b"\x06", b"hello", theirs.encode()):
            sender.sendto(data, ("127.0.0.1", free_udp_port))

    (face,) = _read(source).faces
    assert {"eyeBlinkLeft": 0.75} == {name: weight for name, weight in zip(arkit.NAMES, face.weights, strict=True) if weight}
