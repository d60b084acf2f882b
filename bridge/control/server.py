"""The control port: page, overlay, stream, remote control, state and metrics, for this machine unless a token says otherwise.

``GET /`` and ``/overlay`` · ``/web/...`` · ``/healthz`` · ``/metrics`` · ``/api/v1/state`` · ``WS /api/v1/stream`` ·
``WS /api/v1/control``. Every request passes ``wire.web.WebGate`` first. What the runtime is asked runs in threads of the server's
own, so the loop, which serves all viewers, never waits for it.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from bridge import __version__
from bridge.control import messages
from bridge.control.pages import load_pages
from bridge.errors import AlreadyRunning, BridgeError, ConfigError, ControlError, OutputError
from bridge.metrics import CONTENT_TYPE
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.stream_hub import StreamHub
from bridge.outputs.viewer import Viewer, framed
from bridge.outputs.web_server import WebResponse, WebServer, sentence
from bridge.settings import ControlSettings
from bridge.wire import stream
from bridge.wire.web import REALM, WebGate, WebRequest, in_url, is_loopback, reachable

log = logging.getLogger(__name__)

T = TypeVar("T")

STREAM_PATH = "/api/v1/stream"
CONTROL_PATH = "/api/v1/control"
STATUS_PERIOD_S = 1.0
_STALL_S = 5.0
_PROBE_TIMEOUT_S = 1.0


class ControlServer:
    """``start`` and ``close`` from the main thread.

    ``status``, ``commands`` and ``metrics`` are called from threads "bridge-control"; they may block, and raise what is ours.
    """

    def __init__(
        self,
        settings: ControlSettings,
        *,
        hub: StreamHub,
        event_loop: EventLoopThread,
        status: Callable[[], dict[str, object]],
        commands: Callable[[str, dict[str, object]], object],
        metrics: Callable[[], bytes],
    ) -> None:
        self._settings = settings
        self._hub = hub
        self._event_loop = event_loop
        self._status = status
        self._commands = commands
        self._metrics = metrics
        self._pages = load_pages()
        self._executor = ThreadPoolExecutor(4, thread_name_prefix="bridge-control")
        self._subscribers: set[Viewer] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._server = WebServer(_gate(settings), event_loop=event_loop, answer=self._answer, serve=self._serve)

    def start(self) -> None:
        """Listens. Raises ConfigError (beyond loopback without a token), AlreadyRunning, ControlError."""
        settings = self._settings
        if not is_loopback(settings.host) and not settings.token:
            raise ConfigError(
                f"control.host {settings.host} lets others in, and control.token is empty: set a token, or use 127.0.0.1"
            )
        try:
            self._server.open()
        except OutputError as error:
            self._executor.shutdown(wait=False)
            pid = probe(settings)
            place = f"{in_url(settings.host)}:{settings.port}"
            if pid is not None:
                raise AlreadyRunning(
                    f"avatar-bridge is already running{pid} on {place}; stop it with `avatar-bridge stop`, "
                    "or choose another port with --set control.port=..."
                ) from error
            raise ControlError(
                f"{error}: choose another port for the page with --set control.port=..., or do without it with --no-control"
            ) from error

    def close(self) -> None:
        """Clients are told, the port is free, the threads have ended. Idempotent."""
        self._event_loop.call(self._stop_ticker)
        self._server.close()
        self._executor.shutdown(wait=True, cancel_futures=True)

    # --- plain GETs, in the loop's thread ----------------------------------------------------------------------------------

    async def _answer(self, request: WebRequest) -> WebResponse | None:
        page = self._pages.get(request.path)
        if page is not None:
            return page
        if request.path in (STREAM_PATH, CONTROL_PATH):
            return _socket_refusal(request)
        match request.path:
            case "/healthz":
                return _json(self._health(await self._ask(self._status)))
            case "/metrics":
                text = await self._ask(self._metrics)
                return WebResponse(content_type=CONTENT_TYPE, body=text)
            case "/api/v1/state":
                return _json(await self._ask(self._status))
        return sentence(404, "avatar-bridge has nothing under this address; its page is at /")

    def _health(self, status: dict[str, object]) -> dict[str, object]:
        return {
            "name": "avatar-bridge",
            "version": __version__,
            "pid": status.get("pid"),
            "state": status.get("state", "running"),
        }

    async def _ask(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, question)

    # --- WebSockets, in the loop's thread ----------------------------------------------------------------------------------

    async def _serve(self, connection: ServerConnection, request: WebRequest) -> None:
        if request.path == STREAM_PATH:
            await self._hub.serve(connection, stream.parse_options(request.query))
            return
        client = Viewer(connection, stall_s=_STALL_S)
        try:
            async for message in connection:
                reply = await self._reply(message, client)
                await client.idle()  # one that asks but does not read waits for itself, and is dropped in the end
                client.offer("reply", framed(reply))
        except ConnectionClosed:
            log.debug("a control client left without saying so")
        finally:
            self._subscribers.discard(client)
            client.abort()

    async def _reply(self, message: str | bytes, client: Viewer) -> str:
        try:
            request = messages.parse_request(message)
        except messages.BadRequest as bad:
            return messages.error_message(bad.request_id, bad)
        if request.method in (messages.SUBSCRIBE, messages.UNSUBSCRIBE):
            return self._subscribe(request, client)
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._executor, self._commands, request.method, request.params)
        await asyncio.wait([done])
        error = done.exception()
        if error is None:
            return messages.result_message(request.id, done.result())
        if isinstance(error, BridgeError):
            return messages.error_message(request.id, error)
        log.error("control method %s failed", request.method, exc_info=error)
        return messages.internal_error_message(request.id)

    def _subscribe(self, request: messages.Request, client: Viewer) -> str:
        try:
            events = messages.subscribed_events(request.params)
        except messages.BadRequest as bad:
            return messages.error_message(request.id, bad)
        if request.method == messages.UNSUBSCRIBE:
            self._subscribers.discard(client)
            return messages.result_message(request.id, {"events": []})
        self._subscribers.add(client)
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.get_running_loop().create_task(self._tell_subscribers())
        return messages.result_message(request.id, {"events": sorted(events), "period_s": STATUS_PERIOD_S})

    async def _tell_subscribers(self) -> None:
        """Once a second, as long as somebody listens."""
        while self._subscribers:
            news = framed(messages.event_message(messages.STATUS_EVENT, await self._ask(self._status)))
            for client in tuple(self._subscribers):
                client.offer(messages.STATUS_EVENT, news)
            await asyncio.sleep(STATUS_PERIOD_S)

    def _stop_ticker(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()


def probe(settings: ControlSettings) -> str | None:
    """Who has the port: " (pid 123)" or "" for an avatar-bridge, None for anybody else. At most a second or two."""
    # http.client knows no proxies: an environment's proxy must never see loopback.
    connection = http.client.HTTPConnection(reachable(settings.host), settings.port, timeout=_PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/healthz", headers={"Authorization": f"Bearer {settings.token}"} if settings.token else {})
        response = connection.getresponse()
        if response.status == 401:
            return "" if REALM in (response.getheader("WWW-Authenticate") or "") else None
        health = json.loads(response.read(4096))
        return f" (pid {health['pid']})" if health["name"] == "avatar-bridge" else None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()


def _gate(settings: ControlSettings) -> WebGate:
    names: frozenset[str] = frozenset()
    if not is_loopback(settings.host):
        name = socket.gethostname().lower()
        names = frozenset({name, f"{name}.local"})
    return WebGate(host=settings.host, port=settings.port, token=settings.token, names=names)


def _socket_refusal(request: WebRequest) -> WebResponse | None:
    if (request.header("upgrade") or "").lower() != "websocket":
        return sentence(426, "Connect to this address with a WebSocket.", (("Upgrade", "websocket"),))
    if request.path == STREAM_PATH:
        try:
            stream.parse_options(request.query)
        except ConfigError as error:
            return sentence(400, str(error))
    return None


def _json(value: object) -> WebResponse:
    return WebResponse(content_type="application/json; charset=utf-8", body=messages.to_json(value).encode())
