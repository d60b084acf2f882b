"""``vts-phone://``: who asks is sent to, for as long as asked; and our source gets out of our output what went in."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from bridge import space
from bridge.errors import ConfigError, OutputUnavailable
from bridge.outputs.registry import OutputContext, create_output, parse_output
from bridge.outputs.vts_phone import VtsPhoneOptions, VtsPhoneOutput
from bridge.settings import OutputSettings, SourceSettings
from bridge.sources.select import make_source
from bridge.types import FaceState, Output, OutputState, Presence, TrackResult

DEADLINE_S = 30.0
MakeState = Callable[..., FaceState]
Make = Callable[..., VtsPhoneOutput]


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class _Client:
    """A program that asks: python's json, nothing of ours."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._phone = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.socket.bind((host, 0))
        except OSError:
            self.socket.close()
            pytest.skip(f"this machine has no {host}")
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]

    def ask(self, *ports: int, time: float = 5.0, name: str = "test") -> None:
        request = {"messageType": "iOSTrackingDataRequest", "time": time, "sentBy": name, "ports": list(ports or (self.port,))}
        self.socket.sendto(json.dumps(request).encode(), self._phone)

    def frames(self) -> list[dict[str, Any]]:
        """What has arrived: on loopback all that was sent."""
        received = []
        while True:
            try:
                received.append(json.loads(self.socket.recv(65536)))
            except BlockingIOError:
                return received


@pytest.fixture
def clock() -> _Clock:
    """Moves when told."""
    return _Clock()


@pytest.fixture
def make(free_udp_port: int, clock: _Clock) -> Iterator[Make]:
    """Makes open outputs on loopback."""
    with ExitStack() as made:

        def run(**options: Any) -> VtsPhoneOutput:
            output = VtsPhoneOutput(
                "127.0.0.1", free_udp_port, VtsPhoneOptions(**options), clock=clock, unix_s=lambda: 1630159656.406
            )
            output.open()
            made.callback(output.close)
            return output

        yield run


@pytest.fixture
def client(free_udp_port: int) -> Iterator[Callable[..., _Client]]:
    """Makes programs that ask."""
    with ExitStack() as made:

        def run(host: str = "127.0.0.1") -> _Client:
            asking = _Client(free_udp_port, host)
            made.callback(asking.socket.close)
            return asking

        yield run


def _report(output: VtsPhoneOutput) -> tuple[OutputState, str]:
    report = output.report()
    assert report is not None
    return report.state, report.note


def test_who_asks_is_sent_every_frame(
    make: Make, client: Callable[..., _Client], make_state: MakeState, free_udp_port: int
) -> None:
    """Nobody before; then every state, with the time of the wall clock."""
    output, program = make(), client()
    output.send(make_state())
    assert (OutputState.WAITING, f"nobody asks for data on UDP port 127.0.0.1:{free_udp_port}") == _report(output)

    program.ask(name="VBridger")
    for yaw in (0, 10, 20):
        output.send(make_state(yaw=yaw, weights={"jawOpen": 0.5}))

    frames = program.frames()
    assert [0, 10, 20] == [pytest.approx(frame["Rotation"]["x"], abs=1e-6) for frame in frames]
    assert {1630159656406} == {frame["Timestamp"] for frame in frames}
    assert 0.5 == {shape["k"]: shape["v"] for shape in frames[0]["BlendShapes"]}["JawOpen"]
    assert (OutputState.SENDING, "1 client: VBridger") == _report(output)


def test_a_lease_ends_and_can_be_renewed(
    make: Make, client: Callable[..., _Client], make_state: MakeState, clock: _Clock
) -> None:
    """2.5 s from the last request on, not a frame longer; status knows it without a frame too."""
    output, program = make(), client()
    program.ask(time=2.5)
    output.send(make_state())
    clock.now += 2.0
    program.ask(time=2.5)
    output.send(make_state())
    clock.now += 2.4
    output.send(make_state())
    assert 3 == len(program.frames())

    clock.now += 0.1
    assert OutputState.WAITING is _report(output)[0]
    output.send(make_state())
    assert [] == program.frames()


def test_many_clients_and_ports(make: Make, client: Callable[..., _Client], make_state: MakeState, clock: _Clock) -> None:
    """Each with a lease of its own; one may ask for several ports, and in the name of another socket of its machine."""
    output = make()
    first, second, third = client(), client(), client("127.0.0.2")
    first.ask(first.port, second.port, time=10.0, name="A")
    third.ask(time=1.0, name="B")
    output.send(make_state())
    assert [1, 1, 1] == [len(program.frames()) for program in (first, second, third)]
    assert (OutputState.SENDING, "3 clients: A, B") == _report(output)

    clock.now += 1.5
    output.send(make_state())
    assert [1, 1, 0] == [len(program.frames()) for program in (first, second, third)]
    assert (OutputState.SENDING, "2 clients: A") == _report(output)


def test_there_is_a_most_of_clients(make: Make, client: Callable[..., _Client], make_state: MakeState, clock: _Clock) -> None:
    """The first keep their place, and renew it; who comes later is refused, said in the note, until a place is free."""
    output = make(clients=2)
    programs = [client() for _ in range(3)]
    for program in programs:
        program.ask(time=1.0)
    output.send(make_state())
    programs[0].ask(time=5.0)
    output.send(make_state())
    assert [2, 2, 0] == [len(program.frames()) for program in programs]
    assert "2 clients: test; 127.0.0.1 asked and is refused: there are 2 clients already" == _report(output)[1]

    clock.now += 1.1
    programs[2].ask()
    output.send(make_state())
    assert [1, 0, 1] == [len(program.frames()) for program in programs]


def test_what_is_no_request_changes_nothing(make: Make, client: Callable[..., _Client], make_state: MakeState) -> None:
    """Noise, other messages, too long: nobody is sent anything, and the next request counts."""
    output, program = make(), client()
    for data in (b"", b"?", b"{}", b"x" * 9000, b"[" * 4000):
        program.socket.sendto(data, program._phone)
    output.send(make_state())
    assert OutputState.WAITING is _report(output)[0]

    program.ask()
    output.send(make_state())
    assert 1 == len(program.frames())


def test_a_flood_of_requests_does_not_keep_frames_back(make: Make, client: Callable[..., _Client], make_state: MakeState) -> None:
    """So many are read before a frame, the rest before the next."""
    output, program = make(clients=256), client("127.0.0.3")
    taken = []
    for port in (program.port, *range(20_000, 20_099)):
        program.ask(port)
    for _ in range(3):
        output.send(make_state())
        taken.append(_report(output)[1])

    assert ["64 clients: test", "100 clients: test", "100 clients: test"] == taken
    assert 3 == len(program.frames())


def test_a_client_that_has_gone_is_no_failure(make: Make, client: Callable[..., _Client], make_state: MakeState) -> None:
    """Its port is closed; the other one still gets every frame."""
    output = make()
    gone, there = client(), client()
    gone.ask()
    there.ask()
    output.send(make_state())
    gone.socket.close()
    for _ in range(5):
        output.send(make_state())

    assert 6 == len(there.frames())


@pytest.mark.parametrize(
    ("host", "far"),
    [
        ("127.0.0.1", False),
        ("192.168.1.20", False),
        ("10.0.0.2", False),
        ("172.20.1.1", False),
        ("169.254.3.3", False),
        ("100.64.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("8.8.8.8", True),
        ("2606:4700::1", True),
    ],
)
def test_nobody_on_the_internet_is_sent_to(host: str, *, far: bool) -> None:
    """A forged request could have the bridge flood a stranger."""
    from bridge.outputs import vts_phone

    assert far is vts_phone._is_far(host)


def test_the_rest_state_is_no_face(make: Make, client: Callable[..., _Client], make_state: MakeState) -> None:
    """The last that a program sees when the bridge stops."""
    output, program = make(), client()
    program.ask()
    output.send(make_state(weights={"jawOpen": 1.0}))
    output.send(FaceState.rest())
    *_, last = program.frames()

    assert last["FaceFound"] is False
    assert {0.0} == {shape["v"] for shape in last["BlendShapes"]}


def test_a_port_in_use_is_said(make: Make, free_udp_port: int) -> None:
    """With what to do; and a host that is not this machine's."""
    make()
    with pytest.raises(OutputUnavailable, match=rf"UDP port 127\.0\.0\.1:{free_udp_port} cannot be listened on"):
        VtsPhoneOutput("127.0.0.1", free_udp_port, VtsPhoneOptions()).open()
    with pytest.raises(OutputUnavailable, match="cannot be listened on"):
        VtsPhoneOutput("192.0.2.7", free_udp_port, VtsPhoneOptions()).open()
    with pytest.raises(OutputUnavailable, match=r"there is no address phone\.invalid on this machine"):
        VtsPhoneOutput("phone.invalid", free_udp_port, VtsPhoneOptions()).open()


def test_sending_needs_an_open_socket(make: Make, make_state: MakeState) -> None:
    """After close, and every lease is over."""
    output = make()
    output.close()
    output.close()

    assert OutputState.WAITING is _report(output)[0]
    with pytest.raises(OutputUnavailable, match="is not open"):
        output.send(make_state())


def test_the_url() -> None:
    """Loopback, the phone's port; canonical with its options; an axis that is none is refused."""
    assert "vts-phone://127.0.0.1:21412" == parse_output(OutputSettings(url="vts-phone://")).url
    url = "vts-phone://0.0.0.0:21412?flip=yaw,x&nod_first=1&units=1&clients=4"
    assert url == parse_output(OutputSettings(url=url)).url
    with pytest.raises(ConfigError, match="flip"):
        parse_output(OutputSettings(url="vts-phone://?flip=sideways"))


# --- our source, our output ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?flip=yaw,roll,y&nod_first=1&units=1"])
def test_our_source_gets_out_of_our_output_what_went_in(query: str, free_udp_port: int, make_state: MakeState) -> None:
    """The bridge as phone and the bridge as what asks it: coefficients bit for bit, the head within the digits that are sent."""
    output: Output = create_output(parse_output(OutputSettings(url=f"vts-phone://:{free_udp_port}{query}")), OutputContext())
    source = make_source(SourceSettings(input=f"vts-phone:127.0.0.1:{free_udp_port}{query}"))
    results: list[TrackResult] = []
    done = threading.Event()

    def listen() -> None:
        source.open()
        while not done.is_set():
            read = source.read()
            assert isinstance(read, TrackResult)
            results.append(read)
            done.set()

    output.open()
    listening = threading.Thread(target=listen)
    listening.start()
    state = make_state(seed=5, presence=Presence.LIVE)
    deadline = time.monotonic() + DEADLINE_S
    try:
        while not done.wait(0.02):
            output.send(state)
            assert time.monotonic() < deadline
    finally:
        source.cancel()
        listening.join(DEADLINE_S)
        source.close()
        output.close()

    (face,) = results[0].faces
    assert state.head is not None
    assert face.head is not None
    assert np.array_equal(state.weights, face.weights)
    assert space.angle_between_deg(state.head.quat_xyzw, face.head.quat_xyzw) < 1e-4
    assert state.head.position_m == pytest.approx(face.head.position_m, abs=1e-6)
