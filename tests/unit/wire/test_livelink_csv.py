"""The Live Link Face app's table, against its header and its golden row."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bridge import arkit
from bridge.types import Face, FaceState, frozen_array
from bridge.wire import livelink_csv

HEADER = (
    "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,EyeSquintLeft,EyeWideLeft,"
    "EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,EyeSquintRight,EyeWideRight,JawForward,JawRight,"
    "JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,MouthSmileLeft,MouthSmileRight,MouthFrownLeft,"
    "MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,MouthStretchLeft,MouthStretchRight,MouthRollLower,MouthRollUpper,"
    "MouthShrugLower,MouthShrugUpper,MouthPressLeft,MouthPressRight,MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,"
    "MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,CheekSquintLeft,"
    "CheekSquintRight,NoseSneerLeft,NoseSneerRight,TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,"
    "RightEyeYaw,RightEyePitch,RightEyeRoll\n"
)


def columns(row: str) -> dict[str, str]:
    """A row by the names of the header."""
    return dict(zip(HEADER.strip().split(","), row.strip().split(","), strict=True))


def face_of(state: FaceState) -> Face:
    return Face(weights=state.weights, head=state.head)


def test_the_header_is_the_apps() -> None:
    """63 columns; right before left for jaw and mouth."""
    assert HEADER == livelink_csv.HEADER


def test_the_golden_row(make_state: Callable[..., FaceState]) -> None:
    """Frame 7 of second 56 of 12:34; EyeBlinkLeft .5, JawOpen .25, TongueOut 1, head .1, -.2, .3 rad in Live Link's signs."""
    state = make_state(
        weights={"eyeBlinkLeft": 0.5, "jawOpen": 0.25, "tongueOut": 1.0},
        yaw=-math.degrees(0.1),
        pitch=math.degrees(0.2),
        roll=-math.degrees(0.3),
    )

    row = livelink_csv.row(face_of(state), t_s=12 * 3600 + 34 * 60 + 56 + 7 / 60)

    zero = "0.0000000000"
    values = ["0.5000000000", *[zero] * 16, "0.2500000000", *[zero] * 33, "1.0000000000"]
    angles = ["0.1000000000", "-0.2000000000", "0.3000000000", *[zero] * 6]
    assert ",".join(["12:34:56:07.000", "61", *values, *angles]) + "\n" == row


def test_every_coefficient_is_under_its_own_name() -> None:
    """52 different values, read by name."""
    weights = frozen_array(np.linspace(0.1, 0.9, 52).astype(np.float32))

    row = columns(livelink_csv.row(Face(weights=weights, head=None), t_s=0.0))

    assert [f"{value:.10f}" for value in weights.tolist()] == [row[name] for name in arkit.PASCAL]


def test_eyes_have_live_links_signs(make_state: Callable[..., FaceState]) -> None:
    """Looking to the own left and down: yaw negative, pitch positive, both eyes."""
    state = make_state(
        weights={"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5, "eyeLookDownLeft": 0.2, "eyeLookDownRight": 0.2}, head=None
    )

    row = columns(livelink_csv.row(face_of(state), t_s=0.0))

    assert [-19.0, 7.0, 0.0, -19.0, 7.0, 0.0] == [
        pytest.approx(math.degrees(float(row[f"{eye}Eye{angle}"])), abs=1e-4)
        for eye in ("Left", "Right")
        for angle in ("Yaw", "Pitch", "Roll")
    ]


@pytest.mark.parametrize(
    ("t_s", "expected"),
    [
        (0.0, "00:00:00:00.000"),
        (1 / 120, "00:00:00:00.500"),
        (1 / 30, "00:00:00:02.000"),
        (0.99999999, "00:00:01:00.000"),
        (59.9999999, "00:01:00:00.000"),
        (3599.5, "00:59:59:30.000"),
        (100 * 3600.0, "100:00:00:00.000"),
    ],
)
def test_timecodes_count_frames_and_never_overflow(t_s: float, expected: str) -> None:
    """Rounding carries into seconds and minutes."""
    assert expected == livelink_csv.timecode(t_s)
