"""The control protocol as text: requests, replies and events over ``WS /api/v1/control``. Pure; any thread.

    -> {"id": 1, "method": "calibrate", "params": {"seconds": 2}}
    <- {"id": 1, "result": {"collecting_s": 2.0}}
    <- {"id": 1, "error": {"code": "ControlError", "message": "one sentence"}}
    <- {"event": "status", "data": {...}}

``id`` is a number or a short text of the client's choice and comes back unchanged; a message that cannot be read is answered with
``"id": null``. ``code`` is the name of an error of ours (``errors``) or one of the codes below.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bridge.errors import BridgeError, ControlError

RequestId: TypeAlias = int | str | None

BAD_REQUEST = "BadRequest"
"""The message is no request."""
INTERNAL = "Internal"
"""A mistake of ours; the log has it."""

STATUS_EVENT = "status"
SUBSCRIBE = "subscribe"
UNSUBSCRIBE = "unsubscribe"
"""Methods that the server itself answers; all others are the runtime's."""

MAX_ID_LENGTH = 64
MAX_METHOD_LENGTH = 64


class BadRequest(ControlError):
    """The message is no request; carries the id, where that much could be read."""

    def __init__(self, sentence: str, request_id: RequestId = None) -> None:
        super().__init__(sentence)
        self.request_id = request_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asks for."""

    id: RequestId
    method: str
    params: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a request: a result or an error."""

    id: RequestId
    result: object = None
    error_code: str | None = None
    error_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What the server tells those who subscribed."""

    name: str
    data: object


# --- the server's side -----------------------------------------------------------------------------------------------


def parse_request(message: str | bytes) -> Request:
    """A client's message. Raises BadRequest saying what is wrong with it."""
    if isinstance(message, bytes):
        raise BadRequest("requests are JSON text, not binary")
    tree = _object(message)
    request_id = tree.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, int | str) or len(str(request_id)) > MAX_ID_LENGTH:
        raise BadRequest(f"id must be a number or a text of at most {MAX_ID_LENGTH} characters")
    unknown = tree.keys() - {"id", "method", "params"}
    if unknown:
        raise BadRequest(f"a request has id, method and params, not {min(unknown)[:40]!r}", request_id)
    method = tree.get("method")
    if not isinstance(method, str) or not 0 < len(method) <= MAX_METHOD_LENGTH:
        raise BadRequest(f"method must be a text of at most {MAX_METHOD_LENGTH} characters", request_id)
    params = tree.get("params", {})
    if not isinstance(params, dict):
        raise BadRequest("params must be an object", request_id)
    return Request(id=request_id, method=method, params=params)


def result_message(request_id: RequestId, result: object) -> str:
    """The reply to a request that worked."""
    return _text({"id": request_id, "result": result})


def error_message(request_id: RequestId, error: BridgeError) -> str:
    """The reply to a request that did not: the error's class is the code, its sentence the message."""
    code = BAD_REQUEST if isinstance(error, BadRequest) else type(error).__name__
    return _text({"id": request_id, "error": {"code": code, "message": str(error)}})


def internal_error_message(request_id: RequestId) -> str:
    """The reply when our own code failed."""
    return _text({"id": request_id, "error": {"code": INTERNAL, "message": "avatar-bridge made a mistake: its log says which"}})


def event_message(name: str, data: object) -> str:
    """News for subscribers."""
    return _text({"event": name, "data": data})


def subscribed_events(params: Mapping[str, object]) -> frozenset[str]:
    """The events that a ``subscribe`` names (``{"events": ["status"]}``; all when it names none). Raises BadRequest."""
    known = {STATUS_EVENT}
    events = params.get("events", sorted(known))
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events) or not known.issuperset(events):
        raise BadRequest(f"events must be a list of: {', '.join(sorted(known))}")
    return frozenset(events)


# --- the client's side -----------------------------------------------------------------------------------------------


def request_message(request: Request) -> str:
    """A request as text."""
    return _text({"id": request.id, "method": request.method, "params": request.params})


def parse_message(message: str | bytes) -> Reply | Event:
    """A server's message. Raises BadRequest when it is neither reply nor event."""
    tree = _object(message)
    if isinstance(tree.get("event"), str):
        return Event(name=str(tree["event"]), data=tree.get("data"))
    request_id = tree.get("id")
    if request_id is not None and not isinstance(request_id, int | str):
        raise BadRequest("the reply's id is neither number nor text")
    error = tree.get("error")
    if isinstance(error, dict):
        code, text = error.get("code"), error.get("message")
        return Reply(id=request_id, error_code=str(code), error_message=str(text))
    if "result" not in tree:
        raise BadRequest("the reply has neither result nor error")
    return Reply(id=request_id, result=tree["result"])


# --- JSON ------------------------------------------------------------------------------------------------------------


def to_json(value: object) -> str:
    """Compact JSON. A number that is not finite becomes null: JSON has none, and browsers refuse the whole text."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)


def _text(tree: dict[str, object]) -> str:
    return to_json(tree)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _object(message: str | bytes) -> dict[str, object]:
    try:
        tree = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the message is not JSON") from error
    if not isinstance(tree, dict):
        raise BadRequest("the message is not a JSON object")
    return tree
