"""What a receiver asks of the iFacialMocap or Facemotion3d app, and who is to be sent frames for it. Pure.

The text protocol has no keep-alive: many receivers ask once and then only listen. So a client stays until it says stop, until
somebody finds that nobody listens there (``drop``), or, if so wished, until it has not asked for a while.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass

from bridge.wire.ifacialmocap import Variant

START_V1 = b"iFacialMocap_sahuasouryya9218sauhuiayeta91555dy3719"
START_V2 = START_V1 + b"|sendDataVersion=v2"
START_FACEMOTION3D = b"FACEMOTION3D_OtherStreaming"

IFACIALMOCAP_PORT = 49983
"""Where the iFacialMocap app is asked, and where its receivers listen."""
FACEMOTION3D_PORT = 49993
"""Where the Facemotion3d app is asked. It is said to answer to this port, and its vendor's example listens on 49983."""

MOST_CLIENTS = 8
_LARGEST_REQUEST = 512
_STARTS = {START_V1.decode(): "v1", START_FACEMOTION3D.decode(): "facemotion3d"}
_STOPS = {"iFacialMocap_UDPTCPSTOP_sahuasouryya9218sauhuiayeta91555dy3719", "StopStreaming_FACEMOTION3D"}
_RECENTRE = "iFacialMocap_lookForward"
_TCP = {"iFacialMocap_UDPTCP_sahuasouryya9218sauhuiayeta91555dy3719"}


class Wish(enum.Enum):
    """What a request asks for."""

    V1 = "v1"
    V2 = "v2"
    FACEMOTION3D = "facemotion3d"
    STOP = "stop"
    RECENTRE = "recentre"
    """Look straight ahead now; the bridge has a command of its own for that, so this is not followed."""
    TCP = "tcp"
    """A stream over TCP, which is not offered."""


def parse_request(data: bytes) -> Wish | None:
    """What a datagram asks for; None for anything else. Unknown parameters are passed over. Never raises."""
    if len(data) > _LARGEST_REQUEST:
        return None
    word, *parameters = (part.strip() for part in data.decode("ascii", "replace").strip("\0 \t\r\n").split("|"))
    if word in _STOPS:
        return Wish.STOP
    if word == _RECENTRE:
        return Wish.RECENTRE
    if word in _TCP or (word in _STARTS and "protocol=tcp" in parameters):
        return Wish.TCP
    if word not in _STARTS:
        return None
    return Wish.V2 if word == START_V1.decode() and "sendDataVersion=v2" in parameters else Wish(_STARTS[word])


@dataclass(frozen=True, slots=True)
class Client:
    """Who is sent frames."""

    host: str
    variant: Variant


_VARIANTS: dict[Wish, Variant] = {Wish.V1: "v1", Wish.V2: "v2", Wish.FACEMOTION3D: "facemotion3d"}


class Clients:
    """At most ``MOST_CLIENTS`` hosts and the format that each asked for last. One thread; times are seconds on any one clock."""

    def __init__(self, *, offered: Collection[Variant], expire_s: float = 0.0) -> None:
        """``expire_s``: a host that has not asked for so long is forgotten; 0: never."""
        self._offered = offered
        self._expire_s = expire_s
        self._asked: dict[Client, float] = {}

    def hear(self, host: str, data: bytes, now: float) -> Wish | None:
        """A datagram of ``host``'s; what it was taken for. Who comes when all places are taken is not let in."""
        wish = parse_request(data)
        if wish is Wish.STOP:
            self.drop(host)
        variant = _VARIANTS.get(wish) if wish is not None else None
        if variant in self._offered and variant is not None:
            self.at(now)
            if self._of(host) or len(self._asked) < MOST_CLIENTS:
                self.drop(host)
                self._asked[Client(host, variant)] = now
        return wish

    def drop(self, host: str) -> None:
        """Forgets a host, if it was there."""
        for client in self._of(host):
            del self._asked[client]

    def at(self, now: float) -> tuple[Client, ...]:
        """Who is to be sent a frame; those whose time is over are forgotten."""
        if self._expire_s > 0.0:
            self._asked = {client: asked for client, asked in self._asked.items() if now - asked <= self._expire_s}
        return tuple(self._asked)

    def _of(self, host: str) -> list[Client]:
        return [client for client in self._asked if client.host == host]
