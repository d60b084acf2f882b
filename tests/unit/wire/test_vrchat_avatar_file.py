"""VRChat's file about an avatar."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.wire.vrchat_avatar_file import (
    LARGEST_FILE,
    MOST_PARAMETERS,
    AvatarFileError,
    is_avatar_id,
    parse_avatar_file,
)

ID = "avtr_9d58037b-23c7-4c9c-adbd-b1338178cd81"


def _entry(name: str, kind: str = "Float") -> dict[str, Any]:
    place = {"address": f"/avatar/parameters/{name}", "type": kind}
    return {"name": name, "input": place, "output": place}


def _file(*entries: Any, **more: Any) -> bytes:
    return json.dumps({"id": ID, "name": "Somebody", "parameters": list(entries), **more}).encode()


def test_what_has_an_input_can_be_sent() -> None:
    """Types as OSC has them; read-only parameters are left out; a moved address is where it was moved to."""
    moved = {"name": "FT/v2/JawX", "input": {"address": "/elsewhere/v2/JawX", "type": "Float"}}
    read_only = {"name": "VelocityZ", "output": {"address": "/avatar/parameters/VelocityZ", "type": "Float"}}
    avatar = parse_avatar_file(_file(_entry("FT/v2/JawOpen"), _entry("Hat", "Bool"), _entry("Face", "Int"), moved, read_only))

    assert ID == avatar.avatar_id
    assert {
        "/avatar/parameters/FT/v2/JawOpen": "f",
        "/avatar/parameters/Hat": "T",
        "/avatar/parameters/Face": "i",
        "/elsewhere/v2/JawX": "f",
    } == dict(avatar.types)


def test_a_byte_order_mark_is_no_obstacle() -> None:
    """VRChat writes one."""
    assert ID == parse_avatar_file(b"\xef\xbb\xbf" + _file()).avatar_id


@pytest.mark.parametrize(
    "entry",
    [
        None,
        3,
        {},
        {"input": None},
        {"input": {}},
        {"input": {"address": "/a", "type": ["Float"]}},
        {"input": {"address": "/a", "type": "Double"}},
        {"input": {"address": 3, "type": "Float"}},
        {"input": {"address": "no slash", "type": "Float"}},
        {"input": {"address": "/" + "x" * 300, "type": "Float"}},
        {"input": {"address": "/a\0b", "type": "Float"}},
    ],
    ids=str,
)
def test_bad_entries_cost_only_themselves(entry: Any) -> None:
    """People edit these files."""
    assert ["/avatar/parameters/JawOpen"] == list(parse_avatar_file(_file(entry, _entry("JawOpen"))).types)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"1" * 5000, "is not JSON"),
        (b"[]", "has no list of parameters, so it is not an avatar's OSC file"),
        (b'{"parameters": {}}', "has no list of parameters, so it is not an avatar's OSC file"),
        (bytes(LARGEST_FILE + 1), "has more than 4 MiB, so it is not an avatar's OSC file"),
    ],
    ids=range(7),
)
def test_another_file_is_refused_in_one_sentence(data: bytes, says: str) -> None:
    """Which completes "FILE ...": deep nesting and long numbers, too."""
    with pytest.raises(AvatarFileError) as caught:
        parse_avatar_file(data)

    assert says == str(caught.value)


def test_more_parameters_than_an_avatar_can_have_are_cut_off() -> None:
    """Memory is bounded whatever the file says."""
    data = _file(*({"input": {"address": f"/{i}", "type": "Bool"}} for i in range(MOST_PARAMETERS + 5)))

    assert MOST_PARAMETERS == len(parse_avatar_file(data).types)


@pytest.mark.parametrize("own_id", [None, 3, "", "../../etc", "avtr_", "avtr_../x", "local:sdk_avatar"])
def test_an_id_that_is_none_is_not_known(own_id: Any) -> None:
    """The rest of the file counts all the same."""
    avatar = parse_avatar_file(_file(_entry("JawOpen"), id=own_id))

    assert (None, 1) == (avatar.avatar_id, len(avatar.types))


@pytest.mark.parametrize("text", ["avtr_../../x", "avtr_a/b", "avtr_" + "a" * 65, "avtr_a\n", "usr_1", "AVTR_1"])
def test_ids_cannot_lead_elsewhere(text: str) -> None:
    """They become names of files."""
    assert not is_avatar_id(text)
    assert is_avatar_id(ID)
