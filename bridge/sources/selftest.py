"""The self-test: known poses one after the other, so that a person sees whether axes and sides arrive as they should.

It gives finished results, like the demo, so mirror, rates and profiles of the outputs apply. Left and right are the performer's
own.
"""

from __future__ import annotations

import difflib
import queue
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from bridge import arkit, space
from bridge.clock import Clock, monotonic
from bridge.errors import ConfigError, SourceEnded, SourceLost
from bridge.sources.paced import Pacer, Wait
from bridge.sources.report import RateMeter, SourceReport, rate_text
from bridge.types import Face, HeadPose, TrackResult, frozen_array

_LEAD_IN_S = 1.0
"""At rest before the first pose: receivers take a moment to notice a sender."""
_PAUSE_S = 0.25
"""At rest between two poses."""
_REST_S = 0.5
"""At rest after the last, longer where smoothing needs it."""
_EASE = 0.3
"""Part of a pose's time that it takes to get there, and to get back."""
_PLACE_M = frozen_array(np.array([0.0, 0.0, -0.55]))
"""From the camera, as somebody sits in front of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One pose at its strongest."""

    name: str
    caption: str
    """What the avatar should do now."""
    yaw: float = 0.0
    """Degrees, + to the own left; as in ``space``."""
    pitch: float = 0.0
    roll: float = 0.0
    weights: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def face(self, amount: float) -> Face:
        """The pose at ``amount`` of its strength, 0..1."""
        weights = np.zeros(len(arkit.NAMES), dtype=np.float32)
        for name, value in self.weights.items():
            weights[arkit.INDEX[name]] = amount * value
        quat = space.from_euler_deg(yaw=amount * self.yaw, pitch=amount * self.pitch, roll=amount * self.roll)
        return Face(weights=frozen_array(weights), head=HeadPose(position_m=_PLACE_M, quat_xyzw=frozen_array(quat)))


def _both(name: str, value: float) -> dict[str, float]:
    return {f"{name}Left": value, f"{name}Right": value}


STEPS: tuple[Step, ...] = (
    Step(name="turn-left", caption="the head turns to YOUR left", yaw=30.0),
    Step(name="turn-right", caption="the head turns to YOUR right", yaw=-30.0),
    Step(name="nod-down", caption="the chin goes down, the face looks at the floor", pitch=22.0),
    Step(name="head-up", caption="the chin goes up, the face looks at the ceiling", pitch=-22.0),
    Step(name="tilt-left", caption="the head leans towards YOUR left shoulder", roll=-22.0),
    Step(name="tilt-right", caption="the head leans towards YOUR right shoulder", roll=22.0),
    Step(name="blink-left", caption="YOUR left eye closes, the right one stays open", weights={"eyeBlinkLeft": 1.0}),
    Step(name="blink-right", caption="YOUR right eye closes, the left one stays open", weights={"eyeBlinkRight": 1.0}),
    Step(name="blink", caption="both eyes close", weights=_both("eyeBlink", 1.0)),
    Step(name="look-left", caption="both eyes look to YOUR left, the head stays",
         weights={"eyeLookOutLeft": 0.7, "eyeLookInRight": 0.7}),
    Step(name="look-right", caption="both eyes look to YOUR right, the head stays",
         weights={"eyeLookInLeft": 0.7, "eyeLookOutRight": 0.7}),
    Step(name="look-up", caption="both eyes look up, the head stays", weights=_both("eyeLookUp", 0.7)),
    Step(name="look-down", caption="both eyes look down, the head stays", weights=_both("eyeLookDown", 0.7)),
    Step(name="jaw-open", caption="the mouth opens wide", weights={"jawOpen": 0.9}),
    Step(name="jaw-left", caption="the lower jaw moves to YOUR left", weights={"jawLeft": 0.9}),
    Step(name="smile", caption="both corners of the mouth go up", weights=_both("mouthSmile", 0.9)),
    Step(name="smile-left", caption="only YOUR left corner of the mouth goes up", weights={"mouthSmileLeft": 0.9}),
    Step(name="pucker", caption="the lips make a kiss", weights={"mouthPucker": 0.95}),
    Step(name="brows-up", caption="both brows go up", weights={"browInnerUp": 0.9, **_both("browOuterUp", 0.9)}),
    Step(name="brows-down", caption="both brows go down: a frown", weights=_both("browDown", 0.9)),
)  # fmt: skip
"""In the order of their performance."""

REST = Step(name="rest", caption="face and head are at rest")


def steps_called(names: Sequence[str]) -> tuple[Step, ...]:
    """The steps of these names, in the order given; all of them for none. Raises ConfigError for a name that is none."""
    known = {step.name: step for step in STEPS}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise ConfigError(f"there is no step {name!r}{hint} Steps: {', '.join(known)}")
    return tuple(known[name] for name in names) or STEPS


class SelftestSource:
    """The poses at ``fps`` results a second, each for ``seconds``, eased in and out. Ends at rest; with ``loop`` it goes on.

    A consumer that is late makes the performance wait; nothing is skipped.
    """

    live = False
    notice: str | None = None
    delivers_results = True
    full_range = True
    """The poses are what receivers shall show: nothing of MediaPipe's resting face is to be taken off."""
    label = "self-test"

    def __init__(
        self,
        steps: Sequence[Step] = STEPS,
        *,
        seconds: float = 0.9,
        fps: float = 30.0,
        loop: bool = False,
        clock: Clock = monotonic,
        wait: Wait | None = None,
    ) -> None:
        self.announced: queue.SimpleQueue[Step | None] = queue.SimpleQueue()
        """Each step when it begins, then ``REST``, for whoever shows captions; we never put None. Any thread."""
        self._steps = tuple(steps)
        self._seconds = seconds
        self._fps = fps
        self._loop = loop
        self._clock = clock
        self._pacer = Pacer(slack_s=1 / fps, clock=clock, wait=wait)
        self._meter = RateMeter()
        self._is_open = False
        self._seq = 0
        self._shown = 0
        self._step: tuple[int, Step] | None = None

    @property
    def duration_s(self) -> float:
        """Of one round, rest at its beginning and end included."""
        return _LEAD_IN_S + len(self._steps) * (self._seconds + _PAUSE_S) + _REST_S

    def open(self) -> None:
        """From the beginning. Raises SourceEnded when cancelled."""
        self._pacer.check()
        self._pacer.restart()
        self._meter.reset()
        self._shown, self._step = 0, None
        self._is_open = True

    def read(self) -> TrackResult:
        """Blocks until the next moment is due. Raises SourceEnded."""
        self._pacer.check()
        if not self._is_open:
            raise SourceLost("the self-test is not open")
        moment_s = self._shown / self._fps
        if not self._loop and moment_s >= self.duration_s:
            raise SourceEnded("the self-test has ended")
        t = self._pacer.wait_for(moment_s)
        face = self._face_at(moment_s)
        result = TrackResult(seq=self._seq, t=t, t_done=max(t, self._clock()), faces=(face,))
        self._seq += 1
        self._shown += 1
        self._meter.tick(t)
        return result

    def close(self) -> None:
        self._is_open = False

    def cancel(self) -> None:
        self._pacer.cancel()

    def report(self) -> SourceReport:
        """The asked pace against the measured one. Any thread."""
        pace = f"{rate_text(self._fps)} fps"
        return SourceReport(requested=pace, delivered=pace, fps_measured=self._meter.fps, warning=None)

    def _face_at(self, moment_s: float) -> Face:
        """The face of that moment; a step that begins with it is announced."""
        turn, within_s = divmod(moment_s, self.duration_s)
        number, since_s = divmod(within_s - _LEAD_IN_S, self._seconds + _PAUSE_S)
        position = int(number)
        if position < 0:
            return REST.face(0.0)
        step = self._steps[position] if position < len(self._steps) else REST
        current = (int(turn) * (len(self._steps) + 1) + min(position, len(self._steps)), step)
        if current != self._step:
            self._step = current
            self.announced.put(step)
        return step.face(_strength(since_s / self._seconds))


def _strength(progress: float) -> float:
    """0 at both ends of a pose's time and after it, 1 in the middle, smooth between."""
    nearest = min(progress, 1.0 - progress) / _EASE
    x = min(max(nearest, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)
