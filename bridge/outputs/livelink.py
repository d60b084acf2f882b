"""Live Link Face output: ``livelink://host:11111`` for Unreal, VRCFaceTracking's LiveLink modules, Inochi Session, Blender.

One packet a frame and no handshake. In Unreal, switch on the plugin "Apple ARKit Face Support"; the subject appears by itself.
The capture mode "MetaHuman Animator" of the app is another protocol, which is not spoken here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from bridge.outputs.registry import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.udp import DatagramOutput, Encode
from bridge.types import Output
from bridge.wire.livelink import DEVICE_ID, ID_LENGTH, PORT, Absent, Inverted, LiveLinkEncoder
from bridge.wire.signs import split_words


def _device_id(value: str) -> str:
    if len(value) != ID_LENGTH or not value.isascii() or not value.isprintable():
        raise ValueError(f"must have {ID_LENGTH} plain characters, as a UUID has: receivers read at fixed offsets")
    return value


class LiveLinkOptions(OutputOptions):
    """Options of ``livelink://``."""

    subject_name: str = Field("Face", min_length=1, max_length=64, description="name of the Live Link subject")
    id: Annotated[str, AfterValidator(_device_id)] = Field(DEVICE_ID, description="device id, 36 characters")
    rate: int = Field(60, ge=1, le=1000, description="frames a second that frame numbers count; they follow the capture times")
    absent: Absent = Field(
        "rest",
        description="while the face is lost: rest (values that ease to rest) or short (a packet without values, as the app)",
    )
    invert: Annotated[tuple[Inverted, ...], BeforeValidator(split_words)] = Field(
        (),
        description="what to turn round: yaw, pitch, roll, eye-yaw, eye-pitch, and mouth (mouthLeft with mouthRight), "
        "with commas between them",
    )


def _create(plan: OutputPlan, _: OutputContext) -> Output:
    options = plan.options_as(LiveLinkOptions)

    def make_encoder() -> Encode:
        encoder = LiveLinkEncoder(
            subject_name=options.subject_name,
            device_id=options.id,
            rate=options.rate,
            absent=options.absent,
            inverted=options.invert,
        )
        return lambda state: (encoder.encode(state),)

    return DatagramOutput(plan.host, plan.port, make_encoder=make_encoder)


OUTPUT = OutputKind(
    scheme="livelink",
    Options=LiveLinkOptions,
    create=_create,
    summary="Live Link Face: Unreal Engine, VRCFaceTracking's LiveLink modules, Inochi Session, Blender add-ons",
    default_port=PORT,
)
