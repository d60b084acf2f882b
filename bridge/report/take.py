"""What a report is about: one subject over time, before the first stage and after the last, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bridge import arkit, space
from bridge.errors import SourceUnavailable
from bridge.offline import watch_recording
from bridge.recording import RecordingReader
from bridge.settings import Settings
from bridge.sources.recording import RECORDING_SUFFIXES
from bridge.stages.smooth import GROUPS
from bridge.trace import TraceReader, is_trace
from bridge.types import CHANNELS, FaceState, Float32Array, Float64Array, Presence
from bridge.wire.trace_csv import VALUES

NAMES = VALUES
"""What is in the columns: the 52, then head (degrees; here centimetres) and gaze (degrees)."""
ROTATION, POSITION, GAZE = slice(52, 55), slice(55, 58), slice(58, 62)
PRESENCES = (Presence.LIVE, Presence.HELD, Presence.LOST)
MOST_STEPS = 400_000
"""Nearly four hours at 30 fps."""

FACE_GROUPS = ("eyelids", "gaze", "brows", "mouth", "jaw")
GROUP_COLUMNS: dict[str, tuple[int, ...]] = {
    **{
        group: tuple(i for i in range(CHANNELS) if GROUPS[i] == group and arkit.SUPPORT[i] is not arkit.Support.DEAD)
        for group in FACE_GROUPS
    },
    "rotation": (52, 53, 54),
    "position": (55, 56, 57),
}
"""Group -> its columns; without the channels that the model leaves dead."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Take:
    """N steps of subject 0, times increasing."""

    name: str
    """The file's name, without its folder."""
    kind: str
    """recording, trace, or final (a recording of the final stage: what came in is not known)."""
    stages: tuple[str, ...]
    """Through which the values went; of a final recording nobody knows."""
    t: Float64Array
    """Seconds (N,)."""
    t_done: Float64Array
    presence: NDArray[np.uint8]
    """Index into ``PRESENCES`` (N,)."""
    raw: Float32Array | None
    """float32 (N, 62), NaN where nobody was seen; head position in centimetres."""
    final: Float32Array
    """The same after the last stage."""

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Where the tracker saw the face (N,); of a final recording, where it was LIVE."""
        known: NDArray[np.bool_] = self.presence == 0 if self.raw is None else ~np.isnan(self.raw[:, 0])
        return known


class _Step(NamedTuple):
    t: float
    t_done: float
    presence: Presence
    raw: Float32Array | None
    final: Float32Array


def load_take(settings: Settings, path: Path) -> Take:
    """Reads a trace, or plays a recording through the stages. Raises SourceUnavailable."""
    suffix = path.suffix.lower()
    if suffix not in RECORDING_SUFFIXES:
        known = ", ".join(sorted(RECORDING_SUFFIXES))
        raise SourceUnavailable(f"{path} is called neither like a recording ({known}) nor like a trace (.csv)")
    steps: list[_Step] = []
    if suffix == ".csv" and is_trace(path):
        reader = TraceReader(path)
        kind, stages = "trace", reader.stages[1:]
        for row in reader.rows():
            raw = None if np.isnan(row.values[0, 0]) else row.values[0].astype(np.float32)
            _add(steps, _Step(row.t, row.t_done, row.presence, raw, row.values[-1].astype(np.float32)), path)
    elif suffix == ".jsonl" and (finals := _final_states(path)) is not None:
        kind, stages = "final", ()
        for state in finals:
            _add(steps, _Step(state.t, state.t_done, state.presence, None, _values(state)), path)
    else:
        kind = "recording"
        stages = watch_recording(settings, path, lambda states: _add(steps, _watched(states), path))
    if len(steps) < 2:
        raise SourceUnavailable(f"{path} holds {len(steps)} moments of a face: there is nothing to report")
    return _take(steps, name=path.name, kind=kind, stages=stages)


def _final_states(path: Path) -> list[FaceState] | None:
    """The states of subject 0; None when it is a recording of the raw stage."""
    with RecordingReader(path) as reader:
        if reader.header.stage != "final":
            return None
        return [state for state in reader.states() if state.subject == 0]


def _watched(states: tuple[FaceState, ...]) -> _Step:
    first, last = states[0], states[-1]
    seen = first.presence is Presence.LIVE and bool(np.isfinite(first.weights).all())
    return _Step(last.t, last.t_done, last.presence, _values(first) if seen else None, _values(last))


def _values(state: FaceState) -> Float32Array:
    values = np.full(len(NAMES), np.nan, dtype=np.float32)
    values[:CHANNELS] = state.weights
    if state.head is not None:
        values[ROTATION] = space.to_euler_deg(state.head.quat_xyzw)
        values[POSITION] = state.head.position_m
    values[GAZE] = (*state.gaze.left_deg, *state.gaze.right_deg)
    return values


def _add(steps: list[_Step], step: _Step, path: Path) -> None:
    """Time must move: of several steps at one time (silence told twice) the last counts."""
    if len(steps) >= MOST_STEPS:
        raise SourceUnavailable(f"{path} has more than {MOST_STEPS} moments: cut it into shorter takes")
    if steps and step.t - steps[-1].t < 1e-6:
        steps.pop()
    steps.append(step)


def _take(steps: list[_Step], *, name: str, kind: str, stages: tuple[str, ...]) -> Take:
    nobody = np.full(len(NAMES), np.nan, dtype=np.float32)
    raw = None if kind == "final" else np.stack([nobody if step.raw is None else step.raw for step in steps])
    if raw is not None:
        raw[:, GAZE] = np.nan  # trackers give no gaze: it is made by the stages
        raw[:, POSITION] *= 100.0
    final = np.stack([step.final for step in steps])
    final[:, POSITION] *= 100.0
    return Take(
        name=name,
        kind=kind,
        stages=stages,
        t=np.array([step.t for step in steps]),
        t_done=np.array([step.t_done for step in steps]),
        presence=np.array([PRESENCES.index(step.presence) for step in steps], dtype=np.uint8),
        raw=raw,
        final=final,
    )
