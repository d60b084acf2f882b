"""The listing of Windows and macOS, with a stand-in for the library that asks those systems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.sources.camera_devices_desktop import CAP_AVFOUNDATION, CAP_DSHOW, CAP_MSMF, list_desktop_cameras


@dataclass
class FakeInfo:
    index: int
    name: str
    path: str | None
    vid: int | None = None
    pid: int | None = None


USB = r"\\?\usb#vid_046d&pid_082d&mi_00#7&1a2b3c&0&0000"
MODERN = f"{USB}#{{e5323777-f976-4f5b-9b55-b94699c46e44}}\\global"
OLD = f"{USB}#{{65E8773D-8F56-11D0-A3B9-00A0C9223196}}\\global"


def system(**by_backend: list[FakeInfo]) -> Callable[[int], list[FakeInfo]]:
    """What ``enumerate_cameras`` gives per backend."""
    names = {CAP_MSMF: "msmf", CAP_DSHOW: "dshow", CAP_AVFOUNDATION: "avfoundation"}
    return lambda backend: by_backend.get(names[backend], [])


def test_windows_camera_has_two_ways_to_open() -> None:
    """Media Foundation first, DirectShow with its own number second; the device is one."""
    cameras = list_desktop_cameras(
        windows=True,
        enumerate_cameras=system(
            msmf=[FakeInfo(0, "C920", MODERN, 0x046D, 0x082D)],
            dshow=[FakeInfo(0, "OBS Virtual Camera", None), FakeInfo(1, "C920", OLD, 0x046D, 0x082D)],
        ),
    )
    assert [(0, "C920"), (1, "OBS Virtual Camera")] == [(camera.index, camera.name) for camera in cameras]
    assert [(CAP_MSMF, 0), (CAP_DSHOW, 1)] == [(opening.backend, opening.target) for opening in cameras[0].openings]
    assert [(CAP_DSHOW, 0)] == [(opening.backend, opening.target) for opening in cameras[1].openings]


def test_windows_identity_is_the_device_not_the_interface() -> None:
    """USB id, and the path without the class that each interface appends."""
    (camera,) = list_desktop_cameras(windows=True, enumerate_cameras=system(msmf=[FakeInfo(0, "C920", MODERN, 0x046D, 0x082D)]))
    assert (camera.identity.usb_id, camera.identity.port) == ("046d:082d", USB)


def test_macos_cameras_are_numbered_by_the_system() -> None:
    """AVFoundation's numbers and unique ids."""
    cameras = list_desktop_cameras(
        windows=False,
        enumerate_cameras=system(
            avfoundation=[FakeInfo(0, "FaceTime HD Camera", "47B4"), FakeInfo(1, "C920", "0x1400", 1133, 2093)]
        ),
    )
    assert [("FaceTime HD Camera", "47B4", ""), ("C920", "0x1400", "046d:082d")] == [
        (camera.name, camera.path, camera.identity.usb_id) for camera in cameras
    ]
    assert [[(CAP_AVFOUNDATION, 0)], [(CAP_AVFOUNDATION, 1)]] == [
        [(opening.backend, opening.target) for opening in camera.openings] for camera in cameras
    ]


def test_no_camera_is_an_empty_list() -> None:
    """On both systems."""
    assert [[], []] == [list_desktop_cameras(windows=windows, enumerate_cameras=system()) for windows in (True, False)]
