"""VRChat's own eye tracking, which needs no avatar parameters: one look address, and how far the lids are closed. Pure.

Source: the fact sheet "VRChat OSC", section 2. Degrees, pitch + down, yaw + to the own right; vectors in Unity's axes (x right, y
up, z forward) and the head's frame. After 10 s without data VRChat moves eyes and lids itself, so both are repeated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from bridge import arkit
from bridge.types import FaceState, Gaze

LookForm: TypeAlias = Literal[
    "LeftRightPitchYaw", "LeftRightVec", "CenterPitchYaw", "CenterPitchYawDist", "CenterVec", "CenterVecFull", "off"
]

LIDS_ADDRESS = "/tracking/eye/EyesClosedAmount"
REPEAT_S = 0.5
"""So that something comes every second at any frame rate."""

_EYE_DISTANCE_M = 0.064
_NEAREST_M, _FARTHEST_M = 0.1, 10.0
_WIDEST_DEG = 80.0
_BLINK_LEFT, _BLINK_RIGHT = arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]


def closed_amount(state: FaceState) -> float:
    """0 open, 1 closed: the mean of both lids, for VRChat has one value."""
    return 0.5 * float(state.weights[_BLINK_LEFT] + state.weights[_BLINK_RIGHT])


def look_address(form: LookForm) -> str:
    """``/tracking/eye/...``"""
    return f"/tracking/eye/{form}"


def look_values(gaze: Gaze, form: LookForm) -> tuple[float, ...]:
    """The arguments of that address; none for ``off``. Finite for finite angles."""
    return _FORMS[form](gaze)


def _vector(yaw_deg: float, pitch_deg: float) -> tuple[float, float, float]:
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    return -math.sin(yaw) * math.cos(pitch), -math.sin(pitch), math.cos(yaw) * math.cos(pitch)


def _slopes(yaw_deg: float, pitch_deg: float) -> tuple[float, float]:
    """How far right and up a ray has gone for every metre forward."""
    yaw = math.radians(min(_WIDEST_DEG, max(-_WIDEST_DEG, yaw_deg)))
    pitch = math.radians(min(_WIDEST_DEG, max(-_WIDEST_DEG, pitch_deg)))
    return -math.tan(yaw), -math.tan(pitch) / math.cos(yaw)


def _centre(gaze: Gaze) -> tuple[tuple[float, float, float], float]:
    """(unit vector, distance in metres) from between the eyes to where their rays meet; parallel rays: 10 m."""
    (left_x, left_y), (right_x, right_y) = _slopes(*gaze.left_deg), _slopes(*gaze.right_deg)
    x, y = 0.5 * (left_x + right_x), 0.5 * (left_y + right_y)
    length = math.sqrt(x * x + y * y + 1.0)
    nearing = left_x - right_x
    forward_m = _EYE_DISTANCE_M / nearing if nearing > _EYE_DISTANCE_M / _FARTHEST_M else _FARTHEST_M
    return (x / length, y / length, 1.0 / length), max(_NEAREST_M, forward_m) * length


def _left_right_pitch_yaw(gaze: Gaze) -> tuple[float, ...]:
    return gaze.left_deg[1], -gaze.left_deg[0], gaze.right_deg[1], -gaze.right_deg[0]


def _left_right_vec(gaze: Gaze) -> tuple[float, ...]:
    return (*_vector(*gaze.left_deg), *_vector(*gaze.right_deg))


def _centre_pitch_yaw_dist(gaze: Gaze) -> tuple[float, ...]:
    (x, y, z), distance_m = _centre(gaze)
    return math.degrees(math.atan2(-y, math.hypot(x, z))), math.degrees(math.atan2(x, z)), distance_m


def _centre_vec_full(gaze: Gaze) -> tuple[float, ...]:
    vector, distance_m = _centre(gaze)
    return tuple(distance_m * value for value in vector)


_FORMS: Mapping[LookForm, Callable[[Gaze], tuple[float, ...]]] = MappingProxyType({
    "LeftRightPitchYaw": _left_right_pitch_yaw,
    "LeftRightVec": _left_right_vec,
    "CenterPitchYaw": lambda gaze: _centre_pitch_yaw_dist(gaze)[:2],
    "CenterPitchYawDist": _centre_pitch_yaw_dist,
    "CenterVec": lambda gaze: _centre(gaze)[0],
    "CenterVecFull": _centre_vec_full,
    "off": lambda _gaze: (),
})  # fmt: skip
