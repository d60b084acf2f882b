"""Columns over time: what is held where nobody is seen, and which moments count."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bridge import arkit
from bridge.mapping.vrm import VrmMapping
from bridge.settings import EyesSettings
from bridge.types import Face, FaceState, Gaze, Presence, TrackResult, frozen_array
from bridge.wire import animation as module
from bridge.wire.animation import EXPRESSIONS, AnimationCollector

MakeState = Callable[..., FaceState]


def result_at(t: float, state: FaceState | None) -> TrackResult:
    """A result with this state's face, or none."""
    faces = () if state is None else (Face(weights=state.weights, head=state.head),)
    return TrackResult(seq=0, t=t, t_done=t, faces=faces)


def test_a_result_is_a_moment(make_state: MakeState) -> None:
    """Coefficients and head bit by bit, times from the first, presets and gaze by the mappings."""
    states = [make_state(seed=i) for i in range(3)]
    collector = AnimationCollector()
    for i, state in enumerate(states):
        collector.add_result(result_at(100.0 + 0.25 * i, state))

    take = collector.finished()

    assert [0.0, 0.25, 0.5] == take.times_s.tolist()
    assert np.stack([state.weights for state in states]).tobytes() == take.weights.tobytes()
    np.testing.assert_array_equal([state.head.quat_xyzw for state in states if state.head], take.head_xyzw)
    assert VrmMapping().step(states[2].weights, Gaze(left_deg=(0, 0), right_deg=(0, 0)))[:12].tolist() == take.presets[2].tolist()
    assert 12 == len(EXPRESSIONS)


def test_an_unseen_face_holds_its_last_pose(make_state: MakeState) -> None:
    """At rest before the first; a face without a head keeps the head of before."""
    seen, headless = make_state(seed=1), make_state(weights={"jawOpen": 0.5}, head=None)
    collector = AnimationCollector()
    for t, state in enumerate([None, seen, None, headless]):
        collector.add_result(result_at(float(t), state))

    take = collector.finished()

    assert not take.weights[0].any()
    assert [0.0, 0.0, 0.0, 1.0] == take.head_xyzw[0].tolist()
    assert take.weights[1].tobytes() == take.weights[2].tobytes()
    assert take.head_xyzw[1].tolist() == take.head_xyzw[2].tolist() == take.head_xyzw[3].tolist()
    assert 0.5 == take.weights[3, arkit.INDEX["jawOpen"]]


def test_states_come_as_avatars_show_them(make_state: MakeState) -> None:
    """Held and lost ones too; their own gaze, as the mean of the eyes."""
    collector = AnimationCollector()
    gaze = Gaze(left_deg=(10.0, -4.0), right_deg=(20.0, -6.0))
    collector.add_state(make_state(seed=1, t=5.0, gaze=gaze, presence=Presence.HELD))
    collector.add_state(FaceState.rest(t=6.0))

    take = collector.finished()

    assert [[15.0, -5.0], [0.0, 0.0]] == take.gaze_deg.tolist()
    assert not take.weights[1].any()


def test_the_gaze_of_results_has_the_users_degrees(make_state: MakeState) -> None:
    """``[eyes]`` of the configuration."""
    collector = AnimationCollector(eyes=EyesSettings(gaze_yaw_deg=20.0))
    collector.add_result(result_at(0.0, make_state(weights={"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0})))

    assert [20.0, 0.0] == collector.finished().gaze_deg[0].tolist()


def test_times_rise_as_float32(make_state: MakeState) -> None:
    """Of two moments that a float32 cannot tell apart the newer counts; what goes back is left out, and counted."""
    first, second, third = (make_state(seed=i) for i in range(3))
    collector = AnimationCollector()
    for t, state in ((1000.0, first), (1100.0, first), (1100.000001, second), (1050.0, third), (1101.0, third)):
        collector.add_result(result_at(t, state))

    take = collector.finished()

    assert 1 == collector.left_out
    assert [0.0, 100.000001, 101.0] == pytest.approx(take.times_s.tolist(), abs=1e-9)
    assert second.weights.tobytes() == take.weights[1].tobytes()
    assert (np.diff(take.times_s.astype(np.float32)) > 0.0).all()


@pytest.mark.parametrize("t", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_times_that_are_none_are_left_out(t: float, make_state: MakeState) -> None:
    """As the first moment, and later."""
    for times in ((t, 1.0, 2.0), (1.0, t, 2.0)):
        collector = AnimationCollector()
        for each in times:
            collector.add_result(result_at(each, make_state(seed=1)))

        assert np.isfinite(collector.finished().times_s).all()


def test_numbers_that_are_not_finite_never_come_in(make_state: MakeState) -> None:
    """Such a face counts as unseen."""
    broken = make_state(weights=frozen_array(np.full(52, np.nan, np.float32)))
    collector = AnimationCollector()
    collector.add_result(result_at(0.0, make_state(weights={"jawOpen": 1.0})))
    collector.add_result(result_at(1.0, broken))
    collector.add_state(make_state(weights=broken.weights, t=2.0))

    take = collector.finished()

    assert [1.0, 1.0, 1.0] == take.weights[:, arkit.INDEX["jawOpen"]].tolist()


def test_nothing_is_one_moment_at_rest() -> None:
    """So that a file can be made of it."""
    take = AnimationCollector().finished()

    assert ([0.0], [[0.0, 0.0, 0.0, 1.0]]) == (take.times_s.tolist(), take.head_xyzw.tolist())


def test_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch, make_state: MakeState) -> None:
    """From MAX_KEYS on moments are counted only."""
    monkeypatch.setattr(module, "MAX_KEYS", 3)
    collector = AnimationCollector()
    for t in range(5):
        collector.add_state(make_state(seed=t, t=float(t)))

    assert (3, 2) == (len(collector), collector.left_out)


def test_results_of_an_animation(make_state: MakeState) -> None:
    """A face at each moment; the head is a canonical quaternion at the origin."""
    collector = AnimationCollector()
    for t in range(2):
        collector.add_state(make_state(seed=t, t=float(t)))
    take = collector.finished()

    results = take.results()

    assert [(0, 0.0), (1, 1.0)] == [(result.seq, result.t) for result in results]
    head = results[1].faces[0].head
    assert head is not None
    assert [0.0, 0.0, 0.0] == head.position_m.tolist()
    assert head.quat_xyzw[3] >= 0.0
    assert take.weights[1].tobytes() == results[1].faces[0].weights.tobytes()
