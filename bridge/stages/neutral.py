"""The neutral face of one person, and how it is learnt: robust statistics over a few seconds, and a verdict.

Rules and limits: QUALITY.md, section 6.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from bridge import arkit, space
from bridge.stages.range import usable_neutral
from bridge.types import IDENTITY_HEAD, ZERO_WEIGHTS, FaceState, Float32Array, Float64Array, HeadPose, frozen_array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neutral:
    """What the tracker reports of this person at rest. Compared by identity."""

    weights: Float32Array
    """float32 (52,) in [0, 1), ARKit order: taken as the zero of each channel."""
    quat_xyzw: Float64Array
    """float64 (4,): the head straight ahead."""
    position_m: Float64Array
    """float64 (3,), metres from the camera: taken as the origin."""
    closed_lids: tuple[float, float] | None = None
    """The subject's left, right eyeBlink when fully closed, as the tracker reports it; None: never shown."""
    peaks: Float32Array | None = None
    """float32 (52,) in (0, 1]: what strong expressions of this person reach; None: as usual."""
    flagged: bool = False
    """Used although it is hard to believe, because the person insisted; it heals while the face is below it."""

    moves_head: bool = field(init=False)
    """Whether head positions are counted from a neutral one instead of from the camera."""

    def __post_init__(self) -> None:
        """Finds out once what the stages ask in every frame."""
        object.__setattr__(self, "moves_head", bool(self.position_m.any()) or bool(self.quat_xyzw[:3].any()))

    @property
    def knows_face(self) -> bool:
        """Whether the weights were learnt; a recentred head alone says nothing about them."""
        return bool(self.weights.any())


IDENTITY_NEUTRAL = Neutral(weights=ZERO_WEIGHTS, quat_xyzw=IDENTITY_HEAD.quat_xyzw, position_m=IDENTITY_HEAD.position_m)
"""No calibration."""


def _cap(name: str) -> float:
    if name.startswith("eyeSquint"):
        return 0.60
    if name.startswith("browDown"):
        return 0.45
    if name.startswith(("mouthPress", "mouthPucker", "eyeBlink", "eyeLook")):
        return 0.40
    return 0.35 if name.startswith("mouthShrug") else 0.25


CAPS: Float32Array = frozen_array(np.array([_cap(name) for name in arkit.NAMES], dtype=np.float32))
"""The largest believable neutral of each channel, float32 (52,)."""

_OPEN_LID = 0.25
"""The highest open lid that a neutral which cannot be believed may claim: above all that were measured."""
_MAX_HEAD_SPEED_DEG_S = 20.0
_MAX_BLINK_CHANGE = 0.06
_MAX_SPREAD = 0.08
_LONGEST_STEP_S = 0.5
_NEEDED_SHARE = 0.75
"""45 of the 60 frames of 2 s at 30 fps."""
_FEWEST_FRAMES = 5
_TIME_OUT = 3.0
_BLINKS = (arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"])

_COMPLAINTS: tuple[tuple[str, str], ...] = (
    ("eyeBlink", "your eyes were closed: look at the camera with open eyes"),
    ("mouthSmile", "you seem to be smiling: relax your mouth"),
    ("jawOpen", "your mouth was open: close your lips without pressing them"),
    ("eyeLook", "you looked away: look straight ahead"),
    ("mouthPucker", "your lips were pursed: relax your mouth"),
    ("browInnerUp", "your eyebrows were raised: relax your forehead"),
    ("browOuterUp", "your eyebrows were raised: relax your forehead"),
    ("browDown", "you seem to be frowning: relax your forehead"),
    ("eyeSquint", "you seem to be squinting: relax your eyes"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of it."""

    neutral: Neutral | None
    """None when it was rejected."""
    message: str
    """One sentence for the person."""
    doubted: Neutral | None = None
    """What was rejected, made usable: for a person who insists."""


class NeutralCollection:
    """Collects quiet frames until there are enough, or too much time has passed. Engine thread."""

    def __init__(self, *, collect_s: float, keep_head: Neutral, insist: bool = False) -> None:
        """``keep_head`` is the neutral so far: where the tracker reports no head its head stays, and so do its lids and peaks.

        With ``insist`` a neutral that is hard to believe is lowered to what can be believed, flagged, and used.
        """
        self._collect_s = collect_s
        self._keep_head = keep_head
        self._insist = insist
        self._began: float | None = None
        self._elapsed_s = 0.0
        self._last: FaceState | None = None
        self._frames = self._seen = 0
        self._moved = self._blinked = 0
        self._weights: list[Float32Array] = []
        self._heads: list[HeadPose] = []

    @property
    def accepted(self) -> int:
        """Frames collected so far."""
        return len(self._weights)

    @property
    def progress(self) -> float:
        """0..1."""
        return min(1.0, self._elapsed_s / self._collect_s, len(self._weights) / self._needed())

    def add(self, state: FaceState, *, observed: bool) -> Verdict | None:
        """Takes one frame; the verdict when it was the last one needed, or when the time is up."""
        if self._began is None or state.t < self._began:
            self._began = state.t
        self._elapsed_s = state.t - self._began
        self._frames += 1
        if observed:
            self._take(state)
        if self._elapsed_s >= self._collect_s and len(self._weights) >= self._needed():
            return self._judge()
        return self._give_up() if self._elapsed_s >= _TIME_OUT * self._collect_s else None

    def _needed(self) -> int:
        mean_s = self._elapsed_s / (self._frames - 1) if self._elapsed_s > 0.0 else 1.0 / 30.0
        return max(_FEWEST_FRAMES, math.ceil(_NEEDED_SHARE * self._collect_s / mean_s - 1e-6))

    def _take(self, state: FaceState) -> None:
        last, self._last = self._last, state
        self._seen += 1
        dt = 0.0 if last is None else state.t - last.t
        if last is None or not 0.0 < dt <= _LONGEST_STEP_S:
            return
        if max(abs(float(state.weights[i]) - float(last.weights[i])) for i in _BLINKS) >= _MAX_BLINK_CHANGE:
            self._blinked += 1
            return
        if state.head is not None and last.head is not None:
            if space.angle_between_deg(last.head.quat_xyzw, state.head.quat_xyzw) >= _MAX_HEAD_SPEED_DEG_S * dt:
                self._moved += 1
                return
            self._heads.append(state.head)
        self._weights.append(state.weights)

    def _give_up(self) -> Verdict:
        if not self._seen:
            reason = "nobody was seen: sit in front of the camera"
        elif self._moved and self._moved >= self._blinked:
            reason = "you moved: hold your head still"
        elif self._blinked:
            reason = "you blinked too often"
        else:
            reason = "your face was not seen long enough"
        return Verdict(neutral=None, message=f"Not calibrated: {reason}, and try again.")

    def _judge(self) -> Verdict:
        frames = np.stack(self._weights)
        neutral = np.median(frames, axis=0).astype(np.float32)
        spread = 1.4826 * np.median(np.abs(frames - neutral), axis=0)
        complaint = _complaint(neutral, spread)
        quat_xyzw, position_m = self._keep_head.quat_xyzw, self._keep_head.position_m
        if self._heads:
            quat_xyzw = frozen_array(space.mean(np.stack([head.quat_xyzw for head in self._heads])))
            position_m = frozen_array(np.mean([head.position_m for head in self._heads], axis=0))
        learnt = replace(
            self._keep_head,
            weights=frozen_array(believable(neutral) if complaint else neutral),
            quat_xyzw=quat_xyzw,
            position_m=position_m,
            flagged=bool(complaint),
        )
        if not complaint:
            return Verdict(neutral=learnt, message=f"Calibrated from {len(frames)} frames.")
        if self._insist:
            return Verdict(neutral=learnt, message=f"Calibrated as you insist, though {complaint.partition(':')[0]}.")
        return Verdict(neutral=None, message=f"Not calibrated: {complaint}, and try again.", doubted=learnt)


def believable(weights: Float32Array) -> Float32Array:
    """``weights`` (52,) capped so that every expression that can reach 1 still does, and open eyes still count as open."""
    capped = np.minimum(usable_neutral(weights), CAPS)
    lids = list(_BLINKS)
    capped[lids] = np.minimum(weights[lids], _OPEN_LID)
    return capped


def _complaint(neutral: Float32Array, spread: Float32Array) -> str:
    over = {arkit.NAMES[i] for i in np.flatnonzero(neutral > CAPS)}
    for prefix, sentence in _COMPLAINTS:
        if any(name.startswith(prefix) for name in over):
            return sentence
    if over:
        name = max(over, key=lambda channel: float(neutral[arkit.INDEX[channel]]))
        return f"your face was not at rest ({name} was at {neutral[arkit.INDEX[name]]:.2f}): relax it"
    return "you moved: keep your face still" if float(spread.max()) > _MAX_SPREAD else ""
