"""What single steps cost: all stages of one subject, and one VMC frame encoded."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from bridge import space
from bridge.settings import Settings
from bridge.stages.chain import build_chain
from bridge.types import CHANNELS, FaceState, HeadPose, Presence, frozen_array
from bridge.wire.vmc import VmcEncoder

_FRAMES = 600
_REPEATS = 5


def stage_cost_us() -> float:
    """Microseconds for one state through guard, smooth, calibrate, eyes and presence, default settings; the median of runs."""
    states = performance_states()

    def run() -> None:
        step = build_chain(Settings(), landmark_filtered=True).step
        for state in states:
            step(state)

    return _per_call_us(run, len(states))


def encode_cost_us() -> float:
    """Microseconds for one state into VMC datagrams: 52 blendshapes, ten bones, Apply, OK, T."""
    states = performance_states()

    def run() -> None:
        encode = VmcEncoder().encode
        for state in states:
            encode(state)

    return _per_call_us(run, len(states))


def performance_states() -> list[FaceState]:
    """A face that moves: noise on slow waves, so that no stage can take a short cut."""
    rng = np.random.default_rng(7)
    phase = rng.uniform(0, 6.28, CHANNELS)
    states = []
    for k in range(_FRAMES):
        weights = np.clip(0.4 + 0.3 * np.sin(k / 9 + phase) + rng.normal(0, 0.01, CHANNELS), 0, 1).astype(np.float32)
        quat = space.from_euler_deg(yaw=20 * np.sin(k / 20), pitch=8 * np.sin(k / 13), roll=5 * np.sin(k / 31))
        head = HeadPose(position_m=frozen_array(np.array([0.01 * np.sin(k / 17), 0.0, -0.5])), quat_xyzw=frozen_array(quat))
        states.append(
            FaceState(
                subject=0,
                seq=k,
                t=k / 30,
                t_done=k / 30 + 0.014,
                presence=Presence.LIVE,
                weights=frozen_array(weights),
                head=head,
            )
        )
    return states


def _per_call_us(run: Callable[[], None], calls: int) -> float:
    run()
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return 1e6 * statistics.median(times) / calls
