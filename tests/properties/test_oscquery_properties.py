"""What holds for every text that a peer may answer with, and for every target that it may ask for."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.wire.oscquery import AVATAR_CHANGE, HostInfo, OscQueryError, OscQueryRoot, parse_avatar, parse_host_info
from bridge.wire.vrchat_avatar import avatar_from_file_text
from bridge.wire.web import is_loopback

FUZZED = 10_000
_BATCH = 50

_KEYS = [
    "FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "VALUE", "parameters", "change", "NAME", "OSC_IP", "OSC_PORT", "OSC_TRANSPORT",
    "EXTENSIONS", "FT", "id", "input", "address", "type", "",
]  # fmt: skip
_SCALARS: list[Any] = [
    None, True, False, 0, 1, 2, 3, -1, 9000, 1 << 70, 1e308, float("nan"), "", "f", "i", "T", "F", "s", "Float", "Bool", "Int",
    "UDP", "127.0.0.1", "avtr_1", "/avatar/parameters/FT/v2/JawOpen", "/", "/\0", "\ud800", "a" * 600,
]  # fmt: skip
_SEEDS = [
    '{"CONTENTS":{"parameters":{"CONTENTS":{"J":{"TYPE":"f","ACCESS":3,"FULL_PATH":"/avatar/parameters/J"}}},"change":{"VALUE":["a"]}}}',
    '{"NAME":"VRChat-Client-A1","OSC_IP":"127.0.0.1","OSC_PORT":9000,"OSC_TRANSPORT":"UDP","EXTENSIONS":{"ACCESS":true}}',
    '{"id":"avtr_1","name":"x","parameters":[{"name":"J","input":{"address":"/avatar/parameters/J","type":"Float"}}]}',
]


def _tree(chance: random.Random, depth: int) -> Any:
    kind = chance.random()
    if depth == 0 or kind < 0.3:
        return chance.choice(_SCALARS)
    if kind < 0.45:
        return [_tree(chance, depth - 1) for _ in range(chance.randrange(4))]
    return {chance.choice(_KEYS): _tree(chance, depth - 1) for _ in range(chance.randrange(5))}


def _text(chance: random.Random) -> str:
    """A random tree below the keys that are read, or an answer with some characters changed, cut out or doubled."""
    kind = chance.random()
    if kind < 0.2:
        return json.dumps(_tree(chance, 6))
    if kind < 0.5:
        return json.dumps({"CONTENTS": {"parameters": {"CONTENTS": _tree(chance, 6)}, "change": _tree(chance, 2)}})
    if kind < 0.6:
        return json.dumps({"id": _tree(chance, 1), "parameters": [{"input": _tree(chance, 3)} for _ in range(3)]})
    text = chance.choice(_SEEDS)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(["", '"', "{", "[", "]", "9", "\0", "\ud800", text]) + text[at + chance.randrange(3) :]
    return text


def _check(text: str) -> None:
    try:
        info = parse_host_info(text)
    except OscQueryError:
        pass
    else:
        assert info.osc_port is None or 1 <= info.osc_port <= 65535
        assert info.osc_transport in {"UDP", "TCP"}
        assert info.osc_ip is None or isinstance(is_loopback(info.osc_ip), bool)
    for parse, refusal in ((parse_avatar, OscQueryError), (avatar_from_file_text, ValueError)):
        try:
            avatar = parse(text)
        except refusal:
            continue
        assert set(avatar.types.values()) <= set("fiT")
        for address in avatar.types:
            assert address.startswith("/")
            assert b"\0" not in address.encode()


_seen = 0


@settings(max_examples=FUZZED // _BATCH, derandomize=True)
@given(st.integers(0, 2**32))
def _fuzz(seed: int) -> None:
    global _seen  # noqa: PLW0603
    chance = random.Random(seed)
    for _ in range(_BATCH):
        _check(_text(chance))
        _seen += 1


def test_ten_thousand_answers_raise_nothing_but_value_errors() -> None:
    """Each is read as HOST_INFO, as an avatar and as an avatar's file; what comes out can be sent."""
    _fuzz()

    assert FUZZED <= _seen


_ROOT = OscQueryRoot(HostInfo(name="avatar-bridge", osc_ip=None, osc_port=9001), [AVATAR_CHANGE])


@settings(max_examples=300)
@given(st.lists(st.text(max_size=30) | st.sampled_from(["/", "?", "=", "&", "#", "%", "avatar", "VALUE", "HOST_INFO"])))
def test_every_target_gets_one_of_four_answers(parts: list[str]) -> None:
    """Whatever is asked for."""
    answer = _ROOT.answer("".join(parts))

    assert answer.status in {200, 204, 400, 404}
    assert (answer.status == 204) == (answer.text == "")
