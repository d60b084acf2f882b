"""The goals: what is measured, its limit, and what the reference implementation reaches (QUALITY.md, section 9)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One row of the table before it is measured."""

    name: str
    part: str
    limit: float | None
    """None: shown, not judged."""
    unit: str = ""
    """ms, %, deg, cm or nothing."""
    at_least: bool = False
    """Whether the limit is the least, instead of the most."""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table."""

    goal: Goal
    values: Mapping[str, float]
    """Variant -> value in the goal's unit; NaN: could not be measured, which no limit admits."""

    @property
    def passed(self) -> bool | None:
        """Whether the bridge reaches the goal; None where there is no limit."""
        return None if self.goal.limit is None else self.meets("bridge")

    def meets(self, variant: str) -> bool:
        """Whether a variant reaches the goal; True where there is no limit."""
        limit, value = self.goal.limit, self.values.get(variant, math.nan)
        return limit is None or (value >= limit if self.goal.at_least else value <= limit)

    def plain(self) -> dict[str, Any]:
        """For programs; NaN becomes None."""
        goal = self.goal
        return {
            "goal": goal.name,
            "part": goal.part,
            "unit": goal.unit,
            "limit": goal.limit,
            "at_least": goal.at_least,
            "reference": goal.reference,
            "passed": self.passed,
            "values": {name: round(value, 6) if math.isfinite(value) else None for name, value in self.values.items()},
        }
