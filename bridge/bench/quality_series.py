"""A face in motion as arrays, in groups of channels, and back as results of a tracker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bridge import arkit, space
from bridge.bench.quality_metrics import BoolArray
from bridge.types import Face, FaceState, Float64Array, HeadPose, Presence, TrackResult, frozen_array

DEAD = frozenset(
    {"cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "jawForward", "tongueOut"}
)
"""MediaPipe never moves them (QUALITY.md, section 2.2)."""


def _group(name: str) -> str:
    if name in DEAD:
        return ""
    if name.startswith("eyeLook"):
        return "gaze"
    if name.startswith("eye"):
        return "eyelids"
    if name.startswith("brow"):
        return "brows"
    return "jaw" if name.startswith("jaw") or name == "mouthClose" else "mouth"


FACE_GROUPS = ("eyelids", "gaze", "brows", "mouth", "jaw")
POSE_GROUPS = ("rotation", "translation")
GROUPS = FACE_GROUPS + POSE_GROUPS

COLUMNS = MappingProxyType(
    {group: tuple(i for i, name in enumerate(arkit.NAMES) if _group(name) == group) for group in FACE_GROUPS}
)
"""Face group -> positions of its channels among the 52."""
LIVE = tuple(i for i, name in enumerate(arkit.NAMES) if name not in DEAD)
"""Positions of the channels that MediaPipe moves."""
BLINKS = (arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"])
PITCH, YAW, ROLL, X, Y, Z = range(6)
"""Columns of ``Series.pose``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """N moments of one subject."""

    t: Float64Array
    """Seconds (N,)."""
    live: BoolArray
    """Whether the face was seen (N,)."""
    weights: Float64Array
    """(N, 52), ARKit order; 0 where nothing was seen."""
    pose: Float64Array
    """(N, 6): pitch, yaw, roll in degrees, then x, y, z in centimetres, bridge space; 0 where there is no head."""

    def group(self, name: str) -> Float64Array:
        """The channels of one group (N, C)."""
        if name == "rotation":
            return self.pose[:, :3]
        return self.pose[:, 3:] if name == "translation" else self.weights[:, COLUMNS[name]]

    def channel(self, name: str) -> Float64Array:
        """One coefficient by its ARKit name (N,)."""
        return self.weights[:, arkit.INDEX[name]]

    def cut(self, where: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Series:
        """Some of the moments."""
        return Series(t=self.t[where], live=self.live[where], weights=self.weights[where], pose=self.pose[where])


def pose_of(head: HeadPose | None) -> tuple[float, ...]:
    """Pitch, yaw, roll, x, y, z."""
    if head is None:
        return (0.0,) * 6
    yaw, pitch, roll = space.to_euler_deg(head.quat_xyzw)
    x, y, z = head.position_m.tolist()
    return (pitch, yaw, roll, 100.0 * x, 100.0 * y, 100.0 * z)


def series_of_results(results: Iterable[TrackResult]) -> Series:
    """The first face of every result, as the tracker saw it."""
    rows = [(result.t, result.faces[0] if result.faces else None) for result in results]
    return Series(
        t=np.array([t for t, _ in rows]),
        live=np.array([face is not None for _, face in rows]),
        weights=np.array([np.zeros(52) if face is None else face.weights for _, face in rows], dtype=np.float64),
        pose=np.array([pose_of(None if face is None else face.head) for _, face in rows]),
    )


def series_of_states(timed: Sequence[tuple[float, FaceState]]) -> Series:
    """What outputs got, and when."""
    return Series(
        t=np.array([t for t, _ in timed]),
        live=np.array([state.presence is Presence.LIVE for _, state in timed]),
        weights=np.array([state.weights for _, state in timed], dtype=np.float64),
        pose=np.array([pose_of(state.head) for _, state in timed]),
    )


def results_of_series(series: Series, *, delay_s: Float64Array | None = None) -> list[TrackResult]:
    """As if a tracker had seen it; ``delay_s`` (N,): how long it took with each frame."""
    done = series.t if delay_s is None else np.maximum.accumulate(series.t + delay_s)
    results = []
    for k, (t, t_done) in enumerate(zip(series.t.tolist(), done.tolist(), strict=True)):
        pitch, yaw, roll, x, y, z = series.pose[k].tolist()
        head = HeadPose(
            position_m=frozen_array(np.array([x, y, z]) * 0.01),
            quat_xyzw=frozen_array(space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll)),
        )
        face = Face(weights=frozen_array(series.weights[k].astype(np.float32)), head=head)
        results.append(TrackResult(seq=k, t=t, t_done=t_done, faces=(face,) if series.live[k] else ()))
    return results
