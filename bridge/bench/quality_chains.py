"""What a face goes through: nothing, filters that most trackers have, or the bridge's stages as ``replay --fast`` has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from bridge.bench.quality_series import Series, series_of_results, series_of_states
from bridge.engine import Engine
from bridge.outputs.pacing import Cadence
from bridge.settings import Settings
from bridge.stages.calibrate import CalibrationStatus
from bridge.stages.calibration_commands import CalibrationCommand
from bridge.trackers.smoothing_check import expect_filtered
from bridge.types import FaceState, Float64Array, TrackResult

Chain: TypeAlias = Callable[[Sequence[TrackResult]], Series]
"""Results in, what an output gets for each of them out."""
TimedCommand: TypeAlias = tuple[float, CalibrationCommand]
"""A command, and the time of the results before which it is given."""

_EMA_S = 0.05
_ONE_EURO_HZ, _ONE_EURO_BETA, _ONE_EURO_DERIVATIVE_HZ = 1.0, 8.0, 3.0
_UNIT = np.array([1.0] * 52 + [30.0] * 3 + [10.0] * 3)
"""What counts as much as a whole coefficient: 30 degrees, 10 cm."""


def settings_of(preset: str) -> Settings:
    """The defaults with one preset of ``[smoothing]``. Raises pydantic's ValidationError for one that does not exist."""
    return Settings.model_validate({"smoothing": {"preset": preset}})


# --- yardsticks ----------------------------------------------------------------------------------------------------------


def _filtered(series: Series, cutoff_hz: Callable[[Float64Array, float], Float64Array]) -> Series:
    """A first-order low-pass on every channel whose cutoff (58,) is asked for with each input and time step."""
    x = np.concatenate([series.weights, series.pose], axis=1)
    y = x.copy()
    for k in range(1, len(x)):
        dt = max(float(series.t[k] - series.t[k - 1]), 1e-6)
        if not series.live[k]:
            y[k] = y[k - 1]
            continue
        if not series.live[k - 1]:
            continue
        r = 2.0 * math.pi * cutoff_hz(x[k] - x[k - 1], dt) * dt
        y[k] = y[k - 1] + r / (1.0 + r) * (x[k] - y[k - 1])
    return replace(series, weights=y[:, :52], pose=y[:, 52:])


def through_nothing(results: Sequence[TrackResult]) -> Series:
    """The tracker's own values."""
    return series_of_results(results)


def through_ema(results: Sequence[TrackResult]) -> Series:
    """An exponential mean with a time constant of 50 ms, as many trackers do it."""
    cutoff = np.full(58, 1.0 / (2.0 * math.pi * _EMA_S))
    return _filtered(series_of_results(results), lambda _step, _dt: cutoff)


def through_one_euro(results: Sequence[TrackResult]) -> Series:
    """The One Euro filter (Casiez 2012): minimum cutoff 1 Hz, beta 8 per unit, derivative cutoff 3 Hz."""
    speed = np.zeros(58)

    def cutoff(step: Float64Array, dt: float) -> Float64Array:
        r = 2.0 * math.pi * _ONE_EURO_DERIVATIVE_HZ * dt
        speed[:] += r / (1.0 + r) * (step / _UNIT / dt - speed)
        return _ONE_EURO_HZ + _ONE_EURO_BETA * np.abs(speed)

    return _filtered(series_of_results(results), cutoff)


# --- the bridge ----------------------------------------------------------------------------------------------------------


class Bridge:
    """The engine as in an offline replay, fed with results and commands at their times."""

    def __init__(self, settings: Settings, *, timestamp_scale: float | None = None) -> None:
        """``timestamp_scale``: how MediaPipe filtered what will come; default: as the settings have it."""
        scale = settings.timestamp_scale if timestamp_scale is None else timestamp_scale
        filtered = expect_filtered(scale, num_faces=settings.tracker.num_faces)
        self._engine = Engine(settings, clock=lambda: 0.0, landmark_filtered=filtered)

    @property
    def calibration(self) -> CalibrationStatus:
        """What came of it."""
        return self._engine.status().calibration

    def states(self, results: Iterable[TrackResult], commands: Iterable[TimedCommand] = ()) -> list[tuple[float, FaceState]]:
        """(when it was ready, final state) of subject 0 for every result."""
        waiting = sorted(commands, key=lambda timed: timed[0])
        timed = []
        for result in results:
            while waiting and waiting[0][0] <= result.t:
                self._engine.command(waiting.pop(0)[1])
            timed.append((result.t_done, self._engine.tick(result, now=result.t_done)[0]))
        return timed


def bridge_chain(settings: Settings, *, timestamp_scale: float | None = None) -> Chain:
    """A fresh engine for every run; times are those of capture."""

    def run(results: Sequence[TrackResult]) -> Series:
        timed = Bridge(settings, timestamp_scale=timestamp_scale).states(results)
        return series_of_states([(result.t, state) for result, (_, state) in zip(results, timed, strict=True)])

    return run


def at_rate(timed: Iterable[tuple[float, FaceState]], rate_hz: float) -> Series:
    """What an output with a rate of its own sends, and when: states arrive at their times, the grid's instants lie between."""
    cadence = Cadence(rate_hz)
    now = -math.inf
    sent: list[tuple[float, FaceState]] = []
    for arrives, state in timed:
        while (wait_s := cadence.wait_s(now)) is not None and now + wait_s < arrives:
            now += max(wait_s, 1e-9)
            due = cadence.take(now)
            if due is not None:
                sent.append((now, due))
        cadence.push(state, arrives)
        now = max(now, arrives)
    return series_of_states(sent)


def held_at_rate(series: Series, arrives: Float64Array, rate_hz: float) -> Series:
    """The yardstick for ``at_rate``: every instant of the grid sends the newest values as they are."""
    grid = np.arange(arrives[0], arrives[-1], 1.0 / rate_hz)
    newest = np.searchsorted(arrives, grid, side="right") - 1
    return replace(series.cut(newest), t=grid)
