"""The stages in their one order, for one subject."""

from __future__ import annotations

from collections.abc import Callable

from bridge.settings import Settings
from bridge.stages.calibrate import CalibrateStage
from bridge.stages.eyes import EyesStage
from bridge.stages.guard import GuardStage
from bridge.stages.presence import PresenceStage
from bridge.stages.smooth import SmoothStage
from bridge.types import FaceState, Stage


class StageChain:
    """guard -> smooth -> calibrate -> eyes -> presence. Engine thread."""

    def __init__(
        self,
        *,
        guard: GuardStage,
        smooth: SmoothStage,
        calibrate: CalibrateStage,
        eyes: EyesStage,
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
            ("eyes", eyes),
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


def build_chain(settings: Settings, *, landmark_filtered: bool) -> StageChain:
    """A chain of its own for one subject. ``landmark_filtered``: whether MediaPipe filters its landmarks (``SmoothStage``)."""
    calibrate = CalibrateStage()
    return StageChain(
        guard=GuardStage(),
        smooth=SmoothStage(settings.smoothing, landmark_filtered=landmark_filtered),
        calibrate=calibrate,
        eyes=EyesStage(settings.eyes),
        presence=PresenceStage(settings.presence, neutral=lambda: calibrate.neutral),
    )
