"""Traces as files: complete, true to every stage, bounded, and nobody else's file is touched."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bridge import space
from bridge import trace as trace_module
from bridge.cli.app import app
from bridge.errors import ConfigError, OutputRejected, SourceUnavailable
from bridge.offline import replay_fast
from bridge.recording import RecordingWriter, read_recording
from bridge.runtime import RunOptions, Runtime
from bridge.settings import Settings
from bridge.sources.demo import DemoSource
from bridge.sources.recording import RecordingSource
from bridge.stages.chain import build_chain
from bridge.trace import TraceReader, TraceRecorder, TraceWriter, is_trace
from bridge.types import ZERO_WEIGHTS, CameraFrame, FaceState, Presence, TrackResult, frozen_array
from bridge.wire.trace_csv import RAW, TraceRow, TraceStep, step_of

States = Callable[..., FaceState]
STAGES = ("guard", "presence")
PATIENCE_S = 30.0


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Two seconds of the demo performance, with a gap, as a recording."""
    path = tmp_path / "take.jsonl"
    now = 0.0
    source = DemoSource(fps=30.0, clock=lambda: now, loop=True)
    source.open()
    with RecordingWriter(path, stage="raw") as writer:
        for k in range(60):
            now = k / 30
            result = source.read()
            assert isinstance(result, TrackResult)
            writer.write_result(TrackResult(seq=k, t=k / 30, t_done=k / 30, faces=() if 20 <= k < 40 else result.faces))
    source.close()
    return path


def _observed(result: TrackResult) -> FaceState:
    """What the engine makes of a result, written once more."""
    face = result.faces[0] if result.faces else None
    return FaceState(
        subject=0,
        seq=result.seq,
        t=result.t,
        t_done=result.t_done,
        presence=Presence.LIVE if face else Presence.LOST,
        weights=face.weights if face else ZERO_WEIGHTS,
        head=face.head if face else None,
    )


def _check(row: TraceRow, stage: int, state: FaceState, *, last: bool) -> None:
    """The cells of a stage are what it returned."""
    values = row.values[stage]
    if not last and state.presence is Presence.LOST:
        assert np.isnan(values).all()
        return
    assert np.abs(state.weights - values[:52]).max() < 2e-6
    if state.head is None:
        assert np.isnan(values[52:58]).all()
    else:
        assert (*space.to_euler_deg(state.head.quat_xyzw), *state.head.position_m) == pytest.approx(values[52:58], abs=1e-4)
    assert (*state.gaze.left_deg, *state.gaze.right_deg) == pytest.approx(values[58:], abs=1e-4)


def test_every_stage_is_what_that_stage_returns(take: Path, tmp_path: Path) -> None:
    """Against a chain of the test's own, stepped stage by stage; gap and return included."""
    replay_fast(Settings(), take, trace=tmp_path / "trace.csv")
    chain = build_chain(Settings(), landmark_filtered=True)

    reader = TraceReader(tmp_path / "trace.csv")
    rows = list(reader.rows())

    assert (RAW, *(name for name, _ in chain.stages)) == reader.stages
    assert 60 == len(rows)
    results = [result for result in read_recording(take) if isinstance(result, TrackResult)]
    for row, result in zip(rows, results, strict=True):
        state = _observed(result)
        assert result.seq == row.seq
        assert pytest.approx(result.t, abs=1e-6) == row.t
        _check(row, 0, state, last=False)
        for k, (_, stage) in enumerate(chain.stages, start=1):
            state = stage.step(state)
            _check(row, k, state, last=k == len(chain.stages))
        assert state.presence is row.presence
    assert {Presence.LIVE, Presence.HELD} <= {row.presence for row in rows}


def test_raw_and_final_agree_with_an_independent_replay(take: Path, tmp_path: Path) -> None:
    """The recording on one end, what an output got on the other; and watching changes nothing of that."""
    urls = [f"record://{tmp_path}/{name}.jsonl?stage=final" for name in ("watched", "plain")]
    settings = [Settings.model_validate({"outputs": [{"url": url}]}) for url in urls]

    replay_fast(settings[0], take, trace=tmp_path / "trace.csv")
    replay_fast(settings[1], take)

    assert (tmp_path / "watched.jsonl").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()
    finals = [state for state in read_recording(tmp_path / "plain.jsonl") if isinstance(state, FaceState)]
    for row, state in zip(TraceReader(tmp_path / "trace.csv").rows(), finals, strict=True):
        _check(row, -1, state, last=True)


def test_a_run_traces_what_a_replay_of_its_recording_would(tmp_path: Path, take: Path) -> None:
    """Live, through the writer thread: the same table."""
    settings = Settings.model_validate({"control": {"enabled": False}, "outputs": [{"url": f"record://{tmp_path}/out.jsonl"}]})
    live, again, recorded = (tmp_path / name for name in ("live.csv", "again.csv", "recorded.jsonl"))
    runtime = Runtime(settings, RunOptions(trace=live, record=recorded, source=RecordingSource(take, loop=False)))
    try:
        runtime.start()
        runtime.wait(PATIENCE_S)
        assert {"error": None, "lost": 0} == runtime.status()["trace"]
    finally:
        runtime.stop()

    replay_fast(Settings(), recorded, trace=again)

    one, two = (list(TraceReader(path).rows()) for path in (live, again))
    told_twice = [k for k, (row, after) in enumerate(pairwise(one)) if row.seq == after.seq]  # silence: this machine stalled
    alike = told_twice[0] + 1 if told_twice else len(one)
    assert {row.seq for row in two} == {row.seq for row in one}
    assert len(two) > 20
    for row, other in zip(one[:alike], two[:alike], strict=True):
        assert (row.seq, row.presence) == (other.seq, other.presence)
        assert np.array_equal(row.values, other.values, equal_nan=True)


def test_a_chain_that_nobody_watches_steps_as_ever() -> None:
    """The hot path of an untraced run is the stages' own steps and nothing else."""
    chain = build_chain(Settings(), landmark_filtered=True)

    assert tuple(stage.step for _, stage in chain.stages) == chain._steps


def test_pictures_do_not_wait_for_the_disk(make_state: States) -> None:
    """A row that waits holds numbers only."""
    frame = CameraFrame(seq=0, t=0.0, image=frozen_array(np.zeros((4, 4, 3), dtype=np.uint8)))
    step = step_of((make_state(frame=frame), make_state(frame=frame)), last_t=None)

    assert not any(isinstance(part, FaceState | CameraFrame) for part in (*step, *step.values))


def test_a_slow_disk_costs_rows_and_not_time(tmp_path: Path, make_state: States, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is dropped and counted; what waited is written."""
    go = threading.Event()
    write = TraceWriter.write

    def blocked(self: TraceWriter, step: TraceStep) -> None:
        go.wait(PATIENCE_S)
        write(self, step)

    monkeypatch.setattr(TraceWriter, "write", blocked)
    monkeypatch.setattr(trace_module, "_LIMIT", 10)
    recorder = TraceRecorder(tmp_path / "t.csv", ["presence"])
    for seq in range(50):
        recorder.tap((make_state(seq=seq, t=float(seq)), make_state(seq=seq, t=float(seq))))
    go.set()
    recorder.stop()

    written = [row.seq for row in TraceReader(tmp_path / "t.csv").rows()]
    assert 50 == len(written) + recorder.lost
    assert list(range(len(written))) == written
    assert 10 <= len(written) <= 11


def test_a_full_disk_ends_the_trace_and_not_the_run(tmp_path: Path, make_state: States, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once, in a sentence; later rows are counted as lost."""
    recorder = TraceRecorder(tmp_path / "t.csv", ["presence"])

    def full(_step: TraceStep) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trace_module, "row", full)
    recorder.tap((make_state(), make_state()))
    recorder._thread.join(PATIENCE_S)  # it ends by itself
    recorder.tap((make_state(t=1.0), make_state(t=1.0)))
    recorder.stop()

    assert f"writing {tmp_path / 't.csv'} failed: No space left on device" == recorder.error
    assert 1 == recorder.lost


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_only_the_owner_can_read_it(tmp_path: Path, make_state: States) -> None:
    """It holds how somebody moved."""
    path = tmp_path / "t.csv"
    path.touch(0o644)
    writer = TraceWriter(path, STAGES)
    writer.step((make_state(),) * 3)
    writer.close()

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_an_older_trace_is_replaced_by_the_first_row(tmp_path: Path, make_state: States) -> None:
    """A run that never gets that far costs nothing."""
    path = tmp_path / "t.csv"
    for count in (5, 0, 2):
        before = path.read_bytes() if path.exists() else b""
        writer = TraceWriter(path, STAGES)
        for k in range(count):
            writer.step((make_state(t=float(k)),) * 3)
        writer.close()
        if not count:
            assert before == path.read_bytes()

    assert 2 == len(list(TraceReader(path).rows()))


def test_bad_paths_are_one_sentence(tmp_path: Path) -> None:
    """What, and what to do."""
    mine = tmp_path / "mine.csv"
    mine.write_text("a,b\n1,2\n")
    blocked = tmp_path / "file"
    blocked.write_text("x")

    with pytest.raises(ConfigError, match=r"must end in \.csv"):
        TraceWriter(tmp_path / "t.txt", STAGES)
    with pytest.raises(ConfigError, match="is not a trace, so it is not overwritten"):
        TraceWriter(mine, STAGES)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigError, match="is not a trace"):
        TraceWriter(tmp_path / "folder.csv", STAGES)
    with pytest.raises(OutputRejected, match="cannot be written"):
        TraceWriter(blocked / "t.csv", STAGES)
    with pytest.raises(SourceUnavailable, match="There is no file"):
        TraceReader(tmp_path / "nothing.csv")
    with pytest.raises(SourceUnavailable, match=r"mine\.csv:1: not a trace"):
        TraceReader(mine)
    assert "a,b\n1,2\n" == mine.read_text()


def test_a_row_that_is_cut_off_ends_it(tmp_path: Path, make_state: States) -> None:
    """As a crash leaves it; but a broken row in the middle is named."""
    path = tmp_path / "t.csv"
    writer = TraceWriter(path, STAGES)
    for k in range(3):
        writer.step((make_state(t=float(k)),) * 3)
    writer.close()
    whole = path.read_bytes()

    for cut in (1, 2, 20):
        path.write_bytes(whole[:-cut])
        assert [0.0, 1.0] == [row.t for row in TraceReader(path).rows()]
    assert is_trace(path)
    path.write_bytes(whole.replace(b"1.000000", b"x", 1))
    with pytest.raises(SourceUnavailable, match=r"t\.csv:3: a cell cannot be read"):
        list(TraceReader(path).rows())


def test_the_command_line_needs_no_output_for_a_trace(take: Path, tmp_path: Path) -> None:
    """``replay --fast --trace``: the table is what is asked for; without it and without an output there is nothing to do."""
    done = CliRunner().invoke(app, ["replay", str(take), "--fast", "--trace", str(tmp_path / "trace.csv")])
    nothing = CliRunner().invoke(app, ["replay", str(take), "--fast"])

    assert 0 == done.exit_code
    assert 60 == len(list(TraceReader(tmp_path / "trace.csv").rows()))
    assert "--output or --trace" in str(nothing.exception)
