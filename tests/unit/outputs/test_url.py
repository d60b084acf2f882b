"""The grammar of output URLs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.outputs.url import SplitUrl, check_host, check_port, endpoint, file_path, join_url, split_url


def test_a_whole_url() -> None:
    """Scheme in lower case, query decoded, path with its slash."""
    expected = SplitUrl(scheme="vmc", authority="host:1", path="/a b", query={"names": "camel", "address": "/x&y"})

    assert expected == split_url("VMC://host:1/a%20b?names=camel&address=/x%26y")


@pytest.mark.parametrize("text", ["vmc://", "vmc-2.x+y://", "vmc://?", "vmc://?&"])
def test_what_may_be_left_out(text: str) -> None:
    """Address and query."""
    split = split_url(text)

    assert ("", "", {}) == (split.authority, split.path, split.query)


def test_a_plus_is_a_plus() -> None:
    """Only forms turn it into a blank."""
    assert {"a": "1+1"} == split_url("x://?a=1+1").query


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write for example vmc://"),
        ("vmc", "write for example vmc://"),
        ("osc:127.0.0.1:9000", "write for example osc://"),
        ("127.0.0.1:39539", "write for example vmc://"),
        ("://host", "write for example"),
        ("vmc://host#top", "%23"),
        ("vmc://host\n", "control characters"),
        ("vmc://?mirror", "mirror=1"),
        ("vmc://?=1", "needs a value"),
        ("vmc://?a=1&a=2", "a is given twice"),
        ("vmc://?a=%zz", "hexadecimal"),
        ("vmc://?a=%ff", "UTF-8"),
        ("vmc://?a=%00", "control characters"),
    ],
)
def test_what_is_no_url_is_refused_with_a_hint(text: str, says: str) -> None:
    """The sentence says what to write instead."""
    with pytest.raises(ConfigError, match=says):
        split_url(text)


@pytest.mark.parametrize(
    ("authority", "expected"),
    [
        ("", ("", None)),
        (":5", ("", 5)),
        ("host", ("host", None)),
        ("my-pc.local:39539", ("my-pc.local", 39539)),
        ("192.168.0.255:1", ("192.168.0.255", 1)),
        ("[::1]", ("::1", None)),
        ("[::1]:65535", ("::1", 65535)),
        ("[fe80::1%25eth0]:9", ("fe80::1%eth0", 9)),
        ("rechner-ü.local", ("rechner-ü.local", None)),
    ],
)
def test_endpoints(authority: str, expected: tuple[str, int | None]) -> None:
    """Names, IPv4, IPv6 in brackets; host and port may both be missing."""
    assert expected == endpoint(authority)


@pytest.mark.parametrize(
    ("authority", "says"),
    [
        ("::1", "brackets"),
        ("::1:39539", "brackets"),
        ("[::1", "is not"),
        ("[::1]39539", "is not"),
        ("[127.0.0.1]:1", "IPv6 addresses only"),
        ("[host]:1", "neither an IP address nor a host name"),
        ("me:secret@host", "user names"),
        ("host:", "port ''"),
        ("host:http", "port 'http'"),
        ("host:-1", "port '-1'"),
        ("host:0", "port 0 is out of range"),
        ("host:65536", "port 65536 is out of range"),
        ("host:99999999999999", "port '99999999999999'"),
        ("host:１", "port"),
        ("a b", "neither"),
        ("999.1.1.1", "neither"),
        ("1.2.3", "neither"),
        ("-host", "neither"),
        ("host..name", "neither"),
        ("h" * 254, "neither"),
    ],
)
def test_bad_endpoints(authority: str, says: str) -> None:
    """Nothing is looked up to find out."""
    with pytest.raises(ConfigError, match=says):
        endpoint(authority)


def test_hosts_and_ports_of_keys_are_held_to_the_same() -> None:
    """As the table of the configuration gives them: without brackets."""
    assert ("::1", 1) == (check_host("::1"), check_port(1))
    with pytest.raises(ConfigError):
        check_host("not a host")
    with pytest.raises(ConfigError):
        check_port(0)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("record://take.jsonl", "take.jsonl"),
        ("record://takes/one%20more.jsonl?stage=final", "takes/one more.jsonl"),
        ("record:///home/me/take.jsonl", "/home/me/take.jsonl"),
        ("record://C:/takes/a.jsonl", "C:/takes/a.jsonl"),
        ("record://C:\\takes\\a.jsonl", "C:\\takes\\a.jsonl"),
        ("record://~/take.jsonl", "~/take.jsonl"),
    ],
)
def test_files(text: str, path: str) -> None:
    """Relative, absolute, with a drive letter."""
    assert path == file_path(split_url(text))


_PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF).filter(str.isprintable), max_size=10)


@given(
    st.sampled_from(["127.0.0.1", "::1", "fe80::1%eth0", "my-pc.local", "ü.local"]),
    st.integers(1, 65535),
    _PRINTABLE.map(lambda text: "/" + text),
    st.dictionaries(_PRINTABLE.filter(bool), _PRINTABLE, max_size=3),
)
def test_what_is_joined_splits_into_the_same(host: str, port: int, path: str, query: dict[str, str]) -> None:
    """For every host, path, option and value that prints."""
    split = split_url(join_url(scheme="x", host=host, port=port, path=path, query=query))

    assert ("x", (host, port), path, query) == (split.scheme, endpoint(split.authority), split.path, split.query)
