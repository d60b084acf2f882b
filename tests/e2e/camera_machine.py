"""The cameras of the virtual machine that ``camera_guest.py`` runs in, and the words its scenarios are made of."""

from __future__ import annotations

import contextlib
import importlib
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bridge.errors import SourceLost, SourceUnavailable
from bridge.settings import SourceSettings
from bridge.sources.camera import CameraSource
from bridge.sources.camera_devices import list_cameras
from bridge.types import CameraFrame

SIZE = (640, 480)
SMALL = (80, 60)
"""The reference pictures: the clip's, RGB, shrunk."""
FPS = 20.0
WEBCAM, SECOND, VIVID = "/dev/video0", "/dev/video1", "/dev/video9"
VIVID_NODES = 0x1 | 0x100 | 0x20000 | 0x40000
"""Capture, output, metadata capture, metadata output (``node_types`` of vivid)."""
PATIENCE_S = 90.0
MOST_FRAMES = 200
"""A source that was going to fail has done so by then: more than any queue holds."""


class Machine:
    """The guest's cameras, and what a scenario has to say."""

    def __init__(self, tools: Path, data: Path, model: Path) -> None:
        sys.path.insert(0, str(tools))
        self.camguest: Any = importlib.import_module("camguest")
        self.data = data
        self.model = model
        self.vivid: Any = None
        self.said: list[str] = []

    def say(self, line: str) -> None:
        """For the log, and for whoever reads the results."""
        print(f"    {line}", flush=True)
        self.said.append(line)

    def start(self) -> None:
        """Loads the drivers; no camera shows a picture yet but vivid."""
        # Loopback first: vivid's further nodes take the lowest numbers that are free.
        self.camguest.load_loopback("Test Webcam", "Avatar Camera")
        modules = Path(self.camguest.MODULES)
        for name in (modules / "order").read_text().split():
            options = ["n_devs=1", f"node_types={VIVID_NODES:#x}", "vid_cap_nr=9"] if name == "vivid" else []
            self.camguest.insmod(name, *options)
        self.vivid = self.camguest.Vivid()

    @contextlib.contextmanager
    def feeding(self, device: str, fourcc: str = "YUYV") -> Iterator[Any]:
        """A process that plays the clip into a loopback camera; ended on leaving."""
        clip = self.data / f"face.{fourcc.lower()}"
        feeder = self.camguest.Feeder(device, str(clip), f"{SIZE[0]}x{SIZE[1]}", fourcc, FPS)
        try:
            yield feeder
        finally:
            feeder.stop()
            # Makes v4l2loopback 0.12 take a writer again; it notices only when it is asked for its capabilities.
            self.camguest.free_stuck(device)
            self.camguest.capabilities(device)

    def restore(self) -> None:
        """Vivid's plug is in, also after a scenario that failed while it was out."""
        if not Path("/sys/bus/platform/drivers/vivid/vivid.0").exists():
            self.vivid.plug()

    def replug(self) -> None:
        """Vivid back in, wherever its node turns up."""
        self.vivid.plug()
        wait_until(lambda: any("vivid" in device.name for device in list_cameras()), "vivid is listed again")


# --- small words ------------------------------------------------------------------------------------------------------


def same(expected: object, actual: object) -> None:
    """pytest's rewriting does not reach here: says both."""
    assert expected == actual, f"expected {expected!r}, got {actual!r}"


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Polls; fails after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(0.02)


def camera(spec: str, *, read_timeout_s: float = 10.0) -> CameraSource:
    """As ``--source camera:SPEC`` makes it; patient, because a busy machine may stall."""
    return CameraSource(SourceSettings(fps=FPS, read_timeout_s=read_timeout_s), spec)


def read(source: CameraSource, count: int) -> CameraFrame:
    """The last of ``count`` frames, whose numbers and times rise."""
    frames = [source.read() for _ in range(count)]
    for earlier, later in pairwise(frames):
        same(earlier.seq + 1, later.seq)
        assert earlier.t < later.t
    return frames[-1]


def lost(source: CameraSource) -> tuple[str, float]:
    """Reads until the camera is lost: the sentence, and the seconds since the last picture."""
    since_s = time.monotonic()
    for _ in range(MOST_FRAMES):
        try:
            source.read()
        except SourceLost as error:
            return str(error), time.monotonic() - since_s
        since_s = time.monotonic()
    raise AssertionError(f"{source.label} still delivers after {MOST_FRAMES} frames")


def refused(source: CameraSource) -> str:
    """Why it does not open."""
    try:
        source.open()
    except SourceUnavailable as error:
        return str(error)
    source.close()
    raise AssertionError(f"{source.label} opened")


def distance(image: np.ndarray[Any, Any], references: np.ndarray[Any, Any]) -> float:
    """Mean difference, 0..255, to the likest of the clip's pictures."""
    import cv2

    small = cv2.resize(image, SMALL, interpolation=cv2.INTER_AREA).astype(np.float32)
    return float(np.abs(references.astype(np.float32) - small).mean(axis=(1, 2, 3)).min())


# --- what the whole program does ---------------------------------------------------------------------------------------


class VmcPort:
    """A UDP port of the guest, read by python-osc."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.url = f"vmc://127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        self._socket.close()

    def _datagram(self, wait_s: float) -> bytes:
        ready, _, _ = select.select([self._socket], [], [], wait_s)
        return self._socket.recv(65535) if ready else b""

    def forget(self) -> None:
        """What has arrived so far."""
        while self._datagram(0.0):
            pass

    def frames(self, count: int, *, face: bool | None = None) -> None:
        """Waits for ``count`` frames; ``face`` True or False: only those in which one moves the avatar, or none does, count."""
        from pythonosc.osc_bundle import OscBundle
        from pythonosc.osc_message import OscMessage

        found = 0
        weights: list[float] = []
        deadline = time.monotonic() + PATIENCE_S
        while found < count:
            assert time.monotonic() < deadline, f"{found} of {count} frames (face: {face}) within {PATIENCE_S:g} s"
            data = self._datagram(0.5)
            if not data:
                continue
            for message in OscBundle(data) if OscBundle.dgram_is_bundle(data) else [OscMessage(data)]:
                if message.address == "/VMC/Ext/Blend/Val":
                    weights.append(message.params[1])
                elif message.address == "/VMC/Ext/Blend/Apply":
                    found += face is None or face == (max(weights, default=0.0) > 0.1)
                    weights = []


def holds(process: int, device: str) -> bool:
    """Whether the process has the device open."""
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()).startswith(device):
                    return True
    return False
