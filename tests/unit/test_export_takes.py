"""Files that grow with a run: finished at the end, and not lost in a crash."""

from __future__ import annotations

import csv
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge import arkit, export, space
from bridge.errors import ConfigError, OutputRejected, OutputUnavailable
from bridge.export import AnimationWriter, ExportOptions, TableWriter, TakeWriter, continues, open_take
from bridge.recording import RecordingReader, RecordingWriter
from bridge.sources.recording import RecordingSource
from bridge.types import Face, FaceState, Presence, TrackResult
from bridge.wire import vrma_reader
from bridge.wire.animation import Animation

MakeState = Callable[..., FaceState]
ANIMATIONS = ["take.vrma", "TAKE.BVH"]


def states(make_state: MakeState, count: int = 4) -> list[FaceState]:
    return [make_state(seed=i, seq=i, t=1000.0 + i * 0.04) for i in range(count)]


def written(path: Path, make_state: MakeState, **options: Any) -> list[FaceState]:
    """Four states into a closed file."""
    given = states(make_state)
    writer = open_take(path, stage="final", options=ExportOptions(**options))
    for state in given:
        writer.write_state(state)
    writer.close()
    return given


def played(path: Path) -> list[TrackResult]:
    """What the recording source reads out of it."""
    source = RecordingSource(path, fast=True)
    source.open()
    results = [source.read() for _ in range(4)]
    source.close()
    return results


@pytest.mark.parametrize("name", ANIMATIONS)
def test_an_animation_is_there_when_it_is_closed(tmp_path: Path, name: str, make_state: MakeState) -> None:
    """Alone; only its owner may read it; the heads come back."""
    path = tmp_path / "takes" / name
    given = written(path, make_state)

    assert [path] == list(path.parent.iterdir())
    if os.name != "nt":
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    for state, result in zip(given, played(path), strict=True):
        head = result.faces[0].head
        assert head is not None
        assert state.head is not None
        assert 1e-3 > space.angle_between_deg(state.head.quat_xyzw, head.quat_xyzw)
    assert [0.0, 0.04, 0.08, 0.12] == pytest.approx([result.t for result in played(path)], abs=1e-6)


def test_options_reach_the_file(tmp_path: Path, make_state: MakeState) -> None:
    """Presets only, one blink."""
    path = tmp_path / "take.vrma"
    written(path, make_state, expressions="presets", blink="both", neck=0.0)

    data = path.read_bytes()
    assert b'"blink":' in data
    assert not any(text in data for text in (b'"blinkLeft":', b'"jawOpen":', b'"neck"'))
    assert not vrma_reader.decode(data).weights[:, arkit.INDEX["jawOpen"]].any()


def test_results_are_written_too(tmp_path: Path, make_state: MakeState) -> None:
    """Raw: where nobody is seen the last pose is held."""
    path = tmp_path / "take.vrma"
    writer = open_take(path, stage="raw")
    for i, state in enumerate(states(make_state)):
        faces = () if i == 2 else (Face(weights=state.weights, head=state.head),)
        writer.write_result(TrackResult(seq=i, t=state.t, t_done=state.t, faces=faces))
    writer.close()

    weights = vrma_reader.decode(path.read_bytes()).weights
    assert weights[1].tobytes() == weights[2].tobytes() != weights[3].tobytes()


@pytest.mark.parametrize("name", [*ANIMATIONS, "take.csv"])
def test_a_crash_leaves_everything_beside_it(
    tmp_path: Path, name: str, make_state: MakeState, caplog: pytest.LogCaptureFixture
) -> None:
    """A part that is played like any recording; the next run says what to do with it, and takes another name for its own."""
    path = tmp_path / name
    crashed = open_take(path, stage="final")
    for state in states(make_state, 40):
        crashed.write_state(state)
    (part,) = tmp_path.iterdir()
    assert part.name.startswith(f"{name}.part.")
    # As after a crash: nobody closes it, and the claim has gone with the process.
    left = tmp_path / "left" / name
    left.parent.mkdir()
    (left.parent / part.name).write_bytes(part.read_bytes())
    crashed.close()

    with caplog.at_level(logging.WARNING):
        written(left, make_state)

    assert f"avatar-bridge track {left.parent / part.name} --out {left}" in caplog.text
    assert {left.name, part.name} == {each.name for each in left.parent.iterdir()}
    if part.suffix == ".jsonl":
        with RecordingReader(left.parent / part.name) as reader:
            assert len(list(reader.lines())) >= 26  # what a second of recorded time keeps back is lost
    else:
        assert len((left.parent / part.name).read_text(encoding="ascii").splitlines()) >= 26


@pytest.mark.parametrize("name", [*ANIMATIONS, "take.csv"])
def test_what_was_there_stays_until_the_new_is_whole(tmp_path: Path, name: str, make_state: MakeState) -> None:
    """Also when nothing at all came."""
    path = tmp_path / name
    path.write_bytes(b"older")

    open_take(path, stage="final").close()
    assert (b"older", [path]) == (path.read_bytes(), list(tmp_path.iterdir()))
    writer = open_take(path, stage="final")
    writer.write_state(make_state(seed=1))
    assert b"older" == path.read_bytes()
    writer.close()
    assert b"older" != path.read_bytes()


def test_the_table_grows_row_by_row(tmp_path: Path, make_state: MakeState) -> None:
    """The same rows as ``track`` writes; a lost face has none, time never goes back."""
    path = tmp_path / "take.csv"
    writer = open_take(path, stage="final")
    given = states(make_state)
    given[2] = FaceState.rest(t=given[2].t)
    assert 1 == len((tmp_path / "take.csv.part.csv").read_text(encoding="ascii").splitlines())
    for state in [*given, given[0]]:
        writer.write_state(state)
    writer.write_result(TrackResult(seq=9, t=1001.0, t_done=1001.0, faces=(Face(weights=given[0].weights, head=None),)))
    writer.close()
    writer.close()

    with path.open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    assert ["00:00:00:00.000", "00:00:00:02.400", "00:00:00:07.200", "00:00:01:00.000"] == [row["Timecode"] for row in rows]
    assert float(given[3].weights[17]) == pytest.approx(float(rows[2]["JawOpen"]), abs=1e-9)
    assert Presence.LOST is given[2].presence


@pytest.mark.parametrize("name", [*ANIMATIONS, "take.csv"])
def test_a_file_in_use_is_refused(tmp_path: Path, name: str) -> None:
    """Two outputs to one file, until the first is done."""
    path = tmp_path / name
    first = open_take(path, stage="final")
    with pytest.raises(ConfigError, match="being written already"):
        open_take(path, stage="final")
    first.close()
    open_take(path, stage="final").close()

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [*ANIMATIONS, "take.csv"])
def test_a_place_where_nothing_can_be_written_is_refused(tmp_path: Path, name: str) -> None:
    """A file as a folder; and it can be tried again."""
    (tmp_path / "file").touch()
    for _ in range(2):
        with pytest.raises(OutputRejected, match="cannot be written"):
            open_take(tmp_path / "file" / name, stage="final")
    (tmp_path / f"folder-{name}").mkdir()
    with pytest.raises(ConfigError, match="is a folder"):
        open_take(tmp_path / f"folder-{name}", stage="final")


def test_arrays_are_not_written_live(tmp_path: Path) -> None:
    """The sentence says the way round."""
    with pytest.raises(ConfigError, match=r"track take\.jsonl --out take\.npz"):
        open_take(tmp_path / "take.npz", stage="raw")


@pytest.mark.parametrize(
    ("name", "kind", "goes_on"),
    [
        ("take.jsonl", RecordingWriter, True),
        ("take", RecordingWriter, True),
        ("a.csv", TableWriter, False),
        ("a.vrma", AnimationWriter, False),
    ],
)
def test_the_suffix_chooses_the_writer(tmp_path: Path, name: str, kind: type[TakeWriter], goes_on: bool) -> None:
    """Any other suffix is a recording's."""
    writer = open_take(tmp_path / name, stage="final")
    writer.close()

    assert isinstance(writer, kind)
    assert goes_on == continues(tmp_path / name)


def test_a_full_disk_costs_the_copy_only(
    tmp_path: Path, make_state: MakeState, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The animation is in memory; it is told once."""
    write, taken = RecordingWriter.write_state, [0]

    def until_it_is_full(writer: RecordingWriter, state: FaceState) -> None:
        taken[0] += 1
        if taken[0] > 1:
            raise OutputUnavailable("writing failed: No space left on device")
        write(writer, state)

    monkeypatch.setattr(RecordingWriter, "write_state", until_it_is_full)
    path = tmp_path / "take.vrma"

    with caplog.at_level(logging.WARNING):
        written(path, make_state)

    assert 1 == caplog.text.count("No space left")
    assert 4 == len(vrma_reader.decode(path.read_bytes()).times_s)
    assert [path] == list(tmp_path.iterdir())


def test_a_file_that_cannot_be_made_names_the_part(
    tmp_path: Path, make_state: MakeState, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing never raises."""

    def fails(*_: object) -> int:
        raise OutputRejected("take.vrma cannot be written: No space left on device")

    monkeypatch.setattr(export, "_write_whole", fails)
    written(tmp_path / "take.vrma", make_state)

    assert f"what was recorded is in {tmp_path / 'take.vrma.part.jsonl'}" in caplog.text
    assert [tmp_path / "take.vrma.part.jsonl"] == list(tmp_path.iterdir())


def test_a_table_that_cannot_grow_is_finished(tmp_path: Path, make_state: MakeState, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rows so far; further states are no error."""
    path = tmp_path / "take.csv"
    writer = TableWriter(path)
    first, second, third, _ = states(make_state)
    writer.write_state(first)

    def fails(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("bridge.wire.livelink_csv.row", fails)
        with pytest.raises(OutputRejected, match="No space left on device; the rows so far are in it"):
            writer.write_state(second)
    writer.write_state(third)
    writer.close()

    assert 2 == len(path.read_text(encoding="ascii").splitlines())
    assert [path] == list(tmp_path.iterdir())


def test_what_does_not_fit_stays_in_the_part(
    tmp_path: Path, make_state: MakeState, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A very long run: the file has the beginning, the recording everything."""
    monkeypatch.setattr("bridge.wire.animation.MAX_KEYS", 2)
    monkeypatch.setattr(export, "MAX_KEYS", 2)
    path = tmp_path / "take.vrma"
    written(path, make_state)

    take: Animation = vrma_reader.decode(path.read_bytes())
    assert (2, True) == (len(take.times_s), bool(np.isfinite(take.weights).all()))
    with RecordingReader(tmp_path / "take.vrma.part.jsonl") as reader:
        assert 4 == len(list(reader.lines()))
    assert "as many as fit" in caplog.text
