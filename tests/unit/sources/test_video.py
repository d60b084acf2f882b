"""Videos and GIFs as sources."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.errors import SourceEnded, SourceError, SourceLost, SourceUnavailable
from bridge.sources import video
from bridge.sources.video import VideoSource
from bridge.types import CameraFrame, ImageArray

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


class FakeTime:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def write_video(path: Path, *, frames: int, fps: float = 25.0, fourcc: str = "MJPG", noisy: bool = False) -> Path:
    """Frame k is a plain grey of 4 * k (MJPG keeps that within 2), or noise, which makes the file large."""
    code = cv2.VideoWriter.fourcc(*fourcc)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, fps, (64, 48))
    assert writer.isOpened()
    random = np.random.default_rng(0)
    for k in range(frames):
        writer.write(random.integers(0, 255, (48, 64, 3), np.uint8) if noisy else np.full((48, 64, 3), 4 * k, np.uint8))
    writer.release()
    return path


def open_source(path: Path, fake: FakeTime, *, fps: float = 30.0, loop: bool = False) -> VideoSource:
    source = VideoSource(path, fps=fps, loop=loop, clock=fake.clock, wait=fake.wait)
    source.open()
    return source


def read_all(source: VideoSource, *, at_most: int = 1000) -> list[CameraFrame]:
    """Frames until the end."""
    frames: list[CameraFrame] = []
    try:
        while len(frames) < at_most:
            frames.append(source.read())
    except SourceEnded:
        source.close()
    return frames


def level(frame: CameraFrame) -> int:
    return round(float(frame.image.mean()))


def test_every_frame_comes_once_and_in_order(tmp_path: Path) -> None:
    """All pictures of a file are delivered, counted from 0."""
    frames = read_all(open_source(write_video(tmp_path / "clip.avi", frames=12), FakeTime()))
    assert list(range(12)) == [frame.seq for frame in frames]
    assert [round(level(frame) / 4) for frame in frames] == list(range(12))


def test_capture_times_are_the_files_own_grid(tmp_path: Path) -> None:
    """Frame k is dated start + k / fps, and the clock has reached that when it is delivered."""
    fake = FakeTime()
    source = open_source(write_video(tmp_path / "clip.avi", frames=5, fps=12.5), fake)
    fake.now = 60.0
    seen = [(source.read().t, fake.now) for _ in range(5)]
    assert [60.0 + k / 12.5 for k in range(5)] == pytest.approx([t for t, _ in seen])
    assert all(now >= t for t, now in seen)


def test_a_slow_consumer_slows_the_file(tmp_path: Path) -> None:
    """Nothing is skipped, and after the pause frames keep their distance: no burst."""
    fake = FakeTime()
    source = open_source(write_video(tmp_path / "clip.avi", frames=4, fps=25.0), fake)
    source.read()
    fake.now += 3.0
    second, third = source.read(), source.read()
    assert (second.seq, third.seq) == (1, 2)
    assert [53.0, 53.04] == pytest.approx([second.t, third.t])


def test_pictures_are_rgb_values_that_nobody_can_change(tmp_path: Path) -> None:
    """uint8 (H, W, 3), red first, contiguous, read-only."""
    path = tmp_path / "red.avi"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for _ in range(2):
        writer.write(np.full((48, 64, 3), RED[::-1], np.uint8))
    writer.release()
    image = open_source(path, FakeTime()).read().image
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert not image.flags.writeable
    assert image[24, 32, 0] > 240
    assert max(image[24, 32, 1:]) < 20


def test_frames_do_not_share_memory(tmp_path: Path) -> None:
    """A frame that somebody keeps is not overwritten by the next."""
    source = open_source(write_video(tmp_path / "clip.avi", frames=3), FakeTime())
    first = source.read()
    before = first.image.copy()
    second = source.read()
    assert not np.shares_memory(first.image, second.image)
    assert np.array_equal(before, first.image)


def test_end_is_repeated(tmp_path: Path) -> None:
    """Reading on after the end says again that it has ended."""
    source = open_source(write_video(tmp_path / "clip.avi", frames=2), FakeTime())
    source.read()
    source.read()
    for _ in range(2):
        with pytest.raises(SourceEnded, match=r"clip\.avi has ended"):
            source.read()


def test_loop_goes_on_without_a_seam(tmp_path: Path) -> None:
    """The second round starts one period after the last frame of the first; counts and times keep rising."""
    source = open_source(write_video(tmp_path / "clip.avi", frames=3, fps=20.0), FakeTime(), loop=True)
    frames = read_all(source, at_most=8)
    assert [frame.seq for frame in frames] == list(range(8))
    assert [50.0 + k / 20 for k in range(8)] == pytest.approx([frame.t for frame in frames])
    assert [round(level(frame) / 4) for frame in frames] == [0, 1, 2, 0, 1, 2, 0, 1]
    source.close()


def test_loop_of_a_file_that_vanishes_is_a_loss(tmp_path: Path) -> None:
    """A looping file that is deleted ends with a sentence, not with a traceback or an endless loop."""
    path = write_video(tmp_path / "clip.avi", frames=2)
    source = open_source(path, FakeTime(), loop=True)
    path.unlink()
    source.read()
    source.read()
    with pytest.raises(SourceLost, match=r"clip\.avi"):
        source.read()


def test_opening_again_starts_from_the_beginning(tmp_path: Path) -> None:
    """After close and open the first picture comes again, due at once, and the count goes on."""
    fake = FakeTime()
    source = open_source(write_video(tmp_path / "clip.avi", frames=4), fake)
    source.read()
    source.read()
    source.close()
    fake.now += 100.0
    source.open()
    frame = source.read()
    assert (2, 0) == (frame.seq, level(frame) // 4)
    assert frame.t == pytest.approx(150.04)


def test_video_of_one_frame_is_held(tmp_path: Path) -> None:
    """One picture in a container is shown for two seconds, as a still is."""
    frames = read_all(open_source(write_video(tmp_path / "one.avi", frames=1, fps=10.0), FakeTime()))
    assert len(frames) == 20
    assert frames[-1].t - frames[0].t == pytest.approx(1.9)


def test_gif_plays_at_its_own_rate(clips: Path) -> None:
    """A real GIF: 23 frames at 12.5 fps."""
    source = open_source(clips / "head-pose-female.gif", FakeTime(), fps=60.0)
    assert source.report().requested == "12.5 fps"
    frames = read_all(source)
    assert len(frames) == 23
    assert frames[-1].t - frames[0].t == pytest.approx(22 / 12.5)
    assert frames[0].image.shape == (270, 480, 3)


def test_real_clock_is_never_early(tmp_path: Path) -> None:
    """On the real clock the file takes at least as long as it says."""
    source = VideoSource(write_video(tmp_path / "clip.avi", frames=6, fps=50.0))
    source.open()
    first = source.read()
    late = [time.monotonic() - frame.t for frame in read_all(source)]
    assert all(seconds >= 0 for seconds in late)
    assert time.monotonic() - first.t >= 0.1


def test_cancel_ends_a_blocked_read(tmp_path: Path) -> None:
    """``cancel`` from another thread ends a read that waits for its moment; later reads end at once."""
    source = VideoSource(write_video(tmp_path / "slow.avi", frames=3, fps=1.0), clock=lambda: 0.0)
    source.open()
    source.read()
    errors: list[SourceError] = []

    def blocked() -> None:
        try:
            source.read()
        except SourceError as error:
            errors.append(error)

    thread = threading.Thread(target=blocked, name="bridge-test-video")
    thread.start()
    source.cancel()
    thread.join(10.0)
    assert [type(error) for error in errors] == [SourceEnded]
    with pytest.raises(SourceEnded):
        source.read()
    source.close()


# --- bad files --------------------------------------------------------------------------------------------------------


def _missing(folder: Path) -> Path:
    return folder / "gone.mp4"


def _empty(folder: Path) -> Path:
    (folder / "empty.mp4").touch()
    return folder / "empty.mp4"


def _text(folder: Path) -> Path:
    (folder / "notes.mp4").write_text("not a video\n" * 50)
    return folder / "notes.mp4"


def _header_only(folder: Path) -> Path:
    data = write_video(folder / "whole.avi", frames=3).read_bytes()
    (folder / "header.avi").write_bytes(data[:300])
    return folder / "header.avi"


def _without_index(folder: Path) -> Path:
    data = write_video(folder / "whole.mp4", frames=30, fourcc="mp4v", noisy=True).read_bytes()
    (folder / "cut.mp4").write_bytes(data[: len(data) * 6 // 10])
    return folder / "cut.mp4"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_missing, "no file"),
        (_empty, "is empty"),
        (_text, "damaged, incomplete or of a kind"),
        (_header_only, "damaged, incomplete or of a kind"),
        (_without_index, "damaged, incomplete or of a kind"),
    ],
)
def test_unusable_file_is_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], make: Callable[[Path], Path], reason: str
) -> None:
    """The error names file and reason, and the libraries print nothing of their own."""
    path = make(tmp_path)
    capfd.readouterr()
    source = VideoSource(path)
    with pytest.raises(SourceUnavailable) as caught:
        source.open()
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_truncated_video_ends_with_what_was_readable(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file cut in the middle plays up to the cut, and the log says so once."""
    data = write_video(tmp_path / "whole.avi", frames=50, noisy=True).read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(data[: len(data) * 6 // 10])
    with caplog.at_level(logging.WARNING):
        frames = read_all(open_source(cut, FakeTime()))
    assert 20 < len(frames) < 40
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"{cut} ends early: {len(frames)} of 50 pictures" in caplog.text


def test_reading_before_opening_is_a_loss(tmp_path: Path) -> None:
    """A source that is not open says so."""
    with pytest.raises(SourceLost, match="not open"):
        VideoSource(tmp_path / "clip.avi").read()


def test_close_is_idempotent(tmp_path: Path) -> None:
    """Closing twice, or without opening, is fine."""
    source = VideoSource(write_video(tmp_path / "clip.avi", frames=2))
    source.close()
    source.open()
    source.close()
    source.close()


# --- rates and reports ------------------------------------------------------------------------------------------------


class _OddCapture:
    """A capture whose container states a rate that no file has."""

    stated = 0.0

    def __init__(self, path: str, backend: int) -> None:
        self._left = 3

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def get(self, prop: int) -> float:
        return self.stated if prop == cv2.CAP_PROP_FPS else -9.2e18

    def read(self) -> tuple[bool, ImageArray | None]:
        self._left -= 1
        return (True, np.zeros((8, 8, 3), np.uint8)) if self._left >= 0 else (False, None)

    def release(self) -> None:
        pass


@pytest.mark.parametrize("stated", [0.0, -1.0, 1000.0, 90000.0, float("nan"), float("inf")])
def test_absurd_rate_becomes_thirty_with_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: float) -> None:
    """A container without a usable rate plays at 30 fps, and the report says so."""
    path = tmp_path / "odd.mjpeg"
    path.write_bytes(b"x")
    monkeypatch.setattr(_OddCapture, "stated", stated)
    monkeypatch.setattr(cv2, "VideoCapture", _OddCapture)
    fake = FakeTime()
    source = open_source(path, fake)
    assert source.report().warning == "odd.mjpeg states no usable frame rate: it plays at 30 fps"
    frames = read_all(source)
    assert [50.0 + k / 30 for k in range(3)] == pytest.approx([frame.t for frame in frames])


def test_report_names_size_and_measured_rate(tmp_path: Path) -> None:
    """While it plays, the report has the picture's size and the pace that was measured."""
    source = open_source(write_video(tmp_path / "clip.avi", frames=40, fps=20.0), FakeTime())
    for _ in range(40):
        source.read()
    report = source.report()
    assert (report.requested, report.delivered, report.warning) == ("20 fps", "64x48 at 20 fps", None)
    assert report.fps_measured == pytest.approx(20.0)
    source.close()


def test_report_warns_of_a_file_that_cannot_keep_its_pace(tmp_path: Path) -> None:
    """When the consumer takes longer than the file allows, the report says how fast it really plays."""
    fake = FakeTime()
    source = open_source(write_video(tmp_path / "clip.avi", frames=30, fps=20.0), fake)
    for _ in range(30):
        source.read()
        fake.now += 0.2
    assert source.report().warning == "clip.avi plays at 5 fps instead of 20: reading it takes too long"
    source.close()


def test_files_are_not_live() -> None:
    """A file is not waited for when it is gone; it delivers frames, not results."""
    source = VideoSource(Path("clips") / "talk.mp4")
    assert (source.live, source.delivers_results, source.notice, source.label) == (False, False, None, "talk.mp4")


def test_truncated_length_estimates_are_not_worth_a_word(clips: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A container that overstates its length by a frame ends without a warning."""
    with caplog.at_level(logging.WARNING):
        frames = read_all(open_source(clips / "sign-sorry.mkv", FakeTime()))
    assert (len(frames), caplog.records) == (73, [])


def test_hold_time_is_documented() -> None:
    """The constant that the documentation quotes."""
    assert video.HOLD_S == 2.0
