"""The 52 ARKit coefficients as VRM expression presets: visemes, lids, gaze, and, only when wanted, emotions.

Respects what MediaPipe delivers: mouthFrown and the cheeks are next to dead, browDown rests near .2. Weights are in [0, 1], the
five visemes add up to at most 1. Formulas: the fact sheet "VRM, Live2D", section 3 ("suggestion for MediaPipe" and VMagicMirror).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from bridge import arkit
from bridge.types import Float32Array, Gaze

VISEMES = ("aa", "ih", "ou", "ee", "oh")
BLINKS = ("blinkLeft", "blinkRight")
EMOTIONS = ("happy", "angry", "sad", "relaxed", "surprised")
LOOKS = ("lookUp", "lookDown", "lookLeft", "lookRight")

PRESETS: tuple[str, ...] = (*VISEMES, *BLINKS, *EMOTIONS, *LOOKS)
"""VRM 1 names, in the order of ``VrmMapping.step``. ``blink`` is left out: beside blinkLeft and blinkRight it would close the
lids twice; ``neutral`` belongs to the avatar."""

VRM0_NAMES: tuple[str, ...] = (
    "A", "I", "U", "E", "O", "Blink_L", "Blink_R", "Joy", "Angry", "Sorrow", "Fun", "Surprised",
    "LookUp", "LookDown", "LookLeft", "LookRight",
)  # fmt: skip
"""VRM 0's names of ``PRESETS``, as UniVRM prints them. ``Surprised`` is no preset there, but a custom name in use."""

LipSync: TypeAlias = Literal["mediapipe", "vmagicmirror"]

_I = arkit.INDEX
_SMILES = (_I["mouthSmileLeft"], _I["mouthSmileRight"])
_STRETCHES = (_I["mouthStretchLeft"], _I["mouthStretchRight"])
_BROWS_UP = (_I["browInnerUp"], _I["browOuterUpLeft"], _I["browOuterUpRight"])
_BROWS_DOWN = (_I["browDownLeft"], _I["browDownRight"])
_JAW_OPEN, _JAW_FORWARD, _PUCKER, _FUNNEL = _I["jawOpen"], _I["jawForward"], _I["mouthPucker"], _I["mouthFunnel"]
_BLINK_LEFT, _BLINK_RIGHT = _I["eyeBlinkLeft"], _I["eyeBlinkRight"]

_BLINK_OPEN, _BLINK_CLOSED = 0.2, 0.5
"""MediaPipe's eyeBlink of an open and of a closed eye; VMagicMirror's remapping for MediaPipe."""
_BROW_DOWN_REST = 0.2
_EMOTION_ON, _EMOTION_OFF = 0.35, 0.15
"""An emotion begins above the one and ends below the other."""
_LOOK_RANGE_DEG = 40.0
"""Gaze angle at which a look expression is 1."""


def visemes(weights: Float32Array, lipsync: LipSync = "mediapipe") -> tuple[float, float, float, float, float]:
    """(aa, ih, ou, ee, oh), each in [0, 1], together at most 1."""
    w = weights.tolist()
    mouth = _visemes_vmagicmirror(w) if lipsync == "vmagicmirror" else _visemes_mediapipe(w)
    total = sum(mouth)
    scale = 1.0 / total if total > 1.0 else 1.0
    aa, ih, ou, ee, oh = (scale * value for value in mouth)
    return aa, ih, ou, ee, oh


def _visemes_mediapipe(w: list[float]) -> tuple[float, float, float, float, float]:
    jaw = _clamped(w[_JAW_OPEN])
    smile = _clamped(0.5 * (w[_SMILES[0]] + w[_SMILES[1]]))
    stretch = _clamped(0.5 * (w[_STRETCHES[0]] + w[_STRETCHES[1]]))
    ou = _clamped(1.2 * max(w[_PUCKER], 2.0 * w[_FUNNEL]))
    # A smile alone is no vowel: it counts as far as the jaw is open, in full from a quarter on.
    gate = _clamped(4.0 * jaw)
    ih = smile * gate
    ee = 0.3 * max(smile, stretch) * gate * (1.0 - jaw)
    return jaw * (1.0 - ou) * (1.0 - 0.5 * ih), ih, ou, ee, jaw * ou


def _visemes_vmagicmirror(w: list[float]) -> tuple[float, float, float, float, float]:
    def m(value: float) -> float:
        return _clamped((value - 0.15) / (0.6 - 0.15))

    aa = m(2.0 * w[_JAW_OPEN])
    ih = m(0.6 * (w[_SMILES[0]] + w[_SMILES[1]]) - 0.1)
    ou = m(0.4 * (w[_PUCKER] + w[_FUNNEL] + w[_JAW_FORWARD]))
    return aa, ih, ou, 0.0, 0.0


def blinks(weights: Float32Array) -> tuple[float, float]:
    """(blinkLeft, blinkRight): MediaPipe's eyeBlink with its resting value taken off."""
    span = _BLINK_CLOSED - _BLINK_OPEN
    left, right = float(weights[_BLINK_LEFT]), float(weights[_BLINK_RIGHT])
    return _clamped((left - _BLINK_OPEN) / span), _clamped((right - _BLINK_OPEN) / span)


def looks(gaze: Gaze) -> tuple[float, float, float, float]:
    """(lookUp, lookDown, lookLeft, lookRight) of both eyes' mean: own left and right. Not to be sent beside eye bones."""
    yaw = 0.5 * (gaze.left_deg[0] + gaze.right_deg[0]) / _LOOK_RANGE_DEG
    pitch = 0.5 * (gaze.left_deg[1] + gaze.right_deg[1]) / _LOOK_RANGE_DEG
    return _clamped(-pitch), _clamped(pitch), _clamped(yaw), _clamped(-yaw)


def emotion_strengths(weights: Float32Array) -> tuple[float, float, float, float, float]:
    """How much the face looks (happy, angry, sad, relaxed, surprised), each in [0, 1].

    sad and relaxed are always 0: MediaPipe's mouthFrown does not move, and a mild smile is happy already.
    """
    w = weights.tolist()
    smile = 0.5 * (w[_SMILES[0]] + w[_SMILES[1]])
    brows_up = sum(w[i] for i in _BROWS_UP) / 3.0
    brows_down = 0.5 * (w[_BROWS_DOWN[0]] + w[_BROWS_DOWN[1]])
    happy = _smoothstep(smile, 0.35, 0.8)
    surprised = _smoothstep(brows_up, 0.25, 0.7) * _clamped(5.0 * w[_JAW_OPEN])
    angry = _smoothstep(brows_down - _BROW_DOWN_REST, 0.2, 0.6) * (1.0 - happy)
    return happy, angry, 0.0, 0.0, surprised


class EmotionSwitch:
    """One emotion at a time, with hysteresis; exactly 0 otherwise, since a little of one stops some avatars' lips and lids."""

    __slots__ = ("_active",)

    def __init__(self) -> None:
        self._active: int | None = None

    def step(self, weights: Float32Array) -> tuple[float, float, float, float, float]:
        """(happy, angry, sad, relaxed, surprised), at most one of them above 0."""
        strengths = emotion_strengths(weights)
        strongest = max(range(len(strengths)), key=strengths.__getitem__)
        if self._active is not None and strengths[self._active] < _EMOTION_OFF:
            self._active = None
        if self._active is None and strengths[strongest] > _EMOTION_ON:
            self._active = strongest
        happy, angry, sad, relaxed, surprised = (value if i == self._active else 0.0 for i, value in enumerate(strengths))
        return happy, angry, sad, relaxed, surprised


class VrmMapping:
    """FaceState values -> ``PRESETS``. Remembers nothing but the emotion that is on."""

    __slots__ = ("_emotions", "_lipsync", "_looks")

    def __init__(self, *, lipsync: LipSync = "mediapipe", emotions: bool = False, look_expressions: bool = False) -> None:
        self._lipsync: LipSync = lipsync
        self._emotions = EmotionSwitch() if emotions else None
        self._looks = look_expressions

    def step(self, weights: Float32Array, gaze: Gaze) -> Float32Array:
        """float32 (16,), in the order of ``PRESETS``; what is switched off is 0."""
        emotions = self._emotions.step(weights) if self._emotions else (0.0, 0.0, 0.0, 0.0, 0.0)
        look = looks(gaze) if self._looks else (0.0, 0.0, 0.0, 0.0)
        return np.array([*visemes(weights, self._lipsync), *blinks(weights), *emotions, *look], dtype=np.float32)


def _clamped(value: float) -> float:
    return 0.0 if value < 0.0 else min(value, 1.0)


def _smoothstep(value: float, low: float, high: float) -> float:
    x = _clamped((value - low) / (high - low))
    return x * x * (3.0 - 2.0 * x)
