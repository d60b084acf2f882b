"""Channels that owe each other something: rest, weak channels, lips and jaw, two sides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pydantic import ValidationError

from bridge import arkit, space
from bridge.settings import ExpressionSettings
from bridge.stages.expression import ExpressionStage
from bridge.stages.neutral import Neutral
from bridge.types import IDENTITY_HEAD, ZERO_WEIGHTS, FaceState, Presence, frozen_array

States = Callable[..., FaceState]
FPS = 30


def _stage(**changes: object) -> ExpressionStage:
    """With everything off that ``changes`` do not switch on."""
    nothing: dict[str, object] = {"dead_zone": 0.0, "gain": {}, "lips_with_jaw": False, "symmetry": 0.0}
    return ExpressionStage(ExpressionSettings.model_validate(nothing | changes))


def _value(state: FaceState, name: str) -> float:
    return float(state.weights[arkit.INDEX[name]])


def _held(stage: ExpressionStage, make_state: States, name: str, value: float, *, begin: float, lasting_s: float) -> list[float]:
    """What comes of a constant value, frame by frame."""
    count = round(lasting_s * FPS)
    return [_value(stage.step(make_state(weights={name: value}, t=begin + k / FPS)), name) for k in range(count)]


def test_off_is_the_very_state(make_state: States) -> None:
    """And with each part off, the same values."""
    state = make_state(seed=1)
    assert state is ExpressionStage(ExpressionSettings(enabled=False)).step(state)
    np.testing.assert_array_equal(state.weights, _stage().step(state).weights)


def test_not_observed_frames_pass(make_state: States) -> None:
    """There is nothing to correct."""
    state = make_state(presence=Presence.LOST, head=None)
    assert state is ExpressionStage(ExpressionSettings()).step(state)


def test_the_rest_of_the_state_stays(make_state: States) -> None:
    """Head, box, landmarks, time."""
    state = make_state(seed=3, box=(1.0, 2.0, 3.0, 4.0), landmarks=np.zeros((478, 3), dtype=np.float32), t=2.0, seq=9)
    after = ExpressionStage(ExpressionSettings()).step(state)
    assert (state.head, state.box, state.t, state.seq) == (after.head, after.box, after.t, after.seq)
    assert state.landmarks is after.landmarks
    assert not after.weights.flags.writeable


# --- dead zone -----------------------------------------------------------------------------------------------------------


def test_small_values_at_rest_are_exactly_zero(make_state: States) -> None:
    """Up to the dead zone."""
    stage = _stage(dead_zone=0.02)
    assert [0.0] * 15 == _held(stage, make_state, "mouthSmileLeft", 0.02, begin=0.0, lasting_s=0.5)


@pytest.mark.parametrize("value", [0.08, 0.3, 1.0])
def test_values_well_above_the_dead_zone_are_as_tracked(make_state: States, value: float) -> None:
    """From four times the zone on."""
    stage = _stage(dead_zone=0.02)
    assert value == pytest.approx(_value(stage.step(make_state(weights={"jawOpen": value})), "jawOpen"), abs=1e-7)


def test_gaze_and_lids_have_no_dead_zone(make_state: States) -> None:
    """Eyes would stick in the middle."""
    small = dict.fromkeys(arkit.NAMES, 0.01)
    after = _stage(dead_zone=0.2).step(make_state(weights=small))
    alive = {name for name in arkit.NAMES if _value(after, name) > 0.0}
    assert {name for name in arkit.NAMES if name.startswith(("eyeLook", "eyeBlink"))} == alive


def test_a_channel_in_use_rests_later_than_it_wakes(make_state: States) -> None:
    """Hysteresis: the same value is rest when it comes from below, and shows when it comes from above."""
    from_below, from_above = _stage(dead_zone=0.04), _stage(dead_zone=0.04)
    _held(from_above, make_state, "jawOpen", 0.5, begin=0.0, lasting_s=0.5)
    assert 0.0 == _held(from_below, make_state, "jawOpen", 0.03, begin=0.5, lasting_s=1.0)[-1]
    assert 0.013 == pytest.approx(_held(from_above, make_state, "jawOpen", 0.03, begin=0.5, lasting_s=1.0)[-1], abs=1e-3)


def test_nothing_pops_when_the_dead_zone_opens_and_closes(make_state: States) -> None:
    """A value that creeps up and down again moves the output no faster than 4/3 of it and the zone's own glide."""
    stage = _stage(dead_zone=0.04)
    creeping = np.concatenate([np.linspace(0, 0.12, 120), np.linspace(0.12, 0, 120)])
    shown = [_value(stage.step(make_state(weights={"jawOpen": value}, t=k / FPS)), "jawOpen") for k, value in enumerate(creeping)]
    assert max(np.abs(np.diff(shown))) <= 4 / 3 * (0.001008 + 0.02 / 0.1 / FPS) + 1e-6
    assert (0.0, 0.0) == (shown[0], shown[-1])
    assert 0.12 == pytest.approx(max(shown), abs=1e-6)


def test_reset_closes_the_dead_zone(make_state: States) -> None:
    """As before the first frame."""
    stage = _stage(dead_zone=0.04)
    _held(stage, make_state, "jawOpen", 0.5, begin=0.0, lasting_s=0.5)
    stage.reset()
    assert 0.0 == _value(stage.step(make_state(weights={"jawOpen": 0.03}, t=0.5)), "jawOpen")


# --- gain ----------------------------------------------------------------------------------------------------------------


def test_a_weak_channel_is_strengthened_above_where_the_gain_begins(make_state: States) -> None:
    """Slope 3 there; below nothing changes, and 1 stays 1."""
    stage = _stage(gain={"mouthFrown": 3.0}, gain_from=0.05)
    tracked = (0.04, 0.05, 0.06, 0.2, 1.0)
    for side in ("Left", "Right"):
        name = f"mouthFrown{side}"
        shown = [_value(stage.step(make_state(weights={name: value})), name) for value in tracked]
        assert [0.04, 0.05, 0.079, 0.392, 1.0] == pytest.approx(shown, abs=2e-3)


def test_a_gain_below_1_is_a_plain_factor(make_state: States) -> None:
    """0 switches a channel off; a side by its own name wins over both."""
    stage = _stage(gain={"mouthSmile": 0.5, "mouthSmileLeft": 0.0})
    after = stage.step(make_state(weights={"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8}))
    assert (0.0, 0.4) == pytest.approx((_value(after, "mouthSmileLeft"), _value(after, "mouthSmileRight")))


def test_a_gain_for_a_channel_that_is_not_there_is_refused() -> None:
    """With its name."""
    with pytest.raises(ValidationError, match="'mouthSmirk' is not one of the 52"):
        ExpressionSettings(gain={"mouthSmirk": 2.0})


# --- lips, sides, pitch ----------------------------------------------------------------------------------------------------


def test_lips_close_no_further_than_the_jaw_is_open(make_state: States) -> None:
    """With a closed jaw mouthClose would press the lips through each other."""
    stage = _stage(lips_with_jaw=True)
    for close, jaw in ((0.5, 0.3), (0.5, 0.0), (0.2, 0.3)):
        after = stage.step(make_state(weights={"mouthClose": close, "jawOpen": jaw}))
        assert min(close, jaw) == pytest.approx(_value(after, "mouthClose"))
        assert jaw == pytest.approx(_value(after, "jawOpen"))


@pytest.mark.parametrize(("yaw", "left"), [(0, 0.1), (19, 0.1), (27.5, 0.4), (40, 0.7), (-19, 0.1)])
def test_the_far_side_follows_the_near_one(make_state: States, yaw: float, left: float) -> None:
    """Turned to the own left, the left side is away from the camera: it fades over from 20 to 35 degrees."""
    stage = _stage(symmetry=1.0)
    after = stage.step(make_state(weights={"mouthSmileLeft": 0.1, "mouthSmileRight": 0.7}, yaw=yaw))
    assert left == pytest.approx(_value(after, "mouthSmileLeft"), abs=1e-3)
    assert 0.7 == pytest.approx(_value(after, "mouthSmileRight"))


def test_turned_to_the_right_it_is_the_right_side_that_follows(make_state: States) -> None:
    """The mirror image."""
    after = _stage(symmetry=1.0).step(make_state(weights={"browDownLeft": 0.6}, yaw=-45))
    assert (0.6, 0.6) == pytest.approx((_value(after, "browDownLeft"), _value(after, "browDownRight")))


def test_directions_lids_and_gaze_have_no_sides(make_state: States) -> None:
    """jawLeft is a direction; the lids and the gaze are the eyes stage's."""
    names = ("jawLeft", "mouthLeft", "eyeBlinkLeft", "eyeLookInLeft")
    state = make_state(weights=dict.fromkeys(names, 0.5), yaw=45)
    np.testing.assert_array_equal(state.weights, _stage(symmetry=1.0).step(state).weights)


def test_what_counts_is_the_turn_towards_the_camera(make_state: States) -> None:
    """Somebody who sits turned by 40 degrees has a neutral there: straight ahead is still half hidden."""
    turned = Neutral(
        weights=ZERO_WEIGHTS,
        quat_xyzw=frozen_array(space.from_euler_deg(yaw=40.0, pitch=0.0, roll=0.0)),
        position_m=IDENTITY_HEAD.position_m,
    )
    stage = ExpressionStage(ExpressionSettings(), neutral=lambda: turned)
    state = make_state(weights={"mouthSmileLeft": 0.1, "mouthSmileRight": 0.7})
    assert 0.7 == pytest.approx(_value(stage.step(state), "mouthSmileLeft"))


def test_pitch_coupling_takes_the_models_mistake_off(make_state: States) -> None:
    """Chin up 20 degrees makes a constant face raise its inner brows by .19, nose down lowers them by .11."""
    stage = _stage(pitch_coupling=1.0)
    up, down = (stage.step(make_state(weights={"browInnerUp": 0.5}, pitch=pitch)) for pitch in (-20, 20))
    assert (0.31, 0.61) == pytest.approx((_value(up, "browInnerUp"), _value(down, "browInnerUp")))


def test_a_source_with_a_full_range_keeps_its_values(make_state: States) -> None:
    """Demo and phones; but their lips do not pass through each other either."""
    stage = ExpressionStage(ExpressionSettings(), full_range=lambda: True)
    state = make_state(weights={"mouthFrownLeft": 0.3, "mouthSmileLeft": 0.01, "mouthClose": 0.4, "jawOpen": 0.2}, yaw=40)
    after = stage.step(state)
    assert (0.3, 0.01, 0.2) == pytest.approx(
        (_value(after, "mouthFrownLeft"), _value(after, "mouthSmileLeft"), _value(after, "mouthClose"))
    )
