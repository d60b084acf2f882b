"""One performance from settings: opens everything in order, watches it, answers questions about it, takes it down in order."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from bridge import __version__, arkit
from bridge.calibration_control import CalibrationControl
from bridge.calibration_profiles import ProfileStore
from bridge.capture import CaptureLoop
from bridge.clock import monotonic
from bridge.engine import Engine, Port
from bridge.errors import AssetError, ConfigError, ControlError
from bridge.export import ExportOptions
from bridge.models import find_model
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.live_rules import live_rules
from bridge.outputs.profiles import ProfileShelf
from bridge.outputs.registry import OutputContext, OutputPlan, create_output, parse_outputs
from bridge.outputs.worker import OutputWorker
from bridge.profile_keeper import ProfileKeeper
from bridge.recorder import ResultRecorder
from bridge.settings import OutputSettings, Settings
from bridge.sources.select import make_source
from bridge.state_store import StateStore
from bridge.trace import TraceRecorder
from bridge.trackers.face_landmarker import FaceLandmarkerTracker
from bridge.trackers.smoothing_check import expect_filtered, known_smoothing_check, start_smoothing_check
from bridge.types import FaceState, Source, Tracker, TrackResult
from bridge.wire.web import in_url, is_loopback, reachable

log = logging.getLogger(__name__)

OPEN_S, OPEN_FOR_A_FILE_S = 0.25, 2.0
"""What outputs get for their first attempt to open, before the source begins: a camera goes on, a file's first frame is gone."""
STOP_S = 1.5
"""What outputs get for sending the rest state and closing."""
DEFAULT_OUTPUTS = (OutputSettings(url="vmc://127.0.0.1:39539"),)
"""When none is configured: VMC to this machine, where VSeeFace, Warudo, VNyan and Unity listen. The page is always there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a single run is told beyond the configuration."""

    record: Path | None = None
    trace: Path | None = None
    """Every stage per channel of subject 0, as a table."""
    on_progress: Callable[[int, int], None] | None = None
    """Called while the model downloads: bytes so far, bytes in all."""
    source: Source | None = None
    """Instead of the one that ``settings.source`` names."""


class Runtime:
    """``start``, ``wait``, ``stop`` from the main thread; ``status`` and ``command`` from any."""

    def __init__(self, settings: Settings, options: RunOptions | None = None) -> None:
        self.settings = settings
        self._options = options or RunOptions()
        self._clock = monotonic
        self._began = self._clock()
        self._exit = ExitStack()
        self._done = threading.Event()
        self._stop_reason: str | None = None
        self.plans: tuple[OutputPlan, ...] = plans_of(settings)
        self._workers: tuple[OutputWorker, ...] = ()
        self._recorder: ResultRecorder | None = None
        self._trace: TraceRecorder | None = None
        self._model: Path | None = None
        self._smoothing_check: threading.Thread | None = None
        self._source: Source = self._options.source or make_source(settings.source)
        self._refuse_circle()
        self._state = StateStore()
        self._engine = Engine(
            settings,
            clock=self._clock,
            landmark_filtered=self._landmark_filtered(),
            full_range=lambda: bool(getattr(self._source, "full_range", False)),
        )
        self._calibration = CalibrationControl(
            settings.calibration,
            self._engine,
            lambda use: ProfileKeeper(ProfileStore(), wanted=settings.calibration.profile, use=use),
        )
        self._capture = CaptureLoop(
            self._source,
            make_tracker=self._make_tracker,
            offer=self._engine.offer,
            retry_max_s=settings.source.retry_max_s,
        )
        self.control_url: str | None = None
        self._viewers: Callable[[], int | None] = lambda: None

    # --- life -------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Opens control port, source, tracker, outputs. Raises what failed first; then nothing is left open."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        loop = EventLoopThread()
        self._exit.callback(loop.close)
        self._exit.callback(self._await_smoothing_check)  # after all others: receivers must not wait for it
        self._exit.callback(self._calibration.close)
        page = self._start_control(loop) if self.settings.control.enabled else None
        if self._options.record is not None:
            self._recorder = ResultRecorder(self._options.record, options=ExportOptions(eyes=self.settings.eyes))
            self.add_tap(self._recorder.tap)
            self._exit.callback(self._recorder.stop)
        if self._options.trace is not None:
            self._trace = TraceRecorder(self._options.trace, self._engine.stages)
            self._engine.watch(self._trace.tap)
            self._exit.callback(self._trace.stop)
        self._exit.callback(self._stop_outputs)
        self._exit.callback(self._engine.stop)
        self._exit.callback(self._capture.stop)
        self._capture.start()
        self._start_outputs(page, OutputContext(event_loop=loop, state=self._state))
        while not self._capture.opened.wait(0.1):
            if self._done.is_set():  # Ctrl-C while the model downloads or a camera takes its time
                return
        if self._capture.failure is not None:
            raise self._capture.failure
        self._calibration.begin(self._source, self._model)
        self._engine.start()
        self._await_outputs()
        # What exists now lives as long as the run: keep the garbage collector from walking it in the middle of a frame.
        gc.collect()
        gc.freeze()
        self._capture.go.set()
        self._check_smoothing()

    def wait(self, duration_s: float | None = None) -> None:
        """Returns when the source has ended, ``stop_soon`` was called, or the time is over. Raises what ended the capture."""
        deadline = None if duration_s is None else self._clock() + duration_s
        while not self._done.is_set():
            left = 0.2 if deadline is None else min(0.2, deadline - self._clock())
            if left <= 0:
                return
            if self._capture.ended.wait(left):
                self._engine.drain(1.0)
                if self._capture.failure is not None:
                    raise self._capture.failure
                return

    def add_tap(self, tap: Callable[[TrackResult], None]) -> None:
        """Before ``start``: ``tap`` sees every raw result, on the engine's thread; it must store and return."""
        self._engine.taps = (*self._engine.taps, tap)

    def stop_soon(self, reason: str) -> None:
        """Any thread, also a signal handler's: makes ``wait`` return."""
        self._stop_reason = reason
        self._done.set()

    @property
    def done(self) -> threading.Event:
        """Set when somebody asked for the end."""
        return self._done

    def stop(self) -> None:
        """Capture, tracker, engine, outputs (rest state sent), recorder, control. Idempotent."""
        self._exit.close()
        gc.unfreeze()

    # --- parts ------------------------------------------------------------------------------------------------------------

    def _start_control(self, loop: EventLoopThread) -> Port:
        # Imported here: a run without them starts a tenth of a second sooner.
        from bridge.control.server import ControlServer
        from bridge.metrics import render_metrics
        from bridge.outputs.stream_hub import StreamHub

        hub = StreamHub(loop)
        server = ControlServer(
            self.settings.control,
            hub=hub,
            event_loop=loop,
            status=self.status,
            commands=self.command,
            metrics=lambda: render_metrics(self.status()),
        )
        server.start()
        self._viewers = lambda: hub.viewers
        self._exit.callback(server.close)
        self._exit.callback(hub.close)
        if self.settings.control.osc_port:
            from bridge.control.osc_listener import OscListener

            listener = OscListener(self.settings.control.osc_port, event_loop=loop, commands=self.command)
            listener.open()
            self._exit.callback(listener.close)
        self.control_url = f"http://{in_url(reachable(self.settings.control.host))}:{self.settings.control.port}/"
        return Port(subject=None, offer=hub.publish)

    def _start_outputs(self, page: Port | None, context: OutputContext) -> None:
        self._workers = tuple(self._make_worker(plan, context) for plan in self.plans)
        ports = [Port(subject=worker.plan.subject, offer=worker.offer) for worker in self._workers if worker.plan.enabled]
        # The page last: waking its event loop takes longer than all mailboxes together.
        self._engine.ports = (*ports, page) if page is not None else tuple(ports)
        for worker in self._workers:
            if worker.plan.enabled:
                worker.start()

    def _make_worker(self, plan: OutputPlan, context: OutputContext) -> OutputWorker:
        mirror = plan.mirrored(self.settings.mirror)
        rules = live_rules(plan, self.settings, mirrored=mirror, clock=self._clock)
        return OutputWorker(plan, create_output(plan, context), mirror=mirror, rules=rules, clock=self._clock)

    def _await_outputs(self) -> None:
        """So that a file's first frame finds its receivers open; a name that resolves slowly holds nobody up for long."""
        deadline = self._clock() + (OPEN_S if self._source.live else OPEN_FOR_A_FILE_S)
        for worker in self._workers:
            if worker.plan.enabled:
                worker.wait_tried(max(0.0, deadline - self._clock()))

    def _stop_outputs(self) -> None:
        """All at once: one that hangs does not take the others' time."""
        states = self._engine.states
        threads = []
        for worker in self._workers:  # none yet, when making one of them has failed
            plan = worker.plan
            last = states[plan.subject] if plan.subject < len(states) else FaceState.rest(subject=plan.subject)
            rest = FaceState.rest(subject=plan.subject, seq=last.seq, t=max(last.t, self._clock()))
            thread = threading.Thread(target=worker.stop, args=(rest,), name=f"bridge-stop-{plan.name}", daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join(STOP_S + 0.5)

    def _make_tracker(self) -> Tracker:
        self._model = find_model(self.settings.tracker.model, on_progress=self._options.on_progress)
        return FaceLandmarkerTracker(
            self.settings.tracker,
            self._model,
            timestamp_scale=self.settings.timestamp_scale,
            landmarks=self.settings.needs_landmarks or any(plan.wants_landmarks for plan in self.plans),
            keep_frames=any(plan.wants_frame for plan in self.plans),
            clock=self._clock,
        )

    def _refuse_circle(self) -> None:
        port, scheme = getattr(self._source, "fed_by_port", None), self.settings.source.input.partition(":")[0].strip()
        for plan in self.plans:
            if plan.enabled and (scheme, port) == (plan.kind.scheme, plan.port) and is_loopback(reachable(plan.host)):
                raise ConfigError(
                    f"output {plan.url} would feed source.input {self.settings.source.input}, and that the output again: "
                    f"name another port for one of them"
                )

    def _landmark_filtered(self) -> bool:
        """Whether what arrives is filtered already: by a sender in the network; by MediaPipe, at our timestamps, as measured here
        before, else as it should be."""
        if getattr(self._source, "smoothed", False):
            return True
        scale, faces = self.settings.timestamp_scale, self.settings.tracker.num_faces
        if not getattr(self._source, "delivers_results", False):
            with suppress(AssetError):
                model = find_model(self.settings.tracker.model, download=False)
                known = known_smoothing_check(model, scale, num_faces=faces, store=self._state)
                if known is not None:
                    return known.landmark_filtered
        return expect_filtered(scale, num_faces=faces)

    def _check_smoothing(self) -> None:
        """Once per MediaPipe release, model and scale, beside the running performance; the next start knows the outcome."""
        if self._model is None:
            return
        self._smoothing_check = start_smoothing_check(
            self._model,
            self.settings.timestamp_scale,
            num_faces=self.settings.tracker.num_faces,
            store=self._state,
            on_done=lambda check: log.debug("landmark filter check: %s", check),
        )

    def _await_smoothing_check(self) -> None:
        """MediaPipe must be closed before the interpreter ends."""
        if self._smoothing_check is not None:
            self._smoothing_check.join(5.0)

    # --- questions and commands ---------------------------------------------------------------------------------------------

    def status(self) -> dict[str, object]:
        """Everything that ``status``, the page and the metrics show, as plain JSON values."""
        from bridge.status import snapshot

        return snapshot(
            settings=self.settings,
            version=__version__,
            pid=os.getpid(),
            uptime_s=self._clock() - self._began,
            source=self._source,
            capture=self._capture,
            engine=self._engine.status(),
            workers=self._workers,
            recorder=self._recorder,
            trace=self._trace,
            control_url=self.control_url,
            viewers=self._viewers(),
        ) | {"calibration": self._calibration.status()}

    def command(self, method: str, params: dict[str, object]) -> object:
        """One request of the control protocol. Raises ControlError for an unknown method or bad parameters."""
        handlers: dict[str, Callable[[dict[str, object]], object]] = {
            "status": lambda _: self.status(),
            **self._calibration.methods(),
            "pause": self._pause,
            "resume": self._resume,
            "outputs.list": lambda _: self.status()["outputs"],
            "channels": lambda _: [
                {"name": name, "support": support.value} for name, support in zip(arkit.NAMES, arkit.SUPPORT, strict=True)
            ],
            "stop": self._stop_command,
        }
        handler = handlers.get(method)
        if handler is None:
            raise ControlError(f"unknown method {method!r}; known are {', '.join(sorted(handlers))}")
        return handler(params)

    def _pause(self, _: dict[str, object]) -> object:
        self._capture.pause()
        return {"paused": True}

    def _resume(self, _: dict[str, object]) -> object:
        self._capture.resume()
        return {"paused": False}

    def _stop_command(self, _: dict[str, object]) -> object:
        self.stop_soon("asked over the control port")
        return {"stopping": True}


def plans_of(settings: Settings) -> tuple[OutputPlan, ...]:
    """The outputs that these settings mean, receivers' profiles resolved. Raises ConfigError, PluginError."""
    return parse_outputs(settings.outputs or DEFAULT_OUTPUTS, aliases=ProfileShelf(settings.profiles))


def check_settings(settings: Settings) -> None:
    """Everything that can be found wrong without opening anything. Raises ConfigError."""
    plans = plans_of(settings)
    context = OutputContext(event_loop=EventLoopThread())  # starts with its first use, and making an output is none
    for plan in plans:
        create_output(plan, context)
        live_rules(plan, settings, mirrored=False)
    followed = max(plan.subject for plan in plans)
    if followed >= settings.tracker.num_faces:
        raise ConfigError(
            f"an output follows subject {followed}, but tracker.num_faces is {settings.tracker.num_faces}: "
            f"set tracker.num_faces to at least {followed + 1}"
        )
