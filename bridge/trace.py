"""Traces as files: every stage per channel, row by row, while the performance runs (``wire.trace_csv`` has the text).

``TraceWriter`` writes at once, for work that keeps no pace. ``TraceRecorder`` has a writer thread: what the disk cannot take in
time is dropped and counted, and the engine never waits.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from bridge.errors import BridgeError, ConfigError, OutputRejected, OutputUnavailable, SourceUnavailable
from bridge.types import FaceState
from bridge.wire.trace_csv import LONGEST_LINE, BadTrace, TraceRow, TraceStep, header, parse_header, parse_row, row, step_of

log = logging.getLogger(__name__)

_LIMIT = 1800
"""Rows that may wait for the disk: a minute at 30 fps, some 5 MB."""
_FLUSH_ROWS = 60


class TraceWriter:
    """Writes rows to a file that its owner alone can read. One thread at a time.

    An older trace of this name is replaced when the first row is written; anything else is not overwritten.
    """

    def __init__(self, path: Path, stages: Sequence[str]) -> None:
        """``stages``: the names of the chain's stages in order. Raises ConfigError, OutputRejected."""
        self.path = path
        self.written = 0
        self._header = header(stages).encode()
        self._last_t: float | None = None
        if path.suffix.lower() != ".csv":
            raise ConfigError(f"{path}: a trace is a table, so its name must end in .csv")
        if path.exists() and not _is_ours(path):
            raise ConfigError(f"{path} exists and is not a trace, so it is not overwritten; choose another name")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._file: BinaryIO | None = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=1 << 18)
            if hasattr(os, "fchmod"):  # a file that was there may have been open to others
                os.fchmod(self._file.fileno(), stat.S_IRUSR | stat.S_IWUSR)
        except OSError as error:
            why = error.strerror or str(error)
            raise OutputRejected(f"{path} cannot be written: {why}; name a file in a folder of yours") from error

    def step(self, states: Sequence[FaceState]) -> None:
        """What came in, and what each stage made of it. Raises OutputUnavailable."""
        step = step_of(states, last_t=self._last_t)
        self._last_t = step.t
        self.write(step)

    def write(self, step: TraceStep) -> None:
        """One row. Raises OutputUnavailable when the disk is full or gone."""
        if self._file is None:
            raise ValueError("the trace is closed")
        try:
            if not self.written:
                self._file.truncate()
                self._file.write(self._header)
            self._file.write(row(step).encode())
            self.written += 1
            if self.written % _FLUSH_ROWS == 0:
                self._file.flush()
        except OSError as error:
            raise OutputUnavailable(f"writing {self.path} failed: {error.strerror or error}") from error

    def close(self) -> None:
        """Idempotent. Raises OutputUnavailable when the last rows could not be written."""
        file, self._file = self._file, None
        try:
            if file is not None:
                file.close()
        except OSError as error:
            raise OutputUnavailable(f"writing {self.path} failed: {error.strerror or error}") from error


class TraceRecorder:
    """``run --trace``: every row is in the file unless ``lost`` says so."""

    def __init__(self, path: Path, stages: Sequence[str]) -> None:
        """Opens the file and starts the writer. Raises ConfigError, OutputRejected."""
        self._writer = TraceWriter(path, stages)
        self._queue: queue.SimpleQueue[TraceStep | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="bridge-trace", daemon=True)
        self._last_t: float | None = None
        self.lost = 0
        self.error: str | None = None
        self._thread.start()

    def tap(self, states: Sequence[FaceState]) -> None:
        """Engine thread: stores and returns."""
        step = step_of(states, last_t=self._last_t)
        self._last_t = step.t
        if self.error is not None or self._queue.qsize() >= _LIMIT:
            self.lost += 1
        else:
            self._queue.put(step)

    def stop(self) -> None:
        """Writes what is waiting and closes the file."""
        self._queue.put(None)
        self._thread.join(10.0)
        if self.lost:
            log.warning("the trace %s lacks %d rows that the disk could not take in time", self._writer.path, self.lost)

    def _run(self) -> None:
        try:
            try:
                while (step := self._queue.get()) is not None:
                    self._writer.write(step)
            finally:
                self._writer.close()
        except BridgeError as error:
            self.error = str(error)
            log.error("the trace stopped: %s", error)  # noqa: TRY400 - one sentence for the user, no traceback


class TraceReader:
    """A trace, row by row. One thread; ``rows`` can be gone through once."""

    def __init__(self, path: Path) -> None:
        """Reads the header. Raises SourceUnavailable."""
        self.path = path
        try:
            self._file = path.open("rb")
        except FileNotFoundError as error:
            raise SourceUnavailable(f"There is no file {path}: check the path") from error
        except OSError as error:
            raise _unreadable(path, error) from error
        try:
            self.stages: tuple[str, ...] = parse_header(self._next_line())
        except BadTrace as error:
            self._file.close()
            raise SourceUnavailable(f"{path}:1: {error}") from error
        except SourceUnavailable:
            self._file.close()
            raise

    def rows(self) -> Iterator[TraceRow]:
        """Every row; a last one that is cut off by a crash is passed over. Closes the file. Raises SourceUnavailable."""
        number, last_t = 1, -math.inf
        with self._file:
            while line := self._next_line():
                number += 1
                if not line.endswith(b"\n") and len(line) < LONGEST_LINE:
                    log.warning("%s:%d: the last row is cut off; everything before it is used", self.path, number)
                    return
                try:
                    read = parse_row(line, len(self.stages), last_t=last_t)
                except BadTrace as error:
                    raise SourceUnavailable(f"{self.path}:{number}: {error}") from error
                last_t = read.t
                yield read

    def _next_line(self) -> bytes:
        try:
            return self._file.readline(LONGEST_LINE)
        except OSError as error:
            raise _unreadable(self.path, error) from error


def is_trace(path: Path) -> bool:
    """Whether ``path`` begins as a trace does."""
    try:
        with path.open("rb") as file:
            parse_header(file.readline(LONGEST_LINE))
    except (OSError, BadTrace):
        return False
    return True


def _is_ours(path: Path) -> bool:
    return path.is_file() and (is_trace(path) or path.stat().st_size == 0)


def _unreadable(path: Path, error: OSError) -> SourceUnavailable:
    return SourceUnavailable(f"{path} cannot be read: {error.strerror or error}")
