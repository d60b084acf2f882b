"""What goes out to VRChat, when, and in which datagrams; read by python-osc."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pythonosc.osc_packet import OscPacket

from bridge.mapping.unified import V2, UnifiedMapping
from bridge.types import FaceState, Gaze, Presence
from bridge.wire.osc import Bundle, Message, OscError, encode
from bridge.wire.vrchat import VrchatEncoder, parse_from_vrchat
from bridge.wire.vrchat_avatar import AvatarParameters
from bridge.wire.vrchat_eyes import REPEAT_S, closed_amount

MakeState = Callable[..., FaceState]
Arrived = dict[str, list[Any]]

FT = "/avatar/parameters/FT/v2/"
LOOK = "/tracking/eye/LeftRightPitchYaw"
LIDS = "/tracking/eye/EyesClosedAmount"
SOME = AvatarParameters(
    avatar_id="avtr_1",
    types={FT + "JawOpen": "f", FT + "SmileSadLeft": "f", FT + "JawX1": "T", FT + "JawX2": "T", FT + "JawXNegative": "T"},
)


def _read(datagrams: Sequence[bytes | memoryview]) -> Arrived:
    """Address -> arguments; a second message for an address would be a mistake."""
    arrived: Arrived = {}
    for datagram in datagrams:
        for timed in OscPacket(bytes(datagram)).messages:
            assert timed.message.address not in arrived
            arrived[timed.message.address] = timed.message.params
    return arrived


def test_at_first_everything_goes_out(make_state: MakeState) -> None:
    """Every parameter with its value, the status, and both native eye messages."""
    state = make_state(seed=4, gaze=Gaze(left_deg=(10.0, 5.0), right_deg=(-4.0, -3.0)))
    arrived = _read(VrchatEncoder().encode(state))
    values = UnifiedMapping(V2).step(state)

    assert {FT + each.name[3:]: [pytest.approx(float(v), abs=1e-6)] for each, v in zip(V2, values, strict=True)} == {
        address: arguments for address, arguments in arrived.items() if address.startswith(FT)
    }
    assert {
        "/avatar/parameters/EyeTrackingActive": [True],
        "/avatar/parameters/ExpressionTrackingActive": [True],
        "/avatar/parameters/LipTrackingActive": [True],
        LOOK: [pytest.approx(value) for value in (5.0, -10.0, -3.0, 4.0)],
        LIDS: [pytest.approx(closed_amount(state))],
    } == {address: arguments for address, arguments in arrived.items() if not address.startswith(FT)}


def test_then_only_what_changed(make_state: MakeState) -> None:
    """A jaw that opens moves one parameter; the same state again, none."""
    encoder = VrchatEncoder()
    encoder.encode(make_state(t=1.0))

    assert {FT + "JawOpen": [0.5]} == _read(encoder.encode(make_state(weights={"jawOpen": 0.5}, t=1.1)))
    assert [] == encoder.encode(make_state(weights={"jawOpen": 0.5}, t=1.2))


def test_small_changes_add_up(make_state: MakeState) -> None:
    """They are counted from what was sent, not from the last frame."""
    encoder = VrchatEncoder(epsilon=0.01)
    encoder.encode(make_state(weights={"jawOpen": 0.5}))
    arrived = [_read(encoder.encode(make_state(weights={"jawOpen": 0.5 + step * 0.004}))) for step in range(1, 5)]

    assert [False, False, True, False] == [FT + "JawOpen" in each for each in arrived]


@pytest.mark.parametrize(("before", "after"), [(0.0009, 0.0), (0.9995, 1.0)])
def test_ends_are_reached_however_little_is_left(before: float, after: float, make_state: MakeState) -> None:
    """A mouth that is a thousandth open would stay so for good."""
    encoder = VrchatEncoder(epsilon=0.01)
    encoder.encode(make_state(weights={"jawOpen": before}))

    assert [after] == _read(encoder.encode(make_state(weights={"jawOpen": after})))[FT + "JawOpen"]


def test_a_lost_subject_is_put_to_rest(make_state: MakeState) -> None:
    """The rest state: every parameter that was away from rest goes back, eyes ahead and open."""
    encoder = VrchatEncoder()
    moved = _read(encoder.encode(make_state(seed=9, t=1.0, gaze=Gaze(left_deg=(9.0, 9.0), right_deg=(9.0, 9.0)))))
    arrived = _read(encoder.encode(FaceState.rest(t=1.1)))
    rest = _read(VrchatEncoder().encode(FaceState.rest()))

    assert {address: value for address, value in rest.items() if moved[address] != value} == arrived
    assert ([0.0] * 4, [0.0]) == (arrived[LOOK], arrived[LIDS])
    assert Presence.LOST is FaceState.rest().presence


def test_everything_again_when_the_time_has_come(make_state: MakeState) -> None:
    """A lost datagram is mended after refresh_s; status is not repeated, the user may have switched it off."""
    encoder = VrchatEncoder(refresh_s=2.0)
    first = _read(encoder.encode(make_state(t=1.0)))
    between = [_read(encoder.encode(make_state(t=t))) for t in (1.5, 2.99)]
    again = _read(encoder.encode(make_state(t=3.0)))

    assert {address for address in first if "Active" not in address} == set(again)
    assert all(set(each) <= {LOOK, LIDS} for each in between)


def test_refresh_can_be_off(make_state: MakeState) -> None:
    """Then only the eyes are kept awake."""
    encoder = VrchatEncoder(refresh_s=0.0)
    encoder.encode(make_state(t=1.0))

    assert {LOOK, LIDS} == set(_read(encoder.encode(make_state(t=9999.0))))


def test_time_that_runs_backwards_begins_anew(make_state: MakeState) -> None:
    """A replay that loops: nothing is silent for its length."""
    encoder = VrchatEncoder(refresh_s=0.0)
    encoder.encode(make_state(t=100.0))

    assert len(_read(encoder.encode(make_state(t=0.0)))) > len(V2)


def test_reset_sends_everything_status_included(make_state: MakeState) -> None:
    """After /avatar/change, the very next frame."""
    encoder = VrchatEncoder()
    first = _read(encoder.encode(make_state(t=1.0)))
    encoder.encode(make_state(t=1.1))
    encoder.reset()

    assert first == _read(encoder.encode(make_state(t=1.2)))


@pytest.mark.parametrize("fps", [1.5, 30.0, 240.0])
def test_the_eyes_are_never_silent_for_long(fps: float, make_state: MakeState) -> None:
    """VRChat takes over after 10 s; with nothing changing, both are there every second, and not in every frame."""
    encoder = VrchatEncoder(refresh_s=0.0)
    heard: dict[str, list[float]] = {LOOK: [], LIDS: []}
    for frame in range(int(20 * fps)):
        t = frame / fps
        for address in _read(encoder.encode(make_state(t=t))).keys() & heard.keys():
            heard[address].append(t)
    for times in heard.values():
        assert max(np.diff(times)) <= max(1.0, 1.0 / fps)
        assert min(np.diff(times)) >= min(REPEAT_S, 1.0 / fps) - 1e-9
        assert len(times) <= 20 / REPEAT_S + 1


def test_eyes_that_turn_are_told_at_once(make_state: MakeState) -> None:
    """A tenth of a degree is nothing."""
    encoder = VrchatEncoder()
    gazes = [Gaze(left_deg=(yaw, 0.0), right_deg=(yaw, 0.0)) for yaw in (5.0, 5.09, 5.2)]
    arrived = [_read(encoder.encode(make_state(gaze=gaze, t=i / 30))) for i, gaze in enumerate(gazes)]

    assert [True, False, True] == [LOOK in each for each in arrived]


@pytest.mark.parametrize(
    ("eyes", "types", "expected"),
    [
        ("auto", None, {LOOK, LIDS}),
        ("off", None, set()),
        ("auto", {"v2/JawOpen": "f"}, {LOOK, LIDS}),
        ("auto", {"v2/EyeLeftX": "f"}, {LIDS}),
        ("auto", {"v2/EyeLidLeft": "f"}, {LOOK}),
        ("auto", {"v2/EyeX": "f", "v2/EyeOpen": "f"}, set()),
        ("always", {"v2/EyeX": "f", "v2/EyeOpen": "f"}, {LOOK, LIDS}),
        ("off", {"v2/JawOpen": "f"}, set()),
    ],
)
def test_native_eyes_fill_in_what_the_avatar_has_not(
    eyes: Any, types: dict[str, str] | None, expected: set[str], make_state: MakeState
) -> None:
    """VRCFaceTracking's rule; always and off are the user's."""
    avatar = None if types is None else AvatarParameters(avatar_id=None, types={"/" + name: tag for name, tag in types.items()})
    arrived = _read(VrchatEncoder(avatar=avatar, eyes=eyes).encode(make_state()))

    assert expected == {address for address in arrived if address.startswith("/tracking")}


def test_one_look_address_at_most(make_state: MakeState) -> None:
    """Another one, or none; the lids stay."""
    for look, expected in (("CenterVec", {"/tracking/eye/CenterVec", LIDS}), ("off", {LIDS})):
        arrived = _read(VrchatEncoder(look=look).encode(make_state()))  # type: ignore[arg-type]

        assert expected == {address for address in arrived if address.startswith("/tracking")}


# --- a known avatar ------------------------------------------------------------------------------------------------------


def test_an_avatar_gets_only_what_it_has(make_state: MakeState) -> None:
    """Whatever the options for an unknown avatar say."""
    encoder = VrchatEncoder(avatar=SOME, prefix="Other/v2/", names="v1", bits=8, eyes="off")

    assert set(SOME.types) == set(_read(encoder.encode(make_state(seed=1))))


def test_bits_are_sent_when_they_flip(make_state: MakeState) -> None:
    """jawLeft from 0 to .6: the upper of two bits and the sign."""
    encoder = VrchatEncoder(avatar=SOME, eyes="off")
    encoder.encode(make_state())
    arrived = _read(encoder.encode(make_state(weights={"jawLeft": 0.6})))

    assert {FT + "JawX2": [True], FT + "JawXNegative": [True]} == arrived
    assert {FT + "JawX2": [False], FT + "JawXNegative": [False]} == _read(encoder.encode(make_state()))


def _bits(value: float, count: int, *, negative: bool) -> list[bool]:
    """Section 5.2, one number at a time."""
    if value < 0 and not negative:
        return [False] * count
    if abs(value) > 0.99999:
        return [True] * count
    return [bool(math.floor(abs(value) * 2**count) >> bit & 1) for bit in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("negative", [True, False])
def test_bits_are_those_of_the_formula(count: int, negative: bool, make_state: MakeState) -> None:
    """Over the whole range, one encoder for all of it: what it remembers stays right."""
    types = {f"{FT}JawX{1 << bit}": "T" for bit in range(count)} | ({FT + "JawXNegative": "T"} if negative else {})
    encoder = VrchatEncoder(avatar=AvatarParameters(avatar_id=None, types=types), eyes="off", refresh_s=0.0)
    held: Arrived = {}
    for value in np.random.default_rng(count).permutation(np.linspace(-1, 1, 257, dtype=np.float32)):
        side = "jawRight" if value >= 0 else "jawLeft"
        held |= _read(encoder.encode(make_state(weights={side: abs(float(value))})))

        assert _bits(float(value), count, negative=negative) == [held[f"{FT}JawX{1 << bit}"][0] for bit in range(count)]
        assert not negative or (value < 0) == held[FT + "JawXNegative"][0]


def test_an_avatar_without_a_face_gets_its_eyes_moved(make_state: MakeState) -> None:
    """And nothing at all when those are off."""
    nobody = AvatarParameters(avatar_id="avtr_2", types={"/avatar/parameters/Hat": "T"})

    assert {LOOK, LIDS} == set(_read(VrchatEncoder(avatar=nobody).encode(make_state())))
    assert [] == VrchatEncoder(avatar=nobody, eyes="off").encode(make_state())


# --- datagrams -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_bytes", [256, 1400, 65507])
def test_bundles_keep_their_size(max_bytes: int, make_state: MakeState) -> None:
    """As few as fit, none larger; the values are the same."""
    state = make_state(seed=3)
    datagrams = VrchatEncoder(max_bytes=max_bytes).encode(state)

    assert max(map(len, datagrams)) <= max_bytes
    assert _read(VrchatEncoder(bundled=False).encode(state)) == _read(datagrams)
    total = sum(len(datagram) - 16 for datagram in datagrams)
    assert len(datagrams) <= math.ceil(total / (max_bytes - 16 - 72)) + 1


def test_single_messages(make_state: MakeState) -> None:
    """bundle=0: none of them is a bundle."""
    datagrams = VrchatEncoder(bundled=False).encode(make_state(seed=3))

    assert len(V2) + 5 == len(datagrams)
    assert not [datagram for datagram in datagrams if bytes(datagram).startswith(b"#bundle")]


def test_an_address_that_does_not_fit_is_refused() -> None:
    """One sentence, before anything is sent."""
    with pytest.raises(OscError, match=r"/avatar/parameters/x+/v2/\w+ needs \d+ bytes, more than the 256 of a datagram"):
        VrchatEncoder(prefix=230 * "x" + "/v2/", max_bytes=256)


# --- from VRChat ---------------------------------------------------------------------------------------------------------


def test_what_vrchat_says_is_read() -> None:
    """Changes and parameters of every type, alone and in bundles."""
    said = (
        Message("/avatar/change", "s", ("avtr_1",)),
        Message("/avatar/parameters/MuteSelf", "T", (True,)),
        Message("/avatar/parameters/Gesture/Left", "i", (3,)),
        Message("/avatar/parameters/Angular", "f", (0.5,)),
    )
    expected = [("/avatar/change", "avtr_1"), ("/avatar/parameters/MuteSelf", True), ("/avatar/parameters/Gesture/Left", 3),
                ("/avatar/parameters/Angular", 0.5)]  # fmt: skip

    assert expected == parse_from_vrchat(encode(Bundle(said)))
    assert expected[:1] == parse_from_vrchat(encode(said[0]))


@pytest.mark.parametrize(
    "message",
    [
        Message("/avatar/change", "i", (3,)),
        Message("/avatar/change", "ss", ("avtr_1", "avtr_2")),
        Message("/avatar/change", "s", ("",)),
        Message("/avatar/change", "s", ("x" * 300,)),
        Message("/avatar/parameters/A", "f", (math.nan,)),
        Message("/avatar/parameters/A", "f", (math.inf,)),
        Message("/avatar/parameters/A", "s", ("text",)),
        Message("/avatar/parameters/A", "I", (math.inf,)),
        Message("/avatar/parameters/A"),
        Message("/chatbox/input", "s", ("hello",)),
    ],
    ids=str,
)
def test_everything_else_is_left_out(message: Message) -> None:
    """Wrong types, too much, not finite, not for us."""
    assert [] == parse_from_vrchat(encode(message))


@pytest.mark.parametrize("data", [b"", b"x", b"/avatar/change", b"#bundle\0", bytes(70000)])
def test_noise_is_nothing(data: bytes) -> None:
    """Never an exception."""
    assert [] == parse_from_vrchat(data)


def test_values_of_mapping_rules_are_parameters(make_state: MakeState) -> None:
    """By their own names, on change; an avatar that is known gets those it has; a name that no address can be is left out."""

    def extras(encoder: VrchatEncoder, t: float, **values: float) -> Arrived:
        state = replace(make_state(t=t), extras=tuple(values.items()))
        arrived = _read(encoder.encode(state))
        return {name: value for name, value in arrived.items() if name.endswith(("Joy", "Tail", "Ear*"))}

    anybody = VrchatEncoder(refresh_s=0)
    joy, tail = "/avatar/parameters/Joy", "/avatar/parameters/Tail"
    wears_tail = AvatarParameters(avatar_id=None, types={tail: "f", joy: "T"})

    assert {joy: [0.5], tail: [-2.0]} == extras(anybody, 1.0, Joy=0.5, Tail=-2.0, **{"Ear*": 1.0})
    assert {tail: [0.0]} == extras(anybody, 1.1, Joy=0.5, Tail=0.0)
    anybody.reset()
    assert {joy: [0.5], tail: [0.0]} == extras(anybody, 1.2, Joy=0.5, Tail=0.0)
    assert {tail: [1.0]} == extras(VrchatEncoder(avatar=wears_tail), 1.0, Joy=1.0, Tail=1.0)
