"""What the avatar does when the face is not seen: hold still, recover the last believable pose, ease to rest, blend back in.

Two things are told apart. Loss: pictures come, without the face; it may be covered, so what came last is not believed. Stall:
nothing comes (camera or tracker stand still); what came last was right, and mostly it goes on soon.

The rule and its times: QUALITY.md, section 7.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bridge import arkit, space
from bridge.settings import PresenceSettings
from bridge.stages.look import Look, between, smoothstep, with_look
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.types import (
    GAZE_AHEAD,
    IDENTITY_HEAD,
    ZERO_WEIGHTS,
    FaceState,
    Float64Array,
    Gaze,
    HeadPose,
    Presence,
    frozen_array,
)

BELIEVABLE_S = (0.5, 0.2)
"""The pose to hold is the median over this span before the loss; what is later may already show the hand that covers the face."""
LONGER = 1.3
"""How much longer the blend may take where there is far to go: with 0.25 s the avatar is live again within 0.35 s."""
STEP_DEG, STEP = 1.45, 0.097
"""What a frame of a 60 Hz output may change while blending in: just under the 1.5° and 0.1 of QUALITY.md, section 7."""
_FRAME_S = 1 / 60
_STARTS, _STOPS = 0.3, 0.1
"""The shares of the blend in which it gets up to speed and slows down: between them it is a straight line. It starts more gently,
because the first frames after a hand are still wrong."""
_STEEPEST = 1.0 / (1.0 - 0.5 * (_STARTS + _STOPS))
_SUSPICIOUS, _SUSPICIOUS_DEG = 0.35, 8.0
"""Farther than this from the believable pose, in both: a hand rather than a motion."""
_PARTS = tuple(
    frozen_array(np.array([i for i, name in enumerate(arkit.NAMES) if name.startswith(prefixes)], dtype=np.intp))
    for prefixes in (("eyeBlink", "eyeSquint", "eyeWide"), ("brow",), ("mouth", "jaw"))
)
"""Lids, brows and mouth; a hand over the face spoils them all."""
_LONGEST_FIRST_STEP_S = 0.05
"""How much of the time before the frame in which the face returns may already count as blending."""


def _no_neutral() -> Neutral:
    return IDENTITY_NEUTRAL


class PresenceStage:
    """Turns "not observed" into HELD and LOST states; the last stage, so its output is what avatars show.

    LIVE frames pass as they are, except while blending in after a loss: in ``blend_s``, or up to ``LONGER`` times that where it
    would take a step of more than 1.5° or 0.1 per 60 Hz frame. Up to ``grace_s`` without a face the avatar holds still
    (HELD); then, for ``hold_s``, it eases within ``hold_ease_s`` to the median of the last believable moment (HELD); then it
    eases to rest in ``ease_s`` and stays there (LOST). What it shows depends only on the time since the last face, never on how
    often it is asked, and never jumps.

    A stall (``FaceState.stalled``) right after a face holds it as it was for ``stall_hold_s``; only then the time of the loss
    begins. What a loss has begun is not stopped by a stall.

    Where the last face was far from the believable one in both expression and pose, a hand may have come before it: then it is
    left after half of the grace. Only half, because a frame lost in a quick turn looks the same, and must not show. Where lids,
    brows and mouth are all far off together it was a hand: it is left at once, and in half of ``hold_ease_s``.

    Rest: all weights 0, head straight, eyes ahead. The head's position goes to 0 when a neutral says where that is; uncalibrated
    positions are counted from the camera, so there the head stays where it was. Before the first face the state is
    ``FaceState.rest``; the first face comes in at once, as there is nothing believable to blend from. Disabled, there is neither
    holding nor easing: rest as soon as nobody is seen.

    ``neutral`` gives the neutral in use (``CalibrateStage.neutral``): when it changes, poses from before mean something else.
    """

    def __init__(self, settings: PresenceSettings, *, neutral: Callable[[], Neutral] = _no_neutral) -> None:
        self._settings = settings
        self._neutral_now = neutral
        self.reset()

    def reset(self) -> None:
        """As before the first face."""
        self._neutral = self._neutral_now()
        self._seen: deque[tuple[float, Look]] = deque()
        self._shown: Look | None = None
        self._last_live_t = self._last_t = 0.0
        self._absent = False
        self._held_from = self._believable = Look(ZERO_WEIGHTS, None, GAZE_AHEAD)
        self._blend_from: Look | None = None
        self._blend_began = 0.0
        self._blend_s = self._settings.blend_s
        self._stands_still = False
        self._stalled_s = 0.0
        self._still_s = 0.0
        self._hold_ease_s = self._settings.hold_ease_s

    @property
    def at_rest(self) -> bool:
        """Whether nobody is seen and the avatar has stopped moving: asking again gives the same."""
        times = self._settings
        moving_s = times.grace_s + times.hold_s + times.ease_s if times.enabled else 0.0
        return self._shown is None or (self._absent and self._gap_s(self._last_t) >= moving_s)

    def step(self, state: FaceState) -> FaceState:
        """The state that avatars show."""
        neutral = self._neutral_now()
        if neutral is not self._neutral:
            self._neutral = neutral
            self._seen.clear()
        shown = self._live(state) if state.presence is Presence.LIVE else self._missing(state)
        self._last_t = state.t
        return shown

    def _live(self, state: FaceState) -> FaceState:
        look = Look(state.weights, state.head, state.gaze)
        if self._absent and self._settings.enabled and self._shown is not None:
            self._blend_from = self._shown
            self._blend_began = max(self._last_t, state.t - _LONGEST_FIRST_STEP_S)
            self._blend_s = _blend_time_s(self._shown, look, self._settings.blend_s)
        self._absent = False
        self._last_live_t = t = state.t
        seen = self._seen
        while seen and not t - BELIEVABLE_S[0] <= seen[0][0] <= t:
            seen.popleft()
        seen.append((t, look))
        if self._blend_from is not None:
            passed_s = t - self._blend_began
            if passed_s < self._blend_s:
                look = between(self._blend_from, look, rounded_line(passed_s / self._blend_s))
                state = with_look(state, weights=look.weights, head=look.head, gaze=look.gaze)
            else:
                self._blend_from = None
        self._shown = look
        return state

    def _missing(self, state: FaceState) -> FaceState:
        if self._shown is None:
            rest = FaceState.rest(subject=state.subject, seq=state.seq, t=state.t, t_done=state.t_done)
            return replace(rest, stalled=True) if state.stalled else rest
        if not self._absent:
            self._absent = True
            self._blend_from = None
            self._held_from = self._shown
            self._stands_still = state.stalled
            self._stalled_s = 0.0
            self._believable = self._shown if state.stalled else self._median() or self._shown
            still, ease = _patience(self._shown, self._believable)
            self._still_s, self._hold_ease_s = still * self._settings.grace_s, ease * self._settings.hold_ease_s
        self._stands_still = self._stands_still and state.stalled
        if self._stands_still:
            self._stalled_s = min(self._settings.stall_hold_s, state.t - self._last_live_t)
        look, presence = self._after(self._gap_s(state.t))
        self._shown = look
        return with_look(state, weights=look.weights, head=look.head, gaze=look.gaze, presence=presence)

    def _gap_s(self, t: float) -> float:
        """How long the face has been lost at ``t``; while a stall is held, that time stands still."""
        return t - self._last_live_t - self._stalled_s

    def _after(self, gap_s: float) -> tuple[Look, Presence]:
        """What is shown ``gap_s`` seconds after the last face."""
        times = self._settings
        if not times.enabled:
            return self._rest(self._held_from), Presence.LOST
        held_s = gap_s - times.grace_s
        if gap_s <= times.grace_s or held_s <= times.hold_s:
            return self._held(gap_s), Presence.HELD
        last = self._held(times.grace_s + times.hold_s)
        return between(last, self._rest(last), smoothstep(_share(held_s - times.hold_s, times.ease_s))), Presence.LOST

    def _held(self, gap_s: float) -> Look:
        if gap_s <= self._still_s:
            return self._held_from
        return between(self._held_from, self._believable, smoothstep(_share(gap_s - self._still_s, self._hold_ease_s)))

    def _rest(self, last: Look) -> Look:
        if last.head is None:
            return Look(ZERO_WEIGHTS, None, GAZE_AHEAD)
        position_m = IDENTITY_HEAD.position_m if self._neutral.moves_head else last.head.position_m
        return Look(ZERO_WEIGHTS, HeadPose(position_m=position_m, quat_xyzw=IDENTITY_HEAD.quat_xyzw), GAZE_AHEAD)

    def _median(self) -> Look | None:
        lost = self._last_live_t
        looks = [look for t, look in self._seen if BELIEVABLE_S[1] <= lost - t <= BELIEVABLE_S[0]]
        if not looks:
            return None
        heads = [look.head for look in looks if look.head is not None]
        left, right = (np.median([eye(look.gaze) for look in looks], axis=0).tolist() for eye in (_left, _right))
        return Look(
            weights=frozen_array(np.median([look.weights for look in looks], axis=0).astype(np.float32)),
            head=None if not heads else HeadPose(
                position_m=frozen_array(np.median([head.position_m for head in heads], axis=0)),
                quat_xyzw=frozen_array(_median_rotation([head.quat_xyzw for head in heads])),
            ),
            gaze=Gaze(left_deg=(left[0], left[1]), right_deg=(right[0], right[1])),
        )  # fmt: skip


def _patience(look: Look, believable: Look) -> tuple[float, float]:
    """The shares of the grace and of the easing after it that a last face as unlike the believable one as this deserves."""
    if look.head is None or believable.head is None:
        return 1.0, 1.0
    if space.angle_between_deg(look.head.quat_xyzw, believable.head.quat_xyzw) <= _SUSPICIOUS_DEG:
        return 1.0, 1.0
    off = np.abs(look.weights - believable.weights)
    spoilt = [float(off[part].max()) > _SUSPICIOUS for part in _PARTS]
    if all(spoilt):
        return 0.0, 0.5
    return (0.5, 1.0) if any(spoilt) else (1.0, 1.0)


def rounded_line(fraction: float) -> float:
    """0..1 -> 0..1: a straight line that begins and ends at rest, never steeper than 1.25. Clipped outside."""
    x = min(1.0, max(0.0, fraction))
    if x < _STARTS:
        return 0.5 * _STEEPEST * x * x / _STARTS
    if x > 1.0 - _STOPS:
        return 1.0 - 0.5 * _STEEPEST * (1.0 - x) ** 2 / _STOPS
    return _STEEPEST * (x - 0.5 * _STARTS)


def _blend_time_s(start: Look, end: Look, usual_s: float) -> float:
    """As long as the steps between two sent frames ask for, from the usual time up to ``LONGER`` times that."""
    steps = float(np.abs(end.weights - start.weights).max()) / STEP
    if start.head is not None and end.head is not None:
        steps = max(steps, space.angle_between_deg(start.head.quat_xyzw, end.head.quat_xyzw) / STEP_DEG)
    return min(LONGER * usual_s, max(usual_s, steps * _FRAME_S * _STEEPEST))


def _left(gaze: Gaze) -> tuple[float, float]:
    return gaze.left_deg


def _right(gaze: Gaze) -> tuple[float, float]:
    return gaze.right_deg


def _share(passed_s: float, whole_s: float) -> float:
    return passed_s / whole_s if whole_s > 0.0 else 1.0


def _median_rotation(quats_xyzw: list[Float64Array]) -> Float64Array:
    """The median of the rotation vectors that lead from the first rotation to each."""
    first = quats_xyzw[0]
    back = space.inverse(first)
    vectors = [space.to_rotation_vector(space.multiply(quat, back)) for quat in quats_xyzw]
    return space.canonical(space.multiply(space.from_rotation_vector(np.median(vectors, axis=0)), first))
