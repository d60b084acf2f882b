"""One port that answers plain GETs and WebSockets on the shared loop, every request checked first (``wire.web``)."""

from __future__ import annotations

import asyncio
import email.utils
import errno
import http
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from bridge.errors import OutputRejected, OutputUnavailable
from bridge.outputs.event_loop import EventLoopThread
from bridge.wire.web import WebGate, WebRequest, in_url

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 256 * 1024
MAX_CONNECTIONS = 512
"""Pages, viewers and clients together; beyond it a connection is closed as soon as it is made."""
OPEN_TIMEOUT_S = 5.0
"""What a client gets for sending its request."""
CLOSE_TIMEOUT_S = 0.5
_START_TIMEOUT_S = 5.0

# Written for the browser: nothing but our own files, nobody may frame or sniff them, no address leaks out of them.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebResponse:
    """An answer to a plain GET."""

    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    cache: str = "no-store"


Answer = Callable[[WebRequest], Awaitable[WebResponse | None]]
"""The answer to a plain GET; None lets a WebSocket in."""
Serve = Callable[[ServerConnection, WebRequest], Awaitable[None]]
"""Serves a WebSocket until it ends; WebSocket errors of its own connection may escape."""


def sentence(status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> WebResponse:
    """A plain-text answer for people and programs."""
    return WebResponse(status=status, body=f"{text}\n".encode(errors="backslashreplace"), headers=headers)


class WebServer:
    """``open`` and ``close`` from any thread but the loop's; ``answer`` and ``serve`` are called in the loop's."""

    def __init__(self, gate: WebGate, *, event_loop: EventLoopThread, answer: Answer, serve: Serve) -> None:
        self._gate = gate
        self._event_loop = event_loop
        self._answer = answer
        self._serve = serve
        self._server: Server | None = None
        self._connections: set[ServerConnection] = set()

    def open(self) -> None:
        """Listens. Raises OutputUnavailable (port in use, address not of this machine), OutputRejected (no permission)."""
        try:
            self._event_loop.run(self._open(), _START_TIMEOUT_S)
        except PermissionError as error:
            raise OutputRejected(
                f"the system does not let this program listen on {self._place}: choose a port above 1023"
            ) from error
        except TimeoutError as error:
            raise OutputUnavailable(f"listening on {self._place} took longer than {_START_TIMEOUT_S:.0f} s") from error
        except OSError as error:
            raise OutputUnavailable(_why_not(self._place, error)) from error

    def close(self) -> None:
        """Says goodbye to every client, at most for ``CLOSE_TIMEOUT_S``, and stops listening. Idempotent."""
        if self._server is None:
            return
        try:
            self._event_loop.run(self._close(), 4 * CLOSE_TIMEOUT_S)
        except (RuntimeError, TimeoutError) as error:
            log.debug("closing %s: %s", self._place, error)  # the loop is closed: it took the sockets along

    @property
    def _place(self) -> str:
        return f"{in_url(self._gate.host)}:{self._gate.port}"

    # --- the loop's thread -----------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._server = await serve(
            self._handle,
            self._gate.host,
            self._gate.port,
            process_request=self._process,
            compression=None,  # frames are shared between viewers; and 2.5 times cheaper
            write_limit=0,  # a write counts as done when the system has taken all of it
            max_size=MAX_MESSAGE_BYTES,
            max_queue=4,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            server_header="avatar-bridge",
            logger=_quiet_logger(),
            create_connection=self._connection_type(),
        )

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await server.wait_closed()
        except TimeoutError:
            for connection in tuple(self._connections):
                connection.transport.abort()
            await server.wait_closed()

    def _connection_type(self) -> type[ServerConnection]:
        connections = self._connections

        class CountedConnection(ServerConnection):
            """Knows how many there are, from the first byte on: whoever opens and says nothing counts too."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                connections.add(self)
                if len(connections) > MAX_CONNECTIONS:
                    self.transport.abort()

            def connection_lost(self, exc: Exception | None) -> None:
                connections.discard(self)
                super().connection_lost(exc)

        return CountedConnection

    async def _process(self, _connection: ServerConnection, request: Request) -> Response | None:
        asked = parse_request(request)
        refusal = self._gate.refusal(asked)
        if refusal is not None:
            log.debug("refused %s %s: %s", asked.method, asked.path, refusal.sentence)
            return _response(sentence(refusal.status, refusal.sentence, refusal.headers))
        answer = await self._answer(asked)
        return None if answer is None else _response(answer, cookie=self._gate.cookie_to_set(asked))

    async def _handle(self, connection: ServerConnection) -> None:
        if connection.request is not None:
            await self._serve(connection, parse_request(connection.request))


def parse_request(request: Request) -> WebRequest:
    """The library's request as ours. Before websockets 17 only GET arrives here, and there is no ``method``."""
    method = str(getattr(request, "method", "GET"))
    return WebRequest.parse(method=method, target=request.path, headers=request.headers.raw_items())


def _response(answer: WebResponse, *, cookie: str | None = None) -> Response:
    headers = Headers(
        [
            ("Date", email.utils.formatdate(usegmt=True)),
            ("Connection", "close"),
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", answer.cache),
            *_SECURITY_HEADERS,
            *answer.headers,
        ]
    )
    if cookie is not None:
        headers["Set-Cookie"] = cookie
    return Response(answer.status, http.HTTPStatus(answer.status).phrase, headers, answer.body)


def _quiet_logger() -> logging.Logger:
    """What foreign clients do wrong is no news; what our handlers do wrong is."""
    logger = logging.getLogger(f"{__name__}.connections")
    logger.setLevel(logging.ERROR)
    return logger


def _why_not(place: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE or getattr(error, "winerror", None) == 10048:
        return f"{place} is in use by another program"
    # From Python 3.13 on asyncio says so in an error of its own, without a number.
    if error.errno in (errno.EADDRNOTAVAIL, None) or isinstance(error, socket.gaierror):
        return f"{place} is not an address of this machine"
    reason: Any = error.strerror or error
    return f"cannot listen on {place}: {reason}"
