"""What may stand behind ``vmc:`` and its like."""

from __future__ import annotations

from typing import Literal

import pytest

from bridge.errors import ConfigError
from bridge.settings import Section
from bridge.sources.peer import ANYBODY, Peer, parse_peer, split_options


@pytest.mark.parametrize(
    ("which", "host", "port"),
    [
        ("", "127.0.0.1", 39540),
        ("  ", "127.0.0.1", 39540),
        (":5000", "127.0.0.1", 5000),
        ("5000", "127.0.0.1", 5000),
        ("192.168.1.20", "192.168.1.20", 39540),
        ("192.168.1.20:5000", "192.168.1.20", 5000),
        ("phone.local", "phone.local", 39540),
        ("phone_1.local:65535", "phone_1.local", 65535),
        ("phone:", "phone", 39540),
        ("[::1]:5000", "::1", 5000),
        ("[fe80::1%eth0]", "fe80::1%eth0", 39540),
        ("::1", "::1", 39540),
        ("//192.168.1.20:5000/", "192.168.1.20", 5000),
        ("any", ANYBODY, 39540),
        ("any:5000", ANYBODY, 5000),
        ("0.0.0.0", ANYBODY, 39540),
        ("*:5000", ANYBODY, 5000),
        ("[::]:5000", ANYBODY, 5000),
    ],
)
def test_a_sender(which: str, host: str, port: int) -> None:
    """Host, port, both, either, as an address, a name, or part of a URL."""
    assert Peer(host=host, port=port) == parse_peer(which, scheme="vmc", default_host="127.0.0.1", default_port=39540)


@pytest.mark.parametrize(
    ("which", "sentence"),
    [
        ("phone:0", "port '0' is not a number from 1 to 65535"),
        ("phone:65536", "port '65536'"),
        ("phone:x", "port 'x'"),
        ("phone:５", "port '５'"),
        ("phone:" + "9" * 5000, "port"),
        ("70000", "port '70000'"),
        ("a:b:c", "'a:b:c' is neither an IP address nor a host name"),
        ("192.168.1", "'192.168.1' is neither"),
        ("1.2.3.400:80", "'1.2.3.400' is neither"),
        ("two words", "'two words' is neither"),
        ("user@phone", "'user@phone' is neither"),
        ("phone\0", "is neither"),
        ("[::1", "write an IPv6 address as [address]:port"),
        ("[::1]5000", "write an IPv6 address as [address]:port"),
        ("[phone]:80", "write an IPv6 address as [address]:port"),
        ("[]:80", "write an IPv6 address as [address]:port"),
        ("x" * 300, "is neither"),
    ],
)
def test_what_is_no_sender_is_refused(which: str, sentence: str) -> None:
    """One sentence that names the source and the part."""
    with pytest.raises(ConfigError) as caught:
        parse_peer(which, scheme="vmc", default_host="127.0.0.1", default_port=39540)

    assert str(caught.value).startswith("source.input vmc:")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("which", ["", ":5000"])
def test_a_phone_has_to_be_named(which: str) -> None:
    """It is never on this machine."""
    with pytest.raises(ConfigError, match=r"name the sender, for example ifacialmocap:192\.168\.1\.20"):
        parse_peer(which, scheme="ifacialmocap", default_host="", default_port=49983)


class _Options(Section):
    flip: str = ""
    axes: Literal["a", "b"] = "a"
    many: int = 0


def test_options_stand_behind_a_question_mark() -> None:
    """Typed; none is all defaults."""
    assert ("phone:80", _Options(flip="x,y", axes="b", many=3)) == split_options(
        "phone:80?flip=x,y&axes=b&many=3", _Options, scheme="test"
    )
    assert ("phone", _Options()) == split_options("phone", _Options, scheme="test")
    assert ("", _Options()) == split_options("?", _Options, scheme="test")


@pytest.mark.parametrize(
    ("which", "sentence"),
    [
        ("phone?what=1", "unknown option 'what'; there are axes, flip, many"),
        ("phone?axes=c", "axes: input should be 'a' or 'b'"),
        ("phone?many=x", "many: input should be a valid integer"),
        ("phone?flip", "write options as key=value, each once: 'flip' is not"),
        ("phone?=1", "write options as key=value"),
        ("phone?flip=x&flip=y", "each once: 'flip=y' is not"),
    ],
)
def test_options_that_are_none_are_refused(which: str, sentence: str) -> None:
    """With the key."""
    with pytest.raises(ConfigError) as caught:
        split_options(which, _Options, scheme="test")

    assert str(caught.value).startswith(f"source.input test:{which}")
    assert sentence in str(caught.value)
