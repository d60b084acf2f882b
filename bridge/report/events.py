"""What happened in a take: blinks, winks, and the moments that look worst. Plain JSON values, times in seconds from the start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bridge import arkit
from bridge.bench import quality_metrics as metrics
from bridge.report.figures import Plain, number, spans_of
from bridge.report.take import NAMES, Take
from bridge.types import Float64Array

LIDS = (arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"])
CLOSED = 0.95
"""A lid that shows this is closed."""
_LEAST_RISE, _LONGEST_BLINK_S = 0.25, 0.8
_CHUNK_S, _OVERLAP_S = 20.0, 1.5
MOST_MOMENTS = 12
_HEAD = ("headYaw", "headPitch", "headRoll")


def blinks(take: Take) -> Plain:
    """Of both eyes together and of each: how often, how far they close, how open they are otherwise."""
    lids = np.asarray((take.final if take.raw is None else take.raw)[:, LIDS], dtype=np.float64)
    shown = np.asarray(take.final[:, LIDS], dtype=np.float64)
    found = list(_blinks(take, lids))
    seen_s = float(np.append(np.diff(take.t), 0.0)[take.seen].sum())
    busy = np.zeros(len(take.t), dtype=np.bool_)
    for begin, end in found:
        busy |= (take.t >= begin - 0.1) & (take.t <= end + 0.2)
    winks = [
        (float(take.t[span][0]), float(take.t[span][-1]), eye)
        for eye in (0, 1)
        for span in metrics.quiet_spans(take.t, _winks(lids, eye), at_least_s=0.2)
    ]
    for begin, end, _ in winks:
        busy |= (take.t >= begin - 0.2) & (take.t <= end + 0.2)
    idle = take.seen & (take.presence == 0) & ~busy
    peaks = [(_peaks(take.t, lids, begin, end), _peaks(take.t, shown, begin, end)) for begin, end in found]
    t0 = float(take.t[0])
    return {
        "count": len(found),
        "per_minute": number(60.0 * len(found) / seen_s, 1) if seen_s > 5.0 else None,
        "both_closed_share": number(float(np.mean([after.min() > CLOSED for _, after in peaks]))) if peaks else None,
        "uneven": number(float(np.mean([_uneven(take.t, shown, *blink) for blink in found]))) if found else None,
        "winks": [[number(begin - t0, 3), number(end - t0, 3), ("left", "right")[eye]] for begin, end, eye in sorted(winks)],
        "times": [[number(x - t0, 3) for x in _closed_half(take.t, lids, begin, end)] for begin, end in found],
        "eyes": [
            {
                "eye": side,
                "raw_peak": None if take.raw is None else _median([before[eye] for before, _ in peaks]),
                "final_peak": _median([after[eye] for _, after in peaks]),
                "closed_share": number(float(np.mean([after[eye] > CLOSED for _, after in peaks]))) if peaks else None,
                "raw_open": None if take.raw is None else _median(lids[idle, eye].tolist()),
                "final_open": _median(shown[idle, eye].tolist()),
            }
            for eye, side in enumerate(("left", "right"))
        ],
    }


def _blinks(take: Take, lids: Float64Array) -> Iterator[tuple[float, float]]:
    """Begin and end of every short closing of both lids, judged by what came in. In chunks: the search is quadratic."""
    last_end = -np.inf
    for begin, end in spans_of(take.seen & ~np.isnan(lids).any(axis=1)):
        at = begin
        while at < end:
            until = min(end, int(np.searchsorted(take.t, take.t[at] + _CHUNK_S)))
            t, both = take.t[at:until], lids[at:until]
            for first, last in metrics.excursions(t, both.mean(axis=1), least=_LEAST_RISE, longest_s=_LONGEST_BLINK_S):
                inside = both[(t >= first) & (t <= last)]
                if first >= last_end and float((inside.max(axis=0) - inside[0]).min()) > _LEAST_RISE:
                    last_end = last
                    yield first, last
            if until >= end:
                break
            at = max(at + 1, int(np.searchsorted(take.t, take.t[until - 1] - _OVERLAP_S)))


def _winks(lids: Float64Array, eye: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """One lid down while the other stays up; NaN is neither."""
    closed: np.ndarray[Any, np.dtype[np.bool_]] = (lids[:, eye] > 0.4) & (lids[:, 1 - eye] < 0.2)
    return closed


def _peaks(t: Float64Array, lids: Float64Array, begin: float, end: float) -> Float64Array:
    peaks: Float64Array = np.nanmax(lids[(t >= begin) & (t <= end + 0.07)], axis=0)
    return peaks


def _closed_half(t: Float64Array, lids: Float64Array, begin: float, end: float) -> tuple[float, float]:
    """First and last time at which a blink is at least half of its height."""
    window = (t >= begin) & (t <= end)
    times, height = t[window], lids[window].mean(axis=1)
    down = times[height >= 0.5 * (height[0] + height.max())]
    return float(down[0]), float(down[-1])


def _uneven(t: Float64Array, lids: Float64Array, begin: float, end: float) -> float:
    inside = lids[(t >= begin) & (t <= end)]
    return float(np.nanmax(np.abs(inside[:, 0] - inside[:, 1])))


def _median(values: list[float]) -> float | None:
    return number(float(np.median(values))) if values else None


# --- the worst moments ---------------------------------------------------------------------------------------------------


def moments(take: Take) -> list[Plain]:
    """What a person should look at first, worst first, at most ``MOST_MOMENTS``; each with the channel that shows it."""
    found = [*_losses(take), *_stalls(take), *_jumps(take), *_spikes(take), *_split_lids(take)]
    found.sort(key=lambda moment: (-moment["severity"], moment["t"]))
    kept: list[Plain] = []
    for moment in found:  # one story is told once
        alike = [other for other in kept if other["kind"] == moment["kind"] and abs(other["t"] - moment["t"]) < 1.0]
        if not alike and sum(other["kind"] == moment["kind"] for other in kept) < 4:
            kept.append(moment)
    return kept[:MOST_MOMENTS]


def _moment(take: Take, k: int, kind: str, text: str, channel: str, severity: float, length_s: float = 0.0) -> Plain:  # noqa: PLR0917
    return {
        "t": number(float(take.t[k] - take.t[0]), 3),
        "length_s": number(length_s, 3),
        "kind": kind,
        "text": text,
        "channel": channel,
        "severity": number(severity, 3),
    }


def _losses(take: Take) -> Iterator[Plain]:
    for begin, end in spans_of(~take.seen):
        length = float(take.t[min(end, len(take.t) - 1)] - take.t[begin])
        if begin > 0:
            yield _moment(take, begin, "lost", f"face not seen for {length:.2f} s", "headYaw", 1.0 + length, length)


def _stalls(take: Take) -> Iterator[Plain]:
    dt = np.diff(take.t)
    usual = float(np.median(dt))
    for k in np.flatnonzero(dt > 3.0 * usual).tolist():
        gap = float(dt[k])
        yield _moment(take, k, "stall", f"no frame for {1e3 * gap:.0f} ms", "headYaw", 0.5 + 2.0 * gap, gap)


def _jumps(take: Take) -> Iterator[Plain]:
    """Steps of what avatars show that are larger than a person makes in a frame: the head by more than 8°."""
    dt = np.diff(take.t)
    near = dt < 3.0 * float(np.median(dt))
    for name in _HEAD:
        x = np.asarray(take.final[:, NAMES.index(name)], dtype=np.float64)
        step = np.abs((np.diff(x) + 180.0) % 360.0 - 180.0)
        rate = step * (1.0 / 30.0) / np.maximum(dt, 1.0 / 120.0)
        for k in np.flatnonzero(near & (rate > 8.0)).tolist():
            text = f"the avatar's head jumps {step[k]:.0f}° in one frame"
            yield _moment(take, k + 1, "jump", text, name, 0.7 + float(rate[k]) / 20.0)


def _spikes(take: Take) -> Iterator[Plain]:
    """One frame of the tracker's that has nothing to do with those before and after it."""
    if take.raw is None:
        return
    for name in _HEAD:
        x = np.asarray(take.raw[:, NAMES.index(name)], dtype=np.float64)
        out, across = x[1:-1] - 0.5 * (x[:-2] + x[2:]), np.abs(x[2:] - x[:-2])
        for k in np.flatnonzero((np.abs(out) > 4.0) & (across < 0.5 * np.abs(out))).tolist():
            text = f"the tracker is off by {abs(out[k]):.0f}° for one frame"
            yield _moment(take, k + 1, "spike", text, name, 0.4 + float(abs(out[k])) / 20.0)


def _split_lids(take: Take) -> Iterator[Plain]:
    """The avatar winks, and the tracker saw no wink."""
    if take.raw is None:
        return
    shown, lids = (np.asarray(x[:, LIDS], dtype=np.float64) for x in (take.final, take.raw))
    apart = np.abs(shown[:, 0] - shown[:, 1]) > 0.4
    apart &= (take.presence == 0) & ~_winks(lids, 0) & ~_winks(lids, 1)
    for begin, end in spans_of(apart):
        length = float(take.t[min(end, len(take.t) - 1)] - take.t[begin])
        widest = float(np.abs(shown[begin:end, 0] - shown[begin:end, 1]).max())
        text = f"lids {widest:.2f} apart, though nobody winks"
        yield _moment(take, begin, "lids", text, "eyeBlinkLeft", 0.3 + widest * min(1.0, length), length)
