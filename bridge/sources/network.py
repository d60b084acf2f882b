"""Faces that another program or a phone tracks and sends as datagrams: a source of finished results.

A protocol is a decoder, and the requests that keep its sender sending; sockets, silence and loss are here, once for all of them.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bridge.clock import Clock, monotonic
from bridge.errors import SourceEnded, SourceLost, SourceUnavailable
from bridge.sources.peer import ANYBODY, Peer, parse_peer
from bridge.sources.report import RateMeter, SourceReport
from bridge.types import Face, TrackResult

__all__ = ["ANYBODY", "DatagramSource", "Decode", "Peer", "Request", "parse_peer"]

log = logging.getLogger(__name__)

Decode: TypeAlias = Callable[[bytes], tuple[Face, ...] | None]
"""One datagram to the faces of one moment, () for "the sender sees no face", None for "not a whole frame (yet)".

Never raises, whatever the bytes; called by the capture thread, in order of arrival.
"""

LARGEST_DATAGRAM = 65535
_RECEIVE_BUFFER_BYTES = 1 << 20
_POLL_S = 0.2
_HINT_AFTER_S = 2.0
"""Whoever sends already is there sooner: nobody has to be told to start it."""
_FOREIGN_TALK = 50
"""So many datagrams without one frame in them are somebody else's protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A datagram that asks the sender for data."""

    data: bytes
    port: int
    """Of the sender."""


class DatagramSource:
    """Results as they arrive, dated with their arrival.

    It opens without its sender and waits for it as long as it takes. A sender that falls silent after it has sent is a loss;
    then ``open`` succeeds again when something comes. A sender on this machine is heard on loopback only. Where anybody may
    send, the first that sends a frame is the one, until it falls silent: two faces are never mixed.
    """

    live = True
    delivers_results = True
    smoothed = True
    """Phones and trackers filter what they send: there is less noise than in a landmark model's results."""
    retry_max_s = 0.1
    """Opening costs nothing, and while nothing is open nothing is heard."""
    full_range = True
    """The coefficients run from 0 to 1 by themselves: nothing of MediaPipe's resting face is to be taken off."""

    def __init__(
        self,
        *,
        name: str,
        peer: Peer,
        decode: Decode,
        requests: Callable[[int], Sequence[Request]] = lambda _port: (),
        request_every_s: float = 1.0,
        timeout_s: float = 2.0,
        hint: str = "",
        restart: Callable[[], None] = lambda: None,
        fed_by_port: int | None = None,
        clock: Clock = monotonic,
    ) -> None:
        """``requests`` is called with our own port before each sending; ``hint`` says what to do while nothing comes.

        ``restart`` makes ``decode`` forget the stream so far: called at each ``open``. ``fed_by_port``: the port by which a
        program on this machine would feed us, where that is not our own (senders that are asked for data).
        """
        self._name = name
        self._peer = peer
        self._decode = decode
        self._requests = requests
        self._request_every_s = request_every_s
        self._timeout_s = timeout_s
        self._hint = hint
        self._restart = restart
        self._fed_by_port = peer.port if fed_by_port is None else fed_by_port
        self._clock = clock
        self._cancelled = threading.Event()
        self._socket: socket.socket | None = None
        self._address: tuple[Any, ...] | None = None
        self._allowed: str | None = None
        self._ahead: tuple[Face, ...] | None = None
        self._requested_at = float("-inf")
        self._heard_at = 0.0
        self._hinted = False
        self._met = False
        self._seq = 0
        self._meter = RateMeter()
        # Read by any thread: single values, so no lock.
        self._port = 0
        self._stranger = ""
        self._undecoded = 0

    @property
    def label(self) -> str:
        """``iFacialMocap from 192.168.1.20``."""
        return self._name if self._peer.host == ANYBODY else f"{self._name} from {self._peer.host}"

    @property
    def notice(self) -> str | None:
        """What to do, once nothing has come for a while. Any thread."""
        port = self._port
        if self._met or not port or self._clock() - self._heard_at < _HINT_AFTER_S:
            return None
        if self._undecoded >= _FOREIGN_TALK:
            problem = f"what comes on UDP port {port} has no face in it; is it the right program, and its face tracking on?"
        elif self._stranger:
            problem = f"nothing has come yet, but {self._stranger} sends to UDP port {port}: name that host to hear it"
        else:
            problem = f"nothing has come yet on UDP port {port}"
        return f"waits for {self.label}: {problem}{'; ' + self._hint if self._hint else ''}"

    @property
    def port(self) -> int:
        """UDP port that is listened on; 0 while closed. Any thread."""
        return self._port

    @property
    def fed_by_port(self) -> int | None:
        """An output of this very bridge to this port of this machine would feed us: a circle. None: only others are heard."""
        host = self._peer.host
        if host in (ANYBODY, "localhost"):
            return self._fed_by_port
        try:
            return self._fed_by_port if ipaddress.ip_address(host).is_loopback else None
        except ValueError:
            return None

    def open(self) -> None:
        """Listens; after a loss also waits for the sender. Raises SourceUnavailable, SourceEnded."""
        self.close()
        self._check()
        self._restart()
        self._listen()
        self._heard_at = self._clock()
        if not self._met:
            return
        try:
            self._ahead = self._receive(self._timeout_s)
        except (SourceLost, SourceEnded) as error:
            self.close()
            if isinstance(error, SourceEnded):
                raise
            raise SourceUnavailable(str(error)) from error
        if self._ahead is None:
            silence = self._silence()
            self.close()
            raise SourceUnavailable(f"{silence}{'; ' + self._hint if self._hint else ''}")

    def read(self) -> TrackResult:
        """Blocks until the next frame is there. Raises SourceLost when a sender that has sent is silent, SourceEnded."""
        while True:
            result = self.poll(_POLL_S)
            if result is not None:
                return result

    def poll(self, timeout_s: float) -> TrackResult | None:
        """The next frame, or None when none came within ``timeout_s``. Raises as ``read``."""
        faces, self._ahead = self._ahead, None
        if faces is None:
            faces = self._receive(timeout_s)
        t = self._clock()
        if faces is None:
            if self._met and t - self._heard_at >= self._timeout_s:
                raise SourceLost(self._silence())
            notice = None if self._hinted else self.notice
            if notice is not None:
                self._hinted = True
                log.warning("%s", notice)
            return None
        self._met = True
        self._heard_at = t
        self._meter.tick(t)
        self._seq += 1
        return TrackResult(seq=self._seq - 1, t=t, t_done=t, faces=faces)

    def close(self) -> None:
        opened, self._socket, self._ahead = self._socket, None, None
        self._port = 0
        self._stranger = ""
        self._undecoded = 0
        self._meter.reset()
        if opened is not None:
            opened.close()

    def cancel(self) -> None:
        self._cancelled.set()

    def report(self) -> SourceReport:
        """What comes, and whether somebody else sends too. Any thread."""
        port, stranger = self._port, self._stranger
        warning = None
        if self._met and stranger:
            warning = f"{stranger} sends to UDP port {port} too, and is ignored"
        delivered = f"what is sent to UDP port {port}" if port else ""
        return SourceReport(requested="", delivered=delivered, fps_measured=self._meter.fps, warning=warning)

    # --- capture thread -------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise SourceEnded("stopped on request")

    def _silence(self) -> str:
        what = "sends nothing that has a face in it" if self._undecoded >= _FOREIGN_TALK else "has sent nothing"
        return f"{self.label} {what} for {self._timeout_s:g} s"

    def _listen(self) -> None:
        family, self._address, self._allowed, bind = self._resolve()
        try:
            opened = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise SourceUnavailable(f"{self._name}: this system has no {family.name} sockets ({error.strerror})") from error
        try:
            with contextlib.suppress(OSError):  # a wish; some systems cap it
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            if family == socket.AF_INET6:  # so that the same port of IPv4 is none of our business
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind((bind, self._peer.port))
            self._port = int(opened.getsockname()[1])
        except OSError as error:
            opened.close()
            raise SourceUnavailable(
                f"{self._name}: UDP port {self._peer.port} cannot be listened on ({error.strerror}): "
                "close the program that has it, or name another port"
            ) from error
        self._socket = opened
        self._requested_at = float("-inf")

    def _resolve(self) -> tuple[socket.AddressFamily, tuple[Any, ...] | None, str | None, str]:
        """Family, the sender's address, the only host that is heard (None: the first), where to listen."""
        if self._peer.host == ANYBODY:
            return socket.AF_INET, None, None, ""
        for flags in (socket.AI_NUMERICHOST, 0):  # an address is never looked up anywhere
            try:
                found = socket.getaddrinfo(self._peer.host, 0, type=socket.SOCK_DGRAM, flags=flags)
            except (OSError, UnicodeError) as error:
                failure = error
            else:
                family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
                host = _without_zone(str(address[0]))
                return family, address, host, host if ipaddress.ip_address(host).is_loopback else ""
        raise SourceUnavailable(
            f"{self._name}: host {self._peer.host!r} is unknown; check its spelling, or the network"
        ) from failure

    def _receive(self, patience_s: float) -> tuple[Face, ...] | None:
        """The next whole frame, None when none came in time. Raises SourceLost, SourceEnded."""
        deadline = self._clock() + patience_s
        while True:
            self._check()
            if self._socket is None:
                raise SourceLost(f"{self.label} is not open")
            self._ask()
            left = deadline - self._clock()
            self._socket.settimeout(max(0.0, min(left, _POLL_S)))
            try:
                data, sender = self._socket.recvfrom(LARGEST_DATAGRAM)
            except (TimeoutError, BlockingIOError, InterruptedError, ConnectionError):
                data, sender = b"", None  # nothing; or an echo of a request that nobody took
            except OSError as error:
                raise SourceLost(f"{self.label} cannot be received: {error.strerror or error}") from error
            faces = self._heard(data, _without_zone(str(sender[0]))) if sender is not None else None
            if faces is not None or left <= 0.0:
                return faces

    def _heard(self, data: bytes, host: str) -> tuple[Face, ...] | None:
        if self._allowed not in (None, host):
            self._stranger = host
            return None
        faces = self._decode(data)
        if faces is None:
            self._undecoded += 1
        else:
            self._allowed, self._undecoded = host, 0
        return faces

    def _ask(self) -> None:
        now = self._clock()
        if self._socket is None or self._address is None or now - self._requested_at < self._request_every_s:
            return
        self._requested_at = now
        for request in self._requests(self._port):
            with contextlib.suppress(OSError):  # not reachable at the moment; asked again soon
                self._socket.sendto(request.data, (self._address[0], request.port, *self._address[2:]))


def _without_zone(address: str) -> str:
    """``fe80::1%eth0`` -> ``fe80::1``: not every system tells the zone of a sender."""
    return address.partition("%")[0]
