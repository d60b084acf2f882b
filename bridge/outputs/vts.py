"""VTube Studio output: ``vts://host:port`` is a plugin that sets tracking parameters, as VTube Studio's own camera would.

VTube Studio asks its user once whether avatar-bridge may; the token that it grants is kept with the program's state.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import threading
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from bridge.errors import ConfigError, OutputRejected, OutputUnavailable
from bridge.mapping.vts import Inverted, ParameterSet, Recipes, Sides, VtsFrame, VtsMapping
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.kinds import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.vts_client import VtsClient
from bridge.outputs.vts_discovery import VtsDiscovery
from bridge.outputs.worker import OutputReport
from bridge.state_store import StateStore
from bridge.types import FaceState, OutputState
from bridge.wire import vts
from bridge.wire.vts import DEFAULT_PORT, DISCOVERY_PORT
from bridge.wire.vts_session import Timing, VtsSession

ICON = Path(__file__).with_name("vts_icon.png")
"""Ours, 128 x 128."""

TIMING = Timing()
"""Of every session."""
_SETTLE_S = 1.0
"""What ``open`` waits for VTube Studio at most, so that a file's first frame is not lost."""
_CLOSE_S = 1.3

_Label = Annotated[str, Field(min_length=3, max_length=32)]


class VtsOptions(OutputOptions):
    """Options of ``vts://``. Signs, sides and units are derived from documents, not tried on the program: each can be turned."""

    parameters: ParameterSet = Field(
        "default", description="VTube Studio's own parameters; arkit: the 52 coefficients as custom parameters; both"
    )
    recipes: Recipes = Field("standard", description="standard: eyes open at 1; vbridger: as its presets, eyes open at 0.5")
    sides: Sides = Field("mirror", description="mirror: EyeOpenLeft, BrowLeftY, EyeLeftX take your right; own: your left")
    invert_angle_x: bool = Field(False, description="FaceAngleX the other way")
    invert_angle_y: bool = Field(False, description="FaceAngleY the other way")
    invert_angle_z: bool = Field(False, description="FaceAngleZ the other way")
    invert_position_x: bool = Field(False, description="FacePositionX the other way")
    invert_position_y: bool = Field(False, description="FacePositionY the other way")
    invert_position_z: bool = Field(False, description="FacePositionZ the other way")
    invert_gaze_x: bool = Field(False, description="EyeLeftX and EyeRightX the other way")
    invert_gaze_y: bool = Field(False, description="EyeLeftY and EyeRightY the other way")
    invert_mouth_x: bool = Field(False, description="MouthX the other way")
    position_scale: float = Field(1.0, ge=0, le=100, description="factor on FacePosition in centimetres; 0: not sent")
    mode: vts.Mode = Field("set", description="set, or add: on top of what else drives a parameter, as differences from rest")
    discover: Literal["auto", "off"] = Field(
        "auto", description="while there is no connection, listen to VTube Studio's broadcasts (UDP 47779) for its port"
    )
    plugin: _Label = Field("avatar-bridge", description="the plugin's name in VTube Studio, 3 to 32 characters")
    developer: _Label = Field("avatar-bridge project", description="its developer's name there; with another it is asked anew")


@functools.cache
def icon_base64() -> str:
    """What VTube Studio shows beside its question; empty when the file is not there, which nothing depends on."""
    try:
        return base64.b64encode(ICON.read_bytes()).decode("ascii")
    except OSError:
        return ""


class VtsOutput:
    """Worker thread; ``report`` any. The conversation runs in the shared loop and reconnects by itself, so that VTube Studio is
    found within seconds of its start; what VTube Studio refused for good is raised here."""

    def __init__(self, plan: OutputPlan, event_loop: EventLoopThread, state: StateStore | None) -> None:
        self._plan = plan
        self._options = plan.options_as(VtsOptions)
        self._event_loop = event_loop
        self._state = state
        self._token: str | None = None
        self._key = f"vts.token {self._options.plugin} / {self._options.developer} @ {plan.host}:{plan.port}"
        self._client: VtsClient | None = None
        self._mapping: VtsMapping | None = None
        self._lock = threading.Lock()
        self._newest: VtsFrame | None = None

    def report(self) -> OutputReport | None:
        """How the conversation stands."""
        return None if self._client is None else self._client.report

    def open(self) -> None:
        """Begins to connect. Raises OutputUnavailable when the program is stopping."""
        self.close()
        options, plan = self._options, self._plan
        self._mapping = _mapping(options)
        session = VtsSession(
            plugin=options.plugin,
            developer=options.developer,
            icon=icon_base64(),
            token=self._stored_token(),
            names=self._mapping.names,
            mode=options.mode,
            timing=TIMING,
        )
        try:
            self._client = self._event_loop.run(self._make_client(session), 5.0)
        except (RuntimeError, TimeoutError) as error:
            raise OutputUnavailable(f"the network thread does not serve {plan.url} any more") from error
        self._client.settled.wait(_SETTLE_S)

    def send(self, state: FaceState) -> None:
        """Hands the newest values over; returns at once. Raises OutputRejected when VTube Studio, or its user, refused."""
        client, mapping = self._client, self._mapping
        if client is None or mapping is None:
            raise OutputUnavailable("the output to VTube Studio is not open")
        if client.report.state is OutputState.REJECTED:
            raise OutputRejected(client.report.note)
        if client.failure:
            raise OutputUnavailable(client.failure)
        frame = mapping.step(state)
        with self._lock:
            waiting, self._newest = self._newest, frame
        if waiting is None:
            self._event_loop.call(self._flush, client)

    def close(self) -> None:
        """Lets the last values arrive, at most for half a second, and disconnects. Idempotent."""
        client, self._client, self._mapping = self._client, None, None
        if client is None:
            return
        with contextlib.suppress(RuntimeError, TimeoutError):  # the loop is closed: it took the connection along
            self._event_loop.run(client.finish(), _CLOSE_S)

    # --- the loop's thread -----------------------------------------------------------------------------------------------------

    async def _make_client(self, session: VtsSession) -> VtsClient:
        plan = self._plan
        client: VtsClient | None = None

        def on_news() -> None:
            if client is not None:
                client.news()

        discovers = self._options.discover == "auto"
        client = VtsClient(
            session,
            host=plan.host,
            port=plan.port,
            name=plan.name,
            keep_token=self._keep_token,
            discovery=VtsDiscovery(plan.host, on_news=on_news, port=DISCOVERY_PORT) if discovers else None,
            follow=plan.port == DEFAULT_PORT,
        )
        await client.start()
        return client

    def _flush(self, client: VtsClient) -> None:
        with self._lock:
            frame, self._newest = self._newest, None
        if frame is not None:
            client.offer(frame)

    # --- the token -------------------------------------------------------------------------------------------------------------

    def _stored_token(self) -> str | None:
        kept: Any = self._token if self._state is None else self._state.get(self._key)
        return kept if isinstance(kept, str) and 0 < len(kept) <= vts.MAX_TOKEN_CHARS else None

    def _keep_token(self, token: str | None) -> None:
        self._token = token
        if self._state is not None:
            self._state.put(self._key, token)


def _mapping(options: VtsOptions) -> VtsMapping:
    return VtsMapping(
        parameters=options.parameters,
        recipes=options.recipes,
        sides=options.sides,
        inverted=Inverted(
            position_x=options.invert_position_x,
            position_y=options.invert_position_y,
            position_z=options.invert_position_z,
            angle_x=options.invert_angle_x,
            angle_y=options.invert_angle_y,
            angle_z=options.invert_angle_z,
            gaze_x=options.invert_gaze_x,
            gaze_y=options.invert_gaze_y,
            mouth_x=options.invert_mouth_x,
        ),
        position_scale=options.position_scale,
        relative=options.mode == "add",
    )


def _create(plan: OutputPlan, context: OutputContext) -> VtsOutput:
    if context.event_loop is None:
        raise ConfigError("it needs the network thread, which this program does not run")
    return VtsOutput(plan, context.event_loop, context.state)


OUTPUT = OutputKind(
    scheme="vts",
    Options=VtsOptions,
    create=_create,
    summary="VTube Studio: a plugin that sets its tracking parameters",
    default_port=DEFAULT_PORT,
    mirrors_itself=True,
)
