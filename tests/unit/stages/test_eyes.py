"""Gaze from the eyeLook coefficients."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from bridge.settings import EyesSettings
from bridge.stages.eyes import EyesStage
from bridge.types import FaceState, Gaze, Presence

States = Callable[..., FaceState]
STAGE = EyesStage(EyesSettings(gaze_yaw_deg=40.0, gaze_pitch_deg=30.0))


@pytest.mark.parametrize(
    ("weights", "left_deg", "right_deg"),
    [
        ({}, (0, 0), (0, 0)),
        ({"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.25}, (20, 0), (10, 0)),
        ({"eyeLookInLeft": 0.5, "eyeLookOutRight": 0.25}, (-20, 0), (-10, 0)),
        ({"eyeLookDownLeft": 0.5, "eyeLookUpRight": 0.5}, (0, 15), (0, -15)),
        ({"eyeLookInLeft": 0.5, "eyeLookOutLeft": 0.5}, (0, 0), (0, 0)),
    ],
    ids=["ahead", "own left", "own right", "left down, right up", "in and out cancel"],
)
def test_gaze(
    make_state: States, weights: Mapping[str, float], left_deg: tuple[float, float], right_deg: tuple[float, float]
) -> None:
    """Own left is Out for the left eye and In for the right one; down is positive."""
    assert Gaze(left_deg=left_deg, right_deg=right_deg) == STAGE.step(make_state(weights=weights)).gaze


def test_the_rest_of_the_face_stays(make_state: States) -> None:
    """Weights and head are the same objects."""
    state = make_state(seed=3)
    after = STAGE.step(state)
    assert state.weights is after.weights
    assert state.head is after.head


def test_not_observed_passes(make_state: States) -> None:
    """There are no eyes to look at."""
    state = make_state(presence=Presence.LOST, head=None)
    assert state is STAGE.step(state)
