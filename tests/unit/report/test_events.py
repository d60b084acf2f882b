"""Blinks, winks, and the moments at which a person should look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bridge.report.events import MOST_MOMENTS, blinks, moments
from bridge.report.take import Take
from bridge.types import Float64Array
from tests.unit.report.takes import hump, make_take

T = np.arange(0.0, 30.0, 1.0 / 30.0)
BLINKS = (3.0, 8.0, 14.5, 19.9, 21.0)


def _lids(height: float, open_level: float) -> Float64Array:
    curve: Float64Array = open_level + sum((hump(T, at, height=height) for at in BLINKS), np.zeros(len(T)))
    return curve


def test_blinks_are_counted_with_their_depth() -> None:
    """Across the borders of the search's chunks; raw peaks and open levels of each eye, and what the avatar shows."""
    raw = {"eyeBlinkLeft": _lids(0.6, 0.12), "eyeBlinkRight": _lids(0.5, 0.06)}
    final = {"eyeBlinkLeft": _lids(1.0, 0.0), "eyeBlinkRight": _lids(0.9, 0.0)}

    found = blinks(make_take(T, raw, final))

    assert (5, 10.0) == (found["count"], found["per_minute"])
    assert list(BLINKS) == pytest.approx([np.mean(times) for times in found["times"]], abs=0.05)
    left, right = found["eyes"]
    assert (pytest.approx(0.72, abs=0.02), pytest.approx(0.12, abs=0.005)) == (left["raw_peak"], left["raw_open"])
    assert (pytest.approx(0.56, abs=0.02), pytest.approx(0.06, abs=0.005)) == (right["raw_peak"], right["raw_open"])
    assert (1.0, 0.0, 0.0) == (left["closed_share"], right["closed_share"], found["both_closed_share"])
    assert pytest.approx(0.1, abs=0.01) == found["uneven"]


def test_a_wink_is_no_blink() -> None:
    """One lid down for long, the other up."""
    found = blinks(make_take(T, {"eyeBlinkLeft": hump(T, 5.0, height=0.9, width_s=1.2), "eyeBlinkRight": 0.05 * np.ones(len(T))}))

    assert 0 == found["count"]
    assert [("left", pytest.approx(5.0, abs=0.1))] == [(eye, 0.5 * (begin + end)) for begin, end, eye in found["winks"]]


def test_a_recording_of_the_final_stage_has_blinks_too() -> None:
    """Judged by the only curves that there are."""
    found = blinks(make_take(T, {"eyeBlinkLeft": _lids(1.0, 0.0), "eyeBlinkRight": _lids(1.0, 0.0)}, kind="final"))

    assert (5, 1.0, None) == (found["count"], found["both_closed_share"], found["eyes"][0]["raw_peak"])


def _stormy() -> Take:
    t = T.copy()
    t[600:] += 0.5
    yaw, jumpy = np.zeros(len(t)), np.zeros(len(t))
    yaw[450] = 12.0
    jumpy[700:] = 25.0
    left = np.where((t > 5.0) & (t < 6.0), 0.8, 0.0)
    return make_take(
        t,
        {"headYaw": yaw, "headPitch": np.where(t > t[700] - 0.001, 25.0, 0.0)},
        {"headYaw": 0.0 * yaw, "headPitch": jumpy, "eyeBlinkLeft": left},
        unseen=slice(300, 345),
    )


def test_what_goes_wrong_is_found_where_it_is() -> None:
    """A loss, a stall, a spike of the tracker, a jump of the avatar, lids that part by themselves."""
    found: dict[str, dict[str, Any]] = {moment["kind"]: moment for moment in moments(_stormy())}

    assert {"lost", "stall", "spike", "jump", "lids"} == set(found)
    assert (10.0, 1.5) == (found["lost"]["t"], found["lost"]["length_s"])
    assert pytest.approx(19.967, abs=1e-3) == found["stall"]["t"]
    assert (15.0, "headYaw", "the tracker is off by 12° for one frame") == tuple(
        found["spike"][key] for key in ("t", "channel", "text")
    )
    assert (pytest.approx(23.833, abs=1e-3), "headPitch") == (found["jump"]["t"], found["jump"]["channel"])
    assert "25°" in found["jump"]["text"]
    assert pytest.approx(5.033, abs=0.04) == found["lids"]["t"]


def test_a_calm_take_has_no_worst_moment() -> None:
    """Nothing is made up."""
    assert [] == moments(make_take(T, {"headYaw": 10.0 * np.sin(T), "jawOpen": hump(T, 3.0)}))


def test_the_list_is_short_and_worst_first() -> None:
    """However bad a take is."""
    raw = {"headYaw": 30.0 * np.random.default_rng(6).random(len(T))}

    found = moments(make_take(T, raw, unseen=slice(100, 160)))

    assert 1 < len(found) <= MOST_MOMENTS
    assert found == sorted(found, key=lambda moment: -moment["severity"])
