"""When a phone is asked for frames."""

from __future__ import annotations

import pytest

from bridge.sources.network import Request
from bridge.sources.phone_text import PhoneText, PhoneTextOptions


@pytest.mark.parametrize(("port", "expected"), [(0, 49993), (5000, 5000)])
def test_a_phone_is_asked_while_it_is_silent(port: int, expected: int) -> None:
    """Not while its frames come; datagrams that are no frames are silence too."""
    now = [100.0]
    phone = PhoneText(PhoneTextOptions(phone=port), start=b"go", default_phone_port=49993, times=2, clock=lambda: now[0])
    asked = [Request(data=b"go", port=expected)] * 2

    assert asked == list(phone.requests(1))
    assert phone.decode(b"hello") is None
    assert asked == list(phone.requests(1))
    assert phone.decode(b"jawOpen-5|") is not None
    assert [] == list(phone.requests(1))
    now[0] += 0.1
    assert [] == list(phone.requests(1))
    now[0] += 0.15
    assert asked == list(phone.requests(1))
    assert phone.decode(b"trackingStatus-0|") is not None
    assert [] == list(phone.requests(1))
