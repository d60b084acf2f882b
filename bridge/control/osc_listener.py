"""Listens for commands over OSC on a UDP port of this machine (``control.osc_port``)."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bridge.errors import BridgeError, ControlError
from bridge.outputs.event_loop import EventLoopThread
from bridge.wire.osc_control import OscCommand, parse_osc_commands

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
_MOST_WAITING = 8
"""Commands that wait their turn; whoever sends faster is not a person pressing buttons."""
_OPEN_S = 5.0


class OscListener:
    """``open`` and ``close`` from the main thread; ``commands`` is called from a thread "bridge-osc"."""

    def __init__(self, port: int, *, event_loop: EventLoopThread, commands: Callable[[str, dict[str, object]], object]) -> None:
        self._port = port
        self._event_loop = event_loop
        self._commands = commands
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="bridge-osc")
        self._places = threading.BoundedSemaphore(_MOST_WAITING)
        self._transport: asyncio.DatagramTransport | None = None
        self._complained = False

    @property
    def address(self) -> tuple[str, int] | None:
        """Where it listens; None while closed."""
        if self._transport is None:
            return None
        host, port = self._transport.get_extra_info("sockname")[:2]
        return str(host), int(port)

    def open(self) -> None:
        """Listens, on loopback only. Raises ControlError when the port is taken."""
        try:
            self._transport = self._event_loop.run(self._listen(), _OPEN_S)
        except OSError as error:
            self.close()
            raise ControlError(
                f"control.osc_port {self._port} cannot be listened on ({error.strerror or error}): "
                "another program has it; choose another one"
            ) from error

    def close(self) -> None:
        """Idempotent."""
        transport, self._transport = self._transport, None
        if transport is not None:
            self._event_loop.call(transport.close)
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def _listen(self) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Receiver(self._received), local_addr=(LOOPBACK, self._port))
        return transport

    def _received(self, data: bytes) -> None:
        for command in parse_osc_commands(data):
            if not self._places.acquire(blocking=False):
                return
            try:
                self._executor.submit(self._carry_out, command)
            except RuntimeError:  # closing
                self._places.release()

    def _carry_out(self, command: OscCommand) -> None:
        method, params = command
        try:
            self._commands(method, params)
            log.info("%s, asked over OSC", method)
            self._complained = False
        except BridgeError as error:
            if not self._complained:  # once, not for every press
                log.warning("%s, asked over OSC: %s", method, error)
            self._complained = True
        finally:
            self._places.release()


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - asyncio's
        self._received(data)

    def error_received(self, exc: Exception) -> None:
        log.debug("an OSC sender went away: %s", exc)
