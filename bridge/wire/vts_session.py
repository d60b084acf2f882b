"""One plugin's conversation with VTube Studio: what happened goes in, what is to be sent comes out. No socket, no clock.

Asks whether the API is on, authenticates with its token or has the user asked for one, looks up which parameters there are,
creates what is missing, and then sets them with every frame (``vts_setter``). Never more than ``MAX_OUTSTANDING`` requests are
unanswered: when VTube Studio falls behind, the newest frame waits and older ones are skipped. What an error leads to is in
``vts_errors``. Pure; all calls from one thread.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from bridge.mapping.vts import VtsFrame
from bridge.wire import vts
from bridge.wire.vts_errors import API_FAULTS, Reaction, fault_of
from bridge.wire.vts_requests import ANSWERS, Kind, Pending, Requests
from bridge.wire.vts_setter import ParameterSetter

_MAX_STRANGE = 32
"""Messages that are none of the API's, in one connection."""
_MAX_AUTHENTICATIONS = 3
"""In a row, without a frame that was accepted."""


class Phase(enum.Enum):
    """How far the conversation has come."""

    CLOSED = "not connected"
    CHECKING = "asks whether the API is on"
    API_OFF = "waits until the user switches the API on"
    ASKING = "waits for the user's permission"
    AUTHENTICATING = "authenticates"
    LISTING = "asks for the parameters"
    CREATING = "creates parameters"
    INJECTING = "sets parameters"
    REJECTED = "stopped until the user has it tried again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds."""

    answer_s: float = 5.0
    """After so long without an answer VTube Studio counts as silent; its user may take any time."""
    poll_s: float = 2.0
    """Between two looks whether the API is on, or the user's earlier question answered."""
    list_s: float = 2.0
    """Between two lists of all parameters, which are large."""


class VtsSession:
    """``connected``, ``received``, ``offer`` and ``tick`` return the texts to send; ``now`` is seconds and never goes back."""

    def __init__(
        self,
        *,
        plugin: str,
        developer: str,
        icon: str = "",
        token: str | None = None,
        names: tuple[str, ...] = (),
        mode: vts.Mode = "set",
        timing: Timing | None = None,
    ) -> None:
        """``names``: the parameters that frames will set, as far as they are known before the first."""
        self._plugin, self._developer, self._icon = plugin, developer, icon
        self._timing = timing or Timing()
        self._requests = Requests()
        self._setter = ParameterSetter(plugin=plugin, names=names, mode=mode)
        self.token = token
        """What the user granted; None when there is none, or it is not valid any more. To be kept for the next run."""
        self.rejection = ""
        """Why the session stopped until ``closed`` and a new one."""
        self._begin(Phase.CLOSED)

    def _begin(self, phase: Phase) -> None:
        self.phase = phase
        self.hang_up = ""
        """Why our side should end the connection; empty when it should not."""
        self.accepted = 0
        """Frames that VTube Studio took in this connection."""
        self._requests.clear()
        self._setter.begin()
        self._listed_at = float("-inf")
        self._again: tuple[float, Callable[[float], None]] | None = None
        self._strange = 0
        self._authentications = 0
        self._granted = False
        self._hint = ""

    # --- readings ------------------------------------------------------------------------------------------------------------

    @property
    def outstanding(self) -> int:
        """Requests without an answer."""
        return len(self._requests)

    @property
    def frame_pending(self) -> bool:
        """Whether, while parameters are set, the newest frame is not yet sent or not yet answered."""
        return self.phase is Phase.INJECTING and (self._setter.dirty or self._requests.count(Kind.INJECT) > 0)

    @property
    def sets_nothing(self) -> bool:
        """Whether all that could be set is left out."""
        return self.phase is Phase.INJECTING and self._setter.sets_nothing

    @property
    def note(self) -> str:
        """One sentence for the user, or nothing."""
        match self.phase:
            case Phase.REJECTED:
                return self.rejection
            case Phase.API_OFF:
                return API_FAULTS[1].sentence
            case Phase.ASKING:
                return self._hint or f'waits for you to allow "{self._plugin}" in VTube Studio'
            case Phase.CREATING:
                return "creates parameters in VTube Studio"
            case Phase.INJECTING:
                strange = f"unreadable messages from VTube Studio: {self._strange}" if self._strange else ""
                return "; ".join(filter(None, (self._setter.note, strange)))
            case _:
                return self._hint

    # --- events --------------------------------------------------------------------------------------------------------------

    def connected(self, now: float) -> list[str]:
        """A connection is made."""
        self._begin(Phase.CHECKING)
        self._check(now)
        return self._texts(now)

    def closed(self) -> None:
        """The connection is gone, whoever ended it. What is rejected stays so."""
        self._begin(Phase.REJECTED if self.phase is Phase.REJECTED else Phase.CLOSED)

    def offer(self, frame: VtsFrame, now: float) -> list[str]:
        """The newest values."""
        self._setter.offer(frame)
        return self._texts(now)

    def tick(self, now: float) -> list[str]:
        """Time has passed; several times a second."""
        oldest = self._requests.oldest()
        if oldest is not None and now - oldest >= self._timing.answer_s:
            what = "answers nothing that can be read" if self._strange else "does not answer"
            self.hang_up = self.hang_up or f"VTube Studio {what}: does it hang, or is it another program that listens there?"
        if self._again is not None and now >= self._again[0]:
            (_, step), self._again = self._again, None
            step(now)
        if self._setter.list_wanted and self.phase is Phase.INJECTING and now - self._listed_at >= self._timing.list_s:
            self._list(now)
        return self._texts(now)

    def received(self, text: str | bytes, now: float) -> list[str]:
        """A message has come, whatever it is."""
        if self.hang_up or self.phase in (Phase.CLOSED, Phase.REJECTED):
            return []
        reply = vts.parse_reply(text)
        if reply is None:
            self._count_strange()
            return self._texts(now)
        pending = self._requests.answered(reply.request_id)
        if reply.error_id is not None:
            self._failed(reply.error_id, reply, pending, now)
        elif pending is not None and reply.message_type == ANSWERS[pending.kind]:
            self._answered(pending, reply, now)
        elif pending is not None:
            self._count_strange()
            if pending.kind not in (Kind.INJECT, Kind.PROBE):
                self.hang_up = f"VTube Studio answers with {vts.shown(reply.message_type)}, not {ANSWERS[pending.kind]}"
        return self._texts(now)

    def _texts(self, now: float) -> list[str]:
        if self.hang_up or self.phase in (Phase.CLOSED, Phase.REJECTED):
            self._requests.clear()
            return []
        if self.phase in (Phase.CREATING, Phase.INJECTING):
            self._setter.add_requests(self._requests, now)
            if self._setter.ready:
                self.phase = Phase.INJECTING
        return self._requests.take()

    # --- answers -------------------------------------------------------------------------------------------------------------

    def _answered(self, pending: Pending, reply: vts.Reply, now: float) -> None:
        match pending.kind:
            case Kind.STATE:
                self._on_state(reply, now)
            case Kind.TOKEN:
                self._on_token(reply, now)
            case Kind.AUTHENTICATION if reply.data.get("authenticated") is True:
                self._list(now)
            case Kind.AUTHENTICATION:
                self._ask_again(now)
            case Kind.LIST:
                self._on_list(reply)
            case Kind.INJECT:
                self.accepted += 1
                self._authentications, self._granted = 0, False
            case _:
                self._setter.done(pending)

    def _on_state(self, reply: vts.Reply, now: float) -> None:
        if reply.data.get("active") is not True:
            self._wait_for_api(now)
        else:
            self._authenticate(now)

    def _on_token(self, reply: vts.Reply, now: float) -> None:
        self.token, self._granted = vts.parse_token(reply), True
        if self.token is None:
            self.hang_up = "VTube Studio granted access with a token that cannot be one"
        else:
            self._authenticate(now)

    def _on_list(self, reply: vts.Reply) -> None:
        listed = vts.parse_parameter_list(reply)
        if listed is None:
            self.hang_up = "VTube Studio's list of parameters cannot be read"
            return
        self._setter.learn(listed)
        if self.phase is Phase.LISTING:
            self.phase, self._hint = Phase.CREATING, ""

    def _failed(self, error_id: int, reply: vts.Reply, pending: Pending | None, now: float) -> None:
        reaction, sentence = fault_of(error_id)
        if error_id not in API_FAULTS and reply.message:
            sentence = f"{sentence}: {vts.shown(reply.message)}"
        if pending is None:  # no request of this connection, or one that does not count any more
            if reaction is Reaction.WAIT_FOR_API:
                self._wait_for_api(now)
            return
        if error_id == 50 and pending.kind is not Kind.TOKEN:
            reaction = Reaction.AUTHENTICATE  # whoever is refused after it was let in had its access revoked
        match reaction:
            case Reaction.WAIT_FOR_API:
                self._wait_for_api(now)
            case Reaction.REJECT:
                self.phase, self.rejection, self.hang_up = Phase.REJECTED, sentence, sentence
            case Reaction.RECONNECT:
                self.hang_up = sentence
            case Reaction.AUTHENTICATE if pending.kind is not Kind.AUTHENTICATION:
                self._authenticate(now)
            case Reaction.AUTHENTICATE | Reaction.ASK:
                self._ask_again(now)
            case _ if pending.kind in (Kind.CREATION, Kind.PROBE, Kind.INJECT):
                self._setter.failed(pending, reaction, sentence, message=reply.message, now=now)
            case _:
                self._step_failed(pending, reaction, sentence, now)

    def _step_failed(self, pending: Pending, reaction: Reaction, sentence: str, now: float) -> None:
        """Of the handshake, or a list."""
        if pending.kind is Kind.LIST and self.phase is not Phase.LISTING:
            self._setter.list_wanted = True
        elif reaction is Reaction.NO_ICON and self._icon:
            self._icon = ""
            self._ask(now)
        elif reaction in (Reaction.WAIT_FOR_ANSWER, Reaction.AGAIN):
            steps = {Kind.STATE: self._check, Kind.TOKEN: self._ask, Kind.AUTHENTICATION: self._authenticate}
            self._hint = sentence
            self._again = (now + self._timing.poll_s, steps.get(pending.kind, self._list))
        else:
            self.hang_up = sentence

    def _count_strange(self) -> None:
        self._strange += 1
        if self._strange > _MAX_STRANGE:
            self.hang_up = "VTube Studio sends messages that are not of its API: is it another program that listens there?"

    # --- steps ---------------------------------------------------------------------------------------------------------------

    def _step(self, phase: Phase) -> None:
        """Enters a phase of the handshake: frames stop, and answers to what is on its way do not count any more."""
        self.phase = phase
        self._again = None
        self._requests.forget()

    def _wait_for_api(self, now: float) -> None:
        self._step(Phase.API_OFF)
        self._again = (now + self._timing.poll_s, self._check)

    def _check(self, now: float) -> None:
        self._requests.add(Pending(kind=Kind.STATE, sent_at=now), vts.api_state_request)

    def _ask_again(self, now: float) -> None:
        if self._granted:
            self.hang_up = "VTube Studio granted a token and does not accept it"
            return
        self.token = None
        self._ask(now)

    def _ask(self, now: float) -> None:
        self._step(Phase.ASKING)
        self._requests.add(
            Pending(kind=Kind.TOKEN, sent_at=now),
            lambda number: vts.authentication_token_request(
                number, plugin=self._plugin, developer=self._developer, icon=self._icon
            ),
        )

    def _authenticate(self, now: float) -> None:
        token = self.token
        if token is None:
            self._ask(now)
            return
        self._authentications += 1
        if self._authentications > _MAX_AUTHENTICATIONS:
            self.hang_up = "VTube Studio accepts the token and then refuses what it should allow"
            return
        self._step(Phase.AUTHENTICATING)
        self._requests.add(
            Pending(kind=Kind.AUTHENTICATION, sent_at=now),
            lambda number: vts.authentication_request(number, plugin=self._plugin, developer=self._developer, token=token),
        )

    def _list(self, now: float) -> None:
        if self._requests.count(Kind.LIST):
            return
        if self.phase is not Phase.INJECTING:
            self._step(Phase.LISTING)
            self._setter.begin()
        self._listed_at, self._setter.list_wanted = now, False
        self._requests.add(Pending(kind=Kind.LIST, sent_at=now), vts.input_parameter_list_request)
