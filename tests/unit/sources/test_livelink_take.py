"""Live Link Face takes as recordings that are played."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bridge.cli.app import app
from bridge.errors import SourceEnded, SourceUnavailable
from bridge.export import export_results
from bridge.recording import RecordingReader
from bridge.settings import SourceSettings
from bridge.sources.livelink_take import read_livelink_csv
from bridge.sources.recording import RECORDING_SUFFIXES, RecordingSource
from bridge.sources.select import make_source
from bridge.types import Face, FaceState, TrackResult


@pytest.fixture
def results(make_state: Callable[..., FaceState]) -> tuple[TrackResult, ...]:
    """Three results at 25 fps from t = 1000 s."""
    states = [make_state(seed=i) for i in range(3)]
    return tuple(
        TrackResult(seq=i, t=1000.0 + i * 0.04, t_done=1000.0 + i * 0.04, faces=(Face(weights=state.weights, head=state.head),))
        for i, state in enumerate(states)
    )


@pytest.fixture
def take(results: tuple[TrackResult, ...], tmp_path: Path) -> Path:
    """They as a table."""
    path = tmp_path / "take.csv"
    export_results(results, path)
    return path


def _weights(results: list[TrackResult]) -> list[list[float]]:
    return [result.faces[0].weights.tolist() for result in results]


def test_an_export_is_read_back(results: tuple[TrackResult, ...], take: Path) -> None:
    """Times from 0, coefficients to ten decimals; and again."""
    read = read_livelink_csv(take)

    for back in (list(read), list(read)):
        assert [0.0, 0.04, 0.08] == pytest.approx([result.t for result in back], abs=1e-5)
        assert [0, 1, 2] == [result.seq for result in back]
        assert np.array(_weights(list(results))) == pytest.approx(np.array(_weights(back)), abs=1e-9)


def test_a_take_is_played_round_and_round(results: tuple[TrackResult, ...], take: Path) -> None:
    """As every recording: times and numbers go on."""
    source = RecordingSource(take, loop=True, fast=True)
    source.open()
    played = [source.read() for _ in range(7)]
    source.close()

    assert [0, 1, 2, 3, 4, 5, 6] == [result.seq for result in played]
    assert all(later.t > earlier.t for earlier, later in itertools.pairwise(played))
    assert _weights(played)[0] == _weights(played)[3] == _weights(played)[6]


def test_run_plays_a_take(take: Path) -> None:
    """``--source take.csv``, in capitals too: to its end."""
    assert ".csv" in RECORDING_SUFFIXES
    shouting = take.rename(take.with_suffix(".CSV"))
    source = make_source(SourceSettings(input=str(shouting)), loop=False)

    assert isinstance(source, RecordingSource)
    source.open()
    for _ in range(3):
        source.read()
    with pytest.raises(SourceEnded):
        source.read()
    source.close()


def test_replay_plays_a_take(take: Path, tmp_path: Path) -> None:
    """``avatar-bridge replay take.csv --fast`` into a recording."""
    out = tmp_path / "out.jsonl"

    done = CliRunner().invoke(app, ["replay", str(take), "--fast", "--output", f"record://{out.as_posix()}?stage=final"])

    assert 0 == done.exit_code, done.output
    with RecordingReader(out) as reader:
        assert 3 <= len(list(reader.states()))


def test_a_last_line_that_is_cut_off(take: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As a crash leaves it: a warning, and the rest is played."""
    take.write_bytes(take.read_bytes()[:-100])

    with caplog.at_level(logging.WARNING):
        read = list(read_livelink_csv(take))

    assert 2 == len(read)
    assert ":4: the last line is cut off" in caplog.text


def test_a_bad_line_says_where(take: Path) -> None:
    """File, line, what."""
    lines = take.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[2] = lines[2].replace(",0.", ",oops.", 1)
    take.write_text("".join(lines), encoding="utf-8")

    with pytest.raises(SourceUnavailable, match=r"take\.csv:3: a value is 'oops\.\d+', not a number"):
        read_livelink_csv(take)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x00\xff" * 1000, b"x" * 200_000])
def test_other_tables_are_refused(content: bytes, tmp_path: Path) -> None:
    """With one sentence; not a byte of a huge line more than needed is looked at."""
    path = tmp_path / "other.csv"
    path.write_bytes(content)

    with pytest.raises(SourceUnavailable, match=r"other\.csv:1: "):
        read_livelink_csv(path)


def test_an_empty_take_is_refused(take: Path) -> None:
    """Only its header was written."""
    take.write_text(take.read_text(encoding="utf-8").splitlines(keepends=True)[0], encoding="utf-8")

    with pytest.raises(SourceUnavailable, match="holds no results"):
        RecordingSource(take).open()


def test_times_that_go_back_are_refused(take: Path) -> None:
    """Two takes in one file."""
    header, first, *_ = take.read_text(encoding="utf-8").splitlines(keepends=True)
    take.write_text(header + first.replace("00:00:00", "00:01:00") + first, encoding="utf-8")

    with pytest.raises(SourceUnavailable, match="goes back"):
        read_livelink_csv(take)


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_files_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    """Absent, or a folder."""
    with pytest.raises(SourceUnavailable):
        read_livelink_csv(tmp_path / name)
