"""OSC 1.0: messages and bundles to bytes and back. Pure, any thread.

Everything is big-endian and a multiple of 4 bytes long. Type tags spoken here: i f s b h d t T F N I. Types are never guessed: a
message says its tags, as receivers check them strictly. Source: the OSC 1.0 specification, opensoundcontrol.org.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

IMMEDIATELY = 1
"""The time tag of a bundle that is due at once."""

MAX_DATAGRAM = 65507
"""Largest UDP payload over IPv4; nothing longer is decoded."""

MAX_DEPTH = 8
"""Bundles within bundles that ``decode`` follows."""

Buffer: TypeAlias = bytes | bytearray | memoryview
Argument: TypeAlias = int | float | str | bytes | bool | None
"""i h t: int; f d: float; s: str; b: bytes; T: True; F: False; N: None; I: the float infinity."""

_BUNDLE = b"#bundle\0"
_EPOCH_1900_S = 2208988800
_NUMBERS = {
    "i": struct.Struct(">i"),
    "f": struct.Struct(">f"),
    "h": struct.Struct(">q"),
    "d": struct.Struct(">d"),
    "t": struct.Struct(">Q"),
}
_CONSTANTS: dict[str, Argument] = {"T": True, "F": False, "N": None, "I": float("inf")}
_INT32 = _NUMBERS["i"]
_TIME = _NUMBERS["t"]


class OscError(ValueError):
    """Bytes that are not OSC, or values that OSC cannot carry."""


class UnknownTags(OscError):
    """A well-formed message with arguments of a type not spoken here, or without type tags; to be dropped as a whole."""


@dataclass(frozen=True, slots=True)
class Message:
    """One address with its arguments."""

    address: str
    tags: str = ""
    """One letter per argument, without the comma."""
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """Packets that belong together."""

    elements: tuple[Message | Bundle, ...]
    time_tag: int = IMMEDIATELY
    """64 bits: NTP seconds since 1900 and their binary fraction."""


Packet: TypeAlias = Message | Bundle


def time_tag(unix_s: float) -> int:
    """Seconds since 1970 -> OSC time tag."""
    return round((unix_s + _EPOCH_1900_S) * 4294967296.0)


# --- to bytes --------------------------------------------------------------------------------------------------------


def encode(packet: Packet) -> bytes:
    """The packet's bytes. Raises OscError for values that do not fit their tag."""
    if isinstance(packet, Bundle):
        parts = [_BUNDLE, _TIME.pack(packet.time_tag)]
        for element in packet.elements:
            data = encode(element)
            parts += [_INT32.pack(len(data)), data]
        return b"".join(parts)
    if len(packet.tags) != len(packet.arguments):
        raise OscError(f"{packet.address}: {len(packet.arguments)} arguments for the tags {packet.tags!r}")
    if not packet.address.startswith("/"):
        raise OscError(f"{packet.address!r} is not an OSC address: it must begin with /")
    parts = [encode_string(packet.address), encode_string("," + packet.tags)]
    parts += map(encode_argument, packet.tags, packet.arguments)
    return b"".join(parts)


def encode_string(text: str) -> bytes:
    """UTF-8, then one to four zero bytes. Raises OscError for text with a zero byte in it."""
    data = text.encode()
    if b"\0" in data:
        raise OscError(f"{text!r} contains a zero character")
    return data + b"\0" * (4 - len(data) % 4)


def encode_argument(tag: str, argument: Argument) -> bytes:
    """The bytes of one argument; none for T F N I. Raises OscError for a value that does not fit its tag."""
    if tag in _CONSTANTS:
        return b""
    if tag == "s" and isinstance(argument, str):
        return encode_string(argument)
    if tag == "b" and isinstance(argument, bytes):
        return _INT32.pack(len(argument)) + argument + b"\0" * (-len(argument) % 4)
    number = _NUMBERS.get(tag)
    if number is None or not isinstance(argument, int | float) or isinstance(argument, bool):
        raise OscError(f"{argument!r} cannot be sent as type {tag!r}")
    try:
        return number.pack(argument)
    except (struct.error, OverflowError) as error:
        raise OscError(f"{argument!r} does not fit into type {tag!r}") from error


# --- from bytes ------------------------------------------------------------------------------------------------------


def decode(data: Buffer) -> Packet:
    """The message or bundle in one datagram. Inside bundles, messages of unknown types are left out.

    Raises UnknownTags when the datagram is one such message, OscError for everything that is not exactly one OSC packet.
    Neither work nor memory exceeds a small multiple of the datagram's length.
    """
    view = memoryview(data)
    if len(view) > MAX_DATAGRAM:
        raise OscError(f"{len(view)} bytes are more than a datagram can hold")
    return _decode_packet(bytes(view), 0, len(view), 0)


def messages(data: Buffer) -> tuple[Message, ...]:
    """All messages of one datagram in their order, those of unknown types left out. Raises OscError as ``decode``."""
    try:
        return tuple(_flattened(decode(data)))
    except UnknownTags:
        return ()


def elements(data: bytes) -> list[bytes]:
    """The packets in a bundle, one level deep and not decoded; of anything that is no bundle, itself.

    For receivers of many messages that are alike but for their last bytes. Raises OscError where a bundle is broken.
    """
    if not data.startswith(_BUNDLE):
        return [data]
    position, end = len(_BUNDLE) + _TIME.size, len(data)
    found: list[bytes] = []
    while position < end:
        if end - position < _INT32.size:
            raise OscError("a bundle that ends inside a length")
        (size,) = _INT32.unpack_from(data, position)
        position += _INT32.size
        if not 0 < size <= end - position:
            raise OscError(f"an element of {size} bytes in a bundle with {end - position} left")
        found.append(data[position : position + size])
        position += size
    return found


def _flattened(packet: Packet) -> Iterator[Message]:
    if isinstance(packet, Message):
        yield packet
        return
    for element in packet.elements:
        yield from _flattened(element)


def _decode_packet(data: bytes, start: int, end: int, depth: int) -> Packet:
    if (end - start) % 4 or end == start:
        raise OscError(f"{end - start} bytes are not an OSC packet: its length is a multiple of 4")
    if data.startswith(_BUNDLE, start, end):
        return _decode_bundle(data, start + len(_BUNDLE), end, depth)
    if data[start] != ord("/"):
        raise OscError("neither an address that begins with / nor a bundle")
    address, position = _decode_string(data, start, end)
    if position == end:
        return Message(address)  # old senders leave out the tags of a message without arguments
    if data[position] != ord(","):
        raise UnknownTags(f"{address}: no type tags")
    tags, position = _decode_string(data, position, end)
    arguments: list[Argument] = []
    for tag in tags[1:]:
        argument, position = _decode_argument(tag, data, position, end)
        arguments.append(argument)
    if position != end:
        raise OscError(f"{address}: {end - position} bytes too many")
    return Message(address, tags[1:], tuple(arguments))


def _decode_bundle(data: bytes, position: int, end: int, depth: int) -> Bundle:
    if depth >= MAX_DEPTH:
        raise OscError(f"bundles nested more than {MAX_DEPTH} deep")
    if end - position < _TIME.size:
        raise OscError("a bundle ends before its time tag")
    (tag,) = _TIME.unpack_from(data, position)
    position += _TIME.size
    elements: list[Packet] = []
    while position < end:
        (size,) = _INT32.unpack_from(data, position)  # 4 bytes are left: all lengths are multiples of 4
        position += _INT32.size
        if not 0 < size <= end - position:
            raise OscError(f"an element of {size} bytes in a bundle with {end - position} left")
        with contextlib.suppress(UnknownTags):
            elements.append(_decode_packet(data, position, position + size, depth + 1))
        position += size
    return Bundle(tuple(elements), tag)


def _decode_string(data: bytes, start: int, end: int) -> tuple[str, int]:
    zero = data.find(b"\0", start, end)
    if zero < 0:
        raise OscError("a string without its closing zero")
    after = zero + 4 - (zero - start) % 4
    if after > end or data[zero:after].strip(b"\0"):
        raise OscError("a string that is not filled up with zeros")
    try:
        return data[start:zero].decode(), after
    except UnicodeDecodeError as error:
        raise OscError("a string that is not UTF-8") from error


def _decode_argument(tag: str, data: bytes, position: int, end: int) -> tuple[Argument, int]:
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], position
    if tag == "s":
        return _decode_string(data, position, end)
    number = _INT32 if tag == "b" else _NUMBERS.get(tag)
    if number is None:
        raise UnknownTags(f"type tag {tag!r}")
    if end - position < number.size:
        raise OscError(f"the message ends inside an argument of type {tag!r}")
    (value,) = number.unpack_from(data, position)
    position += number.size
    if tag != "b":
        return value, position
    after = position + value + -value % 4
    if value < 0 or after > end:
        raise OscError(f"a blob of {value} bytes in a message with {end - position} left")
    return data[position : position + value], after


# --- datagrams -------------------------------------------------------------------------------------------------------


def pack_bundles(groups: Sequence[Sequence[Message]], *, max_bytes: int) -> list[Bundle]:
    """Messages in as few bundles of at most ``max_bytes`` as keep their order; every group begins a bundle of its own.

    Raises OscError for a message that does not fit by itself.
    """
    bundles: list[Bundle] = []
    for group in groups:
        taken: list[Message] = []
        size = len(_BUNDLE) + _TIME.size
        for message in group:
            needs = _INT32.size + len(encode(message))
            if taken and size + needs > max_bytes:
                bundles.append(Bundle(tuple(taken)))
                taken, size = [], len(_BUNDLE) + _TIME.size
            if size + needs > max_bytes:
                raise OscError(f"{message.address} needs {size + needs} bytes, more than the {max_bytes} of a datagram")
            taken.append(message)
            size += needs
        if taken:
            bundles.append(Bundle(tuple(taken)))
    return bundles
