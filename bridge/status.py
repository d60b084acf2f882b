"""The state of a run as plain JSON values: one shape for ``status``, the page, ``/api/v1/state`` and the metrics."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from bridge.capture import CaptureLoop, CaptureState
from bridge.engine import EngineStatus
from bridge.outputs.worker import OutputWorker
from bridge.recorder import ResultRecorder
from bridge.settings import Settings
from bridge.trace import TraceRecorder
from bridge.types import Source


def snapshot(
    *,
    settings: Settings,
    version: str,
    pid: int,
    uptime_s: float,
    source: Source,
    capture: CaptureLoop,
    engine: EngineStatus,
    workers: Sequence[OutputWorker],
    recorder: ResultRecorder | None,
    trace: TraceRecorder | None = None,
    control_url: str | None,
    viewers: int | None,
) -> dict[str, object]:
    """Any thread; takes no lock that a frame could wait for. ``viewers`` of the control port's stream; None without one."""
    report = getattr(source, "report", None)
    tracker = capture.tracker
    stats = getattr(tracker, "stats", None)
    return {
        "name": "avatar-bridge",
        "version": version,
        "pid": pid,
        "uptime_s": round(uptime_s, 1),
        "state": _state(capture, engine),
        "notice": getattr(source, "notice", None),
        "source": plain(capture.status()) | (plain(report()) if callable(report) else {}),
        "tracker": None if stats is None else plain(stats),
        "engine": plain(engine),
        "outputs": [plain(worker.status) for worker in workers],
        "recording": None if recorder is None else {"error": recorder.error, "lost": recorder.lost},
        "trace": None if trace is None else {"error": trace.error, "lost": trace.lost},
        "mirror": settings.mirror,
        "control_url": control_url,
        "viewers": viewers,
    }


def _state(capture: CaptureLoop, engine: EngineStatus) -> str:
    """The source's state; "stalled" where it counts as running but nothing comes out: it, or the tracker, stands still."""
    state = capture.status().state
    return "stalled" if state is CaptureState.RUNNING and engine.stalled else state.value


def plain(value: Any) -> Any:
    """Dataclasses, enums, tuples -> dict, str, list, recursively; floats rounded to what a person reads."""
    if isinstance(value, enum.Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 4)
    return value if value is None or isinstance(value, str | int | bool) else str(value)
