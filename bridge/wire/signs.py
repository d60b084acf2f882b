"""Angles that a receiver turns the other way: the switch for formats whose signs nobody has verified. Pure; any thread."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal, TypeAlias, get_args

from bridge.types import Gaze

Sign: TypeAlias = Literal["yaw", "pitch", "roll", "eye-yaw", "eye-pitch"]
"""yaw, pitch, roll: of the head; eye-yaw, eye-pitch: of both eyes."""

SIGNS: tuple[Sign, ...] = get_args(Sign)


def split_words(value: object) -> object:
    """``"yaw, roll"`` as it stands in a URL -> its words, sorted, each once; everything else as it is."""
    if not isinstance(value, str):
        return value
    return tuple(sorted({word.strip().lower() for word in value.split(",") if word.strip()}))


class Signs:
    """Factors +1 and -1 on a head's and the eyes' angles; applied twice they cancel."""

    __slots__ = ("_eye_pitch", "_eye_yaw", "_head")

    def __init__(self, inverted: Iterable[str] = ()) -> None:
        """``inverted`` are the angles to be turned round; words that are none of ``SIGNS`` are somebody else's."""
        turned: Collection[str] = frozenset(inverted)
        yaw, pitch, roll, self._eye_yaw, self._eye_pitch = (-1.0 if sign in turned else 1.0 for sign in SIGNS)
        self._head = (yaw, pitch, roll)

    def head(self, angles: tuple[float, float, float]) -> tuple[float, float, float]:
        """(yaw, pitch, roll) with their signs, any unit."""
        return angles[0] * self._head[0], angles[1] * self._head[1], angles[2] * self._head[2]

    def eyes(self, gaze: Gaze) -> tuple[float, float, float, float]:
        """Left yaw, left pitch, right yaw, right pitch with their signs, degrees."""
        (left_yaw, left_pitch), (right_yaw, right_pitch) = gaze.left_deg, gaze.right_deg
        return left_yaw * self._eye_yaw, left_pitch * self._eye_pitch, right_yaw * self._eye_yaw, right_pitch * self._eye_pitch
