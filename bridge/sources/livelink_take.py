"""A table of Live Link Face as results to be played: takes of the iPhone app, of Unreal's file writer, and our own exports."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from bridge.errors import SourceUnavailable
from bridge.types import Float32Array, TrackResult
from bridge.wire.livelink import VALUES
from bridge.wire.livelink_csv import LONGEST_LINE, BadTable, Columns, Stamp, face_of, parse_header, parse_row, times_s

log = logging.getLogger(__name__)

MOST_ROWS = 1_000_000
"""Four and a half hours at 60 frames a second; some 400 MB in memory."""


class LiveLinkTake:
    """One face a row, dated by its timecode from the first row on. Can be iterated again and again."""

    def __init__(self, columns: Columns, times: list[float], values: Float32Array) -> None:
        """``values``: float32 (N, 61), a row for each time."""
        self._columns = columns
        self._times = times
        self._values = values

    def __iter__(self) -> Iterator[TrackResult]:
        for seq, t in enumerate(self._times):
            yield TrackResult(seq=seq, t=t, t_done=t, faces=(face_of(self._values[seq], self._columns),))


def read_livelink_csv(path: Path) -> LiveLinkTake:
    """The rows of a file. A last line that is cut off is passed over with a warning. Raises SourceUnavailable with the line."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            return _read(path, file)
    except FileNotFoundError as error:
        raise SourceUnavailable(f"There is no file {path}: check the path") from error
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read: {error.strerror or error}") from error


def _read(path: Path, file: TextIO) -> LiveLinkTake:
    try:
        columns = parse_header(file.readline(LONGEST_LINE + 1))
    except BadTable as error:
        raise SourceUnavailable(f"{path}:1: {error}") from error
    number = 1
    stamps: list[Stamp] = []
    values = bytearray()
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if not line.strip():
            continue
        try:
            stamp, row = parse_row(line, columns)
        except BadTable as error:
            if line.endswith("\n") or len(line) > LONGEST_LINE:
                raise SourceUnavailable(f"{path}:{number}: {error}") from error
            log.warning("%s:%d: the last line is cut off; everything before it is used", path, number)
            continue
        if len(stamps) >= MOST_ROWS:
            raise SourceUnavailable(f"{path} has more than {MOST_ROWS} rows: cut it into shorter takes")
        stamps.append(stamp)
        values += row.tobytes()
    try:
        times = times_s(stamps)
    except BadTable as error:
        raise SourceUnavailable(f"{path}: {error}") from error
    return LiveLinkTake(columns, times, np.frombuffer(bytes(values), dtype=np.float32).reshape(-1, VALUES))
