"""Positions from the camera and positions from a neutral."""

from __future__ import annotations

from collections.abc import Callable

from bridge.mapping.head_place import HeadPlace
from bridge.types import FaceState, Presence

MakeState = Callable[..., FaceState]


def _from_camera(place: HeadPlace, make_state: MakeState, *zs: float) -> list[bool]:
    return [place.locate(make_state(position_m=(0.0, 0.0, z)))[3] for z in zs]


def test_a_tracked_head_is_seen_from_the_camera(make_state: MakeState) -> None:
    """As long as nothing was calibrated."""
    place = HeadPlace()

    assert (0.1, 0.2, -0.5, True) == place.locate(make_state(position_m=(0.1, 0.2, -0.5)))


def test_recentring_is_noticed_at_once(make_state: MakeState) -> None:
    """And leaning back afterwards is not taken for the camera's origin."""
    assert [True, False, False, False] == _from_camera(HeadPlace(), make_state, -0.5, 0.0, -0.09, -0.2)


def test_clearing_the_calibration_is_noticed_at_once(make_state: MakeState) -> None:
    """The position jumps by the whole distance."""
    assert [False, True] == _from_camera(HeadPlace(), make_state, 0.02, -0.6)


def test_moving_away_from_the_camera_changes_nothing(make_state: MakeState) -> None:
    """Steps of 20 cm are still motion."""
    assert [True, True, True] == _from_camera(HeadPlace(), make_state, -0.5, -0.7, -0.9)


def test_at_rest_an_uncalibrated_head_stays_where_it_was(make_state: MakeState) -> None:
    """The rest state says 0, which would be inside the camera; without a head it is the last place too."""
    place = HeadPlace()
    place.locate(make_state(position_m=(0.1, 0.2, -0.5)))

    assert (0.1, 0.2, -0.5, True) == place.locate(FaceState.rest())
    assert (0.1, 0.2, -0.5, True) == place.locate(make_state(head=None))


def test_at_rest_a_calibrated_head_is_at_its_neutral(make_state: MakeState) -> None:
    """There 0 is meant."""
    place = HeadPlace()
    place.locate(make_state(position_m=(0.1, 0.0, 0.05)))

    assert (0.0, 0.0, 0.0, False) == place.locate(FaceState.rest())


def test_before_the_first_head_nothing_is_known(make_state: MakeState) -> None:
    """The middle, not from the camera; and easing states decide nothing."""
    place = HeadPlace()

    assert (0.0, 0.0, 0.0, False) == place.locate(make_state(head=None, presence=Presence.LOST))
    assert (0.0, 0.0, 0.0, False) == place.locate(FaceState.rest())
