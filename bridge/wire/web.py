"""Who may ask a web server of ours for anything: the checks on Host, Origin, method and token, without a socket.

A page somewhere on the web can make the user's browser send requests to 127.0.0.1. Two checks on *every* request stop it: the
``Host`` must be one of our own names (a foreign name that resolves to us is DNS rebinding), and an ``Origin``, when there is one,
must be the very server that is asked. Beyond loopback a token is demanded as well.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import parse_qsl, quote, unquote, urlsplit

REALM = "avatar-bridge"
"""Named in every refusal for want of a token: by it a second daemon knows the first."""

LOOPBACK_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})


def is_loopback(host: str) -> bool:
    """True for localhost, 127.0.0.0/8 and ::1: what only this machine can reach."""
    if host.lower() == "localhost":
        return True
    address = _ip_address(host)
    return address is not None and address.is_loopback


def in_url(host: str) -> str:
    """The host as it stands in a URL or Host header: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def reachable(host: str) -> str:
    """Where a server that listens on ``host`` is found from this machine: 0.0.0.0 and :: are no addresses to go to."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRequest:
    """What a request says of itself."""

    method: str
    path: str
    query: str
    headers: MappingProxyType[str, tuple[str, ...]]
    """Lower-case name -> every value it was sent with."""

    @classmethod
    def parse(cls, *, method: str, target: str, headers: Iterable[tuple[str, str]]) -> WebRequest:
        """From the request line's method and target, and the header lines."""
        path, _, query = target.partition("#")[0].partition("?")
        table: dict[str, tuple[str, ...]] = {}
        for name, value in headers:
            table[name.lower()] = (*table.get(name.lower(), ()), value)
        return cls(method=method, path=path, query=query, headers=MappingProxyType(table))

    def header(self, name: str) -> str | None:
        """The header's value when it was sent exactly once."""
        values = self.headers.get(name.lower(), ())
        return values[0] if len(values) == 1 else None

    def param(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in parse_qsl(self.query, keep_blank_values=True) if key == name), None)

    def cookie(self, name: str) -> str | None:
        """The value of a cookie."""
        for part in "; ".join(self.headers.get("cookie", ())).split(";"):
            key, found, value = part.strip().partition("=")
            if found and key == name:
                return value
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRefusal:
    """Why a request is not served."""

    status: int
    sentence: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebGate:
    """The rules of one server. Pure; any thread."""

    host: str
    """What it listens on: a name, an address, or 0.0.0.0 / :: for every address of the machine."""
    port: int
    token: str = field(default="", repr=False)
    """Demanded of everybody when not empty."""
    names: frozenset[str] = frozenset()
    """Further names the machine goes by; used beyond loopback only."""
    origins: frozenset[str] = frozenset()
    """Foreign pages that may connect all the same, as "https://example.org"; "*" is every page."""

    @property
    def cookie_name(self) -> str:
        """Cookies do not tell ports apart, so the name does."""
        return f"avatar_bridge_{self.port}"

    def refusal(self, request: WebRequest) -> WebRefusal | None:
        """None when the request may be served."""
        return self._wrong_host(request) or self._wrong_origin(request) or self._wrong_token(request) or _wrong_method(request)

    def has_token(self, request: WebRequest) -> bool:
        """Whether the request carries the token: header ``Authorization: Bearer``, query ``token``, or the page's cookie."""
        scheme, _, bearer = (request.header("authorization") or "").partition(" ")
        cookie = request.cookie(self.cookie_name)
        offered = (
            bearer.strip() if scheme.lower() == "bearer" else None,
            request.param("token"),
            None if cookie is None else unquote(cookie),
        )
        # In constant time: how long a wrong token takes tells nothing about the right one. Bytes that are no UTF-8 arrive as
        # surrogates, in headers of whoever likes to.
        token = self.token.encode()
        return any(hmac.compare_digest(text.encode(errors="surrogateescape"), token) for text in offered if text is not None)

    def cookie_to_set(self, request: WebRequest) -> str | None:
        """The Set-Cookie value for a page opened with ``?token=``, so that its own requests carry the token; else None."""
        if not self.token or request.param("token") is None:
            return None
        return f"{self.cookie_name}={quote(self.token, safe='')}; Path=/; HttpOnly; SameSite=Strict"

    def _wrong_host(self, request: WebRequest) -> WebRefusal | None:
        host = request.header("host")
        if host is not None and self._is_ours(host):
            return None
        return WebRefusal(
            status=403,
            sentence=f"avatar-bridge refuses the Host {_shown(host)}: open it as http://{in_url(reachable(self.host))}:{self.port}/",
        )

    def _wrong_origin(self, request: WebRequest) -> WebRefusal | None:
        values = request.headers.get("origin", ())
        if not values or "*" in self.origins:
            return None
        if len(values) == 1:
            origin = values[0].lower()
            if origin in self.origins or origin == f"http://{(request.header('host') or '').lower()}":
                return None
        return WebRefusal(
            status=403, sentence=f"avatar-bridge refuses the Origin {_shown(values[0])}: only its own pages may use it"
        )

    def _wrong_token(self, request: WebRequest) -> WebRefusal | None:
        if not self.token or self.has_token(request):
            return None
        return WebRefusal(
            status=401,
            sentence="avatar-bridge needs its token here: add ?token=... to the address, or the header Authorization: Bearer ...",
            headers=(("WWW-Authenticate", f'Bearer realm="{REALM}"'),),
        )

    def _is_ours(self, host_header: str) -> bool:
        try:
            parts = urlsplit(f"//{host_header}")
            name, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            return False
        if parts.netloc != host_header or "@" in host_header or (80 if port is None else port) != self.port:
            return False
        if name in LOOPBACK_NAMES or name == self.host.lower():
            return True
        # Beyond loopback an address is fine: DNS rebinding needs a name, and the token is demanded anyway.
        return not is_loopback(self.host) and (name in self.names or _ip_address(name) is not None)


def _wrong_method(request: WebRequest) -> WebRefusal | None:
    if request.method == "GET":
        return None
    return WebRefusal(
        status=405, sentence=f"avatar-bridge answers GET only, not {_shown(request.method)}", headers=(("Allow", "GET"),)
    )


def _shown(text: str | None) -> str:
    """Foreign text as it may stand in a sentence: short, printable."""
    if text is None:
        return "that is missing or doubled"
    return ascii(text[:60])
