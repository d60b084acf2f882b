"""Plain OSC output: ``osc://host:port`` for TouchDesigner, Resonite, Unity, Max, and receivers of Face Cap and phiz."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from bridge.outputs.registry import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.udp import DatagramOutput
from bridge.types import Output
from bridge.wire.osc_face import FaceOscEncoder, Preset, Space, Spelling, check_address

_PORTS: dict[Preset, int] = {"plain": 9000, "facecap": 9000, "phiz": 41235}


def _address(value: str) -> str:
    if value.count("{name}") != 1:
        raise ValueError("must contain {name} once, where the coefficient's name goes, for example /face/{name}")
    check_address(value.replace("{name}", "name"))
    return value


def _prefix(value: str) -> str:
    value = value.rstrip("/")
    if value:
        check_address(value)
    return value


class OscOptions(OutputOptions):
    """Options of ``osc://``."""

    preset: Preset = Field("plain", description="plain: an address per coefficient; or the layout of another program")
    address: Annotated[str, AfterValidator(_address)] = Field("/{name}", description="address of a coefficient, preset plain")
    prefix: Annotated[str, AfterValidator(_prefix)] = Field("", description="put before every address")
    names: Spelling = Field("camel", description="jawOpen or JawOpen, preset plain")
    head: bool = Field(
        True, description="send the head: /head/rotation x y z w, /head/euler yaw pitch roll, /head/position x y z"
    )
    gaze: bool = Field(True, description="send the eyes: /gaze/left and /gaze/right, yaw pitch")
    presence: bool = Field(True, description="send /presence: 1 while the face is tracked")
    space: Space = Field(Space.BRIDGE, description="axes of head and gaze; metres and degrees, unreal: centimetres")
    bundle: bool = Field(True, description="OSC bundles; 0 for receivers that read only single messages")
    max_bytes: int = Field(1400, ge=256, le=65507, description="largest datagram")
    on_change: bool = Field(False, description="send only what changed, and everything once a second")
    epsilon: float = Field(0.001, ge=0, le=1, description="with on_change: changes up to this are none")

    @model_validator(mode="after")
    def _fits_together(self) -> OscOptions:
        if self.preset != "plain":
            for key in ("address", "names"):
                if key in self.model_fields_set:
                    raise ValueError(f"{key} belongs to preset=plain; preset={self.preset} has its own addresses")
        _encoder(self)  # finds addresses that do not fit into max_bytes
        return self


def _encoder(options: OscOptions) -> FaceOscEncoder:
    return FaceOscEncoder(
        preset=options.preset,
        address=options.address,
        prefix=options.prefix,
        names=options.names,
        head=options.head,
        gaze=options.gaze,
        presence=options.presence,
        axes=options.space,
        bundled=options.bundle,
        max_bytes=options.max_bytes,
        on_change=options.on_change,
        epsilon=options.epsilon,
    )


def _create(plan: OutputPlan, _: OutputContext) -> Output:
    options = plan.options_as(OscOptions)
    return DatagramOutput(plan.host, plan.port, make_encoder=lambda: _encoder(options).encode)


OUTPUT = OutputKind(
    scheme="osc",
    Options=OscOptions,
    create=_create,
    summary="plain OSC: TouchDesigner, Resonite, Unity, Max; presets for Face Cap and phiz receivers",
    default_port=lambda options: _PORTS[options.preset],
)
