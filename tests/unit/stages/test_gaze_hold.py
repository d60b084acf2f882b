"""Vertical gaze through a blink."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bridge.stages.gaze_hold import RELEASE_S, GazeHold

OPEN = (0.0, 0.0)


def _play(
    hold: GazeHold, frames: Iterable[tuple[float, tuple[float, float]]], *, fps: float = 30.0, begin: int = 0
) -> list[float]:
    """What is shown for (value seen, lids), frame by frame."""
    return [hold.step(i / fps, value, lids) for i, (value, lids) in enumerate(frames, start=begin)]


def _blink_frames(fps: float, *, rest: float) -> list[tuple[float, tuple[float, float]]]:
    """One second of rest, a blink of 0.3 s that looks down by 0.6, one second of rest."""
    frames = []
    for i in range(round(2.3 * fps)):
        t = i / fps - 1.0
        lid = max(0.0, min(1.0, t / 0.08, (0.3 - t) / 0.15))
        frames.append((rest + 0.6 * lid, (lid, lid)))
    return frames


@pytest.mark.parametrize("rest", [-0.3, 0.0, 0.4])
@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
def test_a_blink_does_not_move_the_gaze(fps: float, rest: float) -> None:
    """By no more than a third of what the lids do to it, at any rate and wherever one looks."""
    shown = _play(GazeHold(), _blink_frames(fps, rest=rest), fps=fps)
    assert max(abs(value - rest) for value in shown) < 0.19
    assert rest == pytest.approx(shown[-1])


def test_open_eyes_pass_untouched() -> None:
    """Saccades and all."""
    values = [0.0, 0.5, -0.5, 0.1, 0.1]
    assert values == _play(GazeHold(), [(value, OPEN) for value in values])


def test_it_is_released_softly() -> None:
    """Over 130 ms, never in one step, to where the eyes look then."""
    hold = GazeHold()
    _play(hold, [(0.0, OPEN)] * 30 + [(0.9, (1.0, 1.0))] * 5, fps=100.0)
    released = _play(hold, [(0.5, OPEN)] * 20, fps=100.0, begin=35)
    steps = [after - before for before, after in zip([0.0, *released], released, strict=False)]
    assert max(steps) < 0.5 * 0.01 / RELEASE_S + 1e-9
    assert 0.5 == released[14]
    assert released[6] == pytest.approx(0.5 * 0.06 / RELEASE_S)


def test_closed_eyes_are_held_for_as_long_as_they_are_closed() -> None:
    """Nothing is seen through them."""
    shown = _play(GazeHold(), [(0.1, OPEN)] * 10 + [(0.8, (1.0, 1.0))] * 300)
    assert 0.1 == pytest.approx(shown[-1])


@pytest.mark.parametrize("lids", [(0.4, 0.4), (1.0, 0.0), (0.0, 1.0)], ids=["half closed", "left wink", "right wink"])
def test_what_lasts_longer_than_a_blink_is_let_go(lids: tuple[float, float]) -> None:
    """Somebody looks down, or winks and looks: after half a second the eyes move again; until then they do not."""
    shown = _play(GazeHold(), [(0.0, OPEN)] * 10 + [(0.6, lids)] * 30)
    assert [0.0] * 5 == shown[10:15]
    assert 0.6 == shown[-1]


def test_a_closure_after_that_is_held_again() -> None:
    """From half closed to shut."""
    hold = GazeHold()
    _play(hold, [(0.0, OPEN)] * 10 + [(0.6, (0.4, 0.4))] * 30)
    assert [0.6] * 5 == pytest.approx(_play(hold, [(0.9, (0.95, 0.95))] * 5, begin=40))


def test_two_blinks_in_a_row_hold_the_same_gaze() -> None:
    """The second begins while the first is being released."""
    frames = [(0.1, OPEN)] * 10 + [(0.8, (1.0, 1.0))] * 4 + [(0.5, OPEN)] + [(0.8, (1.0, 1.0))] * 4
    assert 0.1 == pytest.approx(_play(GazeHold(), frames)[-1])


def test_the_first_frame_and_a_long_gap_show_what_is_seen() -> None:
    """There is nothing to hold on to."""
    hold = GazeHold()
    assert 0.7 == hold.step(0.0, 0.7, (1.0, 1.0))
    hold.step(0.1, 0.0, OPEN)
    assert 0.6 == hold.step(2.0, 0.6, (1.0, 1.0))


def test_a_slow_start_of_a_blink_is_not_believed() -> None:
    """The lids hesitate a little closed, where the eyes already seem to look down: what was seen before that is held."""
    start = [(0.0, 0.06), (0.1, 0.12), (0.4, 0.17), (0.45, 0.22), (0.6, 0.9)]
    frames = [(0.0, OPEN)] * 10 + [(value, (lid, lid)) for value, lid in start]
    assert 0.0 == pytest.approx(_play(GazeHold(), frames)[-1])


def test_a_closing_lid_holds_early() -> None:
    """At a fifth already, when it comes down fast; slowly it takes a quarter."""
    assert 0.0 == _play(GazeHold(), [(0.0, OPEN)] * 10 + [(0.3, (0.2, 0.2))])[-1]
    assert (
        0.3 == _play(GazeHold(), [(0.0, OPEN)] * 10 + [(0.0, (lid, lid)) for lid in (0.05, 0.10, 0.15)] + [(0.3, (0.2, 0.2))])[-1]
    )
