"""VRChat's own file about an avatar, and files that only look like one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.wire.osc import Message, encode
from bridge.wire.vrchat_avatar import MAX_FILE_CHARACTERS, MAX_PARAMETERS, avatar_from_file_text

JAW = "/avatar/parameters/FT/v2/JawOpen"


def endpoint(address: Any, type_name: Any) -> dict[str, Any]:
    return {"address": address, "type": type_name}


def file_text(*parameters: Any, **others: Any) -> str:
    return json.dumps({"id": "avtr_1", "name": "Somebody", "parameters": list(parameters), **others})


def test_every_writable_parameter_has_its_type() -> None:
    """Float, Int and Bool; one without an input is read-only and left out."""
    text = file_text(
        {"name": "FT/v2/JawOpen", "input": endpoint(JAW, "Float"), "output": endpoint(JAW, "Float")},
        {
            "name": "Face",
            "input": endpoint("/avatar/parameters/Face", "Int"),
            "output": endpoint("/avatar/parameters/Face", "Int"),
        },
        {"name": "On", "input": endpoint("/avatar/parameters/On", "Bool"), "output": endpoint("/avatar/parameters/On", "Bool")},
        {"name": "Viseme", "output": endpoint("/avatar/parameters/Viseme", "Int")},
    )

    avatar = avatar_from_file_text(text)

    assert "avtr_1" == avatar.avatar_id
    assert {JAW: "f", "/avatar/parameters/Face": "i", "/avatar/parameters/On": "T"} == dict(avatar.types)


def test_a_byte_order_mark_is_read_over() -> None:
    """VRChat's files begin with one."""
    assert "avtr_1" == avatar_from_file_text("\ufeff" + file_text()).avatar_id


def test_a_re_mapped_address_is_taken_as_it_stands() -> None:
    """Users may edit the file: any OSC address will do."""
    text = file_text({"name": "FT/v2/JawOpen", "input": endpoint("/mouth", "Float")})

    assert {"/mouth": "f"} == dict(avatar_from_file_text(text).types)


@pytest.mark.parametrize(
    "parameter",
    [
        None,
        7,
        [],
        {"input": None},
        {"input": endpoint(None, "Float")},
        {"input": endpoint("no slash", "Float")},
        {"input": endpoint("/", "Float")},
        {"input": endpoint("/a\0b", "Float")},
        {"input": endpoint("/\ud800", "Float")},
        {"input": endpoint("/" + "a" * 512, "Float")},
        {"input": endpoint("/a", "Double")},
        {"input": endpoint("/a", ["Float"])},
    ],
)
def test_an_entry_that_makes_no_sense_is_left_out(parameter: object) -> None:
    """The others still count."""
    text = file_text(parameter, {"name": "FT/v2/JawOpen", "input": endpoint(JAW, "Float")})

    assert {JAW: "f"} == dict(avatar_from_file_text(text).types)


@pytest.mark.parametrize("avatar_id", [None, 3, "", "a" * 129, "a\0"])
def test_an_id_that_is_none_is_no_id(avatar_id: object) -> None:
    """The parameters are worth having without."""
    assert avatar_from_file_text(json.dumps({"id": avatar_id, "parameters": []})).avatar_id is None


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", "null", "{}", '{"parameters": 3}', "[" * 100_000, "1" * 5000, '{"parameters": [' + "{" * 50, "\udc80"],
)
def test_what_is_no_such_file_is_refused_in_one_sentence(text: str) -> None:
    """Also JSON that Python itself would rather not read."""
    with pytest.raises(ValueError, match=r"^not a VRChat avatar file: .+") as refused:
        avatar_from_file_text(text)

    assert "\n" not in str(refused.value)


def test_size_has_limits() -> None:
    """So many characters, so many parameters."""
    with pytest.raises(ValueError, match="at most"):
        avatar_from_file_text(" " * (MAX_FILE_CHARACTERS + 1))
    many = file_text(*({"input": endpoint(f"/avatar/parameters/{n}", "Float")} for n in range(MAX_PARAMETERS + 5)))

    assert MAX_PARAMETERS == len(avatar_from_file_text(many).types)


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.sampled_from(["Float", "Int", "Bool", JAW, "/\0", "x"]) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "parameters", "input", "address", "type"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_JSON)
def test_whatever_the_tree_every_address_can_be_sent(content: Any) -> None:
    """Parsed or refused with ValueError; and OSC can carry each address that came out."""
    try:
        avatar = avatar_from_file_text(json.dumps({"parameters": content}))
    except ValueError:
        return

    for address, tag in avatar.types.items():
        assert tag in set("fiT")
        assert encode(Message(address))
