"""Packets that are built once and patched."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.wire.osc import Bundle, Message, OscError, Packet, decode
from bridge.wire.osc_template import Slot, Template, message


def test_fill_puts_every_value_into_its_slots() -> None:
    """Slots in any order, repeated, beside constants, in nested bundles and bare messages."""
    packets: list[Packet] = [
        Bundle((message("/a", "sff", "name", Slot(1), 7.0), Bundle((message("/b", "f", Slot(0)),)))),
        message("/c", "ifi", 3, Slot(1), 4),
    ]
    template = Template(packets)
    template.fill(np.array([0.5, 0.25], dtype=np.float32))

    assert [
        Bundle((Message("/a", "sff", ("name", 0.25, 7.0)), Bundle((Message("/b", "f", (0.5,)),)))),
        Message("/c", "ifi", (3, 0.25, 4)),
    ] == [decode(datagram) for datagram in template.datagrams]


def test_fill_again_overwrites() -> None:
    """The views of the first frame show the second: they must be sent before."""
    template = Template([message("/a", "f", Slot(0))])
    (datagram,) = template.datagrams
    template.fill(np.array([0.5], dtype=np.float32))
    template.fill(np.array([-1.0], dtype=np.float32))

    assert Message("/a", "f", (-1.0,)) == decode(datagram)


def test_set_int_changes_int_slots_only() -> None:
    """The same number may be a float slot too: they are counted apart."""
    template = Template([message("/a", "if", Slot(0), Slot(0))])
    template.fill(np.array([0.5], dtype=np.float32))
    template.set_int(0, -9)

    assert Message("/a", "if", (-9, 0.5)) == decode(template.datagrams[0])


def test_an_unused_int_slot_is_no_error() -> None:
    """An encoder sets what it knows, whether its options send it or not."""
    template = Template([message("/a", "")])
    template.set_int(5, 1)

    assert Message("/a") == decode(template.datagrams[0])


def test_datagrams_cannot_be_written_by_others() -> None:
    """They are views of the template's own memory."""
    (datagram,) = Template([message("/a", "f", Slot(0))]).datagrams

    assert datagram.readonly


def test_a_slot_of_another_type_is_refused() -> None:
    """Only f and i are of a fixed size that is patched."""
    with pytest.raises(OscError, match="type 'd'"):
        Template([message("/a", "d", Slot(0))])
