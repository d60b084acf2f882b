"""One filter for weights, rotation and position: gaps, times, what is not finite, half turns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bridge import space
from bridge.stages.face_filter import POSE_CHANNELS, FaceFilter
from bridge.stages.gated_one_euro import GatedOneEuro
from bridge.types import CHANNELS, Float32Array, Float64Array, HeadPose

SIZE = CHANNELS + POSE_CHANNELS


def _gate(*, beta: float = 900.0, dead_zone: float = 1.7, knee: float = 7.0, noise_prior: float = 0.01) -> GatedOneEuro:
    return GatedOneEuro(
        min_cutoff_hz=np.full(SIZE, 0.3),
        beta=np.full(SIZE, beta),
        dead_zone=np.full(SIZE, dead_zone),
        knee=np.full(SIZE, knee),
        derivative_cutoff_hz=np.full(SIZE, 4.5),
        noise_prior=np.full(SIZE, noise_prior),
    )


def _head_gate() -> GatedOneEuro:
    return _gate(beta=11.0, dead_zone=0.5, knee=5.0, noise_prior=0.2)


def _all(value: float) -> Float32Array:
    return np.full(CHANNELS, value, dtype=np.float32)


def _head(*, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, x: float = 0.0) -> HeadPose:
    return HeadPose(position_m=np.array([x, 0.0, -0.5]), quat_xyzw=space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll))


def _run(values: list[float], *, fps: float = 30.0, gate: GatedOneEuro | None = None) -> list[float]:
    """The first weight's output."""
    filtering = FaceFilter(gate or _gate())
    return [float(filtering.filter(_all(value), None, i / fps)[0][0]) for i, value in enumerate(values)]


def test_the_first_sample_passes_through() -> None:
    """The same objects, not a ramp from zero."""
    weights, head = _all(0.4), _head(yaw=30)
    filtered = FaceFilter(_gate()).filter(weights, head, 12.0)
    assert filtered[0] is weights
    assert filtered[1] is head


@pytest.mark.parametrize("later_s", [0.0, 1e-9, -0.01, -5.0, math.nan])
def test_a_sample_that_is_not_later_gets_the_previous_output(later_s: float) -> None:
    """And changes nothing for the samples after it."""
    disturbed, calm = FaceFilter(_gate()), FaceFilter(_gate())
    for filtering in (disturbed, calm):
        filtering.filter(_all(0.2), _head(), 1.0)
        before = filtering.filter(_all(0.3), _head(yaw=2), 1.03)
    again = disturbed.filter(_all(0.9), _head(yaw=40), 1.03 + later_s)
    assert before[0].tolist() == again[0].tolist()
    assert again[1] is disturbed.filter(_all(0.9), _head(yaw=40), 1.03)[1]
    assert calm.filter(_all(0.35), _head(yaw=3), 1.06)[0].tolist() == disturbed.filter(_all(0.35), _head(yaw=3), 1.06)[0].tolist()


def test_a_long_gap_starts_anew() -> None:
    """More than 0.5 s: the sample passes through."""
    filtering = FaceFilter(_gate())
    filtering.filter(_all(0.1), _head(), 0.0)
    weights, head = _all(0.8), _head(yaw=50)
    after = filtering.filter(weights, head, 0.51)
    assert after[0] is weights
    assert after[1] is head


def test_a_short_gap_does_not_start_anew() -> None:
    """0.5 s are still bridged."""
    filtering = FaceFilter(_gate())
    filtering.filter(_all(0.1), None, 0.0)
    assert float(filtering.filter(_all(0.8), None, 0.5)[0][0]) < 0.8


@pytest.mark.parametrize("fps", [12.5, 30.0, 60.0, 240.0])
def test_a_constant_stays_itself_at_any_rate(fps: float) -> None:
    """However it is sampled."""
    assert {float(np.float32(0.37))} == set(_run([0.37] * 50, fps=fps))


@pytest.mark.parametrize("weights", [_all(math.nan), _all(math.inf)], ids=["nan", "inf"])
def test_what_is_not_finite_cannot_get_in(weights: Float32Array) -> None:
    """The previous output instead, and the memory stays finite."""
    filtering = FaceFilter(_gate())
    filtering.filter(_all(0.2), _head(), 0.0)
    before = filtering.filter(_all(0.25), _head(), 0.03)[0].tolist()
    assert before == filtering.filter(weights, _head(), 0.06)[0].tolist()
    assert np.isfinite(filtering.filter(_all(0.25), _head(), 0.09)[0]).all()


def test_a_head_that_is_not_finite_cannot_get_in() -> None:
    """Neither in rotation nor in position."""
    filtering = FaceFilter(_gate())
    filtering.filter(_all(0.2), _head(), 0.0)
    _, before = filtering.filter(_all(0.2), _head(yaw=1), 0.03)
    broken = HeadPose(position_m=np.array([math.nan, 0.0, 0.0]), quat_xyzw=np.array([0.0, 0.0, 0.0, 1.0]))
    assert before is filtering.filter(_all(0.2), broken, 0.06)[1]


def test_nothing_finite_before_the_first_sample_is_rest() -> None:
    """There is no previous output to repeat."""
    weights, head = FaceFilter(_gate()).filter(_all(math.nan), _head(), 0.0)
    assert not weights.any()
    assert head is not None
    assert [0.0, 0.0, 0.0, 1.0] == head.quat_xyzw.tolist()


def test_the_head_follows_across_half_a_turn() -> None:
    """Through yaw 180°, where angles wrap and quaternions change sign, no output frame jumps."""
    filtering = FaceFilter(_head_gate())
    last = None
    for i in range(120):
        turn = space.from_euler_deg(yaw=3.0 * i, pitch=0.0, roll=0.0)
        signed: Float64Array = turn * (-1.0 if i % 2 else 1.0)
        _, head = filtering.filter(_all(0.0), HeadPose(position_m=np.zeros(3), quat_xyzw=signed), i / 30)
        assert head is not None
        assert space.angle_between_deg(head.quat_xyzw, turn) < 6.0
        if last is not None:
            assert space.angle_between_deg(last, head.quat_xyzw) < 4.0
        last = head.quat_xyzw


def test_the_head_comes_out_canonical() -> None:
    """Unit length, w >= 0, read-only."""
    filtering = FaceFilter(_head_gate())
    for i in range(5):
        _, head = filtering.filter(_all(0.0), _head(yaw=20.0 * i, pitch=-10.0 * i), i / 30)
    assert head is not None
    assert 1.0 == pytest.approx(float(np.linalg.norm(head.quat_xyzw)), abs=1e-12)
    assert head.quat_xyzw[3] >= 0.0
    assert not head.quat_xyzw.flags.writeable
    assert not head.position_m.flags.writeable


def test_a_head_that_appears_passes_through() -> None:
    """Frames without a head in between are not an error."""
    filtering = FaceFilter(_gate())
    filtering.filter(_all(0.1), None, 0.0)
    head = _head(yaw=20)
    assert head is filtering.filter(_all(0.1), head, 0.03)[1]
    assert filtering.filter(_all(0.1), None, 0.06)[1] is None


def test_reset_lets_the_next_sample_through() -> None:
    """As if nothing had been before."""
    filtering = FaceFilter(_gate())
    filtering.filter(_all(0.1), None, 0.0)
    filtering.reset()
    weights = _all(0.9)
    assert weights is filtering.filter(weights, None, 0.03)[0]


@pytest.mark.parametrize("dt", [5e-324, 1e-300, 1e-9])
def test_times_that_hardly_differ_do_not_divide_by_nothing(dt: float) -> None:
    """From zero on, where such small steps exist: the previous output, and finite afterwards."""
    filtering = FaceFilter(_gate())
    filtering.filter(_all(0.2), _head(), 0.0)
    assert {float(np.float32(0.2))} == set(filtering.filter(_all(0.9), _head(yaw=5), dt)[0].tolist())
    assert np.isfinite(filtering.filter(_all(0.3), _head(), 0.03)[0]).all()
