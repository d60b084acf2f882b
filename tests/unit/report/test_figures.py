"""The report's numbers against signals whose numbers are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bridge import arkit
from bridge.report.curves import MOST_POINTS, curves, unpacked
from bridge.report.figures import channels, groups, jitter, lag_ms, presence_spans, summary
from bridge.report.take import GROUP_COLUMNS, NAMES
from tests.unit.report.takes import make_take

T = np.arange(0.0, 20.0, 1.0 / 30.0)


def test_the_summary_counts_time() -> None:
    """Duration, pace, a late frame, a dropout, latency."""
    t = T.copy()
    t[300:] += 0.2
    take = make_take(t, {}, unseen=slice(100, 130), delay_s=0.015)

    found = summary(take)

    assert (600, 30.0, 1) == (found["steps"], found["fps"], found["late"])
    assert pytest.approx(20.0 - 1 / 30 + 0.2, abs=1e-3) == found["duration_s"]
    assert pytest.approx(0.2333, abs=1e-3) == found["longest_gap_s"]
    assert (1, pytest.approx(1.0, abs=1e-3)) == (found["dropouts"], found["longest_dropout_s"])
    assert pytest.approx(1.0 - 1.0 / 20.2, abs=1e-3) == found["seen_share"]
    assert {"LIVE": pytest.approx(19.2, abs=0.01), "HELD": 1.0, "LOST": 0.0} == found["presence_s"]
    assert {"p50": 15.0, "p95": 15.0} == found["latency_ms"]
    assert [[0.0, 3.333, 0], [3.333, 4.333, 1], [4.333, 20.167, 0]] == presence_spans(take)


def test_latency_that_nobody_recorded_is_not_zero() -> None:
    """Archives have no second time."""
    assert {"p50": None, "p95": None} == summary(make_take(T, {}))["latency_ms"]


def test_jitter_is_the_second_difference_at_rest() -> None:
    """White noise of known size, a quarter of it left; what moves does not count."""
    noise = np.random.default_rng(3).normal(0.0, 0.004, (len(T), 2))
    lids = ("eyeBlinkLeft", "eyeBlinkRight")
    swing = np.where(T > 10.0, 0.4 + 0.4 * np.sin(6.0 * T), 0.4)
    raw = {name: swing + noise[:, k] for k, name in enumerate(lids)}
    final = {name: swing + 0.25 * noise[:, k] for k, name in enumerate(lids)}

    found = jitter(make_take(T, raw, final), "eyelids")

    second = np.diff(noise[:299], 2, axis=0)
    expected = np.sqrt(np.sum(np.square(second)) / (len(second) * len(GROUP_COLUMNS["eyelids"])))
    assert pytest.approx(10.0, abs=0.6) == found["rest_s"]
    assert pytest.approx(expected, rel=0.05) == found["raw"]
    assert pytest.approx(0.25, rel=0.03) == found["ratio"]


def test_what_calibration_stretches_is_no_jitter() -> None:
    """Twice the gain with the same filter is the same ratio."""
    noise = np.random.default_rng(4).normal(0.0, 0.002, len(T))
    swing = np.where(T > 10.0, 0.2 - 0.2 * np.cos(6.0 * (T - 10.0)), 0.0)
    ratios = [
        jitter(make_take(T, {"jawOpen": swing + noise}, {"jawOpen": gain * (swing + 0.5 * noise)}), "jaw")["ratio"]
        for gain in (1.0, 2.0)
    ]

    assert [pytest.approx(0.5, rel=0.05)] * 2 == ratios


def test_lag_is_the_delay_of_what_moves() -> None:
    """A pure delay of 40 ms, whatever the gain; who does not move has none."""
    angle = 20.0 * np.sin(1.7 * T) + 5.0 * np.sin(5.3 * T)
    later = 20.0 * np.sin(1.7 * (T - 0.04)) + 5.0 * np.sin(5.3 * (T - 0.04))
    take = make_take(T, {"headYaw": angle}, {"headYaw": 0.8 * later})

    assert pytest.approx(40.0, abs=1.5) == lag_ms(take, "rotation")
    assert lag_ms(take, "mouth") is None
    assert lag_ms(make_take(T, {"headYaw": angle}, kind="final"), "rotation") is None


def test_channels_are_told_as_they_were_found() -> None:
    """Beside what the model is known for; the thresholds are those of arkit.SUPPORT."""
    wave = 0.5 + 0.5 * np.sin(T)
    rows = {row["name"]: row for row in channels(make_take(T, {"jawOpen": wave, "mouthClose": 0.2 * wave, "cheekPuff": wave}))}

    assert list(arkit.NAMES) == list(rows)
    assert {"jawOpen": "live", "mouthClose": "weak", "cheekPuff": "live", "jawRight": "dead"} == {
        name: rows[name]["found"] for name in ("jawOpen", "mouthClose", "cheekPuff", "jawRight")
    }
    assert ("dead", "weak") == (rows["cheekPuff"]["support"], rows["jawRight"]["support"])
    assert pytest.approx(1.0, abs=1e-3) == rows["jawOpen"]["final"]["max"]


def test_nothing_known_is_none_and_never_nan() -> None:
    """JSON has no NaN; a take in which nobody is ever seen still makes a report."""
    take = make_take(T, {}, unseen=slice(0, len(T)))

    text = json.dumps([summary(take), groups(take), channels(take), presence_spans(take), curves(take)], allow_nan=False)

    assert "NaN" not in text


@pytest.mark.parametrize("count", [50, MOST_POINTS, 20_000])
def test_curves_unpack_to_what_was_packed(count: int) -> None:
    """Every sample of a short take; of a long one the lowest and highest of each stretch, no peak lost."""
    t = np.arange(count) / 30.0
    rng = np.random.default_rng(5)
    jaw, yaw = rng.random(count), rng.uniform(-40.0, 40.0, count)
    take = make_take(t, {"jawOpen": jaw, "headYaw": yaw}, unseen=slice(10, 20))

    packed = curves(take)

    points = len(packed["t_ms"])
    times = np.cumsum(packed["t_ms"]) / 1e3
    assert points == min(count, MOST_POINTS)
    assert packed["thinned"] is (count > MOST_POINTS)
    assert (np.diff(times) >= 0.0).all()
    assert pytest.approx(t[-1], abs=0.3) == times[-1]
    for name, exact in (("jawOpen", 5.1e-5), ("headYaw", 5.1e-3)):
        series = packed["series"][name]
        column = NAMES.index(name)
        for which, values in (("raw", take.raw), ("final", take.final)):
            assert values is not None
            shown = np.array(unpacked(series[which], series["scale"], points), dtype=np.float64)
            assert pytest.approx(np.nanmax(values[:, column]), abs=exact) == np.nanmax(shown)
            assert pytest.approx(np.nanmin(values[:, column]), abs=exact) == np.nanmin(shown)
            if count <= MOST_POINTS:
                assert np.allclose(values[:, column], shown, atol=exact, equal_nan=True)
    assert 0 == packed["series"]["cheekPuff"]["final"]
    assert packed["series"]["gazeLeftYaw"]["scale"] == 100
