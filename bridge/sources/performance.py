"""The demo's performer: an authored face and head as a function of time. Pure; any thread.

``demo_performance.toml`` is the script: poses (a pose is a group of coefficients), and beats that key poses, head and gaze over
time. The gaze is a direction in the room: the eyes make up for what the head does, so they lead a turn and rest on what they
look at while the head arrives, as real ones do. Everything repeats after ``duration_s`` without a seam.
"""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bridge import arkit, space
from bridge.settings import EyesSettings
from bridge.sources.curves import CurveSet, Key
from bridge.types import Float32Array, Float64Array, HeadPose, frozen_array

SCRIPT = Path(__file__).with_name("demo_performance.toml")

_HEAD = ("yaw", "pitch", "roll", "x", "y", "z")
"""Controls of the head: degrees, and centimetres from where it sits."""
_GAZE = ("gaze_yaw", "gaze_pitch")
"""Controls of the gaze, made from the ``look`` of the beats: degrees in the room, + = own left, + = down; 0, 0 is the viewer."""
_PIVOT_M = np.array([0.0, 0.11, 0.06])
"""From the joint of the neck to the middle of the face: a head that turns also travels."""
_GAZE_LIMIT_DEG = 34.0
_LID_FOLLOWS = 0.15
"""How far the upper lids come down with eyes that look straight down."""
_KNEE = 0.85
"""Above this, coefficients bend towards 1 instead of running into it."""

_INDEX = arkit.INDEX
_BLINK_LEFT, _BLINK_RIGHT = _INDEX["eyeBlinkLeft"], _INDEX["eyeBlinkRight"]
_WIDE_LEFT, _WIDE_RIGHT = _INDEX["eyeWideLeft"], _INDEX["eyeWideRight"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Motion that never stops: a sine with a whole number of cycles in the performance."""

    control: int
    amplitude: float
    cycles: int
    phase: float


class Performance:
    """A script, ready to be played at any time and any rate."""

    def __init__(self, script: Mapping[str, Any]) -> None:
        """``script`` is the parsed TOML. Raises ValueError or KeyError for a script that does not make sense."""
        self.duration_s = float(script["performance"]["duration_s"])
        self._rest_m = np.array(script["performance"]["position_m"], dtype=np.float64)
        poses: dict[str, dict[str, float]] = script["poses"]
        keys = _Keys(script, controls=(*_HEAD, *_GAZE, *poses))
        self._curves = CurveSet(keys.collected(), period_s=self.duration_s)
        self.controls = self._curves.names
        self._mix = np.zeros((len(poses), len(arkit.NAMES)))
        for row, pose in enumerate(poses.values()):
            for name, value in pose.items():
                self._mix[row, _INDEX[name]] = value
        self._idles = tuple(
            Idle(
                control=self.controls.index(idle["control"]),
                amplitude=float(idle["amplitude"]),
                cycles=int(idle["cycles"]),
                phase=float(idle["phase"]),
            )
            for idle in script["idle"]
        )

    def at(self, t_s: float) -> tuple[Float32Array, HeadPose]:
        """Coefficients (52,) and head at ``t_s`` seconds from the beginning; the same again after each ``duration_s``."""
        values = self._curves.at(t_s)
        turn = math.tau * t_s / self.duration_s
        for idle in self._idles:
            values[idle.control] += idle.amplitude * math.sin(idle.cycles * turn + math.tau * idle.phase)
        yaw, pitch, roll, *shift_cm = values[:6].tolist()
        weights: Float64Array = values[8:] @ self._mix
        _look(weights, yaw_deg=float(values[6]) - yaw, pitch_deg=float(values[7]) - pitch)
        if weights.max() > _KNEE:
            bent = _KNEE + (1.0 - _KNEE) * np.tanh((weights - _KNEE) / (1.0 - _KNEE))
            weights = np.where(weights > _KNEE, bent, weights)
        np.maximum(weights, 0.0, out=weights)
        weights[_WIDE_LEFT] *= 1.0 - weights[_BLINK_LEFT]
        weights[_WIDE_RIGHT] *= 1.0 - weights[_BLINK_RIGHT]
        quat = space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll)
        position = self._rest_m + np.array(shift_cm) * 0.01 + space.rotate(quat, _PIVOT_M) - _PIVOT_M
        head = HeadPose(position_m=frozen_array(position), quat_xyzw=frozen_array(quat))
        return frozen_array(weights.astype(np.float32)), head


_EYES = EyesSettings()


def _look(weights: Float64Array, *, yaw_deg: float, pitch_deg: float) -> None:
    """Turns both eyes in the head, alike; the lids follow."""
    yaw = _soft_limit(yaw_deg) / _EYES.gaze_yaw_deg
    down = _soft_limit(pitch_deg) / _EYES.gaze_pitch_deg
    for direction, value in (("OutLeft", yaw), ("InRight", yaw), ("InLeft", -yaw), ("OutRight", -yaw)):
        weights[_INDEX[f"eyeLook{direction}"]] = max(0.0, value)
    for side in ("Left", "Right"):
        weights[_INDEX[f"eyeLookDown{side}"]] = max(0.0, down)
        weights[_INDEX[f"eyeLookUp{side}"]] = max(0.0, -down)
        lid = _INDEX[f"eyeBlink{side}"]
        weights[lid] += _LID_FOLLOWS * max(0.0, down) * (1.0 - weights[lid])


def _soft_limit(angle_deg: float) -> float:
    return _GAZE_LIMIT_DEG * math.tanh(angle_deg / _GAZE_LIMIT_DEG)


@functools.cache
def shipped_performance() -> Performance:
    """The performance that comes with the program."""
    return Performance(tomllib.loads(SCRIPT.read_text(encoding="utf-8")))


class _Keys:
    """Turns the beats of a script into one list of keys per control."""

    def __init__(self, script: Mapping[str, Any], *, controls: Sequence[str]) -> None:
        self._keys: dict[str, list[Key]] = {control: [] for control in controls}
        self._blink: dict[str, float] = script["blink"]
        looks: list[tuple[float, float, float]] = []
        for beat in script["beats"]:
            at = float(beat["at"])
            for control, keys in beat.get("keys", {}).items():
                self._keys[control] += [(at + t, float(value)) for t, value in keys]
            for t in beat.get("blinks", ()):
                self._add_blink(at + t)
            self._add_speech(at, beat.get("says", ()))
            looks += [(at + t, yaw, pitch) for t, yaw, pitch in beat.get("looks", ())]
        self._add_looks(looks)

    def collected(self) -> dict[str, list[Key]]:
        """All keys in order of time, the same key said twice taken once; a control without keys rests at 0."""
        return {
            control: sorted({(round(t, 6), value) for t, value in keys}) or [(0.0, 0.0)] for control, keys in self._keys.items()
        }

    def _add_blink(self, t: float) -> None:
        """Down fast, up slowly, the last third slowest; one eye a few milliseconds behind the other."""
        closing, shut, opening = self._blink["close_s"], self._blink["shut_s"], self._blink["open_s"]
        for control, lag in (("blink_left", 0.0), ("blink_right", self._blink["lag_s"])):
            shut_at = t + lag + closing
            open_at = shut_at + shut
            self._keys[control] += [
                (t + lag, 0.0),
                (shut_at, 1.0),
                (open_at, 1.0),
                (open_at + 0.45 * opening, 0.3),
                (open_at + opening, 0.0),
            ]

    def _add_speech(self, at: float, says: Sequence[tuple[float, str, float]]) -> None:
        """Each sound peaks at its moment and gives way until the next peaks; so neighbours colour each other."""
        for i, (t, sound, amount) in enumerate(says):
            if sound != "rest":
                self._keys[sound].append((at + t, float(amount)))
            for neighbour in (i - 1, i + 1):
                if not 0 <= neighbour < len(says):
                    continue
                t_near, near, _ = says[neighbour]
                zero = (at + t_near, 0.0)
                if sound not in ("rest", near) and zero not in self._keys[sound]:
                    self._keys[sound].append(zero)

    def _add_looks(self, looks: list[tuple[float, float, float]]) -> None:
        """Fixations: held until the next one, reached by a saccade that lasts longer the further it goes."""
        looks.sort()
        last_yaw, last_pitch = looks[-1][1:]
        for t, yaw, pitch in looks:
            takes_s = 0.025 + 0.0025 * math.hypot(yaw - last_yaw, pitch - last_pitch)
            self._keys["gaze_yaw"] += [(t, last_yaw), (t + takes_s, yaw)]
            self._keys["gaze_pitch"] += [(t, last_pitch), (t + takes_s, pitch)]
            last_yaw, last_pitch = yaw, pitch
