"""The eyeLook coefficients as angles. Pure; any thread."""

from __future__ import annotations

from bridge import arkit
from bridge.settings import EyesSettings
from bridge.types import Float32Array, Gaze

_LEFT, _RIGHT = arkit.INDEX["eyeLookDownLeft"], arkit.INDEX["eyeLookDownRight"]
"""The first of the four of each eye, which lie side by side: Down, In, Out, Up."""
_DEFAULTS = EyesSettings()


def gaze_of(weights: Float32Array, settings: EyesSettings = _DEFAULTS) -> Gaze:
    """Where the eyes look by weights (52,): yaw + to the own left, pitch + down, degrees; ``[eyes]`` has the degrees at 1.

    In and Out are relative to the nose, so the left eye looks left with Out and the right eye with In ("ARKit <-> MediaPipe",
    section 2); one factor per axis gives degrees (section 4).
    """
    down_l, in_l, out_l, up_l = weights[_LEFT : _LEFT + 4].tolist()
    down_r, in_r, out_r, up_r = weights[_RIGHT : _RIGHT + 4].tolist()
    yaw_deg, pitch_deg = settings.gaze_yaw_deg, settings.gaze_pitch_deg
    return Gaze(
        left_deg=(yaw_deg * (out_l - in_l), pitch_deg * (down_l - up_l)),
        right_deg=(yaw_deg * (in_r - out_r), pitch_deg * (down_r - up_r)),
    )
