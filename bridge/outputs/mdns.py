"""Services on this machine or network by multicast DNS, found and announced, with the address that each answer really came from.

Imports zeroconf: import this module where it is first needed. Everything here belongs to one asyncio loop and its thread.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import zeroconf
from zeroconf import DNSIncoming, DNSService  # type: ignore[attr-defined]  # public for long, only not in its __all__
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from bridge.outputs.reach import Reach, is_own_address

PORT = 5353
MAX_SERVICES = 8
"""Of one type at one time; further ones are not looked at."""

_HERE = "127.0.0.1"
_RESOLVE_MS = 3000
_MAX_SOURCES = 1024
_RESPONSE_FLAG = 0x80


class MdnsUnavailable(OSError):
    """Multicast DNS cannot be used here; one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One that was found."""

    instance: str
    """``VRChat-Client-A1B2C3``."""
    port: int
    host: str
    """IPv4 address to talk to: 127.0.0.1 for one of this machine, otherwise the address that its answer came from. (Programs
    announce addresses that lead nowhere: VRChat always 127.0.0.1.)"""


class Mdns:
    """A browser for some types, and services of ours.

    ``on_change`` is called in the loop's thread whenever a service came, changed or went.
    """

    def __init__(self, *, reach: Reach, types: Iterable[str], prefix: str, on_change: Callable[[], None]) -> None:
        """Only instances whose name begins with ``prefix`` are looked at."""
        self._reach = reach
        self._types = tuple(types)
        self._prefix = prefix.lower()
        self._on_change = on_change
        self._names: dict[str, dict[str, None]] = {type_: {} for type_ in self._types}
        self._sources: dict[str, str] = {}
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None

    async def open(self) -> None:
        """Joins the group and asks. Raises MdnsUnavailable."""
        try:
            self._zeroconf = AsyncZeroconf(
                interfaces=[_HERE] if self._reach is Reach.LOOPBACK else zeroconf.InterfaceChoice.All,
                ip_version=zeroconf.IPVersion.V4Only,
            )
            await self._zeroconf.zeroconf.async_wait_for_start()
            self._stand_guard(self._zeroconf.zeroconf)
        except (OSError, RuntimeError, AttributeError, zeroconf.Error) as error:
            await self.close()
            raise MdnsUnavailable(f"multicast DNS (UDP port {PORT}) cannot be used here: {error}") from error
        self._browser = AsyncServiceBrowser(
            self._zeroconf.zeroconf,
            list(self._types),
            handlers=[self._changed],
            # An answer by unicast would reach only one of the programs that share the port.
            question_type=zeroconf.DNSQuestionType.QM,
        )

    async def close(self) -> None:
        """Says goodbye for what was announced. Idempotent."""
        opened, self._zeroconf = self._zeroconf, None
        browser, self._browser = self._browser, None
        if browser is not None:
            await browser.async_cancel()
        if opened is not None:
            await opened.async_close()

    def instances(self, type_: str) -> tuple[str, ...]:
        """Names of those that are there, the newest first."""
        return tuple(reversed(self._names[type_]))

    async def resolve(self, type_: str, instance: str) -> Service | None:
        """Where it is; None when it does not say, or is of a machine that is out of reach. At most 3 s."""
        if self._zeroconf is None:
            return None
        info = AsyncServiceInfo(type_, f"{instance}.{type_}")
        found = await info.async_request(self._zeroconf.zeroconf, _RESOLVE_MS, question_type=zeroconf.DNSQuestionType.QM)
        if not found or not info.port:
            return None
        source = self._sources.get(f"{instance}.{type_}".lower())
        if source is None:
            return None
        return Service(instance=instance, port=info.port, host=_HERE if is_own_address(source) else source)

    async def announce(self, instance: str, *, ports: dict[str, int], address: str) -> None:
        """Announces services of ours, one of each type, until ``close`` or ``withdraw``. Raises MdnsUnavailable for a name that
        somebody else has."""
        if self._zeroconf is None:
            raise MdnsUnavailable("multicast DNS is closed")
        infos = [
            AsyncServiceInfo(
                type_,
                f"{instance}.{type_}",
                port=port,
                properties={"txtvers": "1"},
                server=f"{instance}.local.",
                parsed_addresses=[address],
            )
            for type_, port in ports.items()
        ]
        begun = await asyncio.gather(*map(self._zeroconf.async_register_service, infos), return_exceptions=True)
        for announcing in begun:
            if isinstance(announcing, BaseException):
                await self.withdraw()
                taken = isinstance(announcing, zeroconf.NonUniqueNameException)
                why = "another program of the network is called so" if taken else str(announcing)
                raise MdnsUnavailable(f"{instance} cannot be announced: {why}") from announcing
            await announcing

    async def withdraw(self) -> None:
        """Says goodbye for what was announced."""
        if self._zeroconf is not None:
            await self._zeroconf.async_unregister_all_services()

    # --- inside ----------------------------------------------------------------------------------------------------------

    def _stand_guard(self, opened: zeroconf.Zeroconf) -> None:
        """Notes senders; short of NETWORK, keeps datagrams of other machines out, and ours in."""
        for reader in opened.engine.readers:
            reader.transport.set_protocol(_Guard(reader.transport.get_protocol(), self))
        if self._reach is Reach.MACHINE:
            for sender in opened.engine.senders:
                sender.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)

    def admit(self, data: bytes, sender: str) -> bool:
        """Whether a datagram may be read; notes which services it tells about. The guard's."""
        if self._reach is not Reach.NETWORK and not is_own_address(sender):
            return False
        if len(data) > 2 and data[2] & _RESPONSE_FLAG:
            message = DNSIncoming(data)
            for record in message.answers() if message.valid else ():
                name = record.name.lower()
                if isinstance(record, DNSService) and name.startswith(self._prefix):
                    self._sources.pop(name, None)
                    self._sources[name] = sender
            while len(self._sources) > _MAX_SOURCES:
                del self._sources[next(iter(self._sources))]
        return True

    def _changed(self, *, service_type: str, name: str, state_change: zeroconf.ServiceStateChange, **_: Any) -> None:
        instance = name.removesuffix(f".{service_type}")
        names = self._names.get(service_type)
        if names is None or not instance.lower().startswith(self._prefix) or not instance.isprintable():
            return
        if state_change is zeroconf.ServiceStateChange.Removed:
            names.pop(instance, None)
        elif instance in names or len(names) < MAX_SERVICES:
            names[instance] = None
        self._on_change()


class _Guard(asyncio.DatagramProtocol):
    """Stands before zeroconf's own protocol."""

    def __init__(self, inner: Any, mdns: Mdns) -> None:  # a compiled class, of no type that can be named
        self._inner = inner
        self._mdns = mdns

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if self._mdns.admit(data, str(addr[0])):
            self._inner.datagram_received(data, addr)

    def error_received(self, exc: Exception) -> None:
        self._inner.error_received(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)
