"""The capture thread: reads the source, feeds the tracker, and brings both back when they fail."""

from __future__ import annotations

import enum
import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bridge.errors import BridgeError, SourceEnded, SourceError, SourceLost, SourceUnavailable, TrackerStalled
from bridge.types import CameraFrame, Source, Tracker, TrackResult

log = logging.getLogger(__name__)

FIRST_RETRY_S = 0.5
FLUSH_S = 2.0
POLL_S = 0.2
STEADY_FRAMES = 100
"""A source lost again before it has delivered so many comes and goes: that is told only when it stays away."""


@runtime_checkable
class Polled(Protocol):
    """A source that may have to wait for ever, for a sender in the network: it is asked with a time limit, so that a pause and
    the end need not wait as well."""

    def poll(self, timeout_s: float) -> TrackResult | None:
        """What ``read`` would return, or None when nothing came in time. Raises as ``read``."""
        ...


class CaptureState(enum.Enum):
    """What ``status`` says of the source."""

    OPENING = "opening"
    WAITING = "waiting"
    """Open, but its sender has sent nothing yet."""
    RUNNING = "running"
    LOST = "lost"
    PAUSED = "paused"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureStatus:
    """A snapshot of the source and its troubles; may cross threads."""

    state: CaptureState
    label: str
    frames: int
    losses: int
    """How often the source was lost."""
    rebuilds: int
    """How often a stalled tracker was rebuilt."""
    error: str | None
    """The sentence behind LOST or FAILED."""


class CaptureLoop:
    """Owns the source and the tracker. ``start``, ``stop``, ``pause``, ``resume`` from any one thread."""

    def __init__(
        self,
        source: Source,
        *,
        make_tracker: Callable[[], Tracker],
        offer: Callable[[TrackResult], None],
        retry_max_s: float,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._source = source
        self._make_tracker = make_tracker
        self._offer = offer
        self._retry_max_s = retry_max_s
        self._jitter = jitter
        self._thread = threading.Thread(target=self._run, name="bridge-capture", daemon=True)
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._paused = False
        self._state = CaptureState.OPENING
        self._error: str | None = None
        self._frames = self._losses = self._rebuilds = 0
        self._frames_at_return = -STEADY_FRAMES
        self.tracker: Tracker | None = None
        """The running tracker; None for sources that deliver finished results."""
        self.failure: BridgeError | None = None
        """Why the capture ended, when it did not end by itself."""
        self.opened = threading.Event()
        """Set when the first opening has succeeded or failed (``failure``)."""
        self.go = threading.Event()
        """Reading begins when this is set: outputs are up by then."""
        self.ended = threading.Event()
        """Set when nothing more will come."""

    def start(self) -> None:
        """Starts the thread, which opens the source; see ``opened``."""
        self._thread.start()

    def stop(self) -> None:
        """Ends reading, closes tracker and source. Idempotent; bounded by the source's own read timeout."""
        self._stop.set()
        self._source.cancel()
        self.go.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)
            if self._thread.is_alive():
                log.warning("%s did not let go of a read; it is left behind", self._source.label)

    def pause(self) -> None:
        """Releases the camera until ``resume``."""
        self._paused = True

    def resume(self) -> None:
        """Opens the source again."""
        self._paused = False
        self._wake.set()

    def status(self) -> CaptureStatus:
        """A snapshot, any thread."""
        return CaptureStatus(
            state=self._state,
            label=self._source.label,
            frames=self._frames,
            losses=self._losses,
            rebuilds=self._rebuilds,
            error=self._error,
        )

    # --- the thread -------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._source.open()
            if not getattr(self._source, "delivers_results", False):
                self._start_tracker()
            self.opened.set()
            self.go.wait()
            while not self._stop.is_set():
                self._step()
        except SourceEnded:
            if self.tracker is not None:
                self.tracker.flush(FLUSH_S)
            self._state = CaptureState.ENDED
        except BridgeError as error:
            self._fail(error)
        except Exception as error:
            log.debug("capture failed", exc_info=True)
            self._fail(SourceError(f"{self._source.label}: {type(error).__name__}: {error}"))
        finally:
            self._close_tracker()
            self._source.close()
            self.opened.set()
            self.ended.set()

    def _fail(self, error: BridgeError) -> None:
        self._state, self._error, self.failure = CaptureState.FAILED, str(error), error

    def _step(self) -> None:
        try:
            self._pump()
        except SourceLost as error:
            if not self._source.live:
                raise
            self._losses += 1
            steady = self._frames - self._frames_at_return >= STEADY_FRAMES
            if steady:
                log.warning("%s; waiting for it to return", error)
            self._reopen(error, told=steady)
        except TrackerStalled as error:
            self._rebuilds += 1
            log.warning("%s; it is rebuilt", error)
            self._error = str(error)
            self._close_tracker()
            self._start_tracker()
            self._error = None

    def _pump(self) -> None:
        poll = self._source.poll if isinstance(self._source, Polled) else None
        if poll is None:
            self._state = CaptureState.RUNNING
        while not self._stop.is_set():
            if self._paused:
                self._pause()
                continue
            item = self._source.read() if poll is None else poll(POLL_S)
            if item is None:
                if self._frames == 0:
                    self._state = CaptureState.WAITING
                continue
            self._state = CaptureState.RUNNING
            self._frames += 1
            if isinstance(item, CameraFrame):
                if self.tracker is not None:
                    self.tracker.submit(item)
            else:
                self._offer(item)

    def _pause(self) -> None:
        self._state = CaptureState.PAUSED
        self._source.close()
        while self._paused and not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
        if self._stop.is_set():
            return
        try:
            self._source.open()
        except SourceUnavailable as error:
            if not self._source.live:
                raise
            self._reopen(error, told=True)
        else:
            self._error = None
        self._state = CaptureState.RUNNING

    def _reopen(self, error: SourceError, *, told: bool) -> None:
        """Tries until the same device is back. Another one is never taken: that is ``open``'s promise.

        What was not ``told`` to the person is after the first attempt that fails, and the return only of what was.
        """
        self._state, self._error = CaptureState.LOST, str(error)
        self._source.close()
        longest_s = min(self._retry_max_s, getattr(self._source, "retry_max_s", self._retry_max_s))
        pause_s = min(FIRST_RETRY_S, longest_s)
        while not self._stop.is_set():
            self._wake.wait(pause_s * (0.8 + 0.4 * self._jitter()))
            self._wake.clear()
            if self._stop.is_set() or self._paused:
                return
            try:
                self._source.open()
            except SourceUnavailable as again:
                self._error = str(again)
                pause_s = min(longest_s, pause_s * 1.6)
                if not told:
                    told = True
                    log.warning("%s; waiting for it to return", again)
            else:
                if told:
                    log.info("%s is back", self._source.label)
                self._error = None
                self._frames_at_return = self._frames
                return

    def _start_tracker(self) -> None:
        self.tracker = self._make_tracker()
        self.tracker.start(self._offer)

    def _close_tracker(self) -> None:
        tracker, self.tracker = self.tracker, None
        if tracker is not None:
            tracker.close()
