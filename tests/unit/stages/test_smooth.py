"""The smoothing stage: which channel gets which filter, overrides, what passes untouched; and real recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from bridge import arkit, space
from bridge.settings import (
    EmaGroups,
    FilterSettings,
    OneEuroGroups,
    OneEuroSettings,
    Settings,
    SmoothingGroups,
    SmoothingSettings,
)
from bridge.stages.smooth import GATED, GROUPS, ONE_EURO, PRESETS, GatedTuning, SmoothStage, Strength, group_of, strength
from bridge.types import FaceState, Float64Array, HeadPose, Presence, frozen_array

States = Callable[..., FaceState]


def _run(states: list[FaceState], settings: SmoothingSettings | None = None, *, landmark_filtered: bool) -> list[FaceState]:
    stage = SmoothStage(settings or SmoothingSettings(), landmark_filtered=landmark_filtered)
    return [stage.step(state) for state in states]


def test_every_channel_has_its_group() -> None:
    """Counts of the 52: lids 6, gaze 8, brows 5, jaw with mouthClose 5, and mouth with cheeks, nose and tongue 28."""
    assert {"eyelids": 6, "gaze": 8, "brows": 5, "jaw": 5, "mouth": 28} == {name: GROUPS.count(name) for name in set(GROUPS)}


@pytest.mark.parametrize(
    ("channel", "group"),
    [
        ("eyeBlinkLeft", "eyelids"), ("eyeSquintRight", "eyelids"), ("eyeWideLeft", "eyelids"), ("eyeLookInLeft", "gaze"),
        ("browInnerUp", "brows"), ("jawOpen", "jaw"), ("mouthClose", "jaw"), ("mouthSmileLeft", "mouth"), ("cheekPuff", "mouth"),
        ("noseSneerLeft", "mouth"), ("tongueOut", "mouth"),
    ],
)  # fmt: skip
def test_group_of_a_channel(channel: str, group: str) -> None:
    """As QUALITY.md, section 5.3, groups them."""
    assert group == group_of(channel)


def test_the_defaults_are_the_measured_ones() -> None:
    """What the tables of the issue's measurements were made with."""
    face = GatedTuning(min_cutoff_hz=0.3, beta=900.0, dead_zone=1.7, knee=7.0, derivative_cutoff_hz=4.5, noise_prior=0.010)
    head = GatedTuning(min_cutoff_hz=0.3, beta=18.0, dead_zone=0.2, knee=3.0, derivative_cutoff_hz=3.0, noise_prior=0.20)
    assert (face, head) == (GATED["eyelids"], GATED["head_rotation"])


def test_every_group_of_the_settings_has_defaults() -> None:
    """And there are no others."""
    assert set(SmoothingGroups.model_fields) == set(GATED) == set(ONE_EURO)
    assert set(OneEuroGroups.model_fields) == set(EmaGroups.model_fields) == set(GATED)


def test_the_slider_has_its_preset_in_the_middle() -> None:
    """0.5 is the preset, 0 has no dead zone and opens twice as fast, 1 has 1.6 times the zone and a quarter of beta."""
    presets = get_args(SmoothingSettings.model_fields["preset"].annotation)
    assert list(PRESETS.values()) == [strength(SmoothingSettings(preset=preset)) for preset in presets]
    ends = [strength(SmoothingSettings(amount=amount)) for amount in (0.0, 0.5, 1.0)]
    assert [Strength(zone=0.0, slowness=0.5), Strength(zone=1.0, slowness=1.0), Strength(zone=1.6, slowness=4.0)] == ends


@pytest.mark.parametrize("chosen", ["gated", "one-euro", "ema"])
def test_more_is_calmer_and_later(make_state: States, chosen: str) -> None:
    """Every filter: less of the noise and less of a step gets through with each notch."""
    random = np.random.default_rng(8)
    noise = [0.4 + 0.004 * random.standard_normal() for _ in range(150)]
    states = [make_state(weights={"mouthSmileLeft": x}, t=i / 30) for i, x in enumerate([*noise, 0.6, 0.6])]
    smile = arkit.INDEX["mouthSmileLeft"]
    jitters, steps = [], []
    for amount in (0.0, 0.5, 1.0):
        outputs = _weights(_run(states, SmoothingSettings(filter=chosen, amount=amount), landmark_filtered=True))[:, smile]
        jitters.append(np.diff(outputs[40:150], 2).std())
        steps.append(float(outputs[150]))
    assert jitters[0] > jitters[1] > jitters[2]
    assert steps[0] > steps[1] > steps[2]


def test_presets_from_quick_to_calm() -> None:
    """And MediaPipe's own filter is off, light, light."""
    presets = ("low-latency", "balanced", "calm")
    assert sorted(presets, key=lambda preset: PRESETS[preset].slowness) == list(presets)
    scales = [Settings(smoothing=SmoothingSettings(preset=preset)).timestamp_scale for preset in presets]
    assert [1e5, 4.0, 4.0] == scales


def test_the_textbook_filters_have_parameters_of_their_own(make_state: States) -> None:
    """A slow jaw does not slow the smile down."""
    states = [make_state(), make_state(weights={"mouthSmileLeft": 0.8, "jawOpen": 0.8}, t=1 / 30)]
    smile, jaw = arkit.INDEX["mouthSmileLeft"], arkit.INDEX["jawOpen"]
    for plain, slow in (
        (SmoothingSettings(filter="ema"), SmoothingSettings(filter="ema", ema=EmaGroups(jaw=5.0))),
        (
            SmoothingSettings(filter="one-euro"),
            SmoothingSettings(filter="one-euro", one_euro=OneEuroGroups(jaw=OneEuroSettings(beta=0.0, min_cutoff_hz=0.1))),
        ),
    ):
        before, after = (_run(states, settings, landmark_filtered=True)[-1].weights for settings in (plain, slow))
        assert before[smile] == after[smile]
        assert after[jaw] < 0.1 < before[jaw]


def test_disabled_hands_on_the_very_same_state(make_state: States) -> None:
    """Bit for bit: weights, and the head's quaternion with its sign."""
    states = [make_state(seed=i, t=i / 30) for i in range(5)]
    after = _run(states, SmoothingSettings(enabled=False), landmark_filtered=True)
    assert all(a is b for a, b in zip(states, after, strict=True))


def test_not_observed_passes_and_leaves_the_memory(make_state: States) -> None:
    """The frame after a short miss is filtered as if the missed one had not been."""
    first, second = make_state(weights={"jawOpen": 0.1}), make_state(weights={"jawOpen": 0.9}, t=0.1)
    missed = make_state(t=0.05, presence=Presence.LOST, head=None)
    with_miss, without = (_run(states, landmark_filtered=True) for states in ([first, missed, second], [first, second]))
    assert missed is with_miss[1]
    assert without[-1].weights.tolist() == with_miss[-1].weights.tolist()


def test_only_the_look_changes(make_state: States) -> None:
    """Number, times, box and the rest of the frame stay."""
    box = (1.0, 2.0, 3.0, 4.0)
    states = [make_state(seed=1), make_state(seed=2, seq=7, t=0.03, t_done=0.05, box=box, subject=1)]
    after = _run(states, landmark_filtered=True)[-1]
    assert (7, 0.03, 0.05, box, 1, Presence.LIVE) == (after.seq, after.t, after.t_done, after.box, after.subject, after.presence)
    assert states[-1].weights.tolist() != after.weights.tolist()
    assert (np.dtype(np.float32), False) == (after.weights.dtype, after.weights.flags.writeable)


def test_reset_lets_the_next_frame_through(make_state: States) -> None:
    """As the first of a stream."""
    stage = SmoothStage(SmoothingSettings(), landmark_filtered=True)
    stage.step(make_state(seed=1))
    stage.reset()
    state = make_state(seed=2, t=0.03)
    assert state.weights is stage.step(state).weights


def test_an_override_changes_its_group_only(make_state: States) -> None:
    """With an enormous dead zone the mouth stays put; the jaw follows as before."""
    still = SmoothingSettings(groups=SmoothingGroups(mouth=FilterSettings(dead_zone=10.0, noise_prior=10.0)))
    states = [make_state(), make_state(weights={"mouthSmileLeft": 0.8, "jawOpen": 0.8}, t=1 / 30)]
    plain, held = (_run(states, settings, landmark_filtered=True)[-1].weights for settings in (None, still))
    smile, jaw = arkit.INDEX["mouthSmileLeft"], arkit.INDEX["jawOpen"]
    assert plain[smile] > 0.7
    assert held[smile] < 0.1
    assert plain[jaw] == held[jaw]


def test_filtered_landmarks_mean_less_noise(make_state: States) -> None:
    """A movement of twice the raw noise is held still without MediaPipe's own filter, and followed with it."""
    states = [make_state(weights={"browInnerUp": 0.3}, t=i / 30) for i in range(2)]
    states += [make_state(weights={"browInnerUp": 0.32}, t=i / 30) for i in range(2, 5)]
    brow = arkit.INDEX["browInnerUp"]
    raw, filtered = (float(_run(states, landmark_filtered=on)[-1].weights[brow]) for on in (False, True))
    assert raw < 0.31 < filtered


# --- real recordings ---------------------------------------------------------------------------------------------------


def _recording(path: Path) -> list[FaceState]:
    with np.load(path) as data:
        seconds, scores, matrices = data["ts_ms"] / 1000.0, data["bs"], data["mat"]
    return [
        FaceState(
            subject=0,
            seq=i,
            t=float(t),
            t_done=float(t),
            presence=Presence.LIVE,
            weights=frozen_array(scores[i][arkit.MEDIAPIPE_TO_ARKIT]),
            head=space.head_pose_from_matrix(matrices[i].astype(np.float64)),
        )
        for i, t in enumerate(seconds)
    ]


def _weights(states: list[FaceState]) -> Float64Array:
    return np.array([state.weights for state in states], dtype=np.float64)


def _angles(states: list[FaceState]) -> Float64Array:
    heads: list[HeadPose] = [state.head for state in states if state.head is not None]
    return np.array([space.to_euler_deg(head.quat_xyzw) for head in heads])


def _jitter(values: Float64Array, frames: list[int]) -> float:
    """Root mean square of the second difference at these frames."""
    return float(np.sqrt(np.mean(np.diff(values, 2, axis=0)[[i - 2 for i in frames]] ** 2)))


def _at_rest(weights: Float64Array, angles: Float64Array) -> list[int]:
    """Frames in half-second windows in which nothing moves by more than 0.15 or 2.5°."""
    still = np.zeros(len(weights), dtype=bool)
    for i in range(len(weights) - 15):
        if np.ptp(weights[i : i + 15], axis=0).max() < 0.15 and np.ptp(angles[i : i + 15], axis=0).max() < 2.5:
            still[i : i + 15] = True
    return [i for i in range(2, len(still)) if still[i - 2 : i + 1].all()]


def test_a_real_face_at_rest_comes_to_rest(recordings: Path) -> None:
    """Balanced chain against unfiltered MediaPipe, 175 still frames of a real person. Part of that motion is real: goals of
    QUALITY.md, section 9 (real rest segments)."""
    raw = _recording(recordings / "lp_s20.nosmooth.npz")
    balanced = _run(_recording(recordings / "lp_s20.dil4.npz"), landmark_filtered=True)
    still = _at_rest(_weights(raw), _angles(raw))
    assert len(still) > 100
    ratios = {
        group: _jitter(_weights(balanced)[:, mine], still) / _jitter(_weights(raw)[:, mine], still)
        for group in ("eyelids", "brows", "mouth")
        for mine in [np.array([name == group for name in GROUPS])]
    }
    ratios["head"] = _jitter(_angles(balanced), still) / _jitter(_angles(raw), still)
    assert ratios["eyelids"] <= 0.30
    assert ratios["brows"] <= 0.30
    assert ratios["mouth"] <= 0.40
    assert ratios["head"] <= 0.20


def test_real_blinks_keep_their_peak(recordings: Path) -> None:
    """All blinks of one person: peak above the open eye, balanced chain against unfiltered MediaPipe."""
    raw = _recording(recordings / "lp_d9.nosmooth.npz")
    balanced = _run(_recording(recordings / "lp_d9.dil4.npz"), landmark_filtered=True)
    lids = [arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]]
    before, after = (_weights(states)[:, lids].mean(axis=1) for states in (raw, balanced))
    open_before, open_after = np.median(before), np.median(after)
    peaks = [i for i in range(5, len(before) - 5) if before[i] == before[i - 5 : i + 6].max() and before[i] - open_before > 0.3]
    kept = [(after[i - 1 : i + 4].max() - open_after) / (before[i] - open_before) for i in peaks]
    assert len(kept) >= 10
    assert np.median(kept) >= 0.96
    assert np.percentile(kept, 10) >= 0.88
