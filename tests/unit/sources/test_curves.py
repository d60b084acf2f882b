"""Keyframe curves: through their keys, never beyond them, without a seam."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from bridge.sources.curves import CurveSet, Key

PERIOD_S = 4.0
KEYS: list[Key] = [(0.3, 0.0), (0.5, 1.0), (0.9, 0.8), (1.6, 0.8), (2.0, -0.5), (3.7, 0.1)]


def curve(keys: list[Key], times: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """One curve at many times."""
    curves = CurveSet({"x": keys}, period_s=PERIOD_S)
    return [float(curves.at(t)[0]) for t in times.tolist()]


def test_it_is_the_periodic_pchip() -> None:
    """SciPy's interpolator over three periods says the same in the middle one."""
    t = np.array([key[0] for key in KEYS])
    v = np.array([key[1] for key in KEYS])
    oracle = PchipInterpolator(np.concatenate([t - PERIOD_S, t, t + PERIOD_S]), np.tile(v, 3))
    times = np.linspace(0.0, PERIOD_S, 1001)[:-1]

    assert oracle(times).tolist() == pytest.approx(curve(KEYS, times), abs=1e-12)


def test_it_goes_through_its_keys() -> None:
    """An authored value is reached, exactly then."""
    assert [value for _, value in KEYS] == pytest.approx(curve(KEYS, np.array([t for t, _ in KEYS])), abs=1e-12)


def test_it_stays_between_neighbouring_keys() -> None:
    """No overshoot that nobody wrote; and what is held is held."""
    values = np.array(curve(KEYS, np.linspace(0.5, 2.0, 400)))
    held = curve(KEYS, np.linspace(0.9, 1.6, 50))

    assert values.max() <= 1.0 + 1e-12
    assert values.min() >= -0.5 - 1e-12
    assert [0.8] * 50 == pytest.approx(held, abs=1e-12)


def test_the_seam_is_a_place_like_any_other() -> None:
    """The same one, ten and minus one periods away; value and slope run through it."""
    times = np.linspace(0.0, PERIOD_S, 40, endpoint=False)
    h = 1e-6
    before, at, after = curve(KEYS, np.array([PERIOD_S - h, PERIOD_S, PERIOD_S + h]))

    assert curve(KEYS, times) == pytest.approx(curve(KEYS, times + 10 * PERIOD_S), abs=1e-9)
    assert curve(KEYS, times) == pytest.approx(curve(KEYS, times - PERIOD_S), abs=1e-9)
    assert (at - before) / h == pytest.approx((after - at) / h, abs=1e-4)


def test_curves_keep_their_order_and_their_keys() -> None:
    """Many curves with different keys, one answer each; a single key is a constant."""
    curves = CurveSet({"a": [(0.0, 1.0), (2.0, 3.0)], "b": [(1.0, -1.0)], "c": KEYS}, period_s=PERIOD_S)

    assert ("a", "b", "c") == curves.names
    assert [3.0, -1.0, -0.5] == pytest.approx(curves.at(2.0).tolist(), abs=1e-12)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ([], "x: keys are missing or not finite"),
        ([(0.0, float("nan"))], "x: keys are missing or not finite"),
        ([(-0.1, 0.0)], "x: its keys must lie from 0 to below 4.0 s"),
        ([(0.0, 0.0), (4.0, 0.0)], "x: its keys must lie from 0 to below 4.0 s"),
        ([(1.0, 0.0), (1.0, 1.0)], r"x: its keys must follow each other in time: look at \[1.0\]"),
    ],
)
def test_wrong_keys_are_named(keys: list[Key], reason: str) -> None:
    """With the curve, for whoever edits the script."""
    with pytest.raises(ValueError, match=reason):
        CurveSet({"x": keys}, period_s=PERIOD_S)
