"""The port on which VRChat says that an avatar was put on."""

from __future__ import annotations

import socket

import pytest

from bridge.outputs.vrchat_listener import ChangeListener
from bridge.wire.osc import Bundle, Message, encode


def _change(*ids: str) -> bytes:
    return encode(Bundle(tuple(Message("/avatar/change", "s", (each,)) for each in ids)))


def _told(listener: ChangeListener, *packets: bytes) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, ("127.0.0.1", listener.port))
    return listener.newest()


def test_the_last_change_counts() -> None:
    """Of all that came since the last look; then there is none."""
    listener = ChangeListener()
    assert listener.open(0)

    assert "avtr_3" == _told(listener, _change("avtr_1"), b"noise", _change("avtr_2", "avtr_3"), b"/avatar/change")
    assert listener.newest() is None
    listener.close()


@pytest.mark.parametrize(("senders", "expected"), [(["127.0.0.1"], "avtr_1"), (["192.0.2.7"], None), ([], None)])
def test_beyond_loopback_only_vrchats_machine_is_heard(senders: list[str], expected: str | None) -> None:
    """The port is open to the network then."""
    listener = ChangeListener(senders=senders)
    assert listener.open(0)

    assert expected == _told(listener, _change("avtr_1"))
    listener.close()


def test_a_taken_port_is_false() -> None:
    """And nothing is listened on; closing twice is no harm."""
    first, second = ChangeListener(), ChangeListener()
    assert first.open(0)
    taken = second.open(first.port)
    first.close()
    first.close()

    assert (False, 0, None, 0) == (taken, second.port, second.newest(), first.port)
