"""Rotations in rows: the same as ``space`` says one by one."""

from __future__ import annotations

import numpy as np
import pytest

from bridge import space
from bridge.types import Float64Array
from bridge.wire import rotation_rows
from bridge.wire.vmc import split_rotation


@pytest.fixture
def rows() -> Float64Array:
    """Forty rotations of any kind, two of them straight up and down."""
    random = np.random.default_rng(5)
    made = [space.canonical(random.normal(size=4)) for _ in range(38)]
    made += [space.from_euler_deg(yaw=30.0, pitch=pitch, roll=0.0) for pitch in (90.0, -90.0)]
    return np.stack(made)


def test_products_and_inverses(rows: Float64Array) -> None:
    """Row by row."""
    products = rotation_rows.multiply(rows, rows[::-1])

    for got, a, b in zip(products, rows, rows[::-1], strict=True):
        assert 1e-9 > space.angle_between_deg(space.canonical(got), space.multiply(a, b))
    np.testing.assert_allclose(rotation_rows.multiply(rows, rotation_rows.inverse(rows)), [[0, 0, 0, 1]] * 40, atol=1e-12)


def test_angles(rows: Float64Array) -> None:
    """Yaw, pitch, roll, also where yaw and roll turn about one axis."""
    np.testing.assert_allclose(rotation_rows.to_euler_deg(rows), [space.to_euler_deg(row) for row in rows], atol=1e-9)


def test_axes() -> None:
    """y is yaw, x is pitch, z is roll."""
    turned = np.array([20.0])
    yaw, pitch, roll = (rotation_rows.about_axis(axis, turned)[0] for axis in (1, 0, 2))

    np.testing.assert_allclose(yaw, space.from_euler_deg(yaw=20, pitch=0, roll=0), atol=1e-15)
    np.testing.assert_allclose(pitch, space.from_euler_deg(yaw=0, pitch=20, roll=0), atol=1e-15)
    np.testing.assert_allclose(roll, space.from_euler_deg(yaw=0, pitch=0, roll=20), atol=1e-15)


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.5, 1.0])
def test_parts_of_a_rotation(rows: Float64Array, fraction: float) -> None:
    """As the VMC output splits it between neck and head."""
    parts = rotation_rows.power(np.concatenate([rows, [[0.0, 0.0, 0.0, 1.0]]]), fraction)

    for row, part in zip(rows, parts, strict=False):
        np.testing.assert_allclose(split_rotation(row.tolist(), fraction)[0], part, atol=1e-12)
    assert [0.0, 0.0, 0.0, 1.0] == parts[-1].tolist()


def test_neighbours_agree_in_sign(rows: Float64Array) -> None:
    """Same rotations, no flips; the first row keeps its sign."""
    flipped = rows * np.where(np.arange(len(rows)) % 3 == 0, -1.0, 1.0)[:, None]

    smooth = rotation_rows.continuous(flipped)

    assert flipped[0].tolist() == smooth[0].tolist()
    assert ((smooth[1:] * smooth[:-1]).sum(axis=1) >= 0.0).all()
    np.testing.assert_allclose(np.abs((smooth * flipped).sum(axis=1)), 1.0)


def test_between_keys_is_the_shorter_arc(rows: Float64Array) -> None:
    """As ``space.slerp``; before the first and after the last the ends are held."""
    times = np.arange(40.0) * 0.1
    got = rotation_rows.at_times(times, rows, np.array([-1.0, 0.0, 0.125, 2.0, 3.9, 9.0]))

    wanted = [rows[0], rows[0], space.slerp(rows[1], rows[2], 0.25), rows[20], rows[39], rows[39]]
    for a, b in zip(wanted, got, strict=True):
        assert 1e-6 > space.angle_between_deg(a, space.canonical(b))


def test_one_key_is_always_the_answer() -> None:
    """A single moment."""
    row = np.array([[0.0, 0.6, 0.0, 0.8]])

    np.testing.assert_allclose(rotation_rows.at_times(np.array([1.0]), row, np.array([0.0, 1.0, 2.0])), [row[0]] * 3)


@pytest.mark.parametrize("bad", [[0.0, 0.0, 0.0, 0.0], [np.nan, 0.0, 0.0, 1.0], [np.inf, 0.0, 0.0, 1.0]])
def test_what_is_no_rotation_is_refused(bad: list[float]) -> None:
    """Zero and not finite."""
    with pytest.raises(ValueError, match="a rotation is"):
        rotation_rows.unit(np.array([[0.0, 0.0, 0.0, 1.0], bad]))


def test_length_does_not_matter() -> None:
    """However small or huge."""
    rows = np.array([[0.0, 3e-9, 0.0, 4e-9], [0.0, 3e300, 0.0, 4e300]])

    np.testing.assert_allclose(rotation_rows.unit(rows), [[0.0, 0.6, 0.0, 0.8]] * 2)
