"""From ``source.input`` to a source: ``auto``, ``camera``, ``camera:WHICH``, ``demo``, a file or a folder, or a sender in the
network (``vmc``, ``ifacialmocap:HOST``, ...)."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from bridge.clock import Clock, monotonic
from bridge.errors import ConfigError, SourceUnavailable
from bridge.recording import is_recording
from bridge.settings import SourceSettings
from bridge.sources.camera import CameraSource
from bridge.sources.camera_capture import OpenCapture, open_capture
from bridge.sources.camera_devices import CameraDevice, list_cameras
from bridge.sources.demo import DemoSource
from bridge.sources.recording import RECORDING_SUFFIXES, RecordingSource
from bridge.sources.report import SourceReport
from bridge.sources.video import VideoSource
from bridge.types import CameraFrame, Source, TrackResult

NETWORK_SOURCES: Mapping[str, str] = MappingProxyType({
    "facemotion3d": "bridge.sources.facemotion3d:make_source",
    "ifacialmocap": "bridge.sources.ifacialmocap:make_source",
    "livelink": "bridge.sources.livelink:make_source",
    "vmc": "bridge.sources.vmc:make_source",
    "vts-phone": "bridge.sources.vts_phone:make_source",
})  # fmt: skip
"""Word before the colon -> "module:function", called with the settings, what follows the colon, and ``clock``."""


def make_source(
    settings: SourceSettings,
    *,
    loop: bool | None = None,
    clock: Clock = monotonic,
    devices: Callable[[], Sequence[CameraDevice]] = list_cameras,
    opener: OpenCapture = open_capture,
) -> Source:
    """The source that ``settings.input`` names, not yet open.

    ``loop`` goes over ``settings.loop``; the demo loops unless ``loop`` is False.
    Raises ConfigError for what no source can be, SourceUnavailable for a file that is not there.
    """
    text = settings.input.strip()
    repeat = settings.loop if loop is None else loop
    demo = DemoSource(fps=settings.fps, loop=loop is not False, clock=clock)
    if text in ("", "auto"):
        return AutoSource(CameraSource(settings, clock=clock, devices=devices, opener=opener), demo, devices=devices)
    if text == "demo":
        return demo
    kind, colon, which = text.partition(":")
    if kind == "camera" and (colon or text == "camera"):
        return CameraSource(settings, which, clock=clock, devices=devices, opener=opener)
    if kind in NETWORK_SOURCES and not (colon == "" and Path(text).exists()):
        module, _, function = NETWORK_SOURCES[kind].partition(":")
        made: Source = getattr(importlib.import_module(module), function)(settings, which, clock=clock)
        return made
    path = _existing(text)
    if path.is_file() and (path.suffix.lower() in RECORDING_SUFFIXES or is_recording(path)):
        return RecordingSource(path, loop=repeat, clock=clock)
    return VideoSource(path, fps=settings.fps, loop=repeat, clock=clock)


def _existing(text: str) -> Path:
    if re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE):
        raise ConfigError(f"source.input {text!r}: streams from the network are not supported; name a camera, a file or a folder")
    try:
        path = Path(text).expanduser()
        there = path.exists()
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, an unknown ~user
        raise SourceUnavailable(f"Source {text!r} is no usable path: {error}") from error
    if there:
        return path
    could_be_a_camera = len(text) <= 40 and text.isprintable() and not set(text) & set("/\\.")
    hint = f"; for a camera write camera:{text}" if could_be_a_camera else ""
    raise SourceUnavailable(f"There is no file or folder {text!r}: check the path{hint}")


class AutoSource:
    """The first camera that works, else the demo performance; decided at the first ``open``, kept afterwards.

    So a camera that is lost later is waited for: the demo does not jump in.
    """

    def __init__(self, camera: CameraSource, demo: DemoSource, *, devices: Callable[[], Sequence[CameraDevice]]) -> None:
        self._camera = camera
        self._demo = demo
        self._devices = devices
        self._chosen: CameraSource | DemoSource | None = None
        self.notice: str | None = None
        """One sentence for the user when the demo plays because no camera does."""

    @property
    def label(self) -> str:
        return "auto" if self._chosen is None else self._chosen.label

    @property
    def live(self) -> bool:
        return self._chosen is None or self._chosen.live

    @property
    def delivers_results(self) -> bool:
        """Known once it is open."""
        return self._chosen is self._demo

    @property
    def full_range(self) -> bool:
        """As ``DemoSource.full_range``; known once it is open."""
        return self._chosen is self._demo

    @property
    def camera_id(self) -> str:
        """The camera's, once it is open; "demo" for the demo."""
        return self._demo.label if self._chosen is self._demo else self._camera.camera_id

    def open(self) -> None:
        """Raises SourceUnavailable when the chosen one does not open again, SourceEnded when cancelled."""
        if self._chosen is not None:
            self._chosen.open()
            return
        problem = self._try_camera()
        if problem is None:
            self._chosen = self._camera
            return
        self._demo.open()
        self._chosen = self._demo
        self.notice = f"{problem}: the demo performance plays instead (avatar-bridge cameras lists what there is)"

    def _try_camera(self) -> str | None:
        """Why no camera delivers; None when one does."""
        if not self._devices():
            return "No camera was found"
        try:
            self._camera.open()
        except SourceUnavailable as error:
            return f"No camera works ({error})"
        return None

    def read(self) -> CameraFrame | TrackResult:
        return (self._chosen or self._camera).read()

    def close(self) -> None:
        self._camera.close()
        self._demo.close()

    def cancel(self) -> None:
        self._camera.cancel()
        self._demo.cancel()

    def report(self) -> SourceReport:
        """Of the chosen one."""
        return (self._chosen or self._camera).report()
