"""opentrack output: ``opentrack://host:port`` for its input "UDP over network": head tracking in games."""

from __future__ import annotations

from pydantic import Field

from bridge.outputs.registry import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.udp import DatagramOutput, Encode
from bridge.types import Output
from bridge.wire.opentrack import AXES, PORT, OpentrackEncoder


class OpentrackOptions(OutputOptions):
    """Options of ``opentrack://``."""

    distance: float = Field(
        0.0, ge=0, le=500, description="centimetres taken off TZ while no neutral pose is set; 0: centre in opentrack"
    )
    invert_x: bool = Field(False, description="TX: + is to the own left")
    invert_y: bool = Field(False, description="TY: + is up")
    invert_z: bool = Field(False, description="TZ: + is away from the screen")
    invert_yaw: bool = Field(False, description="Yaw: + turns right")
    invert_pitch: bool = Field(False, description="Pitch: + looks up")
    invert_roll: bool = Field(False, description="Roll: + tilts to the own left")


def _create(plan: OutputPlan, _: OutputContext) -> Output:
    options = plan.options_as(OpentrackOptions)

    def make_encoder() -> Encode:
        inverted = [axis for axis in AXES if getattr(options, f"invert_{axis}")]
        return OpentrackEncoder(distance_cm=options.distance, inverted=inverted).encode

    return DatagramOutput(plan.host, plan.port, make_encoder=make_encoder)


OUTPUT = OutputKind(
    scheme="opentrack",
    Options=OpentrackOptions,
    create=_create,
    summary="opentrack's UDP over network: head pose for games and simulators",
    default_port=PORT,
)
