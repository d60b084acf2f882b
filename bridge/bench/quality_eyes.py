"""The parts ``eyes`` and ``calibration``: what a neutral face does to blinks, winks, and the face at rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bridge import arkit
from bridge.bench import quality_metrics as metrics
from bridge.bench import quality_motion as motions
from bridge.bench.quality_chains import Bridge, Chain
from bridge.bench.quality_goals import Goal, Row
from bridge.bench.quality_motion import Motion
from bridge.bench.quality_series import BLINKS, LIVE, Series, series_of_states
from bridge.settings import Settings
from bridge.stages.calibrate import CalibrationState
from bridge.stages.calibration_commands import BeginCalibration
from bridge.types import Float64Array, TrackResult

_PREFACE_S = 4.0
_SIDES = (
    tuple(i for i, name in enumerate(arkit.NAMES) if name.endswith("Left") and not name.startswith(("jaw", "mouthLeft"))),
    tuple(i for i, name in enumerate(arkit.NAMES) if name.endswith("Right") and not name.startswith(("jaw", "mouthRight"))),
)
"""Channels that have a counterpart on the other side."""


# --- calibrated runs -----------------------------------------------------------------------------------------------------


def shifted(results: Sequence[TrackResult], by_s: float, first_seq: int) -> list[TrackResult]:
    """The same results later."""
    return [replace(r, t=r.t + by_s, t_done=r.t_done + by_s, seq=first_seq + k) for k, r in enumerate(results)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """What became of results after a calibration on a preface."""

    out: Series
    """At the times of the results, the preface left out."""
    accepted: bool
    """Whether the calibration was, and in earnest: not only because it was insisted on."""


def run_calibrated(
    preface: Sequence[TrackResult], results: Sequence[TrackResult], settings: Settings, *, insist: bool = False
) -> Calibrated:
    """``calibrate`` over the preface (of at least twice ``collect_s``), then the results, as one stream."""
    begin, interval_s = preface[0].t, preface[-1].t - preface[-2].t
    by_s = preface[-1].t + interval_s - results[0].t
    bridge = Bridge(settings)
    command = BeginCalibration(collect_s=settings.calibration.collect_s, insist=insist)
    timed = bridge.states(preface, [(begin + 0.2, command)])
    accepted = bridge.calibration.state is CalibrationState.ACCEPTED and not bridge.calibration.flagged
    timed = bridge.states(shifted(results, by_s, len(timed)))
    return Calibrated(
        out=series_of_states([(r.t, state) for r, (_, state) in zip(results, timed, strict=True)]), accepted=accepted
    )


def neutral_preface(*, seed: int = 5) -> list[TrackResult]:
    """A still, neutral face."""
    return motions.take(replace(motions.REST, seconds=max(_PREFACE_S, 1.0)), seed=seed).results


def held_preface(motion: Motion, *, seed: int = 6) -> list[TrackResult]:
    """A face that keeps an expression: the motion at its full extent."""
    held = replace(motion, seconds=8.0, events=((-0.5, 8.0),), amount=lambda t, _begin: np.ones_like(t), sizes=())
    return motions.take(held, seed=seed).results


# --- eyes ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BlinkFigures:
    """Of all blinks; shares in percent."""

    closed: float
    """Blinks in which both eyes pass .95."""
    uneven: float
    """The largest difference of the lids in a blink, its mean."""
    false_closures: float
    """Open-eye frames in which an eye is beyond .3."""
    open_level: float
    """Median of open-eye frames, the worse eye."""


def blink_figures(out: Series, blinks: Sequence[tuple[float, float]], *, margin_s: float = 0.1) -> BlinkFigures:
    """``blinks``: (begin, end) of the raw ones; everything else counts as open, but for ``margin_s`` around them."""
    lids = out.weights[:, BLINKS]
    open_eyes = out.live.copy()
    closed, uneven = [], []
    for begin, end in blinks:
        inside = (out.t >= begin - margin_s) & (out.t <= end + margin_s)
        open_eyes &= ~inside
        closed.append(bool((lids[inside].max(axis=0) > 0.95).all()))
        uneven.append(float(np.abs(lids[inside, 0] - lids[inside, 1]).max()))
    if not blinks or not open_eyes.any():
        return BlinkFigures(closed=np.nan, uneven=np.nan, false_closures=np.nan, open_level=np.nan)
    return BlinkFigures(
        closed=100.0 * float(np.mean(closed)),
        uneven=float(np.mean(uneven)),
        false_closures=100.0 * float((lids[open_eyes] > 0.3).any(axis=1).mean()),
        open_level=float(np.median(lids[open_eyes], axis=0).max()),
    )


_BLINK_GOALS: tuple[tuple[str, str, float, str, bool, str], ...] = (
    ("both eyes > .95", "closed", 75.0, "%", True, "83"),
    ("left-right difference", "uneven", 0.08, "", False, ".046"),
    ("false closure", "false_closures", 1.0, "%", False, "0"),
    ("open value", "open_level", 0.04, "", False, ".009"),
)


def blink_rows(part: str, what: str, figures: Mapping[str, BlinkFigures], *, judged: bool = True) -> Iterator[Row]:
    """A row for each figure of blinks."""
    for name, field, limit, unit, at_least, reference in _BLINK_GOALS:
        goal = Goal(
            name=f"{what}: {name}", part=part, limit=limit if judged else None, unit=unit, at_least=at_least, reference=reference
        )
        yield Row(goal=goal, values={chain: getattr(figure, field) for chain, figure in figures.items()})


def measure_eyes(chains: Mapping[str, Chain], settings: Settings) -> Iterator[Row]:
    """Blinks of several sizes and winks, after calibration and without; and where the eyes look while a blink hides them."""
    take = motions.take(motions.BLINKS)
    blinks = [(begin, begin + 0.35) for begin, _ in take.motion.events]
    plain = {chain: run(take.results) for chain, run in chains.items()}
    calibrated = plain | {"bridge": run_calibrated(neutral_preface(), take.results, settings).out}
    yield from blink_rows("eyes", "calibrated blinks", {chain: blink_figures(out, blinks) for chain, out in calibrated.items()})
    yield from blink_rows(
        "eyes", "uncalibrated blinks", {chain: blink_figures(out, blinks) for chain, out in plain.items()}, judged=False
    )
    yield _look_down(calibrated, blinks)
    wink = motions.take(motions.WINK)
    winks = {chain: run(wink.results) for chain, run in chains.items()}
    winks["bridge"] = run_calibrated(neutral_preface(), wink.results, settings).out
    yield from wink_rows("eyes", "calibrated", winks, [(begin, end, 1) for begin, end in wink.motion.events])


def wink_rows(part: str, what: str, outs: Mapping[str, Series], winks: Sequence[tuple[float, float, int]]) -> Iterator[Row]:
    """``winks``: (begin, end, closing eye: 0 left, 1 right)."""
    closing, other = {}, {}
    for chain, out in outs.items():
        lids = [(out.weights[(out.t >= begin) & (out.t <= end)][:, BLINKS], eye) for begin, end, eye in winks]
        closing[chain] = min(float(seen[:, eye].max()) for seen, eye in lids)
        other[chain] = max(float(seen[:, 1 - eye].max()) for seen, eye in lids)
    goal = Goal(name=f"{what} winks: closing eye", part=part, limit=0.70, at_least=True, reference=".81-1.0")
    yield Row(goal=goal, values=closing)
    yield Row(goal=Goal(name=f"{what} winks: other eye", part=part, limit=0.20, reference=".03"), values=other)


def _look_down(outs: Mapping[str, Series], blinks: Sequence[tuple[float, float]]) -> Row:
    down = arkit.INDEX["eyeLookDownLeft"]
    values = {}
    for chain, out in outs.items():
        falls = []
        for begin, _ in blinks:
            before = out.weights[(out.t < begin) & (out.t > begin - 0.4), down]
            falls.append(float(out.weights[(out.t >= begin) & (out.t < begin + 0.7), down].max() - np.median(before)))
        values[chain] = float(np.mean(falls))
    return Row(goal=Goal(name="false look-down in a blink", part="eyes", limit=None, reference=".19"), values=values)


# --- calibration ---------------------------------------------------------------------------------------------------------


def residual(out: Series) -> tuple[float, float]:
    """Mean and maximum of the live coefficients' medians at a face that is neutral."""
    levels: Float64Array = np.median(out.weights[:, LIVE], axis=0)
    return float(levels.mean()), float(levels.max())


def asymmetry(out: Series) -> float:
    """Mean left-right difference at a face that is neutral."""
    levels = np.median(out.weights, axis=0)[None]
    return metrics.side_difference(levels[:, _SIDES[0]], levels[:, _SIDES[1]])


def residual_rows(part: str, what: str, plain: Series, calibrated: Series) -> Iterator[Row]:
    """Rows of a neutral face that the calibration had not seen."""
    figures = {"raw": residual(plain), "bridge": residual(calibrated)}
    for k, (name, limit, reference) in enumerate((("mean", 0.01, ".004"), ("max", 0.10, ".06"))):
        goal = Goal(name=f"{what}: {name}", part=part, limit=limit, reference=reference)
        yield Row(goal=goal, values={chain: pair[k] for chain, pair in figures.items()})
    goal = Goal(name=f"{what}: left-right", part=part, limit=None, reference=".002-.024")
    yield Row(goal=goal, values={"raw": asymmetry(plain), "bridge": asymmetry(calibrated)})


def measure_calibration(settings: Settings) -> Iterator[Row]:
    """What is left of a neutral face, and whether wrong calibrations are noticed and leave every expression in reach."""
    rest = motions.take(motions.REST, seed=21)
    yield from residual_rows(
        "calibration", "neutral residual", rest.raw, run_calibrated(neutral_preface(), rest.results, settings).out
    )
    for what, held, played, names in (
        ("smiling", motions.SMILE, motions.SMILE, ("mouthSmileLeft", "mouthSmileRight")),
        ("eyes closed", motions.BLINK, motions.BLINK, ("eyeBlinkLeft", "eyeBlinkRight")),
        ("brows up", motions.BROW, motions.BROW, ("browInnerUp",)),
    ):
        results = motions.take(played).results
        plain, insisted = (run_calibrated(held_preface(held), results, settings, insist=insist) for insist in (False, True))
        flagged = Goal(name=f"calibrated while {what}: flagged", part="calibration", limit=1.0, at_least=True, reference="1")
        yield Row(goal=flagged, values={"bridge": float(not (plain.accepted or insisted.accepted))})
        reach = min(float(np.percentile(insisted.out.channel(name), 99.5)) for name in names)
        goal = Goal(name=f"calibrated while {what}: reach", part="calibration", limit=0.8, at_least=True, reference=".85-.99")
        yield Row(goal=goal, values={"bridge": reach})
