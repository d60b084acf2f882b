"""A conversation with VTube Studio, both sides without a socket: the session and the stand-in's memory, under one clock."""

from __future__ import annotations

import json
from typing import Any

from bridge.mapping.vts import VtsFrame
from bridge.wire.vts_session import VtsSession
from tests.e2e.vtube_studio_api import Session, VTubeStudioApi

NAMES = ("FaceAngleX", "MouthOpen", "JawOpen", "HappyFace")
FRAME = VtsFrame(names=NAMES, values=(1.0, 0.5, 0.25, 0.75), face_found=True)
STEP_S = 0.1


class Talk:
    """A session connected to a VTube Studio. Time passes only in ``wait``."""

    def __init__(self, api: VTubeStudioApi | None = None, **options: Any) -> None:
        self.now = 0.0
        self.api = api or VTubeStudioApi(permission="allow")
        self.api.clock = lambda: self.now
        self.session = VtsSession(plugin="test plugin", developer="tester", **options)
        self.sent: list[dict[str, Any]] = []
        self.most_outstanding = 0
        self.deaf = False
        """VTube Studio takes what comes and answers nothing."""
        self._peer = Session()
        self._answers: list[str] = []

    def connect(self) -> Talk:
        self._peer, self._answers = Session(), []
        self.say(self.session.connected(self.now))
        return self

    def say(self, texts: list[str]) -> None:
        """Delivers texts, their answers, the texts that follow from them, and so on."""
        while texts or self._answers:
            self.most_outstanding = max(self.most_outstanding, self.session.outstanding)
            for text in texts:
                self.sent.append(json.loads(text))
                if not self.deaf:
                    self.api.handle(self._peer, text, self._answers.append)
            texts = self.session.received(self._answers.pop(0), self.now) if self._answers else []

    def offer(self, frame: VtsFrame = FRAME) -> Talk:
        self.say(self.session.offer(frame, self.now))
        return self

    def wait(self, seconds: float) -> Talk:
        for _ in range(round(seconds / STEP_S)):
            self.now += STEP_S
            self.say(self.session.tick(self.now))
        return self

    def answer(self, **reply: Any) -> None:
        """What VTube Studio says without being asked, or instead of its own answer."""
        self.say(self.session.received(json.dumps(reply), self.now))

    @property
    def types(self) -> list[str]:
        return [request["messageType"] for request in self.sent]

    @property
    def values(self) -> dict[str, float]:
        """Of the newest frame that was accepted."""
        return self.api.frames[-1].values


def fail_newest(talk: Talk, error_id: int, message: str = "") -> None:
    """Fails the newest request."""
    talk.answer(messageType="APIError", requestID=talk.sent[-1]["requestID"], data={"errorID": error_id, "message": message})
