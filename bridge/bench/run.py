"""Runs the variants in turn and prints the table."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bridge.bench.cost import encode_cost_us, stage_cost_us
from bridge.bench.receiver import VmcReceiver
from bridge.clock import monotonic
from bridge.errors import BridgeError, ConfigError
from bridge.models import find_model
from bridge.shipped import checkout_path

PARTS = ("pace30", "pace60", "unpaced", "cost", "start", "memory")


class BenchFailed(BridgeError):
    """A variant ended without figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """What ``avatar-bridge bench`` was asked for."""

    seconds: float = 10.0
    rounds: int = 3
    clip: Path | None = None
    naive: Path | None = None
    only: tuple[str, ...] = ()
    as_json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One run of one variant."""

    variant: str
    cpu_ms: float
    fps: float
    latencies_ms: tuple[float, ...]
    rss_mb: float | None
    tracked_fps: float | None = None
    """Results a second that the tracker delivered; only the bridge tells."""


def run_bench(options: BenchOptions) -> None:
    """Measures what ``options.only`` names (default: all) and prints it."""
    unknown = sorted(set(options.only) - set(PARTS))
    if unknown:
        raise ConfigError(f"bench --only {', '.join(unknown)}: known parts are {', '.join(PARTS)}")
    parts = options.only or PARTS
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="avatar-bridge-bench-") as folder:
        bench = Bench(options, Path(folder), console)
        report = bench.measure(parts)
    if options.as_json:
        print(json.dumps(report, indent=2))
    else:
        _print(report, Console())


class Bench:
    """Runs variants one at a time. The model, the clip and the naive script are found once, for all of them."""

    def __init__(self, options: BenchOptions, folder: Path, console: Console) -> None:
        if options.clip is not None:
            from bridge.bench.clip import load_clip

            load_clip(options.clip, 1)  # what is wrong with it is said now, not by a variant that fails
        self._options = options
        self._console = console
        self._model = find_model("")
        self._clip = options.clip or _drawn_clip(folder)
        self._naive = options.naive or _shared_naive()

    def measure(self, parts: tuple[str, ...]) -> dict[str, Any]:
        """Everything asked for, as plain values."""
        report: dict[str, Any] = {"clip": self._clip.name, "seconds": self._options.seconds, "rounds": self._options.rounds}
        for part, fps in (("pace30", 30.0), ("pace60", 60.0), ("unpaced", 0.0)):
            if part in parts:
                report[part] = self._paired(part, fps)
        if "cost" in parts:
            report["cost"] = {"encode_vmc_us": encode_cost_us(), "stages_us": stage_cost_us()}
        if "start" in parts:
            report["start_s"] = statistics.median(self._start_s() for _ in range(self._options.rounds))
        if "memory" in parts:
            report["memory"] = self._memory()
        return report

    def _paired(self, part: str, fps: float) -> dict[str, Any]:
        variants = ("bare", "naive", "bridge")
        runs: dict[str, list[Figures]] = {variant: [] for variant in variants}
        for number in range(self._options.rounds):
            for variant in variants:
                self._console.print(f"{part}, round {number + 1} of {self._options.rounds}: {variant} ...", highlight=False)
                runs[variant].append(self.run(variant, fps, self._options.seconds))
        medians = {variant: _median(figures) for variant, figures in runs.items()}
        ratios = {
            "cpu_vs_bare": _ratio(runs, "cpu_ms", "bridge", "bare"),
            "cpu_vs_naive": _ratio(runs, "cpu_ms", "bridge", "naive"),
            "fps_vs_naive": _ratio(runs, "fps", "bridge", "naive"),
        }
        return {"medians": medians, "ratios": ratios}

    def run(self, variant: str, fps: float, seconds: float, *, clip_frames: int = 90, outputs: Sequence[str] = ()) -> Figures:
        """One run in a process of its own; ``outputs`` are URLs beside the measured one. Raises BenchFailed."""
        receiver = VmcReceiver()
        try:
            if variant == "naive" and self._naive is not None:
                command, epoch = self._naive_command(fps, seconds, receiver.port)
            else:
                command, epoch = self._variant_command(variant, fps, seconds, receiver.port), None
                command += ["--clip-frames", str(clip_frames), "--outputs", *outputs]
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds * 4 + 120, check=False)
        finally:
            arrivals = receiver.stop()
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode != 0 or not lines:
            raise BenchFailed(f"the {variant} variant failed: {(done.stderr or done.stdout).strip()[-400:]}")
        told = json.loads(lines[-1])
        base = told.get("epoch", 0.0) if epoch is None else epoch
        arrived = [1e3 * (arrival - base - sent) for arrival, sent in arrivals.frames]
        latencies = tuple(told.get("latencies_ms", arrived))
        skip = min(len(latencies) // 5, int(max(fps, 30)))  # the first second warms caches up
        return Figures(
            variant=variant,
            cpu_ms=told.get("cpu_ms", told.get("cpu_ms_frame")),
            fps=_rate(arrivals.frames[skip:]) or told["fps"],
            latencies_ms=latencies[skip:],
            rss_mb=told.get("rss_mb"),
            tracked_fps=told.get("tracked_fps"),
        )

    def _variant_command(self, variant: str, fps: float, seconds: float, port: int) -> list[str]:
        return [
            *(sys.executable, "-m", "bridge.bench.variants", variant),
            *("--clip", str(self._clip), "--model", str(self._model)),
            *("--fps", str(fps), "--seconds", str(seconds), "--port", str(port)),
        ]

    def _naive_command(self, fps: float, seconds: float, port: int) -> tuple[list[str], float]:
        epoch = monotonic()
        return [
            *(sys.executable, str(self._naive), "--source", str(self._clip), "--model", str(self._model)),
            *("--fps", str(fps or 1000.0), "--seconds", str(seconds + 1.0), "--port", str(port), "--epoch", repr(epoch)),
        ], epoch

    def _start_s(self) -> float:
        """From the command typed to the first datagram: process, imports, model, first frame, first inference."""
        receiver = VmcReceiver()
        began = monotonic()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "bridge.cli", "run", "--source", str(self._clip), "--no-control"),
                *("--output", f"vmc://127.0.0.1:{receiver.port}", "--duration", "20", "--loop"),
                *("--set", f"tracker.model={json.dumps(str(self._model))}"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            while receiver.arrivals.first_datagram is None and process.poll() is None and monotonic() - began < 60:
                time.sleep(0.005)
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=30)
            first = receiver.stop().first_datagram
        if first is None:
            raise BenchFailed(f"no datagram came: {errors.decode(errors='replace').strip()[-400:]}")
        return first - began

    def _memory(self) -> dict[str, float | None]:
        """Resident memory after a short run and after at least 10,000 frames; eight pictures of the clip are part of it."""
        short = self.run("bridge", 0.0, 10.0, clip_frames=8)
        seconds = max(30.0, 10_500 / max(1.0, short.fps))
        self._console.print(f"memory: {seconds:.0f} s for 10,000 frames ...", highlight=False)
        long = self.run("bridge", 0.0, seconds, clip_frames=8)
        return {"rss_mb_after_10_s": short.rss_mb, "rss_mb_after_10000_frames": long.rss_mb}


def _shared_naive() -> Path | None:
    checkout = checkout_path()
    script = checkout.parent / "shared" / "tools" / "naive_bridge.py" if checkout else None
    return script if script is not None and script.is_file() else None


def _drawn_clip(folder: Path) -> Path:
    from bridge.bench.clip import write_drawn_clip

    return write_drawn_clip(folder / "drawn-face.avi")


def _rate(frames: list[tuple[float, float]]) -> float | None:
    span = frames[-1][0] - frames[0][0] if len(frames) > 1 else 0.0
    return (len(frames) - 1) / span if span > 0 else None


def _quantile(values: tuple[float, ...], percent: int) -> float | None:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else None


def _median(figures: list[Figures]) -> dict[str, float | None]:
    def middle(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None

    return {
        "cpu_ms": middle([run.cpu_ms for run in figures]),
        "fps": middle([run.fps for run in figures]),
        **{f"p{q}_ms": middle([_quantile(run.latencies_ms, q) for run in figures]) for q in (50, 95, 99)},
        "rss_mb": middle([run.rss_mb for run in figures]),
    }


def _ratio(runs: dict[str, list[Figures]], figure: str, above: str, below: str) -> float:
    """The median of the rounds' ratios: each round's pair saw the same machine."""
    pairs = zip(runs[above], runs[below], strict=True)
    return float(statistics.median(getattr(a, figure) / getattr(b, figure) for a, b in pairs))


def _print(report: dict[str, Any], console: Console) -> None:
    table = Table("", "variant", "CPU ms/frame", "fps", "p50 ms", "p95 ms", "p99 ms", "RSS MB")
    for part in ("pace30", "pace60", "unpaced"):
        for variant, row in report.get(part, {}).get("medians", {}).items():
            cells = [row["cpu_ms"], row["fps"], row["p50_ms"], row["p95_ms"], row["p99_ms"], row["rss_mb"]]
            table.add_row(part, variant, *("" if cell is None else f"{cell:.1f}" for cell in cells))
    if table.row_count:
        console.print(table)
    for part in ("pace30", "pace60", "unpaced"):
        for name, value in report.get(part, {}).get("ratios", {}).items():
            console.print(f"{part} {name.replace('_', ' ')}: {value:.2f}", highlight=False)
    for name in ("cost", "memory"):
        for key, value in report.get(name, {}).items():
            console.print(f"{key.replace('_', ' ')}: {value:.1f}" if value is not None else key, highlight=False)
    if "start_s" in report:
        console.print(f"start to first datagram: {report['start_s']:.2f} s", highlight=False)
