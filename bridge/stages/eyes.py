"""Where the eyes look, from the eyeLook coefficients."""

from __future__ import annotations

from bridge.mapping.gaze import gaze_of
from bridge.settings import EyesSettings
from bridge.stages.look import with_look
from bridge.types import FaceState, Presence


class EyesStage:
    """Fills in ``gaze``: yaw + to the own left, pitch + down, degrees; see ``mapping.gaze``."""

    def __init__(self, settings: EyesSettings) -> None:
        self._settings = settings

    def step(self, state: FaceState) -> FaceState:
        """The same frame with gaze; not observed frames pass."""
        if state.presence is not Presence.LIVE:
            return state
        return with_look(state, weights=state.weights, head=state.head, gaze=gaze_of(state.weights, self._settings))

    def reset(self) -> None:
        """Nothing to forget."""
