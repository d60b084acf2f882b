"""Learning the neutral face: which frames count, when it is done, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from bridge import arkit, space
from bridge.stages.neutral import CAPS, IDENTITY_NEUTRAL, Neutral, NeutralCollection, Verdict
from bridge.types import FaceState, Presence, frozen_array

States = Callable[..., FaceState]
REST = {"eyeBlinkLeft": 0.15, "eyeBlinkRight": 0.12, "eyeSquintLeft": 0.45, "mouthPressLeft": 0.2}


def _collection(collect_s: float = 2.0) -> NeutralCollection:
    return NeutralCollection(collect_s=collect_s, keep_head=IDENTITY_NEUTRAL)


def _judge(states: Iterator[FaceState], collection: NeutralCollection | None = None) -> tuple[Verdict, float]:
    """The verdict, and the seconds after which it came."""
    collection = collection or _collection()
    for state in states:
        verdict = collection.add(state, observed=state.presence is Presence.LIVE)
        if verdict is not None:
            return verdict, state.t
    pytest.fail("no verdict")


def _stream(make: Callable[[int, float], FaceState], *, fps: float = 30.0, seconds: float = 10.0) -> Iterator[FaceState]:
    return (make(i, i / fps) for i in range(int(seconds * fps)))


@pytest.mark.parametrize("fps", [12.5, 25.0, 30.0, 60.0])
def test_a_quiet_face_is_learnt_in_time(make_state: States, fps: float) -> None:
    """After the 2 s, at any frame rate."""
    verdict, t = _judge(_stream(lambda _, t: make_state(weights=REST, t=t), fps=fps))
    assert verdict.neutral is not None
    assert 2.0 == pytest.approx(t, abs=1.01 / fps)


def test_it_is_the_median(make_state: States) -> None:
    """Some frames of a grimace do not count."""

    def make(i: int, t: float) -> FaceState:
        return make_state(weights=REST | {"mouthLeft": 0.9 if 20 <= i < 30 else 0.05}, t=t)

    neutral = _judge(_stream(make))[0].neutral
    assert neutral is not None
    assert 0.05 == pytest.approx(float(neutral.weights[arkit.INDEX["mouthLeft"]]))
    assert 0.45 == pytest.approx(float(neutral.weights[arkit.INDEX["eyeSquintLeft"]]))


def test_the_head_is_the_mean(make_state: States) -> None:
    """Of rotation and position."""

    def make(i: int, t: float) -> FaceState:
        return make_state(pitch=5.0 + (0.2 if i % 2 else -0.2), position_m=(0.01, 0.0, -0.5 + (0.01 if i % 2 else -0.01)), t=t)

    neutral = _judge(_stream(make))[0].neutral
    assert neutral is not None
    assert (0.0, 5.0, 0.0) == pytest.approx(space.to_euler_deg(neutral.quat_xyzw), abs=0.02)
    assert [0.01, 0.0, -0.5] == pytest.approx(neutral.position_m.tolist(), abs=1e-3)


def test_without_heads_the_old_head_stays(make_state: States) -> None:
    """Transformation matrices are off."""
    old = Neutral(
        weights=IDENTITY_NEUTRAL.weights,
        quat_xyzw=frozen_array(space.from_euler_deg(yaw=3, pitch=0, roll=0)),
        position_m=frozen_array(np.array([0.0, 0.0, -0.4])),
    )
    collection = NeutralCollection(collect_s=2.0, keep_head=old)
    neutral = _judge(_stream(lambda _, t: make_state(weights=REST, head=None, t=t)), collection)[0].neutral
    assert neutral is not None
    assert old.quat_xyzw is neutral.quat_xyzw
    assert old.position_m is neutral.position_m


def test_frames_of_a_blink_do_not_count(make_state: States) -> None:
    """A blink a second: the frames in which the lids move are left out, and the median stays open."""
    lids = {3: 0.4, 4: 0.8, 5: 0.8, 6: 0.4}
    verdict, _ = _judge(_stream(lambda i, t: make_state(weights=REST | {"eyeBlinkLeft": lids.get(i % 30, 0.15)}, t=t)))
    assert verdict.neutral is not None
    assert 0.15 == pytest.approx(float(verdict.neutral.weights[arkit.INDEX["eyeBlinkLeft"]]))


def test_a_moving_head_is_waited_for(make_state: States) -> None:
    """The first second at 60°/s does not count, so it takes longer."""
    verdict, t = _judge(_stream(lambda i, t: make_state(weights=REST, yaw=2.0 * min(i, 30), t=t)))
    assert verdict.neutral is not None
    assert 2.45 < t < 2.7


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda make_state, _, t: make_state(presence=Presence.LOST, head=None, t=t), "nobody was seen"),
        (lambda make_state, i, t: make_state(yaw=2.0 * i, t=t), "you moved: hold your head still"),
        (lambda make_state, i, t: make_state(weights={"eyeBlinkLeft": 0.3 * (i % 2)}, t=t), "you blinked too often"),
        (
            lambda make_state, i, t: (
                make_state(weights=REST, t=t) if i % 6 == 0 else make_state(presence=Presence.LOST, head=None, t=t)
            ),
            "your face was not seen long enough",
        ),
    ],
    ids=["nobody", "moving", "blinking", "rarely seen"],
)
def test_after_three_times_the_time_it_gives_up(
    make_state: States, make: Callable[[States, int, float], FaceState], sentence: str
) -> None:
    """And says why."""
    verdict, t = _judge(_stream(lambda i, t: make(make_state, i, t)))
    assert verdict.neutral is None
    assert 6.0 == pytest.approx(t, abs=0.05)
    assert sentence in verdict.message


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ({"eyeBlinkLeft": 0.7, "eyeBlinkRight": 0.7, "eyeLookDownLeft": 0.6}, "your eyes were closed"),
        ({"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "eyeSquintLeft": 0.7}, "you seem to be smiling"),
        ({"jawOpen": 0.4}, "your mouth was open"),
        ({"eyeLookOutLeft": 0.6}, "you looked away"),
        ({"browInnerUp": 0.5}, "your eyebrows were raised"),
        ({"mouthLeft": 0.3}, "mouthLeft was at 0.30"),
    ],
    ids=["closed eyes", "smile", "open mouth", "looking away", "raised brows", "anything else"],
)
def test_an_unbelievable_neutral_is_refused(make_state: States, weights: dict[str, float], sentence: str) -> None:
    """It names what to change."""
    verdict, _ = _judge(_stream(lambda _, t: make_state(weights=weights, t=t)))
    assert verdict.neutral is None
    assert sentence in verdict.message


def test_a_restless_face_is_refused(make_state: States) -> None:
    """Spread above 0.08: that was no rest."""
    verdict, _ = _judge(_stream(lambda i, t: make_state(weights={"mouthShrugLower": 0.3 * (i % 3) / 2}, t=t)))
    assert verdict.neutral is None
    assert "you moved: keep your face still" in verdict.message


def test_progress_grows_to_the_end(make_state: States) -> None:
    """0 at first, 1 at last."""
    collection = _collection()
    seen = [collection.progress]
    for i in range(61):
        collection.add(make_state(weights=REST, t=i / 30), observed=True)
        seen.append(collection.progress)
    assert 0.0 == seen[0]
    assert sorted(seen) == seen
    assert 1.0 == seen[-1]


@pytest.mark.parametrize(
    ("channel", "cap"),
    [
        ("jawOpen", 0.25), ("eyeSquintLeft", 0.60), ("browDownRight", 0.45), ("mouthPressLeft", 0.40), ("mouthPucker", 0.40),
        ("mouthShrugLower", 0.35), ("eyeBlinkLeft", 0.40), ("eyeLookDownLeft", 0.40),
    ],
)  # fmt: skip
def test_the_largest_believable_neutrals(channel: str, cap: float) -> None:
    """QUALITY.md, section 6.1."""
    assert cap == pytest.approx(float(CAPS[arkit.INDEX[channel]]))


def test_what_moves_the_head() -> None:
    """A neutral with the head's identity leaves positions counted from the camera."""
    assert not IDENTITY_NEUTRAL.moves_head
    there = Neutral(weights=IDENTITY_NEUTRAL.weights, quat_xyzw=IDENTITY_NEUTRAL.quat_xyzw, position_m=np.array([0, 0, -0.5]))
    assert there.moves_head
