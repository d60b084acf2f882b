"""One WebSocket client that is sent the newest of everything and never waited for."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Hashable

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import State

log = logging.getLogger(__name__)

SEND_BUFFER_BYTES = 64 * 1024
"""What the system may hold for a viewer that does not keep up: about two seconds of frames, instead of minutes."""


def framed(message: str | bytes) -> bytes:
    """The message as the bytes of one WebSocket frame. Frames from a server are not masked, so all viewers get the same bytes."""
    if isinstance(message, str):
        return Frame(Opcode.TEXT, message.encode()).serialize(mask=False)
    return Frame(Opcode.BINARY, message).serialize(mask=False)


class Viewer:
    """A slot per key in front of one connection. All calls in the loop's thread; none of them waits.

    As long as the last write is on its way, what comes next waits in the slot of its key, and a newer one replaces it. A write
    that does not complete within ``stall_s`` ends the connection. The connection's write buffer must have no head room
    (``write_limit=0``) and the connection no extension (``compression=None``).
    """

    __slots__ = ("_connection", "_draining", "_slots", "_stall_s", "_transport", "dropped", "sent", "skipped")

    def __init__(self, connection: ServerConnection, *, stall_s: float) -> None:
        self._connection = connection
        self._transport = connection.transport
        self._stall_s = stall_s
        self._slots: dict[Hashable, bytes] = {}
        self._draining: asyncio.Task[None] | None = None
        self.sent = 0
        self.skipped = 0
        """Messages that a newer one replaced."""
        self.dropped = False
        """Whether the connection was ended for want of progress."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def offer(self, key: Hashable, frame: bytes) -> None:
        """Sends ``frame`` (from ``framed``) now, or as the newest of its key once the last write is through."""
        if self._draining is not None:
            self.skipped += key in self._slots
            self._slots[key] = frame
            return
        self._write(frame)
        # What the system did not take at once is a viewer that lags: from here on a task watches it.
        if self._transport.get_write_buffer_size() > 0:
            self._draining = asyncio.get_running_loop().create_task(self._drain())

    async def idle(self) -> None:
        """Returns when the last write is through, or the connection is dropped."""
        if self._draining is not None:
            await asyncio.wait([self._draining])

    def abort(self) -> None:
        """Forgets what waits; ends the connection at once when a write hangs."""
        self._slots.clear()
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None
            self._transport.abort()

    def _write(self, frame: bytes) -> None:
        # Straight to the transport: 16 us a viewer where Connection.send takes 50, and the bytes are built once for all.
        if self._connection.state is State.OPEN:
            self._transport.write(frame)
            self.sent += 1

    async def _drain(self) -> None:
        try:
            while True:
                async with asyncio.timeout(self._stall_s):
                    await self._connection.drain()
                if not self._slots:
                    break
                waiting, self._slots = self._slots, {}
                self._write(b"".join(waiting.values()))
                self.sent += len(waiting) - 1
        except TimeoutError:
            self.dropped = True
            log.warning("a viewer of the stream took nothing for %.0f s and was dropped", self._stall_s)
            self._transport.abort()
        except OSError as error:
            log.debug("a viewer of the stream is gone: %s", error)
        finally:
            self._draining = None
