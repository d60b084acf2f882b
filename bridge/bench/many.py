"""``avatar-bridge bench --outputs``: what many outputs of different kinds take away from the tracker, against a single one.

Both variants track the same clip and take turns, in the other order each round; each round's pair is compared, so that a machine
whose speed drifts treats them alike. What the outputs send arrives at sockets of this process, which only count it: programs that
would show ten avatars are not part of the measurement.
"""

from __future__ import annotations

import contextlib
import json
import socket
import statistics
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from bridge.bench.run import Bench, BenchFailed, BenchOptions, Figures
from bridge.errors import ConfigError, PluginError
from bridge.outputs.registry import load_kind

PARTS = {"pace30": 30.0, "pace60": 60.0, "unpaced": 0.0}
"""Pictures a second; 0: as soon as the last is done."""

QUERIES = {
    "osc": "", "livelink": "", "ifacialmocap": "", "facemotion3d": "", "openseeface": "", "opentrack": "",
    "vrchat": "?oscquery=off&listen=0",
}  # fmt: skip
"""Kinds that simply send datagrams, and what their URLs need to do so at once."""

TEN = ("vmc", "osc", "ws", "record", "vrchat", "vts-phone", "ifacialmocap", "livelink", "openseeface", "opentrack")
KINDS = (*TEN, "facemotion3d")
"""vmc is the one that is always there: by it the variants are compared."""

_ASK_EVERY_S = 0.5
_LOOPBACK = "127.0.0.1"


class Sink(Protocol):
    """Where one output sends to."""

    url: str

    def arrived(self) -> bool:
        """Whether anything came. After the output has ended."""
        ...

    def close(self) -> None:
        """Idempotent."""
        ...


class DatagramSink:
    """A socket that nobody reads from: once its buffer is full the system drops what comes, and the sender does not notice."""

    def __init__(self, url: str) -> None:
        """``url`` with PORT in it."""
        self._socket = _bound()
        self.url = url.replace("PORT", str(self._socket.getsockname()[1]))

    def arrived(self) -> bool:
        return _has_datagram(self._socket)

    def close(self) -> None:
        self._socket.close()


class PhoneSink:
    """A client of the VTube Studio phone feed: asks for data until it is closed."""

    def __init__(self) -> None:
        self._socket = _bound()
        port, self._server = self._socket.getsockname()[1], _free_port(socket.SOCK_DGRAM)
        self.url = f"vts-phone://{_LOOPBACK}:{self._server}"
        request = {"messageType": "iOSTrackingDataRequest", "time": 5.0, "sentBy": "avatar-bridge bench", "ports": [port]}
        self._request = json.dumps(request).encode()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="bridge-bench-phone", daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        while not self._stop.wait(_ASK_EVERY_S):
            with contextlib.suppress(OSError):  # nobody is there yet
                self._socket.sendto(self._request, (_LOOPBACK, self._server))

    def arrived(self) -> bool:
        return _has_datagram(self._socket)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()


class ViewerSink:
    """A viewer of the WebSocket stream, which comes as soon as there is a server."""

    def __init__(self) -> None:
        port = _free_port(socket.SOCK_STREAM)
        self.url = f"ws://{_LOOPBACK}:{port}"
        self._frames = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(port,), name="bridge-bench-viewer", daemon=True)
        self._thread.start()

    def _watch(self, port: int) -> None:
        while not self._stop.wait(_ASK_EVERY_S):
            with (
                contextlib.suppress(OSError, WebSocketException, TimeoutError),
                connect(f"ws://{_LOOPBACK}:{port}", compression=None, proxy=None, open_timeout=5.0, max_queue=None) as viewer,
            ):
                while not self._stop.is_set():
                    viewer.recv(timeout=1.0)
                    self._frames += 1

    def arrived(self) -> bool:
        return self._frames > 1  # the first message is the greeting

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


class FileSink:
    """A recording."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bench.jsonl"
        self.url = f"record://{self._path.as_posix()}"

    def arrived(self) -> bool:
        with contextlib.suppress(OSError):
            return self._path.read_bytes().count(b"\n") > 1  # the first line is the header
        return False

    def close(self) -> None:
        self._path.unlink(missing_ok=True)


def _bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((_LOOPBACK, 0))
    made.setblocking(False)
    return made


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _has_datagram(sink: socket.socket) -> bool:
    try:
        return bool(sink.recv(65536))
    except OSError:
        return False


def make_sink(kind: str, folder: Path) -> Sink:
    """The receiver for one kind of ``KINDS`` but vmc. Close it."""
    if kind == "vts-phone":
        return PhoneSink()
    if kind == "ws":
        return ViewerSink()
    if kind == "record":
        return FileSink(folder)
    return DatagramSink(f"{kind}://{_LOOPBACK}:PORT{QUERIES[kind]}")


@contextlib.contextmanager
def sinks(kinds: Sequence[str], folder: Path) -> Iterator[dict[str, Sink]]:
    """A receiver for each kind, closed at the end."""
    made: dict[str, Sink] = {}
    try:
        for kind in kinds:
            made[kind] = make_sink(kind, folder)
        yield made
    finally:
        for sink in made.values():
            sink.close()


def wanted_kinds(text: str) -> tuple[str, ...]:
    """``10``: so many of ``TEN``; ``vmc,osc``: these. vmc is always the first. Raises ConfigError."""
    named = [part.strip() for part in text.split(",") if part.strip()]
    if len(named) == 1 and named[0].isascii() and named[0].isdigit():
        count = int(named[0][:9])
        if not 2 <= count <= len(TEN):
            raise ConfigError(f"bench --outputs {text}: name a number from 2 to {len(TEN)}, or kinds: {', '.join(KINDS)}")
        return TEN[:count]
    unknown = [kind for kind in named if kind not in KINDS]
    if unknown or not set(named) - {"vmc"}:
        raise ConfigError(f"bench --outputs {text}: {unknown[0] if unknown else 'vmc alone'} cannot be compared with one output; "
                          f"name a number from 2 to {len(TEN)}, or kinds: {', '.join(KINDS)}")  # fmt: skip
    return tuple(dict.fromkeys(("vmc", *named)))


def installed(kinds: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Those that can be loaded, and why the others cannot."""
    there: list[str] = []
    missing: dict[str, str] = {}
    for kind in kinds:
        try:
            load_kind(kind)
        except (ConfigError, PluginError) as error:
            missing[kind] = str(error)
        else:
            there.append(kind)
    return there, missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One part: the same pictures through one output and through many."""

    one: tuple[Figures, ...]
    many: tuple[Figures, ...]
    silent: tuple[str, ...]
    """Kinds whose receiver got nothing in some round: then the comparison is not what it says."""

    def report(self) -> dict[str, Any]:
        """Medians of both, and of the rounds' ratios: how much the rate falls and what the outputs cost, per cent."""
        pairs = list(zip(self.one, self.many, strict=True))
        falls = [100.0 * (1.0 - _rate(many) / _rate(one)) for one, many in pairs]
        costs = [100.0 * (many.cpu_ms / one.cpu_ms - 1.0) for one, many in pairs]
        return {
            "fps_one": statistics.median(map(_rate, self.one)),
            "fps_many": statistics.median(map(_rate, self.many)),
            "fps_fall_percent": statistics.median(falls),
            "fps_falls_percent": falls,
            "cpu_ms_one": statistics.median(run.cpu_ms for run in self.one),
            "cpu_ms_many": statistics.median(run.cpu_ms for run in self.many),
            "cpu_rise_percent": statistics.median(costs),
            "silent": list(self.silent),
        }


def _rate(run: Figures) -> float:
    """What the tracker delivered; what arrived where that is not known."""
    return run.tracked_fps or run.fps


def compare(
    bench: Bench, kinds: Sequence[str], fps: float, options: BenchOptions, *, folder: Path, console: Console
) -> Comparison:
    """Rounds of one output and many, paired. Raises BenchFailed."""
    runs: dict[str, list[Figures]] = {"one": [], "many": []}
    silent: set[str] = set()
    for number in range(options.rounds):
        order = ("one", "many") if number % 2 == 0 else ("many", "one")
        for variant in order:
            others = [kind for kind in kinds if kind != "vmc"] if variant == "many" else []
            console.print(f"round {number + 1} of {options.rounds}: {1 + len(others)} outputs ...", highlight=False)
            with sinks(others, folder) as receivers:
                urls = [receiver.url for receiver in receivers.values()]
                runs[variant].append(bench.run("bridge", fps, options.seconds, outputs=urls))
                silent |= {kind for kind, receiver in receivers.items() if not receiver.arrived()}
    return Comparison(one=tuple(runs["one"]), many=tuple(runs["many"]), silent=tuple(sorted(silent)))


def run_many(options: BenchOptions, text: str) -> None:
    """Compares one output with what ``text`` names (``wanted_kinds``) and prints it. Raises ConfigError, BenchFailed."""
    wanted = wanted_kinds(text)
    unknown = sorted(set(options.only) - set(PARTS))
    if unknown:
        raise ConfigError(f"bench --outputs --only {', '.join(unknown)}: known parts are {', '.join(PARTS)}")
    kinds, missing = installed(wanted)
    console = Console(stderr=True)
    for kind, why in missing.items():
        console.print(f"{kind} is left out: {why}", highlight=False, markup=False)
    if len(kinds) < 2:
        raise BenchFailed("there is nothing to compare: fewer than two of these outputs can be loaded")
    report: dict[str, Any] = {"kinds": kinds, "left_out": sorted(missing), "seconds": options.seconds, "rounds": options.rounds}
    with tempfile.TemporaryDirectory(prefix="avatar-bridge-bench-") as name:
        folder = Path(name)
        bench = Bench(options, folder, console)
        for part, fps in PARTS.items():
            if part in (options.only or PARTS):
                console.print(f"{part}:", highlight=False)
                report[part] = compare(bench, kinds, fps, options, folder=folder, console=console).report()
    if options.as_json:
        print(json.dumps(report, indent=2))
    else:
        _print(report, Console())


def _print(report: dict[str, Any], console: Console) -> None:
    count = len(report["kinds"])
    table = Table("", "fps, 1 output", f"fps, {count}", "fall %", "CPU ms/frame, 1", f"CPU ms/frame, {count}", "rise %")
    for part in PARTS:
        row = report.get(part)
        if row is not None:
            figures = ("fps_one", "fps_many", "fps_fall_percent", "cpu_ms_one", "cpu_ms_many", "cpu_rise_percent")
            table.add_row(part, *(f"{row[name]:.2f}" for name in figures))
    console.print(f"1 output: vmc; {count}: {', '.join(report['kinds'])}", highlight=False)
    console.print(table)
    for part in PARTS:
        for kind in report.get(part, {}).get("silent", ()):
            console.print(f"{part}: nothing arrived from {kind}", highlight=False)
