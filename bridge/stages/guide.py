"""The guided calibration: one thing to do after the other, each watched for a moment and judged.

Pure: the time is that of the frames. A step waits for the person, who reads and needs a moment, and then watches for as long as
the expression takes to be believed.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bridge import arkit
from bridge.stages.neutral import Neutral, NeutralCollection, Verdict
from bridge.stages.neutral_population import FACTORY, HIGHEST
from bridge.types import FaceState, Float32Array, frozen_array

PATIENCE_S = 8.0
"""How long a step waits for its expression."""
PAUSE_S = 0.8
"""Between two steps: to read, and to let go."""
HOLD_S = 1.5
"""How long an expression is watched."""
_SURE_S = 0.4
"""What is over sooner was a blink or a word, not the expression that was asked for."""
_TRIES = 2
_KEPT_SHARE = 0.6
"""Of the rise that began a step: whoever falls below it meanwhile has let go."""
_PEAK_QUANTILE = 0.75
_CLOSED_RISE = 0.15
_WINK_LEAD = 0.10
_BLINKS = (arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"])


class Kind(enum.Enum):
    """What a step learns."""

    NEUTRAL = "neutral"
    PEAK = "peak"
    """The upper ends of channels."""
    CLOSED = "closed"
    """Both lids' closed points."""
    WINK = "wink"
    """One lid's closed point; an eye that closes alone closes less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do."""

    name: str
    caption: str
    """What the person is asked to do."""
    kind: Kind
    channels: tuple[int, ...] = ()
    """Of which the mean must rise by ``rise`` above the neutral; for a wink the one lid."""
    rise: float = 0.0
    missed: str = ""
    """The note when it was not seen."""
    optional: bool = False


def _peak(name: str, caption: str, channels: Sequence[str], *, rise: float, missed: str) -> Step:
    indices = tuple(arkit.INDEX[channel] for channel in channels)
    return Step(name=name, caption=caption, kind=Kind.PEAK, channels=indices, rise=rise, missed=missed)


NEUTRAL = Step(name="neutral", caption="Look straight ahead with a relaxed face, eyes open.", kind=Kind.NEUTRAL)
EXPRESSIONS: tuple[Step, ...] = (
    _peak("smile", "Smile as widely as you can.", ("mouthSmileLeft", "mouthSmileRight"), rise=0.30, missed="no smile was seen"),
    _peak(
        "brows up", "Raise your eyebrows.", ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
        rise=0.20, missed="no raised eyebrows were seen",
    ),
    _peak(
        "brows down", "Frown: pull your eyebrows down.", ("browDownLeft", "browDownRight"),
        rise=0.12, missed="no frown was seen",
    ),
    _peak("jaw", "Open your mouth wide.", ("jawOpen",), rise=0.25, missed="no open mouth was seen"),
    _peak("pucker", "Purse your lips, as for a kiss.", ("mouthPucker",), rise=0.30, missed="no pursed lips were seen"),
)  # fmt: skip
LIDS: tuple[Step, ...] = (
    Step(
        name="close both eyes", kind=Kind.CLOSED, channels=_BLINKS, rise=0.20, missed="closed eyes were not seen",
        caption="Close both eyes and keep them closed for two seconds. Do it with your glasses on, if you wear them.",
    ),
    Step(
        name="wink left", kind=Kind.WINK, channels=_BLINKS[:1], rise=0.20, missed="no wink of the left eye", optional=True,
        caption="Close your left eye only and hold it. If you cannot wink, just wait.",
    ),
    Step(
        name="wink right", kind=Kind.WINK, channels=_BLINKS[1:], rise=0.20, missed="no wink of the right eye", optional=True,
        caption="Close your right eye only and hold it. If you cannot wink, just wait.",
    ),
)  # fmt: skip
GUIDES: dict[str, tuple[Step, ...]] = {
    "neutral": (NEUTRAL,),
    "range": EXPRESSIONS,
    "blink": LIDS,
    "wizard": (NEUTRAL, *EXPRESSIONS, *LIDS),
}
"""By what the person asks for."""


class Guide:
    """Leads through steps; ``add`` takes every frame and gives the verdict at the end. Engine thread.

    The neutral must succeed (or be insisted on): the other steps are measured against it. An expression that is not seen, or let
    go too early, is asked for once more and then left at what is usual; nothing else is lost by it.
    """

    def __init__(self, steps: Sequence[Step], *, collect_s: float, base: Neutral, insist: bool = False) -> None:
        """``base`` is the neutral in use, of which everything that is not learnt anew is kept."""
        self._steps = tuple(steps)
        self._collect_s = collect_s
        self._insist = insist
        self.neutral = base
        """What was learnt so far."""
        self._number = 0
        self._tries = 0
        self.notes: tuple[str, ...] = ()
        """What was not seen, and other remarks."""
        self._learnt = False
        self._complaint = ""
        self._began: float | None = None
        self._t = 0.0
        self._onset: float | None = None
        self._frames: list[Float32Array] = []
        self._collection: NeutralCollection | None = None
        self._begin_step()

    @property
    def step(self) -> Step:
        """What the person is to do now."""
        return self._steps[min(self._number, len(self._steps) - 1)]

    @property
    def number(self) -> int:
        """Which step it is, from 1."""
        return min(self._number, len(self._steps) - 1) + 1

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._steps)

    @property
    def watching(self) -> bool:
        """Whether frames are being collected; otherwise the person is waited for."""
        return self._collection is not None or self._onset is not None

    @property
    def progress(self) -> float:
        """0..1 of this step."""
        if self._collection is not None:
            return self._collection.progress
        return 0.0 if self._onset is None else min(1.0, (self._t - self._onset) / HOLD_S)

    @property
    def accepted(self) -> int:
        """Frames collected in this step."""
        return self._collection.accepted if self._collection is not None else len(self._frames)

    def add(self, state: FaceState, *, observed: bool) -> Verdict | None:
        """Takes one frame; the verdict when it was the last one needed."""
        if self._began is None or state.t < self._t:
            self._began = state.t
            self._onset = None
            self._frames.clear()
        self._t = state.t
        if self._collection is not None:
            return self._add_to_neutral(self._collection, state, observed=observed)
        if observed:
            self._watch(state.weights, state.t - self._began)
        ends = self._began + PATIENCE_S if self._onset is None else self._onset + HOLD_S
        return self._end_step() if state.t >= ends else None

    def _begin_step(self) -> None:
        self._began = self._onset = self._collection = None
        self._frames = []
        if self.step.kind is Kind.NEUTRAL:
            self._collection = NeutralCollection(collect_s=self._collect_s, keep_head=self.neutral, insist=self._insist)

    def _next_step(self) -> Verdict | None:
        self._number += 1
        self._tries = 0
        if self._number < len(self._steps):
            self._begin_step()
            return None
        self._collection = self._onset = None
        return self._verdict()

    # --- the neutral ---------------------------------------------------------------------------------------------------

    def _add_to_neutral(self, collection: NeutralCollection, state: FaceState, *, observed: bool) -> Verdict | None:
        verdict = collection.add(state, observed=observed)
        if verdict is None:
            return None
        if verdict.neutral is None or self.count == 1:
            return verdict
        self.neutral = verdict.neutral
        self._learnt = True
        if verdict.neutral.flagged:
            self._complaint = verdict.message
        return self._next_step()

    # --- expressions ---------------------------------------------------------------------------------------------------

    def _rest(self) -> Float32Array:
        return self.neutral.weights if self.neutral.knows_face else FACTORY

    def _rise(self, weights: Float32Array) -> float:
        channels = list(self.step.channels)
        rises = weights[channels] - self._rest()[channels]
        if self.step.kind is Kind.WINK:
            other = _BLINKS[1 - _BLINKS.index(channels[0])]
            lead = float(weights[channels[0]] - weights[other])
            return float(rises[0]) if lead >= _WINK_LEAD else 0.0
        # All of them for the lids: one closed eye is a wink. The mean elsewhere: hardly anybody's face is even.
        return float(rises.min() if self.step.kind is Kind.CLOSED else rises.mean())

    def _watch(self, weights: Float32Array, waited_s: float) -> None:
        rise = self._rise(weights)
        if self._onset is None and waited_s >= PAUSE_S and rise >= self.step.rise:
            self._onset = self._t
        elif self._onset is not None and self._t - self._onset < _SURE_S and rise < _KEPT_SHARE * self.step.rise:
            self._onset = None
            self._frames.clear()
        if self._onset is not None:
            self._frames.append(weights)

    def _end_step(self) -> Verdict | None:
        if self._onset is not None and self._frames:
            held = np.stack(self._frames)
            if self._was_held(held):
                self._take(held)
                return self._next_step()
            self._tries += 1
            if self._tries < _TRIES:
                self._begin_step()
                return None
            self._note(f"{self.step.name}: let go too early")
        elif not self.step.optional:
            self._note(self.step.missed)
        return self._next_step()

    def _was_held(self, held: Float32Array) -> bool:
        median = np.median(held[len(held) // 3 :], axis=0)
        return self._rise(median) >= _KEPT_SHARE * self.step.rise

    def _take(self, held: Float32Array) -> None:
        if self.step.kind is Kind.PEAK:
            reached = np.quantile(held, _PEAK_QUANTILE, axis=0)
            peaks = (HIGHEST if self.neutral.peaks is None else self.neutral.peaks).copy()
            for channel in self.step.channels:
                peaks[channel] = min(1.0, max(0.05, float(reached[channel])))
            self.neutral = replace(self.neutral, peaks=frozen_array(peaks))
            self._learnt = True
            return
        closed = np.median(held[len(held) // 3 :], axis=0)
        left, right = (float(closed[lid]) for lid in _BLINKS)
        if self.step.kind is Kind.WINK and self.neutral.closed_lids is not None:
            both = self.neutral.closed_lids
            winks_left = self.step.channels[0] == _BLINKS[0]
            left, right = (min(left, both[0]), both[1]) if winks_left else (both[0], min(right, both[1]))
        elif self.step.kind is Kind.WINK:
            return  # without both closed there is nothing that it could lower
        if min(left - float(self._rest()[_BLINKS[0]]), right - float(self._rest()[_BLINKS[1]])) < _CLOSED_RISE:
            self._note(self.step.missed)
            return
        self.neutral = replace(self.neutral, closed_lids=(left, right))
        self._learnt = True

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes = (*self.notes, note)

    def _verdict(self) -> Verdict:
        notes = "; ".join(self.notes)
        if not self._learnt:
            return Verdict(neutral=None, message=f"Not calibrated: {notes or 'nothing was seen'}. Try again.")
        begin = self._complaint or "Calibrated."
        rest = f" Left at what is usual: {notes}." if notes else ""
        return Verdict(neutral=self.neutral, message=begin + rest)
