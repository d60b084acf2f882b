"""From the input that a person types to a source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.errors import BridgeError, ConfigError, SourceEnded, SourceUnavailable
from bridge.recording import RecordingWriter
from bridge.settings import SourceSettings
from bridge.sources import camera as camera_module
from bridge.sources.camera import CameraSource
from bridge.sources.camera_capture import CameraCapture, CaptureRequest
from bridge.sources.camera_device import CameraDevice, CameraIdentity, CameraState, Opening
from bridge.sources.demo import DemoSource
from bridge.sources.recording import RecordingSource
from bridge.sources.select import AutoSource, make_source
from bridge.sources.video import VideoSource
from bridge.types import CameraFrame, ImageArray, Source, TrackResult, frozen_array


class FakeCapture:
    """Always has a picture."""

    fourcc, fps = "YUYV", 30.0

    def read(self, *, timeout_s: float, cancelled: Callable[[], bool]) -> ImageArray | None:
        return None if cancelled() else frozen_array(np.zeros((480, 640, 3), np.uint8))

    def close(self) -> None:
        pass


def works(opening: Opening, request: CaptureRequest) -> CameraCapture | None:
    return FakeCapture()


def fails(opening: Opening, request: CaptureRequest) -> CameraCapture | None:
    return None


def make_device(index: int, name: str) -> CameraDevice:
    return CameraDevice(
        index=index,
        identity=CameraIdentity(name=name, usb_id="046d:082d", serial="", node=0, port=f"1-{index}"),
        path=f"/nowhere/video{index}",
        stable_paths=(),
        modes=(),
        state=CameraState.READY,
        holder="",
        openings=(Opening(backend=200, target=f"/nowhere/video{index}"),),
    )


def select(text: str, *, devices: tuple[CameraDevice, ...] = (), opener: object = works, loop: bool | None = None) -> Source:
    assert callable(opener)
    return make_source(SourceSettings(input=text), loop=loop, devices=lambda: devices, opener=opener)


# --- grammar --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [("auto", AutoSource), ("demo", DemoSource), ("camera", CameraSource), ("camera:0", CameraSource), ("camera:", CameraSource)],
)
def test_words(text: str, kind: type[object]) -> None:
    """auto, demo, camera, camera:WHICH."""
    assert type(select(text)) is kind


@pytest.mark.parametrize("text", ["camera:2", "camera:c922", "camera: C922 pro", "camera:/nowhere/video2"])
def test_camera_is_picked_by_what_follows_the_colon(text: str) -> None:
    """Number, name, path."""
    source = select(text, devices=(make_device(0, "Built-in"), make_device(2, "C922 Pro Stream")))
    source.open()
    assert source.label == "C922 Pro Stream (/nowhere/video2)"


def test_bare_camera_takes_the_first() -> None:
    """Without a choice: the first that works."""
    source = select("camera", devices=(make_device(0, "Built-in"), make_device(2, "C922")))
    source.open()
    assert source.label == "Built-in (/nowhere/video0)"


def test_bare_camera_never_becomes_the_demo() -> None:
    """Who asks for a camera and has none gets an error, with exit code 4."""
    with pytest.raises(SourceUnavailable) as caught:
        select("camera").open()
    assert caught.value.exit_code == 4


def test_files_by_what_they_are(tmp_path: Path) -> None:
    """Recordings of both kinds, video, picture, folder."""
    (tmp_path / "take.jsonl").write_text("{}\n")
    (tmp_path / "take.NPZ").write_bytes(b"x")
    (tmp_path / "clip.mp4").write_bytes(b"x")
    (tmp_path / "face.png").write_bytes(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    kinds = [type(select(str(tmp_path / name))).__name__ for name in ("take.jsonl", "take.NPZ", "clip.mp4", "face.png", ".")]
    assert kinds == ["RecordingSource", "RecordingSource", "VideoSource", "VideoSource", "VideoSource"]


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """~/clip.mp4 means the file in the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "clip.mp4").write_bytes(b"x")
    assert select("~/clip.mp4").label == "clip.mp4"


def test_file_named_like_a_word_needs_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "demo" is the demo even where a folder of that name lies; ./demo is the folder."""
    (tmp_path / "demo").mkdir()
    monkeypatch.chdir(tmp_path)
    assert [DemoSource, VideoSource] == [type(select("demo")), type(select("./demo"))]


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("gone.mp4", SourceUnavailable, "There is no file or folder 'gone.mp4': check the path"),
        ("0", SourceUnavailable, "There is no file or folder '0': check the path; for a camera write camera:0"),
        ("C920", SourceUnavailable, "There is no file or folder 'C920': check the path; for a camera write camera:C920"),
        (
            "rtsp://10.0.0.7/stream",
            ConfigError,
            "source.input 'rtsp://10.0.0.7/stream': streams from the network are not supported",
        ),
        ("a\0b", SourceUnavailable, "'a\\x00b': check the path"),
        ("~nobody-of-this-name/clip.mp4", SourceUnavailable, "'~nobody-of-this-name/clip.mp4'"),
        ("x" * 5000, SourceUnavailable, "no"),
    ],
)
def test_what_no_source_can_be(
    text: str, error: type[BridgeError], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence that names the input and the remedy."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        select(text)
    assert sentence in str(caught.value)


def play_count(source: Source, limit: int) -> int:
    """How many frames come before the end, at most ``limit``."""
    source.open()
    count = 0
    try:
        while count < limit:
            source.read()
            count += 1
    except SourceEnded:
        pass
    source.close()
    return count


@pytest.mark.parametrize(
    ("configured", "argument", "frames"), [(False, None, 3), (True, None, 5), (False, True, 5), (True, False, 3)]
)
def test_loop_argument_goes_over_the_setting(tmp_path: Path, configured: bool, argument: bool | None, frames: int) -> None:
    """``--loop`` wins over ``source.loop``; without it the setting counts."""
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    settings = SourceSettings(input=str(tmp_path), loop=configured, fps=240)
    assert play_count(make_source(settings, loop=argument), 5) == frames


# --- auto -----------------------------------------------------------------------------------------------------------------


def read_kind(source: Source) -> type[object]:
    return type(source.read())


def test_auto_takes_the_first_working_camera() -> None:
    """A camera that delivers is taken without a word."""
    source = select("auto", devices=(make_device(0, "Built-in"),))
    source.open()
    assert (source.label, source.live, getattr(source, "notice", "")) == ("Built-in (/nowhere/video0)", True, None)
    assert getattr(source, "delivers_results", None) is False
    assert read_kind(source) is CameraFrame
    source.close()


def test_auto_without_camera_plays_the_demo_and_says_so() -> None:
    """The notice is one loud sentence; what is read are finished results."""
    source = select("auto")
    source.open()
    assert getattr(source, "notice", None) == (
        "No camera was found: the demo performance plays instead (avatar-bridge cameras lists what there is)"
    )
    assert (source.live, getattr(source, "delivers_results", None)) == (False, True)
    assert read_kind(source) is TrackResult
    source.close()


def test_auto_with_broken_cameras_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The notice has the reason of the camera that did not work."""
    monkeypatch.setattr(camera_module, "explain", lambda device: f"{device.label} is in use by obs (pid 7)")
    source = select("auto", devices=(make_device(0, "Cam"),), opener=fails)
    source.open()
    assert getattr(source, "notice", None) == (
        "No camera works (Cam (/nowhere/video0) is in use by obs (pid 7)): the demo performance plays instead "
        "(avatar-bridge cameras lists what there is)"
    )
    source.close()


def test_auto_waits_for_its_camera_after_a_loss() -> None:
    """The demo does not jump in for a camera that was there."""
    devices = [make_device(0, "Cam")]
    source = make_source(SourceSettings(input="auto"), devices=lambda: tuple(devices), opener=works)
    source.open()
    source.close()
    devices.clear()
    with pytest.raises(SourceUnavailable, match=r"Cam .* is not connected"):
        source.open()
    devices.append(make_device(0, "Cam"))
    source.open()
    assert source.label == "Cam (/nowhere/video0)"
    source.close()


def test_auto_stays_with_the_demo() -> None:
    """Once the demo plays, a pause does not change the source."""
    devices: list[CameraDevice] = []
    source = make_source(SourceSettings(input="auto"), devices=lambda: tuple(devices), opener=works)
    source.open()
    label = source.label
    source.close()
    devices.append(make_device(0, "Cam"))
    source.open()
    assert source.label == label
    source.close()


@pytest.mark.parametrize("devices", [(), (make_device(0, "Cam"),)])
def test_cancelled_auto_ends(devices: tuple[CameraDevice, ...]) -> None:
    """Whichever was chosen, ``cancel`` ends reading."""
    source = select("auto", devices=devices)
    source.open()
    source.cancel()
    with pytest.raises(SourceEnded):
        source.read()
    source.close()


@pytest.mark.parametrize("text", ["auto", "camera:0", "demo"])
def test_every_source_has_a_report(text: str) -> None:
    """Before and after opening, status can show something."""
    source = select(text, devices=(make_device(0, "Cam"),))
    before = source.report()  # type: ignore[attr-defined]
    source.open()
    after = source.report()  # type: ignore[attr-defined]
    source.close()
    assert (before.warning, after.warning) == (None, None)
    assert after.delivered


def test_a_recording_is_known_by_its_first_line(tmp_path: Path) -> None:
    """``--record take.txt`` is not recommended, but it is a recording, and plays as one."""
    path = tmp_path / "take.txt"
    with RecordingWriter(path, stage="raw") as writer:
        writer.write_result(TrackResult(seq=0, t=0.0, t_done=0.0, faces=()))

    assert isinstance(make_source(SourceSettings(input=str(path))), RecordingSource)
