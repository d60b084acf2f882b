"""jsonudp:// against the conformance kit: the json module and a few lines of arithmetic read what was sent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import numpy as np
import pytest
from avatar_bridge_jsonudp import encode

from bridge.testing import OutputConformance, Seen, UdpBench, acted_state


def decode(data: bytes) -> list[Seen]:
    """What a receiver would write: the rotation is Ry(yaw) Rx(pitch) Rz(roll)."""
    frame = json.loads(data)
    frame.pop("seq")
    frame.pop("face")
    head = frame.pop("head", None)
    if head is None:
        return [Seen(frame)]
    (sy, cy), (sp, cp), (sr, cr) = ((math.sin(math.radians(a) / 2), math.cos(math.radians(a) / 2)) for a in head)
    quat = [cy * sp * cr + sy * cp * sr, sy * cp * cr - cy * sp * sr, cy * cp * sr - sy * sp * cr, cy * cp * cr + sy * sp * sr]
    return [Seen(frame, np.array(quat))]


class TestJsonUdp(OutputConformance):
    """Every test of the kit."""

    @pytest.fixture
    def bench(self) -> Iterator[UdpBench]:
        """A socket and the decoder above."""
        with UdpBench("jsonudp://127.0.0.1:PORT", decode, head_error_deg=1e-2) as bench:
            yield bench


def test_a_frame_is_small_and_readable() -> None:
    """Byte for byte."""
    state = acted_state({"jawOpen": 0.5}, yaw_deg=20, seq=7)

    assert b'{"seq":7,"face":true,"head":[20.0,0.0,0.0],"jawOpen":0.5}' == encode(state, digits=3, skip_zero=True)
