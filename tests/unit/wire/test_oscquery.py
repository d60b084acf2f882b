"""What a root of ours answers, and what is made of others' answers that are not as they should be."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from bridge.wire.oscquery import (
    AVATAR_CHANGE,
    MAX_DEPTH,
    MAX_NODES,
    MAX_TEXT_CHARACTERS,
    Access,
    HostInfo,
    Node,
    OscQueryError,
    OscQueryRoot,
    parse_avatar,
    parse_host_info,
)
from bridge.wire.vrchat_avatar import MAX_PARAMETERS

INFO = HostInfo(name="avatar-bridge-1A2B3C", osc_ip="127.0.0.1", osc_port=9001)
ROOT = OscQueryRoot(
    INFO,
    [
        AVATAR_CHANGE,
        Node(address="/bridge/fps", access=Access.READ, type_tags="f", value=(29.5,)),
        Node(address="/bridge/ä"),
    ],
)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 200),
        ("/?HOST_INFO", 200),
        ("/avatar/change?HOST_INFO", 200),
        ("/avatar", 200),
        ("/avatar/", 200),
        ("/avatar/change", 200),
        ("/bridge/%C3%A4", 200),
        ("/avatar/change?ACCESS", 200),
        ("/bridge/fps?VALUE", 200),
        ("/bridge/fps?VALUE=", 200),
        ("/avatar/change?VALUE", 204),
        ("/avatar?VALUE", 204),
        ("/avatar/change?RANGE", 204),
        ("/avatar/change?NONSENSE", 400),
        ("/avatar/change?VALUE&TYPE", 400),
        ("/avatar/change?value", 400),
        ("/elsewhere", 404),
        ("/avatar/chang", 404),
        ("/elsewhere?VALUE", 404),
        ("", 400),
        ("avatar", 400),
        ("http://127.0.0.1/avatar", 400),
        ("/" + "a" * 3000, 400),
        ("/%ff%00", 404),
    ],
)
def test_a_target_gets_its_status(target: str, status: int) -> None:
    """200 with JSON, 204 with nothing, 400 and 404 with a sentence."""
    answer = ROOT.answer(target)

    assert status == answer.status
    if status == 200:
        assert isinstance(json.loads(answer.text), dict)
    else:
        assert (status == 204) == (answer.text == "")


def test_one_attribute_comes_alone() -> None:
    """As an object with that one key."""
    assert {"VALUE": [29.5]} == json.loads(ROOT.answer("/bridge/fps?VALUE").text)
    assert {"TYPE": "s"} == json.loads(ROOT.answer("/avatar/change?TYPE").text)


@pytest.mark.parametrize("address", ["", "avatar", "//a", "/a/", "/a b", "/a?b", "/a#b", "/a*", "/a\0", "/" + "a" * 600])
def test_an_address_that_cannot_be_served_is_refused(address: str) -> None:
    """Pattern characters, spaces, empty names."""
    with pytest.raises(OscQueryError, match="not an OSC address"):
        OscQueryRoot(INFO, [Node(address=address)])


@pytest.mark.parametrize(("type_tags", "value"), [("f", ()), ("", (1,)), ("ff", (1.0,)), ("f", (math.nan,)), ("f", (math.inf,))])
def test_a_value_that_cannot_be_served_is_refused(type_tags: str, value: tuple[float, ...]) -> None:
    """One per tag, and JSON has no NaN."""
    with pytest.raises(OscQueryError, match="/a"):
        OscQueryRoot(INFO, [Node(address="/a", access=Access.READ, type_tags=type_tags, value=value)])


def test_a_node_may_come_after_what_is_below_it() -> None:
    """The order of nodes does not matter."""
    root = OscQueryRoot(INFO, [Node(address="/a/b"), Node(address="/a", access=Access.READ, type_tags="i", value=(1,))])

    assert {"FULL_PATH": "/a", "ACCESS": 1, "TYPE": "i", "VALUE": [1], "CONTENTS": {"b": {"FULL_PATH": "/a/b", "ACCESS": 0}}} == (
        json.loads(root.answer("/a").text)
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"NAME": "x"}, HostInfo(name="x", osc_ip=None, osc_port=None)),
        ({"NAME": 3, "OSC_PORT": 1}, HostInfo(name="", osc_ip=None, osc_port=1)),
        ({"NAME": "a\nb", "OSC_IP": "nowhere", "OSC_PORT": 0}, HostInfo(name="", osc_ip=None, osc_port=None)),
        ({"OSC_PORT": True, "OSC_IP": ["127.0.0.1"]}, HostInfo(name="", osc_ip=None, osc_port=None)),
        ({"OSC_PORT": 65536, "OSC_IP": "::1"}, HostInfo(name="", osc_ip="::1", osc_port=None)),
        ({"OSC_PORT": 9000.0, "OSC_TRANSPORT": "TCP"}, HostInfo(name="", osc_ip=None, osc_port=None, osc_transport="TCP")),
        ({"OSC_PORT": 9000, "OSC_TRANSPORT": {}}, HostInfo(name="", osc_ip=None, osc_port=9000)),
    ],
)
def test_host_info_takes_what_makes_sense(given: dict[str, Any], expected: HostInfo) -> None:
    """Everything in it is optional; what is wrong counts as absent."""
    assert expected == parse_host_info(json.dumps(given))


NO_JSON_OBJECT = ["", "nonsense", "[]", "null", "3", "[" * 100_000, "1" * 5000, " " * (MAX_TEXT_CHARACTERS + 1)]


@pytest.mark.parametrize("text", [*NO_JSON_OBJECT, "{}", '{"FULL_PATH": "/"}'])
def test_what_is_no_host_info_is_refused(text: str) -> None:
    """With one sentence."""
    with pytest.raises(OscQueryError):
        parse_host_info(text)


@pytest.mark.parametrize("text", [*NO_JSON_OBJECT, "{}", '{"NAME": "x"}', '{"CONTENTS": 3}'])
def test_what_is_no_node_is_refused(text: str) -> None:
    """With one sentence."""
    with pytest.raises(OscQueryError):
        parse_avatar(text)


def avatar(**parameters: Any) -> str:
    return json.dumps({"FULL_PATH": "/avatar", "CONTENTS": {"parameters": {"CONTENTS": parameters}}})


@pytest.mark.parametrize(
    "text", ['{"FULL_PATH": "/avatar"}', '{"CONTENTS": {}}', '{"CONTENTS": {"parameters": 3, "change": []}}']
)
def test_no_avatar_yet_has_no_parameters(text: str) -> None:
    """Not an error: VRChat is still loading."""
    found = parse_avatar(text)

    assert (None, {}) == (found.avatar_id, dict(found.types))


@pytest.mark.parametrize(
    "node",
    [
        None,
        3,
        [],
        {"ACCESS": 3},
        {"ACCESS": 3, "TYPE": "ff"},
        {"ACCESS": 3, "TYPE": "s"},
        {"ACCESS": 3, "TYPE": ["f"]},
        {"ACCESS": "3", "TYPE": "f"},
        {"ACCESS": 3.0, "TYPE": "f"},
        {"ACCESS": True, "TYPE": "f"},
        {"ACCESS": 1, "TYPE": "f"},
        {"ACCESS": 0, "TYPE": "f"},
    ],
)
def test_a_node_that_cannot_be_driven_is_left_out(node: object) -> None:
    """The others still count."""
    assert {"/avatar/parameters/Jaw": "f"} == dict(parse_avatar(avatar(Odd=node, Jaw={"ACCESS": 2, "TYPE": "f"})).types)


def test_a_node_without_access_counts_as_writable() -> None:
    """ACCESS is optional; to send in vain does no harm."""
    assert {"/avatar/parameters/Jaw": "i"} == dict(parse_avatar(avatar(Jaw={"TYPE": "i"})).types)


def test_a_path_of_its_own_goes_before_the_place_in_the_tree() -> None:
    """FULL_PATH, where it is an address below the parameters; otherwise the names on the way."""
    nodes = {
        "a": {"TYPE": "f", "FULL_PATH": "/avatar/parameters/A/x"},
        "b": {"TYPE": "f", "FULL_PATH": "/input/Jump"},
        "c": {"TYPE": "f", "FULL_PATH": 3},
    }

    assert {"/avatar/parameters/A/x", "/avatar/parameters/b", "/avatar/parameters/c"} == set(parse_avatar(avatar(**nodes)).types)


def test_an_id_that_is_none_is_none() -> None:
    """Whatever stands there instead."""
    for value in (None, [], [3], [""], "avtr_1", ["a" * 200], [["avtr_1"]]):
        text = json.dumps({"CONTENTS": {"change": {"VALUE": value}}})
        assert parse_avatar(text).avatar_id is None


def nested(levels: int) -> dict[str, Any]:
    node: dict[str, Any] = {"TYPE": "f"}
    for _ in range(levels - 1):
        node = {"CONTENTS": {"a": node}}
    return node


def test_depth_has_a_limit() -> None:
    """So many names below ``parameters``; deeper ones are not looked at."""
    assert 1 == len(parse_avatar(avatar(a=nested(MAX_DEPTH))).types)
    assert 0 == len(parse_avatar(avatar(a=nested(MAX_DEPTH + 1))).types)


def test_number_has_a_limit() -> None:
    """Of parameters, and of nodes looked at."""
    many = {f"p{number}": {"TYPE": "f"} for number in range(MAX_PARAMETERS + 10)}
    assert MAX_PARAMETERS == len(parse_avatar(avatar(**many)).types)

    empty: dict[str, Any] = {f"p{number}": None for number in range(MAX_NODES)}
    assert 0 == len(parse_avatar(avatar(**empty, Jaw={"TYPE": "f"})).types)


def test_long_names_do_not_multiply() -> None:
    """A name of a megabyte with many children below is not joined with each of them."""
    children = {f"{number}": {"TYPE": "f"} for number in range(10_000)}

    assert {} == dict(parse_avatar(avatar(**{"a" * 1_000_000: {"CONTENTS": children}})).types)
