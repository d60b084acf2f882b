"""One bench per kind of output: where it sends to, and what arrives there, read by somebody else's code."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from pythonosc.osc_packet import OscPacket
from scipy.spatial.transform import Rotation
from websockets.sync.client import ClientConnection, connect

from bridge import arkit
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.registry import OutputContext, OutputPlan, create_output, parse_output
from bridge.outputs.worker import Reporting
from bridge.settings import OutputSettings
from bridge.types import FaceState, Output, OutputState

DEADLINE_S = 20.0


@dataclass
class Seen:
    """What one frame said, in bridge space and ARKit names."""

    weights: dict[str, float] = field(default_factory=dict)
    head: Rotation | None = None
    """None where the format does not send it."""


class Bench(Protocol):
    """The receiver's side."""

    url: str

    def meet(self) -> None:
        """The output is open now."""
        ...

    def sent(self) -> None:
        """One state was sent."""
        ...

    def frames(self) -> list[Seen]:
        """All frames that arrived; the output is closed."""
        ...

    def die(self) -> None:
        """Goes away without a word."""
        ...


class UdpBench:
    """A socket, and python-osc behind it."""

    def __init__(self, url: str, read: Callable[[Seen, str, list[Any]], bool]) -> None:
        """``read`` puts one message into a frame; True when the frame is complete."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        # On Linux what was sent over loopback is there when `send` returns.
        self._socket.settimeout(0.0 if sys.platform == "linux" else 0.5)
        self._read = read
        self.url = url.replace("PORT", str(self._socket.getsockname()[1]))

    def meet(self) -> None: ...

    def sent(self) -> None: ...

    def frames(self) -> list[Seen]:
        frame = Seen()
        return [Seen(dict(frame.weights), frame.head) for message in self._messages() if self._read(frame, *message)]

    def _messages(self) -> Iterator[tuple[str, list[Any]]]:
        while True:
            try:
                data = self._socket.recv(65536)
            except (BlockingIOError, TimeoutError):
                return
            for timed in OscPacket(data).messages:
                yield timed.message.address, timed.message.params

    def die(self) -> None:
        self._socket.close()


def _vmc(frame: Seen, address: str, arguments: list[Any]) -> bool:
    """A Performer's frame ends with T."""
    if address == "/VMC/Ext/Blend/Val":
        name = arguments[0][0].lower() + arguments[0][1:]
        frame.weights[name] = arguments[1]
    if address == "/VMC/Ext/Bone/Pos" and arguments[0] in ("Neck", "Head"):
        x, y, z, w = arguments[4:]
        local = Rotation.from_quat([x, -y, -z, w])  # out of Unity's axes
        frame.head = local if arguments[0] == "Neck" or frame.head is None else frame.head * local
    return address == "/VMC/Ext/T"


def _vmc_assistant(frame: Seen, address: str, arguments: list[Any]) -> bool:
    """An Assistant's ends with Apply."""
    _vmc(frame, address, arguments)
    return address == "/VMC/Ext/Blend/Apply"


def _osc(frame: Seen, address: str, arguments: list[Any]) -> bool:
    if address[1:] in arkit.INDEX:
        frame.weights[address[1:]] = arguments[0]
    if address == "/head/rotation":
        frame.head = Rotation.from_quat(arguments)
    return address == "/presence"


class WebSocketBench:
    """A viewer of the ``websockets`` library."""

    def __init__(self, port: int) -> None:
        self.url = f"ws://127.0.0.1:{port}"
        self._open = ExitStack()
        self._viewer: ClientConnection | None = None
        self._frames: list[Seen] = []

    def meet(self) -> None:
        self._viewer = self._open.enter_context(connect(self.url, compression=None, proxy=None, open_timeout=DEADLINE_S))
        assert json.loads(self._viewer.recv(timeout=DEADLINE_S))["type"] == "hello"

    def sent(self) -> None:
        if self._viewer is not None:
            frame = json.loads(self._viewer.recv(timeout=DEADLINE_S))
            weights = dict(zip(arkit.NAMES, frame["weights"], strict=True))
            head = frame["head"]
            self._frames.append(Seen(weights, Rotation.from_quat(head["quat_xyzw"]) if head else None))

    def frames(self) -> list[Seen]:
        self._open.close()
        return self._frames

    def die(self) -> None:
        if self._viewer is not None:
            with contextlib.suppress(OSError):  # closed already
                self._viewer.socket.shutdown(socket.SHUT_RDWR)
            self._viewer = None
        self._open.close()


class FileBench:
    """A recording, read as the JSON lines it is."""

    def __init__(self, path: Path) -> None:
        self.url = f"record://{path.as_posix()}"
        self._path = path

    def meet(self) -> None: ...

    def sent(self) -> None: ...

    def frames(self) -> list[Seen]:
        header, *lines = map(json.loads, self._path.read_text(encoding="utf-8").splitlines())
        faces = [face for line in lines for face in line["faces"]]
        return [
            Seen(
                dict(zip(header["names"], face["weights"], strict=True)),
                Rotation.from_quat(face["head"]["quat_xyzw"]) if face["head"] else None,
            )
            for face in faces
        ]

    def die(self) -> None:
        pytest.skip("a file has no receiver that could go away")


BENCHES = ("vmc", "vmc-single", "vmc-assistant", "osc", "osc-single", "ws", "record")


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Every kind of output, the UDP ones also without bundles."""
    made: Bench
    match request.param:
        case "vmc":
            made = UdpBench("vmc://127.0.0.1:PORT", _vmc)
        case "vmc-single":
            made = UdpBench("vmc://127.0.0.1:PORT?bundle=0&names=camel", _vmc)
        case "vmc-assistant":
            made = UdpBench("vmc://127.0.0.1:PORT?target=assistant&bones=1", _vmc_assistant)
        case "osc":
            made = UdpBench("osc://127.0.0.1:PORT", _osc)
        case "osc-single":
            made = UdpBench("osc://127.0.0.1:PORT?bundle=0", _osc)
        case "ws":
            made = WebSocketBench(request.getfixturevalue("free_tcp_port"))
        case _:
            made = FileBench(tmp_path / "take.jsonl")
    yield made
    if isinstance(made, UdpBench | WebSocketBench):
        made.die()


@pytest.fixture
def plan(bench: Bench) -> OutputPlan:
    """The plan of the bench's output."""
    return parse_output(OutputSettings(url=bench.url))


@pytest.fixture
def output(plan: OutputPlan) -> Iterator[Output]:
    """The output, not open."""
    loop = EventLoopThread()
    made = create_output(plan, OutputContext(event_loop=loop))
    yield made
    made.close()
    loop.close()


@pytest.fixture
def meet(bench: Bench, output: Output) -> Callable[[], None]:
    """Has the receiver connect, and returns when the output no longer says that it waits for somebody."""

    def run() -> None:
        bench.meet()
        deadline = time.monotonic() + DEADLINE_S
        while isinstance(output, Reporting) and (report := output.report()) and report.state is OutputState.WAITING:
            assert time.monotonic() < deadline, report.note
            time.sleep(0.001)

    return run


@pytest.fixture
def exchange(bench: Bench, output: Output, meet: Callable[[], None]) -> Callable[..., list[Seen]]:
    """Opens, sends states, closes; what arrived."""

    def run(*states: FaceState) -> list[Seen]:
        output.open()
        meet()
        for state in states:
            output.send(state)
            bench.sent()
        output.close()
        return bench.frames()

    return run


@pytest.fixture
def assert_same_head() -> Callable[[FaceState, Seen], None]:
    """The head arrived as it was sent, within what a float32 and a split between neck and head cost."""

    def check(state: FaceState, seen: Seen) -> None:
        assert state.head is not None
        assert seen.head is not None
        assert np.degrees((Rotation.from_quat(state.head.quat_xyzw).inv() * seen.head).magnitude()) < 1e-3

    return check
