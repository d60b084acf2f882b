"""The calibration stage: what a neutral does to a face, and the commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bridge import arkit, space
from bridge.settings import CalibrationSettings
from bridge.stages.calibrate import IDENTITY_NEUTRAL, CalibrateStage, CalibrationState, Neutral
from bridge.types import ZERO_WEIGHTS, FaceState, Float64Array, HeadPose, Presence, frozen_array

States = Callable[..., FaceState]


def _neutral(
    *, yaw: float = 0.0, pitch: float = 0.0, position_m: tuple[float, float, float] = (0, 0, 0), **weights: float
) -> Neutral:
    values = np.zeros(52, dtype=np.float32)
    for name, value in weights.items():
        values[arkit.INDEX[name]] = value
    return Neutral(
        weights=frozen_array(values),
        quat_xyzw=frozen_array(space.from_euler_deg(yaw=yaw, pitch=pitch, roll=0)),
        position_m=frozen_array(np.array(position_m, dtype=np.float64)),
    )


def _with(neutral: Neutral) -> CalibrateStage:
    stage = CalibrateStage()
    stage.neutral = neutral
    return stage


def _euler(state: FaceState) -> tuple[float, float, float]:
    assert state.head is not None
    return space.to_euler_deg(state.head.quat_xyzw)


def test_without_a_neutral_the_same_state_comes_out(make_state: States) -> None:
    """Not even a copy."""
    state = make_state(seed=1)
    assert state is CalibrateStage().step(state)


def test_not_observed_passes(make_state: States) -> None:
    """There is nothing to calibrate."""
    state = make_state(presence=Presence.LOST, head=None)
    assert state is _with(_neutral(jawOpen=0.2)).step(state)


# --- head --------------------------------------------------------------------------------------------------------------


def test_the_neutral_head_becomes_straight_ahead(make_state: States) -> None:
    """Identity and the origin."""
    stage = _with(_neutral(yaw=12, pitch=-7, position_m=(0.1, 0.05, -0.6)))
    state = stage.step(make_state(yaw=12, pitch=-7, position_m=(0.1, 0.05, -0.6)))
    assert (0.0, 0.0, 0.0) == pytest.approx(_euler(state), abs=1e-9)
    assert state.head is not None
    assert [0.0, 0.0, 0.0] == state.head.position_m.tolist()


def test_an_offset_in_the_heads_frame_does_not_tilt_a_turn(make_state: States) -> None:
    """Camera bias and posture of 10° pitch, a true turn of 30°: no false roll. The other order would show 5°."""
    offset = space.from_euler_deg(yaw=0, pitch=10, roll=0)
    seen = space.multiply(space.from_euler_deg(yaw=30, pitch=0, roll=0), offset)
    other_order = space.to_euler_deg(space.multiply(space.inverse(offset), seen))
    state = _with(_neutral(pitch=10)).step(make_state(head=HeadPose(position_m=np.zeros(3), quat_xyzw=seen)))
    yaw, pitch, roll = _euler(state)
    assert 30.0 == pytest.approx(yaw)
    assert 0.0 == pytest.approx(pitch, abs=1e-9)
    assert abs(roll) < 0.5
    assert 4.5 < abs(other_order[2]) < 5.5


def test_positions_are_differences_along_the_cameras_axes(make_state: States) -> None:
    """Whatever way the neutral head was turned."""
    state = _with(_neutral(yaw=30, position_m=(0.1, 0.0, -0.5))).step(make_state(position_m=(0.15, 0.02, -0.4)))
    assert state.head is not None
    assert [0.05, 0.02, 0.1] == pytest.approx(state.head.position_m.tolist())


def test_a_face_without_head_stays_without(make_state: States) -> None:
    """Only its weights are calibrated."""
    assert _with(_neutral(yaw=5, jawOpen=0.1)).step(make_state(head=None)).head is None


def test_recenter_takes_the_newest_head(make_state: States) -> None:
    """The weights' neutral stays."""
    stage = _with(_neutral(jawOpen=0.2))
    stage.step(make_state(yaw=5))
    stage.step(make_state(yaw=8, pitch=4, position_m=(0, 0, -0.7), t=0.03))
    stage.recenter()
    assert CalibrationState.ACCEPTED is stage.status.state
    assert (8.0, 4.0, 0.0) == pytest.approx(space.to_euler_deg(stage.neutral.quat_xyzw), abs=1e-9)
    assert [0.0, 0.0, -0.7] == stage.neutral.position_m.tolist()
    assert 0.2 == pytest.approx(float(stage.neutral.weights[arkit.INDEX["jawOpen"]]))


def test_recenter_without_anybody_waits_for_the_next_head(make_state: States) -> None:
    """Not the one from before, who may have left long ago."""
    stage = CalibrateStage()
    stage.step(make_state(yaw=5))
    stage.step(make_state(presence=Presence.LOST, head=None, t=0.03))
    stage.recenter()
    assert (CalibrationState.WAITING, False) == (stage.status.state, stage.status.calibrated)
    assert (0.0, 0.0, 0.0) == pytest.approx(_euler(stage.step(make_state(yaw=20, t=0.06))), abs=1e-9)
    assert (CalibrationState.ACCEPTED, True) == (stage.status.state, stage.status.calibrated)


def test_recentering_twice_is_not_cumulative(make_state: States) -> None:
    """The second counts from the tracker's head, not from the first result."""
    stage = CalibrateStage()
    for _ in range(2):
        stage.step(make_state(yaw=15))
        stage.recenter()
    assert (0.0, 0.0, 0.0) == pytest.approx(_euler(stage.step(make_state(yaw=15))), abs=1e-9)


# --- weights -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "mapped"), [(0.1, 0.0), (0.2, 0.0), (0.6, 0.5), (1.0, 1.0)])
def test_a_channel_runs_from_its_neutral_to_1(make_state: States, value: float, mapped: float) -> None:
    """(x - .2) / .8, clipped: what is below the neutral is 0, and 1 is still reached exactly."""
    weights = _with(_neutral(mouthPucker=0.2)).step(make_state(weights={"mouthPucker": value})).weights
    assert mapped == pytest.approx(float(weights[arkit.INDEX["mouthPucker"]]), abs=1e-7)
    assert float(weights.max()) <= 1.0


def test_channels_without_a_neutral_stay_exact(make_state: States) -> None:
    """Bit for bit."""
    state = make_state(seed=5)
    after = _with(_neutral(mouthPucker=0.2)).step(state).weights
    others = [i for i, name in enumerate(arkit.NAMES) if name != "mouthPucker"]
    assert state.weights[others].tolist() == after[others].tolist()


def test_a_head_only_neutral_hands_on_the_same_weights(make_state: States) -> None:
    """The very array."""
    state = make_state(seed=5)
    assert state.weights is _with(_neutral(yaw=5)).step(state).weights


def test_the_lids_pass(make_state: States) -> None:
    """The eyes stage maps them, from the same neutral."""
    stage = _with(_neutral(eyeBlinkLeft=0.2, jawOpen=0.1))
    assert [0.2, 1.0] == pytest.approx([
        float(stage.step(make_state(weights={"eyeBlinkLeft": value})).weights[0]) for value in (0.2, 1.0)
    ])  # fmt: skip


def test_no_neutral_can_take_an_expression_away(make_state: States) -> None:
    """Learnt during a full smile: capped at 0.25, so that a smile of 0.9 still shows 0.87."""
    weights = _with(_neutral(mouthSmileLeft=0.9)).step(make_state(weights={"mouthSmileLeft": 0.9})).weights
    assert (0.9 - 0.25) / 0.75 == pytest.approx(float(weights[arkit.INDEX["mouthSmileLeft"]]), abs=1e-6)


# --- commands ------------------------------------------------------------------------------------------------------------


def _watch(stage: CalibrateStage, states: list[FaceState]) -> None:
    for state in states:
        stage.step(state)


def test_a_learnt_neutral_is_used_at_once(make_state: States) -> None:
    """Status tells the way there: collecting, progress, accepted."""
    stage = CalibrateStage()
    stage.begin_neutral(1.0)
    frames = [make_state(weights={"eyeSquintLeft": 0.4}, pitch=6, t=i / 30) for i in range(40)]
    _watch(stage, frames[:15])
    assert CalibrationState.COLLECTING is stage.status.state
    assert 0.4 < stage.status.progress < 0.5
    assert 14 == stage.status.accepted
    _watch(stage, frames[15:])
    assert (CalibrationState.ACCEPTED, True) == (stage.status.state, stage.status.calibrated)
    assert "Calibrated from" in stage.status.message
    state = stage.step(frames[-1])
    assert not state.weights.any()
    assert (0.0, 0.0, 0.0) == pytest.approx(_euler(state), abs=1e-6)


def test_a_refused_neutral_leaves_the_old_one(make_state: States) -> None:
    """And says what was wrong."""
    old = _neutral(yaw=4, jawOpen=0.1)
    stage = _with(old)
    stage.begin_neutral(1.0)
    _watch(stage, [make_state(weights={"mouthSmileLeft": 0.7}, t=i / 30) for i in range(40)])
    assert old is stage.neutral
    assert (CalibrationState.REJECTED, True) == (stage.status.state, stage.status.calibrated)
    assert "you seem to be smiling" in stage.status.message


def test_nobody_there_times_out(make_state: States) -> None:
    """Frames without a face let the time pass too."""
    stage = CalibrateStage()
    stage.begin_neutral(1.0)
    _watch(stage, [make_state(presence=Presence.LOST, head=None, t=i / 30) for i in range(92)])
    assert CalibrationState.REJECTED is stage.status.state
    assert "nobody was seen" in stage.status.message


def test_clear_goes_back_to_what_the_tracker_delivers(make_state: States) -> None:
    """The same state object again; learning ends."""
    stage = _with(_neutral(yaw=4))
    stage.begin_neutral(1.0)
    stage.clear()
    state = make_state(seed=2)
    assert state is stage.step(state)
    assert (CalibrationState.IDLE, False) == (stage.status.state, stage.status.calibrated)


def test_reset_keeps_the_neutral_and_ends_learning(make_state: States) -> None:
    """Another source follows: half a neutral of the old one is worth nothing."""
    neutral = _neutral(yaw=4)
    stage = _with(neutral)
    stage.begin_neutral(1.0)
    stage.step(make_state())
    stage.reset()
    assert (CalibrationState.IDLE, True) == (stage.status.state, stage.status.calibrated)
    _watch(stage, [make_state(yaw=30, t=i / 30) for i in range(60)])
    assert neutral is stage.neutral


@pytest.mark.parametrize(
    ("weights", "quat_xyzw", "position_m"),
    [
        (np.zeros(51, dtype=np.float32), [0, 0, 0, 1], [0, 0, 0]),
        (np.full(52, np.nan, dtype=np.float32), [0, 0, 0, 1], [0, 0, 0]),
        (np.full(52, 1.5, dtype=np.float32), [0, 0, 0, 1], [0, 0, 0]),
        (ZERO_WEIGHTS, [0, 0, 0, 2], [0, 0, 0]),
        (ZERO_WEIGHTS, [0, 0, 0, 1], [0, np.inf, 0]),
    ],
    ids=["51 weights", "nan", "above 1", "no rotation", "no position"],
)
def test_what_is_no_neutral_is_refused(weights: np.ndarray, quat_xyzw: list[float], position_m: list[float]) -> None:
    """It may come from a damaged file; the old one stays."""
    stage = CalibrateStage()
    quat: Float64Array = np.array(quat_xyzw, dtype=np.float64)
    with pytest.raises(ValueError, match="a neutral"):
        stage.neutral = Neutral(weights=weights, quat_xyzw=quat, position_m=np.array(position_m, dtype=np.float64))
    assert IDENTITY_NEUTRAL is stage.neutral


# --- more commands -------------------------------------------------------------------------------------------------------


def test_undo_goes_back_step_by_step(make_state: States) -> None:
    """Recentre, clear: each can be taken back; then there is nothing left to undo."""
    stage = CalibrateStage()
    stage.step(make_state(yaw=10))
    stage.recenter()
    recentred = stage.neutral
    stage.clear()
    assert (IDENTITY_NEUTRAL, 2) == (stage.neutral, stage.status.undo)
    stage.undo()
    assert recentred is stage.neutral
    stage.undo()
    assert (IDENTITY_NEUTRAL, 0) == (stage.neutral, stage.status.undo)
    stage.undo()
    assert "nothing to undo" in stage.status.message


def test_who_insists_gets_a_neutral_that_leaves_every_expression(make_state: States) -> None:
    """Rejected first, then used: flagged, and a smile still reaches 0.8."""
    stage = CalibrateStage(CalibrationSettings())
    stage.begin_neutral(1.0)
    smile = {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9}
    _watch(stage, [make_state(weights=smile, t=i / 30) for i in range(40)])
    assert (CalibrationState.REJECTED, True, False) == (stage.status.state, stage.status.can_insist, stage.status.flagged)
    stage.insist()
    assert (CalibrationState.ACCEPTED, False, True) == (stage.status.state, stage.status.can_insist, stage.status.flagged)
    weights = stage.step(make_state(weights=smile, t=2.0)).weights
    assert min(float(weights[arkit.INDEX[name]]) for name in smile) >= 0.8


def test_insisting_from_the_start_needs_no_second_word(make_state: States) -> None:
    """And with nothing rejected it says so."""
    stage = CalibrateStage()
    stage.insist()
    assert "nothing rejected" in stage.status.message
    stage.begin_neutral(1.0, insist=True)
    _watch(stage, [make_state(weights={"jawOpen": 0.5}, t=i / 30) for i in range(40)])
    assert (CalibrationState.ACCEPTED, True) == (stage.status.state, stage.status.flagged)
    assert "as you insist, though your mouth was open" in stage.status.message


def test_cancel_ends_learning_and_changes_nothing(make_state: States) -> None:
    """What was valid stays valid."""
    old = _neutral(yaw=4)
    stage = _with(old)
    stage.begin("wizard", 1.0)
    stage.step(make_state())
    stage.cancel()
    assert (CalibrationState.IDLE, old) == (stage.status.state, stage.neutral)


def test_revisions_count_what_the_person_changed(make_state: States) -> None:
    """A profile that was put in use is no news; recentring, clearing and undoing are."""
    stage = CalibrateStage()
    stage.put(_neutral(yaw=3), "The profile anna is in use.")
    assert (0, "The profile anna is in use.", 1) == (stage.revision, stage.status.message, stage.status.undo)
    stage.step(make_state())
    stage.recenter()
    stage.clear()
    stage.undo()
    assert 3 == stage.revision


def test_attempts_are_counted_and_steps_told(make_state: States) -> None:
    """Whoever asked for one knows which verdict is its own."""
    stage = CalibrateStage()
    stage.begin("wizard", 1.0)
    stage.step(make_state())
    status = stage.status
    assert (1, "neutral", 1, 9, True) == (status.attempt, status.step, status.number, status.count, status.watching)
    stage.begin("blink", 1.0)
    assert (2, "close both eyes", 3) == (stage.status.attempt, stage.status.step, stage.status.count)


def test_trusted_coefficients_pass_as_they_are(make_state: States) -> None:
    """An iPhone's already run from 0 to 1: with everything on, the same state comes out."""
    stage = CalibrateStage(CalibrationSettings())
    stage.trust()
    state = make_state(seed=3)
    assert state is stage.step(state)


@pytest.mark.parametrize(
    "broken", [{"peaks": np.zeros(52, dtype=np.float32)}, {"closed_lids": (0.5, 1.5)}, {"peaks": np.ones(3)}]
)
def test_impossible_ends_are_refused(broken: dict[str, Any]) -> None:
    """Peaks of nothing, lids beyond closed."""
    with pytest.raises(ValueError, match="a neutral's"):
        CalibrateStage().neutral = replace(_neutral(), **broken)
