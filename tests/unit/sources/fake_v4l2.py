"""A made-up /sys, /dev and /proc, and drivers behind its device files that answer V4L2's requests in hand-packed bytes."""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bridge.sources.camera_devices_linux import Machine

CAPTURE, OUTPUT, METADATA, M2M, STREAMING = 0x1, 0x2, 0x0080_0000, 0x8000, 0x0400_0000
DEVICE_CAPS = 0x8000_0000

Item = TypeVar("Item")


def put(data: bytearray, offset: int, *numbers: int) -> None:
    struct.pack_into(f"={len(numbers)}I", data, offset, *numbers)


def get(data: bytearray, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], sys.byteorder)


def code(fourcc: str) -> int:
    return int.from_bytes(fourcc.encode(), sys.byteorder)


@dataclass
class FakeDriver:
    """One node: answers as ``linux/videodev2.h`` lays it out (offsets are written out here, not taken from the code)."""

    caps: int = CAPTURE | STREAMING
    all_caps: int | None = None
    driver: str = "uvcvideo"
    bus: str = "usb-0000:00:14.0-2"
    formats: Mapping[str, Mapping[tuple[int, ...], Sequence[tuple[int, ...]]]] = field(default_factory=dict)
    """FourCC -> size (w, h) or range (6 numbers) -> intervals as (numerator, denominator) or range (6 numbers)."""
    open_error: int = 0
    buffers_error: int = 0
    requested: list[tuple[int, int, int]] = field(default_factory=list)

    def ioctl(self, request: int, data: bytearray) -> None:
        handlers = {
            0x80685600: self._querycap,
            0xC0405602: self._enum_fmt,
            0xC02C564A: self._enum_framesizes,
            0xC034564B: self._enum_frameintervals,
            0xC0145608: self._reqbufs,
        }
        handlers[request](data)

    def _querycap(self, data: bytearray) -> None:
        assert len(data) == 104
        data[0 : len(self.driver)] = self.driver.encode()
        data[48 : 48 + len(self.bus)] = self.bus.encode()
        everything = self.all_caps if self.all_caps is not None else self.caps | METADATA | DEVICE_CAPS
        put(data, 84, everything, self.caps)

    def _enum_fmt(self, data: bytearray) -> None:
        assert len(data) == 64
        assert get(data, 4) in (1, 9)
        put(data, 44, code(nth(list(self.formats), get(data, 0))))

    def _enum_framesizes(self, data: bytearray) -> None:
        assert len(data) == 44
        size = nth(list(self.formats[self._fourcc(data, 4)]), get(data, 0))
        put(data, 8, 1 if len(size) == 2 else 3, *size)

    def _enum_frameintervals(self, data: bytearray) -> None:
        assert len(data) == 52
        sizes = self.formats[self._fourcc(data, 4)]
        wanted = (get(data, 8), get(data, 12))
        intervals = sizes.get(wanted) or next(value for size, value in sizes.items() if len(size) == 6)
        interval = nth(intervals, get(data, 0))
        put(data, 16, 1 if len(interval) == 2 else 2, *interval)

    def _reqbufs(self, data: bytearray) -> None:
        assert len(data) == 20
        self.requested.append((get(data, 0), get(data, 4), get(data, 8)))
        if self.buffers_error:
            raise OSError(self.buffers_error, os.strerror(self.buffers_error))

    @staticmethod
    def _fourcc(data: bytearray, offset: int) -> str:
        return bytes(data[offset : offset + 4]).decode()


def nth(items: Sequence[Item], index: int) -> Item:
    """The driver's way to say that there is no more: EINVAL."""
    if index >= len(items):
        raise OSError(errno.EINVAL, "Invalid argument")
    return items[index]


class FakeMachine:
    """A /sys, /dev and /proc under one folder, and drivers behind the device files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.drivers: dict[str, FakeDriver] = {}
        self.open_files: list[str] = []
        for name in ("sys", "dev", "proc", "devices"):
            (root / name).mkdir()

    def add(
        self, number: int, driver: FakeDriver, *, name: str, node: int = 0, usb: tuple[str, str, str, str] | None = None
    ) -> str:
        """``usb``: (port, vendor, product, serial)."""
        entry = self.root / "sys" / f"video{number}"
        entry.mkdir()
        (entry / "name").write_text(name + "\n")
        (entry / "index").write_text(f"{node}\n")
        if usb is not None:
            port, vendor, product, serial = usb
            interface = self.root / "devices" / port / f"{port}:1.0"
            interface.mkdir(parents=True, exist_ok=True)
            (interface.parent / "idVendor").write_text(vendor + "\n")
            (interface.parent / "idProduct").write_text(product + "\n")
            if serial:
                (interface.parent / "serial").write_text(serial + "\n")
            (entry / "device").symlink_to(interface)
        path = self.root / "dev" / f"video{number}"
        path.touch()
        self.drivers[str(path)] = driver
        return str(path)

    def link(self, kind: str, name: str, number: int) -> str:
        folder = self.root / "dev" / "v4l" / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(self.root / "dev" / f"video{number}")
        return str(folder / name)

    def hold(self, pid: int, comm: str, path: str) -> None:
        process = self.root / "proc" / str(pid)
        (process / "fd").mkdir(parents=True)
        (process / "comm").write_text(comm + "\n")
        (process / "fd" / "7").symlink_to(path)
        (process / "fd" / "8").symlink_to("/dev/null")

    def machine(self) -> Machine:
        def open_node(path: str) -> int:
            driver = self.drivers.get(path)
            if driver is None:
                raise FileNotFoundError(errno.ENOENT, "No such file", path)
            if driver.open_error:
                raise OSError(driver.open_error, os.strerror(driver.open_error), path)
            self.open_files.append(path)
            return 1000 + list(self.drivers).index(path)

        def close_node(fd: int) -> None:
            self.open_files.remove(list(self.drivers)[fd - 1000])

        def ioctl(fd: int, request: int, data: bytearray) -> object:
            self.drivers[list(self.drivers)[fd - 1000]].ioctl(request, data)
            return 0

        return Machine(
            sys_root=self.root / "sys", dev_root=self.root / "dev", proc_root=self.root / "proc",
            ioctl=ioctl, open_node=open_node, close_node=close_node,
        )  # fmt: skip


C920 = ("1-2", "046d", "082d", "ABC123")
"""Port, vendor, product, serial."""


def webcam() -> FakeDriver:
    """What a common webcam offers: YUYV slow at 720 lines, MJPG fast."""
    rates = [(1, 30), (1, 15)]
    return FakeDriver(
        formats={
            "YUYV": {(640, 480): rates, (1280, 720): [(1, 10), (1, 5)]},
            "MJPG": {(1280, 720): rates, (1920, 1080): rates, (640, 480): [(1001, 30000)]},
        }
    )
