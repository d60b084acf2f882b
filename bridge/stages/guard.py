"""Nothing implausible gets further than this."""

from __future__ import annotations

import math

import numpy as np

from bridge.stages.look import with_look
from bridge.types import GAZE_AHEAD, ZERO_WEIGHTS, FaceState, HeadPose, Presence, frozen_array

ROUNDING = 1e-6
"""A weight may leave [0, 1] by this much, which is float32 arithmetic and not a wrong value; it is cut off."""
UNIT_ERROR = 1e-3
"""A quaternion's squared length may differ from 1 by this much."""
FARTHEST_M = 100.0
"""MediaPipe's far plane: no head is farther from the camera."""


class GuardStage:
    """Hands on what can be believed; everything else becomes "not observed".

    A frame is rejected whole when a weight, the head or the time is not finite or out of range; nothing is repaired. And the
    first face after a frame without one is dropped: it comes from the detector's crop and is wrong by up to 0.3 in the
    coefficients and 0.5 cm (QUALITY.md, section 7). A rejected frame is not a frame without a face, and neither is silence (a
    state that repeats the ``seq`` of the one before): after these the tracker still follows its own crop.
    """

    def __init__(self) -> None:
        self.rejected = 0
        """Frames with an impossible value. Counts over resets."""
        self.dropped = 0
        """Faces dropped because they came right after a frame without one. Counts over resets."""
        self._seq: int | None = None
        self._missed_seq: int | None = None

    def step(self, state: FaceState) -> FaceState:
        """The same state, or the frame as not observed."""
        if state.presence is not Presence.LIVE:
            if state.seq != self._seq:
                self._missed_seq = self._seq = state.seq
            return state
        missed_seq, self._missed_seq = self._missed_seq, None
        self._seq = state.seq
        # Both find a NaN before anything else, and no comparison with it holds. (A third of the time of min and max.)
        weights = state.weights
        low, high = weights.item(weights.argmin()), weights.item(weights.argmax())
        if not (low >= -ROUNDING and high <= 1.0 + ROUNDING and math.isfinite(state.t) and _is_pose(state.head)):
            self.rejected += 1
            self._missed_seq = missed_seq
            return _not_observed(state)
        if missed_seq is not None and missed_seq != state.seq:  # equal: silence before the first frame of the stream
            self.dropped += 1
            return _not_observed(state)
        if low < 0.0 or high > 1.0:
            return with_look(state, weights=frozen_array(np.clip(weights, 0.0, 1.0)), head=state.head, gaze=state.gaze)
        return state

    def reset(self) -> None:
        """The next frame is the first of a stream."""
        self._seq = self._missed_seq = None


def _is_pose(head: HeadPose | None) -> bool:
    """Whether a head, if there is one, can be somewhere."""
    if head is None:
        return True
    x, y, z, w = head.quat_xyzw.tolist()
    if not -UNIT_ERROR <= x * x + y * y + z * z + w * w - 1.0 <= UNIT_ERROR:
        return False
    x, y, z = head.position_m.tolist()
    return bool(x * x + y * y + z * z <= FARTHEST_M * FARTHEST_M)


def _not_observed(state: FaceState) -> FaceState:
    return with_look(state, weights=ZERO_WEIGHTS, head=None, gaze=GAZE_AHEAD, presence=Presence.LOST)
