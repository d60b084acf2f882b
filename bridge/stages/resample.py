"""Motion between tracked frames: any output rate from 25-30 tracked frames a second, without stutter and without jumps."""

from __future__ import annotations

from typing import Literal

import numpy as np

from bridge.stages.look import Look, between, gaze_between, head_between, look_of, weights_between, with_look
from bridge.types import FaceState, Float32Array, HeadPose, Presence, frozen_array

_FIRST_INTERVAL_S = 1.0 / 30.0
_INTERVAL_RANGE_S = (1.0 / 240.0, 0.25)
"""Shorter and longer distances between two states are accidents, not the capture interval."""
_MEAN_GAIN = 0.1


class Resampler:
    """Gives the state to send at any moment: a linear move from the current output towards the newest state.

    With each state a segment begins at what is being shown, and leads within T, the running mean of the capture interval, to
    ``x + gamma * v * T``: x the new value, v the last motion. So there is never a jump, however unevenly states arrive. gamma is
    0 for the coefficients (no overshoot) and 0.5 for the head (14 ms earlier, 2 % overshoot); the prediction goes in the
    direction of the last motion, never farther than that motion itself, and only while LIVE (QUALITY.md, section 8).

    ``mode="hold"``: the newest state as it came. Pure; one thread.
    """

    def __init__(
        self, *, mode: Literal["linear", "hold"] = "linear", weights_gamma: float = 0.0, head_gamma: float = 0.5
    ) -> None:
        if not (0.0 <= weights_gamma <= 1.0 and 0.0 <= head_gamma <= 1.0):
            raise ValueError("gamma is within 0..1: prediction goes no farther than the last motion")
        self._linear = mode == "linear"
        self._weights_gamma, self._head_gamma = weights_gamma, head_gamma
        self.reset()

    def reset(self) -> None:
        """As before the first state."""
        self._newest: FaceState | None = None
        self._start: Look | None = None
        self._target: Look | None = None
        self._began = self._asked = -np.inf
        self._interval_s = _FIRST_INTERVAL_S

    def push(self, state: FaceState, *, now: float | None = None) -> None:
        """A new state, from the same subject. ``now``: when it arrived, on the clock of ``at``; default: its ``t_done``."""
        last, self._newest = self._newest, state
        if not self._linear:
            return
        arrived = max(state.t_done if now is None else now, self._asked)
        if last is None or self._start is None or self._target is None:
            self._start = self._target = look_of(state)
        else:
            self._start = self._look_at(self._start, self._target, arrived)
            self._target = self._aim(last, state)
        self._began = arrived

    def at(self, t: float) -> FaceState | None:
        """What to send at ``t`` (seconds, the clock of ``push``); None before the first state.

        ``seq``, ``t``, ``t_done``, presence, landmarks, box and frame are the newest state's. ``t`` must not go back; when it
        does, the answer is that of the latest moment asked for.
        """
        newest = self._newest
        if newest is None or self._start is None or self._target is None:
            return newest
        self._asked = max(t, self._asked)
        look = self._look_at(self._start, self._target, self._asked)
        if look.weights is newest.weights and look.head is newest.head and look.gaze is newest.gaze:
            return newest
        return with_look(newest, weights=look.weights, head=look.head, gaze=look.gaze, presence=newest.presence)

    def _look_at(self, start: Look, target: Look, t: float) -> Look:
        return between(start, target, (t - self._began) / self._interval_s)

    def _aim(self, last: FaceState, state: FaceState) -> Look:
        """Where the segment leads; the newest state itself unless there is motion to go on with."""
        dt = state.t - last.t
        shortest, longest = _INTERVAL_RANGE_S
        if shortest <= dt <= longest:
            self._interval_s += _MEAN_GAIN * (dt - self._interval_s)
        if not (dt > 0.0 and last.presence is state.presence is Presence.LIVE):
            return look_of(state)
        ahead = min(1.0, self._interval_s / dt)
        weights, head, gaze = look_of(state)
        if self._weights_gamma:
            weights = _clipped(weights_between(last.weights, weights, 1.0 + self._weights_gamma * ahead))
            gaze = gaze_between(last.gaze, gaze, 1.0 + self._weights_gamma * ahead)
        if self._head_gamma and head is not None and last.head is not None:
            head = _ahead(last.head, head, self._head_gamma * ahead)
        return Look(weights, head, gaze)


def _ahead(last: HeadPose, head: HeadPose, share: float) -> HeadPose:
    """``head`` moved on by that share of the motion that led to it."""
    if head is last or (np.array_equal(head.quat_xyzw, last.quat_xyzw) and np.array_equal(head.position_m, last.position_m)):
        return head
    moved = head_between(last, head, 1.0 + share)
    return head if moved is None else moved


def _clipped(weights: Float32Array) -> Float32Array:
    return frozen_array(np.clip(weights, 0.0, 1.0))
