"""Whatever a phone, or who pretends to be one, sends: no exception, and only what can be believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.types import FaceState, Presence
from bridge.wire.vts_phone import (
    PhoneDecoder,
    PhoneEncoder,
    TrackingRequest,
    decode_request,
    encode_request,
)
from tests.properties.hostile import hostile_packets

FUZZED = 10_000
_BATCH = 500


def test_no_frame_breaks_the_decoder(make_state: Callable[..., FaceState]) -> None:
    """10,000 damaged and random packets. Some are still faces."""
    encoder = PhoneEncoder()
    state = make_state(seed=1)
    good = [
        b'{"FaceFound":true,"Rotation":{"x":1,"y":2,"z":3},"BlendShapes":[{"k":"JawOpen","v":0.5}]}',
        encoder.encode(state, unix_ms=1630159656406),
        encoder.encode(replace(state, presence=Presence.LOST), unix_ms=0),
    ]
    packets = faces = 0

    @settings(max_examples=FUZZED // _BATCH, derandomize=True, database=None)
    @given(st.integers(0, 2**32))
    def run(seed: int) -> None:
        nonlocal packets, faces
        decoder = PhoneDecoder()
        for packet in hostile_packets(seed, good, _BATCH):
            packets += 1
            for face in decoder.decode(packet) or ():
                faces += 1
                assert face.weights.shape == (52,)
                assert 0.0 <= face.weights.min() <= face.weights.max() <= 1.0
                if face.head is not None:
                    assert abs(float(face.head.quat_xyzw @ face.head.quat_xyzw) - 1.0) < 1e-9
                    assert np.linalg.norm(face.head.position_m) < 1000.0

    run()
    assert packets >= FUZZED
    assert faces > 300


def test_no_request_breaks_the_phone() -> None:
    """10,000 more, of which some are still requests, all within their limits."""
    good = [
        encode_request(TrackingRequest(ports=ports, lease_s=2.5, sent_by="MyApp"))
        for ports in ((11125,), (1, 65535), tuple(range(1, 33)))
    ]
    packets = requests = 0

    @settings(max_examples=FUZZED // _BATCH, derandomize=True, database=None)
    @given(st.integers(0, 2**32))
    def run(seed: int) -> None:
        nonlocal packets, requests
        for packet in hostile_packets(seed, good, _BATCH):
            packets += 1
            request = decode_request(packet)
            if request is not None:
                requests += 1
                assert 0.5 <= request.lease_s <= 10.0
                assert 1 <= len(request.ports) <= 32
                assert all(1 <= port <= 65535 for port in request.ports)
                assert 1 <= len(request.sent_by) <= 64
                assert request.sent_by.isprintable()

    run()
    assert packets >= FUZZED
    assert requests > 300
