"""The OSC sheet's bytes, both ways."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage

from bridge.wire.osc import Bundle, Message, Packet, decode, encode, time_tag

FLOAT32_TENTHS = tuple(struct.unpack(">f", struct.pack(">f", value))[0] for value in (1.234, 5.678))

EXAMPLES: dict[str, tuple[Packet, str]] = {
    # 23 characters + 1 zero, ",f" + 2 zeros, 440 = 0x43dc0000. The specification's own example.
    "osc_freq": (
        Message("/oscillator/4/frequency", "f", (440.0,)),
        "2f6f7363696c6c61746f722f342f6672657175656e6379002c66000043dc0000",
    ),
    # ",iisff" is 6 characters + 2 zeros; "hello" + 3 zeros. The specification's own example.
    "osc_foo": (
        Message("/foo", "iisff", (1000, -1, "hello", *FLOAT32_TENTHS)),
        "2f666f6f000000002c69697366660000000003e8ffffffff68656c6c6f0000003f9df3b640b5b22d",
    ),
    # An address of 8 characters is followed by four zeros: a string always ends with one.
    "osc_jaw": (Message("/jawOpen", "f", (0.25,)), "2f6a61774f70656e000000002c6600003e800000"),
    "osc_W": (Message("/W", "if", (9, 0.5)), "2f5700002c696600000000093f000000"),
    # True and False are tags without data.
    "osc_T": (Message("/a", "T", (True,)), "2f6100002c540000"),
    "osc_F": (Message("/a", "F", (False,)), "2f6100002c460000"),
    # 1700000000.5 s + 2208988800 s = 0xe8fe6f80, half a second = 0x80000000; the element has 20 = 0x14 bytes.
    "osc_bundle_ntp": (
        Bundle((Message("/jawOpen", "f", (0.25,)),), time_tag(1700000000.5)),
        "2362756e646c6500e8fe6f8080000000000000142f6a61774f70656e000000002c6600003e800000",
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


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_those_of_the_golden_file(name: str, protocols: Path) -> None:
    """The bytes above were not mistyped."""
    golden = json.loads((protocols / "golden" / "osc_vmc_vrchat.json").read_text(encoding="utf-8"))

    assert golden[name] == EXAMPLES[name][1]


def test_every_golden_packet_survives_decode_and_encode(protocols: Path) -> None:
    """All OSC bytes of the golden file, those of VMC and VRChat too, come out as they went in."""
    golden = json.loads((protocols / "golden" / "osc_vmc_vrchat.json").read_text(encoding="utf-8"))

    assert golden == {name: encode(decode(bytes.fromhex(data))).hex() for name, data in golden.items()}


@pytest.mark.parametrize("name", [name for name, (packet, _) in EXAMPLES.items() if isinstance(packet, Message)])
def test_python_osc_reads_the_same(name: str) -> None:
    """An independent decoder finds the same address and arguments."""
    packet, _ = EXAMPLES[name]
    assert isinstance(packet, Message)
    theirs = OscMessage(encode(packet))

    assert (packet.address, list(packet.arguments)) == (theirs.address, theirs.params)


def test_python_osc_reads_the_bundle() -> None:
    """An independent decoder finds the bundle's one message and its time."""
    packet, _ = EXAMPLES["osc_bundle_ntp"]
    theirs = OscBundle(encode(packet))

    assert (1700000000.5, 1, "/jawOpen") == (theirs.timestamp, theirs.num_contents, theirs.content(0).address)


def test_the_remaining_types_have_the_specifications_layout() -> None:
    """h, d, t are 8 bytes big-endian, a blob is its length, its bytes and zeros up to a multiple of 4, N and I carry nothing."""
    packet = Message("/x", "hdtbNIs", (-2, 0.5, 1, b"\x01\x02\x03\x04\x05", None, float("inf"), "ü"))
    expected = b"/x\0\0" + b",hdtbNIs\0\0\0\0"
    expected += b"\xff" * 7 + b"\xfe" + b"\x3f\xe0" + b"\0" * 6 + b"\0" * 7 + b"\x01"
    expected += b"\0\0\0\x05\x01\x02\x03\x04\x05\0\0\0" + b"\xc3\xbc\0\0"

    assert (expected, packet) == (encode(packet), decode(expected))
