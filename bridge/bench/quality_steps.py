"""The parts ``motion`` and ``rates``: known motions, through every chain, at the camera's rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bridge.bench import quality_metrics as metrics
from bridge.bench import quality_motion as motions
from bridge.bench.quality_chains import Chain
from bridge.bench.quality_goals import Goal, Row
from bridge.bench.quality_motion import Motion, Take
from bridge.bench.quality_series import PITCH, YAW, Series, Z
from bridge.types import Float64Array

Pick = Callable[[Series], Float64Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures:
    """Of all repetitions: median delays in ms, the median overshoot in percent."""

    d50_ms: float
    d90_ms: float
    overshoot_percent: float


def channel_of(name: str) -> Pick:
    """Takes one coefficient out of a series."""
    return lambda series: series.channel(name)


def pose_column(column: int) -> Pick:
    """Takes one column of the pose out of a series."""
    return lambda series: series.pose[:, column]


def median(values: list[float]) -> float:
    """NaN when one of them is: what cannot be measured in one repetition is no result."""
    return float(np.median(values)) if values else math.nan


def step_figures(take: Take, out: Series, pick: Pick) -> StepFigures:
    """The delays beyond those of the samples that the camera took, without their noise."""
    steps = [
        metrics.step_response((take.truth.t, pick(take.truth)), (out.t, pick(out)), at=begin, end=end)
        for begin, end in take.motion.events
    ]
    return StepFigures(
        d50_ms=1e3 * median([step.d50_s for step in steps]),
        d90_ms=1e3 * median([step.d90_s for step in steps]),
        overshoot_percent=100.0 * median([step.overshoot for step in steps]),
    )


def measure_motion(chains: Mapping[str, Chain]) -> Iterator[Row]:
    """Delay, overshoot and amplitude of blinks, gaze, brows, smile, speech and head at 30 fps."""
    yield from _blinks(chains)
    for name, motion, pick, limits, references in _STEPS:
        take = motions.take(motion)
        figures = {chain: step_figures(take, run(take.results), pick) for chain, run in chains.items()}
        yield from _step_rows(name, figures, limits, references)
    yield from _waves(chains)
    yield from _drift(chains)


_STEPS: tuple[tuple[str, Motion, Pick, tuple[float, float | None, float], tuple[str, str, str]], ...] = (
    ("gaze saccade", motions.SACCADE, channel_of("eyeLookOutLeft"), (12, 25, 3), ("5", "9", "1")),
    ("brow", motions.BROW, channel_of("browInnerUp"), (12, 25, 2), ("4", "11", ".3")),
    ("smile", motions.SMILE, channel_of("mouthSmileLeft"), (12, 25, 2), ("4", "11", ".3")),
    ("head turn 30 deg/0.35 s", motions.TURN, pose_column(YAW), (15, 20, 2), ("3", "7", ".1")),
    ("lean", motions.LEAN, pose_column(Z), (20, None, 1), ("5", "", "0")),
)


def _step_rows(
    name: str, figures: Mapping[str, StepFigures], limits: tuple[float, float | None, float], references: tuple[str, str, str]
) -> Iterator[Row]:
    for what, field, unit, limit, reference in zip(
        ("d50", "d90", "overshoot"), ("d50_ms", "d90_ms", "overshoot_percent"), ("ms", "ms", "%"), limits, references, strict=True
    ):
        values = {chain: getattr(figure, field) for chain, figure in figures.items()}
        yield Row(goal=Goal(name=f"{name}: {what}", part="motion", limit=limit, unit=unit, reference=reference), values=values)


def _blinks(chains: Mapping[str, Chain]) -> Iterator[Row]:
    take = motions.take(motions.BLINK)
    pulses = {
        chain: [
            metrics.pulse_response(
                (take.truth.t, side(take.truth)), (out.t, side(out)), at=begin, end=end
            )
            for begin, end in take.motion.events
            for side in (channel_of("eyeBlinkLeft"), channel_of("eyeBlinkRight"))
        ]
        for chain, run in chains.items()
        for out in (run(take.results),)
    }  # fmt: skip

    def row(what: str, figure: Callable[[list[metrics.Pulse]], float], limit: float, unit: str, reference: str) -> Row:
        goal = Goal(name=f"blink: {what}", part="motion", limit=limit, unit=unit, at_least="kept" in what, reference=reference)
        return Row(goal=goal, values={chain: figure(found) for chain, found in pulses.items()})

    yield row("close 50", lambda found: 1e3 * median([pulse.close50_s for pulse in found]), 8, "ms", "2")
    yield row("open 50", lambda found: 1e3 * median([pulse.open50_s for pulse in found]), 15, "ms", "2")
    yield row("open to 10", lambda found: 1e3 * median([pulse.tail10_s for pulse in found]), 30, "ms", "6")
    yield row("peak kept, median", lambda found: 100 * median([pulse.kept for pulse in found]), 96, "%", "100")
    yield row("peak kept, p10", lambda found: 100 * float(np.percentile([p.kept for p in found], 10)), 92, "%", "99.6")
    yield row("undershoot", lambda found: 100 * median([pulse.undershoot for pulse in found]), 3, "%", "0")


def wave_figures(take: Take, out: Series, pick: Pick) -> tuple[float, float]:
    """Lag in ms, amplitude in percent, of a motion that swings."""
    begin, end = take.motion.events[0]
    inside = (take.truth.t > begin + 0.3) & (take.truth.t < end - 0.1)
    late = (out.t > begin + 0.3) & (out.t < end - 0.1)
    ref, seen = pick(take.truth)[:, None], pick(out)[:, None]
    lag = metrics.lag(take.truth.t, ref, out.t, seen, longest_s=0.12)
    return 1e3 * lag, 100.0 * metrics.amplitude_kept(ref[inside], seen[late])


def _waves(chains: Mapping[str, Chain]) -> Iterator[Row]:
    for name, motion, pick, limits, references in (
        ("speech 4.5 Hz", motions.SPEECH, channel_of("jawOpen"), (12, 95), ("4", "99.5")),
        ("nod 1.5 Hz", motions.NOD, pose_column(PITCH), (25, 96), ("10", "100")),
    ):
        take = motions.take(motion)
        figures = {chain: wave_figures(take, run(take.results), pick) for chain, run in chains.items()}
        for k, (what, unit) in enumerate((("lag", "ms"), ("amplitude", "%"))):
            goal = Goal(
                name=f"{name}: {what}", part="motion", limit=limits[k], unit=unit, at_least=k == 1, reference=references[k]
            )
            yield Row(goal=goal, values={chain: figure[k] for chain, figure in figures.items()})


def _drift(chains: Mapping[str, Chain]) -> Iterator[Row]:
    """Means of several takes: at 4 degrees a second the noise of one sample is worth 45 ms."""
    lags: dict[str, list[float]] = {chain: [] for chain in chains}
    rough: dict[str, list[float]] = {chain: [] for chain in chains}
    for seed in (1, 2, 3, 4):
        take = motions.take(motions.DRIFT, seed=seed)
        begin, end = take.motion.events[0]
        inside = (take.truth.t > begin + 0.5) & (take.truth.t < end)
        truth = take.truth.pose[:, [YAW]]
        for chain, run in chains.items():
            out = run(take.results)
            yaw = out.pose[:, [YAW]]
            lags[chain].append(1e3 * metrics.lag(take.truth.t, truth, out.t, yaw, band=(0.5, np.inf)))
            rough[chain].append(metrics.roughness(yaw[inside], take.raw.pose[inside][:, [YAW]]))
    for what, found, limit, unit, reference in (("lag", lags, 60.0, "ms", "34"), ("roughness / raw", rough, 0.5, "", ".35")):
        goal = Goal(name=f"drift 4 deg/s: {what}", part="motion", limit=limit, unit=unit, reference=reference)
        yield Row(goal=goal, values={chain: float(np.mean(values)) for chain, values in found.items()})


RATES = (15.0, 25.0, 30.0, 60.0)


def measure_rates(chains: Mapping[str, Chain]) -> Iterator[Row]:
    """The same motions from cameras of other rates: the worst delay of all rates, and rest jitter."""
    for name, motion, pick, limit in (
        ("gaze saccade", motions.SACCADE, channel_of("eyeLookOutLeft"), 12.0),
        ("smile", motions.SMILE, channel_of("mouthSmileLeft"), 12.0),
        ("head turn", motions.TURN, pose_column(YAW), 15.0),
    ):
        for fps in RATES:
            take = motions.take(motion, fps=fps)
            values = {chain: step_figures(take, run(take.results), pick).d50_ms for chain, run in chains.items()}
            yield Row(
                goal=Goal(name=f"{name} at {fps:.0f} fps: d50", part="rates", limit=limit, unit="ms", reference="1-6"),
                values=values,
            )
