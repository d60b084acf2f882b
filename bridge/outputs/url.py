"""The grammar of output URLs: ``scheme://authority/path?key=value&key=value``. Text only, nothing is looked up.

Percent-encoding works everywhere but in the scheme; ``+`` is a plus.
Every raise is a ConfigError that says what to write instead.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from bridge.errors import ConfigError
from bridge.settings import SECRETS

_SHAPE = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(\?(?P<query>[^#]*))?", re.ASCII
)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[^\W_]([\w-]*[^\W_])?(\.[^\W_]([\w-]*[^\W_])?)*\.?")
_DOTTED_NUMBERS = re.compile(r"[0-9.]+")
_SECRET_VALUE = re.compile(rf"([?&](?:{'|'.join(sorted(SECRETS))})=)[^&#]*", re.IGNORECASE)
_KEPT = "/{}:@,~*"
"""Characters that stay readable in paths and values of URLs that we write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitUrl:
    """The parts of a URL, percent-decoded."""

    scheme: str
    """Lower case."""
    authority: str
    """Between ``://`` and the path; still encoded, see ``endpoint`` and ``file_path``."""
    path: str
    """With its leading slash, or empty."""
    query: Mapping[str, str]


def split_url(text: str) -> SplitUrl:
    """Takes ``text`` apart. Raises ConfigError for anything that is not such a URL."""
    if not text.isprintable():
        raise ConfigError("the URL contains line breaks or control characters")
    if "#" in text:
        raise ConfigError("a URL of an output has no #; inside a name or value write %23")
    match = _SHAPE.fullmatch(text)
    if match is None:
        scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*", text)
        raise ConfigError(f"not a URL; write for example {scheme.group() if scheme else 'vmc'}://127.0.0.1:39539")
    return SplitUrl(
        scheme=match["scheme"].lower(),
        authority=match["authority"],
        path=_decode(match["path"]),
        query=_query(match["query"] or ""),
    )


def endpoint(authority: str) -> tuple[str, int | None]:
    """``host:port``, ``[::1]:port``, ``host``, ``:port`` or nothing -> (host or "", port or None). Raises ConfigError."""
    if "@" in authority:
        raise ConfigError(f"{authority!r}: user names and passwords are not used here")
    if authority.startswith("["):
        inside, bracket, rest = authority[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ConfigError(f"{authority!r} is not [IPv6-address]:port")
        return check_host(_decode(inside), bracketed=True), _port(rest.removeprefix(":")) if rest else None
    host, colon, port = authority.partition(":")
    if ":" in port:
        raise ConfigError(f"{authority!r}: write an IPv6 address in brackets, for example [::1]:39539")
    return check_host(_decode(host)) if host else "", _port(port) if colon else None


def check_host(host: str, *, bracketed: bool = False) -> str:
    """``host`` when it is an IP address or can be a host name. Nothing is looked up. Raises ConfigError."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if bracketed or ":" in host or _DOTTED_NUMBERS.fullmatch(host) or len(host) > 253 or not _HOST.fullmatch(host):
            raise ConfigError(f"{host!r} is neither an IP address nor a host name") from None
        return host
    if bracketed and address.version == 4:
        raise ConfigError(f"[{host}]: brackets are for IPv6 addresses only")
    return host


def check_port(port: int) -> int:
    """``port`` when it is one. Raises ConfigError."""
    if not 1 <= port <= 65535:
        raise ConfigError(f"port {port} is out of range; ports are 1 to 65535")
    return port


def file_path(split: SplitUrl) -> str:
    """All between ``scheme://`` and ``?`` as a path: ``record://take.jsonl``, ``record:///home/x.jsonl``, ``record://C:/x.jsonl``."""
    return _decode(split.authority) + split.path


def join_url(*, scheme: str, host: str = "", port: int | None = None, path: str = "", query: Mapping[str, str]) -> str:
    """The URL of these parts, encoded; the reverse of ``split_url``. With ``host`` empty, ``path`` stands alone."""
    authority = ""
    if host:
        authority = f"[{quote(host, safe=':')}]" if ":" in host else quote(host, safe="")
        authority += f":{port}" if port is not None else ""
    text = f"{scheme}://{authority}{quote(path, safe=_KEPT)}"
    pairs = [f"{quote(key, safe='')}={quote(value, safe=_KEPT)}" for key, value in query.items()]
    return text + ("?" + "&".join(pairs) if pairs else "")


def without_secrets(url: str) -> str:
    """``url`` as it may be shown, tokens and passwords starred; also what is no URL, or not yet checked."""
    return _SECRET_VALUE.sub(r"\1***", url)


def _query(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.split("&"):
        if not part:
            continue
        key, equals, value = part.partition("=")
        key = _decode(key)
        if not equals or not key:
            raise ConfigError(f"option {part!r} needs a value: write {key or 'key'}=1 or {key or 'key'}=something")
        if key in pairs:
            raise ConfigError(f"option {key} is given twice")
        pairs[key] = _decode(value)
    return pairs


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ConfigError(f"port {text!r} is not a number from 1 to 65535")
    return check_port(int(text))


def _decode(text: str) -> str:
    bad = _BAD_PERCENT.search(text)
    if bad is not None:
        raise ConfigError(f"{text!r}: a % must be followed by two hexadecimal digits; a plain % is written %25")
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{text!r} is not UTF-8 after percent-decoding") from error
    if not decoded.isprintable():
        raise ConfigError(f"{text!r} contains control characters")
    return decoded
