"""OSC receivers that know nothing of the bridge: python-osc in a process of its own, and what its testimony means.

Run as a program it notes every datagram of one UDP port with the time it came, decodes all of them with python-osc when told to
stop, and writes what it saw as JSON. ``OscReceiver`` starts and ends that program. ``vmc_frames`` and ``osc_frames`` cut its
testimony into frames by the protocol's own rules (VMC fact sheet, section 2.4), not by ours. Nothing here imports ``bridge``.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

PATIENCE_S = 60.0
_STOP = b"\0stop"


# --- the program -----------------------------------------------------------------------------------------------------


def _decode(data: bytes) -> dict[str, Any]:
    """One datagram as python-osc reads it."""
    from pythonosc.osc_bundle import OscBundle
    from pythonosc.osc_message import OscMessage

    def walk(element: OscBundle | OscMessage) -> Iterator[list[Any]]:
        if isinstance(element, OscBundle):
            for inner in element:
                yield from walk(inner)
        else:
            types = _type_tags(element.dgram)
            yield [element.address, types, [argument if _is_plain(argument) else repr(argument) for argument in element.params]]

    try:
        bundled = OscBundle.dgram_is_bundle(data)
        messages = list(walk(OscBundle(data) if bundled else OscMessage(data)))
    except Exception as error:  # noqa: BLE001  any failure of the decoder is the finding
        return {"bundled": False, "messages": [], "error": f"{type(error).__name__}: {error}"}
    return {"bundled": bundled, "messages": messages, "error": None}


def _type_tags(dgram: bytes) -> str:
    """``sfff`` of a message; python-osc tells a float from an int, but not 32 bits from 64."""
    from pythonosc.parsing import osc_types

    _, index = osc_types.get_string(dgram, 0)
    tags, _ = osc_types.get_string(dgram, index)
    return tags.removeprefix(",")


def _is_plain(argument: object) -> bool:
    return isinstance(argument, str | int | float | bool) or argument is None


def main() -> None:
    """Listens on 127.0.0.1 and says so on stdout: the port, then ``first`` at the first datagram. Ends at a stop datagram."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    seen: list[tuple[float, bytes]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        receiver.bind(("127.0.0.1", arguments.port))
        print(receiver.getsockname()[1], flush=True)
        while True:
            data = receiver.recv(65535)
            if data == _STOP:
                break
            seen.append((time.monotonic(), data))
            if len(seen) == 1:
                print("first", flush=True)
    testimony = [{"arrival_s": arrival_s, "data": data.hex(), **_decode(data)} for arrival_s, data in seen]
    arguments.out.write_text(json.dumps(testimony), encoding="utf-8")


# --- its testimony ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    address: str
    types: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    arrival_s: float
    """CLOCK_MONOTONIC, which all processes of a machine share."""
    data: bytes
    bundled: bool
    messages: tuple[Message, ...]
    error: str | None
    """What python-osc could not read."""


class OscReceiver:
    """The program above, as a context: ``port`` is ready at once; ``stop`` returns everything that arrived."""

    def __init__(self, port: int = 0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="osc-receiver-")
        self._out = Path(self._folder.name) / "seen.json"
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--port", str(port), "--out", str(self._out)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self._first = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            if line.strip() == "first":
                self._first.set()

    def __enter__(self) -> OscReceiver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
        self._folder.cleanup()

    @property
    def first(self) -> threading.Event:
        """Set when the first datagram has arrived."""
        return self._first

    def wait_for_first(self, timeout_s: float = PATIENCE_S) -> None:
        """Blocks until something arrived."""
        assert self._first.wait(timeout_s), f"nothing arrived on port {self.port} within {timeout_s:g} s"

    def kill(self) -> None:
        """As a crash would: the port is closed, the testimony is lost. Idempotent."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def stop(self) -> tuple[Datagram, ...]:
        """Ends the program and returns what it saw, in order of arrival."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(_STOP, ("127.0.0.1", self.port))
        assert self._process.wait(PATIENCE_S) == 0
        return tuple(
            Datagram(
                arrival_s=entry["arrival_s"],
                data=bytes.fromhex(entry["data"]),
                bundled=entry["bundled"],
                messages=tuple(Message(address=a, types=types, args=tuple(args)) for a, types, args in entry["messages"]),
                error=entry["error"],
            )
            for entry in json.loads(self._out.read_text(encoding="utf-8"))
        )


# --- VMC -------------------------------------------------------------------------------------------------------------

BONE_CHAIN = ("Hips", "Spine", "Chest", "UpperChest", "Neck", "Head")
"""Unity's HumanBodyBones from the root to the head."""


@dataclass(slots=True, kw_only=True)
class VmcFrame:
    """Everything between one Blend/Apply and the next, as a receiver would apply it."""

    arrival_s: float = 0.0
    """When the datagram with Apply came."""
    t: float | None = None
    """/VMC/Ext/T."""
    ok: tuple[Any, ...] | None = None
    blend: dict[str, float] = field(default_factory=dict)
    vals: list[str] = field(default_factory=list)
    """The names in the order they came, repeats included."""
    applied: int = 0
    bones: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """x, y, z, qx, qy, qz, qw, local to the parent."""
    root: tuple[Any, ...] | None = None

    @property
    def head_quat(self) -> tuple[float, float, float, float]:
        """Unity's x, y, z, w of the head in the avatar's space: the product of the sent chain. Raises KeyError without Head."""
        turn = (0.0, 0.0, 0.0, 1.0)
        for bone in BONE_CHAIN:
            if bone in self.bones:
                x, y, z, w = self.bones[bone][3:]
                turn = hamilton(turn, (x, y, z, w))
        assert "Head" in self.bones, f"no Head among {sorted(self.bones)}"
        return turn


def hamilton(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """``a * b``, x, y, z, w."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def messages_of(datagrams: Iterable[Datagram]) -> Iterator[tuple[float, Message]]:
    """Arrival and message, in order. A datagram that could not be decoded fails the test."""
    for datagram in datagrams:
        assert datagram.error is None, datagram.error
        for message in datagram.messages:
            yield datagram.arrival_s, message


def vmc_frames(datagrams: Iterable[Datagram]) -> list[VmcFrame]:
    """Cuts at the first message after an Apply that is neither OK nor T. Strict about argument types, as EVMC4U is."""
    frames = [VmcFrame()]
    for arrival_s, message in messages_of(datagrams):
        if frames[-1].applied and message.address not in {"/VMC/Ext/OK", "/VMC/Ext/T"}:
            frames.append(VmcFrame())
        frame = frames[-1]
        match message.address, message.types:
            case "/VMC/Ext/Blend/Val", "sf":
                frame.blend[message.args[0]] = message.args[1]
                frame.vals.append(message.args[0])
            case "/VMC/Ext/Blend/Apply", "":
                frame.applied += 1
                frame.arrival_s = arrival_s
            case "/VMC/Ext/Bone/Pos", "sfffffff":
                frame.bones[message.args[0]] = message.args[1:]
            case "/VMC/Ext/Root/Pos", "sfffffff":
                frame.root = message.args
            case "/VMC/Ext/OK", "i" | "iii" | "iiii":
                frame.ok = message.args
            case "/VMC/Ext/T", "f":
                frame.t = message.args[0]
            case "/VMC/Ext/Set/Eye", "ifff":
                pass
            case address, types:
                raise AssertionError(f"a VMC receiver does not expect {address} ,{types}")
    return frames if frames[-1].applied else frames[:-1]


# --- plain OSC -------------------------------------------------------------------------------------------------------


def osc_frames(datagrams: Iterable[Datagram]) -> list[dict[str, tuple[Any, ...]]]:
    """Arguments by address; a frame ends where an address comes again."""
    frames: list[dict[str, tuple[Any, ...]]] = [{}]
    for _, message in messages_of(datagrams):
        if message.address in frames[-1]:
            frames.append({})
        frames[-1][message.address] = message.args
    return [frame for frame in frames if frame]


if __name__ == "__main__":
    main()
