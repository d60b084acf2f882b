"""``record://FILE``: what an output gets, written to a file; its suffix says which kind (``export``).

A recording (.jsonl, or any suffix that is nothing else) is what ``avatar-bridge replay`` plays state by state; .csv is Live Link
Face's table; .vrma and .bvh are animations, finished when the run ends.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from bridge.errors import ConfigError, OutputRejected
from bridge.export import ANIMATIONS, ExportOptions, TakeWriter, continues, open_take
from bridge.mapping.vrm import LipSync
from bridge.outputs.kinds import Address, OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.types import FaceState
from bridge.wire.vrma import Blink, Expressions


class RecordOptions(OutputOptions):
    """Options of ``record://``."""

    stage: Literal["final", "raw"] = Field(
        "final", description="final: states after all stages; raw is what `run --record` writes"
    )
    neck: float = Field(0.5, ge=0, le=1, description=".vrma, .bvh: how much of the head's rotation the neck takes; 0: no neck")
    expressions: Expressions = Field(
        "all",
        description=".vrma: custom are the 52, presets aa ih ou ee oh and blinks; an avatar that has both moves twice with all",
    )
    blink: Blink = Field("sides", description=".vrma: lids as the presets blinkLeft and blinkRight, or both as blink")
    gaze: bool = Field(True, description=".vrma: lookAt; 0 for avatars whose eyes the eyeLook expressions move already")
    lipsync: LipSync = Field("mediapipe", description=".vrma: formula of aa ih ou ee oh")
    emotions: bool = Field(False, description=".vrma: also recognise happy, angry and surprised")


_ANIMATION_OPTIONS = {".vrma": set(RecordOptions.model_fields) - {"stage"}, ".bvh": {"neck"}}


class RecordOutput:
    """Appends every state to a file. Worker thread only.

    The first state replaces a recording that is there; opening again (after a full disk, after a pause) goes on with it. Files
    that are finished when they are closed cannot be gone on with.
    """

    def __init__(self, path: Path, options: ExportOptions) -> None:
        self._path = path
        self._options = options
        self._writer: TakeWriter | None = None
        self._begun = False

    def open(self) -> None:
        """Raises OutputRejected for a file that may not be written, OutputUnavailable for a full disk."""
        self.close()
        if self._begun and not continues(self._path):
            raise OutputRejected(f"{self._path} was finished when writing it failed; another run writes another file")
        try:
            self._writer = open_take(self._path, stage="final", append=self._begun, options=self._options)
        except ConfigError as error:
            raise OutputRejected(str(error)) from error

    def send(self, state: FaceState) -> None:
        """Raises OutputUnavailable when the disk is full or gone, OutputRejected when the file had to be finished for it."""
        if self._writer is not None:
            self._writer.write_state(state)
            self._begun = True

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


def _create(plan: OutputPlan, _context: OutputContext) -> RecordOutput:
    options = plan.options_as(RecordOptions)
    path = Path(plan.path).expanduser()
    suffix = path.suffix.lower()
    if options.stage == "raw":
        raise ConfigError(f"an output sees what the stages have made; for the raw results write: run --record {plan.path}")
    if suffix == ".npz":
        raise ConfigError(".npz is written by `track`, not while a run goes on; record a .jsonl and convert it")
    unused = sorted(options.model_fields_set - {"stage"} - _ANIMATION_OPTIONS.get(suffix, set()))
    if unused:
        where = " and ".join(kind for kind in ANIMATIONS if unused[0] in _ANIMATION_OPTIONS[kind])
        raise ConfigError(f"{unused[0]} belongs to {where}, and means nothing for {plan.path}")
    chosen = options.model_dump(exclude={"stage"})
    return RecordOutput(path, ExportOptions(**chosen))


OUTPUT = OutputKind(
    scheme="record",
    Options=RecordOptions,
    create=_create,
    summary="a file of what outputs get: .jsonl recording, .csv of Live Link Face, .vrma and .bvh animation",
    address=Address.FILE,
)
