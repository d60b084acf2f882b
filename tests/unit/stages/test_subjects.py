"""Who is who from frame to frame."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bridge.stages.subjects import HELD_S, SubjectAssigner
from bridge.types import IDENTITY_HEAD, ZERO_WEIGHTS, Face, HeadPose, TrackResult


def _face(x: float, *, size: float = 100.0, head: HeadPose | None = None) -> Face:
    """A square face whose box begins at x."""
    return Face(weights=ZERO_WEIGHTS, head=head, box=(x, 100.0, size, size))


def _result(*faces: Face, t: float = 0.0) -> TrackResult:
    return TrackResult(seq=0, t=t, t_done=t, faces=faces)


def test_the_largest_face_is_subject_0() -> None:
    """Whatever order the tracker has."""
    small, large = _face(0, size=80), _face(300, size=120)
    assert (large, small) == SubjectAssigner(2).assign(_result(small, large))


def test_of_equal_faces_the_more_central_is_subject_0() -> None:
    """Central is near the camera's axis."""
    aside = _face(0, head=HeadPose(position_m=np.array([-0.3, 0, -0.5]), quat_xyzw=IDENTITY_HEAD.quat_xyzw))
    central = _face(300, head=HeadPose(position_m=np.array([0.02, 0, -0.5]), quat_xyzw=IDENTITY_HEAD.quat_xyzw))
    assert (central, aside) == SubjectAssigner(2).assign(_result(aside, central))


def test_numbers_stay_when_the_order_and_the_sizes_change() -> None:
    """Position decides from then on."""
    assigner = SubjectAssigner(2)
    assigner.assign(_result(_face(0, size=120), _face(300, size=100)))
    left, right = _face(10, size=90), _face(290, size=130)
    assert (left, right) == assigner.assign(_result(right, left, t=0.03))


def test_people_who_cross_keep_their_numbers_while_their_boxes_overlap_more() -> None:
    """Each is matched to the nearer of the old places."""
    assigner = SubjectAssigner(2)
    assigner.assign(_result(_face(0, size=120), _face(150, size=100)))
    for step in range(1, 6):
        left, right = _face(12.0 * step, size=120), _face(150 - 2.0 * step)
        assert (left, right) == assigner.assign(_result(right, left, t=step / 30))


def test_who_is_missing_leaves_a_gap() -> None:
    """The other keeps its number and does not move up."""
    assigner = SubjectAssigner(2)
    assigner.assign(_result(_face(0, size=120), _face(300)))
    other = _face(305)
    assert (None, other) == assigner.assign(_result(other, t=0.03))


def test_who_returns_nearby_is_the_same() -> None:
    """Within 2 s and 1.5 face widths."""
    assigner = SubjectAssigner(2)
    assigner.assign(_result(_face(0, size=120), _face(400)))
    assigner.assign(_result(_face(400), t=0.5))
    back, other = _face(100, size=120), _face(400)
    assert (back, other) == assigner.assign(_result(other, back, t=1.9))


def test_a_stranger_does_not_take_a_missing_ones_number_at_once() -> None:
    """Only when the missing one has been away for 2 s."""
    assigner = SubjectAssigner(2)
    assigner.assign(_result(_face(0, size=120), _face(300)))
    other, stranger = _face(300), _face(600, size=200)
    assert (None, other) == assigner.assign(_result(other, stranger, t=1.0))
    assert (stranger, other) == assigner.assign(_result(other, stranger, t=HELD_S + 0.1))


def test_a_lone_person_who_comes_back_elsewhere_is_subject_0_again() -> None:
    """After the 2 s, not subject 1 for ever."""
    assigner = SubjectAssigner(2)
    assigner.assign(_result(_face(0)))
    moved = _face(500)
    assert (None, None) == assigner.assign(_result(moved, t=1.0))
    assert (moved, None) == assigner.assign(_result(moved, t=HELD_S + 0.1))


def test_a_second_person_joins_as_subject_1() -> None:
    """At once, when nobody is missing; even if larger."""
    assigner = SubjectAssigner(2)
    assigner.assign(_result(_face(0)))
    first, second = _face(0), _face(400, size=200)
    assert (first, second) == assigner.assign(_result(second, first, t=0.03))


def test_more_faces_than_subjects() -> None:
    """The rest has no number."""
    assigner = SubjectAssigner(1)
    mine = _face(0)
    assigner.assign(_result(mine))
    near = _face(20, size=90)
    assert (near,) == assigner.assign(_result(_face(400, size=300), near, t=0.03))


def test_nobody_else_takes_over_a_lone_persons_avatar() -> None:
    """Far from where the person was, a lone face is somebody else for 2 s; after that the person may have moved there."""
    assigner = SubjectAssigner(1)
    assigner.assign(_result(_face(0)))
    far = _face(900)
    assert (None,) == assigner.assign(_result(far, t=0.03))
    assert (None,) == assigner.assign(_result(far, t=HELD_S))
    assert (far,) == assigner.assign(_result(far, t=HELD_S + 0.03))


def test_a_lone_person_may_come_back_a_face_and_a_half_away() -> None:
    """And be followed from there."""
    assigner = SubjectAssigner(1)
    assigner.assign(_result(_face(0)))
    back, on = _face(140), _face(280)
    assert (back,) == assigner.assign(_result(back, t=1.0))
    assert (on,) == assigner.assign(_result(on, t=1.03))


def test_the_hold_can_be_switched_off() -> None:
    """Then whoever is seen is it."""
    assigner = SubjectAssigner(1, hold_s=0.0)
    assigner.assign(_result(_face(0)))
    far = _face(900)
    assert (far,) == assigner.assign(_result(far, t=0.03))


def test_no_face_is_nobody() -> None:
    """One None for each subject."""
    assert (None, None, None) == SubjectAssigner(3).assign(_result())


def test_faces_without_a_box_are_numbered_in_order() -> None:
    """Demo and recordings."""
    faces = tuple(Face(weights=ZERO_WEIGHTS, head=IDENTITY_HEAD) for _ in range(2))
    assert (*faces, None) == SubjectAssigner(3).assign(_result(*faces))
    assert (faces[0],) == SubjectAssigner(1).assign(_result(*faces))


def _head(x: float, *, z: float = -0.5) -> Face:
    """A face of which only the head is known."""
    pose = HeadPose(position_m=np.array([x, 0.1, z]), quat_xyzw=IDENTITY_HEAD.quat_xyzw)
    return Face(weights=ZERO_WEIGHTS, head=pose)


def test_without_boxes_the_heads_place_tells_who_it_is() -> None:
    """A face and a half are 23 cm."""
    assigner = SubjectAssigner(1)
    assigner.assign(_result(_head(0.0)))
    near, far = _head(0.2), _head(0.45)
    assert (near,) == assigner.assign(_result(near, t=0.5))
    assert (None,) == assigner.assign(_result(far, t=0.6))
    assert (far,) == assigner.assign(_result(far, t=2.6))


def test_two_heads_without_boxes_keep_their_numbers() -> None:
    """Whatever order they come in."""
    assigner = SubjectAssigner(2)
    assigner.assign(_result(_head(0.0), _head(0.4)))
    left, right = _head(0.02), _head(0.38)
    assert (left, right) == assigner.assign(_result(right, left, t=0.03))


def test_a_face_that_is_nowhere_locks_nobody_out() -> None:
    """A head that is not a number is the guard's to refuse; the next frame is as good as ever."""
    assigner = SubjectAssigner(1)
    assigner.assign(_result(_head(0.0)))
    broken, whole = _head(math.nan), _head(0.01)
    assert (broken,) == assigner.assign(_result(broken, t=0.03))
    assert (whole,) == assigner.assign(_result(whole, t=0.07))


def test_pixels_and_metres_are_not_compared() -> None:
    """A source that changes over from one to the other begins anew."""
    assigner = SubjectAssigner(1)
    assigner.assign(_result(_face(300)))
    head, box = _head(0.0), _face(600)
    assert (head,) == assigner.assign(_result(head, t=0.03))
    assert (box,) == assigner.assign(_result(box, t=0.07))


def test_time_that_goes_back_forgets_everybody() -> None:
    """A file began again: its first faces are new."""
    assigner = SubjectAssigner(2)
    assigner.assign(_result(_face(0), t=5.0))
    first = _face(500)
    assert (first, None) == assigner.assign(_result(first, t=0.0))


def test_reset_forgets_everybody() -> None:
    """The next frame decides anew who is subject 0."""
    assigner = SubjectAssigner(2)
    assigner.assign(_result(_face(0, size=120), _face(300)))
    assigner.reset()
    left, right = _face(0, size=90), _face(300, size=130)
    assert (right, left) == assigner.assign(_result(left, right, t=0.03))


def test_a_box_without_size_is_nobody_known() -> None:
    """It cannot be near anything, but it does no harm either."""
    assigner = SubjectAssigner(2)
    point = _face(0, size=0.0)
    assert (point, None) == assigner.assign(_result(point))
    assert (None, None) == assigner.assign(_result(point, t=0.03))


def test_there_is_at_least_one_subject() -> None:
    """Zero would show nobody at all."""
    with pytest.raises(ValueError, match="at least one"):
        SubjectAssigner(0)
