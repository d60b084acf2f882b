"""The numbers of a report, as plain JSON values. Definitions: QUALITY.md, section 4, by way of ``bench.quality_metrics``.

"Raw" is what the tracker delivered, after MediaPipe's own landmark filter. NaN never appears: what is not known is None.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bridge import arkit
from bridge.bench import quality_metrics as metrics
from bridge.report.take import GROUP_COLUMNS, PRESENCES, ROTATION, Take
from bridge.types import Float64Array

BoolArray: TypeAlias = NDArray[np.bool_]
Plain: TypeAlias = dict[str, Any]

UNITS = {"rotation": "°", "position": "cm"}
REST_S = 0.5
"""Rest lasts at least this long."""
_QUIET = {"rotation": 5.0, "position": 2.0}
"""Slower than this, per second, counts as rest; coefficients: 0.5."""
_LEAST_RANGE = {"rotation": 3.0, "position": 1.0}
"""Who moves less tells nothing about lag; coefficients: 0.2."""
_LAG_WINDOW_S, _LAG_WINDOWS = 15.0, 3
LIVE_FROM, DEAD_TO = 0.35, 0.01
"""As in ``arkit.SUPPORT``: dead is a maximum up to 0.01, weak a 99.5th percentile below 0.35."""


def number(value: float, digits: int = 4) -> float | None:
    """Rounded for JSON; None for what is not finite."""
    return round(float(value), digits) if math.isfinite(value) else None


def spans_of(mask: BoolArray) -> list[tuple[int, int]]:
    """First and one past the last index of each stretch in which ``mask`` (N,) holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


# --- time ----------------------------------------------------------------------------------------------------------------


def summary(take: Take) -> Plain:
    """Duration, pace, presence, dropouts, latency."""
    dt = np.diff(take.t)
    usual = float(np.median(dt))
    seen = take.seen
    lost = [float(take.t[min(end, len(take.t) - 1)] - take.t[begin]) for begin, end in spans_of(~seen)]
    weights = np.append(dt, usual)
    latency_ms = 1e3 * (take.t_done - take.t)
    known = bool((latency_ms > 0.05).any())
    return {
        "duration_s": number(take.t[-1] - take.t[0], 3),
        "steps": len(take.t),
        "fps": number(1.0 / usual, 2),
        "late": int((dt > 1.7 * usual).sum()),
        "longest_gap_s": number(dt.max(), 3),
        "seen_share": number(float(weights[seen].sum() / weights.sum())),
        "dropouts": len(lost),
        "longest_dropout_s": number(max(lost, default=0.0), 3),
        "presence_s": {
            presence.value: number(float(weights[take.presence == code].sum()), 2) for code, presence in enumerate(PRESENCES)
        },
        "latency_ms": {
            "p50": number(np.percentile(latency_ms, 50), 1) if known else None,
            "p95": number(np.percentile(latency_ms, 95), 1) if known else None,
        },
    }


def presence_spans(take: Take) -> list[list[float | int | None]]:
    """[begin, end, index into PRESENCES] of every stretch, seconds from the start."""
    ends = [*(np.flatnonzero(np.diff(take.presence)) + 1).tolist(), len(take.t)]
    begins = [0, *ends[:-1]]
    t = take.t - take.t[0]
    return [
        [number(t[begin], 3), number(t[min(end, len(t) - 1)], 3), int(take.presence[begin])]
        for begin, end in zip(begins, ends, strict=True)
    ]


# --- rest and lag --------------------------------------------------------------------------------------------------------


def _still(t: Float64Array, x: Float64Array, limit: float) -> BoolArray:
    kernel = np.ones(5) / 5.0
    smooth = np.stack([np.convolve(np.pad(channel, 2, mode="edge"), kernel, mode="valid") for channel in x.T], axis=1)
    quiet: BoolArray = np.abs(np.gradient(smooth, t, axis=0)).max(axis=1) < limit
    return quiet


def rest_spans(take: Take, group: str) -> list[slice]:
    """Where the face is seen, and head and group are still, for ``REST_S`` or longer; judged by what came in."""
    source = np.asarray(take.final if take.raw is None else take.raw, dtype=np.float64)
    found: list[slice] = []
    for begin, end in spans_of(take.seen & (take.presence == 0)):
        if end - begin < 8:
            continue
        span = slice(begin, end)
        t, head, values = take.t[span], source[span, ROTATION], source[span][:, GROUP_COLUMNS[group]]
        if np.isnan(values).any():
            continue
        quiet = _still(t, values, _QUIET.get(group, 0.5))
        if not np.isnan(head).any():
            quiet &= _still(t, head, _QUIET["rotation"])
        found += [
            slice(begin + rest.start, begin + rest.stop) for rest in metrics.quiet_spans(t, quiet, at_least_s=REST_S)
        ]  # fmt: skip
    return found


def jitter(take: Take, group: str) -> Plain:
    """Rest jitter of a group before and after: RMS second difference, pooled over its channels; and their ratio.

    The ratio is that of after over before, after divided by the channels' gain: what calibration stretches is no jitter.
    """
    columns = list(GROUP_COLUMNS[group])
    spans = [span for span in rest_spans(take, group) if not np.isnan(take.final[span][:, columns]).any()]
    rest_s = sum(float(take.t[span.stop - 1] - take.t[span.start]) for span in spans)
    final = _pooled(take.final, columns, spans, np.ones(len(columns)))
    result: Plain = {"rest_s": number(rest_s, 2), "raw": None, "final": number(final, 6), "ratio": None}
    if take.raw is not None:
        raw = _pooled(take.raw, columns, spans, np.ones(len(columns)))
        kept = _pooled(take.final, columns, spans, _gain(take, group))
        result |= {"raw": number(raw, 6), "ratio": number(kept / raw, 4) if raw > 0.0 else None}
    return result


def _pooled(x: NDArray[np.floating[Any]], columns: list[int], spans: list[slice], gain: Float64Array) -> float:
    power = count = 0.0
    for span in spans:
        second = np.diff(np.asarray(x[span][:, columns], dtype=np.float64) / gain, 2, axis=0)
        power += float(np.square(second).sum())
        count += second.size
    return math.sqrt(power / count) if count else math.nan


def _gain(take: Take, group: str) -> Float64Array:
    columns = list(GROUP_COLUMNS[group])
    both = take.seen & (take.presence == 0) & ~np.isnan(take.final[:, columns]).any(axis=1)
    if group in UNITS or take.raw is None or both.sum() < 8:
        return np.ones(len(columns))
    raw, final = (np.asarray(x[both][:, columns], dtype=np.float64) for x in (take.raw, take.final))
    return metrics.moving_gain(raw, final, least_range=0.2)


def lag_ms(take: Take, group: str) -> float | None:
    """How much later the last stage moves than the first, where the group moves; None when it hardly does.

    The median over the liveliest ``_LAG_WINDOWS`` windows without a dropout.
    """
    if take.raw is None:
        return None
    columns = list(GROUP_COLUMNS[group])
    good = take.seen & (take.presence == 0) & ~np.isnan(take.final[:, columns]).any(axis=1)
    good &= ~np.isnan(take.raw[:, columns]).any(axis=1)
    windows = []
    for begin, end in _windows(take.t, good):
        t = take.t[begin:end]
        raw, final = (np.asarray(x[begin:end][:, columns], dtype=np.float64) for x in (take.raw, take.final))
        if float(np.ptp(raw, axis=0).max()) >= _LEAST_RANGE.get(group, 0.2):
            windows.append((float(np.abs(np.diff(raw, axis=0)).sum()) / (end - begin), t, raw, final))
    windows.sort(key=lambda window: window[0], reverse=True)
    lags = [metrics.lag(t, raw, t, final) for _, t, raw, final in windows[:_LAG_WINDOWS]]
    known = [lag for lag in lags if math.isfinite(lag)]
    return number(1e3 * float(np.median(known)), 1) if known else None


def _windows(t: Float64Array, good: BoolArray) -> Iterator[tuple[int, int]]:
    for begin, end in spans_of(good):
        at = begin
        while end - at > 16 and t[end - 1] - t[at] > 1.0:
            until = min(end, int(np.searchsorted(t, t[at] + _LAG_WINDOW_S, side="right")))
            yield at, until
            at = until


def groups(take: Take) -> list[Plain]:
    """A row for each group of channels."""
    return [
        {
            "group": group,
            "unit": UNITS.get(group, ""),
            "channels": len(columns),
            "jitter": jitter(take, group),
            "lag_ms": lag_ms(take, group),
        }
        for group, columns in GROUP_COLUMNS.items()
    ]


# --- channels ------------------------------------------------------------------------------------------------------------


def channels(take: Take) -> list[Plain]:
    """What each of the 52 did, beside what MediaPipe's model is known to deliver."""
    rows: list[Plain] = []
    for i, name in enumerate(arkit.NAMES):
        raw = None if take.raw is None else take.raw[take.seen, i]
        final = take.final[take.presence == 0, i]
        judged = final if raw is None else raw
        rows.append(
            {
                "name": name,
                "support": arkit.SUPPORT[i].value,
                "found": _support(judged),
                "raw": None if raw is None else _spread(raw),
                "final": _spread(final),
            }
        )
    return rows


def _support(x: NDArray[np.floating[Any]]) -> str | None:
    if not len(x):
        return None
    if float(x.max()) <= DEAD_TO:
        return "dead"
    return "weak" if float(np.percentile(x, 99.5)) < LIVE_FROM else "live"


def _spread(x: NDArray[np.floating[Any]]) -> Plain | None:
    if not len(x):
        return None
    low, middle, high = np.percentile(x, [5, 50, 99.5]).tolist()
    return {"p5": number(low), "median": number(middle), "p99_5": number(high), "max": number(float(x.max()))}
