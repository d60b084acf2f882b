"""Gaze as rotation and point."""

from __future__ import annotations

import numpy as np
import pytest

from bridge import space
from bridge.types import Gaze
from bridge.wire.gaze import eye_rotation, looked_at


@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (30.0, 0.0), (0.0, -20.0), (-35.0, 12.5), (89.0, 89.0)])
def test_eye_rotation_is_that_of_space(yaw: float, pitch: float) -> None:
    """The quick form equals the general one without roll."""
    np.testing.assert_allclose(eye_rotation(yaw, pitch), space.from_euler_deg(yaw=yaw, pitch=pitch, roll=0.0), atol=1e-15)


@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (30.0, 10.0), (-35.0, -12.5)])
def test_looked_at_is_where_the_rotated_eye_points(yaw: float, pitch: float) -> None:
    """1 m along the eye's own forward axis."""
    gaze = Gaze(left_deg=(yaw, pitch), right_deg=(yaw, pitch))
    forward = space.rotate(np.array(eye_rotation(yaw, pitch)), np.array([0.0, 0.0, 1.0]))

    np.testing.assert_allclose(looked_at(gaze), forward, atol=1e-15)


def test_looked_at_is_left_and_down_for_positive_angles() -> None:
    """+X is the own left, -Y is down; both eyes' mean counts."""
    x, y, z = looked_at(Gaze(left_deg=(20.0, 0.0), right_deg=(0.0, 10.0)))

    assert (x > 0, y < 0, z > 0) == (True, True, True)
