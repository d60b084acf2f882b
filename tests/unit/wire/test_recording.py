"""The text of recordings: literal lines both ways, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bridge import arkit
from bridge.types import Face, FaceState, Gaze, HeadPose, Presence, TrackResult, frozen_array
from bridge.wire.recording import (
    BadLine,
    RecordingHeader,
    header_line,
    is_finite,
    parse_header,
    parse_line,
    result_line,
    state_line,
)

RAW = parse_header(header_line("raw").encode())
FINAL = parse_header(header_line("final").encode())

HEAD = HeadPose(position_m=frozen_array(np.array([0.01, -0.5, -0.55])), quat_xyzw=frozen_array(np.array([0.0, 0.6, 0.0, 0.8])))


def weights(**values: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    array = np.zeros(52, dtype=np.float32)
    for name, value in values.items():
        array[arkit.INDEX[name]] = value
    return frozen_array(array)


def face_line(**changes: Any) -> bytes:
    """A line with one face, changed; the value ``...`` removes a key."""
    face: dict[str, Any] = {"subject": 0, "weights": [0.25] * 52, "head": None, "box": None}
    line: dict[str, Any] = {"seq": 3, "t": 1.5, "t_done": 1.51, "faces": [face]}
    for key, value in changes.items():
        place = line if key in line else face
        place[key] = value
        if value is ...:
            del place[key]
    return json.dumps(line).encode() + b"\n"


def header_with(names: list[str]) -> RecordingHeader:
    return parse_header(json.dumps({"format": "avatar-bridge-recording", "version": 1, "stage": "raw", "names": names}).encode())


def test_a_raw_result_is_this_line() -> None:
    """Literal text: shortest digits of float32 for weights, of float64 for the rest; 0 and 1 without a point."""
    face = Face(weights=weights(eyeBlinkLeft=0.1, eyeLookDownLeft=1.0), head=HEAD, box=(10.0, 20.5, 110.0, 130.0))
    result = TrackResult(seq=7, t=12.25, t_done=12.26, faces=(face,))

    line = result_line(result, stage="raw")

    assert (
        '{"seq":7,"t":12.25,"t_done":12.26,"faces":[{"subject":0,"weights":[0.1,1,' + ",".join(["0"] * 50) + "],"
        '"head":{"position_m":[0.01,-0.5,-0.55],"quat_xyzw":[0.0,0.6,0.0,0.8]},"box":[10.0,20.5,110.0,130.0]}]}\n'
    ) == line


def test_no_face_is_an_empty_list() -> None:
    """Absence is not a face of zeros."""
    assert '{"seq":0,"t":0.0,"t_done":0.5,"faces":[]}\n' == result_line(
        TrackResult(seq=0, t=0.0, t_done=0.5, faces=()), stage="raw"
    )


def test_a_final_state_says_presence_and_gaze() -> None:
    """What only the stages know is written beside what the tracker knows."""
    state = FaceState(
        subject=2, seq=4, t=1.0, t_done=1.0, presence=Presence.HELD, weights=weights(), head=None,
        gaze=Gaze(left_deg=(1.5, -2.0), right_deg=(0.0, 0.25)),
    )  # fmt: skip

    face = json.loads(state_line(state))["faces"][0]

    assert {
        "subject": 2, "weights": [0] * 52, "head": None, "box": None, "presence": "HELD",
        "gaze": {"left_deg": [1.5, -2.0], "right_deg": [0.0, 0.25]},
    } == face  # fmt: skip


def test_the_header_names_format_version_stage_and_the_52() -> None:
    """Line 1, and nothing in it that would differ between two recordings of one performance."""
    assert {
        "format": "avatar-bridge-recording",
        "version": 1,
        "stage": "final",
        "names": list(arkit.NAMES),
    } == json.loads(header_line("final"))


def test_two_faces_keep_their_numbers_when_one_is_not_finite() -> None:
    """A face that JSON cannot hold is left out; the other is still subject 1."""
    broken = Face(weights=weights(jawOpen=float("nan")), head=None)
    whole = Face(weights=weights(jawOpen=0.5), head=None)

    line = json.loads(result_line(TrackResult(seq=0, t=0.0, t_done=0.0, faces=(broken, whole)), stage="raw"))

    assert [1] == [face["subject"] for face in line["faces"]]


@pytest.mark.parametrize(
    "face",
    [
        Face(weights=weights(jawOpen=float("inf")), head=None),
        Face(weights=weights(), head=HeadPose(position_m=np.array([0.0, np.nan, 0.0]), quat_xyzw=np.array([0.0, 0.0, 0.0, 1.0]))),
        Face(weights=weights(), head=HeadPose(position_m=np.zeros(3), quat_xyzw=np.array([0.0, 0.0, np.inf, 1.0]))),
        Face(weights=weights(), head=None, box=(0.0, 0.0, float("nan"), 1.0)),
    ],
)
def test_every_number_of_a_face_counts_as_finite_or_not(face: Face) -> None:
    """Weights, position, rotation and box are looked at."""
    assert not is_finite(face)


# --- reading -------------------------------------------------------------------------------------------------------------


def test_names_in_any_order_and_spelling_are_brought_into_arkit_order() -> None:
    """The header rules: a weight belongs to the name at its place."""
    header = parse_header(
        json.dumps(
            {"format": "avatar-bridge-recording", "version": 1, "stage": "raw", "names": ["JawOpen", "eyeBlink_L"]}
        ).encode()
    )

    face = parse_line(face_line(weights=[0.75, 0.5]), header, last_t=0.0).faces[0]

    assert np.array_equal(weights(jawOpen=0.75, eyeBlinkLeft=0.5), face.weights)


def test_unknown_names_are_ignored_and_missing_ones_are_0_with_a_warning() -> None:
    """Both are said; MediaPipe's _neutral and the absence of tongueOut are usual and are not."""
    names = ["_neutral", *arkit.NAMES[1:-1], "cheekDance"]

    header = header_with(names)

    assert (
        'ignored, as they are not ARKit blendshapes: "cheekDance"',
        "taken as 0, as the recording lacks them: eyeBlinkLeft",
    ) == header.warnings


def test_a_line_without_t_done_was_done_at_t() -> None:
    """Recordings by others need not know how long tracking took."""
    line = parse_line(face_line(t_done=...), RAW, last_t=0.0)

    assert (1.5, 1.5) == (line.t, line.t_done)


def test_only_faces_that_were_live_are_faces_of_the_result() -> None:
    """HELD and LOST mean that nobody was seen at that moment."""
    counts = {
        presence: len(parse_line(face_line(presence=presence), FINAL, last_t=0.0).result().faces)
        for presence in ("LIVE", "HELD", "LOST")
    }

    assert {"LIVE": 1, "HELD": 0, "LOST": 0} == counts


def test_a_quaternion_that_somebody_typed_becomes_a_unit_one() -> None:
    """Twice the length and the other sign are the same rotation."""
    face = parse_line(face_line(head={"position_m": [0, 0, -0.5], "quat_xyzw": [0, -1.2, 0, -1.6]}), RAW, last_t=0.0).faces[0]

    assert face.head is not None
    assert [0.0, 0.6, 0.0, 0.8] == pytest.approx(face.head.quat_xyzw.tolist())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not a line of JSON"),
        (b"\xff\xfe\n", "not a line of JSON"),
        (b"[" * 100_000 + b"\n", "not a line of JSON"),
        (b"[1, 2]\n", "not a JSON object"),
        (face_line(seq=...), "seq is missing"),
        (face_line(seq=1.5), "seq is 1.5, not a whole number from 0"),
        (face_line(seq=True), "seq is true, not a whole number from 0"),
        (face_line(t=float("nan")), "NaN is not a number here"),
        (face_line(t="1"), 't is "1", not a finite number'),
        (face_line(t=0.5), "t goes back from 1.0 to 0.5"),
        (face_line(t_done=None), "t_done is null, not a finite number"),
        (b'{"seq":0,"t":1e999,"faces":[]}\n', "t is Infinity, not a finite number"),
        (b'{"seq":0,"t":' + b"9" * 400 + b',"faces":[]}\n', f"t is {'9' * 57}..., not a finite number"),
        (face_line(faces=None), "faces is not a list"),
        (face_line(faces=[1]), "a face is not a JSON object"),
        (face_line(subject=-1), "subject is -1, not a whole number from 0"),
        (face_line(weights=...), "weights is missing"),
        (face_line(weights=[0.0] * 51), "weights has 51 numbers instead of 52"),
        (face_line(weights=[0.0] * 51 + [None]), "weights is null, not a finite number"),
        (face_line(weights=[0.0] * 51 + [1e39]), "weights has a number that no float32 can hold"),
        (face_line(head=[1]), "head is not a JSON object"),
        (face_line(head={"position_m": [0, 0], "quat_xyzw": [0, 0, 0, 1]}), "position_m has 2 numbers instead of 3"),
        (face_line(head={"position_m": [0, 0, 0], "quat_xyzw": [0, 0, 0, 0]}), "quat_xyzw is no rotation"),
        (face_line(box=[1, 2, 3]), "box has 3 numbers instead of 4"),
        (face_line(presence="GONE"), 'presence is "GONE", not LIVE, HELD or LOST'),
        (face_line(gaze=1), "gaze is not a JSON object"),
        (face_line(gaze={"left_deg": [0, 0]}), "right_deg is missing"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_a_bad_line_says_what_is_wrong(line: bytes, reason: str) -> None:
    """One reason each, in words."""
    with pytest.raises(BadLine) as caught:
        parse_line(line, RAW, last_t=1.0)

    assert reason == str(caught.value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "other"}, 'not a recording of avatar-bridge: "format" is "other", not "avatar-bridge-recording"'),
        ({"version": 2}, "version 2 of the format is not known here; this program reads version 1"),
        ({"stage": "cooked"}, '"stage" is "cooked", not "raw" or "final"'),
        ({"names": []}, '"names" is not a list of blendshape names'),
        ({"names": [1, 2]}, '"names" is not a list of blendshape names'),
        ({"names": ["jawOpen", "JawOpen"]}, "jawOpen is among the names twice"),
    ],
)
def test_a_bad_header_says_what_is_wrong(changes: dict[str, Any], reason: str) -> None:
    """One reason each, in words."""
    header = json.loads(header_line("raw")) | changes

    with pytest.raises(BadLine) as caught:
        parse_header(json.dumps(header).encode())

    assert reason == str(caught.value)


def test_a_byte_order_mark_before_the_header_is_passed_over() -> None:
    """Editors on Windows put one there."""
    header = parse_header(b"\xef\xbb\xbf" + header_line("raw").encode())

    assert "raw" == header.stage
