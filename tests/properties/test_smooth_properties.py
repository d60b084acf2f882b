"""Laws of the smoothing filter, whatever it is fed and at whatever rate."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import arkit, space
from bridge.settings import SmoothingSettings
from bridge.stages.mirror import mirror_state
from bridge.stages.smooth import SmoothStage
from bridge.types import FaceState, Presence

States = Callable[..., FaceState]

seeds = st.integers(0, 2**32 - 1)
intervals_s = st.floats(-0.05, 0.8)
streams = st.lists(st.tuples(seeds, intervals_s), min_size=2, max_size=25)
levels = st.floats(0, 1, width=32)
PUCKER = arkit.INDEX["mouthPucker"]
slow = settings(deadline=None, max_examples=60)


filters = st.builds(
    SmoothingSettings,
    filter=st.sampled_from(["gated", "one-euro", "ema"]),
    preset=st.sampled_from(["low-latency", "balanced", "calm"]),
    amount=st.sampled_from([0.0, 0.5, 1.0]),
)
"""Every filter, at every strength."""


def _stage(smoothing: SmoothingSettings | None = None, *, enabled: bool = True) -> SmoothStage:
    return SmoothStage(smoothing or SmoothingSettings(enabled=enabled), landmark_filtered=True)


def _states(make_state: States, stream: list[tuple[int, float]]) -> list[FaceState]:
    times = np.cumsum([dt for _, dt in stream]).tolist()
    return [make_state(seed=seed, seq=i, t=t) for i, ((seed, _), t) in enumerate(zip(stream, times, strict=True))]


@slow
@given(streams, filters)
def test_finite_and_within_what_came_in(
    make_state: States, stream: list[tuple[int, float]], smoothing: SmoothingSettings
) -> None:
    """No weight leaves the range of its inputs, no head its believable form, at any rhythm."""
    stage = _stage(smoothing)
    low, high = np.full(52, 1.0), np.full(52, 0.0)
    for state in _states(make_state, stream):
        low, high = np.minimum(low, state.weights), np.maximum(high, state.weights)
        after = stage.step(state)
        assert (after.weights >= low - 1e-6).all()
        assert (after.weights <= high + 1e-6).all()
        assert (after.weights >= 0.0).all()
        assert (after.weights <= 1.0).all()
        assert after.head is not None
        assert 1.0 == pytest.approx(float(np.linalg.norm(after.head.quat_xyzw)), abs=1e-9)
        assert np.isfinite(after.head.position_m).all()


@slow
@given(seeds, filters)
def test_the_first_sample_passes(make_state: States, seed: int, smoothing: SmoothingSettings) -> None:
    """Exactly."""
    state = make_state(seed=seed)
    after = _stage(smoothing).step(state)
    assert state.weights is after.weights
    assert state.head is after.head


@slow
@given(streams)
def test_disabled_is_identity(make_state: States, stream: list[tuple[int, float]]) -> None:
    """The same objects."""
    stage = _stage(enabled=False)
    assert all(state is stage.step(state) for state in _states(make_state, stream))


@slow
@given(seeds, st.lists(st.floats(0.001, 0.45), min_size=1, max_size=20), filters)
def test_a_constant_is_untouched_at_any_rhythm(
    make_state: States, seed: int, rhythm: list[float], smoothing: SmoothingSettings
) -> None:
    """However it is sampled."""
    stage = _stage(smoothing)
    first = make_state(seed=seed)
    stage.step(first)
    assert first.head is not None
    for t in np.cumsum(rhythm).tolist():
        after = stage.step(make_state(seed=seed, t=t))
        assert first.weights.tolist() == after.weights.tolist()
        assert after.head is not None
        assert space.angle_between_deg(first.head.quat_xyzw, after.head.quat_xyzw) < 1e-6
        np.testing.assert_allclose(first.head.position_m, after.head.position_m, atol=1e-12)


@slow
@given(levels, levels, st.floats(10, 240), filters)
def test_a_step_is_approached_and_never_overshot(
    make_state: States, start: float, end: float, fps: float, smoothing: SmoothingSettings
) -> None:
    """Monotone, for weights; and the head's angle to its target only shrinks."""
    stage = _stage(smoothing)
    turned = 60.0 * (end - start)
    target = space.from_euler_deg(yaw=turned, pitch=turned / 2, roll=0)
    last, angle = start, math.inf
    for i in range(-10, 30):
        still = i < 0
        after = stage.step(
            make_state(
                weights={"jawOpen": start if still else end},
                yaw=0.0 if still else turned,
                pitch=0.0 if still else turned / 2,
                t=i / fps,
            )
        )
        now = float(after.weights[17])
        assert min(last, end) - 1e-7 <= now <= max(last, end) + 1e-7
        assert after.head is not None
        left = space.angle_between_deg(after.head.quat_xyzw, target)
        assert left <= angle + 1e-9
        last, angle = now, left


@slow
@given(st.floats(0.1, 0.9), st.sampled_from([24.0, 30.0, 60.0, 120.0]))
def test_the_rate_hardly_matters(make_state: States, height: float, fps: float) -> None:
    """100 ms after a step of at least 0.1 the output is within 0.03 of it at any camera rate."""
    stage = _stage()
    after = 0.0
    for i in range(-int(fps), round(0.1 * fps) + 1):
        after = float(stage.step(make_state(weights={"jawOpen": height if i >= 0 else 0.0}, t=i / fps)).weights[17])
    assert height == pytest.approx(after, abs=0.03)


@slow
@given(streams, st.data())
def test_a_missed_frame_leaves_no_trace(make_state: States, stream: list[tuple[int, float]], data: st.DataObject) -> None:
    """With or without "not observed" in between, the frames after it are the same."""
    states = _states(make_state, stream)
    position = data.draw(st.integers(0, len(states) - 1))
    plain, interrupted = _stage(), _stage()
    for i, state in enumerate(states):
        if i == position:
            interrupted.step(make_state(presence=Presence.LOST, head=None, t=state.t))
        assert plain.step(state).weights.tolist() == interrupted.step(state).weights.tolist()


@slow
@given(streams, filters)
def test_left_and_right_are_treated_alike(
    make_state: States, stream: list[tuple[int, float]], smoothing: SmoothingSettings
) -> None:
    """The mirror image of what is smoothed is what is smoothed of the mirror image."""
    plain, mirrored = _stage(smoothing), _stage(smoothing)
    for state in _states(make_state, stream):
        one, other = mirror_state(plain.step(state)), mirrored.step(mirror_state(state))
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-6)
        assert one.head is not None
        assert other.head is not None
        assert space.angle_between_deg(one.head.quat_xyzw, other.head.quat_xyzw) < 1e-6
        np.testing.assert_allclose(one.head.position_m, other.head.position_m, atol=1e-9)


@slow
@given(filters, st.floats(0.1, 0.6))
def test_a_ramp_is_followed_as_late_at_any_rate(make_state: States, smoothing: SmoothingSettings, speed: float) -> None:
    """After 1.5 s of even motion the distance to the input is nearly the same at 60 and at 120 frames a second, and never
    negative: within a third and 0.01. (At 30 the discrete filters are closer, never farther.)"""
    distances = {}
    for fps in (30.0, 60.0, 120.0):
        stage, x = _stage(smoothing), 0.0
        for i in range(int(1.5 * fps)):
            x = speed * i / fps
            after = float(stage.step(make_state(weights={"jawOpen": x}, t=i / fps)).weights[17])
        distances[fps] = x - after
    assert min(distances.values()) >= -1e-6
    assert distances[60.0] == pytest.approx(distances[120.0], rel=0.34, abs=0.01)
    assert distances[30.0] <= distances[120.0] + 0.01


@slow
@given(st.lists(st.floats(0.005, 0.1), min_size=2, max_size=20))
def test_the_average_depends_on_time_alone(make_state: States, rhythm: list[float]) -> None:
    """However a second is cut into samples, the same share of a step is left after it."""
    stage = _stage(SmoothingSettings(filter="ema"))
    stage.step(make_state(weights={"mouthPucker": 0.0}))
    after = 0.0
    for t in np.cumsum(rhythm).tolist():
        after = float(stage.step(make_state(weights={"mouthPucker": 1.0}, t=t)).weights[PUCKER])
    assert 1.0 - math.exp(-sum(rhythm) / 0.05) == pytest.approx(after, abs=1e-5)
