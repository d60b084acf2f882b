"""The neutral that learns by itself: what it learns from, and what it must not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from bridge import arkit
from bridge.settings import CalibrationSettings
from bridge.stages.calibrate import CalibrateStage
from bridge.types import FaceState

States = Callable[..., FaceState]
AT = arkit.INDEX
REST = {"eyeSquintLeft": 0.55, "eyeSquintRight": 0.5, "mouthPressLeft": 0.3, "mouthPressRight": 0.3, "browDownLeft": 0.02}
AUTO = CalibrationSettings()


def _play(
    make_state: States,
    weights: Callable[[float], Mapping[str, float]],
    *,
    seconds: float,
    fps: float = 30.0,
    settings: CalibrationSettings = AUTO,
    stage: CalibrateStage | None = None,
    yaw: float = 0.0,
) -> tuple[CalibrateStage, FaceState]:
    stage = stage or CalibrateStage(settings)
    state = make_state()
    for i in range(int(seconds * fps)):
        state = stage.step(make_state(weights=weights(i / fps), t=i / fps, yaw=yaw))
    return stage, state


def _zero(stage: CalibrateStage, name: str) -> float:
    return float(stage.learnt_zero[AT[name]])


def test_a_face_at_rest_becomes_zero(make_state: States) -> None:
    """Within half a minute nearly all of it is gone, in both directions; at once, what is usual is."""
    _, first = _play(make_state, lambda _: REST, seconds=0.1)
    stage, state = _play(make_state, lambda _: REST, seconds=30)
    assert 0.2 > float(first.weights[AT["eyeSquintLeft"]])
    assert all(float(state.weights[AT[name]]) < 0.05 for name in REST)
    assert 0.02 == pytest.approx(_zero(stage, "browDownLeft"), abs=0.025)


@pytest.mark.parametrize("fps", [15, 60])
def test_the_frame_rate_does_not_matter(make_state: States, fps: float) -> None:
    """Ten seconds are ten seconds."""
    one, _ = _play(make_state, lambda _: REST, seconds=10)
    other, _ = _play(make_state, lambda _: REST, seconds=10, fps=fps)
    assert one.learnt_zero.tolist() == pytest.approx(other.learnt_zero.tolist(), abs=0.01)


def test_a_smile_of_twenty_seconds_is_not_eaten(make_state: States) -> None:
    """It stays above 0.8, and nothing else is learnt meanwhile."""
    smile = {"mouthSmileLeft": 0.85, "mouthSmileRight": 0.82, "eyeSquintLeft": 0.68, "eyeSquintRight": 0.65}
    stage, state = _play(make_state, lambda _: smile, seconds=20)
    assert min(float(state.weights[AT[name]]) for name in ("mouthSmileLeft", "mouthSmileRight")) >= 0.8
    assert CalibrateStage(AUTO).learnt_zero.tolist() == stage.learnt_zero.tolist()


@pytest.mark.parametrize(
    ("weights", "yaw"),
    [
        (lambda _: REST | {"jawOpen": 0.5}, 0.0),
        (lambda _: REST | {"eyeBlinkLeft": 0.7, "eyeBlinkRight": 0.7}, 0.0),
        (lambda _: REST, 40.0),
        (lambda t: {name: value * (1 + round(t * 30) % 2) / 2 for name, value in REST.items()} | {"mouthLeft": 0.1}, 0.0),
    ],
    ids=["speaking", "eyes closed", "turned away", "restless"],
)
def test_only_a_quiet_frontal_face_with_open_eyes_teaches(
    make_state: States, weights: Callable[[float], Mapping[str, float]], yaw: float
) -> None:
    """Everything else is left out."""
    stage, _ = _play(make_state, weights, seconds=10, yaw=yaw)
    assert CalibrateStage(AUTO).learnt_zero.tolist() == stage.learnt_zero.tolist()


def test_it_can_be_switched_off(make_state: States) -> None:
    """Then the factory's neutral stays."""
    stage, _ = _play(make_state, lambda _: REST, seconds=10, settings=CalibrationSettings(auto=False))
    assert CalibrateStage(AUTO).learnt_zero.tolist() == stage.learnt_zero.tolist()


def test_who_looks_aside_for_long_is_still_looking_aside(make_state: States) -> None:
    """The gaze is learnt only from eyes that look about straight ahead."""
    aside = {"eyeLookOutLeft": 0.7, "eyeLookInRight": 0.7}
    _, state = _play(make_state, lambda _: aside, seconds=30)
    assert float(state.weights[AT["eyeLookOutLeft"]]) > 0.55


def _calibrated(make_state: States, weights: Mapping[str, float], *, insist: bool = False) -> CalibrateStage:
    stage = CalibrateStage(AUTO)
    stage.begin_neutral(1.0, insist=insist)
    for i in range(45):
        stage.step(make_state(weights=weights, t=i / 30 - 2.0))
    assert stage.status.calibrated
    return stage


def test_a_calibrated_neutral_only_sinks(make_state: States) -> None:
    """Time constant 4 s; what is above it stays visible."""
    stage = _calibrated(make_state, REST)
    relaxed = REST | {"mouthPressLeft": 0.1, "browDownLeft": 0.2}
    before = _zero(stage, "mouthPressLeft")
    stage, _ = _play(make_state, lambda _: relaxed, seconds=4.5, stage=stage)
    assert 0.1 + 0.2 * 0.37 == pytest.approx(_zero(stage, "mouthPressLeft"), abs=0.02)
    assert before == pytest.approx(0.3)
    assert 0.02 == pytest.approx(_zero(stage, "browDownLeft"), abs=1e-4)


def test_speaking_does_not_sink_a_good_neutral(make_state: States) -> None:
    """An open mouth presses no lips: after it, they rest where they did."""
    stage = _calibrated(make_state, REST)
    speaking = REST | {"jawOpen": 0.6, "mouthPressLeft": 0.0, "mouthPressRight": 0.0}
    stage, _ = _play(make_state, lambda _: speaking, seconds=10, stage=stage)
    assert 0.3 == pytest.approx(_zero(stage, "mouthPressLeft"), abs=1e-3)


def test_a_neutral_that_was_insisted_on_heals(make_state: States) -> None:
    """Learnt with closed eyes and raised brows: after a while of open ones it is nearly right."""
    stage = _calibrated(make_state, {"browInnerUp": 0.6, "eyeLookDownLeft": 0.6, "eyeLookDownRight": 0.6}, insist=True)
    begun = {name: _zero(stage, name) for name in ("browInnerUp", "eyeLookDownLeft")}
    stage, _ = _play(make_state, lambda _: {"browInnerUp": 0.05}, seconds=15, stage=stage)
    assert begun["browInnerUp"] == pytest.approx(0.25)
    assert _zero(stage, "browInnerUp") < 0.08
    assert _zero(stage, "eyeLookDownLeft") < 0.05
