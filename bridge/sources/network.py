"""Faces that another program or a phone tracks and sends as datagrams: a source of finished results.

A protocol is a decoder, and the requests that keep its sender sending; sockets, silence and loss are here, once for all of them.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import select
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bridge.clock import Clock, monotonic
from bridge.errors import ConfigError, SourceEnded, SourceLost, SourceUnavailable
from bridge.sources.report import RateMeter, SourceReport
from bridge.types import Face, TrackResult

log = logging.getLogger(__name__)

Decode: TypeAlias = Callable[[bytes], tuple[Face, ...] | None]
"""One datagram to the faces of one moment, () for "the sender sees no face", None for "not a whole frame (yet)".

Never raises, whatever the bytes; called by the capture thread, in order of arrival.
"""

LARGEST_DATAGRAM = 65535
_RECEIVE_BUFFER_BYTES = 1 << 20
_POLL_S = 0.2
_HINT_AFTER_S = 3.0
ANYBODY = "any"
"""As the sender's host: whoever sends is heard, from other machines too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A datagram that asks the sender for data."""

    data: bytes
    port: int
    """Of the sender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who sends, and where we listen."""

    host: str
    """Name or address of the sender; only its datagrams are heard. ``ANYBODY``: everybody's."""
    port: int
    """UDP port of ours, 0 for any free one."""


def parse_peer(which: str, *, scheme: str, default_host: str, default_port: int) -> Peer:
    """``HOST``, ``HOST:PORT``, ``:PORT``, ``[IPv6]:PORT`` or nothing, as it stands behind ``scheme:`` in ``source.input``.

    Raises ConfigError for anything else, and for no host where ``default_host`` is empty: a phone has to be named.
    """
    text = which.strip()
    host, port_text = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ConfigError(f"source.input {scheme}:{which}: write an IPv6 address as [address]:port")
        port_text = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port_text = text.partition(":")
    if port_text and not (port_text.isascii() and port_text.isdigit() and 1 <= int(port_text[:9]) <= 65535):
        raise ConfigError(f"source.input {scheme}:{which}: port {port_text!r} is not a number from 1 to 65535")
    host = host or default_host
    if not host:
        raise ConfigError(f"source.input {scheme}: name the sender, for example {scheme}:192.168.1.20")
    return Peer(host=host, port=int(port_text) if port_text else default_port)


class DatagramSource:
    """Results as they arrive, dated with their arrival.

    It opens without its sender and waits for it as long as it takes. A sender that falls silent after it has sent is a loss;
    then ``open`` succeeds again when something comes. A sender on this machine is heard on loopback only.
    """

    live = True
    delivers_results = True
    full_range = True
    """What phones and other programs send is a face's own 0..1; MediaPipe's coefficients are not."""

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
        clock: Clock = monotonic,
    ) -> None:
        """``requests`` is called with our own port before each sending; ``hint`` says what to do while nothing comes."""
        self._name = name
        self._peer = peer
        self._decode = decode
        self._requests = requests
        self._request_every_s = request_every_s
        self._timeout_s = timeout_s
        self._hint = hint
        self._clock = clock
        self._cancelled = threading.Event()
        self._socket: socket.socket | None = None
        self._address: tuple[Any, ...] | None = None
        self._allowed: str | None = None
        self._ahead: tuple[Face, ...] | None = None
        self._requested_at = float("-inf")
        self._met = False
        self._seq = 0
        self._ignored = 0
        self._meter = RateMeter()

    @property
    def label(self) -> str:
        """``iFacialMocap from 192.168.1.20``."""
        return self._name if self._peer.host == ANYBODY else f"{self._name} from {self._peer.host}"

    @property
    def notice(self) -> str | None:
        """What to do, while nothing has come yet."""
        if self._met or self._socket is None:
            return None
        return f"{self.label}: nothing has come yet on port {self.port}{'; ' + self._hint if self._hint else ''}"

    @property
    def port(self) -> int:
        """UDP port that is listened on; 0 while closed."""
        return 0 if self._socket is None else int(self._socket.getsockname()[1])

    def open(self) -> None:
        """Listens; after a loss also waits for the sender. Raises SourceUnavailable, SourceEnded."""
        self.close()
        self._check()
        self._listen()
        if not self._met:
            return
        self._ahead = self._receive(self._timeout_s)
        if self._ahead is None:
            self.close()
            raise SourceUnavailable(f"{self.label} is silent{': ' + self._hint if self._hint else ''}")

    def read(self) -> TrackResult:
        """Blocks until the next frame is there. Raises SourceLost when a sender that has sent is silent, SourceEnded."""
        faces, self._ahead = self._ahead, None
        waited_since = self._clock()
        hinted = self._met
        while faces is None:
            if self._met and self._clock() - waited_since >= self._timeout_s:
                raise SourceLost(f"{self.label} has sent nothing for {self._timeout_s:g} s")
            if not hinted and self._clock() - waited_since >= _HINT_AFTER_S:
                hinted = True
                log.warning("%s", self.notice)
            faces = self._receive(_POLL_S)
        self._met = True
        t = self._clock()
        self._meter.tick(t)
        self._seq += 1
        return TrackResult(seq=self._seq - 1, t=t, t_done=t, faces=faces)

    def close(self) -> None:
        opened, self._socket, self._ahead = self._socket, None, None
        self._meter.reset()
        if opened is not None:
            opened.close()

    def cancel(self) -> None:
        self._cancelled.set()

    def report(self) -> SourceReport:
        """What comes, and whether somebody else sends too. Any thread."""
        warning = self.notice
        if self._ignored and warning is None:
            warning = f"{self._ignored} datagrams of others than {self._peer.host} were ignored"
        return SourceReport(requested="", delivered="as it is sent", fps_measured=self._meter.fps, warning=warning)

    # --- capture thread -------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise SourceEnded("stopped on request")

    def _listen(self) -> None:
        family, self._address, self._allowed, bind = self._resolve()
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            with contextlib.suppress(OSError):  # a wish; some systems cap it
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            opened.setblocking(False)
            opened.bind((bind, self._peer.port))
        except OSError as error:
            opened.close()
            raise SourceUnavailable(
                f"{self._name}: UDP port {self._peer.port} cannot be listened on ({error.strerror}): "
                "close the program that has it, or name another port"
            ) from error
        self._socket = opened
        self._requested_at = float("-inf")

    def _resolve(self) -> tuple[socket.AddressFamily, tuple[Any, ...] | None, str | None, str]:
        """Family, the sender's address, the only host that is heard (None: all), where to listen."""
        if self._peer.host == ANYBODY:
            return socket.AF_INET, None, None, ""
        for flags in (socket.AI_NUMERICHOST, 0):  # an address is never looked up anywhere
            try:
                found = socket.getaddrinfo(self._peer.host, 0, type=socket.SOCK_DGRAM, flags=flags)
            except (OSError, UnicodeError) as error:
                failure = error
            else:
                family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
                host = str(address[0])
                loopback = ipaddress.ip_address(host.partition("%")[0]).is_loopback
                return family, address, host, host if loopback else ""
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
            if left <= 0:
                return None
            select.select([self._socket], [], [], min(left, _POLL_S))
            try:
                data, sender = self._socket.recvfrom(LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError, ConnectionError):  # nothing; or an echo of a request nobody took
                continue
            except OSError as error:
                raise SourceLost(f"{self.label} cannot be received: {error.strerror or error}") from error
            if self._allowed is not None and sender[0] != self._allowed:
                self._ignored += 1
                continue
            faces = self._decode(data)
            if faces is not None:
                return faces

    def _ask(self) -> None:
        now = self._clock()
        if self._socket is None or self._address is None or now - self._requested_at < self._request_every_s:
            return
        self._requested_at = now
        for request in self._requests(self.port):
            with contextlib.suppress(OSError):  # not reachable at the moment; asked again soon
                self._socket.sendto(request.data, (self._address[0], request.port, *self._address[2:]))
