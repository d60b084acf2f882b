"""The rotations of ``space`` for a whole performance at once: float64 (N, 4), a row a moment, x y z w. Pure; any thread.

Rows are unit quaternions, and so is what comes back; signs are as they fall, ``continuous`` makes neighbours agree.
"""

from __future__ import annotations

import numpy as np

from bridge.types import Float64Array


def unit(rows: Float64Array) -> Float64Array:
    """The same rotations at unit length. Raises ValueError for one that is zero or not finite."""
    if not np.isfinite(rows).all():
        raise ValueError("a rotation is not finite")
    largest = np.abs(rows).max(axis=1, keepdims=True) if len(rows) else np.ones((0, 1))
    if not (largest > 1e-12).all():
        raise ValueError("a rotation is zero")
    scaled = rows / largest  # so that the square of a huge number is none
    result: Float64Array = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    return result


def multiply(a: Float64Array, b: Float64Array) -> Float64Array:
    """Row by row ``a * b``, as ``space.multiply``; either may be a single row."""
    ax, ay, az, aw = a.T
    bx, by, bz, bw = b.T
    return np.stack(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ],
        axis=-1,
    )


def inverse(rows: Float64Array) -> Float64Array:
    """The opposite rotations."""
    opposite: Float64Array = rows * np.array([-1.0, -1.0, -1.0, 1.0])
    return opposite


def about_axis(axis: int, angles_deg: Float64Array) -> Float64Array:
    """Rotations about x (0), y (1) or z (2); degrees (N,)."""
    half = np.radians(angles_deg) / 2.0
    rows = np.zeros((len(angles_deg), 4))
    rows[:, axis], rows[:, 3] = np.sin(half), np.cos(half)
    return rows


def power(rows: Float64Array, fraction: float) -> Float64Array:
    """Each rotation's ``fraction`` about its own axis, the shorter way round."""
    rows = np.where(rows[:, 3:] < 0.0, -rows, rows)
    sine = np.linalg.norm(rows[:, :3], axis=1)
    share = fraction * np.arctan2(sine, rows[:, 3])
    still = sine < 1e-12
    k = np.where(still, 0.0, np.sin(share) / np.where(still, 1.0, sine))
    return np.concatenate([rows[:, :3] * k[:, None], np.cos(share)[:, None]], axis=1)


def continuous(rows: Float64Array) -> Float64Array:
    """Signs chosen so that each row is nearer to the one before than its opposite; the first keeps its own."""
    turned = np.where((rows[1:] * rows[:-1]).sum(axis=1) < 0.0, -1.0, 1.0)
    result = rows.copy()
    result[1:] *= np.cumprod(turned)[:, None]
    return result


def to_euler_deg(rows: Float64Array) -> Float64Array:
    """(N, 3): yaw, pitch, roll as ``space.to_euler_deg``; straight down or up all of the turn is yaw."""
    x, y, z, w = rows.T
    r10, r11 = 2 * (x * y + w * z), 1 - 2 * (x * x + z * z)
    cos_pitch = np.hypot(r10, r11)
    pitch = np.arctan2(2 * (w * x - y * z), cos_pitch)
    steep = cos_pitch < 1e-7
    yaw = np.where(
        steep,
        np.arctan2(2 * (w * y - x * z), 1 - 2 * (y * y + z * z)),
        np.arctan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y)),
    )
    roll = np.where(steep, 0.0, np.arctan2(r10, r11))
    angles: Float64Array = np.degrees(np.stack([yaw, pitch, roll], axis=1))
    return angles


def at_times(times_s: Float64Array, rows: Float64Array, wanted_s: Float64Array) -> Float64Array:
    """The rotation at other moments: on the shorter arc between its neighbours, held before the first and after the last.

    ``times_s`` (N,) rise strictly, N >= 1.
    """
    after = np.clip(np.searchsorted(times_s, wanted_s, side="right"), 1, max(1, len(times_s) - 1))
    before = np.minimum(after - 1, len(times_s) - 1)
    after = np.minimum(after, len(times_s) - 1)
    span = times_s[after] - times_s[before]
    fraction = np.clip((wanted_s - times_s[before]) / np.where(span > 0.0, span, 1.0), 0.0, 1.0)
    a, b = rows[before], rows[after]
    b = np.where((a * b).sum(axis=1, keepdims=True) < 0.0, -b, b)
    angle = 2.0 * np.arctan2(np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1))
    straight = angle < 1e-6  # so close that the straight line is the arc
    sine = np.where(straight, 1.0, np.sin(angle))
    from_a = np.where(straight, 1.0 - fraction, np.sin((1.0 - fraction) * angle) / sine)
    from_b = np.where(straight, fraction, np.sin(fraction * angle) / sine)
    return unit(from_a[:, None] * a + from_b[:, None] * b)
