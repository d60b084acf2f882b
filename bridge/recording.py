"""Recordings as files: what was tracked (stage raw), or what an output would get (stage final), line by line.

``wire.recording`` has the text of the lines. A recording is append-only and readable up to where it breaks off.
"""

from __future__ import annotations

import logging
import math
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from bridge.errors import ConfigError, OutputRejected, OutputUnavailable, SourceUnavailable
from bridge.types import FaceState, TrackResult
from bridge.wire.recording import (
    BadLine,
    RecordedLine,
    RecordingHeader,
    RecordingStage,
    header_line,
    is_finite,
    parse_header,
    parse_line,
    result_line,
    state_line,
)

log = logging.getLogger(__name__)

_FLUSH_S = 1.0
_FLUSH_LINES = 60
_LINE_LIMIT = 1 << 20
"""Bytes of the longest line that is read; a result with 16 faces has 20,000."""

_claims_lock = threading.Lock()
_written: set[str] = set()
"""Recordings that this process is writing: two writers would ruin one file."""
_played: dict[str, int] = {}
"""Recordings that this process is playing, and how often: writing one would destroy what is played."""


def _key_of(path: Path) -> str:
    """The same for every name of a file."""
    return os.path.normcase(os.path.realpath(path))


def claim(path: Path) -> str:
    """Keeps ``path`` from being written or played by another part of this program; what ``release`` takes. Raises ConfigError."""
    key = _key_of(path)
    with _claims_lock:
        if key in _written:
            raise ConfigError(f"{path} is being written already by this program; give each recording a file of its own")
        if key in _played:
            raise ConfigError(f"{path} is being played by this program; record to another file")
        _written.add(key)
    return key


def release(key: str) -> None:
    """Gives up what ``claim`` returned."""
    with _claims_lock:
        _written.discard(key)


class RecordingWriter:
    """Appends results (stage raw) or states (stage final) to a file. One thread at a time; also a context manager.

    The file is readable by its owner only (mode 600, where the system has modes): it holds how somebody moved. What was written
    reaches the system at least once a second of recorded time, so a crash loses little. An older recording is replaced when the
    first line is written, not before: a run that never gets that far costs nothing.

    What cannot be in a recording is left out and counted in ``skipped``: a result that is older than the one before, and a face
    whose numbers are not finite (the stages drop both as well).
    """

    def __init__(self, path: Path, *, stage: RecordingStage, append: bool = False) -> None:
        """Opens ``path``; its folder is made. ``append`` goes on with a recording of the same stage that is there.

        Raises ConfigError when something else than a recording would be overwritten or this program writes or plays it already,
        OutputRejected when the system refuses, OutputUnavailable when the disk is full.
        """
        self.path = path
        self.stage: RecordingStage = stage
        self.written = 0
        self.skipped = 0
        self._last_t = -math.inf
        self._flushed_t = -math.inf
        self._unflushed = 0
        self._replaces = False
        self._key = claim(path)
        try:
            self._file: BinaryIO | None = self._open(append=append)
        except BaseException:
            self._release()
            raise

    def write_result(self, result: TrackResult) -> None:
        """One result; in the final stage its faces are LIVE. Raises OutputUnavailable when the disk is full or gone."""
        self.skipped += sum(not is_finite(face) for face in result.faces)
        if self._fits(result):
            self._write(result_line(result, stage=self.stage), result.t)

    def write_state(self, state: FaceState) -> None:
        """One state of one subject; final stage only. Raises as ``write_result`` does."""
        if self.stage != "final":
            raise ValueError("states belong into a recording of the final stage")
        if not is_finite(state):
            self.skipped += 1
        elif self._fits(state):
            self._write(state_line(state), state.t)

    def flush(self) -> None:
        """Hands what was written to the system. Raises OutputUnavailable when the disk is full or gone."""
        if self._file is None:
            return
        self._unflushed, self._flushed_t = 0, self._last_t
        try:
            self._file.flush()
        except OSError as error:
            raise _write_failed(self.path, error) from error

    def close(self) -> None:
        """Idempotent; never raises: ``flush`` first to learn whether everything is there."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.close()
        except OSError as error:
            log.warning("%s", _write_failed(self.path, error))
        self._release()

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self.close()

    def _fits(self, item: TrackResult | FaceState) -> bool:
        fits = item.t >= self._last_t and math.isfinite(item.t) and math.isfinite(item.t_done)
        self.skipped += not fits
        return fits

    def _write(self, line: str, t: float) -> None:
        if self._file is None:
            raise ValueError("the recording is closed")
        try:
            if self._replaces:
                self._file.seek(0)
                self._file.truncate()
                self._file.write(header_line(self.stage).encode())
                self._replaces = False
            self._file.write(line.encode())
        except OSError as error:
            raise _write_failed(self.path, error) from error
        self.written += 1
        self._last_t = t
        self._unflushed += 1
        if self._unflushed >= _FLUSH_LINES or t - self._flushed_t >= _FLUSH_S:
            self.flush()

    def _open(self, *, append: bool) -> BinaryIO:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            found = _look_at(self.path)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            file: BinaryIO = os.fdopen(os.open(self.path, flags, 0o600), "r+b", buffering=1 << 16)
        except OSError as error:
            why = error.strerror or str(error)
            raise OutputRejected(f"{self.path} cannot be written: {why}; name a file in a folder of yours") from error
        try:
            if hasattr(os, "fchmod"):  # a file that was there may have been open to others
                os.fchmod(file.fileno(), stat.S_IRUSR | stat.S_IWUSR)
            if found is None:
                file.write(header_line(self.stage).encode())
                file.flush()
            elif append and found.stage == self.stage:
                _cut_unfinished_line(file)
            else:
                self._replaces = True
        except OSError as error:
            _close_quietly(file)
            raise _write_failed(self.path, error) from error
        return file

    def _release(self) -> None:
        release(self._key)


def _look_at(path: Path) -> RecordingHeader | None:
    """The header of the recording that is there; None where nothing is lost. Raises ConfigError for anything else, OSError."""
    if not path.exists():
        return None
    if not path.is_file():
        raise ConfigError(f"{path} is not a file; a recording needs a file name such as take.jsonl")
    with path.open("rb") as file:
        first = file.readline(_LINE_LIMIT)
    if not first:
        return None
    try:
        return parse_header(first)
    except BadLine as error:
        raise ConfigError(f"{path} exists and is not a recording, so it is not overwritten; choose another name") from error


def _cut_unfinished_line(file: BinaryIO) -> None:
    """Goes to the end of the last whole line; what a crash or a full disk left behind it goes away."""
    end = kept = file.seek(0, os.SEEK_END)
    while kept > 0:
        start = max(0, kept - (1 << 16))
        file.seek(start)
        newline = file.read(kept - start).rfind(b"\n")
        if newline >= 0:
            kept = start + newline + 1
            break
        kept = start
    file.seek(kept)
    if kept < end:
        file.truncate(kept)


def _close_quietly(file: BinaryIO) -> None:
    try:
        file.close()
    except OSError:  # the failure that matters has been raised already
        log.debug("closing failed too", exc_info=True)


def _write_failed(path: Path, error: OSError) -> OutputUnavailable:
    return OutputUnavailable(f"writing {path} failed: {error.strerror or error}; what is in it so far can be replayed")


class RecordingReader:
    """Reads a recording line by line. One thread; also a context manager.

    Weights come in ARKit order whatever the order of the file is; channels that it lacks are 0. A last line that is cut off, as a
    crash leaves it, is passed over with a warning.
    """

    def __init__(self, path: Path, *, exclusive: bool = False) -> None:
        """Opens the file and reads its header. Raises SourceUnavailable.

        ``exclusive``: refuses a file that this program is writing, and keeps it from being written until ``close``.
        """
        self.path = path
        self._claimed = ""
        try:
            self._file = path.open("rb")
        except FileNotFoundError as error:
            raise SourceUnavailable(f"There is no file {path}: check the path") from error
        except OSError as error:
            raise _unreadable(path, error) from error
        try:
            if exclusive:
                self._claim()
            self.header: RecordingHeader = parse_header(self._next_line())
        except BadLine as error:
            self.close()
            raise SourceUnavailable(f"{path}:1: {error}") from error
        except SourceUnavailable:
            self.close()
            raise
        for warning in self.header.warnings:
            log.warning("%s: %s", path, warning)

    def lines(self) -> Iterator[RecordedLine]:
        """Every line from the first on. Raises SourceUnavailable that names file, line and reason."""
        try:
            self._file.seek(0)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        self._next_line()
        number, last_t = 1, -math.inf
        while raw := self._next_line():
            number += 1
            if not raw.strip():
                continue
            try:
                line = parse_line(raw, self.header, last_t=last_t)
            except BadLine as error:
                if not raw.endswith(b"\n") and len(raw) < _LINE_LIMIT:
                    log.warning("%s:%d: the last line is cut off; everything before it is used", self.path, number)
                    return
                raise SourceUnavailable(f"{self.path}:{number}: {error}") from error
            last_t = line.t
            yield line

    def results(self) -> Iterator[TrackResult]:
        """Every line as a result; of a final recording, the faces that were LIVE. Raises as ``lines`` does."""
        for line in self.lines():
            yield line.result()

    def states(self) -> Iterator[FaceState]:
        """Every state of a final recording. Raises as ``lines`` does, and SourceUnavailable when the recording is raw."""
        if self.header.stage != "final":
            raise SourceUnavailable(f"{self.path} is a recording of the raw stage, which has results but no states")
        for line in self.lines():
            yield from line.faces

    def close(self) -> None:
        """Idempotent."""
        self._file.close()
        key, self._claimed = self._claimed, ""
        if key:
            with _claims_lock:
                _played[key] -= 1
                if not _played[key]:
                    del _played[key]

    def _claim(self) -> None:
        key = _key_of(self.path)
        with _claims_lock:
            if key in _written:
                raise SourceUnavailable(f"{self.path} is being written by this program, so it cannot be played; record elsewhere")
            _played[key] = _played.get(key, 0) + 1
        self._claimed = key

    def __enter__(self) -> RecordingReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _next_line(self) -> bytes:
        try:
            return self._file.readline(_LINE_LIMIT)
        except OSError as error:
            raise _unreadable(self.path, error) from error


def read_recording(path: Path) -> Iterator[TrackResult | FaceState]:
    """The results of a raw, the states of a final recording. Raises SourceUnavailable naming file, line and reason."""
    with RecordingReader(path) as reader:
        yield from reader.results() if reader.header.stage == "raw" else reader.states()


def is_recording(path: Path) -> bool:
    """Whether ``path`` begins as a recording does, whatever its name is."""
    try:
        with path.open("rb") as file:
            parse_header(file.readline(_LINE_LIMIT))
    except (OSError, BadLine):
        return False
    return True


def _unreadable(path: Path, error: OSError) -> SourceUnavailable:
    return SourceUnavailable(f"{path} cannot be read: {error.strerror or error}")
