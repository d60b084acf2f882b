"""The WebSocket under a ``VtsSession``: connects, keeps connecting, carries texts both ways, says how it stands."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from bridge.clock import Clock, monotonic
from bridge.mapping.vts import VtsFrame
from bridge.outputs.pacing import Backoff
from bridge.outputs.vts_discovery import VtsDiscovery
from bridge.outputs.worker import OutputReport
from bridge.types import OutputState
from bridge.wire.vts import MAX_MESSAGE_CHARS
from bridge.wire.vts_errors import ALLOW_API, API_FAULTS
from bridge.wire.vts_session import Phase, VtsSession
from bridge.wire.web import in_url

log = logging.getLogger(__name__)

TICK_S = 0.1
OPEN_TIMEOUT_S = 3.0
CLOSE_TIMEOUT_S = 0.3
FLUSH_S = 0.5
"""What the last frame gets for being taken when the output closes."""
_SEND_TIMEOUT_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 5.0

_STATES = {
    Phase.API_OFF: OutputState.WAITING,
    Phase.ASKING: OutputState.WAITING,
    Phase.INJECTING: OutputState.SENDING,
    Phase.REJECTED: OutputState.REJECTED,
}


class VtsClient:
    """One session with all its connections. ``report`` and ``settled`` from any thread, all else in the loop's."""

    def __init__(
        self,
        session: VtsSession,
        *,
        host: str,
        port: int,
        name: str,
        keep_token: Callable[[str | None], None],
        discovery: VtsDiscovery | None = None,
        follow: bool = False,
        clock: Clock = monotonic,
    ) -> None:
        """``name`` is the output's, for the log. ``follow``: to an announced port, when the given one is silent."""
        self.report = OutputReport(state=OutputState.CONNECTING)
        self.settled = threading.Event()
        """Set as soon as it is known how it stands: frames are set, the user is waited for, or nobody is there."""
        self._session = session
        self._host, self._port, self._name = host, port, name
        self.failure = ""
        """A bug of ours that ended the session; it takes a new one."""
        self._keep_token = keep_token
        self._kept = session.token
        self._discovery = discovery
        self._follows = follow
        self._clock = clock
        self._outbox: list[str] = []
        self._wake = asyncio.Event()
        self._taken = asyncio.Event()
        self._news = False
        self._tried = port
        self._backoff = Backoff(first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to connect, and returns."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._ended)

    def offer(self, frame: VtsFrame) -> None:
        """The newest frame; kept for the next connection when there is none."""
        self._outbox += self._session.offer(frame, self._clock())
        self._wake.set()

    def news(self) -> None:
        """Discovery heard of VTube Studio: ends a pause between two attempts."""
        self._news = True
        self._wake.set()

    async def finish(self) -> None:
        """Lets the newest frame be taken, disconnects. Idempotent."""
        task, self._task = self._task, None
        if task is None:
            return
        self._taken.clear()
        if self._session.frame_pending:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._taken.wait()
        task.cancel()
        await asyncio.wait((task,), timeout=4 * CLOSE_TIMEOUT_S)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.failure = f"internal error: {type(error).__name__}: {error}"
            log.debug("output %s: traceback", self._name, exc_info=error)
            self._say(OutputState.FAULTED, self.failure)

    # --- connections -----------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            while True:
                self._tried = self._port_now()
                try:
                    connection = await self._connect(self._tried)
                except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
                    await self._pause(self._why_not(error))
                    continue
                if self._discovery is not None:
                    self._discovery.close()
                try:
                    why = await self._converse(connection)
                finally:
                    await self._disconnect(connection)
                if self._session.phase is Phase.REJECTED:
                    return
                await self._pause(why)
        finally:
            if self._discovery is not None:
                self._discovery.close()

    async def _connect(self, port: int) -> ClientConnection:
        return await connect(
            f"ws://{in_url(self._host)}:{port}",
            proxy=None,
            compression=None,
            max_size=MAX_MESSAGE_CHARS,
            max_queue=32,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            user_agent_header="avatar-bridge",
            logger=_quiet_logger(),
        )

    async def _disconnect(self, connection: ClientConnection) -> None:
        self._session.closed()
        self._outbox.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * CLOSE_TIMEOUT_S):
                await connection.close()
                return
        connection.transport.abort()

    async def _converse(self, connection: ClientConnection) -> str:
        """Until the connection ends; why it did. Cancelled, it leaves nothing running."""
        session = self._session
        self._outbox = session.connected(self._clock())
        self._tell()
        reader = asyncio.get_running_loop().create_task(self._read(connection))
        try:
            while not session.hang_up and not reader.done():
                texts, self._outbox = self._outbox, []
                async with asyncio.timeout(_SEND_TIMEOUT_S):
                    for text in texts:
                        await connection.send(text)
                if not self._outbox:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(TICK_S):
                            await self._wake.wait()
                self._wake.clear()
                self._outbox += session.tick(self._clock())
                self._tell()
        except TimeoutError:
            return f"VTube Studio at {self._place()} takes nothing any more"
        except ConnectionClosed:
            log.debug("the connection to %s ended while something was sent", self._place())
        finally:
            reader.cancel()
            await asyncio.wait((reader,))
            self._tell()
        if session.hang_up:
            return session.hang_up
        return reader.result() if not reader.cancelled() else f"the connection to VTube Studio at {self._place()} was lost"

    async def _read(self, connection: ClientConnection) -> str:
        """Hands every message to the session; returns why there are no more."""
        try:
            while True:
                message = await connection.recv()
                self._outbox += self._session.received(message, self._clock())
                if self._session.token != self._kept:
                    self._kept = self._session.token
                    self._keep_token(self._kept)
                if not self._session.frame_pending:
                    self._taken.set()
                self._wake.set()
        except ConnectionClosed as closed:
            self._wake.set()
            if closed.sent is not None and closed.sent.code == 1009:
                return f"VTube Studio at {self._place()} sent a message that is too large"
            return f"VTube Studio at {self._place()} has closed the connection"

    # --- in between ------------------------------------------------------------------------------------------------------------

    def _port_now(self) -> int:
        """The configured one; another that a VTube Studio with its API on announces, when nothing is known of the configured."""
        if self._discovery is None or not self._follows or self._discovery.of_port(self._port) is not None:
            return self._port
        heard = self._discovery.any()
        return heard.port if heard is not None and heard.active else self._port

    async def _pause(self, why: str) -> None:
        """Waits for the next attempt: longer each time, until frames were taken or there is news of VTube Studio."""
        self._news = False
        if self._heard() is not False:
            self._say(OutputState.FAULTED, why)
        pause_s = self._backoff.next_s()
        ends_at = self._clock() + pause_s
        if self._discovery is not None:
            await self._discovery.open()
        # The shortest pause in any case: whoever announces itself all the time is not tried all the time.
        await asyncio.sleep(min(pause_s, _FIRST_PAUSE_S))
        while (left_s := ends_at - self._clock()) > 0:
            heard = self._heard()
            if heard is False:
                self._say(OutputState.WAITING, API_FAULTS[1].sentence)
            elif heard and self._news:
                return
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._wake.wait()

    def _heard(self) -> bool | None:
        """Whether VTube Studio says that its API is on; None when it says nothing."""
        if self._discovery is None:
            return None
        heard = self._discovery.of_port(self._tried) or self._discovery.of_port(self._port)
        if heard is None and self._follows:
            heard = self._discovery.any()
        return None if heard is None else heard.active

    def _why_not(self, error: Exception) -> str:
        place = self._place()
        if isinstance(error, InvalidHandshake | InvalidURI):
            return f"{place} answers, but not as VTube Studio does: is it another program?"
        if isinstance(error, TimeoutError):
            return f"VTube Studio at {place} does not answer"
        elsewhere = None if self._discovery is None else self._discovery.any()
        if elsewhere is not None and elsewhere.port != self._tried and not self._follows:
            return f"nothing listens on {place}; VTube Studio is on port {elsewhere.port}"
        return f"VTube Studio is not there ({place}): start it; {ALLOW_API}"

    def _place(self) -> str:
        return f"{in_url(self._host)}:{self._tried}"

    # --- how it stands ---------------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        session = self._session
        if session.phase is Phase.CLOSED:
            return
        state = _STATES.get(session.phase, OutputState.CONNECTING)
        if session.sets_nothing:
            state = OutputState.WAITING
        if session.accepted:
            self._backoff.reset()
        self._say(state, session.note)

    def _say(self, state: OutputState, note: str) -> None:
        before = self.report
        if (before.state, before.note) != (state, note):
            self.report = OutputReport(state=state, note=note)
            if state in (OutputState.WAITING, OutputState.FAULTED):
                log.warning("output %s: %s", self._name, note)
            elif state is OutputState.SENDING:
                log.info("output %s sets parameters%s", self._name, f" ({note})" if note else "")
        if state is not OutputState.CONNECTING:
            self.settled.set()


def _quiet_logger() -> logging.Logger:
    """The library logs every message at debug level: the token would be among them."""
    logger = logging.getLogger(f"{__name__}.connection")
    logger.setLevel(logging.ERROR)
    return logger
