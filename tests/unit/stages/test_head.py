"""The head's pose: the camera's geometry, gains and limits."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bridge import space
from bridge.settings import HeadSettings
from bridge.stages.head import HeadStage, soft_limit
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.types import IDENTITY_HEAD, ZERO_WEIGHTS, FaceState, Float64Array, HeadPose, Presence, frozen_array

States = Callable[..., FaceState]


def _stage(neutral: Neutral = IDENTITY_NEUTRAL, **settings: object) -> HeadStage:
    return HeadStage(HeadSettings.model_validate(settings), neutral=lambda: neutral)


def _neutral(x: float = 0.0, y: float = 0.0, z: float = -0.5) -> Neutral:
    return Neutral(weights=ZERO_WEIGHTS, quat_xyzw=IDENTITY_HEAD.quat_xyzw, position_m=frozen_array(np.array([x, y, z])))


def _angles(state: FaceState) -> tuple[float, float, float]:
    assert state.head is not None
    return space.to_euler_deg(state.head.quat_xyzw)


def _place(state: FaceState) -> list[float]:
    assert state.head is not None
    place: list[float] = state.head.position_m.tolist()
    return place


def test_by_default_the_very_state_comes_out(make_state: States) -> None:
    """Uncalibrated wherever the head is; with a neutral within its reach; switched off always."""
    state = make_state(seed=5)
    assert state is _stage().step(state)
    assert state is _stage(enabled=False, off_axis=1.0).step(state)
    near = make_state(yaw=30, position_m=(0.2, 0.1, -0.3))
    assert near is _stage(_neutral()).step(near)


def test_what_has_no_head_passes(make_state: States) -> None:
    """Not observed, or tracked without matrices."""
    stage = _stage(off_axis=1.0, limit_deg=(30, 30, 30))
    for state in (make_state(head=None), make_state(presence=Presence.LOST, head=None)):
        assert state is stage.step(state)


def test_distance_is_that_of_the_cameras_field_of_view(make_state: States) -> None:
    """1.56 times MediaPipe's for a webcam of 43 degrees; x and y need no correction."""
    state = _stage(camera_vfov_deg=43).step(make_state(position_m=(0.1, 0.05, -0.5)))
    assert [0.1, 0.05, -0.5 * 1.5557] == pytest.approx(_place(state), abs=1e-3)


def test_who_slides_aside_without_turning_is_not_turned(make_state: States) -> None:
    """MediaPipe reports 0.76 of the view angle as yaw; the correction takes just that out (QUALITY.md, section 3)."""
    angle = math.degrees(math.atan2(0.2, 0.5))
    seen = make_state(yaw=0.76 * angle, position_m=(0.2, 0.0, -0.5))
    assert (0.0, 0.0, 0.0) == pytest.approx(_angles(_stage(off_axis=1.0).step(seen)), abs=1e-9)
    assert 0.38 * angle == pytest.approx(_angles(_stage(off_axis=0.5).step(seen))[0], abs=1e-9)


def test_who_sits_higher_is_not_tilted(make_state: States) -> None:
    """A face above the axis is reported as looking up by 0.70 of the angle."""
    angle = math.degrees(math.atan2(0.1, 0.5))
    seen = make_state(pitch=-0.7 * angle, position_m=(0.0, 0.1, -0.5))
    assert (0.0, 0.0, 0.0) == pytest.approx(_angles(_stage(off_axis=1.0).step(seen)), abs=1e-9)


def test_a_narrower_camera_has_smaller_view_angles(make_state: States) -> None:
    """yaw - (a - .24 a'), a with the true distance."""
    true = 0.5 * math.tan(math.radians(31.5)) / math.tan(math.radians(43 / 2))
    correction = math.degrees(math.atan2(0.2, true) - 0.24 * math.atan2(0.2, 0.5))
    after = _stage(off_axis=1.0, camera_vfov_deg=43).step(make_state(yaw=20, position_m=(0.2, 0, -0.5)))
    assert 20 - correction == pytest.approx(_angles(after)[0], abs=1e-9)


def test_in_the_neutrals_place_a_straight_head_stays_straight(make_state: States) -> None:
    """Recentring off the axis has taken the constant part out; from there only the difference counts."""
    stage = _stage(_neutral(x=0.2), off_axis=1.0)
    assert (0.0, 0.0, 0.0) == pytest.approx(_angles(stage.step(make_state(position_m=(0, 0, 0)))), abs=1e-9)
    moved = math.degrees(math.atan2(0.3, 0.5) - math.atan2(0.2, 0.5)) * 0.76
    assert 10.0 - moved == pytest.approx(_angles(stage.step(make_state(yaw=10, position_m=(0.1, 0, 0))))[0], abs=1e-9)


def test_with_a_neutral_a_true_motion_comes_out_as_it_was(make_state: States) -> None:
    """The tracker sees ``C(p)^-1 T B`` of a head T with the person's own offset B; recentring at p0 makes it relative."""

    def turned(degrees_off: float) -> Float64Array:
        return space.from_euler_deg(yaw=0.76 * degrees_off, pitch=0.0, roll=0.0)

    offset, true = (space.from_euler_deg(yaw=a, pitch=b, roll=c) for a, b, c in ((3, 7, -2), (20, 12, 8)))
    begin, now = (turned(math.degrees(math.atan2(x, 0.5))) for x in (0.2, -0.1))
    neutral = Neutral(
        weights=ZERO_WEIGHTS,
        quat_xyzw=frozen_array(space.multiply(begin, offset)),
        position_m=frozen_array(np.array([0.2, 0.0, -0.5])),
    )
    seen = space.multiply(space.multiply(now, space.multiply(true, offset)), space.inverse(neutral.quat_xyzw))
    state = make_state(head=HeadPose(position_m=frozen_array(np.array([-0.3, 0, 0])), quat_xyzw=frozen_array(seen)))
    after = _stage(neutral, off_axis=1.0).step(state).head
    assert after is not None
    assert space.angle_between_deg(true, after.quat_xyzw) < 1e-6


def test_each_axis_has_its_gain(make_state: States) -> None:
    """Angles and directions."""
    after = _stage(gain_deg=(1.5, 0.5, 0.0), gain_m=(2.0, 0.0, 0.5)).step(
        make_state(yaw=20, pitch=10, roll=15, position_m=(0.1, 0.2, -0.4))
    )
    assert (30.0, 5.0, 0.0) == pytest.approx(_angles(after), abs=1e-9)
    assert [0.2, 0.0, -0.2] == pytest.approx(_place(after))


def test_angles_are_limited_softly(make_state: States) -> None:
    """Below 80 % as they are; never beyond; 0 is no limit."""
    stage = _stage(limit_deg=(30, 0, 10))
    assert (20.0, 70.0, 5.0) == pytest.approx(_angles(stage.step(make_state(yaw=20, pitch=70, roll=5))), abs=1e-9)
    yaw, _, roll = _angles(stage.step(make_state(yaw=-75, roll=45)))
    assert -30.0 <= yaw < -29.0
    assert 9.9 < roll <= 10.0


def test_the_place_is_limited_only_where_a_neutral_is_the_origin(make_state: States) -> None:
    """Half a metre from the camera is no distance from a neutral."""
    state = make_state(position_m=(0.1, 0.0, -2.0))
    assert state is _stage().step(state)
    x, y, z = _place(_stage(_neutral(), limit_m=(0.5, 0.4, 0.6)).step(state))
    assert (0.1, 0.0) == (x, y)
    assert -0.6 <= z < -0.59


@pytest.mark.parametrize("value", np.linspace(-3, 3, 41).tolist())
def test_a_soft_limit_is_monotone_odd_and_bounded(value: float) -> None:
    """Itself up to 0.8, slope at most 1, under 1."""
    shown, further = soft_limit(value, 1.0), soft_limit(value + 1e-3, 1.0)
    assert 0.0 <= further - shown <= 1e-3 + 1e-12
    assert abs(shown) <= 1.0
    assert -shown == soft_limit(-value, 1.0)
    assert value == soft_limit(value, 0.0)
    if abs(value) <= 0.8:
        assert value == shown
