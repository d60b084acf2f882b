"""Stills and folders of stills as sources."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from bridge.errors import SourceEnded, SourceUnavailable
from bridge.sources.stills import load_picture, natural_key
from bridge.sources.video import VideoSource
from bridge.types import CameraFrame


class FakeTime:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def write_picture(path: Path, value: int | tuple[int, int, int], *, size: tuple[int, int] = (32, 24)) -> Path:
    """A plain picture; ``value`` is grey or RGB."""
    rgb = (value, value, value) if isinstance(value, int) else value
    path.write_bytes(cv2.imencode(path.suffix, np.full((size[1], size[0], 3), rgb[::-1], np.uint8))[1].tobytes())
    return path


def play(path: Path, *, fps: float = 10.0, loop: bool = False, at_most: int = 1000) -> list[CameraFrame]:
    """Frames until the end."""
    fake = FakeTime()
    source = VideoSource(path, fps=fps, loop=loop, clock=fake.clock, wait=fake.wait)
    source.open()
    frames: list[CameraFrame] = []
    try:
        while len(frames) < at_most:
            frames.append(source.read())
    except SourceEnded:
        pass
    source.close()
    return frames


def test_still_is_shown_for_two_seconds(tmp_path: Path) -> None:
    """A single still is delivered at the configured rate for two seconds, then ends."""
    frames = play(write_picture(tmp_path / "face.png", 90), fps=15.0)
    assert len(frames) == 30
    assert [50.0 + k / 15 for k in range(30)] == pytest.approx([frame.t for frame in frames])
    assert list(range(30)) == [frame.seq for frame in frames]


def test_still_with_loop_has_no_end(tmp_path: Path) -> None:
    """With loop it goes on for as long as somebody reads."""
    assert len(play(write_picture(tmp_path / "face.png", 90), loop=True, at_most=500)) == 500


def test_folder_is_played_in_natural_order(tmp_path: Path) -> None:
    """shot2 before shot10, one picture each, at the configured rate."""
    for number in (10, 2, 1):
        write_picture(tmp_path / f"shot{number}.png", number * 10)
    frames = play(tmp_path, fps=5.0)
    assert [10, 20, 100] == [int(frame.image[0, 0, 0]) for frame in frames]
    assert [50.0, 50.2, 50.4] == pytest.approx([frame.t for frame in frames])


def test_folder_loops(tmp_path: Path) -> None:
    """The first picture follows the last."""
    for number in (1, 2):
        write_picture(tmp_path / f"{number}.png", number)
    assert [1, 2, 1, 2, 1] == [int(frame.image[0, 0, 0]) for frame in play(tmp_path, loop=True, at_most=5)]


def test_sizes_may_differ_within_a_folder(tmp_path: Path) -> None:
    """Each picture keeps its own size."""
    write_picture(tmp_path / "1.png", 1, size=(32, 24))
    write_picture(tmp_path / "2.png", 2, size=(64, 48))
    assert [(24, 32, 3), (48, 64, 3)] == [frame.image.shape for frame in play(tmp_path)]


def test_folder_with_one_picture_is_held(tmp_path: Path) -> None:
    """One picture in a folder is shown for two seconds, as a still is."""
    write_picture(tmp_path / "1.png", 1)
    assert len(play(tmp_path, fps=10.0)) == 20


def test_what_is_not_a_picture_is_skipped_with_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Damaged pictures and other files do not end the run, and the log says so once, not per file."""
    write_picture(tmp_path / "1.png", 1)
    (tmp_path / "2.png").write_bytes(b"damaged")
    (tmp_path / "3.jpg").touch()
    write_picture(tmp_path / "4.png", 4)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".DS_Store").write_bytes(b"litter")
    (tmp_path / "folder.png").mkdir()
    with caplog.at_level(logging.WARNING):
        frames = play(tmp_path)
    assert [1, 4] == [int(frame.image[0, 0, 0]) for frame in frames]
    assert len(caplog.records) == 1
    assert "1 of 5 files" in caplog.text


def test_litter_of_file_managers_is_not_worth_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Hidden files and thumbnails are passed over silently."""
    write_picture(tmp_path / "1.png", 1)
    (tmp_path / ".DS_Store").write_bytes(b"litter")
    (tmp_path / "Thumbs.db").write_bytes(b"litter")
    with caplog.at_level(logging.WARNING):
        play(tmp_path)
    assert caplog.records == []


def test_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    """The error names the folder."""
    with pytest.raises(SourceUnavailable, match=r"holds no pictures \(it is empty\)") as caught:
        play(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_folder_without_pictures_names_what_it_holds(tmp_path: Path) -> None:
    """A folder of videos: the error says what is there instead."""
    (tmp_path / "clip.mp4").write_bytes(b"x")
    with pytest.raises(SourceUnavailable, match=r"only clip\.mp4"):
        play(tmp_path)


def test_folder_of_damaged_pictures_is_one_sentence(tmp_path: Path) -> None:
    """When nothing in it can be read, opening fails."""
    (tmp_path / "1.png").write_bytes(b"x")
    (tmp_path / "2.png").write_bytes(b"y")
    with pytest.raises(SourceUnavailable, match="no picture that can be read"):
        play(tmp_path)


@pytest.mark.parametrize(("content", "reason"), [(b"garbage", "damaged"), (b"", "is empty"), (b"\x89PNG\r\n\x1a\n", "damaged")])
def test_damaged_still_is_one_sentence(tmp_path: Path, content: bytes, reason: str) -> None:
    """The error names the file and the reason."""
    path = tmp_path / "face.png"
    path.write_bytes(content)
    with pytest.raises(SourceUnavailable, match=reason) as caught:
        play(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_still_is_one_sentence(tmp_path: Path) -> None:
    """A path that leads nowhere is told so."""
    with pytest.raises(SourceUnavailable, match="no file"):
        play(tmp_path / "gone.png")


ODD: list[tuple[str, Any, tuple[int, int, int]]] = [
    ("grey.png", np.full((8, 8), 77, np.uint8), (77, 77, 77)),
    ("deep.png", np.full((8, 8, 3), (0x1122, 0x3344, 0xFF00), np.uint16), (0xFF, 0x33, 0x11)),
    ("deep-grey.png", np.full((8, 8), 0x8000, np.uint16), (0x80, 0x80, 0x80)),
    ("alpha.png", np.full((8, 8, 4), (10, 20, 30, 128), np.uint8), (30, 20, 10)),
    ("deep.tiff", np.full((8, 8, 3), (0x1122, 0x3344, 0xFF00), np.uint16), (0xFF, 0x33, 0x11)),
    ("plain.webp", np.full((8, 8, 3), (0, 0, 255), np.uint8), (255, 0, 0)),
    ("plain.bmp", np.full((8, 8, 3), (0, 0, 255), np.uint8), (255, 0, 0)),
]


@pytest.mark.parametrize(("name", "stored", "expected"), ODD, ids=[name for name, _, _ in ODD])
def test_every_kind_of_picture_becomes_8_bit_rgb(tmp_path: Path, name: str, stored: Any, expected: tuple[int, int, int]) -> None:
    """Grey, 16 bits, transparency: uint8 (H, W, 3) RGB, contiguous, read-only."""
    path = tmp_path / name
    path.write_bytes(cv2.imencode(path.suffix, stored)[1].tobytes())
    image = load_picture(path)
    assert image.shape == (8, 8, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert not image.flags.writeable
    assert image[4, 4].tolist() == pytest.approx(list(expected), abs=3)


def test_names_outside_ascii_are_read(tmp_path: Path) -> None:
    """File names in any script work."""
    assert load_picture(write_picture(tmp_path / "顔-é.png", 5)).shape == (24, 32, 3)


def test_natural_order_ignores_case() -> None:
    """Numbers count as numbers, letters without case."""
    names = ["b1.png", "A10.png", "a2.png", "2.png", "10.png"]
    assert sorted(map(Path, names), key=natural_key) == [Path(n) for n in ["2.png", "10.png", "a2.png", "A10.png", "b1.png"]]
