"""Edges of the rotations: what is refused, what is exact, what is read-only. Vectors: ``golden``; laws: ``properties``."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bridge import space
from bridge.types import Float64Array

IDENTITY = np.array([0.0, 0.0, 0.0, 1.0])


def _matrix(rotation: Float64Array, position_cm: tuple[float, float, float] = (0.0, 0.0, -50.0)) -> Float64Array:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = position_cm
    return matrix


@pytest.mark.parametrize(
    "quat", [[0.0, 0, 0, 0], [math.nan, 0, 0, 1], [math.inf, 0, 0, 1], [1e200, 0, 0, 1e200]], ids=["zero", "nan", "inf", "huge"]
)
def test_canonical_refuses_what_is_no_rotation(quat: list[float]) -> None:
    """Zero and non-finite numbers are not repaired."""
    with pytest.raises(ValueError, match="not a rotation"):
        space.canonical(np.array(quat))


def test_canonical_leaves_its_argument_alone() -> None:
    """A new array is returned."""
    quat = np.array([0.0, 0.0, 0.0, -2.0])

    assert space.canonical(quat).tolist() == [0.0, 0.0, 0.0, 1.0]
    assert quat.tolist() == [0.0, 0.0, 0.0, -2.0]


def test_multiply_turns_by_the_right_factor_first() -> None:
    """yaw * pitch is the Euler order: the pitch happens in the turned head's own frame."""
    yaw = space.from_euler_deg(yaw=30, pitch=0, roll=0)
    pitch = space.from_euler_deg(yaw=0, pitch=20, roll=0)

    assert space.multiply(yaw, pitch) == pytest.approx(space.from_euler_deg(yaw=30, pitch=20, roll=0), abs=1e-15)


def test_multiply_keeps_w_positive() -> None:
    """Two turns of 120 degrees make one of 240, told as 120 the other way."""
    turn = space.from_euler_deg(yaw=120, pitch=0, roll=0)

    assert space.multiply(turn, turn) == pytest.approx(space.from_euler_deg(yaw=-120, pitch=0, roll=0), abs=1e-15)


def test_slerp_takes_the_shorter_arc() -> None:
    """From 170 to -170 degrees of yaw lie 20 degrees, through 180."""
    halfway = space.slerp(space.from_euler_deg(yaw=170, pitch=0, roll=0), space.from_euler_deg(yaw=-170, pitch=0, roll=0), 0.25)

    assert space.to_euler_deg(halfway)[0] == pytest.approx(175.0, abs=1e-9)


@pytest.mark.parametrize("angle_deg", [1e-7, 1e-4, 0.01, 1.0, 3.0, 90.0, 179.0])
def test_slerp_is_exact_at_every_scale(angle_deg: float) -> None:
    """A quarter of the way is a quarter of the angle, for a filter's tiny steps as for large turns."""
    quarter = space.power(space.from_euler_deg(yaw=angle_deg, pitch=0, roll=0), 0.25)

    assert space.angle_between_deg(IDENTITY, quarter) == pytest.approx(angle_deg / 4, rel=1e-9)


@pytest.mark.parametrize("angle_deg", [1e-6, 1e-3, 1.0, 90.0, 179.999])
def test_small_and_large_angles_between_are_exact(angle_deg: float) -> None:
    """No digits are lost near 0, where acos would lose half."""
    assert space.angle_between_deg(IDENTITY, space.from_euler_deg(yaw=0, pitch=0, roll=angle_deg)) == pytest.approx(
        angle_deg, rel=1e-9
    )


@pytest.mark.parametrize("pitch", [90.0, -90.0, 89.999999, -89.999999])
@pytest.mark.parametrize(("yaw", "roll"), [(0, 0), (30, 0), (0, 40), (30, 40), (-100, 70)])
def test_angles_straight_up_and_down_still_name_the_rotation(yaw: float, pitch: float, roll: float) -> None:
    """At gimbal lock yaw and roll are one turn; the three angles still lead back to the same rotation."""
    quat = space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll)
    yaw_back, pitch_back, roll_back = space.to_euler_deg(quat)

    assert pitch_back == pytest.approx(pitch, abs=1e-6)
    assert space.angle_between_deg(quat, space.from_euler_deg(yaw=yaw_back, pitch=pitch_back, roll=roll_back)) < 1e-5


def test_mean_ignores_signs() -> None:
    """q and -q are one rotation and do not cancel."""
    quat = space.from_euler_deg(yaw=40, pitch=-10, roll=5)

    assert space.mean(np.array([quat, -quat, quat])) == pytest.approx(quat, abs=1e-12)


@pytest.mark.parametrize("quats", [np.zeros((0, 4)), np.array([IDENTITY, [math.nan, 0, 0, 1]])], ids=["none", "nan"])
def test_mean_refuses_nothing_and_nonsense(quats: Float64Array) -> None:
    """There is no average of no rotations, and none with a NaN."""
    with pytest.raises(ValueError, match="at least one rotation"):
        space.mean(quats)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_turns_survive_the_matrix(axis: int) -> None:
    """w = 0, where the trace formula alone divides by zero."""
    quat = np.zeros(4)
    quat[axis] = 1.0

    assert space.from_rotation_matrix(space.to_rotation_matrix(quat)) == pytest.approx(quat, abs=1e-15)


def test_head_pose_is_read_only_float64_in_metres() -> None:
    """float32 from MediaPipe becomes read-only float64, centimetres become metres."""
    head = space.head_pose_from_matrix(_matrix(np.eye(3), (1.0, 2.0, -50.0)).astype(np.float32))

    assert head.position_m == pytest.approx(np.array([0.01, 0.02, -0.5]), abs=1e-12)
    assert head.quat_xyzw.tolist() == [0.0, 0.0, 0.0, 1.0]
    assert [head.position_m.dtype.name, head.quat_xyzw.dtype.name] == ["float64", "float64"]
    assert not head.position_m.flags.writeable
    assert not head.quat_xyzw.flags.writeable


def test_head_pose_leaves_the_matrix_alone() -> None:
    """The caller's matrix is neither changed nor shared."""
    matrix = _matrix(2.0 * np.eye(3))
    before = matrix.copy()
    head = space.head_pose_from_matrix(matrix)
    matrix[:] = 0.0

    assert before[:3, 3].tolist() == [0.0, 0.0, -50.0]
    assert head.position_m.tolist() == [0.0, 0.0, -0.5]


@pytest.mark.parametrize(
    "matrix",
    [
        _matrix(np.zeros((3, 3))),
        _matrix(np.diag([-1.0, 1.0, 1.0])),
        _matrix(-np.eye(3)),
        _matrix(np.diag([1.0, 1.0, 0.5])),
        _matrix(np.array([[1.0, 0.3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])),
        _matrix(np.full((3, 3), math.nan)),
        _matrix(np.diag([1.0, math.nan, 1.0])),
        _matrix(np.diag([1.0, 1.0, math.inf])),
        _matrix(np.eye(3), (math.nan, 0.0, -50.0)),
        _matrix(np.eye(3), (0.0, math.inf, -50.0)),
    ],
    ids=["no scale", "mirrored", "point mirrored", "squeezed", "sheared", "all nan", "one nan", "inf", "nan place", "inf place"],
)
def test_head_pose_refuses_what_is_no_pose(matrix: Float64Array) -> None:
    """Non-finite, mirrored, sheared or unevenly scaled matrices are rejected, not repaired to a plausible pose."""
    with pytest.raises(ValueError, match=r"not a pose|not a rotation"):
        space.head_pose_from_matrix(matrix)


def test_head_pose_accepts_the_noise_of_float32() -> None:
    """A scale and rounding noise are within what MediaPipe delivers."""
    rotation = space.to_rotation_matrix(space.from_euler_deg(yaw=20, pitch=10, roll=-5))
    noise = np.random.default_rng(1).uniform(-1e-5, 1e-5, (3, 3))

    head = space.head_pose_from_matrix(_matrix(1.07 * rotation + noise))

    assert space.to_euler_deg(head.quat_xyzw) == pytest.approx((20.0, 10.0, -5.0), abs=0.01)
