"""Requests to VTube Studio that are on their way, each under a number of its own. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from bridge.wire import vts


class Kind(enum.Enum):
    """What a request is for."""

    STATE = "whether the API is on"
    TOKEN = "the user's permission"
    AUTHENTICATION = "authentication"
    LIST = "all parameters"
    CREATION = "a new parameter"
    INJECT = "a frame"
    PROBE = "one parameter alone"


ANSWERS = {
    Kind.STATE: "APIStateResponse",
    Kind.TOKEN: "AuthenticationTokenResponse",
    Kind.AUTHENTICATION: "AuthenticationResponse",
    Kind.LIST: "InputParameterListResponse",
    Kind.CREATION: "ParameterCreationResponse",
    Kind.INJECT: "InjectParameterDataResponse",
    Kind.PROBE: "InjectParameterDataResponse",
}
"""Message type of the answer."""

AT_MOST = {Kind.CREATION: 4, Kind.INJECT: 4, Kind.PROBE: 4}
"""How many of a kind may be unanswered."""
MAX_OUTSTANDING = sum(AT_MOST.values()) + 1
"""Of all kinds together: the steps of the handshake, and the lists, follow one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A request without an answer."""

    kind: Kind
    sent_at: float
    """Seconds."""
    name: str = ""
    """The parameter that it is about, where it is one."""
    template: vts.InjectTemplate | None = None
    """What a frame was written with."""


class Requests:
    """Numbers requests, remembers them until they are answered, and holds the texts until they are sent."""

    __slots__ = ("_out", "_pending", "_sequence")

    def __init__(self) -> None:
        self._sequence = 0
        self._pending: dict[str, Pending] = {}
        self._out: list[str] = []

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, pending: Pending, write: Callable[[str], str]) -> None:
        """Puts what ``write`` makes of its number among the texts to send."""
        self._sequence += 1
        request_id = f"avatar-bridge-{self._sequence}"
        self._pending[request_id] = pending
        self._out.append(write(request_id))

    def answered(self, request_id: str) -> Pending | None:
        """The request of that number, once; None when there is none."""
        return self._pending.pop(request_id, None)

    def room(self, kind: Kind) -> bool:
        """Whether one more of the kind may be sent."""
        return self.count(kind) < AT_MOST[kind]

    def count(self, kind: Kind) -> int:
        """Unanswered requests of the kind."""
        return sum(pending.kind is kind for pending in self._pending.values())

    def oldest(self) -> float | None:
        """When the oldest unanswered one was sent, seconds; the user's permission may take any time and does not count."""
        return min((pending.sent_at for pending in self._pending.values() if pending.kind is not Kind.TOKEN), default=None)

    def forget(self) -> None:
        """Answers to what is on its way do not count any more."""
        self._pending.clear()

    def clear(self) -> None:
        """The connection is gone."""
        self._pending.clear()
        self._out.clear()

    def take(self) -> list[str]:
        """The texts to send now, in their order."""
        out, self._out = self._out, []
        return out
