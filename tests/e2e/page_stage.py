"""A control port without a camera, for tests of the page: the test decides what every frame is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bridge.control.server import ControlServer
from bridge.metrics import render_metrics
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.stream_hub import StreamHub
from bridge.settings import ControlSettings
from bridge.types import FaceState

MakeState = Callable[..., FaceState]
NEUTRAL: dict[str, float] = {}


@dataclass
class Stage:
    """A control port without a camera: the test decides what every frame is."""

    hub: StreamHub
    port: int
    make_state: MakeState
    asked: list[str] = field(default_factory=list)
    seq: int = 0
    calibration: list[dict[str, object]] = field(default_factory=list)
    """What ``calibration.status`` answers, one after the other; the last for ever."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def show(self, weights: dict[str, float], **rest: object) -> int:
        """Publishes one frame; returns its number."""
        self.seq += 1
        self.hub.publish(self.make_state(weights=weights, seq=self.seq, t=time.monotonic() - 0.0125, **rest))
        return self.seq

    def status(self) -> dict[str, object]:
        """What a run would say."""
        return {
            "version": "9.9.9",
            "pid": 1,
            "state": "running",
            "notice": "No camera found: the demo performance plays.",
            "source": {"label": "stage", "state": "running", "requested": "", "delivered": "30 fps", "fps_measured": 30.0},
            "engine": {"fps": 30.0},
            "calibration": {"state": "idle", "attempt": 0, "undo": 1, "can_insist": False, "profile": "anna"}
            | {"profiles": ["anna", "ben"]},
            "outputs": [
                {"name": "vmc", "url": "vmc://127.0.0.1:39539", "state": "sending", "fps": 30.0, "sent": 1234, "note": ""},
                {
                    "name": "hall",
                    "url": "osc://hall:9000?token=abc",
                    "state": "faulted",
                    "note": "hall is not a known <b>host</b>",
                },
            ],
        }

    def command(self, method: str, params: dict[str, object]) -> object:
        """Remembers what was asked."""
        if method == "calibration.status":
            return self.calibration.pop(0) if len(self.calibration) > 1 else self.calibration[0]
        self.asked.append(" ".join([method, *map(str, params.values())]))
        answers: dict[str, object] = {
            "calibrate": {"attempt": 1},
            "calibration.use": {"message": "The profile ben is in use."},
            "calibration.save": {"saved": "<b>cleo</b>"},
        }
        return answers.get(method, {"done": True})


@contextmanager
def open_stage(make_state: MakeState, port: int) -> Iterator[Stage]:
    """Listening on ``port``, with the neutral face on show."""
    with ExitStack() as stack:
        loop = EventLoopThread()
        stack.callback(loop.close)
        made = Stage(StreamHub(loop), port, make_state)
        server = ControlServer(
            ControlSettings(port=port),
            hub=made.hub,
            event_loop=loop,
            status=made.status,
            commands=made.command,
            metrics=lambda: render_metrics(made.status()),
        )
        server.start()
        stack.callback(server.close)
        stack.callback(made.hub.close)
        made.show(NEUTRAL)
        yield made
