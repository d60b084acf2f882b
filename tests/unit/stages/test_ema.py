"""The exponential moving average."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bridge.stages.ema import Ema


@pytest.mark.parametrize("pieces", [1, 3, 50])
def test_a_step_is_63_percent_done_after_the_time_constant(pieces: int) -> None:
    """In however many samples: exactly 1 - 1/e."""
    response, y = Ema(time_constant_s=np.full(1, 0.2)), 0.0
    for _ in range(pieces):
        y += float(response.advance(np.array([1.0 - y]), np.zeros(1), 0.2 / pieces)[0])
    assert 1 - math.exp(-1) == pytest.approx(y, abs=1e-12)


def test_every_channel_has_its_own_time_constant() -> None:
    """And reset changes nothing: it remembers nothing."""
    response = Ema(time_constant_s=np.array([0.1, 0.3]))
    response.reset()
    moves = response.advance(np.ones(2), np.ones(2), 0.1)
    assert [1 - math.exp(-1), 1 - math.exp(-1 / 3)] == pytest.approx(moves.tolist())
