"""The eyes stage: gaze from the eyeLook coefficients, lids, and what each option leaves alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pytest

from bridge import arkit, space
from bridge.mapping.gaze import gaze_of
from bridge.settings import EyesSettings
from bridge.stages.eyes import EyesStage
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.types import ZERO_WEIGHTS, FaceState, Gaze, Presence, frozen_array

States = Callable[..., FaceState]

DEGREES = {"gaze_yaw_deg": 40.0, "gaze_pitch_deg": 30.0}
LEFT, RIGHT = arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]
FPS = 30.0


def _stage(**options: object) -> EyesStage:
    return EyesStage(EyesSettings.model_validate({**DEGREES, **options}))


def _lids(left: float, right: float | None = None, **more: float) -> dict[str, float]:
    return {"eyeBlinkLeft": left, "eyeBlinkRight": left if right is None else right, **more}


def _play(
    make_state: States, stage: EyesStage, frames: Iterable[Mapping[str, float]], *, begin: int = 0, yaw: float = 0.0
) -> list[FaceState]:
    """The stage's states for these frames, at 30 fps."""
    return [stage.step(make_state(weights=weights, seq=i, t=i / FPS, yaw=yaw)) for i, weights in enumerate(frames, start=begin)]


def _shown(state: FaceState) -> tuple[float, float]:
    return float(state.weights[LEFT]), float(state.weights[RIGHT])


# --- gaze ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "left_deg", "right_deg"),
    [
        ({}, (0, 0), (0, 0)),
        ({"eyeLookOutLeft": 0.25, "eyeLookInRight": 0.5}, (10, 0), (20, 0)),
        ({"eyeLookInLeft": 0.5, "eyeLookOutRight": 0.25}, (-20, 0), (-10, 0)),
        ({"eyeLookDownLeft": 0.5, "eyeLookUpRight": 0.5}, (0, 15), (0, -15)),
        ({"eyeLookInLeft": 0.5, "eyeLookOutLeft": 0.5}, (0, 0), (0, 0)),
    ],
    ids=["ahead", "own left, converging", "own right, parting", "left down, right up", "in and out cancel"],
)
def test_gaze_of_each_eye(
    make_state: States, weights: Mapping[str, float], left_deg: tuple[float, float], right_deg: tuple[float, float]
) -> None:
    """Own left is Out for the left eye and In for the right one; down is positive; as tracked when all is off."""
    stage = _stage(gaze="off", gaze_hold=False)
    assert Gaze(left_deg=left_deg, right_deg=right_deg) == stage.step(make_state(weights=weights)).gaze


def test_linked_eyes_look_the_same_way(make_state: States) -> None:
    """At the mean of both, and the coefficients say it too."""
    state = _stage().step(make_state(weights={"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.25, "eyeLookDownLeft": 0.5}))
    assert Gaze(left_deg=(15.0, 7.5), right_deg=(15.0, 7.5)) == state.gaze
    looks = {name: float(state.weights[i]) for i, name in enumerate(arkit.NAMES) if state.weights[i]}
    assert {"eyeLookOutLeft": 0.375, "eyeLookInRight": 0.375, "eyeLookDownLeft": 0.25, "eyeLookDownRight": 0.25} == looks


@pytest.mark.parametrize("gaze", ["linked", "separate", "off"])
def test_gaze_and_coefficients_agree(make_state: States, gaze: str) -> None:
    """Receivers read either."""
    settings = EyesSettings.model_validate({"gaze": gaze})
    state = EyesStage(settings).step(make_state(seed=5))
    again = gaze_of(state.weights, settings)
    assert state.gaze.left_deg == pytest.approx(again.left_deg, abs=1e-5)
    assert state.gaze.right_deg == pytest.approx(again.right_deg, abs=1e-5)


def test_separate_eyes_meet_but_never_part(make_state: States) -> None:
    """Looking at the nose stays; looking outward with both becomes straight ahead."""
    stage = _stage(gaze="separate")
    near = stage.step(make_state(weights={"eyeLookInLeft": 0.5, "eyeLookInRight": 0.25})).gaze
    assert (-20.0, 10.0) == (near.left_deg[0], near.right_deg[0])
    far = stage.step(make_state(weights={"eyeLookOutLeft": 0.5, "eyeLookOutRight": 0.25}, t=0.03)).gaze
    assert (5.0, 5.0) == (far.left_deg[0], far.right_deg[0])


def test_a_blink_does_not_look_down(make_state: States) -> None:
    """The leak of the lids into eyeLookDown is gone from gaze and coefficients; where one looked before is kept."""
    before = [_lids(0.1, eyeLookDownLeft=0.2, eyeLookDownRight=0.2)] * 20
    blink = [_lids(b, eyeLookDownLeft=d, eyeLookDownRight=d) for b, d in ((0.5, 0.6), (0.72, 0.75), (0.7, 0.75), (0.3, 0.4))]
    after = [_lids(0.1, eyeLookDownLeft=0.2, eyeLookDownRight=0.2)] * 5
    states = _play(make_state, _stage(), [*before, *blink, *after])
    downs = [float(state.weights[arkit.INDEX["eyeLookDownLeft"]]) for state in states]
    assert max(downs) < 0.23
    assert max(downs) > 0.19
    assert max(state.gaze.left_deg[1] for state in states) < 30.0 * 0.23


def test_the_eye_that_winks_does_not_turn_the_other(make_state: States) -> None:
    """Sideways gaze is that of the open eye."""
    frames = [_lids(0.05)] * 10 + [_lids(0.6, 0.06, eyeLookInLeft=0.5, eyeLookOutRight=0.1)] * 3
    gaze = _play(make_state, _stage(), frames)[-1].gaze
    assert [-4.0, -4.0] == pytest.approx([gaze.left_deg[0], gaze.right_deg[0]])


# --- lids ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("closed", "other"), [("Left", "Right"), ("Right", "Left")])
def test_a_wink_closes_one_eye(make_state: States, closed: str, other: str) -> None:
    """Raw 0.52 against 0.10, all that MediaPipe sees of a wink: from the first frames on, without a flash of the other eye."""
    frames = [{f"eyeBlink{closed}": 0.03, f"eyeBlink{other}": 0.02}] * 10
    frames += [{f"eyeBlink{closed}": 0.52, f"eyeBlink{other}": 0.10}] * 10
    states = _play(make_state, _stage(), frames)
    winks = [
        (float(s.weights[arkit.INDEX[f"eyeBlink{closed}"]]), float(s.weights[arkit.INDEX[f"eyeBlink{other}"]])) for s in states
    ]
    assert all(closing >= 0.70 and staying <= 0.20 for closing, staying in winks[10:])


def test_a_half_wink_stays_linked(make_state: States) -> None:
    """Raw 0.35 against 0.12 is how tired eyes look, not a wink: the lids stay near each other."""
    left, right = _shown(_play(make_state, _stage(), [_lids(0.1)] * 10 + [_lids(0.35, 0.12)] * 5)[-1])
    assert left - right < 0.15
    assert left > 0.15


def test_the_other_eye_does_not_twitch_when_a_wink_begins(make_state: States) -> None:
    """A lid that comes down alone, slowly enough to be seen half way: the other never gets beyond 0.2."""
    frames = [_lids(0.05)] * 10 + [_lids(0.05 + 0.06 * i, 0.06) for i in range(1, 10)]
    lids = [_shown(state) for state in _play(make_state, _stage(), frames)]
    assert max(right for _, right in lids) <= 0.2
    assert lids[-1][0] > 0.8


def test_a_lid_that_is_a_frame_late_is_no_wink(make_state: States) -> None:
    """In a blink one lid may be 0.26 behind; both are on their way, so both close."""
    frames = [_lids(0.06, 0.04)] * 10 + [_lids(0.16, 0.09), _lids(0.62, 0.36), _lids(0.76, 0.70)]
    assert all(abs(left - right) < 0.02 for left, right in map(_shown, _play(make_state, _stage(), frames)))


@pytest.mark.parametrize(("link", "apart"), [("auto", True), ("blend", False), ("off", True)])
def test_links(make_state: States, link: str, *, apart: bool) -> None:
    """blend never winks; off and auto do; off alone keeps a small difference."""
    stage = _stage(link=link)
    small = _shown(_play(make_state, stage, [_lids(0.05)] * 10 + [_lids(0.30, 0.20)])[-1])
    assert (link == "off") == (abs(small[0] - small[1]) > 0.1)
    left, right = _shown(_play(make_state, stage, [_lids(0.05)] * 10 + [_lids(0.6, 0.05)] * 2, begin=11)[-1])
    assert apart == (left - right > 0.9)


@pytest.mark.parametrize(("yaw", "far", "near"), [(35.0, LEFT, RIGHT), (-35.0, RIGHT, LEFT)])
def test_the_far_eye_follows_the_near_one(make_state: States, yaw: float, far: int, near: int) -> None:
    """Turned to the own left, the camera no longer sees the left eye: what it makes of it is not shown."""
    seen = np.zeros(52, dtype=np.float32)
    seen[near], seen[far] = 0.05, 0.60
    stage = _stage(link="off")
    stage.step(make_state(weights=_lids(0.05), yaw=yaw))
    state = stage.step(make_state(weights=seen, yaw=yaw, t=0.03))
    assert [0.0, 0.0] == state.weights[[far, near]].tolist()
    frontal = _stage(link="off")
    frontal.step(make_state(weights=_lids(0.05), yaw=yaw / 2))
    assert frontal.step(make_state(weights=seen, yaw=yaw / 2, t=0.03)).weights[far] > 0.9


def test_yaw_counts_towards_the_camera(make_state: States) -> None:
    """A camera at the side: the neutral head is turned by 25 degrees, so 10 more are 35."""
    neutral = Neutral(
        weights=ZERO_WEIGHTS,
        quat_xyzw=frozen_array(space.from_euler_deg(yaw=25, pitch=0, roll=0)),
        position_m=IDENTITY_NEUTRAL.position_m,
    )
    stage = EyesStage(EyesSettings(link="off"), neutral=lambda: neutral)
    stage.step(make_state(weights=_lids(0.05), yaw=10))
    assert (0.0, 0.0) == _shown(stage.step(make_state(weights=_lids(0.6, 0.05), yaw=10, t=0.03)))


def test_wide_gives_way_while_the_lid_closes(make_state: States) -> None:
    """An eye cannot be wide and shut."""
    wide = {"eyeWideLeft": 0.6, "eyeWideRight": 0.6}
    open_eyes, shut = _play(make_state, _stage(), [{**_lids(0.05), **wide}, {**_lids(0.75), **wide}])
    i = arkit.INDEX["eyeWideLeft"]
    assert [0.6, 0.0] == pytest.approx([float(open_eyes.weights[i]), float(shut.weights[i])])


def test_a_calibrated_open_level_is_zero_at_once(make_state: States) -> None:
    """And a new calibration counts from the next frame on; without one they are learnt again."""

    def calibrated(level: float) -> Neutral:
        weights = ZERO_WEIGHTS.copy()
        weights[[LEFT, RIGHT]] = level
        return Neutral(weights=weights, quat_xyzw=IDENTITY_NEUTRAL.quat_xyzw, position_m=IDENTITY_NEUTRAL.position_m)

    neutrals = [calibrated(0.3)]
    stage = EyesStage(EyesSettings(), neutral=lambda: neutrals[-1])
    assert (0.0, 0.0) == _shown(stage.step(make_state(weights=_lids(0.34))))
    assert stage.open_lids == pytest.approx((0.3, 0.3), abs=0.01)
    neutrals.append(calibrated(0.05))
    assert min(_shown(stage.step(make_state(weights=_lids(0.34), t=0.03)))) > 0.3
    neutrals.append(IDENTITY_NEUTRAL)
    assert (0.0, 0.0) == _shown(stage.step(make_state(weights=_lids(0.3), t=0.06)))


def test_centring_the_head_keeps_what_was_learnt_of_the_lids(make_state: States) -> None:
    """Only the head's neutral is another one."""
    neutrals = [IDENTITY_NEUTRAL]
    stage = EyesStage(EyesSettings(), neutral=lambda: neutrals[-1])
    _play(make_state, stage, [_lids(0.2)] * 30)
    levels = stage.open_lids
    neutrals.append(Neutral(weights=ZERO_WEIGHTS, quat_xyzw=np.array([0, 0.1, 0, 0.995]), position_m=np.ones(3)))
    _play(make_state, stage, [_lids(0.2)], begin=30)
    assert levels == pytest.approx(stage.open_lids, abs=1e-3)


# --- off -------------------------------------------------------------------------------------------------------------


def test_disabled_it_returns_the_state_it_got(make_state: States) -> None:
    """The very same."""
    state = make_state(seed=3)
    assert state is _stage(enabled=False).step(state)


def test_with_each_part_off_only_gaze_is_filled_in(make_state: States) -> None:
    """Weights and head are the same objects."""
    state = make_state(seed=3)
    after = _stage(lids="off", link="off", far_eye=False, gaze="off", gaze_hold=False).step(state)
    assert state.weights is after.weights
    assert state.head is after.head
    assert gaze_of(state.weights, EyesSettings.model_validate(DEGREES)) == after.gaze


def test_the_rest_of_the_face_stays(make_state: States) -> None:
    """Only lids, eyeWide and eyeLook change."""
    state = make_state(seed=3)
    after = _stage().step(state)
    eyes = [i for i, name in enumerate(arkit.NAMES) if name.startswith(("eyeBlink", "eyeWide", "eyeLook"))]
    assert np.delete(state.weights, eyes).tolist() == np.delete(after.weights, eyes).tolist()
    assert state.head is after.head
    assert not after.weights.flags.writeable


def test_not_observed_passes(make_state: States) -> None:
    """There are no eyes to look at."""
    state = make_state(presence=Presence.LOST, head=None)
    assert state is _stage().step(state)


def test_full_range_eyes_come_as_they_are(make_state: States) -> None:
    """Demo and phones: every value of the lids, each eye's own gaze; ``map`` and ``blend`` still do as told."""
    state = make_state(weights=_lids(0.5, 0.3, eyeLookInLeft=0.5))
    stage = EyesStage(EyesSettings(), full_range=lambda: True)
    assert state.weights is stage.step(state).weights
    assert gaze_of(state.weights) == stage.step(state).gaze
    left, right = _shown(EyesStage(EyesSettings(link="blend"), full_range=lambda: True).step(state))
    assert left == right
    mapped = EyesStage(EyesSettings(lids="map"), full_range=lambda: True).step(state)
    assert state.weights is not mapped.weights


def test_reset_forgets_the_person(make_state: States) -> None:
    """As new."""
    stage = _stage()
    _play(make_state, stage, [_lids(0.3)] * 60)
    stage.reset()
    assert (-1.0, -1.0) == stage.open_lids
    fresh, again = (s.step(make_state(weights=_lids(0.2), t=9.0)) for s in (_stage(), stage))
    assert fresh.weights.tolist() == again.weights.tolist()


# --- irises ----------------------------------------------------------------------------------------------------------


def test_irises_give_the_sideways_gaze(make_state: States) -> None:
    """A tenth of the eye off its middle is 0.4 of the coefficient; without a mesh the coefficients count."""
    mesh = np.zeros((478, 3), dtype=np.float32)
    mesh[33, :2], mesh[133, :2], mesh[468, :2] = (0.40, 0.5), (0.44, 0.5), (0.424, 0.5)
    mesh[362, :2], mesh[263, :2], mesh[473, :2] = (0.52, 0.5), (0.56, 0.5), (0.544, 0.5)
    stage = _stage(gaze_source="iris", iris_gain=4.0)
    state = stage.step(make_state(weights={"eyeLookInLeft": 0.5}, landmarks=mesh))
    assert 16.0 == pytest.approx(state.gaze.left_deg[0], abs=1e-3)
    assert 0.4 == pytest.approx(float(state.weights[arkit.INDEX["eyeLookOutLeft"]]), abs=1e-4)
    assert -10.0 == pytest.approx(stage.step(make_state(weights={"eyeLookInLeft": 0.5}, t=0.03)).gaze.left_deg[0])
