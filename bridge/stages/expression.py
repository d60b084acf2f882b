"""What the channels of one face owe each other: rest that is rest, lips that follow the jaw, two sides that match."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from bridge import arkit, space
from bridge.settings import ExpressionSettings
from bridge.stages.landmark_shapes import LandmarkShapes
from bridge.stages.look import smoothstep, with_look
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.types import CHANNELS, FaceState, Float32Array, Float64Array, HeadPose, Presence, frozen_array

FAR_SIDE_DEG = (20.0, 35.0)
"""Yaw towards the camera at which the far side begins to follow the near one, and from which on it does wholly."""
CLOSED_SHARE = 0.5
"""The dead zone of a channel that is in use, as a share of the one at rest."""
CATCH_UP = 4.0 / 3.0
"""The slope above the dead zone: from four times the dead zone on, values are what they were."""

_CATCH_UP, _ZEROS = (frozen_array(np.full(CHANNELS, value, dtype=np.float32)) for value in (CATCH_UP, 0.0))
"""Whole arrays, because numpy takes longer with a single number."""
_OPENS_S, _CLOSES_S = 0.1, 0.6
_LONGEST_STEP_S = 0.5
_TAN_FAR = math.tan(math.radians(FAR_SIDE_DEG[0]))
_W_FAR = math.cos(math.radians(FAR_SIDE_DEG[0] / 2))
"""A quaternion with a larger w turns by less than that in all."""
_CLOSE, _OPEN = arkit.INDEX["mouthClose"], arkit.INDEX["jawOpen"]
_NOT_SIDES = ("eyeBlink", "eyeLook", "jaw", "mouthLeft", "mouthRight")
_LEFT = frozen_array(
    np.array(
        [i for i, name in enumerate(arkit.NAMES) if name.endswith("Left") and not name.startswith(_NOT_SIDES)], dtype=np.intp
    )
)
"""The left of every pair that should match. Lids and gaze are the eyes stage's; the jaw and ``mouthLeft`` are directions."""
_RIGHT = frozen_array(arkit.MIRROR_INDEX[_LEFT])

PITCH_SLOPES: dict[str, tuple[float, float]] = {
    "browInnerUp": (0.19, -0.11),
    "browOuterUp": (0.17, -0.06),
    "browDown": (-0.12, 0.08),
    "mouthPucker": (-0.07, -0.11),
}
"""What the model adds to a constant expression at 20° chin up and at 20° nose down (QUALITY.md, sections 2.2 and A)."""
_PITCH_DEG = 20.0


def _no_neutral() -> Neutral:
    return IDENTITY_NEUTRAL


def _not_full_range() -> bool:
    return False


class ExpressionStage:
    """Corrects what the model cannot know of single channels. Order: landmark shapes, pitch, sides, dead zone, gain, lips.

    - Dead zone: what is below it is exactly 0, what is above catches up with the tracked value, without a step anywhere. It is
      half as wide for a channel in use (hysteresis in time, not in value: the zone glides, so nothing pops). Lids and gaze have
      none: the eyes stage maps the first, and a dead middle of the second would show as eyes that stick.
    - Gain: for channels that are weak or come out weak; rises from ``gain_from`` on, keeps 1 at 1, and never overshoots it.
    - Lips: ``mouthClose`` undoes ``jawOpen`` in ARKit's meaning, so there is never more of it. (MediaPipe keeps that itself, in
      all recordings; calibration and gain do not.)
    - Sides: beyond 20-35° of yaw towards the camera the far side of the face is guessed by the model, and follows the near one.
    - Pitch: optional, ``PITCH_SLOPES``. Off by default: in eight recordings the brows' slope on pitch had the sign of the
      model's mistake but up to ten times its size, so most of it is what people really do, and taking it off helps nobody's.

    Works on the coefficients of MediaPipe. A source whose values already are a person's full range (``full_range``: demo, phones)
    passes but for the lips. ``neutral`` gives the neutral in use, as the camera's view depends on the yaw towards the camera.
    """

    def __init__(
        self,
        settings: ExpressionSettings,
        *,
        neutral: Callable[[], Neutral] = _no_neutral,
        full_range: Callable[[], bool] = _not_full_range,
    ) -> None:
        self._settings = settings
        self._neutral = neutral
        self._full_range = full_range
        self._widest = np.full(CHANNELS, settings.dead_zone, dtype=np.float32)
        self._widest[[name.startswith(("eyeLook", "eyeBlink")) for name in arkit.NAMES]] = 0.0
        self._narrowest = self._widest * np.float32(CLOSED_SHARE)
        span = self._widest.max() - self._narrowest.max()
        self._widening, self._narrowing = span / np.float32(_CLOSES_S), -span / np.float32(_OPENS_S)
        self._steps = np.zeros(2, dtype=np.float32)
        """How far the zone of a channel at rest, and of one in use, glides in this frame."""
        self._used = np.zeros(CHANNELS, dtype=np.intp)
        """1 for a channel in use, 0 for one at rest: which of the steps it takes."""
        self._zone = self._widest.copy()
        self._factor, boost = _gains(settings.gain)
        self._boosted = np.flatnonzero(boost)
        self._boosts: list[tuple[int, float]] = [(int(i), float(boost[i])) for i in self._boosted]
        self._reduces = bool((self._factor != 1.0).any())
        self._chin_up, self._nose_down = _pitch_slopes(settings.pitch_coupling)
        self._shapes = LandmarkShapes(settings.landmark_shapes) if settings.landmark_shapes else None
        self._last_t: float | None = None

    def reset(self) -> None:
        """As before the first frame."""
        self._zone[:] = self._widest
        self._last_t = None
        if self._shapes is not None:
            self._shapes.reset()

    def step(self, state: FaceState) -> FaceState:
        """The same frame with the corrected weights; not observed frames pass."""
        if state.presence is not Presence.LIVE or not self._settings.enabled:
            return state
        weights = state.weights.copy()
        if not self._full_range():
            self._correct(weights, state)
        if self._settings.lips_with_jaw and weights.item(_CLOSE) > weights.item(_OPEN):
            weights[_CLOSE] = weights[_OPEN]
        return with_look(state, weights=frozen_array(weights), head=state.head, gaze=state.gaze)

    def _correct(self, weights: Float32Array, state: FaceState) -> None:
        """Changes ``weights`` in place."""
        if self._shapes is not None and state.landmarks is not None and state.head is not None:
            self._shapes.apply(weights, state.landmarks, state.box, self._towards_camera(state.head), state.t)
        if state.head is not None:
            if self._settings.pitch_coupling:
                self._take_off_pitch(weights, state.head)
            if self._settings.symmetry:
                self._match_sides(weights, self._towards_camera(state.head))
        if self._settings.dead_zone:
            self._rest(weights, state.t)
        if self._reduces:
            weights *= self._factor
        if self._boosts:
            self._strengthen(weights)

    def _rest(self, weights: Float32Array, t: float) -> None:
        zone = self._zone
        dt = 0.0 if self._last_t is None else min(_LONGEST_STEP_S, max(0.0, t - self._last_t))
        self._last_t = t
        np.greater(weights, zone, out=self._used)
        # Both glide on straight lines, so that the frame rate does not matter. Lids and gaze stay: their zones have one width.
        step_s = np.float32(dt)
        self._steps[0], self._steps[1] = self._widening * step_s, self._narrowing * step_s
        zone += self._steps[self._used]
        np.maximum(zone, self._narrowest, out=zone)
        np.minimum(zone, self._widest, out=zone)
        above = weights - zone
        above *= _CATCH_UP
        np.minimum(weights, above, out=weights)
        np.maximum(weights, _ZEROS, out=weights)

    def _strengthen(self, weights: Float32Array) -> None:
        """``y = z + (1-z) g u / (1 + (g-1) u)`` with u, the share of what is above z: slope g at z, and 1 stays 1."""
        begin = self._settings.gain_from
        room = 1.0 - begin
        for value, (i, boost) in zip(weights[self._boosted].tolist(), self._boosts, strict=True):
            if value > begin:  # few are: plain numbers are faster than arrays here
                above = value - begin
                raised = begin + above * (1.0 + boost) / (1.0 + boost * (above / room))
                weights[i] = min(1.0, raised)

    def _towards_camera(self, head: HeadPose) -> Float64Array:
        """The head's rotation as the camera sees it, before the neutral was taken out."""
        neutral = self._neutral()
        return space.multiply(head.quat_xyzw, neutral.quat_xyzw) if neutral.moves_head else head.quat_xyzw

    def _match_sides(self, weights: Float32Array, quat_xyzw: Float64Array) -> None:
        if quat_xyzw.item(3) > _W_FAR:  # most frames
            return
        x, y, z, w = quat_xyzw.tolist()
        ahead, aside = 1.0 - 2.0 * (x * x + y * y), 2.0 * (x * z + w * y)
        if abs(aside) <= _TAN_FAR * ahead:  # tan yaw = R02 / R22
            return
        yaw_deg = math.degrees(math.atan2(aside, ahead))
        low, high = FAR_SIDE_DEG
        share = np.float32(self._settings.symmetry * smoothstep((abs(yaw_deg) - low) / (high - low)))
        far, near = (_LEFT, _RIGHT) if yaw_deg > 0.0 else (_RIGHT, _LEFT)  # turned to the own left, the left side is away
        weights[far] += share * (weights[near] - weights[far])

    def _take_off_pitch(self, weights: Float32Array, head: HeadPose) -> None:
        _, pitch_deg, _ = space.to_euler_deg(head.quat_xyzw)
        share = np.float32(min(1.5, abs(pitch_deg) / _PITCH_DEG))
        weights -= share * (self._nose_down if pitch_deg > 0.0 else self._chin_up)
        np.maximum(weights, 0.0, out=weights)
        np.minimum(weights, 1.0, out=weights)


def _gains(table: dict[str, float]) -> tuple[Float32Array, Float32Array]:
    """Per channel: a plain factor up to 1, and how much the slope is above 1."""
    gain = np.ones(CHANNELS, dtype=np.float32)
    for name in sorted(table, key=len):  # a side by its own name wins over both
        gain[list(arkit.sides_of(name))] = table[name]
    return np.minimum(gain, np.float32(1.0)), np.maximum(gain, np.float32(1.0)) - np.float32(1.0)


def _pitch_slopes(share: float) -> tuple[Float32Array, Float32Array]:
    chin_up, nose_down = np.zeros(CHANNELS, dtype=np.float32), np.zeros(CHANNELS, dtype=np.float32)
    for name, (up, down) in PITCH_SLOPES.items():
        for i in arkit.sides_of(name):
            chin_up[i], nose_down[i] = share * up, share * down
    return chin_up, nose_down
