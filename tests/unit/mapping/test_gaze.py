"""Angles from the eyeLook coefficients."""

from __future__ import annotations

import numpy as np
import pytest

from bridge import arkit
from bridge.mapping.gaze import gaze_of
from bridge.settings import EyesSettings
from bridge.types import Float32Array, Gaze


def _weights(**values: float) -> Float32Array:
    weights = np.zeros(52, dtype=np.float32)
    for name, value in values.items():
        weights[arkit.INDEX[name]] = value
    return weights


@pytest.mark.parametrize(
    ("weights", "gaze"),
    [
        (_weights(), Gaze(left_deg=(0.0, 0.0), right_deg=(0.0, 0.0))),
        (_weights(eyeLookOutLeft=0.5, eyeLookInRight=0.5), Gaze(left_deg=(10.0, 0.0), right_deg=(10.0, 0.0))),
        (_weights(eyeLookInLeft=0.5, eyeLookOutRight=0.25), Gaze(left_deg=(-10.0, 0.0), right_deg=(-5.0, 0.0))),
        (_weights(eyeLookDownLeft=1.0, eyeLookUpRight=0.5), Gaze(left_deg=(0.0, 8.0), right_deg=(0.0, -4.0))),
    ],
)
def test_each_eye_turns_by_its_own_coefficients(weights: Float32Array, gaze: Gaze) -> None:
    """Out of the left and In of the right eye are the own left; Down is +; at 1 the settings' degrees."""
    assert gaze == gaze_of(weights, EyesSettings(gaze_yaw_deg=20.0, gaze_pitch_deg=8.0))


def test_the_degrees_are_those_of_the_configuration_by_default() -> None:
    """38 to the side, 35 up and down."""
    assert Gaze(left_deg=(38.0, 35.0), right_deg=(0.0, 0.0)) == gaze_of(_weights(eyeLookOutLeft=1.0, eyeLookDownLeft=1.0))
