"""Eyes that people believe: lids that close in a blink and wink alone, gaze that does not drop with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from bridge import arkit
from bridge.mapping.gaze import gaze_of
from bridge.settings import EyesSettings
from bridge.stages.eyes_iris import IrisFilter, aspect_of, iris_yaw
from bridge.stages.gaze_hold import HOLD_FROM, GazeHold
from bridge.stages.lids import LidMapper, follow_near, link, smooth_between, wink
from bridge.stages.look import with_look
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.types import FaceState, Float32Array, Gaze, Presence, frozen_array

FAR_EYE_DEG = (20.0, 30.0)
"""Head yaw at which the far eye begins to follow the near one, and from which on it does wholly."""

_TAN_FAR = math.tan(math.radians(FAR_EYE_DEG[0]))
_EYES = 14
"""The channels of the eyes are the first ones: of each eye Blink, LookDown, LookIn, LookOut, LookUp, Squint, Wide; left first.
A slice and plain numbers cost a fraction of picking them one by one."""
_BLINK_LEFT, _BLINK_RIGHT = arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]


class _Lids(NamedTuple):
    """A number for each eye, 0..1."""

    left: float
    right: float


_BOTH_SEEN = _Lids(0.0, 0.0)
_Looks: TypeAlias = tuple[float, float, float, float]
"""To the own left and down as coefficients, -1..1: left eye x, y, right eye x, y."""


def _no_neutral() -> Neutral:
    return IDENTITY_NEUTRAL


def _not_full_range() -> bool:
    return False


class EyesStage:
    """Maps the lids, links them, steadies the gaze, and fills in ``gaze``: yaw + to the own left, pitch + down, degrees.

    - Lids: ``LidMapper`` makes an open eye 0 and a typical blink 1; then both go together unless the person winks (``link``).
    - The far eye of a turned head follows the near one; only yaw counts, and there is no correction for pitch, because its sign
      differs from person to person (QUALITY.md, section 6.3).
    - Gaze: both eyes alike (or each its own, but never apart), vertically held through a blink (``GazeHold``). The eyeLook
      coefficients are made to say the same as ``gaze``, as receivers read either.
    - eyeWide gives way while the lid closes. eyeSquint is left to the calibration.

    ``neutral`` gives the neutral in use (``CalibrateStage.neutral``), which leaves eyeBlink to this stage: its levels of open and
    closed lids are used, and its head, because how much the camera sees of an eye depends on the yaw towards the camera.
    ``full_range`` tells whether the source's coefficients are no MediaPipe's and its lids already go from 0 to 1 (demo, phones);
    such eyes are shown as they come, unless ``lids = "map"``. Asked at each frame, as it may change.
    """

    def __init__(
        self,
        settings: EyesSettings,
        *,
        neutral: Callable[[], Neutral] = _no_neutral,
        full_range: Callable[[], bool] = _not_full_range,
    ) -> None:
        self._settings = settings
        self._neutral_now = neutral
        self._full_range = full_range
        self._neutral = IDENTITY_NEUTRAL
        self._neutral_quat: tuple[float, float, float, float] | None = None
        """x, y, z, w, where the neutral moves the head."""
        self._lid_levels: tuple[tuple[float, float] | None, tuple[float, float] | None] = (None, None)
        self._lids = LidMapper()
        self._holds = (GazeHold(), GazeHold())
        self._irises = (IrisFilter(), IrisFilter())
        self._keeps_coefficients = settings.gaze == "off" and not settings.gaze_hold and settings.gaze_source != "iris"

    @property
    def open_lids(self) -> tuple[float, float]:
        """The raw eyeBlink (left, right) that counts as open at the moment; below 0 before the first frame."""
        return self._lids.open_lids

    @property
    def closed_level(self) -> float:
        """The raw eyeBlink that counts as closed at the moment."""
        return self._lids.closed_level

    def reset(self) -> None:
        """Forgets the stream; the neutral stays."""
        self._lids.reset()
        for part in (*self._holds, *self._irises):
            part.reset()

    def step(self, state: FaceState) -> FaceState:
        """The same frame with the eyes to show; not observed frames pass."""
        if state.presence is not Presence.LIVE or not self._settings.enabled:
            return state
        neutral = self._neutral_now()
        if self._neutral is not neutral:
            self._adopt(neutral)
        settings = self._settings
        if settings.lids == "auto" and self._full_range():
            return self._as_it_is(state)
        tracked: list[float] = state.weights[:_EYES].tolist()
        left, down_l, in_l, out_l, up_l, squint_l, wide_l, right, down_r, in_r, out_r, up_r, squint_r, wide_r = tracked
        far = self._far_eyes(state)
        together = 0.0
        maps = settings.lids != "off"
        if maps:
            mapper = self._lids
            down = 0.5 * (down_l + down_r)
            left, right = mapper.step(state.t, left, right, down=down, far_left=far.left, far_right=far.right)
            together = mapper.together
        if far is not _BOTH_SEEN:
            left, right = follow_near(left, right, far_left=far.left, far_right=far.right)
        own = 0.0 if settings.link == "blend" else wink(left, right, together=together)
        if settings.link != "off":
            left, right = link(left, right, own=own)
        if self._keeps_coefficients:
            gaze = gaze_of(state.weights, settings)
        else:
            x_l, y_l, x_r, y_r = self._look(
                state, (out_l - in_l, down_l - up_l, in_r - out_r, down_r - up_r), _Lids(left, right), far, own
            )
            yaw_deg, pitch_deg = settings.gaze_yaw_deg, settings.gaze_pitch_deg
            gaze = Gaze(left_deg=(yaw_deg * x_l, pitch_deg * y_l), right_deg=(yaw_deg * x_r, pitch_deg * y_r))
            in_l, out_l = _halves(x_l)
            up_l, down_l = _halves(y_l)
            out_r, in_r = _halves(x_r)
            up_r, down_r = (up_l, down_l) if y_r == y_l else _halves(y_r)
        if maps:
            wide_l, wide_r = wide_l * (1.0 - left), wide_r * (1.0 - right)
        shown = [left, down_l, in_l, out_l, up_l, squint_l, wide_l, right, down_r, in_r, out_r, up_r, squint_r, wide_r]
        weights = state.weights if shown == tracked else _replaced(state.weights, shown)
        return with_look(state, weights=weights, head=state.head, gaze=gaze)

    def _as_it_is(self, state: FaceState) -> FaceState:
        """Of a source whose lids and eyes are not MediaPipe's: nothing to mend, only what is asked for expressly."""
        weights, gaze = state.weights, gaze_of(state.weights, self._settings)
        if self._settings.link == "blend":
            weights = weights.copy()
            weights[[_BLINK_LEFT, _BLINK_RIGHT]] = link(float(weights[_BLINK_LEFT]), float(weights[_BLINK_RIGHT]), own=0.0)
            frozen_array(weights)
        return with_look(state, weights=weights, head=state.head, gaze=gaze)

    # --- lids -------------------------------------------------------------------------------------------------------------

    def _adopt(self, neutral: Neutral) -> None:
        self._neutral = neutral
        self._neutral_quat = None
        if neutral.moves_head:
            x, y, z, w = neutral.quat_xyzw.tolist()
            self._neutral_quat = (x, y, z, w)
        weights = neutral.weights
        # A neutral that only centres the head says nothing about the lids.
        open_lids = (float(weights[_BLINK_LEFT]), float(weights[_BLINK_RIGHT])) if bool(weights.any()) else None
        closed_lids: tuple[float, float] | None = getattr(neutral, "closed_lids", None)
        if (open_lids, closed_lids) != self._lid_levels:  # who centres the head keeps what was learnt of the lids
            self._lid_levels = (open_lids, closed_lids)
            self._lids.calibrate(open_lids, closed_lids)

    def _far_eyes(self, state: FaceState) -> _Lids:
        """How little the camera sees of each eye, 0..1: of the one that the face turns towards."""
        if state.head is None or not self._settings.far_eye:
            return _BOTH_SEEN
        x, y, z, w = state.head.quat_xyzw.tolist()
        if self._neutral_quat is not None:  # space.multiply in plain numbers; q and -q come to the same below
            a, b, c, d = self._neutral_quat
            x, y, z, w = (
                w * a + x * d + y * c - z * b,
                w * b - x * c + y * d + z * a,
                w * c + x * b - y * a + z * d,
                w * d - x * a - y * b - z * c,
            )
        # tan yaw = R02 / R22; compared without an arc tangent, as most frames are far below the limit
        ahead, aside = 1.0 - 2.0 * (x * x + y * y), 2.0 * (x * z + w * y)
        if abs(aside) < _TAN_FAR * ahead:
            return _BOTH_SEEN
        yaw_deg = math.degrees(math.atan2(aside, ahead))
        share = smooth_between(*FAR_EYE_DEG, abs(yaw_deg))
        return _Lids(share, 0.0) if yaw_deg > 0.0 else _Lids(0.0, share)

    # --- gaze -------------------------------------------------------------------------------------------------------------

    def _look(self, state: FaceState, seen: _Looks, lids: _Lids, far: _Lids, own: float) -> _Looks:
        """Where to look, where it was ``seen``."""
        settings = self._settings
        x_l, y_l, x_r, y_r = seen
        # How little each eye is to be believed: not seen by the camera, or closed in a wink.
        lost_l, lost_r = far
        if own > 0.0:
            lost_l, lost_r = (max(lost_l, own), lost_r) if lids.left > lids.right else (lost_l, max(lost_r, own))
        if settings.gaze_source == "iris" and state.landmarks is not None:
            x_l, x_r = self._aside(state.landmarks, state, _believed(*lids, lost_l, lost_r)) or (x_l, x_r)
        if settings.gaze == "linked":
            x_l = x_r = _believed(x_l, x_r, lost_l, lost_r)
            y_l = y_r = _believed(y_l, y_r, lost_l, lost_r)
        elif settings.gaze == "separate":
            x_l, x_r = x_l + lost_l * (x_r - x_l), x_r + lost_r * (x_l - x_r)
            y_l, y_r = y_l + lost_l * (y_r - y_l), y_r + lost_r * (y_l - y_r)
            if x_l > x_r:  # eyes may meet nearby, but never part
                x_l = x_r = 0.5 * (x_l + x_r)
        if settings.gaze_hold:
            y_l = self._holds[0].step(state.t, y_l, lids)
            y_r = y_l if settings.gaze == "linked" else self._holds[1].step(state.t, y_r, lids)
        return x_l, y_l, x_r, y_r

    def _aside(self, landmarks: Float32Array, state: FaceState, lid: float) -> tuple[float, float] | None:
        """How far each eye (left, right) looks to the own left by its iris, -1..1; None where there is nothing to see."""
        offsets = iris_yaw(landmarks, aspect=aspect_of(landmarks, state.box))
        if offsets is None:
            return None
        gain = self._settings.iris_gain
        left, right = (min(1.0, max(-1.0, gain * offset)) for offset in offsets)
        if lid > HOLD_FROM:  # irises behind lids are guesses
            left, right = self._irises[0].value(left), self._irises[1].value(right)
        return self._irises[0].step(state.t, left), self._irises[1].step(state.t, right)


def _believed(left: float, right: float, lost_left: float, lost_right: float) -> float:
    """The mean of both eyes, less of the one that is lost to sight (0..1; never both wholly)."""
    if lost_left == lost_right:
        return 0.5 * (left + right)
    seen_left, seen_right = 1.0 - lost_left, 1.0 - lost_right
    return (seen_left * left + seen_right * right) / (seen_left + seen_right)


def _halves(value: float) -> tuple[float, float]:
    """A signed value as two coefficients: the negative half, the positive half."""
    return (-value, 0.0) if value < 0.0 else (0.0, value + 0.0)


def _replaced(weights: Float32Array, shown: list[float]) -> Float32Array:
    changed = weights.copy()
    changed[:_EYES] = shown
    return frozen_array(changed)
