"""Who is heard and who hears: the guard before multicast DNS, and what its sockets are set to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from zeroconf import (  # type: ignore[attr-defined]  # public for long, only not in its __all__
    DNSAddress,
    DNSOutgoing,
    DNSPointer,
    DNSService,
    DNSText,
)

from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.mdns import MAX_SERVICES, Mdns, MdnsUnavailable, Service
from bridge.outputs.reach import Reach, address_facing, is_own_address
from bridge.wire.oscquery import SERVICE_JSON

DEADLINE_S = 30.0
STRANGER = "192.0.2.77"
"""TEST-NET-1: an address that no machine of ours has."""
Open = Callable[[Reach], Mdns]


@pytest.fixture
def loop() -> Iterator[EventLoopThread]:
    """A loop of the test's own."""
    made = EventLoopThread()
    yield made
    made.close()


@pytest.fixture
def opened(loop: EventLoopThread) -> Iterator[Open]:
    """``opened(reach)`` looks for names that nobody else has; skipped where there is no multicast."""
    all_: list[Mdns] = []

    def make(reach: Reach) -> Mdns:
        made = Mdns(reach=reach, types=[SERVICE_JSON], prefix="Guarded-", on_change=lambda: None)
        try:
            loop.run(made.open(), DEADLINE_S)
        except MdnsUnavailable as error:
            pytest.skip(str(error))
        all_.append(made)
        return made

    yield make
    for made in all_:
        loop.run(made.close(), DEADLINE_S)


def announcement(instance: str, *, port: int = 1234) -> bytes:
    """PTR, SRV and A = 127.0.0.1, as VRChat answers."""
    out = DNSOutgoing(0x8400)
    name = f"{instance}.{SERVICE_JSON}"
    out.add_answer_at_time(DNSPointer(SERVICE_JSON, 12, 1, 120, name), 0)
    out.add_answer_at_time(DNSService(name, 33, 1, 120, 0, 0, port, f"{instance}.local."), 0)
    out.add_answer_at_time(DNSAddress(f"{instance}.local.", 1, 1, 120, socket.inet_aton("127.0.0.1")), 0)
    out.add_answer_at_time(DNSText(name, 16, 1, 120, b"\x09txtvers=1"), 0)
    return out.packets()[0]


def receive(loop: EventLoopThread, mdns: Mdns, data: bytes, sender: str) -> None:
    """As if the datagram had come from there; returns when it is dealt with."""
    done = threading.Event()

    def deliver() -> None:
        engine = mdns._zeroconf.zeroconf.engine  # type: ignore[union-attr]
        protocol: Any = engine.readers[0].transport.get_protocol()
        protocol.datagram_received(data, (sender, 5353))
        done.set()

    loop.call(deliver)
    assert done.wait(DEADLINE_S)


@pytest.mark.parametrize("reach", [Reach.LOOPBACK, Reach.MACHINE])
def test_other_machines_are_not_heard(loop: EventLoopThread, opened: Open, reach: Reach) -> None:
    """What says that it comes from another machine is not even read; the same from this one is."""
    mdns = opened(reach)
    receive(loop, mdns, announcement("Guarded-1"), STRANGER)
    assert () == mdns.instances(SERVICE_JSON)
    receive(loop, mdns, announcement("Guarded-1"), "127.0.0.1")
    assert ("Guarded-1",) == mdns.instances(SERVICE_JSON)
    assert Service(instance="Guarded-1", port=1234, host="127.0.0.1") == loop.run(
        mdns.resolve(SERVICE_JSON, "Guarded-1"), DEADLINE_S
    )


def test_the_address_is_where_the_answer_came_from(loop: EventLoopThread, opened: Open) -> None:
    """VRChat announces 127.0.0.1 wherever it runs: with ``Reach.NETWORK`` the sender's address counts."""
    mdns = opened(Reach.LOOPBACK)
    mdns._reach = Reach.NETWORK  # opened on loopback so that the test is silent
    receive(loop, mdns, announcement("Guarded-2", port=99), STRANGER)

    assert Service(instance="Guarded-2", port=99, host=STRANGER) == loop.run(mdns.resolve(SERVICE_JSON, "Guarded-2"), DEADLINE_S)


def test_names_are_chosen_and_counted(loop: EventLoopThread, opened: Open) -> None:
    """Only those with the prefix, in any case; the newest first; so many and no more. Nonsense is read over."""
    mdns = opened(Reach.LOOPBACK)
    receive(loop, mdns, announcement("Other-1"), "127.0.0.1")
    receive(loop, mdns, b"", "127.0.0.1")
    receive(loop, mdns, b"\xff" * 300, "127.0.0.1")
    receive(loop, mdns, announcement("GUARDED-0"), "127.0.0.1")
    for number in range(1, MAX_SERVICES + 3):
        receive(loop, mdns, announcement(f"Guarded-{number}"), "127.0.0.1")

    expected = ("GUARDED-0", *(f"Guarded-{number}" for number in range(1, MAX_SERVICES)))
    assert tuple(reversed(expected)) == mdns.instances(SERVICE_JSON)


def test_what_nobody_told_is_not_there(loop: EventLoopThread, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, after the time for an answer."""
    monkeypatch.setattr("bridge.outputs.mdns._RESOLVE_MS", 50)

    assert loop.run(opened(Reach.LOOPBACK).resolve(SERVICE_JSON, "Guarded-9"), DEADLINE_S) is None


def test_short_of_the_network_nothing_can_leave(opened: Open) -> None:
    """LOOPBACK sends on that interface alone; MACHINE on each with a time to live of 0."""
    senders = opened(Reach.LOOPBACK)._zeroconf.zeroconf.engine.senders  # type: ignore[union-attr]
    assert ["127.0.0.1"] == [sender.sock_name[0] for sender in senders]
    assert [socket.inet_aton("127.0.0.1")] == [
        sender.sock.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, 4) for sender in senders
    ]
    senders = opened(Reach.MACHINE)._zeroconf.zeroconf.engine.senders  # type: ignore[union-attr]
    assert {0} == {sender.sock.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) for sender in senders}


def test_a_name_that_is_taken_is_said_so(loop: EventLoopThread, opened: Open) -> None:
    """One sentence; and nothing of it stays announced."""
    first, second = opened(Reach.LOOPBACK), opened(Reach.LOOPBACK)
    loop.run(first.announce("Guarded-Twin", ports={SERVICE_JSON: 1}, address="127.0.0.1"), DEADLINE_S)
    with pytest.raises(MdnsUnavailable, match="Guarded-Twin cannot be announced: another program"):
        loop.run(second.announce("Guarded-Twin", ports={SERVICE_JSON: 2}, address="127.0.0.1"), DEADLINE_S)


@pytest.mark.parametrize(
    ("address", "own"),
    [("127.0.0.1", True), ("127.8.9.10", True), (STRANGER, False), ("224.0.0.251", False), ("nonsense", False), ("", False)],
)
def test_own_addresses_are_known(address: str, own: bool) -> None:
    """Loopback, and what a socket can be bound to."""
    assert own == is_own_address(address)


def test_the_address_facing_loopback_is_loopback() -> None:
    """Nothing is sent to find out."""
    assert "127.0.0.1" == address_facing("127.0.0.1")
