"""Gaze angles as rotations and as a point, in bridge space. Scalars: the formats assemble their frames from plain floats."""

from __future__ import annotations

import math

from bridge.types import Gaze


def eye_rotation(yaw_deg: float, pitch_deg: float) -> tuple[float, float, float, float]:
    """An eye's rotation in the head, x y z w: Ry(yaw) Rx(pitch), as ``space.from_euler_deg`` without roll."""
    yaw, pitch = math.radians(yaw_deg) / 2.0, math.radians(pitch_deg) / 2.0
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    return cy * sp, sy * cp, -sy * sp, cy * cp


def looked_at(gaze: Gaze) -> tuple[float, float, float]:
    """The point 1 m from the head at which both eyes' mean looks."""
    yaw = math.radians(0.5 * (gaze.left_deg[0] + gaze.right_deg[0]))
    pitch = math.radians(0.5 * (gaze.left_deg[1] + gaze.right_deg[1]))
    return math.sin(yaw) * math.cos(pitch), -math.sin(pitch), math.cos(yaw) * math.cos(pitch)
