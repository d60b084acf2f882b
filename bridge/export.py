"""Tracked results as a file for other programs; the name's suffix says which kind.

======  ==========================================================================================================
.jsonl  a recording (``recording``), which ``avatar-bridge replay`` plays
.csv    the table of Epic's Live Link Face app: the first face; results without a face have no row
.npz    NumPy arrays (``recording_npz``): the first face
======  ==========================================================================================================
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from bridge.errors import ConfigError, OutputRejected
from bridge.recording import RecordingWriter, is_recording
from bridge.recording_npz import write_npz
from bridge.types import TrackResult
from bridge.wire import livelink_csv
from bridge.wire.recording import RecordingStage


def check_export_path(path: Path) -> None:
    """Raises ConfigError when ``path`` cannot become an export: a suffix that is not known, a folder, somebody's other file."""
    suffix = path.suffix.lower()
    if suffix != ".jsonl" and suffix not in _WHOLE:
        known = ", ".join((".jsonl (recording)", ".csv (Live Link Face)", ".npz (NumPy)"))
        raise ConfigError(f"{path}: the suffix {suffix or '(none)'} is not a format that can be written; known are {known}")
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file in it")
    if suffix == ".jsonl" and path.is_file() and path.stat().st_size and not is_recording(path):
        raise ConfigError(f"{path} exists and is not a recording, so it is not overwritten; choose another name")


def export_results(results: Iterable[TrackResult], path: Path, *, stage: RecordingStage = "raw") -> int:
    """Writes ``results`` to ``path`` and returns how many there were. ``stage`` is what a recording says of itself.

    A .csv or .npz is there complete or not at all; a .jsonl keeps what was written when ``results`` breaks off. Raises
    ConfigError as ``check_export_path`` does, OutputRejected or OutputUnavailable when the file cannot be written.
    """
    check_export_path(path)
    if path.suffix.lower() != ".jsonl":
        return _write_whole(path, results, _WHOLE[path.suffix.lower()])
    count = 0
    with RecordingWriter(path, stage=stage) as writer:
        for result in results:
            writer.write_result(result)
            count += 1
    return count


def write_csv(file: BinaryIO, results: Iterable[TrackResult]) -> int:
    """Writes the Live Link Face table, timecodes from the first result on; returns the number of results. Raises OSError."""
    file.write(livelink_csv.HEADER.encode())
    count, start = 0, 0.0
    for result in results:
        start = result.t if count == 0 else start
        count += 1
        if result.faces:
            file.write(livelink_csv.row(result.faces[0], t_s=result.t - start).encode())
    return count


_WHOLE: MappingProxyType[str, Callable[[BinaryIO, Iterable[TrackResult]], int]] = MappingProxyType(
    {
        ".csv": write_csv,
        ".npz": write_npz,
    }
)


def _write_whole(path: Path, results: Iterable[TrackResult], write: Callable[[BinaryIO, Iterable[TrackResult]], int]) -> int:
    """Through a file beside it that takes its name at the end."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
                count = write(file, results)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputRejected(f"{path} cannot be written: {error.strerror or error}") from error
    return count
