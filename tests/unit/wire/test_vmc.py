"""VMC frames: what is in them, in which order, with which signs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bridge import arkit, space
from bridge.mapping.vrm import PRESETS, VRM0_NAMES
from bridge.stages.mirror import mirror_state
from bridge.types import FaceState, Gaze, Presence
from bridge.wire.osc import Message, messages
from bridge.wire.vmc import VmcEncoder, split_rotation

MakeState = Callable[..., FaceState]


def _messages(encoder: VmcEncoder, state: FaceState) -> list[Message]:
    return [each for datagram in encoder.encode(state) for each in messages(datagram)]


def _floats(message: Message, start: int = 0) -> list[float]:
    return [float(value) for value in message.arguments[start:] if isinstance(value, float)]


def _bones(sent: list[Message]) -> dict[str, list[float]]:
    """Name -> rotation, x y z w."""
    return {str(each.arguments[0]): _floats(each, 4) for each in sent if each.address == "/VMC/Ext/Bone/Pos"}


def _values(sent: list[Message]) -> dict[str, float]:
    return {str(each.arguments[0]): _floats(each)[0] for each in sent if each.address == "/VMC/Ext/Blend/Val"}


def _one(sent: list[Message], address: str) -> Message:
    (found,) = [each for each in sent if each.address == address]
    return found


def test_a_performers_frame_is_complete_and_in_order(make_state: MakeState) -> None:
    """Root, bones from the hips up, 52 values, one Apply, OK, T: nothing else, nothing twice."""
    sent = _messages(VmcEncoder(), make_state(seed=1))
    addresses = [each.address.removeprefix("/VMC/Ext/") for each in sent]

    assert ["Root/Pos", *["Bone/Pos"] * 8, *["Blend/Val"] * 52, "Blend/Apply", "OK", "T"] == addresses
    assert ["Hips", "Spine", "Chest", "UpperChest", "Neck", "Head", "LeftEye", "RightEye"] == list(_bones(sent))


def test_types_are_those_of_the_sheet(make_state: MakeState) -> None:
    """Strict receivers stop at an int where a float belongs."""
    tags = {each.address.removeprefix("/VMC/Ext/"): each.tags for each in _messages(VmcEncoder(), make_state())}
    expected = {
        "Root/Pos": "sfffffff", "Bone/Pos": "sfffffff", "Blend/Val": "sf", "Blend/Apply": "", "OK": "i", "T": "f",
    }  # fmt: skip

    assert expected == tags


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_neck_and_head_make_up_the_heads_rotation(make_state: MakeState, share: float) -> None:
    """Parent times child, in Unity's axes, is the sheet's golden quaternion; the neck has its share of the angle."""
    bones = _bones(_messages(VmcEncoder(neck=share), make_state(yaw=20, pitch=10, roll=-5)))
    neck, head = Rotation.from_quat(bones["Neck"]), Rotation.from_quat(bones["Head"])
    golden = Rotation.from_quat([0.0782043543, -0.1765666723, 0.0579132789, 0.9794663554])

    assert math.degrees((golden.inv() * (neck * head)).magnitude()) < 1e-4
    assert math.isclose(share * golden.magnitude(), neck.magnitude(), abs_tol=1e-6)


def test_untouched_bones_and_root_rest(make_state: MakeState) -> None:
    """Identity without positions, also while head and face move."""
    sent = _messages(VmcEncoder(), make_state(seed=3))
    bones = _bones(sent)

    assert [[0.0, 0.0, 0.0, 1.0]] * 4 == [bones[name] for name in ("Hips", "Spine", "Chest", "UpperChest")]
    assert ("root", *[0.0] * 6, 1.0) == _one(sent, "/VMC/Ext/Root/Pos").arguments


def test_eyes_turn_to_the_side_that_gaze_says(make_state: MakeState) -> None:
    """Own left is a negative, down a positive turn in Unity; each eye has its own."""
    gaze = Gaze(left_deg=(20.0, 0.0), right_deg=(0.0, 10.0))
    bones = _bones(_messages(VmcEncoder(), make_state(gaze=gaze)))
    ten, twenty = math.radians(10) / 2, math.radians(20) / 2

    np.testing.assert_allclose(bones["LeftEye"], [0, -math.sin(twenty), 0, math.cos(twenty)], atol=1e-7)
    np.testing.assert_allclose(bones["RightEye"], [math.sin(ten), 0, 0, math.cos(ten)], atol=1e-7)


def test_mirroring_swaps_sides(make_state: MakeState) -> None:
    """In the mirrored frame the right lid carries the left's value and the head turns the other way."""
    state = make_state(weights={"eyeBlinkLeft": 0.75}, yaw=20)
    sent = _messages(VmcEncoder(neck=0.0), mirror_state(state))

    assert (0.0, 0.75) == (_values(sent)["EyeBlinkLeft"], _values(sent)["EyeBlinkRight"])
    assert _bones(sent)["Head"][1] > 0


def test_no_head_is_a_straight_head(make_state: MakeState) -> None:
    """Matrices off, or nobody there: identity, complete frames."""
    bones = _bones(_messages(VmcEncoder(), make_state(head=None, weights={"jawOpen": 0.5})))

    assert [[0.0, 0.0, 0.0, 1.0]] * 2 == [bones["Neck"], bones["Head"]]


def test_the_rest_state_has_no_negative_zeros() -> None:
    """Zero is the bytes 00000000, whatever the conversion of axes made of it."""
    floats = [value for each in _messages(VmcEncoder(root_position=True), FaceState.rest()) for value in _floats(each)]

    assert [] == [value for value in floats if math.copysign(1.0, value) < 0]


def test_the_root_follows_the_head_when_asked(make_state: MakeState) -> None:
    """Unity's metres: x is the own right."""
    sent = _messages(VmcEncoder(root_position=True), make_state(position_m=(0.1, 0.2, -0.3)))

    np.testing.assert_allclose(_floats(_one(sent, "/VMC/Ext/Root/Pos"))[:3], [-0.1, 0.2, -0.3], atol=1e-7)


def test_time_counts_from_the_first_state(make_state: MakeState) -> None:
    """A week of up-time would leave a float32 no milliseconds."""
    encoder = VmcEncoder()
    week_s = 7 * 86400.0
    times = [_one(_messages(encoder, make_state(t=week_s + t)), "/VMC/Ext/T").arguments[0] for t in (0.0, 0.03125, 0.0625)]

    assert [0.0, 0.03125, 0.0625] == times


def test_the_long_ok_says_whether_tracking_is_good(make_state: MakeState) -> None:
    """1, 3, 0 and 1 while LIVE, 0 while HELD or LOST."""
    encoder = VmcEncoder(ok_fields=4)
    sent = [
        _one(_messages(encoder, make_state(presence=presence)), "/VMC/Ext/OK").arguments
        for presence in (Presence.LIVE, Presence.HELD, Presence.LOST, Presence.LIVE)
    ]

    assert [(1, 3, 0, 1), (1, 3, 0, 0), (1, 3, 0, 0), (1, 3, 0, 1)] == sent


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "expected"), [("pascal", arkit.PASCAL), ("camel", arkit.NAMES), ("both", arkit.PASCAL + arkit.NAMES)]
)
def test_perfect_sync_names(make_state: MakeState, names: Literal["pascal", "camel", "both"], expected: tuple[str, ...]) -> None:
    """Every spelling carries all 52 values, exactly as they are."""
    state = make_state(seed=5)
    values = _values(_messages(VmcEncoder(names=names), state))
    repeats = len(expected) // 52

    assert dict(zip(expected, [float(w) for w in state.weights] * repeats, strict=True)) == values


@pytest.mark.parametrize(("names", "expected"), [("vrm0", VRM0_NAMES), ("vrm1", PRESETS)])
def test_vrm_presets_instead(make_state: MakeState, names: Literal["vrm0", "vrm1"], expected: tuple[str, ...]) -> None:
    """All presets that are ours, zeros too; no look expression beside eye bones, which would turn the eyes twice."""
    values = _values(_messages(VmcEncoder(names=names), make_state(weights={"eyeBlinkLeft": 0.5})))

    assert list(expected[:12]) == list(values)
    assert {expected[5]: 1.0} == {name: value for name, value in values.items() if value}


def test_gaze_as_expressions(make_state: MakeState) -> None:
    """eyes=expressions: no eye bones, but LookLeft for a look to the own left."""
    sent = _messages(
        VmcEncoder(names="vrm0", eyes="expressions"), make_state(gaze=Gaze(left_deg=(20.0, 0.0), right_deg=(20.0, 0.0)))
    )
    looks = {name: value for name, value in _values(sent).items() if name.startswith("Look")}

    assert {"LookUp": 0.0, "LookDown": 0.0, "LookLeft": 0.5, "LookRight": 0.0} == looks
    assert "LeftEye" not in _bones(sent)


def test_eyes_can_be_left_out(make_state: MakeState) -> None:
    """eyes=off: for avatars that look at the camera by themselves."""
    assert {"LeftEye", "RightEye"}.isdisjoint(_bones(_messages(VmcEncoder(eyes="off"), make_state())))


def test_emotions_are_exactly_zero_by_default(make_state: MakeState) -> None:
    """The broadest smile leaves Joy at 0, unless emotions are wanted."""
    smile = make_state(weights={"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0})

    assert 0.0 == _values(_messages(VmcEncoder(names="vrm0"), smile))["Joy"]
    assert 1.0 == _values(_messages(VmcEncoder(names="vrm0", emotions=True), smile))["Joy"]


# --- assistant -------------------------------------------------------------------------------------------------------


def test_an_assistant_sends_gaze_and_face_only(make_state: MakeState) -> None:
    """No Root, OK or T, which are the Performer's; one Apply at the end."""
    sent = _messages(VmcEncoder(target="assistant"), make_state())
    addresses = [each.address.removeprefix("/VMC/Ext/") for each in sent]

    assert ["Set/Eye", *["Blend/Val"] * 52, "Blend/Apply"] == addresses


def test_an_assistants_eyes_look_at_a_point_before_the_head(make_state: MakeState) -> None:
    """1 m away, Unity axes: ahead is (0, 0, 1), the own left has negative x, down negative y."""
    encoder = VmcEncoder(target="assistant")
    ahead = _one(_messages(encoder, make_state()), "/VMC/Ext/Set/Eye")
    aside = _one(_messages(encoder, make_state(gaze=Gaze(left_deg=(30.0, 0.0), right_deg=(30.0, 0.0)))), "/VMC/Ext/Set/Eye")
    below = _one(_messages(encoder, make_state(gaze=Gaze(left_deg=(0.0, 30.0), right_deg=(0.0, 30.0)))), "/VMC/Ext/Set/Eye")

    assert ("ifff", (1, 0.0, 0.0, 1.0)) == (ahead.tags, ahead.arguments)
    np.testing.assert_allclose(_floats(aside), [-0.5, 0.0, math.sqrt(0.75)], atol=1e-7)
    np.testing.assert_allclose(_floats(below), [0.0, -0.5, math.sqrt(0.75)], atol=1e-7)


def test_an_assistant_releases_the_gaze_of_a_lost_face(make_state: MakeState) -> None:
    """enable is 1 while tracked or held, 0 when lost."""
    encoder = VmcEncoder(target="assistant")
    enabled = [
        _one(_messages(encoder, make_state(presence=presence)), "/VMC/Ext/Set/Eye").arguments[0]
        for presence in (Presence.LIVE, Presence.HELD, Presence.LOST)
    ]

    assert [1, 1, 0] == enabled


def test_an_assistant_may_move_neck_and_head(make_state: MakeState) -> None:
    """Only these two, since gaze is a point already."""
    assert ["Neck", "Head"] == list(_bones(_messages(VmcEncoder(target="assistant", bones=True), make_state())))


def test_a_performer_may_leave_the_bones_alone(make_state: MakeState) -> None:
    """bones=0 still sends Root: some receivers wait for it."""
    sent = _messages(VmcEncoder(bones=False), make_state())

    assert {} == _bones(sent)
    assert "/VMC/Ext/Root/Pos" == sent[0].address


# --- datagrams -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_bytes", [256, 512, 1400])
def test_no_bundle_exceeds_its_limit(make_state: MakeState, max_bytes: int) -> None:
    """For every combination of options that changes what is sent."""
    state = make_state(seed=2)
    for target, names, eyes, ok_fields in itertools.product(
        ("performer", "assistant"), ("pascal", "camel", "both", "vrm0", "vrm1"), ("bones", "expressions", "off"), (1, 4)
    ):
        encoder = VmcEncoder(target=target, names=names, eyes=eyes, ok_fields=ok_fields, bones=True, max_bytes=max_bytes)  # type: ignore[arg-type]  # itertools forgets the literals

        assert max(len(datagram) for datagram in encoder.encode(state)) <= max_bytes, (target, names, eyes, ok_fields)


def test_a_frame_is_three_datagrams_by_default(make_state: MakeState) -> None:
    """The body in one bundle; 52 values, Apply, OK and T in two."""
    datagrams = VmcEncoder().encode(make_state())
    counts = [len(messages(datagram)) for datagram in datagrams]

    assert (3, 9) == (len(counts), counts[0])


def test_unbundled_frames_are_the_same_messages(make_state: MakeState) -> None:
    """One a datagram, bare, in the same order."""
    state = make_state(seed=4)
    single = VmcEncoder(bundled=False)

    assert _messages(VmcEncoder(), state) == _messages(single, state)
    assert all(bytes(datagram[:1]) == b"/" for datagram in single.encode(state))


@pytest.mark.parametrize(("spine", "chest", "neck"), [(0.1, 0.2, 0.3), (0.5, 0.0, 0.5), (0.0, 0.25, 0.0)])
def test_the_trunk_may_take_its_share(make_state: MakeState, spine: float, chest: float, neck: float) -> None:
    """From the hips up, multiplied as a receiver does, it is the head's rotation; each has its share of the angle."""
    state = make_state(yaw=20, pitch=10, roll=-5)
    bones = _bones(_messages(VmcEncoder(spine=spine, chest=chest, neck=neck), state))
    parts = [Rotation.from_quat(bones[name]) for name in ("Hips", "Spine", "Chest", "UpperChest", "Neck", "Head")]
    whole = parts[0]
    for part in parts[1:]:
        whole *= part
    assert state.head is not None
    golden = Rotation.from_quat(space.to_unity(state.head.quat_xyzw))
    assert math.degrees((golden.inv() * whole).magnitude()) < 1e-4
    shares = (0.0, spine, chest, 0.0, neck, 1.0 - spine - chest - neck)
    for share, part in zip(shares, parts, strict=True):
        assert math.isclose(share * golden.magnitude(), part.magnitude(), abs_tol=1e-6)


def test_shares_of_more_than_the_whole_are_refused() -> None:
    """The head would turn back."""
    with pytest.raises(ValueError, match="together they are within"):
        VmcEncoder(neck=0.6, chest=0.3, spine=0.2)


def test_split_takes_the_shorter_way() -> None:
    """A quaternion with negative w is the same rotation, and its half is half of the small angle."""
    first, second = split_rotation((0.0, -math.sin(0.1), 0.0, -math.cos(0.1)), (0.5, 0.5))

    np.testing.assert_allclose(first, [0.0, math.sin(0.05), 0.0, math.cos(0.05)], atol=1e-15)
    np.testing.assert_allclose(first, second, atol=1e-15)
