"""What is said about cameras that are not there or do not open."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bridge.errors import SourceUnavailable
from bridge.sources.camera_device import CameraDevice, CameraIdentity, CameraState, Opening
from bridge.sources.camera_devices import explain, find_camera, list_cameras


def make_device(path: str, state: CameraState = CameraState.READY) -> CameraDevice:
    return CameraDevice(
        index=0,
        identity=CameraIdentity(name="C920", usb_id="046d:082d", serial="", node=0, port="1-1"),
        path=path,
        stable_paths=(),
        modes=(),
        state=state,
        holder="",
        openings=(Opening(backend=200, target=path),),
    )


def test_listing_this_machine_works() -> None:
    """With cameras or without, the listing is a list of values."""
    assert all(isinstance(device, CameraDevice) for device in list_cameras())


@pytest.mark.skipif(sys.platform != "linux", reason="device files are Linux")
def test_absent_device_file_is_explained() -> None:
    """The camera's name, what is wrong, and what to do."""
    assert explain(make_device("/nowhere/video0")) == "C920 (/nowhere/video0) is not there: plug it in"


@pytest.mark.skipif(sys.platform != "linux", reason="device files are Linux")
def test_camera_outside_the_container_is_explained() -> None:
    """Known to the system, without a device file here."""
    sentence = explain(make_device("/nowhere/video0", CameraState.NO_NODE))
    assert sentence.startswith("C920 (/nowhere/video0) has no device file here: give this container")


@pytest.mark.parametrize(
    ("platform", "remedy"),
    [("darwin", "System Settings > Privacy & Security > Camera"), ("win32", "Settings > Privacy & security > Camera")],
)
def test_remedy_of_the_other_systems(monkeypatch: pytest.MonkeyPatch, platform: str, remedy: str) -> None:
    """Where the system does not tell, the sentence names the usual remedy there."""
    monkeypatch.setattr(sys, "platform", platform)
    assert remedy in explain(make_device("some-id"))


@pytest.mark.skipif(sys.platform != "linux", reason="device files are Linux")
def test_path_that_is_no_camera_is_said_so(tmp_path: Path) -> None:
    """A file that exists and is no camera gets a better sentence than "no match"."""
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    with pytest.raises(SourceUnavailable, match=r"notes\.txt is not a camera"):
        find_camera(str(file), [])


@pytest.mark.skipif(sys.platform != "linux", reason="device files are Linux")
def test_link_to_a_camera_is_followed(tmp_path: Path) -> None:
    """Any link to the device file means the camera."""
    node = tmp_path / "video0"
    node.touch()
    link = tmp_path / "my-camera"
    link.symlink_to(node)
    device = make_device(str(node))
    assert find_camera(str(link), [device]) is device
