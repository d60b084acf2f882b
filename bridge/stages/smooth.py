"""Jitter out, motion in: the gated One Euro filter with its defaults per group of channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge import arkit
from bridge.settings import FilterSettings, SmoothingGroups, SmoothingSettings
from bridge.stages.gated_one_euro import FaceFilter, Gate
from bridge.stages.look import with_look
from bridge.types import FaceState, Float64Array, Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The parameters of one group; units are those of its channels (1, degree, centimetre)."""

    min_cutoff_hz: float
    beta: float
    """Hz per unit."""
    dead_zone: float
    """In units of the measured noise."""
    noise_prior: float
    """Of landmarks that MediaPipe has not filtered."""


DEFAULTS: dict[str, Tuning] = {
    "eyelids": Tuning(min_cutoff_hz=0.3, beta=400.0, dead_zone=2.5, noise_prior=0.010),
    "gaze": Tuning(min_cutoff_hz=0.3, beta=400.0, dead_zone=2.5, noise_prior=0.010),
    "brows": Tuning(min_cutoff_hz=0.3, beta=250.0, dead_zone=2.5, noise_prior=0.010),
    "mouth": Tuning(min_cutoff_hz=0.3, beta=250.0, dead_zone=2.5, noise_prior=0.010),
    "jaw": Tuning(min_cutoff_hz=0.3, beta=400.0, dead_zone=2.5, noise_prior=0.005),
    "head_rotation": Tuning(min_cutoff_hz=0.3, beta=8.9, dead_zone=1.5, noise_prior=0.20),
    "head_position": Tuning(min_cutoff_hz=0.3, beta=33.0, dead_zone=1.5, noise_prior=0.03),
}
"""Per group of ``SmoothingGroups``: QUALITY.md, section 5.3. Both presets use them: what differs is how much MediaPipe filters
its landmarks before (``Settings.timestamp_scale``), and with it the noise that arrives here."""

FILTERED_NOISE = 0.3
"""Factor on every noise prior when MediaPipe's own landmark filter is on (light: timestamps times 4)."""


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


class SmoothStage:
    """Filters weights, head rotation and head position. Not observed frames pass untouched and leave its memory as it is.

    ``landmark_filtered`` tells whether MediaPipe's own landmark filter is on (the start-up check knows), or a sender in the
    network has filtered: less noise is expected then. A ``noise_prior`` that the user set is taken as it is. Disabled, every
    state passes as it came.
    """

    def __init__(self, settings: SmoothingSettings, *, landmark_filtered: bool) -> None:
        self._enabled = settings.enabled
        noise = FILTERED_NOISE if landmark_filtered else 1.0
        self._filter = FaceFilter(_gate(GROUPS + ("head_rotation",) * 3 + ("head_position",) * 3, settings, noise))

    def step(self, state: FaceState) -> FaceState:
        """The same frame, smoothed."""
        if state.presence is not Presence.LIVE or not self._enabled:
            return state
        weights, head = self._filter.filter(state.weights, state.head, state.t)
        return with_look(state, weights=weights, head=head, gaze=state.gaze)

    def reset(self) -> None:
        """The next frame passes through."""
        self._filter.reset()


def _tuning(group: str, overrides: SmoothingGroups, noise: float) -> Tuning:
    default = DEFAULTS[group]
    own: FilterSettings = getattr(overrides, group)
    return Tuning(
        min_cutoff_hz=default.min_cutoff_hz if own.min_cutoff_hz is None else own.min_cutoff_hz,
        beta=default.beta if own.beta is None else own.beta,
        dead_zone=default.dead_zone if own.dead_zone is None else own.dead_zone,
        noise_prior=default.noise_prior * noise if own.noise_prior is None else own.noise_prior,
    )


def _gate(groups: tuple[str, ...], settings: SmoothingSettings, noise: float) -> Gate:
    tunings = [_tuning(group, settings.groups, noise) for group in groups]

    def column(parameter: str) -> Float64Array:
        return np.array([getattr(tuning, parameter) for tuning in tunings], dtype=np.float64)

    return Gate(
        min_cutoff_hz=column("min_cutoff_hz"),
        beta=column("beta"),
        dead_zone=column("dead_zone"),
        noise_prior=column("noise_prior"),
        derivative_cutoff_hz=settings.derivative_cutoff_hz,
    )
