"""A recording as a source of finished results: at its own pace, or as fast as they are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from bridge.clock import Clock, monotonic
from bridge.errors import SourceEnded, SourceLost, SourceUnavailable
from bridge.recording import RecordingReader
from bridge.recording_npz import read_npz
from bridge.sources.animation import read_animation
from bridge.sources.livelink_take import read_livelink_csv
from bridge.sources.paced import Pacer, Wait
from bridge.sources.report import RateMeter, SourceReport, rate_text
from bridge.types import TrackResult

WHOLE_READERS: Mapping[str, Callable[[Path], Iterable[TrackResult]]] = MappingProxyType({
    ".bvh": read_animation,
    ".csv": read_livelink_csv,
    ".npz": read_npz,
    ".vrma": read_animation,
})  # fmt: skip
"""Suffix -> what reads such a file at once; its results can be gone through again. Raises SourceUnavailable."""

RECORDING_SUFFIXES = frozenset({".jsonl", *WHOLE_READERS})

_FALLBACK_INTERVAL_S = 1 / 30
_SLACK_RANGE_S = (0.01, 0.1)


class RecordingSource:
    """Results of a ``.jsonl`` recording of either stage, or of a file that one of ``WHOLE_READERS`` knows.

    At its own pace, every result is due, and dated, start + its recorded distance from the first; the start is the first
    ``read``. ``fast`` waits for nothing and keeps the recorded times. Times and numbers keep increasing when it loops. States of
    a final recording that were not LIVE give results without a face.
    """

    live = False
    notice: str | None = None
    delivers_results = True

    def __init__(
        self, path: Path, *, loop: bool = False, fast: bool = False, clock: Clock = monotonic, wait: Wait | None = None
    ) -> None:
        self._path = path
        self._loop = loop
        self._fast = fast
        self._clock = clock
        self._pacer = Pacer(slack_s=_SLACK_RANGE_S[1], clock=clock, wait=wait)
        self._meter = RateMeter()
        self._reader: RecordingReader | None = None
        self._upcoming: Iterator[TrackResult] | None = None
        self._archive: Iterable[TrackResult] | None = None
        self._ahead: TrackResult | None = None
        self._first_t = 0.0
        self._last: TrackResult | None = None
        self._interval_s = _FALLBACK_INTERVAL_S
        self._shift_t = 0.0
        self._shift_seq = 0
        self._delivered = 0
        self._span_s = 0.0

    @property
    def label(self) -> str:
        return self._path.name or str(self._path)

    def open(self) -> None:
        """From the beginning. Raises SourceUnavailable, SourceEnded."""
        self.close()
        self._pacer.check()
        read_whole = WHOLE_READERS.get(self._path.suffix.lower())
        if read_whole is not None:
            self._archive = read_whole(self._path)
            self._upcoming = iter(self._archive)
        else:
            self._reader = RecordingReader(self._path, exclusive=True)
            self._upcoming = self._reader.results()
        try:
            self._ahead = next(self._upcoming, None)
        except SourceUnavailable:
            self.close()
            raise
        if self._ahead is None:
            self.close()
            raise SourceUnavailable(f"{self._path} holds no results: nothing was recorded")
        self._first_t = self._ahead.t
        self._shift_t, self._shift_seq = 0.0, 0
        self._delivered, self._span_s = 0, 0.0
        self._pacer.restart()
        self._meter.reset()

    def read(self) -> TrackResult:
        """Blocks until the next result is due. Raises SourceEnded after the last, SourceUnavailable at a line that is not one."""
        self._pacer.check()
        result = self._next()
        offset_s = result.t - self._first_t
        if not self._fast:
            low, high = _SLACK_RANGE_S
            self._pacer.slack_s = min(max(self._interval_s, low), high)
            t = self._pacer.wait_for(offset_s)
            result = replace(result, t=t, t_done=max(t, self._clock()))
        self._delivered += 1
        self._span_s = offset_s
        self._meter.tick(self._clock())
        return result

    def close(self) -> None:
        reader, self._reader = self._reader, None
        self._upcoming, self._archive, self._ahead, self._last = None, None, None, None
        if reader is not None:
            reader.close()

    def cancel(self) -> None:
        self._pacer.cancel()

    def report(self) -> SourceReport:
        """The recorded pace against the measured one. Any thread."""
        delivered, span_s = self._delivered, self._span_s
        pace = f"{rate_text((delivered - 1) / span_s)} fps" if delivered > 1 and span_s > 0.0 else ""
        if self._fast:
            pace = "as fast as it goes"
        return SourceReport(requested=pace, delivered=pace, fps_measured=self._meter.fps, warning=None)

    def _next(self) -> TrackResult:
        """The next result, times and numbers shifted by the rounds before."""
        if self._upcoming is None:
            raise SourceLost(f"{self.label} is not open")
        result, self._ahead = self._ahead, None
        if result is None:
            result = next(self._upcoming, None)
        if result is None and self._loop:
            result = self._next_round()
        if result is None:
            raise SourceEnded(f"{self.label} has ended")
        if self._last is not None and result.t > self._last.t:
            self._interval_s = result.t - self._last.t
        self._last = result
        if not (self._shift_seq or self._shift_t):
            return result
        return replace(result, seq=result.seq + self._shift_seq, t=result.t + self._shift_t, t_done=result.t_done + self._shift_t)

    def _next_round(self) -> TrackResult | None:
        last, self._last = self._last, None
        self._upcoming = iter(self._archive) if self._archive is not None else self._reader.results() if self._reader else None
        first = next(self._upcoming, None) if self._upcoming is not None else None
        if first is None or last is None:
            raise SourceLost(f"{self._path} can no longer be read")
        self._shift_t += last.t - first.t + self._interval_s
        self._shift_seq += last.seq - first.seq + 1
        return first
