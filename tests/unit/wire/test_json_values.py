"""JSON from strangers."""

from __future__ import annotations

import pytest

from bridge.wire.json_values import finite, json_object


def test_an_object_is_read() -> None:
    """Text in UTF-8, numbers, lists."""
    assert {"a": [1, 2.5], "b": "ä"} == json_object('{"a":[1,2.5],"b":"ä"}'.encode(), max_bytes=100)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"1",
        b"null",
        b'"text"',
        b"{",
        b'{"a":1}x',
        b"\xff\xfe{\0}\0",
        b'{"a":"\xff"}',
        b"[" * 50_000,
        b'{"a":' * 20_000,
        b'{"a":' + b"9" * 50_000 + b"}",
        b'{"a":' + b" " * 100_000 + b"1}",
    ],
)
def test_everything_else_is_nothing(data: bytes) -> None:
    """No object, no JSON, no UTF-8, too deep, a number too long, too much of it."""
    assert None is json_object(data, max_bytes=65535)


@pytest.mark.parametrize(("value", "number"), [(1, 1.0), (-2.5, -2.5), (0, 0.0), (2**70, float(2**70))])
def test_numbers(value: object, number: float) -> None:
    """Whole or not."""
    assert number == finite(value)


@pytest.mark.parametrize("value", [None, True, "1", [], {}, float("nan"), float("inf"), float("-inf"), 10**400])
def test_what_is_no_finite_number(value: object) -> None:
    """Python's JSON reads NaN and Infinity, and whole numbers that no float can hold."""
    assert None is finite(value)
