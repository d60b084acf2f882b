"""Hears from VRChat that an avatar was put on. Worker thread, which asks before every frame: no thread of its own."""

from __future__ import annotations

import socket
from collections.abc import Collection

from bridge.wire.vrchat import CHANGE, parse_from_vrchat

_LARGEST_DATAGRAM = 65535
_MOST_AT_ONCE = 256
"""Datagrams that one frame reads; VRChat also tells every parameter of the avatar that changes."""
_NEEDLE = CHANGE.encode()
LOOPBACK = "127.0.0.1"


class ChangeListener:
    """A UDP port for ``/avatar/change``. Everything else that comes is thrown away unread."""

    def __init__(self, *, senders: Collection[str] | None = None) -> None:
        """``senders``: the addresses that are heard, from any network; None: this machine is, on loopback."""
        self._senders = senders
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """What is listened on; 0 while closed."""
        return 0 if self._socket is None else int(self._socket.getsockname()[1])

    def open(self, port: int) -> bool:
        """Listens on ``port``, 0 for any free one; False where it is taken."""
        self.close()
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.bind((LOOPBACK if self._senders is None else "", port))
        except OSError:
            opened.close()
            return False
        self._socket = opened
        return True

    def newest(self) -> str | None:
        """The id of the last avatar change that came since the last call; None: there was none. Never blocks or raises."""
        newest: str | None = None
        opened = self._socket
        if opened is None:
            return None
        for _ in range(_MOST_AT_ONCE):
            try:
                data, sender = opened.recvfrom(_LARGEST_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an echo of something that nobody took
                continue
            if _NEEDLE in data and (self._senders is None or sender[0] in self._senders):
                for address, value in parse_from_vrchat(data):
                    newest = str(value) if address == CHANGE else newest
        return newest

    def close(self) -> None:
        """Idempotent."""
        opened, self._socket = self._socket, None
        if opened is not None:
            opened.close()
