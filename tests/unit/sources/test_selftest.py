"""The self-test's poses: one thing at a time, on the side that the caption names, and back to rest."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest

from bridge import arkit, space
from bridge.errors import ConfigError, SourceEnded, SourceLost
from bridge.mapping.gaze import gaze_of
from bridge.sources.selftest import REST, STEPS, SelftestSource, Step, steps_called
from bridge.types import Face, TrackResult


class FakeTime:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def performed(steps: tuple[Step, ...], *, seconds: float = 1.0, rounds: int = 1) -> tuple[list[TrackResult], list[Step]]:
    """All results of so many rounds, and what was announced."""
    fake = FakeTime()
    source = SelftestSource(steps, seconds=seconds, fps=30.0, loop=rounds > 1, clock=fake.clock, wait=fake.wait)
    source.open()
    results = []
    try:
        while fake.now - 50.0 < rounds * source.duration_s or rounds == 1:
            results.append(source.read())
    except SourceEnded:
        pass
    source.close()
    announced = []
    while not source.announced.empty():
        step = source.announced.get()
        assert step is not None
        announced.append(step)
    return results, announced


def peak(name: str) -> Face:
    """The pose at its strongest, as it is performed."""
    results, _ = performed(steps_called([name]))
    return max((result.faces[0] for result in results), key=lambda face: (float(face.weights.sum()), _turn_deg(face)))


def _turn_deg(face: Face) -> float:
    assert face.head is not None
    return space.angle_between_deg(np.array([0.0, 0.0, 0.0, 1.0]), face.head.quat_xyzw)


def test_every_pose_is_performed_in_order_and_rest_is_last() -> None:
    """Announced when it begins; between two poses and at both ends the face is at rest."""
    results, announced = performed(STEPS)

    assert [*STEPS, REST] == announced
    moving = [bool(face.weights.any()) or _turn_deg(face) > 1e-6 for face in (result.faces[0] for result in results)]
    assert [False, *[True, False] * len(STEPS)] == [kind for kind, _ in groupby(moving)]


@pytest.mark.parametrize(
    ("name", "yaw", "pitch", "roll"),
    [
        ("turn-left", 1, 0, 0), ("turn-right", -1, 0, 0), ("nod-down", 0, 1, 0), ("head-up", 0, -1, 0),
        ("tilt-left", 0, 0, -1), ("tilt-right", 0, 0, 1),
    ],
)  # fmt: skip
def test_the_head_moves_as_the_caption_says(name: str, yaw: int, pitch: int, roll: int) -> None:
    """One angle at a time: yaw + is the own left, pitch + down, roll + the own right shoulder; the face does nothing."""
    face = peak(name)
    assert face.head is not None

    angles = space.to_euler_deg(face.head.quat_xyzw)

    assert [yaw, pitch, roll] == [int(np.sign(round(angle, 6))) for angle in angles]
    assert 20.0 < max(map(abs, angles)) < 35.0
    assert not face.weights.any()


@pytest.mark.parametrize(
    ("name", "moved"),
    [
        ("blink-left", {"eyeBlinkLeft"}), ("blink-right", {"eyeBlinkRight"}), ("jaw-open", {"jawOpen"}),
        ("jaw-left", {"jawLeft"}),
        ("blink", {"eyeBlinkLeft", "eyeBlinkRight"}), ("smile", {"mouthSmileLeft", "mouthSmileRight"}),
        ("smile-left", {"mouthSmileLeft"}), ("pucker", {"mouthPucker"}), ("brows-down", {"browDownLeft", "browDownRight"}),
        ("brows-up", {"browInnerUp", "browOuterUpLeft", "browOuterUpRight"}),
    ],
)  # fmt: skip
def test_only_what_is_named_moves(name: str, moved: set[str]) -> None:
    """On the named side, nearly to its end; the head stays."""
    face = peak(name)

    for least in (0.0, 0.8):
        assert moved == {arkit.NAMES[i] for i in np.flatnonzero(face.weights > least)}
    assert 0.0 == _turn_deg(face)


@pytest.mark.parametrize(
    ("name", "yaw", "pitch"), [("look-left", 1, 0), ("look-right", -1, 0), ("look-up", 0, -1), ("look-down", 0, 1)]
)
def test_both_eyes_look_where_the_caption_says(name: str, yaw: int, pitch: int) -> None:
    """By the mapping that all outputs use."""
    gaze = gaze_of(peak(name).weights)

    for angles in (gaze.left_deg, gaze.right_deg):
        assert [yaw, pitch] == [int(np.sign(angle)) for angle in angles]


def test_a_pose_is_eased_and_held() -> None:
    """No jump, and its strongest moment lasts."""
    results, _ = performed(steps_called(["jaw-open"]), seconds=1.0)
    jaw = np.array([result.faces[0].weights[arkit.INDEX["jawOpen"]] for result in results])

    assert np.abs(np.diff(jaw)).max() < 0.2
    assert 10 <= int((jaw > 0.89).sum()) <= 14
    assert [0.0, 0.0] == [jaw[0], jaw[-1]]


def test_it_goes_on_when_it_loops() -> None:
    """Again and again, each round announced; times and numbers rise."""
    results, announced = performed(steps_called(["smile", "turn-left"]), rounds=3)

    assert ["smile", "turn-left", "rest"] * 3 == [step.name for step in announced[:9]]
    assert list(range(len(results))) == [result.seq for result in results]
    assert (np.diff([result.t for result in results]) > 0.0).all()


def test_steps_are_found_by_name() -> None:
    """In the order asked for; none means all; a wrong one is told with its neighbour."""
    assert ["blink", "turn-left"] == [step.name for step in steps_called(["blink", "turn-left"])]
    assert STEPS == steps_called([])
    assert len(STEPS) == len({step.name for step in STEPS})
    with pytest.raises(ConfigError, match=r"no step 'turn-lft'; did you mean turn-left\? Steps: turn-left, turn-right"):
        steps_called(["turn-lft"])


def test_a_cancelled_or_closed_one_gives_nothing() -> None:
    """As every source."""
    source = SelftestSource()
    with pytest.raises(SourceLost, match="not open"):
        source.read()
    source.cancel()
    with pytest.raises(SourceEnded):
        source.open()
    assert ("self-test", "30 fps") == (source.label, source.report().requested)
