"""Laws of the 52 channels: the mirror, MediaPipe's order, and every spelling in every dress."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bridge import arkit

positions = st.integers(0, 51)
weights = st.lists(st.floats(0, 1, width=32), min_size=52, max_size=52).map(lambda values: np.array(values, dtype=np.float32))


@st.composite
def _dressed(draw: st.DrawFn) -> tuple[int, str]:
    """A channel and one of its spellings, in any case, with any separators between any letters."""
    i = draw(positions)
    spelling = draw(st.sampled_from((
        arkit.NAMES[i], arkit.PASCAL[i], arkit.UPPER_SNAKE[i], arkit.IFACIALMOCAP[i], "face" + arkit.NAMES[i].lower(),
    )))  # fmt: skip
    cases = draw(st.lists(st.booleans(), min_size=len(spelling), max_size=len(spelling)))
    gaps = draw(st.lists(st.sampled_from(("", "", "", "_", "-", " ", ".")), min_size=len(spelling), max_size=len(spelling)))
    dressed = "".join(
        (c.upper() if upper else c.lower()) + gap for c, upper, gap in zip(spelling, cases, gaps, strict=True)
    )  # fmt: skip
    return i, dressed


@given(_dressed())
def test_every_spelling_is_found(channel: tuple[int, str]) -> None:
    """Case and separators never matter."""
    expected, spelling = channel

    assert arkit.find(spelling) == expected


@given(st.text())
def test_any_text_is_a_channel_or_none(text: str) -> None:
    """No input breaks the look-up."""
    position = arkit.find(text)

    assert position is None or 0 <= position < 52


@given(weights)
def test_mirror_twice_is_nothing(values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    """The mirror is its own inverse."""
    assert values[arkit.MIRROR_INDEX][arkit.MIRROR_INDEX].tolist() == values.tolist()


@given(weights)
def test_the_mirror_only_moves_values(values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    """Nothing is lost, scaled or made up."""
    assert sorted(values[arkit.MIRROR_INDEX].tolist()) == sorted(values.tolist())


@given(weights, positions)
def test_a_mirrored_side_has_the_other_sides_value(values: np.ndarray[tuple[int], np.dtype[np.float32]], i: int) -> None:
    """By name: what was Left is Right, in places and in directions."""
    name = arkit.NAMES[i]
    other = name[:-4] + "Right" if name.endswith("Left") else name[:-5] + "Left" if name.endswith("Right") else name

    assert values[arkit.MIRROR_INDEX][i] == values[arkit.INDEX[other]]


@given(weights)
def test_mediapipe_scores_arrive_under_their_names(scores: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    """Reordering keeps each category's score with its name."""
    named = dict(zip(arkit.MEDIAPIPE_NAMES, scores.tolist(), strict=True))
    named["tongueOut"] = named.pop("_neutral")

    assert dict(zip(arkit.NAMES, scores[arkit.MEDIAPIPE_TO_ARKIT].tolist(), strict=True)) == named
