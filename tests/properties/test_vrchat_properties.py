"""What holds for any face, any packet from VRChat, and any file or list of an avatar's parameters."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pythonosc.osc_packet import OscPacket

from bridge.mapping.unified import V1, V2
from bridge.types import FaceState, Gaze, frozen_array
from bridge.wire.osc import Message, encode
from bridge.wire.vrchat import VrchatEncoder, parse_from_vrchat
from bridge.wire.vrchat_avatar import AvatarParameters, avatar_from_file_text
from bridge.wire.vrchat_eyes import LookForm, look_values
from bridge.wire.vrchat_targets import targets_of

PACKETS = 10_000
_BATCH = 250

_ANGLES = st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
_FORMS: tuple[LookForm, ...] = (
    "LeftRightPitchYaw", "LeftRightVec", "CenterPitchYaw", "CenterPitchYawDist", "CenterVec", "CenterVecFull",
)  # fmt: skip


@given(left=_ANGLES, right=_ANGLES, form=st.sampled_from(_FORMS))
def test_eyes_are_finite_wherever_they_look(left: tuple[float, float], right: tuple[float, float], form: LookForm) -> None:
    """Squinting, diverging, turned round: every form has its number of finite values; unit vectors have length 1."""
    values = look_values(Gaze(left_deg=left, right_deg=right), form)

    assert all(map(math.isfinite, values))
    if form in ("LeftRightVec", "CenterVec"):
        assert all(abs(math.hypot(*values[i : i + 3]) - 1.0) < 1e-9 for i in range(0, len(values), 3))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seeds=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4), single=st.booleans(), bits=st.integers(0, 3))
def test_what_arrives_is_the_newest_face(make_state: Callable[..., FaceState], seeds: list[int], single: bool, bits: int) -> None:
    """Changes only, read by python-osc and put together: the same as the last face sent by itself, but for epsilon."""
    encoder = VrchatEncoder(names="both", bits=bits, bundled=not single)
    held: dict[str, float] = {}
    for number, seed in enumerate(seeds):
        for datagram in encoder.encode(make_state(seed=seed, t=number / 30)):
            held |= {each.message.address: each.message.params[0] for each in OscPacket(bytes(datagram)).messages}
    alone: dict[str, float] = {}
    for datagram in VrchatEncoder(names="both", bits=bits).encode(make_state(seed=seeds[-1])):
        alone |= {each.message.address: each.message.params[0] for each in OscPacket(bytes(datagram)).messages}

    assert held.keys() == alone.keys()
    assert all(
        value == alone[address] if isinstance(value, bool) else abs(value - alone[address]) <= 0.00101
        for address, value in held.items()
    )


# --- fuzz ----------------------------------------------------------------------------------------------------------------

_CHANGE = encode(Message("/avatar/change", "s", ("avtr_00000000-0000-0000-0000-000000000000",)))
_VALID = (
    _CHANGE,
    encode(Message("/avatar/parameters/FT/v2/JawOpen", "f", (0.5,))),
    b"#bundle\0\0\0\0\0\0\0\0\1" + len(_CHANGE).to_bytes(4, "big") + _CHANGE,
)


def _damaged(original: bytes, random: st.DataObject) -> bytes:
    """Some of its bytes changed, and perhaps cut off: cheap choices from one drawn integer."""
    data = bytearray(original)
    number = random.draw(st.integers(0, 2**64 - 1))
    for _ in range(1 + number % 4):
        number //= 4
        data[number % len(data)] = number // 251 % 256
        number //= 64
    return bytes(data[: len(data) - number % 9])


def test_no_packet_from_vrchat_raises() -> None:
    """10,000 of noise and of damage: only well-formed values come out."""
    ran = [0]

    @settings(max_examples=PACKETS // _BATCH, deadline=None)
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        noise = data.draw(st.binary(min_size=_BATCH, max_size=_BATCH * 40))
        for i in range(_BATCH):
            packet = _damaged(_VALID[i % 3], data) if i < 50 else _mixed(_VALID[i % 3], noise, i)
            for address, value in parse_from_vrchat(packet):
                assert address == "/avatar/change" or address.startswith("/avatar/parameters/")
                assert isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
            ran[0] += 1

    fuzz()
    assert ran[0] >= PACKETS


def _mixed(original: bytes, noise: bytes, number: int) -> bytes:
    """A slice of noise by itself, or over the middle of a good packet."""
    start = number * 7 % len(noise)
    piece = noise[start : start + number % 60]
    if number % 2:
        return piece
    at = number * 13 % len(original)
    return (original[:at] + piece + original[at + len(piece) :])[: len(original)]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
_NAMES = st.sampled_from([each.name for each in (*V2, *V1)])
_ADDRESSES = st.one_of(
    st.text(max_size=30),
    st.builds(
        lambda prefix, name, ending: f"/avatar/parameters/{prefix}{name}{ending}",
        st.text(max_size=8),
        _NAMES,
        st.sampled_from(["", "1", "2", "4", "Negative", "128", "3", "\ud800"]),
    ),
)
_PLACES = st.fixed_dictionaries({"address": _ADDRESSES, "type": st.sampled_from(["Float", "Int", "Bool", "Other"])})
_FILES = st.fixed_dictionaries({"id": _JSON, "parameters": st.lists(st.fixed_dictionaries({"input": _PLACES | _JSON}) | _JSON)})


@settings(max_examples=100)
@given(_FILES | _JSON)
def test_any_json_is_a_file_or_refused(root: object) -> None:
    """Whatever is in it, an encoder can be made of the result: every address it takes can be sent."""
    try:
        avatar = avatar_from_file_text(json.dumps(root))
    except ValueError:
        return
    encoder = VrchatEncoder(avatar=avatar)
    assert set(avatar.types.values()) <= {"f", "i", "T"}
    for datagram in encoder.encode(FaceState.rest()):
        OscPacket(bytes(datagram))


def test_no_text_of_a_file_raises_anything_else() -> None:
    """10,000 damaged files and noise."""
    good = json.dumps({"id": "avtr_1", "parameters": [{"input": {"address": "/v2/JawOpen", "type": "Float"}}]}).encode()
    ran = [0]

    @settings(max_examples=PACKETS // _BATCH, deadline=None)
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        noise = data.draw(st.binary(min_size=_BATCH, max_size=_BATCH * 40))
        for i in range(_BATCH):
            file = _damaged(good, data) if i < 50 else _mixed(good, noise, i)
            ran[0] += 1
            with contextlib.suppress(ValueError):
                assert len(avatar_from_file_text(file.decode("utf-8", "replace")).types) <= 1

    fuzz()
    assert ran[0] >= PACKETS


@settings(max_examples=100)
@given(st.dictionaries(_ADDRESSES, st.sampled_from(["f", "i", "T", "?"]), max_size=20))
def test_only_what_the_avatar_has_is_sent_and_once(types: dict[str, str]) -> None:
    """Any list of addresses, as another program's server may tell it."""
    targets = targets_of(AvatarParameters(avatar_id=None, types=types))
    floats = [address for address, _ in targets.floats]
    bools = [*(each.address for each in targets.bools), *targets.status]

    assert len(floats) == len(set(floats))
    assert len(bools) == len(set(bools))
    assert all(types[address] == "f" for address in floats)
    assert all(types[address] == "T" for address in bools)


def test_a_weight_of_exactly_one_and_a_hair_more_is_taken(make_state: Callable[..., FaceState]) -> None:
    """Rounding may leave [0, 1] by an ulp: the legacy lids have a root of it."""
    state = make_state(weights={"eyeBlinkLeft": 1.0, "eyeSquintLeft": 1.0})
    weights = state.weights.copy()
    weights *= 1.0000002
    sent = VrchatEncoder(names="v1").encode(make_state(weights=frozen_array(weights)))

    assert all(math.isfinite(v) for d in sent for m in OscPacket(bytes(d)).messages for v in m.message.params)
