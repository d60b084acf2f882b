"""How good a motion signal is, as numbers: jitter, lag, steps, blinks, gaps. Definitions: QUALITY.md, section 4.

Pure functions on arrays. Signals are float arrays (N, C), N samples of C channels of one unit (1, degree or centimetre); times are
seconds (N,), increasing; delays are seconds. "Raw" is the signal before any filter, the reference of every ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.types import Float64Array

BoolArray = NDArray[np.bool_]

_GRID_HZ = 120.0
_SMALLEST_VARIANCE = 1e-12


# --- rest ----------------------------------------------------------------------------------------------------------------


def second_difference_rms(x: Float64Array) -> Float64Array:
    """RMS of ``x[n] - 2 x[n-1] + x[n-2]`` per channel (C,); 0 for fewer than three samples. White noise gives 2.449 sigma."""
    if len(x) < 3:
        return np.zeros(x.shape[1])
    rms: Float64Array = np.sqrt(np.mean(np.square(np.diff(x, 2, axis=0)), axis=0))
    return rms


def band_jitter(t: Float64Array, x: Float64Array, *, above_hz: float = 2.0, rate_hz: float = 60.0) -> Float64Array:
    """RMS of what is left above ``above_hz`` on a grid of ``rate_hz`` (C,): the same for any frame rate of the source."""
    grid = np.arange(t[0], t[-1], 1.0 / rate_hz)
    if len(grid) < 4:
        return np.zeros(x.shape[1])
    even = np.stack([np.interp(grid, t, channel) for channel in x.T], axis=1)
    line = np.linspace(0.0, 1.0, len(grid))[:, None]
    even = even - even[0] - line * (even[-1] - even[0])  # ends meet, so that the transform sees no edge
    spectrum = np.fft.rfft(even, axis=0)
    spectrum[np.fft.rfftfreq(len(grid), 1.0 / rate_hz) < above_hz] = 0.0
    rms: Float64Array = np.sqrt(np.mean(np.square(np.fft.irfft(spectrum, n=len(grid), axis=0)), axis=0))
    return rms


def pooled(rms: Float64Array, gain: Float64Array | None = None) -> float:
    """One figure for a group: the root of the channels' mean square, each divided by its gain first."""
    return float(np.sqrt(np.mean(np.square(rms if gain is None else rms / gain))))


def jitter_ratio(out: Float64Array, raw: Float64Array, gain: Float64Array | None = None) -> float:
    """Rest jitter of ``out`` over that of ``raw``, pooled over the channels; ``gain`` (C,): what calibration multiplied by."""
    reference = pooled(second_difference_rms(raw))
    return pooled(second_difference_rms(out), gain) / reference if reference > 0.0 else 0.0


def moving_gain(raw: Float64Array, out: Float64Array, *, least_range: float) -> Float64Array:
    """The slope of ``out`` over ``raw`` per channel (C,), where raw moves by ``least_range`` or more; 1 elsewhere."""
    gain = np.ones(raw.shape[1])
    for c in range(raw.shape[1]):
        if np.ptp(raw[:, c]) >= least_range:
            centred = raw[:, c] - np.median(raw[:, c])
            strong = np.abs(centred) > 0.3 * np.abs(centred).max()
            slope = float(np.sum(centred[strong] * (out[strong, c] - np.median(out[:, c]))) / np.sum(np.square(centred[strong])))
            gain[c] = min(max(slope, 0.5), 4.0)
    return gain


def quiet_spans(t: Float64Array, quiet: BoolArray, *, at_least_s: float) -> list[slice]:
    """The stretches in which ``quiet`` (N,) holds for ``at_least_s`` or longer."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8)))
    spans = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [slice(start, end) for start, end in spans if end - start > 1 and t[end - 1] - t[start] >= at_least_s]


# --- lag -----------------------------------------------------------------------------------------------------------------


def speed(t: Float64Array, x: Float64Array) -> Float64Array:
    """How fast the signal moves at each sample (N,), all channels together, units per second."""
    rate: Float64Array = np.sqrt(np.sum(np.square(np.gradient(x, t, axis=0)), axis=1))
    return rate


def moving(t: Float64Array, x: Float64Array, low: float, high: float = np.inf) -> BoolArray:
    """Where the speed is between these shares of its 99th percentile (N,)."""
    v = speed(t, x)
    p99 = float(np.percentile(v, 99))
    mask: BoolArray = (v > low * p99) & (v <= high * p99)
    return mask


FAST = (0.15, np.inf)
"""Shares of the clip's p99 speed that count as moving for the lag."""
SLOW = (0.03, 0.15)
"""The same for the slow lag, which shows the tails of filters."""


def lag(
    ref_t: Float64Array,
    ref: Float64Array,
    out_t: Float64Array,
    out: Float64Array,
    *,
    band: tuple[float, float] = FAST,
    longest_s: float = 0.25,
) -> float:
    """The delay that best aligns ``out`` with ``ref`` where ``ref`` moves at a speed within ``band``; NaN when it does not move.

    Gain and offset are free, so that a calibration is no delay; channels count by how much they move.
    """
    grid = np.arange(max(ref_t[0], out_t[0]) + longest_s, min(ref_t[-1], out_t[-1]) - longest_s, 1.0 / _GRID_HZ)
    if len(grid) < 8:
        return float("nan")
    # The speed of what is smoother than one frame: else noise decides what counts as slow motion.
    mask = np.interp(grid, ref_t, moving(ref_t, _smoothed(ref), *band).astype(float)) > 0.5
    grid = grid[mask]
    if len(grid) < 8:
        return float("nan")
    base = np.stack([np.interp(grid, ref_t, channel) for channel in ref.T], axis=1)
    base = base - base.mean(axis=0)
    power = np.mean(np.square(base), axis=0)

    def misfit(delay: float) -> float:
        moved = np.stack([np.interp(grid + delay, out_t, channel) for channel in out.T], axis=1)
        moved = moved - moved.mean(axis=0)
        own = np.mean(np.square(moved), axis=0)
        both = np.mean(moved * base, axis=0)
        alike = np.where((own > _SMALLEST_VARIANCE) & (both > 0.0), np.square(both) / np.maximum(own * power, 1e-30), 0.0)
        return float(np.sum(power * (1.0 - alike)))

    coarse = np.arange(-0.06, longest_s, 0.005)
    best = coarse[int(np.argmin([misfit(delay) for delay in coarse]))]
    fine = best + np.arange(-0.005, 0.0051, 0.001)
    costs = [misfit(delay) for delay in fine]
    k = int(np.argmin(costs))
    if 0 < k < len(fine) - 1:
        below, here, above = costs[k - 1 : k + 2]
        bend = below - 2.0 * here + above
        return float(fine[k] + (0.0005 * (below - above) / bend if bend > 0.0 else 0.0))
    return float(fine[k])


def _smoothed(x: Float64Array) -> Float64Array:
    padded = np.concatenate([x[:1], x, x[-1:]])
    return 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]


def roughness(out: Float64Array, raw: Float64Array) -> float:
    """Second difference of ``out`` over that of ``raw`` during slow motion: stick-slip makes it large."""
    return jitter_ratio(out, raw)


# --- steps and blinks ----------------------------------------------------------------------------------------------------


def crossing(t: Float64Array, x: Float64Array, level: float, *, after: float = -np.inf) -> float:
    """When ``x`` (N,) first rises to ``level`` after a time, between samples; NaN when it does not."""
    for k in np.flatnonzero((x >= level) & (t >= after)).tolist():
        if k == 0 or x[k - 1] >= level:
            return float(t[k])
        return float(t[k - 1] + (t[k] - t[k - 1]) * (level - x[k - 1]) / (x[k] - x[k - 1]))
    return float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What became of a known step. Delays are beyond those of the reference."""

    d50_s: float
    d90_s: float
    overshoot: float
    """How far it went beyond where it then stayed, a share of the step."""


def step_response(
    ref: tuple[Float64Array, Float64Array], out: tuple[Float64Array, Float64Array], *, at: float, end: float
) -> Step:
    """A step that begins at ``at``, whose plateau lasts until ``end``; ``ref`` and ``out`` are (t, x), x (N,)."""
    (ref_t, reference), (out_t, output) = (_as_step(*signal, at=at, end=end) for signal in (ref, out))
    d50, d90 = (crossing(out_t, output, level, after=at) - crossing(ref_t, reference, level, after=at) for level in (0.5, 0.9))
    return Step(d50_s=d50, d90_s=d90, overshoot=max(0.0, float(output[out_t >= at].max()) - 1.0))


def _as_step(t: Float64Array, x: Float64Array, *, at: float, end: float) -> tuple[Float64Array, Float64Array]:
    """The signal until ``end``, so that it goes from 0 to 1; NaN where nothing rises."""
    before, plateau = (t < at) & (t >= at - 0.4), (t <= end) & (t > end - 0.3 * (end - at))
    base = float(np.median(x[before])) if before.any() else float(x[0])
    rise = float(np.median(x[plateau])) - base
    window = t <= end
    return t[window], (x[window] - base) / (rise if abs(rise) > 1e-9 else np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What became of a short excursion: a blink, a syllable. Delays are beyond those of the reference."""

    close50_s: float
    open50_s: float
    tail10_s: float
    kept: float
    """Peak above the base, of the reference's (both in units of ``gain``)."""
    undershoot: float
    """How far it fell below the base afterwards, a share of the peak."""


def pulse_response(
    ref: tuple[Float64Array, Float64Array],
    out: tuple[Float64Array, Float64Array],
    *,
    at: float,
    end: float,
    gain: float = 1.0,
) -> Pulse:
    """An excursion that begins at ``at`` and is over before ``end``; ``ref`` and ``out`` are (t, x), x (N,)."""
    a, b = _edges(*ref, at=at, end=end), _edges(*out, at=at, end=end)
    return Pulse(
        close50_s=b[0] - a[0],
        open50_s=b[1] - a[1],
        tail10_s=b[2] - a[2],
        kept=b[3] / (a[3] * gain) if a[3] > 0.0 else float("nan"),
        undershoot=max(0.0, b[4] - a[4]),
    )


def _edges(t: Float64Array, x: Float64Array, *, at: float, end: float) -> tuple[float, float, float, float, float]:
    """When it rose to 50 %, fell to 50 % and to 10 % of its own peak; the peak; how far it fell below the base, of the peak."""
    before, window = (t < at) & (t >= at - 0.3), (t >= at) & (t <= end)
    base = float(np.median(x[before])) if before.any() else float(x[0])
    times, values = t[window], x[window] - base
    if not len(values) or values.max() <= 1e-9:
        return (float("nan"),) * 3 + (0.0, 0.0)
    top = int(values.argmax())
    peak = float(values[top])
    rise = crossing(t[t <= times[top]], x[t <= times[top]] - base, 0.5 * peak, after=at - 0.05)
    falls = [crossing(times[top:], -values[top:], -level * peak) for level in (0.5, 0.1)]
    return rise, falls[0], falls[1], peak, max(0.0, -float(values[top:].min()) / peak)


def excursions(t: Float64Array, x: Float64Array, *, least: float, longest_s: float) -> list[tuple[float, float]]:
    """Begin and end of short rises of ``x`` (N,) by at least ``least`` above its surroundings: blinks, syllables."""
    found: list[tuple[float, float]] = []
    k = 1
    while k < len(x) - 1:
        near = (t >= t[k] - 0.5 * longest_s) & (t <= t[k] + 0.5 * longest_s)
        left, right = x[near & (t < t[k])], x[near & (t > t[k])]
        is_peak = bool(x[k] >= x[near].max()) and len(left) > 0 and len(right) > 0
        if is_peak and x[k] - left.min() >= least and x[k] - right.min() >= least:
            begin = float(t[near & (t < t[k])][int(left.argmin())])
            end = float(t[near & (t > t[k])][int(right.argmin())])
            found.append((begin, end))
            k = int(np.searchsorted(t, end))
        k += 1
    return found


# --- amplitude and loss --------------------------------------------------------------------------------------------------


def amplitude_kept(ref: Float64Array, out: Float64Array) -> float:
    """How much of the swing (5th to 95th percentile, pooled over channels) is left."""
    swings = [np.percentile(x, 95, axis=0) - np.percentile(x, 5, axis=0) for x in (ref, out)]
    return float(np.linalg.norm(swings[1]) / np.linalg.norm(swings[0]))


def largest_step(x: Float64Array) -> float:
    """The largest change of any channel from one sample to the next."""
    return float(np.abs(np.diff(x, axis=0)).max()) if len(x) > 1 else 0.0


def deviation(x: Float64Array, ref: Float64Array) -> float:
    """The largest distance of any channel from the reference, sample by sample."""
    return float(np.abs(x - ref).max()) if len(x) else 0.0


def mean_error(x: Float64Array, ref: Float64Array) -> float:
    """The largest channel's error at each sample, averaged over the samples."""
    return float(np.abs(x - ref).max(axis=1).mean()) if len(x) else 0.0


def side_difference(left: Float64Array, right: Float64Array) -> float:
    """Mean distance of what should be alike on both sides, (N, pairs) each."""
    return float(np.abs(left - right).mean())
