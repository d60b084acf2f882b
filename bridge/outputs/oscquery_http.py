"""The two ends of OSCQuery's HTTP, as small as it is: a server that answers GETs about a root of ours, and a client for one GET.

Everything here belongs to one asyncio loop and its thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import http.client
import io
import logging

from bridge.wire.oscquery import MAX_TEXT_CHARACTERS, OscQueryRoot
from bridge.wire.web import WebGate, WebRequest, in_url

log = logging.getLogger(__name__)

MAX_HEAD_BYTES = 8192
"""Request line and headers, or status line and headers."""
MAX_CONNECTIONS = 32
REQUEST_TIMEOUT_S = 5.0
"""What a client gets for sending its request and taking the answer."""
CLIENT_TIMEOUT_S = 3.0

_END_OF_HEAD = b"\r\n\r\n"


class HttpFailed(OSError):
    """A GET that brought nothing; one sentence.

    Attributes:
        status: the answer's, None when there was none.
    """

    def __init__(self, sentence: str, *, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class OscQueryServer:
    """Shows one root. Every request is checked by the same rules as the control port's (``wire.web``)."""

    def __init__(self, root: OscQueryRoot) -> None:
        self._root = root
        self._gate = WebGate(host="127.0.0.1", port=0)
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """TCP port; 0 while closed."""
        return 0 if self._server is None else int(self._server.sockets[0].getsockname()[1])

    async def open(self, address: str) -> None:
        """Listens on a free port of an IPv4 address. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, address, 0, limit=MAX_HEAD_BYTES, start_serving=False)
        self._gate = WebGate(host=address, port=self.port)
        await self._server.start_serving()

    async def close(self) -> None:
        """Stops listening and hangs up. Idempotent."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in tuple(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._busy) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._busy.add(task)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                writer.write(self._answer(await reader.readuntil(_END_OF_HEAD)))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("a client of OSCQuery failed: %s", error)
        finally:
            self._busy.discard(task)
            writer.transport.abort()

    def _answer(self, head: bytes) -> bytes:
        """The whole response to a request's head."""
        first, _, rest = head.partition(b"\r\n")
        parts = first.decode("latin-1").split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            return _response(400, "this is not an HTTP request")
        try:
            headers = http.client.parse_headers(io.BytesIO(rest))
        except http.client.HTTPException:
            return _response(400, "these are not HTTP headers")
        request = WebRequest.parse(method=parts[0], target=parts[1], headers=headers.items())
        refusal = self._gate.refusal(request)
        if refusal is not None:
            return _response(refusal.status, refusal.sentence, refusal.headers)
        answer = self._root.answer(parts[1])
        return _response(answer.status, answer.text)


def _response(status: int, text: str, more: tuple[tuple[str, str], ...] = ()) -> bytes:
    body = b"" if status == http.HTTPStatus.NO_CONTENT else text.encode(errors="backslashreplace")
    headers = [("Connection", "close"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), *more]
    if status != http.HTTPStatus.NO_CONTENT:  # which has neither, by RFC 9110
        content_type = "application/json" if status == http.HTTPStatus.OK else "text/plain; charset=utf-8"
        headers += [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1") + _END_OF_HEAD + body


async def get(host: str, port: int, target: str, *, timeout_s: float = CLIENT_TIMEOUT_S) -> str:
    """The body of a 200 answer to a GET, "" for a 204. Follows nothing, reads at most 4 million bytes.

    ``host`` is an IP address. Raises HttpFailed.
    """
    place = f"http://{in_url(host)}:{port}{target}"
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, limit=MAX_HEAD_BYTES)
            try:
                lines = (
                    f"GET {target} HTTP/1.1",
                    f"Host: {in_url(host)}:{port}",
                    "Accept: application/json",
                    "Connection: close",
                )
                writer.write("\r\n".join(lines).encode("ascii") + _END_OF_HEAD)
                status, body = await _read_response(reader)
            finally:
                writer.transport.abort()
    except TimeoutError as error:
        raise HttpFailed(f"{place} did not answer within {timeout_s:g} s") from error
    except OSError as error:
        raise HttpFailed(f"{place} cannot be reached: {error.strerror or error}") from error
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, http.client.HTTPException, ValueError) as error:
        raise HttpFailed(f"{place} answered something else than HTTP: {error}") from error
    if status not in {http.HTTPStatus.OK, http.HTTPStatus.NO_CONTENT}:
        raise HttpFailed(f"{place} answered {status}", status=status)
    return body.decode("utf-8", errors="replace")


async def _read_response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body. Raises ValueError and what the reader raises."""
    first, _, rest = (await reader.readuntil(_END_OF_HEAD)).partition(b"\r\n")
    version, _, code = first.decode("latin-1").partition(" ")
    status = int(code[:3])
    if not version.startswith("HTTP/1."):
        raise ValueError(ascii(version[:20]))
    headers = http.client.parse_headers(io.BytesIO(rest))
    if status == http.HTTPStatus.NO_CONTENT:
        return status, b""
    if (headers.get("Transfer-Encoding") or "").strip().lower() == "chunked":
        return status, await _read_chunks(reader)
    length = headers.get("Content-Length")
    if length is not None:
        return status, await reader.readexactly(_bounded(int(length)))
    parts = bytearray()
    while data := await reader.read(65536):
        parts += data
        _bounded(len(parts))
    return status, bytes(parts)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        _bounded(len(parts) + size)
        parts += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise ValueError("a chunk without its end")
    with contextlib.suppress(asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n")
    return bytes(parts)


def _bounded(size: int) -> int:
    if not 0 <= size <= MAX_TEXT_CHARACTERS:
        raise ValueError(f"{size} bytes are more than the {MAX_TEXT_CHARACTERS} that are read")
    return size
