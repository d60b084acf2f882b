"""The control protocol's text, both sides."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.control import messages
from bridge.control.messages import BadRequest, Event, Reply, Request
from bridge.errors import BridgeError, ConfigError, ControlError, OutputUnavailable


def test_request_survives_the_way_there() -> None:
    """What the client writes, the server reads."""
    for request_id in (0, -5, 2**40, "a", "ä" * 64):
        request = Request(id=request_id, method="calibrate", params={"seconds": 2.5, "deep": {"x": [1, None]}})

        assert messages.parse_request(messages.request_message(request)) == request


def test_params_may_be_missing() -> None:
    """Most methods take none."""
    assert messages.parse_request('{"id":1,"method":"recenter"}').params == {}


@pytest.mark.parametrize(
    ("text", "request_id"),
    [
        ("", None), ("{", None), ("[]", None), ("null", None), ('"x"', None), ("[" * 100_000, None), ('{"method":"x"}', None),
        ('{"id":null,"method":"x"}', None), ('{"id":true,"method":"x"}', None), ('{"id":1.5,"method":"x"}', None),
        ('{"id":[],"method":"x"}', None), (json.dumps({"id": "x" * 65, "method": "x"}), None), ('{"id":1}', 1),
        ('{"id":1,"method":""}', 1), ('{"id":1,"method":7}', 1), (json.dumps({"id": 1, "method": "x" * 65}), 1),
        ('{"id":"a","method":"x","params":[]}', "a"), ('{"id":1,"method":"x","jsonrpc":"2.0"}', 1), (b"\x00\x01", None),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_with_its_id_where_it_has_one(text: str | bytes, request_id: int | str | None) -> None:
    """One kind of error, and the client can tell which request it was."""
    with pytest.raises(BadRequest) as caught:
        messages.parse_request(text)

    assert caught.value.request_id == request_id


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_no_text_makes_the_parser_fail_otherwise(text: str) -> None:
    """A request, or BadRequest; nothing else."""
    try:
        request = messages.parse_request(text)
    except BadRequest:
        return
    assert request.method


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError("c"), "ConfigError"), (OutputUnavailable("o"), "OutputUnavailable"), (ControlError("x"), "ControlError"),
     (BadRequest("b"), "BadRequest")],
)  # fmt: skip
def test_error_reply_carries_class_and_sentence(error: BridgeError, code: str) -> None:
    """The client gets the sentence and can tell the kinds apart."""
    reply = messages.parse_message(messages.error_message(4, error))

    assert reply == Reply(id=4, error_code=code, error_message=str(error))


def test_result_and_event_survive_the_way_back() -> None:
    """Null results too."""
    assert messages.parse_message(messages.result_message("a", {"x": [1]})) == Reply(id="a", result={"x": [1]})
    assert messages.parse_message(messages.result_message(1, None)) == Reply(id=1)
    assert messages.parse_message(messages.event_message("status", {"fps": 30})) == Event(name="status", data={"fps": 30})
    assert messages.parse_message(messages.internal_error_message(1)) == Reply(
        id=1, error_code="Internal", error_message="avatar-bridge made a mistake: its log says which"
    )


@pytest.mark.parametrize("text", ["", "[]", '{"id":1}', '{"id":[],"result":1}'])
def test_what_is_no_answer_is_refused(text: str) -> None:
    """Whatever else may listen on the port."""
    with pytest.raises(BadRequest):
        messages.parse_message(text)


def test_numbers_that_are_not_finite_become_null() -> None:
    """A browser refuses the whole text for one NaN."""
    value = {"a": math.nan, "b": [1.5, (math.inf, {"c": -math.inf})]}

    assert json.loads(messages.to_json(value)) == {"a": None, "b": [1.5, [None, {"c": None}]]}


def test_subscription_is_to_known_events() -> None:
    """All, when none is named."""
    assert messages.subscribed_events({}) == {"status"}
    assert messages.subscribed_events({"events": ["status"]}) == {"status"}
    for events in (["frames"], "status", [1], None):
        with pytest.raises(BadRequest, match="status"):
            messages.subscribed_events({"events": events})
