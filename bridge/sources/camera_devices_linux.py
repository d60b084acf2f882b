"""Cameras of Linux, asked over V4L2 and sysfs: names, modes, who holds them, and why one does not open.

Structures and request numbers: ``linux/videodev2.h``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bridge.sources.camera_device import USABLE_FORMATS, CameraDevice, CameraIdentity, CameraMode, CameraState, Opening

CAP_V4L2 = 200
"""``cv2.CAP_V4L2``; cv2 is not imported for a listing."""

CAPABILITY = struct.Struct("=16s32s32sIII12x")
"""driver, card, bus_info, version, capabilities, device_caps."""
FMTDESC = struct.Struct("=III32sI16x")
"""index, type, flags, description, pixelformat."""
FRMSIZEENUM = struct.Struct("=9I8x")
"""index, pixel_format, type, then width, height or min, max, step of each."""
FRMIVALENUM = struct.Struct("=11I8x")
"""index, pixel_format, width, height, type, then one fraction of a second or min, max, step."""
REQUESTBUFFERS = struct.Struct("=3I8x")
"""count, type, memory."""

_WRITE, _READ = 1, 2


def _request(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | ord("V") << 8 | number


QUERYCAP = _request(_READ, 0, CAPABILITY.size)
ENUM_FMT = _request(_READ | _WRITE, 2, FMTDESC.size)
REQBUFS = _request(_READ | _WRITE, 8, REQUESTBUFFERS.size)
ENUM_FRAMESIZES = _request(_READ | _WRITE, 74, FRMSIZEENUM.size)
ENUM_FRAMEINTERVALS = _request(_READ | _WRITE, 75, FRMIVALENUM.size)

CAP_VIDEO_CAPTURE = 0x1
CAP_VIDEO_CAPTURE_MPLANE = 0x1000
_CAP_M2M = 0x4000 | 0x8000
_CAP_DEVICE_CAPS = 0x80000000
_BUF_CAPTURE, _BUF_CAPTURE_MPLANE, _MEMORY_MMAP = 1, 9, 1
_DISCRETE = 1
_LOOPBACK = "v4l2 loopback"
_ENUM_LIMIT = 256
_USUAL_SIZES = ((320, 240), (640, 360), (640, 480), (800, 600), (960, 540), (1280, 720), (1280, 960), (1920, 1080), (3840, 2160))

Ioctl = Callable[[int, int, bytearray], object]


def _ioctl(fd: int, request: int, data: bytearray) -> object:
    return fcntl.ioctl(fd, request, data, True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where to look and how to ask; tests put up their own."""

    sys_root: Path = Path("/sys/class/video4linux")
    dev_root: Path = Path("/dev")
    proc_root: Path = Path("/proc")
    ioctl: Ioctl = _ioctl
    open_node: Callable[[str], int] = lambda path: os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    close_node: Callable[[int], None] = os.close


THIS_MACHINE = Machine()


def list_linux_cameras(machine: Machine = THIS_MACHINE) -> list[CameraDevice]:
    """Every node that captures video, by number; metadata, output and codec nodes are left out."""
    try:
        nodes = sorted(
            (int(entry.name[5:]), entry) for entry in machine.sys_root.iterdir() if re.fullmatch(r"video\d+", entry.name)
        )
    except OSError:
        return []
    holders = find_holders(machine) if nodes else {}
    links = _stable_links(machine)
    devices = (_look_at(machine, number, entry, holders, links) for number, entry in nodes)
    return [device for device in devices if device is not None]


def _look_at(
    machine: Machine, number: int, entry: Path, holders: dict[str, str], links: dict[str, list[str]]
) -> CameraDevice | None:
    path = str(machine.dev_root / entry.name)
    node = int(_text(entry / "index") or 0)
    state = CameraState.READY
    modes: tuple[CameraMode, ...] = ()
    driver = bus = ""
    try:
        with _opened(machine, path) as fd:
            driver, bus, caps = _query(machine, fd)
            if not _captures(caps):
                return None
            modes = _modes(machine, fd, caps)
    except PermissionError:
        state = CameraState.FORBIDDEN
    except FileNotFoundError:
        state = CameraState.NO_NODE
    except OSError as error:
        if error.errno != errno.EBUSY:
            return None  # gone, or no V4L2 device at all
        state = CameraState.IN_USE
    if state is not CameraState.READY and node != 0:
        return None  # cannot be asked; a first node captures, further ones are mostly metadata
    # Of a loopback camera the holder is mostly the program that feeds it, and it serves many readers.
    holder = holders.get(path, "") if driver != _LOOPBACK else ""
    return CameraDevice(
        index=number,
        identity=_identity(entry, node=node, bus=bus),
        path=path,
        stable_paths=tuple(sorted(links.get(path, []))),
        modes=modes,
        state=CameraState.IN_USE if holder and state is CameraState.READY else state,
        holder=holder,
        openings=(Opening(backend=CAP_V4L2, target=path),),
    )


def _identity(entry: Path, *, node: int, bus: str) -> CameraIdentity:
    usb_id = serial = ""
    port = bus
    # device -> the USB interface (1-2:1.0); its parent is the USB device, whose folder is named after the socket (1-2)
    device = Path(os.path.realpath(entry / "device"))
    for folder in (device, device.parent):
        vendor, product = _text(folder / "idVendor"), _text(folder / "idProduct")
        if vendor and product:
            usb_id, serial, port = f"{vendor}:{product}", _text(folder / "serial"), folder.name
            break
    return CameraIdentity(
        name=_clean_name(_text(entry / "name") or entry.name), usb_id=usb_id, serial=serial, node=node, port=port
    )


def _clean_name(name: str) -> str:
    """ "Integrated Camera: Integrated C" (the kernel says it twice and cuts at 31 characters) -> "Integrated Camera"."""
    first, colon, second = name.partition(": ")
    return first if colon and first.startswith(second.strip()) else name


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _stable_links(machine: Machine) -> dict[str, list[str]]:
    """Device file -> its names under /dev/v4l."""
    links: dict[str, list[str]] = {}
    for kind in ("by-id", "by-path"):
        with contextlib.suppress(OSError):
            for link in (machine.dev_root / "v4l" / kind).iterdir():
                links.setdefault(os.path.realpath(link), []).append(str(link))
    return links


def find_holders(machine: Machine = THIS_MACHINE) -> dict[str, str]:
    """Device file -> "obs (pid 1234)" of another program that has it open, as far as this user may see."""
    found: dict[str, str] = {}
    prefix = str(machine.dev_root / "video")
    own = str(os.getpid())
    with contextlib.suppress(OSError):
        for process in machine.proc_root.iterdir():
            if not process.name.isdecimal() or process.name == own:
                continue
            with contextlib.suppress(OSError):
                for descriptor in (process / "fd").iterdir():
                    with contextlib.suppress(OSError):
                        target = str(descriptor.readlink())
                        if target.startswith(prefix):
                            found.setdefault(target, f"{_text(process / 'comm') or 'a program'} (pid {process.name})")
    return found


# --- asking a node ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(machine: Machine, path: str) -> Iterator[int]:
    fd = machine.open_node(path)
    try:
        yield fd
    finally:
        machine.close_node(fd)


def _query(machine: Machine, fd: int) -> tuple[str, str, int]:
    """driver, bus, and the capabilities of this very node."""
    data = bytearray(CAPABILITY.size)
    machine.ioctl(fd, QUERYCAP, data)
    driver, _, bus, _, all_caps, node_caps = CAPABILITY.unpack(data)
    texts = [raw.split(b"\0", 1)[0].decode("utf-8", "replace") for raw in (driver, bus)]
    return texts[0], texts[1], node_caps if all_caps & _CAP_DEVICE_CAPS else all_caps


def _captures(caps: int) -> bool:
    return bool(caps & (CAP_VIDEO_CAPTURE | CAP_VIDEO_CAPTURE_MPLANE)) and not caps & _CAP_M2M


def _enumerate(machine: Machine, fd: int, request: int, layout: struct.Struct, *fixed: int) -> Iterator[tuple[int, ...]]:
    """What the driver lists under indices 0, 1, 2, ... until it refuses. ``fixed`` are the fields after the index."""
    for index in range(_ENUM_LIMIT):
        data = bytearray(layout.size)
        struct.pack_into(f"={1 + len(fixed)}I", data, 0, index, *fixed)
        try:
            machine.ioctl(fd, request, data)
        except OSError:
            return
        yield layout.unpack(data)


def _modes(machine: Machine, fd: int, caps: int) -> tuple[CameraMode, ...]:
    """Only in formats that can be used: the kernel's test camera has 83, and asking for all their sizes takes a second."""
    kind = _BUF_CAPTURE if caps & CAP_VIDEO_CAPTURE else _BUF_CAPTURE_MPLANE
    modes = []
    for _, _, _, _, code in _enumerate(machine, fd, ENUM_FMT, FMTDESC, kind):
        fourcc = struct.pack("=I", code).decode("latin-1").rstrip()
        if fourcc not in USABLE_FORMATS:
            continue
        for width, height in _sizes(machine, fd, code):
            rates = _rates(machine, fd, code, width, height)
            modes.append(CameraMode(pixel_format=fourcc, width=width, height=height, fps=rates))
    return tuple(modes)


def _sizes(machine: Machine, fd: int, code: int) -> list[tuple[int, int]]:
    """Largest first. A driver that takes any size in a range: the usual ones, and its largest."""
    sizes: set[tuple[int, int]] = set()
    for _, _, kind, *numbers in _enumerate(machine, fd, ENUM_FRAMESIZES, FRMSIZEENUM, code):
        if kind == _DISCRETE:
            sizes.add((numbers[0], numbers[1]))
            continue
        min_w, max_w, step_w, min_h, max_h, step_h = numbers
        sizes.add((max_w, max_h))
        sizes.update(
            (w, h)
            for w, h in _USUAL_SIZES
            if min_w <= w <= max_w and min_h <= h <= max_h and not (w - min_w) % (step_w or 1) and not (h - min_h) % (step_h or 1)
        )
        break  # a range is the only entry
    return sorted(sizes, key=lambda size: (size[0] * size[1], size), reverse=True)


def _rates(machine: Machine, fd: int, code: int, width: int, height: int) -> tuple[float, ...]:
    """Frames per second, fastest first."""
    rates: set[float] = set()
    for entry in _enumerate(machine, fd, ENUM_FRAMEINTERVALS, FRMIVALENUM, code, width, height):
        fractions = entry[5:7] if entry[4] == _DISCRETE else entry[5:9]  # of a range: the shortest and the longest
        pairs = zip(fractions[::2], fractions[1::2], strict=True)
        rates.update(round(below / above, 3) for above, below in pairs if above)
        if entry[4] != _DISCRETE:
            break
    return tuple(sorted(rates, reverse=True))


# --- why one does not open ----------------------------------------------------------------------------------------------


def explain_node(path: str, machine: Machine = THIS_MACHINE) -> str | None:
    """Why the node does not deliver, with the remedy, to follow its name ("... is in use by ..."); None when nothing is wrong."""
    try:
        with _opened(machine, path) as fd:
            driver, _, caps = _query(machine, fd)
            if not _captures(caps):
                if driver == _LOOPBACK:
                    return "is a loopback camera that no program writes to: start the program that feeds it"
                return "is not a camera (it captures no video): run avatar-bridge cameras to see which are"
            _probe_buffers(machine, fd, caps)
    except OSError as error:
        return _explain_errno(error.errno, path, machine)
    return None


def _probe_buffers(machine: Machine, fd: int, caps: int) -> None:
    """Asks for one buffer and gives it back; EBUSY when another program streams."""
    kind = _BUF_CAPTURE if caps & CAP_VIDEO_CAPTURE else _BUF_CAPTURE_MPLANE
    for count in (1, 0):
        machine.ioctl(fd, REQBUFS, bytearray(REQUESTBUFFERS.pack(count, kind, _MEMORY_MMAP)))


def _explain_errno(code: int | None, path: str, machine: Machine) -> str:
    if code in (errno.EACCES, errno.EPERM):
        return "may not be opened by this user: run 'sudo usermod -aG video $USER' and log in again"
    if code == errno.EBUSY:
        holder = find_holders(machine).get(path, "another program")
        return f"is in use by {holder}: close that program, or choose another camera"
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return "is not there: plug it in"
    if code in (errno.ENOTTY, errno.EINVAL):
        return "is not a camera (it captures no video): run avatar-bridge cameras to see which are"
    return f"cannot be opened: {os.strerror(code) if code else 'unknown reason'}"
