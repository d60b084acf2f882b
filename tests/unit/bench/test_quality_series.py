"""Faces as arrays, chains, and the grid of an output."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bridge import arkit
from bridge.bench import quality_motion as motions
from bridge.bench.quality_chains import (
    Bridge,
    at_rate,
    bridge_chain,
    held_at_rate,
    settings_of,
    through_ema,
    through_nothing,
    through_one_euro,
)
from bridge.bench.quality_series import (
    COLUMNS,
    DEAD,
    PITCH,
    ROLL,
    YAW,
    Series,
    Z,
    results_of_series,
    series_of_results,
    series_of_states,
)
from bridge.stages.calibration_commands import Recenter
from bridge.types import FaceState, Presence


def test_groups_share_the_live_channels_out() -> None:
    """Every channel that MediaPipe moves is in one group, the dead ones in none."""
    grouped = [i for columns in COLUMNS.values() for i in columns]

    assert len(grouped) == len(set(grouped))
    assert DEAD == {name for i, name in enumerate(arkit.NAMES) if i not in grouped}


def test_a_face_survives_the_way_there_and_back() -> None:
    """Series -> results -> series: angles, positions, weights, missing frames."""
    series = motions.NOD.truth(np.arange(60) / 30.0 + 3.0)
    series.live[7] = False

    back = series_of_results(results_of_series(series))

    np.testing.assert_allclose(back.pose[series.live], series.pose[series.live], atol=1e-9)
    np.testing.assert_allclose(back.weights[series.live], series.weights[series.live], atol=1e-6)
    assert not back.live[7]
    assert not back.weights[7].any()


def test_pose_columns_are_in_bridge_space(make_state: Callable[..., FaceState]) -> None:
    """Degrees and centimetres, each in its own column."""
    state = make_state(yaw=10, pitch=-20, roll=5, position_m=(0.01, 0.02, -0.45))

    pose = series_of_states([(1.0, state)]).pose[0]

    assert pytest.approx([10, -20, 5, -45]) == pose[[YAW, PITCH, ROLL, Z]].tolist()


def test_processing_never_lets_results_overtake() -> None:
    """The second result took less long than the first, and still comes after it."""
    series = motions.REST.truth(np.array([0.0, 0.01, 0.02]))

    done = [result.t_done for result in results_of_series(series, delay_s=np.array([0.03, 0.005, 0.01]))]

    assert sorted(done) == done
    assert pytest.approx(0.03) == done[1]


def _step(fps: float = 100.0) -> Series:
    t = np.arange(0.0, 2.0, 1.0 / fps)
    series = motions.REST.truth(t)
    series.weights[:] = 0.1
    series.weights[t >= 1.0] = 0.9
    return series


def test_the_exponential_mean_has_its_time_constant() -> None:
    """63 % of a step after 50 ms, at a high frame rate."""
    series = _step(1000.0)

    out = through_ema(results_of_series(series))

    made = (out.weights[:, 17] - 0.1) / 0.8
    assert pytest.approx(1.05, abs=0.003) == float(out.t[np.argmax(made >= 1 - np.exp(-1))])


def test_one_euro_follows_faster_than_a_filter_of_its_lowest_cutoff() -> None:
    """It opens with speed: 90 % of a step within four frames, where 1 Hz takes 366 ms."""
    out = through_one_euro(results_of_series(_step(30.0)))

    assert out.weights[34, 17] > 0.1 + 0.9 * 0.8


def test_filters_hold_while_nobody_is_seen() -> None:
    """And begin anew with the face that returns."""
    series = _step()
    series.live[80:110] = False

    out = through_ema(results_of_series(series))

    assert pytest.approx(0.1, abs=1e-6) == out.weights[109, 17]
    assert pytest.approx(0.9, abs=1e-6) == out.weights[110, 17]


def test_the_bridge_is_the_engine_with_its_commands() -> None:
    """A state for every result; after ``recenter`` the head is straight ahead."""
    settings = settings_of("balanced")
    take = motions.take(motions.REST)
    bridge = Bridge(settings)

    timed = bridge.states(take.results, [(take.results[60].t, Recenter())])

    assert len(take.results) == len(timed)
    series = series_of_states(timed)
    assert abs(float(series.pose[20, PITCH])) > 2.0
    assert abs(float(series.pose[-1, PITCH])) < 1.0


def test_runs_of_a_chain_do_not_know_each_other() -> None:
    """The same results give the same values again."""
    run = bridge_chain(settings_of("balanced"))
    take = motions.take(motions.SMILE)

    np.testing.assert_array_equal(run(take.results).weights, run(take.results).weights)


def test_an_output_of_60_hz_gets_every_instant_and_moves_between_results() -> None:
    """Instants lie 1/60 s apart, no two values of a moving face are the same."""
    take = motions.take(motions.NOD)

    sent = at_rate(Bridge(settings_of("balanced")).states(take.results), 60.0)

    np.testing.assert_allclose(np.diff(sent.t), 1 / 60, atol=1e-6)
    nodding = (sent.t > 4) & (sent.t < 8)
    assert (np.diff(sent.pose[nodding, PITCH]) != 0).all()


def test_holding_repeats_the_newest_value() -> None:
    """At twice the rate every value comes twice."""
    nodding = motions.take(motions.NOD).raw

    held = held_at_rate(nodding, np.arange(len(nodding.t)) / 30.0 + 0.001, 60.0)

    repeats = held.pose[1:, PITCH] == held.pose[:-1, PITCH]
    assert pytest.approx(0.5, abs=0.02) == float(repeats.mean())


def test_nothing_changes_nothing() -> None:
    """The raw chain is the results."""
    take = motions.take(motions.REST)

    np.testing.assert_allclose(through_nothing(take.results).weights, take.raw.weights, atol=1e-6)


def test_missing_faces_are_not_live() -> None:
    """Presence decides, not the values."""
    rest = FaceState.rest()

    assert Presence.LOST is rest.presence
    assert not series_of_states([(0.0, rest)]).live[0]
