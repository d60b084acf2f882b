"""The script that the synthetic face acts, and how well a received sequence follows it. numpy only, nothing of the bridge."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

FPS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One row a frame of the video, ``t`` from 0."""

    t: Samples
    face: NDArray[np.bool_]
    segments: tuple[str, ...]
    yaw_deg: Samples
    """+ turns to the own right: Unity's signs, as for the next two."""
    pitch_deg: Samples
    """+ nods down."""
    roll_deg: Samples
    """+ tilts to the own left."""
    expressions: dict[str, Samples]

    def channel(self, name: str) -> Samples:
        """The script of one ARKit coefficient or of yaw, pitch, roll."""
        poses = {"yaw": self.yaw_deg, "pitch": self.pitch_deg, "roll": self.roll_deg}
        return poses[name] if name in poses else self.expressions[name]


def read_script(path: Path) -> Script:
    """The ``.truth.jsonl`` beside a rendered clip."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    names = sorted({name for row in rows for name in row["expr"]})
    return Script(
        t=np.array([row["t"] for row in rows]),
        face=np.array([row["face"] for row in rows]),
        segments=tuple(row["seg"] for row in rows),
        yaw_deg=np.array([row["yaw"] for row in rows]),
        pitch_deg=np.array([row["pitch"] for row in rows]),
        roll_deg=np.array([row["roll"] for row in rows]),
        expressions={name: np.array([float(row["expr"].get(name, 0.0)) for row in rows]) for name in names},
    )


def unity_euler_deg(quat_xyzw: Sequence[float]) -> tuple[float, float, float]:
    """Unity's quaternion -> (pitch, yaw, roll) as Unity shows them: x, y, z, applied Z-X-Y."""
    x, y, z, w = quat_xyzw
    pitch = math.asin(max(-1.0, min(1.0, 2 * (w * x - y * z))))
    yaw = math.atan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y))
    roll = math.atan2(2 * (x * y + w * z), 1 - 2 * (x * x + z * z))
    return math.degrees(pitch), math.degrees(yaw), math.degrees(roll)


def angle_deg(a: Sequence[float], b: Sequence[float]) -> float:
    """Between two unit quaternions, 0..180."""
    cosine = abs(float(np.dot(a, b))) / (float(np.linalg.norm(a)) * float(np.linalg.norm(b)))
    sine = math.sqrt(max(0.0, 1.0 - min(1.0, cosine) ** 2))
    return math.degrees(2.0 * math.atan2(sine, cosine))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a sequence follows the script."""

    correlation: float
    lag_ms: float
    """How much later than the script it correlates best."""

    def __str__(self) -> str:
        return f"{self.correlation:.4f} at {self.lag_ms:.0f} ms"


LAGS_S = np.arange(-0.1, 0.5, 0.005)


def best_fit(script: Script, name: str, *, times_s: Samples, values: Samples) -> Fit:
    """Correlates ``values``, which came at ``times_s`` of the script's clock, with the script delayed by each of ``LAGS_S``."""
    fits = []
    for lag in LAGS_S:
        truth = np.interp(times_s - lag, script.t, script.channel(name))
        if truth.std() > 0 and values.std() > 0:
            fits.append(Fit(correlation=float(np.corrcoef(truth, values)[0, 1]), lag_ms=1e3 * float(lag)))
    return max(fits, key=lambda fit: fit.correlation)
