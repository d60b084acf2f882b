"""The simplest protocol of a face, and patience."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from bridge.types import Face, TrackResult, frozen_array

DEADLINE_S = 30.0
SILENCE_S = 0.3
"""How long the sources of these tests let their sender be silent."""


def decode(data: bytes) -> tuple[Face, ...] | None:
    """``.5``: a face with all weights at .5; ``-``: no face; anything else is no frame."""
    if data == b"-":
        return ()
    try:
        value = float(data)
    except ValueError:
        return None
    return (Face(weights=frozen_array(np.full(52, value, dtype=np.float32)), head=None),)


def value_of(result: TrackResult) -> float:
    """What the datagram said."""
    return float(result.faces[0].weights[0])


def bind_second_loopback(other: socket.socket) -> None:
    """So that it is another machine, as far as addresses go; skips where there is only one loopback address."""
    try:
        other.bind(("127.0.0.2", 0))
    except OSError:
        pytest.skip("this machine has no 127.0.0.2")


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Asks again and again; fails when it takes far too long."""
    deadline, pause = time.monotonic() + DEADLINE_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"{what}: it did not happen in time"
        pause.wait(0.01)
