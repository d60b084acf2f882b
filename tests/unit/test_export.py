"""Results as files for other programs."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bridge.errors import ConfigError, OutputRejected, SourceLost
from bridge.export import ExportOptions, check_export_path, export_results
from bridge.recording import RecordingReader
from bridge.types import Face, FaceState, TrackResult
from bridge.wire import vrma_reader


@pytest.fixture
def results(make_state: Callable[..., FaceState]) -> tuple[TrackResult, ...]:
    """Four results at 25 fps from t = 1000 s, the third without a face."""
    states = [make_state(seed=i) for i in range(4)]
    return tuple(
        TrackResult(
            seq=i,
            t=1000.0 + i * 0.04,
            t_done=1000.0 + i * 0.04 + 0.01,
            faces=() if i == 2 else (Face(weights=state.weights, head=state.head),),
        )
        for i, state in enumerate(states)
    )


def broken_off(results: tuple[TrackResult, ...]) -> Iterator[TrackResult]:
    """Tracking that fails in the middle."""
    yield results[0]
    raise SourceLost("the clip has gone")


@pytest.mark.parametrize("name", ["take.jsonl", "take.csv", "take.npz", "take.vrma", "take.bvh", "TAKE.CSV"])
def test_every_result_is_counted(tmp_path: Path, results: tuple[TrackResult, ...], name: str) -> None:
    """Those without a face too; the suffix may be in capitals."""
    assert 4 == export_results(iter(results), tmp_path / name)
    assert [tmp_path / name] == list(tmp_path.iterdir())


def test_a_recording_says_its_stage(tmp_path: Path, results: tuple[TrackResult, ...]) -> None:
    """Raw unless told otherwise."""
    export_results(results, tmp_path / "raw.jsonl")
    export_results(results, tmp_path / "final.jsonl", stage="final")

    stages = []
    for name in ("raw", "final"):
        with RecordingReader(tmp_path / f"{name}.jsonl") as reader:
            stages.append(reader.header.stage)
            assert 4 == len(list(reader.results()))
    assert ["raw", "final"] == stages


def test_the_table_has_a_row_for_each_face(tmp_path: Path, results: tuple[TrackResult, ...]) -> None:
    """Timecodes begin at 0 and leave a gap where nobody was seen; values are the first face's."""
    path = tmp_path / "take.csv"
    export_results(results, path)

    with path.open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))

    assert ["00:00:00:00.000", "00:00:00:02.400", "00:00:00:07.200"] == [row["Timecode"] for row in rows]
    assert {"61"} == {row["BlendShapeCount"] for row in rows}
    assert float(results[3].faces[0].weights[17]) == pytest.approx(float(rows[2]["JawOpen"]), abs=1e-9)


def test_the_archive_has_all_results(tmp_path: Path, results: tuple[TrackResult, ...]) -> None:
    """With what was found."""
    path = tmp_path / "take.npz"
    export_results(results, path)

    with np.load(path) as archive:
        assert [True, True, False, True] == archive["found"].tolist()


def test_the_animation_holds_where_nobody_was_seen(tmp_path: Path, results: tuple[TrackResult, ...]) -> None:
    """A moment for each result, 40 ms apart, and the options are those asked for."""
    path = tmp_path / "take.vrma"
    export_results(results, path, options=ExportOptions(gaze=False))

    take = vrma_reader.decode(path.read_bytes())

    assert [0.0, 0.04, 0.08, 0.12] == pytest.approx(take.times_s.tolist(), abs=1e-6)
    assert results[1].faces[0].weights.tobytes() == take.weights[1].tobytes() == take.weights[2].tobytes()
    assert b"lookAt" not in path.read_bytes()


@pytest.mark.parametrize("name", ["take.csv", "take.npz", "take.vrma", "take.bvh"])
def test_a_table_or_archive_is_there_whole_or_not_at_all(tmp_path: Path, results: tuple[TrackResult, ...], name: str) -> None:
    """What was there before stays when tracking fails, and no rest lies beside it."""
    path = tmp_path / name
    path.write_bytes(b"older")

    with pytest.raises(SourceLost):
        export_results(broken_off(results), path)

    assert [tmp_path / name] == list(tmp_path.iterdir())
    assert b"older" == path.read_bytes()


def test_a_recording_keeps_what_was_tracked(tmp_path: Path, results: tuple[TrackResult, ...]) -> None:
    """It is readable up to where it broke off."""
    path = tmp_path / "take.jsonl"

    with pytest.raises(SourceLost):
        export_results(broken_off(results), path)

    with RecordingReader(path) as reader:
        assert [0] == [result.seq for result in reader.results()]


@pytest.mark.parametrize("name", ["take", "take.mp4", "take.fbx", "take.json"])
def test_an_unknown_suffix_names_the_known(tmp_path: Path, name: str) -> None:
    """Before any work is done."""
    known = r"known are \.jsonl \(recording\), \.csv \(Live Link Face\), \.npz \(NumPy\), \.vrma \(VRM Animation\), \.bvh"
    with pytest.raises(ConfigError, match=known):
        check_export_path(tmp_path / name)


def test_a_folder_and_somebodys_file_are_refused(tmp_path: Path) -> None:
    """A .jsonl of another kind is not overwritten."""
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "data.jsonl").write_text('{"my":"data"}\n', encoding="utf-8")

    with pytest.raises(ConfigError, match="is a folder"):
        check_export_path(tmp_path / "folder.csv")
    with pytest.raises(ConfigError, match="is not a recording, so it is not overwritten"):
        check_export_path(tmp_path / "data.jsonl")


@pytest.mark.parametrize("name", ["take.csv", "take.npz", "take.jsonl", "take.vrma"])
def test_a_place_where_nothing_can_be_written_is_refused(tmp_path: Path, results: tuple[TrackResult, ...], name: str) -> None:
    """A file as a folder is wrong for every user."""
    (tmp_path / "file").touch()

    with pytest.raises(OutputRejected, match="cannot be written"):
        export_results(results, tmp_path / "file" / name)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("name", ["take.csv", "take.npz", "take.jsonl", "take.vrma"])
def test_only_the_owner_may_read_it(tmp_path: Path, results: tuple[TrackResult, ...], name: str) -> None:
    """It holds how somebody moved."""
    export_results(results, tmp_path / name)

    assert 0o600 == stat.S_IMODE((tmp_path / name).stat().st_mode)
