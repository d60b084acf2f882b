"""Sideways gaze from the irises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bridge.stages.eyes_iris import IrisFilter, aspect_of, iris_yaw
from bridge.types import Float32Array

ASPECT = 16.0 / 9.0


def _mesh(*, left: float, right: float, roll_deg: float = 0.0) -> Float32Array:
    """Two eyes 0.04 of the picture's height wide, irises off their middle by that share of it, + to the own left."""
    mesh = np.zeros((478, 3), dtype=np.float32)
    c, s = math.cos(math.radians(roll_deg)), math.sin(math.radians(roll_deg))
    for x, offset, start, end, iris in ((-0.06, right, 33, 133, 468), (0.06, left, 362, 263, 473)):
        for point, along in ((start, -0.02), (end, 0.02), (iris, 0.04 * offset)):
            mesh[point, :2] = 0.5 + (x + along) * c / ASPECT, 0.5 + (x + along) * s
    return mesh


@pytest.mark.parametrize("roll_deg", [0.0, 30.0, -30.0])
def test_offsets_are_along_the_line_of_the_corners(roll_deg: float) -> None:
    """In eye widths, each eye for itself; a tilted head changes nothing, in a picture of any shape."""
    offsets = iris_yaw(_mesh(left=0.10, right=0.05, roll_deg=roll_deg), aspect=ASPECT)
    assert offsets == pytest.approx((0.10, 0.05), abs=1e-3)


def test_its_mirror_image_looks_the_other_way() -> None:
    """Eyes swapped and signs turned."""
    assert iris_yaw(_mesh(left=-0.05, right=-0.10), aspect=ASPECT) == pytest.approx((-0.05, -0.10), abs=1e-3)


def test_an_eye_without_a_width_says_nothing() -> None:
    """An empty mesh, or one that is not finite."""
    assert iris_yaw(np.zeros((478, 3), dtype=np.float32), aspect=ASPECT) is None
    assert iris_yaw(np.full((478, 3), np.nan, dtype=np.float32), aspect=ASPECT) is None


def test_an_iris_stays_in_its_eye() -> None:
    """Half the width at most."""
    assert iris_yaw(_mesh(left=3.0, right=-3.0), aspect=ASPECT) == (0.5, -0.5)


def test_the_shape_of_the_picture_comes_from_the_box() -> None:
    """Which the mesh fills; 4:3 without one."""
    mesh = np.random.default_rng(1).uniform(0.25, 0.75, (478, 3)).astype(np.float32)
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    wide, tall = (high - low).tolist()
    assert 2.0 == pytest.approx(aspect_of(mesh, (0.0, 0.0, 800.0 * wide, 400.0 * tall)))
    assert [4.0 / 3.0] * 3 == [
        aspect_of(mesh, None),
        aspect_of(mesh, (0, 0, 0, 0)),
        aspect_of(np.zeros((478, 3), dtype=np.float32), (0, 0, 9, 9)),
    ]


def test_it_is_calm_at_rest_and_at_once_in_motion() -> None:
    """Noise of a hundredth becomes less than a quarter of it; a saccade is there with the second frame."""
    rest = np.random.default_rng(2).normal(0.0, 0.01, 300)
    calm = IrisFilter()
    shown = [calm.step(i / 30, float(value)) for i, value in enumerate(rest)]
    assert np.std(np.diff(shown, n=2)) < 0.25 * np.std(np.diff(rest, n=2))
    assert calm.step(10.0, 0.6) > 0.55
    assert 0.6 == pytest.approx(calm.step(10.03, 0.6), abs=0.02)
    assert -0.6 == calm.step(12.0, -0.6)
    calm.reset()
    assert 0.3 == calm.value(0.3)
