"""The head's pose as avatars should have it: the camera's geometry, gains and limits."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from bridge import space
from bridge.settings import HeadSettings
from bridge.stages.look import with_look
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.types import FaceState, Float64Array, HeadPose, Presence, frozen_array

MEDIAPIPE_VFOV_DEG = 63.0
"""The vertical field of view that MediaPipe assumes of every camera."""
COMPENSATED = (0.24, 0.30)
"""The share of the off-axis angle that MediaPipe takes out itself, sideways and upright (QUALITY.md, section 3)."""
FREE_SHARE = 0.8
"""Up to this share of a limit everything is as it was; the limit itself is never reached."""
_NEAREST_M = 0.05


def _no_neutral() -> Neutral:
    return IDENTITY_NEUTRAL


class HeadStage:
    """Off-axis correction, true distance, gain per axis, and soft limits. With nothing to do the very state comes out.

    Distance: MediaPipe's is for a camera of 63° vertical field of view, so ``z`` is multiplied by tan 31.5° / tan(VFOV / 2);
    x and y need no correction.

    Off-axis: who slides sideways without turning is seen from the side, and reported as turned by 0.76° per degree of the view
    angle (0.70° upright). With the angles a' = atan(x / distance as reported) and a = atan(x / true distance), yaw becomes
    ``yaw - (a_x - .24 a_x')`` and pitch ``pitch + (a_y - .30 a_y')``, about the camera's axes. A neutral has taken out the part
    of its own place already, and that is taken into account: there, a head that is straight ahead stays so. Off by default:
    people who lean aside usually keep facing the screen, and then the reported turn is what they do.

    Limits: soft, ``soft_limit``. Those of the position hold only with a neutral, as others are counted from the camera.
    """

    def __init__(self, settings: HeadSettings, *, neutral: Callable[[], Neutral] = _no_neutral) -> None:
        self._settings = settings
        self._neutral_now = neutral
        self._distance = math.tan(math.radians(MEDIAPIPE_VFOV_DEG / 2)) / math.tan(math.radians(settings.camera_vfov_deg / 2))
        self._turns = settings.gain_deg != (1.0, 1.0, 1.0) or any(settings.limit_deg)
        self._moves = self._distance != 1.0 or settings.gain_m != (1.0, 1.0, 1.0)
        self._limits_place = any(settings.limit_m)
        self._does = settings.enabled and bool(settings.off_axis or self._turns or self._moves)
        self._does_with_neutral = self._does or (settings.enabled and self._limits_place)
        self._neutral = IDENTITY_NEUTRAL
        self._seen_from: Float64Array | None = None

    def reset(self) -> None:
        """Nothing to forget."""

    def step(self, state: FaceState) -> FaceState:
        """The same frame with the head to show; without a head, or not observed, frames pass."""
        head = state.head
        neutral = self._neutral_now()
        limited = self._limits_place and neutral.moves_head
        does = self._does_with_neutral if limited else self._does
        if not does or head is None or state.presence is not Presence.LIVE:
            return state
        quat_xyzw, position_m = head.quat_xyzw, head.position_m
        if self._settings.off_axis:
            quat_xyzw = self._facing(quat_xyzw, position_m, neutral)
        if self._turns:
            quat_xyzw = self._turned(quat_xyzw)
        if self._moves or limited:
            position_m = self._moved(position_m, limited=limited)
        if quat_xyzw is head.quat_xyzw and position_m is head.position_m:
            return state
        head = HeadPose(position_m=frozen_array(position_m), quat_xyzw=frozen_array(quat_xyzw))
        return with_look(state, weights=state.weights, head=head, gaze=state.gaze)

    def _facing(self, quat_xyzw: Float64Array, position_m: Float64Array, neutral: Neutral) -> Float64Array:
        if not neutral.moves_head:
            return space.canonical(space.multiply(self._correction(position_m), quat_xyzw))
        if neutral is not self._neutral or self._seen_from is None:
            self._neutral = neutral
            self._seen_from = space.inverse(self._correction(neutral.position_m))
        # C(p) R R0 (C(p0) R0)^-1, of which the neutral's own rotation falls out.
        corrected = space.multiply(self._correction(position_m + neutral.position_m), quat_xyzw)
        return space.canonical(space.multiply(corrected, self._seen_from))

    def _correction(self, position_m: Float64Array) -> Float64Array:
        """What turns a head at this place (from the camera) back to where it faces."""
        x, y, z = position_m.tolist()
        reported = max(_NEAREST_M, -z)
        true = reported * self._distance
        share = self._settings.off_axis
        aside = math.atan2(x, true) - COMPENSATED[0] * math.atan2(x, reported)
        above = math.atan2(y, true) - COMPENSATED[1] * math.atan2(y, reported)
        return space.from_euler_deg(yaw=-share * math.degrees(aside), pitch=share * math.degrees(above), roll=0.0)

    def _turned(self, quat_xyzw: Float64Array) -> Float64Array:
        angles = [
            soft_limit(gain * angle, limit)
            for angle, gain, limit in zip(
                space.to_euler_deg(quat_xyzw), self._settings.gain_deg, self._settings.limit_deg, strict=True
            )
        ]
        return space.from_euler_deg(yaw=_half_turn(angles[0]), pitch=min(90.0, max(-90.0, angles[1])), roll=_half_turn(angles[2]))

    def _moved(self, position_m: Float64Array, *, limited: bool) -> Float64Array:
        x, y, z = position_m.tolist()
        gains, limits = self._settings.gain_m, self._settings.limit_m
        place = [gains[0] * x, gains[1] * y, gains[2] * self._distance * z]
        if limited:
            place = [soft_limit(value, limit) for value, limit in zip(place, limits, strict=True)]
        return position_m if place == [x, y, z] else np.array(place)


def soft_limit(value: float, limit: float) -> float:
    """``value`` held within +-``limit``: itself up to ``FREE_SHARE`` of it, then smoothly slower. 0 is no limit."""
    if limit <= 0.0 or abs(value) <= FREE_SHARE * limit:
        return value
    free, room = FREE_SHARE * limit, (1.0 - FREE_SHARE) * limit
    return math.copysign(free + room * math.tanh((abs(value) - free) / room), value)


def _half_turn(angle_deg: float) -> float:
    return min(180.0, max(-180.0, angle_deg))
