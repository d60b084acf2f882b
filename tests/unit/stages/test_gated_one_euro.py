"""The gated One Euro filter against its definition, and what it promises about jitter and delay."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bridge import space
from bridge.stages.face_filter import POSE_CHANNELS, FaceFilter
from bridge.stages.gated_one_euro import GatedOneEuro
from bridge.types import CHANNELS, Float32Array, HeadPose

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


def _reference(values: list[float], times: list[float]) -> list[float]:
    """The formula of the module's docstring, line by line, one channel."""
    mc, beta, k, w, prior, dc = 0.3, 900.0, 1.7, 7.0, 0.01, 4.5

    def a(dt: float, fc: float) -> float:
        r = 2 * math.pi * fc * dt
        return r / (1 + r)

    y, e, m = values[0], 0.0, 5.643 * prior
    outputs = [y]
    for n in range(1, len(values)):
        dt, x = times[n] - times[n - 1], values[n]
        sigma = m / 5.643
        e += a(dt, dc) * ((x - y) - e)
        v = max(abs(e) - k * sigma, 0.0)
        y += a(dt, mc + beta * v * v / (v + w * sigma)) * (x - y)
        if n >= 4:
            d = abs(x - 4 * values[n - 1] + 6 * values[n - 2] - 4 * values[n - 3] + values[n - 4]) - m
            m *= math.exp((0.15 if n < 34 else 0.03) * ((d > 0) - (d < 0)))
            m = min(max(m, 0.2 * 5.643 * prior), 5 * 5.643 * prior)
        outputs.append(y)
    return outputs


def test_it_is_the_formula() -> None:
    """100 irregular frames of a noisy motion, against the formula written out for one channel."""
    random = np.random.default_rng(5)
    times = np.cumsum(random.uniform(0.01, 0.07, 100)).tolist()
    values = [float(np.float32(0.5 + 0.3 * math.sin(3 * t) + 0.01 * random.standard_normal())) for t in times]
    filtering = FaceFilter(_gate())
    outputs = [float(filtering.filter(_all(x), None, t)[0][17]) for x, t in zip(values, times, strict=True)]
    np.testing.assert_allclose(_reference(values, times), outputs, atol=2e-7)


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
    """0.2 to 5 times the prior: neither silence nor a storm makes the filter useless."""
    gate = _gate()
    _run([0.5] * 300, gate=gate)
    assert 0.002 == pytest.approx(float(gate.noise[0]))
    _run([0.1, 0.9] * 300, gate=gate)
    assert 0.05 == pytest.approx(float(gate.noise[0]))


def test_half_of_a_blink_comes_within_8_ms() -> None:
    """A step of 0.6 at 30 fps: extra delay at half height, linear between frames (goal of QUALITY.md, 9)."""
    outputs = _run([0.1] * 40 + [0.7] * 5)
    first = (outputs[40] - 0.1) / 0.6
    delay_ms = 0.0 if first >= 0.5 else 1e3 / 30 * (0.5 - first) / ((outputs[41] - outputs[40]) / 0.6)
    assert delay_ms <= 8.0
    assert outputs[41] > 0.68


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


def test_without_knee_and_zone_the_cutoff_is_proportional() -> None:
    """The limits of the formula: a sharp edge divides by nothing, also where nothing moves."""
    outputs = _run([0.5] * 10 + [0.6] * 30, gate=_gate(dead_zone=0.0, knee=0.0))
    assert [0.5] * 10 == outputs[:10]
    assert 0.6 == pytest.approx(outputs[-1], abs=1e-3)


def test_speech_is_hardly_taken_for_noise() -> None:
    """A jaw at 4.5 Hz, 0.3 up and down, with noise of 0.01: the level found is below 3 times that (the median of the second
    difference would say 11 times)."""
    gate = _gate()
    random = np.random.default_rng(6)
    _run([0.5 + 0.3 * math.sin(2 * math.pi * 4.5 * i / 30) + 0.01 * random.standard_normal() for i in range(600)], gate=gate)
    assert float(gate.noise[0]) < 0.03


def test_reset_forgets_the_noise() -> None:
    """The next person, or the next light."""
    gate = _gate()
    _run((0.3 + 0.03 * np.random.default_rng(3).standard_normal(100)).tolist(), gate=gate)
    gate.reset()
    assert 0.01 == pytest.approx(float(gate.noise[0]))
