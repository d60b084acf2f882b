"""The other end of the wire: takes VMC datagrams, tells when each frame was complete and how old it was.

Reads just two addresses, by their bytes: ``/VMC/Ext/T`` (the frame's capture time, relative to the sender's epoch) and
``/VMC/Ext/Blend/Apply``. A frame has arrived when both have.
"""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import dataclass, field

from bridge.clock import monotonic

_T = b"/VMC/Ext/T\0\0,f\0\0"
_APPLY = b"/VMC/Ext/Blend/Apply\0"


@dataclass(slots=True)
class Arrivals:
    """Pairs of (monotonic arrival, T as sent), one a frame."""

    frames: list[tuple[float, float]] = field(default_factory=list)
    first_datagram: float | None = None
    datagrams: int = 0


class VmcReceiver:
    """Listens on a free loopback port in a thread of its own until ``stop``."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self.arrivals = Arrivals()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bridge-bench-receiver", daemon=True)
        self._thread.start()

    def stop(self) -> Arrivals:
        """Ends listening; what came in."""
        self._stop.set()
        self._thread.join()
        self._socket.close()
        return self.arrivals

    def _run(self) -> None:
        sent: float | None = None
        applied = False
        while not self._stop.is_set():
            try:
                packet = self._socket.recv(65536)
            except TimeoutError:
                continue
            now = monotonic()
            self.arrivals.datagrams += 1
            if self.arrivals.first_datagram is None:
                self.arrivals.first_datagram = now
            at = packet.find(_T)
            if at >= 0:
                (sent,) = struct.unpack_from(">f", packet, at + len(_T))
            applied = applied or _APPLY in packet
            if applied and sent is not None:
                self.arrivals.frames.append((now, sent))
                sent, applied = None, False
