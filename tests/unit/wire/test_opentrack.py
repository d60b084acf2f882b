"""opentrack's datagram: axes by axis, the resting distance, what is never sent."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.types import FaceState, Presence
from bridge.wire.opentrack import AXES, Axis, OpentrackEncoder, decode, encode_pose

MakeState = Callable[..., FaceState]


def _read(encoder: OpentrackEncoder, state: FaceState) -> NDArray[np.float64]:
    """By NumPy, as opentrack does: six doubles."""
    (data,) = encoder.encode(state)
    assert 48 == len(data)
    return np.frombuffer(data, dtype="<f8")


@pytest.mark.parametrize(
    ("state", "axis", "expected"),
    [
        ({"position_m": (0.05, 0.0, 0.0)}, "x", 5.0),  # to the own left
        ({"position_m": (0.0, 0.05, 0.0)}, "y", 5.0),  # up
        ({"position_m": (0.0, 0.0, 0.05)}, "z", -5.0),  # towards the screen: + is away from it
        ({"yaw": 20.0}, "yaw", -20.0),  # to the own left: + is right
        ({"pitch": 20.0}, "pitch", -20.0),  # down: + is up
        ({"roll": 20.0}, "roll", -20.0),  # to the own right shoulder: + is left
    ],
)
def test_each_axis_has_opentracks_sign(make_state: MakeState, state: dict[str, object], axis: Axis, expected: float) -> None:
    """One axis moves, the others stay at plain 0; inverted it has the other sign."""
    made = make_state(**{"position_m": (0.0, 0.0, 0.0)} | state)
    values = _read(OpentrackEncoder(), made)
    wanted = np.zeros(6)
    wanted[AXES.index(axis)] = expected

    np.testing.assert_allclose(wanted, values, atol=1e-9)
    assert not np.signbit(values[values == 0.0]).any()
    np.testing.assert_allclose(-wanted, _read(OpentrackEncoder(inverted=[axis]), made), atol=1e-9)


def test_the_resting_distance_is_taken_off_until_a_neutral_is_set(make_state: MakeState) -> None:
    """Half a metre from the camera is 0; after recentring the position is relative anyway."""
    encoder = OpentrackEncoder(distance_cm=50.0)

    assert [0.0, 5.0, -2.0] == [
        pytest.approx(_read(encoder, make_state(position_m=(0.0, 0.0, z)))[2], abs=1e-9) for z in (-0.5, -0.55, 0.02)
    ]


def test_without_a_head_nothing_is_sent(make_state: MakeState) -> None:
    """opentrack keeps the last pose."""
    assert () == OpentrackEncoder().encode(make_state(head=None))


def test_a_lost_face_eases_as_the_state_says(make_state: MakeState) -> None:
    """It is sent like any other; when the bridge stops the view turns ahead and stays where it is."""
    encoder = OpentrackEncoder()
    _read(encoder, make_state(yaw=30.0, position_m=(0.1, 0.0, -0.5)))

    eased = _read(encoder, make_state(yaw=10.0, position_m=(0.1, 0.0, -0.5), presence=Presence.LOST))
    rest = _read(encoder, FaceState.rest())

    np.testing.assert_allclose([10, 0, 50, -10, 0, 0], eased, atol=1e-9)
    np.testing.assert_allclose([10, 0, 50, 0, 0, 0], rest, atol=1e-9)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_neither_written_nor_read(value: float) -> None:
    """opentrack would drop the whole pose."""
    with pytest.raises(ValueError, match="finite"):
        encode_pose((0.0, 0.0, 0.0, value, 0.0, 0.0))
    assert decode(struct.pack("<6d", 0.0, 0.0, 0.0, 0.0, value, 0.0)) is None


def test_opentrack_reads_the_first_48_bytes() -> None:
    """More is ignored, less is nothing."""
    data = struct.pack("<6d", 1, 2, 3, 4, 5, 6)

    assert (1, 2, 3, 4, 5, 6) == decode(data + b"more")
    assert decode(data[:47]) is None
