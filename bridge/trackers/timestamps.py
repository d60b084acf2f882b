"""The timestamps that MediaPipe gets: whole milliseconds, strictly increasing, scaled."""

from __future__ import annotations

LAST_TIMESTAMP_MS = 9_000_000_000_000
"""MediaPipe's landmark filter counts nanoseconds in 64 bits. Beyond 9.22e12 ms they stand still: it then stops filtering and
writes 956 warnings a frame to stderr (measured with 0.10.33). At a scale of 1e5 that is after 25 hours."""


class TimestampClock:
    """Capture times in seconds -> timestamps in milliseconds, the first being 0.

    The scale is the knob of MediaPipe's own landmark filter, which derives its cutoff from the timestamps it sees: 1 full,
    4 light, 1e5 off.
    """

    def __init__(self, *, scale: float) -> None:
        self._ms_per_s = 1000.0 * scale
        self._origin: float | None = None
        self._newest = 0.0
        self._last = -1

    @property
    def exhausted(self) -> bool:
        """True when MediaPipe must begin again with a new clock."""
        return self._last > LAST_TIMESTAMP_MS

    def next(self, t: float) -> int:
        """The timestamp of a frame captured at ``t``: at least one more than the last.

        When ``t`` falls back, the clock goes on from there: later frames keep their distances.
        """
        if self._origin is None:
            self._origin = t
        timestamp = max(round((t - self._origin) * self._ms_per_s), self._last + 1)
        if t < self._newest:
            self._origin = t - timestamp / self._ms_per_s
        self._newest, self._last = t, timestamp
        return timestamp
