"""Recordings: whatever finite goes in comes out bit by bit; whatever bytes come in, only our errors come out."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from bridge.errors import SourceUnavailable
from bridge.recording import RecordingReader
from bridge.space import canonical
from bridge.types import Face, FaceState, Gaze, HeadPose, Presence, TrackResult, frozen_array
from bridge.wire.recording import BadLine, header_line, parse_header, parse_line, result_line, state_line

RAW = parse_header(header_line("raw").encode())
FINAL = parse_header(header_line("final").encode())

finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.floats(min_value=-1e6, max_value=1e6)
boxes = st.none() | st.tuples(numbers, numbers, numbers, numbers)
weights = npst.arrays(np.float32, 52, elements=st.floats(allow_nan=False, allow_infinity=False, width=32)).map(frozen_array)
unit_weights = npst.arrays(np.float32, 52, elements=st.floats(0, 1, width=32)).map(frozen_array)


@st.composite
def heads(draw: st.DrawFn) -> HeadPose:
    """Any unit quaternion, any position."""
    quat = draw(npst.arrays(np.float64, 4, elements=st.floats(-1, 1)).filter(lambda q: float(q @ q) > 1e-3))
    position = draw(npst.arrays(np.float64, 3, elements=numbers))
    return HeadPose(position_m=frozen_array(position), quat_xyzw=frozen_array(canonical(quat)))


@st.composite
def faces(draw: st.DrawFn) -> Face:
    """Faces with everything that a recording keeps."""
    return Face(weights=draw(unit_weights), head=draw(st.none() | heads()), box=draw(boxes))


def same_face(a: Face | FaceState, b: Face | FaceState) -> bool:
    """Bit by bit, signs of zeros included."""
    if (a.head is None) != (b.head is None) or a.weights.tobytes() != b.weights.tobytes() or repr(a.box) != repr(b.box):
        return False
    if a.head is None or b.head is None:
        return True
    return a.head.position_m.tobytes() == b.head.position_m.tobytes() and a.head.quat_xyzw.tobytes() == b.head.quat_xyzw.tobytes()


@given(seq=st.integers(0, 2**53), t=finite, delay_s=st.floats(0, 10), found=st.lists(faces(), max_size=3))
def test_raw_results_come_back_bit_by_bit(seq: int, t: float, delay_s: float, found: list[Face]) -> None:
    """Any finite result."""
    result = TrackResult(seq=seq, t=t, t_done=t + delay_s, faces=tuple(found))

    back = parse_line(result_line(result, stage="raw").encode(), RAW, last_t=-np.inf).result()

    assert (result.seq, result.t, result.t_done, len(result.faces)) == (back.seq, back.t, back.t_done, len(back.faces))
    assert all(same_face(wanted, got) for wanted, got in zip(result.faces, back.faces, strict=True))


@given(values=weights)
def test_every_float32_comes_back(values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    """Not only those from 0 to 1: also subnormal and huge ones."""
    state = FaceState(subject=0, seq=0, t=0.0, t_done=0.0, presence=Presence.LIVE, weights=values, head=None)

    back = parse_line(state_line(state).encode(), FINAL, last_t=-np.inf).faces[0]

    assert values.tobytes() == back.weights.tobytes()


@given(
    face=faces(),
    subject=st.integers(0, 15),
    presence=st.sampled_from(Presence),
    gaze=st.tuples(numbers, numbers, numbers, numbers),
)
def test_final_states_come_back_bit_by_bit(
    face: Face, subject: int, presence: Presence, gaze: tuple[float, float, float, float]
) -> None:
    """Any finite state."""
    looks = Gaze(left_deg=gaze[:2], right_deg=gaze[2:])
    state = FaceState(
        subject=subject,
        seq=1,
        t=2.0,
        t_done=3.0,
        presence=presence,
        weights=face.weights,
        head=face.head,
        gaze=looks,
        box=face.box,
    )

    (back,) = parse_line(state_line(state).encode(), FINAL, last_t=-np.inf).faces

    assert same_face(state, back)
    assert (subject, presence, looks) == (back.subject, back.presence, back.gaze)


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_a_line_or_a_bad_line(raw: bytes) -> None:
    """No other exception."""
    with contextlib.suppress(BadLine):
        parse_header(raw)
    with contextlib.suppress(BadLine):
        parse_line(raw, RAW, last_t=0.0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
    max_leaves=8,
)


@given(
    key=st.sampled_from(["seq", "t", "t_done", "faces", "subject", "weights", "head", "box", "presence", "gaze"]),
    value=json_values,
)
def test_any_value_in_any_place_is_read_or_a_bad_line(key: str, value: object) -> None:
    """A line that is right but for one value, of any type."""
    face: dict[str, object] = {"subject": 0, "weights": [0] * 52, "head": None, "box": None}
    line: dict[str, object] = {"seq": 0, "t": 0, "t_done": 0, "faces": [face]}
    (line if key in line else face)[key] = value

    with contextlib.suppress(BadLine):
        parse_line(json.dumps(line).encode(), FINAL, last_t=-np.inf)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(faces(), min_size=1, max_size=3), cut=st.integers(1, 400))
def test_a_recording_cut_anywhere_gives_its_whole_lines(tmp_path: Path, found: list[Face], cut: int) -> None:
    """A crash at any byte behind the header costs at most the line that was being written."""
    lines = [
        result_line(TrackResult(seq=i, t=float(i), t_done=float(i), faces=(face,)), stage="raw") for i, face in enumerate(found)
    ]
    body = "".join(lines).encode()
    kept = body[: max(0, len(body) - cut)]
    path = tmp_path / "take.jsonl"
    path.write_bytes(header_line("raw").encode() + kept)

    with RecordingReader(path) as reader:
        seqs = [result.seq for result in reader.results()]

    whole = kept.count(b"\n")
    assert list(range(len(seqs))) == seqs
    assert len(seqs) in (whole, whole + 1)  # a line that lacks only its line break is whole


def test_a_header_alone_is_needed(tmp_path: Path) -> None:
    """Cut inside the header, it is no recording."""
    path = tmp_path / "take.jsonl"
    path.write_bytes(header_line("raw").encode()[:50])

    with pytest.raises(SourceUnavailable):
        RecordingReader(path)
