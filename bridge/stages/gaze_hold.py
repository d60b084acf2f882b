"""Keeps the eyes from looking down in every blink: vertical gaze is held while the lids are closed, and softly released.

What the tracker sees of an eye through closing lids looks down, by 0.53 of the coefficient at the peak (QUALITY.md, sections 2.2
and 6.4). Pure; time comes in with the frames.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median

HOLD_FROM = 0.25
"""Lids further closed than this hide where the eyes look."""
CLOSING_FROM, CLOSING_PER_S = 0.08, 2.0
"""Or already further than this, when they close at this speed."""
RELEASE_S = 0.13
BELIEVED_S = (0.15, 0.03)
"""Ages of the frames whose median is held: the 5th to the 2nd last at 30 fps. The last one already saw the lid come down."""
LONGEST_S = 0.5
"""Lids that stay half closed for longer are no blink, somebody looks down; and a wink that lasts longer has an eye that looks."""
SHUT = 0.75
"""Both lids closed further than this hide the eyes for as long as they stay so."""
STILL_OPEN = 0.10
"""With lids further closed than this, a frame is not believed if there are others."""
_KEPT_S = 2.0 * BELIEVED_S[0]
_OVER_S = 0.5
"""Unseen for longer, nothing is held."""


class GazeHold:
    """One value, the vertical gaze of both eyes; any unit. Engine thread."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As before the first frame."""
        self._seen: deque[tuple[float, float, float]] = deque()
        self._lid = 0.0
        self._held = 0.0
        self._began: float | None = None
        self._released = -math.inf
        self._waived = False
        self._t = -math.inf

    def step(self, t: float, value: float, lids: tuple[float, float]) -> float:
        """What to show at ``t`` where ``value`` was seen through lids closed by ``lids`` (0..1 each)."""
        left, right = lids
        lid, both = (left, right) if left > right else (right, left)
        dt = t - self._t
        if not 0.0 <= dt <= _OVER_S:
            self.reset()
            self._lid = lid
        self._t = t
        closing = lid > CLOSING_FROM and lid - self._lid > CLOSING_PER_S * dt
        self._lid = lid
        began = self._began
        if began is None:
            if lid <= HOLD_FROM:
                self._waived = False
            if both > SHUT if self._waived else lid > HOLD_FROM or closing:
                self._held = self._believed(t, value)
                self._began = t
        elif not closing and (lid <= HOLD_FROM or (both < SHUT and t - began > LONGEST_S)):
            self._waived = lid > HOLD_FROM
            self._began = None
            self._released = t
        if self._began is not None or t - self._released < RELEASE_S:
            value += self.share * (self._held - value)
        seen = self._seen
        seen.append((t, value, lid))
        while t - seen[0][0] > _KEPT_S:
            seen.popleft()
        return value

    @property
    def share(self) -> float:
        """How much of what is shown was held in the newest frame: 1 while the lids are closed, 0 with open eyes."""
        if self._began is not None:
            return 1.0
        share = 1.0 - (self._t - self._released) / RELEASE_S
        return max(0.0, share)

    def _believed(self, t: float, value: float) -> float:
        """The median of the believable frames; the last one shown where frames are too far apart for that."""
        if not self._seen:
            return value
        newest, span = t - BELIEVED_S[1], BELIEVED_S[0] - BELIEVED_S[1]
        earlier = [frame for frame in self._seen if frame[0] <= newest]
        believable = [frame for frame in earlier if frame[2] < STILL_OPEN] or earlier or [self._seen[-1]]
        oldest = believable[-1][0] - span
        return median([shown for at, shown, _ in believable if at >= oldest])
