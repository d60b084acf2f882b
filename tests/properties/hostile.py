"""Packets that no honest sender makes: random bytes, and good packets damaged in every way a network or an enemy can."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

_LARGEST = 2000


def hostile_packets(seed: int, good: Sequence[bytes], count: int) -> Iterator[bytes]:
    """``count`` packets, the same for the same seed: a tenth noise, the others ``good`` ones with up to four kinds of damage."""
    chance = random.Random(seed)
    for _ in range(count):
        if chance.random() < 0.1:
            yield chance.randbytes(chance.randrange(_LARGEST))
            continue
        packet = bytearray(chance.choice(good))
        for _ in range(chance.randrange(5)):
            chance.choice(_DAMAGES)(chance, packet, good)
        yield bytes(packet)


def _flip(chance: random.Random, packet: bytearray, _good: Sequence[bytes]) -> None:
    for _ in range(chance.randrange(1, 8)):
        if packet:
            packet[chance.randrange(len(packet))] = chance.randrange(256)


def _cut(chance: random.Random, packet: bytearray, _good: Sequence[bytes]) -> None:
    del packet[chance.randrange(len(packet) + 1) :]


def _remove(chance: random.Random, packet: bytearray, _good: Sequence[bytes]) -> None:
    start = chance.randrange(len(packet) + 1)
    del packet[start : start + chance.randrange(64)]


def _repeat(chance: random.Random, packet: bytearray, _good: Sequence[bytes]) -> None:
    start = chance.randrange(len(packet) + 1)
    packet[start:start] = packet[start : start + chance.randrange(256)]


def _insert(chance: random.Random, packet: bytearray, good: Sequence[bytes]) -> None:
    other = chance.choice(good)
    start = chance.randrange(len(other) + 1)
    at = chance.randrange(len(packet) + 1)
    packet[at:at] = other[start : start + chance.randrange(256)]


def _extreme(chance: random.Random, packet: bytearray, _good: Sequence[bytes]) -> None:
    """Numbers at their limits: NaN, infinity, the most and the least, in binary and in text."""
    at = chance.randrange(len(packet) + 1)
    packet[at : at + 4] = chance.choice(_EXTREMES)


_EXTREMES = (
    b"\x7f\xc0\x00\x00", b"\x7f\x80\x00\x00", b"\xff\x80\x00\x00", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xff\xff\xff",
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"9" * 400, b"null", b"true", b'""', b"{}", b"[" * 64, b"\0",
)  # fmt: skip
_DAMAGES: tuple[Callable[[random.Random, bytearray, Sequence[bytes]], None], ...] = (
    _flip,
    _cut,
    _remove,
    _repeat,
    _insert,
    _extreme,
)
