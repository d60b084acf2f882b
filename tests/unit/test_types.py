"""The values: frozen, slotted, read-only; absence is told as absence."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bridge import types
from bridge.types import (
    IDENTITY_HEAD,
    ZERO_WEIGHTS,
    CameraFrame,
    Face,
    FaceState,
    Gaze,
    HeadPose,
    Presence,
    TrackResult,
    frozen_array,
)

VALUES = (CameraFrame, HeadPose, Gaze, Face, TrackResult, FaceState)


@pytest.mark.parametrize("value", VALUES)
def test_values_are_frozen_slotted_and_keyword_only(value: type) -> None:
    """They can cross threads, carry no stray attribute, and no two numbers are ever confused by position."""
    parameters = value.__dataclass_params__  # type: ignore[attr-defined]

    assert (parameters.frozen, hasattr(value, "__slots__")) == (True, True)
    assert all(field.kw_only for field in dataclasses.fields(value))


def test_a_value_cannot_be_changed() -> None:
    """Assigning to a field fails."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        FaceState.rest().seq = 1  # type: ignore[misc]


def test_frozen_array_returns_the_same_array_read_only() -> None:
    """No copy is made; writing fails afterwards."""
    array = np.zeros(3)

    assert frozen_array(array) is array
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1.0


@pytest.mark.parametrize("array", [ZERO_WEIGHTS, IDENTITY_HEAD.position_m, IDENTITY_HEAD.quat_xyzw])
def test_shared_constants_are_read_only(array: types.Float64Array) -> None:
    """The resting weights and the identity pose are shared by everybody."""
    assert not array.flags.writeable


def test_rest_is_the_neutral_state() -> None:
    """LOST, weights 0, head straight, eyes ahead."""
    rest = FaceState.rest(subject=1, seq=7, t=2.5)

    assert (rest.subject, rest.seq, rest.t, rest.t_done) == (1, 7, 2.5, 2.5)
    assert rest.presence is Presence.LOST
    assert rest.weights.dtype == np.float32
    assert rest.weights.tolist() == [0.0] * 52
    assert rest.head is not None
    assert rest.head.quat_xyzw.tolist() == [0.0, 0.0, 0.0, 1.0]
    assert rest.head.position_m.tolist() == [0.0, 0.0, 0.0]
    assert rest.gaze == Gaze(left_deg=(0.0, 0.0), right_deg=(0.0, 0.0))
    assert (rest.landmarks, rest.box, rest.frame) == (None, None, None)


def test_rest_keeps_a_given_time_of_completion() -> None:
    """t_done = 0 is a time, not an absence."""
    assert FaceState.rest(t=2.5, t_done=0.0).t_done == 0.0
