"""Datagrams to one address, and the output that most protocols are: an encoder in front of them."""

from __future__ import annotations

import contextlib
import errno
import math
import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from bridge.clock import Clock, monotonic
from bridge.errors import OutputUnavailable
from bridge.outputs.worker import OutputReport
from bridge.types import FaceState, OutputState
from bridge.wire.web import in_url

Datagram: TypeAlias = bytes | memoryview
Encode: TypeAlias = Callable[[FaceState], Sequence[Datagram]]

_SEND_BUFFER_BYTES = 262144
_REFUSAL_SHOWN_S = 3.0
"""How long a refusal counts as "nobody listens": other machines report only about one a second."""
_FULL = {errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS}
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}


class UdpSender:
    """Sends datagrams to host:port without ever blocking. Unicast, broadcast or multicast, IPv4 or IPv6.

    ``open``, ``send`` and ``close`` belong to one thread; the properties may be read from any.
    """

    def __init__(self, host: str, port: int, *, source_host: str = "", clock: Clock = monotonic) -> None:
        """``source_host``: address of this machine that the datagrams come from; empty: as the system chooses."""
        self._host = host
        self._port = port
        self._source_host = source_host
        self._clock = clock
        self._socket: socket.socket | None = None
        self._refused_at = -math.inf
        self._dropped = 0

    @property
    def place(self) -> str:
        """host:port, as people write it."""
        return f"{in_url(self._host)}:{self._port}"

    @property
    def refused(self) -> bool:
        """Whether the receiving machine said, within the last seconds, that nothing listens on the port."""
        return self._clock() - self._refused_at < _REFUSAL_SHOWN_S

    @property
    def dropped(self) -> int:
        """Datagrams that the system had no room for."""
        return self._dropped

    def open(self) -> None:
        """Looks up the host, once and only if it is a name, which may block. Raises OutputUnavailable."""
        self.close()
        family, address = self._resolve()
        try:
            opened = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise OutputUnavailable(f"no socket for {self.place}: {error.strerror}") from error
        try:
            opened.setblocking(False)
            with contextlib.suppress(OSError):  # a wish; some systems cap it
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            if family == socket.AF_INET:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if self._source_host:
                opened.bind((self._source_host, 0))
            # Connected, so that a refusal is told to us.
            opened.connect(address)
        except OSError as error:
            opened.close()
            raise self._unavailable(error) from error
        self._socket = opened

    def send(self, data: Datagram) -> None:
        """One datagram, now or never. Nobody listening, or no room, is no error. Raises OutputUnavailable."""
        if self._socket is None:
            raise OutputUnavailable(f"the socket to {self.place} is not open")
        # Twice: a refusal is reported by the send after the one it is about, and that one was not sent.
        for _ in range(2):
            try:
                self._socket.send(data)
            except (ConnectionRefusedError, ConnectionResetError):  # the latter is Windows' word for it
                self._refused_at = self._clock()
            except OSError as error:
                if error.errno not in _FULL:
                    raise self._unavailable(error, size=len(data)) from error
                self._dropped += 1
                return
            else:
                return

    def close(self) -> None:
        """Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _resolve(self) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
        for flags in (socket.AI_NUMERICHOST, 0):  # an address is never looked up anywhere
            try:
                found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM, flags=flags)
            except OSError as error:
                failure = error
            else:
                # Receivers listen on IPv4; "localhost" may well be ::1 first.
                family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
                return family, address
        raise OutputUnavailable(
            f"host {self._host!r} is unknown ({failure.strerror}); check its spelling, or the network"
        ) from failure

    def _unavailable(self, error: OSError, *, size: int = 0) -> OutputUnavailable:
        if error.errno == errno.EMSGSIZE:
            return OutputUnavailable(f"a datagram of {size} bytes is too large for the way to {self.place}; set max_bytes lower")
        if error.errno in _UNREACHABLE:
            return OutputUnavailable(f"{self.place} cannot be reached: {error.strerror}; check the network and the address")
        return OutputUnavailable(f"sending to {self.place} failed: {error.strerror or error}")


class DatagramOutput:
    """An output that is an encoder and a UDP address. Worker thread; ``report`` any."""

    def __init__(self, host: str, port: int, *, make_encoder: Callable[[], Encode]) -> None:
        """``make_encoder`` is called at each ``open``: an encoder that sends only changes then begins with everything."""
        self._sender = UdpSender(host, port)
        self._make_encoder = make_encoder
        self._encode: Encode | None = None

    def open(self) -> None:
        """Raises OutputUnavailable."""
        self._encode = self._make_encoder()
        self._sender.open()

    def send(self, state: FaceState) -> None:
        """Raises OutputUnavailable."""
        if self._encode is None:
            raise OutputUnavailable(f"the output to {self._sender.place} is not open")
        for datagram in self._encode(state):
            self._sender.send(datagram)

    def close(self) -> None:
        """Idempotent."""
        self._encode = None
        self._sender.close()

    def report(self) -> OutputReport | None:
        """UDP cannot know who listens, but may hear that nobody does."""
        if self._sender.refused:
            return OutputReport(state=OutputState.SENDING, note=f"nobody listens on {self._sender.place} yet")
        return None
