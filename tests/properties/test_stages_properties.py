"""Laws of guard, calibration, gaze, mirror and of the whole chain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import arkit, space
from bridge.settings import CalibrationSettings, EyesSettings, Settings
from bridge.stages.calibrate import PLAIN, CalibrateStage, Neutral
from bridge.stages.chain import build_chain
from bridge.stages.eyes import EyesStage
from bridge.stages.guard import GuardStage
from bridge.stages.mirror import mirror_state
from bridge.stages.neutral import CAPS
from bridge.stages.neutral_population import FACTORY, LARGEST
from bridge.stages.range import LOOK
from bridge.types import FaceState, HeadPose, Presence, frozen_array

States = Callable[..., FaceState]

seeds = st.integers(0, 2**32 - 1)
slow = settings(deadline=None, max_examples=60)
LIDS = [arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]]
NOT_LIDS = [i for i in range(52) if i not in LIDS]
NOT_LIDS_NOR_GAZE = [i for i in NOT_LIDS if i not in LOOK]
anything = st.floats(width=32)  # NaN and infinities among them


def _neutral(state: FaceState, *, share: float) -> Neutral:
    assert state.head is not None
    return Neutral(
        weights=frozen_array(state.weights * CAPS * np.float32(share)),
        quat_xyzw=state.head.quat_xyzw,
        position_m=state.head.position_m,
    )


@slow
@given(seeds)
def test_the_mirror_image_of_the_mirror_image_is_the_state(make_state: States, seed: int) -> None:
    """Exactly, gaze included."""
    state = EyesStage(EyesSettings()).step(make_state(seed=seed, box=(1.0, 2.0, 3.0, 4.0)))
    twice = mirror_state(mirror_state(state))
    assert state.head is not None
    assert twice.head is not None
    assert state.weights.tolist() == twice.weights.tolist()
    assert state.head.quat_xyzw.tolist() == twice.head.quat_xyzw.tolist()
    assert state.head.position_m.tolist() == twice.head.position_m.tolist()
    assert (state.gaze, state.box) == (twice.gaze, twice.box)


@slow
@given(seeds)
def test_gaze_mirrors_as_its_weights_do(make_state: States, seed: int) -> None:
    """First gaze then mirror, or first mirror then gaze."""
    state = make_state(seed=seed)
    one = mirror_state(EyesStage(EyesSettings()).step(state)).gaze
    other = EyesStage(EyesSettings()).step(mirror_state(state)).gaze
    assert one.left_deg == pytest.approx(other.left_deg)
    assert one.right_deg == pytest.approx(other.right_deg)


@slow
@given(seeds)
def test_gaze_is_bounded_by_its_settings(make_state: States, seed: int) -> None:
    """No coefficients turn an eye farther."""
    gaze = EyesStage(EyesSettings(gaze_yaw_deg=38.0, gaze_pitch_deg=35.0)).step(make_state(seed=seed)).gaze
    assert all(abs(yaw) <= 38.0 and abs(pitch) <= 35.0 for yaw, pitch in (gaze.left_deg, gaze.right_deg))


@slow
@given(seeds, seeds, st.floats(0, 1))
def test_calibrated_weights_stay_in_range_and_reach_both_ends(make_state: States, seed: int, other: int, share: float) -> None:
    """The neutral maps to 0, 1 to 1, everything to 0..1; but for the lids, which pass, and the gaze, which is one axis each."""
    neutral = _neutral(make_state(seed=other), share=share)
    for chosen in (PLAIN, CalibrationSettings(auto=False, factory=False)):
        stage = CalibrateStage(chosen)
        stage.neutral = neutral
        weights = stage.step(make_state(seed=seed)).weights
        assert ((weights >= 0.0) & (weights <= 1.0)).all()
        assert not stage.step(make_state(weights=neutral.weights)).weights[NOT_LIDS].any()
        assert (stage.step(make_state(weights=np.ones(52))).weights[NOT_LIDS_NOR_GAZE] == 1.0).all()


@slow
@given(seeds, seeds, st.floats(0, 1), st.floats(0, 1))
def test_more_of_a_channel_never_shows_less(make_state: States, seed: int, other: int, share: float, change: float) -> None:
    """Every channel grows with itself, whatever the neutral, also where a new upper end is learnt from it."""
    lower = make_state(seed=seed)
    higher = make_state(weights=lower.weights + np.float32(change) * (1.0 - lower.weights))
    shown = []
    for state in (lower, higher):
        stage = CalibrateStage(CalibrationSettings())
        stage.neutral = _neutral(make_state(seed=other), share=share)
        stage.step(make_state(seed=seed, t=-0.03))
        shown.append(stage.step(state).weights[NOT_LIDS_NOR_GAZE])
    assert (shown[1] >= shown[0] - 1e-6).all()


@slow
@given(seeds, seeds, st.floats(0, 1))
def test_the_calibration_of_the_mirror_image_is_the_mirror_image(make_state: States, seed: int, other: int, share: float) -> None:
    """Of the face and of the neutral; the factory's neutral has the model's own bias and is left out."""
    neutral, state = _neutral(make_state(seed=other), share=share), make_state(seed=seed)
    mirrored = Neutral(
        weights=frozen_array(neutral.weights[arkit.MIRROR_INDEX]),
        quat_xyzw=frozen_array(space.mirror_quat(neutral.quat_xyzw)),
        position_m=frozen_array(space.mirror_position(neutral.position_m)),
    )
    one, two = (CalibrateStage(CalibrationSettings(factory=False)) for _ in range(2))
    one.neutral, two.neutral = neutral, mirrored
    for t in (0.0, 0.03, 0.06):
        frame = make_state(seed=seed + round(100 * t), t=t)
        here, there = mirror_state(one.step(frame)), two.step(mirror_state(frame))
        np.testing.assert_allclose(here.weights, there.weights, atol=1e-6)
        assert here.head is not None
        assert there.head is not None
        assert space.angle_between_deg(here.head.quat_xyzw, there.head.quat_xyzw) < 1e-6
        np.testing.assert_allclose(here.head.position_m, there.head.position_m, atol=1e-12)
    assert state.head is not None


@slow
@given(st.lists(seeds, min_size=1, max_size=40), st.floats(0.01, 0.4), st.booleans())
def test_what_learns_by_itself_stays_within_its_limits(make_state: States, stream: list[int], dt: float, still: bool) -> None:
    """Whatever comes: 0..1, the lids untouched, and no neutral above the largest that was ever measured."""
    stage = CalibrateStage(CalibrationSettings())
    for i, seed in enumerate([stream[0]] * 40 if still else stream):
        state = make_state(seed=seed, t=i * dt)
        weights = stage.step(state).weights
        assert ((weights >= 0.0) & (weights <= 1.0)).all()
        assert state.weights[LIDS].tolist() == weights[LIDS].tolist()
    drifted = stage.learnt_zero
    assert (drifted >= 0.0).all()
    assert (drifted <= np.maximum(np.minimum(CAPS, LARGEST), FACTORY) + 1e-6).all()


@slow
@given(seeds)
def test_switched_off_the_very_state_comes_out(make_state: States, seed: int) -> None:
    """Neither factory, nor range, nor learning: identity."""
    state = make_state(seed=seed)
    assert state is CalibrateStage(PLAIN).step(state)


@slow
@given(seeds, seeds)
def test_a_calibrated_neutral_head_is_straight_ahead(make_state: States, seed: int, other: int) -> None:
    """And a true turn on top of the neutral is shown as that turn."""
    neutral = _neutral(make_state(seed=seed), share=1.0)
    turn = make_state(seed=other).head
    assert turn is not None
    stage = CalibrateStage()
    stage.neutral = neutral
    seen = HeadPose(position_m=neutral.position_m + turn.position_m, quat_xyzw=space.multiply(turn.quat_xyzw, neutral.quat_xyzw))
    head = stage.step(make_state(head=seen)).head
    assert head is not None
    assert space.angle_between_deg(turn.quat_xyzw, head.quat_xyzw) < 1e-6
    np.testing.assert_allclose(turn.position_m, head.position_m, atol=1e-12)


@slow
@given(st.lists(anything, min_size=52, max_size=52), st.lists(anything, min_size=7, max_size=7))
def test_whatever_passes_the_guard_can_be_believed(make_state: States, weights: list[float], pose: list[float]) -> None:
    """Any bits: the frame passes (rounding cut off), or is not observed; what passes is finite and in range."""
    head = HeadPose(position_m=np.array(pose[:3], dtype=np.float64), quat_xyzw=np.array(pose[3:], dtype=np.float64))
    state = make_state(weights=np.array(weights), head=head)
    after = GuardStage().step(state)
    if after.presence is Presence.LIVE:
        np.testing.assert_allclose(state.weights, after.weights, atol=1e-6)
        assert ((after.weights >= 0.0) & (after.weights <= 1.0)).all()
        assert np.isfinite(head.position_m).all()
        assert 1.0 == pytest.approx(float(np.linalg.norm(head.quat_xyzw)), abs=1e-3)
    else:
        assert after.head is None


@slow
@given(st.lists(st.tuples(st.one_of(st.none(), seeds), st.floats(0.001, 0.7)), min_size=1, max_size=30), st.booleans())
def test_what_leaves_the_chain_is_always_a_face(
    make_state: States, stream: list[tuple[int | None, float]], calibrated: bool
) -> None:
    """Faces and misses in any rhythm: weights in 0..1, a unit quaternion, finite gaze; LIVE only where a face was seen."""
    chain = build_chain(Settings(), landmark_filtered=True)
    if calibrated:
        chain.calibrate.neutral = _neutral(make_state(seed=1), share=0.5)
    times = np.cumsum([dt for _, dt in stream]).tolist()
    for seq, ((seed, _), t) in enumerate(zip(stream, times, strict=True)):
        seen = (
            make_state(presence=Presence.LOST, head=None, seq=seq, t=t) if seed is None else make_state(seed=seed, seq=seq, t=t)
        )
        state = chain.step(seen)
        assert (seq, t) == (state.seq, state.t)
        assert ((state.weights >= 0.0) & (state.weights <= 1.0)).all()
        assert state.head is not None
        assert 1.0 == pytest.approx(float(np.linalg.norm(state.head.quat_xyzw)), abs=1e-9)
        assert np.isfinite([*state.gaze.left_deg, *state.gaze.right_deg, *state.head.position_m]).all()
        assert not (state.presence is Presence.LIVE and seed is None)
