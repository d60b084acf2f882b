"""VTube Studio's messages: what is read, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.wire import vts


def _reply(message_type: str = "APIStateResponse", **data: Any) -> str:
    return json.dumps({"messageType": message_type, "requestID": "1", "data": data})


def test_a_reply_is_read() -> None:
    """Type, number, data; unknown fields are nobody's business."""
    reply = vts.parse_reply('{"messageType":"APIStateResponse","requestID":"7","data":{"active":true},"new":[1]}')

    assert vts.Reply(message_type="APIStateResponse", request_id="7", data={"active": True}) == reply
    assert reply is not None
    assert reply.error_id is None


def test_an_error_is_read() -> None:
    """Its number and what it says; a number that is none is still an error."""
    reply = vts.parse_reply(_reply("APIError", errorID=50, message="no"))
    broken = vts.parse_reply(_reply("APIError", errorID="50", message=None))

    assert reply is not None
    assert (50, "no") == (reply.error_id, reply.message)
    assert broken is not None
    assert (-1, "") == (broken.error_id, broken.message)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "1e999", '{"messageType":1}', '{"messageType":"A","data":NaN}', b"\xff\xfe{}", "[" * 100_000,
        '{"messageType":"A","data":' + "9" * 5000 + "}", "x" * (vts.MAX_MESSAGE_CHARS + 1),
        '{"messageType":"A","data":"' + "x" * vts.MAX_MESSAGE_CHARS + '"}',
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_message_is_none(text: str | bytes) -> None:
    """Cut off, of another type, not a number, not UTF-8, nested or long without end."""
    assert vts.parse_reply(text) is None


@pytest.mark.parametrize("token", ["", "x" * 65, "ü", "a\n", 5, None])
def test_a_token_that_cannot_be_one_is_none(token: object) -> None:
    """1 to 64 printable ASCII characters."""
    reply = vts.parse_reply(_reply(authenticationToken=token))

    assert reply is not None
    assert vts.parse_token(reply) is None


def test_the_parameter_list_is_read() -> None:
    """Names, and who made the custom ones; broken entries are passed over, a missing list is not."""
    listed = vts.parse_reply(
        _reply(defaultParameters=[{"name": "MouthOpen"}, 5], customParameters=[{"name": "Mine", "addedBy": "me"}, {"name": 1}])
    )
    broken = vts.parse_reply(_reply(defaultParameters=[{"name": "MouthOpen"}]))

    assert listed is not None
    assert vts.ParameterList(default=frozenset({"MouthOpen"}), custom={"Mine": "me"}) == vts.parse_parameter_list(listed)
    assert broken is not None
    assert vts.parse_parameter_list(broken) is None


@pytest.mark.parametrize(
    "change", [{"active": 1}, {"port": "8001"}, {"port": 0}, {"port": 65536}, {"port": True}, {"active": None}], ids=str
)
def test_a_broadcast_with_wrong_values_is_none(change: dict[str, Any]) -> None:
    """A port is a number that can be connected to."""
    data = {"active": True, "port": 8001, "windowTitle": "VTube Studio"} | change

    assert vts.parse_broadcast(_reply("VTubeStudioAPIStateBroadcast", **data).encode()) is None


def test_a_long_broadcast_is_none() -> None:
    """A datagram can be 64 kB of anything."""
    assert (
        vts.parse_broadcast(_reply("VTubeStudioAPIStateBroadcast", active=True, port=8001, windowTitle="x" * 5000).encode())
        is None
    )


def test_an_icon_goes_along_only_where_there_is_one() -> None:
    """An empty one would be refused."""
    with_icon = vts.authentication_token_request("1", plugin="abc", developer="abc", icon="aWNvbg==")
    without = vts.authentication_token_request("1", plugin="abc", developer="abc")

    assert "aWNvbg==" == json.loads(with_icon)["data"]["pluginIcon"]
    assert "pluginIcon" not in json.loads(without)["data"]


def test_names_in_a_message_are_whole_words() -> None:
    """JawOpen is not JawOpenWide."""
    assert ("JawOpen",) == vts.names_in('Parameter "JawOpen" not found.', ("MouthOpen", "JawOpen", "Jaw"))
    assert () == vts.names_in("JawOpenWide is not there", ("JawOpen",))
