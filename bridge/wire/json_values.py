"""JSON from strangers: an object or nothing, finite numbers or nothing. Pure; any thread."""

from __future__ import annotations

import json
import math


def json_object(data: bytes, *, max_bytes: int) -> dict[str, object] | None:
    """The JSON object in ``data``, UTF-8; None for anything else, also for what is longer or nested too deep. Never raises."""
    if len(data) > max_bytes:
        return None
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError):  # no JSON, no UTF-8, a number of thousands of digits; a thousand brackets
        return None
    return value if isinstance(value, dict) else None


def finite(value: object) -> float | None:
    """A number as a float; None for what is none, for NaN, infinity and what no float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
