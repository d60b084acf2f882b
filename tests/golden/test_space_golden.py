"""Every vector of the fact sheet "ARKit <-> MediaPipe", sections 2, 3 and 6, and two independent ways to the same numbers.

The worked example turns the head 20 degrees to the own left, 10 down, and tilts it 5 to the own left (roll -5), at (5, -2, -45)
centimetres.
Oracles: scipy's rotations; conjugation ``B R B^T`` with the basis change B of the target; Unreal's own FRotator -> FQuat formula.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bridge import space
from bridge.types import Float64Array, HeadPose, frozen_array

YAW, PITCH, ROLL = 20.0, 10.0, -5.0
MATRIX = np.array([
    [0.930940525, 0.141064782, 0.336824089, 5.0],
    [-0.085831651, 0.981060262, -0.173648178, -2.0],
    [-0.354940371, 0.132745958, 0.925416578, -45.0],
    [0.0, 0.0, 0.0, 1.0],
])  # fmt: skip
BRIDGE = (0.078204354, 0.176566672, -0.057913279, 0.979466355)
UNITY = (0.078204354, -0.176566672, 0.057913279, 0.979466355)
VRM0 = (-0.078204354, 0.176566672, 0.057913279, 0.979466355)
UNREAL = (0.057913279, 0.078204354, -0.176566672, 0.979466355)
POSITION_M = np.array([0.05, -0.02, -0.45])

# Rows say where each target axis points in bridge space (+X own left, +Y up, +Z out of the face).
BASES = {
    "unity": (space.to_unity, np.array([[-1.0, 0, 0], [0, 1, 0], [0, 0, 1]])),  # X own right, Y up, Z forward
    "vrm0": (space.to_vrm0, np.array([[-1.0, 0, 0], [0, 1, 0], [0, 0, -1]])),  # the model looks along -Z
    "unreal": (space.to_unreal, np.array([[0.0, 0, 1], [-1, 0, 0], [0, 1, 0]])),  # X forward, Y own right, Z up
    "mirror": (space.mirror_quat, np.array([[-1.0, 0, 0], [0, 1, 0], [0, 0, 1]])),
}
EULER = [(0, 0, 0), (20, 10, -5), (-35, 0, 0), (0, 40, 0), (0, 0, 50), (70, -60, 80), (-120, 30, 150), (179, -1, -179)]

Conversion = Callable[[Float64Array], Float64Array]


def _quat(yaw: float, pitch: float, roll: float) -> Float64Array:
    return space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll)


def _same_rotation(expected_xyzw: Float64Array, actual_xyzw: Float64Array) -> None:
    assert abs(float(np.dot(expected_xyzw, actual_xyzw))) == pytest.approx(1.0, abs=1e-12)


# --- and back ------------------------------------------------------------------------------------------------------------


def test_unitys_row_comes_back() -> None:
    """The example's Unity quaternion and position, as VMC senders send them, are q_mp and metres again."""
    assert space.from_unity(np.array(UNITY)) == pytest.approx(np.array(BRIDGE), abs=1e-12)
    assert space.from_unity_position(np.array([-0.05, -0.02, -0.45])) == pytest.approx(POSITION_M, abs=1e-12)


# --- section 6: the worked example ---------------------------------------------------------------------------------------


def test_the_matrix_becomes_the_head_pose() -> None:
    """MediaPipe's matrix in centimetres -> q_mp and metres."""
    head = space.head_pose_from_matrix(MATRIX)

    assert head.quat_xyzw == pytest.approx(np.array(BRIDGE), abs=2e-9)
    assert head.position_m == pytest.approx(POSITION_M, abs=1e-12)


def test_the_matrix_gives_back_the_angles() -> None:
    """Extraction must return 20, 10, -5."""
    angles = space.to_euler_deg(space.head_pose_from_matrix(MATRIX).quat_xyzw)

    assert angles == pytest.approx((YAW, PITCH, ROLL), abs=1e-6)


def test_the_angles_become_the_quaternion() -> None:
    """20, 10, -5 -> q_mp."""
    assert _quat(YAW, PITCH, ROLL) == pytest.approx(np.array(BRIDGE), abs=1e-9)


def test_the_quaternion_becomes_the_matrix() -> None:
    """q_mp -> the rotation part."""
    assert space.to_rotation_matrix(_quat(YAW, PITCH, ROLL)) == pytest.approx(MATRIX[:3, :3], abs=1e-9)


@pytest.mark.parametrize(
    ("convert", "expected"),
    [(space.to_unity, UNITY), (space.to_vrm0, VRM0), (space.to_unreal, UNREAL), (space.mirror_quat, UNITY)],
    ids=["unity", "vrm0", "unreal", "mirror"],
)
def test_the_example_in_every_target(convert: Conversion, expected: tuple[float, ...]) -> None:
    """The quaternion rows of the example; the mirror of q_mp is (x, -y, -z, w), the same numbers as Unity's."""
    assert convert(_quat(YAW, PITCH, ROLL)) == pytest.approx(np.array(expected), abs=1e-9)


@pytest.mark.parametrize(
    ("convert", "expected"),
    [
        (space.to_unity_position, (-0.05, -0.02, -0.45)),
        (space.to_vrm0_position, (-0.05, -0.02, 0.45)),
        (space.to_unreal_position_cm, (-45.0, -5.0, -2.0)),
        (space.mirror_position, (-0.05, -0.02, -0.45)),
    ],
    ids=["unity", "vrm0", "unreal", "mirror"],
)
def test_the_example_position_in_every_target(convert: Conversion, expected: tuple[float, ...]) -> None:
    """The position rows: (-x, y, z), (-x, y, -z), and (z, -x, y) in centimetres."""
    assert convert(POSITION_M) == pytest.approx(np.array(expected), abs=1e-12)


def test_the_example_as_unreal_rotator() -> None:
    """FRotator P -10 Y -20 R -5."""
    assert space.to_unreal_rotator_deg(_quat(YAW, PITCH, ROLL)) == pytest.approx((-10.0, -20.0, -5.0), abs=1e-9)


def test_the_example_as_unity_euler_angles() -> None:
    """(pitch, -yaw, -roll)."""
    assert space.to_unity_euler_deg(_quat(YAW, PITCH, ROLL)) == pytest.approx((10.0, -20.0, 5.0), abs=1e-9)


def test_the_example_in_opentrack() -> None:
    """TX = x, TY = y, TZ = -z in centimetres; all three angles negated."""
    head = HeadPose(position_m=frozen_array(POSITION_M.copy()), quat_xyzw=frozen_array(_quat(YAW, PITCH, ROLL)))

    assert space.to_opentrack(head) == pytest.approx((5.0, -2.0, 45.0, -20.0, -10.0, 5.0), abs=1e-9)


def test_unity_mirror_drive_keeps_the_quaternion() -> None:
    """The sheet's "Unity mirror drive" row, (x, y, z, w) and (x, y, z)/100, is the mirror followed by the Unity row."""
    mirrored = space.to_unity(space.mirror_quat(_quat(YAW, PITCH, ROLL)))

    assert mirrored == pytest.approx(np.array(BRIDGE), abs=1e-9)
    assert space.to_unity_position(space.mirror_position(POSITION_M)).tolist() == POSITION_M.tolist()


def test_pose_json_to_the_last_digit(protocols: Path) -> None:
    """The same example in full precision, as the fact sheets' golden file has it."""
    golden = json.loads((protocols / "golden" / "pose.json").read_text(encoding="utf-8"))

    head = space.head_pose_from_matrix(np.array(golden["M"]))

    assert head.quat_xyzw == pytest.approx(np.array(golden["q"]), abs=1e-15)
    assert head.position_m == pytest.approx(POSITION_M, abs=1e-15)
    assert space.to_unity(head.quat_xyzw) == pytest.approx(np.array(golden["unity"]), abs=1e-15)
    assert space.to_vrm0(head.quat_xyzw) == pytest.approx(np.array(golden["vrm0"]), abs=1e-15)
    assert space.to_unreal(head.quat_xyzw) == pytest.approx(np.array(golden["ue"]), abs=1e-15)
    assert space.to_rotation_matrix(head.quat_xyzw) == pytest.approx(np.array(golden["M"])[:3, :3], abs=1e-15)


# --- section 3: the formulas, the axes and the directions ------------------------------------------------------------------


@pytest.mark.parametrize("angles", EULER)
def test_angles_follow_the_sheets_formulas(angles: tuple[float, float, float]) -> None:
    """yaw = atan2(R02, R22), pitch = atan2(-R12, hypot(R10, R11)), roll = atan2(R10, R11)."""
    quat = _quat(*angles)
    matrix = Rotation.from_quat(quat).as_matrix()
    expected = (
        math.degrees(math.atan2(matrix[0, 2], matrix[2, 2])),
        math.degrees(math.atan2(-matrix[1, 2], math.hypot(matrix[1, 0], matrix[1, 1]))),
        math.degrees(math.atan2(matrix[1, 0], matrix[1, 1])),
    )

    assert space.to_euler_deg(quat) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("angles", EULER)
def test_quaternions_agree_with_scipy(angles: tuple[float, float, float]) -> None:
    """Intrinsic Y-X-Z in bridge space."""
    _same_rotation(Rotation.from_euler("YXZ", angles, degrees=True).as_quat(), _quat(*angles))


@pytest.mark.parametrize("angles", EULER)
@pytest.mark.parametrize("target", sorted(BASES))
def test_conversions_agree_with_conjugation(target: str, angles: tuple[float, float, float]) -> None:
    """The target's rotation matrix is B R B^T."""
    convert, basis = BASES[target]
    quat = _quat(*angles)
    expected = Rotation.from_matrix(basis @ Rotation.from_quat(quat).as_matrix() @ basis.T).as_quat()

    _same_rotation(expected, convert(quat))


@pytest.mark.parametrize(
    ("convert", "basis"),
    [
        (space.to_unity_position, BASES["unity"][1]),
        (space.to_vrm0_position, BASES["vrm0"][1]),
        (space.to_unreal_position_cm, 100 * BASES["unreal"][1]),
    ],
    ids=["unity", "vrm0", "unreal"],
)
def test_positions_agree_with_the_basis(convert: Conversion, basis: Float64Array) -> None:
    """A position goes through the same basis change as the rotation."""
    assert convert(POSITION_M) == pytest.approx(basis @ POSITION_M, abs=1e-12)


@pytest.mark.parametrize("angles", EULER)
def test_unity_euler_angles_compose_as_unity_does(angles: tuple[float, float, float]) -> None:
    """Unity's Quaternion.Euler(x, y, z) turns about z, then x, then y: qy * qx * qz."""
    quat = _quat(*angles)
    x, y, z = space.to_unity_euler_deg(quat)

    _same_rotation(Rotation.from_euler("YXZ", [y, x, z], degrees=True).as_quat(), space.to_unity(quat))


@pytest.mark.parametrize("angles", EULER)
def test_unreal_rotator_composes_as_unreal_does(angles: tuple[float, float, float]) -> None:
    """FRotator::Quaternion() of the rotator is the quaternion that ``to_unreal`` gives."""
    quat = _quat(*angles)
    pitch, yaw, roll = (math.radians(angle) / 2 for angle in space.to_unreal_rotator_deg(quat))
    sp, cp, sy, cy, sr, cr = math.sin(pitch), math.cos(pitch), math.sin(yaw), math.cos(yaw), math.sin(roll), math.cos(roll)
    expected = np.array([
        cr * sp * sy - sr * cp * cy,
        -cr * sp * cy - sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    ])  # fmt: skip

    _same_rotation(expected, space.to_unreal(quat))


NOSE, CROWN = np.array([0.0, 0, 1]), np.array([0.0, 1, 0])


@pytest.mark.parametrize(
    ("angles", "part", "axis", "direction"),
    [
        ((20, 0, 0), NOSE, 0, +1),  # + yaw: the nose goes to the own left
        ((0, 20, 0), NOSE, 1, -1),  # + pitch: the nose goes down
        ((0, 0, 20), CROWN, 0, -1),  # + roll: the crown goes to the own right
    ],
    ids=["yaw", "pitch", "roll"],
)
def test_signs_mean_what_they_say(angles: tuple[float, float, float], part: Float64Array, axis: int, direction: int) -> None:
    """+ yaw turns to the own left, + pitch looks down, + roll tilts to the own right shoulder."""
    moved = space.rotate(_quat(*angles), part)

    assert moved[axis] == pytest.approx(direction * math.sin(math.radians(20)), abs=1e-12)


@pytest.mark.parametrize("target", ["unity", "vrm0", "unreal"])
def test_a_turned_nose_points_the_same_way_in_every_target(target: str) -> None:
    """The target's forward axis, turned by the target's quaternion, is the turned nose seen in the target's axes."""
    convert, basis = BASES[target]
    quat = _quat(YAW, PITCH, ROLL)

    turned = Rotation.from_quat(convert(quat)).apply(basis @ NOSE)

    assert turned == pytest.approx(basis @ space.rotate(quat, NOSE), abs=1e-12)


@pytest.mark.parametrize(
    "point_cm",
    [(0, -1.13, 7.48), (4.446, 2.664, 3.173), (-4.446, 2.664, 3.173), (0, -9.40, 4.26)],
    ids=["nose tip", "left outer corner", "right outer corner", "chin"],
)
def test_the_pose_carries_canonical_points_where_the_matrix_does(point_cm: tuple[float, float, float]) -> None:
    """p_cam = M [x, y, z, 1] of the canonical face model (cm) equals rotate + translate of the pose (m)."""
    head = space.head_pose_from_matrix(MATRIX)
    expected_cm = (MATRIX @ np.array([*point_cm, 1.0]))[:3]

    actual_m = space.rotate(head.quat_xyzw, np.array(point_cm) * 0.01) + head.position_m

    assert actual_m * 100 == pytest.approx(expected_cm, abs=1e-6)
