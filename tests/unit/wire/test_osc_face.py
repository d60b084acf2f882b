"""Plain OSC frames and the layouts of other programs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bridge import arkit, space
from bridge.types import FaceState, Gaze, Presence
from bridge.wire.osc import Message, OscError, messages
from bridge.wire.osc_face import FACE_CAP_NAMES, FaceOscEncoder, Space, check_address

MakeState = Callable[..., FaceState]
GAZE = Gaze(left_deg=(12.0, -4.0), right_deg=(8.0, 6.0))


def _sent(encoder: FaceOscEncoder, state: FaceState) -> dict[str, Message]:
    sent = [each for datagram in encoder.encode(state) for each in messages(datagram)]
    assert len({each.address for each in sent}) == len(sent)
    return {each.address: each for each in sent}


def test_the_plain_layout(make_state: MakeState) -> None:
    """52 addresses with one float each, then head, gaze and presence."""
    state = make_state(seed=1, gaze=GAZE)
    sent = _sent(FaceOscEncoder(), state)
    rest = {address: each.tags for address, each in list(sent.items())[52:]}

    assert {f"/{name}": (float(w),) for name, w in zip(arkit.NAMES, state.weights, strict=True)} == {
        address: each.arguments for address, each in list(sent.items())[:52]
    }
    assert {
        "/head/rotation": "ffff", "/head/euler": "fff", "/head/position": "fff",
        "/gaze/left": "ff", "/gaze/right": "ff", "/presence": "i",
    } == rest  # fmt: skip


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        (Space.BRIDGE, [(0.0782044, 0.1765667, -0.0579133, 0.9794664), (20, 10, -5), (0.05, -0.02, -0.45), (12, -4)]),
        (Space.UNITY, [(0.0782044, -0.1765667, 0.0579133, 0.9794664), (-20, 10, 5), (-0.05, -0.02, -0.45), (-12, -4)]),
        (Space.VRM0, [(-0.0782044, 0.1765667, 0.0579133, 0.9794664), (20, -10, 5), (-0.05, -0.02, 0.45), (12, 4)]),
        (Space.UNREAL, [(0.0579133, 0.0782044, -0.1765667, 0.9794664), (-20, -10, -5), (-45, -5, -2), (-12, 4)]),
    ],
)
def test_head_and_gaze_in_every_space(make_state: MakeState, axes: Space, expected: list[tuple[float, ...]]) -> None:
    """The golden pose of the sheet: yaw 20, pitch 10, roll -5 at (5, -2, -45) cm. Euler and gaze are yaw, pitch (, roll)."""
    state = make_state(yaw=20, pitch=10, roll=-5, position_m=(0.05, -0.02, -0.45), gaze=GAZE)
    sent = _sent(FaceOscEncoder(axes=axes), state)

    addresses = ("/head/rotation", "/head/euler", "/head/position", "/gaze/left")
    for address, values in zip(addresses, expected, strict=True):
        np.testing.assert_allclose(np.array(sent[address].arguments, dtype=float), values, atol=2e-6, err_msg=address)


@pytest.mark.parametrize("axes", list(Space))
def test_every_space_is_that_of_the_space_module(make_state: MakeState, axes: Space) -> None:
    """The one matrix of the encoder equals the functions it was made of, on random heads."""
    quat_of = {
        Space.BRIDGE: lambda q: q, Space.UNITY: space.to_unity, Space.VRM0: space.to_vrm0, Space.UNREAL: space.to_unreal,
    }[axes]  # fmt: skip
    encoder = FaceOscEncoder(axes=axes)
    for seed in range(20):
        state = make_state(seed=seed)
        assert state.head is not None

        np.testing.assert_allclose(
            np.array(_sent(encoder, state)["/head/rotation"].arguments, dtype=float), quat_of(state.head.quat_xyzw), atol=1e-6
        )


def test_presence_is_one_while_tracked(make_state: MakeState) -> None:
    """0 while held or lost, although values still come."""
    encoder = FaceOscEncoder()
    sent = [_sent(encoder, make_state(presence=presence))["/presence"].arguments for presence in Presence]

    assert {Presence.LIVE: (1,), Presence.HELD: (0,), Presence.LOST: (0,)} == dict(zip(Presence, sent, strict=True))


def test_no_head_is_a_straight_head(make_state: MakeState) -> None:
    """Identity, not nothing."""
    assert (0.0, 0.0, 0.0, 1.0) == _sent(FaceOscEncoder(axes=Space.UNITY), make_state(head=None))["/head/rotation"].arguments


def test_addresses_follow_template_prefix_and_spelling(make_state: MakeState) -> None:
    """The prefix stands before all of them."""
    sent = _sent(FaceOscEncoder(address="/face/{name}/value", prefix="/me", names="pascal"), make_state())

    assert {"/me/face/JawOpen/value", "/me/face/TongueOut/value", "/me/head/rotation", "/me/presence"} <= set(sent)


def test_parts_can_be_left_out(make_state: MakeState) -> None:
    """For receivers that take one float per message and nothing else."""
    sent = _sent(FaceOscEncoder(head=False, gaze=False, presence=False), make_state())

    assert [f"/{name}" for name in arkit.NAMES] == list(sent)


def test_face_cap_sends_indices_in_its_own_order(make_state: MakeState) -> None:
    """/W 47 is jawOpen, /W 13 eyeBlinkLeft; angles are about x, y, z; the quaternion x y z w."""
    state = make_state(weights={"jawOpen": 0.5, "eyeBlinkLeft": 0.25}, yaw=20, pitch=10, roll=-5, gaze=GAZE)
    sent = [each for datagram in FaceOscEncoder(preset="facecap").encode(state) for each in messages(datagram)]
    moved = [each.arguments for each in sent if each.address == "/W" and each.arguments[1]]

    assert [("/HT", "fff"), ("/HR", "fff"), ("/HRQ", "ffff"), ("/ELR", "ff"), ("/ERR", "ff")] == [
        (each.address, each.tags) for each in sent[:5]
    ]
    assert [(13, 0.25), (47, 0.5)] == moved
    assert list(range(52)) == [each.arguments[0] for each in sent[5:]]
    np.testing.assert_allclose(np.array(sent[1].arguments, dtype=float), [10, 20, -5], atol=1e-5)
    np.testing.assert_allclose(np.array(sent[3].arguments, dtype=float), [-4, 12], atol=1e-6)


def test_phiz_sends_one_list_of_52(make_state: MakeState) -> None:
    """In Face Cap's order, beside rotations of head and eyes."""
    sent = _sent(FaceOscEncoder(preset="phiz"), make_state(weights={"jawOpen": 0.5}, yaw=20, gaze=GAZE))
    shapes = sent["/phiz/blendshapes"]

    assert ("f" * 52, 0.5, 0.5) == (shapes.tags, shapes.arguments[47], sum(np.array(shapes.arguments, dtype=float)))
    assert ["/phiz/headRotation", "/phiz/leftEyeRotation", "/phiz/rightEyeRotation", "/phiz/blendshapes"] == list(sent)
    np.testing.assert_allclose(
        np.array(sent["/phiz/leftEyeRotation"].arguments, dtype=float),
        space.from_euler_deg(yaw=12.0, pitch=-4.0, roll=0.0),
        atol=1e-7,
    )


def test_face_caps_order_has_every_name_once() -> None:
    """All 52; the indices that the sheet gives."""
    index = {name: i for i, name in enumerate(FACE_CAP_NAMES)}

    assert set(arkit.NAMES) == set(index)
    assert (0, 13, 14, 31, 47, 51) == tuple(
        index[name] for name in ("browInnerUp", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "jawOpen", "tongueOut")
    )


@pytest.mark.parametrize("preset", ["plain", "facecap", "phiz"])
@pytest.mark.parametrize("on_change", [False, True])
def test_no_datagram_exceeds_its_limit(make_state: MakeState, preset: str, on_change: bool) -> None:
    """Whatever is sent, at the smallest limit that the largest message allows."""
    limit = 512 if preset == "phiz" else 256
    encoder = FaceOscEncoder(preset=preset, on_change=on_change, max_bytes=limit)  # type: ignore[arg-type]

    assert max(len(datagram) for datagram in encoder.encode(make_state(seed=1))) <= limit


def test_a_message_larger_than_the_limit_is_refused() -> None:
    """phiz's list of 52 floats does not fit into 256 bytes, bundled or not."""
    for bundled in (True, False):
        with pytest.raises(OscError, match="/phiz/blendshapes needs"):
            FaceOscEncoder(preset="phiz", max_bytes=256, bundled=bundled)


def test_on_change_sends_what_moved(make_state: MakeState) -> None:
    """Everything first, then the one coefficient, then presence alone."""
    encoder = FaceOscEncoder(on_change=True)

    assert 58 == len(_sent(encoder, make_state(t=0.0)))
    assert ["/jawOpen"] == list(_sent(encoder, make_state(weights={"jawOpen": 0.5}, t=0.1)))
    assert ["/presence"] == list(_sent(encoder, make_state(weights={"jawOpen": 0.5}, t=0.2, presence=Presence.HELD)))
    assert [] == list(_sent(encoder, make_state(weights={"jawOpen": 0.5}, t=0.3, presence=Presence.HELD)))


@pytest.mark.parametrize("address", ["jawOpen", "", "/", "/a//b", "/a/", "/a b", "/a*", "/a#", "/a{x}", "/a\n"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """Blanks, patterns, missing and double slashes."""
    with pytest.raises(OscError, match="is not an OSC address"):
        check_address(address)
