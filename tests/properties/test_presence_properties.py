"""Laws of loss and return: what avatars show never jumps, and says honestly whether somebody is there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import space
from bridge.settings import PresenceSettings
from bridge.stages.presence import PresenceStage
from bridge.types import FaceState, Presence

States = Callable[..., FaceState]

slow = settings(deadline=None, max_examples=60)
# Spells of (seen or not, how long).
spells = st.lists(st.tuples(st.booleans(), st.floats(0.02, 2.0)), min_size=1, max_size=8)
mixed_spells = st.lists(st.tuples(st.sampled_from(["face", "no face", "nothing"]), st.floats(0.02, 2.0)), min_size=1, max_size=8)
intervals_s = st.lists(st.floats(0.005, 0.06), min_size=1, max_size=7)

TIMES = PresenceSettings()
STEEPEST = 1.5 / min(0.5 * TIMES.hold_ease_s, TIMES.ease_s, TIMES.blend_s)
"""The smoothstep's greatest slope, per second, in the fastest of the moves."""


def _stream(make_state: States, spells: list[tuple[bool, float]], rhythm: list[float]) -> list[tuple[bool, FaceState]]:
    """Faces that are still while seen, and different after each spell of absence."""
    stream, t, seq, face = [], 0.0, 0, 0
    for seen, lasts_s in spells:
        end = t + lasts_s
        face += not seen
        while t < end:
            state = make_state(seed=face, t=t, seq=seq) if seen else make_state(presence=Presence.LOST, head=None, t=t, seq=seq)
            stream.append((seen, state))
            t += rhythm[seq % len(rhythm)]
            seq += 1
    return stream


@slow
@given(spells, intervals_s)
def test_no_step_is_larger_than_its_easing_allows(
    make_state: States, spells: list[tuple[bool, float]], rhythm: list[float]
) -> None:
    """Between two outputs, at any rhythm: weights, angle and position move no faster than the steepest easing.

    Except at the first face of all. (The faces do not move here, so every motion is the stage's own.)
    """
    stage, last = PresenceStage(TIMES), None
    met = False
    for seen, state in _stream(make_state, spells, rhythm):
        shown = stage.step(state)
        if last is not None and met:
            share = STEEPEST * (state.t - last.t) + 1e-6
            assert np.abs(shown.weights - last.weights).max() <= share
            assert shown.head is not None
            assert last.head is not None
            assert space.angle_between_deg(shown.head.quat_xyzw, last.head.quat_xyzw) <= 180.0 * share + 1e-6
            assert np.abs(shown.head.position_m - last.head.position_m).max() <= 0.6 * share
        met = met or seen
        last = shown


@slow
@given(mixed_spells, intervals_s)
def test_stall_and_loss_may_follow_each_other_in_any_order(
    make_state: States, spells: list[tuple[str, float]], rhythm: list[float]
) -> None:
    """No step is larger than the easing allows, LIVE only with a face, and the state says whether it is a stall."""
    stage, last, met, t, seq = PresenceStage(TIMES), None, False, 0.0, 0
    for what, lasts_s in spells:
        end = t + lasts_s
        while t < end:
            gone = {"presence": Presence.LOST, "head": None}
            seen = make_state(t=t, seq=seq, **({"weights": {"jawOpen": 0.8}, "yaw": 20.0} if what == "face" else gone))
            shown = stage.step(replace(seen, stalled=what == "nothing"))
            assert (what == "nothing") == shown.stalled
            assert (what == "face") == (shown.presence is Presence.LIVE)
            if last is not None and met:
                share = STEEPEST * (shown.t - last.t) + 1e-6
                assert np.abs(shown.weights - last.weights).max() <= share
                assert shown.head is not None
                assert last.head is not None
                assert space.angle_between_deg(shown.head.quat_xyzw, last.head.quat_xyzw) <= 180.0 * share
            met, last = met or what == "face", shown
            t += rhythm[seq % len(rhythm)]
            seq += 1


@slow
@given(spells, intervals_s)
def test_presence_is_honest(make_state: States, spells: list[tuple[bool, float]], rhythm: list[float]) -> None:
    """LIVE exactly in frames with a face; without one HELD up to grace and hold, then LOST; before the first face LOST."""
    stage, last_seen_t = PresenceStage(TIMES), -math.inf
    for seen, state in _stream(make_state, spells, rhythm):
        last_seen_t = state.t if seen else last_seen_t
        gap_s = state.t - last_seen_t
        held = gap_s <= TIMES.grace_s or gap_s - TIMES.grace_s <= TIMES.hold_s
        expected = Presence.LIVE if seen else Presence.HELD if held else Presence.LOST
        assert expected is stage.step(state).presence


@slow
@given(spells, intervals_s)
def test_weights_stay_between_rest_and_what_was_seen(
    make_state: States, spells: list[tuple[bool, float]], rhythm: list[float]
) -> None:
    """Never above the largest ever seen, never below 0."""
    stage, highest = PresenceStage(TIMES), np.zeros(52)
    for seen, state in _stream(make_state, spells, rhythm):
        highest = np.maximum(highest, state.weights) if seen else highest
        shown = stage.step(state).weights
        assert (shown >= 0.0).all()
        assert (shown <= highest + 1e-6).all()
