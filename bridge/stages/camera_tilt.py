"""A head seen by a camera that looks down or up at it, as a level camera would see it."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from bridge import space
from bridge.stages.neutral import Neutral
from bridge.types import Float64Array, HeadPose, frozen_array

_BIAS_DEG = (-3.0, 12.0)
"""Pitches that need no tilted camera: the model's own for frontal faces, +1 to +9 (QUALITY.md, section 3), and some posture."""
_MOST_DEG = 35.0


def tilt_of(setting: float | Literal["auto"], neutral: Neutral) -> float:
    """How far the camera looks down (+) or up (-), degrees.

    ``auto``: what of the neutral head's pitch neither the model's bias nor posture explains, for a camera above sees a level
    head as one that looks down. 0 where the head was never calibrated.
    """
    if setting != "auto":
        return setting
    if not neutral.moves_head:
        return 0.0
    _, pitch, _ = space.to_euler_deg(neutral.quat_xyzw)
    low, high = _BIAS_DEG
    return min(_MOST_DEG, max(-_MOST_DEG, pitch - min(high, max(low, pitch))))


class HeadZero:
    """Makes the neutral head straight ahead, and its place the origin.

    The neutral stands on the right, ``R * R0^-1``, because the offset is posture and model bias, which live in the head's frame:
    with the true rotation T and the offset B the tracker sees ``R = T * B``. The other order tilts the axes by the offset: 10° of
    offset and a turn of 30° gave 5° of false roll (QUALITY.md, section 3).

    A camera tilted by C sees ``R = C * T * B``: so the result is turned back by ``C^-1 (R * R0^-1) C``, and positions by
    ``C^-1 (p - p0)``. Otherwise a head that turns would also tilt, and one that leans forward would rise or sink.
    """

    def __init__(self, neutral: Neutral, *, tilt_deg: float) -> None:
        self.tilt_deg = tilt_deg
        tilt = space.from_euler_deg(yaw=0.0, pitch=tilt_deg, roll=0.0)
        self._origin_m = neutral.position_m
        self._right = space.multiply(space.inverse(neutral.quat_xyzw), tilt)
        self._left: Float64Array | None = space.inverse(tilt) if tilt_deg else None
        self._cos, self._sin = math.cos(math.radians(tilt_deg)), math.sin(math.radians(tilt_deg))
        self._nothing = not (neutral.moves_head or tilt_deg)

    def apply(self, head: HeadPose) -> HeadPose:
        """The head relative to the neutral one, along level axes."""
        if self._nothing:
            return head
        turned = space.multiply(head.quat_xyzw, self._right)
        moved = head.position_m - self._origin_m
        if self._left is not None:
            turned = space.multiply(self._left, turned)
            x, y, z = moved.tolist()
            moved = np.array([x, self._cos * y + self._sin * z, self._cos * z - self._sin * y])
        return HeadPose(position_m=frozen_array(moved), quat_xyzw=frozen_array(space.canonical(turned)))
