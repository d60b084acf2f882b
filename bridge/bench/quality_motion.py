"""Motions whose truth is known: a neutral face that blinks, smiles, talks, turns; sampled by a camera, with a tracker's noise.

Levels, noise and couplings are those that QUALITY.md measured of MediaPipe on a 190 px face (sections 2.1, 2.2 and A). The noise
is that of unfiltered landmarks, white and per channel: the worst that any preset is fed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bridge import arkit
from bridge.bench.quality_series import PITCH, YAW, Series, Z, results_of_series
from bridge.types import Float64Array, TrackResult

NOISE_LEVELS = {"good": 0.68, "typ": 1.0, "dim": 1.65}
"""Of light, as a factor on the noise."""

_NEUTRAL = {
    "browDownLeft": 0.19, "browDownRight": 0.18, "browInnerUp": 0.06, "browOuterUpLeft": 0.09, "browOuterUpRight": 0.06,
    "eyeBlinkLeft": 0.16, "eyeBlinkRight": 0.13, "eyeLookDownLeft": 0.13, "eyeLookDownRight": 0.14, "eyeLookInLeft": 0.14,
    "eyeLookInRight": 0.17, "eyeLookOutLeft": 0.17, "eyeLookOutRight": 0.13, "eyeLookUpLeft": 0.10, "eyeLookUpRight": 0.09,
    "eyeSquintLeft": 0.49, "eyeSquintRight": 0.36, "eyeWideLeft": 0.01, "jawOpen": 0.01, "mouthClose": 0.01,
    "mouthPressLeft": 0.11, "mouthPressRight": 0.16, "mouthPucker": 0.08, "mouthRollLower": 0.02, "mouthRollUpper": 0.01,
    "mouthShrugLower": 0.03, "mouthShrugUpper": 0.01, "mouthSmileLeft": 0.03, "mouthSmileRight": 0.03,
    "mouthDimpleLeft": 0.01, "mouthDimpleRight": 0.01, "mouthStretchLeft": 0.01, "mouthStretchRight": 0.03,
}  # fmt: skip
_NOISE = {
    "browDown": 0.006, "browInnerUp": 0.0104, "browOuterUp": 0.0013, "eyeBlink": 0.0102, "eyeLookDown": 0.0115,
    "eyeLookIn": 0.010, "eyeLookOut": 0.010, "eyeLookUp": 0.008, "eyeSquint": 0.0153, "eyeWide": 0.0004, "jawOpen": 0.0006,
    "mouthClose": 0.0003, "mouthPress": 0.010, "mouthPucker": 0.004, "mouthRoll": 0.0015, "mouthShrug": 0.0025,
    "mouthSmile": 0.0013, "mouthDimple": 0.0013, "mouthStretch": 0.0015, "mouthFunnel": 0.0002, "mouthLeft": 0.0003,
    "mouthRight": 0.0003, "mouthFrown": 0.0001, "jawLeft": 0.0001,
}  # fmt: skip
_BUSY_NOISE = 0.010
"""A coefficient that is up is as noisy as the others, even if at rest it is silent: the model's sigmoid (section 2.2)."""
_POSE = (4.0, 0.0, 0.0, 0.0, 0.0, -45.0)
_POSE_NOISE = (0.27, 0.18, 0.08, 0.0094, 0.0176, 0.052)
_CAPTURE_JITTER_S = 0.002
_PROCESSING_S = (0.014, 0.003)


def neutral_weights() -> Float64Array:
    """The face at rest as MediaPipe tells it of an average person (52,)."""
    return np.array([_NEUTRAL.get(name, 0.0) for name in arkit.NAMES])


def _channel_noise() -> Float64Array:
    def sigma(name: str) -> float:
        return next((value for prefix, value in _NOISE.items() if name.startswith(prefix)), 0.0)

    return np.array([sigma(name) for name in arkit.NAMES])


def ease(u: Float64Array) -> Float64Array:
    """0 to 1 as a body part moves: minimum jerk (Flash and Hogan 1985)."""
    u = np.clip(u, 0.0, 1.0)
    eased: Float64Array = u * u * u * (10.0 + u * (6.0 * u - 15.0))
    return eased


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """One kind of motion, repeated."""

    name: str
    seconds: float
    events: tuple[tuple[float, float], ...]
    """(begin, end) of each repetition, seconds."""
    amount: Callable[[Float64Array, float], Float64Array]
    """How far the repetition that began at the second argument has come, 0..1, at the times (N,)."""
    weights: tuple[tuple[str, float], ...] = ()
    """Coefficients and their level at 1."""
    pose: tuple[tuple[int, float], ...] = ()
    """Columns of the pose and what is added at 1."""
    sizes: tuple[float, ...] = ()
    """How large each repetition is; empty: all the same."""

    def truth(self, t: Float64Array) -> Series:
        """What really happened, at any times (N,)."""
        amount = np.zeros(len(t))
        for k, (begin, _) in enumerate(self.events):
            amount += self.amount(t, begin) * (self.sizes[k] if self.sizes else 1.0)
        weights = np.tile(neutral_weights(), (len(t), 1))
        for name, level in self.weights:
            i = arkit.INDEX[name]
            weights[:, i] += amount * (level - weights[:, i])
        pose = np.tile(np.array(_POSE), (len(t), 1))
        for column, size in self.pose:
            pose[:, column] += amount * size
        return Series(t=t, live=np.ones(len(t), dtype=np.bool_), weights=weights, pose=pose)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Take:
    """A motion as a camera and a tracker saw it."""

    motion: Motion
    truth: Series
    """Without noise, at the times of capture."""
    raw: Series
    results: list[TrackResult]


def take(motion: Motion, *, fps: float = 30.0, noise: float = 1.0, seed: int = 1) -> Take:
    """Captures a motion: 2 ms of jitter, 14 +- 3 ms of processing, noise as a factor on that of typical light."""
    random = np.random.default_rng(seed)
    count = int(motion.seconds * fps)
    offset = random.uniform(0.0, 1.0 / fps)
    jitter = np.clip(random.normal(0.0, _CAPTURE_JITTER_S, count), -0.3 / fps, 0.3 / fps)
    truth = motion.truth(offset + np.arange(count) / fps + jitter)
    raw = with_noise(truth, noise, random)
    delay_s = np.maximum(random.normal(*_PROCESSING_S, count), 0.004)
    return Take(motion=motion, truth=truth, raw=raw, results=results_of_series(raw, delay_s=delay_s))


def with_noise(truth: Series, noise: float, random: np.random.Generator) -> Series:
    """The tracker's noise on a face; ``noise`` is a factor on that of typical light."""
    moved = np.minimum(1.0, 4.0 * np.abs(truth.weights - neutral_weights()))
    sigma = np.maximum(_channel_noise(), moved * _BUSY_NOISE) * noise
    sigma[:, [i for i, name in enumerate(arkit.NAMES) if name == "tongueOut"]] = 0.0
    weights = np.clip(truth.weights + random.normal(size=truth.weights.shape) * sigma, 0.0, 1.0)
    pose = truth.pose + random.normal(size=truth.pose.shape) * np.array(_POSE_NOISE) * noise
    return Series(t=truth.t, live=truth.live, weights=weights, pose=pose)


# --- the motions ---------------------------------------------------------------------------------------------------------


def _up_and_down(rise_s: float, hold_s: float, fall_s: float) -> Callable[[Float64Array, float], Float64Array]:
    def amount(t: Float64Array, begin: float) -> Float64Array:
        return ease((t - begin) / rise_s) - ease((t - begin - rise_s - hold_s) / fall_s)

    return amount


def _waves(hz: float, seconds: float, *, both_ways: bool) -> Callable[[Float64Array, float], Float64Array]:
    def amount(t: Float64Array, begin: float) -> Float64Array:
        inside = (t >= begin) & (t <= begin + seconds)
        phase = 2.0 * math.pi * hz * (t - begin)
        wave = np.sin(phase) if both_ways else 0.5 - 0.5 * np.cos(phase)
        return np.where(inside, wave, 0.0)

    return amount


def _there_and_back(period_s: float, seconds: float) -> Callable[[Float64Array, float], Float64Array]:
    def amount(t: Float64Array, begin: float) -> Float64Array:
        phase = np.clip((t - begin) / period_s, 0.0, seconds / period_s)
        return 2.0 / math.pi * np.arcsin(np.sin(2.0 * math.pi * phase))

    return amount


def _repeated(count: int, *, every_s: float, lasting_s: float, first_s: float = 2.5) -> tuple[tuple[float, float], ...]:
    """The begins are no multiples of a frame, so that every phase of the camera occurs."""
    begins = [first_s + k * (every_s + 0.0071) for k in range(count)]
    return tuple((begin, begin + lasting_s) for begin in begins)


_BLINK_WEIGHTS = (
    ("eyeBlinkLeft", 0.74), ("eyeBlinkRight", 0.70), ("eyeLookDownLeft", 0.62), ("eyeLookDownRight", 0.64),
    ("eyeSquintLeft", 0.72), ("eyeSquintRight", 0.62),
)  # fmt: skip
_STEP_S = 1.3

REST = Motion(name="rest", seconds=8.0, events=(), amount=_up_and_down(0.1, 0.1, 0.1))
BLINK = Motion(
    name="blink", seconds=22.0, events=_repeated(8, every_s=2.4, lasting_s=1.2), amount=_up_and_down(0.09, 0.03, 0.17),
    weights=_BLINK_WEIGHTS,
)  # fmt: skip
BLINKS = Motion(
    name="blinks of all sizes", seconds=31.0, events=_repeated(12, every_s=2.3, lasting_s=1.2),
    amount=_up_and_down(0.09, 0.03, 0.17), weights=_BLINK_WEIGHTS,
    sizes=(1.0, 0.95, 1.08, 0.9, 1.0, 1.1, 0.86, 1.0, 0.96, 1.05, 0.92, 1.0),
)  # fmt: skip
WINK = Motion(
    name="wink", seconds=16.0, events=_repeated(5, every_s=2.6, lasting_s=1.4), amount=_up_and_down(0.12, 0.35, 0.2),
    weights=(("eyeBlinkRight", 0.56), ("eyeBlinkLeft", 0.18), ("eyeSquintRight", 0.6)),
)  # fmt: skip
SMILE = Motion(
    name="smile", seconds=16.0, events=_repeated(4, every_s=3.2, lasting_s=_STEP_S), amount=_up_and_down(0.2, 1.3, 0.3),
    weights=(("mouthSmileLeft", 0.9), ("mouthSmileRight", 0.9), ("mouthPucker", 0.0)),
)  # fmt: skip
BROW = Motion(
    name="brow", seconds=16.0, events=_repeated(4, every_s=3.2, lasting_s=_STEP_S), amount=_up_and_down(0.15, 1.3, 0.3),
    weights=(("browInnerUp", 0.8), ("browOuterUpLeft", 0.7), ("browOuterUpRight", 0.7), ("browDownLeft", 0.02)),
)  # fmt: skip
SACCADE = Motion(
    name="saccade", seconds=14.0, events=_repeated(5, every_s=2.2, lasting_s=0.9), amount=_up_and_down(0.045, 0.9, 0.045),
    weights=(("eyeLookOutLeft", 0.75), ("eyeLookInRight", 0.75), ("eyeLookInLeft", 0.02), ("eyeLookOutRight", 0.02)),
)  # fmt: skip
SPEECH = Motion(
    name="speech", seconds=10.0, events=((3.0, 9.0),), amount=_waves(4.5, 6.0, both_ways=False),
    weights=(("jawOpen", 0.45), ("mouthLowerDownLeft", 0.25), ("mouthLowerDownRight", 0.25)),
)  # fmt: skip
TURN = Motion(
    name="turn", seconds=16.0, events=_repeated(4, every_s=3.2, lasting_s=_STEP_S), amount=_up_and_down(0.35, 1.2, 0.35),
    pose=((YAW, 30.0),),
)  # fmt: skip
NOD = Motion(name="nod", seconds=10.0, events=((3.0, 9.0),), amount=_waves(1.5, 6.0, both_ways=True), pose=((PITCH, 8.0),))
LEAN = Motion(
    name="lean", seconds=16.0, events=_repeated(4, every_s=3.2, lasting_s=_STEP_S), amount=_up_and_down(0.5, 1.2, 0.5),
    pose=((Z, 8.0),),
)  # fmt: skip
DRIFT = Motion(name="drift", seconds=18.0, events=((2.5, 17.5),), amount=_there_and_back(8.0, 14.0), pose=((YAW, 8.0),))
