"""The receivers' side of our own kinds of output, read by somebody else's code: ``BENCHES`` by name.

A bench whose decoding does not fit into a few lines has a module of its own beside this one.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from websockets.sync.client import ClientConnection, connect

from bridge import arkit
from bridge.testing import DEADLINE_S, Bench, Seen, UdpBench
from tests.conformance import packets
from tests.conformance.lossless import Lossless
from tests.conformance.osc_frames import OscFrames
from tests.conformance.vtube_studio_bench import VtsBench


class VmcReader:
    """A Performer's frame ends with T, an Assistant's with Apply."""

    def __init__(self, last: str) -> None:
        self._last = last

    def __call__(self, frame: Seen, address: str, arguments: list[Any]) -> bool:
        if address == "/VMC/Ext/Blend/Val":
            name = arguments[0][0].lower() + arguments[0][1:]
            frame.weights[name] = arguments[1]
        if address == "/VMC/Ext/Bone/Pos" and arguments[0] in ("Neck", "Head"):
            x, y, z, w = arguments[4:]
            local = Rotation.from_quat([x, -y, -z, w])  # out of Unity's axes
            head = local if arguments[0] == "Neck" else Rotation.from_quat(frame.quat_xyzw) * local
            frame.quat_xyzw = np.asarray(head.as_quat())
        return address == self._last


def _osc(frame: Seen, address: str, arguments: list[Any]) -> bool:
    if address[1:] in arkit.INDEX:
        frame.weights[address[1:]] = arguments[0]
    if address == "/head/rotation":
        frame.quat_xyzw = np.array(arguments)
    return address == "/presence"


class WebSocketBench(Lossless):
    """A viewer of the ``websockets`` library."""

    def __init__(self, port: int) -> None:
        self.url = f"ws://127.0.0.1:{port}"
        self._open = ExitStack()
        self._viewer: ClientConnection | None = None
        self._frames: list[Seen] = []

    def meet(self) -> None:
        """Connects."""
        self._viewer = self._open.enter_context(connect(self.url, compression=None, proxy=None, open_timeout=DEADLINE_S))
        assert json.loads(self._viewer.recv(timeout=DEADLINE_S))["type"] == "hello"

    def sent(self) -> None:
        """Waits for the frame: a later one would replace it."""
        if self._viewer is not None:
            frame = json.loads(self._viewer.recv(timeout=DEADLINE_S))
            weights = dict(zip(arkit.NAMES, frame["weights"], strict=True))
            head = frame["head"]
            self._frames.append(Seen(weights, np.array(head["quat_xyzw"]) if head else None))

    def frames(self) -> list[Seen]:
        """All that came."""
        self._open.close()
        return self._frames

    def die(self) -> None:
        """Drops the connection."""
        if self._viewer is not None:
            with contextlib.suppress(OSError):  # closed already
                self._viewer.socket.shutdown(socket.SHUT_RDWR)
            self._viewer = None
        self._open.close()


class FileBench(Lossless):
    """A recording, read as the JSON lines it is."""

    def __init__(self, path: Path) -> None:
        self.url = f"record://{path.as_posix()}"
        self._path = path

    def meet(self) -> None:
        """Nobody connects."""

    def sent(self) -> None:
        """The file keeps it."""

    def frames(self) -> list[Seen]:
        """Of the whole file."""
        header, *lines = map(json.loads, self._path.read_text(encoding="utf-8").splitlines())
        return [
            Seen(
                dict(zip(header["names"], face["weights"], strict=True)),
                np.array(face["head"]["quat_xyzw"]) if face["head"] else None,
            )
            for line in lines
            for face in line["faces"]
        ]

    def die(self) -> None:
        """A file stays."""
        pytest.skip("a file has no receiver that could go away")


def _vmc(query: str, last: str) -> Callable[[Path, int], Bench]:
    return lambda _folder, _port: UdpBench(f"vmc://127.0.0.1:PORT{query}", OscFrames(VmcReader(last)))


PERFORMER, ASSISTANT = "/VMC/Ext/T", "/VMC/Ext/Blend/Apply"

BENCHES: dict[str, Callable[[Path, int], Bench]] = {
    "vmc": _vmc("", PERFORMER),
    "vmc-single": _vmc("?bundle=0&names=camel", PERFORMER),
    "vmc-assistant": _vmc("?target=assistant&bones=1", ASSISTANT),
    "osc": lambda _folder, _port: UdpBench("osc://127.0.0.1:PORT", OscFrames(_osc)),
    "osc-single": lambda _folder, _port: UdpBench("osc://127.0.0.1:PORT?bundle=0", OscFrames(_osc)),
    "ws": lambda _folder, port: WebSocketBench(port),
    "record": lambda folder, _port: FileBench(folder / "take.jsonl"),
    "vts": lambda _folder, _port: VtsBench(),
    **packets.BENCHES,
}
"""Name, which begins with the kind's scheme -> a bench, made from an empty folder and a free TCP port."""
