"""Messages that are sent when they change."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.wire.osc import Message, OscError, messages
from bridge.wire.osc_changes import ChangingMessages
from bridge.wire.osc_template import Slot, message

THREE = [message("/a", "f", Slot(0)), message("/b", "ff", Slot(1), Slot(2)), message("/on", "i", Slot(0))]


class Changing:
    """ChangingMessages with its datagrams decoded."""

    def __init__(self, *, max_bytes: int | None = 1400) -> None:
        self.packets = ChangingMessages(THREE, epsilon=0.1, refresh_s=1.0, max_bytes=max_bytes)
        self.packets.set_int(0, 1)

    def sent(self, *values: float, t: float) -> list[Message]:
        datagrams = self.packets.fill(np.array(values, dtype=np.float32), t)
        return [each for datagram in datagrams for each in messages(datagram)]


A, B, ON = Message("/a", "f", (0.0,)), Message("/b", "ff", (0.0, 0.0)), Message("/on", "i", (1,))


def test_the_first_frame_is_complete() -> None:
    """Zeros too: nobody knows what the receiver has."""
    assert [A, B, ON] == Changing().sent(0, 0, 0, t=5.0)


def test_nothing_new_is_nothing_to_send() -> None:
    """Not even an empty datagram."""
    changing = Changing()
    changing.sent(0, 0, 0, t=0.0)

    assert [] == changing.sent(0, 0, 0, t=0.5)


def test_a_message_is_sent_whole_when_one_of_its_values_moved() -> None:
    """Only that message, with all its values."""
    changing = Changing()
    changing.sent(0, 0, 0, t=0.0)

    assert [Message("/b", "ff", (0.0, 0.5))] == changing.sent(0, 0, 0.5, t=0.1)


def test_small_steps_add_up() -> None:
    """Each below epsilon: compared is with what was sent, so a slow drift still arrives."""
    changing = Changing()
    changing.sent(0, 0, 0, t=0.0)

    assert [] == changing.sent(0.0625, 0, 0, t=0.1)
    assert [Message("/a", "f", (0.125,))] == changing.sent(0.125, 0, 0, t=0.2)


def test_a_changed_int_is_sent_once() -> None:
    """And not again while it stays."""
    changing = Changing()
    changing.sent(0, 0, 0, t=0.0)
    changing.packets.set_int(0, 0)

    assert [Message("/on", "i", (0,))] == changing.sent(0, 0, 0, t=0.1)
    assert [] == changing.sent(0, 0, 0, t=0.2)


def test_everything_is_sent_again_once_a_second() -> None:
    """For receivers that came late, and datagrams that were lost."""
    changing = Changing()
    changing.sent(0, 0, 0, t=0.0)

    assert [] == changing.sent(0, 0, 0, t=0.99)
    assert [A, B, ON] == changing.sent(0, 0, 0, t=1.0)
    assert [] == changing.sent(0, 0, 0, t=1.5)


def test_time_that_runs_backwards_refreshes() -> None:
    """A recording that begins again must not be silent until it reaches where it was."""
    changing = Changing()
    changing.sent(0, 0, 0, t=100.0)

    assert [A, B, ON] == changing.sent(0, 0, 0, t=1.0)


def test_bundles_keep_to_the_limit() -> None:
    """Messages of 12, 16 and 16 bytes, 4 more each in a bundle of at most 36: one a bundle."""
    datagrams = Changing(max_bytes=36).packets.fill(np.zeros(3, dtype=np.float32), 0.0)

    assert [32, 36, 32] == [len(datagram) for datagram in datagrams]


def test_without_bundles_every_message_is_a_datagram() -> None:
    """Bare, as receivers need that cannot read bundles."""
    datagrams = Changing(max_bytes=None).packets.fill(np.zeros(3, dtype=np.float32), 0.0)

    assert [b"/a\0\0", b"/b\0\0", b"/on\0"] == [bytes(datagram[:4]) for datagram in datagrams]


def test_a_message_that_cannot_fit_is_refused() -> None:
    """At once, not when it is first due."""
    with pytest.raises(OscError, match="/b needs"):
        ChangingMessages(THREE, epsilon=0.0, refresh_s=1.0, max_bytes=35)
