"""The demo's script and what its performer makes of it."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest

from bridge import arkit, space
from bridge.arkit import INDEX, SUPPORT, Support
from bridge.sources.performance import SCRIPT, Performance, shipped_performance
from bridge.types import Float32Array, Float64Array

RATE_HZ = 120


class Played:
    """The shipped performance, sampled: weights (N, 52), yaw pitch roll in degrees (N, 3), positions in metres (N, 3)."""

    def __init__(self) -> None:
        performance = shipped_performance()
        self.duration_s = performance.duration_s
        self.times = np.arange(0.0, self.duration_s, 1 / RATE_HZ)
        moments = [performance.at(t) for t in self.times.tolist()]
        self.weights: Float32Array = np.array([weights for weights, _ in moments])
        self.angles_deg: Float64Array = np.array([space.to_euler_deg(head.quat_xyzw) for _, head in moments])
        self.positions_m: Float64Array = np.array([head.position_m for _, head in moments])

    def channel(self, name: str) -> Float32Array:
        channel: Float32Array = self.weights[:, INDEX[name]]
        return channel

    def runs(self, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> list[tuple[float, float]]:
        """(start, end) in seconds of each stretch where ``mask`` holds."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
        return [(float(start) / RATE_HZ, float(end) / RATE_HZ) for start, end in edges.reshape(-1, 2)]


@pytest.fixture(scope="module")
def played() -> Played:
    """Sampled once."""
    return Played()


def small_script(**changes: Any) -> dict[str, Any]:
    """A performance of one pose."""
    return {
        "performance": {"duration_s": 10.0, "position_m": [0.0, 0.0, -0.5]},
        "blink": {"close_s": 0.08, "shut_s": 0.03, "open_s": 0.17, "lag_s": 0.0},
        "idle": [],
        "poses": {"blink_left": {"eyeBlinkLeft": 1.0}, "blink_right": {"eyeBlinkRight": 1.0}, "smile": {"mouthSmileLeft": 0.5}},
        "beats": [{"name": "all", "at": 1.0, "looks": [[0.0, 0, 0]], "keys": {"smile": [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]}}],
    } | changes


# --- everything is there ---------------------------------------------------------------------------------------------------


def test_it_lasts_as_long_as_somebody_watches(played: Played) -> None:
    """24 to 28 seconds."""
    assert 24.0 <= played.duration_s <= 28.0


def test_every_channel_that_a_camera_delivers_is_exercised(played: Played) -> None:
    """Live ones clearly; weak ones enough to be seen; dead ones never, as with a camera."""
    peaks = dict(zip(arkit.NAMES, played.weights.max(axis=0).tolist(), strict=True))
    low = {
        name: peak
        for (name, peak), support in zip(peaks.items(), SUPPORT, strict=True)
        if peak < {Support.LIVE: 0.5, Support.WEAK: 0.35, Support.DEAD: 0.0}[support]
    }
    dead = {name for name, support in zip(arkit.NAMES, SUPPORT, strict=True) if support is Support.DEAD and peaks[name] > 0.0}

    assert ({}, set()) == (low, dead)


def test_every_channel_rests_most_of_the_time(played: Played) -> None:
    """So that a viewer sees which is which."""
    busy = {
        name: share for name, share in zip(arkit.NAMES, (played.weights > 0.3).mean(axis=0).tolist(), strict=True) if share > 0.5
    }

    assert {} == busy


def test_the_head_turns_nods_and_tilts_both_ways(played: Played) -> None:
    """And leans towards the viewer and back; never so far that a tracker would lose it."""
    low, high = played.angles_deg.min(axis=0), played.angles_deg.max(axis=0)

    assert (low < [-20.0, -8.0, -9.0]).all()
    assert (high > [20.0, 10.0, 9.0]).all()
    assert np.abs(played.angles_deg).max() < 35.0
    assert np.ptp(played.positions_m[:, 2]) > 0.06
    assert [0.0, -0.01, -0.55] == pytest.approx(played.positions_m.mean(axis=0).tolist(), abs=0.02)


def test_each_eye_winks_alone(played: Played) -> None:
    """Closed for at least 0.15 s while the other stays open: first the left, later the right."""
    left, right = played.channel("eyeBlinkLeft"), played.channel("eyeBlinkRight")
    winks = {
        side: [run for run in played.runs((one > 0.9) & (other < 0.2)) if run[1] - run[0] >= 0.15]
        for side, one, other in (("left", left, right), ("right", right, left))
    }

    assert {"left": 1, "right": 1} == {side: len(found) for side, found in winks.items()}
    assert winks["left"][0][0] < winks["right"][0][0]


def test_blinks_are_those_of_people(played: Played) -> None:
    """10 to 35 a minute, at least 0.4 s apart; closing takes 60-110 ms, opening 120-220 ms and longer than closing."""
    both = np.minimum(played.channel("eyeBlinkLeft"), played.channel("eyeBlinkRight"))
    shut = played.runs(both > 0.9)
    closing_s, opening_s = [], []
    for start, end in shut:
        before = both[: round(start * RATE_HZ)]
        after = both[round(end * RATE_HZ) :]
        floor = 0.3
        closing_s.append((len(before) - np.flatnonzero(before < floor)[-1]) / RATE_HZ)
        opening_s.append((np.flatnonzero(after < floor)[0]) / RATE_HZ)
    gaps = np.diff([start for start, _ in shut])

    assert 10 <= len(shut) * 60 / played.duration_s <= 35
    assert gaps.min() > 0.4
    assert max(end - start for start, end in shut) < 0.11
    assert 0.02 <= min(closing_s) <= max(closing_s) <= 0.11
    assert all(opening > closing for closing, opening in zip(closing_s, opening_s, strict=True))
    assert max(opening_s) <= 0.22


def test_the_eyes_look_everywhere_and_lead_the_head(played: Played) -> None:
    """Left, right, up and down; at the great turns the eyes are there before the head has begun to follow."""
    to_left = played.channel("eyeLookOutLeft") - played.channel("eyeLookInLeft")
    down = played.channel("eyeLookDownLeft") - played.channel("eyeLookUpLeft")
    yaw_deg = played.angles_deg[:, 0]
    farthest_right = int(yaw_deg.argmin())
    saccade = farthest_right - RATE_HZ + int(to_left[farthest_right - RATE_HZ : farthest_right].argmin())

    assert (to_left.min(), down.min()) < (-0.5, -0.5)
    assert (to_left.max(), down.max()) > (0.5, 0.5)
    assert yaw_deg[saccade] > 0.3 * yaw_deg[farthest_right]
    assert to_left[farthest_right] > 0.8 * to_left[saccade]


def test_both_eyes_look_the_same_way(played: Played) -> None:
    """In of one is Out of the other, and never In and Out of one eye at once."""
    assert played.channel("eyeLookOutLeft").tolist() == played.channel("eyeLookInRight").tolist()
    assert played.channel("eyeLookInLeft").tolist() == played.channel("eyeLookOutRight").tolist()
    assert 0.0 == float((played.channel("eyeLookInLeft") * played.channel("eyeLookOutLeft")).max())


def test_it_speaks_in_syllables(played: Played) -> None:
    """Between two and six seconds, the mouth opens three to six times a second and closes for m and p in between."""
    speech = (played.times > 1.9) & (played.times < 6.0)
    shape = played.channel("jawOpen") + 0.5 * (played.channel("mouthPucker") + played.channel("mouthLowerDownLeft"))
    values = shape[speech]
    peaks = int(((values[1:-1] > values[:-2]) & (values[1:-1] >= values[2:]) & (values[1:-1] > 0.15)).sum())

    assert 3.0 <= peaks / 4.1 <= 6.5
    assert float(played.channel("mouthPressLeft")[speech].max()) > 0.35


def test_closed_lips_over_an_open_jaw_need_an_open_jaw(played: Played) -> None:
    """mouthClose never exceeds jawOpen by more than the lips have."""
    assert float((played.channel("mouthClose") - played.channel("jawOpen")).max()) <= 0.05


# --- how it moves ----------------------------------------------------------------------------------------------------------


def test_the_seam_cannot_be_seen() -> None:
    """Value and slope of every channel and of the head run through the end into the beginning."""
    performance = shipped_performance()
    h = 1e-4

    def at(t: float) -> Float64Array:
        weights, head = performance.at(t)
        return np.concatenate([weights.astype(np.float64), head.position_m, head.quat_xyzw])

    before, end, start, after = (at(performance.duration_s + dt) for dt in (-h, -1e-12, 0.0, h))

    assert np.abs(start - end).max() < 1e-6
    assert np.abs((end - before) / h - (after - start) / h).max() < 0.02


def test_nothing_jumps(played: Played) -> None:
    """A lid falls in no less than 50 ms; the mouth is slower; the head stays below 250 degrees and 0.6 m a second."""
    around = np.concatenate([played.weights, played.weights[:1]])
    speed = np.abs(np.diff(around, axis=0)).max(axis=0) * RATE_HZ
    lids = [INDEX[name] for name in arkit.NAMES if name.startswith("eye")]
    others = [i for i in range(52) if i not in lids]

    assert speed[lids].max() < 20.0
    assert speed[others].max() < 15.0
    assert np.abs(np.diff(played.angles_deg, axis=0)).max() * RATE_HZ < 250.0
    assert np.abs(np.diff(played.positions_m, axis=0)).max() * RATE_HZ < 0.6


def test_it_never_freezes(played: Played) -> None:
    """Breath and sway go on: in every quarter of a second the head moves."""
    window = RATE_HZ // 4
    windows = range(0, len(played.times) - window, window)
    moved_deg = [float(np.ptp(played.angles_deg[i : i + window], axis=0).sum()) for i in windows]

    assert min(moved_deg) > 0.02


def test_weights_are_weights(played: Played) -> None:
    """From 0 to 1, in ARKit order, read-only; the head a unit quaternion with w >= 0."""
    weights, head = shipped_performance().at(3.3)

    assert 0.0 <= float(played.weights.min()) <= float(played.weights.max()) <= 1.0
    assert ((52,), np.dtype(np.float32), False) == (weights.shape, weights.dtype, weights.flags.writeable)
    assert 1.0 == pytest.approx(float(head.quat_xyzw @ head.quat_xyzw))
    assert head.quat_xyzw[3] >= 0.0
    assert not head.quat_xyzw.flags.writeable
    assert not head.position_m.flags.writeable


# --- scripts ----------------------------------------------------------------------------------------------------------------


def test_a_pose_is_mixed_by_its_curve() -> None:
    """Half of the way in time, half of the pose; nothing else moves."""
    weights, head = Performance(small_script()).at(1.5)

    assert 0.25 == pytest.approx(float(weights[INDEX["mouthSmileLeft"]]))
    assert 0.25 == pytest.approx(float(weights.sum()))
    assert [0.0, 0.0, 0.0, 1.0] == head.quat_xyzw.tolist()
    assert [0.0, 0.0, -0.5] == head.position_m.tolist()


def test_eyes_stay_on_the_viewer_while_the_head_turns() -> None:
    """A head turned to its own left by 20 degrees: both eyes look to the own right."""
    beat = {"name": "turned", "at": 0.0, "looks": [[0.0, 0, 0]], "keys": {"yaw": [[0.0, 20.0]]}}

    weights, _ = Performance(small_script(beats=[beat])).at(5.0)

    assert float(weights[INDEX["eyeLookInLeft"]]) == float(weights[INDEX["eyeLookOutRight"]])
    assert 20.0 / 38.0 == pytest.approx(float(weights[INDEX["eyeLookInLeft"]]), rel=0.15)


def test_a_turned_head_travels_about_its_neck() -> None:
    """The face is in front of the joint: turning to the own left moves it there."""
    beat = {"name": "turned", "at": 0.0, "looks": [[0.0, 0, 0]], "keys": {"yaw": [[0.0, 30.0]]}}

    _, head = Performance(small_script(beats=[beat])).at(5.0)

    assert 0.06 * 0.5 == pytest.approx(float(head.position_m[0]))


def test_sounds_give_way_to_each_other() -> None:
    """Each peaks at its moment, when its neighbours are gone."""
    script = small_script(beats=[{"name": "ma", "at": 1.0, "looks": [[0, 0, 0]],
                                  "says": [[0.0, "rest", 0], [0.1, "M", 1.0], [0.2, "A", 0.5], [0.3, "rest", 0]]}])  # fmt: skip
    script["poses"] = {**script["poses"], "M": {"mouthPressLeft": 1.0}, "A": {"jawOpen": 1.0}}
    performance = Performance(script)

    def shown(t: float) -> list[float]:
        weights, _ = performance.at(t)
        return [round(float(weights[INDEX[name]]), 3) for name in ("mouthPressLeft", "jawOpen")]

    moments = [shown(t) for t in (1.0, 1.2, 1.3)]
    middle = shown(1.1)[0]

    assert [[0.0, 0.0], [0.0, 0.5], [0.0, 0.0]] == moments
    assert middle > 0.9


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"beats": [{"name": "x", "at": 0.0, "looks": [[0, 0, 0]], "keys": {"grimace": [[0, 0]]}}]}, "grimace"),
        ({"poses": {"blink_left": {"eyeBlinkMiddle": 1.0}, "blink_right": {}, "smile": {}}}, "eyeBlinkMiddle"),
        ({"beats": [{"name": "x", "at": 9.0, "looks": [[0, 0, 0]], "keys": {"yaw": [[2.0, 0]]}}]}, "yaw: its keys must lie"),
    ],
)
def test_a_script_with_a_slip_is_refused(change: dict[str, Any], reason: str) -> None:
    """Naming it."""
    with pytest.raises((KeyError, ValueError), match=reason):
        Performance(small_script(**change))


def test_the_shipped_script_uses_every_pose_it_defines() -> None:
    """Nothing in it is dead weight."""
    script = tomllib.loads(SCRIPT.read_text(encoding="utf-8"))
    used = {"blink_left", "blink_right"}
    for beat in script["beats"]:
        used |= set(beat.get("keys", {})) | {sound for _, sound, _ in beat.get("says", ())}

    assert set() == set(script["poses"]) - used
