"""Where the eyes look, from the eyeLook coefficients."""

from __future__ import annotations

import numpy as np

from bridge import arkit
from bridge.settings import EyesSettings
from bridge.stages.look import with_look
from bridge.types import FaceState, Gaze, Presence, frozen_array

_LOOKS = frozen_array(
    np.array(
        [arkit.INDEX[f"eyeLook{way}{side}"] for side in ("Left", "Right") for way in ("In", "Out", "Up", "Down")], dtype=np.intp
    )
)


class EyesStage:
    """Fills in ``gaze``: yaw + to the own left, pitch + down, degrees.

    In and Out are relative to the nose, so the left eye looks left with Out and the right eye with In ("ARKit <-> MediaPipe",
    section 2); one factor per axis gives degrees (section 4).
    """

    def __init__(self, settings: EyesSettings) -> None:
        self._yaw_deg = settings.gaze_yaw_deg
        self._pitch_deg = settings.gaze_pitch_deg

    def step(self, state: FaceState) -> FaceState:
        """The same frame with gaze; not observed frames pass."""
        if state.presence is not Presence.LIVE:
            return state
        in_l, out_l, up_l, down_l, in_r, out_r, up_r, down_r = state.weights[_LOOKS].tolist()
        return with_look(
            state,
            weights=state.weights,
            head=state.head,
            gaze=Gaze(
                left_deg=(self._yaw_deg * (out_l - in_l), self._pitch_deg * (down_l - up_l)),
                right_deg=(self._yaw_deg * (in_r - out_r), self._pitch_deg * (down_r - up_r)),
            ),
        )

    def reset(self) -> None:
        """Nothing to forget."""
