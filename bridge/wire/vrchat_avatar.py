"""What a VRChat avatar accepts over OSC, and VRChat's own file that says so. Pure; any thread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

MAX_FILE_CHARACTERS = 8_000_000
"""A file of VRChat's has some hundred kilobytes; nothing longer is read."""

MAX_PARAMETERS = 8192
"""As many as an avatar can have; further ones are left out."""

MAX_ADDRESS_CHARACTERS = 512
MAX_ID_CHARACTERS = 128

_FILE_TYPES = {"Float": "f", "Int": "i", "Bool": "T"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AvatarParameters:
    """The avatar that is worn, and its writable parameters."""

    avatar_id: str | None
    """``avtr_...``; None where the source does not tell."""
    types: Mapping[str, str]
    """Full address (``/avatar/parameters/FT/v2/JawOpen``) -> OSC type: "f" float, "i" int, "T" bool."""


def avatar_from_file_text(text: str) -> AvatarParameters:
    """The avatar of ``.../VRChat/OSC/{userId}/Avatars/{avatarId}.json``: every parameter with an ``input``, under its address.

    The address may be any, as the file is made for re-mapping. Entries that cannot be understood are left out. Raises ValueError,
    one sentence, for text that is no such file. Source: VRChat's documentation of OSC avatar parameters.
    """
    if len(text) > MAX_FILE_CHARACTERS:
        raise ValueError(f"a VRChat avatar file has at most {MAX_FILE_CHARACTERS} characters, this one has {len(text)}")
    try:
        content = json.loads(text.removeprefix("\ufeff"))  # VRChat writes a byte order mark
    except RecursionError as error:
        raise ValueError("not a VRChat avatar file: its JSON is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"not a VRChat avatar file: {error}") from error
    parameters = content.get("parameters") if isinstance(content, dict) else None
    if not isinstance(parameters, list):
        raise ValueError('not a VRChat avatar file: it has no list "parameters"')  # noqa: TRY004  callers catch ValueError
    types: dict[str, str] = {}
    for parameter in parameters:
        entry = parameter.get("input") if isinstance(parameter, dict) else None
        if not isinstance(entry, dict) or len(types) >= MAX_PARAMETERS:
            continue
        address, type_name = as_address(entry.get("address")), entry.get("type")
        if address is not None and isinstance(type_name, str) and type_name in _FILE_TYPES:
            types[address] = _FILE_TYPES[type_name]
    return AvatarParameters(avatar_id=as_avatar_id(content.get("id")), types=MappingProxyType(types))


def as_address(value: Any) -> str | None:
    """The value when it is text that OSC can send as an address, else None."""
    if not isinstance(value, str) or not value.startswith("/") or not 1 < len(value) <= MAX_ADDRESS_CHARACTERS:
        return None
    return None if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value) else value


def as_avatar_id(value: Any) -> str | None:
    """The value when it is short printable text such as ``avtr_...``, else None."""
    return value if isinstance(value, str) and 0 < len(value) <= MAX_ID_CHARACTERS and value.isprintable() else None
