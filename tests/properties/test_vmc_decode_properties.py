"""What holds for every VMC stream: what our encoder sends comes back, and nothing that arrives breaks the decoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import space
from bridge.types import FaceState, Presence
from bridge.wire.vmc import VmcEncoder
from bridge.wire.vmc_decode import VmcDecoder
from tests.properties.hostile import hostile_packets

FUZZED = 10_000
_BATCH = 500


@pytest.mark.parametrize("bundled", [True, False])
@pytest.mark.parametrize("names", ["pascal", "camel", "both"])
@pytest.mark.parametrize("neck", [0.0, 0.5, 1.0])
def test_what_the_encoder_sends_comes_back(
    make_state: Callable[..., FaceState], names: Literal["pascal", "camel", "both"], neck: float, *, bundled: bool
) -> None:
    """Coefficients bit for bit, the head within float32, one face a frame; for every spelling, packing and share of the neck."""
    encoder = VmcEncoder(names=names, neck=neck, bundled=bundled, root_position=True)
    decoder = VmcDecoder(position="root")
    for seed in range(20):
        state = replace(make_state(seed=seed), t=seed / 30)
        assert state.head is not None
        outcomes = [decoder.decode(bytes(datagram)) for datagram in encoder.encode(state)]
        (faces,) = [faces for faces in outcomes if faces is not None]
        (face,) = faces

        assert np.array_equal(state.weights, face.weights)
        assert face.head is not None
        assert space.angle_between_deg(state.head.quat_xyzw, face.head.quat_xyzw) < 1e-4
        assert state.head.position_m == pytest.approx(face.head.position_m, abs=1e-6)


def test_a_lost_face_comes_as_no_face(make_state: Callable[..., FaceState]) -> None:
    """With the long OK of ours: HELD and LOST are not tracked."""
    encoder, decoder = VmcEncoder(ok_fields=4), VmcDecoder()
    seen = {}
    for presence in (Presence.LIVE, Presence.HELD, Presence.LOST):
        outcomes = [decoder.decode(bytes(datagram)) for datagram in encoder.encode(make_state(presence=presence))]
        seen[presence] = [len(faces) for faces in outcomes if faces is not None]

    assert {Presence.LIVE: [1], Presence.HELD: [0], Presence.LOST: [0]} == seen


def test_no_stream_breaks_the_decoder(make_state: Callable[..., FaceState]) -> None:
    """10,000 damaged and random packets: no exception, and every face that comes of them can be believed. Some do come."""
    state = make_state(seed=1)
    singles = [bytes(datagram) for datagram in VmcEncoder(bundled=False).encode(state)]
    bundles = [
        bytes(datagram)
        for encoder in (VmcEncoder(names="pascal"), VmcEncoder(ok_fields=4), VmcEncoder(names="vrm0", max_bytes=65507))
        for datagram in encoder.encode(state)
    ]
    good = [*singles[::8], *singles[-3:], *bundles]
    packets = faces = 0

    @settings(max_examples=FUZZED // _BATCH, derandomize=True, database=None)
    @given(st.integers(0, 2**32))
    def run(seed: int) -> None:
        nonlocal packets, faces
        decoder = VmcDecoder(position="root")
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
