"""VTube Studio's public API in memory, as strict as its documentation; ``vtube_studio`` serves it. Imports no ``bridge``.

Written from the fact sheet "VTube Studio", part A. Where the sheet leaves something open, the stricter reading is taken.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

LIMIT = 1_000_000
RELEASE_S = 1.0
PER_PLUGIN, IN_TOTAL = 100, 300
OWN_NAME = "VTube Studio"

DEFAULTS: dict[str, tuple[float, float, float]] = {
    "FacePositionX": (-15, 15, 0), "FacePositionY": (-15, 15, 0), "FacePositionZ": (-10, 10, 0),
    "FaceAngleX": (-30, 30, 0), "FaceAngleY": (-30, 30, 0), "FaceAngleZ": (-90, 90, 0),
    "MouthSmile": (0, 1, 0), "MouthOpen": (0, 1, 0), "Brows": (0, 1, 0), "TongueOut": (0, 1, 0), "CheekPuff": (0, 1, 0),
    "FaceAngry": (0, 1, 0), "BrowLeftY": (0, 1, 0), "BrowRightY": (0, 1, 0), "EyeOpenLeft": (0, 1, 0), "EyeOpenRight": (0, 1, 0),
    "EyeLeftX": (-1, 1, 0), "EyeLeftY": (-1, 1, 0), "EyeRightX": (-1, 1, 0), "EyeRightY": (-1, 1, 0),
    "MousePositionX": (-1, 1, 0), "MousePositionY": (-1, 1, 0), "MouthX": (-1, 1, 0), "VoiceVolume": (0, 1, 0),
    "VoiceFrequency": (0, 1, 0), "VoiceVolumePlusMouthOpen": (0, 1, 0), "VoiceFrequencyPlusMouthSmile": (0, 1, 0),
    "HandLeftFound": (0, 1, 0), "HandRightFound": (0, 1, 0), "HandDistance": (0, 10, 0),
}  # fmt: skip


class ApiError(Exception):
    """An answer of type APIError."""

    def __init__(self, error_id: int, message: str) -> None:
        super().__init__(message)
        self.error_id = error_id


def refuse(error_id: int, message: str) -> NoReturn:
    """Ends a request with an error."""
    raise ApiError(error_id, message)


@dataclass
class Parameter:
    added_by: str
    low: float
    high: float
    default: float
    explanation: str = ""
    value: float = 0.0
    set_by: str = ""
    set_at: float = -math.inf


@dataclass
class Session:
    """One connection."""

    plugin: str = ""
    """Empty while not authenticated."""
    token: str = ""


@dataclass(frozen=True)
class Frame:
    """One accepted InjectParameterDataRequest."""

    t: float
    plugin: str
    face_found: bool
    mode: str
    values: dict[str, float]


@dataclass
class Question:
    """The pop-up that the user has not answered yet."""

    session: Session
    request_id: str
    plugin: str
    developer: str
    icon: str
    send: Callable[[str], None]


@dataclass
class VTubeStudioApi:
    """The program behind the API; one user. ``clock`` is seconds."""

    permission: str = "ask"
    """What the user does with a question: allow, deny, or ask: nothing until ``decide``."""
    active: bool = True
    names_culprits: bool = True
    """Whether errors 453 and 454 say which parameter it was."""
    clock: Callable[[], float] = time.monotonic
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    granted: int = 0
    """Tokens ever."""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    question: Question | None = None
    requests: list[str] = field(default_factory=list)
    """Message types, in their order."""
    errors: list[tuple[int, str]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    releases: list[str] = field(default_factory=list)
    """Parameters that were not set again in time, while their plugin was still connected."""
    unread: list[str] = field(default_factory=list)
    """Messages that were no requests."""

    def __post_init__(self) -> None:
        for name, (low, high, default) in DEFAULTS.items():
            self.parameters[name] = Parameter(OWN_NAME, low, high, default, value=default)

    # --- the user ------------------------------------------------------------------------------------------------------------

    def decide(self, *, allow: bool) -> None:
        """The user answers the pop-up."""
        question, self.question = self.question, None
        assert question is not None, "there is no question to answer"
        if not allow:
            question.send(self._error(question.request_id, ApiError(50, "User has denied API access for your plugin.")))
            return
        self.granted += 1
        token = f"a-token-of-vtube-studio-{self.granted:04d}"
        self.tokens[token] = (question.plugin, question.developer)
        question.send(self._reply(question.request_id, "AuthenticationTokenResponse", {"authenticationToken": token}))

    def switch(self, *, on: bool) -> None:
        """The user switches the API on or off; off, connections stay and nothing is answered but errors."""
        self.active = on

    def answer_with(self, permission: str) -> None:
        """What the user does with questions from now on: allow, deny, ask."""
        self.permission = permission

    def remove(self, name: str) -> None:
        """A parameter disappears."""
        del self.parameters[name]

    def revoke(self) -> None:
        """The user takes the permission of all plugins back; their custom parameters go with it."""
        self.tokens.clear()
        self.parameters = {name: each for name, each in self.parameters.items() if each.added_by == OWN_NAME}

    def take_over(self, name: str, plugin: str = "Other Plugin") -> None:
        """Another plugin sets a parameter, now."""
        parameter = self.parameters[name]
        parameter.set_by, parameter.set_at = plugin, self.clock()

    def add_foreign(self, name: str, plugin: str = "Other Plugin") -> None:
        """Another plugin creates a parameter."""
        self.parameters[name] = Parameter(plugin, 0, 1, 0)

    # --- requests --------------------------------------------------------------------------------------------------------------

    def handle(self, session: Session, text: str | bytes, send: Callable[[str], None]) -> None:
        """Answers one message through ``send``, now or, for a question to the user, later."""
        request_id = "none"
        try:
            try:
                request = json.loads(text, parse_constant=lambda name: refuse(2, f"{name} is not JSON"))
            except ValueError:
                refuse(2, "JSON invalid")
            if not isinstance(request, dict):
                refuse(2, "JSON invalid")
            request_id = self._check_envelope(request)
            message_type = request["messageType"]
            self.requests.append(message_type)
            data = request.get("data")
            if message_type == "AuthenticationTokenRequest":
                self._ask(session, request_id, data if isinstance(data, dict) else {}, send)
                return
            answer = self._answer(session, message_type, data if isinstance(data, dict) else {})
            send(self._reply(request_id, message_type.removesuffix("Request") + "Response", answer))
        except ApiError as error:
            if error.error_id in (2, 3, 4, 5, 6, 7):
                self.unread.append(str(text)[:200])
            send(self._error(request_id, error))

    def _check_envelope(self, request: dict[str, Any]) -> str:
        if request.get("apiName") != "VTubeStudioPublicAPI":
            refuse(3, "API name invalid")
        if request.get("apiVersion") != "1.0":
            refuse(4, "API version invalid")
        request_id = request.get("requestID", "generated-by-server")
        if not isinstance(request_id, str) or not request_id.isascii() or not 1 <= len(request_id) <= 64:
            refuse(5, "Request ID invalid")
        message_type = request.get("messageType")
        if not isinstance(message_type, str) or not message_type:
            refuse(6, "Request type missing or empty")
        return request_id

    def _answer(self, session: Session, message_type: str, data: dict[str, Any]) -> dict[str, Any]:
        if message_type == "APIStateRequest":
            authenticated = bool(session.plugin)
            return {"active": self.active, "vTubeStudioVersion": "1.30.0", "currentSessionAuthenticated": authenticated}
        if not self.active:
            refuse(1, "API access is deactivated")
        if message_type == "AuthenticationRequest":
            return self._authenticate(session, data)
        handlers = {
            "InputParameterListRequest": self._list,
            "ParameterValueRequest": self._value,
            "ParameterCreationRequest": self._create,
            "ParameterDeletionRequest": self._delete,
            "InjectParameterDataRequest": self._inject,
            "FaceFoundRequest": self._face_found,
        }
        if message_type not in handlers:
            refuse(7, f"Request type {message_type[:40]} unknown")
        if not session.plugin:
            refuse(8, "Request requires authentication")
        if session.token not in self.tokens:
            refuse(50, "User has denied API access for your plugin.")
        return handlers[message_type](session, data)

    def _ask(self, session: Session, request_id: str, data: dict[str, Any], send: Callable[[str], None]) -> None:
        if not self.active:
            refuse(1, "API access is deactivated")
        if self.question is not None:
            refuse(51, "A token request is already ongoing")
        plugin, developer, icon = data.get("pluginName"), data.get("pluginDeveloper"), data.get("pluginIcon", "")
        if not isinstance(plugin, str) or not 3 <= len(plugin) <= 32:
            refuse(52, "Plugin name invalid")
        if not isinstance(developer, str) or not 3 <= len(developer) <= 32:
            refuse(53, "Developer name invalid")
        if icon and not is_icon(icon):
            refuse(54, "Plugin icon invalid")
        self.question = Question(session, request_id, plugin, developer, icon, send)
        if self.permission != "ask":
            self.decide(allow=self.permission == "allow")

    def _authenticate(self, session: Session, data: dict[str, Any]) -> dict[str, Any]:
        for key, error_id in (("authenticationToken", 100), ("pluginName", 101), ("pluginDeveloper", 102)):
            if not isinstance(data.get(key), str) or not data[key]:
                refuse(error_id, f"{key} missing")
        token = data["authenticationToken"]
        if self.tokens.get(token) != (data["pluginName"], data["pluginDeveloper"]):
            return {"authenticated": False, "reason": "Token invalid or revoked by user, or names do not match."}
        session.plugin, session.token = data["pluginName"], token
        return {"authenticated": True, "reason": "Token valid. The plugin is authenticated for the duration of this session."}

    def _described(self, name: str) -> dict[str, Any]:
        self._release(name)
        each = self.parameters[name]
        return {
            "name": name, "addedBy": each.added_by, "value": each.value,
            "min": each.low, "max": each.high, "defaultValue": each.default,
        }  # fmt: skip

    def _list(self, _session: Session, _data: dict[str, Any]) -> dict[str, Any]:
        default = [self._described(name) for name, each in self.parameters.items() if each.added_by == OWN_NAME]
        custom = [self._described(name) for name, each in self.parameters.items() if each.added_by != OWN_NAME]
        model = {"modelLoaded": True, "modelName": "Akari", "modelID": "UniqueIDOfModel"}
        return {**model, "customParameters": custom, "defaultParameters": default}

    def _face_found(self, _session: Session, _data: dict[str, Any]) -> dict[str, Any]:
        return {"found": bool(self.frames) and self.frames[-1].face_found}

    def _value(self, _session: Session, data: dict[str, Any]) -> dict[str, Any]:
        name = data.get("name")
        if name not in self.parameters:
            refuse(500, "Parameter not found")
        return self._described(str(name))

    def _create(self, session: Session, data: dict[str, Any]) -> dict[str, Any]:
        name, explanation = data.get("parameterName"), data.get("explanation", "")
        low, high, default = (data.get(key) for key in ("min", "max", "defaultValue"))
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9]{4,32}", name):
            refuse(350, "Parameter name invalid")
        if not all(_is_number(value) for value in (low, high, default)):
            refuse(351, "Parameter values invalid")
        if not isinstance(explanation, str) or len(explanation) >= 256:
            refuse(353, "Parameter explanation invalid")
        known = self.parameters.get(name)
        if known is not None and known.added_by == OWN_NAME:
            refuse(354, f"{name} is a default parameter")
        if known is not None and known.added_by != session.plugin:
            refuse(352, f"{name} was created by another plugin")
        custom = [each for each in self.parameters.values() if each.added_by != OWN_NAME]
        if known is None and sum(each.added_by == session.plugin for each in custom) >= PER_PLUGIN:
            refuse(355, "Too many custom parameters of this plugin")
        if known is None and len(custom) >= IN_TOTAL:
            refuse(356, "Too many custom parameters")
        assert isinstance(low, int | float)
        assert isinstance(high, int | float)
        assert isinstance(default, int | float)
        self.parameters[name] = Parameter(session.plugin, low, high, default, explanation, value=default)
        return {"parameterName": name}

    def _delete(self, session: Session, data: dict[str, Any]) -> dict[str, Any]:
        name = data.get("parameterName")
        if not isinstance(name, str) or name not in self.parameters:
            refuse(401, "Parameter not found")
        if self.parameters[name].added_by == OWN_NAME:
            refuse(403, "Parameter is a default parameter")
        if self.parameters[name].added_by != session.plugin:
            refuse(402, "Parameter was created by another plugin")
        del self.parameters[name]
        return {"parameterName": name}

    def _inject(self, session: Session, data: dict[str, Any]) -> dict[str, Any]:
        entries, mode, face_found = data.get("parameterValues"), data.get("mode", "set"), data.get("faceFound", False)
        if mode not in ("set", "add"):
            refuse(455, "Mode unknown")
        if not isinstance(entries, list) or not entries:
            refuse(450, "No data provided")
        if not isinstance(face_found, bool):
            refuse(451, "faceFound is no boolean")
        values: dict[str, float] = {}
        for entry in entries:
            name = entry.get("id") if isinstance(entry, dict) else None
            if not isinstance(name, str) or name not in self.parameters:
                refuse(453, f"Parameter {name} not found" if self.names_culprits else "Parameter not found")
            if name in values or not _is_number(entry.get("value")):
                refuse(451, f"Value of {name} invalid")
            if not _is_number(entry.get("weight", 1)) or not 0 <= entry.get("weight", 1) <= 1:
                refuse(452, f"Weight of {name} invalid")
            values[name] = float(entry["value"])
        now = self.clock()
        for name in values:
            self._release(name)
            if mode == "set" and self.parameters[name].set_by not in ("", session.plugin):
                refuse(454, f"Parameter {name} is controlled by another plugin" if self.names_culprits else "Controlled")
        for name, value in values.items():
            each = self.parameters[name]
            if mode == "add":
                each.value = each.default + value
                continue
            each.value, each.set_by, each.set_at = value, session.plugin, now
        self.frames.append(Frame(now, session.plugin, face_found, mode, values))
        return {}

    def _release(self, name: str) -> None:
        each = self.parameters[name]
        if each.set_by and self.clock() - each.set_at > RELEASE_S:
            if each.set_by != "Other Plugin":
                self.releases.append(name)
            each.set_by, each.value = "", each.default

    # --- answers ---------------------------------------------------------------------------------------------------------------

    def _reply(self, request_id: str, message_type: str, data: dict[str, Any]) -> str:
        envelope = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0", "timestamp": int(time.time() * 1000)}
        return json.dumps({**envelope, "messageType": message_type, "requestID": request_id, "data": data})

    def _error(self, request_id: str, error: ApiError) -> str:
        self.errors.append((error.error_id, str(error)))
        return self._reply(request_id, "APIError", {"errorID": error.error_id, "message": str(error)})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) <= LIMIT


def is_icon(text: object) -> bool:
    """Base64 of a PNG of 128 x 128 (JPEGs are not looked into)."""
    try:
        data = base64.b64decode(str(text), validate=True)
    except binascii.Error:
        return False
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or len(data) < 24:
        return data.startswith(b"\xff\xd8")
    return bool(struct.unpack(">II", data[16:24]) == (128, 128))
