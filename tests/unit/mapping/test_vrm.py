"""ARKit coefficients as VRM presets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bridge import arkit
from bridge.mapping.vrm import (
    PRESETS,
    VRM0_NAMES,
    EmotionSwitch,
    VrmMapping,
    blinks,
    emotion_strengths,
    looks,
    visemes,
)
from bridge.types import GAZE_AHEAD, ZERO_WEIGHTS, FaceState, Float32Array, Gaze


def _weights(**values: float) -> Float32Array:
    weights = ZERO_WEIGHTS.copy()
    for name, value in values.items():
        weights[arkit.INDEX[name]] = value
    return weights


def test_vmagicmirrors_example() -> None:
    """The sheet's numbers: jawOpen .5, smiles .5, pucker .6, funnel .2 give A .4639, I .3608, U .1753."""
    weights = _weights(jawOpen=0.5, mouthSmileLeft=0.5, mouthSmileRight=0.5, mouthPucker=0.6, mouthFunnel=0.2)

    np.testing.assert_allclose(visemes(weights, "vmagicmirror"), [0.4639, 0.3608, 0.1753, 0.0, 0.0], atol=5e-5)


@pytest.mark.parametrize(
    ("face", "loudest"),
    [
        ({"jawOpen": 0.8}, "aa"),
        ({"jawOpen": 0.3, "mouthSmileLeft": 0.8, "mouthSmileRight": 0.8}, "ih"),
        ({"mouthPucker": 0.8, "jawOpen": 0.1}, "ou"),
    ],
)
def test_a_mouth_says_its_vowel(face: dict[str, float], loudest: str) -> None:
    """Open: aa, spread: ih, rounded: ou."""
    mouth = visemes(_weights(**face))

    assert loudest == PRESETS[int(np.argmax(mouth))]


def test_a_rounded_open_mouth_says_o() -> None:
    """oh grows with jaw and rounding, and pushes aa out."""
    aa, _, ou, _, oh = visemes(_weights(jawOpen=0.8, mouthPucker=0.9))

    assert (True, True) == (oh > 0.4, aa < 0.1)
    assert ou > 0


def test_a_closed_smile_is_no_vowel() -> None:
    """Lips stay closed."""
    assert (0.0,) * 5 == visemes(_weights(mouthSmileLeft=1.0, mouthSmileRight=1.0))


@pytest.mark.parametrize("lipsync", ["mediapipe", "vmagicmirror"])
def test_visemes_are_bounded_and_add_up_to_one_at_most(make_state: Callable[..., FaceState], lipsync: str) -> None:
    """On random faces; two open mouths at once would tear the avatar's apart."""
    for seed in range(200):
        mouth = visemes(make_state(seed=seed).weights, lipsync)  # type: ignore[arg-type]

        assert all(0.0 <= value <= 1.0 for value in mouth)
        assert sum(mouth) <= 1.0 + 1e-9


def test_the_resting_face_is_all_zeros() -> None:
    """Exactly: nothing may move, and no emotion of a little blocks lips or lids."""
    mapping = VrmMapping(emotions=True, look_expressions=True)

    assert [0.0] * 16 == mapping.step(ZERO_WEIGHTS, GAZE_AHEAD).tolist()


def test_lids_close_between_the_open_and_the_closed_eyes_value() -> None:
    """.2 is open, .35 half, .5 closed, for each eye by itself."""
    np.testing.assert_allclose(blinks(_weights(eyeBlinkLeft=0.35, eyeBlinkRight=0.6)), [0.5, 1.0], atol=1e-6)
    np.testing.assert_allclose(blinks(_weights(eyeBlinkLeft=0.2, eyeBlinkRight=0.1)), [0.0, 0.0], atol=1e-6)


def test_looks_name_the_own_side() -> None:
    """Yaw + is the own left, pitch + is down; 40 degrees are 1."""
    assert (0.0, 0.5, 0.25, 0.0) == looks(Gaze(left_deg=(10.0, 20.0), right_deg=(10.0, 20.0)))
    assert (0.25, 0.0, 0.0, 1.0) == looks(Gaze(left_deg=(-50.0, -10.0), right_deg=(-50.0, -10.0)))


def test_emotions_respect_what_the_model_delivers() -> None:
    """A resting brow (.2) is not angry, raised brows with a closed mouth are no surprise."""
    assert (0.0,) * 5 == emotion_strengths(_weights(browDownLeft=0.2, browDownRight=0.2))
    assert 0.0 == emotion_strengths(_weights(browInnerUp=1.0, browOuterUpLeft=1.0, browOuterUpRight=1.0))[4]
    assert 1.0 == emotion_strengths(_weights(browInnerUp=1.0, browOuterUpLeft=1.0, browOuterUpRight=1.0, jawOpen=0.3))[4]
    assert 1.0 == emotion_strengths(_weights(mouthSmileLeft=0.9, mouthSmileRight=0.9))[0]


def _smile(value: float) -> Float32Array:
    return _weights(mouthSmileLeft=value, mouthSmileRight=value)


def test_an_emotion_stays_until_it_is_clearly_gone() -> None:
    """It begins above .35 and ends below .15 of its strength: no flicker in between."""
    switch = EmotionSwitch()
    happy = [switch.step(_smile(smile))[0] > 0 for smile in (0.45, 0.65, 0.48, 0.40, 0.48)]

    assert [False, True, True, False, False] == happy


def test_one_emotion_at_a_time() -> None:
    """While happy, surprise waits."""
    switch = EmotionSwitch()
    switch.step(_smile(0.9))
    both = _smile(0.9)
    for name in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight", "jawOpen"):
        both[arkit.INDEX[name]] = 1.0

    assert 1 == sum(value > 0 for value in switch.step(both))


def test_what_is_switched_off_is_zero(make_state: Callable[..., FaceState]) -> None:
    """Emotions and look expressions of the strongest face."""
    values = VrmMapping().step(np.ones(52, dtype=np.float32), Gaze(left_deg=(30.0, 30.0), right_deg=(30.0, 30.0)))

    assert [0.0] * 9 == values[7:].tolist()


def test_every_preset_has_both_names() -> None:
    """As UniVRM spells them."""
    assert {
        "aa": "A", "ih": "I", "ou": "U", "ee": "E", "oh": "O", "blinkLeft": "Blink_L", "blinkRight": "Blink_R",
        "happy": "Joy", "angry": "Angry", "sad": "Sorrow", "relaxed": "Fun", "surprised": "Surprised",
        "lookUp": "LookUp", "lookDown": "LookDown", "lookLeft": "LookLeft", "lookRight": "LookRight",
    } == dict(zip(PRESETS, VRM0_NAMES, strict=True))  # fmt: skip
