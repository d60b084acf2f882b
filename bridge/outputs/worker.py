"""The thread that drives one output: takes the newest state, sends it, survives whatever the receiver does, says how it goes."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, runtime_checkable

from bridge.clock import Clock, monotonic
from bridge.errors import BridgeError
from bridge.mailbox import Mailbox
from bridge.outputs.live_rules import LiveRules
from bridge.outputs.pacing import Backoff, Cadence
from bridge.outputs.registry import OutputPlan
from bridge.stages.mirror import mirror_state
from bridge.types import FaceState, Output, OutputState

_log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 1.5
_SILENT_S = 2.0
"""After so long without a send the rate is 0, not the one of before."""
_AVERAGE = 0.1
"""Weight of the newest value in the running averages of rate and latency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputReport:
    """What an open output says of itself."""

    state: OutputState
    """SENDING or WAITING."""
    note: str = ""
    """One sentence for the user: "waits for you to allow avatar-bridge in VTube Studio"."""


@runtime_checkable
class Reporting(Protocol):
    """An output that knows more than whether ``send`` raised."""

    def report(self) -> OutputReport | None:
        """Any thread, at any time; quick. None: nothing to add."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputStatus:
    """How one output is doing."""

    name: str
    kind: str
    url: str
    state: OutputState
    note: str
    """One sentence when there is something to say, else empty."""
    sent: int
    """States handed over since the start, resent ones included."""
    replaced: int
    """States that a newer one replaced before the output took them."""
    failures: int
    """Failed attempts to open or to send."""
    fps: float
    """States a second at the moment."""
    latency_ms: float | None
    """Frame left the camera -> handed to the receiver, running average; None before the first."""
    since_result_ms: float | None
    """Tracker was done -> handed to the receiver, running average."""
    last_error: str | None
    """The newest failure, also when it is over."""
    retry_in_s: float | None
    """Until the next attempt; None when none is due."""


class _Failure(NamedTuple):
    sentence: str
    retry: bool


class OutputWorker:
    """One output and its thread "bridge-output-<name>".

    ``offer``, ``retry``, ``status`` and ``stop`` may be called from any thread; only the worker's own touches the output.
    """

    def __init__(
        self,
        plan: OutputPlan,
        output: Output,
        *,
        mirror: bool,
        rules: LiveRules | None = None,
        clock: Clock = monotonic,
        backoff: Backoff | None = None,
    ) -> None:
        """``rules`` are applied to the state as it was tracked, then ``mirror`` swaps sides."""
        self.plan = plan
        self._output = output
        self._mirror = mirror
        self._rules = rules
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._cadence = Cadence(plan.fps) if plan.fps > 0 else None
        self._mailbox: Mailbox[FaceState] = Mailbox()
        self._thread = threading.Thread(target=self._run, name=f"bridge-output-{plan.name}", daemon=True)
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._tried = threading.Event()
        self._rest: FaceState | None = None
        # Written by the worker thread, read by `status`: single values, so no lock.
        self._state = OutputState.OFF
        self._last_error: str | None = None
        self._complaint: str | None = None
        self._is_open = False
        self._retry_at: float | None = None
        self._unsent: FaceState | None = None
        self._sent = 0
        self._failures = 0
        self._last_t = -math.inf
        self._sent_at = -math.inf
        self._interval_s = math.inf
        self._latency_s: float | None = None
        self._since_result_s: float | None = None

    # --- any thread ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts the thread, which opens the output. Once; not after ``stop``."""
        self._state = OutputState.CONNECTING
        self._thread.start()

    def offer(self, state: FaceState) -> None:
        """Hands over the newest state; one that was not yet taken is replaced. Never blocks."""
        self._mailbox.offer(state)

    def wait_tried(self, timeout_s: float) -> bool:
        """Waits until the first attempt to open has ended, well or not; True if so. A file's first frame is not lost then."""
        return self._tried.wait(timeout_s)

    def retry(self) -> None:
        """Ends the pause before the next attempt, also after the receiver refused."""
        self._wake.set()

    def stop(self, rest: FaceState | None = None) -> None:
        """Sends what is waiting, then ``rest``, closes, joins: within 1.5 s, or the thread is left behind. Idempotent."""
        self._rest = rest if self._rest is None else self._rest
        self._stopping.set()
        self._wake.set()
        self._mailbox.close()
        if self._thread.ident is None or self._thread is threading.current_thread():
            return
        self._thread.join(STOP_TIMEOUT_S)
        if self._thread.is_alive():
            self._last_error = f"did not stop within {STOP_TIMEOUT_S} s and was left behind"
            self._state = OutputState.OFF
            _log.warning("output %s %s", self.plan.name, self._last_error)

    @property
    def status(self) -> OutputStatus:
        """Now."""
        now = self._clock()
        state, note = self._state, ""
        if state in (OutputState.FAULTED, OutputState.REJECTED):
            note = self._last_error or ""
        elif self._is_open:
            state, note = self._own_report() or (state, note)
        if self._rules is not None and self._rules.note:
            note = f"{note}; {self._rules.note}" if note else self._rules.note
        retry_at = self._retry_at
        silent_s = now - self._sent_at
        return OutputStatus(
            name=self.plan.name,
            kind=self.plan.kind.scheme,
            url=self.plan.url,
            state=state,
            note=note,
            sent=self._sent,
            replaced=self._mailbox.replaced,
            failures=self._failures,
            fps=0.0 if silent_s > _SILENT_S else 1.0 / max(self._interval_s, silent_s, 1e-6),
            latency_ms=None if self._latency_s is None else self._latency_s * 1e3,
            since_result_ms=None if self._since_result_s is None else self._since_result_s * 1e3,
            last_error=self._last_error,
            retry_in_s=None if retry_at is None else max(0.0, retry_at - now),
        )

    def _own_report(self) -> tuple[OutputState, str] | None:
        if not isinstance(self._output, Reporting):
            return None
        try:
            report = self._output.report()
        except Exception as error:  # noqa: BLE001  a bug in one output must not take the status of all with it
            _log.debug("output %s: traceback", self.plan.name, exc_info=error)
            return None
        return None if report is None else (report.state, report.note)

    # --- worker thread -------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._open_or_pause() and not self._stopping.is_set():
                state = self._next()
                if state is not None:
                    self._send(state)
            if self._is_open:
                self._finish()
        finally:
            self._close()
            self._state = OutputState.OFF

    def _open_or_pause(self) -> bool:
        """Open, or as soon as it is; False when it is time to stop and it is not."""
        while not self._is_open:
            if self._stopping.is_set() and self._tried.is_set():
                return False
            failure = self._attempt(self._output.open)
            if failure is None:
                self._is_open = True
                self._state = OutputState.WAITING
                self._tried.set()
            else:
                self._fail(failure)
        return True

    def _next(self) -> FaceState | None:
        """The state to send now; None when something else happened."""
        cadence = self._cadence
        if cadence is None:
            return self._mailbox.take()
        now = self._clock()
        due = cadence.take(now)
        if due is None:
            newest = self._mailbox.take(cadence.wait_s(now))
            if newest is not None:
                cadence.push(newest, self._clock())
                self._unsent = newest
        return due

    def _send(self, state: FaceState) -> None:
        failure = self._attempt(self._deliver, state)
        if failure is not None:
            self._fail(failure)
            return
        now = self._clock()
        self._backoff.reset()
        self._sent += 1
        if state.t > self._last_t:  # not for a state that is sent again
            self._latency_s = _averaged(self._latency_s, now - state.t)
            self._since_result_s = _averaged(self._since_result_s, now - state.t_done)
        interval_s = now - self._sent_at
        self._interval_s = interval_s if self._sent < 3 else _averaged(self._interval_s, min(interval_s, _SILENT_S))
        self._sent_at, self._last_t = now, max(state.t, self._last_t)
        if state is self._unsent:
            self._unsent = None
        self._state = OutputState.SENDING
        if self._complaint is not None:
            _log.info("output %s (%s) works again", self.plan.name, self.plan.url)
            self._complaint = None

    def _deliver(self, state: FaceState) -> None:
        if self._rules is not None:
            state = self._rules.apply(state)
        self._output.send(mirror_state(state) if self._mirror else state)

    def _finish(self) -> None:
        """The newest state, if it has not gone out, then the rest state, whose time does not run backwards."""
        newest = self._mailbox.take(0.0) or self._unsent
        if newest is not None:
            self._send(newest)
        rest = self._rest
        if rest is not None and self._is_open:
            if rest.t < self._last_t:
                rest = replace(rest, t=self._last_t, t_done=max(rest.t_done, self._last_t))
            self._send(rest)

    def _fail(self, failure: _Failure) -> None:
        """Closes; then waits for the next attempt, or, when trying again alone cannot help, for ``retry`` or ``stop``."""
        self._close()
        self._failures += 1
        self._last_error = failure.sentence
        self._state = OutputState.FAULTED if failure.retry else OutputState.REJECTED
        if failure.sentence != self._complaint:  # one line per change, not one per attempt
            _log.warning("output %s (%s): %s", self.plan.name, self.plan.url, failure.sentence)
            self._complaint = failure.sentence
        self._tried.set()
        pause_s = self._backoff.next_s() if failure.retry else None
        self._retry_at = None if pause_s is None else self._clock() + pause_s
        self._wake.wait(pause_s)
        self._retry_at = None
        if not self._stopping.is_set():
            self._wake.clear()

    def _close(self) -> None:
        self._is_open = False
        self._attempt(self._output.close)

    def _attempt(self, action: Callable[..., None], *arguments: FaceState) -> _Failure | None:
        """Supervises one call of the output: None when it went well."""
        try:
            action(*arguments)
        except BridgeError as error:
            return _Failure(str(error), error.retryable)
        except Exception as error:  # noqa: BLE001  a bug in one output must not stop it for good, nor the others at all
            _log.debug("output %s: traceback", self.plan.name, exc_info=error)
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return _Failure(f"internal error in the {self.plan.kind.scheme} output: {what}", retry=True)
        return None


def _averaged(average: float | None, value: float) -> float:
    return value if average is None or not math.isfinite(average) else average + _AVERAGE * (value - average)
