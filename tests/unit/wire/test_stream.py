"""The stream's messages: exact shapes, both directions, the query."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import arkit
from bridge.errors import ConfigError
from bridge.types import FaceState, Gaze, Presence, frozen_array
from bridge.wire import stream
from bridge.wire.stream import StreamFormat, StreamOptions

MakeState = Callable[..., FaceState]
DOCUMENT = Path(__file__).parents[3] / "docs" / "stream.md"
LANDMARKS = frozen_array(np.linspace(0.0, 1.0, 478 * 3, dtype=np.float32).reshape(478, 3))


def test_hello_names_the_channels_and_how_far_they_are_delivered() -> None:
    """The first message has the version, the 52 names in order, and one support word for each."""
    hello = json.loads(stream.encode_hello(StreamOptions(format=StreamFormat.BINARY, subject=None)))

    assert hello["type"] == "hello"
    assert hello["v"] == 1
    assert hello["names"] == list(arkit.NAMES)
    assert hello["support"] == [support.value for support in arkit.SUPPORT]
    assert (hello["format"], hello["subject"], hello["mirror"]) == ("binary", "all", False)


def test_frame_has_exactly_the_documented_shape(make_state: MakeState) -> None:
    """A receiver that was written from the documentation finds every key, and no other."""
    state = make_state(
        weights={"jawOpen": 0.5, "eyeBlinkLeft": 1.0}, yaw=20, pitch=10, roll=-5, position_m=(0.05, -0.02, -0.45),
        subject=1, seq=7, t=12.25, gaze=Gaze(left_deg=(3.0, -1.5), right_deg=(2.0, -1.25)), box=(10.0, 20.0, 200.5, 220.0),
    )  # fmt: skip
    weights = [0.0] * 52
    weights[17], weights[0] = 0.5, 1.0

    frame = json.loads(stream.encode_json(state, latency_ms=14.26))

    assert frame == {
        "type": "frame",
        "subject": 1,
        "seq": 7,
        "t": 12.25,
        "presence": "LIVE",
        "weights": weights,
        "head": {
            "position_m": [0.05, -0.02, -0.45],
            "quat_xyzw": [0.078204, 0.176567, -0.057913, 0.979466],  # the fact sheet's golden example
            "yaw_deg": 20.0,
            "pitch_deg": 10.0,
            "roll_deg": -5.0,
        },
        "gaze": {"left_deg": [3.0, -1.5], "right_deg": [2.0, -1.25]},
        "box": [10.0, 20.0, 200.5, 220.0],
        "latency_ms": 14.26,
    }


def test_absent_head_box_and_mesh_are_null(make_state: MakeState) -> None:
    """What is not known is null, never zeros."""
    frame = json.loads(stream.encode_json(make_state(presence=Presence.HELD, head=None), latency_ms=0.0, landmarks=True))

    assert (frame["head"], frame["box"], frame["landmarks"], frame["presence"]) == (None, None, None, "HELD")


def test_landmarks_come_only_when_asked_for(make_state: MakeState) -> None:
    """The mesh is 478 times x, y, z in one flat list."""
    state = make_state(landmarks=LANDMARKS)

    assert "landmarks" not in json.loads(stream.encode_json(state, latency_ms=0.0))
    flat = json.loads(stream.encode_json(state, latency_ms=0.0, landmarks=True))["landmarks"]
    np.testing.assert_allclose(flat, LANDMARKS.ravel(), atol=6e-6)


def test_binary_frame_has_the_documented_bytes(make_state: MakeState) -> None:
    """Offsets as docs/stream.md lists them, read here by hand."""
    state = make_state(
        weights={"jawOpen": 0.5}, yaw=20, position_m=(0.5, 0.25, -0.5), subject=3, seq=2**32 + 5, t=1.5, presence=Presence.LOST,
        gaze=Gaze(left_deg=(1.0, 2.0), right_deg=(3.0, 4.0)), box=(1.0, 2.0, 3.0, 4.0), landmarks=LANDMARKS,
    )  # fmt: skip

    data = stream.encode_binary(state, latency_ms=8.5, landmarks=True)

    assert len(data) == 304 + 5736
    # "ABF1", presence LOST = 2, flags head 1 + box 2 + landmarks 4, subject 3, padding, seq 5, latency 8.5, t 1.5
    expected = b"ABF1" + bytes([2, 7, 3, 0]) + b"\x05\0\0\0" + b"\0\0\x08\x41" + b"\0\0\0\0\0\0\xf8\x3f"
    assert data[:24] == expected
    assert struct.unpack_from("<f", data, 24 + 4 * 17) == (0.5,)  # jawOpen is channel 17
    assert struct.unpack_from("<3f", data, 232) == (0.5, 0.25, -0.5)
    assert struct.unpack_from("<f", data, 260)[0] == pytest.approx(20.0, abs=1e-5)
    assert struct.unpack_from("<4f", data, 272) == (1.0, 2.0, 3.0, 4.0)
    assert struct.unpack_from("<4f", data, 288) == (1.0, 2.0, 3.0, 4.0)
    assert struct.unpack_from("<3f", data, 304 + 12 * 477) == tuple(LANDMARKS[477])


@pytest.mark.parametrize("landmarks", [False, True])
@pytest.mark.parametrize("box", [None, (1.0, 2.0, 3.0, 4.0)])
@pytest.mark.parametrize("headless", [False, True])
def test_both_formats_decode_to_what_was_encoded(
    make_state: MakeState, landmarks: bool, box: tuple[float, float, float, float] | None, headless: bool
) -> None:
    """JSON to its decimals, binary to float32."""
    mesh = LANDMARKS if landmarks else None
    extra = {"head": None} if headless else {}
    state = make_state(seed=5, seq=9, t=100.125, presence=Presence.HELD, box=box, landmarks=mesh, **extra)

    from_json = stream.decode_json(stream.encode_json(state, latency_ms=3.5, landmarks=landmarks))
    from_binary = stream.decode_binary(stream.encode_binary(state, latency_ms=3.5, landmarks=landmarks))

    for frame, atol in ((from_json, 6e-5), (from_binary, 1e-6)):
        assert (frame.subject, frame.seq, frame.t, frame.presence) == (0, 9, 100.125, Presence.HELD)
        np.testing.assert_allclose(frame.weights, state.weights, atol=atol)
        assert (frame.head is None) == headless
        if frame.head is not None and state.head is not None:
            np.testing.assert_allclose(frame.head.quat_xyzw, state.head.quat_xyzw, atol=1e-6)
            np.testing.assert_allclose(frame.head.position_m, state.head.position_m, atol=6e-6)
        assert (frame.box, frame.latency_ms, frame.gaze) == (box, 3.5, state.gaze)
        assert (frame.landmarks is None) == (mesh is None)


@given(weights=st.lists(st.floats(0.0, 1.0, width=32), min_size=52, max_size=52), t=st.floats(0.0, 1e7))
def test_every_finite_state_is_valid_json(weights: list[float], t: float) -> None:
    """Whatever the stages may hand over, browsers can read, and to 1e-4."""
    state = FaceState(
        subject=0, seq=0, t=t, t_done=t, presence=Presence.LIVE, weights=frozen_array(np.array(weights, np.float32)), head=None
    )  # fmt: skip

    frame = stream.decode_json(stream.encode_json(state, latency_ms=0.0))

    np.testing.assert_allclose(frame.weights, weights, atol=6e-5)


@pytest.mark.parametrize("text", ['{"type":"hello"}', "{}", '{"type":"frame"}', '{"type":"frame","weights":[1]}', "[]", "3", "x"])
def test_decode_json_refuses_what_is_no_frame(text: str) -> None:
    """One kind of error for all of it."""
    with pytest.raises(ValueError, match=r".+"):
        stream.decode_json(text)


def test_decode_json_refuses_a_frame_with_a_wrong_number_of_weights(make_state: MakeState) -> None:
    """51 weights are no face."""
    frame = json.loads(stream.encode_json(make_state(), latency_ms=0.0))
    frame["weights"].pop()

    with pytest.raises(ValueError, match="52 numbers expected"):
        stream.decode_json(json.dumps(frame))


def test_decode_binary_refuses_what_is_no_frame(make_state: MakeState) -> None:
    """Wrong length, wrong magic, unknown presence, flags that contradict the length."""
    data = stream.encode_binary(make_state(), latency_ms=0.0)
    for broken in (b"", data[:-1], b"XXXX" + data[4:], data[:4] + b"\x07" + data[5:], data[:5] + b"\x05" + data[6:]):
        with pytest.raises(ValueError, match="not a frame"):
            stream.decode_binary(broken)


def test_options_come_from_the_query() -> None:
    """Every option, and the defaults."""
    assert stream.parse_options("") == StreamOptions()
    assert stream.parse_options("format=binary&landmarks=1&mirror=yes&fps=29.97&subject=all&token=x") == StreamOptions(
        format=StreamFormat.BINARY, landmarks=True, mirror=True, fps=29.97, subject=None
    )
    assert stream.parse_options("subject=3", subject="all").subject == 3
    assert stream.parse_options("", subject="all").subject is None


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("format=xml", "format"), ("landmarks=2", "landmarks"), ("mirror=", "mirror"), ("fps=fast", "fps"), ("fps=-1", "fps"),
        ("fps=nan", "fps"), ("fps=241", "fps"), ("subject=-1", "subject"), ("subject=16", "subject"), ("subject=²", "subject"),
        ("landmark=1", "landmark"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused_by_name(query: str, named: str) -> None:
    """The sentence names the option."""
    with pytest.raises(ConfigError, match=named):
        stream.parse_options(query)


def test_documented_offsets_are_those_of_the_encoder() -> None:
    """docs/stream.md, row by row: where one field ends the next begins, and the last ends with the message."""
    sizes = {"bytes": 1, "uint8": 1, "uint32": 4, "float32": 4, "float64": 8}
    rows = re.findall(r"^\| (\d+) \| (?:(\d+) )?(\w+)(?: x (\d+))? \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)

    end = 0
    ends = []
    for offset, before, kind, after in rows:
        assert int(offset) == end
        end += sizes[kind] * int(before or after or 1)
        ends.append(end)

    assert ends[-2:] == [stream.FRAME_BYTES, stream.FRAME_BYTES_WITH_LANDMARKS]
