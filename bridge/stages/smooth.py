"""Jitter out, motion in: the filter of the face, with its defaults per group of channels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bridge import arkit
from bridge.settings import FilterSettings, OneEuroSettings, SmoothingSettings
from bridge.stages.ema import Ema
from bridge.stages.face_filter import FaceFilter, Response
from bridge.stages.gated_one_euro import GatedOneEuro
from bridge.stages.look import with_look
from bridge.stages.one_euro import OneEuro
from bridge.types import FaceState, Float64Array, Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedTuning:
    """The gated One Euro filter of one group; units are those of its channels (1, degree, centimetre)."""

    min_cutoff_hz: float
    beta: float
    """Hz per unit."""
    dead_zone: float
    """In units of the measured noise."""
    knee: float
    """In the same units."""
    derivative_cutoff_hz: float
    """Of the look at the distance between input and output."""
    noise_prior: float
    """Of landmarks that MediaPipe has not filtered."""


_FACE = GatedTuning(min_cutoff_hz=0.3, beta=900.0, dead_zone=1.7, knee=7.0, derivative_cutoff_hz=4.5, noise_prior=0.010)
_HEAD = GatedTuning(min_cutoff_hz=0.3, beta=18.0, dead_zone=0.2, knee=3.0, derivative_cutoff_hz=3.0, noise_prior=0.20)
GATED: dict[str, GatedTuning] = {
    "eyelids": _FACE,
    "gaze": _FACE,
    "brows": replace(_FACE, beta=600.0),
    "mouth": replace(_FACE, beta=550.0),
    "jaw": replace(_FACE, noise_prior=0.005),
    "head_rotation": _HEAD,
    "head_position": GatedTuning(
        min_cutoff_hz=0.3, beta=44.0, dead_zone=0.5, knee=5.0, derivative_cutoff_hz=3.5, noise_prior=0.03
    ),
}
"""Per group of ``SmoothingGroups``. A head that turns slowly (4 degrees a second) asks for the small zone of its rotation."""

FILTERED_NOISE = 0.3
"""Factor on every noise prior when MediaPipe's own landmark filter is on (light: timestamps times 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneEuroTuning:
    """The textbook One Euro filter of one group."""

    min_cutoff_hz: float
    beta: float
    """Hz per unit of speed (1, degree, centimetre a second)."""
    derivative_cutoff_hz: float


_FACE_ONE_EURO = OneEuroTuning(min_cutoff_hz=1.0, beta=8.0, derivative_cutoff_hz=3.0)
_HEAD_ONE_EURO = OneEuroTuning(min_cutoff_hz=0.5, beta=0.4, derivative_cutoff_hz=1.0)
ONE_EURO: dict[str, OneEuroTuning] = {
    **dict.fromkeys(("eyelids", "gaze", "brows", "mouth", "jaw"), _FACE_ONE_EURO),
    "head_rotation": _HEAD_ONE_EURO,
    "head_position": replace(_HEAD_ONE_EURO, beta=1.5),
}
"""Per group of ``OneEuroGroups``."""


def group_of(name: str) -> str:
    """The group of ``SmoothingGroups`` that the ARKit channel ``name`` belongs to."""
    if name.startswith("eyeLook"):
        return "gaze"
    if name.startswith("eye"):
        return "eyelids"
    if name.startswith("brow"):
        return "brows"
    if name.startswith("jaw") or name == "mouthClose":
        return "jaw"
    return "mouth"


GROUPS: tuple[str, ...] = tuple(group_of(name) for name in arkit.NAMES)
"""The group of each of the 52 channels, ARKit order."""
_ALL_GROUPS = GROUPS + ("head_rotation",) * 3 + ("head_position",) * 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How much stronger than its defaults a filter is."""

    zone: float
    """Factor on dead zone and knee."""
    slowness: float
    """Divides beta; multiplies the time constants of the average."""


PRESETS: dict[str, Strength] = {
    "low-latency": Strength(zone=0.8, slowness=0.75),
    "balanced": Strength(zone=1.0, slowness=1.0),
    "calm": Strength(zone=1.5, slowness=1.5),
}
"""What a preset adds to its share of MediaPipe's own filter (``Settings.timestamp_scale``). That one at full strength is no
way to calm: the lids are still 14 % closed two frames after a blink (QUALITY.md, section 2.1)."""


def strength(settings: SmoothingSettings) -> Strength:
    """What preset and ``amount`` ask for together. ``amount`` 0, 0.5, 1: zone 0, 1, 1.6 and slowness 0.5, 1, 4."""
    side, preset = 2.0 * settings.amount - 1.0, PRESETS[settings.preset]
    zone, slowness = (1.0 + side, 2.0**side) if side < 0.0 else (1.0 + 0.6 * side, 4.0**side)
    return Strength(zone=preset.zone * zone, slowness=preset.slowness * slowness)


class SmoothStage:
    """Filters weights, head rotation and head position. Not observed frames pass untouched and leave its memory as it is.

    ``landmark_filtered`` tells whether MediaPipe's own landmark filter is on (the start-up check knows), or a sender in the
    network has filtered: less noise is expected then. A ``noise_prior`` that the user set is taken as it is. Disabled, every
    state passes as it came.
    """

    def __init__(self, settings: SmoothingSettings, *, landmark_filtered: bool) -> None:
        self._enabled = settings.enabled
        noise = FILTERED_NOISE if landmark_filtered else 1.0
        self._filter = FaceFilter(_response(settings, noise))

    def step(self, state: FaceState) -> FaceState:
        """The same frame, smoothed."""
        if state.presence is not Presence.LIVE or not self._enabled:
            return state
        weights, head = self._filter.filter(state.weights, state.head, state.t)
        return with_look(state, weights=weights, head=head, gaze=state.gaze)

    def reset(self) -> None:
        """The next frame passes through."""
        self._filter.reset()


def _response(settings: SmoothingSettings, noise: float) -> Response:
    stronger = strength(settings)
    if settings.filter == "ema":
        return Ema(time_constant_s=_column({g: getattr(settings.ema, g) * stronger.slowness for g in GATED}))
    if settings.filter == "one-euro":
        tunings = {group: _one_euro(default, getattr(settings.one_euro, group)) for group, default in ONE_EURO.items()}
        return OneEuro(
            min_cutoff_hz=_column({group: each.min_cutoff_hz for group, each in tunings.items()}),
            beta=_column({group: each.beta / stronger.slowness for group, each in tunings.items()}),
            derivative_cutoff_hz=_column({group: each.derivative_cutoff_hz for group, each in tunings.items()}),
        )
    gates = {group: _gated(default, getattr(settings.groups, group), noise) for group, default in GATED.items()}
    return GatedOneEuro(
        min_cutoff_hz=_column({group: each.min_cutoff_hz for group, each in gates.items()}),
        beta=_column({group: each.beta / stronger.slowness for group, each in gates.items()}),
        dead_zone=_column({group: each.dead_zone * stronger.zone for group, each in gates.items()}),
        knee=_column({group: each.knee * stronger.zone for group, each in gates.items()}),
        noise_prior=_column({group: each.noise_prior for group, each in gates.items()}),
        derivative_cutoff_hz=_column({group: each.derivative_cutoff_hz for group, each in gates.items()}),
    )


def _column(values: dict[str, float]) -> Float64Array:
    """One value per channel."""
    return np.array([values[group] for group in _ALL_GROUPS], dtype=np.float64)


def _gated(default: GatedTuning, own: FilterSettings, noise: float) -> GatedTuning:
    return GatedTuning(
        min_cutoff_hz=default.min_cutoff_hz if own.min_cutoff_hz is None else own.min_cutoff_hz,
        beta=default.beta if own.beta is None else own.beta,
        dead_zone=default.dead_zone if own.dead_zone is None else own.dead_zone,
        knee=default.knee if own.knee is None else own.knee,
        derivative_cutoff_hz=default.derivative_cutoff_hz if own.derivative_cutoff_hz is None else own.derivative_cutoff_hz,
        noise_prior=default.noise_prior * noise if own.noise_prior is None else own.noise_prior,
    )


def _one_euro(default: OneEuroTuning, own: OneEuroSettings) -> OneEuroTuning:
    cutoff, derivative = own.min_cutoff_hz, own.derivative_cutoff_hz
    return OneEuroTuning(
        min_cutoff_hz=default.min_cutoff_hz if cutoff is None else cutoff,
        beta=default.beta if own.beta is None else own.beta,
        derivative_cutoff_hz=default.derivative_cutoff_hz if derivative is None else derivative,
    )
