"""The drawn face: what the drawing promises. That MediaPipe finds it is tested with the real model."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.trackers.drawn_face import draw_face, moved


def test_a_face_of_any_size() -> None:
    """RGB bytes, contiguous, read-only, the same every time."""
    face = draw_face(96)
    assert face.shape == (96, 96, 3)
    assert face.dtype == np.uint8
    assert face.flags.c_contiguous
    assert not face.flags.writeable
    np.testing.assert_array_equal(face, draw_face(96))


@pytest.mark.parametrize(("change", "rows"), [({"mouth_open": 1.0}, (160, 210)), ({"eyes_closed": 1.0}, (100, 130))])
def test_expressions_change_their_own_part(change: dict[str, float], rows: tuple[int, int]) -> None:
    """An open mouth changes the mouth only, closed eyes the eyes only."""
    difference = np.abs(draw_face(256, **change).astype(int) - draw_face(256).astype(int)).max(axis=(1, 2))
    assert difference.max() > 50
    changed = np.flatnonzero(difference > 5)
    assert rows[0] <= changed.min()
    assert changed.max() <= rows[1]


def test_moving_is_exact_for_whole_pixels() -> None:
    """A shift of 3 pixels right and 2 down is that shift; what comes in at the edge repeats the edge."""
    face = draw_face(64)
    shifted = moved(face, x_px=3.0, y_px=2.0)
    np.testing.assert_array_equal(shifted[2:, 3:], face[:-2, :-3])
    np.testing.assert_array_equal(shifted[0, 3:], face[0, :-3])


def test_moving_by_half_a_pixel_mixes_neighbours() -> None:
    """Fractions of a pixel are interpolated."""
    face = draw_face(64)
    shifted = moved(face, x_px=0.5).astype(int)
    mean = (face[:, :-1].astype(int) + face[:, 1:]) / 2
    assert np.abs(shifted[:, 1:] - mean).max() <= 1.0


def test_rolling_is_counter_clockwise() -> None:
    """+90 degrees bring the shirt at the bottom to the right."""
    face = draw_face(64)
    rolled = moved(face, roll_deg=90.0).astype(int)
    assert np.abs(rolled[32, 62] - face[62, 32].astype(int)).max() <= 8
