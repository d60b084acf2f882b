"""``ws://host:port``: the stream on a port of its own, for receivers that want nothing else of the bridge.

The same frames are on the control port under ``/api/v1/stream``; this output has its own name, mirror, rate and subject in the
configuration, and can be told which foreign pages may connect.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from websockets.asyncio.server import ServerConnection

from bridge.clock import monotonic
from bridge.errors import ConfigError, OutputUnavailable
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.kinds import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.stream_hub import StreamHub
from bridge.outputs.web_server import WebResponse, WebServer, sentence
from bridge.outputs.worker import OutputReport
from bridge.types import FaceState, OutputState
from bridge.wire import stream
from bridge.wire.web import WebGate, WebRequest, is_loopback

DEFAULT_PORT = 8723


class WebSocketOptions(OutputOptions):
    """Options of ``ws://``. What a viewer wants (format, fps, ...) it asks for in its own query."""

    token: Annotated[str, Field(max_length=256)] = ""
    """Demanded of every viewer; needed when the host is not loopback."""
    origins: tuple[str, ...] = ()
    """Foreign pages that may connect: "https://example.org", or "*" for every page."""
    landmarks: bool = False
    """Has the mesh read, for viewers that ask for ``landmarks=1``."""

    @field_validator("origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip().lower().rstrip("/") for part in value.split(",") if part.strip())


class WebSocketOutput:
    """A server: it is connected when it listens, and waits when nobody watches."""

    def __init__(self, plan: OutputPlan, event_loop: EventLoopThread) -> None:
        options = plan.options_as(WebSocketOptions)
        self._gate = WebGate(host=plan.host, port=plan.port, token=options.token, origins=frozenset(options.origins))
        self._event_loop = event_loop
        self._hub: StreamHub | None = None
        self._server: WebServer | None = None

    def report(self) -> OutputReport | None:
        """Any thread: whether somebody watches."""
        viewers = 0 if self._hub is None else self._hub.viewers
        if viewers == 0:
            return OutputReport(state=OutputState.WAITING, note="nobody is watching")
        return OutputReport(state=OutputState.SENDING, note="1 viewer" if viewers == 1 else f"{viewers} viewers")

    def open(self) -> None:
        """Listens. Raises OutputUnavailable, OutputRejected."""
        hub = StreamHub(self._event_loop, clock=monotonic)

        async def serve(connection: ServerConnection, request: WebRequest) -> None:
            await hub.serve(connection, _options(request))

        server = WebServer(self._gate, event_loop=self._event_loop, answer=_answer, serve=serve)
        try:
            server.open()
        except OutputUnavailable as error:
            raise OutputUnavailable(f"{error}: give this output another host or port") from error
        self._hub, self._server = hub, server

    def send(self, state: FaceState) -> None:
        """Hands the state to all who watch; returns at once."""
        if self._hub is not None:
            self._hub.publish(state)

    def close(self) -> None:
        """Stops listening; every viewer is told."""
        if self._hub is not None:
            self._hub.close()
        if self._server is not None:
            self._server.close()
        self._hub = self._server = None


def _options(request: WebRequest) -> stream.StreamOptions:
    # The output follows one subject already: whoever comes here gets that one, whatever its number.
    return stream.parse_options(request.query, subject="all")


async def _answer(request: WebRequest) -> WebResponse | None:
    """Any path is the stream; a browser's tab gets a sentence."""
    try:
        _options(request)
    except ConfigError as error:
        return sentence(400, str(error))
    if (request.header("upgrade") or "").lower() != "websocket":
        return sentence(426, "This is avatar-bridge's stream: connect with a WebSocket.", (("Upgrade", "websocket"),))
    return None


def _create(plan: OutputPlan, context: OutputContext) -> WebSocketOutput:
    options = plan.options_as(WebSocketOptions)
    if not is_loopback(plan.host) and not options.token:
        raise ConfigError(
            f"it listens on {plan.host}, where others can reach it: give it a token "
            f"({plan.url}{'&' if '?' in plan.url else '?'}token=...), or use 127.0.0.1"
        )
    if context.event_loop is None:
        raise ConfigError("it needs the network thread, which this program does not run")
    return WebSocketOutput(plan, context.event_loop)


OUTPUT = OutputKind(
    scheme="ws",
    Options=WebSocketOptions,
    create=_create,
    summary="WebSocket stream of its own: JSON or binary frames for web pages and scripts",
    default_port=DEFAULT_PORT,
    wants_landmarks=lambda options: isinstance(options, WebSocketOptions) and options.landmarks,
)
