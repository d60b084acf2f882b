"""Plain values for status: what JSON can carry, readable."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from pathlib import Path

from bridge.status import plain
from bridge.types import Presence


@dataclass(frozen=True)
class _Inner:
    presence: Presence
    rate: float


@dataclass(frozen=True)
class _Outer:
    inner: tuple[_Inner, ...]
    path: Path
    nothing: None = None


class _Plain(enum.Enum):
    A = "a"


def test_everything_becomes_json() -> None:
    """Dataclasses, enums, tuples and paths nest into plain values; floats are rounded."""
    value = _Outer(inner=(_Inner(presence=Presence.LIVE, rate=29.970029),), path=Path("x") / "y")

    plain_value = plain({"outer": value, "kind": _Plain.A, 3: [True, None]})

    assert {
        "outer": {"inner": [{"presence": "LIVE", "rate": 29.97}], "path": str(Path("x") / "y"), "nothing": None},
        "kind": "a",
        "3": [True, None],
    } == plain_value
    assert json.loads(json.dumps(plain_value)) == plain_value
