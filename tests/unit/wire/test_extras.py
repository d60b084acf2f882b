"""Named values of mapping rules on the wire: VMC, OSC, the JSON stream, recordings; read by other people's decoders."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pythonosc.osc_packet import OscPacket

from bridge import arkit
from bridge.errors import OutputUnavailable
from bridge.types import FaceState, Presence
from bridge.wire import stream
from bridge.wire.osc_face import FaceOscEncoder, check_address, osc_name
from bridge.wire.recording import BadLine, header_line, is_finite, parse_header, parse_line, state_line
from bridge.wire.vmc import VmcEncoder

MakeState = Callable[..., FaceState]
EXTRAS = (("MouthOpen", 0.25), ("まばたき", -2.5), ("A b", 1000.0))


def _messages(datagrams: Sequence[bytes | memoryview]) -> list[tuple[str, list[Any]]]:
    return [
        (timed.message.address, list(timed.message.params)) for data in datagrams for timed in OscPacket(bytes(data)).messages
    ]


def _values(messages: list[tuple[str, list[Any]]]) -> dict[str, float]:
    pairs = [tuple(params) for address, params in messages if address == "/VMC/Ext/Blend/Val"]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


# --- VMC -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bundled", [True, False])
@pytest.mark.parametrize("target", ["performer", "assistant"])
def test_vmc_sends_named_values_as_expressions_before_apply(make_state: MakeState, target: Any, *, bundled: bool) -> None:
    """After the 52, in their order, any Unicode name."""
    state = replace(make_state(seed=1), extras=EXTRAS)
    messages = _messages(VmcEncoder(target=target, bundled=bundled).encode(state))
    addresses = [address for address, _ in messages]
    values = _values(messages)

    assert [*arkit.PASCAL, *dict(EXTRAS)] == list(values)
    assert dict(EXTRAS) == {name: values[name] for name, _ in EXTRAS}
    assert 1 == addresses.count("/VMC/Ext/Blend/Apply")
    assert "/VMC/Ext/Blend/Val" not in addresses[addresses.index("/VMC/Ext/Blend/Apply") :]


def test_vmc_follows_names_that_come_and_go(make_state: MakeState) -> None:
    """As when a rules file changes; presence and head stay right through the change."""
    encoder, plain = VmcEncoder(ok_fields=4), VmcEncoder(ok_fields=4)
    for step, extras in enumerate([(), (("X", 1.0),), (("X", 2.0),), (("Y", 3.0), ("X", 4.0)), ()]):
        state = replace(make_state(seed=step, t=step, presence=Presence.LIVE), extras=extras)
        messages = _messages(encoder.encode(state))
        expected = _messages(plain.encode(replace(state, extras=())))

        assert extras == tuple((name, value) for name, value in _values(messages).items() if name in ("X", "Y"))
        assert expected == [m for m in messages if m[1][:1] not in (["X"], ["Y"])]


def test_a_named_value_takes_the_place_of_an_expression_of_its_name(make_state: MakeState) -> None:
    """An own formula for A instead of the built-in one; twice would be a matter of luck."""
    values = _values(_messages(VmcEncoder(names="vrm0").encode(replace(make_state(seed=2), extras=(("A", 0.125),)))))

    assert 0.125 == values["A"]
    assert "I" in values


@pytest.mark.parametrize("make", [VmcEncoder, FaceOscEncoder])
def test_a_name_that_fits_no_datagram_is_one_sentence(make: Callable[..., Any], make_state: MakeState) -> None:
    """And the output works again when the name is gone."""
    encoder = make(max_bytes=256)
    with pytest.raises(OutputUnavailable, match="set max_bytes higher, or give the value a shorter name"):
        encoder.encode(replace(make_state(), extras=(("ま" * 90, 1.0),)))

    assert encoder.encode(replace(make_state(), extras=(("X", 1.0),)))


# --- OSC -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_change", [False, True])
def test_osc_sends_named_values_by_the_same_template(make_state: MakeState, *, on_change: bool) -> None:
    """Prefix included; what an address cannot hold becomes _."""
    encoder = FaceOscEncoder(address="/face/{name}/value", prefix="/me", on_change=on_change)
    sent = dict(_messages(encoder.encode(replace(make_state(seed=1), extras=EXTRAS))))
    expected = {"/me/face/MouthOpen/value": 0.25, "/me/face/まばたき/value": -2.5, "/me/face/A_b/value": 1000.0}

    assert {address: [value] for address, value in expected.items()} == {address: sent[address] for address in expected}
    assert 52 + 3 + 6 == len(sent)


def test_osc_sends_only_changed_named_values_when_asked(make_state: MakeState) -> None:
    """As of all others; another set of names is sent whole."""
    encoder = FaceOscEncoder(on_change=True)
    first, again, moved, renamed = (
        len(_messages(encoder.encode(replace(make_state(t=0.1 * i), extras=extras))))
        for i, extras in enumerate([(("X", 0.0), ("Y", 0.0)), (("X", 0.0), ("Y", 0.0)), (("X", 0.5), ("Y", 0.0)), (("Z", 0.5),)])
    )

    assert (60, 0, 1, 59) == (first, again, moved, renamed)


def test_other_programs_layouts_have_no_place_for_named_values(make_state: MakeState) -> None:
    """Face Cap's and phiz's receivers know their own addresses only."""
    for preset in ("facecap", "phiz"):
        with_extras = FaceOscEncoder(preset=preset).encode(replace(make_state(seed=1), extras=EXTRAS))

        assert _messages(FaceOscEncoder(preset=preset).encode(make_state(seed=1))) == _messages(with_extras)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a b#c*d,e?f[g]h{i}j", "a_b_c_d_e_f_g_h_i_j"), ("/a//b/", "a/b"), ("//", "_"), ("Mund", "Mund"), ("ü", "ü")],
)
def test_any_name_becomes_part_of_an_address(name: str, expected: str) -> None:
    """One that the check lets pass."""
    assert expected == osc_name(name)
    check_address("/" + osc_name(name))


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_the_stream_has_extras_only_where_there_are_some(make_state: MakeState) -> None:
    """Valid JSON, and back; the binary format does not change."""
    plain = make_state(seed=1)
    state = replace(plain, extras=EXTRAS)
    text = stream.encode_json(state, latency_ms=1.0)

    assert dict(EXTRAS) == json.loads(text)["extras"]
    assert EXTRAS == stream.decode_json(text).extras
    assert "extras" not in json.loads(stream.encode_json(plain, latency_ms=1.0))
    assert stream.encode_binary(plain, latency_ms=1.0) == stream.encode_binary(state, latency_ms=1.0)


def test_a_recording_keeps_named_values(make_state: MakeState) -> None:
    """Of the final stage, bit by bit; a state without them is the line it always was."""
    header = parse_header(header_line("final").encode())
    state = replace(make_state(seed=1), extras=(*EXTRAS, ("third", 1 / 3)))
    (back,) = parse_line(state_line(state).encode(), header, last_t=0.0).faces
    (plain,) = parse_line(state_line(replace(state, extras=())).encode(), header, last_t=0.0).faces

    assert state.extras == back.extras
    assert () == plain.extras
    assert not is_finite(replace(state, extras=(("X", float("nan")),)))


@pytest.mark.parametrize(
    ("extras", "says"), [("[]", "not a JSON object"), ('{"X":"1"}', "not a finite number"), ("5", "not a JSON object")]
)
def test_extras_that_are_none_are_a_bad_line(make_state: MakeState, extras: str, says: str) -> None:
    """As any other field."""
    header = parse_header(header_line("final").encode())
    line = state_line(replace(make_state(), extras=(("X", 1.0),))).replace('{"X":1.0}', extras)
    with pytest.raises(BadLine, match=f"extras is .*{says}|extras is {says}"):
        parse_line(line.encode(), header, last_t=0.0)
