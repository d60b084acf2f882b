"""Datagrams as a source: waiting, silence and return, strangers, requests, and what the person is told meanwhile."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable

import pytest

from bridge.errors import SourceEnded, SourceLost, SourceUnavailable
from bridge.sources.network import ANYBODY, DatagramSource, Request
from tests.unit.sources.datagrams import DEADLINE_S, SILENCE_S, bind_second_loopback, value_of, wait_for

Make = Callable[..., DatagramSource]


# --- receiving -------------------------------------------------------------------------------------------------------------


def test_frames_come_in_order_with_their_time(datagram_source: Make, datagram_sender: socket.socket) -> None:
    """One result a frame, numbered, dated with the arrival; what is no frame is passed over; no face is an empty result."""
    times = iter([float(second) for second in range(1000)])
    source = datagram_source(clock=lambda: next(times) * 1e-3)
    source.open()
    for data in (b".25", b"?", b"-", b".75"):
        datagram_sender.sendto(data, ("127.0.0.1", source.port))

    first, second, third = source.read(), source.read(), source.read()

    assert [0, 1, 2] == [each.seq for each in (first, second, third)]
    assert (0.25, (), 0.75) == (value_of(first), second.faces, value_of(third))
    assert first.t < second.t < third.t
    assert first.t_done == first.t
    assert first.frame is None


def test_it_opens_without_its_sender_and_waits(datagram_source: Make, datagram_sender: socket.socket) -> None:
    """Long beyond the time that would be a loss later, as nothing was lost yet; ``poll`` gives back control meanwhile."""
    source = datagram_source()
    source.open()
    waited_since = time.monotonic()
    while time.monotonic() - waited_since < 2 * SILENCE_S:
        assert source.poll(0.05) is None

    datagram_sender.sendto(b".5", ("127.0.0.1", source.port))

    assert 0.5 == value_of(source.read())


def test_silence_after_a_frame_is_a_loss(datagram_source: Make, datagram_sender: socket.socket) -> None:
    """Said with who is silent and how long."""
    source = datagram_source()
    source.open()
    datagram_sender.sendto(b".5", ("127.0.0.1", source.port))
    source.read()

    with pytest.raises(SourceLost, match=r"^test from 127\.0\.0\.1 has sent nothing for 0\.3 s$"):
        source.read()


def test_a_lost_sender_is_waited_for_by_open(datagram_source: Make, datagram_sender: socket.socket) -> None:
    """Silent: unavailable, and closed. Sending: open, and that frame is not lost, nor are numbers used twice."""
    source = datagram_source(hint="start it")
    source.open()
    port = source.port
    datagram_sender.sendto(b".1", ("127.0.0.1", port))
    source.read()
    source.close()

    with pytest.raises(SourceUnavailable, match=r"has sent nothing for 0\.3 s; start it$"):
        source.open()
    assert 0 == source.port

    opening = threading.Thread(target=source.open)
    opening.start()
    while opening.is_alive():
        datagram_sender.sendto(b".2", ("127.0.0.1", port))
        opening.join(0.02)
    result = source.read()
    assert 1 == result.seq
    assert 0.2 == pytest.approx(value_of(result))


def test_data_without_a_frame_is_silence_too(datagram_source: Make, datagram_sender: socket.socket) -> None:
    """Another protocol on the port: no frame comes of it, and the sentence says so."""
    source = datagram_source()
    source.open()
    datagram_sender.sendto(b".5", ("127.0.0.1", source.port))
    source.read()

    def talk() -> None:
        while True:
            for _ in range(20):
                datagram_sender.sendto(b"?", ("127.0.0.1", source.port))
            assert source.poll(0.02) is None

    with pytest.raises(SourceLost, match="sends nothing that has a face in it"):
        talk()


@pytest.mark.parametrize("host", ["127.0.0.1", ANYBODY])
def test_a_flood_does_not_take_the_time_from_the_loop(datagram_source: Make, datagram_sender: socket.socket, host: str) -> None:
    """Datagrams without a frame that never stop: ``poll`` still ends in time, and with it a pause and the end."""
    source = datagram_source(host)
    source.open()
    done = threading.Event()

    def flood() -> None:
        while not done.is_set():
            datagram_sender.sendto(b"?", ("127.0.0.1", source.port))

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        assert [None] * 5 == [source.poll(0.02) for _ in range(5)]
    finally:
        done.set()
        flooding.join(DEADLINE_S)


def test_every_opening_begins_a_stream(datagram_source: Make) -> None:
    """A decoder that collects is told to forget."""
    restarts: list[int] = []
    source = datagram_source(restart=lambda: restarts.append(1))
    source.open()
    source.open()

    assert 2 == len(restarts)


# --- who is heard ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits is told after 0.1 s."""
    monkeypatch.setattr("bridge.sources.network._HINT_AFTER_S", 0.1)


@pytest.mark.usefixtures("soon")
def test_only_its_sender_is_heard(datagram_source: Make, datagram_sender: socket.socket) -> None:
    """Another address of this machine is somebody else; a waiting person is told who sends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as friend:
        bind_second_loopback(friend)
        source = datagram_source("127.0.0.2")
        source.open()
        # Bound where its sender is: so the stranger has to go there too.
        datagram_sender.sendto(b".1", ("127.0.0.2", source.port))
        wait_for(
            lambda: source.poll(0.05) is None and "but 127.0.0.1 sends to UDP port" in str(source.notice),
            "a notice of a stranger",
        )
        friend.sendto(b".9", ("127.0.0.2", source.port))

        assert 0.9 == pytest.approx(value_of(source.read()))
        assert "127.0.0.1 sends to UDP port" in str(source.report().warning)


def test_anybody_is_whoever_is_first(datagram_source: Make, datagram_sender: socket.socket) -> None:
    """Two senders are never mixed; when the first is gone, another may come."""
    source = datagram_source(ANYBODY)
    source.open()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        bind_second_loopback(other)
        datagram_sender.sendto(b"?", ("127.0.0.1", source.port))  # no frame: nobody is chosen by it
        other.sendto(b".2", ("127.0.0.1", source.port))
        datagram_sender.sendto(b".1", ("127.0.0.1", source.port))
        other.sendto(b".3", ("127.0.0.1", source.port))

        assert [0.2, 0.3] == [pytest.approx(value_of(source.read())) for _ in range(2)]

    source.close()
    opening = threading.Thread(target=source.open)
    opening.start()
    while opening.is_alive():
        if source.port:
            datagram_sender.sendto(b".4", ("127.0.0.1", source.port))
        opening.join(0.02)
    assert 0.4 == pytest.approx(value_of(source.read()))


def test_a_sender_on_this_machine_is_heard_on_loopback_only(datagram_source: Make) -> None:
    """The network cannot even reach the port; for another machine's it must, and for anybody's."""
    places = {}
    for host in ("127.0.0.1", "localhost", "192.0.2.7", ANYBODY):
        source = datagram_source(host)
        source.open()
        assert source._socket is not None
        places[host] = source._socket.getsockname()[0]

    assert {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "192.0.2.7": "0.0.0.0", ANYBODY: "0.0.0.0"} == places


def test_ipv6(datagram_source: Make) -> None:
    """Received from ::1, whatever the spelling of the address; IPv4 on the same port is somebody else's."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sending:
        try:
            sending.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        source = datagram_source("0:0:0:0:0:0:0:1")
        source.open()
        sending.sendto(b".5", ("::1", source.port))

        assert 0.5 == value_of(source.read())

        everywhere = datagram_source("2001:db8::7")
        everywhere.open()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as neighbour:
            neighbour.bind(("0.0.0.0", everywhere.port))


def test_a_port_in_use_is_said(datagram_source: Make, datagram_sender: socket.socket) -> None:
    """With the port and what to do; nothing stays open."""
    source = datagram_source(port=datagram_sender.getsockname()[1])

    with pytest.raises(SourceUnavailable, match=r"UDP port \d+ cannot be listened on .* name another port"):
        source.open()
    assert 0 == source.port


def test_an_unknown_host_is_said(datagram_source: Make) -> None:
    """The name that no name service may know."""
    with pytest.raises(SourceUnavailable, match=r"host 'phone\.invalid' is unknown"):
        datagram_source("phone.invalid").open()


@pytest.mark.parametrize(
    ("host", "own_port"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), (ANYBODY, True), ("192.168.1.20", False), ("phone", False)],
)
def test_it_says_which_port_of_this_machine_feeds_it(datagram_source: Make, host: str, *, own_port: bool) -> None:
    """An output of this bridge to there would be a circle."""
    assert (4711 if own_port else None) == datagram_source(host, port=4711).fed_by_port
    assert (21412 if own_port else None) == datagram_source(host, port=0, fed_by_port=21412).fed_by_port


# --- requests --------------------------------------------------------------------------------------------------------------


def test_the_sender_is_asked_again_and_again_with_our_port(datagram_source: Make, datagram_sender: socket.socket) -> None:
    """At once and then each interval, also while it answers; each opening asks anew."""
    asked_port = datagram_sender.getsockname()[1]
    source = datagram_source(
        port=0,
        requests=lambda port: [Request(data=b"send to %d" % port, port=asked_port)],
        request_every_s=0.05,
        timeout_s=DEADLINE_S,
    )
    source.open()
    for number in range(3):
        source.poll(0.1)
        data, address = datagram_sender.recvfrom(100)
        assert (b"send to %d" % source.port, source.port) == (data, address[1])
        datagram_sender.sendto(b".%d" % (number + 1), address)
        source.read()


def test_a_sender_that_cannot_be_reached_is_asked_again(datagram_source: Make, free_udp_port: int) -> None:
    """Nobody takes the request, and the refusal that comes back is not the end."""
    asked: list[int] = []

    def requests(port: int) -> list[Request]:
        asked.append(port)
        return [Request(data=b"?", port=free_udp_port)]

    source = datagram_source(port=0, requests=requests, request_every_s=0.02)
    source.open()
    while len(asked) < 4:
        assert source.poll(0.05) is None

    assert {source.port} == set(asked)


# --- the end, and other threads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("met", [False, True])
def test_cancel_ends_whatever_it_waits_for(datagram_source: Make, datagram_sender: socket.socket, *, met: bool) -> None:
    """Waiting for the first frame, or for a lost sender: SourceEnded soon after another thread asks; later calls end at once."""
    source = datagram_source(timeout_s=DEADLINE_S)
    source.open()
    if met:
        datagram_sender.sendto(b".5", ("127.0.0.1", source.port))
        source.read()
    outcome: list[BaseException] = []

    def wait() -> None:
        try:
            if met:
                source.open()
            source.read()
        except SourceEnded as error:
            outcome.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    source.cancel()
    waiting.join(DEADLINE_S)

    assert 1 == len(outcome)
    with pytest.raises(SourceEnded):
        source.read()
    with pytest.raises(SourceEnded):
        source.open()


def test_close_is_idempotent_and_reading_after_it_is_a_loss(datagram_source: Make) -> None:
    """Before open, after open, after close."""
    source = datagram_source()
    source.close()
    source.open()
    source.close()
    source.close()

    with pytest.raises(SourceLost, match="is not open"):
        source.read()


def test_questions_may_come_from_any_thread_at_any_time(datagram_source: Make) -> None:
    """Opening and closing in one thread, ``status`` in another: no answer ever fails."""
    source = datagram_source()
    failures: list[BaseException] = []
    done = threading.Event()

    def ask() -> None:
        try:
            while not done.is_set():
                source.report()
                assert source.notice is None or "waits for test" in source.notice
        except (OSError, AttributeError, AssertionError) as error:
            failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(300):
        source.open()
        source.close()
    done.set()
    asking.join(DEADLINE_S)

    assert [] == failures


# --- what the person is told -------------------------------------------------------------------------------------------------


def test_who_waits_is_told_what_to_do(
    datagram_source: Make, datagram_sender: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    """In ``notice`` until the first frame, and once in the log, after a while."""
    now = [0.0]
    source = datagram_source(hint="switch it on", clock=lambda: now[0])
    assert not source.notice
    source.open()
    expected = f"waits for test from 127.0.0.1: nothing has come yet on UDP port {source.port}; switch it on"
    with caplog.at_level(logging.WARNING, logger="bridge.sources.network"):
        for second in (1.0, 1.9, 2.1, 5.0, 60.0):
            now[0] = second
            assert source.poll(0.0) is None
            assert (second < 2.0) == (source.notice is None)

    assert expected == source.notice
    assert [expected] == caplog.messages

    datagram_sender.sendto(b".5", ("127.0.0.1", source.port))
    wait_for(lambda: source.poll(0.0) is not None, "a frame")
    assert not source.notice


@pytest.mark.usefixtures("soon")
def test_a_sender_of_something_else_is_told(datagram_source: Make, datagram_sender: socket.socket) -> None:
    """It does send, but no faces: another program, or its tracking is off."""
    source = datagram_source()
    source.open()
    for _ in range(60):
        datagram_sender.sendto(b"?", ("127.0.0.1", source.port))
    wait_for(lambda: source.poll(0.05) is None and "has no face in it" in str(source.notice), "the notice")


def test_the_report_has_rate_and_port(datagram_source: Make, datagram_sender: socket.socket) -> None:
    """Measured over real arrivals; nothing was asked for, so nothing is compared."""
    source = datagram_source()
    assert ("", None) == (source.report().delivered, source.report().fps_measured)
    source.open()
    pause = threading.Event()
    while source.report().fps_measured is None:
        datagram_sender.sendto(b".5", ("127.0.0.1", source.port))
        source.read()
        pause.wait(0.01)
    report = source.report()

    assert ("", f"what is sent to UDP port {source.port}", None) == (report.requested, report.delivered, report.warning)
    assert report.fps_measured is not None
    assert 0 < report.fps_measured < 110
