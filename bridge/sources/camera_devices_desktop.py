"""Cameras of Windows and macOS, as OpenCV numbers them. Modes are not told there; nor is who uses them.

Written to the interfaces of cv2-enumerate-cameras; tried with a stand-in for it, not on those systems.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from bridge.sources.camera_device import CameraDevice, CameraIdentity, CameraState, Opening

log = logging.getLogger(__name__)

CAP_DSHOW, CAP_AVFOUNDATION, CAP_MSMF = 700, 1200, 1400
"""``cv2``'s numbers; cv2 is not imported for a listing."""


class Info(Protocol):
    """What ``cv2_enumerate_cameras.enumerate_cameras(backend)`` yields."""

    index: int
    name: str
    path: str | None
    vid: int | None
    pid: int | None


Enumerate = Callable[[int], Iterable[Info]]


def list_desktop_cameras(*, windows: bool, enumerate_cameras: Enumerate | None = None) -> list[CameraDevice]:
    """All cameras, numbered from 0 in the order of the system."""
    if enumerate_cameras is None:
        try:
            enumerate_cameras = importlib.import_module("cv2_enumerate_cameras").enumerate_cameras
        except ImportError as error:
            log.warning("cameras cannot be listed (%s): install cv2-enumerate-cameras", error)
            return []
    if not windows:
        return [_device(number, [(CAP_AVFOUNDATION, info)]) for number, info in enumerate(enumerate_cameras(CAP_AVFOUNDATION))]
    # Media Foundation first; DirectShow as the second way, and the only one of many virtual cameras.
    modern, old = list(enumerate_cameras(CAP_MSMF)), list(enumerate_cameras(CAP_DSHOW))
    cameras: list[list[tuple[int, Info]]] = []
    for info in modern:
        twin = next((candidate for candidate in old if _same(info, candidate)), None)
        if twin is not None:
            old.remove(twin)
        cameras.append([(CAP_MSMF, info)] + ([(CAP_DSHOW, twin)] if twin is not None else []))
    cameras += [[(CAP_DSHOW, info)] for info in old]
    return [_device(number, ways) for number, ways in enumerate(cameras)]


def _device(number: int, ways: Sequence[tuple[int, Info]]) -> CameraDevice:
    first = ways[0][1]
    usb_id = f"{first.vid:04x}:{first.pid:04x}" if first.vid is not None and first.pid is not None else ""
    return CameraDevice(
        index=number,
        identity=CameraIdentity(name=first.name, usb_id=usb_id, serial="", node=0, port=_place(first)),
        path=first.path or "",
        stable_paths=(),
        modes=(),
        state=CameraState.READY,
        holder="",
        openings=tuple(Opening(backend=backend, target=info.index) for backend, info in ways),
    )


def _place(info: Info) -> str:
    """The device's path without the class that each Windows interface appends ("#{...}")."""
    return (info.path or "").lower().partition("#{")[0]


def _same(one: Info, other: Info) -> bool:
    return _place(one) == _place(other) if one.path and other.path else one.name == other.name
