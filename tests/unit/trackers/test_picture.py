"""Turning the picture upright and masking a region."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.trackers.picture import RegionMask, turn_upright
from bridge.types import ImageArray


def _numbered(height: int, width: int) -> ImageArray:
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


def test_no_rotation_is_the_same_array() -> None:
    """0 degrees cost nothing."""
    image = _numbered(2, 3)
    assert turn_upright(image, rotation=0) is image


@pytest.mark.parametrize(("rotation", "quarter_turns"), [(90, -1), (180, 2), (270, 1)])
def test_rotation_is_clockwise(rotation: int, quarter_turns: int) -> None:
    """The number is degrees clockwise; the result is read-only and contiguous."""
    image = _numbered(2, 3)
    turned = turn_upright(image, rotation=rotation)
    np.testing.assert_array_equal(turned, np.rot90(image, quarter_turns))
    assert turned.flags.c_contiguous
    assert not turned.flags.writeable


def test_without_a_region_the_picture_is_untouched() -> None:
    """No region, no copy."""
    image = _numbered(4, 4)
    assert RegionMask(None).apply(image) is image


def test_outside_the_region_is_black() -> None:
    """Pixels of the region stay where they are; all others are 0; the original is not changed."""
    image = np.full((10, 20, 3), 7, dtype=np.uint8)
    masked = RegionMask((0.25, 0.5, 0.5, 0.3)).apply(image)
    expected = np.zeros_like(image)
    expected[5:8, 5:15] = 7
    np.testing.assert_array_equal(masked, expected)
    assert int(image.min()) == 7


def test_the_mask_follows_a_change_of_size() -> None:
    """Another camera mode gets a mask of its own size, with nothing left over from before."""
    mask = RegionMask((0.0, 0.0, 0.5, 1.0))
    mask.apply(np.full((4, 4, 3), 9, dtype=np.uint8))
    masked = mask.apply(np.full((2, 8, 3), 1, dtype=np.uint8))
    assert masked.shape == (2, 8, 3)
    assert int(masked.sum()) == 2 * 4 * 3


def test_each_picture_replaces_the_one_before() -> None:
    """Masked pictures do not shine through each other."""
    mask = RegionMask((0.5, 0.5, 0.5, 0.5))
    mask.apply(np.full((4, 4, 3), 9, dtype=np.uint8))
    assert int(mask.apply(np.zeros((4, 4, 3), dtype=np.uint8)).max()) == 0
