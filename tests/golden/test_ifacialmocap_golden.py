"""The frames of the iFacialMocap sheet and of the two vendors' pages, both ways."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bridge import arkit, space
from bridge.types import FaceState
from bridge.wire.ifacialmocap import IfacialmocapEncoder, Variant, decode, parse
from bridge.wire.ifacialmocap_requests import START_FACEMOTION3D, START_V1, START_V2

VENDOR_V1 = (
    b"mouthSmile_R-0|eyeLookOut_L-0|mouthUpperUp_L-11|eyeWide_R-0|mouthClose-8|mouthPucker-4|mouthRollLower-9|eyeBlink_R-7|"
    b"eyeLookDown_L-17|cheekSquint_R-11|eyeBlink_L-7|tongueOut-0|jawRight-0|eyeLookIn_R-6|cheekSquint_L-11|mouthDimple_L-10|"
    b"mouthPress_L-4|eyeSquint_L-11|mouthRight-0|mouthShrugLower-9|eyeLookUp_R-0|eyeLookOut_R-0|mouthPress_R-5|cheekPuff-2|"
    b"jawForward-11|mouthLowerDown_L-9|mouthFrown_L-6|mouthShrugUpper-26|browOuterUp_L-4|browInnerUp-20|mouthDimple_R-10|"
    b"browDown_R-0|mouthUpperUp_R-10|mouthRollUpper-8|mouthFunnel-12|mouthStretch_R-21|mouthFrown_R-13|eyeLookDown_R-17|"
    b"jawOpen-12|jawLeft-0|browDown_L-0|mouthSmile_L-0|noseSneer_R-18|mouthLowerDown_R-8|noseSneer_L-21|eyeWide_L-0|"
    b"mouthStretch_L-21|browOuterUp_R-4|eyeLookIn_L-4|eyeSquint_R-11|eyeLookUp_L-0|mouthLeft-1|"
    b"=head#-21.488958,-6.038993,-6.6019735,-0.030653415,-0.10287084,-0.6584072|rightEye#6.0297494,2.4403017,0.25649446|"
    b"leftEye#6.034903,-1.6660284,-0.17520553|"
)
"""From iFacialMocap's page for developers; the sheet has its length, checksum and some of its numbers."""

VENDOR_FACEMOTION3D = (
    b"eyeLookOutLeft&3|mouthPressRight&14|jawForward&8|browInnerUp&19|jawLeft&4|mouthShrugUpper&28|eyeSquintLeft&4|eyeWideLeft&0|"
    b"mouthPucker&5|mouthLowerDownLeft&6|eyeBlinkLeft&29|mouthShrugLower&20|mouthSmileLeft&0|cheekSquintRight&9|eyeWideRight&0|"
    b"mouthFunnel&4|mouthStretchRight&13|browDownRight&2|tongueOut&0|cheekSquintLeft&8|mouthStretchLeft&17|mouthUpperUpRight&10|"
    b"noseSneerLeft&28|browOuterUpLeft&0|eyeLookInRight&15|mouthDimpleRight&7|mouthRollUpper&5|mouthLowerDownRight&6|mouthClose&6|"
    b"mouthFrownLeft&3|eyeBlinkRight&29|mouthFrownRight&2|mouthUpperUpLeft&11|browDownLeft&1|eyeLookOutRight&0|cheekPuff&4|"
    b"eyeLookInLeft&0|mouthDimpleLeft&8|eyeLookDownLeft&36|eyeSquintRight&4|mouthRollLower&7|eyeLookUpLeft&0|eyeLookUpRight&0|"
    b"mouthSmileRight&0|jawRight&0|noseSneerRight&25|mouthPressLeft&13|jawOpen&4|browOuterUpRight&0|eyeLookDownRight&36|"
    b"mouthLeft&1|mouthRight&0|FM_SAD&0|FM_ANGRY&0|FM_VF&0|FM_TH&0|FM_browUpRight&0|FM_browUpLeft&0|"
    b"=head#-22.167973,0.45402408,-4.8798294,-0.039975993,-0.048437987,-0.45562273|rightEye#12.759762,5.527712,1.2244859|"
    b"leftEye#12.862795,1.264116,0.28145725|"
)
"""From Facemotion3d's page."""


def test_the_vendors_frame_is_the_sheets() -> None:
    """934 bytes with the sheet's checksum."""
    assert 934 == len(VENDOR_V1)
    assert "c13922f6741f7176135ae099124a67e4acb7a03342c14756b968b242b5e6f7fb" == hashlib.sha256(VENDOR_V1).hexdigest()


def test_the_vendors_frame_parses_to_the_sheets_numbers() -> None:
    """52 keys whose whole percents sum to 399, the key set of the sheet's table, head rotation and position."""
    parsed = parse(VENDOR_V1)

    assert parsed is not None
    assert 399 == sum(parsed.values.values())
    assert set(arkit.IFACIALMOCAP) == set(parsed.values)
    assert (-21.488958, -6.038993, -6.6019735, -0.030653415, -0.10287084, -0.6584072) == parsed.vectors["head"]
    assert (6.0297494, 2.4403017, 0.25649446) == parsed.vectors["rightEye"]
    assert (6.034903, -1.6660284, -0.17520553) == parsed.vectors["leftEye"]


def test_the_key_set_is_that_of_the_sheets_table(protocols: Path) -> None:
    """Row by row of arkit-mediapipe.md: index, camelCase, iFacialMocap key."""
    text = (protocols / "arkit-mediapipe.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\w+) \| \w+ \| \S+ \| \d+ \| \d+ \| (\w+) \|$", text, flags=re.MULTILINE)

    assert list(zip(arkit.NAMES, arkit.IFACIALMOCAP, strict=True)) == [(name, key) for _, name, key in rows]


def test_the_vendors_frame_is_a_face() -> None:
    """jawOpen .12, browInnerUp .20, mouthStretch_L .21; turned and looking up as the numbers say."""
    faces = decode(VENDOR_V1)

    assert faces is not None
    (face,) = faces
    names = ("jawOpen", "browInnerUp", "mouthStretchLeft")
    assert [0.12, 0.2, 0.21] == [pytest.approx(face.weights[arkit.INDEX[name]]) for name in names]
    assert face.head is not None
    assert [-0.030653415, -0.10287084, -0.6584072] == face.head.position_m.tolist()
    expected = Rotation.from_euler("YXZ", [-6.038993, -21.488958, -6.6019735], degrees=True).as_quat(canonical=True)
    assert pytest.approx(expected, abs=1e-12) == face.head.quat_xyzw


def test_facemotion3ds_frame_is_a_face() -> None:
    """Camel-case names after &; the FM_ values belong to nobody here."""
    faces = decode(VENDOR_FACEMOTION3D)

    assert faces is not None
    (face,) = faces
    by_hand = dict(re.findall(r"(\w+)&(\d+)", VENDOR_FACEMOTION3D.decode()))
    assert [int(by_hand[name]) / 100 for name in arkit.NAMES] == pytest.approx(face.weights)
    assert face.head is not None
    assert (0.45402408, -22.167973, -4.8798294) == pytest.approx(space.to_euler_deg(face.head.quat_xyzw))


def test_facemotion3ds_names_are_those_that_are_sent(make_state: Callable[..., FaceState]) -> None:
    """The vendor's keys, all of them, and no other."""
    sent = parse(IfacialmocapEncoder(variant="facemotion3d", tracking_status=False).encode(make_state()))
    vendors = parse(VENDOR_FACEMOTION3D)

    assert sent is not None
    assert vendors is not None
    assert set(vendors.values) == set(sent.values)
    assert set(vendors.vectors) == set(sent.vectors)


@pytest.mark.parametrize(
    ("variant", "checksum"),
    [
        ("v2", "e3da938b09b93762ecf7f40c8723d76aad524f20725583abe44e65c26214dcd7"),
        ("v1", "7c6875372a827eaa25284d39d528dce843d6e1c7dcca33c5acda50572476f4b8"),
    ],
)
def test_the_sheets_generator(variant: Variant, checksum: str, make_state: Callable[..., FaceState]) -> None:
    """eyeBlink_L 50, jawOpen 25, mouthSmile_R 80; head 10, -20, 5 / .05, -.02, -.45; eyes ahead."""
    state = make_state(
        weights={"eyeBlinkLeft": 0.5, "jawOpen": 0.25, "mouthSmileRight": 0.8},
        pitch=10,
        yaw=-20,
        roll=5,
        position_m=(0.05, -0.02, -0.45),
    )

    frame = IfacialmocapEncoder(variant=variant, tracking_status=False).encode(state)

    sign = b"&" if variant == "v2" else b"-"
    assert frame.startswith(b"eyeBlink_L-50|eyeLookDown_L-0|eyeLookIn_L-0|".replace(b"-", sign))
    assert frame.endswith(
        b"|noseSneer_R-0|tongueOut-0|".replace(b"-", sign) + b"=head#10,-20,5,0.05,-0.02,-0.45|rightEye#0,0,0|leftEye#0,0,0|"
    )
    assert (824, checksum) == (len(frame), hashlib.sha256(frame).hexdigest())


def test_garbage_at_the_end_is_passed_over() -> None:
    """The tail of a real capture: the frame before it is all there."""
    clean = VENDOR_V1.replace(b"leftEye#6.034903,-1.6660284,-0.17520553|", b"leftEye#5.300755,0.32921365,0.03218361|")
    dirty = clean + b"-0.67254096|||||3|"

    faces, expected = decode(dirty), decode(clean)

    assert faces is not None
    assert expected is not None
    assert np.array_equal(expected[0].weights, faces[0].weights)
    assert expected[0].head is not None
    assert faces[0].head is not None
    assert np.array_equal(expected[0].head.quat_xyzw, faces[0].head.quat_xyzw)
    parsed = parse(dirty)
    assert parsed is not None
    assert (5.300755, 0.32921365, 0.03218361) == parsed.vectors["leftEye"]


def test_the_start_strings_are_the_sheets(protocols: Path) -> None:
    """Letter by letter."""
    text = (protocols / "ifacialmocap.md").read_text(encoding="utf-8")

    assert all(
        f"\n{start.decode()}" in text or f"`{start.decode()}`" in text for start in (START_V1, START_V2, START_FACEMOTION3D)
    )
