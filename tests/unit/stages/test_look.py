"""Looks, and what lies between two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from bridge import space
from bridge.stages.look import Look, between, look_of, smoothstep, with_look
from bridge.types import GAZE_AHEAD, ZERO_WEIGHTS, FaceState, Gaze, Presence

States = Callable[..., FaceState]


@pytest.mark.parametrize(("fraction", "eased"), [(-1.0, 0.0), (0.0, 0.0), (0.25, 0.15625), (0.5, 0.5), (1.0, 1.0), (2.0, 1.0)])
def test_smoothstep(fraction: float, eased: float) -> None:
    """3x² - 2x³, clipped."""
    assert eased == smoothstep(fraction)


def test_the_ends_are_the_looks_themselves(make_state: States) -> None:
    """No rounding at 0 and 1."""
    start, end = look_of(make_state(seed=1)), look_of(make_state(seed=2))
    assert start is between(start, end, 0.0)
    assert end is between(start, end, 1.0)


def test_halfway(make_state: States) -> None:
    """Weights and gaze on a line, the head on its arc."""
    start = look_of(make_state(yaw=0, position_m=(0, 0, -0.5)))
    gaze = Gaze(left_deg=(10.0, -4.0), right_deg=(8.0, 2.0))
    end = look_of(make_state(weights={"jawOpen": 0.5}, yaw=40, position_m=(0.2, 0, -0.7), gaze=gaze))
    half = between(start, end, 0.5)
    assert 0.25 == half.weights[17]
    assert Gaze(left_deg=(5.0, -2.0), right_deg=(4.0, 1.0)) == half.gaze
    assert half.head is not None
    assert [0.1, 0.0, -0.6] == pytest.approx(half.head.position_m.tolist())
    assert (20.0, 0.0, 0.0) == pytest.approx(space.to_euler_deg(half.head.quat_xyzw), abs=1e-9)


def test_a_head_on_one_side_only_is_taken(make_state: States) -> None:
    """There is nothing to go from, or to."""
    head = make_state(yaw=9).head
    without, having = Look(ZERO_WEIGHTS, None, GAZE_AHEAD), Look(ZERO_WEIGHTS, head, GAZE_AHEAD)
    assert head is between(without, having, 0.3).head
    assert head is between(having, without, 0.3).head


def test_box_and_landmarks_stay_only_while_live(make_state: States) -> None:
    """They belong to this very frame."""
    state = make_state(box=(1.0, 2.0, 3.0, 4.0))
    live, held = (
        with_look(state, weights=state.weights, head=state.head, gaze=GAZE_AHEAD, presence=presence)
        for presence in (Presence.LIVE, Presence.HELD)
    )
    assert (1.0, 2.0, 3.0, 4.0) == live.box
    assert held.box is None


def test_the_frame_with_its_own_look_is_an_equal_frozen_state(make_state: States) -> None:
    """No field is forgotten, and what comes out is as read-only as what a ``FaceState`` of its own would be."""
    state = replace(make_state(seed=3), subject=2, seq=7, box=(1.0, 2.0, 3.0, 4.0), extras=(("a", 0.5),), mirrored=True)
    same = with_look(state, weights=state.weights, head=state.head, gaze=state.gaze, presence=state.presence)
    assert state == same
    assert FaceState is type(same)
    assert [getattr(state, field.name) for field in fields(FaceState)] == [getattr(same, field.name) for field in fields(same)]
    with pytest.raises(FrozenInstanceError):
        same.seq = 8  # type: ignore[misc]
