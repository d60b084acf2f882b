"""Motion between tracked frames: any output rate from 25-30 tracked frames a second, without stutter and without jumps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bridge import space
from bridge.settings import Motion
from bridge.stages.look import Look, between, gaze_between, look_of, with_look
from bridge.types import FaceState, Float32Array, Gaze, HeadPose, Presence, frozen_array

FIRST_INTERVAL_S = 1.0 / 30.0
"""Between two states, before it is measured."""
_INTERVAL_RANGE_S = (1.0 / 240.0, 0.25)
"""Shorter and longer distances between two states are accidents, not the capture interval."""
_MEAN_GAIN = 0.1
_SLOW_INTERVAL_S = (1.0 / 24.0, 1.0 / 16.0)
_SLOW_FORESIGHT = 0.25
_TRUSTED = 1.5
"""Intervals for which a prediction is believed without a new state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """How far beyond the newest state a move goes, as a share of the last motion: 0 not at all, 1 as far again."""

    weights: float
    """Of the 52 and the gaze."""
    head: float

    def __post_init__(self) -> None:
        if not (0.0 <= self.weights <= 1.0 and 0.0 <= self.head <= 1.0):
            raise ValueError("foresight is within 0..1: prediction goes no farther than the last motion")


FORESIGHTS: dict[Motion, Foresight] = {
    "linear": Foresight(weights=0.0, head=0.5),
    "low-latency": Foresight(weights=0.25, head=0.75),
}
"""Measured on analytic motions, 30 fps in, 60 Hz out, 14 ms processing: linear 48 ms (blink), 34 ms (head turn) late, overshoot
0; low-latency 42 and 26 ms, overshoot 2 % (blink), 3 % (speech), 0.2 % (turn)."""


class Resampler:
    """Gives the state to send at any moment: a linear move from the current output towards the newest state.

    With each state a segment begins at what is being shown, and leads within T, the running mean of the capture interval, to
    ``x + foresight * v * T``: x the new value, v the last motion. So there is never a jump, however unevenly states arrive.
    Prediction goes in the direction of the last motion, never farther than that motion itself, and only while LIVE (QUALITY.md,
    section 8). It brakes with the motion: when that became slower, it is taken to become slower still, which takes away the
    overshoot where movements end (turn 1.9 % -> 0, blink 7 % -> 2 %) and costs 1 ms.

    Below 24 frames a second a linear move is late by more than 60 ms; the coefficients are then predicted too, with a share that
    grows to 0.25 at 16 (less error than with 0 or 0.5 at 15 fps: speech 8.6 % against 11.9 and 11.8).

    When states stop coming, what was predicted is taken back within an interval.

    ``motion="hold"``: the newest state as it came. Pure; one thread.
    """

    def __init__(self, *, motion: Motion = "linear", foresight: Foresight | None = None) -> None:
        """``foresight``: instead of that of ``motion``."""
        self._moves = motion != "hold"
        self._foresight = foresight or FORESIGHTS.get(motion, FORESIGHTS["linear"])
        self.reset()

    def reset(self) -> None:
        """As before the first state."""
        self._newest: FaceState | None = None
        self._before: FaceState | None = None
        self._start: Look | None = None
        self._target: Look | None = None
        self._tracked: Look | None = None
        self._began = self._asked = self._given_t = -np.inf
        self._interval_s = FIRST_INTERVAL_S
        self._intervals = 0

    @property
    def interval_s(self) -> float:
        """T: the running mean of the capture interval."""
        return self._interval_s

    def push(self, state: FaceState, *, now: float | None = None) -> None:
        """A new state, from the same subject. ``now``: when it arrived, on the clock of ``at``; default: its ``t_done``."""
        last, self._newest = self._newest, state
        if last is not None:
            self._measure(state.t - last.t)
        if not self._moves:
            return
        arrived = max(state.t_done if now is None else now, self._asked)
        shown, self._tracked = self._look_at(arrived), look_of(state)
        if last is None or shown is None:
            self._start = self._target = self._tracked
        else:
            self._start = shown
            self._target = self._aim(self._before, last, state, self._tracked)
        self._before, self._began = last, arrived

    def at(self, t: float) -> FaceState | None:
        """What to send at ``t`` (seconds, the clock of ``push``); None before the first state.

        Its times are those of the newest state, later by as much as ``t`` is later than that one's arrival, and never go back.
        ``seq``, presence, landmarks, box and frame are the newest state's. ``t`` must not go back; when it does, the answer is
        that of the latest moment asked for.
        """
        newest = self._newest
        self._asked = max(t, self._asked)
        look = self._look_at(self._asked)
        if newest is None or look is None:
            return newest
        age_s = max(self._asked - self._began, self._given_t - newest.t, 0.0)
        self._given_t = newest.t + age_s
        same = look.weights is newest.weights and look.head is newest.head and look.gaze is newest.gaze
        if same and age_s == 0.0:
            return newest
        return with_look(newest, weights=look.weights, head=look.head, gaze=look.gaze, presence=newest.presence, later_s=age_s)

    def _measure(self, dt: float) -> None:
        shortest, longest = _INTERVAL_RANGE_S
        if shortest <= dt <= longest:
            self._intervals += 1
            self._interval_s += max(_MEAN_GAIN, 1.0 / (1 + self._intervals)) * (dt - self._interval_s)

    def _look_at(self, t: float) -> Look | None:
        """What is shown at ``t``; a prediction that no new state has confirmed is taken back after a while."""
        start, target, tracked = self._start, self._target, self._tracked
        if start is None or target is None or tracked is None:
            return None
        part = (t - self._began) / self._interval_s
        if target is tracked or part <= _TRUSTED:
            return between(start, target, part)
        return between(target, tracked, part - _TRUSTED)

    def _aim(self, before: FaceState | None, last: FaceState, state: FaceState, tracked: Look) -> Look:
        """Where the segment leads; ``tracked``, the newest look itself, unless there is motion to go on with."""
        dt = state.t - last.t
        if not (dt > 0.0 and last.presence is state.presence is Presence.LIVE):
            return tracked
        earlier = 0.0  # how much longer than the motion before this one took; 0: nothing is known of that
        if before is not None and before.presence is Presence.LIVE and last.t > before.t:
            earlier = dt / (last.t - before.t)
        ahead = min(1.0, self._interval_s / dt)
        weights, head, gaze = tracked
        share = self._weights_share() * ahead
        if share:
            previous = before if before is not None and earlier else last
            weights = _weights_ahead(previous.weights, last.weights, weights, earlier, share)
            gaze = _gaze_ahead(previous.gaze, last.gaze, gaze, earlier, share)
        if self._foresight.head and head is not None and last.head is not None:
            previous_head = before.head if before is not None and earlier else None
            head = _head_ahead(previous_head, last.head, head, earlier, self._foresight.head * ahead)
        if weights is tracked.weights and head is tracked.head and gaze is tracked.gaze:
            return tracked
        return Look(weights, head, gaze)

    def _weights_share(self) -> float:
        fast, slow = _SLOW_INTERVAL_S
        slowness = min(1.0, max(0.0, (self._interval_s - fast) / (slow - fast)))
        return min(1.0, self._foresight.weights + _SLOW_FORESIGHT * slowness)


def _braked(motion: float, previous: float) -> float:
    """The share of ``motion`` (a length) to expect next, when it was ``previous`` in as much time before: 1 unless it brakes."""
    return 1.0 if motion >= previous else max(0.0, 2.0 - previous / motion) if motion > 0.0 else 0.0


def _weights_ahead(
    previous: Float32Array, last: Float32Array, weights: Float32Array, earlier: float, share: float
) -> Float32Array:
    motion = weights - last
    expected = np.abs(motion)
    if earlier:
        before = last - previous
        before *= np.float32(earlier)
        before *= np.sign(motion)  # motion the other way says nothing about braking
        np.maximum(before, expected, out=before)
        expected *= 2.0
        expected -= before
        np.maximum(expected, 0.0, out=expected)
    ahead = weights + np.float32(share) * np.copysign(expected, motion)
    return frozen_array(np.clip(ahead, 0.0, 1.0, out=ahead))


def _gaze_ahead(previous: Gaze, last: Gaze, gaze: Gaze, earlier: float, share: float) -> Gaze:
    if gaze == last:
        return gaze
    motion, before = (
        max(abs(a - b) for a, b in zip((*x.left_deg, *x.right_deg), (*y.left_deg, *y.right_deg), strict=True))
        for x, y in ((gaze, last), (last, previous))
    )
    return gaze_between(last, gaze, 1.0 + share * _braked(motion, before * earlier))


def _head_ahead(previous: HeadPose | None, last: HeadPose, head: HeadPose, earlier: float, share: float) -> HeadPose:
    """``head`` moved on by that share of the motion that led to it; rotation and position brake by themselves."""
    turned = space.angle_between_deg(last.quat_xyzw, head.quat_xyzw)
    moved = _distance(last, head)
    if turned == 0.0 and moved == 0.0:
        return head
    turn = move = share
    if previous is not None and earlier:
        turn *= _braked(turned, earlier * space.angle_between_deg(previous.quat_xyzw, last.quat_xyzw))
        move *= _braked(moved, earlier * _distance(previous, last))
    return HeadPose(
        position_m=frozen_array(head.position_m + move * (head.position_m - last.position_m)),
        quat_xyzw=frozen_array(space.slerp(last.quat_xyzw, head.quat_xyzw, 1.0 + turn)),
    )


def _distance(start: HeadPose, end: HeadPose) -> float:
    step = end.position_m - start.position_m
    return math.sqrt(float(step.dot(step)))
