"""The range map: dead zone, gain and its limits, upper ends that follow, the gaze as axes."""

from __future__ import annotations

import numpy as np
import pytest

from bridge import arkit
from bridge.stages.neutral_population import FACTORY, HIGHEST, LARGEST, NOISE
from bridge.stages.range import RangeMap, usable_neutral, usual_dead_zone
from bridge.types import ZERO_WEIGHTS, Float32Array

AT = arkit.INDEX


def _weights(**values: float) -> Float32Array:
    weights = np.zeros(52, dtype=np.float32)
    for name, value in values.items():
        weights[AT[name]] = value
    return weights


def _shown(mapping: RangeMap, name: str, value: float) -> float:
    return float(mapping.apply(_weights(**{name: value}))[AT[name]])


def _map(**zero: float) -> RangeMap:
    mapping = RangeMap(stretch=True)
    mapping.begin(_weights(**zero), None)
    return mapping


@pytest.mark.parametrize(
    ("name", "zero", "value", "shown"),
    [
        ("mouthSmileLeft", 0.03, 0.04, 0.0),  # the dead zone of 0.01 above the neutral
        ("mouthSmileLeft", 0.03, 0.97 * 0.92, 1.0),
        ("jawOpen", 0.0, 0.5, (0.5 - 0.01) / (0.97 * 0.75 - 0.01)),
        ("mouthFrownLeft", 0.0, 0.2, (0.2 - 0.01) * 2.2),  # would need a gain of 5
        ("mouthFrownLeft", 0.0, 1.0, 1.0),
        ("cheekPuff", 0.0, 0.004, 0.004),  # dead: neither dead zone nor gain
        ("eyeBlinkLeft", 0.2, 0.5, 0.5),  # the eyes stage's
    ],
)
def test_each_channel_runs_from_its_neutral_to_its_usual_top(name: str, zero: float, value: float, shown: float) -> None:
    """(x - b - dz) / (0.97 hi - b - dz), the gain at most 2.2."""
    assert shown == pytest.approx(_shown(_map(**{name: zero}), name, value), abs=1e-6)


def test_the_dead_zone_is_three_times_the_noise_within_limits() -> None:
    """Of what smoothing leaves of it; 0.01 to 0.05; none for lids, gaze and dead channels; both sides alike."""
    zone = usual_dead_zone(NOISE)
    assert [0.01, 0.015, 0.0225] == pytest.approx(
        [float(zone[AT[name]]) for name in ("mouthSmileLeft", "browInnerUp", "eyeSquintLeft")]
    )
    assert [0.0] * 3 == [float(zone[AT[name]]) for name in ("eyeBlinkLeft", "eyeLookInLeft", "tongueOut")]
    assert zone.tolist() == zone[arkit.MIRROR_INDEX].tolist()


def test_the_upper_end_follows_a_wider_smile_at_once_on_both_sides() -> None:
    """Time constant 0.15 s; the other side shares it; within 1.6 of the usual."""
    mapping = _map()
    for _ in range(30):
        mapping.follow(_weights(mouthSmileLeft=0.99, eyeWideLeft=1.0), 1 / 30)
    high = {name: float(mapping.high[AT[name]]) for name in ("mouthSmileLeft", "mouthSmileRight", "eyeWideRight", "jawOpen")}
    assert 0.99 == pytest.approx(high["mouthSmileLeft"], abs=1e-3)
    assert high["mouthSmileLeft"] == high["mouthSmileRight"]
    assert 1.6 * 0.5 == pytest.approx(high["eyeWideRight"])
    assert 0.75 == pytest.approx(high["jawOpen"])


def test_the_upper_end_comes_back_slowly() -> None:
    """After two minutes a third of it is left, however often it was asked."""
    left = []
    for fps in (10, 30):
        mapping = _map()
        for _ in range(30):
            mapping.follow(_weights(eyeWideLeft=0.7), 0.1)
        for _ in range(120 * fps):
            mapping.follow(ZERO_WEIGHTS, 1 / fps)
        left.append(float(mapping.high[AT["eyeWideLeft"]]) - 0.5)
    assert 0.2 * np.exp(-1.0) == pytest.approx(left[0], abs=0.005)
    assert left[0] == pytest.approx(left[1], abs=0.002)


def test_measured_peaks_become_the_upper_ends_within_limits() -> None:
    """A small smile of 0.7 is a whole one; nothing goes below 0.6 of the usual; sides share the larger."""
    peaks = HIGHEST.copy()
    peaks[[AT["mouthSmileLeft"], AT["mouthSmileRight"], AT["jawOpen"]]] = 0.7, 0.6, 0.1
    mapping = RangeMap(stretch=True)
    mapping.begin(ZERO_WEIGHTS, peaks)
    assert [0.7, 0.7, 0.45] == pytest.approx(
        [float(mapping.high[AT[name]]) for name in ("mouthSmileLeft", "mouthSmileRight", "jawOpen")]
    )
    assert 1.0 == _shown(mapping, "mouthSmileRight", 0.69)


def test_the_gaze_is_one_axis_from_in_to_out() -> None:
    """The neutral's difference is taken off; no dead middle although both of a pair are below their neutral."""
    mapping = RangeMap(stretch=False)
    mapping.begin(_weights(eyeLookInLeft=0.15, eyeLookOutLeft=0.20), None)
    rest = mapping.apply(_weights(eyeLookInLeft=0.15, eyeLookOutLeft=0.20))
    out = mapping.apply(_weights(eyeLookInLeft=0.10, eyeLookOutLeft=0.20))
    assert (0.0, 0.0) == (float(rest[AT["eyeLookInLeft"]]), float(rest[AT["eyeLookOutLeft"]]))
    assert 0.05 / 0.95 == pytest.approx(float(out[AT["eyeLookOutLeft"]]), abs=1e-6)
    assert 0.0 == float(out[AT["eyeLookInLeft"]])


def test_a_neutral_that_cannot_be_believed_leaves_every_expression_its_range() -> None:
    """Lowered until gain 2.2 reaches the usual top: all live channels then reach 1 (the weak never do)."""
    zero = usable_neutral(np.ones(52, dtype=np.float32))
    mapping = RangeMap(stretch=True)
    mapping.begin(zero, None)
    shown = mapping.apply(HIGHEST)
    weak = {"mouthFrownLeft", "mouthFrownRight", "jawLeft", "jawRight", "mouthStretchLeft", "mouthStretchRight"}
    live = [i for i, name in enumerate(arkit.NAMES) if arkit.SUPPORT[i] is not arkit.Support.DEAD and name not in weak]
    assert all(shown[i] >= 0.8 for i in live if not arkit.NAMES[i].startswith(("eyeLook", "eyeBlink")))


def test_the_population_is_plausible() -> None:
    """Bias of the model half to each side, and no factory neutral above what was ever measured."""
    assert 0.064 == pytest.approx(float(FACTORY[AT["eyeSquintLeft"]] - FACTORY[AT["eyeSquintRight"]]), abs=1e-6)
    assert -0.106 == pytest.approx(float(FACTORY[AT["eyeLookInLeft"]] - FACTORY[AT["eyeLookInRight"]]), abs=1e-6)
    assert bool((FACTORY <= np.maximum(LARGEST, 0.02)).all())
    assert bool((FACTORY >= 0.0).all())
