"""Tracked results as a file for other programs; the name's suffix says which kind.

======  ==========================================================================================================
.jsonl  a recording (``recording``), which ``avatar-bridge replay`` plays
.csv    the table of Epic's Live Link Face app: the first face; results without a face have no row
.npz    NumPy arrays (``recording_npz``): the first face; whole only, not while a run goes on
.vrma   VRM Animation 1.0: the first face; where none is seen the last pose is held
.bvh    BVH: head and neck only, as .vrma
======  ==========================================================================================================

``export_results`` writes what is there already; ``open_take`` writes while a run goes on.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Protocol, TypeAlias

from bridge.errors import ConfigError, OutputRejected, OutputUnavailable
from bridge.mapping.vrm import LipSync
from bridge.recording import RecordingWriter, claim, is_recording, release
from bridge.recording_npz import write_npz
from bridge.settings import EyesSettings
from bridge.types import Face, FaceState, Presence, TrackResult
from bridge.wire import bvh, livelink_csv, vrma
from bridge.wire.animation import MAX_KEYS, Animation, AnimationCollector
from bridge.wire.recording import RecordingStage, is_finite

log = logging.getLogger(__name__)

_FLUSH_S = 1.0
_MOST_PARTS = 1000
_TAKES_A_WHILE = 50_000
"""Moments from which on making the file may take longer than an output has to close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """How .vrma and .bvh are written; other formats have no choice. Meanings: ``wire.vrma.encode``, ``VrmMapping``."""

    neck: float = 0.5
    expressions: vrma.Expressions = "all"
    blink: vrma.Blink = "sides"
    gaze: bool = True
    lipsync: LipSync = "mediapipe"
    emotions: bool = False
    eyes: EyesSettings = field(default_factory=EyesSettings)
    """Degrees of a gaze, for results; states bring their gaze."""

    def collector(self) -> AnimationCollector:
        """A new one with these options."""
        return AnimationCollector(eyes=self.eyes, lipsync=self.lipsync, emotions=self.emotions)


DEFAULTS = ExportOptions()
EXPRESSION_CHOICES: tuple[vrma.Expressions, ...] = ("all", "custom", "presets")
"""Values of ``ExportOptions.expressions``."""


def _vrma(animation: Animation, options: ExportOptions) -> bytes:
    return vrma.encode(animation, neck=options.neck, expressions=options.expressions, blink=options.blink, gaze=options.gaze)


def _bvh(animation: Animation, options: ExportOptions) -> bytes:
    return bvh.encode(animation, neck=options.neck)


ANIMATIONS: Mapping[str, Callable[[Animation, ExportOptions], bytes]] = MappingProxyType({".vrma": _vrma, ".bvh": _bvh})
"""Suffix -> the file of an animation."""


def check_export_path(path: Path) -> None:
    """Raises ConfigError when ``path`` cannot become an export: a suffix that is not known, a folder, somebody's other file."""
    suffix = path.suffix.lower()
    if suffix != ".jsonl" and suffix not in _WHOLE:
        known = ".jsonl (recording), .csv (Live Link Face), .npz (NumPy), .vrma (VRM Animation), .bvh (head motion)"
        raise ConfigError(f"{path}: the suffix {suffix or '(none)'} is not a format that can be written; known are {known}")
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file in it")
    if suffix == ".jsonl" and path.is_file() and path.stat().st_size and not is_recording(path):
        raise ConfigError(f"{path} exists and is not a recording, so it is not overwritten; choose another name")


# --- what is there already -----------------------------------------------------------------------------------------------


def export_results(
    results: Iterable[TrackResult], path: Path, *, stage: RecordingStage = "raw", options: ExportOptions = DEFAULTS
) -> int:
    """Writes ``results`` to ``path`` and returns how many there were. ``stage`` is what a recording says of itself.

    A .jsonl keeps what was written when ``results`` breaks off; everything else is there complete or not at all. Raises
    ConfigError as ``check_export_path`` does, OutputRejected or OutputUnavailable when the file cannot be written.
    """
    check_export_path(path)
    write = _WHOLE.get(path.suffix.lower())
    if write is not None:
        return _write_whole(path, lambda file: write(file, results, options))
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


_Write: TypeAlias = Callable[[BinaryIO, Iterable[TrackResult], ExportOptions], int]


def _animation_writer(encode: Callable[[Animation, ExportOptions], bytes]) -> _Write:
    def write(file: BinaryIO, results: Iterable[TrackResult], options: ExportOptions) -> int:
        collector = options.collector()
        count = 0
        for result in results:
            collector.add_result(result)
            count += 1
        if count > len(collector) == MAX_KEYS:
            log.warning("an animation holds %d moments: the %d after them are not in the file", MAX_KEYS, count - MAX_KEYS)
        file.write(encode(collector.finished(), options))
        return count

    return write


_WHOLE: Mapping[str, _Write] = MappingProxyType(
    {
        ".csv": lambda file, results, _: write_csv(file, results),
        ".npz": lambda file, results, _: write_npz(file, results),
        **{suffix: _animation_writer(encode) for suffix, encode in ANIMATIONS.items()},
    }
)


def _write_whole(path: Path, write: Callable[[BinaryIO], int]) -> int:
    """Through a file beside it that takes its name at the end. Raises OutputRejected."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
                count = write(file)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputRejected(f"{path} cannot be written: {error.strerror or error}") from error
    return count


# --- while a run goes on -------------------------------------------------------------------------------------------------


class TakeWriter(Protocol):
    """A file that grows with a run. One thread at a time."""

    def write_result(self, result: TrackResult) -> None:
        """A raw result. Raises OutputUnavailable (the same file can be gone on with), OutputRejected (it is finished)."""
        ...

    def write_state(self, state: FaceState) -> None:
        """A state of one subject after all stages. Raises as ``write_result`` does."""
        ...

    def close(self) -> None:
        """Finishes the file. Idempotent; never raises."""
        ...


def continues(path: Path) -> bool:
    """Whether ``open_take`` can go on with what it wrote before (``append``): recordings only, other files are finished."""
    return path.suffix.lower() not in (".csv", *ANIMATIONS)


def open_take(path: Path, *, stage: RecordingStage, append: bool = False, options: ExportOptions = DEFAULTS) -> TakeWriter:
    """The writer for the suffix of ``path``; any other suffix is a recording's.

    Raises ConfigError for .npz, folders and files in use, OutputRejected and OutputUnavailable when nothing can be written there.
    """
    suffix = path.suffix.lower()
    if suffix == ".npz":
        raise ConfigError(
            f"{path}: .npz is written whole, not while it is recorded; record {path.stem}.jsonl, "
            f"then: avatar-bridge track {path.stem}.jsonl --out {path.name}"
        )
    if continues(path):
        return RecordingWriter(path, stage=stage, append=append)
    check_export_path(path)
    return TableWriter(path) if suffix == ".csv" else AnimationWriter(path, stage=stage, options=options)


class AnimationWriter:
    """A .vrma or .bvh: kept in memory, written at the end in one piece. What was there before stays until then.

    Beside it grows a recording, ``take.vrma.part.jsonl``, removed when the file is there: after a crash it holds everything, and
    ``avatar-bridge track take.vrma.part.jsonl --out take.vrma`` makes the file of it. More than ``MAX_KEYS`` moments are in that
    recording only, which then stays.
    """

    def __init__(self, path: Path, *, stage: RecordingStage, options: ExportOptions = DEFAULTS) -> None:
        """Raises ConfigError for a file in use, OutputRejected, OutputUnavailable."""
        self.path = path
        self._options = options
        self._collector = options.collector()
        self._key: str | None = claim(path)
        try:
            self.part = _new_part(path, ".jsonl")
            self._copy: RecordingWriter | None = RecordingWriter(self.part, stage=stage)
        except BaseException:
            release(self._key)
            raise

    def write_result(self, result: TrackResult) -> None:
        """The first face; without one the last pose is held."""
        self._collector.add_result(result)
        self._keep(lambda copy: copy.write_result(result))

    def write_state(self, state: FaceState) -> None:
        """As an avatar shows it, held and resting too."""
        self._collector.add_state(state)
        self._keep(lambda copy: copy.write_state(state))

    def close(self) -> None:
        key, self._key = self._key, None
        if key is None:
            return
        self._close_copy()
        if len(self._collector) > _TAKES_A_WHILE:
            log.info("making %s; if that is cut short: avatar-bridge track %s --out %s", self.path, self.part, self.path)
        try:
            if len(self._collector):
                data = ANIMATIONS[self.path.suffix.lower()](self._collector.finished(), self._options)
                _write_whole(self.path, lambda file: file.write(data))
                log.info("%s: %d moments", self.path, len(self._collector))
            if len(self._collector) < MAX_KEYS:
                self.part.unlink(missing_ok=True)
            else:
                log.warning("%s holds %d moments, as many as fit; all are in %s", self.path, MAX_KEYS, self.part)
        except (OutputRejected, OSError) as error:
            log.error("%s; what was recorded is in %s", error, self.part)  # noqa: TRY400 - one sentence for the user
        finally:
            release(key)

    def _keep(self, write: Callable[[RecordingWriter], None]) -> None:
        if self._copy is None:
            return
        try:
            write(self._copy)
        except OutputUnavailable as error:  # the disk is full; memory is not
            log.warning("%s; %s is made at the end all the same", error, self.path)
            self._close_copy()

    def _close_copy(self) -> None:
        copy, self._copy = self._copy, None
        if copy is not None:
            copy.close()


class TableWriter:
    """A .csv, row by row into ``take.csv.part.csv``, which takes its name at the end and is readable up to a crash."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError for a file in use, OutputRejected."""
        self.path = path
        self._key: str | None = claim(path)
        self._start = self._last_t = self._flushed_t = -math.inf
        self._rows = 0
        try:
            self.part = _new_part(path, ".csv")
            self._file = self.part.open("wb", buffering=1 << 16)
            self._file.write(livelink_csv.HEADER.encode())
            self._file.flush()
        except OSError as error:
            release(self._key)
            raise OutputRejected(f"{path} cannot be written: {error.strerror or error}") from error
        except BaseException:
            release(self._key)
            raise

    def write_result(self, result: TrackResult) -> None:
        """The first face; without one no row."""
        self._add(result.t, result.faces[0] if result.faces else None)

    def write_state(self, state: FaceState) -> None:
        """A face that is LOST has no row."""
        lost = state.presence is Presence.LOST
        self._add(state.t, None if lost else Face(weights=state.weights, head=state.head))

    def close(self) -> None:
        key, self._key = self._key, None
        if key is None:
            return
        try:
            self._file.close()
        except OSError as error:
            log.warning("writing %s failed: %s", self.part, error.strerror or error)
        try:
            if self._rows:
                self.part.replace(self.path)
            self.part.unlink(missing_ok=True)
        except OSError as error:
            log.error("%s cannot be written: %s; the rows are in %s", self.path, error.strerror or error, self.part)  # noqa: TRY400
        finally:
            release(key)

    def _add(self, t: float, face: Face | None) -> None:
        if not (math.isfinite(t) and t >= self._last_t) or self._key is None:
            return
        self._last_t = t
        if self._start == -math.inf:
            self._start = self._flushed_t = t
        if face is None or not is_finite(face):
            return
        try:
            self._file.write(livelink_csv.row(face, t_s=t - self._start).encode())
            if t - self._flushed_t >= _FLUSH_S:
                self._flushed_t = t
                self._file.flush()
        except OSError as error:
            self.close()
            raise OutputRejected(f"writing {self.path} failed: {error.strerror or error}; the rows so far are in it") from error
        self._rows += 1


def _new_part(path: Path, suffix: str) -> Path:
    """An empty file beside ``path`` that was not there before; what an earlier run left is told, never touched."""
    left: list[str] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MOST_PARTS):
            part = path.with_name(f"{path.name}.part{number if number > 1 else ''}{suffix}")
            try:
                os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                left.append(str(part))
                continue
            if left:
                log.warning(
                    "%s: left by a run that broke off; make the file of it with: avatar-bridge track %s --out %s",
                    ", ".join(left), left[0], path,
                )  # fmt: skip
            return part
    except OSError as error:
        raise OutputRejected(f"{path} cannot be written: {error.strerror or error}; name a file in a folder of yours") from error
    raise OutputRejected(f"{path}: {_MOST_PARTS} parts of broken-off runs lie beside it; remove them")
