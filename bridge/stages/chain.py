"""The stages in their one order, for one subject."""

from __future__ import annotations

from collections.abc import Callable

from bridge.settings import Settings
from bridge.stages.calibrate import CalibrateStage
from bridge.stages.expression import ExpressionStage
from bridge.stages.eyes import EyesStage
from bridge.stages.guard import GuardStage
from bridge.stages.head import HeadStage
from bridge.stages.presence import PresenceStage
from bridge.stages.smooth import SmoothStage
from bridge.types import FaceState, Stage


class StageChain:
    """guard -> smooth -> calibrate -> expression -> eyes -> head -> presence. Engine thread."""

    def __init__(
        self,
        *,
        guard: GuardStage,
        smooth: SmoothStage,
        calibrate: CalibrateStage,
        expression: ExpressionStage,
        eyes: EyesStage,
        head: HeadStage,
        presence: PresenceStage,
    ) -> None:
        self.guard = guard
        self.calibrate = calibrate
        """Takes the commands of the person."""
        self.presence = presence
        self.stages: tuple[tuple[str, Stage], ...] = (
            ("guard", guard),
            ("smooth", smooth),
            ("calibrate", calibrate),
            ("expression", expression),
            ("eyes", eyes),
            ("head", head),
            ("presence", presence),
        )
        """In order, by name; ``step`` of one after the other is ``StageChain.step``."""
        self._steps: tuple[Callable[[FaceState], FaceState], ...] = tuple(stage.step for _, stage in self.stages)

    def step(self, state: FaceState) -> FaceState:
        """What avatars show, from what was observed: LIVE, or LOST with no head for "not observed"."""
        for step in self._steps:
            state = step(state)
        return state

    def watch(self, saw: Callable[[tuple[FaceState, ...]], None]) -> None:
        """From now on ``saw`` gets every step: what came in, then what each stage made of it; it must store and return."""
        steps = self._steps

        def step_by_step(state: FaceState) -> FaceState:
            states = [state]
            for step in steps:
                state = step(state)
                states.append(state)
            saw(tuple(states))
            return state

        self._steps = (step_by_step,)

    def reset(self) -> None:
        """Forgets the stream; the calibration stays."""
        for _, stage in self.stages:
            stage.reset()


def build_chain(settings: Settings, *, landmark_filtered: bool, full_range: Callable[[], bool] = lambda: False) -> StageChain:
    """A chain of its own for one subject.

    ``landmark_filtered``: whether MediaPipe filters its landmarks (``SmoothStage``). ``full_range``: whether the source's
    coefficients already use all of 0..1 (demo, phones); known when frames come.
    """
    calibrate = CalibrateStage(settings.calibration, full_range=full_range)
    return StageChain(
        guard=GuardStage(),
        smooth=SmoothStage(settings.smoothing, landmark_filtered=landmark_filtered),
        calibrate=calibrate,
        expression=ExpressionStage(settings.expression, neutral=lambda: calibrate.neutral, full_range=full_range),
        eyes=EyesStage(settings.eyes, neutral=lambda: calibrate.neutral, full_range=full_range),
        head=HeadStage(settings.head, neutral=lambda: calibrate.neutral),
        presence=PresenceStage(settings.presence, neutral=lambda: calibrate.neutral),
    )
