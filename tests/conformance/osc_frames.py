"""OSC read by python-osc, and cut into frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pythonosc.osc_packet import OscPacket

from bridge.testing import Seen


class OscFrames:
    """Cuts OSC messages into frames: ``read`` puts one message into a frame and says whether that one is complete."""

    def __init__(self, read: Callable[[Seen, str, list[Any]], bool]) -> None:
        self._read = read
        self._frame = Seen()

    def __call__(self, data: bytes) -> Iterator[Seen]:
        for timed in OscPacket(data).messages:
            if self._read(self._frame, timed.message.address, timed.message.params):
                yield Seen(dict(self._frame.weights), self._frame.quat_xyzw)
