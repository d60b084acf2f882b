"""The guard: what cannot be believed is not observed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from bridge import arkit
from bridge.stages.guard import GuardStage
from bridge.types import ZERO_WEIGHTS, FaceState, HeadPose, Presence

States = Callable[..., FaceState]


def _presences(stage: GuardStage, states: list[FaceState]) -> list[Presence]:
    return [stage.step(state).presence for state in states]


def _frames(make_state: States, pattern: str) -> list[FaceState]:
    """One frame per letter: L a face, M none."""
    return [
        make_state(seq=i, t=i / 30) if letter == "L" else make_state(seq=i, t=i / 30, presence=Presence.LOST, head=None)
        for i, letter in enumerate(pattern)
    ]


def test_a_good_face_passes_as_the_same_object(make_state: States) -> None:
    """Nothing is touched, not even copied."""
    state = make_state(seed=1)
    assert state is GuardStage().step(state)


def test_the_first_frame_of_a_stream_passes(make_state: States) -> None:
    """It comes after nothing, not after a miss."""
    assert [Presence.LIVE, Presence.LIVE] == _presences(GuardStage(), _frames(make_state, "LL"))


@pytest.mark.parametrize("pattern", ["LMLL", "MLL", "LMMMLL"])
def test_the_first_face_after_a_miss_is_dropped(make_state: States, pattern: str) -> None:
    """That face comes from the detector's crop; the second one is tracked again."""
    stage = GuardStage()
    presences = _presences(stage, _frames(make_state, pattern))
    assert [Presence.LOST, Presence.LIVE] == presences[-2:]
    assert 1 == stage.dropped


def test_a_dropped_face_is_a_frame_without_one(make_state: States) -> None:
    """No weights, no head, no landmarks; but time and number of the frame."""
    stage = GuardStage()
    dropped = [stage.step(state) for state in _frames(make_state, "LML")][-1]
    assert (2, 2 / 30, Presence.LOST, None, None) == (dropped.seq, dropped.t, dropped.presence, dropped.head, dropped.landmarks)
    assert ZERO_WEIGHTS is dropped.weights


def test_silence_is_not_a_miss(make_state: States) -> None:
    """A state that repeats the frame number says that no frame came; the tracker has lost nobody."""
    silence = make_state(seq=4, t=0.3, presence=Presence.LOST, head=None)
    states = [make_state(seq=4, t=0.1), silence, make_state(seq=5, t=0.4)]
    assert [Presence.LIVE, Presence.LOST, Presence.LIVE] == _presences(GuardStage(), states)


def test_silence_before_the_stream_is_not_a_miss(make_state: States) -> None:
    """The engine may tell of nobody before the first frame, numbered 0, has come."""
    states = [make_state(seq=0, t=0.0, presence=Presence.LOST, head=None), make_state(seq=0, t=0.1)]
    assert Presence.LIVE is _presences(GuardStage(), states)[-1]


def test_reset_begins_a_new_stream(make_state: States) -> None:
    """A miss before it is forgotten."""
    stage = GuardStage()
    _presences(stage, _frames(make_state, "LM"))
    stage.reset()
    assert Presence.LIVE is stage.step(make_state(seq=9, t=9.0)).presence


@pytest.mark.parametrize(
    "weights",
    [{"jawOpen": math.nan}, {"jawOpen": math.inf}, {"jawOpen": -math.inf}, {"jawOpen": 1.01}, {"tongueOut": -0.01}],
    ids=str,
)
def test_a_wrong_weight_rejects_the_frame(make_state: States, weights: Mapping[str, float]) -> None:
    """The whole frame counts as not observed; the value is not repaired."""
    stage = GuardStage()
    state = stage.step(make_state(weights=weights))
    assert (Presence.LOST, 1) == (state.presence, stage.rejected)
    assert ZERO_WEIGHTS is state.weights


def test_rounding_is_not_a_wrong_weight(make_state: States) -> None:
    """float32 arithmetic may miss the ends a little; that little is cut off, the rest stays."""
    state = GuardStage().step(make_state(weights={"jawOpen": 1.0 + 5e-7, "mouthLeft": -5e-7, "mouthRight": 0.5}))
    assert Presence.LIVE is state.presence
    assert (1.0, 0.0, 0.5) == tuple(float(state.weights[arkit.INDEX[name]]) for name in ("jawOpen", "mouthLeft", "mouthRight"))


@pytest.mark.parametrize(
    ("position_m", "quat_xyzw"),
    [
        ((math.nan, 0, 0), (0, 0, 0, 1)),
        ((0, math.inf, 0), (0, 0, 0, 1)),
        ((0, 0, -101), (0, 0, 0, 1)),
        ((0, 0, 0), (0, 0, 0, 0)),
        ((0, 0, 0), (0, 0, 0, 1.1)),
        ((0, 0, 0), (math.nan, 0, 0, 1)),
    ],
    ids=str,
)
def test_a_wrong_head_rejects_the_frame(make_state: States, position_m: tuple[float, ...], quat_xyzw: tuple[float, ...]) -> None:
    """Not finite, beyond the far plane, or not a rotation."""
    stage = GuardStage()
    head = HeadPose(position_m=np.array(position_m, dtype=np.float64), quat_xyzw=np.array(quat_xyzw, dtype=np.float64))
    assert Presence.LOST is stage.step(make_state(head=head)).presence
    assert 1 == stage.rejected


def test_a_face_without_head_passes(make_state: States) -> None:
    """Transformation matrices may be off."""
    assert Presence.LIVE is GuardStage().step(make_state(head=None)).presence


def test_a_time_that_is_not_finite_rejects_the_frame(make_state: States) -> None:
    """Nothing after this stage could tell how long ago it was."""
    assert Presence.LOST is GuardStage().step(make_state(t=math.nan)).presence


def test_a_rejected_frame_is_not_a_miss(make_state: States) -> None:
    """The tracker had a face there, so the next one is not from the detector."""
    bad = make_state(seq=1, t=0.1, weights={"jawOpen": math.nan})
    states = [make_state(seq=0), bad, make_state(seq=2, t=0.2)]
    assert [Presence.LIVE, Presence.LOST, Presence.LIVE] == _presences(GuardStage(), states)
