"""The VRChat sheet's bytes, its mapping vector, its table of binary parameters, and the vendor's example of eye tracking."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from bridge.mapping.unified import V2, UnifiedMapping
from bridge.types import FaceState, Gaze
from bridge.wire.osc import Message, decode, encode
from bridge.wire.vrchat import VrchatEncoder, parse_from_vrchat
from bridge.wire.vrchat_avatar import AvatarParameters
from bridge.wire.vrchat_eyes import LookForm, look_values

MakeState = Callable[..., FaceState]


def _f32(*values: float) -> tuple[float, ...]:
    return tuple(struct.unpack(f">{len(values)}f", struct.pack(f">{len(values)}f", *values)))


EXAMPLES: dict[str, tuple[Message, str]] = {
    # "/avatar/parameters/FT/v2/JawOpen" is 32 characters + 4 zeros; ",f"; 0.5 = 3f000000.
    "vrc_jaw": (
        Message("/avatar/parameters/FT/v2/JawOpen", "f", (0.5,)),
        "2f6176617461722f706172616d65746572732f46542f76322f4a61774f70656e000000002c6600003f000000",
    ),
    "vrc_bin": (
        Message("/avatar/parameters/FT/v2/JawOpen4", "T", (True,)),
        "2f6176617461722f706172616d65746572732f46542f76322f4a61774f70656e340000002c540000",
    ),
    "vrc_lrvec": (
        Message("/tracking/eye/LeftRightVec", "ffffff", (0.0, 0.0, 1.0, 0.0, 0.0, 1.0)),
        (
            "2f747261636b696e672f6579652f4c656674526967687456656300002c6666666666660000000000000000003f8000000000000000000000"
            "3f800000"
        ),
    ),
    "vrc_closed": (
        Message("/tracking/eye/EyesClosedAmount", "f", (0.25,)),
        "2f747261636b696e672f6579652f45796573436c6f736564416d6f756e7400002c6600003e800000",
    ),
    "vrc_pitchyaw": (
        Message("/tracking/eye/CenterPitchYaw", "ff", _f32(-15.252, 20.128)),
        "2f747261636b696e672f6579652f43656e7465725069746368596177000000002c666600c174083141a10625",
    ),
    "vrc_change": (
        Message("/avatar/change", "s", ("avtr_00000000-0000-0000-0000-000000000000",)),
        (
            "2f6176617461722f6368616e676500002c730000617674725f30303030303030302d303030302d303030302d303030302d30303030303030"
            "3030303030000000"
        ),
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_encode_gives_the_sheets_bytes(name: str) -> None:
    """Every example of the sheet, byte for byte, and backwards."""
    packet, expected = EXAMPLES[name]

    assert (expected, packet) == (encode(packet).hex(), decode(bytes.fromhex(expected)))


def test_the_examples_are_those_of_the_golden_file(protocols: Path) -> None:
    """The bytes above were not mistyped, and none of the file's VRChat packets is missing."""
    golden = json.loads((protocols / "golden" / "osc_vmc_vrchat.json").read_text(encoding="utf-8"))

    assert {name: data for name, data in golden.items() if name.startswith("vrc_")} == {
        name: data for name, (_, data) in EXAMPLES.items()
    }


def _sent(encoder: VrchatEncoder, state: FaceState) -> list[str]:
    return [bytes(datagram).hex() for datagram in encoder.encode(state)]


def test_the_encoder_sends_the_sheets_jaw_lids_and_eyes(make_state: MakeState) -> None:
    """jawOpen .5, one lid half closed, eyes ahead."""
    sent = _sent(VrchatEncoder(bundled=False, look="LeftRightVec"), make_state(weights={"jawOpen": 0.5, "eyeBlinkLeft": 0.5}))

    assert {EXAMPLES[name][1] for name in ("vrc_jaw", "vrc_closed", "vrc_lrvec")} <= set(sent)


def test_the_encoder_sends_the_sheets_bit(make_state: MakeState) -> None:
    """An avatar with three bits of JawOpen."""
    types = {f"/avatar/parameters/FT/v2/JawOpen{bit}": "T" for bit in (1, 2, 4)}
    encoder = VrchatEncoder(avatar=AvatarParameters(avatar_id=None, types=types), bundled=False)

    assert EXAMPLES["vrc_bin"][1] in _sent(encoder, make_state(weights={"jawOpen": 0.6}))


def test_avatar_change_is_understood() -> None:
    """The sheet's packet, as VRChat sends it."""
    data = bytes.fromhex(EXAMPLES["vrc_change"][1])

    assert [("/avatar/change", "avtr_00000000-0000-0000-0000-000000000000")] == parse_from_vrchat(data)


# --- 6. binary parameters ------------------------------------------------------------------------------------------------

JAW_X = "/avatar/parameters/FT/v2/JawX"


@pytest.mark.parametrize(
    ("value", "count", "negative", "expected"),
    [
        (0.6, 3, False, {"1": False, "2": False, "4": True}),
        (-0.3, 4, True, {"1": False, "2": False, "4": True, "8": False, "Negative": True}),
        (-0.3, 4, False, {"1": False, "2": False, "4": False, "8": False}),
        (1.0, 4, False, {"1": True, "2": True, "4": True, "8": True}),
        (0.9999, 4, False, {"1": True, "2": True, "4": True, "8": True}),
    ],
)
def test_binary_parameters_are_those_of_the_sheet(
    value: float, count: int, negative: bool, expected: Mapping[str, bool], make_state: MakeState
) -> None:
    """The table of example 6, through JawX = right - left."""
    types = {f"{JAW_X}{1 << bit}": "T" for bit in range(count)} | ({f"{JAW_X}Negative": "T"} if negative else {})
    encoder = VrchatEncoder(avatar=AvatarParameters(avatar_id=None, types=types), bundled=False, eyes="off")
    side = "jawRight" if value > 0 else "jawLeft"
    messages = [decode(datagram) for datagram in encoder.encode(make_state(weights={side: abs(value)}))]

    assert dict(expected) == {
        each.address.removeprefix(JAW_X): each.arguments[0] for each in messages if isinstance(each, Message)
    }


# --- 7. mapping ----------------------------------------------------------------------------------------------------------

FACE = MappingProxyType({
    "mouthSmileLeft": 0.8, "mouthSmileRight": 0.6, "mouthFrownLeft": 0.1, "mouthStretchLeft": 0.2, "jawRight": 0.3,
    "mouthLeft": 0.4, "mouthRight": 0.1, "eyeBlinkLeft": 0.3, "eyeWideLeft": 0.1, "eyeLookInLeft": 0.3, "eyeLookOutRight": 0.25,
    "browInnerUp": 0.5, "browOuterUpLeft": 0.4, "browDownLeft": 0.1, "mouthUpperUpLeft": 0.1, "mouthUpperUpRight": 0.2,
    "mouthLowerDownLeft": 0.3, "mouthLowerDownRight": 0.4,
})  # fmt: skip

EXPECTED = MappingProxyType({
    "v2/SmileSadLeft": 0.6, "v2/SmileSadRight": 0.6, "v2/SmileSad": 0.6, "v2/SmileFrownLeft": 0.7, "v2/JawX": 0.3,
    "v2/MouthX": -0.3, "v2/EyeLidLeft": 0.55, "v2/EyeLeftX": 0.3, "v2/EyeRightX": 0.25, "v2/BrowUpLeft": 0.44,
    "v2/BrowDownLeft": 0.1, "v2/BrowExpressionLeft": 0.35, "v2/MouthOpen": 0.25,
})  # fmt: skip


def test_the_mapping_vector_is_the_sheets(make_state: MakeState) -> None:
    """Example 7, every value."""
    values = UnifiedMapping(V2).step(make_state(weights=FACE))
    by_name = {each.name: float(value) for each, value in zip(V2, values, strict=True)}

    assert {name: pytest.approx(value, abs=1e-6) for name, value in EXPECTED.items()} == {
        name: by_name[name] for name in EXPECTED
    }


# --- 2. the vendor's eyes ------------------------------------------------------------------------------------------------

# Both eyes look at one point 15 degrees up, 20 right, .5 m away: as LeftRightPitchYaw, in bridge signs (+ own left, + down).
VENDOR_GAZE = Gaze(left_deg=(-23.592, -14.903), right_deg=(-16.503, -15.560))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("LeftRightPitchYaw", (-14.903, 23.592, -15.560, 16.503)),
        ("LeftRightVec", (0.387, 0.257, 0.886, 0.274, 0.268, 0.923)),
        ("CenterPitchYaw", (-15.252, 20.128)),
        ("CenterPitchYawDist", (-15.252, 20.128, 0.503)),
        ("CenterVec", (0.332, 0.263, 0.905)),
        ("CenterVecFull", (0.167, 0.132, 0.456)),
        ("off", ()),
    ],
)
def test_every_look_address_gets_the_vendors_numbers(form: LookForm, expected: tuple[float, ...]) -> None:
    """All forms of the same look, to the digits that the vendor prints."""
    assert pytest.approx(expected, abs=1.1e-3) == look_values(VENDOR_GAZE, form)
