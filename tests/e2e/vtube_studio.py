"""A stand-in for VTube Studio: a thread in a test, or a program: ``python -m tests.e2e.vtube_studio --port N --out FILE``

The program prints its port, then serves until stdin ends or says ``stop``; other lines on stdin are what its user does:
``allow``, ``deny``, ``revoke``, ``api on``, ``api off``. What it saw goes to FILE as JSON. Nothing here imports ``bridge``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.e2e.vtube_studio_api import Session, VTubeStudioApi

PATIENCE_S = 30.0


class VTubeStudio:
    """The server in a thread of its own, as a context. ``api`` may be read from any thread; changed only through ``do``."""

    def __init__(self, *, port: int = 0, api: VTubeStudioApi | None = None) -> None:
        self.api = api or VTubeStudioApi()
        self.port = port
        self.misbehave: Callable[[str], str | None] = lambda text: text
        """What is sent instead of an answer; None: nothing."""
        self.connections = 0
        """Accepted since the start."""
        self._live: set[ServerConnection] = set()
        self._loop = asyncio.new_event_loop()
        self._server: Server | None = None
        self._thread = threading.Thread(target=self._serve, name="vtube-studio", daemon=True)

    def __enter__(self) -> VTubeStudio:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    # --- any thread ------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Listens, on the same port as before."""
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(PATIENCE_S)

    def stop(self) -> None:
        """Ends every connection and listens no more. Idempotent."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE_S)

    def do(self, action: Callable[[], None]) -> None:
        """Has the loop do it, and waits until it is done."""

        async def run() -> None:
            action()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE_S)

    def tell(self, text: str | bytes) -> None:
        """Sends something unasked to every plugin."""

        async def run() -> None:
            for connection in tuple(self._live):
                await connection.send(text)

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE_S)

    def wait(self, condition: Callable[[VTubeStudioApi], object], what: str = "it") -> None:
        """Returns when it is so; fails when that takes too long."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition(self.api):
            assert time.monotonic() < deadline, f"{what} did not happen: {self.api.requests[-5:]} {self.api.errors[-5:]}"
            time.sleep(0.002)

    # --- the loop's thread -----------------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        self._server = await serve(self._handle, "127.0.0.1", self.port, compression=None)
        self.port = int(next(iter(self._server.sockets)).getsockname()[1])

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _handle(self, connection: ServerConnection) -> None:
        self.connections += 1
        session = Session()
        answers: asyncio.Queue[str] = asyncio.Queue()
        writer = asyncio.create_task(self._write(connection, answers))
        self._live.add(connection)
        try:
            async for text in connection:
                self.api.handle(session, text, answers.put_nowait)
        except ConnectionClosed:
            pass
        finally:
            self._live.discard(connection)
            if self.api.question is not None and self.api.question.session is session:
                self.api.question = None  # the pop-up closes with the connection
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    async def _write(self, connection: ServerConnection, answers: asyncio.Queue[str]) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                text = self.misbehave(await answers.get())
                if text is not None:
                    await connection.send(text)


def broadcast(*, port: int, active: bool, to: tuple[str, int]) -> None:
    """One discovery datagram, as the program sends every 2 s."""
    data = {"active": active, "port": port, "instanceID": "93aa0d0494304fddb057ae8a295c4e59", "windowTitle": "VTube Studio"}
    name = "VTubeStudioAPIStateBroadcast"
    envelope = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0", "timestamp": 1630159656406, "messageType": name}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sender.sendto(json.dumps({**envelope, "requestID": name, "data": data}).encode(), to)


def testimony(api: VTubeStudioApi) -> dict[str, object]:
    """What was seen, fit for JSON."""
    counts = {kind: api.requests.count(kind) for kind in dict.fromkeys(api.requests)}
    return {
        "requests": counts,
        "errors": api.errors,
        "unread": api.unread,
        "releases": api.releases,
        "frames": [asdict(frame) for frame in api.frames],
        "parameters": {name: {"addedBy": each.added_by, "value": each.value} for name, each in api.parameters.items()},
    }


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--permission", choices=["allow", "deny", "ask"], default="allow")
    parser.add_argument("--api-off", action="store_true")
    arguments = parser.parse_args()
    api = VTubeStudioApi(permission=arguments.permission, active=not arguments.api_off)
    with VTubeStudio(port=arguments.port, api=api) as studio:
        print(studio.port, flush=True)
        for line in sys.stdin:
            match line.split():
                case ["stop"]:
                    break
                case ["allow" | "deny" as answer]:
                    studio.do(functools.partial(api.decide, allow=answer == "allow"))
                case ["revoke"]:
                    studio.do(api.revoke)
                case ["api", "on" | "off" as switch]:
                    studio.do(functools.partial(api.switch, on=switch == "on"))
    arguments.out.write_text(json.dumps(testimony(api)), encoding="utf-8")


if __name__ == "__main__":
    main()
