"""Work that keeps no pace: tracking a file as fast as it goes, and replaying a recording on its own times alone.

One thread, no mailbox, no clock: every frame is seen, and the same input gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bridge.clock import monotonic
from bridge.engine import Engine, Port
from bridge.errors import ConfigError, SourceEnded
from bridge.export import ANIMATIONS, ExportOptions, check_export_path, export_results
from bridge.models import find_model
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.live_rules import live_rules
from bridge.outputs.pacing import Cadence
from bridge.outputs.profiles import ProfileShelf
from bridge.outputs.registry import OutputContext, OutputPlan, create_output, parse_outputs
from bridge.recording import is_recording
from bridge.settings import Settings
from bridge.sources.recording import RECORDING_SUFFIXES, RecordingSource
from bridge.sources.video import Material, open_material
from bridge.stages.calibration_commands import Recenter
from bridge.stages.mirror import mirror_state
from bridge.trace import TraceWriter
from bridge.trackers.offline import OfflineTracker
from bridge.trackers.smoothing_check import expect_filtered
from bridge.types import CameraFrame, Face, FaceState, Output, Presence, TrackResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What ``track`` did."""

    frames: int
    found: int


def track_file(
    settings: Settings,
    path: Path,
    out: Path,
    *,
    mode: str | None,
    final: bool,
    console: Console,
    recenter: bool = False,
    options: ExportOptions | None = None,
) -> Tracked:
    """Every frame of ``path`` through the real landmarker into ``out``; what is a recording already is only converted.

    ``recenter`` (with ``final``): the first head that is seen is straight ahead. Raises ConfigError, SourceError, AssetError.
    """
    check_export_path(out)
    options = replace(options or ExportOptions(), eyes=settings.eyes)
    counts = [0, 0]

    def write(results: Iterator[TrackResult]) -> Tracked:
        seen = _counted(_progress(results, console), counts)
        if final:
            seen = _final(settings, seen, recenter=recenter, keep_lost=out.suffix.lower() in ANIMATIONS)
        export_results(seen, out, stage="final" if final else "raw", options=options)
        return Tracked(frames=counts[0], found=counts[1])

    if path.is_file() and (path.suffix.lower() in RECORDING_SUFFIXES or is_recording(path)):
        return write(_recorded(path))
    material = open_material(path, fps=settings.source.fps)
    try:
        model = find_model(settings.tracker.model)
        with OfflineTracker(
            settings.tracker,
            model,
            mode="image" if mode == "image" else "video",
            timestamp_scale=settings.timestamp_scale,
        ) as tracker:
            return write(_tracked(material, tracker))
    finally:
        material.close()


def _recorded(path: Path) -> Iterator[TrackResult]:
    """The results of a recording, on its own times."""
    source = RecordingSource(path, fast=True)
    source.open()
    try:
        while True:
            try:
                yield source.read()
            except SourceEnded:
                return
    finally:
        source.close()


def _tracked(material: Material, tracker: OfflineTracker) -> Iterator[TrackResult]:
    """Dated by the file's own rate, from 0; a still is seen once."""
    seq = 0
    while (image := material.next()) is not None:
        t = seq / material.fps
        result = tracker.detect(CameraFrame(seq=seq, t=t, image=image))
        yield replace(result, t_done=t)  # how long it took here says nothing to anybody: the same film gives the same file
        seq += 1


def _counted(results: Iterator[TrackResult], counts: list[int]) -> Iterator[TrackResult]:
    for result in results:
        counts[0] += 1
        counts[1] += bool(result.faces)
        yield result


def _progress(results: Iterator[TrackResult], console: Console) -> Iterator[TrackResult]:
    columns = (TextColumn("tracking"), SpinnerColumn(), TextColumn("{task.completed:.0f} frames"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("tracking", total=None)
        for result in results:
            bar.advance(task)
            yield result


def _final(settings: Settings, results: Iterator[TrackResult], *, recenter: bool, keep_lost: bool) -> Iterator[TrackResult]:
    """The results as an output would get them. ``keep_lost``: where nobody is, the face easing to rest instead of no face."""
    engine = _engine(settings)
    if recenter:
        engine.command(Recenter())
    for result in results:
        states = engine.tick(result, now=result.t_done)
        faces = tuple(
            Face(weights=state.weights, head=state.head, landmarks=state.landmarks, box=state.box)
            for state in states
            if keep_lost or state.presence is not Presence.LOST
        )
        yield TrackResult(seq=result.seq, t=result.t, t_done=result.t_done, faces=faces)


def _engine(settings: Settings) -> Engine:
    filtered = expect_filtered(settings.timestamp_scale, num_faces=settings.tracker.num_faces)
    return Engine(settings, clock=monotonic, landmark_filtered=filtered)


def replay_fast(settings: Settings, path: Path, *, trace: Path | None = None) -> int:
    """A recording through the same stages and outputs, waiting for nothing; returns the number of results.

    ``trace``: every stage per channel of subject 0 into this table as well.
    """
    if not settings.outputs and trace is None:
        raise ConfigError("replay --fast needs at least one --output or --trace: without pace there is nothing to watch")
    plans = [plan for plan in parse_outputs(settings.outputs, aliases=ProfileShelf(settings.profiles)) if plan.enabled]
    loop = EventLoopThread()
    opened: list[Output] = []
    source = RecordingSource(path, fast=True)
    with ExitStack() as undo:
        undo.callback(loop.close)
        undo.callback(source.close)
        source.open()
        engine = _engine(settings)
        if trace is not None:
            writer = TraceWriter(trace, engine.stages)
            undo.callback(writer.close)
            engine.watch(writer.step)
        undo.callback(_close_all, opened)
        engine.ports = tuple(_direct_port(settings, plan, loop, opened) for plan in plans)
        return _replay(source, engine)


def _close_all(opened: list[Output]) -> None:
    for output in opened:
        output.close()


def watch_recording(settings: Settings, path: Path, saw: Callable[[tuple[FaceState, ...]], None]) -> tuple[str, ...]:
    """A recording through the stages as ``replay_fast`` does it, into no output: ``saw`` gets every step of subject 0.

    Returns the names of the stages. Raises SourceUnavailable.
    """
    source = RecordingSource(path, fast=True)
    try:
        source.open()
        engine = _engine(settings)
        engine.watch(saw)
        _replay(source, engine)
        return engine.stages
    finally:
        source.close()


def _replay(source: RecordingSource, engine: Engine) -> int:
    count = 0
    while True:
        try:
            result = source.read()
        except SourceEnded:
            return count
        engine.tick(result, now=result.t_done)
        count += 1


def _direct_port(settings: Settings, plan: OutputPlan, loop: EventLoopThread, opened: list[Output]) -> Port:
    mirror = plan.mirrored(settings.mirror)
    # No clock moves here: a file of rules that changes meanwhile must not change the same replay's bytes.
    rules = live_rules(plan, settings, mirrored=mirror, clock=lambda: 0.0)
    output = create_output(plan, OutputContext(event_loop=loop))
    output.open()
    opened.append(output)

    def send(state: FaceState) -> None:
        if rules is not None:
            state = rules.apply(state)
        output.send(mirror_state(state) if mirror else state)

    return Port(subject=plan.subject, offer=_FastGrid(plan, send).offer if plan.fps > 0 else send)


class _FastGrid:
    """An output's own rate on recorded times: between two states, every instant of the grid that lies there."""

    def __init__(self, plan: OutputPlan, send: Callable[[FaceState], None]) -> None:
        self._cadence = Cadence(plan.fps, motion=plan.motion)
        self._send = send
        self._t = -math.inf

    def offer(self, state: FaceState) -> None:
        while (wait_s := self._cadence.wait_s(self._t)) is not None and self._t + wait_s < state.t:
            self._t += max(wait_s, 1e-9)  # a nanosecond on where rounding left the instant just ahead
            due = self._cadence.take(self._t)
            if due is not None:
                self._send(due)
        self._cadence.push(state, state.t)
        self._t = max(self._t, state.t)
