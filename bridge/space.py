"""Rotations, poses, and the one conversion per target out of bridge space.

Quaternions are float64 (4,) in the order x, y, z, w and of unit length; ``q`` and ``-q`` are the same rotation, and what this
module returns has w >= 0 (``inverse`` and the conversions to a target keep the sign of the w they are given). Angles are degrees.
Formulas and golden vectors: the fact sheet "ARKit <-> MediaPipe", section 3; Shoemake 1985 for slerp; Markley 2007 for the mean.
Pure functions, any thread.
"""

from __future__ import annotations

import math

import numpy as np

from bridge.types import Float32Array, Float64Array, HeadPose, frozen_array


def canonical(quat_xyzw: Float64Array) -> Float64Array:
    """The same rotation, unit length, w >= 0. Raises ValueError for a zero or non-finite quaternion."""
    x, y, z, w = quat_xyzw.tolist()
    norm = math.sqrt(x * x + y * y + z * z + w * w)
    if not (norm > 1e-12 and math.isfinite(norm)):
        raise ValueError(f"not a rotation: {quat_xyzw}")
    factor = (-1.0 if w < 0.0 else 1.0) / norm
    return np.array([x * factor, y * factor, z * factor, w * factor])


def multiply(a: Float64Array, b: Float64Array) -> Float64Array:
    """The rotation ``a * b``: by ``b`` first, then by ``a`` (or: ``b`` in ``a``'s own frame); for vectors there is ``rotate``."""
    ax, ay, az, aw = a.tolist()
    bx, by, bz, bw = b.tolist()
    w = aw * bw - ax * bx - ay * by - az * bz
    sign = -1.0 if w < 0.0 else 1.0
    return np.array([
        sign * (aw * bx + ax * bw + ay * bz - az * by),
        sign * (aw * by - ax * bz + ay * bw + az * bx),
        sign * (aw * bz + ax * by - ay * bx + az * bw),
        sign * w,
    ])  # fmt: skip


def inverse(quat_xyzw: Float64Array) -> Float64Array:
    """The opposite rotation (conjugate)."""
    x, y, z, w = quat_xyzw.tolist()
    return np.array([-x, -y, -z, w])


def rotate(quat_xyzw: Float64Array, vector: Float64Array) -> Float64Array:
    """``vector`` (3,) turned by the quaternion."""
    turned: Float64Array = to_rotation_matrix(quat_xyzw) @ vector
    return turned


def slerp(a: Float64Array, b: Float64Array, fraction: float) -> Float64Array:
    """From ``a`` (0) to ``b`` (1) along the shorter arc."""
    if float(np.dot(a, b)) < 0.0:
        b = -b
    apart, together = a - b, a + b
    # Half the arc is atan2(|a - b|, |a + b|): exact also for the small arcs of a smoothing filter, where acos(a.b) is not.
    angle = 2.0 * math.atan2(math.sqrt(float(np.dot(apart, apart))), math.sqrt(float(np.dot(together, together))))
    if angle < 1e-6:  # so close that the straight line is the arc
        return canonical(a - fraction * apart)
    return canonical((math.sin((1.0 - fraction) * angle) * a + math.sin(fraction * angle) * b) / math.sin(angle))


def power(quat_xyzw: Float64Array, fraction: float) -> Float64Array:
    """The rotation's ``fraction``: ``power(q, .5)`` done twice is ``q``."""
    return slerp(np.array([0.0, 0.0, 0.0, 1.0]), quat_xyzw, fraction)


def angle_between_deg(a: Float64Array, b: Float64Array) -> float:
    """The angle of the rotation that leads from ``a`` to ``b``, 0..180."""
    # 2*atan2 keeps small angles exact where acos(dot) loses half the digits.
    delta = multiply(inverse(a), b)
    return math.degrees(2.0 * math.atan2(float(np.linalg.norm(delta[:3])), abs(float(delta[3]))))


def mean(quats_xyzw: Float64Array) -> Float64Array:
    """The average rotation of (N, 4): the eigenvector of sum(q q^T) with the largest eigenvalue (Markley 2007).

    Signs of the quaternions do not matter. Raises ValueError when there are none, or one is not finite.
    """
    if len(quats_xyzw) == 0 or not np.isfinite(quats_xyzw).all():
        raise ValueError("the mean needs at least one rotation, and finite ones")
    _, vectors = np.linalg.eigh(quats_xyzw.T @ quats_xyzw)
    return canonical(vectors[:, -1])


def from_rotation_vector(vector_rad: Float64Array) -> Float64Array:
    """Axis times angle, radians (3,) -> quaternion."""
    x, y, z = vector_rad.tolist()
    angle = math.sqrt(x * x + y * y + z * z)
    k = 0.5 - angle * angle / 48.0 if angle < 1e-4 else math.sin(0.5 * angle) / angle
    return canonical(np.array([x * k, y * k, z * k, math.cos(0.5 * angle)]))


def to_rotation_vector(quat_xyzw: Float64Array) -> Float64Array:
    """Quaternion -> axis times angle, radians (3,), the shorter way round."""
    x, y, z, w = (quat_xyzw if quat_xyzw[3] >= 0 else -quat_xyzw).tolist()
    sine = math.sqrt(x * x + y * y + z * z)
    k = 2.0 if sine < 1e-9 else 2.0 * math.atan2(sine, w) / sine
    return np.array([x * k, y * k, z * k])


def from_euler_deg(*, yaw: float, pitch: float, roll: float) -> Float64Array:
    """Bridge space, intrinsic Y-X-Z: R = Ry(yaw) Rx(pitch) Rz(roll)."""
    cy, sy = math.cos(math.radians(yaw) / 2), math.sin(math.radians(yaw) / 2)
    cp, sp = math.cos(math.radians(pitch) / 2), math.sin(math.radians(pitch) / 2)
    cr, sr = math.cos(math.radians(roll) / 2), math.sin(math.radians(roll) / 2)
    return canonical(
        np.array([
            cy * sp * cr + sy * cp * sr,
            sy * cp * cr - cy * sp * sr,
            cy * cp * sr - sy * sp * cr,
            cy * cp * cr + sy * sp * sr,
        ])
    )  # fmt: skip


def to_euler_deg(quat_xyzw: Float64Array) -> tuple[float, float, float]:
    """(yaw, pitch, roll): + turns to the own left, + looks down, + tilts to the own right shoulder. Pitch within +-90.

    Straight down or up, where yaw and roll turn about one axis, all of it is told as yaw.
    """
    x, y, z, w = quat_xyzw.tolist()
    r10, r11 = 2 * (x * y + w * z), 1 - 2 * (x * x + z * z)
    cos_pitch = math.hypot(r10, r11)
    pitch = math.atan2(2 * (w * x - y * z), cos_pitch)  # asin would lose half the digits near 90
    if cos_pitch < 1e-7:
        yaw, roll = math.atan2(2 * (w * y - x * z), 1 - 2 * (y * y + z * z)), 0.0
    else:
        yaw, roll = math.atan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y)), math.atan2(r10, r11)
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)


def from_rotation_matrix(matrix: Float64Array) -> Float64Array:
    """Rotation matrix (3, 3) -> quaternion (Shepperd's method: the largest component first, so no cancellation).

    That it is a rotation is not checked, only that it is finite: ValueError.
    """
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = matrix.tolist()
    return canonical(np.array(_shepperd(m00, m01, m02, m10, m11, m12, m20, m21, m22)))


def _shepperd(  # noqa: PLR0917 - a matrix, row by row
    m00: float, m01: float, m02: float, m10: float, m11: float, m12: float, m20: float, m21: float, m22: float
) -> tuple[float, float, float, float]:
    """A quaternion of any length."""
    trace = m00 + m11 + m22
    if trace > max(m00, m11, m22):
        return m21 - m12, m02 - m20, m10 - m01, 1.0 + trace
    if m00 >= m11 and m00 >= m22:
        return 1.0 + m00 - m11 - m22, m01 + m10, m02 + m20, m21 - m12
    if m11 >= m22:
        return m01 + m10, 1.0 - m00 + m11 - m22, m12 + m21, m02 - m20
    return m02 + m20, m12 + m21, 1.0 - m00 - m11 + m22, m10 - m01


def to_rotation_matrix(quat_xyzw: Float64Array) -> Float64Array:
    """Quaternion -> rotation matrix (3, 3)."""
    x, y, z, w = quat_xyzw.tolist()
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def head_pose_from_matrix(matrix: Float32Array | Float64Array) -> HeadPose:
    """MediaPipe's facial transformation matrix (4, 4), column vectors, centimetres -> HeadPose in bridge space.

    A uniform scale in the matrix is divided out. Raises ValueError when it is not a finite, right-handed pose: columns that are
    not of one length and at right angles within 1 %, or mirrored.
    """
    # Scalars: a dozen calls on tiny arrays took 99 us once an inference had emptied the caches, this takes a third.
    (m00, m01, m02, x), (m10, m11, m12, y), (m20, m21, m22, z) = matrix[:3].tolist()
    scale = math.hypot(m00, m10, m20)
    if not (scale > 1e-6 and math.isfinite(scale) and math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        raise ValueError("the facial transformation matrix is not a pose")
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = (
        m00 / scale, m01 / scale, m02 / scale, m10 / scale, m11 / scale, m12 / scale, m20 / scale, m21 / scale, m22 / scale,
    )  # fmt: skip
    i, j, k, w = _shepperd(m00, m01, m02, m10, m11, m12, m20, m21, m22)
    norm = math.sqrt(i * i + j * j + k * k + w * w)
    if not (norm > 1e-12 and math.isfinite(norm)):
        raise ValueError("the facial transformation matrix is not a rotation with one scale")
    norm = -norm if w < 0.0 else norm
    i, j, k, w = i / norm, j / norm, k / norm, w / norm
    # A matrix that is no rotation does not survive the way there and back.
    if not (
        abs(1 - 2 * (j * j + k * k) - m00) < 0.01
        and abs(2 * (i * j - w * k) - m01) < 0.01
        and abs(2 * (i * k + w * j) - m02) < 0.01
        and abs(2 * (i * j + w * k) - m10) < 0.01
        and abs(1 - 2 * (i * i + k * k) - m11) < 0.01
        and abs(2 * (j * k - w * i) - m12) < 0.01
        and abs(2 * (i * k - w * j) - m20) < 0.01
        and abs(2 * (j * k + w * i) - m21) < 0.01
        and abs(1 - 2 * (i * i + j * j) - m22) < 0.01
    ):
        raise ValueError("the facial transformation matrix is not a rotation with one scale")
    return HeadPose(
        position_m=frozen_array(np.array([x * 0.01, y * 0.01, z * 0.01])), quat_xyzw=frozen_array(np.array([i, j, k, w]))
    )


# --- out of bridge space: one function per target -------------------------------------------------------------------------


def _signs(*values: float) -> Float64Array:
    return frozen_array(np.array(values))


_FLIP_YZ = _signs(1.0, -1.0, -1.0, 1.0)
_FLIP_XZ = _signs(-1.0, 1.0, -1.0, 1.0)
_FLIP_X = _signs(-1.0, 1.0, 1.0)
_FLIP_XZ_POSITION = _signs(-1.0, 1.0, -1.0)


def mirror_quat(quat_xyzw: Float64Array) -> Float64Array:
    """Seen in a mirror: yaw and roll change sign, pitch stays."""
    return quat_xyzw * _FLIP_YZ


def mirror_position(position_m: Float64Array) -> Float64Array:
    """Seen in a mirror: x changes sign."""
    return position_m * _FLIP_X


def to_unity(quat_xyzw: Float64Array) -> Float64Array:
    """Unity and VMC (left-handed, +X own right, +Y up, +Z forward): (x, -y, -z, w)."""
    return quat_xyzw * _FLIP_YZ


def to_unity_position(position_m: Float64Array) -> Float64Array:
    """Unity and VMC, metres: (-x, y, z)."""
    return position_m * _FLIP_X


def to_unity_euler_deg(quat_xyzw: Float64Array) -> tuple[float, float, float]:
    """Unity's (x, y, z) Euler angles, applied Z-X-Y: + nods down, + turns to the own right, + tilts to the own left."""
    yaw, pitch, roll = to_euler_deg(quat_xyzw)
    return pitch, -yaw, -roll


def to_vrm0(quat_xyzw: Float64Array) -> Float64Array:
    """glTF axes of a VRM 0 model, which faces -Z: (-x, y, -z, w). VRM 1 and ARKit equal bridge space."""
    return quat_xyzw * _FLIP_XZ


def to_vrm0_position(position_m: Float64Array) -> Float64Array:
    """VRM 0, metres: (-x, y, -z)."""
    return position_m * _FLIP_XZ_POSITION


def to_unreal(quat_xyzw: Float64Array) -> Float64Array:
    """Unreal (left-handed, X forward, Y right, Z up): (-z, x, -y, w)."""
    x, y, z, w = quat_xyzw.tolist()
    return np.array([-z, x, -y, w])


def to_unreal_position_cm(position_m: Float64Array) -> Float64Array:
    """Unreal, centimetres: (z, -x, y)."""
    x, y, z = position_m.tolist()
    return np.array([100 * z, -100 * x, 100 * y])


def to_unreal_rotator_deg(quat_xyzw: Float64Array) -> tuple[float, float, float]:
    """Unreal's FRotator as (Pitch, Yaw, Roll)."""
    yaw, pitch, roll = to_euler_deg(quat_xyzw)
    return -pitch, -yaw, roll


def to_opentrack(pose: HeadPose) -> tuple[float, float, float, float, float, float]:
    """opentrack's six numbers: TX, TY, TZ in centimetres (x, y, -z), then Yaw, Pitch, Roll in degrees (all negated)."""
    x, y, z = pose.position_m.tolist()
    yaw, pitch, roll = to_euler_deg(pose.quat_xyzw)
    return 100 * x, 100 * y, -100 * z, -yaw, -pitch, -roll


# --- into bridge space: from where other programs' faces come --------------------------------------------------------------


def from_unity(quat_xyzw: Float64Array) -> Float64Array:
    """The reverse of ``to_unity``: (x, -y, -z, w)."""
    return quat_xyzw * _FLIP_YZ


def from_unity_position(position_m: Float64Array) -> Float64Array:
    """The reverse of ``to_unity_position``: (-x, y, z)."""
    return position_m * _FLIP_X
