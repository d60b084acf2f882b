"""VMC output: ``vmc://host:port`` drives VSeeFace, Warudo, VNyan, VMagicMirror, Unity (EVMC4U), Unreal (VMC4UE), Blender, ..."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from bridge.mapping.vrm import LipSync
from bridge.outputs.registry import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.udp import DatagramOutput
from bridge.types import Output
from bridge.wire.vmc import PORTS, Eyes, Names, Target, VmcEncoder


def _number(value: object) -> object:
    """URLs have only text; a Literal of ints takes none."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class VmcOptions(OutputOptions):
    """Options of ``vmc://``."""

    target: Target = Field(
        "performer", description="performer: to whatever shows the avatar; assistant: to a Performer, port 39540"
    )
    names: Names = Field(
        "pascal", description="spelling of the 52 Perfect Sync clips, both spellings, or the VRM presets instead"
    )
    eyes: Eyes = Field("bones", description="how gaze is sent; expressions: as LookUp, ... with names=vrm0 and vrm1")
    bones: bool | None = Field(None, description="head and neck; default: for a performer yes, for an assistant no")
    neck: float = Field(0.5, ge=0, le=1, description="how much of the head's rotation the neck takes")
    chest: float = Field(0.0, ge=0, le=1, description="and the chest; neck, chest and spine together are at most 1")
    spine: float = Field(0.0, ge=0, le=1, description="and the spine")
    position: bool = Field(False, description="move the avatar's root with the head; set the neutral pose first")
    ok: Annotated[Literal[1, 4], BeforeValidator(_number)] = Field(1, description="numbers in OK: 1, or 4 as from VMC 2.7 on")
    bundle: bool = Field(True, description="OSC bundles; 0 for receivers that read only single messages")
    max_bytes: int = Field(1400, ge=256, le=65507, description="largest datagram")
    lipsync: LipSync = Field("mediapipe", description="formula of the visemes with names=vrm0 and vrm1")
    emotions: bool = Field(False, description="also recognise Joy, Angry and Surprised with names=vrm0 and vrm1")

    @model_validator(mode="after")
    def _shares_are_a_whole(self) -> VmcOptions:
        if self.neck + self.chest + self.spine > 1.0 + 1e-9:
            raise ValueError("neck, chest and spine share the head's rotation: together they are at most 1")
        return self


def _encoder(options: VmcOptions) -> VmcEncoder:
    return VmcEncoder(
        target=options.target,
        names=options.names,
        eyes=options.eyes,
        bones=options.bones,
        neck=options.neck,
        chest=options.chest,
        spine=options.spine,
        root_position=options.position,
        ok_fields=options.ok,
        bundled=options.bundle,
        max_bytes=options.max_bytes,
        lipsync=options.lipsync,
        emotions=options.emotions,
    )


def _create(plan: OutputPlan, _: OutputContext) -> Output:
    options = plan.options_as(VmcOptions)
    return DatagramOutput(plan.host, plan.port, make_encoder=lambda: _encoder(options).encode)


OUTPUT = OutputKind(
    scheme="vmc",
    Options=VmcOptions,
    create=_create,
    summary="VMC protocol: VSeeFace, Warudo, VNyan, VMagicMirror, Unity, Unreal, Blender",
    default_port=lambda options: PORTS[options.target],
)
