"""What a VRChat avatar accepts over OSC. Pure; any thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AvatarParameters:
    """The avatar that is worn, and its writable parameters."""

    avatar_id: str | None
    """``avtr_...``; None where the source does not tell."""
    types: Mapping[str, str]
    """Full address (``/avatar/parameters/FT/v2/JawOpen``) -> OSC type: "f" float, "i" int, "T" bool."""
