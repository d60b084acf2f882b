"""The switch for angles that a receiver turns the other way."""

from __future__ import annotations

import pytest

from bridge.types import Gaze
from bridge.wire.signs import SIGNS, Signs, split_words

GAZE = Gaze(left_deg=(1.0, 2.0), right_deg=(3.0, 4.0))


@pytest.mark.parametrize("sign", SIGNS)
def test_each_turns_its_own_angle(sign: str) -> None:
    """And no other."""
    signs = Signs([sign])
    factors = [-1.0 if each == sign else 1.0 for each in SIGNS]

    assert (factors[0], factors[1], factors[2]) == signs.head((1.0, 1.0, 1.0))
    assert (factors[3], 2 * factors[4], 3 * factors[3], 4 * factors[4]) == signs.eyes(GAZE)


def test_none_turns_none() -> None:
    """Words of others' are passed over."""
    assert (1.0, 2.0, 3.0) == Signs(["mouth"]).head((1.0, 2.0, 3.0))
    assert (1.0, 2.0, 3.0, 4.0) == Signs().eyes(GAZE)


@pytest.mark.parametrize(("value", "expected"), [("roll, Yaw,,yaw", ("roll", "yaw")), ("", ()), (["yaw"], ["yaw"]), (3, 3)])
def test_words(value: object, expected: object) -> None:
    """As in a URL; what is no text is left to the type."""
    assert expected == split_words(value)
