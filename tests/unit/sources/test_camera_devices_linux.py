"""The listing of Linux, against a made-up /sys, /dev and /proc and a driver that answers in hand-packed bytes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("V4L2 is Linux", allow_module_level=True)

from bridge.sources import camera_devices_linux as linux
from bridge.sources.camera_device import CameraMode, CameraState
from bridge.sources.camera_devices_linux import explain_node, find_holders, list_linux_cameras
from tests.unit.sources.fake_v4l2 import (
    C920,
    CAPTURE,
    DEVICE_CAPS,
    M2M,
    METADATA,
    OUTPUT,
    STREAMING,
    FakeDriver,
    FakeMachine,
    webcam,
)


@pytest.fixture
def fake(tmp_path: Path) -> FakeMachine:
    """A machine without cameras."""
    return FakeMachine(tmp_path)


# --- layout -------------------------------------------------------------------------------------------------------------


def test_structures_have_the_sizes_of_the_header() -> None:
    """sizeof of v4l2_capability, fmtdesc, frmsizeenum, frmivalenum, requestbuffers."""
    layouts = (linux.CAPABILITY, linux.FMTDESC, linux.FRMSIZEENUM, linux.FRMIVALENUM, linux.REQUESTBUFFERS)
    assert [104, 64, 44, 52, 20] == [layout.size for layout in layouts]


def test_request_numbers_are_those_of_the_header() -> None:
    """VIDIOC_QUERYCAP, ENUM_FMT, ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS, REQBUFS as a C compiler prints them."""
    numbers = [linux.QUERYCAP, linux.ENUM_FMT, linux.ENUM_FRAMESIZES, linux.ENUM_FRAMEINTERVALS, linux.REQBUFS]
    assert [0x80685600, 0xC0405602, 0xC02C564A, 0xC034564B, 0xC0145608] == numbers


# --- listing ------------------------------------------------------------------------------------------------------------


def test_no_cameras_is_an_empty_list(fake: FakeMachine) -> None:
    """Neither an empty nor an absent /sys/class/video4linux is an error."""
    assert list_linux_cameras(fake.machine()) == []
    (fake.root / "sys").rmdir()
    assert list_linux_cameras(fake.machine()) == []


def test_a_webcam_is_listed_with_everything(fake: FakeMachine) -> None:
    """Number, name, identity, stable paths, modes with sizes largest first and rates fastest first."""
    path = fake.add(4, webcam(), name="HD Pro Webcam C920", usb=C920)
    by_id = fake.link("by-id", "usb-046d_HD_Pro_Webcam_C920_ABC123-video-index0", 4)
    by_path = fake.link("by-path", "pci-0000:00:14.0-usb-0:2:1.0-video-index0", 4)
    (device,) = list_linux_cameras(fake.machine())
    assert (device.index, device.name, device.path, device.state, device.holder) == (
        4, "HD Pro Webcam C920", path, CameraState.READY, "",
    )  # fmt: skip
    assert device.stable_paths == (by_id, by_path)
    identity = device.identity
    assert (identity.usb_id, identity.serial, identity.port, identity.node) == ("046d:082d", "ABC123", "1-2", 0)
    assert device.modes == (
        CameraMode(pixel_format="YUYV", width=1280, height=720, fps=(10.0, 5.0)),
        CameraMode(pixel_format="YUYV", width=640, height=480, fps=(30.0, 15.0)),
        CameraMode(pixel_format="MJPG", width=1920, height=1080, fps=(30.0, 15.0)),
        CameraMode(pixel_format="MJPG", width=1280, height=720, fps=(30.0, 15.0)),
        CameraMode(pixel_format="MJPG", width=640, height=480, fps=(29.97,)),
    )
    assert [(200, path)] == [(opening.backend, opening.target) for opening in device.openings]


def test_rows_tell_a_person_what_to_type(fake: FakeMachine) -> None:
    """``describe`` gives the selector, the paths, one row a format and the state."""
    path = fake.add(4, webcam(), name="C920", usb=C920)
    link = fake.link("by-id", "usb-C920", 4)
    fake.hold(77, "obs", path)
    (device,) = list_linux_cameras(fake.machine())
    assert device.describe() == [
        ("camera:4", "C920"),
        ("path", path),
        ("stable path", link),
        ("USB id", "046d:082d"),
        ("modes YUYV", "1280x720 at 10, 640x480 at 30"),
        ("modes MJPG", "1920x1080 at 30, 1280x720 at 30, 640x480 at 30"),
        ("state", "in use by obs (pid 77)"),
    ]


@pytest.mark.parametrize("caps", [METADATA | STREAMING, OUTPUT | STREAMING, M2M | CAPTURE])
def test_nodes_that_are_no_cameras_are_left_out(fake: FakeMachine, caps: int) -> None:
    """Metadata, output and codec nodes: the node's own capabilities decide, not the whole device's."""
    fake.add(0, webcam(), name="C920", usb=C920)
    fake.add(1, FakeDriver(caps=caps, all_caps=CAPTURE | METADATA | DEVICE_CAPS), name="C920", node=1, usb=C920)
    assert [0] == [device.index for device in list_linux_cameras(fake.machine())]


def test_old_drivers_without_node_capabilities_count_with_all(fake: FakeMachine) -> None:
    """Without V4L2_CAP_DEVICE_CAPS the second field means nothing."""
    fake.add(0, FakeDriver(caps=0, all_caps=CAPTURE), name="Old")
    assert [0] == [device.index for device in list_linux_cameras(fake.machine())]


def test_order_is_by_number(fake: FakeMachine) -> None:
    """video2 before video10."""
    for number in (10, 2, 0):
        fake.add(number, webcam(), name=f"Cam {number}")
    assert [0, 2, 10] == [device.index for device in list_linux_cameras(fake.machine())]


def test_size_range_becomes_the_usual_sizes(fake: FakeMachine) -> None:
    """A driver that takes any size: the usual ones within its range and step, its largest, and the ends of its rates."""
    size_range, rate_range = (320, 1280, 16, 240, 720, 8), (1, 60, 1, 5, 0, 0)
    fake.add(0, FakeDriver(formats={"NV12": {size_range: [rate_range]}}), name="Any")
    (device,) = list_linux_cameras(fake.machine())
    sizes = [(mode.width, mode.height) for mode in device.modes]
    assert sizes == [(1280, 720), (800, 600), (640, 480), (640, 360), (320, 240)]
    assert {(60.0, 5.0)} == {mode.fps for mode in device.modes}


def test_formats_that_cannot_be_used_are_left_out(fake: FakeMachine) -> None:
    """H264 and exotic ones are not asked for their sizes."""
    fake.add(
        0,
        FakeDriver(formats={"H264": {}, "YUYV": {(640, 480): [(1, 30)]}, "XR24": {}, "GREY": {(640, 360): [(1, 15)]}}),
        name="C920",
    )
    (device,) = list_linux_cameras(fake.machine())
    assert ["YUYV", "GREY"] == [mode.pixel_format for mode in device.modes]


def test_interval_of_zero_is_passed_over(fake: FakeMachine) -> None:
    """A driver that reports a frame interval of 0 does not break the listing."""
    fake.add(0, FakeDriver(formats={"YUYV": {(640, 480): [(0, 30), (1, 25)]}}), name="Odd")
    (device,) = list_linux_cameras(fake.machine())
    assert device.modes == (CameraMode(pixel_format="YUYV", width=640, height=480, fps=(25.0,)),)


def test_node_without_permission_is_listed_as_such(fake: FakeMachine) -> None:
    """The first node of a camera that may not be opened is shown with its name; further nodes of it are not."""
    fake.add(0, FakeDriver(open_error=errno.EACCES), name="C920", usb=C920)
    fake.add(1, FakeDriver(open_error=errno.EACCES), name="C920", node=1, usb=C920)
    (device,) = list_linux_cameras(fake.machine())
    assert (device.index, device.name, device.state, device.modes) == (0, "C920", CameraState.FORBIDDEN, ())


def test_camera_without_device_file_is_listed_as_such(fake: FakeMachine) -> None:
    """In a container: the system has the camera, /dev does not."""
    path = fake.add(0, webcam(), name="C920", usb=C920)
    del fake.drivers[path]
    (device,) = list_linux_cameras(fake.machine())
    assert device.state is CameraState.NO_NODE


@pytest.mark.parametrize("error", [errno.ENODEV, errno.ENXIO, errno.EIO])
def test_node_that_has_just_gone_is_left_out(fake: FakeMachine, error: int) -> None:
    """A camera unplugged while it is listed is no error."""
    fake.add(0, FakeDriver(open_error=error), name="Gone")
    assert list_linux_cameras(fake.machine()) == []


def test_every_node_is_closed_again(fake: FakeMachine) -> None:
    """The listing leaves nothing open, of cameras or others."""
    fake.add(0, webcam(), name="A")
    fake.add(1, FakeDriver(caps=METADATA), name="B")
    list_linux_cameras(fake.machine())
    assert fake.open_files == []


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Integrated Camera: Integrated C", "Integrated Camera"),
        ("UVC Camera (046d:0825)", "UVC Camera (046d:0825)"),
        ("Cam Link 4K: Cam Link 4K", "Cam Link 4K"),
        ("Brand: Model", "Brand: Model"),
    ],
)
def test_name_that_the_kernel_says_twice_is_said_once(fake: FakeMachine, raw: str, name: str) -> None:
    """The kernel's "name: name", cut at 31 characters, is cleaned; other colons stay."""
    fake.add(0, webcam(), name=raw)
    (device,) = list_linux_cameras(fake.machine())
    assert device.name == name


def test_camera_that_is_not_on_usb_is_known_by_its_bus(fake: FakeMachine) -> None:
    """Loopback and platform cameras: no USB id, the driver's bus name tells them apart."""
    fake.add(0, FakeDriver(bus="platform:v4l2loopback-000"), name="Test Webcam")
    (device,) = list_linux_cameras(fake.machine())
    assert (device.identity.usb_id, device.identity.port) == ("", "platform:v4l2loopback-000")


# --- holders and explanations -------------------------------------------------------------------------------------------


def test_holder_is_named(fake: FakeMachine) -> None:
    """The program that has the node open, with its number; other files of it do not matter."""
    path = fake.add(0, webcam(), name="C920")
    fake.hold(4321, "obs", path)
    (fake.root / "proc" / "self").mkdir()
    (fake.root / "proc" / "99").mkdir()
    assert find_holders(fake.machine()) == {path: "obs (pid 4321)"}


def test_loopback_is_not_in_use_by_what_feeds_it(fake: FakeMachine) -> None:
    """A loopback camera serves any number of readers; the program that writes to it is no obstacle."""
    path = fake.add(0, FakeDriver(driver="v4l2 loopback", bus="platform:v4l2loopback-000"), name="Phone")
    fake.hold(4321, "obs", path)
    (device,) = list_linux_cameras(fake.machine())
    assert (device.state, device.holder) == (CameraState.READY, "")


def test_own_process_is_no_holder(fake: FakeMachine) -> None:
    """A camera that this very program has open is not "in use by another"."""
    path = fake.add(0, webcam(), name="C920")
    fake.hold(os.getpid(), "avatar-bridge", path)
    (device,) = list_linux_cameras(fake.machine())
    assert device.state is CameraState.READY


def _forbidden(fake: FakeMachine) -> str:
    return fake.add(0, FakeDriver(open_error=errno.EACCES), name="C920")


def _busy(fake: FakeMachine) -> str:
    path = fake.add(0, FakeDriver(buffers_error=errno.EBUSY), name="C920")
    fake.hold(4321, "obs", path)
    return path


def _busy_by_somebody(fake: FakeMachine) -> str:
    return fake.add(0, FakeDriver(open_error=errno.EBUSY), name="C920")


def _absent(fake: FakeMachine) -> str:
    return str(fake.root / "dev" / "video5")


def _metadata(fake: FakeMachine) -> str:
    return fake.add(0, FakeDriver(caps=METADATA), name="C920")


def _idle_loopback(fake: FakeMachine) -> str:
    return fake.add(0, FakeDriver(caps=OUTPUT, driver="v4l2 loopback"), name="Avatar Camera")


def _broken(fake: FakeMachine) -> str:
    return fake.add(0, FakeDriver(open_error=errno.EIO), name="C920")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_forbidden, "may not be opened by this user: run 'sudo usermod -aG video $USER' and log in again"),
        (_busy, "is in use by obs (pid 4321): close that program, or choose another camera"),
        (_busy_by_somebody, "is in use by another program: close that program, or choose another camera"),
        (_absent, "is not there: plug it in"),
        (_metadata, "is not a camera (it captures no video): run avatar-bridge cameras to see which are"),
        (_idle_loopback, "is a loopback camera that no program writes to: start the program that feeds it"),
        (_broken, "cannot be opened: Input/output error"),
    ],
)
def test_reason_and_remedy(fake: FakeMachine, make: Callable[[FakeMachine], str], reason: str) -> None:
    """Each way of not opening has its own sentence."""
    assert explain_node(make(fake), fake.machine()) == reason


def test_nothing_wrong_is_none_and_the_probe_gives_its_buffer_back(fake: FakeMachine) -> None:
    """A camera that is fine gives no reason; the one buffer asked for is returned."""
    driver = webcam()
    path = fake.add(0, driver, name="C920")
    assert explain_node(path, fake.machine()) is None
    assert driver.requested == [(1, 1, 1), (0, 1, 1)]
    assert fake.open_files == []


def test_this_machine_can_be_listed() -> None:
    """On the real system the listing returns, with or without cameras."""
    assert all(device.openings for device in list_linux_cameras())
