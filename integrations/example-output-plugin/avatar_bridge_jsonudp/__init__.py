"""``jsonudp://host:port``: one small JSON object a frame, for Godot, GameMaker, Arduino, or a script of ten lines.

    {"seq": 7, "face": true, "head": [yaw, pitch, roll], "jawOpen": 0.42, ...}

Angles are degrees in bridge space: yaw + turns to the own left, pitch + looks down, roll + tilts to the own right shoulder.
"""

from __future__ import annotations

import json

from pydantic import Field

from bridge import arkit, space
from bridge.outputs.registry import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.udp import DatagramOutput
from bridge.types import FaceState, Output, Presence


class JsonUdpOptions(OutputOptions):
    """Options of ``jsonudp://``."""

    digits: int = Field(5, ge=1, le=9, description="decimals of every number")
    skip_zero: bool = Field(False, description="leave out coefficients that are 0")


def encode(state: FaceState, *, digits: int, skip_zero: bool) -> bytes:
    """One frame as UTF-8 JSON. Pure: what is sent depends on the state alone."""
    frame: dict[str, object] = {"seq": state.seq, "face": state.presence is Presence.LIVE}
    if state.head is not None:
        frame["head"] = [round(angle, digits) for angle in space.to_euler_deg(state.head.quat_xyzw)]
    for name, weight in zip(arkit.NAMES, state.weights.tolist(), strict=True):
        if weight or not skip_zero:
            frame[name] = round(weight, digits)
    return json.dumps(frame, separators=(",", ":")).encode()


def _create(plan: OutputPlan, _context: OutputContext) -> Output:
    options = plan.options_as(JsonUdpOptions)

    def frame(state: FaceState) -> tuple[bytes]:
        return (encode(state, digits=options.digits, skip_zero=options.skip_zero),)

    return DatagramOutput(plan.host, plan.port, make_encoder=lambda: frame)


OUTPUT = OutputKind(
    scheme="jsonudp",
    Options=JsonUdpOptions,
    create=_create,
    default_port=9100,
    summary="JSON over UDP: Godot, GameMaker, Arduino, scripts",
)
