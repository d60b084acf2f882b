"""What is made of VTube Studio's broadcasts."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable

from bridge.outputs.vts_discovery import VtsDiscovery
from tests.e2e.vtube_studio import broadcast

DEADLINE_S = 20.0


class Heard:
    """A listener that notes its news, under a clock of its own."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.now = 0.0
        self.news = 0
        self.event = asyncio.Event()
        self.discovery = VtsDiscovery(host, on_news=self._on_news, port=port, clock=lambda: self.now)

    def _on_news(self) -> None:
        self.news += 1
        self.event.set()

    async def __aenter__(self) -> Heard:
        await self.discovery.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.discovery.close()
        await asyncio.sleep(0)  # the loop closes the socket in its next round

    async def next(self) -> None:
        """Waits for news."""
        async with asyncio.timeout(DEADLINE_S):
            await self.event.wait()
        self.event.clear()


def _run(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    asyncio.run(run())


def _datagram(port: int, *, active: bool = True) -> bytes:
    data = {"active": active, "port": port, "windowTitle": "VTube Studio"}
    return json.dumps({"messageType": "VTubeStudioAPIStateBroadcast", "data": data}).encode()


def test_broadcasts_are_heard_beside_another_listener(free_udp_port: int) -> None:
    """The port is shared; what changes is news, what is repeated is not."""

    async def test() -> None:
        async with Heard(free_udp_port) as heard:
            async with Heard(free_udp_port):
                pass
            broadcast(port=8005, active=False, to=("127.0.0.1", free_udp_port))
            await heard.next()
            assert heard.discovery.any() == heard.discovery.of_port(8005) is not None
            broadcast(port=8005, active=False, to=("127.0.0.1", free_udp_port))
            broadcast(port=8005, active=True, to=("127.0.0.1", free_udp_port))
            await heard.next()
            found = heard.discovery.of_port(8005)
            assert found is not None
            assert (True, 2) == (found.active, heard.news)

    _run(test)


def test_strangers_are_not_heard(free_udp_port: int) -> None:
    """Only the machine that VTube Studio is looked for on."""

    async def test() -> None:
        async with Heard(free_udp_port) as here, Heard(free_udp_port, host="192.0.2.7") as there:
            here.discovery.received(_datagram(8001), "192.0.2.7")
            assert (None, 0) == (here.discovery.any(), here.news)
            there.discovery.received(_datagram(8001), "127.0.0.1")
            assert there.discovery.any() is None
            there.discovery.received(_datagram(8001), "192.0.2.7")
            assert there.discovery.any() is not None

    _run(test)


def test_what_is_not_repeated_is_forgotten(free_udp_port: int) -> None:
    """Three broadcasts unheard, and it is gone; one with its API on goes before others."""
    heard = VtsDiscovery("127.0.0.1", on_news=lambda: None, port=free_udp_port, clock=lambda: now)
    now = 0.0
    heard.received(_datagram(8001, active=False), "127.0.0.1")
    now = 3.0
    heard.received(_datagram(8002), "127.0.0.1")
    first = heard.any()
    now = 7.0

    assert first is not None
    assert 8002 == first.port
    assert heard.of_port(8001) is None
    now = 10.0
    assert heard.any() is None


def test_a_flood_is_not_remembered(free_udp_port: int) -> None:
    """A program of this machine that announces every port there is."""
    heard = VtsDiscovery("127.0.0.1", on_news=lambda: None, port=free_udp_port)
    for port in range(1, 2000):
        heard.received(_datagram(port), "127.0.0.1")

    assert len(heard._heard) <= 16


def test_a_port_that_is_not_shared_is_done_without(free_udp_port: int) -> None:
    """Another program that keeps it for itself is no failure."""

    async def test() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as owner:
            owner.bind(("", free_udp_port))
            async with Heard(free_udp_port) as heard:
                assert heard.discovery.any() is None

    _run(test)
