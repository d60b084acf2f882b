"""What stands behind ``vmc:``, ``vts-phone:``, ... in ``source.input``: the sender, our port, options."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bridge.errors import ConfigError

ANYBODY = "any"
"""As the sender's host: whoever sends is heard, from other machines too."""

_EVERYBODY = frozenset({ANYBODY, "*", "0.0.0.0", "::"})
_NAME = re.compile(r"[\w.-]{1,253}")
_NUMBERS = re.compile(r"[0-9.]+")

_OptionsT = TypeVar("_OptionsT", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who sends, and where we listen."""

    host: str
    """Name or address of the sender; only its datagrams are heard. ``ANYBODY``: whoever is the first."""
    port: int
    """UDP port of ours, 0 for any free one."""


def parse_peer(which: str, *, scheme: str, default_host: str, default_port: int) -> Peer:
    """``HOST``, ``HOST:PORT``, ``:PORT``, ``PORT``, ``[IPv6]:PORT`` or nothing, behind ``scheme:`` in ``source.input``.

    ``any``, ``*`` and ``0.0.0.0`` are everybody; ``//`` before and ``/`` behind, as in URLs, are left out. Raises ConfigError
    for anything else, and for no host where ``default_host`` is empty: a phone has to be named.
    """
    text = which.strip().removeprefix("//").removesuffix("/")
    host, port_text = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
            raise ConfigError(f"source.input {scheme}:{which}: write an IPv6 address as [address]:port")
        port_text = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port_text = text.partition(":")
    elif text.isascii() and text.isdigit():
        host, port_text = "", text
    if port_text and not (port_text.isascii() and port_text.isdigit() and 1 <= int(port_text[:9]) <= 65535):
        raise ConfigError(f"source.input {scheme}:{which}: port {port_text!r} is not a number from 1 to 65535")
    host = host or default_host
    if not host:
        raise ConfigError(f"source.input {scheme}: name the sender, for example {scheme}:192.168.1.20")
    if host in _EVERYBODY:
        host = ANYBODY
    elif not _is_host(host):
        raise ConfigError(f"source.input {scheme}:{which}: {host!r} is neither an IP address nor a host name")
    return Peer(host=host, port=int(port_text) if port_text else default_port)


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _NAME.fullmatch(host) is not None and _NUMBERS.fullmatch(host) is None
    return True


def split_options(which: str, model: type[_OptionsT], *, scheme: str) -> tuple[str, _OptionsT]:
    """``HOST?key=value&key=value`` -> (``HOST``, the options). ``model`` forbids what it does not know.

    Raises ConfigError that names the key.
    """
    place, question, query = which.partition("?")
    try:
        return place, model.model_validate(dict(_pairs(query, which, scheme)) if question else {})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = ", ".join(sorted(model.model_fields)) or "none"
            raise ConfigError(f"source.input {scheme}:{which}: unknown option {key!r}; there are {known}") from error
        message = str(fault["msg"]).removeprefix("Value error, ")
        raise ConfigError(f"source.input {scheme}:{which}: {key}: {message[0].lower()}{message[1:]}") from error


def _pairs(query: str, which: str, scheme: str) -> Mapping[str, str]:
    pairs: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        if not (key and equals) or key in pairs:
            raise ConfigError(f"source.input {scheme}:{which}: write options as key=value, each once: {part!r} is not")
        pairs[key] = value
    return MappingProxyType(pairs)
