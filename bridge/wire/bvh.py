"""BVH motion capture text (.bvh), written and read. Pure; any thread. Fact sheet "VRM, Live2D", section 5.

Written: Hips at 100 cm, Neck, Head; degrees, head rotations as yaw, pitch, roll (Y, X, Z, intrinsic: bridge space as it is).
Weights have no place in BVH. Read: any skeleton with a joint called Head, channels in any order; the head is the product of all
rotations down to it. Numbers are counted, never believed: ``Frames:`` only limits.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from bridge.types import CHANNELS, Float64Array, frozen_array
from bridge.wire import rotation_rows
from bridge.wire.animation import EXPRESSIONS, MAX_KEYS, Animation, BadAnimation

_HIPS_CM, _NECK_CM, _HEAD_CM, _TOP_CM = 100.0, 52.0, 60.0, 20.0
"""Height of the hips; neck and head above them; the top of the head above the head joint."""
_FALLBACK_FRAME_S = 1 / 30
_EVEN_S = 0.002
"""Results this close to an even pace keep their own values."""

_MOST_JOINTS, _DEEPEST, _MOST_CHANNELS = 2000, 200, 6
_LONGEST_LINE = 400_000
_FASTEST_FRAME_S, _SLOWEST_FRAME_S = 0.001, 100.0


# --- writing -----------------------------------------------------------------------------------------------------------


def encode(animation: Animation, *, neck: float = 0.5) -> bytes:
    """The file. ``neck``: how much of the head's rotation the neck takes, 0..1; at 0 there is no neck.

    BVH has one frame time for all: a performance at an even pace keeps its frames, any other is resampled at its median pace.
    """
    frame_s, rows = _evenly(animation)
    rows = rotation_rows.continuous(rows)
    parts = [rotation_rows.power(rows, neck), rotation_rows.power(rows, 1.0 - neck)] if neck > 0.0 else [rows]
    # Unwrapped, so that whoever draws a line between two frames does not spin the head.
    angles = np.concatenate([np.unwrap(rotation_rows.to_euler_deg(part), period=360.0, axis=0) for part in parts], axis=1)
    hips = [0.0, _HIPS_CM, 0.0, 0.0, 0.0, 0.0]
    line = " ".join(["%.6f"] * (len(hips) + angles.shape[1]))
    table = np.concatenate([np.tile(hips, (len(angles), 1)), np.round(angles, 6) + 0.0], axis=1)  # + 0.0: no -0.000000
    motion = [line % tuple(row) for row in table.tolist()]
    timing = ["MOTION", f"Frames: {len(motion)}", f"Frame Time: {_frame_time(frame_s)}"]
    return "\n".join([*_hierarchy(with_neck=neck > 0.0), *timing, *motion, ""]).encode()


def _frame_time(frame_s: float) -> str:
    """Six decimals, as everybody writes, and up to three more where they are not 0: an hour then drifts by less than 1 ms."""
    text = f"{frame_s:.9f}"
    return text[:-3] + text[-3:].rstrip("0")


def _hierarchy(*, with_neck: bool) -> list[str]:
    joints = [("ROOT", "Hips", 0.0), ("JOINT", "Head", _HEAD_CM)]
    if with_neck:
        joints[1:] = [("JOINT", "Neck", _NECK_CM), ("JOINT", "Head", _HEAD_CM - _NECK_CM)]
    lines = ["HIERARCHY"]
    for depth, (kind, name, offset_cm) in enumerate(joints):
        pad = "  " * depth
        channels = "3 Yrotation Xrotation Zrotation" if depth else "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
        lines += [f"{pad}{kind} {name}", f"{pad}{{", f"{pad}  OFFSET {_offset(offset_cm)}", f"{pad}  CHANNELS {channels}"]
    pad = "  " * len(joints)
    lines += [f"{pad}End Site", f"{pad}{{", f"{pad}  OFFSET {_offset(_TOP_CM)}", f"{pad}}}"]
    return lines + ["  " * depth + "}" for depth in reversed(range(len(joints)))]


def _offset(up_cm: float) -> str:
    return f"0.000000 {up_cm:.6f} 0.000000"


def _evenly(animation: Animation) -> tuple[float, Float64Array]:
    """(frame time, rotations at that pace)."""
    times = animation.times_s - animation.times_s[0]
    count = len(times)
    if count == 1:
        return _FALLBACK_FRAME_S, animation.head_xyzw
    mean_s = float(times[-1]) / (count - 1)
    if float(np.abs(times - mean_s * np.arange(count)).max()) <= _EVEN_S and _FASTEST_FRAME_S <= mean_s <= _SLOWEST_FRAME_S:
        return mean_s, animation.head_xyzw
    shortest_s = max(_FASTEST_FRAME_S, float(times[-1]) / (MAX_KEYS - 1))
    frame_s = min(max(float(np.median(np.diff(times))), shortest_s), _SLOWEST_FRAME_S)
    grid = frame_s * np.arange(math.floor(float(times[-1]) / frame_s + 1e-9) + 1, dtype=np.float64)
    return frame_s, rotation_rows.at_times(times, animation.head_xyzw, grid)


# --- reading -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Joint:
    name: str
    parent: int
    """Position in the list of joints; -1 for a root."""
    channels: tuple[str, ...] = ()
    first: int = 0
    """Column of its first channel."""


_MOTION = re.compile(r"^[ \t]*MOTION[ \t\r]*$", re.MULTILINE)
_TIMING = re.compile(r"\s*Frames:\s*(\S+)\s*Frame Time:\s*(\S+)\s*")
_AXES = {"xrotation": 0, "yrotation": 1, "zrotation": 2}
_CHANNELS = {*_AXES, "xposition", "yposition", "zposition"}


def decode(data: bytes) -> Animation:
    """The head's motion in a file; all weights are 0, eyes look ahead. Raises BadAnimation."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # names of joints may be in anything; numbers are ASCII in all of it
    border = _MOTION.search(text)
    if border is None or not text.lstrip().startswith("HIERARCHY"):
        raise BadAnimation("not a BVH file: it has no HIERARCHY and MOTION")
    joints, width = _joints(text[: border.start()])
    head = next((i for i, joint in enumerate(joints) if _is_head(joint.name)), None)
    if head is None:
        raise BadAnimation("it has no joint called Head")
    turns = [
        (_AXES[channel], column)
        for joint in reversed(_up_from(joints, head))
        for column, channel in enumerate(joint.channels, start=joint.first)
        if channel in _AXES
    ]
    frame_s, angles_deg = _motion(text[border.end() :], width, [column for _, column in turns])
    count = len(angles_deg)
    times = frame_s * np.arange(count, dtype=np.float64)
    turned = np.repeat(np.array([[0.0, 0.0, 0.0, 1.0]]), count, axis=0)
    for (axis, _), each in zip(turns, angles_deg.T, strict=True):
        turned = rotation_rows.multiply(turned, rotation_rows.about_axis(axis, each))
    return Animation(
        times_s=frozen_array(times),
        weights=frozen_array(np.zeros((count, CHANNELS), np.float32)),
        presets=frozen_array(np.zeros((count, len(EXPRESSIONS)), np.float32)),
        head_xyzw=frozen_array(rotation_rows.unit(turned)),
        gaze_deg=frozen_array(np.zeros((count, 2))),
    )


def _is_head(name: str) -> bool:
    """``Head``, also behind the name of a character: ``mixamorig:Head``, ``Bip01 Head``."""
    lowered = name.strip().lower()
    return lowered == "head" or lowered.endswith((":head", "_head", " head", ".head"))


def _up_from(joints: list[_Joint], at: int) -> list[_Joint]:
    chain = []
    while at >= 0:
        chain.append(joints[at])
        at = joints[at].parent
    return chain


def _joints(hierarchy: str) -> tuple[list[_Joint], int]:
    """Joints in their order, and how many columns a frame has."""
    joints: list[_Joint] = []
    open_joints: list[int] = []  # -1: an End Site
    width = 0
    pending: int | None = None
    for raw in hierarchy.replace("{", "\n{\n").replace("}", "\n}\n").splitlines()[1:]:
        word, _, rest = raw.strip().partition(" ")
        match word.upper():
            case "":
                continue
            case "ROOT" | "JOINT":
                parent = open_joints[-1] if open_joints else -1
                if len(joints) >= _MOST_JOINTS or len(open_joints) >= _DEEPEST:
                    raise BadAnimation(f"it has more than {_MOST_JOINTS} joints, or more than {_DEEPEST} in a row")
                pending = len(joints)
                joints.append(_Joint(rest, parent))
            case "END":
                pending = -1
            case "{":
                if pending is None:
                    raise BadAnimation("a { stands where no joint is")
                open_joints.append(pending)
                pending = None
            case "}":
                if not open_joints:
                    raise BadAnimation("it has more } than {")
                open_joints.pop()
            case "CHANNELS":
                if not open_joints or open_joints[-1] < 0:
                    raise BadAnimation("CHANNELS stands outside a joint")
                joint = joints[open_joints[-1]]
                joint.channels, joint.first = _channels(rest), width
                width += len(joint.channels)
    if not joints or open_joints:
        raise BadAnimation("its HIERARCHY is not complete")
    return joints, width


def _channels(text: str) -> tuple[str, ...]:
    count, *names = text.split() or [""]
    channels = tuple(name.lower() for name in names)
    if count != str(len(channels)) or len(channels) > _MOST_CHANNELS or not _CHANNELS.issuperset(channels):
        raise BadAnimation(f"CHANNELS {text[:60]} are not up to six rotations and positions")
    return channels


def _motion(motion: str, width: int, columns: list[int]) -> tuple[float, Float64Array]:
    """(frame time, the wanted columns (N, ...)); a last frame that is cut off is left out."""
    lines = [line for line in motion.splitlines() if line.strip()]
    found = _TIMING.fullmatch("\n".join(lines[:2]))
    if found is None:
        raise BadAnimation("MOTION does not begin with Frames: and Frame Time:")
    frames, frame_s = _number(found[1], "Frames"), _number(found[2], "Frame Time")
    if not _FASTEST_FRAME_S <= frame_s <= _SLOWEST_FRAME_S:
        raise BadAnimation(f"Frame Time is {frame_s:g} s; from {_FASTEST_FRAME_S:g} to {_SLOWEST_FRAME_S:g} are read")
    count = int(min(max(frames, 0.0), len(lines) - 2))
    if count > MAX_KEYS:
        raise BadAnimation(f"it has {count} frames; up to {MAX_KEYS} are read")
    table: list[list[float]] = []
    for number, line in enumerate(lines[2 : 2 + count], start=1):
        words = line.split() if len(line) <= _LONGEST_LINE else []
        if len(words) != width:
            if number == len(lines) - 2 and len(words) < width:
                break
            raise BadAnimation(f"frame {number} has not the {width} numbers that its joints ask for")
        table.append([_number(words[column], f"frame {number}") for column in columns])
    if not table:
        raise BadAnimation("it has no frames")
    return frame_s, np.array(table, dtype=np.float64).reshape(len(table), len(columns))


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) < 1e12:  # NaN is not below it either
        raise BadAnimation(f"{what} is {text[:40]!r}, not a number")
    return number
