"""The phone's side on real loopback sockets: requests, several receivers, and those that go away."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator

import pytest

from bridge.errors import OutputUnavailable
from bridge.outputs.asked import REFUSED_FOR_S, AskedOutput
from bridge.types import FaceState
from bridge.wire.ifacialmocap import IfacialmocapEncoder
from bridge.wire.ifacialmocap_requests import START_V1, START_V2

DEADLINE_S = 20.0
STOP = b"iFacialMocap_UDPTCPSTOP_sahuasouryya9218sauhuiayeta91555dy3719"
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 answers without set-up on Linux only")


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Phone:
    """The output under test, on a port of its own."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", reply_ports: tuple[int, ...], expire_s: float = 0.0) -> None:
        self.place = (host, port)
        self.clock = FakeClock()
        self.output = AskedOutput(
            host,
            port,
            reply_ports=reply_ports,
            encoders={
                "v1": lambda: IfacialmocapEncoder(variant="v1").encode,
                "v2": lambda: IfacialmocapEncoder(variant="v2").encode,
            },
            expire_s=expire_s,
            clock=self.clock,
        )
        self.output.open()

    def hosts(self) -> str:
        report = self.output.report()
        assert report is not None
        return report.note


def _socket(host: str, port: int = 0) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((host, port))
    opened.settimeout(DEADLINE_S)
    return opened


def _pending(receiver: socket.socket) -> list[bytes]:
    """What has arrived; on Linux loopback that is all that was sent."""
    receiver.setblocking(False)
    arrived = []
    try:
        while True:
            arrived.append(receiver.recv(65536))
    except BlockingIOError:
        return arrived


@pytest.fixture
def make_phone(free_udp_port: int) -> Iterator[Callable[..., Phone]]:
    phones: list[Phone] = []

    def make(**options: object) -> Phone:
        phones.append(Phone(free_udp_port, **options))  # type: ignore[arg-type]
        return phones[-1]

    yield make
    for phone in phones:
        phone.output.close()


@needs_linux
def test_both_ends_on_the_same_port(
    make_phone: Callable[..., Phone], make_state: Callable[..., FaceState], free_udp_port: int
) -> None:
    """As on two machines: phone and receivers have the same port on addresses of their own, and answers come from the phone's.

    The start string comes from another socket, as in the vendor's example; each receiver gets the version that it asked for.
    """
    phone = make_phone(host="127.0.0.4", reply_ports=(free_udp_port,))
    port = free_udp_port
    with _socket("127.0.0.2", port) as one, _socket("127.0.0.3", port) as other, _socket("127.0.0.2") as asking:
        asking.sendto(START_V1, phone.place)
        other.sendto(START_V2, phone.place)
        phone.output.send(make_state(weights={"jawOpen": 0.5}))

        (first, sender), (second, _) = one.recvfrom(65536), other.recvfrom(65536)

        assert (b"|jawOpen-50|" in first, b"|jawOpen&50|" in second) == (True, True)
        assert "127.0.0.4" == sender[0]
        assert "to 127.0.0.2, 127.0.0.3" == phone.hosts()

        asking.sendto(STOP, phone.place)
        phone.output.send(make_state())

        assert b"|jawOpen&0|" in other.recv(65536)
        assert [] == _pending(one)
        assert "to 127.0.0.3" == phone.hosts()


def test_asking_again_changes_the_version(make_phone: Callable[..., Phone], make_state: Callable[..., FaceState]) -> None:
    """One host is one receiver."""
    with _socket("127.0.0.1") as receiver:
        phone = make_phone(reply_ports=(receiver.getsockname()[1],))
        for start in (START_V1, START_V2):
            receiver.sendto(start, phone.place)
            phone.output.send(make_state())

        assert [b"trackingStatus-1", b"trackingStatus&1"] == [receiver.recv(65536)[:16] for _ in range(2)]


def test_every_reply_port_gets_every_frame(make_phone: Callable[..., Phone], make_state: Callable[..., FaceState]) -> None:
    """As Facemotion3d's two: that one of them is closed harms nothing, for as long as it may be."""
    with _socket("127.0.0.1") as receiver, _socket("127.0.0.1") as closing:
        closed = closing.getsockname()[1]
        closing.close()
        phone = make_phone(reply_ports=(closed, receiver.getsockname()[1]))
        receiver.sendto(START_V1, phone.place)
        for _ in range(50):
            phone.output.send(make_state())
            phone.clock.now += 1.0

        assert 50 == len([receiver.recv(65536) for _ in range(50)])


@needs_linux
def test_a_receiver_that_is_gone_is_forgotten(make_phone: Callable[..., Phone], make_state: Callable[..., FaceState]) -> None:
    """Its machine says that nobody listens; not at once, as programs restart. It may ask again."""
    with _socket("127.0.0.1") as receiver:
        reply = receiver.getsockname()[1]
        phone = make_phone(reply_ports=(reply,))
        receiver.sendto(START_V1, phone.place)
        phone.output.send(make_state())
    while "to 127.0.0.1" == phone.hosts():
        phone.output.send(make_state())
        phone.clock.now += 1.0
        assert phone.clock.now < 200.0

    assert REFUSED_FOR_S <= phone.clock.now - 100.0 < REFUSED_FOR_S + 5.0
    with _socket("127.0.0.1", reply) as receiver:
        receiver.sendto(START_V1, phone.place)
        phone.output.send(make_state())
        assert receiver.recv(65536).startswith(b"trackingStatus-1")


def test_a_receiver_that_listens_is_kept(make_phone: Callable[..., Phone], make_state: Callable[..., FaceState]) -> None:
    """Without another word from it, for a day; unless ``expire`` says otherwise."""
    with _socket("127.0.0.1") as receiver:
        phone = make_phone(reply_ports=(receiver.getsockname()[1],))
        receiver.sendto(START_V1, phone.place)
        phone.output.send(make_state())
        phone.clock.now += 86400.0
        phone.output.send(make_state())
        assert "to 127.0.0.1" == phone.hosts()
        phone.output.close()

        phone = make_phone(reply_ports=(receiver.getsockname()[1],), expire_s=10.0)
        receiver.sendto(START_V1, phone.place)
        phone.output.send(make_state())
        phone.clock.now += 11.0
        phone.output.send(make_state())
        assert phone.hosts().startswith("nobody has asked")


def test_garbage_is_nobody(make_phone: Callable[..., Phone], make_state: Callable[..., FaceState]) -> None:
    """More of it than is looked at before one frame, and datagrams of every length: a request after it is heard soon."""
    with _socket("127.0.0.1") as receiver:
        phone = make_phone(reply_ports=(receiver.getsockname()[1],))
        for i in range(100):
            receiver.sendto(b"\xff" * (i * 50), phone.place)
        phone.output.send(make_state())
        assert phone.hosts().startswith("nobody has asked")
        receiver.sendto(START_V1, phone.place)
        for _ in range(3):
            phone.output.send(make_state())

        assert "to 127.0.0.1" == phone.hosts()


def test_a_port_that_is_taken(free_udp_port: int) -> None:
    """One sentence that says what to do."""
    with _socket("127.0.0.1", free_udp_port), pytest.raises(OutputUnavailable, match="a receiver on this machine may have it"):
        Phone(free_udp_port, reply_ports=(1,))


def test_a_host_that_is_unknown() -> None:
    """No socket is left."""
    with pytest.raises(OutputUnavailable, match="is unknown"):
        Phone(1234, host="host.invalid", reply_ports=(1,))


def test_closed_means_closed(make_phone: Callable[..., Phone], make_state: Callable[..., FaceState]) -> None:
    """Twice is fine, sending is not; opened again, nobody has asked yet."""
    with _socket("127.0.0.1") as receiver:
        phone = make_phone(reply_ports=(receiver.getsockname()[1],))
        receiver.sendto(START_V1, phone.place)
        phone.output.send(make_state())
        phone.output.close()
        phone.output.close()

        with pytest.raises(OutputUnavailable, match="not open"):
            phone.output.send(make_state())
        phone.output.open()
        phone.output.send(make_state())
        assert phone.hosts().startswith("nobody has asked")
