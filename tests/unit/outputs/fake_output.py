"""An output that is told how to behave, and waiting for what a worker does with it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from bridge.outputs.registry import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.types import FaceState, Output

DEADLINE_S = 20.0


class Options(OutputOptions):
    """None."""


def _no_output(_plan: OutputPlan, _context: OutputContext) -> Output:
    raise NotImplementedError


KIND = OutputKind(scheme="fake", Options=Options, create=_no_output, summary="")
PLAN = OutputPlan(
    name="me", kind=KIND, options=Options(), host="h", port=1, path="", fps=0.0, mirror=None, subject=0, enabled=True,
    wants_landmarks=False, wants_frame=False, url="fake://h:1",
)  # fmt: skip


class FakeOutput:
    """Records its calls; fails as told; holds every send until ``gate`` is set."""

    def __init__(self) -> None:
        self.calls: queue.Queue[str | FaceState] = queue.Queue()
        self.open_failures: list[Exception] = []
        self.send_failures: list[Exception] = []
        self.close_failure: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.thread_names: set[str] = set()

    def open(self) -> None:
        self._note("open")
        if self.open_failures:
            raise self.open_failures.pop(0)

    def send(self, state: FaceState) -> None:
        self._note(state)
        assert self.gate.wait(DEADLINE_S)
        if self.send_failures:
            raise self.send_failures.pop(0)

    def close(self) -> None:
        self._note("close")
        if self.close_failure is not None:
            raise self.close_failure

    def _note(self, call: str | FaceState) -> None:
        self.thread_names.add(threading.current_thread().name)
        self.calls.put(call)

    def next(self) -> str | FaceState:
        return self.calls.get(timeout=DEADLINE_S)

    def rest(self) -> list[str | FaceState]:
        """All calls made so far."""
        made = []
        while not self.calls.empty():
            made.append(self.calls.get_nowait())
        return made


def until(condition: Callable[[], bool]) -> None:
    """Returns when it is so; fails when that takes too long."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.001)
