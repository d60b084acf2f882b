"""The clip that stands in for a camera: times, buffers, end."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.bench.clip import ClipCamera, load_clip, write_drawn_clip
from bridge.bench.run import BenchOptions, run_bench
from bridge.errors import SourceEnded, SourceUnavailable
from bridge.types import ImageArray


def _pictures(count: int) -> list[ImageArray]:
    """Picture k is filled with k, blue only, to tell BGR from RGB."""
    pictures = []
    for k in range(count):
        picture = np.zeros((4, 6, 3), dtype=np.uint8)
        picture[..., 0] = k
        pictures.append(picture)
    return pictures


class _Time:
    """A clock that moves only by sleeping, or when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("bridge.bench.clip.monotonic", lambda: self.now)
        monkeypatch.setattr("bridge.bench.clip.time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_frames_are_ready_at_the_rate_and_turned_to_rgb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frame k is dated t0 + k/fps; the picture's blue is last."""
    _Time(monkeypatch)
    camera = ClipCamera(_pictures(3), fps=10.0, seconds=5.0)

    frames = [camera.read() for _ in range(4)]

    assert [pytest.approx(100.0 + k / 10) for k in range(4)] == [frame.t for frame in frames]
    assert [0, 1, 2, 0] == [int(frame.image[0, 0, 2]) for frame in frames]
    assert not frames[0].image.flags.writeable


def test_one_buffer_keeps_the_newest_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a busy reader missed is skipped and counted."""
    time = _Time(monkeypatch)
    camera = ClipCamera(_pictures(9), fps=10.0, seconds=5.0)
    camera.read()
    time.now += 0.55

    frame = camera.read()

    assert pytest.approx(100.5) == frame.t
    assert 4 == camera.skipped


def test_four_buffers_keep_the_oldest_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """As OpenCV's driver buffers: first in, first out, and what comes while all are full is lost."""
    time = _Time(monkeypatch)
    camera = ClipCamera(_pictures(9), fps=10.0, seconds=5.0, buffers=4)
    camera.read()
    time.now += 0.65

    frames = [camera.read() for _ in range(4)]

    assert [pytest.approx(100.0 + k / 10) for k in (1, 2, 3, 4)] == [frame.t for frame in frames]
    assert 2 == camera.skipped


def _read_on(camera: ClipCamera, count: int) -> None:
    for _ in range(count):
        camera.read()


def test_only_frames_after_the_warm_up_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """One second of warm-up, then the asked-for time, then the end."""
    _Time(monkeypatch)
    camera = ClipCamera(_pictures(3), fps=10.0, seconds=2.0)

    for _ in range(29):
        camera.read()
    with pytest.raises(SourceEnded):
        _read_on(camera, 3)

    assert 19 <= camera.measured <= 21
    assert camera.cpu_s >= 0.0


def test_a_clip_plays_forth_and_back(tmp_path: Path) -> None:
    """So that its loop has no cut."""
    frames = load_clip(write_drawn_clip(tmp_path / "face.avi", seconds=0.5), 10)

    assert 18 == len(frames)
    np.testing.assert_array_equal(frames[1], frames[-1])


def test_a_clip_without_pictures_is_said(tmp_path: Path) -> None:
    """One sentence with the flag that helps."""
    path = tmp_path / "empty.mp4"
    path.write_bytes(b"")

    with pytest.raises(SourceUnavailable, match="--clip FILE"):
        load_clip(path, 10)


def test_a_clip_that_is_not_there_ends_the_bench_before_it_begins(tmp_path: Path) -> None:
    """In the clip's own sentence, not as the traceback of a variant."""
    with pytest.raises(SourceUnavailable, match=r"absent.mp4 has no picture"):
        run_bench(BenchOptions(seconds=1.0, rounds=1, clip=tmp_path / "absent.mp4", only=("pace30",)))


def test_the_drawn_clip_can_be_read_back(tmp_path: Path) -> None:
    """A short video of 640x480 at the rate asked for, in which something moves."""
    path = write_drawn_clip(tmp_path / "clip.avi", seconds=0.5, fps=20.0)
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1].astype(int))
    assert capture.get(cv2.CAP_PROP_FPS) == 20.0
    capture.release()
    assert [frame.shape for frame in frames] == [(480, 640, 3)] * 10
    assert np.abs(frames[3] - frames[0]).max() > 50


def test_an_unwritable_place_is_one_sentence(tmp_path: Path) -> None:
    """A folder that does not exist is named."""
    with pytest.raises(SourceUnavailable, match=r"clip\.avi cannot be written"):
        write_drawn_clip(tmp_path / "absent" / "clip.avi")
