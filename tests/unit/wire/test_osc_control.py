"""Commands over OSC: what they mean, and that nothing else means anything."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.wire.osc_control import MOST_COMMANDS, parse_osc_commands


def _sent(address: str, *arguments: object) -> bytes:
    """By an encoder that is not ours."""
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)  # type: ignore[arg-type]
    return bytes(builder.build().dgram)


@pytest.mark.parametrize(
    ("address", "arguments", "command"),
    [
        ("recenter", (), ("recenter", {})),
        ("recenter", (1,), ("recenter", {})),
        ("recenter", (1.0,), ("recenter", {})),
        ("recenter", (True,), ("recenter", {})),
        ("pause", (), ("pause", {})),
        ("resume", (), ("resume", {})),
        ("undo", (), ("calibration.undo", {})),
        ("calibrate", (), ("calibrate", {})),
        ("calibrate", ("wizard",), ("calibrate", {"guide": "wizard"})),
        ("profile", ("Anna B.",), ("calibration.use", {"name": "Anna B."})),
    ],
)
def test_each_command(address: str, arguments: tuple[object, ...], command: tuple[str, dict[str, object]]) -> None:
    """As the control protocol has it."""
    assert (command,) == parse_osc_commands(_sent(f"/avatar-bridge/{address}", *arguments))


@pytest.mark.parametrize(
    ("address", "arguments"),
    [
        ("recenter", (0,)), ("recenter", (0.0,)), ("recenter", (False,)), ("recenter", (float("nan"),)), ("recenter", (-1,)),
        ("calibrate", ("dance",)), ("profile", ()), ("profile", (3,)), ("profile", ("",)), ("profile", ("a\nb",)),
        ("profile", ("x" * 41,)), ("stop", ()), ("recenter/now", ()), ("", ()),
    ],
)  # fmt: skip
def test_what_is_no_command(address: str, arguments: tuple[object, ...]) -> None:
    """A released button, a guide that does not exist, a profile without a name, anything that is not listed."""
    assert () == parse_osc_commands(_sent(f"/avatar-bridge/{address}", *arguments))


def test_other_addresses_are_not_ours() -> None:
    """The port may hear what is meant for another program."""
    assert () == parse_osc_commands(_sent("/avatar/parameters/recenter", 1))
    assert () == parse_osc_commands(_sent("/recenter"))


def test_a_bundle_is_done_in_order_up_to_an_end() -> None:
    """More than a person could mean is left alone."""
    builder = OscBundleBuilder(IMMEDIATELY)
    for name in ("recenter", "calibrate", *["pause"] * 30):
        message = OscMessageBuilder(f"/avatar-bridge/{name}")
        builder.add_content(message.build())
    commands = parse_osc_commands(builder.build().dgram)
    assert ["recenter", "calibrate", "pause"] == [method for method, _ in commands][:3]
    assert MOST_COMMANDS == len(commands)


SEEDS = [_sent("/avatar-bridge/recenter"), _sent("/avatar-bridge/profile", "anna"), _sent("/avatar-bridge/calibrate", 1.0)]


def test_ten_thousand_damaged_packets_do_no_harm() -> None:
    """Cut, flipped, doubled, random: never raises, and what comes out is a command."""
    count = 0

    @settings(max_examples=100, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1))
    def throw(seed: int) -> None:
        nonlocal count
        chance = random.Random(seed)
        for _ in range(100):
            data = bytearray(chance.choice(SEEDS))
            for _ in range(chance.randrange(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            packet = bytes(data[: chance.randrange(len(data) + 1)]) if chance.random() < 0.3 else bytes(data)
            packet = chance.randbytes(chance.randrange(64)) if chance.random() < 0.2 else packet
            for method, params in parse_osc_commands(packet):
                assert method in {"recenter", "pause", "resume", "calibration.undo", "calibrate", "calibration.use"}
                assert all(isinstance(value, str) for value in params.values())
            count += 1

    throw()
    assert count >= 10_000
