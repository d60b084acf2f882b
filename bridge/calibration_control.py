"""The calibration as the control protocol has it: methods in, engine commands and profiles out. Any thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bridge.engine import Engine
from bridge.errors import ControlError, ModelMissing
from bridge.models import model_sha256
from bridge.profile_keeper import ProfileKeeper
from bridge.settings import CalibrationSettings
from bridge.stages.calibration_commands import (
    BeginCalibration,
    CalibrationCommand,
    CancelCalibration,
    ClearCalibration,
    InsistOnCalibration,
    Recenter,
    TrustCoefficients,
    UndoCalibration,
    UseNeutral,
)
from bridge.stages.guide import GUIDES
from bridge.stages.neutral import Neutral
from bridge.status import plain
from bridge.types import Source

Handler = Callable[[dict[str, object]], object]


class CalibrationControl:
    """Everything about calibration that a run is asked for."""

    def __init__(
        self, settings: CalibrationSettings, engine: Engine, keeper: Callable[[Callable[[Neutral, str], None]], ProfileKeeper]
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._keeper = keeper(self._put)
        engine.on_calibrated = self._keeper.learnt

    def begin(self, source: Source, model: Path | None) -> None:
        """Once the source is open: loads the profile. ``model`` is None where the source delivers results itself."""
        if getattr(source, "full_range", False):
            self._engine.command(TrustCoefficients())
        camera = str(getattr(source, "camera_id", "") or source.label)
        sha256 = ""
        if model is not None:
            with suppress(ModelMissing):  # it was there a moment ago; a run does not end because it was taken away
                sha256 = model_sha256(model)
        self._keeper.begin(camera=camera, model_sha256=sha256, mediapipe=_mediapipe_release() if sha256 else "")

    def close(self) -> None:
        """Waits for what is being saved. Idempotent."""
        self._keeper.close()

    def status(self) -> dict[str, object]:
        """Of calibration and profiles; cheap enough for ten times a second."""
        calibration = plain(self._engine.status().calibration)
        return dict(calibration) | self._keeper.status()

    def methods(self) -> dict[str, Handler]:
        """Of the control protocol. They raise ControlError."""
        return {
            "recenter": self._simple(Recenter()),
            "calibrate": self._calibrate,
            "calibration.status": lambda _: self.status(),
            "calibration.cancel": self._simple(CancelCalibration()),
            "calibration.insist": self._simple(InsistOnCalibration()),
            "calibration.undo": self._simple(UndoCalibration()),
            "calibration.clear": self._simple(ClearCalibration()),
            "calibration.list": lambda _: self._keeper.profiles(),
            "calibration.show": lambda _: self._keeper.show(),
            "calibration.use": lambda params: {"message": self._keeper.use(params.get("name"))},
            "calibration.save": lambda params: {"saved": self._keeper.save(params.get("name"))},
            "calibration.delete": lambda params: {"deleted": self._keeper.delete(params.get("name"))},
        }

    def _put(self, neutral: Neutral, message: str) -> None:
        self._engine.command(UseNeutral(neutral=neutral, message=message))

    def _simple(self, command: CalibrationCommand) -> Handler:
        def handle(_: dict[str, object]) -> object:
            self._engine.command(command)
            return {"done": True}

        return handle

    def _calibrate(self, params: dict[str, object]) -> object:
        seconds = params.get("seconds", self._settings.collect_s)
        guide, insist = params.get("guide", "neutral"), params.get("insist", False)
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0.2 <= seconds <= 30:
            raise ControlError(f"calibrate: seconds must be a number from 0.2 to 30, not {seconds!r}")
        if not isinstance(guide, str) or guide not in GUIDES:
            raise ControlError(f"calibrate: guide must be one of {', '.join(GUIDES)}, not {guide!r}")
        if not isinstance(insist, bool):
            raise ControlError(f"calibrate: insist must be true or false, not {insist!r}")
        attempt = self._engine.status().calibration.attempt + 1
        self._engine.command(BeginCalibration(collect_s=float(seconds), guide=guide, insist=insist))
        steps = [{"name": step.name, "caption": step.caption} for step in GUIDES[guide]]
        return {"collecting_s": float(seconds), "attempt": attempt, "guide": guide, "steps": steps}


def _mediapipe_release() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("mediapipe")
    except PackageNotFoundError:  # built into something else, without its metadata
        return ""
