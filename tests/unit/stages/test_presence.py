"""What the avatar shows when the face is not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from bridge import arkit, space
from bridge.settings import PresenceSettings
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.stages.presence import LONGER, PresenceStage
from bridge.types import GAZE_AHEAD, IDENTITY_HEAD, ZERO_WEIGHTS, FaceState, Gaze, Presence, frozen_array

States = Callable[..., FaceState]
FPS = 30
GRACE, HOLD, HOLD_EASE, EASE, BLEND = 0.1, 0.5, 0.2, 0.8, 0.25
JAW = arkit.INDEX["jawOpen"]
CENTRED = Neutral(weights=ZERO_WEIGHTS, quat_xyzw=IDENTITY_HEAD.quat_xyzw, position_m=frozen_array(np.array([0.0, 0.0, -0.5])))


def _stage(*, neutral: Neutral = IDENTITY_NEUTRAL, enabled: bool = True) -> PresenceStage:
    settings = PresenceSettings(enabled=enabled, grace_s=GRACE, hold_s=HOLD, hold_ease_s=HOLD_EASE, ease_s=EASE, blend_s=BLEND)
    return PresenceStage(settings, neutral=lambda: neutral)


def _watched(stage: PresenceStage, make_state: States, *, jaw: float = 0.4, yaw: float = 20.0) -> float:
    """One second of a still face; returns the time of its last frame, 0."""
    for i in range(-FPS, 1):
        stage.step(make_state(weights={"jawOpen": jaw}, yaw=yaw, t=i / FPS))
    return 0.0


def _missing(make_state: States, t: float) -> FaceState:
    return make_state(presence=Presence.LOST, head=None, t=t, t_done=t + 0.01, seq=7)


def _jaws(states: Iterable[FaceState]) -> list[float]:
    return [float(state.weights[JAW]) for state in states]


def test_live_frames_pass_as_they_are(make_state: States) -> None:
    """The same object, from the first frame on."""
    stage = _stage()
    states = [make_state(seed=i, t=i / FPS) for i in range(5)]
    assert all(state is stage.step(state) for state in states)


def test_before_the_first_face_there_is_rest(make_state: States) -> None:
    """LOST, with the time and number of what was asked."""
    state = _stage().step(_missing(make_state, 3.0))
    assert (Presence.LOST, 3.0, 3.01, 7) == (state.presence, state.t, state.t_done, state.seq)
    assert (ZERO_WEIGHTS, IDENTITY_HEAD, GAZE_AHEAD) == (state.weights, state.head, state.gaze)


def test_the_first_face_comes_in_at_once(make_state: States) -> None:
    """There is nothing believable to blend from."""
    stage = _stage()
    stage.step(_missing(make_state, 0.0))
    state = make_state(seed=1, t=0.1)
    assert state is stage.step(state)


@pytest.mark.parametrize(
    ("gap_s", "presence"),
    [
        (0.03, Presence.HELD),
        (0.1, Presence.HELD),
        (0.35, Presence.HELD),
        (0.6, Presence.HELD),
        (0.61, Presence.LOST),
        (5.0, Presence.LOST),
    ],
)
def test_held_then_lost(make_state: States, gap_s: float, presence: Presence) -> None:
    """HELD for grace and hold, 0.6 s; then LOST. Never LIVE."""
    stage = _stage()
    _watched(stage, make_state)
    assert presence is stage.step(_missing(make_state, gap_s)).presence


def test_within_the_grace_everything_stands_still(make_state: States) -> None:
    """At the last frame, moving or not."""
    stage = _stage()
    _watched(stage, make_state)
    last = stage.step(make_state(weights={"jawOpen": 0.9}, yaw=25, t=0.01))
    held = stage.step(_missing(make_state, 0.1))
    assert last.weights is held.weights
    assert last.head is held.head


def test_landmarks_and_box_are_gone_when_not_live(make_state: States) -> None:
    """They were of another frame."""
    stage = _stage()
    stage.step(make_state(box=(1.0, 2.0, 3.0, 4.0), landmarks=np.zeros((478, 3), dtype=np.float32)))
    held = stage.step(_missing(make_state, 0.03))
    assert (None, None) == (held.landmarks, held.box)


def test_what_is_held_is_from_before_the_hand_came(make_state: States) -> None:
    """The median of 0.5 to 0.2 s before the loss, reached 0.2 s after the grace: the corrupted last frames are gone."""
    stage = _stage()
    _watched(stage, make_state)
    gaze = Gaze(left_deg=(9.0, 9.0), right_deg=(9.0, 9.0))
    for i in range(1, 6):
        stage.step(make_state(weights={"jawOpen": 0.95}, yaw=50, gaze=gaze, t=i / FPS))
    held = stage.step(_missing(make_state, 5 / FPS + GRACE + HOLD_EASE + 0.01))
    assert Presence.HELD is held.presence
    assert 0.4 == pytest.approx(float(held.weights[JAW]))
    assert held.head is not None
    assert (20.0, 0.0, 0.0) == pytest.approx(space.to_euler_deg(held.head.quat_xyzw), abs=1e-6)
    assert GAZE_AHEAD == held.gaze


def test_one_wild_frame_does_not_move_the_held_pose(make_state: States) -> None:
    """It is a median, of rotations too."""
    stage = _stage()
    for i in range(-FPS, 1):
        wild = i == -10
        stage.step(make_state(weights={"jawOpen": 1.0 if wild else 0.4}, yaw=80 if wild else 20, t=i / FPS))
    held = stage.step(_missing(make_state, 0.5))
    assert 0.4 == pytest.approx(float(held.weights[JAW]))
    assert held.head is not None
    assert 20.0 == pytest.approx(space.to_euler_deg(held.head.quat_xyzw)[0], abs=0.01)


def _after_a_hand(make_state: States, *, yaw: float) -> PresenceStage:
    stage = _stage()
    _watched(stage, make_state)
    stage.step(make_state(weights={"jawOpen": 0.95}, yaw=yaw, t=0.001))
    return stage


def test_what_a_hand_made_of_the_face_is_left_sooner(make_state: States) -> None:
    """Far off in expression and pose: after half of the grace. Far off in the expression only, it may be real: after all."""
    hand, mouth = _after_a_hand(make_state, yaw=50), _after_a_hand(make_state, yaw=22)
    (hand_early, hand_later), (mouth_early, mouth_later) = (
        _jaws(stage.step(_missing(make_state, gap_s)) for gap_s in (0.04, 0.1)) for stage in (hand, mouth)
    )
    assert 0.95 == pytest.approx(hand_early)
    assert hand_later < 0.9
    assert (0.95, 0.95) == pytest.approx((mouth_early, mouth_later))


def test_lids_brows_and_mouth_spoilt_together_are_left_at_once(make_state: States) -> None:
    """Nobody does all that in a third of a second: it was a hand, and is gone within a tenth of a second."""
    stage = _stage()
    _watched(stage, make_state)
    spoilt = {"jawOpen": 0.95, "eyeBlinkLeft": 0.7, "browInnerUp": 0.7}
    stage.step(make_state(weights=spoilt, yaw=50, t=0.001))
    early, later = (stage.step(_missing(make_state, 0.001 + gap_s)) for gap_s in (0.02, HOLD_EASE / 2 + 1e-6))
    assert 0.8 < float(early.weights[JAW]) < 0.95
    assert 0.4 == pytest.approx(float(later.weights[JAW]), abs=1e-5)
    assert 0.0 == pytest.approx(float(later.weights[arkit.INDEX["browInnerUp"]]), abs=1e-5)
    assert Presence.HELD is later.presence


def test_a_hand_changes_nothing_about_when_the_face_is_lost(make_state: States) -> None:
    """HELD for grace and hold as ever, and no step where it eases to rest."""
    stage = _after_a_hand(make_state, yaw=50)
    before, after = (stage.step(_missing(make_state, 0.001 + GRACE + HOLD + s)) for s in (-1e-6, 1e-6))
    assert (Presence.HELD, Presence.LOST) == (before.presence, after.presence)
    assert np.abs(before.weights - after.weights).max() < 1e-6


def test_a_face_seen_too_shortly_is_held_as_it_was(make_state: States) -> None:
    """There is nothing from 0.2 s before."""
    stage = _stage()
    stage.step(make_state(weights={"jawOpen": 0.3}))
    held = stage.step(_missing(make_state, 0.4))
    assert 0.3 == pytest.approx(float(held.weights[JAW]))


def test_it_eases_to_rest(make_state: States) -> None:
    """Half of it after half of the 0.8 s, all of it at the end, and then for ever."""
    stage = _stage()
    _watched(stage, make_state)
    begin = GRACE + HOLD
    half, end, later = (stage.step(_missing(make_state, begin + s)) for s in (EASE / 2, EASE + 1e-9, 60.0))
    assert 0.2 == pytest.approx(float(half.weights[JAW]))
    assert half.head is not None
    assert 10.0 == pytest.approx(space.to_euler_deg(half.head.quat_xyzw)[0])
    for state in (end, later):
        assert ZERO_WEIGHTS is state.weights
        assert state.head is not None
        assert [0.0, 0.0, 0.0, 1.0] == state.head.quat_xyzw.tolist()
    assert stage.at_rest


def test_an_uncalibrated_head_stays_where_it_was(make_state: States) -> None:
    """0 would be inside the camera."""
    stage = _stage()
    _watched(stage, make_state)
    head = stage.step(_missing(make_state, 9.0)).head
    assert head is not None
    assert [0.0, 0.0, -0.5] == head.position_m.tolist()


def test_a_calibrated_head_rests_at_its_origin(make_state: States) -> None:
    """Positions are counted from the neutral then."""
    stage = _stage(neutral=CENTRED)
    for i in range(FPS):
        stage.step(make_state(position_m=(0.1, 0.0, 0.05), t=i / FPS))
    head = stage.step(_missing(make_state, 9.0)).head
    assert head is not None
    assert [0.0, 0.0, 0.0] == head.position_m.tolist()


def test_a_face_without_head_has_none_at_rest(make_state: States) -> None:
    """Absence stays absence."""
    stage = _stage()
    stage.step(make_state(head=None))
    assert [None, None] == [stage.step(_missing(make_state, t)).head for t in (0.3, 9.0)]


def test_when_asked_does_not_matter(make_state: States) -> None:
    """Irregular ticks see the same curve."""
    dense, sparse = _stage(), _stage()
    for stage in (dense, sparse):
        _watched(stage, make_state)
    times = np.arange(0.01, 1.6, 0.01).tolist()
    curve = dict(zip(times, _jaws(dense.step(_missing(make_state, t)) for t in times), strict=True))
    picked = [times[i] for i in (0, 17, 18, 44, 90, 91, 120, 158)]
    assert [curve[t] for t in picked] == _jaws(sparse.step(_missing(make_state, t)) for t in picked)


def test_the_face_returns_live_and_blends_in(make_state: States) -> None:
    """From what is shown to the face within 0.25 s; LIVE all the time, and box and landmarks are there."""
    stage = _stage()
    _watched(stage, make_state, jaw=0.4)
    for i in range(1, 60):
        stage.step(_missing(make_state, i / FPS))
    back = [stage.step(make_state(weights={"jawOpen": 0.8}, box=(0, 0, 1, 1), t=(60 + i) / FPS)) for i in range(9)]
    jaws = _jaws(back)
    assert {Presence.LIVE} == {state.presence for state in back}
    assert 0.0 < jaws[0] < 0.1
    assert sorted(jaws) == jaws
    assert 0.8 == pytest.approx(jaws[-1])
    assert (0, 0, 1, 1) == back[0].box


def test_after_the_blend_frames_pass_again(make_state: States) -> None:
    """The same object."""
    stage = _stage()
    _watched(stage, make_state)
    stage.step(_missing(make_state, 1.0))
    stage.step(make_state(t=1.03))
    state = make_state(seed=4, t=1.03 + LONGER * BLEND)
    assert state is stage.step(state)


def test_a_return_in_the_middle_of_easing_goes_on_from_there(make_state: States) -> None:
    """No step back to the held pose, none to rest."""
    stage = _stage()
    _watched(stage, make_state, jaw=0.8)
    shown = float(stage.step(_missing(make_state, GRACE + HOLD + 0.4)).weights[JAW])
    back = float(stage.step(make_state(weights={"jawOpen": 0.8}, t=GRACE + HOLD + 0.41)).weights[JAW])
    assert 0.4 == pytest.approx(shown)
    assert shown == pytest.approx(back, abs=0.01)


def test_a_loss_in_the_middle_of_a_blend_holds_what_is_shown(make_state: States) -> None:
    """Not the face that was not yet reached."""
    stage = _stage()
    _watched(stage, make_state, jaw=0.0)
    stage.step(_missing(make_state, 2.0))
    shown = [float(stage.step(make_state(weights={"jawOpen": 1.0}, t=2.03 + i / FPS)).weights[JAW]) for i in range(3)][-1]
    assert 0.1 < shown < 0.9
    assert shown == float(stage.step(_missing(make_state, 2.12)).weights[JAW])


def test_flickering_still_gets_through(make_state: States) -> None:
    """A face seen in every second frame only moves the avatar nevertheless."""
    stage = _stage()
    _watched(stage, make_state, jaw=0.0)
    shown = 0.0
    for i in range(1, 80):
        live = make_state(weights={"jawOpen": 1.0}, t=i / FPS)
        shown = float(stage.step(live if i % 2 else _missing(make_state, i / FPS)).weights[JAW])
    assert shown > 0.8


def test_a_new_neutral_makes_older_poses_worthless(make_state: States) -> None:
    """After a recentre in front of a loss, what is held is the pose after it."""
    neutral = [IDENTITY_NEUTRAL]
    stage = PresenceStage(PresenceSettings(), neutral=lambda: neutral[0])
    _watched(stage, make_state, yaw=20)
    neutral[0] = CENTRED
    stage.step(make_state(yaw=0, position_m=(0, 0, 0), t=0.03))
    head = stage.step(_missing(make_state, 0.4)).head
    assert head is not None
    assert [0.0, 0.0, 0.0] == head.position_m.tolist()


def test_disabled_goes_to_rest_at_once_and_comes_back_at_once(make_state: States) -> None:
    """LIVE passes, absence is LOST; the uncalibrated head stays in its place."""
    stage = _stage(enabled=False)
    _watched(stage, make_state)
    lost = stage.step(_missing(make_state, 0.03))
    assert Presence.LOST is lost.presence
    assert ZERO_WEIGHTS is lost.weights
    assert lost.head is not None
    assert [0.0, 0.0, -0.5] == lost.head.position_m.tolist()
    assert stage.at_rest
    state = make_state(seed=1, t=0.06)
    assert state is stage.step(state)


def test_all_times_zero_is_allowed(make_state: States) -> None:
    """Rest at once, back at once; no division by zero."""
    stage = PresenceStage(PresenceSettings(grace_s=0, hold_s=0, hold_ease_s=0, ease_s=0, blend_s=0))
    _watched(stage, make_state)
    assert ZERO_WEIGHTS is stage.step(_missing(make_state, 0.03)).weights
    state = make_state(seed=1, t=0.06)
    assert state is stage.step(state)


def test_at_rest_only_when_nothing_moves(make_state: States) -> None:
    """Not while live, held or easing."""
    stage = _stage()
    rests = [stage.at_rest]
    _watched(stage, make_state)
    rests.append(stage.at_rest)
    for gap_s in (0.3, 1.0, 1.5):
        stage.step(_missing(make_state, gap_s))
        rests.append(stage.at_rest)
    assert [True, False, False, False, True] == rests


def test_reset_is_as_before_the_first_face(make_state: States) -> None:
    """Rest, and the next face at once."""
    stage = _stage()
    _watched(stage, make_state)
    stage.reset()
    assert IDENTITY_HEAD is stage.step(_missing(make_state, 0.03)).head
    state = make_state(seed=1, t=0.06)
    assert state is stage.step(state)
