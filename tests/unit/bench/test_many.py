"""One output against many: which, where to, how the rounds are compared."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console
from websockets.sync.server import ServerConnection, serve

from bridge.bench import many
from bridge.bench.many import TEN, Comparison, compare, installed, make_sink, run_many, sinks, wanted_kinds
from bridge.bench.run import Bench, BenchFailed, BenchOptions, Figures
from bridge.bench.variants import results_per_second
from bridge.errors import ConfigError
from bridge.outputs.registry import parse_output
from bridge.settings import OutputSettings

DEADLINE_S = 30.0


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _figures(fps: float, cpu_ms: float, tracked: float | None = None) -> Figures:
    return Figures(variant="bridge", cpu_ms=cpu_ms, fps=fps, latencies_ms=(), rss_mb=None, tracked_fps=tracked)


# --- which ---------------------------------------------------------------------------------------------------------------


def test_a_number_takes_so_many_of_ten_different_kinds() -> None:
    """vmc is the one that is always there."""
    assert 10 == len(set(wanted_kinds("10")))
    assert ("vmc", "osc", "ws") == wanted_kinds("3")
    assert set(TEN) == set(wanted_kinds("10"))


def test_named_kinds_are_taken_once_and_vmc_is_added() -> None:
    """In the order given."""
    assert ("vmc", "ws", "osc") == wanted_kinds("ws, osc,ws")


@pytest.mark.parametrize(
    ("text", "said"), [("1", "from 2 to 10"), ("11", "from 2 to 10"), ("osc,vts", "vts"), ("vmc", "vmc alone")]
)
def test_what_cannot_be_compared_is_said(text: str, said: str) -> None:
    """With what can be."""
    with pytest.raises(ConfigError, match=said):
        wanted_kinds(text)


def test_kinds_that_cannot_be_loaded_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its reason; the others stay."""
    monkeypatch.setattr("bridge.outputs.kinds.BUILT_IN", {"osc": "bridge.outputs.osc:OUTPUT", "vrchat": "bridge.absent:OUTPUT"})

    there, missing = installed(("osc", "vrchat"))

    assert ["osc"] == there
    assert "bridge.absent" in missing["vrchat"]


def test_nothing_to_compare_ends_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One output alone is no comparison; an unknown part is none either."""
    monkeypatch.setattr(many, "installed", lambda _kinds: (["vmc"], {"osc": "is gone"}))
    with pytest.raises(BenchFailed, match="nothing to compare"):
        run_many(BenchOptions(), "osc")
    with pytest.raises(ConfigError, match="known parts are pace30"):
        run_many(BenchOptions(only=("cost",)), "osc")


# --- where to ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Makes the receiver of a kind, and closes it."""
    made: list[Any] = []

    def make(kind: str) -> Any:
        made.append(make_sink(kind, tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("kind", ["osc", "openseeface", "opentrack"])
def test_a_datagram_is_noticed(receiver: Callable[[str], Any], kind: str) -> None:
    """The URL is that of a real output to a port of this machine; before it nothing has arrived."""
    sink = receiver(kind)
    plan = parse_output(OutputSettings(url=sink.url))
    assert (kind, "127.0.0.1") == (plan.kind.scheme, plan.host)
    assert not sink.arrived()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", (plan.host, plan.port))

    _wait_for(sink.arrived)


def test_a_recording_is_noticed_once_it_has_a_frame(receiver: Callable[[str], Any], tmp_path: Path) -> None:
    """A header is none; the file is gone afterwards."""
    sink = receiver("record")
    path = Path(parse_output(OutputSettings(url=sink.url)).path)
    assert not sink.arrived()
    path.write_text("{}\n", encoding="utf-8")
    assert not sink.arrived()
    path.write_text("{}\n{}\n", encoding="utf-8")
    assert sink.arrived()
    sink.close()
    assert not path.exists()


def test_the_phones_client_asks_until_it_is_answered(receiver: Callable[[str], Any]) -> None:
    """With the port that its answers come to."""
    sink = receiver("vts-phone")
    host, _, port = sink.url.removeprefix("vts-phone://").partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((host, int(port)))
        phone.settimeout(DEADLINE_S)
        request = json.loads(phone.recv(65536))
        assert "iOSTrackingDataRequest" == request["messageType"]
        phone.sendto(b"{}", (host, request["ports"][0]))

    _wait_for(sink.arrived)


def test_the_viewer_comes_when_there_is_a_server(receiver: Callable[[str], Any]) -> None:
    """A greeting alone is no frame."""
    sink = receiver("ws")
    more, ended = threading.Event(), threading.Event()

    def greet(viewer: ServerConnection) -> None:
        viewer.send("hello")
        more.wait(DEADLINE_S)
        viewer.send("frame")
        ended.wait(DEADLINE_S)

    with serve(greet, "127.0.0.1", int(sink.url.rpartition(":")[2])) as server:
        thread = threading.Thread(target=server.serve_forever, name="test-server")
        thread.start()
        assert not sink.arrived()
        more.set()
        _wait_for(sink.arrived)
        sink.close()
        ended.set()
        server.shutdown()
        thread.join(DEADLINE_S)


def test_receivers_are_closed_when_one_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No thread and no socket stays."""

    def fail(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(many, "ViewerSink", fail)
    with pytest.raises(OSError, match="no"), sinks(("vts-phone", "osc", "ws"), tmp_path):
        pass


# --- how -----------------------------------------------------------------------------------------------------------------


def test_falls_are_taken_round_by_round() -> None:
    """A machine that slows down in the second round does not look like a fall; the tracker's own rate goes first."""
    comparison = Comparison(
        one=(_figures(1.0, 10.0, 100.0), _figures(1.0, 20.0, 50.0), _figures(40.0, 10.0)),
        many=(_figures(1.0, 11.0, 98.0), _figures(1.0, 22.0, 49.0), _figures(39.2, 11.0)),
        silent=("osc",),
    )

    report = comparison.report()

    assert [pytest.approx(2.0)] * 3 == report["fps_falls_percent"]
    assert (pytest.approx(2.0), pytest.approx(10.0)) == (report["fps_fall_percent"], report["cpu_rise_percent"])
    assert (50.0, 49.0, 10.0, 11.0) == tuple(report[key] for key in ("fps_one", "fps_many", "cpu_ms_one", "cpu_ms_many"))
    assert ["osc"] == report["silent"]


class _RecordedBench:
    """Notes what would be run, and sends to every receiver but those of ``silent``."""

    def __init__(self, silent: Sequence[str] = ()) -> None:
        self.runs: list[list[str]] = []
        self._silent = silent

    def run(self, variant: str, fps: float, seconds: float, *, outputs: Sequence[str] = ()) -> Figures:
        assert ("bridge", 30.0, 2.0) == (variant, fps, seconds)
        plans = [parse_output(OutputSettings(url=url)) for url in outputs]
        self.runs.append([plan.kind.scheme for plan in plans])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for plan in plans:
                if plan.kind.scheme not in self._silent:
                    sender.sendto(b"x", (plan.host, plan.port))
        return _figures(30.0, 10.0)


@pytest.mark.parametrize("silent", [(), ("opentrack",)])
def test_the_variants_take_turns_in_changing_order(tmp_path: Path, silent: tuple[str, ...]) -> None:
    """One, many, many, one, one, many; a receiver that got nothing is named."""
    bench = _RecordedBench(silent)
    options = BenchOptions(seconds=2.0, rounds=3)
    kinds = ("vmc", "osc", "opentrack")

    compared = compare(cast("Bench", bench), kinds, 30.0, options, folder=tmp_path, console=Console(quiet=True))

    rest = ["osc", "opentrack"]
    assert [[], rest, rest, [], [], rest] == bench.runs
    assert (3, 3) == (len(compared.one), len(compared.many))
    assert silent == compared.silent


def test_a_rate_leaves_the_first_second_out() -> None:
    """Ten a second after a slow start; nothing to tell of too few."""
    slow, steady = [0.0, 0.9], [1.0 + k / 10 for k in range(11)]

    assert pytest.approx(10.0) == results_per_second(slow + steady)
    assert results_per_second([]) is None
    assert results_per_second([0.0, 2.0]) is None
