"""Options behind the address of a sender."""

from __future__ import annotations

import pytest

from bridge.errors import ConfigError
from bridge.settings import SourceSettings
from bridge.sources import facemotion3d, ifacialmocap, livelink
from bridge.sources.peer_options import split_options
from bridge.sources.phone_text import PhoneTextOptions


@pytest.mark.parametrize(
    ("which", "address", "expected"),
    [
        ("", "", {}),
        ("10.0.0.1", "10.0.0.1", {}),
        ("10.0.0.1:99?", "10.0.0.1:99", {}),
        ("[fe80::1]:99?swap=1&phone=5", "[fe80::1]:99", {"swap": True, "phone": 5}),
        ("x?invert=roll,%20yaw", "x", {"invert": ("roll", "yaw")}),
    ],
)
def test_options(which: str, address: str, expected: dict[str, object]) -> None:
    """The address stays as it is; what is not given has its default."""
    given, options = split_options(which, PhoneTextOptions, scheme="ifacialmocap")

    assert address == given
    assert expected == options.model_dump(exclude_defaults=True)


@pytest.mark.parametrize(
    ("which", "sentence"),
    [
        ("x?swop=1", r"ifacialmocap:x\?swop=1: unknown option 'swop'; did you mean swap"),
        ("x?zzz=1", "there are phone, swap, invert"),
        ("x?swap=perhaps", "swap: "),
        ("x?swap=1&swap=0", "twice"),
        ("x?swap", "'swap' is no option"),
        ("x?phone=70000", "phone: "),
        ("x?invert=nose", "invert"),
    ],
)
def test_wrong_options(which: str, sentence: str) -> None:
    """One sentence that shows what was written."""
    with pytest.raises(ConfigError, match=sentence):
        split_options(which, PhoneTextOptions, scheme="ifacialmocap")


@pytest.mark.parametrize("module", [ifacialmocap, facemotion3d])
def test_a_phone_has_to_be_named(module: object) -> None:
    """There is no default for it."""
    with pytest.raises(ConfigError, match="name the sender"):
        module.make_source(SourceSettings(), "")  # type: ignore[attr-defined]


def test_labels_and_ports() -> None:
    """Who is heard on what: Live Link's default is this machine."""
    assert "iFacialMocap from 10.0.0.1" == ifacialmocap.make_source(SourceSettings(), "10.0.0.1?version=1").label
    assert "Facemotion3d from 10.0.0.1" == facemotion3d.make_source(SourceSettings(), "10.0.0.1").label
    assert "Live Link Face from 127.0.0.1" == livelink.make_source(SourceSettings(), "").label
    assert "Live Link Face" == livelink.make_source(SourceSettings(), "any:5000?invert=mouth,yaw").label
    with pytest.raises(ConfigError, match="version"):
        ifacialmocap.make_source(SourceSettings(), "10.0.0.1?version=3")
