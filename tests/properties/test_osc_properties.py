"""What holds for every OSC packet and for every byte string; and byte equality with python-osc's builders."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge import arkit, space
from bridge.types import FaceState, Float64Array, Gaze
from bridge.wire.osc import Argument, Bundle, Message, OscError, Packet, decode, encode, messages
from bridge.wire.osc_face import FaceOscEncoder
from bridge.wire.vmc import VmcEncoder, split_rotation

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
_VALUES: dict[str, st.SearchStrategy[Argument]] = {
    "i": st.integers(-(2**31), 2**31 - 1),
    "f": st.floats(width=32, allow_nan=False),
    "s": _TEXT,
    "b": st.binary(max_size=12),
    "h": st.integers(-(2**63), 2**63 - 1),
    "d": st.floats(allow_nan=False),
    "t": st.integers(0, 2**64 - 1),
    "T": st.just(True),
    "F": st.just(False),
    "N": st.just(None),
    "I": st.just(math.inf),
}


@st.composite
def _messages(draw: st.DrawFn) -> Message:
    tags = draw(st.text(st.sampled_from("".join(_VALUES)), max_size=8))
    return Message("/" + draw(_TEXT), tags, tuple(draw(_VALUES[tag]) for tag in tags))


_PACKETS: st.SearchStrategy[Packet] = st.recursive(
    _messages(), lambda inner: st.builds(Bundle, st.lists(inner, max_size=4).map(tuple), st.integers(0, 2**64 - 1)), max_leaves=8
)


@given(_PACKETS)
def test_what_is_encoded_decodes_to_itself(packet: Packet) -> None:
    """For every tag, any nesting: nothing is lost, and the length is a multiple of 4."""
    data = encode(packet)

    assert packet == decode(data)
    assert len(data) % 4 == 0


def _decoded(data: bytes) -> None:
    try:
        messages(data)
    except OscError:
        pass
    else:
        assert len(data) % 4 == 0


@settings(max_examples=1000, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_osc_error(data: bytes) -> None:
    """Whatever arrives on a socket is either OSC or an OscError."""
    _decoded(data)


@settings(max_examples=300, deadline=None)
@given(_PACKETS, st.data())
def test_no_damaged_packet_raises_anything_but_osc_error(packet: Packet, data: st.DataObject) -> None:
    """A packet with one byte changed, and one cut off anywhere: what bytes by chance would never reach."""
    encoded = bytearray(encode(packet))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))

    _decoded(bytes(encoded))
    _decoded(bytes(encoded[: data.draw(st.integers(0, len(encoded)))]))


# --- byte equality with python-osc -----------------------------------------------------------------------------------

_Spec = tuple[str, list[tuple[str, str | int | float]]]


def _theirs(spec: _Spec) -> OscMessageBuilder:
    builder = OscMessageBuilder(address=spec[0])
    for tag, value in spec[1]:
        builder.add_arg(value, tag)
    return builder


def _their_bundle(specs: list[_Spec]) -> bytes:
    builder = OscBundleBuilder(IMMEDIATELY)
    for spec in specs:
        builder.add_content(_theirs(spec).build())
    dgram: bytes = builder.build().dgram
    return dgram


def _bone(name: str, quat: Float64Array) -> _Spec:
    return "/VMC/Ext/Bone/Pos", [("s", name), *[("f", value) for value in (0.0, 0.0, 0.0, *quat.tolist())]]


def _vmc_specs(state: FaceState) -> tuple[list[_Spec], list[_Spec]]:
    """The frame as the sheet describes it: bones; then expressions, Apply, OK, T."""
    assert state.head is not None
    identity = np.array([0.0, 0.0, 0.0, 1.0])
    neck, head = (np.array(part) for part in split_rotation(state.head.quat_xyzw.tolist(), (0.5, 0.5)))
    eyes = [space.from_euler_deg(yaw=yaw, pitch=pitch, roll=0.0) for yaw, pitch in (state.gaze.left_deg, state.gaze.right_deg)]
    root: _Spec = ("/VMC/Ext/Root/Pos", [("s", "root"), *[("f", value) for value in (0.0, 0.0, 0.0, *identity.tolist())]])
    bones = [root, *[_bone(name, identity) for name in ("Hips", "Spine", "Chest", "UpperChest")]]
    for name, quat in zip(("Neck", "Head", "LeftEye", "RightEye"), (neck, head, *eyes), strict=True):
        bones.append(_bone(name, space.to_unity(quat)))
    values: list[_Spec] = [
        ("/VMC/Ext/Blend/Val", [("s", name), ("f", float(weight))])
        for name, weight in zip(arkit.PASCAL, state.weights, strict=True)
    ]
    end: list[_Spec] = [("/VMC/Ext/Blend/Apply", []), ("/VMC/Ext/OK", [("i", 1)]), ("/VMC/Ext/T", [("f", state.t)])]
    return bones, [*values, *end]


def _with_gaze(state: FaceState, seed: int) -> FaceState:
    random = np.random.default_rng(seed)
    left, right = (tuple(float(angle) for angle in random.uniform(-30, 30, 2)) for _ in range(2))
    gaze = Gaze(left_deg=(left[0], left[1]), right_deg=(right[0], right[1]))
    return replace(state, seq=seed, t=seed / 64, gaze=gaze)


@pytest.mark.parametrize("bundled", [True, False])
def test_vmc_frames_equal_those_of_python_osc(make_state: Callable[..., FaceState], bundled: bool) -> None:
    """1,000 random states: the patched template is byte for byte what python-osc's builders make of the same values."""
    encoder = VmcEncoder(bundled=bundled, max_bytes=65507)
    for seed in range(1000 if bundled else 50):
        state = _with_gaze(make_state(seed=seed), seed)
        bones, rest = _vmc_specs(state)
        expected = (
            [_their_bundle(bones), _their_bundle(rest)] if bundled else [_theirs(spec).build().dgram for spec in [*bones, *rest]]
        )

        assert expected == [bytes(datagram) for datagram in encoder.encode(state)]


def test_osc_frames_equal_those_of_python_osc(make_state: Callable[..., FaceState]) -> None:
    """The same for plain OSC: 1,000 random states."""
    encoder = FaceOscEncoder(max_bytes=65507)
    for seed in range(1000):
        state = _with_gaze(make_state(seed=seed), seed)
        assert state.head is not None
        quat, position = state.head.quat_xyzw, state.head.position_m
        specs: list[_Spec] = [
            ("/" + name, [("f", float(weight))]) for name, weight in zip(arkit.NAMES, state.weights, strict=True)
        ]
        floats: list[tuple[str, tuple[float, ...]]] = [
            ("/head/rotation", tuple(quat.tolist())),
            ("/head/euler", space.to_euler_deg(quat)),
            ("/head/position", tuple(position.tolist())),
            ("/gaze/left", state.gaze.left_deg),
            ("/gaze/right", state.gaze.right_deg),
        ]
        specs += [(address, [("f", value) for value in values]) for address, values in floats]
        specs.append(("/presence", [("i", 1)]))

        assert [_their_bundle(specs)] == [bytes(datagram) for datagram in encoder.encode(state)]
