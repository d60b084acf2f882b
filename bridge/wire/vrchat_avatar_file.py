"""The file in which VRChat writes down what an avatar accepts over OSC: ``OSC/{userId}/Avatars/{avatarId}.json``. Pure.

``{"id", "name", "parameters": [{"name", "input": {"address", "type": "Int"|"Bool"|"Float"}, "output": {...}}]}``; users edit it,
so the address counts, not the name. A parameter without ``input`` can only be read. Source: the fact sheet "VRChat OSC", 1.
"""

from __future__ import annotations

import json
import re
from types import MappingProxyType

from bridge.wire.vrchat_avatar import AvatarParameters

LARGEST_FILE = 4 << 20
"""Bytes; VRChat's own files have a fraction of this."""
MOST_PARAMETERS = 10_000
_LONGEST_ADDRESS = 255

_TYPES = {"Float": "f", "Int": "i", "Bool": "T"}
_ID = re.compile(r"avtr_[0-9A-Za-z-]{1,64}")


class AvatarFileError(ValueError):
    """Not such a file; the message completes the sentence "FILE ..."."""


def is_avatar_id(text: str) -> bool:
    """Whether it is an id as VRChat gives them, which is also the stem of a file name."""
    return _ID.fullmatch(text) is not None


def parse_avatar_file(data: bytes) -> AvatarParameters:
    """What the avatar accepts. Raises AvatarFileError for anything that is no such file; single bad entries are passed over."""
    if len(data) > LARGEST_FILE:
        raise AvatarFileError(f"has more than {LARGEST_FILE >> 20} MiB, so it is not an avatar's OSC file")
    try:
        root = json.loads(data.decode("utf-8-sig"))  # VRChat writes a byte order mark
    except (ValueError, RecursionError) as error:
        raise AvatarFileError("is not JSON") from error
    entries = root.get("parameters") if isinstance(root, dict) else None
    if not isinstance(entries, list):
        raise AvatarFileError("has no list of parameters, so it is not an avatar's OSC file")
    types: dict[str, str] = {}
    for entry in entries[:MOST_PARAMETERS]:
        accepts = entry.get("input") if isinstance(entry, dict) else None
        if not isinstance(accepts, dict):
            continue
        address, kind = accepts.get("address"), accepts.get("type")
        if isinstance(address, str) and isinstance(kind, str) and kind in _TYPES and _is_address(address):
            types[address] = _TYPES[kind]
    own_id = root.get("id")
    known = isinstance(own_id, str) and is_avatar_id(own_id)
    return AvatarParameters(avatar_id=own_id if known else None, types=MappingProxyType(types))


def _is_address(text: str) -> bool:
    return text.startswith("/") and len(text) <= _LONGEST_ADDRESS and "\0" not in text
