"""Tables of Live Link Face, read: both dialects, any order and number format, and what is wrong with a bad one."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bridge import arkit, space
from bridge.types import Face, FaceState
from bridge.wire.livelink import ANGLES
from bridge.wire.livelink_csv import HEADER, BadTable, Stamp, face_of, guessed_fps, parse_header, parse_row, row, times_s

UNREAL_HEADER = "Timecode, FrameRate, " + ", ".join([*arkit.PASCAL, *ANGLES]) + "\r\n"
"""Unreal's own file writer: enum order, ", " between, CRLF."""


def _stamps(*times: tuple[int, float], fps: float | None = None) -> list[Stamp]:
    return [Stamp(second, frame, fps) for second, frame in times]


def test_what_was_written_is_read(make_state: Callable[..., FaceState]) -> None:
    """Coefficients to ten decimals, the head to a millionth of a degree; there is no position."""
    columns = parse_header(HEADER)
    for seed in range(20):
        state = make_state(seed=seed)
        assert state.head is not None

        stamp, values = parse_row(row(Face(weights=state.weights, head=state.head), t_s=seed + 0.5), columns)
        face = face_of(values, columns)

        assert (seed, 30.0) == (stamp.second, stamp.frame)
        assert state.weights == pytest.approx(face.weights, abs=1e-9)
        assert face.head is not None
        assert space.to_euler_deg(state.head.quat_xyzw) == pytest.approx(space.to_euler_deg(face.head.quat_xyzw), abs=2e-5)
        assert [0, 0, 0] == face.head.position_m.tolist()


def test_the_golden_row_of_unreals_writer() -> None:
    """The sheet's values in the other dialect: %02d:%02d:%02d:%02.3f, %.3f, and %.3f for values."""
    columns = parse_header(UNREAL_HEADER)
    values = dict.fromkeys([*arkit.PASCAL, *ANGLES], 0.0) | {
        "EyeBlinkLeft": 0.5, "JawOpen": 0.25, "TongueOut": 1.0, "JawLeft": 0.125, "MouthRight": 0.375,
        "HeadYaw": 0.1, "HeadPitch": -0.2, "HeadRoll": 0.3,
    }  # fmt: skip
    line = "12:34:56:7.000, 60.000, " + ", ".join(f"{value:.3f}" for value in values.values()) + "\r\n"

    stamp, read = parse_row(line, columns)
    face = face_of(read, columns)

    assert Stamp(12 * 3600 + 34 * 60 + 56, 7.0, 60.0) == stamp
    assert {"eyeBlinkLeft": 0.5, "jawOpen": 0.25, "tongueOut": 1.0, "jawLeft": 0.125, "mouthRight": 0.375} == {
        name: weight for name, weight in zip(arkit.NAMES, face.weights.tolist(), strict=True) if weight
    }
    assert face.head is not None
    assert [-0.1, 0.2, -0.3] == [
        pytest.approx(math.radians(angle), abs=1e-7) for angle in space.to_euler_deg(face.head.quat_xyzw)
    ]


def test_left_and_right_are_read_by_name() -> None:
    """The app's table has JawRight and MouthRight first, the enum the left ones."""
    by_hand = dict.fromkeys(HEADER.strip().split(","), "0") | {"Timecode": "0:0:0:0", "JawLeft": "0.5", "MouthRight": "0.25"}
    columns = parse_header(HEADER)

    _, values = parse_row(",".join(by_hand.values()), columns)

    assert (15, 22) == (arkit.INDEX["jawLeft"], arkit.INDEX["mouthRight"])
    assert {15: 0.5, 22: 0.25} == {i: value for i, value in enumerate(values.tolist()) if value}


@pytest.mark.parametrize("text", ["0.5", "5e-1", ".5", "+0.50000000000000", '"0.5"', " 0.5 "])
def test_any_number_format(text: str) -> None:
    """How the app formats numbers is not known."""
    columns = parse_header("\ufeffJawOpen,Timecode\n")

    stamp, values = parse_row(f"{text},1:02:03:04\n", columns)

    assert 0.5 == values[arkit.INDEX["jawOpen"]]
    assert Stamp(3723, 4.0, None) == stamp


def test_what_is_not_there_is_0() -> None:
    """Columns that are missing, empty cells; without the three angles there is no head."""
    columns = parse_header("Timecode,JawOpen,Mood,HeadYaw\n")
    stamp, values = parse_row("0:0:1:2,,9,0.5\n", columns)

    assert Stamp(1, 2.0, None) == stamp
    assert 0.0 == values[:52].max()
    assert face_of(values, columns).head is None


def test_coefficients_end_at_0_and_1() -> None:
    """As every source's do."""
    columns = parse_header("Timecode,JawOpen,MouthClose\n")

    values = parse_row("0:0:0:0,1.5,-0.5", columns)[1]

    assert (1.0, 0.0) == (values[arkit.INDEX["jawOpen"]], values[arkit.INDEX["mouthClose"]])


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("", "Timecode"),
        ("a,b,c\n", "Timecode"),
        ("Timecode,FrameRate,HeadYaw\n", "JawOpen"),
        ("Timecode,JawOpen,jaw_open\n", "twice"),
        ("Timecode," + "JawOpen" * 20000, "characters"),
        ("Timecode," + "a," * 2000, "columns"),
    ],
)
def test_bad_headers(header: str, sentence: str) -> None:
    """Each says what is missing or too much."""
    with pytest.raises(BadTable, match=sentence):
        parse_header(header)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("00:00:00:00,0.5", "2 values, but 3 columns"),
        ("00:00:00:00,0.5,1,1", "4 values"),
        ("00:00:00:00,x,1", "'x', not a number"),
        ("00:00:00:00,nan,1", "finite"),
        ("00:00:00:00,inf,1", "finite"),
        ("00:00:00:00,1,7", "radians"),
        ("00:00:00,1,1", "HH:MM:SS"),
        ("aa:00:00:00,1,1", "HH:MM:SS"),
        ("00:61:00:00,1,1", "no time"),
        ("00:00:00:nan,1,1", "finite"),
        ("00:00:00:-1,1,1", "no time"),
        ("00:00:00:" + "9" * 400 + ",1,1", "no"),
    ],
)
def test_bad_rows(line: str, sentence: str) -> None:
    """Each says which value."""
    columns = parse_header("Timecode,JawOpen,HeadYaw")

    with pytest.raises(BadTable, match=sentence):
        parse_row(line, columns)


def test_a_frame_rate_that_is_none() -> None:
    """It would put everything at infinity."""
    columns = parse_header("Timecode,FrameRate,JawOpen")

    with pytest.raises(BadTable, match="FrameRate is 0"):
        parse_row("00:00:00:00,0,1", columns)


# --- times ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (range(60), 60.0),
        (range(0, 60, 2), 60.0),
        (range(30), 30.0),
        (range(24), 24.0),
        (range(0, 60, 12), 60.0),
        ([0, 21], 60.0),
        (range(120), 120.0),
        ([0, 119], 120.0),
        ([0, 300], 301.0),
    ],
)
def test_the_rate_is_guessed_from_frame_numbers(frames: range | list[int], expected: float) -> None:
    """60 unless a full second counts to less; never less than what stands there."""
    assert expected == guessed_fps(_stamps(*[(0, frame) for frame in frames], (1, 0)))


def test_a_take_of_less_than_a_second_has_the_apps_rate() -> None:
    """Its numbers end where it ends: they say nothing."""
    assert 60.0 == guessed_fps(_stamps(*[(0, frame) for frame in range(25)]))


def test_rows_that_say_their_rate_are_believed() -> None:
    """Unreal's dialect: frame 15 of 30 is half a second."""
    assert [0.0, 0.5, 1.0] == times_s(_stamps((5, 0.0), (5, 15.0), (6, 0.0), fps=30.0))


def test_time_goes_over_midnight() -> None:
    """23:59:59 is followed by 00:00:00, and a late row from before is no second midnight."""
    assert [0.0, 1.0, 1.0, 2.0] == times_s(_stamps((86399, 0), (0, 0), (86399, 59), (1, 0)))


def test_small_steps_back_stand_still() -> None:
    """Rows that came out of order within a second."""
    assert [0.0, 0.5, 0.5, 1.0] == times_s(_stamps((5, 0), (5, 30), (5, 15), (6, 0)))


def test_large_steps_back_are_refused() -> None:
    """Two takes in one file."""
    with pytest.raises(BadTable, match="goes back in row 2"):
        times_s(_stamps((50, 0), (5, 0)))


def test_no_rows_have_no_times() -> None:
    """A table of which only the header was written."""
    assert [] == times_s([])


def test_values_are_float32_in_arkit_order() -> None:
    """61 of them."""
    values = parse_row("0:0:0:0,0.1", parse_header("Timecode,BrowInnerUp"))[1]

    assert (61,) == values.shape
    assert np.float32 == values.dtype
    assert np.float32(0.1) == values[arkit.INDEX["browInnerUp"]]
