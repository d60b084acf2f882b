"""The Live Link Face sheet's packet, both ways."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge import arkit, space
from bridge.types import FaceState
from bridge.wire.livelink import LiveLinkEncoder, decode, parse

HEAD_66 = (
    "0600000024303030303030303030303030303030303030303030303030303030303030303030303030"
    "0000000446616365000030393e8000000000003c000000013d"
)
"""Version, id, "Face", frame 12345 = 0x3039, sub-frame .25 = 0x3e800000, 60/1, 61 = 0x3d."""


@pytest.fixture
def golden_state(make_state: Callable[..., FaceState]) -> FaceState:
    """EyeBlinkLeft .5, JawOpen .25, TongueOut 1; HeadYaw .1, HeadPitch -.2, HeadRoll .3 rad; frame 12345.25 of 60 a second."""
    return make_state(
        weights={"eyeBlinkLeft": 0.5, "jawOpen": 0.25, "tongueOut": 1.0},
        yaw=-math.degrees(0.1),
        pitch=math.degrees(0.2),
        roll=-math.degrees(0.3),
        t=12345.25 / 60,
    )


def test_encode_gives_the_sheets_bytes(golden_state: FaceState) -> None:
    """310 bytes, their beginning and their checksum."""
    packet = bytes(LiveLinkEncoder(subject_name="Face", device_id="0" * 36).encode(golden_state))

    assert HEAD_66 == packet[:66].hex()
    assert 310 == len(packet)
    assert "4b5bfd0acb06c856ff572a2f6d4c718ebf2b08c1e4deec91b79dc8e809679cee" == hashlib.sha256(packet).hexdigest()


def test_the_golden_file_is_what_is_sent(golden_state: FaceState, protocols: Path) -> None:
    """Byte for byte, made by somebody else's program."""
    golden = (protocols / "golden" / "live_link_face.bin").read_bytes()

    assert golden == bytes(LiveLinkEncoder(device_id="0" * 36).encode(golden_state))


def test_the_golden_file_is_a_face(protocols: Path) -> None:
    """Own left, down and own right are positive in bridge space: -.1, +.2, -.3 rad."""
    golden = (protocols / "golden" / "live_link_face.bin").read_bytes()

    packet, faces = parse(golden), decode(golden)

    assert packet is not None
    assert ("0" * 36, "Face", 12345, 0.25, (60, 1)) == (
        packet.device_id,
        packet.subject_name,
        packet.frame,
        packet.sub_frame,
        packet.rate,
    )
    assert faces is not None
    (face,) = faces
    assert {"eyeBlinkLeft": 0.5, "jawOpen": 0.25, "tongueOut": 1.0} == {
        name: weight for name, weight in zip(arkit.NAMES, face.weights.tolist(), strict=True) if weight
    }
    assert face.head is not None
    assert [-0.1, 0.2, -0.3] == [
        pytest.approx(math.radians(angle), abs=1e-7) for angle in space.to_euler_deg(face.head.quat_xyzw)
    ]


def test_a_short_id_is_read_too(protocols: Path) -> None:
    """The sheet's 276 bytes that begin with 06 00000002 "mp": right by the layout, though fixed-offset readers cannot."""
    golden = (protocols / "golden" / "live_link_face.bin").read_bytes()
    short = golden[:1] + b"\0\0\0\2mp" + golden[41:]

    assert (276, "06000000026d70") == (len(short), short[:7].hex())
    faces = decode(short)
    assert faces is not None
    assert [0.5] == faces[0].weights[:1].tolist()
