"""The VMC sheet's bytes, both ways, and in what the encoder really sends."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge import arkit, space
from bridge.types import FaceState
from bridge.wire.osc import Bundle, Message, Packet, decode, encode
from bridge.wire.vmc import VmcEncoder
from bridge.wire.vmc_decode import VmcDecoder


def _f32(*values: float) -> tuple[float, ...]:
    """The nearest float32 of each, as Python floats."""
    return tuple(struct.unpack(f">{len(values)}f", struct.pack(f">{len(values)}f", *values)))


GOLDEN_HEAD = _f32(0.0782043543, -0.1765666723, 0.0579132789, 0.9794663554)
"""MediaPipe yaw 20, pitch 10, roll -5 in Unity's axes: (x, -y, -z, w) of (0.078, 0.177, -0.058, 0.979); scipy."""

EXAMPLES: dict[str, tuple[Packet, str]] = {
    # "/VMC/Ext/OK" is 11 characters + 1 zero; ",i"; 1.
    "vmc_ok1": (Message("/VMC/Ext/OK", "i", (1,)), "2f564d432f4578742f4f4b002c69000000000001"),
    # V2.7: loaded, calibrated (3), normal mode (0), tracking good (1).
    "vmc_ok4": (
        Message("/VMC/Ext/OK", "iiii", (1, 3, 0, 1)),
        "2f564d432f4578742f4f4b002c6969696900000000000001000000030000000000000001",
    ),
    # 1.5 = 0x3fc00000.
    "vmc_t": (Message("/VMC/Ext/T", "f", (1.5,)), "2f564d432f4578742f5400002c6600003fc00000"),
    # 17 characters + 3 zeros; ",sfffffff" + 3; "Head" + 4; position 0 0 0; the rotation.
    "vmc_head": (
        Message("/VMC/Ext/Bone/Pos", "sfffffff", ("Head", 0.0, 0.0, 0.0, *GOLDEN_HEAD)),
        (
            "2f564d432f4578742f426f6e652f506f730000002c736666666666666600000048656164000000000000000000000000000000003da0299bbe34cde5"
            "3d6d36793f7abe4f"
        ),
    ),
    "vmc_root": (
        Message("/VMC/Ext/Root/Pos", "sfffffff", ("root", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
        (
            "2f564d432f4578742f526f6f742f506f730000002c7366666666666666000000726f6f74000000000000000000000000000000000000000000000000"
            "000000003f800000"
        ),
    ),
    "vmc_blendA": (
        Message("/VMC/Ext/Blend/Val", "sf", ("A", 0.5)),
        "2f564d432f4578742f426c656e642f56616c00002c736600410000003f000000",
    ),
    # No arguments, and still a type-tag string: 2c000000.
    "vmc_apply": (Message("/VMC/Ext/Blend/Apply"), "2f564d432f4578742f426c656e642f4170706c79000000002c000000"),
    # Time tag "immediately", then 44 = 0x2c and 28 = 0x1c bytes.
    "vmc_bundle": (
        Bundle((Message("/VMC/Ext/Blend/Val", "sf", ("EyeBlinkLeft", 0.25)), Message("/VMC/Ext/Blend/Apply"))),
        (
            "2362756e646c650000000000000000010000002c2f564d432f4578742f426c656e642f56616c00002c736600457965426c696e6b4c656674000000003e"
            "8000000000001c2f564d432f4578742f426c656e642f4170706c79000000002c000000"
        ),
    ),
    "vmc_eye": (
        Message("/VMC/Ext/Set/Eye", "ifff", (1, *_f32(0.05, 0.02, 0.3))),
        "2f564d432f4578742f5365742f457965000000002c69666666000000000000013d4ccccd3ca3d70a3e99999a",
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_encode_gives_the_sheets_bytes(name: str) -> None:
    """Every example of the sheet, byte for byte."""
    packet, expected = EXAMPLES[name]

    assert expected == encode(packet).hex()


@pytest.mark.parametrize("name", EXAMPLES)
def test_decode_gives_the_sheets_values(name: str) -> None:
    """Every example of the sheet, backwards."""
    packet, data = EXAMPLES[name]

    assert packet == decode(bytes.fromhex(data))


def test_the_examples_are_those_of_the_golden_file(protocols: Path) -> None:
    """The bytes above were not mistyped, and none of the file's VMC packets is missing."""
    golden = json.loads((protocols / "golden" / "osc_vmc_vrchat.json").read_text(encoding="utf-8"))

    assert {name: data for name, data in golden.items() if name.startswith("vmc_")} == {
        name: data for name, (_, data) in EXAMPLES.items()
    }


def _sent(encoder: VmcEncoder, state: FaceState) -> list[str]:
    return [bytes(datagram).hex() for datagram in encoder.encode(state)]


@pytest.mark.parametrize("name", ["vmc_ok1", "vmc_t", "vmc_head", "vmc_root", "vmc_apply"])
def test_a_performer_sends_the_sheets_messages(name: str, make_state: Callable[..., FaceState]) -> None:
    """Root, the golden head (all of it in the head: neck 0), Apply, OK and T at 1.5 s go out with exactly these bytes."""
    encoder = VmcEncoder(neck=0.0, bundled=False)
    encoder.encode(make_state(t=100.0))

    assert EXAMPLES[name][1] in _sent(encoder, make_state(yaw=20, pitch=10, roll=-5, t=101.5))


def test_the_long_ok_goes_out_as_in_the_sheet(make_state: Callable[..., FaceState]) -> None:
    """ok=4 while the face is tracked."""
    assert EXAMPLES["vmc_ok4"][1] in _sent(VmcEncoder(ok_fields=4, bundled=False), make_state())


def test_an_open_jaw_is_the_sheets_a(make_state: Callable[..., FaceState]) -> None:
    """names=vrm0, jawOpen .5 and nothing else."""
    encoder = VmcEncoder(names="vrm0", bundled=False)

    assert EXAMPLES["vmc_blendA"][1] in _sent(encoder, make_state(weights={"jawOpen": 0.5}))


# --- received --------------------------------------------------------------------------------------------------------------


def test_the_sheets_frame_is_a_face() -> None:
    """Head, the bundle of EyeBlinkLeft .25 with Apply, OK and T: yaw 20, pitch 10, roll -5 and one closed-a-quarter left eye."""
    decoder = VmcDecoder()
    outcomes = [decoder.decode(bytes.fromhex(EXAMPLES[name][1])) for name in ("vmc_head", "vmc_bundle", "vmc_ok4", "vmc_t")]

    assert [0, 1, 0, 0] == [len(faces or ()) for faces in outcomes]
    (face,) = outcomes[1] or ()
    assert {"eyeBlinkLeft": 0.25} == {
        name: value for name, value in zip(arkit.NAMES, face.weights.tolist(), strict=True) if value
    }
    assert face.head is not None
    assert (20.0, 10.0, -5.0) == pytest.approx(space.to_euler_deg(face.head.quat_xyzw), abs=1e-5)


def test_the_sheets_a_is_an_open_jaw() -> None:
    """The VRM 0 preset, half of it, then Apply."""
    decoder = VmcDecoder()
    assert None is decoder.decode(bytes.fromhex(EXAMPLES["vmc_blendA"][1]))
    (face,) = decoder.decode(bytes.fromhex(EXAMPLES["vmc_apply"][1])) or ()

    assert {"jawOpen": 0.5} == {name: value for name, value in zip(arkit.NAMES, face.weights.tolist(), strict=True) if value}


def test_an_ok_without_a_model_is_nobody() -> None:
    """The sheet's OK with its last byte 0."""
    assert () == VmcDecoder().decode(bytes.fromhex(EXAMPLES["vmc_ok1"][1][:-2] + "00"))
