"""Which machines are meant: this one, or those around it."""

from __future__ import annotations

import enum
import ipaddress
import socket

from bridge.wire.web import is_loopback

_ANY_PORT = 9


class Reach(enum.Enum):
    """Who hears what we ask and announce."""

    LOOPBACK = "loopback"
    """Programs of this machine that listen on the loopback interface. No other interface is touched."""
    MACHINE = "machine"
    """Programs of this machine, whichever interface they listen on: multicast with a time to live of 0, which no system puts on
    the wire. (Joining the group makes the system itself send an IGMP report on each interface, which says nothing of us.)"""
    NETWORK = "network"
    """Every machine of the local network."""


def is_own_address(address: str) -> bool:
    """Whether an IPv4 address is one of this machine's: loopback, or one that a socket can be bound to."""
    if is_loopback(address):
        return True
    try:
        usable = not ipaddress.IPv4Address(address).is_multicast
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except (OSError, ValueError):
        return False
    return usable


def address_facing(host: str) -> str:
    """The address of ours that ``host`` reaches us at; nothing is sent. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, _ANY_PORT))
        return str(probe.getsockname()[0])
