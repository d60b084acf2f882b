"""Camera or tracker stand still: not the same as a face that is not in the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

from bridge import arkit
from bridge.settings import PresenceSettings
from bridge.stages.presence import PresenceStage
from bridge.types import ZERO_WEIGHTS, FaceState, Presence

States = Callable[..., FaceState]
FPS = 30
GRACE, HOLD, EASE, STALL = 0.1, 0.5, 0.8, 1.0
JAW = arkit.INDEX["jawOpen"]


def _stage() -> PresenceStage:
    settings = PresenceSettings(grace_s=GRACE, hold_s=HOLD, hold_ease_s=0.2, ease_s=EASE, blend_s=0.25, stall_hold_s=STALL)
    return PresenceStage(settings)


def _watched(stage: PresenceStage, make_state: States, *, jaw: float = 0.4, yaw: float = 20.0) -> float:
    """One second of a still face; returns the time of its last frame, 0."""
    for i in range(-FPS, 1):
        stage.step(make_state(weights={"jawOpen": jaw}, yaw=yaw, t=i / FPS))
    return 0.0


def _missing(make_state: States, t: float) -> FaceState:
    return make_state(presence=Presence.LOST, head=None, t=t, t_done=t + 0.01, seq=7)


def _jaws(states: Iterable[FaceState]) -> list[float]:
    return [float(state.weights[JAW]) for state in states]


def _silence(make_state: States, t: float) -> FaceState:
    return replace(_missing(make_state, t), stalled=True)


def test_in_a_stall_everything_stands_still_as_it_was(make_state: States) -> None:
    """For stall_hold_s, even where the last frame was unlike those before: nothing covers the face. And the state says so."""
    stage = _stage()
    _watched(stage, make_state)
    stage.step(make_state(weights={"jawOpen": 0.95}, yaw=50, t=0.001))
    for t in (0.05, 0.3, 0.7, STALL + 0.0):
        state = stage.step(_silence(make_state, t))
        assert (Presence.HELD, True) == (state.presence, state.stalled)
        assert 0.95 == pytest.approx(float(state.weights[JAW]))


def test_after_the_stall_hold_it_eases_to_rest(make_state: States) -> None:
    """The time of the loss begins then: HELD for grace and hold, then LOST, without a step; still stalled."""
    stage = _stage()
    _watched(stage, make_state)
    held = stage.step(_silence(make_state, STALL + GRACE + HOLD - 0.001))
    half = stage.step(_silence(make_state, STALL + GRACE + HOLD + EASE / 2))
    rest = stage.step(_silence(make_state, STALL + GRACE + HOLD + EASE + 0.001))
    assert [Presence.HELD, Presence.LOST, Presence.LOST] == [state.presence for state in (held, half, rest)]
    assert [0.4, 0.2, 0.0] == pytest.approx(_jaws((held, half, rest)))
    assert (True, True) == (rest.stalled, stage.at_rest)


def test_a_stall_is_not_at_rest_while_it_is_held(make_state: States) -> None:
    """The engine goes on asking."""
    stage = _stage()
    _watched(stage, make_state)
    stage.step(_silence(make_state, STALL))
    assert not stage.at_rest


def test_pictures_without_a_face_after_a_stall_are_a_loss(make_state: States) -> None:
    """Its time begins with the end of the stall, so there is no step; and a later silence does not stop it."""
    stage = _stage()
    _watched(stage, make_state)
    stage.step(_silence(make_state, 0.8))
    held, lost = (stage.step(_missing(make_state, 0.8 + gap_s)) for gap_s in (0.03, GRACE + HOLD + 0.4))
    assert [0.4, 0.2] == pytest.approx(_jaws((held, lost)))
    assert not lost.stalled
    assert 0.0 == float(stage.step(_silence(make_state, 0.8 + GRACE + HOLD + EASE + 0.01)).weights[JAW])


def test_silence_during_a_loss_changes_nothing(make_state: States) -> None:
    """The face was lost before."""
    stage = _stage()
    _watched(stage, make_state)
    stage.step(_missing(make_state, 0.03))
    assert 0.2 == pytest.approx(float(stage.step(_silence(make_state, GRACE + HOLD + EASE / 2)).weights[JAW]))


def test_silence_before_the_first_face_is_rest_and_says_stalled(make_state: States) -> None:
    """There is nothing to hold."""
    state = _stage().step(_silence(make_state, 1.0))
    assert (Presence.LOST, True, ZERO_WEIGHTS) == (state.presence, state.stalled, state.weights)


def test_after_a_stall_the_face_blends_in(make_state: States) -> None:
    """As after a loss."""
    stage = _stage()
    _watched(stage, make_state, jaw=0.0)
    stage.step(_silence(make_state, 0.5))
    back = _jaws(stage.step(make_state(weights={"jawOpen": 1.0}, t=0.53 + i / 60)) for i in range(30))
    assert max(np.diff([0.0, *back])) <= 0.1
    assert 1.0 == back[-1]
