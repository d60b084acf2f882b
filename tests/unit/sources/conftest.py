"""What the tests of senders in the network share: a source of very simple datagrams, and a socket to send them from."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from bridge.sources.network import DatagramSource, Peer
from tests.unit.sources.datagrams import DEADLINE_S, SILENCE_S, decode


@pytest.fixture
def datagram_source(pick_udp_port: Callable[[], int]) -> Iterator[Callable[..., DatagramSource]]:
    """Makes sources, closed at the end; by default for a sender on this machine that may be silent for 0.3 s."""
    with ExitStack() as made:

        def run(host: str = "127.0.0.1", port: int | None = None, **changes: object) -> DatagramSource:
            peer = Peer(host=host, port=pick_udp_port() if port is None else port)
            usual: dict[str, object] = {"name": "test", "peer": peer, "decode": decode, "timeout_s": SILENCE_S}
            source = DatagramSource(**(usual | changes))  # type: ignore[arg-type]
            made.callback(source.close)
            return source

        yield run


@pytest.fixture
def datagram_sender() -> Iterator[socket.socket]:
    """A socket of somebody who sends, on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.bind(("127.0.0.1", 0))
        sending.settimeout(DEADLINE_S)
        yield sending
