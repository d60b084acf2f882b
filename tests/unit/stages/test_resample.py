"""Motion between tracked frames."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bridge import arkit, space
from bridge.stages.resample import Foresight, Resampler
from bridge.types import FaceState, Gaze, Presence

States = Callable[..., FaceState]
T = 1 / 30
JAW = arkit.INDEX["jawOpen"]


def _yaw(state: FaceState | None) -> float:
    assert state is not None
    assert state.head is not None
    return space.to_euler_deg(state.head.quat_xyzw)[0]


def _jaw(state: FaceState | None) -> float:
    assert state is not None
    return float(state.weights[JAW])


def test_before_the_first_state_there_is_nothing() -> None:
    """Not rest: nobody was heard of."""
    assert Resampler().at(1.0) is None


def test_the_first_state_is_there_at_once(make_state: States) -> None:
    """There is nothing to come from."""
    resampler, state = Resampler(), make_state(seed=1, t=0.0)
    resampler.push(state)
    assert state is resampler.at(0.0)


def test_weights_move_in_a_line_to_the_newest_state(make_state: States) -> None:
    """Within one capture interval, without overshoot; then they stay."""
    resampler = Resampler()
    for i, jaw in enumerate((0.2, 0.6)):
        resampler.push(make_state(weights={"jawOpen": jaw}, t=i * T))
    shares = (0.0, 0.25, 0.5, 1.0, 3.0)
    assert [0.2, 0.3, 0.4, 0.6, 0.6] == pytest.approx([_jaw(resampler.at(T + share * T)) for share in shares])


def test_the_head_goes_half_a_motion_further(make_state: States) -> None:
    """Foresight 0.5: from 0° over 10° to 15°, in place too; taken back when nothing confirms it."""
    resampler = Resampler()
    for i in range(2):
        resampler.push(make_state(yaw=10 * i, position_m=(0.02 * i, 0, -0.5), t=i * T))
    assert [0.0, 7.5, 15.0, 15.0] == pytest.approx([_yaw(resampler.at(T + share * T)) for share in (0.0, 0.5, 1.0, 1.5)])
    state = resampler.at(2.5 * T)
    assert state is not None
    assert state.head is not None
    assert 0.03 == pytest.approx(float(state.head.position_m[0]))
    assert [12.5, 10.0, 10.0] == pytest.approx([_yaw(resampler.at(T + share * T)) for share in (2.0, 2.5, 9.0)])


def test_a_head_at_rest_is_the_tracked_one(make_state: States) -> None:
    """Without motion nothing is predicted; its very look comes out."""
    resampler = Resampler()
    states = [make_state(yaw=10, t=i * T) for i in range(2)]
    for state in states:
        resampler.push(state)
    after = resampler.at(3 * T)
    assert after is not None
    assert (states[-1].weights is after.weights, states[-1].head is after.head) == (True, True)


def test_times_go_on_with_the_output(make_state: States) -> None:
    """Two sends between states are not of the same moment: receivers that look at time would drop one. Both times, never back."""
    resampler = Resampler()
    resampler.push(make_state(t=0.0, t_done=0.02), now=0.03)
    resampler.push(make_state(t=T, t_done=T + 0.02), now=T + 0.03)
    first, second = resampler.at(T + 0.03), resampler.at(T + 0.04)
    resampler.push(make_state(t=T + 0.002, t_done=T + 0.02), now=T + 0.04)
    third = resampler.at(T + 0.041)
    assert first is not None
    assert second is not None
    assert third is not None
    assert [T, T + 0.01, T + 0.01] == pytest.approx([first.t, second.t, third.t])
    assert pytest.approx(T + 0.03) == second.t_done


def test_a_head_that_brakes_is_not_thrown_ahead(make_state: States) -> None:
    """10°, then 6°: 2° are to be expected next, half of it is shown; 10°, then 5°: nothing."""
    for turn, expected in ((16.0, 17.0), (15.0, 15.0)):
        resampler = Resampler()
        for i, yaw in enumerate((0.0, 10.0, turn)):
            resampler.push(make_state(yaw=yaw, position_m=(yaw / 1000, 0, -0.5), t=i * T))
        state = resampler.at(3 * T)
        assert expected == pytest.approx(_yaw(state))
        assert state is not None
        assert state.head is not None
        assert expected / 1000 == pytest.approx(float(state.head.position_m[0]))


def test_coefficients_brake_each_by_itself(make_state: States) -> None:
    """Low latency: the jaw goes on as fast and is shown a quarter further, the smile comes to rest, the pucker turns back."""
    resampler = Resampler(motion="low-latency")
    for i, (jaw, smile, pucker) in enumerate([(0.1, 0.1, 0.1), (0.3, 0.5, 0.5), (0.5, 0.7, 0.3)]):
        resampler.push(make_state(weights={"jawOpen": jaw, "mouthSmileLeft": smile, "mouthPucker": pucker}, t=i * T))
    state = resampler.at(3 * T)
    assert state is not None
    shown = [float(state.weights[arkit.INDEX[name]]) for name in ("jawOpen", "mouthSmileLeft", "mouthPucker")]
    assert [0.55, 0.7, 0.25] == pytest.approx(shown)


def test_slow_cameras_get_foresight_for_the_coefficients(make_state: States) -> None:
    """None at 25 fps, a quarter at 15: late by 82 ms otherwise (QUALITY.md, section 8)."""
    for fps, expected in ((25.0, 0.5), (15.0, 0.55)):
        resampler = Resampler()
        for i in range(60):
            resampler.push(make_state(weights={"jawOpen": 0.1 + 0.2 * max(0, i - 57)}, t=i / fps))
        assert expected == pytest.approx(_jaw(resampler.at(60 / fps)), abs=1e-3)


def test_gaze_moves_with_the_weights(make_state: States) -> None:
    """Linear, no prediction."""
    resampler = Resampler()
    for i in range(2):
        resampler.push(make_state(gaze=Gaze(left_deg=(10.0 * i, 0.0), right_deg=(0.0, -10.0 * i)), t=i * T))
    state = resampler.at(1.5 * T)
    assert state is not None
    assert (5.0, 0.0) == pytest.approx(state.gaze.left_deg)
    assert (0.0, -5.0) == pytest.approx(state.gaze.right_deg)


def test_an_early_state_goes_on_from_where_the_move_is(make_state: States) -> None:
    """Arrival jitter never makes a jump."""
    resampler = Resampler()
    for i, (jaw, now) in enumerate([(0.0, 0.0), (0.6, T), (0.2, 1.5 * T)]):
        resampler.push(make_state(weights={"jawOpen": jaw}, t=i * T), now=now)
    assert [0.3, 0.25, 0.2] == pytest.approx([_jaw(resampler.at(t)) for t in (1.5 * T, 2.0 * T, 2.5 * T)])


def test_a_state_that_says_it_came_earlier_than_the_last_answer_does_not_jump(make_state: States) -> None:
    """The segment begins at what was sent last."""
    resampler = Resampler()
    resampler.push(make_state(weights={"jawOpen": 0.0}, t=0.0))
    resampler.push(make_state(weights={"jawOpen": 0.6}, t=T))
    sent = _jaw(resampler.at(1.5 * T))
    resampler.push(make_state(weights={"jawOpen": 0.6}, t=2 * T, t_done=1.2 * T))
    assert sent == pytest.approx(_jaw(resampler.at(1.5 * T)))


def test_the_segment_follows_the_capture_interval(make_state: States) -> None:
    """At 15 fps a move takes 1/15 s."""
    resampler = Resampler()
    for i in range(60):
        resampler.push(make_state(yaw=0.0, weights={"jawOpen": 0.0}, t=i / 15))
    resampler.push(make_state(weights={"jawOpen": 0.6}, t=4.0))
    assert 1 / 15 == pytest.approx(resampler.interval_s, rel=1e-3)
    assert 0.5 * 0.6 * 1.25 == pytest.approx(_jaw(resampler.at(4.0 + 1 / 30)), abs=0.01)


def test_dropped_frames_do_not_exaggerate_the_prediction(make_state: States) -> None:
    """Motion over three intervals, prediction over one: half of a third of it."""
    resampler = Resampler()
    resampler.push(make_state(yaw=0, t=0.0))
    resampler.push(make_state(yaw=30, t=10 * T))
    assert 30.0 + 0.5 * 30.0 / 10 == pytest.approx(_yaw(resampler.at(11.2 * T)))


def test_nothing_is_predicted_across_a_loss(make_state: States) -> None:
    """Neither into it nor out of it; presence is the newest state's."""
    resampler = Resampler()
    presences = (Presence.LIVE, Presence.HELD, Presence.LIVE)
    for i, presence in enumerate(presences):
        resampler.push(make_state(yaw=10 * i, presence=presence, t=i * T))
        state = resampler.at((i + 0.999) * T)
        assert state is not None
        assert presence is state.presence
        assert _yaw(state) <= 10 * i + 1e-6


def test_a_head_that_comes_or_goes(make_state: States) -> None:
    """There is nothing to move from, and nothing left to show."""
    resampler = Resampler()
    resampler.push(make_state(head=None, t=0.0))
    resampler.push(make_state(yaw=20, t=T))
    assert 20.0 == pytest.approx(_yaw(resampler.at(1.5 * T)))
    resampler.push(make_state(head=None, t=2 * T))
    state = resampler.at(3.5 * T)
    assert state is not None
    assert state.head is None


def test_hold_gives_the_newest_state_as_it_came(make_state: States) -> None:
    """The very object, at any time."""
    resampler = Resampler(motion="hold")
    for i in range(3):
        state = make_state(seed=i, t=i * T)
        resampler.push(state)
        assert [state, state] == [resampler.at(t) for t in (i * T, (i + 0.5) * T)]


def test_time_that_goes_back_gets_the_latest_answer(make_state: States) -> None:
    """It never moves backwards."""
    resampler = Resampler()
    for i, jaw in enumerate((0.0, 0.6)):
        resampler.push(make_state(weights={"jawOpen": jaw}, t=i * T))
    later = _jaw(resampler.at(1.5 * T))
    assert later == _jaw(resampler.at(1.1 * T))


def test_weights_can_be_predicted_too_and_stay_in_range(make_state: States) -> None:
    """Low latency: 0.3, 0.9 aims at 1.05, which is 1."""
    resampler = Resampler(motion="low-latency")
    for i, jaw in enumerate((0.3, 0.9)):
        resampler.push(make_state(weights={"jawOpen": jaw}, t=i * T))
    assert 1.0 == _jaw(resampler.at(2 * T))


def test_reset_is_as_before_the_first_state(make_state: States) -> None:
    """Nothing to show, and the next state is there at once, however early its time."""
    resampler = Resampler()
    resampler.push(make_state(weights={"jawOpen": 0.9}, t=50.0))
    resampler.at(50.0)
    resampler.reset()
    assert resampler.at(51.0) is None
    resampler.push(make_state(weights={"jawOpen": 0.3}, t=0.0))
    assert 0.3 == pytest.approx(_jaw(resampler.at(0.0)))


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_prediction_beyond_the_last_motion_is_refused(share: float) -> None:
    """Or against it."""
    with pytest.raises(ValueError, match="foresight"):
        Foresight(weights=0.0, head=share)


def test_a_head_turn_at_60_hz_is_smooth_and_overshoots_little(make_state: States) -> None:
    """30° in 0.35 s tracked at 30 fps with 2 ms capture and 3 ms arrival jitter: six times smoother than holding, and at most
    4 % too far (QUALITY.md, sections 8 and 9)."""

    def turn(t: float) -> float:
        x = min(1.0, max(0.0, (t - 0.3) / 0.35))
        return 15.0 * (1.0 - math.cos(math.pi * x))

    def sent(resampler: Resampler) -> np.ndarray:
        random = np.random.default_rng(1)
        captures = [i * T + 0.002 * float(random.standard_normal()) for i in range(36)]
        arrivals = [t + 0.014 + 0.003 * float(random.standard_normal()) for t in captures]
        waiting = list(zip(arrivals, captures, strict=True))
        yaws = []
        for tick in np.arange(0.03, 1.1, 1 / 60):
            while waiting and waiting[0][0] <= tick:
                arrival, capture = waiting.pop(0)
                resampler.push(make_state(yaw=turn(capture), t=capture), now=arrival)
            yaws.append(_yaw(resampler.at(float(tick))))
        return np.array(yaws)

    moving, holding = sent(Resampler()), sent(Resampler(motion="hold"))
    assert np.abs(np.diff(moving, 2)).mean() < np.abs(np.diff(holding, 2)).mean() / 4
    assert moving.max() <= 30.0 * 1.01
    assert 30.0 == pytest.approx(moving[-1], abs=0.1)
