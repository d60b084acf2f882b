"""Frames into ``InjectParameterDataRequest``s, whatever single parameters do. Pure.

VTube Studio refuses a frame as a whole for one parameter that it does not have, or that another plugin sets. So a refused frame
is sent again at once without what the message names; where it names nothing, each parameter is set alone until the culprit is
known, and nothing is released meanwhile.
"""

from __future__ import annotations

from bridge.mapping.vts import VtsFrame
from bridge.wire import vts
from bridge.wire.vts_errors import Reaction
from bridge.wire.vts_parameters import ParameterBook, explanation_of
from bridge.wire.vts_requests import Kind, Pending, Requests

RESEND_S = 0.4
"""A parameter that is not set for a second is released."""
ASIDE_S = 10.0
"""Until a parameter that another plugin sets is tried again."""
PAUSE_S = 2.0
"""Until one is tried again for which VTube Studio had an error of its own."""


class ParameterSetter:
    """Of one plugin, through all its connections."""

    def __init__(self, *, plugin: str, names: tuple[str, ...], mode: vts.Mode) -> None:
        self._plugin = plugin
        self._mode: vts.Mode = mode
        self._names = names
        self._frame: VtsFrame | None = None
        self.begin()

    def begin(self) -> None:
        """A new authentication: nothing is known, the newest frame is still to be sent."""
        self.book = ParameterBook(self._plugin)
        self.ready = False
        """Whether what is missing was created, as far as it can be."""
        self.list_wanted = False
        """Whether a parameter that was listed is not there any more."""
        self.dirty = self._frame is not None
        """Whether the newest frame is still to be sent."""
        self._sent_at = float("-inf")
        self._noted: tuple[ParameterBook, int, tuple[str, ...]] | None = None
        self._note = ""
        self._template: vts.InjectTemplate | None = None
        self._made_for: tuple[tuple[str, ...], int] | None = None
        self._chosen: tuple[int, ...] | None = None

    @property
    def note(self) -> str:
        """What is left out, and why."""
        if self._noted != (self.book, self.book.version, self._names):
            self._noted = (self.book, self.book.version, self._names)
            self._note = self.book.left_out(self._names)
        return self._note

    @property
    def sets_nothing(self) -> bool:
        """Whether there is a frame, and not one parameter that can be set."""
        return self._made_for is not None and self._template is None

    def offer(self, frame: VtsFrame) -> None:
        """The newest frame; one that was not sent is replaced."""
        self._frame, self.dirty = frame, True
        if frame.names is not self._names and frame.names != self._names:
            self._names = frame.names
            if self.ready:
                self.book.want(frame.names)

    def learn(self, listed: vts.ParameterList) -> None:
        """What VTube Studio has."""
        self.book.learn(listed)
        self.book.want(self._names)

    # --- sending -------------------------------------------------------------------------------------------------------------

    def add_requests(self, requests: Requests, now: float) -> None:
        """Whatever is to be created, tried and set, as far as there is room."""
        book = self.book
        while book.to_create and requests.room(Kind.CREATION):
            self._create(requests, book.to_create.popleft(), now)
        if not book.creating:
            self.ready = True
        frame = self._frame
        if not self.ready or frame is None:
            return
        book.due(now)
        if book.to_probe:
            self._probe(requests, frame, now)
        if now - self._sent_at >= RESEND_S:
            self.dirty = True
        if self.dirty and requests.room(Kind.INJECT):
            self._set(requests, frame, now)

    def _create(self, requests: Requests, name: str, now: float) -> None:
        explanation = explanation_of(name)
        requests.add(
            Pending(kind=Kind.CREATION, sent_at=now, name=name),
            lambda number: vts.parameter_creation_request(number, name=name, explanation=explanation),
        )

    def _probe(self, requests: Requests, frame: VtsFrame, now: float) -> None:
        values = dict(zip(frame.names, frame.values, strict=True))
        while self.book.to_probe and requests.room(Kind.PROBE):
            name = self.book.to_probe.popleft()
            if name not in values:
                self.book.clear(name)
                continue
            alone, value = vts.InjectTemplate((name,), mode=self._mode), values[name]
            self._inject(requests, Kind.PROBE, alone, (value,), frame, now)

    def _set(self, requests: Requests, frame: VtsFrame, now: float) -> None:
        self.dirty, self._sent_at = False, now
        if self._made_for != (frame.names, self.book.version):
            self._made_for = (frame.names, self.book.version)
            chosen = tuple(i for i, name in enumerate(frame.names) if self.book.usable(name))
            self._chosen = None if len(chosen) == len(frame.names) else chosen
            names = tuple(frame.names[i] for i in chosen)
            self._template = vts.InjectTemplate(names, mode=self._mode) if names else None
        if self._template is not None:
            values = frame.values if self._chosen is None else tuple(frame.values[i] for i in self._chosen)
            self._inject(requests, Kind.INJECT, self._template, values, frame, now)

    @staticmethod
    def _inject(  # noqa: PLR0917
        requests: Requests, kind: Kind, template: vts.InjectTemplate, values: tuple[float, ...], frame: VtsFrame, now: float
    ) -> None:
        requests.add(
            Pending(kind=kind, sent_at=now, name=template.names[0], template=template),
            lambda number: template.fill(number, values, face_found=frame.face_found),
        )

    # --- answers -------------------------------------------------------------------------------------------------------------

    def done(self, pending: Pending) -> None:
        """A creation or a probe succeeded."""
        if pending.kind is Kind.CREATION:
            self.book.created(pending.name)
            self.dirty = self._frame is not None
        elif pending.kind is Kind.PROBE:
            self.book.clear(pending.name)

    def failed(self, pending: Pending, reaction: Reaction, sentence: str, *, message: str, now: float) -> None:
        """A creation, a probe or a frame was refused; ``message`` is what VTube Studio said."""
        match pending.kind:
            case Kind.CREATION if reaction is Reaction.EXISTS:
                self.book.exists(pending.name)
            case Kind.CREATION if reaction is Reaction.FULL:
                self.book.full(pending.name, sentence)
            case Kind.CREATION:
                self.book.drop((pending.name,), sentence)
            case Kind.PROBE:
                self._leave_out((pending.name,), reaction, sentence, now)
            case _:
                self._frame_failed(pending.template, reaction, sentence, message, now)

    def _frame_failed(
        self, template: vts.InjectTemplate | None, reaction: Reaction, sentence: str, message: str, now: float
    ) -> None:
        if template is None or template is not self._template:
            return  # it was refused for what is left out by now
        if reaction in (Reaction.AGAIN, Reaction.IGNORE):
            return  # nobody's fault: the next frame may pass, or this one when it is sent again
        named = template.names if len(template.names) == 1 else vts.names_in(message, template.names)
        if named and (len(named) < len(template.names) or len(named) == 1):
            self._leave_out(named, reaction, sentence, now)
        else:
            self.book.suspect(template.names)
        self.dirty = True

    def _leave_out(self, names: tuple[str, ...], reaction: Reaction, sentence: str, now: float) -> None:
        if reaction is Reaction.ASIDE:
            self.book.set_aside(names, now + ASIDE_S)
        elif reaction is Reaction.LIST:
            self.book.lose(names)
            self.list_wanted = True
        elif reaction in (Reaction.AGAIN, Reaction.IGNORE):
            self.book.set_aside(names, now + PAUSE_S)
        else:
            self.book.drop(names, sentence)
