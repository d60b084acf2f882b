"""What a person can ask of the calibration, as values: from any thread to the engine's, where they are carried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bridge.stages.calibrate import CalibrateStage
from bridge.stages.neutral import Neutral


@dataclass(frozen=True, slots=True, kw_only=True)
class Recenter:
    """What the head does now is straight ahead from here on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginCalibration:
    """Begin a guided calibration."""

    collect_s: float
    """How long the neutral face is watched."""
    guide: str = "neutral"
    """A key of ``guide.GUIDES``."""
    insist: bool = False
    """A neutral that is hard to believe is used all the same, lowered and flagged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelCalibration:
    """Stop learning; what was valid before still is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsistOnCalibration:
    """Use what was rejected last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoCalibration:
    """Back to the calibration before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearCalibration:
    """Back to what the model delivers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseNeutral:
    """Use what was learnt before. It is one person's: the first subject's."""

    neutral: Neutral
    message: str = ""
    """One sentence for the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustCoefficients:
    """The source's coefficients already run from 0 to 1: nothing of MediaPipe's ways is to be corrected in them."""


CalibrationCommand: TypeAlias = (
    Recenter
    | BeginCalibration
    | CancelCalibration
    | InsistOnCalibration
    | UndoCalibration
    | ClearCalibration
    | UseNeutral
    | TrustCoefficients
)


def carry_out(command: CalibrationCommand, calibrate: CalibrateStage, *, subject: int) -> None:
    """Does it. Engine thread, between two steps."""
    match command:
        case Recenter():
            calibrate.recenter()
        case BeginCalibration(collect_s=seconds, guide=guide, insist=insist):
            calibrate.begin(guide, seconds, insist=insist)
        case CancelCalibration():
            calibrate.cancel()
        case InsistOnCalibration():
            calibrate.insist()
        case UndoCalibration():
            calibrate.undo()
        case ClearCalibration():
            calibrate.clear()
        case UseNeutral(neutral=neutral, message=message):
            if subject == 0:
                calibrate.put(neutral, message)
        case TrustCoefficients():
            calibrate.trust()
