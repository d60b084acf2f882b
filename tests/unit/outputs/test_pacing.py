"""The grid of sends, an output's own rate, and the pauses between attempts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bridge.outputs.pacing import Backoff, Cadence, SendGrid
from bridge.types import FaceState

# --- SendGrid --------------------------------------------------------------------------------------------------------


def test_the_grid_begins_with_the_first_send() -> None:
    """Due at once, then a period later."""
    grid = SendGrid(10.0)

    assert 0.0 == grid.wait_s(5.0)
    grid.advance(5.0)
    assert pytest.approx(0.1) == grid.wait_s(5.0)
    assert pytest.approx(0.04) == grid.wait_s(5.06)
    assert 0.0 == grid.wait_s(5.2)


def test_a_late_send_does_not_shift_the_grid() -> None:
    """30 ms late: the next instant is 70 ms away."""
    grid = SendGrid(10.0)
    grid.advance(0.0)
    grid.advance(0.13)

    assert pytest.approx(0.07) == grid.wait_s(0.13)


def test_missed_instants_are_skipped() -> None:
    """After a pause of 5.5 periods there is one send, not six."""
    grid = SendGrid(10.0)
    grid.advance(0.0)
    grid.advance(0.65)

    assert pytest.approx(0.05) == grid.wait_s(0.65)


# --- Cadence ---------------------------------------------------------------------------------------------------------


def _play(cadence: Cadence, states: list[FaceState], *, until: float, step_s: float = 0.001) -> list[tuple[float, FaceState]]:
    """What is sent when, each state pushed at its own time."""
    sent, waiting = [], list(states)
    for i in range(round(until / step_s)):
        now = i * step_s
        while waiting and waiting[0].t <= now:
            cadence.push(waiting.pop(0), now)
        state = cadence.take(now)
        if state is not None:
            sent.append((now, state))
    return sent


def _ramp(make_state: Callable[..., FaceState], rate_hz: float, count: int) -> list[FaceState]:
    return [make_state(seq=i, t=i / rate_hz, weights={"jawOpen": i / count}) for i in range(count)]


def test_before_the_first_state_there_is_nothing_to_wait_for() -> None:
    """None: only a push changes that."""
    cadence = Cadence(10.0)

    assert (None, None) == (cadence.wait_s(0.0), cadence.take(0.0))


def test_a_lower_rate_sends_the_newest_state_as_it_is(make_state: Callable[..., FaceState]) -> None:
    """10 of 30: the very objects, every third."""
    sent = _play(Cadence(10.0), _ramp(make_state, 30.0, 30), until=1.0)

    assert [0, 3, 6, 9] == [state.seq for _, state in sent[:4]]
    assert 10 == len(sent)


def test_a_higher_rate_fills_in_the_motion(make_state: Callable[..., FaceState]) -> None:
    """120 of 30 on a ramp: four sends a state, the jaw opens a little with each, never back, without a jump."""
    sent = _play(Cadence(120.0), _ramp(make_state, 30.0, 60), until=2.0)
    jaw = np.array([state.weights[17] for _, state in sent])
    steps = np.diff(jaw[20:])

    assert 240 == pytest.approx(len(sent), abs=2)
    assert 0.0 <= steps.min()
    assert steps.max() < 2.0 / 60 / 4 * 1.5


def test_the_newest_state_is_sent_again_when_none_comes(make_state: Callable[..., FaceState]) -> None:
    """Receivers take silence for loss."""
    sent = _play(Cadence(10.0), [make_state(t=0.0)], until=1.0)

    assert 10 == len(sent)


def test_hold_sends_the_newest_state_as_it_is(make_state: Callable[..., FaceState]) -> None:
    """Also at 120 of 30: the very objects, again and again."""
    states = _ramp(make_state, 30.0, 30)
    sent = _play(Cadence(120.0, motion="hold"), states, until=1.0)

    assert all(state is states[state.seq] for _, state in sent)
    assert 120 == pytest.approx(len(sent), abs=2)


def test_low_latency_is_ahead_of_linear(make_state: Callable[..., FaceState]) -> None:
    """On a ramp, by a quarter of an interval's motion."""
    plain, quick = (
        np.array([state.weights[17] for _, state in _play(cadence, _ramp(make_state, 30.0, 60), until=1.5)])
        for cadence in (Cadence(60.0), Cadence(60.0, motion="low-latency"))
    )

    assert 0.25 / 60 == pytest.approx(float(np.mean(quick[30:] - plain[30:])), rel=0.05)


def test_a_rate_near_the_limit_does_not_flip(make_state: Callable[..., FaceState]) -> None:
    """40 of a source that wavers between 28 and 32: what began to move between states goes on to."""
    cadence, times = Cadence(40.0), np.cumsum([1 / 28] * 30 + [1 / 32, 1 / 29] * 40).tolist()
    states = [make_state(seq=i, t=t, weights={"jawOpen": i / 200}) for i, t in enumerate(times)]
    sent = [state for now, state in _play(cadence, states, until=times[-1]) if now > 1.0]

    assert not any(state is states[state.seq] for state in sent)


# --- Backoff ---------------------------------------------------------------------------------------------------------


def test_pauses_double_from_half_a_second_to_thirty() -> None:
    """With the jitter in its middle."""
    backoff = Backoff(random_fraction=lambda: 0.5)

    assert [0.5, 1, 2, 4, 8, 16, 30, 30] == [backoff.next_s() for _ in range(8)]


@pytest.mark.parametrize(("fraction", "pauses"), [(0.0, [0.4, 0.8]), (1.0, [0.6, 1.2])])
def test_jitter_is_a_fifth(fraction: float, pauses: list[float]) -> None:
    """Shorter or longer, so that outputs do not try in step."""
    backoff = Backoff(random_fraction=lambda: fraction)

    assert pytest.approx(pauses) == [backoff.next_s() for _ in range(2)]


def test_no_pause_is_longer_than_the_longest() -> None:
    """Jitter included, however many failures."""
    backoff = Backoff(random_fraction=lambda: 1.0)

    assert 30.0 == max(backoff.next_s() for _ in range(2000))


def test_success_begins_anew() -> None:
    """With the shortest pause."""
    backoff = Backoff(random_fraction=lambda: 0.5)
    backoff.next_s()
    backoff.next_s()
    backoff.reset()

    assert 0.5 == backoff.next_s()
