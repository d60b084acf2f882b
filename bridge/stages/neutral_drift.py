"""The neutral that learns by itself: slowly, only from a face that is at rest, and never far (QUALITY.md, sections 6.1, 6.2)."""

from __future__ import annotations

import math

import numpy as np

from bridge import arkit
from bridge.stages.neutral import CAPS
from bridge.stages.neutral_population import FACTORY, LARGEST
from bridge.stages.range import LOOK, RangeMap
from bridge.types import Float32Array, HeadPose, frozen_array

SINK_TAU_S = 4.0
_SINK_MARGIN = 0.02
_RISE_TAU_S = (3.0, 30.0)
"""A running mean over what was seen so far, from the shorter to the longer of these."""
_REST_S = 0.5
"""So long must a face be at rest before it teaches anything."""
_TEACH_EVERY_S = 0.1
_QUIET_PER_S = 0.3
"""Mean change of the channels, 1/s: less is quiet."""
_QUIET_TAU_S = 0.3
_LONGEST_STEP_S = 0.5
_FRONTAL_W = 0.98
"""Of the head's quaternion: within 23° of straight ahead."""
_EYES_OPEN = 0.40
_SHOWN_AT_REST = 0.25
_LOOKS_AHEAD = 0.30
_BLINKS = [arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]]
_LOOK = np.array(LOOK)
_MEAN = np.full(52, 1 / 52, dtype=np.float32)
_IS_LOOK = np.zeros(52, dtype=bool)
_IS_LOOK[_LOOK] = True


def _rest_limit() -> Float32Array:
    limit: Float32Array = np.maximum(LARGEST + 0.05, 0.12).astype(np.float32)
    limit[_BLINKS] = 1.0
    limit[_LOOK] = 1.0
    return frozen_array(limit)


_REST_LIMIT = _rest_limit()
"""More than this is an expression, whoever shows it."""
_SHOWN_LIMIT = frozen_array(np.full(52, _SHOWN_AT_REST, dtype=np.float32))
_RISE_LIMIT: Float32Array = np.maximum(np.minimum(CAPS, LARGEST), FACTORY).astype(np.float32)
"""No neutral rises above this by itself."""


class NeutralDrift:
    """Moves ``RangeMap.zero`` towards what a resting face shows. Engine thread; times are those of the frames.

    Nobody calibrated: the neutral follows the face in both directions, up to the largest neutral that was ever measured, so
    a held smile is never learnt. Calibrated: it may only sink, for a posture that was a little off; a neutral that was
    insisted on sinks whenever the face is below it. The gaze's neutral never moves after a good calibration.
    """

    def __init__(self, mapping: RangeMap) -> None:
        self._mapping = mapping
        self._apart = np.empty(52, dtype=np.float32)
        """Room to calculate in."""
        self.begin(calibrated=False, flagged=False)

    def begin(self, *, calibrated: bool, flagged: bool) -> None:
        """Another neutral is in use."""
        self._calibrated, self._flagged = calibrated, flagged
        self._taught_s = 0.0
        self.reset()

    def reset(self) -> None:
        """Forgets the stream; what was learnt stays."""
        self._last: Float32Array | None = None
        self._t = 0.0
        self._motion = 1.0
        self._rest_s = self._untaught_s = 0.0

    def learn(self, weights: Float32Array, shown: Float32Array, head: HeadPose | None, t: float) -> float:
        """One face as the tracker saw it, as it is shown, and the head as it is shown. Returns the seconds since the last."""
        last, self._last = self._last, weights
        dt, self._t = t - self._t, t
        if last is None or not 0.0 < dt <= _LONGEST_STEP_S:
            self._motion, self._rest_s = 1.0, 0.0
            return 0.0
        apart = np.subtract(weights, last, out=self._apart)
        change = float(np.abs(apart, out=apart).dot(_MEAN)) / dt
        self._motion += (change - self._motion) * (1.0 - math.exp(-dt / _QUIET_TAU_S))
        if self._is_at_rest(weights, shown, head):
            self._rest_s += dt
            self._untaught_s += dt
            if self._rest_s < _REST_S:
                self._untaught_s = 0.0
            elif self._untaught_s >= _TEACH_EVERY_S - 1e-9:
                self._move(weights, self._untaught_s)
                self._untaught_s = 0.0
        else:
            self._rest_s = 0.0
        return dt

    def _is_at_rest(self, weights: Float32Array, shown: Float32Array, head: HeadPose | None) -> bool:
        if head is not None and head.quat_xyzw.item(3) < _FRONTAL_W:
            return False
        if self._flagged:
            return True
        if self._motion > _QUIET_PER_S or weights.item(_BLINKS[0]) > _EYES_OPEN or weights.item(_BLINKS[1]) > _EYES_OPEN:
            return False
        if self._calibrated:
            return not np.count_nonzero(shown > _SHOWN_LIMIT)
        return not np.count_nonzero(weights > _REST_LIMIT)

    def _move(self, weights: Float32Array, dt: float) -> None:
        zero = self._mapping.zero
        apart = weights - zero
        apart[_BLINKS] = 0.0
        share = np.where(apart < -_SINK_MARGIN, np.float32(1.0 - math.exp(-dt / SINK_TAU_S)), np.float32(0.0))
        if not self._calibrated:
            self._taught_s += dt
            tau_s = min(_RISE_TAU_S[0] + self._taught_s, _RISE_TAU_S[1])
            follow = np.float32(1.0 - math.exp(-dt / tau_s))
            ahead = bool((np.abs(apart[_LOOK]) < _LOOKS_AHEAD).all())
            share = np.where(_IS_LOOK, follow if ahead else np.float32(0.0), np.where(apart > 0.0, follow, share))
        elif not (self._flagged and self._motion <= _QUIET_PER_S):
            share[_IS_LOOK] = 0.0
        if not share.any():
            return
        np.multiply(apart, share, out=apart)
        limit = np.maximum(_RISE_LIMIT, zero)
        np.minimum(zero + apart, limit, out=zero)
        self._mapping.refresh()
