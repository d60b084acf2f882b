"""What an avatar shows at one moment, and the moment between two of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bridge import space
from bridge.types import FaceState, Float32Array, Gaze, HeadPose, Presence, frozen_array


class Look(NamedTuple):
    """The moving parts of a ``FaceState``; fields as there."""

    weights: Float32Array
    head: HeadPose | None
    gaze: Gaze


def look_of(state: FaceState) -> Look:
    """The look of a state."""
    return Look(state.weights, state.head, state.gaze)


class _Draft:
    """A ``FaceState`` while it is filled in: a frozen class pays nine times as much for its own ``__init__``.

    Python lets an object change its class where both have the same slots.
    """

    __slots__ = FaceState.__slots__


def with_look(
    state: FaceState,
    *,
    weights: Float32Array,
    head: HeadPose | None,
    gaze: Gaze,
    presence: Presence = Presence.LIVE,
    later_s: float = 0.0,
) -> FaceState:
    """The same frame with another look, its times so many seconds later.

    Landmarks and box stay only while LIVE: they are of this very frame.
    """
    live = presence is Presence.LIVE
    draft: Any = _Draft()
    draft.subject = state.subject
    draft.seq = state.seq
    draft.t = state.t + later_s
    draft.t_done = state.t_done + later_s
    draft.presence = presence
    draft.weights = weights
    draft.head = head
    draft.gaze = gaze
    draft.landmarks = state.landmarks if live else None
    draft.box = state.box if live else None
    draft.frame = state.frame
    draft.stalled = state.stalled
    draft.extras = state.extras
    draft.mirrored = state.mirrored
    draft.__class__ = FaceState
    done: FaceState = draft
    return done


def smoothstep(fraction: float) -> float:
    """0..1 -> 0..1 with rest at both ends; clipped outside."""
    x = min(1.0, max(0.0, fraction))
    return x * x * (3.0 - 2.0 * x)


def between(start: Look, end: Look, fraction: float) -> Look:
    """From ``start`` (0) to ``end`` (1): straight lines, the head's rotation along the shorter arc. Clipped outside.

    Where only one of them has a head, it is that one's.
    """
    if fraction >= 1.0:
        return end
    if fraction <= 0.0:
        return start
    return Look(
        weights_between(start.weights, end.weights, fraction),
        head_between(start.head, end.head, fraction),
        gaze_between(start.gaze, end.gaze, fraction),
    )


def weights_between(start: Float32Array, end: Float32Array, fraction: float) -> Float32Array:
    """A straight line; may leave [0, 1] when ``fraction`` does."""
    mixed = end - start
    np.multiply(mixed, np.float32(fraction), out=mixed)
    return frozen_array(np.add(mixed, start, out=mixed))


def head_between(start: HeadPose | None, end: HeadPose | None, fraction: float) -> HeadPose | None:
    """Position on a line, rotation on the shorter arc; ``fraction`` may leave 0..1 for small rotations."""
    if start is None or end is None:
        return start if end is None else end
    return HeadPose(
        position_m=frozen_array(start.position_m + fraction * (end.position_m - start.position_m)),
        quat_xyzw=frozen_array(space.slerp(start.quat_xyzw, end.quat_xyzw, fraction)),
    )


def gaze_between(start: Gaze, end: Gaze, fraction: float) -> Gaze:
    """Each angle on a straight line."""
    (a, b), (c, d) = start.left_deg, start.right_deg
    (e, f), (g, h) = end.left_deg, end.right_deg
    return Gaze(
        left_deg=(a + fraction * (e - a), b + fraction * (f - b)), right_deg=(c + fraction * (g - c), d + fraction * (h - d))
    )
