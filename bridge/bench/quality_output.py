"""The part ``output``: what a receiver at 60 Hz gets of motions seen at 30 Hz, with all its delays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from bridge.bench import quality_metrics as metrics
from bridge.bench import quality_motion as motions
from bridge.bench.quality_chains import Bridge, Chain, at_rate, held_at_rate
from bridge.bench.quality_goals import Goal, Row
from bridge.bench.quality_motion import Motion, Take
from bridge.bench.quality_series import YAW, Series
from bridge.bench.quality_steps import Pick, channel_of, median, pose_column
from bridge.settings import Settings
from bridge.types import Float64Array

RATE_HZ = 60.0

_CASES: tuple[tuple[str, Motion, Pick, float, str], ...] = (
    ("blink", motions.BLINK, channel_of("eyeBlinkLeft"), 65, "49-53"),
    ("smile", motions.SMILE, channel_of("mouthSmileLeft"), 65, "49-53"),
    ("gaze", motions.SACCADE, channel_of("eyeLookOutLeft"), 65, "49-53"),
    ("speech 4.5 Hz", motions.SPEECH, channel_of("jawOpen"), 60, "52"),
    ("head turn", motions.TURN, pose_column(YAW), 50, "37"),
)


def output_series(take: Take, chains: Mapping[str, Chain], settings: Settings) -> dict[str, Series]:
    """What each variant sends at 60 Hz: the yardsticks repeat the newest values, the bridge goes by its own cadence."""
    arrives = np.array([result.t_done for result in take.results])
    sent = {chain: held_at_rate(run(take.results), arrives, RATE_HZ) for chain, run in chains.items() if chain != "bridge"}
    return sent | {"bridge": at_rate(Bridge(settings).states(take.results), RATE_HZ)}


def continuous_truth(motion: Motion, pick: Pick) -> tuple[Float64Array, Float64Array]:
    """The motion itself, at 240 Hz: (t, x)."""
    t = np.arange(0.0, motion.seconds, 1.0 / 240.0)
    return t, pick(motion.truth(t))


def measure_output(chains: Mapping[str, Chain], settings: Settings) -> Iterator[Row]:
    """Lag from capture to datagram (14 ms of processing are in it), overshoot, peaks, smoothness at 60 Hz."""
    for name, motion, pick, limit, reference in _CASES:
        take = motions.take(motion)
        sent = output_series(take, chains, settings)
        t, truth = continuous_truth(motion, pick)
        lags = {
            chain: 1e3 * metrics.lag(t, truth[:, None], out.t, pick(out)[:, None], longest_s=0.2) for chain, out in sent.items()
        }
        yield Row(goal=Goal(name=f"60 Hz {name}: lag", part="output", limit=limit, unit="ms", reference=reference), values=lags)
        if motion is motions.BLINK:
            yield _blink_kept(take, sent, pick)
        if motion is motions.TURN:
            yield _overshoot(take, (t, truth), sent, pick)
            yield _smooth(motion, sent, pick)


def _blink_kept(take: Take, sent: Mapping[str, Series], pick: Pick) -> Row:
    """Against the highest sample that the camera took."""
    sampled = (take.truth.t, pick(take.truth))
    kept = {
        chain: 100.0 * median([
            metrics.pulse_response(sampled, (out.t, pick(out)), at=begin, end=end).kept for begin, end in take.motion.events
        ])
        for chain, out in sent.items()
    }  # fmt: skip
    return Row(
        goal=Goal(name="60 Hz blink: kept", part="output", limit=93, unit="%", at_least=True, reference="99.5"), values=kept
    )


def _overshoot(take: Take, truth: metrics.Signal, sent: Mapping[str, Series], pick: Pick) -> Row:
    over = {
        chain: 100.0 * median([
            metrics.step_response(truth, (out.t, pick(out)), at=begin, end=end).overshoot for begin, end in take.motion.events
        ])
        for chain, out in sent.items()
    }  # fmt: skip
    return Row(goal=Goal(name="60 Hz head turn: overshoot", part="output", limit=4, unit="%", reference="1.7"), values=over)


def _smooth(motion: Motion, sent: Mapping[str, Series], pick: Pick) -> Row:
    """Second difference over that of the truth on the same grid; 1 is perfect, holding a 30 Hz value gives 12."""
    values = {}
    for chain, out in sent.items():
        moving = np.zeros(len(out.t), dtype=np.bool_)
        for begin, end in motion.events:
            moving |= (out.t > begin - 0.1) & (out.t < end + 0.6)
        truth = pick(motion.truth(out.t))
        values[chain] = metrics.jitter_ratio(pick(out)[moving][:, None], truth[moving][:, None])
    return Row(
        goal=Goal(name="60 Hz head turn: second difference / truth", part="output", limit=None, reference="2.0"), values=values
    )
