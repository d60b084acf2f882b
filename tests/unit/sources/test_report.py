"""Measured rates."""

from __future__ import annotations

import pytest

from bridge.sources.report import RateMeter, rate_text


def test_rate_is_frames_over_time() -> None:
    """Ticks 1/25 s apart are 25 fps."""
    meter = RateMeter()
    for k in range(60):
        meter.tick(k / 25)
    assert meter.fps == pytest.approx(25.0)


def test_rate_needs_some_time() -> None:
    """Nothing is claimed from a fraction of a second."""
    meter = RateMeter()
    assert meter.fps is None
    for k in range(10):
        meter.tick(k / 30)
    assert meter.fps is None


def test_rate_forgets_what_is_older_than_the_window() -> None:
    """After a change of pace only the newest two seconds count."""
    meter = RateMeter()
    for k in range(100):
        meter.tick(k / 60)
    for k in range(1, 41):
        meter.tick(99 / 60 + k / 10)
    assert meter.fps == pytest.approx(10.0)


def test_reset_forgets() -> None:
    """After ``reset`` nothing is known."""
    meter = RateMeter()
    for k in range(60):
        meter.tick(k / 30)
    meter.reset()
    assert meter.fps is None


@pytest.mark.parametrize(("fps", "text"), [(30.0, "30"), (29.97, "30"), (12.5, "12.5"), (59.94, "59.9")])
def test_rate_text(fps: float, text: str) -> None:
    """Rates read as people say them."""
    assert text == rate_text(fps)
