"""Recordings as sources: pace, rounds, and what comes back of each stage."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bridge.errors import SourceEnded, SourceLost, SourceUnavailable
from bridge.recording import RecordingReader, RecordingWriter
from bridge.sources.recording import RecordingSource
from bridge.types import Face, FaceState, Presence, TrackResult


class FakeTime:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def write_take(path: Path, times: list[float], *, first_seq: int = 0) -> Path:
    """Results without faces at these times."""
    with RecordingWriter(path, stage="raw") as writer:
        for i, t in enumerate(times):
            writer.write_result(TrackResult(seq=first_seq + i, t=t, t_done=t + 0.01, faces=()))
    return path


def open_source(path: Path, fake: FakeTime, *, loop: bool = False, fast: bool = False) -> RecordingSource:
    source = RecordingSource(path, loop=loop, fast=fast, clock=fake.clock, wait=fake.wait)
    source.open()
    return source


def read_all(source: RecordingSource, *, at_most: int = 1000) -> list[TrackResult]:
    """Results until the end."""
    results: list[TrackResult] = []
    try:
        while len(results) < at_most:
            results.append(source.read())
    except SourceEnded:
        pass
    finally:
        source.close()
    return results


def test_results_come_at_their_recorded_distances(tmp_path: Path) -> None:
    """Dated on the clock from the first read on, uneven as they were."""
    fake = FakeTime()
    source = open_source(write_take(tmp_path / "take.jsonl", [7.0, 7.03, 7.1]), fake)
    fake.now = 60.0

    results = read_all(source)

    assert [60.0, 60.03, 60.1] == pytest.approx([result.t for result in results])
    assert [0, 1, 2] == [result.seq for result in results]
    assert all(result.t_done >= result.t for result in results)
    assert 60.1 == pytest.approx(fake.now)


def test_fast_waits_for_nothing_and_keeps_the_recorded_times(tmp_path: Path) -> None:
    """What was recorded is what comes, so the same file gives the same bytes."""
    fake = FakeTime()
    source = open_source(write_take(tmp_path / "take.jsonl", [7.0, 7.03, 7.1], first_seq=5), fake, fast=True)

    results = read_all(source)

    assert [(5, 7.0, 7.01), (6, 7.03, 7.04), (7, 7.1, 7.1 + 0.01)] == [(r.seq, r.t, r.t_done) for r in results]
    assert 50.0 == fake.now


@pytest.mark.parametrize("fast", [False, True])
def test_times_and_numbers_keep_increasing_when_it_loops(tmp_path: Path, fast: bool) -> None:
    """The seam is as long as the last interval."""
    fake = FakeTime()
    source = open_source(write_take(tmp_path / "take.jsonl", [7.0, 7.25, 7.5], first_seq=3), fake, loop=True, fast=fast)

    results = read_all(source, at_most=8)

    start = results[0].t
    assert [0.25 * k for k in range(8)] == pytest.approx([result.t - start for result in results])
    assert list(range(3, 11)) == [result.seq for result in results]


def test_a_recording_of_one_result_loops_at_30_a_second(tmp_path: Path) -> None:
    """Never in a hot circle."""
    fake = FakeTime()
    source = open_source(write_take(tmp_path / "take.jsonl", [7.0]), fake, loop=True)

    results = read_all(source, at_most=4)

    assert [k / 30 for k in range(4)] == pytest.approx([result.t - 50.0 for result in results])


def test_a_slow_consumer_slows_it_and_gets_everything(tmp_path: Path) -> None:
    """No result is skipped, and no burst follows."""
    fake = FakeTime()
    source = open_source(write_take(tmp_path / "take.jsonl", [0.0, 0.1, 0.2, 0.3]), fake)
    source.read()
    fake.now += 5.0

    times = [source.read().t for _ in range(3)]
    source.close()

    assert [55.0, 55.1, 55.2] == pytest.approx(times)


def test_a_final_recording_gives_the_faces_that_were_live(tmp_path: Path, make_state: Callable[..., FaceState]) -> None:
    """HELD and LOST were inventions of the stages."""
    path = tmp_path / "take.jsonl"
    live = make_state(seed=1, t=0.0)
    with RecordingWriter(path, stage="final") as writer:
        for state in (live, make_state(seed=2, t=0.1, presence=Presence.HELD), make_state(seed=3, t=0.2, presence=Presence.LOST)):
            writer.write_state(state)

    results = read_all(open_source(path, FakeTime(), fast=True))

    assert [1, 0, 0] == [len(result.faces) for result in results]
    assert live.weights.tobytes() == results[0].faces[0].weights.tobytes()


def test_an_archive_of_numpy_arrays_plays_too(recordings: Path) -> None:
    """In its own time, in ARKit order, looped as any other."""
    fake = FakeTime()
    source = open_source(recordings / "yes.video.npz", fake, loop=True)

    results = read_all(source, at_most=100)

    steps = np.diff([result.t for result in results])
    assert (steps > 0.03).all()
    assert (steps < 0.04).all()
    assert list(range(100)) == [result.seq for result in results]
    assert all(len(result.faces) == 1 and result.faces[0].head is not None for result in results)


def test_a_recording_of_a_recording_is_the_same(tmp_path: Path, recordings: Path) -> None:
    """Fast replay into another file, bit by bit."""
    source = open_source(recordings / "yes.video.npz", FakeTime(), fast=True)
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    with RecordingWriter(first, stage="raw") as writer:
        for result in read_all(source):
            writer.write_result(result)
    with RecordingWriter(second, stage="raw") as writer:
        for result in read_all(open_source(first, FakeTime(), fast=True)):
            writer.write_result(result)

    with RecordingReader(first) as reader:
        assert 65 == len(list(reader.results()))
    assert first.read_bytes() == second.read_bytes()


def test_opening_again_starts_again(tmp_path: Path) -> None:
    """After a pause."""
    fake = FakeTime()
    source = open_source(write_take(tmp_path / "take.jsonl", [7.0, 7.1]), fake)
    source.read()
    source.close()
    fake.now = 90.0
    source.open()

    results = read_all(source)

    assert [0, 1] == [result.seq for result in results]
    assert [90.0, 90.1] == pytest.approx([result.t for result in results])


def test_a_recording_without_results_is_unavailable(tmp_path: Path) -> None:
    """It was started and nothing came."""
    with pytest.raises(SourceUnavailable, match="holds no results"):
        open_source(write_take(tmp_path / "take.jsonl", []), FakeTime())


@pytest.mark.parametrize("name", ["nothing.jsonl", "nothing.npz"])
def test_a_file_that_is_not_there_is_unavailable(tmp_path: Path, name: str) -> None:
    """A failed open leaves nothing open: reading says so."""
    source = RecordingSource(tmp_path / name)

    with pytest.raises(SourceUnavailable, match="There is no file"):
        source.open()
    with pytest.raises(SourceLost, match="is not open"):
        source.read()


def test_a_bad_line_is_named_when_it_is_reached(tmp_path: Path) -> None:
    """What is before it plays."""
    path = write_take(tmp_path / "take.jsonl", [0.0, 0.1])
    with path.open("ab") as file:
        file.write(b'{"seq":2,"t":0.05,"faces":[]}\n')
    source = open_source(path, FakeTime())
    source.read()
    source.read()

    with pytest.raises(SourceUnavailable, match=r":4: t goes back from 0.1 to 0.05$"):
        source.read()
    source.close()


def test_cancel_ends_a_wait(tmp_path: Path) -> None:
    """From another thread, and every later read too."""
    source = RecordingSource(write_take(tmp_path / "take.jsonl", [0.0, 3600.0]))
    source.open()
    source.read()
    ended = threading.Event()

    def wait_for_the_next() -> None:
        try:
            source.read()
        except SourceEnded:
            ended.set()

    thread = threading.Thread(target=wait_for_the_next, name="bridge-test-read")
    thread.start()
    source.cancel()
    thread.join(10.0)

    assert ended.is_set()
    with pytest.raises(SourceEnded):
        source.read()
    source.close()


def test_the_report_tells_the_recorded_pace_and_the_measured_one(tmp_path: Path) -> None:
    """For status."""
    fake = FakeTime()
    source = open_source(write_take(tmp_path / "take.jsonl", [k / 25 for k in range(50)]), fake)

    read_all(source)

    report = source.report()
    assert ("25 fps", "25 fps", None) == (report.requested, report.delivered, report.warning)
    assert 25.0 == pytest.approx(report.fps_measured)


def test_it_says_what_it_is() -> None:
    """Results, not frames; a file, not a device."""
    source = RecordingSource(Path("takes") / "one.jsonl", clock=time.monotonic)

    assert ("one.jsonl", False, True, None) == (source.label, source.live, source.delivers_results, source.notice)


def test_two_faces_stay_two(tmp_path: Path, make_state: Callable[..., FaceState]) -> None:
    """In their order."""
    states = [make_state(seed=i) for i in range(2)]
    faces = tuple(Face(weights=state.weights, head=state.head) for state in states)
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="raw") as writer:
        writer.write_result(TrackResult(seq=0, t=0.0, t_done=0.0, faces=faces))

    (result,) = read_all(open_source(path, FakeTime()))

    assert [face.weights.tobytes() for face in faces] == [face.weights.tobytes() for face in result.faces]
