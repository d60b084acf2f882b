"""Recording files as they are written: what a crash, a full disk or a slip of the keyboard may do to them."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bridge.errors import ConfigError, OutputRejected, OutputUnavailable, SourceUnavailable
from bridge.recording import RecordingReader, RecordingWriter, is_recording, read_recording
from bridge.types import Face, FaceState, TrackResult


def empty(seq: int, t: float) -> TrackResult:
    return TrackResult(seq=seq, t=t, t_done=t, faces=())


def write_many(writer: RecordingWriter, count: int) -> None:
    for i in range(count):
        writer.write_result(empty(i, float(i)))


def results_of(path: Path) -> Iterator[TrackResult]:
    with RecordingReader(path) as reader:
        yield from reader.results()


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Three results, one of them without a face."""
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="raw") as writer:
        for i in range(3):
            writer.write_result(empty(i, i / 30))
    return path


# --- what is left out ----------------------------------------------------------------------------------------------------


def test_a_result_older_than_the_one_before_is_left_out_and_counted(tmp_path: Path) -> None:
    """So that every recording that was written can be read."""
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="raw") as writer:
        for seq, t in enumerate((1.0, 0.9, 1.0, 1.1)):
            writer.write_result(empty(seq, t))
        assert (3, 1) == (writer.written, writer.skipped)

    assert [0, 2, 3] == [result.seq for result in results_of(path)]


def test_a_face_that_is_not_finite_is_left_out_and_counted(tmp_path: Path) -> None:
    """The result stays, as one without a face."""
    weights = np.full(52, np.nan, dtype=np.float32)
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="raw") as writer:
        writer.write_result(TrackResult(seq=0, t=0.0, t_done=0.0, faces=(Face(weights=weights, head=None),)))
        assert (1, 1) == (writer.written, writer.skipped)

    assert [0] == [len(result.faces) for result in results_of(path)]


# --- the file ------------------------------------------------------------------------------------------------------------


def test_a_crash_loses_less_than_a_second(tmp_path: Path) -> None:
    """Without close, all but the last second of recorded time can be read by another."""
    path = tmp_path / "take.jsonl"
    writer = RecordingWriter(path, stage="raw")
    for i in range(300):
        writer.write_result(empty(i, i / 10))

    last = [result.t for result in results_of(path)][-1]
    writer.close()

    assert last >= 29.9 - 1.0


def test_a_burst_is_flushed_by_its_lines(tmp_path: Path) -> None:
    """Results without distance in time (fast replay) reach the system too."""
    path = tmp_path / "take.jsonl"
    writer = RecordingWriter(path, stage="raw")
    for i in range(200):
        writer.write_result(empty(i, 1.0))

    count = sum(1 for _ in results_of(path))
    writer.close()

    assert count >= 140


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """Also when the file was there before with other rights."""
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    old.touch(mode=0o644)
    for path in (old, new):
        RecordingWriter(path, stage="raw").close()

    assert [0o600, 0o600] == [stat.S_IMODE(path.stat().st_mode) for path in (old, new)]


def test_the_folder_is_made(tmp_path: Path) -> None:
    """--record takes/today/one.jsonl just works."""
    path = tmp_path / "takes" / "today" / "one.jsonl"

    RecordingWriter(path, stage="raw").close()

    assert is_recording(path)


def test_another_file_is_never_overwritten(tmp_path: Path) -> None:
    """A slip of the keyboard does not cost a thesis."""
    path = tmp_path / "thesis.txt"
    path.write_text("All my work\n", encoding="utf-8")

    with pytest.raises(ConfigError, match="is not a recording, so it is not overwritten"):
        RecordingWriter(path, stage="raw")

    assert "All my work\n" == path.read_text(encoding="utf-8")


def test_an_older_recording_and_an_empty_file_are_replaced(take: Path) -> None:
    """The same command twice gives the second take."""
    with RecordingWriter(take, stage="raw") as writer:
        writer.write_result(empty(9, 5.0))

    assert [9] == [result.seq for result in results_of(take)]


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    """Said as such, not as an errno."""
    with pytest.raises(ConfigError, match="is not a file"):
        RecordingWriter(tmp_path, stage="raw")


def test_a_place_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    """A file as a folder is wrong for every user, root too."""
    (tmp_path / "file").touch()

    with pytest.raises(OutputRejected, match="cannot be written"):
        RecordingWriter(tmp_path / "file" / "take.jsonl", stage="raw")


def test_two_writers_of_one_file_are_refused(tmp_path: Path) -> None:
    """By any name of the file; and the name is free again after close, and after a failure."""
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="raw"), pytest.raises(ConfigError, match="being written already"):
        RecordingWriter(tmp_path / "x" / ".." / "take.jsonl", stage="final")

    RecordingWriter(path, stage="raw").close()


def test_closing_twice_is_fine_and_writing_afterwards_is_not(tmp_path: Path) -> None:
    """close is idempotent."""
    writer = RecordingWriter(tmp_path / "take.jsonl", stage="raw")
    writer.close()
    writer.close()

    with pytest.raises(ValueError, match="closed"):
        writer.write_result(empty(0, 0.0))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_one_sentence_and_the_rest_can_be_read(tmp_path: Path) -> None:
    """The lines before it stay; appending goes on after the last whole line."""
    import resource

    path = tmp_path / "take.jsonl"
    writer = RecordingWriter(path, stage="raw")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, before[1]))
    try:
        with pytest.raises(OutputUnavailable, match="what is in it so far can be replayed") as caught:
            write_many(writer, 1_000)
        writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with RecordingWriter(path, stage="raw", append=True) as again:
        again.write_result(empty(1_000, 1_000.0))

    seqs = [result.seq for result in results_of(path)]

    assert caught.value.retryable
    assert [*range(len(seqs) - 1), 1_000] == seqs
    assert len(seqs) > 10


def test_appending_keeps_what_is_there(take: Path) -> None:
    """An output that was closed and opened again loses nothing."""
    with RecordingWriter(take, stage="raw", append=True) as writer:
        writer.write_result(empty(3, 3.0))

    assert [0, 1, 2, 3] == [result.seq for result in results_of(take)]


def test_appending_replaces_a_recording_of_the_other_stage(take: Path) -> None:
    """A file has one stage."""
    with RecordingWriter(take, stage="final", append=True) as writer:
        writer.write_state(FaceState.rest(seq=8, t=3.0))

    assert [8] == [item.seq for item in read_recording(take)]


@pytest.mark.parametrize("cut", [1, 20, 70_000])
def test_appending_cuts_what_a_crash_left_unfinished(take: Path, cut: int) -> None:
    """Also when the unfinished line is longer than the block it is looked for in."""
    with take.open("ab") as file:
        file.write(b"x" * cut)
    with RecordingWriter(take, stage="raw", append=True) as writer:
        writer.write_result(empty(3, 3.0))

    assert [0, 1, 2, 3] == [result.seq for result in results_of(take)]


def test_an_older_recording_stays_until_there_is_a_line_to_replace_it(take: Path) -> None:
    """A run whose camera does not open has not cost the last take."""
    before = take.read_bytes()

    RecordingWriter(take, stage="final").close()

    assert before == take.read_bytes()


def test_a_recording_that_is_played_is_not_written(take: Path) -> None:
    """Nor played while it is written, in whichever order; what is in it stays. Afterwards both go."""
    before = take.read_bytes()
    with RecordingReader(take, exclusive=True), pytest.raises(ConfigError, match="is being played by this program"):
        RecordingWriter(take, stage="raw")
    with RecordingWriter(take, stage="raw"), pytest.raises(SourceUnavailable, match="is being written by this program"):
        RecordingReader(take, exclusive=True)

    assert before == take.read_bytes()
    RecordingReader(take, exclusive=True).close()
    RecordingWriter(take, stage="raw").close()


def test_two_may_play_one_recording(take: Path) -> None:
    """It stays protected until the last has closed it."""
    first, second = RecordingReader(take, exclusive=True), RecordingReader(take, exclusive=True)
    first.close()
    first.close()
    with pytest.raises(ConfigError, match="is being played"):
        RecordingWriter(take, stage="raw")
    second.close()

    RecordingWriter(take, stage="raw").close()
