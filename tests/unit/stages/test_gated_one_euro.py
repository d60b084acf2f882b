"""The gated One Euro filter against its definition, and what it promises about jitter and delay."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bridge import space
from bridge.stages.gated_one_euro import POSE_CHANNELS, FaceFilter, Gate
from bridge.types import CHANNELS, Float32Array, Float64Array, HeadPose

SIZE = CHANNELS + POSE_CHANNELS


def _gate(*, beta: float = 400.0, dead_zone: float = 2.5, noise_prior: float = 0.01) -> Gate:
    return Gate(
        min_cutoff_hz=np.full(SIZE, 0.3),
        beta=np.full(SIZE, beta),
        dead_zone=np.full(SIZE, dead_zone),
        noise_prior=np.full(SIZE, noise_prior),
        derivative_cutoff_hz=8.0,
    )


def _head_gate() -> Gate:
    return _gate(beta=8.9, dead_zone=1.5, noise_prior=0.2)


def _all(value: float) -> Float32Array:
    return np.full(CHANNELS, value, dtype=np.float32)


def _head(*, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, x: float = 0.0) -> HeadPose:
    return HeadPose(position_m=np.array([x, 0.0, -0.5]), quat_xyzw=space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll))


def _run(values: list[float], *, fps: float = 30.0, gate: Gate | None = None) -> list[float]:
    """The first weight's output."""
    filtering = FaceFilter(gate or _gate())
    return [float(filtering.filter(_all(value), None, i / fps)[0][0]) for i, value in enumerate(values)]


def _reference(values: list[float], times: list[float]) -> list[float]:
    """QUALITY.md, section 5.2, line by line, one channel."""
    mc, beta, k, prior, dc = 0.3, 400.0, 2.5, 0.01, 8.0

    def a(dt: float, fc: float) -> float:
        r = 2 * math.pi * fc * dt
        return r / (1 + r)

    y, e, m = values[0], 0.0, 1.652 * prior
    outputs = [y]
    for n in range(1, len(values)):
        dt, x = times[n] - times[n - 1], values[n]
        e += a(dt, dc) * ((x - y) - e)
        v = max(abs(e) - k * m / 1.652, 0.0)
        y += a(dt, mc + beta * v) * (x - y)
        if n >= 2:
            d = abs(x - 2 * values[n - 1] + values[n - 2]) - m
            m *= math.exp((0.15 if n < 32 else 0.03) * ((d > 0) - (d < 0)))
            m = min(max(m, 0.2 * 1.652 * prior), 4 * 1.652 * prior)
        outputs.append(y)
    return outputs


def test_it_is_the_published_formula() -> None:
    """100 irregular frames of a noisy motion, against the formula written out for one channel."""
    random = np.random.default_rng(5)
    times = np.cumsum(random.uniform(0.01, 0.07, 100)).tolist()
    values = [float(np.float32(0.5 + 0.3 * math.sin(3 * t) + 0.01 * random.standard_normal())) for t in times]
    filtering = FaceFilter(_gate())
    outputs = [float(filtering.filter(_all(x), None, t)[0][17]) for x, t in zip(values, times, strict=True)]
    np.testing.assert_allclose(_reference(values, times), outputs, atol=2e-7)


def test_the_first_sample_passes_through() -> None:
    """The same objects, not a ramp from zero."""
    weights, head = _all(0.4), _head(yaw=30)
    filtered = FaceFilter(_gate()).filter(weights, head, 12.0)
    assert filtered[0] is weights
    assert filtered[1] is head


@pytest.mark.parametrize("later_s", [0.0, -0.01, -5.0, math.nan])
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


def test_rest_jitter_of_the_coefficients_nearly_vanishes() -> None:
    """White noise of the expected size: what is left of the second difference is at most a tenth (goal of QUALITY.md, 9)."""
    noise = (0.3 + 0.01 * np.random.default_rng(2).standard_normal(400)).tolist()
    kept = np.diff(_run(noise), 2)[60:].std() / np.diff(noise, 2)[60:].std()
    assert kept < 0.10


def test_louder_noise_is_learnt() -> None:
    """Three times the expected noise comes to rest too, because its level is measured."""
    gate = _gate()
    noise = (0.3 + 0.03 * np.random.default_rng(3).standard_normal(600)).tolist()
    outputs = _run(noise, gate=gate)
    assert 0.03 == pytest.approx(float(gate.noise[0]), rel=0.25)
    assert np.diff(outputs, 2)[200:].std() / np.diff(noise, 2)[200:].std() < 0.10


def test_the_measured_noise_stays_within_its_range() -> None:
    """0.2 to 4 times the prior: neither silence nor a storm makes the filter useless."""
    gate = _gate()
    _run([0.5] * 300, gate=gate)
    assert 0.002 == pytest.approx(float(gate.noise[0]))
    _run([0.1, 0.9] * 300, gate=gate)
    assert 0.04 == pytest.approx(float(gate.noise[0]))


def test_half_of_a_blink_comes_within_8_ms() -> None:
    """A step of 0.6 at 30 fps: extra delay at half height, linear between frames (goal of QUALITY.md, 9)."""
    outputs = _run([0.1] * 40 + [0.7] * 5)
    first = (outputs[40] - 0.1) / 0.6
    delay_ms = 0.0 if first >= 0.5 else 1e3 / 30 * (0.5 - first) / ((outputs[41] - outputs[40]) / 0.6)
    assert delay_ms <= 8.0
    assert outputs[41] > 0.68


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


def test_rest_jitter_of_the_head_nearly_vanishes() -> None:
    """0.2° and 0.3 mm of white noise."""
    random = np.random.default_rng(4)
    filtering = FaceFilter(_head_gate())
    angles, raw = [], []
    for i in range(400):
        yaw, pitch, roll = (0.2 * random.standard_normal(3)).tolist()
        _, head = filtering.filter(_all(0.0), _head(yaw=10 + yaw, pitch=pitch, roll=roll), i / 30)
        assert head is not None
        raw.append((10 + yaw, pitch, roll))
        angles.append(space.to_euler_deg(head.quat_xyzw))
    assert np.diff(np.array(angles), 2, axis=0)[60:].std() / np.diff(np.array(raw), 2, axis=0)[60:].std() < 0.10


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
