"""The table that Epic's Live Link Face app writes: one row a frame, 61 values. Text only; pure, any thread.

Columns: the 52 coefficients in Apple's order, but jawRight before jawLeft and mouthRight before mouthLeft; then head and eyes as
yaw, pitch, roll in radians. Signs are Live Link's: head yaw + turns to the own right, pitch + looks up, roll + tilts to the own
left; eyes yaw + looks to the own right, pitch + looks down (for the app itself these signs are UNVERIFIED: see the fact sheet).
"""

from __future__ import annotations

import math

from bridge import arkit, space
from bridge.mapping.gaze import gaze_of
from bridge.types import Face

FPS = 60
"""Frames a second that timecodes count; the app's own rate."""

_ORDER: tuple[int, ...] = tuple(sorted(range(len(arkit.NAMES)), key=arkit.LIVE_LINK_CSV_COLUMN.__getitem__))
_ANGLES = tuple(f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll"))

HEADER = ",".join(("Timecode", "BlendShapeCount", *(arkit.PASCAL[i] for i in _ORDER), *_ANGLES)) + "\n"
"""63 columns."""

_COUNT = len(_ORDER) + len(_ANGLES)


def timecode(t_s: float, *, fps: int = FPS) -> str:
    """``HH:MM:SS:FF.sss`` for ``t_s`` seconds from the start, >= 0: FF counts frames, sss is the fraction of a frame."""
    # In thousandths of a frame, rounded once: nothing can become 59:60.000.
    seconds, thousandths = divmod(round(t_s * fps * 1000), fps * 1000)
    frame, fraction = divmod(thousandths, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}:{frame:02d}.{fraction:03d}"


def row(face: Face, *, t_s: float, fps: int = FPS) -> str:
    """The row of a face at ``t_s`` seconds from the start. Without a head its angles are 0."""
    yaw, pitch, roll = (0.0, 0.0, 0.0) if face.head is None else space.to_euler_deg(face.head.quat_xyzw)
    gaze = gaze_of(face.weights)
    weights = face.weights.tolist()
    degrees = (-yaw, -pitch, -roll, -gaze.left_deg[0], gaze.left_deg[1], 0.0, -gaze.right_deg[0], gaze.right_deg[1], 0.0)
    # "+ 0.0" turns -0.0 into 0.0
    values = [weights[i] for i in _ORDER] + [math.radians(angle) + 0.0 for angle in degrees]
    return f"{timecode(t_s, fps=fps)},{_COUNT}," + ",".join([f"{value:.10f}" for value in values]) + "\n"
