"""One session of OSCQuery with VRChat on an asyncio loop: announced, looked for, asked again.

Imports zeroconf: import this module where it is first needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Sequence

from bridge.outputs.mdns import Mdns, MdnsUnavailable
from bridge.outputs.oscquery_http import HttpFailed, OscQueryServer, get
from bridge.outputs.pacing import Backoff
from bridge.outputs.reach import Reach, address_facing
from bridge.wire.oscquery import (
    SERVICE_JSON,
    SERVICE_OSC,
    FoundVrchat,
    HostInfo,
    Node,
    OscQueryError,
    OscQueryRoot,
    parse_avatar,
    parse_host_info,
)
from bridge.wire.vrchat_avatar import AvatarParameters
from bridge.wire.web import is_loopback

log = logging.getLogger(__name__)

HURRY_S = 0.5
HURRIES = 6
"""After ``hurry`` the avatar is asked for so often at the quicker pace: VRChat's answer may lag behind its message."""
GONE_AFTER = 3
"""Failed attempts in a row, of a VRChat that has said no goodbye."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
_NAMES_TRIED = 3
_HERE = "127.0.0.1"
_NOT_FOUND = 404


class VrchatSession:
    """All in the loop's thread, ``on_found`` and ``on_open`` included. ``run`` once."""

    def __init__(
        self,
        *,
        osc_port: int,
        reach: Reach,
        name: str,
        nodes: Sequence[Node],
        on_open: Callable[[], None],
        on_found: Callable[[FoundVrchat | None], None],
        prefix: str,
        poll_s: float,
    ) -> None:
        """As ``VrchatDiscovery``. ``on_open``: discovery works; ``on_found``: what is there is another, or None."""
        self._osc_port = osc_port
        self._reach = reach
        self._name = name
        self._nodes = tuple(nodes)
        self._on_open = on_open
        self._on_found = on_found
        self._poll_s = poll_s
        self._wake = asyncio.Event()
        self._hurries = 0
        self._failures = 0
        self._backoff = Backoff(first_s=min(FIRST_PAUSE_S, poll_s), longest_s=LONGEST_PAUSE_S)
        self._found: FoundVrchat | None = None
        self._server: OscQueryServer | None = None
        self._address = ""
        self._mdns = Mdns(reach=reach, types=(SERVICE_JSON, SERVICE_OSC), prefix=prefix, on_change=self._wake.set)

    def hurry(self) -> None:
        """The avatar has changed, or will have in a moment: asks at once, and a few times more soon after."""
        self._hurries = HURRIES
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled; says goodbye then. Raises MdnsUnavailable, and OSError when no port can be listened on."""
        announcing: asyncio.Task[None] | None = None
        try:
            await self._mdns.open()
            if self._reach is not Reach.NETWORK:  # there it depends on where VRChat is
                announcing = asyncio.create_task(self._announce(_HERE))  # takes two seconds: names are asked for first
                announcing.add_done_callback(lambda _: self._wake.set())
            self._on_open()
            while True:
                self._wake.clear()
                pause_s = await self._look_and_tell()
                if announcing is not None and announcing.done():
                    announcing.result()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()
        finally:
            self._on_found(None)
            if announcing is not None:
                announcing.cancel()
                await asyncio.wait({announcing})
            if self._server is not None:
                await self._server.close()
            await self._mdns.close()

    # --- we, shown to VRChat ---------------------------------------------------------------------------------------------

    async def _announce(self, address: str) -> None:
        """Shows our root at an address of this machine, instead of wherever it was shown before."""
        if self._server is not None:
            await self._mdns.withdraw()
            await self._server.close()
        for attempt in range(1, _NAMES_TRIED + 1):
            name = self._name or f"avatar-bridge-{secrets.token_hex(3).upper()}"
            info = HostInfo(name=name, osc_ip=address, osc_port=self._osc_port)
            self._server = OscQueryServer(OscQueryRoot(info, self._nodes))
            await self._server.open(address)
            try:
                ports = {SERVICE_JSON: self._server.port, SERVICE_OSC: self._osc_port}
                await self._mdns.announce(name, ports=ports, address=address)
            except MdnsUnavailable:
                await self._server.close()
                if self._name or attempt == _NAMES_TRIED:
                    raise
            else:
                self._address = address
                log.debug("OSCQuery: announced as %s at %s:%d", name, address, self._server.port)
                return

    # --- VRChat, shown to us ---------------------------------------------------------------------------------------------

    async def _look_and_tell(self) -> float | None:
        """How long to wait for the next look; None: until something happens."""
        names = self._mdns.instances(SERVICE_JSON)
        last = self._found
        if last is not None and last.name in names:  # as long as it is there it is kept
            names = (last.name, *(name for name in names if name != last.name))
        for name in names:
            found = await self._ask(name)
            if found is not None:
                break
        else:
            return self._nothing(names)
        self._failures = 0
        self._backoff.reset()
        changed = last is None or last.avatar != found.avatar
        self._tell(found)
        if self._reach is Reach.NETWORK:
            address = _HERE if is_loopback(found.host) else address_facing(found.host)
            if address != self._address:
                await self._announce(address)
        self._hurries = 0 if changed else max(0, self._hurries - 1)
        return HURRY_S if self._hurries else self._poll_s

    def _nothing(self, names: Sequence[str]) -> float | None:
        self._failures += 1
        if self._found is not None and (self._found.name not in names or self._failures >= GONE_AFTER):
            self._tell(None)
        if not names:
            self._backoff.reset()
            return None
        return self._backoff.next_s()

    async def _ask(self, name: str) -> FoundVrchat | None:
        service = await self._mdns.resolve(SERVICE_JSON, name)
        if service is None:
            return None
        try:
            info = parse_host_info(await get(service.host, service.port, "/?HOST_INFO"))
            avatar = await self._ask_for_avatar(service.host, service.port)
        except (HttpFailed, OscQueryError) as error:
            log.debug("%s: %s", name, error)
            return None
        osc_port = info.osc_port
        if osc_port is None:
            osc = await self._mdns.resolve(SERVICE_OSC, name)
            osc_port = None if osc is None else osc.port
        # The host is the one that answered: an address that a stranger names is sent nothing.
        return None if osc_port is None else FoundVrchat(name=name, host=service.host, osc_port=osc_port, avatar=avatar)

    async def _ask_for_avatar(self, host: str, port: int) -> AvatarParameters | None:
        try:
            text = await get(host, port, "/avatar")
        except HttpFailed as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return parse_avatar(text) if text else None

    def _tell(self, found: FoundVrchat | None) -> None:
        if found == self._found:
            return
        if found is None:
            log.info("VRChat is gone")
        elif self._found is None:
            log.info("VRChat found: %s at %s, OSC port %d", found.name, found.host, found.osc_port)
        self._found = found
        self._on_found(found)
