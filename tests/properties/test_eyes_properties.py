"""Laws of the eyes stage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import arkit
from bridge.settings import EyesSettings
from bridge.stages.eyes import EyesStage
from bridge.stages.mirror import mirror_state
from bridge.types import FaceState

States = Callable[..., FaceState]

OPTIONS = st.fixed_dictionaries({
    "lids": st.sampled_from(["auto", "off"]),
    "link": st.sampled_from(["auto", "blend", "off"]),
    "far_eye": st.booleans(),
    "gaze": st.sampled_from(["linked", "separate", "off"]),
    "gaze_hold": st.booleans(),
})  # fmt: skip
FRAMES = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.floats(-0.1, 3.0)), min_size=1, max_size=40)
LIDS = [arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]]

few = settings(max_examples=60, deadline=None)


def _states(make_state: States, frames: list[tuple[int, float]]) -> list[FaceState]:
    """Random faces; the lids of most move little from frame to frame, so that blinks, winks and rest all occur."""
    states, t, lids = [], 0.0, np.array([0.1, 0.1])
    for seq, (seed, dt) in enumerate(frames):
        t += dt if seed % 7 == 0 else 1 / 30
        random = np.random.default_rng(seed)
        lids = np.clip(lids + random.normal(0.0, 0.2, 2), 0.0, 1.0)
        weights = random.random(52)
        weights[LIDS] = lids
        states.append(
            make_state(weights=weights, seq=seq, t=t, yaw=float(random.uniform(-50, 50)), pitch=float(random.uniform(-30, 30)))
        )
    return states


@few
@given(OPTIONS, FRAMES)
def test_the_mirrored_face_has_the_mirrored_eyes(
    make_state: States, options: dict[str, object], frames: list[tuple[int, float]]
) -> None:
    """Frame by frame, with all that is learnt on the way."""
    ours, theirs = (EyesStage(EyesSettings.model_validate(options)) for _ in range(2))
    for state in _states(make_state, frames):
        one, other = mirror_state(ours.step(state)), theirs.step(mirror_state(state))
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-6)
        assert one.gaze.left_deg == pytest.approx(other.gaze.left_deg, abs=1e-6)
        assert one.gaze.right_deg == pytest.approx(other.gaze.right_deg, abs=1e-6)


@few
@given(OPTIONS, FRAMES)
def test_everything_stays_in_range(make_state: States, options: dict[str, object], frames: list[tuple[int, float]]) -> None:
    """Weights in 0..1, gaze within its degrees, whatever the times are; eyes part only when told to stay as tracked."""
    stage = EyesStage(EyesSettings.model_validate(options))
    for state in _states(make_state, frames):
        after = stage.step(state)
        assert ((after.weights >= 0.0) & (after.weights <= 1.0)).all()
        (left_yaw, left_pitch), (right_yaw, right_pitch) = after.gaze.left_deg, after.gaze.right_deg
        assert max(abs(left_yaw), abs(right_yaw)) <= 38.0 + 1e-6
        assert max(abs(left_pitch), abs(right_pitch)) <= 35.0 + 1e-6
        assert options["gaze"] == "off" or left_yaw <= right_yaw + 1e-9


@few
@given(FRAMES)
def test_the_same_frames_give_the_same_eyes(make_state: States, frames: list[tuple[int, float]]) -> None:
    """To the last bit, also after a reset."""
    stage = EyesStage(EyesSettings())
    states = _states(make_state, frames)
    first = [stage.step(state) for state in states]
    stage.reset()
    again = [stage.step(state) for state in states]
    assert [s.weights.tobytes() for s in first] == [s.weights.tobytes() for s in again]
    assert [s.gaze for s in first] == [s.gaze for s in again]


@few
@given(st.floats(0.0, 0.34), st.floats(0.62, 0.9), st.floats(12.0, 120.0), st.floats(0.0, 1.0))
def test_blinks_close_and_eyes_open_at_any_rate(make_state: States, level: float, peak: float, fps: float, phase: float) -> None:
    """Open eyes are 0, the shut phase of every blink is 1, and how levels were learnt does not depend on the rate."""
    stage = EyesStage(EyesSettings())

    def at(t: float) -> float:
        into = (t + phase) % 2.0 - 1.0
        share = float(np.clip(min(into / 0.1, (0.4 - into) / 0.15), 0.0, 1.0))
        return level + share * (peak - level)

    shut, opened = [], []
    for i in range(round(6.0 * fps)):
        t = i / fps
        raw = at(t)
        state = stage.step(make_state(weights={"eyeBlinkLeft": raw, "eyeBlinkRight": raw}, seq=i, t=t))
        if raw == peak:
            shut.append(float(state.weights[LIDS].min()))
        elif raw == level:
            opened.append(float(state.weights[LIDS].max()))
    assert not any(opened)
    assert min(shut, default=1.0) > 0.95


@few
@given(st.floats(0.0, 0.35), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=20))
def test_a_lid_further_closed_is_shown_further_closed(make_state: States, level: float, raws: list[float]) -> None:
    """From the same past, both lids alike."""
    shown = []
    for raw in sorted(raws):
        stage = EyesStage(EyesSettings())
        for i in range(30):
            stage.step(make_state(weights={"eyeBlinkLeft": level, "eyeBlinkRight": level}, seq=i, t=i / 30))
        state = stage.step(make_state(weights={"eyeBlinkLeft": raw, "eyeBlinkRight": raw}, seq=30, t=1.0))
        shown.append(float(state.weights[LIDS[0]]))
    assert sorted(shown) == shown
