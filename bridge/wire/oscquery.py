"""OSCQuery: a tree of OSC addresses as JSON behind HTTP GETs, both ways. Pure; any thread.

``OscQueryRoot`` answers what others ask of us; ``parse_host_info`` and ``parse_avatar`` read what VRChat answers. Texts from
outside are bounded in length, depth and number of nodes; whatever is of the wrong type in them is left out. Sources: the OSCQuery
proposal of Vidvox, VRChat's documentation of OSCQuery.
"""

from __future__ import annotations

import enum
import ipaddress
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import unquote

from bridge.wire.vrchat_avatar import MAX_PARAMETERS, AvatarParameters, as_address, as_avatar_id

SERVICE_JSON = "_oscjson._tcp.local."
"""DNS-SD type of the HTTP server."""
SERVICE_OSC = "_osc._udp.local."
"""DNS-SD type of the port that takes the OSC messages."""

MAX_TEXT_CHARACTERS = 4_000_000
"""Of an answer; VRChat's about an avatar has some hundred kilobytes."""
MAX_NODES = 20_000
MAX_DEPTH = 16
"""Nodes within nodes that are followed."""
MAX_NAME_CHARACTERS = 128
MAX_TARGET_CHARACTERS = 2048

JsonValue: TypeAlias = int | float | str | bool | None

_PARAMETERS = "/avatar/parameters"
_ADDRESS = re.compile(r"(?:/[^\s/#*,?\[\]{}]+)+")
_TYPES = {"f": "f", "i": "i", "T": "T", "F": "T"}
_ATTRIBUTES = frozenset({
    "FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "RANGE", "DESCRIPTION", "VALUE", "TAGS", "EXTENDED_TYPE", "UNIT", "CRITICAL",
    "CLIPMODE", "OVERLOADS", "HTML",
})  # fmt: skip


class OscQueryError(ValueError):
    """Text that is no OSCQuery answer, or nodes that make no tree."""


class Access(enum.IntEnum):
    """What may be done with a node's value."""

    NONE = 0
    READ = 1
    WRITE = 2
    BOTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInfo:
    """Where a server takes its OSC messages."""

    name: str
    """``VRChat-Client-A1B2C3``; "" where the server does not say."""
    osc_ip: str | None
    """IPv4 or IPv6 address; None: the address of the HTTP server."""
    osc_port: int | None
    """1 to 65535; None: the port of the HTTP server."""
    osc_transport: str = "UDP"
    """UDP or TCP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVrchat:
    """A VRChat that runs, and where it takes OSC messages."""

    name: str
    """``VRChat-Client-A1B2C3``."""
    host: str
    """127.0.0.1 for one of this machine, else its IPv4 address."""
    osc_port: int
    """UDP, 1 to 65535."""
    avatar: AvatarParameters | None
    """None when it shows no avatar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One address that a root offers."""

    address: str
    """``/avatar/change``."""
    access: Access = Access.NONE
    """NONE for a node that only holds others."""
    type_tags: str = ""
    """OSC type tags of one message, ``s``; "" for a node without values."""
    value: tuple[JsonValue, ...] | None = None
    """One per tag; None where there is none to tell."""
    description: str = ""


AVATAR_CHANGE = Node(address="/avatar/change", access=Access.WRITE, type_tags="s", description="id of the avatar that is worn")
"""Offered, VRChat sends us the avatar's id whenever another is put on."""

AVATAR_PARAMETERS = Node(address=_PARAMETERS, description="parameters of the avatar that is worn")
"""Offered, VRChat sends us the parameters as they change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request gets."""

    status: int
    """200; 204 no value; 400 bad request; 404 no such node."""
    text: str
    """JSON with 200, nothing with 204, else a sentence."""


# --- what we serve ---------------------------------------------------------------------------------------------------


class OscQueryRoot:
    """The tree that a server of ours shows. Values never change: a new value is a new root."""

    def __init__(self, host_info: HostInfo, nodes: Sequence[Node]) -> None:
        """Nodes between the root and those given are made. Raises OscQueryError for addresses or values that cannot be served."""
        self._host_info = json.dumps(_host_info_json(host_info))
        self._table: dict[str, dict[str, Any]] = {"/": {"FULL_PATH": "/", "ACCESS": int(Access.NONE), "CONTENTS": {}}}
        for node in nodes:
            self._add(node)

    def answer(self, target: str) -> Answer:
        """To a GET of ``/path`` or ``/path?ATTRIBUTE``. Whatever the target, this returns."""
        if len(target) > MAX_TARGET_CHARACTERS or not target.startswith("/"):
            return Answer(status=400, text="write /path or /path?ATTRIBUTE")
        path, _, query = target.partition("#")[0].partition("?")
        query = query.removesuffix("=")
        if query == "HOST_INFO":
            return Answer(status=200, text=self._host_info)
        if query and query not in _ATTRIBUTES:
            return Answer(status=400, text=f"{query[:40]!a} is not an attribute of OSCQuery")
        node = self._table.get(unquote(path).rstrip("/") or "/")
        if node is None:
            return Answer(status=404, text=f"there is nothing at {path[:80]!a}")
        if not query:
            return Answer(status=200, text=json.dumps(node))
        return Answer(status=200, text=json.dumps({query: node[query]})) if query in node else Answer(status=204, text="")

    def _add(self, node: Node) -> None:
        if node.address != "/" and (as_address(node.address) is None or _ADDRESS.fullmatch(node.address) is None):
            raise OscQueryError(f"{node.address!r} is not an OSC address")
        if node.value is not None and len(node.value) != len(node.type_tags):
            raise OscQueryError(f"{node.address}: {len(node.value)} values for the tags {node.type_tags!r}")
        content = self._ensure(node.address)
        content["ACCESS"] = int(node.access)
        if node.type_tags:
            content["TYPE"] = node.type_tags
        if node.value is not None:
            content["VALUE"] = list(node.value)
        if node.description:
            content["DESCRIPTION"] = node.description
        try:
            json.dumps(content, allow_nan=False)
        except ValueError as error:
            raise OscQueryError(f"{node.address}: {node.value} cannot be written as JSON") from error

    def _ensure(self, address: str) -> dict[str, Any]:
        """The node at an address, made with all above it."""
        known = self._table.get(address)
        if known is not None:
            return known
        above, _, name = address.rpartition("/")
        made: dict[str, Any] = {"FULL_PATH": address, "ACCESS": int(Access.NONE)}
        self._ensure(above or "/").setdefault("CONTENTS", {})[name] = made
        self._table[address] = made
        return made


def _host_info_json(info: HostInfo) -> dict[str, Any]:
    given = {"OSC_IP": info.osc_ip, "OSC_PORT": info.osc_port, "OSC_TRANSPORT": info.osc_transport}
    return {
        "NAME": info.name,
        **{key: value for key, value in given.items() if value is not None},
        "EXTENSIONS": {"ACCESS": True, "CLIPMODE": False, "DESCRIPTION": True, "RANGE": False, "TYPE": True, "VALUE": True},
    }


# --- what others serve -----------------------------------------------------------------------------------------------


def parse_host_info(text: str) -> HostInfo:
    """The answer to ``/?HOST_INFO``. Raises OscQueryError for text that is no such answer."""
    content = _json_object(text)
    name, ip, port, transport = (content.get(key) for key in ("NAME", "OSC_IP", "OSC_PORT", "OSC_TRANSPORT"))
    if not {"NAME", "OSC_IP", "OSC_PORT", "EXTENSIONS"} & content.keys():
        raise OscQueryError("not a HOST_INFO: it names neither a host nor a port")
    return HostInfo(
        name=name if isinstance(name, str) and len(name) <= MAX_NAME_CHARACTERS and name.isprintable() else "",
        osc_ip=ip if isinstance(ip, str) and _is_address(ip) else None,
        osc_port=port if type(port) is int and 1 <= port <= 65535 else None,
        osc_transport="TCP" if transport == "TCP" else "UDP",
    )


def parse_avatar(text: str) -> AvatarParameters:
    """VRChat's answer to ``/avatar``: every parameter that may be written, however deep, and the avatar's id.

    A node without ACCESS counts as writable. Raises OscQueryError for text that is no node at all; an answer without parameters
    (no avatar is worn yet) has none.
    """
    content = _json_object(text)
    contents = content.get("CONTENTS")
    if not isinstance(contents, dict):
        if "FULL_PATH" not in content:
            raise OscQueryError("not an OSCQuery node: it has neither FULL_PATH nor CONTENTS")
        contents = {}
    types: dict[str, str] = {}
    for address, node in _walk(contents.get("parameters")):
        tag, access = node.get("TYPE"), node.get("ACCESS", int(Access.WRITE))
        writable = type(access) is int and bool(access & Access.WRITE)
        if writable and isinstance(tag, str) and tag in _TYPES and len(types) < MAX_PARAMETERS:
            types[address] = _TYPES[tag]
    change = contents.get("change")
    value = change.get("VALUE") if isinstance(change, dict) else None
    avatar_id = as_avatar_id(value[0]) if isinstance(value, list) and value else None
    return AvatarParameters(avatar_id=avatar_id, types=MappingProxyType(types))


def _walk(parameters: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """(address, node) of everything below the node ``parameters``, without recursion."""
    waiting: list[tuple[str, object, int]] = [(_PARAMETERS, parameters, 0)]
    seen = 0
    while waiting and seen < MAX_NODES:
        place, node, depth = waiting.pop()
        seen += 1
        if not isinstance(node, dict):
            continue
        full_path = as_address(node.get("FULL_PATH"))
        if full_path is not None and full_path.startswith(f"{_PARAMETERS}/"):
            place = full_path
        if as_address(place) is None:  # also keeps what is put together below from growing with every level
            continue
        if depth > 0:
            yield place, node
        children = node.get("CONTENTS")
        if isinstance(children, dict) and depth < MAX_DEPTH:
            first = itertools.islice(children.items(), MAX_NODES - len(waiting))
            waiting += [(f"{place}/{name}", child, depth + 1) for name, child in first]


def _json_object(text: str) -> dict[str, Any]:
    if len(text) > MAX_TEXT_CHARACTERS:
        raise OscQueryError(
            f"an OSCQuery answer of {len(text)} characters is longer than the {MAX_TEXT_CHARACTERS} that are read"
        )
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise OscQueryError("an OSCQuery answer whose JSON is nested too deeply") from error
    except ValueError as error:
        raise OscQueryError(f"an OSCQuery answer that is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise OscQueryError(f"an OSCQuery answer that is a {type(content).__name__}, not an object")
    return content


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
