"""Datagrams on real loopback sockets, and every way they can fail."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Callable, Iterator

import pytest

from bridge.errors import OutputUnavailable
from bridge.outputs.udp import DatagramOutput, UdpSender
from bridge.types import FaceState, OutputState

DEADLINE_S = 20.0


def _receiver(family: socket.AddressFamily, host: str) -> socket.socket:
    receiver = socket.socket(family, socket.SOCK_DGRAM)
    receiver.bind((host, 0))
    receiver.settimeout(DEADLINE_S)
    return receiver


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with _receiver(socket.AF_INET, "127.0.0.1") as opened:
        yield opened


def _sender(host: str, port: int) -> UdpSender:
    sender = UdpSender(host, port)
    sender.open()
    return sender


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_datagrams_arrive_as_they_are(receiver: socket.socket, host: str) -> None:
    """Bytes and views; localhost is taken for IPv4, where receivers listen."""
    sender = _sender(host, receiver.getsockname()[1])
    sender.send(b"one")
    sender.send(memoryview(bytearray(b"-two-"))[1:4])
    sender.close()

    assert [b"one", b"two"] == [receiver.recv(99), receiver.recv(99)]


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 answers without set-up on Linux only")
def test_datagrams_come_from_the_address_that_was_asked_for(receiver: socket.socket) -> None:
    """Some receivers heed only the address that they asked."""
    sender = UdpSender("127.0.0.1", receiver.getsockname()[1], source_host="127.0.0.2")
    sender.open()
    sender.send(b"hello")
    sender.close()

    assert "127.0.0.2" == receiver.recvfrom(99)[1][0]


def test_an_address_of_somebody_elses_cannot_be_sent_from() -> None:
    """It says so, and leaves no socket."""
    sender = UdpSender("127.0.0.1", 9, source_host="192.0.2.1")

    with pytest.raises(OutputUnavailable, match=r"127\.0\.0\.1:9 cannot be reached"):
        sender.open()


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_ipv6() -> None:
    """Written with brackets in messages."""
    try:
        receiver = _receiver(socket.AF_INET6, "::1")
    except OSError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    with receiver:
        sender = _sender("::1", receiver.getsockname()[1])
        sender.send(b"six")
        sender.close()

        assert (b"six", f"[::1]:{receiver.getsockname()[1]}") == (receiver.recv(99), sender.place)


def test_an_unknown_host_is_one_sentence() -> None:
    """.invalid exists nowhere, with or without a network."""
    with pytest.raises(OutputUnavailable, match=r"host 'no-such-host.invalid' is unknown .* check its spelling"):
        UdpSender("no-such-host.invalid", 9).open()


def test_an_address_is_never_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only names ask a name server, and they once."""
    asked: list[tuple[str, int]] = []
    resolve = socket.getaddrinfo

    def spy(host: str, port: int, *, type: int, flags: int) -> object:  # noqa: A002  the name is the library's
        asked.append((host, flags))
        return resolve(host, port, type=type, flags=flags)

    monkeypatch.setattr(socket, "getaddrinfo", spy)
    for host in ("127.0.0.1", "localhost"):
        sender = _sender(host, 9)
        sender.send(b"x")
        sender.send(b"x")
        sender.close()

    assert [("127.0.0.1", socket.AI_NUMERICHOST), ("localhost", socket.AI_NUMERICHOST), ("localhost", 0)] == asked


def test_nobody_listening_is_no_error_but_known(free_udp_port: int) -> None:
    """The receiver may be started later; until then `refused` says so."""
    now = [0.0]
    sender = UdpSender("127.0.0.1", free_udp_port, clock=lambda: now[0])
    sender.open()
    for _ in range(5):
        sender.send(b"x")
    refused = sender.refused
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", free_udp_port))
        receiver.settimeout(DEADLINE_S)
        sender.send(b"now")
        arrived = receiver.recv(99)
    now[0] = 10.0
    later = sender.refused
    sender.close()

    if sys.platform == "linux":  # other systems tell a sender less
        assert refused
    assert (b"now", False) == (arrived, later)


class FailingSocket:
    """A socket whose sends fail."""

    def __init__(self, *errors: OSError) -> None:
        self.errors = list(errors)
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> int:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(data)
        return len(data)

    def close(self) -> None: ...


def _failing(*errors: OSError) -> tuple[UdpSender, FailingSocket]:
    sender = UdpSender("192.0.2.1", 5)
    fake = FailingSocket(*errors)
    sender._socket = fake  # type: ignore[assignment]
    return sender, fake


@pytest.mark.parametrize("error", [ConnectionRefusedError(errno.ECONNREFUSED, ""), ConnectionResetError(10054, "")], ids=repr)
def test_a_refusal_does_not_cost_the_next_datagram(error: OSError) -> None:
    """It is told by the send after the one it is about, which must be repeated; Windows calls it a reset."""
    sender, fake = _failing(error)
    sender.send(b"x")

    assert ([b"x"], True) == (fake.sent, sender.refused)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOBUFS])
def test_a_full_buffer_drops_the_datagram(number: int) -> None:
    """Blocking would delay the next frame; it is counted."""
    sender, fake = _failing(OSError(number, ""))
    sender.send(b"old")
    sender.send(b"new")

    assert ([b"new"], 1) == (fake.sent, sender.dropped)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EMSGSIZE, "a datagram of 3 bytes is too large for the way to 192.0.2.1:5; set max_bytes lower"),
        (errno.ENETUNREACH, "192.0.2.1:5 cannot be reached: why; check the network and the address"),
        (errno.EHOSTUNREACH, "192.0.2.1:5 cannot be reached: why; check the network and the address"),
        (errno.EPERM, "sending to 192.0.2.1:5 failed: why"),
    ],
)
def test_what_the_network_refuses_is_unavailable(number: int, says: str) -> None:
    """One sentence each; the worker tries again."""
    sender, _ = _failing(OSError(number, "why"))
    with pytest.raises(OutputUnavailable) as caught:
        sender.send(b"abc")

    assert says == str(caught.value)


def test_a_datagram_too_large_for_udp_is_unavailable(receiver: socket.socket) -> None:
    """As the real system says it."""
    sender = _sender("127.0.0.1", receiver.getsockname()[1])
    with pytest.raises(OutputUnavailable, match=r"70000 bytes|failed"):
        sender.send(bytes(70000))
    sender.close()


def test_close_is_idempotent_and_ends_sending() -> None:
    """Also before `open`."""
    sender = UdpSender("127.0.0.1", 9)
    sender.close()
    sender.open()
    sender.close()
    sender.close()
    with pytest.raises(OutputUnavailable, match="not open"):
        sender.send(b"x")


def test_broadcast_is_allowed() -> None:
    """An address that ends all of the subnet may be sent to."""
    sender = UdpSender("127.255.255.255", 9)
    try:
        sender.open()
        sender.send(b"x")
    except OutputUnavailable as error:
        pytest.skip(f"this machine's loopback has no broadcast: {error}")
    finally:
        sender.close()


# --- DatagramOutput --------------------------------------------------------------------------------------------------


def test_every_open_has_a_new_encoder(receiver: socket.socket, make_state: Callable[..., FaceState]) -> None:
    """One that sends only what changed begins with everything again."""
    made = [0]

    def make_encoder() -> Callable[[FaceState], list[bytes]]:
        made[0] += 1
        number = made[0]
        return lambda state: [b"%d:%d" % (number, state.seq), b"end"]

    output = DatagramOutput("127.0.0.1", receiver.getsockname()[1], make_encoder=make_encoder)
    for seq in (7, 8):
        output.open()
        output.send(make_state(seq=seq))
        output.close()

    assert [b"1:7", b"end", b"2:8", b"end"] == [receiver.recv(99) for _ in range(4)]


def test_an_output_reports_that_nobody_listens(free_udp_port: int, make_state: Callable[..., FaceState]) -> None:
    """It goes on sending."""
    output = DatagramOutput("127.0.0.1", free_udp_port, make_encoder=lambda: lambda _: [b"x"])
    output.open()
    before = output.report()
    for _ in range(3):
        output.send(make_state())
    report = output.report()
    output.close()

    assert before is None
    if sys.platform == "linux":
        assert report is not None
        assert (OutputState.SENDING, f"nobody listens on 127.0.0.1:{free_udp_port} yet") == (report.state, report.note)


def test_a_closed_output_does_not_send(make_state: Callable[..., FaceState]) -> None:
    """OutputUnavailable, as of a receiver that is away."""
    output = DatagramOutput("127.0.0.1", 9, make_encoder=lambda: lambda _: [b"x"])
    with pytest.raises(OutputUnavailable, match="not open"):
        output.send(make_state())
