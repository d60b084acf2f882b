"""How far each lid is closed, from eyeBlink: the open eye is 0 and a typical blink 1, whoever it is.

Raw eyeBlink of open eyes lies anywhere in 0.00-0.34, and the median blink peaks at 0.71 (QUALITY.md, sections 0 and 6.3). So each
eye has an open level ``o``, both have a common closed level ``c``, and both levels follow the person::

    y = clip((b - o - 0.05) / (c - o - 0.05), 0, 1)

Plain numbers, no arrays: for two eyes they are several times faster. Engine thread; time comes in with the frames.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median

DEAD_ZONE = 0.05
"""Above the open level a lid still counts as open."""
CLOSED_START = 0.61
"""The closed level before the first blink; the median raw peak is 0.71."""
TYPICAL_SHARE = 0.88
"""The closed level is this share of the median peak, so that a typical blink closes, and one that is a bit less."""
FULL_SHARE = 0.98
"""The same for lids that reach 1."""
CLOSED_GAIN, FIRST_GAIN = 0.35, 0.5
"""How far one blink moves the closed level, and how far the first one does."""
CLOSED_MAX = 0.80
"""MediaPipe's blinks never give reason for more (no peak reached 0.9)."""
FULL_PEAK = 0.92
"""A peak above this cannot be MediaPipe's: the source has lids of its own, which reach 1."""
LEAST_SPAN = 0.24
"""From open to closed."""
OPEN_MAX = 0.35
"""Whoever seems to be more closed than this when nothing is calibrated has closed eyes."""
OPEN_FIRST_MAX = 0.30
FOLLOW_S = 8.0
"""Time constant with which the open level follows, once it is known."""
FOLLOW_RANGE = 0.10
"""How far it leaves a calibrated level."""
GAZE_LIDS = 0.15
GAZE_LIDS_FROM = 0.35
"""Open lids come down with eyes that look down: 0.15 per eyeLookDown beyond 0.35."""

_PEAKS = 9
_QUIET = 0.3
"""Below this the eye is open: levels are learnt."""
_SHUT = 0.75
"""Between ``_QUIET`` and this the lid may be half open for good."""
_DOZE_S = 12.0
_FALL_S, _RISE_S = 0.12, 0.5
"""Fastest time constants, of the first moments."""
_BLINK_ON = 0.4
_RISE, _SLOW_S = 0.15, 0.15
"""A closure is fast when it gets this far ahead of itself, smoothed with this time constant."""
_LAST_S = 0.05
"""Time constant of what the lids did just before."""
_STILL = 0.05
"""A lid that moved less than this did not move, in raw eyeBlink."""
_LONGEST_STEP_S = 0.1
_FORGET_S = 2.0
"""Unseen for longer, the open level is learnt anew: light, glasses or the person may be others."""


def smooth_between(low: float, high: float, x: float) -> float:
    """0 up to ``low``, 1 from ``high`` on, with rest at both ends."""
    if x <= low:
        return 0.0
    if x >= high:
        return 1.0
    x = (x - low) / (high - low)
    return x * x * (3.0 - 2.0 * x)


def wink(left: float, right: float, *, together: float = 0.0) -> float:
    """0 for two lids that belong together, 1 for a wink, by how different they are.

    ``together`` (``LidMapper.together``) moves what counts as different: in a blink one lid may be a frame behind the other, and
    a lid on its way alone is winking, so that the other eye does not twitch with it.
    """
    difference = abs(left - right) - (0.3 if together > 0.0 else 0.06) * together
    return 0.0 if difference <= 0.35 else smooth_between(0.35, 0.60, difference)


def link(left: float, right: float, *, own: float) -> tuple[float, float]:
    """Both lids together, except for the share ``own``: open eyes at their mean, closing ones at the further closed.

    A closed eye is seen worse than an open one, which is why the mean gives way to the maximum.
    """
    if left == right:
        return left, right
    linked, most = 0.5 * (left + right), max(right, left)
    if most > 0.3:
        linked += (most - linked) * min(1.0, (most - 0.3) / 0.4)
    if own == 0.0:
        return linked, linked
    linked *= 1.0 - own
    return own * left + linked, own * right + linked


def follow_near(left: float, right: float, *, far_left: float, far_right: float) -> tuple[float, float]:
    """An eye that the camera does not see takes over what the other does, by the share to which it is not seen (0..1)."""
    if far_left == far_right == 0.0:
        return left, right
    return left + far_left * (right - left), right + far_right * (left - right)


class _Eye:
    """One eye's open level."""

    __slots__ = ("high", "level", "low", "seen_s")

    def __init__(self) -> None:
        self.level = -1.0
        """Raw eyeBlink of the open eye; below 0 before the first frame."""
        self.low, self.high = 0.0, OPEN_MAX
        """Where the level stays."""
        self.seen_s = 0.0
        """How long it was seen open, up to ``FOLLOW_S``."""

    def calibrate(self, level: float | None) -> None:
        """Around this level, or from nothing."""
        if level is None:
            self.level, self.low, self.high, self.seen_s = -1.0, 0.0, OPEN_MAX, 0.0
        else:
            self.level, self.seen_s = level, FOLLOW_S
            self.low, self.high = max(0.0, level - FOLLOW_RANGE), level + FOLLOW_RANGE

    def follow(self, b: float, closed: float, dt: float, trust: float) -> None:
        """``closed``: how far the lid is closed by the level so far. ``trust``: 0 for an eye that is not really seen."""
        level = self.level
        if level < 0.0:
            self.level = min(b, OPEN_FIRST_MAX)
            return
        seen_s = self.seen_s
        if b <= level:
            tau = max(_FALL_S, seen_s)
        elif closed < _QUIET:
            tau = max(_RISE_S, seen_s)
        elif closed < _SHUT:
            tau = _DOZE_S
        else:
            return
        if closed < _QUIET and seen_s < FOLLOW_S:
            self.seen_s = min(FOLLOW_S, seen_s + dt * trust)
        level += (1.0 - math.exp(-dt / tau)) * trust * (b - level)
        level = max(level, self.low)
        self.level = min(level, self.high)


class LidMapper:
    """Follows the levels of one person and gives how far the lids are closed."""

    def __init__(self) -> None:
        self._calibrated: tuple[float, float] | None = None
        self._closed_lids: tuple[float, float] | None = None
        self.reset()

    def calibrate(self, open_lids: tuple[float, float] | None, closed_lids: tuple[float, float] | None) -> None:
        """The raw eyeBlink (left, right) of this person's open and of closed eyes; None: learnt from the stream."""
        self._calibrated, self._closed_lids = open_lids, closed_lids
        self._start()

    def reset(self) -> None:
        """Forgets the stream; what was calibrated stays."""
        self._start()

    def _start(self) -> None:
        self._t = -math.inf
        self._left, self._right = _Eye(), _Eye()
        self._begin_eyes()
        self._peaks: deque[float] = deque(maxlen=_PEAKS)
        self._last_left = self._last_right = self._slow = 0.0
        self._together = 0.0
        self._peak = 0.0
        self._both = self._fast = self._full = False
        self._ratio = (1.0, 1.0)
        self._closed = CLOSED_START
        self._closed_range = (0.0, CLOSED_MAX)
        if self._closed_lids is not None:
            left, right = (max(0.05, level) for level in self._closed_lids)
            most = 0.5 * (left + right)
            self._ratio = (left / most, right / most)
            self._closed = TYPICAL_SHARE * most
            self._closed_range = (0.75 * most, most)

    def _begin_eyes(self) -> None:
        left, right = self._calibrated or (None, None)
        self._left.calibrate(left)
        self._right.calibrate(right)

    @property
    def open_lids(self) -> tuple[float, float]:
        """The open levels now in use, raw eyeBlink (left, right); below 0 before the first frame."""
        return self._left.level, self._right.level

    @property
    def together(self) -> float:
        """1: both lids are just now on their way in the same direction, as in a blink; -1: one alone is; 0: none moves."""
        return self._together

    @property
    def closed_level(self) -> float:
        """The common closed level now in use, raw eyeBlink."""
        return self._closed

    def step(self, t: float, left: float, right: float, *, down: float, far_left: float, far_right: float) -> tuple[float, float]:
        """How far the lids are closed, 0..1 (left, right), by raw eyeBlink at ``t``.

        ``down`` is how far the eyes look down (coefficient); ``far_left``, ``far_right`` say how little the camera sees of an
        eye: 0 all, 1 nothing worth believing; such an eye follows the other.
        """
        dt = t - self._t
        self._t = t
        if not 0.0 <= dt <= _FORGET_S:
            dt = 0.0
            self._left, self._right = _Eye(), _Eye()
            self._begin_eyes()
            self._peak = 0.0
            self._last_left, self._last_right = left, right
            self._slow = max(left, right)
        eye_left, eye_right, (ratio_left, ratio_right) = self._left, self._right, self._ratio
        if eye_left.level < 0.0:
            eye_left.follow(left, 0.0, 0.0, 1.0)
            eye_right.follow(right, 0.0, 0.0, 1.0)
        lowered = GAZE_LIDS * (down - GAZE_LIDS_FROM) if down > GAZE_LIDS_FROM else 0.0
        y_left, seen_left = self._map(left, eye_left.level, ratio_left, lowered)
        y_right, seen_right = self._map(right, eye_right.level, ratio_right, lowered)
        dt = min(dt, _LONGEST_STEP_S)
        if dt > 0.0:
            eye_left.follow(seen_left, y_left, dt, 1.0 - far_left)
            eye_right.follow(seen_right, y_right, dt, 1.0 - far_right)
        left, right = left / ratio_left, right / ratio_right
        if far_left or far_right:
            y_left, y_right = follow_near(y_left, y_right, far_left=far_left, far_right=far_right)
            left, right = follow_near(left, right, far_left=far_left, far_right=far_right)
        self._watch_blink(left, right, y_left, y_right, dt)
        return y_left, y_right

    def _map(self, b: float, level: float, ratio: float, lowered: float) -> tuple[float, float]:
        """How far the lid is closed, and its eyeBlink without what comes from looking down."""
        above = b - level - DEAD_ZONE
        if above <= 0.0:
            return 0.0, b - lowered
        closed, least = self._closed * ratio, level + LEAST_SPAN
        span = (max(least, closed)) - level - DEAD_ZONE
        if above >= span:
            return 1.0, b
        lowered *= 1.0 - above / span  # only of an open eye: a closed one is closed
        return (above - lowered) / span if above > lowered else 0.0, b - lowered

    def _watch_blink(self, left: float, right: float, y_left: float, y_right: float, dt: float) -> None:
        """Follows a blink, and learns from it when it is over; only from fast closures of both eyes."""
        b = max(right, left)
        most = max(y_right, y_left)
        moved_left, moved_right = left - self._last_left, right - self._last_right
        still = -_STILL <= moved_left <= _STILL and -_STILL <= moved_right <= _STILL  # so it is in nearly every frame
        self._together = 0.0 if still else _moved_together(moved_left, moved_right)
        gain = 1.0 - math.exp(-dt / _LAST_S)
        self._last_left += gain * moved_left
        self._last_right += gain * moved_right
        rise = b - self._slow
        self._slow += (1.0 - math.exp(-dt / _SLOW_S)) * rise
        if most > _BLINK_ON:
            self._peak = max(self._peak, b)
            self._both = self._both or min(y_left, y_right) > _BLINK_ON
            self._fast = self._fast or rise > _RISE
            if b > FULL_PEAK:
                self._full = True
                self._closed_range = (self._closed_range[0], 1.0)
                self._closed = max(self._closed, FULL_SHARE * b)
        elif self._peak > 0.0 and most < _QUIET:
            if self._both and self._fast:
                self._learn(self._peak)
            self._peak = 0.0
            self._both = self._fast = False

    def _learn(self, peak: float) -> None:
        self._peaks.append(peak)
        typical = median(self._peaks)
        low, high = self._closed_range
        share = FULL_SHARE if self._full else TYPICAL_SHARE
        low = max(low, max(self._left.level, self._right.level) + LEAST_SPAN)
        gain = CLOSED_GAIN if len(self._peaks) > 1 else FIRST_GAIN
        self._closed += gain * (share * typical - self._closed)
        self._closed = min(max(high, low), max(low, self._closed))


def _moved_together(left: float, right: float) -> float:
    """1 for two changes of raw eyeBlink that are alike, -1 for one without the other; at least one is beyond ``_STILL``."""
    less, more = (left, right) if abs(left) < abs(right) else (right, left)
    moved = abs(more)
    alike = less / more
    together = smooth_between(0.05, 0.12, abs(less)) * smooth_between(0.25, 0.50, alike)
    return together - smooth_between(0.06, 0.15, moved) * (1.0 - smooth_between(0.15, 0.35, alike))
