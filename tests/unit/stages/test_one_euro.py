"""The One Euro filter against its publication."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bridge.stages.one_euro import OneEuro
from bridge.types import Float64Array


def _filter(*, beta: float = 8.0) -> OneEuro:
    return OneEuro(min_cutoff_hz=np.full(1, 1.0), beta=np.full(1, beta), derivative_cutoff_hz=np.full(1, 3.0))


def _run(values: Float64Array, times: Float64Array, *, beta: float = 8.0) -> list[float]:
    response, y = _filter(beta=beta), float(values[0])
    outputs = [y]
    for n in range(1, len(values)):
        error, step = np.array([values[n] - y]), np.array([values[n] - values[n - 1]])
        y += float(response.advance(error, step, float(times[n] - times[n - 1]))[0])
        outputs.append(y)
    return outputs


def test_it_is_the_published_formula() -> None:
    """100 irregular frames, with tau = 1 / (2 pi fc) and alpha = 1 / (1 + tau / Te) as in the paper."""
    random = np.random.default_rng(5)
    times = np.cumsum(random.uniform(0.01, 0.07, 100))
    values = 0.5 + 0.3 * np.sin(3 * times) + 0.01 * random.standard_normal(100)

    def alpha(te: float, cutoff: float) -> float:
        return 1.0 / (1.0 + 1.0 / (2 * math.pi * cutoff) / te)

    x, dx = float(values[0]), 0.0
    expected = [x]
    for n in range(1, 100):
        te = float(times[n] - times[n - 1])
        edx = alpha(te, 3.0) * (values[n] - values[n - 1]) / te + (1 - alpha(te, 3.0)) * dx
        a = alpha(te, 1.0 + 8.0 * abs(edx))
        x, dx = float(a * values[n] + (1 - a) * x), float(edx)
        expected.append(x)
    np.testing.assert_allclose(expected, _run(values, times), atol=1e-12)


def test_without_beta_it_is_a_low_pass_at_the_cutoff() -> None:
    """A sine of 1 Hz through a cutoff of 1 Hz: the amplitude of a first-order low pass, 0.71."""
    times = np.arange(0, 10, 1 / 240)
    outputs = _run(np.sin(2 * math.pi * times), times, beta=0.0)
    assert 1 / math.sqrt(2) == pytest.approx(max(outputs[1200:]), abs=0.01)


def test_reset_forgets_the_speed() -> None:
    """The answer to a small step is that of a new filter."""
    used, new = _filter(), _filter()
    used.advance(np.ones(1), np.ones(1), 0.03)
    used.reset()
    answers = [float(each.advance(np.array([0.1]), np.array([0.0]), 0.03)[0]) for each in (used, new)]
    assert answers[0] == answers[1]
