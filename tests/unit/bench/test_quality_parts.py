"""The parts of the quality table: they see what they are made to see, and the table judges it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge import arkit
from bridge.bench import quality_motion as motions
from bridge.bench.quality import PARTS, GoalsMissed, QualityOptions, run_quality
from bridge.bench.quality_chains import bridge_chain, settings_of, through_nothing
from bridge.bench.quality_eyes import (
    asymmetry,
    blink_figures,
    held_preface,
    neutral_preface,
    residual,
    run_calibrated,
    wink_rows,
)
from bridge.bench.quality_goals import Goal, Row
from bridge.bench.quality_loss import gap_figures, occlusion_rows, sent_at_rate, with_gap
from bridge.bench.quality_rest import jitter, rest_rows, static_gain
from bridge.bench.quality_series import BLINKS, GROUPS, LIVE, YAW, Series, results_of_series, series_of_results
from bridge.bench.quality_steps import measure_motion
from bridge.errors import ConfigError
from bridge.types import TrackResult

SETTINGS = settings_of("balanced")


def _scaled(factor: float) -> Callable[[Sequence[TrackResult]], Series]:
    """A chain that shrinks everything towards the middle."""

    def run(results: Sequence[TrackResult]) -> Series:
        series = series_of_results(results)
        return replace(series, weights=0.2 + factor * (series.weights - 0.2), pose=factor * series.pose)

    return run


# --- rest ----------------------------------------------------------------------------------------------------------------


def test_a_gain_is_measured_and_is_no_jitter() -> None:
    """Coefficients times 1.5 have 1.5 times the noise and a ratio of 1; the head has no gain."""
    take = motions.take(motions.REST)
    still = take.truth.cut(slice(0, 1))
    run = _scaled(1.5)

    assert pytest.approx(1.5) == static_gain(run, replace(still, weights=np.full((1, 52), 0.2)), "mouth")[0]
    ratios, _ = jitter([(take.results, take.results)], run)

    assert pytest.approx(1.0, abs=0.02) == ratios["mouth"]
    assert pytest.approx(1.5, abs=0.02) == ratios["rotation"]


def test_rest_rows_judge_every_group() -> None:
    """Raw is 1 and misses, the bridge is far below and reaches them."""
    take = motions.take(motions.REST)
    chains = {"raw": through_nothing, "bridge": bridge_chain(SETTINGS)}

    rows = list(rest_rows("rest", "noise", "typ", [(take.results, take.results)], chains, absolute=True))

    assert 2 * len(GROUPS) == len(rows)
    assert all(pytest.approx(1.0) == row.values["raw"] for row in rows[: len(GROUPS)])
    assert not any(row.meets("raw") for row in rows[: len(GROUPS)])
    assert all(row.values["bridge"] < 0.5 for row in rows[: len(GROUPS)])


# --- motion --------------------------------------------------------------------------------------------------------------


def _late(seconds: float) -> Callable[[Sequence[TrackResult]], Series]:
    def run(results: Sequence[TrackResult]) -> Series:
        series = series_of_results(results)
        return replace(series, t=series.t + seconds)

    return run


def test_every_delay_of_the_motion_part_is_that_of_the_chain() -> None:
    """A chain that is 20 ms late is 20 ms late in every row that is a delay, within the noise of a row."""
    rows = list(measure_motion({"raw": through_nothing, "bridge": _late(0.02)}))
    delays = [row for row in rows if row.goal.unit == "ms"]

    assert len(delays) >= 14
    for row in delays:
        tolerance_ms = 5.0 if row.goal.name.startswith("drift") else 1.0  # its samples are 33 ms apart and noisy
        assert pytest.approx(20.0, abs=tolerance_ms) == row.values["bridge"] - row.values["raw"], row.goal.name


# --- eyes ----------------------------------------------------------------------------------------------------------------


def _lids(left: Sequence[float], right: Sequence[float]) -> Series:
    series = motions.REST.truth(np.arange(len(left)) / 30.0)
    series.weights[:, BLINKS[0]], series.weights[:, BLINKS[1]] = left, right
    return series


def test_blink_figures_of_a_known_blink() -> None:
    """One blink closes both eyes, one only one of them; a frame between them is falsely closed."""
    left = [0.01] * 10 + [0.5, 1.0, 0.5] + [0.01] * 10 + [0.4] + [0.01] * 16 + [0.5, 1.0, 0.5] + [0.01] * 10
    right = [0.02] * 10 + [0.4, 0.97, 0.4] + [0.02] * 27 + [0.3, 0.7, 0.5] + [0.02] * 10
    out = _lids(left, right)

    figures = blink_figures(out, [(10 / 30, 12 / 30), (40 / 30, 42 / 30)], margin_s=0.05)

    assert pytest.approx(50.0) == figures.closed
    assert pytest.approx((0.1 + 0.3) / 2) == figures.uneven
    assert pytest.approx(100.0 / 43, rel=0.1) == figures.false_closures
    assert pytest.approx(0.02) == figures.open_level


def test_no_blink_is_no_result() -> None:
    """NaN, which reaches no goal."""
    assert math.isnan(blink_figures(_lids([0.1] * 9, [0.1] * 9), []).closed)


def test_winks_are_judged_by_their_worst() -> None:
    """The least closed closing eye, the most closed other one."""
    out = _lids([0.0] * 10 + [0.9] * 5 + [0.0] * 10 + [0.1] * 5, [0.0] * 10 + [0.15] * 5 + [0.0] * 10 + [0.8] * 5)

    closing, other = wink_rows("eyes", "made-up", {"bridge": out}, [(10 / 30, 14 / 30, 0), (25 / 30, 29 / 30, 1)])

    assert pytest.approx(0.8) == closing.values["bridge"]
    assert pytest.approx(0.15) == other.values["bridge"]
    assert closing.passed
    assert other.passed


def test_residual_and_asymmetry_are_of_medians() -> None:
    """Noise around a level does not count, dead channels do not either."""
    series = motions.REST.truth(np.arange(30) / 30.0)
    series.weights[:] = 0.0
    series.weights[:, arkit.INDEX["jawOpen"]] = 0.09
    series.weights[:, arkit.INDEX["browDownLeft"]] = 0.04
    series.weights[::2, arkit.INDEX["mouthPucker"]] = 1e-9
    series.weights[:, arkit.INDEX["cheekPuff"]] = 0.9

    mean, largest = residual(series)

    assert pytest.approx(0.13 / len(LIVE)) == mean
    assert pytest.approx(0.09) == largest
    assert 0.0 < asymmetry(series) < 0.04


def test_a_calibrated_run_begins_after_its_preface() -> None:
    """Times are those of the results, the neutral face is accepted and takes the neutral away."""
    take = motions.take(motions.REST, seed=9)

    run = run_calibrated(neutral_preface(), take.results, SETTINGS)

    assert run.accepted
    np.testing.assert_allclose(run.out.t, take.truth.t)
    assert residual(run.out)[0] < 0.2 * residual(take.raw)[0]
    assert abs(float(np.median(run.out.pose[:, YAW]))) < 0.5


def test_a_held_expression_is_no_neutral() -> None:
    """The preface that keeps smiling really smiles from its first frame."""
    smiling = series_of_results(held_preface(motions.SMILE))

    assert smiling.channel("mouthSmileLeft").min() > 0.8


# --- loss ----------------------------------------------------------------------------------------------------------------


def test_gap_figures_see_jumps_and_distances() -> None:
    """A jump of 0.2 and 3 degrees, inside the time that is looked at; outside it nothing counts."""
    whole = motions.REST.truth(np.arange(60) / 60.0)
    weights, pose = whole.weights.copy(), whole.pose.copy()
    weights[30:34, arkit.INDEX["jawOpen"]] += 0.2
    pose[30:34, YAW] += 3.0
    weights[50, arkit.INDEX["jawOpen"]] += 0.9
    out = replace(whole, weights=weights, pose=pose)

    figures = gap_figures(out, whole, begin=0.4, end=0.7)

    assert pytest.approx([0.2, 3.0, 0.2, 3.0]) == [figures.deviation, figures.deviation_deg, figures.step, figures.step_deg]


def test_a_gap_takes_faces_away_and_yardsticks_hold() -> None:
    """So many results without a face; what holds the last value does not move meanwhile."""
    take = motions.take(motions.NOD)
    gapped = with_gap(take.results, 120, 9)

    assert 9 == sum(not result.faces for result in gapped)
    sent = sent_at_rate(gapped, {"raw": through_nothing}, SETTINGS)
    inside = (sent["raw"].t > take.results[121].t_done) & (sent["raw"].t < take.results[128].t_done)
    assert 0.0 == float(np.ptp(sent["raw"].pose[inside, 0]))


def test_occlusion_rows_tell_when_the_face_is_live_again() -> None:
    """Off by 10 degrees until 0.2 s after the return: error, and time until live."""
    whole = motions.REST.truth(np.arange(180) / 60.0)
    pose = whole.pose.copy()
    hidden = (whole.t >= 1.0) & (whole.t < 1.7)
    pose[hidden, YAW] += 10.0
    out = replace(whole, pose=pose)

    rows = {
        (row.goal.name, row.goal.unit): row.values["bridge"]
        for row in occlusion_rows("loss", {"bridge": out}, {"bridge": whole}, {"bridge": whole}, (1.0, 1.5))
    }

    assert pytest.approx(10.0) == rows["occlusion: mean error", "deg"]
    assert pytest.approx(0.0) == rows["occlusion: mean error", ""]
    assert pytest.approx(200.0, abs=20.0) == rows["occlusion: back to live, at most", "ms"]


# --- the table -----------------------------------------------------------------------------------------------------------


def test_goals_are_limits_from_above_or_below() -> None:
    """NaN reaches none; a row without a limit is not judged."""
    most, least = Goal(name="a", part="rest", limit=1.0), Goal(name="b", part="rest", limit=1.0, at_least=True)

    assert [True, False] == [Row(goal=most, values={"bridge": value}).passed for value in (1.0, 1.1)]
    assert [True, False] == [Row(goal=least, values={"bridge": value}).passed for value in (1.0, 0.9)]
    assert not Row(goal=most, values={"bridge": math.nan}).passed
    assert Row(goal=replace(most, limit=None), values={"bridge": 9.0}).passed is None
    assert Row(goal=most, values={"bridge": math.nan}).plain()["values"] == {"bridge": None}


def test_an_unknown_part_or_preset_is_refused() -> None:
    """With the names that there are."""
    with pytest.raises(ConfigError, match="known parts are rest, motion"):
        run_quality(QualityOptions(only=("speed",)))
    with pytest.raises(ConfigError, match="balanced"):
        run_quality(QualityOptions(preset="lively", only=("rest",)))


def test_the_table_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Every row with its limit, all variants, and how many goals were missed."""
    run_quality(QualityOptions(only=("calibration",), as_json=True))

    report = json.loads(capsys.readouterr().out)

    assert report["goals"] == sum(row["passed"] is not None for row in report["rows"])
    assert report["missed"] == sum(row["passed"] is False for row in report["rows"])
    assert "calibration" == report["rows"][0]["part"]


def test_check_fails_when_a_goal_is_missed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any smoothing the rest goals cannot be met."""
    monkeypatch.setattr("bridge.bench.quality_rest._SEEDS", (11,))
    with pytest.raises(GoalsMissed, match="goals are missed"):
        run_quality(QualityOptions(only=("rest",), overrides=("smoothing.enabled=false",), check=True))

    assert "jitter / raw" in capsys.readouterr().out


def test_missing_data_is_said_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named by a flag it must be there; else its part is left out with a sentence."""
    monkeypatch.setenv("BRIDGE_TEST_RECORDINGS", str(tmp_path / "absent"))

    run_quality(QualityOptions(only=("recordings",)))

    assert "no recordings; name a folder with --recordings DIR" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="is not a folder"):
        run_quality(QualityOptions(only=("recordings",), recordings=tmp_path / "absent"))


def test_every_part_has_a_place_in_the_help() -> None:
    """The command's help names the parts that there are."""
    from bridge.cli import measuring

    text = Path(measuring.__file__).read_text(encoding="utf-8")

    assert f"parts: {', '.join(PARTS)}" in text


def test_results_keep_their_series() -> None:
    """Frames without a face stay frames."""
    series = motions.REST.truth(np.arange(5) / 30.0)
    series.live[2] = False

    assert [True, True, False, True, True] == [bool(result.faces) for result in results_of_series(series)]
