"""From a person's own range to 0..1: below the neutral is 0, a strong expression is 1 (QUALITY.md, section 6.2)."""

from __future__ import annotations

import math

import numpy as np

from bridge import arkit
from bridge.stages.neutral_population import HIGHEST, NOISE
from bridge.types import CHANNELS, Float32Array, frozen_array

LARGEST_GAIN = 2.2
"""More would show noise as expression."""
TOP = 0.97
"""The share of the highest value that already counts as all of it."""
_DEAD_ZONE = (0.01, 0.05)
_NOISES = 1.5
"""Three standard deviations, of which the smoothing before leaves at most half."""
_LOWEST_SHARE = 0.6
"""How far a measured upper end may be below the usual one."""
_HIGHEST_SHARE = 1.6
"""How far above it an upper end may grow by itself."""
_UP_TAU_S, _DOWN_TAU_S = 0.15, 120.0
_FORGET_EVERY_S = 1.0

_LOOK_NAMES = tuple(name for name in arkit.NAMES if name.startswith("eyeLook"))
LOOK: tuple[int, ...] = tuple(arkit.INDEX[name] for name in _LOOK_NAMES)
"""The eight channels of the gaze."""


def _opposite(name: str) -> str:
    for one, other in (("In", "Out"), ("Out", "In"), ("Up", "Down"), ("Down", "Up")):
        if name.startswith(f"eyeLook{one}"):
            return name.replace(one, other, 1)
    raise ValueError(f"{name} has no opposite")


_LOOK = np.array(LOOK)
_AGAINST = np.array([_LOOK_NAMES.index(_opposite(name)) for name in _LOOK_NAMES])
_OPPOSITE = _LOOK[_AGAINST]
_LOOK_DEAD_ZONE = np.float32(0.02)
_BLINKS = np.array([arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]])
_AS_IT_IS = np.array(
    [
        support is arkit.Support.DEAD or name.startswith(("eyeLook", "eyeBlink"))
        for name, support in zip(arkit.NAMES, arkit.SUPPORT, strict=True)
    ]
)
_STRETCHED = ~_AS_IT_IS
"""The rest has neither dead zone nor gain here: what carries nothing, the gaze (``RangeMap``), the lids (the eyes stage)."""
_ZEROS, _ONES = (frozen_array(np.full(CHANNELS, value, dtype=np.float32)) for value in (0.0, 1.0))
"""Whole arrays, because numpy takes twice as long with a plain number."""
_NEVER = np.array(2.0, dtype=np.float32)
"""Above every weight, and every room."""
_LEAST_ROOM = frozen_array(np.where(_STRETCHED, np.float32(1.0 / LARGEST_GAIN), _NEVER))


def usual_dead_zone(noise: Float32Array) -> Float32Array:
    """What is taken for noise above the neutral, (52,), from the standard deviation at rest (52,)."""
    zone = np.clip(_NOISES * np.maximum(noise, noise[arkit.MIRROR_INDEX]), *_DEAD_ZONE)
    zone[_AS_IT_IS] = 0.0
    return zone.astype(np.float32)


def usable_neutral(weights: Float32Array) -> Float32Array:
    """``weights`` (52,) lowered so far that every channel that can reach 1 still does: for neutrals that cannot be believed."""
    room = TOP * HIGHEST - usual_dead_zone(NOISE) - np.float32(1.0 / LARGEST_GAIN)
    return np.clip(weights, 0.0, np.maximum(room, 0.0)).astype(np.float32)


class RangeMap:
    """``y = clip((x - b - dz) / (0.97 hi - b - dz), 0, 1)`` for all channels but the lids, which pass. Engine thread.

    The gain is limited, but 1 always gives 1. The gaze is mapped by opposites: in and out (up and down) are one axis, of which
    the neutral's difference is taken off, so that the eyes have no dead middle where both would be below their neutral. ``hi``
    follows larger values at once, within limits, and forgets them slowly; left and right share it. With ``stretch`` off there
    is neither dead zone nor upper end: ``clip((x - b) / (1 - b), 0, 1)``.
    """

    def __init__(self, *, stretch: bool) -> None:
        self._stretch = stretch
        self._usual = HIGHEST if stretch else np.ones(CHANNELS, dtype=np.float32)
        self._dead_zone = usual_dead_zone(NOISE) if stretch else np.zeros(CHANNELS, dtype=np.float32)
        self._look_dead_zone = _LOOK_DEAD_ZONE if stretch else np.float32(0.0)
        self.zero = np.zeros(CHANNELS, dtype=np.float32)
        """The neutral b in use, (52,): who changes it in place calls ``refresh``."""
        self.is_identity = False
        """Whether every channel comes out as it is."""
        self._unforgotten_s = 0.0
        self._start_high(self._usual)

    def begin(self, zero: Float32Array, peaks: Float32Array | None) -> None:
        """Starts with the neutral ``zero`` and the measured upper ends ``peaks`` (each (52,); None: the usual ones)."""
        self.zero = zero.copy()
        self.zero[_BLINKS] = 0.0
        start = self._usual
        if peaks is not None and self._stretch:
            shared = np.maximum(peaks, peaks[arkit.MIRROR_INDEX])
            start = np.clip(shared, _LOWEST_SHARE * self._usual, 1.0).astype(np.float32)
        self._start_high(start)

    def _start_high(self, start: Float32Array) -> None:
        self._start = self._high = start
        limit = np.maximum(np.minimum(_HIGHEST_SHARE * self._usual, 1.0), start)
        self._limit = np.where(_STRETCHED, limit, np.float32(0.0))
        self.refresh()

    @property
    def high(self) -> Float32Array:
        """The upper ends hi in use, (52,)."""
        return self._high

    def refresh(self) -> None:
        """Takes over a changed ``zero``."""
        self._low = self.zero + self._dead_zone
        self._low[_LOOK] = 0.0
        self._most_room = np.float32(1.0) - self._low
        self._take_high()
        look = self.zero[_LOOK]
        self._look_zero = look - look[_AGAINST] + self._look_dead_zone
        look_room = (TOP if self._stretch else 1.0) - np.maximum(self._look_zero, 0.0)
        self._look_gain = np.minimum(1.0 / np.maximum(look_room, 1e-3), LARGEST_GAIN).astype(np.float32)
        self._signed_look = bool(look.any()) or self._stretch
        self.is_identity = not self._stretch and not bool(self.zero.any())

    def _take_high(self) -> None:
        """Takes over changed upper ends."""
        # Divided by, not multiplied with its inverse: so 1 stays 1 exactly.
        self._room = self._most_room
        if self._stretch:
            reach = np.float32(TOP) * self._high
            reach -= self._low
            np.maximum(reach, _LEAST_ROOM, out=reach)
            self._room = np.minimum(reach, self._most_room, out=reach)
        self._grows_above = self._high.copy()
        np.copyto(self._grows_above, _NEVER, where=self._high >= self._limit)

    def apply(self, weights: Float32Array) -> Float32Array:
        """The face in 0..1, read-only (52,)."""
        mapped = weights - self._low
        np.divide(mapped, self._room, out=mapped)
        if self._signed_look:
            look = weights[_LOOK]
            look -= weights[_OPPOSITE]
            look -= self._look_zero
            look *= self._look_gain
            mapped[_LOOK] = look
        np.maximum(mapped, _ZEROS, out=mapped)
        return frozen_array(np.minimum(mapped, _ONES, out=mapped))

    def follow(self, weights: Float32Array, dt: float) -> None:
        """Lets the upper ends follow one more face, ``dt`` seconds after the last."""
        if not self._stretch:
            return
        high = self._high
        if not np.count_nonzero(weights > self._grows_above):
            if high is not self._start and not np.count_nonzero(weights > high):
                self._forget(dt)
            return
        grown = weights - high
        grown *= np.float32(1.0 - math.exp(-dt / _UP_TAU_S))
        grown += high
        np.maximum(grown, grown[arkit.MIRROR_INDEX], out=grown)
        np.minimum(grown, self._limit, out=grown)
        self._high = np.maximum(grown, high, out=grown)
        self._take_high()

    def _forget(self, dt: float) -> None:
        self._unforgotten_s += dt
        if self._unforgotten_s < _FORGET_EVERY_S:  # so slow that once a second is often enough
            return
        share, self._unforgotten_s = 1.0 - math.exp(-self._unforgotten_s / _DOWN_TAU_S), 0.0
        high = self._high + (self._start - self._high) * np.float32(share)
        self._high = self._start if float((high - self._start).max()) < 1e-4 else high.astype(np.float32)
        self._take_high()
