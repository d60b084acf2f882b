"""The recorder: everything the engine took is in the file, and no more memory is held than that needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge.errors import ConfigError
from bridge.recorder import ResultRecorder
from bridge.recording import RecordingReader, RecordingWriter
from bridge.types import ZERO_WEIGHTS, CameraFrame, Face, TrackResult, frozen_array


def _result(seq: int) -> TrackResult:
    image = frozen_array(np.zeros((4, 4, 3), dtype=np.uint8))
    frame = CameraFrame(seq=seq, t=seq / 30, image=image)
    return TrackResult(seq=seq, t=seq / 30, t_done=seq / 30, faces=(Face(weights=ZERO_WEIGHTS, head=None),), frame=frame)


def test_every_result_is_written(tmp_path: Path) -> None:
    """In order, whatever waits when it stops."""
    recorder = ResultRecorder(tmp_path / "take.jsonl")
    for seq in range(50):
        recorder.tap(_result(seq))
    recorder.stop()

    with RecordingReader(tmp_path / "take.jsonl") as reader:
        assert list(range(50)) == [result.seq for result in reader.results()]
    assert (0, None) == (recorder.lost, recorder.error)


def test_pictures_do_not_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result comes to the writer without the picture that another output asked for."""
    written: list[TrackResult] = []
    monkeypatch.setattr(RecordingWriter, "write_result", lambda _self, result: written.append(result))
    recorder = ResultRecorder(tmp_path / "take.jsonl")
    recorder.tap(_result(7))
    recorder.stop()

    assert [(7, None)] == [(result.seq, result.frame) for result in written]


@pytest.mark.parametrize("name", ["take.vrma", "take.bvh", "take.csv"])
def test_the_suffix_says_what_is_written(tmp_path: Path, name: str) -> None:
    """``run --record take.vrma``: the file is there when it stops, and nothing beside it."""
    recorder = ResultRecorder(tmp_path / name)
    for seq in range(50):
        recorder.tap(_result(seq))
    recorder.stop()

    assert [tmp_path / name] == list(tmp_path.iterdir())
    assert (0, None) == (recorder.lost, recorder.error)


def test_a_file_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    """Before the run begins."""
    with pytest.raises(ConfigError, match="written whole"):
        ResultRecorder(tmp_path / "take.npz")
