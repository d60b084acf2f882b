"""The mirror image of a state."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bridge import arkit, space
from bridge.stages.mirror import mirror_state
from bridge.types import CameraFrame, FaceState, Gaze, Presence

States = Callable[..., FaceState]


@pytest.mark.parametrize(
    ("channel", "mirrored"),
    [("eyeBlinkLeft", "eyeBlinkRight"), ("jawLeft", "jawRight"), ("mouthRight", "mouthLeft"), ("jawOpen", "jawOpen")],
)
def test_sides_and_directions_are_swapped(make_state: States, channel: str, mirrored: str) -> None:
    """What has no side stays."""
    weights = mirror_state(make_state(weights={channel: 0.5})).weights
    assert [arkit.INDEX[mirrored]] == np.flatnonzero(weights).tolist()
    assert not weights.flags.writeable


def test_yaw_roll_and_x_change_sign(make_state: States) -> None:
    """Pitch, height and distance stay."""
    head = mirror_state(make_state(yaw=30, pitch=10, roll=-5, position_m=(0.1, 0.2, -0.5))).head
    assert head is not None
    assert (-30.0, 10.0, 5.0) == pytest.approx(space.to_euler_deg(head.quat_xyzw))
    assert [-0.1, 0.2, -0.5] == head.position_m.tolist()


def test_each_eye_takes_over_the_other_with_yaw_negated(make_state: States) -> None:
    """Down stays down."""
    gaze = Gaze(left_deg=(10.0, 3.0), right_deg=(6.0, -2.0))
    assert Gaze(left_deg=(-6.0, -2.0), right_deg=(-10.0, 3.0)) == mirror_state(make_state(gaze=gaze)).gaze


def test_what_belongs_to_the_picture_stays(make_state: States) -> None:
    """The picture itself is never mirrored."""
    frame = CameraFrame(seq=4, t=1.0, image=np.zeros((2, 2, 3), dtype=np.uint8))
    landmarks = np.zeros((478, 3), dtype=np.float32)
    state = make_state(landmarks=landmarks, box=(1.0, 2.0, 3.0, 4.0), frame=frame, seq=4, t=1.0, subject=2)
    mirrored = mirror_state(state)
    assert landmarks is mirrored.landmarks
    assert frame is mirrored.frame
    assert (state.box, 4, 1.0, 2) == (mirrored.box, mirrored.seq, mirrored.t, mirrored.subject)


def test_a_state_without_head_has_none_in_the_mirror(make_state: States) -> None:
    """Absence stays absence, presence stays presence."""
    mirrored = mirror_state(make_state(presence=Presence.HELD, head=None))
    assert (Presence.HELD, None) == (mirrored.presence, mirrored.head)


def test_a_mirrored_state_says_so(make_state: States) -> None:
    """For outputs whose points come from the picture; twice is the state itself."""
    once = mirror_state(make_state())
    assert (True, False) == (once.mirrored, mirror_state(once).mirrored)
