"""Datagrams to whoever asked for them: the phone's side of protocols in which the receiver asks first.

One socket listens for requests and is looked at before each frame, so there is no thread beside the output's own: a request
is answered with the next frame.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bridge.clock import Clock, monotonic
from bridge.errors import OutputUnavailable
from bridge.outputs.udp import UdpSender
from bridge.outputs.worker import OutputReport
from bridge.types import FaceState, OutputState
from bridge.wire.ifacialmocap import Variant
from bridge.wire.ifacialmocap_requests import Client, Clients
from bridge.wire.web import in_url

_log = logging.getLogger(__name__)

_MOST_REQUESTS = 64
"""Looked at before one frame; more wait for the next."""
_LARGEST_REQUEST = 2048
REFUSED_FOR_S = 20.0
"""A client whose machine says for so long that nobody listens is forgotten."""


@dataclass(slots=True)
class _Line:
    """The sockets to one client, one per port that it may listen on."""

    client: Client
    senders: list[UdpSender]
    refused_since: float | None = None


class AskedOutput:
    """Listens for start requests and sends frames to their senders' hosts. Worker thread; ``report`` any."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        reply_ports: Sequence[int],
        encoders: Mapping[Variant, Callable[[], Callable[[FaceState], bytes]]],
        expire_s: float,
        clock: Clock = monotonic,
    ) -> None:
        """Listens on host:port; a client gets every frame on each of ``reply_ports``. ``encoders`` make the formats offered."""
        self._host = host
        self._port = port
        self._reply_ports = reply_ports
        self._make_encoders = encoders
        self._expire_s = expire_s
        self._clock = clock
        self._socket: socket.socket | None = None
        self._bound_host = ""
        self._clients = Clients(offered=tuple(encoders), expire_s=expire_s)
        self._encoders: dict[Variant, Callable[[FaceState], bytes]] = {}
        self._lines: dict[Client, _Line] = {}
        self._sent_to: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """host:port that is listened on, as people write it."""
        return f"{in_url(self._host)}:{self._port}"

    def open(self) -> None:
        """Listens. Raises OutputUnavailable."""
        self.close()
        try:
            family, _, _, _, address = min(
                socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM), key=lambda found: found[0] != socket.AF_INET
            )
        except (OSError, UnicodeError) as error:
            raise OutputUnavailable(f"host {self._host!r} is unknown; write an address of this machine, or 0.0.0.0") from error
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.bind(address)
        except OSError as error:
            opened.close()
            raise OutputUnavailable(
                f"UDP port {self.place} cannot be listened on ({error.strerror}): a receiver on this machine may have it; "
                "close it, name another address or port, or send to it unasked with serve=0"
            ) from error
        self._socket = opened
        bound = ipaddress.ip_address(str(address[0]).partition("%")[0])
        self._bound_host = "" if bound.is_unspecified or bound.is_link_local else str(bound)
        self._clients = Clients(offered=tuple(self._make_encoders), expire_s=self._expire_s)
        self._encoders = {variant: make() for variant, make in self._make_encoders.items()}

    def send(self, state: FaceState) -> None:
        """Hears who asks, and sends to all who did. Raises OutputUnavailable when it is not open."""
        now = self._clock()
        self._hear(now)
        clients = self._clients.at(now)
        for gone in [client for client in self._lines if client not in clients]:
            self._hang_up(gone)
        frames = {variant: self._encoders[variant](state) for variant in {client.variant for client in clients}}
        for client in clients:
            self._send_to(client, frames[client.variant], now)
        self._sent_to = tuple(client.host for client in self._lines)

    def close(self) -> None:
        """Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        for client in list(self._lines):
            self._hang_up(client)
        self._sent_to = ()

    def report(self) -> OutputReport | None:
        """Who is sent to, or that nobody has asked."""
        hosts = self._sent_to
        if not hosts:
            return OutputReport(state=OutputState.WAITING, note=f"nobody has asked on UDP port {self.place} yet")
        return OutputReport(state=OutputState.SENDING, note=f"to {', '.join(hosts)}")

    def _hear(self, now: float) -> None:
        if self._socket is None:
            raise OutputUnavailable(f"UDP port {self.place} is not open")
        for _ in range(_MOST_REQUESTS):
            try:
                data, sender = self._socket.recvfrom(_LARGEST_REQUEST)
            except BlockingIOError:
                return
            except OSError:  # too long for any request (Windows says so), or an echo of something unreachable
                continue
            wish = self._clients.hear(str(sender[0]), data, now)
            _log.debug("%s asks for %s", sender[0], "nothing known" if wish is None else wish.value)

    def _send_to(self, client: Client, frame: bytes, now: float) -> None:
        """A client that cannot be reached is forgotten: it disturbs no other, and may ask again."""
        line = self._lines.get(client)
        try:
            if line is None:
                line = self._lines[client] = self._dial(client)
                _log.info("%s asked on %s, and gets frames from now on", client.host, self.place)
            for sender in line.senders:
                sender.send(frame)
        except OutputUnavailable as error:
            _log.info("%s is sent no more: %s", client.host, error)
            self._forget(client)
            return
        if not all(sender.refused for sender in line.senders):
            line.refused_since = None
        elif line.refused_since is None:
            line.refused_since = now
        elif now - line.refused_since >= REFUSED_FOR_S:
            _log.info("%s is sent no more: nobody listens there", client.host)
            self._forget(client)

    def _dial(self, client: Client) -> _Line:
        """Sockets whose datagrams come from the address that was asked, as receivers may heed. Raises OutputUnavailable."""
        line = _Line(client, [])
        with contextlib.ExitStack() as undo:
            for port in self._reply_ports:
                sender = UdpSender(client.host, port, source_host=self._bound_host, clock=self._clock)
                sender.open()
                undo.callback(sender.close)
                line.senders.append(sender)
            undo.pop_all()
        return line

    def _forget(self, client: Client) -> None:
        self._clients.drop(client.host)
        self._hang_up(client)

    def _hang_up(self, client: Client) -> None:
        line = self._lines.pop(client, None)
        for sender in line.senders if line is not None else ():
            sender.close()
