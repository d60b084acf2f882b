"""What tests of several folders of this one ask for."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.unit.runs import DEADLINE_S


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    """A UDP socket on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(DEADLINE_S)
        yield listening
