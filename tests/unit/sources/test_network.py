"""Datagrams as a source: waiting, silence and return, strangers, requests, and what the person is told meanwhile."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from bridge.capture import CaptureLoop, CaptureState, Polled
from bridge.errors import SourceEnded, SourceLost, SourceUnavailable
from bridge.sources.network import ANYBODY, DatagramSource, Peer, Request
from bridge.types import CameraFrame, Face, Tracker, TrackResult, frozen_array

DEADLINE_S = 30.0
SILENCE_S = 0.3
Make = Callable[..., DatagramSource]


def _decode(data: bytes) -> tuple[Face, ...] | None:
    """``.5``: a face with all weights at .5; ``-``: no face; anything else is no frame."""
    if data == b"-":
        return ()
    try:
        value = float(data)
    except ValueError:
        return None
    return (Face(weights=frozen_array(np.full(52, value, dtype=np.float32)), head=None),)


def _value(result: TrackResult) -> float:
    return float(result.faces[0].weights[0])


def _bind_second_loopback(other: socket.socket) -> None:
    try:
        other.bind(("127.0.0.2", 0))
    except OSError:
        pytest.skip("this machine has no 127.0.0.2")


@pytest.fixture
def make(pick_udp_port: Callable[[], int]) -> Iterator[Make]:
    """Makes sources, closed at the end; by default for a sender on this machine."""
    with ExitStack() as made:

        def run(host: str = "127.0.0.1", port: int | None = None, **changes: object) -> DatagramSource:
            peer = Peer(host=host, port=pick_udp_port() if port is None else port)
            source = DatagramSource(**({"name": "test", "peer": peer, "decode": _decode, "timeout_s": SILENCE_S} | changes))  # type: ignore[arg-type]
            made.callback(source.close)
            return source

        yield run


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    """A socket of somebody who sends, on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.bind(("127.0.0.1", 0))
        sending.settimeout(DEADLINE_S)
        yield sending


def _wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline, pause = time.monotonic() + DEADLINE_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"{what}: it did not happen in time"
        pause.wait(0.01)


# --- receiving -------------------------------------------------------------------------------------------------------------


def test_frames_come_in_order_with_their_time(make: Make, sender: socket.socket) -> None:
    """One result a frame, numbered, dated with the arrival; what is no frame is passed over; no face is an empty result."""
    times = iter([float(second) for second in range(1000)])
    source = make(clock=lambda: next(times) * 1e-3)
    source.open()
    for data in (b".25", b"?", b"-", b".75"):
        sender.sendto(data, ("127.0.0.1", source.port))

    first, second, third = source.read(), source.read(), source.read()

    assert [0, 1, 2] == [each.seq for each in (first, second, third)]
    assert (0.25, (), 0.75) == (_value(first), second.faces, _value(third))
    assert first.t < second.t < third.t
    assert first.t_done == first.t
    assert first.frame is None


def test_it_opens_without_its_sender_and_waits(make: Make, sender: socket.socket) -> None:
    """Long beyond the time that would be a loss later, as nothing was lost yet; ``poll`` gives back control meanwhile."""
    source = make()
    source.open()
    waited_since = time.monotonic()
    while time.monotonic() - waited_since < 2 * SILENCE_S:
        assert source.poll(0.05) is None

    sender.sendto(b".5", ("127.0.0.1", source.port))

    assert 0.5 == _value(source.read())


def test_silence_after_a_frame_is_a_loss(make: Make, sender: socket.socket) -> None:
    """Said with who is silent and how long."""
    source = make()
    source.open()
    sender.sendto(b".5", ("127.0.0.1", source.port))
    source.read()

    with pytest.raises(SourceLost, match=r"^test from 127\.0\.0\.1 has sent nothing for 0\.3 s$"):
        source.read()


def test_a_lost_sender_is_waited_for_by_open(make: Make, sender: socket.socket) -> None:
    """Silent: unavailable, and closed. Sending: open, and that frame is not lost, nor are numbers used twice."""
    source = make(hint="start it")
    source.open()
    port = source.port
    sender.sendto(b".1", ("127.0.0.1", port))
    source.read()
    source.close()

    with pytest.raises(SourceUnavailable, match=r"has sent nothing for 0\.3 s; start it$"):
        source.open()
    assert 0 == source.port

    opening = threading.Thread(target=source.open)
    opening.start()
    while opening.is_alive():
        sender.sendto(b".2", ("127.0.0.1", port))
        opening.join(0.02)
    result = source.read()
    assert 1 == result.seq
    assert 0.2 == pytest.approx(_value(result))


def test_data_without_a_frame_is_silence_too(make: Make, sender: socket.socket) -> None:
    """Another protocol on the port: no frame comes of it, and the sentence says so."""
    source = make()
    source.open()
    sender.sendto(b".5", ("127.0.0.1", source.port))
    source.read()

    def talk() -> None:
        while True:
            for _ in range(20):
                sender.sendto(b"?", ("127.0.0.1", source.port))
            assert source.poll(0.02) is None

    with pytest.raises(SourceLost, match="sends nothing that has a face in it"):
        talk()


@pytest.mark.parametrize("host", ["127.0.0.1", ANYBODY])
def test_a_flood_does_not_take_the_time_from_the_loop(make: Make, sender: socket.socket, host: str) -> None:
    """Datagrams without a frame that never stop: ``poll`` still ends in time, and with it a pause and the end."""
    source = make(host)
    source.open()
    done = threading.Event()

    def flood() -> None:
        while not done.is_set():
            sender.sendto(b"?", ("127.0.0.1", source.port))

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        assert [None] * 5 == [source.poll(0.02) for _ in range(5)]
    finally:
        done.set()
        flooding.join(DEADLINE_S)


def test_every_opening_begins_a_stream(make: Make) -> None:
    """A decoder that collects is told to forget."""
    restarts: list[int] = []
    source = make(restart=lambda: restarts.append(1))
    source.open()
    source.open()

    assert 2 == len(restarts)


# --- who is heard ----------------------------------------------------------------------------------------------------------


def test_only_its_sender_is_heard(make: Make, sender: socket.socket) -> None:
    """Another address of this machine is somebody else; a waiting person is told who sends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as friend:
        _bind_second_loopback(friend)
        source = make("127.0.0.2")
        source.open()
        # Bound where its sender is: so the stranger has to go there too.
        sender.sendto(b".1", ("127.0.0.2", source.port))
        _wait_for(
            lambda: source.poll(0.05) is None and "but 127.0.0.1 sends to UDP port" in str(source.notice),
            "a notice of a stranger",
        )
        friend.sendto(b".9", ("127.0.0.2", source.port))

        assert 0.9 == pytest.approx(_value(source.read()))
        assert "127.0.0.1 sends to UDP port" in str(source.report().warning)


def test_anybody_is_whoever_is_first(make: Make, sender: socket.socket) -> None:
    """Two senders are never mixed; when the first is gone, another may come."""
    source = make(ANYBODY)
    source.open()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        _bind_second_loopback(other)
        sender.sendto(b"?", ("127.0.0.1", source.port))  # no frame: nobody is chosen by it
        other.sendto(b".2", ("127.0.0.1", source.port))
        sender.sendto(b".1", ("127.0.0.1", source.port))
        other.sendto(b".3", ("127.0.0.1", source.port))

        assert [0.2, 0.3] == [pytest.approx(_value(source.read())) for _ in range(2)]

    source.close()
    opening = threading.Thread(target=source.open)
    opening.start()
    while opening.is_alive():
        if source.port:
            sender.sendto(b".4", ("127.0.0.1", source.port))
        opening.join(0.02)
    assert 0.4 == pytest.approx(_value(source.read()))


def test_a_sender_on_this_machine_is_heard_on_loopback_only(make: Make) -> None:
    """The network cannot even reach the port; for another machine's it must, and for anybody's."""
    places = {}
    for host in ("127.0.0.1", "localhost", "192.0.2.7", ANYBODY):
        source = make(host)
        source.open()
        assert source._socket is not None
        places[host] = source._socket.getsockname()[0]

    assert {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "192.0.2.7": "0.0.0.0", ANYBODY: "0.0.0.0"} == places


def test_ipv6(make: Make) -> None:
    """Received from ::1, whatever the spelling of the address; IPv4 on the same port is somebody else's."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sending:
        try:
            sending.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        source = make("0:0:0:0:0:0:0:1")
        source.open()
        sending.sendto(b".5", ("::1", source.port))

        assert 0.5 == _value(source.read())

        everywhere = make("2001:db8::7")
        everywhere.open()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as neighbour:
            neighbour.bind(("0.0.0.0", everywhere.port))


def test_a_port_in_use_is_said(make: Make, sender: socket.socket) -> None:
    """With the port and what to do; nothing stays open."""
    source = make(port=sender.getsockname()[1])

    with pytest.raises(SourceUnavailable, match=r"UDP port \d+ cannot be listened on .* name another port"):
        source.open()
    assert 0 == source.port


def test_an_unknown_host_is_said(make: Make) -> None:
    """The name that no name service may know."""
    with pytest.raises(SourceUnavailable, match=r"host 'phone\.invalid' is unknown"):
        make("phone.invalid").open()


@pytest.mark.parametrize(
    ("host", "own_port"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), (ANYBODY, True), ("192.168.1.20", False), ("phone", False)],
)
def test_it_says_which_port_of_this_machine_feeds_it(make: Make, host: str, *, own_port: bool) -> None:
    """An output of this bridge to there would be a circle."""
    assert (4711 if own_port else None) == make(host, port=4711).fed_by_port
    assert (21412 if own_port else None) == make(host, port=0, fed_by_port=21412).fed_by_port


# --- requests --------------------------------------------------------------------------------------------------------------


def test_the_sender_is_asked_again_and_again_with_our_port(make: Make, sender: socket.socket) -> None:
    """At once and then each interval, also while it answers; each opening asks anew."""
    asked_port = sender.getsockname()[1]
    source = make(
        port=0,
        requests=lambda port: [Request(data=b"send to %d" % port, port=asked_port)],
        request_every_s=0.05,
        timeout_s=DEADLINE_S,
    )
    source.open()
    for number in range(3):
        source.poll(0.1)
        data, address = sender.recvfrom(100)
        assert (b"send to %d" % source.port, source.port) == (data, address[1])
        sender.sendto(b".%d" % (number + 1), address)
        source.read()


def test_a_sender_that_cannot_be_reached_is_asked_again(make: Make, free_udp_port: int) -> None:
    """Nobody takes the request, and the refusal that comes back is not the end."""
    asked: list[int] = []

    def requests(port: int) -> list[Request]:
        asked.append(port)
        return [Request(data=b"?", port=free_udp_port)]

    source = make(port=0, requests=requests, request_every_s=0.02)
    source.open()
    while len(asked) < 4:
        assert source.poll(0.05) is None

    assert {source.port} == set(asked)


# --- the end, and other threads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("met", [False, True])
def test_cancel_ends_whatever_it_waits_for(make: Make, sender: socket.socket, *, met: bool) -> None:
    """Waiting for the first frame, or for a lost sender: SourceEnded soon after another thread asks; later calls end at once."""
    source = make(timeout_s=DEADLINE_S)
    source.open()
    if met:
        sender.sendto(b".5", ("127.0.0.1", source.port))
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


def test_close_is_idempotent_and_reading_after_it_is_a_loss(make: Make) -> None:
    """Before open, after open, after close."""
    source = make()
    source.close()
    source.open()
    source.close()
    source.close()

    with pytest.raises(SourceLost, match="is not open"):
        source.read()


def test_questions_may_come_from_any_thread_at_any_time(make: Make) -> None:
    """Opening and closing in one thread, ``status`` in another: no answer ever fails."""
    source = make()
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


def test_who_waits_is_told_what_to_do(make: Make, sender: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    """In ``notice`` until the first frame, and once in the log, after a while."""
    now = [0.0]
    source = make(hint="switch it on", clock=lambda: now[0])
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

    sender.sendto(b".5", ("127.0.0.1", source.port))
    _wait_for(lambda: source.poll(0.0) is not None, "a frame")
    assert not source.notice


def test_a_sender_of_something_else_is_told(make: Make, sender: socket.socket) -> None:
    """It does send, but no faces: another program, or its tracking is off."""
    source = make()
    source.open()
    for _ in range(60):
        sender.sendto(b"?", ("127.0.0.1", source.port))
    _wait_for(lambda: source.poll(0.05) is None and "has no face in it" in str(source.notice), "the notice")


def test_the_report_has_rate_and_port(make: Make, sender: socket.socket) -> None:
    """Measured over real arrivals; nothing was asked for, so nothing is compared."""
    source = make()
    assert ("", None) == (source.report().delivered, source.report().fps_measured)
    source.open()
    pause = threading.Event()
    while source.report().fps_measured is None:
        sender.sendto(b".5", ("127.0.0.1", source.port))
        source.read()
        pause.wait(0.01)
    report = source.report()

    assert ("", f"what is sent to UDP port {source.port}", None) == (report.requested, report.delivered, report.warning)
    assert report.fps_measured is not None
    assert 0 < report.fps_measured < 110


# --- in the capture loop -----------------------------------------------------------------------------------------------------


class _Capture:
    """A capture loop around a source, its results counted."""

    def __init__(self, source: DatagramSource) -> None:
        self.results: list[TrackResult] = []
        self.loop = CaptureLoop(source, make_tracker=self._no_tracker, offer=self.results.append, retry_max_s=10.0)
        self.loop.start()
        assert self.loop.opened.wait(DEADLINE_S)
        self.loop.go.set()

    @staticmethod
    def _no_tracker() -> Tracker:
        raise AssertionError("finished results need no tracker")

    def wait_for(self, state: CaptureState) -> None:
        _wait_for(lambda: self.loop.status().state is state, f"state {state.value}")


@pytest.fixture
def capture(make: Make) -> Iterator[Callable[[], tuple[_Capture, DatagramSource]]]:
    """Starts one; stopped at the end."""
    with ExitStack() as started:

        def run() -> tuple[_Capture, DatagramSource]:
            source = make()
            running = _Capture(source)
            started.callback(running.loop.stop)
            return running, source

        yield run


def _send_until(sender: socket.socket, port: int, condition: Callable[[], bool]) -> None:
    def done() -> bool:
        sender.sendto(b".5", ("127.0.0.1", port))
        return condition()

    _wait_for(done, "results")


def test_the_loop_waits_runs_loses_and_finds_again(
    capture: Callable[[], tuple[_Capture, DatagramSource]], sender: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    """waiting -> running -> lost -> running, one line in the log for the loss and one for the return."""
    with caplog.at_level(logging.INFO, logger="bridge.capture"):
        running, source = capture()
        port = source.port
        running.wait_for(CaptureState.WAITING)
        _send_until(sender, port, lambda: len(running.results) >= 100)
        assert running.loop.status().state is CaptureState.RUNNING
        running.wait_for(CaptureState.LOST)
        _send_until(sender, port, lambda: running.loop.status().state is CaptureState.RUNNING)

    assert 1 == running.loop.status().losses
    assert running.loop.status().error is None
    assert [
        "test from 127.0.0.1 has sent nothing for 0.3 s; waiting for it to return",
        "test from 127.0.0.1 is back",
    ] == caplog.messages


def test_a_sender_that_comes_and_goes_does_not_fill_the_log(
    capture: Callable[[], tuple[_Capture, DatagramSource]], sender: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    """A frame now and then: lost and found each time in ``status``, told once."""
    with caplog.at_level(logging.INFO, logger="bridge.capture"):
        running, source = capture()
        port = source.port
        for round_ in range(4):
            _send_until(sender, port, lambda: running.loop.status().state is CaptureState.RUNNING)
            _wait_for(lambda before=round_: running.loop.status().losses > before, "a loss")  # type: ignore[misc]

    assert 2 >= len(caplog.messages)


def test_a_pause_lets_go_of_the_port_and_resume_takes_it(
    capture: Callable[[], tuple[_Capture, DatagramSource]], sender: socket.socket
) -> None:
    """Also while it still waits for its sender."""
    running, source = capture()
    port = source.port
    running.wait_for(CaptureState.WAITING)
    running.loop.pause()
    running.wait_for(CaptureState.PAUSED)
    _wait_for(lambda: source.port == 0, "closed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
    running.loop.resume()
    _send_until(sender, port, lambda: len(running.results) > 0)

    running.loop.pause()
    running.wait_for(CaptureState.PAUSED)
    running.loop.resume()
    _send_until(sender, port, lambda: running.loop.status().state is CaptureState.RUNNING)


def test_it_plays_the_roles_it_is_meant_for(make: Make) -> None:
    """Asked with a time limit, no tracker, no end."""
    source = make()

    assert isinstance(source, Polled)
    assert (True, True, True) == (source.live, source.delivers_results, source.smoothed)
    assert not isinstance(source, CameraFrame)
