"""The stream's fan-out: one state in, the newest frame to every viewer, each in the format it asked for.

Nobody watching costs one look. A frame is written once per format and shared; a viewer that does not keep up skips frames, and
one that takes nothing for 5 s is dropped (``viewer``). The engine never waits, and no viewer waits for another.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from bridge.clock import Clock, monotonic
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.viewer import Viewer, framed
from bridge.stages.mirror import mirror_state
from bridge.types import FaceState
from bridge.wire import stream
from bridge.wire.stream import StreamFormat, StreamOptions

log = logging.getLogger(__name__)

MAX_VIEWERS = 256
STALL_S = 5.0
_UNWANTED_MESSAGES = 16
"""The stream takes no messages; so many are overlooked before the viewer is asked to leave."""
_EARLY = 0.1
"""A frame may come this much of a period early and still count as due: capture times jitter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubStatus:
    """Counts since the start."""

    viewers: int
    sent: int
    skipped: int
    """Frames that a slow viewer did not get because a newer one was there."""
    dropped: int
    """Viewers that took nothing for too long."""


@dataclass(slots=True, kw_only=True)
class _Seat:
    """A viewer and what it asked for."""

    viewer: Viewer
    options: StreamOptions
    due: dict[int, float] = field(default_factory=dict)
    """Per subject: when the next frame may go, seconds."""
    greeting: dict[int, FaceState] = field(default_factory=dict)
    """Per subject: what was sent at once, as the newest there was."""

    def wants(self, state: FaceState, now: float) -> bool:
        options = self.options
        if options.subject is not None and state.subject != options.subject:
            return False
        if options.fps <= 0.0:
            return True
        period, due = 1.0 / options.fps, self.due.get(state.subject, now)
        if now < due - _EARLY * period:
            return False
        self.due[state.subject] = due + period if now < due + period else now + period
        return True


class StreamHub:
    """``publish`` and ``close`` from any thread; ``serve`` in the loop's."""

    def __init__(
        self,
        event_loop: EventLoopThread,
        *,
        clock: Clock = monotonic,
        max_viewers: int = MAX_VIEWERS,
        stall_s: float = STALL_S,
    ) -> None:
        self._event_loop = event_loop
        self._clock = clock
        self._max_viewers = max_viewers
        self._stall_s = stall_s
        self._lock = threading.Lock()
        self._seats: list[_Seat] = []
        self._newest: dict[int, FaceState] = {}
        self._waiting: dict[int, FaceState] = {}
        self._closed = False
        self._sent = self._skipped = self._dropped = 0

    # --- any thread ------------------------------------------------------------------------------------------------------

    @property
    def viewers(self) -> int:
        """How many are watching."""
        return len(self._seats)

    def publish(self, state: FaceState) -> None:
        """Any thread, every frame: hands the state to all who watch its subject; the newest wins. Returns at once."""
        self._newest[state.subject] = state
        if not self._seats:
            return
        with self._lock:
            first = not self._waiting
            self._waiting[state.subject] = state
        if first:
            self._event_loop.call(self._flush)

    def status(self) -> HubStatus:
        """A snapshot."""
        seats = self._seats.copy()
        return HubStatus(
            viewers=len(seats),
            sent=self._sent + sum(seat.viewer.sent for seat in seats),
            skipped=self._skipped + sum(seat.viewer.skipped for seat in seats),
            dropped=self._dropped,
        )

    def close(self) -> None:
        """No more frames; viewers with a hanging write are cut off, the others are the server's to close. Idempotent."""
        self._closed = True
        self._event_loop.call(self._cut_off)

    # --- the loop's thread -----------------------------------------------------------------------------------------------

    async def serve(self, connection: ServerConnection, options: StreamOptions) -> None:
        """Serves one viewer until it leaves: hello, the newest frame there is, then every frame."""
        if self._closed or len(self._seats) >= self._max_viewers:
            await connection.close(1013, f"avatar-bridge serves {self._max_viewers} viewers at most")
            return
        seat = _Seat(viewer=Viewer(connection, stall_s=self._stall_s), options=options)
        self._seats.append(seat)  # first: what is published from here on is for this viewer too
        seat.viewer.offer("hello", framed(stream.encode_hello(options)))
        seat.greeting = self._newest.copy()
        self._send([seat], list(seat.greeting.values()))
        try:
            unwanted = 0
            async for _ in connection:
                unwanted += 1
                if unwanted > _UNWANTED_MESSAGES:
                    await connection.close(1008, "the stream takes no messages")
        except ConnectionClosed:
            log.debug("a viewer left without saying so")
        finally:
            self._seats.remove(seat)
            seat.viewer.abort()
            self._sent += seat.viewer.sent
            self._skipped += seat.viewer.skipped
            self._dropped += seat.viewer.dropped

    def _flush(self) -> None:
        with self._lock:
            states, self._waiting = list(self._waiting.values()), {}
        if not self._closed:
            self._send(self._seats, states, flushed=True)

    def _send(self, seats: list[_Seat], states: list[FaceState], *, flushed: bool = False) -> None:
        now = self._clock()
        for state in states:
            frames: dict[tuple[StreamFormat, bool, bool], bytes] = {}
            for seat in seats:
                # Published while the viewer sat down: it was the greeting already.
                if flushed and seat.greeting and seat.greeting.pop(state.subject, None) is state:
                    continue
                if not seat.wants(state, now):
                    continue
                options = seat.options
                key = (options.format, options.landmarks, options.mirror)
                frame = frames.get(key)
                if frame is None:
                    frame = frames[key] = _write_frame(state, options, now=now)
                seat.viewer.offer(state.subject, frame)

    def _cut_off(self) -> None:
        for seat in self._seats:
            seat.viewer.abort()


def _write_frame(state: FaceState, options: StreamOptions, *, now: float) -> bytes:
    latency_ms = max(0.0, now - state.t) * 1000.0
    shown = mirror_state(state) if options.mirror else state
    if options.format is StreamFormat.BINARY:
        return framed(stream.encode_binary(shown, latency_ms=latency_ms, landmarks=options.landmarks))
    return framed(stream.encode_json(shown, latency_ms=latency_ms, landmarks=options.landmarks))
