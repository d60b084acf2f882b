"""Laws of the expression and head stages: bounded, mirrored as their input is, free of the frame rate, nothing when off."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import space
from bridge.settings import ExpressionSettings, HeadSettings
from bridge.stages.expression import CATCH_UP, ExpressionStage
from bridge.stages.head import HeadStage
from bridge.stages.mirror import mirror_state
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.types import ZERO_WEIGHTS, FaceState, frozen_array

States = Callable[..., FaceState]

seeds = st.integers(0, 2**32 - 1)
slow = settings(deadline=None, max_examples=60)
gains = st.dictionaries(
    st.sampled_from(["mouthFrown", "mouthClose", "jawLeft", "jawRight", "eyeLookUp", "cheekPuff"]), st.floats(0, 8), max_size=4
)
expressions = st.builds(
    ExpressionSettings,
    dead_zone=st.floats(0, 0.2),
    gain=gains,
    gain_from=st.floats(0, 0.5),
    lips_with_jaw=st.booleans(),
    symmetry=st.floats(0, 1),
    pitch_coupling=st.floats(0, 1),
)
limits = st.tuples(*[st.sampled_from([0.0, 10.0, 45.0])] * 3)
heads = st.builds(
    HeadSettings,
    off_axis=st.floats(0, 1),
    camera_vfov_deg=st.floats(20, 120),
    limit_deg=limits,
    limit_m=st.tuples(*[st.sampled_from([0.0, 0.2, 0.6])] * 3),
)


def _both_sides(own: ExpressionSettings) -> ExpressionSettings:
    """With the directions of the jaw alike."""
    gain = {("jaw" if name.startswith("jaw") else name): value for name, value in own.gain.items()}
    return own.model_copy(update={"gain": gain})


@slow
@given(expressions, st.lists(st.tuples(seeds, st.floats(0.001, 0.7)), min_size=1, max_size=12))
def test_weights_stay_in_range(make_state: States, own: ExpressionSettings, stream: list[tuple[int, float]]) -> None:
    """For any settings and any faces: finite, 0..1, and the lips no further closed than the jaw is open."""
    stage, t = ExpressionStage(own), 0.0
    for seed, dt in stream:
        t += dt
        weights = stage.step(make_state(seed=seed, t=t)).weights
        assert ((weights >= 0.0) & (weights <= 1.0)).all()
        assert not own.lips_with_jaw or weights[18] <= weights[17]


@slow
@given(expressions, st.lists(seeds, min_size=1, max_size=6))
def test_a_mirrored_face_comes_out_mirrored(make_state: States, own: ExpressionSettings, faces: list[int]) -> None:
    """First correct then mirror, or first mirror then correct."""
    own = _both_sides(own)
    one, other = ExpressionStage(own), ExpressionStage(own)
    for k, seed in enumerate(faces):
        state = make_state(seed=seed, t=k / 30)
        corrected, mirrored = mirror_state(one.step(state)).weights, other.step(mirror_state(state)).weights
        np.testing.assert_allclose(corrected, mirrored, atol=1e-6)


@slow
@given(st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0, 1), st.sampled_from([15, 25, 60]))
def test_the_frame_rate_does_not_matter(make_state: States, dead_zone: float, low: float, high: float, fps: int) -> None:
    """A channel that is high for a second and low for another ends alike at 30 fps and at any other rate."""
    shown = []
    for rate in (30, fps):
        stage = ExpressionStage(ExpressionSettings(dead_zone=dead_zone, gain={}))
        for k in range(2 * rate + 1):
            state = make_state(weights={"jawOpen": high if k < rate else low}, t=k / rate)
            after = float(stage.step(state).weights[17])
        shown.append(after)
    assert abs(shown[0] - shown[1]) <= CATCH_UP * 0.5 * dead_zone / 0.6 / 15 + 1e-6  # one frame of the zone's glide


@slow
@given(st.floats(0, 0.2), st.floats(0, 1), st.floats(0, 1))
def test_the_dead_zone_is_monotone_and_never_steeper_than_its_catching_up(
    make_state: States, dead_zone: float, one: float, other: float
) -> None:
    """More stays more, and nothing jumps."""
    low, high = sorted((one, other))
    stage = ExpressionStage(ExpressionSettings(dead_zone=dead_zone, gain={}))
    shown = [float(stage.step(make_state(weights={"jawOpen": value})).weights[17]) for value in (low, high)]
    assert -1e-6 <= shown[1] - shown[0] <= CATCH_UP * (high - low) + 1e-6
    assert shown[0] <= low + 1e-6


@slow
@given(gains, st.floats(0, 0.5), st.floats(0, 1), st.floats(0, 1))
def test_a_gain_is_monotone_and_keeps_the_ends(
    make_state: States, table: dict[str, float], begin: float, one: float, other: float
) -> None:
    """0 stays 0; 1 stays 1 unless the channel was turned down; more stays more."""
    stage = ExpressionStage(ExpressionSettings(dead_zone=0, gain=table, gain_from=begin, lips_with_jaw=False))
    low, high = sorted((one, other))
    nothing, less, more, everything = (
        stage.step(make_state(weights=np.full(52, value))).weights for value in (0.0, low, high, 1.0)
    )
    assert not nothing.any()
    assert (more - less >= -1e-6).all()
    assert everything.min() >= min([1.0, *table.values()]) - 1e-6


@slow
@given(heads, seeds, st.one_of(st.none(), seeds))
def test_a_head_stays_a_head(make_state: States, own: HeadSettings, seed: int, neutral_seed: int | None) -> None:
    """A unit quaternion, w >= 0, a finite place; within the limits where there are some."""
    neutral = _neutral(make_state, neutral_seed)
    after = HeadStage(own, neutral=lambda: neutral).step(make_state(seed=seed)).head
    assert after is not None
    assert abs(float(np.linalg.norm(after.quat_xyzw)) - 1.0) < 1e-9
    assert after.quat_xyzw[3] >= 0.0
    assert np.isfinite(after.position_m).all()
    for angle, limit in zip(space.to_euler_deg(after.quat_xyzw), own.limit_deg, strict=True):
        assert limit == 0.0 or abs(angle) <= limit + 1e-6
    for place, reach in zip(after.position_m.tolist(), own.limit_m, strict=True):
        assert reach == 0.0 or not neutral.moves_head or abs(place) <= reach + 1e-9


@slow
@given(heads, seeds, st.one_of(st.none(), seeds))
def test_a_mirrored_head_comes_out_mirrored(make_state: States, own: HeadSettings, seed: int, neutral_seed: int | None) -> None:
    """The neutral mirrored with it."""
    neutral, state = _neutral(make_state, neutral_seed), make_state(seed=seed)
    reflected = neutral
    if neutral_seed is not None:
        reflected = Neutral(
            weights=ZERO_WEIGHTS,
            quat_xyzw=frozen_array(space.mirror_quat(neutral.quat_xyzw)),
            position_m=frozen_array(space.mirror_position(neutral.position_m)),
        )
    one = mirror_state(HeadStage(own, neutral=lambda: neutral).step(state)).head
    other = HeadStage(own, neutral=lambda: reflected).step(mirror_state(state)).head
    assert one is not None
    assert other is not None
    assert space.angle_between_deg(one.quat_xyzw, other.quat_xyzw) < 1e-6
    np.testing.assert_allclose(one.position_m, other.position_m, atol=1e-12)


@slow
@given(seeds)
def test_off_is_the_very_state(make_state: States, seed: int) -> None:
    """Both stages."""
    state = make_state(seed=seed)
    assert state is ExpressionStage(ExpressionSettings(enabled=False)).step(state)
    assert state is HeadStage(HeadSettings(enabled=False, off_axis=1.0)).step(state)
    assert state is HeadStage(HeadSettings()).step(state)


def _neutral(make_state: States, seed: int | None) -> Neutral:
    head = None if seed is None else make_state(seed=seed).head
    if head is None:
        return IDENTITY_NEUTRAL
    return Neutral(weights=ZERO_WEIGHTS, quat_xyzw=head.quat_xyzw, position_m=head.position_m)
