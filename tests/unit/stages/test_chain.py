"""The stages together."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bridge import arkit, space
from bridge.settings import EyesSettings, PresenceSettings, Settings, SmoothingSettings
from bridge.stages.calibrate import IDENTITY_NEUTRAL, PLAIN
from bridge.stages.chain import StageChain, build_chain
from bridge.types import FaceState, Presence

States = Callable[..., FaceState]


def _chain(settings: Settings | None = None) -> StageChain:
    return build_chain(settings or Settings(), landmark_filtered=True)


def test_the_order_is_fixed() -> None:
    """By name, for traces."""
    assert ["guard", "smooth", "calibrate", "eyes", "presence"] == [name for name, _ in _chain().stages]


def test_with_all_off_every_frame_comes_out_as_it_went_in(make_state: States) -> None:
    """Weights and head are the very same arrays, from the first frame on."""
    chain = _chain(Settings(smoothing=SmoothingSettings(enabled=False), calibration=PLAIN, eyes=EyesSettings(enabled=False)))
    states = [make_state(seed=i, seq=i, t=i / 30) for i in range(10)]
    after = [chain.step(state) for state in states]
    assert all(a.weights is b.weights and a.head is b.head for a, b in zip(states, after, strict=True))
    assert {Presence.LIVE} == {state.presence for state in after}


def test_gaze_comes_from_the_weights(make_state: States) -> None:
    """The eyes stage is in."""
    looking = make_state(weights={"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5})
    assert 19.0 == pytest.approx(_chain(Settings(calibration=PLAIN)).step(looking).gaze.left_deg[0])


def test_a_nan_never_gets_out(make_state: States) -> None:
    """The avatar holds as if the face had not been seen."""
    chain = _chain(Settings(calibration=PLAIN))
    chain.step(make_state(weights={"jawOpen": 0.5}, seq=0))
    state = chain.step(make_state(weights={"jawOpen": math.nan}, seq=1, t=0.03))
    assert (Presence.HELD, 0.5) == (state.presence, float(state.weights[17]))


def test_a_calibrated_head_rests_at_the_origin(make_state: States) -> None:
    """Uncalibrated it would stay where the camera saw it last."""
    chain = _chain(Settings(presence=PresenceSettings(grace_s=0, hold_s=0, ease_s=0)))
    chain.step(make_state(yaw=10, position_m=(0.1, 0, -0.6)))
    chain.calibrate.recenter()
    chain.step(make_state(yaw=20, position_m=(0.2, 0, -0.7), seq=1, t=0.03))
    state = chain.step(make_state(presence=Presence.LOST, head=None, seq=2, t=1.0))
    assert state.head is not None
    assert [0.0, 0.0, 0.0] == state.head.position_m.tolist()
    assert [0.0, 0.0, 0.0, 1.0] == state.head.quat_xyzw.tolist()


def test_reset_keeps_the_calibration(make_state: States) -> None:
    """It forgets the stream only: the next face passes unsmoothed, relative to the same neutral."""
    chain = _chain()
    chain.step(make_state(yaw=10))
    chain.calibrate.recenter()
    chain.reset()
    assert chain.calibrate.neutral is not IDENTITY_NEUTRAL
    state = chain.step(make_state(yaw=40, seq=1, t=0.03))
    assert state.head is not None
    assert (30.0, 0.0, 0.0) == pytest.approx(space.to_euler_deg(state.head.quat_xyzw), abs=1e-9)


def test_two_chains_share_nothing(make_state: States) -> None:
    """One subject's calibration is not the other's."""
    one, other = _chain(), _chain()
    one.step(make_state(yaw=10))
    one.calibrate.recenter()
    assert other.calibrate.neutral is IDENTITY_NEUTRAL


def test_everything_that_comes_out_is_read_only(make_state: States) -> None:
    """Values cross threads."""
    chain = _chain()
    for i in range(3):
        state = chain.step(make_state(seed=i, seq=i, t=i / 30))
        assert state.head is not None
        arrays = (state.weights, state.head.position_m, state.head.quat_xyzw)
        assert not any(array.flags.writeable for array in arrays)
        assert (np.dtype(np.float32), np.dtype(np.float64)) == (state.weights.dtype, state.head.quat_xyzw.dtype)


def test_a_source_of_full_range_keeps_its_lids(make_state: States) -> None:
    """Demo and phones: half closed is half closed."""
    chain = build_chain(Settings(), landmark_filtered=True, full_range=lambda: True)
    state = chain.step(make_state(weights={"eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5}))
    assert {"eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5} == {
        name: float(weight) for name, weight in zip(arkit.NAMES, state.weights, strict=True) if weight
    }
