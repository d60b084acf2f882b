"""The hot path: newest result in, one FaceState per subject out to every output that follows it.

``tick`` is the whole of it and reads no clock; the thread around it waits for a result or for the time at which silence must be
told to the stages (camera gone, tracker stalled), so that avatars hold and ease to rest instead of freezing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bridge.mailbox import Mailbox
from bridge.settings import Settings
from bridge.stages.calibrate import CalibrationStatus
from bridge.stages.calibration_commands import CalibrationCommand, carry_out
from bridge.stages.chain import StageChain, build_chain
from bridge.stages.neutral import Neutral
from bridge.stages.subjects import SubjectAssigner
from bridge.types import ZERO_WEIGHTS, Face, FaceState, Presence, TrackResult

log = logging.getLogger(__name__)

SILENCE_S = 0.25
"""Without a result for this long (or three frame times, if longer) the stages are told that nobody is seen."""
SILENT_TICK_S = 1 / 30
"""How often they are told while the avatar still moves to rest."""
KEEP_ALIVE_S = 0.25
"""How often the resting state is repeated after that: receivers take a source that is silent for 0.5 s for lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """Where states go: an output's mailbox. ``offer`` must store and return."""

    subject: int | None
    """The subject it follows; None takes all."""
    offer: Callable[[FaceState], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """What ``status`` shows of the hot path. Latencies are milliseconds over the last 240 results."""

    results: int
    fps: float
    replaced: int
    """Results that a newer one replaced before the engine took them."""
    errors: int
    presence: tuple[Presence, ...]
    stalled: bool
    """Whether results have stopped coming: camera or tracker stand still. Not the same as pictures without a face."""
    stalls: int
    """How often that happened."""
    latency_ms_p50: float | None
    """Capture (frame in hand) to stages done."""
    latency_ms_p95: float | None
    calibration: CalibrationStatus


class Engine:
    """One stage chain per subject. ``offer`` and ``command`` from any thread; everything else from the engine's own."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float],
        landmark_filtered: bool,
        full_range: Callable[[], bool] = lambda: False,
        subjects: int | None = None,
    ) -> None:
        count = settings.tracker.num_faces if subjects is None else subjects
        self._clock = clock
        self._chains: tuple[StageChain, ...] = tuple(
            build_chain(settings, landmark_filtered=landmark_filtered, full_range=full_range) for _ in range(count)
        )
        self._assigner = SubjectAssigner(count, hold_s=settings.tracker.identity_hold_s)
        self._inbox: Mailbox[TrackResult] = Mailbox()
        self._commands: deque[CalibrationCommand] = deque()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._offered = 0
        self._handled = 0
        self.ports: tuple[Port, ...] = ()
        """Replaced as a whole, from any thread."""
        self.taps: tuple[Callable[[TrackResult], None], ...] = ()
        """See every raw result the engine takes; must store and return."""
        self.on_calibrated: Callable[[Neutral], None] | None = None
        """Told, on the engine's thread, what the first subject changed of the calibration; must store and return."""
        self._revision = 0
        self._seq = 0
        self._t = -np.inf
        self._last_t = -np.inf
        self._last_delay_s = 0.0
        self._mean_interval_s = 1 / 30
        self._results = 0
        self._stalled = False
        self._stalls = 0
        self._errors = 0
        self._broken = ""
        self._latencies_s: deque[float] = deque(maxlen=240)
        self._times: deque[float] = deque(maxlen=61)
        self._states: tuple[FaceState, ...] = tuple(FaceState.rest(subject=i) for i in range(count))

    # --- any thread -----------------------------------------------------------------------------------------------------

    def offer(self, result: TrackResult) -> None:
        """A new result; the newest wins. Any thread, but one at a time: the tracker's, or the capture thread."""
        self._offered += 1
        self._inbox.offer(result)

    def command(self, command: CalibrationCommand) -> None:
        """Any thread: carried out before the next tick."""
        self._commands.append(command)
        self._inbox.nudge()

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages, in order."""
        return tuple(name for name, _ in self._chains[0].stages)

    def watch(self, saw: Callable[[tuple[FaceState, ...]], None]) -> None:
        """Before ``start``: ``saw`` gets every step of subject 0, see ``StageChain.watch``. Costs nothing unless called."""
        self._chains[0].watch(saw)

    @property
    def states(self) -> tuple[FaceState, ...]:
        """The newest final state of every subject."""
        return self._states

    def status(self) -> EngineStatus:
        """A snapshot, any thread."""
        latencies = sorted(self._latencies_s.copy())
        times = self._times.copy()
        span = times[-1] - times[0] if len(times) > 1 else 0.0
        silent = not times or self._clock() - times[-1] > 1.0
        return EngineStatus(
            results=self._results,
            fps=0.0 if silent or span <= 0 else (len(times) - 1) / span,
            replaced=self._inbox.replaced,
            errors=self._errors,
            presence=tuple(state.presence for state in self._states),
            stalled=self._stalled,
            stalls=self._stalls,
            latency_ms_p50=_quantile_ms(latencies, 0.5),
            latency_ms_p95=_quantile_ms(latencies, 0.95),
            calibration=self._chains[0].calibrate.status,
        )

    # --- the tick -------------------------------------------------------------------------------------------------------

    def tick(self, result: TrackResult | None, *, now: float) -> tuple[FaceState, ...]:
        """One step of every subject's chain; ``result`` None is silence at ``now``. Sends to the ports, returns the states.

        Before the first result silence says nothing: there is no time yet that it could be dated with.
        """
        while self._commands:
            self._carry_out(self._commands.popleft())
        self._tell_calibration()
        if result is None:
            if self._results == 0:
                return ()
            # Silence is only known of after a while. Its time begins where the results' time ended, so that one that was merely
            # late is not overtaken.
            t = now - self._last_delay_s - self._silence_s
            if t <= self._t and not self._stalled:  # only woken to carry out a command
                return self._states
            t = self._t = max(self._t, t)
            self._stalls += not self._stalled
            self._stalled = True
            observations = tuple(_absent(i, seq=self._seq, t=t, t_done=now, result=None) for i in range(len(self._chains)))
        else:
            for tap in self.taps:
                tap(result)
            self._note(result)
            if result.t < self._t:  # overtaken all the same: time never runs backwards
                result = replace(result, t=self._t)
            self._t = result.t
            observations = tuple(
                _absent(i, seq=result.seq, t=result.t, t_done=result.t_done, result=result)
                if face is None
                else _observed(i, face, result)
                for i, face in enumerate(self._assigner.assign(result))
            )
        states = tuple(chain.step(seen) for chain, seen in zip(self._chains, observations, strict=True))
        self._tell_calibration()
        self._states = states
        for port in self.ports:
            if port.subject is None:
                for state in states:
                    port.offer(state)
            elif port.subject < len(states):
                port.offer(states[port.subject])
        return states

    def _note(self, result: TrackResult) -> None:
        interval = result.t - self._last_t
        if 0.0 < interval < 1.0:
            self._mean_interval_s += 0.1 * (interval - self._mean_interval_s)
        self._last_t, self._seq = result.t, result.seq
        self._last_delay_s = max(0.0, result.t_done - result.t)
        self._results += 1
        self._stalled = False

    def _carry_out(self, command: CalibrationCommand) -> None:
        for subject, chain in enumerate(self._chains):
            carry_out(command, chain.calibrate, subject=subject)

    def _tell_calibration(self) -> None:
        calibrate = self._chains[0].calibrate
        if calibrate.revision != self._revision:
            self._revision = calibrate.revision
            if self.on_calibrated is not None:
                self.on_calibrated(calibrate.neutral)

    # --- the thread -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts the engine thread."""
        self._thread = threading.Thread(target=self._run, name="bridge-engine", daemon=True)
        self._thread.start()

    def drain(self, timeout_s: float) -> bool:
        """Waits until everything offered so far went through; True if so. Called once, when a file has ended."""
        deadline = self._clock() + timeout_s
        while self._handled + self._inbox.replaced < self._offered:
            if self._clock() >= deadline:
                return False
            time.sleep(0.002)
        return True

    def stop(self) -> None:
        """Ends the thread after what it is doing. Idempotent."""
        self._stopping = True
        self._inbox.close()
        if self._thread is not None:
            self._thread.join(2.0)
            self._thread = None

    def _run(self) -> None:
        last = self._clock()
        while not self._stopping:
            result = self._inbox.take(self._patience_s())
            now = self._clock()
            if result is None:
                if self._commands or now - last >= self._patience_s() * 0.95:
                    self._guarded(None, now)
                    last = now
                continue
            last = now
            self._guarded(result, now)
            self._handled += 1
            done = self._clock()
            self._latencies_s.append(done - result.t)
            self._times.append(done)

    @property
    def _silence_s(self) -> float:
        return max(SILENCE_S, 3 * self._mean_interval_s)

    def _patience_s(self) -> float:
        silent_for = self._clock() - (self._times[-1] if self._times else -np.inf)
        if silent_for < self._silence_s:
            return self._silence_s
        return KEEP_ALIVE_S if all(chain.presence.at_rest for chain in self._chains) else SILENT_TICK_S

    def _guarded(self, result: TrackResult | None, now: float) -> None:
        try:
            self.tick(result, now=now)
            self._broken = ""
        except Exception as error:  # a bug in a stage must not end the performance: say it, reset, go on
            self._errors += 1
            what = f"{type(error).__name__}: {error}"
            if what != self._broken:  # one line per change, not per frame
                self._broken = what
                log.exception("a stage failed; it was reset and the performance goes on")
            for chain in self._chains:
                chain.reset()


def _observed(subject: int, face: Face, result: TrackResult) -> FaceState:
    return FaceState(
        subject=subject,
        seq=result.seq,
        t=result.t,
        t_done=result.t_done,
        presence=Presence.LIVE,
        weights=face.weights,
        head=face.head,
        landmarks=face.landmarks,
        box=face.box,
        frame=result.frame,
    )


def _absent(subject: int, *, seq: int, t: float, t_done: float, result: TrackResult | None) -> FaceState:
    return FaceState(
        subject=subject,
        seq=seq,
        t=t,
        t_done=t_done,
        presence=Presence.LOST,
        weights=ZERO_WEIGHTS,
        head=None,
        frame=None if result is None else result.frame,
        stalled=result is None,
    )


def _quantile_ms(sorted_s: list[float], fraction: float) -> float | None:
    if not sorted_s:
        return None
    return 1e3 * sorted_s[min(len(sorted_s) - 1, int(fraction * len(sorted_s)))]
