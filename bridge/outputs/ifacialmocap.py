"""iFacialMocap output: ``ifacialmocap://host:49983`` for VMagicMirror, VBridger, Warudo, Inochi Session, VRCFaceTracking.

As a rule frames are simply sent: receivers parse whatever arrives on their port 49983 and do not look who sent it. With
``serve=1`` the bridge plays the phone instead: host:port is where it listens (host 127.0.0.1; write 0.0.0.0 for other machines),
and whoever sends a start string gets frames on port 49983 of its own machine, in the version it asked for. Both ends of that use
port 49983, so on one machine they need two addresses, for example 127.0.0.2, or another ``reply`` port.

The TCP variants of the protocol and its binary version 3 (FMV3) are left out.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from bridge.outputs.asked import AskedOutput
from bridge.outputs.registry import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.udp import DatagramOutput, Encode
from bridge.settings import Port
from bridge.types import Output
from bridge.wire.ifacialmocap import IfacialmocapEncoder, Variant
from bridge.wire.ifacialmocap_requests import IFACIALMOCAP_PORT
from bridge.wire.signs import Sign, split_words


def _number(value: object) -> object:
    """URLs have only text; a Literal of ints takes none."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class IfacialmocapOptions(OutputOptions):
    """Options of ``ifacialmocap://``."""

    version: Annotated[Literal[1, 2], BeforeValidator(_number)] = Field(
        1,
        description="1 separates with -, as VMagicMirror and Inochi Session read it; 2 with &, as VRCFaceTracking's module does",
    )
    serve: bool = Field(False, description="play the phone: listen on host:port for receivers that ask, and answer them")
    reply: Port = Field(IFACIALMOCAP_PORT, description="with serve=1: port of the asking machine that gets the frames")
    expire: float = Field(
        0.0, ge=0, le=86400, description="with serve=1: seconds after which who asks no more is forgotten; 0: never"
    )
    status: bool = Field(True, description="begin each frame with trackingStatus, as the app does")
    swap: bool = Field(False, description="exchange L and R in the names, but not the angles (mirror does both)")
    invert: Annotated[tuple[Sign, ...], BeforeValidator(split_words)] = Field(
        (), description="angles to turn the other way: yaw, pitch, roll, eye-yaw, eye-pitch, with commas between them"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> IfacialmocapOptions:
        foreign = ("version",) if self.serve else ("reply", "expire")
        for key in foreign:
            if key in self.model_fields_set:
                why = "receivers say which version they want" if self.serve else "nobody is asked or answered"
                raise ValueError(f"{key} has no meaning with serve={int(self.serve)}: {why}; leave it out")
        return self


def _encoder(options: IfacialmocapOptions, variant: Variant) -> IfacialmocapEncoder:
    return IfacialmocapEncoder(variant=variant, tracking_status=options.status, swap_sides=options.swap, inverted=options.invert)


def _create(plan: OutputPlan, _: OutputContext) -> Output:
    options = plan.options_as(IfacialmocapOptions)
    if options.serve:
        return AskedOutput(
            plan.host,
            plan.port,
            reply_ports=(options.reply,),
            encoders={"v1": lambda: _encoder(options, "v1").encode, "v2": lambda: _encoder(options, "v2").encode},
            expire_s=options.expire,
        )

    def make_encoder() -> Encode:
        encoder = _encoder(options, "v1" if options.version == 1 else "v2")
        return lambda state: (encoder.encode(state),)

    return DatagramOutput(plan.host, plan.port, make_encoder=make_encoder)


OUTPUT = OutputKind(
    scheme="ifacialmocap",
    Options=IfacialmocapOptions,
    create=_create,
    summary="iFacialMocap's text: VMagicMirror, VBridger, Warudo, Inochi Session, VRCFaceTracking",
    default_port=IFACIALMOCAP_PORT,
)
