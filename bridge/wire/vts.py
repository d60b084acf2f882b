"""VTube Studio's public API as text: requests written, replies and broadcasts read. JSON, one object per WebSocket text message.

Whatever arrives is either understood or None; nothing raises. Source: fact sheet "VTube Studio", A.1 to A.4. Pure; any thread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

API_NAME = "VTubeStudioPublicAPI"
API_VERSION = "1.0"
DEFAULT_PORT = 8001
DISCOVERY_PORT = 47779
"""UDP: VTube Studio broadcasts its state there every 2 s, also while the API is off."""

MAX_MESSAGE_CHARS = 1 << 20
"""The list of all parameters is the longest answer: some 50 kB with all 300 custom ones."""
MAX_BROADCAST_BYTES = 4096
MAX_TOKEN_CHARS = 64
_MAX_LISTED = 4096

Mode: TypeAlias = Literal["set", "add"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One message from VTube Studio."""

    message_type: str
    request_id: str
    """Empty where it has none."""
    data: Mapping[str, Any]

    @property
    def error_id(self) -> int | None:
        """Of an ``APIError``; -1 where it names none; None when it is no error."""
        if self.message_type != "APIError":
            return None
        error_id = self.data.get("errorID")
        return error_id if isinstance(error_id, int) and not isinstance(error_id, bool) else -1

    @property
    def message(self) -> str:
        """What the error says; foreign text."""
        message = self.data.get("message")
        return message if isinstance(message, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """What VTube Studio tells the network about itself."""

    active: bool
    """Whether the user has switched the API on."""
    port: int
    window_title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterList:
    """Names of the parameters that can be set."""

    default: frozenset[str]
    custom: Mapping[str, str]
    """Name -> the plugin that created it."""


# --- reading -----------------------------------------------------------------------------------------------------------------


def parse_reply(text: str | bytes) -> Reply | None:
    """The message, or None for anything that is none."""
    document = _object(text, MAX_MESSAGE_CHARS)
    if document is None or not isinstance(document.get("messageType"), str):
        return None
    request_id, data = document.get("requestID"), document.get("data")
    return Reply(
        message_type=document["messageType"],
        request_id=request_id if isinstance(request_id, str) else "",
        data=data if isinstance(data, dict) else {},
    )


def parse_broadcast(data: bytes) -> Broadcast | None:
    """A datagram of the discovery port, or None."""
    document = _object(data, MAX_BROADCAST_BYTES)
    if document is None or document.get("messageType") != "VTubeStudioAPIStateBroadcast":
        return None
    inner = document.get("data")
    if not isinstance(inner, dict):
        return None
    active, port, title = inner.get("active"), inner.get("port"), inner.get("windowTitle")
    if not isinstance(active, bool) or isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        return None
    return Broadcast(active=active, port=port, window_title=title if isinstance(title, str) else "")


def parse_token(reply: Reply) -> str | None:
    """Of an ``AuthenticationTokenResponse``: printable ASCII, at most 64 characters; else None."""
    token = reply.data.get("authenticationToken")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not 1 <= len(token) <= MAX_TOKEN_CHARS:
        return None
    return token


def parse_parameter_list(reply: Reply) -> ParameterList | None:
    """Of an ``InputParameterListResponse``; entries that are none are passed over, the whole is None without its lists."""
    default, custom = reply.data.get("defaultParameters"), reply.data.get("customParameters")
    if not isinstance(default, list) or not isinstance(custom, list):
        return None
    return ParameterList(default=frozenset(name for name, _ in _listed(default)), custom=dict(_listed(custom)))


def _listed(entries: Sequence[Any]) -> Iterable[tuple[str, str]]:
    for entry in entries[:_MAX_LISTED]:
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            owner = entry.get("addedBy")
            yield entry["name"], owner if isinstance(owner, str) else ""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _object(text: str | bytes, longest: int) -> dict[str, Any] | None:
    if len(text) > longest:
        return None
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, an integer without end; nested without end
        return None
    return document if isinstance(document, dict) else None


# --- writing -----------------------------------------------------------------------------------------------------------------


def request(message_type: str, request_id: str, data: Mapping[str, Any] | None = None) -> str:
    """A request; ``request_id`` comes back with the answer: 1 to 64 ASCII characters."""
    envelope: dict[str, Any] = {
        "apiName": API_NAME,
        "apiVersion": API_VERSION,
        "requestID": request_id,
        "messageType": message_type,
    }
    if data is not None:
        envelope["data"] = data
    return json.dumps(envelope, allow_nan=False, separators=(",", ":"))


def api_state_request(request_id: str) -> str:
    """Whether the API is on; answered without authentication."""
    return request("APIStateRequest", request_id)


def authentication_token_request(request_id: str, *, plugin: str, developer: str, icon: str = "") -> str:
    """Has VTube Studio ask its user. ``icon``: base64 of a PNG or JPG of exactly 128 x 128."""
    data = {"pluginName": plugin, "pluginDeveloper": developer} | ({"pluginIcon": icon} if icon else {})
    return request("AuthenticationTokenRequest", request_id, data)


def authentication_request(request_id: str, *, plugin: str, developer: str, token: str) -> str:
    """For this connection; names as they were when the token was given."""
    data = {"pluginName": plugin, "pluginDeveloper": developer, "authenticationToken": token}
    return request("AuthenticationRequest", request_id, data)


def input_parameter_list_request(request_id: str) -> str:
    """All parameters that there are; a large answer, not for every frame."""
    return request("InputParameterListRequest", request_id)


def parameter_creation_request(
    request_id: str, *, name: str, explanation: str = "", low: float = 0.0, high: float = 1.0, default: float = 0.0
) -> str:
    """A custom parameter; ``low`` and ``high`` are what new mappings begin with, no limits. ``explanation``: 255 characters."""
    data = {"parameterName": name, "explanation": explanation, "min": low, "max": high, "defaultValue": default}
    return request("ParameterCreationRequest", request_id, data)


class InjectTemplate:
    """``InjectParameterDataRequest`` for the same parameters again and again: everything but the values is written once."""

    __slots__ = ("_text", "names")

    def __init__(self, names: Sequence[str], *, mode: Mode = "set", weight: float = 1) -> None:
        """``names`` are letters and digits. ``weight``: how much counts against VTube Studio's own tracking, not with ``add``."""
        self.names = tuple(names)
        head = request("InjectParameterDataRequest", "%s").removesuffix("}")
        entries = ",".join(f'{{"id":"{name}","weight":{weight:g},"value":%.6g}}' for name in names)
        self._text = f'{head},"data":{{"faceFound":%s,"mode":"{mode}","parameterValues":[{entries}]}}}}'

    def fill(self, request_id: str, values: Sequence[float], *, face_found: bool) -> str:
        """The request; ``values`` finite, in the order of ``names``."""
        return self._text % (request_id, "true" if face_found else "false", *values)


_WORD = re.compile(r"[A-Za-z0-9]+", re.ASCII)


def names_in(message: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of ``names`` that an error message mentions as whole words."""
    words = set(_WORD.findall(message[:2000]))
    return tuple(name for name in names if name in words)


def shown(text: str) -> str:
    """Foreign text as it may stand in a sentence: short, printable, quoted."""
    return ascii(text if len(text) <= 80 else f"{text[:77]}...")
