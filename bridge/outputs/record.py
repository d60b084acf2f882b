"""``record://FILE``: what an output gets, written to a recording that ``avatar-bridge replay`` plays."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from bridge.errors import ConfigError, OutputRejected
from bridge.outputs.kinds import Address, OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.recording import RecordingWriter
from bridge.types import FaceState


class RecordOptions(OutputOptions):
    """Options of ``record://``."""

    stage: Literal["final", "raw"] = Field(
        "final", description="final: states after all stages; raw is what `run --record` writes"
    )


class RecordOutput:
    """Appends every state to a file. Worker thread only.

    The first state replaces a recording that is there; opening again (after a full disk, after a pause) goes on with it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: RecordingWriter | None = None
        self._begun = False

    def open(self) -> None:
        """Raises OutputRejected for a file that may not be written, OutputUnavailable for a full disk."""
        self.close()
        try:
            self._writer = RecordingWriter(self._path, stage="final", append=self._begun)
        except ConfigError as error:
            raise OutputRejected(str(error)) from error

    def send(self, state: FaceState) -> None:
        """Raises OutputUnavailable when the disk is full or gone."""
        if self._writer is not None:
            self._writer.write_state(state)
            self._begun = True

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


def _create(plan: OutputPlan, _context: OutputContext) -> RecordOutput:
    if plan.options_as(RecordOptions).stage == "raw":
        raise ConfigError(f"an output sees what the stages have made; for the raw results write: run --record {plan.path}")
    return RecordOutput(Path(plan.path).expanduser())


OUTPUT = OutputKind(
    scheme="record",
    Options=RecordOptions,
    create=_create,
    summary="a recording of what outputs get, as JSON Lines",
    address=Address.FILE,
)
