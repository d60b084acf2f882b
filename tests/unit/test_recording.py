"""Recording files read back: bit by bit, cut off, edited by somebody, or no recordings at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.errors import SourceUnavailable
from bridge.recording import RecordingReader, RecordingWriter, is_recording, read_recording
from bridge.types import ZERO_WEIGHTS, Face, FaceState, Presence, TrackResult

MakeState = Callable[..., FaceState]


def make_result(state: FaceState) -> TrackResult:
    """The result that has this state's face."""
    face = Face(weights=state.weights, head=state.head, box=(1.5, 2.25, 100.125, 120.0625))
    return TrackResult(seq=state.seq, t=state.t, t_done=state.t + 0.0123, faces=(face,))


def empty(seq: int, t: float) -> TrackResult:
    return TrackResult(seq=seq, t=t, t_done=t, faces=())


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
