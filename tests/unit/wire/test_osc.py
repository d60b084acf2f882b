"""OSC packets: what is refused, what is dropped, how messages are put into bundles."""

from __future__ import annotations

import pytest

from bridge.wire.osc import (
    MAX_DATAGRAM,
    MAX_DEPTH,
    Bundle,
    Message,
    OscError,
    Packet,
    UnknownTags,
    decode,
    elements,
    encode,
    messages,
    pack_bundles,
    time_tag,
)

JAW = Message("/jawOpen", "f", (0.25,))
BUNDLE_HEAD = b"#bundle\0" + b"\0" * 7 + b"\x01"


@pytest.mark.parametrize(
    "message",
    [
        Message("jawOpen", "f", (0.25,)),
        Message("/a", "ff", (1.0,)),
        Message("/a", "i", (2**31,)),
        Message("/a", "f", (1e39,)),
        Message("/a", "f", ("1",)),
        Message("/a", "i", (True,)),
        Message("/a", "i", (1.5,)),
        Message("/a", "s", (b"x",)),
        Message("/a", "s", ("x\0y",)),
        Message("/a\0b"),
        Message("/a", "b", ("x",)),
        Message("/a", "Q", (1,)),
    ],
    ids=str,
)
def test_encode_refuses_values_that_do_not_fit_their_tag(message: Message) -> None:
    """Nothing is guessed, rounded or cut: a wrong value is an OscError, not a wrong packet."""
    with pytest.raises(OscError):
        encode(message)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "an empty datagram"),
        (b"/a\0\0,f\0\0\x3f\x80\0", "a length that is not a multiple of 4"),
        (b"jaw\0,f\0\0\x3f\x80\0\0", "an address without its slash"),
        (b"/abcdefg", "an address without its closing zero"),
        (b"/a\0x,\0\0\0", "an address filled up with something else than zeros"),
        (b"/\xff\0\0,\0\0\0", "an address that is not UTF-8"),
        (b"/a\0\0,ff\0\x3f\x80\0\0", "an argument missing"),
        (b"/a\0\0,h\0\0\0\0\0\0", "half of an argument"),
        (b"/a\0\0,i\0\0\0\0\0\1\0\0\0\1", "bytes after the last argument"),
        (b"/a\0\0,s\0\0abcd", "a string argument without its closing zero"),
        (b"/a\0\0,b\0\0\0\0\0\x08abcd", "a blob longer than the packet"),
        (b"/a\0\0,b\0\0\xff\xff\xff\xfcabcd", "a blob of negative length"),
        (b"#bundle\0\0\0\0\0", "a bundle without a whole time tag"),
        (BUNDLE_HEAD + b"\0\0\0\x40/a\0\0,\0\0\0", "an element larger than the packet"),
        (BUNDLE_HEAD + b"\0\0\0\x00", "an element of no bytes"),
        (BUNDLE_HEAD + b"\xff\xff\xff\xfc/a\0\0,\0\0\0", "an element of negative size"),
        (BUNDLE_HEAD + b"\0\0\0\x06/a\0\0,\0\0\0", "an element whose size is not a multiple of 4"),
        (BUNDLE_HEAD + b"\0\0\0\x04abc\0", "an element that is neither message nor bundle"),
        (b"/a\0\0,\0\0\0" + b"\0" * MAX_DATAGRAM, "more bytes than a datagram has"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_decode_refuses(data: bytes, why: str) -> None:
    """Everything that is not exactly one packet is an OscError."""
    with pytest.raises(OscError) as caught:
        decode(data)

    assert not isinstance(caught.value, UnknownTags), why


def _nested(depth: int) -> Packet:
    packet: Packet = JAW
    for _ in range(depth):
        packet = Bundle((packet,))
    return packet


def test_bundles_nest_up_to_the_limit() -> None:
    """MAX_DEPTH bundles within each other are read, one more is refused: a small packet cannot exhaust the stack."""
    assert _nested(MAX_DEPTH) == decode(encode(_nested(MAX_DEPTH)))

    with pytest.raises(OscError, match="nested"):
        decode(encode(_nested(MAX_DEPTH + 1)))


@pytest.mark.parametrize("data", [b"/a\0\0,Q\0\0\0\0\0\1", b"/a\0\0,iQ\0\0\0\0\1", b"/a\0\0\0\0\0\1"], ids=["Q", "iQ", "no tags"])
def test_a_message_of_unknown_types_is_dropped_as_a_whole(data: bytes) -> None:
    """Unknown tags, or arguments without tags: no message, and no error for who reads them all."""
    with pytest.raises(UnknownTags):
        decode(data)

    assert () == messages(data)


def test_a_message_of_unknown_types_leaves_its_bundle_alone() -> None:
    """Its neighbours in the bundle are read."""
    unknown = b"/a\0\0,Q\0\0\0\0\0\1"
    jaw = encode(JAW)
    data = BUNDLE_HEAD + b"\0\0\0\x0c" + unknown + b"\0\0\0\x14" + jaw

    assert Bundle((JAW,)) == decode(data)


def test_an_address_alone_is_a_message() -> None:
    """Old senders leave out the type tags of a message without arguments."""
    assert Message("/a") == decode(b"/a\0\0")


def test_messages_come_in_their_order_out_of_nested_bundles() -> None:
    """Depth first, as they stand in the datagram; a bare message is one."""
    a, b, c = (Message(f"/{name}") for name in "abc")

    assert (a, b, c) == messages(encode(Bundle((a, Bundle((b,)), c))))
    assert (a,) == messages(encode(a))


def test_any_buffer_is_decoded() -> None:
    """bytes, bytearray and memoryview alike."""
    data = encode(JAW)

    assert [JAW, JAW, JAW] == [decode(data), decode(bytearray(data)), decode(memoryview(data))]


def test_the_epoch_is_1900() -> None:
    """Unix time 0 is 2208988800 seconds, and nothing of a fraction."""
    assert 2208988800 << 32 == time_tag(0.0)


# --- pack_bundles ----------------------------------------------------------------------------------------------------


def _numbered(count: int) -> list[Message]:
    return [Message(f"/m{i:03}", "f", (float(i),)) for i in range(count)]  # 16 bytes each, 20 in a bundle


def test_bundles_are_filled_up_to_the_limit() -> None:
    """Head of 16 and three times 20 bytes fit into 76; the order stays."""
    each = _numbered(7)
    bundles = pack_bundles([each], max_bytes=76)

    assert [tuple(each[:3]), tuple(each[3:6]), tuple(each[6:])] == [bundle.elements for bundle in bundles]
    assert [76, 76, 36] == [len(encode(bundle)) for bundle in bundles]


def test_a_byte_less_takes_a_message_less() -> None:
    """75 bytes hold two of them."""
    assert 2 == len(pack_bundles([_numbered(3)], max_bytes=75))


def test_groups_do_not_share_a_bundle() -> None:
    """Each group begins one; an empty group is none."""
    each = _numbered(4)

    assert [tuple(each[:1]), tuple(each[1:])] == [b.elements for b in pack_bundles([each[:1], [], each[1:]], max_bytes=1400)]


def test_a_message_that_cannot_fit_is_refused() -> None:
    """Rather than sent in fragments: the sentence names it and its size."""
    with pytest.raises(OscError, match="/m000 needs 36 bytes, more than the 35"):
        pack_bundles([_numbered(1)], max_bytes=35)


def test_elements_are_the_packets_of_a_bundle_undecoded() -> None:
    """In order, a nested bundle as one; a message is its only element."""
    inner = Bundle((JAW,))

    assert [encode(JAW), encode(inner)] == elements(encode(Bundle((JAW, inner))))
    assert [encode(JAW)] == elements(encode(JAW))
    assert [] == elements(BUNDLE_HEAD)


@pytest.mark.parametrize("rest", [b"\0", b"\0\0\0\x08/a\0\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff/a\0\0"])
def test_elements_of_a_broken_bundle_are_refused(rest: bytes) -> None:
    """Lengths that are cut off, too large, zero, negative."""
    with pytest.raises(OscError):
        elements(BUNDLE_HEAD + rest)
