"""Host, Origin, token and method: who is let in."""

from __future__ import annotations

import pytest

from bridge.wire.web import WebGate, WebRequest, in_url, is_loopback

LOOPBACK = WebGate(host="127.0.0.1", port=8722)
OPEN = WebGate(host="0.0.0.0", port=8722, token="s3cret;Ä", names=frozenset({"studio"}))


def ask(
    gate: WebGate, *headers: tuple[str, str], host: str | None = "127.0.0.1:8722", method: str = "GET", target: str = "/"
) -> int | None:
    """The refusal's status, or None when the request is let in."""
    hosts = [] if host is None else [("Host", host)]
    refusal = gate.refusal(WebRequest.parse(method=method, target=target, headers=[*hosts, *headers]))
    return None if refusal is None else refusal.status


@pytest.mark.parametrize("host", ["127.0.0.1:8722", "localhost:8722", "LOCALHOST:8722", "[::1]:8722"])
def test_own_names_are_let_in(host: str) -> None:
    """Every way in which a person writes this machine."""
    assert ask(LOOPBACK, host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8722", "evil.example", "127.0.0.1:80", "127.0.0.1", "127.0.0.1:8723", "127.0.0.1.evil.example:8722",
        "192.168.1.5:8722", "a@127.0.0.1:8722", "127.0.0.1:8722/x", "127.0.0.1:x", "[::1:8722", "", None,
    ],
)  # fmt: skip
def test_foreign_hosts_are_refused(host: str | None) -> None:
    """DNS rebinding arrives with a foreign name."""
    assert ask(LOOPBACK, host=host) == 403


def test_two_host_headers_are_refused() -> None:
    """A proxy and we could each believe another one."""
    assert ask(LOOPBACK, ("Host", "127.0.0.1:8722")) == 403


def test_port_80_needs_no_port_in_the_host() -> None:
    """Browsers leave the default port out."""
    assert ask(WebGate(host="127.0.0.1", port=80), host="localhost") is None


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8722", "http://127.0.0.1:8722".upper()])
def test_own_origin_is_let_in(origin: str) -> None:
    """The page's own WebSockets send it."""
    assert ask(LOOPBACK, ("Origin", origin)) is None


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "https://127.0.0.1:8722", "http://127.0.0.1:3000", "http://localhost:8722", "file://", ""],
)
def test_foreign_origins_are_refused(origin: str) -> None:
    """Any other page of the browser, another port of this machine included."""
    assert ask(LOOPBACK, ("Origin", origin)) == 403


def test_configured_origins_are_let_in() -> None:
    """By name, or all of them."""
    named = WebGate(host="127.0.0.1", port=8722, origins=frozenset({"https://pose.example"}))

    assert ask(named, ("Origin", "https://pose.example")) is None
    assert ask(named, ("Origin", "https://other.example")) == 403
    assert ask(WebGate(host="127.0.0.1", port=8722, origins=frozenset({"*"})), ("Origin", "null")) is None


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_only_get_is_answered(method: str) -> None:
    """Nothing here changes by a plain request."""
    assert ask(LOOPBACK, method=method) == 405


def test_beyond_loopback_addresses_and_own_names_are_let_in_with_the_token() -> None:
    """A phone on the same network opens the address; rebinding needs a name, and that is refused."""
    right = ("Authorization", "Bearer s3cret;Ä")

    assert ask(OPEN, right, host="192.168.1.5:8722") is None
    assert ask(OPEN, right, host="[fe80::1]:8722") is None
    assert ask(OPEN, right, host="studio:8722") is None
    assert ask(OPEN, right, host="evil.example:8722") == 403


def test_token_is_taken_from_header_query_or_cookie() -> None:
    """Programs, links and the page itself."""
    request = WebRequest.parse(method="GET", target="/?token=s3cret%3B%C3%84", headers=[("Host", "127.0.0.1:8722")])
    cookie = OPEN.cookie_to_set(request)

    assert OPEN.refusal(request) is None
    assert cookie is not None
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert ask(OPEN, ("Cookie", "other=1; " + cookie.split(";", 1)[0])) is None
    assert ask(OPEN, ("Authorization", "bearer s3cret;Ä")) is None


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        ([], "/"), ([("Authorization", "Bearer wrong")], "/"), ([("Authorization", "Basic s3cret;Ä")], "/"), ([], "/?token="),
        ([], "/?token=s3cret"), ([("Cookie", "avatar_bridge_8723=s3cret%3B%C3%84")], "/"), ([], "/#token=s3cret;Ä"),
    ],
)  # fmt: skip
def test_wrong_or_missing_token_is_refused(headers: list[tuple[str, str]], target: str) -> None:
    """401, from loopback too, and the refusal says who refuses."""
    refusal = OPEN.refusal(WebRequest.parse(method="GET", target=target, headers=[("Host", "127.0.0.1:8722"), *headers]))

    assert refusal is not None
    assert refusal.status == 401
    assert dict(refusal.headers)["WWW-Authenticate"] == 'Bearer realm="avatar-bridge"'


@pytest.mark.parametrize("header", ["Authorization", "Cookie"])
def test_bytes_that_are_no_text_are_a_wrong_token(header: str) -> None:
    """What is not UTF-8 comes as surrogates: refused like any other, not a failure of ours."""
    value = "Bearer \udcff" if header == "Authorization" else "avatar_bridge_8722=\udcff"
    refusal = OPEN.refusal(
        WebRequest.parse(method="GET", target="/?token=\udcff", headers=[("Host", "127.0.0.1:8722"), (header, value)])
    )
    assert refusal is not None
    assert 401 == refusal.status


def test_token_is_not_shown() -> None:
    """Neither by the gate's text nor by a cookie nobody needs."""
    assert "s3cret" not in repr(OPEN)
    assert OPEN.cookie_to_set(WebRequest.parse(method="GET", target="/", headers=[])) is None
    assert LOOPBACK.cookie_to_set(WebRequest.parse(method="GET", target="/?token=x", headers=[])) is None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("localhost", True), ("LocalHost", True), ("0.0.0.0", False),
        ("::", False), ("192.168.1.5", False), ("studio", False), ("localhost.evil.example", False),
    ],
)  # fmt: skip
def test_loopback_is_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    """Decides whether a token is demanded."""
    assert is_loopback(host) is expected


def test_ipv6_stands_in_brackets_in_urls() -> None:
    """As RFC 3986 wants it."""
    assert (in_url("::1"), in_url("127.0.0.1")) == ("[::1]", "127.0.0.1")
