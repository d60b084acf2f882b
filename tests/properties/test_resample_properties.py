"""Laws of resampling: bounded, without jumps, whatever the arrival times."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import space
from bridge.settings import Motion
from bridge.stages.mirror import mirror_state
from bridge.stages.resample import Foresight, Resampler
from bridge.types import FaceState, Presence

States = Callable[..., FaceState]

slow = settings(deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)
presences = st.sampled_from(list(Presence))
arrivals = st.lists(st.tuples(seeds, st.floats(0.0, 0.2), st.floats(-0.01, 0.1), presences), min_size=1, max_size=15)
"""(face, seconds since the last arrival, delay from capture to arrival, presence)."""
gammas = st.floats(0, 1)


def _answers(
    make_state: States, resampler: Resampler, plan: list[tuple[int, float, float, Presence]], *, tick_s: float
) -> list[tuple[float, FaceState]]:
    """What it gives every ``tick_s`` while these states arrive."""
    answers, now, tick = [], 0.0, 0.0
    for seq, (seed, wait_s, delay_s, presence) in enumerate(plan):
        now += wait_s
        while tick < now:
            state = resampler.at(tick)
            if state is not None:
                answers.append((tick, state))
            tick += tick_s
        resampler.push(make_state(seed=seed, seq=seq, t=now - delay_s, presence=presence), now=now)
    for _ in range(60):
        state = resampler.at(tick)
        assert state is not None
        answers.append((tick, state))
        tick += tick_s
    return answers


@slow
@given(arrivals, gammas, gammas)
def test_always_a_believable_face(
    make_state: States, plan: list[tuple[int, float, float, Presence]], weights_gamma: float, head_gamma: float
) -> None:
    """Weights in 0..1, unit quaternions, finite positions, whatever arrives when."""
    resampler = Resampler(foresight=Foresight(weights=weights_gamma, head=head_gamma))
    for _, state in _answers(make_state, resampler, plan, tick_s=1 / 60):
        assert ((state.weights >= 0.0) & (state.weights <= 1.0)).all()
        assert state.head is not None
        assert 1.0 == pytest.approx(float(np.linalg.norm(state.head.quat_xyzw)), abs=1e-9)
        assert np.isfinite(state.head.position_m).all()


@slow
@given(arrivals)
def test_never_a_jump(make_state: States, plan: list[tuple[int, float, float, Presence]]) -> None:
    """In 2 ms nothing moves farther than the shortest segment allows: half of its way."""
    answers = _answers(make_state, Resampler(), plan, tick_s=0.002)
    for (_, last), (_, state) in pairwise(answers):
        assert np.abs(state.weights - last.weights).max() <= 0.5 + 1e-6
        assert state.head is not None
        assert last.head is not None
        assert space.angle_between_deg(state.head.quat_xyzw, last.head.quat_xyzw) <= 90.0 + 1e-6


@slow
@given(arrivals)
def test_it_arrives(make_state: States, plan: list[tuple[int, float, float, Presence]]) -> None:
    """When nothing new comes, weights and gaze end at the newest state exactly, and so do its number and presence."""
    resampler = Resampler()
    _, last = _answers(make_state, resampler, plan, tick_s=1 / 60)[-1]
    newest = make_state(seed=plan[-1][0])
    assert newest.weights.tolist() == last.weights.tolist()
    assert (newest.gaze, len(plan) - 1, plan[-1][3]) == (last.gaze, last.seq, last.presence)


@slow
@given(seeds, seeds, st.floats(0.005, 0.2), gammas)
def test_prediction_goes_no_farther_than_the_last_motion(
    make_state: States, seed: int, other: int, dt: float, gamma: float
) -> None:
    """And never against it: beyond the new state by at most the step that led there."""
    first, second = make_state(seed=seed, t=0.0), make_state(seed=other, t=dt)
    resampler = Resampler(foresight=Foresight(weights=gamma, head=gamma))
    resampler.push(first)
    resampler.push(second)
    shown = resampler.at(second.t_done + resampler.interval_s)
    assert shown is not None
    assert first.head is not None
    assert second.head is not None
    assert shown.head is not None
    step, ahead = second.head.position_m - first.head.position_m, shown.head.position_m - second.head.position_m
    assert (ahead * step >= -1e-12).all()
    assert (np.abs(ahead) <= gamma * np.abs(step) + 1e-9).all()


@slow
@given(arrivals)
def test_hold_gives_what_came(make_state: States, plan: list[tuple[int, float, float, Presence]]) -> None:
    """Only states that were pushed."""
    known = [make_state(seed=seed).weights.tolist() for seed, *_ in plan]
    for _, state in _answers(make_state, Resampler(motion="hold"), plan, tick_s=1 / 60):
        assert state.weights.tolist() == known[state.seq]


@slow
@given(arrivals)
def test_times_never_run_back(make_state: States, plan: list[tuple[int, float, float, Presence]]) -> None:
    """As long as those that come do not, and by no more than the clock."""
    captured = np.cumsum([max(0.0, wait_s - 0.005) for _, wait_s, _, _ in plan])
    resampler, now, times = Resampler(), 0.0, []
    for seq, ((seed, wait_s, _, presence), t) in enumerate(zip(plan, captured.tolist(), strict=True)):
        now += wait_s
        resampler.push(make_state(seed=seed, seq=seq, t=t, presence=presence), now=now)
        for later in (0.0, 0.3, 0.7):
            state = resampler.at(now + later * 0.005)
            assert state is not None
            times.append(state.t)
            assert state.t <= now + 0.005
    assert times == sorted(times)


@slow
@given(st.lists(st.floats(-0.003, 0.003), min_size=40, max_size=40), st.sampled_from([15.0, 25.0, 30.0]))
def test_jittered_arrivals_of_a_steady_turn_make_no_jump(make_state: States, jitter: list[float], fps: float) -> None:
    """60 ° a second, results up to 3 ms early or late: at 60 Hz no step is above twice the even one, none goes back."""
    resampler, waiting = Resampler(), [(i / fps + 0.014 + late, i / fps) for i, late in enumerate(jitter)]
    yaws = []
    for tick in np.arange(0.1, 39 / fps, 1 / 60).tolist():
        while waiting and waiting[0][0] <= tick:
            arrival, t = waiting.pop(0)
            resampler.push(make_state(yaw=60.0 * t - 45.0, t=t), now=arrival)
        state = resampler.at(tick)
        assert state is not None
        assert state.head is not None
        yaws.append(space.to_euler_deg(state.head.quat_xyzw)[0])
    steps = np.diff(yaws)[round(60 / fps * 4) :]
    assert steps.min() >= -1e-6
    assert steps.max() <= 2.0


@slow
@given(arrivals, st.sampled_from(["linear", "low-latency"]))
def test_left_and_right_are_treated_alike(
    make_state: States, plan: list[tuple[int, float, float, Presence]], motion: Motion
) -> None:
    """The mirror image of the move is the move of the mirror images."""
    plain, mirrored = (Resampler(motion=motion) for _ in range(2))
    now = 0.0
    for seq, (seed, wait_s, delay_s, presence) in enumerate(plan):
        now += wait_s
        state = make_state(seed=seed, seq=seq, t=now - delay_s, presence=presence)
        plain.push(state, now=now)
        mirrored.push(mirror_state(state), now=now)
        one, other = plain.at(now + 0.01), mirrored.at(now + 0.01)
        assert one is not None
        assert other is not None
        np.testing.assert_allclose(mirror_state(one).weights, other.weights, atol=1e-6)
