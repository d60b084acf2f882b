"""Live Link Face packets, read by PyLiveLinkFace, a library of somebody else's; and its packets, read by us."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pylivelinkface import FaceBlendShape, PyLiveLinkFace

from bridge import arkit, space
from bridge.types import FaceState, Gaze, Presence
from bridge.wire.livelink import DEVICE_ID, LiveLinkEncoder, decode, frame_time, parse

MakeState = Callable[..., FaceState]


def _read(state: FaceState, **options: Any) -> PyLiveLinkFace:
    found, packet = PyLiveLinkFace.decode(bytes(LiveLinkEncoder(**options).encode(state)))
    assert found
    return packet


def _theirs(name: str) -> FaceBlendShape:
    return FaceBlendShape[name[0].upper() + name[1:]]


@pytest.mark.parametrize("seed", range(20))
def test_pylivelinkface_reads_every_value(seed: int, make_state: MakeState) -> None:
    """All 52 under their own names, as the float32 they are; the head: + own right, + up, + own left, radians."""
    state = make_state(seed=seed)
    assert state.head is not None

    packet = _read(state)

    assert state.weights.tolist() == [packet.get_blendshape(_theirs(name)) for name in arkit.NAMES]
    yaw, pitch, roll = space.to_euler_deg(state.head.quat_xyzw)
    expected = [math.radians(-yaw), math.radians(-pitch), math.radians(-roll)]
    angles = (FaceBlendShape.HeadYaw, FaceBlendShape.HeadPitch, FaceBlendShape.HeadRoll)
    assert expected == pytest.approx([packet.get_blendshape(angle) for angle in angles], abs=1e-6)


def test_pylivelinkface_reads_who_sends(make_state: MakeState) -> None:
    """Version, name, frame time, rate."""
    packet = _read(make_state(t=2.5 + 0.25 / 30), subject_name="Zoë Ä", rate=30)

    assert (6, "Zoë Ä", 75, 0.25, 30, 1) == (
        packet._version,
        packet.name,
        packet._frames,
        packet._sub_frame,
        packet.fps,
        packet._denominator,
    )
    assert f"${DEVICE_ID}" == packet.uuid


def test_eyes_look_where_the_gaze_does(make_state: MakeState) -> None:
    """Own left is yaw -, down is pitch +, each eye by its name."""
    packet = _read(make_state(gaze=Gaze(left_deg=(30.0, 20.0), right_deg=(-10.0, -5.0))))

    names = [f"{eye}{angle}" for eye, angle in itertools.product(("LeftEye", "RightEye"), ("Yaw", "Pitch", "Roll"))]
    assert [-30, 20, 0, 10, -5, 0] == [
        pytest.approx(math.degrees(packet.get_blendshape(FaceBlendShape[name])), abs=1e-4) for name in names
    ]


def test_their_packets_are_read(make_state: MakeState) -> None:
    """Whatever they write comes back under the same names."""
    theirs = PyLiveLinkFace("Them", DEVICE_ID)
    values = np.linspace(0.01, 0.9, 61).astype(np.float32)
    for shape, value in zip(FaceBlendShape, values.tolist(), strict=True):
        theirs.set_blendshape(shape, value, no_filter=True)

    packet, faces = parse(theirs.encode()), decode(theirs.encode())

    assert packet is not None
    assert ("Them", DEVICE_ID) == (packet.subject_name, packet.device_id)
    assert faces is not None
    assert [theirs.get_blendshape(_theirs(name)) for name in arkit.NAMES] == faces[0].weights.tolist()
    assert faces[0].head is not None
    yaw, pitch, roll = space.to_euler_deg(faces[0].head.quat_xyzw)
    assert values[52:55].tolist() == pytest.approx([-math.radians(yaw), -math.radians(pitch), -math.radians(roll)], abs=1e-6)


def test_a_lost_face_eases_or_is_absent(make_state: MakeState) -> None:
    """rest: values as ever. short: the packet without them, which PyLiveLinkFace and we take for no face."""
    lost = make_state(presence=Presence.LOST, weights={"jawOpen": 0.25})
    whole = bytes(LiveLinkEncoder().encode(lost))
    short = bytes(LiveLinkEncoder(absent="short").encode(lost))

    assert PyLiveLinkFace.decode(whole)[0]
    assert not PyLiveLinkFace.decode(short)[0]
    assert () == decode(short)
    assert whole.startswith(short)
    assert 245 == len(whole) - len(short)
    assert PyLiveLinkFace.decode(bytes(LiveLinkEncoder(absent="short").encode(make_state(presence=Presence.HELD))))[0]


def test_inverted(make_state: MakeState) -> None:
    """Each switch turns its own value; on the other end the same switch turns it back."""
    state = make_state(weights={"mouthLeft": 0.5}, yaw=20, pitch=10, roll=5, gaze=Gaze(left_deg=(1.0, 2.0), right_deg=(3.0, 4.0)))
    plain = _read(state)
    shapes = {
        "yaw": FaceBlendShape.HeadYaw,
        "pitch": FaceBlendShape.HeadPitch,
        "roll": FaceBlendShape.HeadRoll,
        "eye-yaw": FaceBlendShape.LeftEyeYaw,
        "eye-pitch": FaceBlendShape.RightEyePitch,
    }
    for sign, shape in shapes.items():
        turned = _read(state, inverted=(sign,))
        assert {each: -1.0 if each is shape else 1.0 for each in shapes.values()} == {
            each: pytest.approx(turned.get_blendshape(each) / plain.get_blendshape(each)) for each in shapes.values()
        }
    mouth = _read(state, inverted=("mouth",))
    assert (0.0, 0.5) == (mouth.get_blendshape(FaceBlendShape.MouthLeft), mouth.get_blendshape(FaceBlendShape.MouthRight))

    faces = decode(bytes(LiveLinkEncoder(inverted=("mouth", "yaw")).encode(state)), inverted=("mouth", "yaw"))

    assert faces is not None
    assert np.array_equal(state.weights, faces[0].weights)
    assert state.head is not None
    assert faces[0].head is not None
    assert state.head.quat_xyzw == pytest.approx(faces[0].head.quat_xyzw, abs=1e-6)


def test_without_a_head_its_angles_are_0(make_state: MakeState) -> None:
    """And none of them is -0."""
    values = struct.unpack(">9f", bytes(LiveLinkEncoder().encode(make_state(head=None)))[-36:])

    assert ["0.0"] * 9 == [str(value) for value in values]


@pytest.mark.parametrize(
    ("t_s", "rate", "expected"),
    [
        (0.0, 60, (0, 0.0)),
        (1 / 60, 60, (1, 0.0)),
        (12345.25 / 60, 60, (12345, 0.25)),
        (0.1 * 3, 10, (3, 0.0)),
        (0.29, 100, (29, 0.0)),
        (2.0**31 / 60 + 1 / 60, 60, (1, 0.0)),
    ],
)
def test_frame_times_follow_the_clock(t_s: float, rate: int, expected: tuple[int, float]) -> None:
    """Whole frames are whole in spite of binary fractions; int32 begins again at 0."""
    assert expected == frame_time(t_s, rate)


@pytest.mark.parametrize("device_id", ["", "mp", "0" * 35, "0" * 37, "ä" * 36])
def test_the_id_has_36_characters(device_id: str) -> None:
    """Most decoders read at fixed offsets."""
    with pytest.raises(ValueError, match="36"):
        LiveLinkEncoder(device_id=device_id)


def _golden(make_state: MakeState) -> bytes:
    return bytes(LiveLinkEncoder().encode(make_state(seed=1)))


def test_packets_that_are_none(make_state: MakeState) -> None:
    """Other versions, other counts, texts that end nowhere, numbers that are none."""
    good = _golden(make_state)
    assert decode(good) is not None
    count_at = len(good) - 245
    bad = [
        b"",
        good[:1],
        bytes([5]) + good[1:],
        good[:1] + struct.pack(">i", -1) + good[5:],
        good[:1] + struct.pack(">i", 2**31 - 1) + good[5:],
        good[:41] + struct.pack(">i", 4000) + good[45:],
        good[:count_at] + bytes([60]) + good[count_at + 1 :],
        good[:-1],
        good[:-4] + struct.pack(">f", math.nan),
        good[:-4] + struct.pack(">f", math.inf),
        good[:-36] + struct.pack(">f", 100.0) + good[-32:],
    ]

    assert [None] * len(bad) == [decode(data) for data in bad]


def test_packets_without_values_are_no_face(make_state: MakeState) -> None:
    """Cut off after the name, after the frame time, or with a count of 0."""
    good = _golden(make_state)
    count_at = len(good) - 245

    assert [()] * 3 == [decode(data) for data in (good[: count_at - 16], good[:count_at], good[:count_at] + b"\0")]


def test_coefficients_end_at_0_and_1(make_state: MakeState) -> None:
    """As every source's do."""
    good = _golden(make_state)
    values_at = len(good) - 244
    faces = decode(good[:values_at] + struct.pack(">2f", -0.5, 1.5) + good[values_at + 8 :])

    assert faces is not None
    assert [0.0, 1.0] == faces[0].weights[:2].tolist()
    assert not faces[0].weights.flags.writeable
