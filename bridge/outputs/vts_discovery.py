"""Hears what VTube Studio tells the network about itself, while there is no connection to it.

Only what comes from the machine on which VTube Studio is configured counts, and only its port is used: a stranger in the network
can turn nobody to another machine. Nothing is ever answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridge.clock import Clock, monotonic
from bridge.wire.vts import Broadcast, parse_broadcast
from bridge.wire.web import is_loopback

log = logging.getLogger(__name__)

_VALID_S = 6.0
"""VTube Studio repeats itself every 2 s: three times unheard, and it is gone."""
_MAX_REMEMBERED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    broadcast: Broadcast
    at: float


class VtsDiscovery:
    """``open`` and ``close`` as often as needed. All calls in the loop's thread, ``on_news`` too."""

    def __init__(self, host: str, *, on_news: Callable[[], None], port: int, clock: Clock = monotonic) -> None:
        """``on_news`` is called when a VTube Studio appears, or its API or port changes."""
        self._host = host
        self._on_news = on_news
        self._port = port
        self._clock = clock
        self._transport: asyncio.DatagramTransport | None = None
        self._sources: frozenset[str] = frozenset()
        self._heard: dict[int, _Heard] = {}

    def of_port(self, port: int) -> Broadcast | None:
        """What was lately heard of the VTube Studio that has, or would have, this port."""
        return next((heard for heard in self._lately() if heard.port == port), None)

    def any(self) -> Broadcast | None:
        """What was lately heard of any, one with its API on first."""
        return min(self._lately(), key=lambda heard: not heard.active, default=None)

    async def open(self) -> None:
        """Listens. Another program that does not share the port is no failure: then nothing is heard."""
        if self._transport is not None:
            return
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError, UnicodeError):
            found = await loop.getaddrinfo(self._host, 0, type=socket.SOCK_DGRAM)
            self._sources = frozenset(str(address[0]) for *_, address in found)
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # other plugins listen too
            if hasattr(socket, "SO_REUSEPORT"):
                with contextlib.suppress(OSError):
                    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            opened.bind(("", self._port))  # broadcasts come to no single address
            self._transport, _ = await loop.create_datagram_endpoint(lambda: _Listener(self), sock=opened)
        except OSError as error:
            opened.close()
            log.debug("UDP port %d cannot be listened on: %s", self._port, error)

    def close(self) -> None:
        """Idempotent."""
        transport, self._transport = self._transport, None
        self._heard.clear()
        if transport is not None:
            transport.close()

    def received(self, data: bytes, source: str) -> None:
        """A datagram from an address."""
        broadcast = parse_broadcast(data)
        if broadcast is None or not self._is_trusted(source):
            return
        news = self.of_port(broadcast.port) != broadcast
        if len(self._heard) < _MAX_REMEMBERED or broadcast.port in self._heard:
            self._heard[broadcast.port] = _Heard(broadcast=broadcast, at=self._clock())
        if news:
            self._on_news()

    def _lately(self) -> list[Broadcast]:
        now = self._clock()
        return [heard.broadcast for heard in self._heard.values() if now - heard.at < _VALID_S]

    def _is_trusted(self, source: str) -> bool:
        if source in self._sources:
            return True
        return is_loopback(self._host) and _is_of_this_machine(source)


def _is_of_this_machine(address: str) -> bool:
    """A socket can be bound to our own addresses only; broadcasts carry that of a network card."""
    try:
        if ipaddress.ip_address(address).is_loopback:
            return True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except (OSError, ValueError):
        return False
    return True


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, discovery: VtsDiscovery) -> None:
        self._discovery = discovery

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._discovery.received(data, str(addr[0]))

    def error_received(self, exc: Exception) -> None:
        log.debug("discovery: %s", exc)
