"""Quality metrics on signals made so that the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bridge.bench import quality_metrics as metrics
from bridge.types import Float64Array


def _times(seconds: float = 6.0, fps: float = 30.0) -> Float64Array:
    return np.arange(0.0, seconds, 1.0 / fps)


def _wave(t: Float64Array, hz: float = 0.7) -> Float64Array:
    return np.stack([np.sin(2 * math.pi * hz * t), 0.5 * np.cos(2 * math.pi * 0.8 * hz * t)], axis=1)


def test_second_difference_of_white_noise_is_the_root_of_six() -> None:
    """And of a straight line nothing."""
    noise = np.random.default_rng(1).normal(0.0, 0.01, (60_000, 1))
    line = np.linspace(0.0, 5.0, 100)[:, None]

    assert pytest.approx(0.01 * math.sqrt(6), rel=0.02) == metrics.second_difference_rms(noise)[0]
    assert pytest.approx(0.0, abs=1e-12) == metrics.second_difference_rms(line)[0]


def test_jitter_ratio_is_the_share_that_is_left() -> None:
    """A tenth of the noise is a tenth, and a gain of two does not count."""
    noise = np.random.default_rng(2).normal(0.0, 0.01, (500, 3))

    assert pytest.approx(0.1) == metrics.jitter_ratio(0.1 * noise, noise)
    assert pytest.approx(0.1) == metrics.jitter_ratio(0.2 * noise, noise, np.full(3, 2.0))


def test_channels_of_a_group_are_pooled_by_their_power() -> None:
    """The noisy channel decides."""
    noise = np.random.default_rng(3).normal(0.0, 1.0, (2000, 2)) * [1.0, 0.01]
    out = noise * [0.1, 1.0]

    assert pytest.approx(0.1, rel=0.02) == metrics.jitter_ratio(out, noise)


def test_nothing_to_compare_is_no_jitter() -> None:
    """A channel that never moves, and too few samples."""
    assert 0.0 == metrics.jitter_ratio(np.zeros((9, 1)), np.zeros((9, 1)))
    assert 0.0 == metrics.second_difference_rms(np.ones((2, 1)))[0]


def test_band_jitter_passes_what_is_fast_and_drops_what_is_slow() -> None:
    """A 5 Hz wave of amplitude a has the RMS a / sqrt 2; a 0.5 Hz wave has none; at any frame rate."""
    for fps in (30.0, 50.0):
        t = _times(8.0, fps)
        fast, slow = 0.1 * np.sin(2 * math.pi * 5 * t), np.sin(2 * math.pi * 0.5 * t)

        left = metrics.band_jitter(t, np.stack([fast, slow], axis=1))

        assert pytest.approx(0.1 / math.sqrt(2), rel=0.12) == left[0]
        assert left[1] < 0.02


@pytest.mark.parametrize("delay_s", [0.0, 0.004, 0.023, 0.080])
def test_a_known_delay_is_found(delay_s: float) -> None:
    """To within a millisecond, with a gain, an offset and another frame rate between them."""
    t, out_t = _times(), _times(fps=60.0)

    found = metrics.lag(t, _wave(t), out_t, 0.3 + 1.4 * _wave(out_t - delay_s))

    assert pytest.approx(delay_s, abs=0.0015) == found


def test_slow_lag_looks_at_the_slow_parts_only() -> None:
    """Fast motion comes at once and slow motion late: each is found in its own band."""
    t = _times(12.0, 60.0)
    teeth = np.abs((3 * t) % 2 - 1)  # never slow, unlike a sine
    fast, slow = np.where(t < 5, 3 * teeth, 0.0), np.where(t >= 5, 0.5 * np.sin(1.3 * t), 0.0)
    late = np.where(t >= 5.0, 0.5 * np.sin(1.3 * (t - 0.05)), 0.0)

    x, out = (fast + slow)[:, None], (fast + late)[:, None]

    assert pytest.approx(0.0, abs=0.003) == metrics.lag(t, x, t, out)
    assert pytest.approx(0.05, abs=0.01) == metrics.lag(t, x, t, out, band=metrics.SLOW)


def test_a_still_signal_has_no_lag() -> None:
    """NaN, not zero: nothing was measured."""
    t = _times()

    assert math.isnan(metrics.lag(t, np.zeros((len(t), 1)), t, np.zeros((len(t), 1))))


def _ramp(t: Float64Array, at: float, rise_s: float) -> Float64Array:
    return np.clip((t - at) / rise_s, 0.0, 1.0)


def test_step_delays_are_those_of_the_edge() -> None:
    """A ramp that is 20 ms late is 20 ms late at both levels; a slower one only at the second."""
    t = _times(3.0, 120.0)
    ref = 0.2 + 0.5 * _ramp(t, 1.0, 0.1)

    late = metrics.step_response((t, ref), (t, 0.1 + 0.9 * _ramp(t, 1.02, 0.1)), at=1.0, end=2.5)
    slower = metrics.step_response((t, ref), (t, _ramp(t, 0.95, 0.2)), at=1.0, end=2.5)

    assert (pytest.approx(0.02, abs=1e-3), pytest.approx(0.02, abs=1e-3)) == (late.d50_s, late.d90_s)
    assert (pytest.approx(0.0, abs=1e-3), pytest.approx(0.04, abs=1e-3)) == (slower.d50_s, slower.d90_s)
    assert pytest.approx(0.0, abs=1e-9) == late.overshoot


def test_overshoot_is_a_share_of_the_step() -> None:
    """A tenth too far, then back; falling steps count as rising ones do."""
    t = _times(3.0, 60.0)
    ref = _ramp(t, 1.0, 0.1)
    out = ref + 0.1 * ((t > 1.15) & (t < 1.25))

    assert pytest.approx(0.1, abs=1e-6) == metrics.step_response((t, ref), (t, out), at=1.0, end=2.5).overshoot
    assert pytest.approx(0.1, abs=1e-6) == metrics.step_response((t, -ref), (t, 1 - 2 * out), at=1.0, end=2.5).overshoot


def test_a_step_that_never_comes_has_no_delay() -> None:
    """NaN, which no limit admits."""
    t = _times(3.0)

    assert math.isnan(metrics.step_response((t, _ramp(t, 1.0, 0.1)), (t, 0 * t), at=1.0, end=2.5).d50_s)


def _blink(t: Float64Array, at: float, *, closing_s: float = 0.08, opening_s: float = 0.16) -> Float64Array:
    return np.maximum(0.0, np.minimum((t - at) / closing_s, (at + closing_s + opening_s - t) / opening_s))


def test_blink_edges_peak_and_undershoot() -> None:
    """A blink 10 ms late, opening slowly, kept to nine tenths."""
    t = _times(3.0, 240.0)
    ref = 0.15 + 0.5 * _blink(t, 1.0)
    out = 0.15 + 0.45 * _blink(t, 1.01, opening_s=0.26) - 0.045 * ((t > 1.6) & (t < 1.7))

    pulse = metrics.pulse_response((t, ref), (t, out), at=1.0, end=2.0)

    assert pytest.approx(0.01, abs=2e-3) == pulse.close50_s
    assert pytest.approx(0.01 + 0.05, abs=3e-3) == pulse.open50_s
    assert pytest.approx(0.01 + 0.09, abs=4e-3) == pulse.tail10_s
    assert pytest.approx(0.9, abs=0.02) == pulse.kept
    assert pytest.approx(0.1, abs=0.01) == pulse.undershoot


def test_gain_does_not_count_as_peak() -> None:
    """What calibration multiplied by is divided out."""
    t = _times(3.0, 240.0)

    pulse = metrics.pulse_response((t, _blink(t, 1.0)), (t, 1.5 * _blink(t, 1.0)), at=1.0, end=2.0, gain=1.5)

    assert pytest.approx(1.0, abs=1e-6) == pulse.kept


def test_a_blink_that_is_swallowed_keeps_nothing() -> None:
    """And its edges are NaN."""
    t = _times(3.0)

    pulse = metrics.pulse_response((t, _blink(t, 1.0)), (t, 0 * t), at=1.0, end=2.0)

    assert 0.0 == pulse.kept
    assert math.isnan(pulse.open50_s)


def test_excursions_are_found_and_slow_hills_are_not() -> None:
    """Two blinks on a slow wave: where they begin and end."""
    t = _times(6.0)
    x = 0.2 + 0.1 * np.sin(t) + 0.5 * _blink(t, 1.0) + 0.5 * _blink(t, 4.0)

    found = metrics.excursions(t, x, least=0.2, longest_s=0.8)

    assert 2 == len(found)
    assert all(begin <= at and end >= at + 0.2 for (begin, end), at in zip(found, (1.0, 4.0), strict=True))


def test_gain_is_measured_where_the_signal_moves() -> None:
    """A channel that stays within its noise counts as it is."""
    t = _times()
    raw = np.stack([np.sin(t), 0.001 * np.sin(9 * t)], axis=1)

    assert pytest.approx([1.6, 1.0], abs=0.01) == metrics.moving_gain(raw, raw * [1.6, 3.0], least_range=0.2).tolist()


def test_quiet_spans_are_long_enough() -> None:
    """Short pauses are none."""
    t = np.arange(0.0, 3.0, 0.1)
    quiet = (t < 0.35) | ((t > 0.95) & (t < 2.05))

    assert [slice(10, 21)] == metrics.quiet_spans(t, quiet, at_least_s=0.8)


def test_amplitude_steps_deviation_and_errors() -> None:
    """Half the swing, the largest jump, the largest distance, the mean of the worst."""
    t = _times()
    ref = _wave(t)
    jumped = np.array([[0.0, 0.0], [0.1, 0.4], [0.1, 0.1]])

    assert pytest.approx(0.5) == metrics.amplitude_kept(ref, 0.5 * ref)
    assert pytest.approx(0.4) == metrics.largest_step(jumped)
    assert pytest.approx(0.4) == metrics.deviation(jumped, np.zeros((3, 2)))
    assert pytest.approx((0.0 + 0.4 + 0.1) / 3) == metrics.mean_error(jumped, np.zeros((3, 2)))
    assert pytest.approx(0.2) == metrics.side_difference(np.zeros((2, 1)), np.array([[0.1], [0.3]]))


def test_speed_is_that_of_all_channels_together() -> None:
    """Three and four per second make five."""
    t = _times()

    assert pytest.approx(5.0) == float(np.median(metrics.speed(t, np.stack([3 * t, 4 * t], axis=1))))
