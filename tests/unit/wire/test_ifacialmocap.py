"""iFacialMocap's text: what receivers demand of it, repeats, switches, and defensive reading."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bridge import arkit, space
from bridge.stages.mirror import mirror_state
from bridge.types import FaceState, Gaze, Presence
from bridge.wire.ifacialmocap import LARGEST_FRAME, IfacialmocapEncoder, Variant, decode, parse

MakeState = Callable[..., FaceState]
VARIANTS: tuple[Variant, ...] = ("v1", "v2", "facemotion3d")
LOOK = Gaze(left_deg=(3.0, 4.0), right_deg=(1.0, 2.0))
"""Own left and down."""
TINY_LOOK = Gaze(left_deg=(-1e-9, 0.0), right_deg=(0.0, -1e-9))


def as_vmagicmirror(frame: bytes) -> tuple[dict[str, int], tuple[float, ...]]:
    """Whole percents and the six numbers of the head, as the sheet says that VMagicMirror reads them; AssertionError else."""
    text = frame.decode("ascii").replace(" ", "")
    assert 1 == text.count("=")
    shapes, vectors = text.split("=")
    assert shapes.endswith("|")
    assert vectors.endswith("|")
    values: dict[str, int] = {}
    for section in shapes.split("|")[:-1]:
        name, _, number = section.partition("-")
        assert re.fullmatch(r"[+-]?\d+", number), section  # int.TryParse
        values[name] = int(number)
    (head,) = (section.removeprefix("head#") for section in vectors.split("|") if section.startswith("head#"))
    return values, tuple(float(number) for number in head.split(","))


def _sent(state: FaceState, **options: Any) -> dict[str, tuple[float, ...]]:
    parsed = parse(IfacialmocapEncoder(**options).encode(state))
    assert parsed is not None
    return {name: (value,) for name, value in parsed.values.items()} | dict(parsed.vectors)


@pytest.mark.parametrize("seed", range(20))
def test_vmagicmirror_reads_every_value(seed: int, make_state: MakeState) -> None:
    """All 52 as whole percents under their own names, and the head: x nods, y turns, z tilts, then metres."""
    state = make_state(seed=seed)
    assert state.head is not None

    values, head = as_vmagicmirror(IfacialmocapEncoder().encode(state))

    assert {"trackingStatus": 1} == {name: value for name, value in values.items() if name not in arkit.IFACIALMOCAP}
    assert [round(100 * weight) for weight in state.weights.tolist()] == pytest.approx(
        [values[name] for name in arkit.IFACIALMOCAP], abs=0.51
    )
    yaw, pitch, roll = space.to_euler_deg(state.head.quat_xyzw)
    assert (pitch, yaw, roll, *state.head.position_m) == pytest.approx(head, abs=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_eyes_look_where_the_gaze_does(variant: Variant, make_state: MakeState) -> None:
    """rx + is down and ry + the own left, each eye under its own name."""
    sent = _sent(make_state(gaze=LOOK), variant=variant)

    assert ((4, 3, 0), (2, 1, 0)) == (sent["leftEye"], sent["rightEye"])


def test_a_wink_has_its_side(make_state: MakeState) -> None:
    """The own left eye is eyeBlink_L; directions keep their whole names."""
    sent = _sent(make_state(weights={"eyeBlinkLeft": 1.0, "jawLeft": 0.5, "mouthRight": 0.25}))

    assert {"eyeBlink_L": (100,), "jawLeft": (50,), "mouthRight": (25,), "trackingStatus": (1,)} == {
        name: value for name, value in sent.items() if len(value) == 1 and value[0]
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_numbers_are_plain(variant: Variant, make_state: MakeState) -> None:
    """No exponent, no -0, no comma but between numbers, whatever is tiny or negative."""
    state = make_state(yaw=-1e-9, pitch=1e-7, roll=-5e-7, position_m=(-1e-9, 1e-5, -12.5), gaze=TINY_LOOK)

    frame = IfacialmocapEncoder(variant=variant).encode(state).decode("ascii")

    assert re.search(r"=head#0,0,(0|-0\.000001),0,0\.00001,-12\.5\|rightEye#0,0,0\|leftEye#0,0,0\|$", frame)


def test_without_a_head_its_numbers_are_0(make_state: MakeState) -> None:
    """The block is there nevertheless: VMagicMirror wants something after the =."""
    assert (0,) * 6 == _sent(make_state(head=None))["head"]


@pytest.mark.parametrize(("presence", "expected"), [(Presence.LIVE, 1), (Presence.HELD, 1), (Presence.LOST, 0)])
def test_tracking_status_comes_first(presence: Presence, expected: int, make_state: MakeState) -> None:
    """VRCFaceTracking's module leaves out the first item, whatever it is; the app has its status there."""
    state = make_state(presence=presence)

    assert IfacialmocapEncoder().encode(state).startswith(b"trackingStatus-%d|eyeBlink_L-0|" % expected)
    assert IfacialmocapEncoder(variant="v2").encode(state).startswith(b"trackingStatus&%d|eyeBlink_L&0|" % expected)
    assert IfacialmocapEncoder(tracking_status=False).encode(state).startswith(b"eyeBlink_L-0|")


# --- repeats -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("position_m", [(0.0, 0.0, 0.0), (0.0, 0.0, -0.4999995), (0.1, 0.2, 0.0000005)])
def test_no_frame_repeats_the_one_before(variant: Variant, position_m: tuple[float, float, float], make_state: MakeState) -> None:
    """VMagicMirror takes a repeat for a lost face. What differs is less than 10 micrometres of one number."""
    encoder = IfacialmocapEncoder(variant=variant)

    frames = [encoder.encode(make_state(seq=seq, position_m=position_m)) for seq in (0, 0, 1, 5, 9, 18, 18, 18)]

    assert all(one != other for one, other in itertools.pairwise(frames))
    for frame in frames:
        parsed = parse(frame)
        assert parsed is not None
        assert (0, 0, 0, *position_m) == pytest.approx(parsed.vectors["head"], abs=1e-5)


def test_noise_is_the_same_every_time(make_state: MakeState) -> None:
    """A replay sends the same bytes."""
    states = [make_state(seq=seq // 3) for seq in range(12)]
    one, other = IfacialmocapEncoder(), IfacialmocapEncoder()

    assert [one.encode(state) for state in states] == [other.encode(state) for state in states]


def test_a_lost_face_repeats(make_state: MakeState) -> None:
    """Then the receiver is to see that it is lost."""
    encoder = IfacialmocapEncoder()
    lost = make_state(presence=Presence.LOST)

    assert encoder.encode(lost) == encoder.encode(replace(lost, seq=1))


# --- switches ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_swap_exchanges_the_names_only(variant: Variant, make_state: MakeState) -> None:
    """Coefficients and eyes change sides, angles stay; with mirror, angles change and sides stay."""
    state = make_state(weights={"eyeBlinkLeft": 1.0, "jawLeft": 0.5, "browInnerUp": 0.3}, yaw=20, roll=5, gaze=LOOK)
    plain, swapped = _sent(state, variant=variant), _sent(state, variant=variant, swap_sides=True)
    both = _sent(mirror_state(state), variant=variant, swap_sides=True)
    blink = ("eyeBlinkLeft", "eyeBlinkRight") if variant == "facemotion3d" else ("eyeBlink_L", "eyeBlink_R")

    assert (plain[blink[0]], plain[blink[1]]) == (swapped[blink[1]], swapped[blink[0]])
    assert ((50,), (0,), (30,)) == (swapped["jawRight"], swapped["jawLeft"], swapped["browInnerUp"])
    assert (plain["leftEye"], plain["rightEye"]) == (swapped["rightEye"], swapped["leftEye"])
    assert plain["head"] == swapped["head"]
    assert {name: value for name, value in plain.items() if len(value) == 1} == {
        name: value for name, value in both.items() if len(value) == 1
    }
    assert (0, -20, -5) == pytest.approx(both["head"][:3])


@pytest.mark.parametrize(
    ("inverted", "head", "eye"),
    [
        (("yaw",), (10, -20, 5), (4, 3, 0)),
        (("pitch",), (-10, 20, 5), (4, 3, 0)),
        (("roll",), (10, 20, -5), (4, 3, 0)),
        (("eye-yaw",), (10, 20, 5), (4, -3, 0)),
        (("eye-pitch",), (10, 20, 5), (-4, 3, 0)),
    ],
)
def test_inverted_angles(
    inverted: tuple[str, ...], head: tuple[float, ...], eye: tuple[float, ...], make_state: MakeState
) -> None:
    """Each of them alone."""
    sent = _sent(make_state(yaw=20, pitch=10, roll=5, gaze=LOOK), inverted=inverted)

    assert head == pytest.approx(sent["head"][:3])
    assert eye == sent["leftEye"]


def test_swap_and_inversion_are_undone_by_the_same_on_the_other_end(make_state: MakeState) -> None:
    """A source with the same switches sees what was sent."""
    state = make_state(seed=3)

    faces = decode(
        IfacialmocapEncoder(swap_sides=True, inverted=("yaw", "roll")).encode(state), swap_sides=True, inverted=("yaw", "roll")
    )

    assert faces is not None
    assert state.weights == pytest.approx(faces[0].weights, abs=0.00501)
    assert state.head is not None
    assert faces[0].head is not None
    assert state.head.quat_xyzw == pytest.approx(faces[0].head.quat_xyzw, abs=1e-7)


def test_extras_go_along(make_state: MakeState) -> None:
    """Whole percents under their own names, negative ones with & only; what the format cannot carry is left out."""
    extras = (("Smile", 0.5), ("Lean", -0.25), ("a|b", 1.0), ("x=y", 1.0), ("jawOpen", 1.0), ("", 1.0), ("Huge", 1e9))
    state = replace(make_state(), extras=extras)

    v1, v2 = _sent(state), _sent(state, variant="v2")

    assert ((50,), (0,), (100_000,)) == (v1["Smile"], v1["Lean"], v1["Huge"])
    assert ((50,), (-25,), (0,)) == (v2["Smile"], v2["Lean"], v2["jawOpen"])
    assert {"Smile", "Lean", "Huge"} == set(v1) - set(_sent(make_state()))
    as_vmagicmirror(IfacialmocapEncoder().encode(state))


# --- reading -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (b"jawOpen&-5", 0.0),
        (b"jawOpen&50", 0.5),
        (b"jawOpen-50", 0.5),
        (b"jawOpen & 50", 0.5),
        (b"jawOpen&250", 1.0),
        (b"jawOpen&33.5", 0.335),
        (b"jawOpen&1|jawOpen&2", 0.02),
        (b"jawOpen&nan|jawOpen&7", 0.07),
        (b"jawOpen&7|jawOpen&1e999", 0.07),
        (b"jawOpen&7|jawOpen&1e9", 0.07),
    ],
)
def test_values_within_reason(token: bytes, expected: float) -> None:
    """The last separator counts, decimals are read, coefficients end at 0 and 1, the last of a name wins."""
    faces = decode(b"browInnerUp&10|" + token + b"|=head#1,2,3,4,5,6|")

    assert faces is not None
    assert expected == pytest.approx(faces[0].weights[arkit.INDEX["jawOpen"]])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"|",
        b"hello",
        b"iFacialMocap_sahuasouryya9218sauhuiayeta91555dy3719|sendDataVersion=v2",
        b"=head#1,2,3,4,5,6|rightEye#0,0,0|leftEye#0,0,0|",
        b"\xff\xfe|\x80",
        b"jawOpen&inf|",
        b"jawOpen&1_0|",
        b"jawOpen--5|",
        "jawOpen&\u0665|".encode(),
        b"jawOpen&5|" + b"x" * LARGEST_FRAME,
    ],
)
def test_what_is_no_frame(data: bytes) -> None:
    """Without a single coefficient there is no face in it."""
    assert decode(data) is None


@pytest.mark.parametrize("status", [b"trackingStatus-0|", b"trackingStatus&0|"])
def test_a_phone_that_sees_no_face_says_so(status: bytes) -> None:
    """The values that it goes on sending are no face."""
    assert () == decode(status + b"jawOpen-5|=head#0,0,0,0,0,0|")


@pytest.mark.parametrize("head", [b"", b"=head#1,2|", b"=head#1,2,x,4,5,6|", b"=head#1e9,2,3,4,5,6|", b"=head#1,2,3,4,5,nan|"])
def test_a_head_that_is_none(head: bytes) -> None:
    """The coefficients count nevertheless."""
    faces = decode(b"jawOpen-50|" + head)

    assert faces is not None
    assert faces[0].head is None
    assert 0.5 == faces[0].weights[arkit.INDEX["jawOpen"]]


def test_an_old_head_has_no_position() -> None:
    """Before 1.0.6 the app sent three numbers."""
    faces = decode(b"jawOpen-50|=head#0,20,0|")

    assert faces is not None
    assert faces[0].head is not None
    assert [0, 0, 0] == faces[0].head.position_m.tolist()
    assert 20 == pytest.approx(space.to_euler_deg(faces[0].head.quat_xyzw)[0])


def test_arrays_are_read_only() -> None:
    """As everything that crosses threads."""
    faces = decode(b"jawOpen-50|=head#1,2,3,4,5,6|")

    assert faces is not None
    head = faces[0].head
    assert head is not None
    assert not any(array.flags.writeable for array in (faces[0].weights, head.position_m, head.quat_xyzw))
    assert np.float32 == faces[0].weights.dtype
