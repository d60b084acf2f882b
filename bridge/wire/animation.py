"""One face's performance as columns over time: what animation files (.vrma, .bvh) hold. Pure; values any thread.

A file of this kind cannot say "nobody is seen": a face that is not seen holds its last pose, before the first one it is at rest.
"""

from __future__ import annotations

import array
import math
from dataclasses import dataclass

import numpy as np

from bridge.mapping.gaze import gaze_of
from bridge.mapping.vrm import LOOKS, PRESETS, LipSync, VrmMapping
from bridge.settings import EyesSettings
from bridge.types import (
    CHANNELS,
    GAZE_AHEAD,
    ZERO_WEIGHTS,
    Face,
    FaceState,
    Float32Array,
    Float64Array,
    Gaze,
    HeadPose,
    TrackResult,
    frozen_array,
)
from bridge.wire.recording import is_finite

EXPRESSIONS: tuple[str, ...] = PRESETS[: len(PRESETS) - len(LOOKS)]
"""The VRM presets of an animation: visemes, lids, emotions. Gaze has columns of its own."""

MAX_KEYS = 216_000
"""Moments in one animation: two hours at 30 a second, 70 MB while they are collected. More are refused, also when read."""

_FLOATS = CHANNELS + len(EXPRESSIONS)
_DOUBLES = 1 + 4 + 2
_LONGEST_S = 1e7
_IDENTITY = (0.0, 0.0, 0.0, 1.0)


class BadAnimation(Exception):
    """What is wrong with the bytes of an animation, in one clause; who opened the file adds its name. Never leaves it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Animation:
    """N >= 1 moments; arrays are read-only, axes and units those of ``types``."""

    times_s: Float64Array
    """(N,), >= 0, strictly rising even when rounded to float32."""
    weights: Float32Array
    """(N, 52) in [0, 1], ARKit order."""
    presets: Float32Array
    """(N, 12) in [0, 1], in the order of ``EXPRESSIONS``."""
    head_xyzw: Float64Array
    """(N, 4), unit."""
    gaze_deg: Float64Array
    """(N, 2), yaw and pitch of both eyes' mean."""

    def results(self) -> tuple[TrackResult, ...]:
        """As a tracker would give it: a face at every moment, its head at the origin, as such files do not say where it is."""
        origin = frozen_array(np.zeros(3))
        results = []
        for seq, t in enumerate(self.times_s.tolist()):
            quat = self.head_xyzw[seq] * (-1.0 if self.head_xyzw[seq, 3] < 0.0 else 1.0)
            head = HeadPose(position_m=origin, quat_xyzw=frozen_array(quat))
            faces = (Face(weights=frozen_array(self.weights[seq]), head=head),)
            results.append(TrackResult(seq=seq, t=t, t_done=t, faces=faces))
        return tuple(results)


class AnimationCollector:
    """Results, or states, one after the other -> an animation. One thread. A moment takes 312 bytes and less than 0.1 ms."""

    def __init__(self, *, eyes: EyesSettings | None = None, lipsync: LipSync = "mediapipe", emotions: bool = False) -> None:
        """``eyes`` has the degrees of a gaze at coefficient 1, for results; states bring their own gaze."""
        self._eyes = eyes or EyesSettings()
        self._mapping = VrmMapping(lipsync=lipsync, emotions=emotions)
        self._floats = array.array("f")
        self._doubles = array.array("d")
        self._start = 0.0
        self._last = np.float32(-1.0)
        self._head: tuple[float, ...] = _IDENTITY
        self._weights = ZERO_WEIGHTS
        self._gaze = GAZE_AHEAD
        self.left_out = 0
        """Moments that did not fit in any more, or were older than the one before."""

    def __len__(self) -> int:
        return len(self._doubles) // _DOUBLES

    def add_result(self, result: TrackResult) -> None:
        """The first face; a result without one, or with numbers that are not finite, holds what was there before."""
        face = result.faces[0] if result.faces else None
        if face is None or not is_finite(face):
            self._add(result.t, self._weights, None, self._gaze)
        else:
            self._add(result.t, face.weights, face.head, gaze_of(face.weights, self._eyes))

    def add_state(self, state: FaceState) -> None:
        """What an avatar shows: held and resting states as they are. One whose numbers are not finite holds."""
        if is_finite(state):
            self._add(state.t, state.weights, state.head, state.gaze)
        else:
            self._add(state.t, self._weights, None, self._gaze)

    def finished(self) -> Animation:
        """All of it so far; of nothing, one moment at rest."""
        if not len(self):
            self._add(0.0, ZERO_WEIGHTS, None, GAZE_AHEAD)
        floats = np.frombuffer(self._floats.tobytes(), dtype=np.float32).reshape(-1, _FLOATS)
        doubles = np.frombuffer(self._doubles.tobytes(), dtype=np.float64).reshape(-1, _DOUBLES)
        return Animation(
            times_s=doubles[:, 0],
            weights=floats[:, :CHANNELS],
            presets=floats[:, CHANNELS:],
            head_xyzw=doubles[:, 1:5],
            gaze_deg=doubles[:, 5:],
        )

    def _add(self, t: float, weights: Float32Array, head: HeadPose | None, gaze: Gaze) -> None:
        if not len(self):
            self._start = t if math.isfinite(t) else 0.0
        since = t - self._start
        key = np.float32(since) if 0.0 <= since < _LONGEST_S else np.float32(-1.0)
        if key < self._last or key < 0.0 or len(self) >= MAX_KEYS:
            self.left_out += 1
            return
        if key == self._last:  # the same moment, as far as a float32 can tell: the newer one counts
            del self._floats[-_FLOATS:]
            del self._doubles[-_DOUBLES:]
        self._last = key
        self._weights, self._gaze = weights, gaze
        if head is not None:
            self._head = tuple(head.quat_xyzw.tolist())
        yaw, pitch = (0.5 * (left + right) for left, right in zip(gaze.left_deg, gaze.right_deg, strict=True))
        presets = self._mapping.step(weights, gaze)[: len(EXPRESSIONS)]
        self._floats.frombytes(np.clip(weights, 0.0, 1.0).tobytes())
        self._floats.frombytes(presets.tobytes())
        self._doubles.extend((since, *self._head, yaw, pitch))
