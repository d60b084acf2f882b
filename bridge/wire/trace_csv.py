"""The table of a trace: what one subject's face was before the first stage and after each one. Text only; pure, any thread.

Columns: ``seq``, ``t`` and ``t_done`` (seconds, as in ``FaceState``), ``dt`` (seconds since the row before), ``presence`` (LIVE,
HELD, LOST: what avatars show); then ``STAGE.NAME`` for each stage in its order, ``raw`` first, and each name of ``VALUES``. The
last stage is what outputs get. Cells are empty where a stage saw nobody, or no head. Six digits a value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bridge import space
from bridge.mapping.rules import GAZE_SOURCES, HEAD_SOURCES, SOURCES
from bridge.types import FaceState, Float32Array, Float64Array, Gaze, HeadPose, Presence

VALUES = SOURCES
"""The 52 coefficients in ARKit order; headYaw, headPitch, headRoll (degrees), headX, headY, headZ (metres); gazeLeftYaw, ...
(degrees). 62 names, as mapping rules call them; axes are those of bridge space."""
RAW = "raw"
"""What came in, as if it were a stage."""

FIXED = ("seq", "t", "t_done", "dt", "presence")
MOST_STAGES = 24
LONGEST_LINE = 1 << 16
"""Bytes; a row of eight stages has about 4,000."""
_LIMIT = 1e9

_WEIGHTS = ",".join(["%.6g"] * (len(VALUES) - len(HEAD_SOURCES) - len(GAZE_SOURCES)))
_HEAD = ",".join(["%.6g"] * len(HEAD_SOURCES))
_GAZE = ",".join(["%.6g"] * len(GAZE_SOURCES))
_NOBODY = "," * (len(VALUES) - 1)
_NO_HEAD = "," * (len(HEAD_SOURCES) - 1)


class BadTrace(Exception):
    """What is wrong with a line, without its place. Never leaves the reading of a file."""


class StageValues(NamedTuple):
    """What a face was at one place of the chain; fields as in ``FaceState``."""

    weights: Float32Array
    head: HeadPose | None
    gaze: Gaze


class TraceStep(NamedTuple):
    """One row: one step of the chain."""

    seq: int
    t: float
    t_done: float
    dt: float
    """Seconds since the step before; 0 for the first."""
    presence: Presence
    values: tuple[StageValues | None, ...]
    """What came in, then what each stage made of it; None where nobody was seen."""


def step_of(states: Sequence[FaceState], *, last_t: float | None) -> TraceStep:
    """The row of one step, from what came in and what each stage returned. Without pictures and landmarks: it may wait."""
    final = states[-1]
    seen = [state.presence is Presence.LIVE or state.head is not None for state in states[:-1]]
    return TraceStep(
        seq=final.seq,
        t=final.t,
        t_done=final.t_done,
        dt=0.0 if last_t is None else final.t - last_t,
        presence=final.presence,
        values=tuple(
            StageValues(state.weights, state.head, state.gaze) if there else None
            for state, there in zip(states, [*seen, True], strict=True)
        ),
    )


# --- to text -------------------------------------------------------------------------------------------------------------


def header(stages: Sequence[str]) -> str:
    """Line 1. ``stages`` without ``raw``."""
    return ",".join((*FIXED, *(f"{stage}.{name}" for stage in (RAW, *stages) for name in VALUES))) + "\n"


def row(step: TraceStep) -> str:
    """One line."""
    cells = [f"{step.seq},{step.t:.6f},{step.t_done:.6f},{step.dt:.6f},{step.presence.value}"]
    weights, text = None, ""
    for values in step.values:
        if values is None:
            cells.append(_NOBODY)
            continue
        if values.weights is not weights:  # a stage that leaves them alone hands the same array on
            weights, text = values.weights, _WEIGHTS % tuple(values.weights.tolist())
        head = values.head
        place = _NO_HEAD if head is None else _HEAD % (*space.to_euler_deg(head.quat_xyzw), *head.position_m.tolist())
        cells += (text, place, _GAZE % (*values.gaze.left_deg, *values.gaze.right_deg))
    return ",".join(cells) + "\n"


# --- from text -----------------------------------------------------------------------------------------------------------


class TraceRow(NamedTuple):
    """One line, read."""

    seq: int
    t: float
    t_done: float
    presence: Presence
    values: Float64Array
    """(stages, 62), ``raw`` first; NaN where the cell is empty."""


def parse_header(line: bytes) -> tuple[str, ...]:
    """The stages, ``raw`` first. Raises BadTrace when it is not the first line of a trace."""
    names = _text(line).split(",")
    count, left_over = divmod(len(names) - len(FIXED), len(VALUES))
    if tuple(names[: len(FIXED)]) != FIXED or left_over or not 2 <= count <= MOST_STAGES:
        raise BadTrace("not a trace: it does not begin with the columns that `run --trace` writes")
    stages = tuple(name.partition(".")[0] for name in names[len(FIXED) :: len(VALUES)])
    if stages[0] != RAW or len(set(stages)) != count or header(stages[1:]).strip().split(",") != names:
        raise BadTrace("not a trace: its columns are not those that `run --trace` writes")
    return stages


def parse_row(line: bytes, stages: int, *, last_t: float = -math.inf) -> TraceRow:
    """``stages``: how many the header has. Raises BadTrace."""
    cells = _text(line).split(",")
    width = len(FIXED) + stages * len(VALUES)
    if len(cells) != width:
        raise BadTrace(f"{len(cells)} cells instead of {width}")
    try:
        seq, t, t_done = int(cells[0]), float(cells[1]), float(cells[2])
        presence = Presence(cells[4])
        numbers = np.array([float(cell) if cell else math.nan for cell in cells[len(FIXED) :]])
    except ValueError as error:
        raise BadTrace(f"a cell cannot be read: {error}") from error
    if not (math.isfinite(t) and math.isfinite(t_done)) or t < last_t:
        raise BadTrace("time goes back, or is not finite")
    empty = cells[len(FIXED) :].count("")
    if int(np.isnan(numbers).sum()) != empty or bool((np.abs(numbers) > _LIMIT).any()):
        raise BadTrace("a value is not a finite number")
    return TraceRow(seq=seq, t=t, t_done=t_done, presence=presence, values=numbers.reshape(stages, len(VALUES)))


def _text(line: bytes) -> str:
    if len(line) >= LONGEST_LINE:
        raise BadTrace("the line is too long")
    try:
        return line.decode("ascii").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadTrace("not text") from error
