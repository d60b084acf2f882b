"""Choosing a camera, knowing it again, and the format to ask it for."""

from __future__ import annotations

import pytest

from bridge.errors import SourceUnavailable
from bridge.sources.camera_device import (
    CameraDevice,
    CameraIdentity,
    CameraMode,
    CameraState,
    Opening,
    best_formats,
    find_again,
    matches,
    twin_ports,
)
from bridge.sources.camera_devices import find_camera


def make_device(
    index: int,
    name: str = "C920",
    *,
    usb_id: str = "046d:082d",
    serial: str = "",
    port: str = "1-1",
    node: int = 0,
    stable_paths: tuple[str, ...] = (),
) -> CameraDevice:
    path = f"/nowhere/video{index}"
    return CameraDevice(
        index=index,
        identity=CameraIdentity(name=name, usb_id=usb_id, serial=serial, node=node, port=port),
        path=path,
        stable_paths=stable_paths,
        modes=(),
        state=CameraState.READY,
        holder="",
        openings=(Opening(backend=200, target=path),),
    )


BUILT_IN = make_device(0, "Integrated Camera", usb_id="5986:2113", port="1-8")
C920 = make_device(2, "HD Pro Webcam C920", port="1-2", stable_paths=("/nowhere/by-id/usb-C920",))
C922 = make_device(10, "C922 Pro Stream Webcam", usb_id="046d:085c", port="1-3")
ALL = (BUILT_IN, C920, C922)


# --- choosing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("0", [BUILT_IN]),
        ("10", [C922]),
        ("1", []),
        ("integrated", [BUILT_IN]),
        ("WEBCAM", [C920, C922]),
        ("c920", [C920]),
        ("Integrated Camera", [BUILT_IN]),
        ("/nowhere/video2", [C920]),
        ("/nowhere/by-id/usb-C920", [C920]),
        ("046D:085C", [C922]),
        ("obs", []),
    ],
)
def test_spec_means(spec: str, expected: list[CameraDevice]) -> None:
    """Number, part of the name without case, path, stable path, USB id."""
    assert matches(spec, ALL) == expected


def test_whole_name_wins_over_a_part() -> None:
    """ "Cam" is the camera called so, although others have it in their names."""
    cam = make_device(5, "Cam")
    assert matches("cam", (make_device(4, "Cam Link"), cam)) == [cam]


def test_one_match_is_found() -> None:
    """A clear choice."""
    assert find_camera("c920", ALL) is C920


def test_several_matches_are_listed() -> None:
    """The sentence names each and how to choose."""
    with pytest.raises(SourceUnavailable) as caught:
        find_camera("webcam", ALL)
    assert str(caught.value) == (
        "2 cameras match 'webcam': HD Pro Webcam C920 (/nowhere/video2) is camera:2, "
        "C922 Pro Stream Webcam (/nowhere/video10) is camera:10; name one by its number or its path"
    )


def test_no_match_lists_what_there_is() -> None:
    """The sentence names the cameras and the command that tells more."""
    with pytest.raises(SourceUnavailable) as caught:
        find_camera("obs", (BUILT_IN, C920))
    assert str(caught.value) == (
        "No camera matches 'obs'; there is camera:0 Integrated Camera, camera:2 HD Pro Webcam C920 "
        "(avatar-bridge cameras tells more)"
    )


@pytest.mark.parametrize("spec", ["obs", "999", "/nowhere/by-id/x"])
def test_no_camera_at_all_says_so(spec: str) -> None:
    """Without any camera the remedy is another one."""
    with pytest.raises(SourceUnavailable, match="none is connected: plug it in, or use --source demo"):
        find_camera(spec, ())


# --- knowing again ------------------------------------------------------------------------------------------------------


def test_same_camera_under_another_number() -> None:
    """The number may change, the camera not."""
    again = make_device(7, "HD Pro Webcam C920", port="1-2")
    assert find_again(C920.identity, (BUILT_IN, again)) is again


def test_another_camera_is_never_taken() -> None:
    """Whatever else is there, also under the old number: not ours."""
    assert find_again(C920.identity, (BUILT_IN, C922, make_device(2, "Other", port="1-2"))) is None


def test_camera_moved_to_another_socket() -> None:
    """The only one of its kind is ours wherever it is plugged in."""
    moved = make_device(3, "HD Pro Webcam C920", port="3-4")
    assert find_again(C920.identity, (moved,)) is moved


def test_twin_in_its_own_socket_is_not_ours() -> None:
    """Two cameras without serial numbers: when ours is away, the other is not taken for it."""
    ours, twin = make_device(0, port="1-1"), make_device(2, port="1-2")
    twins = twin_ports(ours, (ours, twin))
    assert twins == frozenset({"1-2"})
    assert find_again(ours.identity, (twin,), twins=twins) is None


def test_ours_beside_its_twin() -> None:
    """Both there: the old socket decides; in a new socket, the one that is not where the twin was."""
    ours, twin = make_device(0, port="1-1"), make_device(2, port="1-2")
    moved = make_device(5, port="4-1")
    assert find_again(ours.identity, (twin, ours), twins=frozenset({"1-2"})) is ours
    assert find_again(ours.identity, (twin, moved), twins=frozenset({"1-2"})) is moved


def test_two_candidates_in_new_sockets_are_none() -> None:
    """Where nothing tells them apart, none is taken."""
    ours = make_device(0, port="1-1")
    assert find_again(ours.identity, (make_device(3, port="4-1"), make_device(4, port="4-2"))) is None


def test_serial_number_tells_two_of_a_kind_apart() -> None:
    """Same name and USB id, another serial number: another camera, even in the old socket."""
    ours = make_device(0, serial="A", port="1-1")
    other = make_device(0, serial="B", port="1-1")
    moved = make_device(3, serial="A", port="2-1")
    assert find_again(ours.identity, (other,)) is None
    assert find_again(ours.identity, (other, moved)) is moved


def test_serial_number_shared_by_two_is_not_trusted() -> None:
    """Cheap cameras all say SN0001: the twin is not taken."""
    ours, twin = make_device(0, serial="SN0001", port="1-1"), make_device(2, serial="SN0001", port="1-2")
    assert find_again(ours.identity, (twin,), twins=twin_ports(ours, (ours, twin))) is None


def test_each_node_of_a_camera_is_its_own() -> None:
    """The infrared node of a camera is not its colour node."""
    ours = make_device(0, node=0)
    assert find_again(ours.identity, (make_device(2, node=2),)) is None


def test_camera_that_is_not_on_usb_must_be_at_its_place() -> None:
    """Two loopback cameras of one label are told apart by their bus names."""
    ours = make_device(0, "Loop", usb_id="", port="platform:v4l2loopback-000")
    other = make_device(1, "Loop", usb_id="", port="platform:v4l2loopback-001")
    assert find_again(ours.identity, (other,)) is None
    assert find_again(ours.identity, (other, ours)) is ours


# --- formats ------------------------------------------------------------------------------------------------------------


def mode(pixel_format: str, width: int, height: int, *fps: float) -> CameraMode:
    return CameraMode(pixel_format=pixel_format, width=width, height=height, fps=fps)


WEBCAM = (
    mode("MJPG", 1920, 1080, 30.0),
    mode("MJPG", 1280, 720, 60.0, 30.0),
    mode("MJPG", 640, 480, 30.0),
    mode("YUYV", 1920, 1080, 5.0),
    mode("YUYV", 1280, 720, 10.0),
    mode("YUYV", 640, 480, 30.0, 15.0),
)


@pytest.mark.parametrize(
    ("width", "height", "fps", "expected"),
    [
        (640, 480, 30.0, ("YUYV", "MJPG")),
        (640, 480, 15.0, ("YUYV", "MJPG")),
        (640, 480, 60.0, ("YUYV", "MJPG")),
        (1280, 720, 30.0, ("MJPG", "YUYV")),
        (1280, 720, 10.0, ("YUYV", "MJPG")),
        (1920, 1080, 30.0, ("MJPG", "YUYV")),
        (1918, 1078, 30.0, ("MJPG", "YUYV")),
    ],
)
def test_raw_where_it_is_fast_enough(width: int, height: int, fps: float, expected: tuple[str, ...]) -> None:
    """MJPG is taken only where raw pictures cannot reach the rate and MJPG does better."""
    assert best_formats(WEBCAM, width=width, height=height, fps=fps) == expected


def test_size_that_raw_does_not_have_is_mjpg() -> None:
    """The size counts before the rate."""
    modes = (mode("MJPG", 1280, 720, 30.0), mode("YUYV", 640, 480, 30.0))
    assert best_formats(modes, width=1280, height=720, fps=30.0) == ("MJPG", "YUYV")


def test_nominal_rates_count_as_round_ones() -> None:
    """29.97 fps raw is good enough for 30."""
    modes = (mode("MJPG", 640, 480, 30.0), mode("YUYV", 640, 480, 29.97))
    assert best_formats(modes, width=640, height=480, fps=30.0)[0] == "YUYV"


def test_unknown_rates_count_as_fast_enough() -> None:
    """A driver that tells no rates is asked for raw."""
    assert best_formats((mode("MJPG", 640, 480), mode("YUYV", 640, 480)), width=640, height=480, fps=30.0)[0] == "YUYV"


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ((), ()),
        ((mode("H264", 640, 480, 30.0),), ()),
        ((mode("MJPG", 640, 480, 30.0),), ("MJPG",)),
        ((mode("NV12", 640, 480, 30.0),), ("NV12",)),
        ((mode("NV12", 640, 480, 30.0), mode("MJPG", 640, 480, 30.0)), ("NV12", "MJPG")),
    ],
)
def test_only_what_the_camera_has_is_asked_for(modes: tuple[CameraMode, ...], expected: tuple[str, ...]) -> None:
    """Formats that OpenCV cannot unpack are not asked for."""
    assert best_formats(modes, width=640, height=480, fps=30.0) == expected


def test_faster_raw_format_is_preferred() -> None:
    """NV12 at full rate beats YUYV at a tenth."""
    modes = (mode("YUYV", 1280, 720, 10.0), mode("NV12", 1280, 720, 30.0), mode("MJPG", 1280, 720, 30.0))
    assert best_formats(modes, width=1280, height=720, fps=30.0) == ("NV12", "MJPG")
