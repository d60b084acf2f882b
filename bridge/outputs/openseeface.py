"""OpenSeeFace output: ``openseeface://host:port`` in the place of OpenSeeFace's own tracker."""

from __future__ import annotations

import time

from pydantic import Field

from bridge.clock import monotonic
from bridge.mapping.openseeface import RESTING_DISTANCE_M, UNITS_PER_M, Lids, Points
from bridge.outputs.registry import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.udp import DatagramOutput, Encode
from bridge.types import Output
from bridge.wire.openseeface import PORT, OpenSeeFaceEncoder


class OpenSeeFaceOptions(OutputOptions):
    """Options of ``openseeface://``."""

    points: Points = Field("landmarks", description="the face's points: tracked ones where there are any, or always a model's")
    lids: Lids = Field(
        "mediapipe", description="mediapipe: with the resting value of its eyeBlink taken off; plain: 1 - eyeBlink"
    )
    scale: float = Field(
        round(UNITS_PER_M, 3), gt=0, le=1000, description="OpenSeeFace's units in a metre (not verified: it never says)"
    )
    distance: float = Field(
        RESTING_DISTANCE_M, ge=0.1, le=5, description="metres from the camera where a neutral pose is taken to be"
    )
    lost: bool = Field(False, description="also send while nobody is seen; OpenSeeFace itself falls silent")


def _create(plan: OutputPlan, _: OutputContext) -> Output:
    options = plan.options_as(OpenSeeFaceOptions)

    def make_encoder() -> Encode:
        return OpenSeeFaceEncoder(
            epoch_s=time.time() - monotonic(),
            units_per_m=options.scale,
            points=options.points,
            lids=options.lids,
            distance_m=options.distance,
            when_lost=options.lost,
        ).encode

    return DatagramOutput(plan.host, plan.port, make_encoder=make_encoder)


def _wants_landmarks(options: OpenSeeFaceOptions) -> bool:
    return options.points == "landmarks"


OUTPUT = OutputKind(
    scheme="openseeface",
    Options=OpenSeeFaceOptions,
    create=_create,
    summary="OpenSeeFace packets: VSeeFace and Inochi Session with an external tracker, Unity and Godot components",
    default_port=PORT,
    wants_landmarks=_wants_landmarks,
)
