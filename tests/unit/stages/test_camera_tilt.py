"""The head relative to its neutral, and a camera that looks down or up at it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bridge import space
from bridge.stages.camera_tilt import HeadZero, tilt_of
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.types import ZERO_WEIGHTS, FaceState, Float64Array, HeadPose

States = Callable[..., FaceState]


def _seen(true: Float64Array, position_m: tuple[float, float, float], *, tilt_deg: float, bias_deg: float = 0.0) -> HeadPose:
    """What a camera looking down by ``tilt_deg`` sees of a head, with the model's own bias of pitch."""
    camera = space.from_euler_deg(yaw=0, pitch=tilt_deg, roll=0)
    bias = space.from_euler_deg(yaw=0, pitch=bias_deg, roll=0)
    return HeadPose(
        position_m=space.rotate(camera, np.array(position_m)),
        quat_xyzw=space.multiply(space.multiply(camera, true), bias),
    )


def _neutral(head: HeadPose) -> Neutral:
    return Neutral(weights=ZERO_WEIGHTS, quat_xyzw=head.quat_xyzw, position_m=head.position_m)


@pytest.mark.parametrize("tilt_deg", [-20.0, 0.0, 15.0, 30.0])
@pytest.mark.parametrize("turn", [(40.0, 0.0, 0.0), (0.0, 25.0, 0.0), (0.0, 0.0, 20.0), (30.0, -10.0, 15.0)])
def test_a_tilted_camera_sees_what_a_level_one_would(tilt_deg: float, turn: tuple[float, float, float]) -> None:
    """A turn stays a turn, without false roll, and leaning forward is forward only."""
    straight = space.from_euler_deg(yaw=0, pitch=0, roll=0)
    true = space.from_euler_deg(yaw=turn[0], pitch=turn[1], roll=turn[2])
    zero = HeadZero(_neutral(_seen(straight, (0, 0, -0.6), tilt_deg=tilt_deg, bias_deg=5)), tilt_deg=tilt_deg)
    head = zero.apply(_seen(true, (0.02, 0.01, -0.4), tilt_deg=tilt_deg, bias_deg=5))
    assert turn == pytest.approx(space.to_euler_deg(head.quat_xyzw), abs=1e-6)
    assert [0.02, 0.01, 0.2] == pytest.approx(head.position_m.tolist(), abs=1e-9)


def test_without_it_a_lean_would_lift_the_avatar() -> None:
    """That is what the tilt is for: 20 cm forward before a camera 20° above looks like 7 cm down."""
    straight = space.from_euler_deg(yaw=0, pitch=0, roll=0)
    zero = HeadZero(_neutral(_seen(straight, (0, 0, -0.6), tilt_deg=20)), tilt_deg=0.0)
    head = zero.apply(_seen(straight, (0, 0, -0.4), tilt_deg=20))
    assert -0.2 * math.sin(math.radians(20)) == pytest.approx(float(head.position_m[1]), abs=1e-9)


@pytest.mark.parametrize(("pitch", "tilt_deg"), [(0.0, 0.0), (9.0, 0.0), (12.0, 0.0), (25.0, 13.0), (-15.0, -12.0), (80.0, 35.0)])
def test_auto_takes_what_bias_and_posture_do_not_explain(pitch: float, tilt_deg: float) -> None:
    """And never more than 35°."""
    head = HeadPose(position_m=np.array([0, 0, -0.5]), quat_xyzw=space.from_euler_deg(yaw=5, pitch=pitch, roll=0))
    assert tilt_deg == pytest.approx(tilt_of("auto", _neutral(head)), abs=1e-6)


def test_a_setting_wins_and_nothing_is_derived_from_nothing() -> None:
    """Uncalibrated there is no tilt to derive."""
    assert 12.0 == tilt_of(12.0, IDENTITY_NEUTRAL)
    assert 0.0 == tilt_of("auto", IDENTITY_NEUTRAL)


def test_nothing_to_do_gives_the_very_head(make_state: States) -> None:
    """No neutral, no tilt."""
    head = make_state(seed=1).head
    assert head is not None
    assert head is HeadZero(IDENTITY_NEUTRAL, tilt_deg=0.0).apply(head)
