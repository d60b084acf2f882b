"""Facemotion3d output: ``facemotion3d://host`` for what reads that app's text (ARKit's camelCase names, ``&``).

Frames are sent unasked to port 49983, where the vendor's own example and Inochi Session listen. With ``serve=1`` the bridge
plays the phone: it listens on host:49993 (host 127.0.0.1; write 0.0.0.0 for other machines) for the start string. The vendor's
page says that answers go to 49993, its example listens on 49983: who asks gets each frame on both, unless ``reply`` names one.

Streaming over TCP (``protocol=tcp``) and the binary FMV3 are left out.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from bridge.outputs.asked import AskedOutput
from bridge.outputs.registry import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.udp import DatagramOutput, Encode
from bridge.types import Output
from bridge.wire.ifacialmocap import IfacialmocapEncoder
from bridge.wire.ifacialmocap_requests import FACEMOTION3D_PORT, IFACIALMOCAP_PORT
from bridge.wire.signs import Sign, split_words


class Facemotion3dOptions(OutputOptions):
    """Options of ``facemotion3d://``."""

    serve: bool = Field(False, description="play the phone: listen on host:port for receivers that ask, and answer them")
    reply: int = Field(0, ge=0, le=65535, description="with serve=1: port that gets the frames; 0: both 49993 and 49983")
    expire: float = Field(
        0.0, ge=0, le=86400, description="with serve=1: seconds after which who asks no more is forgotten; 0: never"
    )
    swap: bool = Field(False, description="exchange left and right in the names, but not the angles (mirror does both)")
    invert: Annotated[tuple[Sign, ...], BeforeValidator(split_words)] = Field(
        (), description="angles to turn the other way: yaw, pitch, roll, eye-yaw, eye-pitch, with commas between them"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Facemotion3dOptions:
        for key in () if self.serve else ("reply", "expire"):
            if key in self.model_fields_set:
                raise ValueError(f"{key} has no meaning with serve=0: nobody is asked or answered; leave it out")
        return self


def _encoder(options: Facemotion3dOptions) -> IfacialmocapEncoder:
    # The vendor's example of a frame has no trackingStatus.
    return IfacialmocapEncoder(variant="facemotion3d", tracking_status=False, swap_sides=options.swap, inverted=options.invert)


def _create(plan: OutputPlan, _: OutputContext) -> Output:
    options = plan.options_as(Facemotion3dOptions)
    if options.serve:
        return AskedOutput(
            plan.host,
            plan.port,
            reply_ports=(options.reply,) if options.reply else (FACEMOTION3D_PORT, IFACIALMOCAP_PORT),
            encoders={"facemotion3d": lambda: _encoder(options).encode},
            expire_s=options.expire,
        )

    def make_encoder() -> Encode:
        encoder = _encoder(options)
        return lambda state: (encoder.encode(state),)

    return DatagramOutput(plan.host, plan.port, make_encoder=make_encoder)


OUTPUT = OutputKind(
    scheme="facemotion3d",
    Options=Facemotion3dOptions,
    create=_create,
    summary="Facemotion3d's text: what reads that app, for example Inochi Session",
    default_port=lambda options: FACEMOTION3D_PORT if options.serve else IFACIALMOCAP_PORT,
)
