"""Laws that every rotation, pose and conversion obeys."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from bridge import space
from bridge.types import Float64Array

IDENTITY = np.array([0.0, 0.0, 0.0, 1.0])
Conversion = Callable[[Float64Array], Float64Array]
TARGETS: list[Conversion] = [space.mirror_quat, space.to_unity, space.to_vrm0, space.to_unreal]

angles_deg = st.floats(-180, 180)
fractions = st.floats(0, 1)


def _from_angles(yaw: float, pitch: float, roll: float) -> Float64Array:
    return space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll)


def _from_axis(direction: tuple[float, float, float], exponent: float) -> Float64Array:
    vector = np.array(direction)
    return space.from_rotation_vector(vector / np.linalg.norm(vector) * 10.0**exponent)


# Any rotation by its angles, gimbal lock and half turns among them; and tiny ones, where formulas lose digits.
rotations = st.one_of(
    st.builds(_from_angles, angles_deg, st.one_of(angles_deg, st.sampled_from([90.0, -90.0])), angles_deg),
    st.builds(_from_axis, st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: math.hypot(*v) > 0.01), st.floats(-9, 0.49)),
    st.sampled_from([IDENTITY, *(np.eye(4)[axis] for axis in range(3))]),
)
vectors = st.tuples(*[st.floats(-10, 10)] * 3).map(np.array)


def _apart_deg(a: Float64Array, b: Float64Array) -> float:
    return space.angle_between_deg(a, b)


@given(rotations, st.floats(1e-6, 1e6), st.booleans())
def test_canonical_is_the_same_rotation_of_unit_length(quat: Float64Array, scale: float, flip: bool) -> None:
    """Length and sign go, the rotation stays; doing it twice changes nothing."""
    once = space.canonical(quat * (-scale if flip else scale))

    assert np.linalg.norm(once) == pytest.approx(1.0, abs=1e-14)
    assert once[3] >= 0
    assert _apart_deg(quat, once) < 1e-5
    assert space.canonical(once) == pytest.approx(once, abs=1e-15)


@given(rotations, rotations)
def test_multiply_agrees_with_scipy(a: Float64Array, b: Float64Array) -> None:
    """scipy composes in the same order; ours has w >= 0."""
    product = space.multiply(a, b)

    assert product[3] >= 0
    assert abs(float(np.dot((Rotation.from_quat(a) * Rotation.from_quat(b)).as_quat(), product))) == pytest.approx(1.0, abs=1e-12)


@given(rotations)
def test_inverse_undoes(quat: Float64Array) -> None:
    """q * q^-1 is no turn."""
    assert space.multiply(quat, space.inverse(quat)) == pytest.approx(IDENTITY, abs=1e-14)


@given(rotations, vectors)
def test_rotate_agrees_with_scipy_and_keeps_the_length(quat: Float64Array, vector: Float64Array) -> None:
    """A vector is turned, never stretched."""
    turned = space.rotate(quat, vector)

    assert turned == pytest.approx(Rotation.from_quat(quat).apply(vector), abs=1e-12)
    assert np.linalg.norm(turned) == pytest.approx(float(np.linalg.norm(vector)), abs=1e-12)


@given(rotations)
def test_matrix_round_trip(quat: Float64Array) -> None:
    """Quaternion -> matrix -> quaternion, half turns included."""
    assert abs(float(np.dot(quat, space.from_rotation_matrix(space.to_rotation_matrix(quat))))) == pytest.approx(1.0, abs=1e-14)


@given(rotations)
def test_euler_round_trip_names_the_same_rotation(quat: Float64Array) -> None:
    """Whatever the angles are called, they lead back; pitch stays within 90, also at gimbal lock."""
    yaw, pitch, roll = space.to_euler_deg(quat)

    assert -90.0 <= pitch <= 90.0
    assert _apart_deg(quat, _from_angles(yaw, pitch, roll)) < 2e-5


@given(st.floats(-179, 179), st.floats(-89, 89), st.floats(-179, 179))
def test_euler_angles_come_back(yaw: float, pitch: float, roll: float) -> None:
    """Away from straight up and down the three angles themselves return."""
    assert space.to_euler_deg(_from_angles(yaw, pitch, roll)) == pytest.approx((yaw, pitch, roll), abs=1e-9)


@given(rotations)
def test_rotation_vector_round_trip(quat: Float64Array) -> None:
    """Quaternion -> axis times angle -> quaternion, exact for the tiniest turns; never longer than half a turn."""
    vector = space.to_rotation_vector(quat)

    assert np.linalg.norm(vector) <= math.pi + 1e-12
    assert _apart_deg(quat, space.from_rotation_vector(vector)) < 1e-12 + 1e-9 * float(np.linalg.norm(vector))


@given(rotations)
def test_rotation_vector_is_that_of_scipy(quat: Float64Array) -> None:
    """The same axis and angle; at half a turn the axis may point either way."""
    expected = Rotation.from_quat(quat).as_rotvec()
    assume(np.linalg.norm(expected) < math.pi - 1e-6)

    assert space.to_rotation_vector(quat) == pytest.approx(expected, abs=1e-9)


@given(rotations, rotations)
def test_angle_between_is_symmetric_and_that_of_scipy(a: Float64Array, b: Float64Array) -> None:
    """The shorter way round, the same from either side."""
    angle = _apart_deg(a, b)

    assert 0.0 <= angle <= 180.0
    assert angle == pytest.approx(_apart_deg(b, a), abs=1e-9)
    assert angle == pytest.approx(math.degrees((Rotation.from_quat(a).inv() * Rotation.from_quat(b)).magnitude()), abs=1e-6)


@given(rotations, rotations, fractions)
def test_slerp_moves_at_constant_speed(a: Float64Array, b: Float64Array, fraction: float) -> None:
    """After a fraction of the way, that fraction of the angle is behind and the rest ahead; the result is a rotation."""
    between = space.slerp(a, b, fraction)
    angle = _apart_deg(a, b)

    assert np.linalg.norm(between) == pytest.approx(1.0, abs=1e-14)
    assert between[3] >= 0
    assert _apart_deg(a, between) == pytest.approx(fraction * angle, abs=1e-7)
    assert _apart_deg(between, b) == pytest.approx((1 - fraction) * angle, abs=1e-7)


@given(rotations, rotations, fractions)
def test_slerp_backwards_is_slerp(a: Float64Array, b: Float64Array, fraction: float) -> None:
    """From b to a by the remaining fraction is the same place. Half a turn apart there are two ways, and either is right."""
    assume(_apart_deg(a, b) < 179.99)

    assert _apart_deg(space.slerp(a, b, fraction), space.slerp(b, a, 1 - fraction)) < 1e-6


@given(rotations, fractions)
def test_powers_add_up(quat: Float64Array, fraction: float) -> None:
    """A fraction of the turn and then the rest is the whole turn (neck and head share one rotation)."""
    parts = space.multiply(space.power(quat, fraction), space.power(quat, 1 - fraction))

    assert _apart_deg(quat, parts) < 1e-6


@given(rotations, rotations)
def test_the_mean_of_two_lies_halfway(a: Float64Array, b: Float64Array) -> None:
    """Two rotations average to the middle of the arc, whatever their signs."""
    assume(_apart_deg(a, b) < 170)

    assert _apart_deg(space.mean(np.array([a, -b])), space.slerp(a, b, 0.5)) < 1e-4


@given(st.lists(st.tuples(*[st.floats(-40, 40)] * 3), min_size=1, max_size=12))
def test_the_mean_commutes_with_the_mirror(angles: list[tuple[float, float, float]]) -> None:
    """Averaging and mirroring can be done in either order."""
    quats = np.array([_from_angles(*each) for each in angles])

    assert _apart_deg(space.mirror_quat(space.mean(quats)), space.mean(quats * [1, -1, -1, 1])) < 1e-6


@pytest.mark.parametrize("convert", TARGETS)
@given(a=rotations, b=rotations)
def test_conversions_carry_composition_over(convert: Conversion, a: Float64Array, b: Float64Array) -> None:
    """Converting a product is the product of the converted: bones can be split before or after. Angles stay as large."""
    assert _apart_deg(convert(space.multiply(a, b)), space.multiply(convert(a), convert(b))) < 1e-5
    assert _apart_deg(convert(a), convert(b)) == pytest.approx(_apart_deg(a, b), abs=1e-6)


@given(rotations, vectors)
def test_mirror_twice_is_nothing(quat: Float64Array, position: Float64Array) -> None:
    """The mirror is its own inverse, to the bit."""
    assert space.mirror_quat(space.mirror_quat(quat)).tolist() == quat.tolist()
    assert space.mirror_position(space.mirror_position(position)).tolist() == position.tolist()


@given(angles_deg, st.floats(-89, 89), angles_deg)
def test_the_mirror_negates_yaw_and_roll(yaw: float, pitch: float, roll: float) -> None:
    """Pitch stays."""
    assert _apart_deg(space.mirror_quat(_from_angles(yaw, pitch, roll)), _from_angles(-yaw, pitch, -roll)) < 1e-6


@given(rotations, vectors)
def test_the_mirror_of_a_turned_point_is_the_turned_mirror(quat: Float64Array, point: Float64Array) -> None:
    """Rotation and position are mirrored consistently."""
    expected = space.mirror_position(space.rotate(quat, point))

    assert space.rotate(space.mirror_quat(quat), space.mirror_position(point)) == pytest.approx(expected, abs=1e-12)


@given(rotations, vectors, st.floats(0.01, 100))
def test_the_head_pose_ignores_a_uniform_scale(quat: Float64Array, position_cm: Float64Array, scale: float) -> None:
    """The rotation is that of the matrix whatever its scale; the position is a hundredth."""
    matrix = np.eye(4)
    matrix[:3, :3] = scale * space.to_rotation_matrix(quat)
    matrix[:3, 3] = position_cm

    head = space.head_pose_from_matrix(matrix)

    assert abs(float(np.dot(quat, head.quat_xyzw))) == pytest.approx(1.0, abs=1e-12)
    assert head.quat_xyzw[3] >= 0
    assert head.position_m == pytest.approx(position_cm / 100, abs=1e-15)


@given(rotations, st.sampled_from(range(3)))
def test_a_reflected_matrix_is_never_a_head(quat: Float64Array, column: int) -> None:
    """A left-handed matrix is refused, however it is turned."""
    matrix = np.eye(4)
    matrix[:3, :3] = space.to_rotation_matrix(quat)
    matrix[:3, column] *= -1

    with pytest.raises(ValueError, match="not a rotation"):
        space.head_pose_from_matrix(matrix)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=12, max_size=12))
def test_any_matrix_gives_a_finite_pose_or_an_error(numbers: list[float]) -> None:
    """Nothing in between: no NaN, no quaternion of another length."""
    matrix = np.vstack([np.array(numbers).reshape(3, 4), [0.0, 0.0, 0.0, 1.0]])

    try:
        head = space.head_pose_from_matrix(matrix)
    except ValueError:
        return

    assert np.linalg.norm(head.quat_xyzw) == pytest.approx(1.0, abs=1e-12)
    assert np.isfinite(head.position_m).all()
