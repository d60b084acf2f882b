"""Made-up cameras on a desk: plugged in and out, delivering pictures on a clock that moves only when told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bridge.settings import SourceSettings
from bridge.sources.camera import CameraSource
from bridge.sources.camera_capture import CameraCapture, CaptureRequest
from bridge.sources.camera_device import CameraDevice, CameraIdentity, CameraMode, CameraState, Opening
from bridge.types import ImageArray, frozen_array


class FakeClock:
    """Moves only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def picture(width: int = 640, height: int = 480) -> ImageArray:
    """A black one."""
    return frozen_array(np.zeros((height, width, 3), np.uint8))


@dataclass
class FakeCapture:
    """Delivers ``left`` pictures, one each 1 / ``rate`` seconds, then fails; or stays silent."""

    clock: FakeClock
    fourcc: str = "YUYV"
    fps: float = 30.0
    rate: float = 30.0
    size: tuple[int, int] = (640, 480)
    left: int = 1000
    silent: bool = False
    closed: bool = False
    timeouts: list[float] = field(default_factory=list)

    def read(self, *, timeout_s: float, cancelled: Callable[[], bool]) -> ImageArray | None:
        self.timeouts.append(timeout_s)
        if self.silent:
            self.clock.now += timeout_s
            return None
        if self.left == 0:
            return None
        self.left -= 1
        self.clock.now += 1 / self.rate
        return picture(*self.size)

    def close(self) -> None:
        self.closed = True


class Desk:
    """The cameras that are plugged in, and what happens when they are opened."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.devices: list[CameraDevice] = []
        self.captures: dict[int | str, list[FakeCapture | None]] = {}
        self.opened: list[tuple[int, int | str, CaptureRequest]] = []

    def plug(self, device: CameraDevice, *captures: FakeCapture | None) -> CameraDevice:
        """``captures``: what opening it gives, one after the other; the last again and again."""
        self.devices.append(device)
        self.captures[device.path] = list(captures) or [FakeCapture(self.clock)]
        return device

    def unplug(self, device: CameraDevice) -> None:
        self.devices.remove(device)

    def open_capture(self, opening: Opening, request: CaptureRequest) -> CameraCapture | None:
        self.opened.append((opening.backend, opening.target, request))
        captures = self.captures[opening.target]
        return captures.pop(0) if len(captures) > 1 else captures[0]

    def source(self, spec: str = "", settings: SourceSettings | None = None) -> CameraSource:
        return CameraSource(
            settings or SourceSettings(), spec, clock=self.clock, devices=self._list, opener=self.open_capture
        )  # fmt: skip

    def _list(self) -> Sequence[CameraDevice]:
        return tuple(self.devices)


def make_device(
    index: int, name: str, *, port: str = "1-1", modes: tuple[CameraMode, ...] = (), usb_id: str = "046d:082d"
) -> CameraDevice:
    path = f"/nowhere/video{index}"
    return CameraDevice(
        index=index,
        identity=CameraIdentity(name=name, usb_id=usb_id, serial="", node=0, port=port),
        path=path,
        stable_paths=(),
        modes=modes,
        state=CameraState.READY,
        holder="",
        openings=(Opening(backend=200, target=path),),
    )
