"""A run whose source stands still: told apart from a source that is lost, and from a face that went away."""

from __future__ import annotations

import threading

from bridge.clock import monotonic
from bridge.errors import SourceEnded
from bridge.runtime import RunOptions, Runtime
from bridge.types import IDENTITY_HEAD, ZERO_WEIGHTS, Face, TrackResult
from tests.unit.runs import run_settings, run_status, run_with, wait_for


class _StandsStill:
    """A live source that delivers half a second of faces and then blocks until it is cancelled."""

    label, live, delivers_results = "stands still", True, True

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._seq = 0

    def open(self) -> None:
        """Always there."""

    def read(self) -> TrackResult:
        """30 results, and no more."""
        if self._seq == 30:
            self._cancelled.wait()
        if self._cancelled.wait(1 / 60):
            raise SourceEnded("cancelled")
        self._seq += 1
        now = monotonic()
        return TrackResult(seq=self._seq, t=now, t_done=now, faces=(Face(weights=ZERO_WEIGHTS, head=IDENTITY_HEAD),))

    def close(self) -> None:
        """Nothing is open."""

    def cancel(self) -> None:
        """Ends a blocked read."""
        self._cancelled.set()


def test_a_source_that_stands_still_is_said_to_be_stalled() -> None:
    """The avatar is held meanwhile."""
    runtime = Runtime(run_settings(presence={"stall_hold_s": 60}), RunOptions(source=_StandsStill()))

    def body() -> None:
        wait_for(lambda: run_status(runtime)["state"] == "stalled")
        wait_for(lambda: run_status(runtime)["engine"]["results"] == 30)
        wait_for(lambda: run_status(runtime)["engine"]["stalled"])
        engine = run_status(runtime)["engine"]
        assert engine["stalls"] >= 1
        assert engine["presence"] == ["HELD"]

    run_with(runtime, body)
