"""What MediaPipe's model reports of faces at rest in general: where a person's own calibration starts from.

Measured on still faces and on mirrored clips (QUALITY.md, sections 2.2, 6.2 and A). All arrays float32 (52,), ARKit order,
read-only.
"""

from __future__ import annotations

import numpy as np

from bridge import arkit
from bridge.types import Float32Array, frozen_array

_FACES: dict[str, tuple[float, float, float, float]] = {
    # neutral mean of both sides, half of left minus right, largest neutral, noise (standard deviation)
    "browDown": (0.185, -0.001, 0.71, 0.006),
    "browInnerUp": (0.060, 0.0, 0.12, 0.010),
    "browOuterUp": (0.075, 0.039, 0.41, 0.002),
    "eyeBlink": (0.145, 0.010, 0.22, 0.010),
    "eyeLookDown": (0.135, -0.002, 0.25, 0.012),
    "eyeLookIn": (0.155, -0.053, 0.63, 0.010),
    "eyeLookOut": (0.150, 0.037, 0.59, 0.010),
    "eyeLookUp": (0.095, 0.005, 0.22, 0.008),
    "eyeSquint": (0.425, 0.032, 0.68, 0.015),
    "eyeWide": (0.005, -0.007, 0.03, 0.001),
    "jawOpen": (0.010, 0.0, 0.04, 0.001),
    "mouthClose": (0.010, 0.0, 0.03, 0.001),
    "mouthDimple": (0.010, 0.001, 0.03, 0.002),
    "mouthFrown": (0.000, 0.0, 0.01, 0.001),
    "mouthPress": (0.135, -0.004, 0.45, 0.010),
    "mouthPucker": (0.080, 0.0, 0.32, 0.004),
    "mouthRollLower": (0.020, 0.0, 0.05, 0.003),
    "mouthRollUpper": (0.010, 0.0, 0.02, 0.001),
    "mouthShrugLower": (0.030, 0.0, 0.08, 0.004),
    "mouthShrugUpper": (0.010, 0.0, 0.03, 0.001),
    "mouthSmile": (0.030, 0.001, 0.12, 0.002),
    "mouthStretch": (0.020, -0.005, 0.12, 0.002),
}

_HIGHEST: dict[str, float] = {
    "mouthSmile": 0.92, "jawOpen": 0.75, "mouthPucker": 0.95, "browInnerUp": 0.85, "browOuterUp": 0.85, "browDown": 0.75,
    "eyeWide": 0.50, "eyeSquint": 0.80, "mouthFunnel": 0.50, "mouthLeft": 0.65, "mouthRight": 0.65, "mouthRollLower": 0.65,
    "mouthRollUpper": 0.65, "mouthShrugLower": 0.70, "mouthShrugUpper": 0.50, "mouthPress": 0.50, "mouthLowerDown": 0.55,
    "mouthUpperUp": 0.75, "mouthStretch": 0.45, "mouthDimple": 0.55, "mouthFrown": 0.20, "jawLeft": 0.35, "jawRight": 0.35,
}  # fmt: skip
"""What a strong expression reaches. browDown, eyeSquint and mouthShrug are not in 6.2: from their 99.5th percentiles in A."""


def _both(name: str) -> str:
    """``mouthSmileLeft`` -> ``mouthSmile``; directions (jawLeft, mouthRight) stay as they are."""
    if name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
        return name
    return name.removesuffix("Left").removesuffix("Right")


def _side(name: str) -> float:
    return 0.0 if _both(name) == name else 1.0 if name.endswith("Left") else -1.0


def _column(values: list[float]) -> Float32Array:
    return frozen_array(np.array(values, dtype=np.float32))


def _faces(name: str) -> tuple[float, float, float, float]:
    return _FACES.get(_both(name), (0.0, 0.0, 0.0, 0.0))


def _factory(name: str) -> float:
    share = 1.0 if name.startswith("eye") else _SHARE
    return max(0.0, share * _faces(name)[0] + _side(name) * _faces(name)[1])


_SHARE = 0.5
"""How much of the population's mean brows and mouth start from: many faces rest at 0 there, and what is taken off too much is
missing from the beginning of every expression. The rest is learnt."""

FACTORY: Float32Array = _column([_factory(name) for name in arkit.NAMES])
"""The neutral before anybody calibrated: from the population's mean, and the model's left/right bias, half to each side."""
LARGEST: Float32Array = _column([_faces(name)[2] for name in arkit.NAMES])
"""The largest neutral of any face that was measured."""
NOISE: Float32Array = _column([_faces(name)[3] for name in arkit.NAMES])
"""Standard deviation at rest, both sides' mean."""
HIGHEST: Float32Array = _column([_HIGHEST.get(_both(name), 1.0) for name in arkit.NAMES])
"""What a strong expression reaches, before it is known of this person; 1 where nothing says otherwise."""
