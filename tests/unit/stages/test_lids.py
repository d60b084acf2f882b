"""Lids: open and closed levels that follow the person, and how two lids are linked."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest

from bridge.stages.lids import CLOSED_START, LidMapper, link, wink

Pair = tuple[float, float]

BLINK = (0.3, 0.85, 1.0, 1.0, 0.55, 0.25, 0.1)
"""Share of the way from the open level to the peak, at 30 fps."""


class Person:
    """Eyes with an open level and a peak, looked at with ``fps``; plays on where it was."""

    def __init__(self, mapper: LidMapper, *, fps: float = 30.0) -> None:
        self.mapper = mapper
        self.fps = fps
        self.frame = 0

    def see(self, frames: Iterable[Pair], *, down: float = 0.0, far: Pair = (0.0, 0.0)) -> list[Pair]:
        """What the mapper makes of raw eyeBlinks (left, right)."""
        shown = []
        for left, right in frames:
            t = self.frame / self.fps
            shown.append(self.mapper.step(t, left, right, down=down, far_left=far[0], far_right=far[1]))
            self.frame += 1
        return shown

    def rest(self, seconds: float, *, level: float | Pair, down: float = 0.0) -> list[Pair]:
        """Eyes open at ``level``."""
        pair = level if isinstance(level, tuple) else (level, level)
        return self.see([pair] * max(1, round(seconds * self.fps)), down=down)

    def blink(self, *, level: float, peak: float) -> Pair:
        """The furthest that the lids (left, right) closed in one blink."""
        times = [i / self.fps * 30.0 for i in range(math.ceil(len(BLINK) * self.fps / 30.0))]
        shares = [BLINK[min(len(BLINK) - 1, int(at))] for at in times]
        shown = self.see([(level + share * (peak - level),) * 2 for share in shares])
        return max(left for left, _ in shown), max(right for _, right in shown)


@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
@pytest.mark.parametrize("level", [0.0, 0.05, 0.16, 0.25, 0.34])
def test_the_first_blink_of_anybody_closes(level: float, fps: float) -> None:
    """Whatever the open level: open eyes are 0 from the first frame on, and a typical blink is 1."""
    person = Person(LidMapper(), fps=fps)
    assert {(0.0, 0.0)} == set(person.rest(1.0, level=level))
    assert (1.0, 1.0) == person.blink(level=level, peak=0.71)
    assert (0.0, 0.0) == person.rest(0.5, level=level)[-1]


def test_between_open_and_closed_it_is_linear() -> None:
    """With the levels 0.10 and 0.61."""
    person = Person(LidMapper())
    person.rest(5.0, level=0.10)
    floor, span = 0.10 + 0.05, CLOSED_START - 0.15
    shown = [
        person.mapper.step(5.0, floor + y * span, floor + y * span, down=0.0, far_left=0.0, far_right=0.0)[0]
        for y in (0.25, 0.5, 0.75)
    ]
    assert [0.25, 0.5, 0.75] == pytest.approx(shown, abs=0.01)


def test_the_closed_level_follows_the_person() -> None:
    """Somebody whose blinks only reach 0.50 closes after three of them; somebody with 0.85 is still half closed at half way."""
    weak, strong = Person(LidMapper()), Person(LidMapper())
    for person, peak in ((weak, 0.50), (strong, 0.85)):
        person.rest(2.0, level=0.05)
        closed = []
        for _ in range(6):
            closed.append(person.blink(level=0.05, peak=peak))
            person.rest(1.0, level=0.05)
        assert (1.0, 1.0) == closed[3]
    assert 0.44 == pytest.approx(weak.mapper.closed_level, abs=0.02)
    assert 0.75 == pytest.approx(strong.mapper.closed_level, abs=0.02)


def test_lids_that_reach_1_keep_their_scale() -> None:
    """From the first peak that no MediaPipe blink has: 1 stays 1, and half stays about half."""
    person = Person(LidMapper())
    person.rest(1.0, level=0.0)
    person.blink(level=0.0, peak=1.0)
    person.rest(1.0, level=0.0)
    assert 0.5 == pytest.approx(person.see([(0.5, 0.5)])[0][0], abs=0.05)
    person.rest(1.0, level=0.0)
    assert (1.0, 1.0) == person.blink(level=0.0, peak=1.0)
    for _ in range(9):
        person.rest(1.0, level=0.0)
        person.blink(level=0.0, peak=1.0)
    assert 0.98 == pytest.approx(person.mapper.closed_level)


@pytest.mark.parametrize("kind", ["wink", "slow"])
def test_only_fast_closures_of_both_eyes_teach_what_closed_is(kind: str) -> None:
    """Neither winks nor tired lids change the closed level."""
    person = Person(LidMapper())
    for _ in range(5):
        person.rest(1.0, level=0.05)
        if kind == "wink":
            person.see([(0.3, 0.05), (0.5, 0.08), (0.5, 0.08), (0.2, 0.05)])
        else:
            person.see([(0.05 + 0.005 * i,) * 2 for i in range(80)])
    person.rest(1.0, level=0.05)
    assert CLOSED_START == person.mapper.closed_level


def test_a_start_with_closed_eyes_heals_at_once() -> None:
    """Half a second after they open, the open level is that of the open eyes, and the next blink closes."""
    person = Person(LidMapper())
    person.rest(0.3, level=0.7)
    person.rest(0.5, level=0.05)
    assert (0.06, 0.06) == pytest.approx(person.mapper.open_lids, abs=0.02)
    assert (1.0, 1.0) == person.blink(level=0.05, peak=0.7)


def test_somebody_who_started_with_wide_eyes_is_not_half_asleep_for_long() -> None:
    """Relaxed lids at 0.22 after wide ones at 0.02: never nearly closed, and open within seconds."""
    person = Person(LidMapper())
    person.rest(1.0, level=0.02)
    shown = person.rest(6.0, level=0.22)
    assert max(left for left, _ in shown) < 0.35
    assert shown[-1][0] < 0.08


def test_half_closed_lids_become_open_ones_only_after_long() -> None:
    """A squint of seconds stays visible; a level that lasts half a minute is how that person looks."""
    person = Person(LidMapper())
    person.rest(8.0, level=0.05)
    assert person.rest(2.0, level=0.33)[-1][0] > 0.3
    assert person.rest(40.0, level=0.33)[-1][0] < 0.05


def test_closed_eyes_stay_closed() -> None:
    """For however long."""
    person = Person(LidMapper())
    person.rest(2.0, level=0.05)
    assert (1.0, 1.0) == person.rest(60.0, level=0.7)[-1]


def test_a_calibrated_open_level_is_followed_by_a_tenth_and_slowly() -> None:
    """Time constant 8 s, while open; at most 0.10 away."""
    mapper = LidMapper()
    mapper.calibrate((0.20, 0.10), None)
    person = Person(mapper)
    person.rest(8.0, level=(0.23, 0.13))
    moved = 0.03 * (1.0 - math.exp(-1.0))
    assert (0.20 + moved, 0.10 + moved) == pytest.approx(mapper.open_lids, abs=0.001)
    person.rest(120.0, level=(0.0, 0.0))
    assert (0.10, 0.0) == pytest.approx(mapper.open_lids, abs=0.001)
    mapper.reset()
    person.rest(0.1, level=(0.20, 0.10))
    assert (0.20, 0.10) == pytest.approx(mapper.open_lids)


def test_calibrated_closed_lids_count_for_each_eye() -> None:
    """Glasses: the left eye only reaches 0.5, the right one 0.7; both close, and half is half for both."""
    mapper = LidMapper()
    mapper.calibrate((0.1, 0.1), (0.5, 0.7))
    person = Person(mapper)
    person.rest(1.0, level=0.1)
    assert (1.0, 1.0) == person.see([(0.47, 0.65)])[0]
    left, right = person.see([(0.30, 0.38)])[0]
    assert left == pytest.approx(right, abs=0.06)


def test_eyes_that_look_down_are_open() -> None:
    """Lids follow the gaze by 0.15 per coefficient beyond 0.35; a blink meanwhile still closes."""
    person = Person(LidMapper())
    person.rest(2.0, level=0.08)
    assert (0.0, 0.0) == person.rest(0.5, level=0.08 + 0.05 + 0.15 * 0.4, down=0.75)[-1]
    assert person.see([(0.25, 0.25)], down=0.0)[0][0] > person.see([(0.25, 0.25)], down=0.75)[0][0] + 0.05
    assert (1.0, 1.0) == person.see([(0.64, 0.64)], down=0.9)[0]


def test_an_eye_out_of_sight_follows_and_does_not_learn() -> None:
    """What the camera makes of it changes neither what is shown nor its level."""
    person = Person(LidMapper())
    person.rest(2.0, level=0.05)
    before = person.mapper.open_lids
    shown = person.see([(0.28, 0.05)] * 60, far=(1.0, 0.0))
    assert {(0.0, 0.0)} == set(shown)
    assert before[0] == person.mapper.open_lids[0]


def test_after_an_absence_the_open_level_is_learnt_anew() -> None:
    """Another light, other glasses; a short gap changes nothing."""
    person = Person(LidMapper())
    person.rest(8.0, level=0.05)
    person.frame += 30
    assert person.rest(0.1, level=0.25)[-1][0] > 0.2
    person.frame += 90
    assert (0.0, 0.0) == person.rest(0.1, level=0.25)[-1]


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_time_that_stands_still_or_goes_back_is_survived(seconds: float) -> None:
    """The mapping goes on."""
    mapper = LidMapper()
    for t in (0.0, 1.0, 1.0 + seconds, 1.1):
        shown = mapper.step(t, 0.2, 0.2, down=0.0, far_left=0.0, far_right=0.0)
    assert (0.0, 0.0) == shown


def test_winks_by_difference() -> None:
    """0 up to 0.35, 1 from 0.60 on; further apart when both lids are on their way."""
    assert [0.0, 0.0, 0.5, 1.0, 1.0] == pytest.approx([wink(d, 0.0) for d in (0.0, 0.35, 0.475, 0.60, 1.0)])
    assert wink(0.2, 0.9) == wink(0.9, 0.2)
    assert [0.0, 1.0] == [wink(1.0, 1.0 - d, together=1.0) for d in (0.6, 0.95)]


@pytest.mark.parametrize(
    ("lids", "own", "linked"),
    [
        ((0.2, 0.1), 0.0, (0.15, 0.15)),
        ((1.0, 0.8), 0.0, (1.0, 1.0)),
        ((0.5, 0.3), 0.0, (0.45, 0.45)),
        ((0.9, 0.1), 1.0, (0.9, 0.1)),
        ((0.4, 0.4), 0.3, (0.4, 0.4)),
    ],
    ids=["open: the mean", "closed: the further", "between", "a wink: each its own", "equal"],
)
def test_links(lids: Pair, own: float, linked: Pair) -> None:
    """And mirrored the other way round."""
    assert linked == pytest.approx(link(*lids, own=own))
    assert linked[::-1] == pytest.approx(link(*lids[::-1], own=own))
