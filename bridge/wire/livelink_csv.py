"""The table that Epic's Live Link Face app writes: one row a frame, 61 values; and reading it. Text only; pure, any thread.

Columns: the 52 coefficients in Apple's order, but jawRight before jawLeft and mouthRight before mouthLeft; then head and eyes as
yaw, pitch, roll in radians, with the signs of ``livelink``. Columns are read by their names, whatever their order, and so is the
other dialect: Unreal's own file writer has a column FrameRate, ", " between values, and the enum's order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge import arkit
from bridge.mapping.gaze import gaze_of
from bridge.types import CHANNELS, Face, Float32Array, frozen_array
from bridge.wire.livelink import ANGLES, VALUES, angles_rad, head_of
from bridge.wire.signs import Signs

FPS = 60
"""Frames a second that timecodes count; the app's own rate."""

_ORDER: tuple[int, ...] = tuple(sorted(range(len(arkit.NAMES)), key=arkit.LIVE_LINK_CSV_COLUMN.__getitem__))
_AS_IT_IS = Signs()

HEADER = ",".join(("Timecode", "BlendShapeCount", *(arkit.PASCAL[i] for i in _ORDER), *ANGLES)) + "\n"
"""63 columns."""


# --- to text -------------------------------------------------------------------------------------------------------------


def timecode(t_s: float, *, fps: int = FPS) -> str:
    """``HH:MM:SS:FF.sss`` for ``t_s`` seconds from the start, >= 0: FF counts frames, sss is the fraction of a frame."""
    # In thousandths of a frame, rounded once: nothing can become 59:60.000.
    seconds, thousandths = divmod(round(t_s * fps * 1000), fps * 1000)
    frame, fraction = divmod(thousandths, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}:{frame:02d}.{fraction:03d}"


def row(face: Face, *, t_s: float, fps: int = FPS) -> str:
    """The row of a face at ``t_s`` seconds from the start. Without a head its angles are 0."""
    weights = face.weights.tolist()
    values = [weights[i] for i in _ORDER] + angles_rad(face.head, gaze_of(face.weights), _AS_IT_IS)
    return f"{timecode(t_s, fps=fps)},{VALUES}," + ",".join([f"{value:.10f}" for value in values]) + "\n"


# --- from text -----------------------------------------------------------------------------------------------------------

LONGEST_LINE = 1 << 16
"""Characters; a row of the app's has about 800."""
_MOST_COLUMNS = 1024
_RATES = (24, 25, 30, 48, 50, 60, 120, 240)
_DENSE_ROWS = 20
_DAY_S = 86400.0
_JITTER_S = 1.0
_LARGEST_ANGLE_RAD = 2.0 * math.pi


class BadTable(Exception):
    """What is wrong with a line, without its place. Never leaves the reading of a file."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What the header says."""

    width: int
    timecode: int
    rate: int | None
    """Where the frame rate of each row stands; None in the app's own dialect."""
    columns: tuple[int, ...]
    """Where the values stand."""
    targets: NDArray[np.intp]
    """What each of them is: 0..51 a coefficient in ARKit order, then ``ANGLES``."""

    @property
    def has_head(self) -> bool:
        """Whether the three angles of the head are there."""
        return {CHANNELS, CHANNELS + 1, CHANNELS + 2} <= set(self.targets.tolist())


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a row was."""

    second: int
    """Hours, minutes and seconds of the timecode, in seconds."""
    frame: float
    """Frames since then, with their fraction."""
    fps: float | None
    """Where the row says so itself."""


def parse_header(line: str) -> Columns:
    """Raises BadTable when it is no table of coefficients with timecodes."""
    names = _cells(line.removeprefix("\ufeff"))
    lowered = [name.lower() for name in names]
    if "timecode" not in lowered:
        raise BadTable("not a table of Live Link Face: no column is called Timecode")
    places: dict[int, int] = {}
    angles = {name.lower(): CHANNELS + i for i, name in enumerate(ANGLES)}
    for column, name in enumerate(lowered):
        target = angles.get(name, arkit.find(name) if len(name) <= 64 else None)
        if target is None:
            continue
        if target in places:
            raise BadTable(f"the column {names[column]} is there twice")
        places[target] = column
    if not any(target < CHANNELS for target in places):
        raise BadTable("not a table of Live Link Face: no column is called like a coefficient, for example JawOpen")
    rate = lowered.index("framerate") if "framerate" in lowered else None
    return Columns(
        width=len(names),
        timecode=lowered.index("timecode"),
        rate=rate,
        columns=tuple(places.values()),
        targets=frozen_array(np.array(list(places), dtype=np.intp)),
    )


def parse_row(line: str, columns: Columns) -> tuple[Stamp, Float32Array]:
    """A line under its header: when, and float32 (61,): coefficients in ARKit order within [0, 1], then ``ANGLES``.

    Empty cells, and what the table lacks, are 0. Raises BadTable.
    """
    cells = _cells(line)
    if len(cells) != columns.width:
        raise BadTable(f"{len(cells)} values, but {columns.width} columns")
    second, frame = _parse_timecode(cells[columns.timecode])
    fps = None if columns.rate is None else _number(cells[columns.rate], "FrameRate")
    if fps is not None and not 1.0 <= fps <= 1000.0:
        raise BadTable(f"FrameRate is {fps:g}, not 1 to 1000")
    wide = np.zeros(VALUES)
    texts = [cells[column] for column in columns.columns]
    try:
        wide[columns.targets] = [float(text or 0.0) for text in texts]
    except ValueError:
        wide[columns.targets] = [_number(text, "a value") for text in texts]  # says which
    if not np.isfinite(wide).all():
        raise BadTable("a value is not finite")
    largest = float(np.abs(wide[CHANNELS:]).max())
    if largest > _LARGEST_ANGLE_RAD:
        raise BadTable(f"an angle of head or eyes is {largest:g}, which is none in radians")
    np.clip(wide[:CHANNELS], 0.0, 1.0, out=wide[:CHANNELS])
    return Stamp(second, frame, fps), wide.astype(np.float32)


def guessed_fps(stamps: Iterable[Stamp]) -> float:
    """Frames a second that the timecodes of a take count, where its rows do not say so themselves.

    60, as the app and this program write, unless a whole second has many rows and no second has a higher frame number than a
    lower rate allows (or one has a higher than 60 allows).
    """
    highest, dense, count, second = 0.0, False, 0, -1
    for each in stamps:
        if each.second != second:
            dense = dense or count >= _DENSE_ROWS
            second, count = each.second, 0
        count += 1
        highest = max(highest, each.frame)
    fitting = [rate for rate in _RATES if rate > math.floor(highest)]
    if not fitting:
        return math.floor(highest) + 1.0
    return float(fitting[0] if dense or fitting[0] > FPS else FPS)


def times_s(stamps: Sequence[Stamp]) -> list[float]:
    """Seconds from the first row on, never decreasing, over midnight too. Raises BadTable when time goes back by over 1 s."""
    guess = guessed_fps(stamps) if any(each.fps is None for each in stamps) else float(FPS)
    times: list[float] = []
    start, days = 0.0, 0.0
    for number, each in enumerate(stamps):
        t = each.second + each.frame / (each.fps or guess) + days
        if not times:
            start = t
        last = start + times[-1] if times else t
        if last - t > _DAY_S / 2:
            days += _DAY_S
            t += _DAY_S
        elif days and t - last > _DAY_S / 2:  # from just before midnight, and late
            t -= _DAY_S
        if last - t > _JITTER_S:
            raise BadTable(f"the time goes back in row {number + 1} of the values")
        times.append(max(t, last) - start)
    return times


def face_of(values: Float32Array, columns: Columns) -> Face:
    """The face of a row. Where the table has no head angles, there is no head."""
    yaw, pitch, roll = values[CHANNELS : CHANNELS + 3].tolist()
    head = head_of(yaw, pitch, roll, _AS_IT_IS) if columns.has_head else None
    return Face(weights=frozen_array(values[:CHANNELS].copy()), head=head)


def _cells(line: str) -> list[str]:
    if len(line) > LONGEST_LINE:
        raise BadTable(f"a line of more than {LONGEST_LINE} characters")
    cells = line.strip().split(",", _MOST_COLUMNS)
    if len(cells) > _MOST_COLUMNS:
        raise BadTable(f"more than {_MOST_COLUMNS} columns")
    return [cell.strip().strip('"') for cell in cells]


def _number(text: str, what: str) -> float:
    try:
        value = float(text or "0")
    except ValueError as error:
        raise BadTable(f"{what} is {text[:40]!r}, not a number") from error
    if not math.isfinite(value):
        raise BadTable(f"{what} is {text[:40]!r}, not a finite number")
    return value


def _parse_timecode(text: str) -> tuple[int, float]:
    """(hours, minutes and seconds in seconds, frame)."""
    parts = text.replace(";", ":").split(":")  # before the frame, ; marks drop-frame timecode
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts[:3]):
        raise BadTable(f"the timecode is {text[:40]!r}, not HH:MM:SS:FF.sss")
    hours, minutes, seconds = map(int, parts[:3])
    frame = _number(parts[3], "the frame of a timecode")
    if minutes > 59 or seconds > 59 or not 0.0 <= frame < 1000.0:
        raise BadTable(f"the timecode is {text[:40]!r}, which is no time")
    return hours * 3600 + minutes * 60 + seconds, frame
