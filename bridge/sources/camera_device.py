"""One camera as a value: what it is called, what it can do, and how it is known again. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.sources.report import rate_text


class CameraState(enum.Enum):
    """What is known without opening it for pictures."""

    READY = "ready"
    IN_USE = "in use"
    """Another program has it open; it may still work."""
    FORBIDDEN = "no permission"
    NO_NODE = "no device file"
    """The system has the camera, but this place (a container, a sandbox) was not given its device file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraMode:
    """One pixel format at one size."""

    pixel_format: str
    """FourCC: "YUYV", "MJPG", "NV12"."""
    width: int
    height: int
    fps: tuple[float, ...]
    """Rates, fastest first; empty when the driver does not tell."""

    @property
    def max_fps(self) -> float:
        """0 when unknown."""
        return self.fps[0] if self.fps else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraIdentity:
    """What stays the same when a camera is unplugged and plugged in again, whatever number it gets."""

    name: str
    usb_id: str
    """"046d:082d", empty for what is not on USB."""
    serial: str
    """Empty for the many cameras that have none."""
    node: int
    """Which of the several video nodes of one camera."""
    port: str
    """Where it is plugged in. Changes when it moves to another socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One way to open a camera with OpenCV."""

    backend: int
    """``cv2.CAP_V4L2``, ..."""
    target: int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraDevice:
    """A camera that is there now."""

    index: int
    """The N of ``camera:N``: of /dev/videoN on Linux, the place in the list elsewhere."""
    identity: CameraIdentity
    path: str
    """The device file on Linux, the system's own identifier elsewhere."""
    stable_paths: tuple[str, ...]
    """Names that survive a restart: /dev/v4l/by-id/..., by-path/..."""
    modes: tuple[CameraMode, ...]
    """In formats that can be used; empty where the system does not tell."""
    state: CameraState
    holder: str
    """"obs (pid 1234)" when known and IN_USE, else empty."""
    openings: tuple[Opening, ...]
    """In the order to try."""

    @property
    def name(self) -> str:
        """As the system calls it: "Logitech C920"."""
        return self.identity.name

    @property
    def label(self) -> str:
        """ "Logitech C920 (/dev/video0)"."""
        return f"{self.name} ({self.path})" if self.path else self.name

    def describe(self) -> list[tuple[str, str]]:
        """Rows for ``avatar-bridge cameras``: (what, value); the first is the number and the name."""
        state = f"{self.state.value} by {self.holder}" if self.holder else self.state.value
        rows = [(f"camera:{self.index}", self.name), ("path", self.path)]
        rows += [("stable path", path) for path in self.stable_paths]
        rows += [("USB id", self.identity.usb_id)] if self.identity.usb_id else []
        rows += [(f"modes {pixel_format}", sizes) for pixel_format, sizes in _mode_rows(self.modes)]
        return [*rows, ("state", state)]


def _mode_rows(modes: Sequence[CameraMode]) -> list[tuple[str, str]]:
    """One row a pixel format: "1280x720 at 30, 640x480 at 30"."""
    rows: dict[str, list[str]] = {}
    for mode in modes:
        rate = f" at {rate_text(mode.max_fps)}" if mode.fps else ""
        rows.setdefault(mode.pixel_format, []).append(f"{mode.width}x{mode.height}{rate}")
    return [(pixel_format, ", ".join(sizes)) for pixel_format, sizes in rows.items()]


# --- choosing ---------------------------------------------------------------------------------------------------------


def matches(spec: str, devices: Sequence[CameraDevice]) -> list[CameraDevice]:
    """The cameras that ``spec`` means: a number, a path (also a stable one), a USB id, or a part of the name, case ignored."""
    if spec.isdecimal():
        return [device for device in devices if device.index == int(spec)]
    wanted = spec.casefold()
    by_path = [d for d in devices if spec in (d.path, *d.stable_paths) or wanted == d.path.casefold() != ""]
    by_id = [d for d in devices if wanted == d.identity.usb_id.casefold() != ""]
    by_name = [d for d in devices if wanted == d.name.casefold()]
    by_part = [d for d in devices if wanted in d.name.casefold()]
    return by_path or by_id or by_name or by_part


def twin_ports(device: CameraDevice, devices: Sequence[CameraDevice]) -> frozenset[str]:
    """Where the other cameras of the very same kind are plugged in."""
    kind = _kind(device.identity)
    return frozenset(d.identity.port for d in devices if d.path != device.path and _kind(d.identity) == kind)


def find_again(
    identity: CameraIdentity, devices: Sequence[CameraDevice], *, twins: frozenset[str] = frozenset()
) -> CameraDevice | None:
    """The very camera that ``identity`` was taken from, whatever its number now; None while it is away.

    Name, USB id, serial number and node must be the same. Two cameras that agree in all that (many have no serial number, or
    share one) can only be told apart by where they are plugged in: the one in the old socket is ours; one in a socket where a
    twin was when ours was opened (``twins``) is not; one in a new socket is ours, moved, if there is only one such.
    """
    alike = [d for d in devices if _kind(d.identity) == _kind(identity)]
    same_socket = [d for d in alike if d.identity.port == identity.port]
    if same_socket or not identity.usb_id:
        return _only(same_socket)
    return _only([d for d in alike if d.identity.port not in twins])


def _kind(identity: CameraIdentity) -> tuple[str, str, str, int]:
    return identity.name, identity.usb_id, identity.serial, identity.node


def _only(devices: Sequence[CameraDevice]) -> CameraDevice | None:
    return devices[0] if len(devices) == 1 else None


# --- modes ------------------------------------------------------------------------------------------------------------

RAW_FORMATS = ("YUYV", "NV12", "UYVY", "YU12", "YV12", "NV21", "YVYU", "RGB3", "BGR3")
"""Uncompressed colour formats that OpenCV converts, cheapest to carry and commonest first."""
COMPRESSED_FORMATS = ("MJPG", "JPEG")
USABLE_FORMATS = frozenset({*RAW_FORMATS, *COMPRESSED_FORMATS, "GREY", "Y10", "Y16"})
"""All that OpenCV converts, those of infrared cameras included."""


def best_formats(modes: Sequence[CameraMode], *, width: int, height: int, fps: float) -> tuple[str, ...]:
    """FourCCs to ask for, best first: raw where it reaches ``fps`` at that size (no picture to unpack), else MJPG.

    Empty when the camera tells nothing. Sizes that a format does not have count with the nearest that it has.
    """
    rates: dict[str, float] = {}
    distances: dict[str, int] = {}
    for mode in modes:
        distance = abs(mode.width - width) + abs(mode.height - height)
        known = distances.get(mode.pixel_format)
        if known is None or distance < known:
            distances[mode.pixel_format], rates[mode.pixel_format] = distance, mode.max_fps
        elif distance == known:
            rates[mode.pixel_format] = max(rates[mode.pixel_format], mode.max_fps)
    raw = [name for name in RAW_FORMATS if name in rates]
    packed = [name for name in COMPRESSED_FORMATS if name in rates]
    if not raw or not packed:
        return (*raw[:1], *packed[:1])

    def score(name: str) -> tuple[int, float]:
        """Nearer size first, then rate up to what is wanted; raw wins a tie by standing first."""
        rate = rates[name] or fps
        return -distances[name], min(rate, 0.95 * fps)

    ordered = sorted((max(raw, key=score), packed[0]), key=score, reverse=True)
    return tuple(ordered)
