"""VRChat found by OSCQuery, what its avatar accepts, and an announcement of ours, so that VRChat sends to us.

VRChat is said not to use the loopback interface for discovery where the machine has another one (vrchat-community/osc, issue
169): ``Reach.MACHINE`` is made for that, ``Reach.LOOPBACK`` for machines without network. UNVERIFIED with the real VRChat.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.reach import Reach
from bridge.wire.oscquery import AVATAR_CHANGE, FoundVrchat, Node

__all__ = ["FoundVrchat", "Reach", "VrchatDiscovery"]

log = logging.getLogger(__name__)

VRCHAT_PREFIX = "VRChat-Client"
"""What the names of VRChat's services begin with."""
POLL_S = 5.0
RETRY_S = 30.0
"""Between attempts to use multicast DNS where it did not work."""
_GOODBYE_S = 1.2
_CLOSE_S = 1.5


class VrchatDiscovery:
    """``start``, ``close``, ``refresh`` and the properties: any thread but the loop's own; only ``close`` waits."""

    def __init__(
        self,
        *,
        osc_port: int,
        reach: Reach,
        name: str = "",
        nodes: Sequence[Node] = (AVATAR_CHANGE,),
        event_loop: EventLoopThread | None = None,
        prefix: str = VRCHAT_PREFIX,
        poll_s: float = POLL_S,
    ) -> None:
        """What is looked for and shown; nothing begins before ``start``.

        osc_port: UDP port of ours that VRChat shall send to. The caller listens on it, at 127.0.0.1 unless VRChat was found on
        another machine. name: what we are announced as, unique in the network; "" makes one up, ``avatar-bridge-1A2B3C``. nodes:
        what our root offers. event_loop: None for one of its own while this is started. prefix: of the names that are looked at.
        poll_s: how often the avatar is asked for when nothing calls for it.
        """
        self._osc_port = osc_port
        self._reach = reach
        self._name = name
        self._nodes = tuple(nodes)
        self._prefix = prefix
        self._poll_s = poll_s
        self._shared_loop = event_loop
        self._loop: EventLoopThread | None = None
        # Belong to the loop's thread.
        self._task: asyncio.Task[None] | None = None
        self._hurry: Callable[[], None] | None = None
        # Written by the loop's thread, read by any: single values, so no lock.
        self._found: FoundVrchat | None = None
        self._problem: str | None = None

    @property
    def found(self) -> FoundVrchat | None:
        """The VRChat that runs; the same object as long as nothing changes. None while there is none."""
        return self._found

    @property
    def problem(self) -> str | None:
        """One sentence when discovery does not work on this machine; None when it does, or is not known yet."""
        return self._problem

    def start(self) -> None:
        """Begins to look and to announce. Never fails: see ``problem``. Idempotent; also after ``close``."""
        if self._loop is not None:
            return
        try:
            from bridge.outputs.oscquery_session import VrchatSession  # loads zeroconf
        except ImportError as error:
            self._complain(f"the library zeroconf cannot be loaded: {error}")
            return

        async def session() -> None:
            current = VrchatSession(
                osc_port=self._osc_port,
                reach=self._reach,
                name=self._name,
                nodes=self._nodes,
                prefix=self._prefix,
                poll_s=self._poll_s,
                on_open=self._works,
                on_found=self._note,
            )
            self._hurry = current.hurry
            await current.run()

        self._loop = self._shared_loop or EventLoopThread()
        self._loop.call(self._begin, session)

    def refresh(self) -> None:
        """Asks for the avatar again now and, until it differs, a few times in the next seconds: after ``/avatar/change``."""
        if self._loop is not None:
            self._loop.call(self._refresh)

    def close(self) -> None:
        """Says goodbye and stops, within 2 s. Idempotent."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        with contextlib.suppress(RuntimeError, TimeoutError):  # a loop that is closed already took the sockets along
            loop.run(self._end(), _CLOSE_S)
        if loop is not self._shared_loop:
            loop.close()
        self._found = None

    # --- the loop's thread -----------------------------------------------------------------------------------------------

    def _begin(self, session: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(session))
        self._task.add_done_callback(self._ended)

    async def _run(self, session: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await session()
            except OSError as error:
                self._complain(str(error))
            await asyncio.sleep(RETRY_S)

    async def _end(self) -> None:
        task, self._task, self._hurry = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=_GOODBYE_S)

    def _refresh(self) -> None:
        if self._hurry is not None:
            self._hurry()

    def _works(self) -> None:
        self._problem = None

    def _note(self, found: FoundVrchat | None) -> None:
        self._found = found

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.debug("OSCQuery: traceback", exc_info=error)
            self._complain(f"internal error, {type(error).__name__}: {error}")

    def _complain(self, why: str) -> None:
        sentence = f"VRChat cannot be looked for ({why}); its address and port are taken as configured"
        if sentence != self._problem:
            log.warning("%s", sentence)
        self._problem = sentence
