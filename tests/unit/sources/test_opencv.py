"""OpenCV set up for the bridge."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest

from bridge.sources.opencv import load_cv2, rgb_image


def test_one_thread() -> None:
    """OpenCV's thread pool is off."""
    load_cv2()
    assert cv2.getNumThreads() == 1


@pytest.mark.parametrize(("timeout_s", "seconds"), [(2.0, "2"), (0.2, "1"), (7.6, "8")])
def test_read_timeout_is_given_in_whole_seconds(monkeypatch: pytest.MonkeyPatch, timeout_s: float, seconds: str) -> None:
    """OpenCV reads integers; zero would mean no wait at all."""
    monkeypatch.setenv("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "")  # so that it is put back as it was
    monkeypatch.delenv("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT")
    load_cv2(v4l_timeout_s=timeout_s)
    assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == seconds


def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the environment go over ours."""
    monkeypatch.setenv("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "9")
    monkeypatch.setenv("OPENCV_FFMPEG_LOGLEVEL", "48")
    load_cv2(v4l_timeout_s=2.0)
    assert (os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"], os.environ["OPENCV_FFMPEG_LOGLEVEL"]) == ("9", "48")


@pytest.mark.parametrize(
    ("pixel", "dtype", "expected"),
    [
        ((10, 20, 30), np.uint8, [30, 20, 10]),
        ((10, 20, 30, 40), np.uint8, [30, 20, 10]),
        ((77,), np.uint8, [77, 77, 77]),
        ((0x1122, 0x3344, 0xFFFF), np.uint16, [0xFF, 0x33, 0x11]),
    ],
)
def test_any_picture_becomes_rgb(pixel: tuple[int, ...], dtype: type[np.generic], expected: list[int]) -> None:
    """BGR, BGRA, grey, 16 bits -> uint8 (H, W, 3), contiguous, read-only, memory of its own."""
    source = np.broadcast_to(np.array(pixel, dtype), (6, 4, len(pixel))).copy()
    image = rgb_image(source)
    assert image.shape == (6, 4, 3)
    assert image.dtype == np.uint8
    assert image[5, 3].tolist() == expected
    assert image.flags.c_contiguous
    assert not image.flags.writeable
    assert not np.shares_memory(image, source)


def test_flat_grey_becomes_rgb() -> None:
    """(H, W) without a channel axis."""
    assert rgb_image(np.full((6, 4), 9, np.uint8)).shape == (6, 4, 3)
