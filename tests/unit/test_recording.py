"""Recording files: what a crash, a full disk or somebody's editor may do to them."""

from __future__ import annotations

import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bridge.errors import ConfigError, OutputRejected, OutputUnavailable, SourceUnavailable
from bridge.recording import RecordingReader, RecordingWriter, is_recording, read_recording
from bridge.types import ZERO_WEIGHTS, Face, FaceState, Presence, TrackResult

MakeState = Callable[..., FaceState]


def make_result(state: FaceState) -> TrackResult:
    """The result that has this state's face."""
    face = Face(weights=state.weights, head=state.head, box=(1.5, 2.25, 100.125, 120.0625))
    return TrackResult(seq=state.seq, t=state.t, t_done=state.t + 0.0123, faces=(face,))


def empty(seq: int, t: float) -> TrackResult:
    return TrackResult(seq=seq, t=t, t_done=t, faces=())


def write_many(writer: RecordingWriter, count: int) -> None:
    for i in range(count):
        writer.write_result(empty(i, float(i)))


def assert_same(expected: TrackResult, actual: TrackResult) -> None:
    """Bit by bit."""
    assert (expected.seq, expected.t, expected.t_done, len(expected.faces)) == (
        actual.seq,
        actual.t,
        actual.t_done,
        len(actual.faces),
    )
    for wanted, got in zip(expected.faces, actual.faces, strict=True):
        assert wanted.weights.tobytes() == got.weights.tobytes()
        assert wanted.box == got.box
        assert (wanted.head is None) == (got.head is None)
        if wanted.head is not None and got.head is not None:
            assert wanted.head.position_m.tobytes() == got.head.position_m.tobytes()
            assert wanted.head.quat_xyzw.tobytes() == got.head.quat_xyzw.tobytes()


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Three results, one of them without a face."""
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="raw") as writer:
        for i in range(3):
            writer.write_result(empty(i, i / 30))
    return path


# --- there and back ------------------------------------------------------------------------------------------------------


def test_raw_results_come_back_bit_by_bit(tmp_path: Path, make_state: MakeState) -> None:
    """Float32 weights, float64 pose, times and boxes are what they were."""
    results = [make_result(make_state(seed=i, seq=i, t=100.0 + i / 30)) for i in range(5)] + [empty(5, 101.0)]
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="raw") as writer:
        for result in results:
            writer.write_result(result)

    back = list(read_recording(path))

    assert len(results) == len(back)
    for wanted, got in zip(results, back, strict=True):
        assert isinstance(got, TrackResult)
        assert_same(wanted, got)


def test_final_states_come_back_bit_by_bit(tmp_path: Path, make_state: MakeState) -> None:
    """Presence, gaze, subject and weights are what they were."""
    states = [
        make_state(seed=i, seq=i, t=float(i), subject=1, presence=presence)
        for i, presence in enumerate((Presence.LIVE, Presence.HELD, Presence.LOST))
    ]
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="final") as writer:
        for state in states:
            writer.write_state(state)

    back = list(read_recording(path))

    assert [(s.subject, s.seq, s.t, s.t_done, s.presence, s.gaze, s.weights.tobytes()) for s in states] == [
        (s.subject, s.seq, s.t, s.t_done, s.presence, s.gaze, s.weights.tobytes()) for s in back if isinstance(s, FaceState)
    ]


def test_weights_that_come_back_are_read_only(tmp_path: Path, make_state: MakeState) -> None:
    """As every array that crosses threads."""
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="raw") as writer:
        writer.write_result(make_result(make_state(seed=1)))

    (result,) = read_recording(path)

    assert isinstance(result, TrackResult)
    assert not result.faces[0].weights.flags.writeable


def test_states_of_a_raw_recording_are_refused(take: Path) -> None:
    """It has none."""
    with RecordingReader(take) as reader, pytest.raises(SourceUnavailable, match="raw stage, which has results but no states"):
        next(reader.states())


def test_a_state_cannot_go_into_a_raw_recording(tmp_path: Path) -> None:
    """That would say of smoothed numbers that the tracker gave them."""
    with RecordingWriter(tmp_path / "take.jsonl", stage="raw") as writer, pytest.raises(ValueError, match="final stage"):
        writer.write_state(FaceState.rest())


# --- what is left out ----------------------------------------------------------------------------------------------------


def test_a_result_older_than_the_one_before_is_left_out_and_counted(tmp_path: Path) -> None:
    """So that every recording that was written can be read."""
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="raw") as writer:
        for seq, t in enumerate((1.0, 0.9, 1.0, 1.1)):
            writer.write_result(empty(seq, t))
        assert (3, 1) == (writer.written, writer.skipped)

    assert [0, 2, 3] == [result.seq for result in results_of(path)]


def results_of(path: Path) -> Iterator[TrackResult]:
    with RecordingReader(path) as reader:
        yield from reader.results()


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


# --- reading -------------------------------------------------------------------------------------------------------------


def test_a_last_line_that_is_cut_off_is_passed_over_with_a_warning(take: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As a crash or a pulled plug leaves it, at any byte."""
    whole = take.read_bytes()
    take.write_bytes(whole[:-20])

    with caplog.at_level(logging.WARNING):
        seqs = [result.seq for result in results_of(take)]

    assert [0, 1] == seqs
    assert [f"{take}:4: the last line is cut off; everything before it is used"] == caplog.messages


def test_a_bad_line_in_the_middle_is_named(take: Path) -> None:
    """File, line and reason; what was before it was given."""
    lines = take.read_bytes().splitlines(keepends=True)
    take.write_bytes(b"".join([*lines[:2], b'{"seq":1}\n', *lines[2:]]))
    seen: list[int] = []

    with pytest.raises(SourceUnavailable) as caught:
        seen.extend(result.seq for result in results_of(take))

    assert f"{take}:3: t is missing" == str(caught.value)


def test_a_bad_last_line_that_is_whole_is_an_error(take: Path) -> None:
    """With its line break it was not cut off: somebody wrote that."""
    with take.open("ab") as file:
        file.write(b"nonsense\n")

    with pytest.raises(SourceUnavailable, match=r":5: not a line of JSON$"):
        list(read_recording(take))


def test_a_line_without_end_does_not_fill_the_memory(take: Path) -> None:
    """A megabyte is enough to see that it is none."""
    with take.open("ab") as file:
        file.write(b"1" * 3_000_000)

    with pytest.raises(SourceUnavailable, match=r":5: "):
        list(read_recording(take))


def test_empty_lines_and_windows_line_ends_are_read(take: Path) -> None:
    """An editor was there."""
    take.write_bytes(take.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")

    assert [0, 1, 2] == [result.seq for result in results_of(take)]


def test_oddities_of_the_header_are_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not once a line."""
    path = tmp_path / "take.jsonl"
    path.write_text(
        '{"format":"avatar-bridge-recording","version":1,"stage":"raw","names":["jawOpen"]}\n'
        '{"seq":0,"t":0,"faces":[{"weights":[0.5]}]}\n'
        '{"seq":1,"t":1,"faces":[{"weights":[0.5]}]}\n',
        encoding="utf-8",
    )

    with caplog.at_level(logging.WARNING):
        total = sum(float(result.faces[0].weights.sum()) for result in results_of(path))

    assert 1.0 == total
    assert 1 == len(caplog.messages)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", ":1: not a line of JSON"),
        (b"hello\n", ":1: not a line of JSON"),
        (b'{"format":"other"}\n', ":1: not a recording of avatar-bridge"),
        (bytes(range(256)) * 10, ":1: not a line of JSON"),
    ],
)
def test_something_else_is_not_a_recording(tmp_path: Path, content: bytes, reason: str) -> None:
    """Refused at opening, in words, and not taken for one."""
    path = tmp_path / "take.jsonl"
    path.write_bytes(content)

    with pytest.raises(SourceUnavailable, match=reason):
        RecordingReader(path)
    assert not is_recording(path)


def test_a_file_that_is_not_there_and_a_folder_are_said(tmp_path: Path) -> None:
    """Two sentences, no errno."""
    with pytest.raises(SourceUnavailable, match="There is no file"):
        RecordingReader(tmp_path / "nothing.jsonl")
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        RecordingReader(tmp_path)


def test_a_reader_can_start_again(take: Path) -> None:
    """For loops."""
    with RecordingReader(take) as reader:
        rounds = [[result.seq for result in reader.results()] for _ in range(2)]

    assert [[0, 1, 2], [0, 1, 2]] == rounds


def test_a_result_in_a_final_recording_is_live_and_looks_where_the_weights_say(tmp_path: Path) -> None:
    """What `track` writes after the stages."""
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="final") as writer:
        writer.write_result(TrackResult(seq=0, t=0.0, t_done=0.0, faces=(Face(weights=ZERO_WEIGHTS, head=None),)))

    (state,) = read_recording(path)

    assert isinstance(state, FaceState)
    assert (Presence.LIVE, (0.0, 0.0)) == (state.presence, state.gaze.left_deg)
