"""A face as VTube Studio's tracking parameters: its own ones, the 52 coefficients as custom ones, and what mapping rules made.

Left and right: VTube Studio's avatar is a mirror image of the user, so a state that is **not** mirrored gives that here: a turn
to the own left turns the avatar to the left of the screen, and the parameters of the avatar's left side (``EyeOpenLeft``,
``BrowLeftY``, ``EyeLeftX``) take the user's right. The house's ``mirror`` swaps the sides of the state before, and so undoes it:
the avatar then moves like a person opposite. The 52 custom parameters carry the state's own sides, as a phone would send them.

Formulas and ranges: the fact sheet "VTube Studio", A.6 to A.8. Signs (A.7) and sides are derived, UNVERIFIED against the program:
``Inverted`` turns single axes, ``Sides`` the two sides. Pure; any thread.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from bridge import arkit, space
from bridge.mapping.vrm import emotion_strengths
from bridge.types import FaceState, HeadPose, Presence

ParameterSet: TypeAlias = Literal["default", "arkit", "both"]
Recipes: TypeAlias = Literal["standard", "vbridger"]
Sides: TypeAlias = Literal["mirror", "own"]

MAX_CUSTOM = 100
"""Custom parameters that one plugin may have."""
LARGEST_VALUE = 1_000_000.0


class TrackingParameter(NamedTuple):
    """One of VTube Studio's own parameters that a face fills."""

    name: str
    low: float
    high: float
    rest: float
    """What it is while nothing happens, with the standard recipes."""


DEFAULTS: tuple[TrackingParameter, ...] = (
    TrackingParameter("FacePositionX", -15, 15, 0), TrackingParameter("FacePositionY", -15, 15, 0),
    TrackingParameter("FacePositionZ", -10, 10, 0), TrackingParameter("FaceAngleX", -30, 30, 0),
    TrackingParameter("FaceAngleY", -30, 30, 0), TrackingParameter("FaceAngleZ", -90, 90, 0),
    TrackingParameter("MouthSmile", 0, 1, 0.5), TrackingParameter("MouthOpen", 0, 1, 0), TrackingParameter("MouthX", -1, 1, 0),
    TrackingParameter("Brows", 0, 1, 0.5), TrackingParameter("BrowLeftY", 0, 1, 0.5), TrackingParameter("BrowRightY", 0, 1, 0.5),
    TrackingParameter("EyeOpenLeft", 0, 1, 1), TrackingParameter("EyeOpenRight", 0, 1, 1),
    TrackingParameter("EyeLeftX", -1, 1, 0), TrackingParameter("EyeLeftY", -1, 1, 0),
    TrackingParameter("EyeRightX", -1, 1, 0), TrackingParameter("EyeRightY", -1, 1, 0),
    TrackingParameter("TongueOut", 0, 1, 0), TrackingParameter("CheekPuff", 0, 1, 0), TrackingParameter("FaceAngry", 0, 1, 0),
)  # fmt: skip
"""In the order in which they are sent. Ranges of the positions are not clamped to: the program's own mappings do that."""

DEFAULT_NAMES = frozenset(parameter.name for parameter in DEFAULTS)
"""TongueOut and CheekPuff are called like the coefficients that they are."""
_NAMES = tuple(parameter.name for parameter in DEFAULTS)
_POSITION_NAMES = _NAMES[:3]
_CUSTOM_NAME = re.compile(r"[A-Za-z0-9]{4,32}", re.ASCII)

_I = arkit.INDEX
_FROM_CAMERA_M = -0.25
"""A head further away than this is measured from the camera: no neutral was set."""
_NEUTRAL_SET_M = -0.15
_SUDDEN_M = 0.2
_LARGEST_CM = 1000.0


def is_custom_name(name: str) -> bool:
    """Whether a custom parameter may be called so: 4 to 32 ASCII letters and digits."""
    return _CUSTOM_NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inverted:
    """Axes that go the other way than derived."""

    position_x: bool = False
    position_y: bool = False
    position_z: bool = False
    angle_x: bool = False
    angle_y: bool = False
    angle_z: bool = False
    gaze_x: bool = False
    gaze_y: bool = False
    mouth_x: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VtsFrame:
    """What one state sets."""

    names: tuple[str, ...]
    """Each once; the same object as long as nothing changes."""
    values: tuple[float, ...]
    """Finite, within ``LARGEST_VALUE``, in the order of ``names``."""
    face_found: bool


# --- recipes (A.8) ---------------------------------------------------------------------------------------------------------


def mouth_open(w: Sequence[float]) -> float:
    """Of 52 weights, 0..1: the jaw without closed and rolled lips, and a little of the funnel."""
    rolled = w[_I["mouthRollUpper"]] + w[_I["mouthRollLower"]]
    return _within(w[_I["jawOpen"]] - w[_I["mouthClose"]] - 0.2 * rolled + 0.2 * w[_I["mouthFunnel"]], 0.0, 1.0)


def mouth_smile(w: Sequence[float]) -> float:
    """0..1, at rest 0.5: smile and dimples above, frown and pucker below."""
    down = w[_I["mouthFrownLeft"]] + w[_I["mouthFrownRight"]] + w[_I["mouthPucker"]]
    up = w[_I["mouthSmileLeft"]] + w[_I["mouthSmileRight"]] + (w[_I["mouthDimpleLeft"]] + w[_I["mouthDimpleRight"]]) / 2
    return _within((2.0 - down + up) / 4.0, 0.0, 1.0)


def mouth_x(w: Sequence[float]) -> float:
    """-1..1: the mouth pulled to one side; nothing while the tongue is out."""
    pulled = w[_I["mouthLeft"]] - w[_I["mouthRight"]] + w[_I["mouthSmileLeft"]] - w[_I["mouthSmileRight"]]
    return _within(pulled * (1.0 - w[_I["tongueOut"]]), -1.0, 1.0)


def brows(w: Sequence[float]) -> float:
    """0..1, at rest 0.5: both brows."""
    up = w[_I["browOuterUpRight"]] + w[_I["browOuterUpLeft"]]
    return _within(0.5 + (up - w[_I["browDownLeft"]] - w[_I["browDownRight"]]) / 4.0, 0.0, 1.0)


def brow_y(w: Sequence[float], side: str) -> float:
    """0..1, at rest 0.5: the subject's brow of one ``side`` (Left, Right), lifted a little by a mouth pulled to the other."""
    other = "Right" if side == "Left" else "Left"
    pulled = w[_I[f"mouth{other}"]] - w[_I[f"mouth{side}"]]
    return _within(0.5 + w[_I[f"browOuterUp{side}"]] - w[_I[f"browDown{side}"]] + pulled / 8.0, 0.0, 1.0)


def eye_open(w: Sequence[float], side: str, recipes: Recipes) -> float:
    """0..1. standard: 1 is open. vbridger: 0.5 is open and 1 wide, as VBridger's presets have it."""
    blink = w[_I[f"eyeBlink{side}"]]
    if recipes == "standard":
        return _within(1.0 - blink, 0.0, 1.0)
    return _within(0.5 - 0.8 * blink + 0.8 * w[_I[f"eyeWide{side}"]], 0.0, 1.0)


def eye_x(w: Sequence[float], side: str, recipes: Recipes) -> float:
    """-1..1: + is the subject's own right. vbridger: 0.1 nearer to the nose is straight ahead."""
    inward = w[_I[f"eyeLookIn{side}"]] - w[_I[f"eyeLookOut{side}"]] - (0.1 if recipes == "vbridger" else 0.0)
    return _within(inward if side == "Left" else -inward, -1.0, 1.0)


def eye_y(w: Sequence[float], side: str, recipes: Recipes) -> float:
    """-1..1: + is up. vbridger: with a little of the brow; its term of the head is left out, since it names the wrong axis."""
    up = w[_I[f"eyeLookUp{side}"]] - w[_I[f"eyeLookDown{side}"]]
    return _within(up + (0.15 * w[_I[f"browOuterUp{side}"]] if recipes == "vbridger" else 0.0), -1.0, 1.0)


def face_angles(head: HeadPose | None, recipes: Recipes) -> tuple[float, float, float]:
    """FaceAngleX, Y, Z in degrees (A.7): + to the own right, up, to the own right shoulder. vbridger: coupled as there."""
    if head is None:
        return 0.0, 0.0, 0.0
    yaw, pitch, roll = space.to_euler_deg(head.quat_xyzw)
    if recipes == "standard":
        return -yaw, -pitch, roll
    level = (90.0 - abs(pitch)) / 90.0
    return -yaw * level + roll * pitch / 45.0, -pitch, roll * level + yaw * pitch / 45.0


# --- the mapping -------------------------------------------------------------------------------------------------------------


class VtsMapping:
    """``FaceState`` -> ``VtsFrame``. Remembers where the head was first seen, and which names came last."""

    def __init__(
        self,
        *,
        parameters: ParameterSet = "default",
        recipes: Recipes = "standard",
        sides: Sides = "mirror",
        inverted: Inverted | None = None,
        position_scale: float = 1.0,
        relative: bool = False,
    ) -> None:
        """``position_scale``: factor on centimetres; at 0 the positions are left out. ``relative``: values as differences from
        rest, for a receiver that adds them to what it has.
        """
        inverted = inverted or Inverted()
        self._own = parameters != "arkit"
        self._arkit = parameters != "default"
        self._recipes: Recipes = recipes
        self._sides = ("Right", "Left") if sides == "mirror" else ("Left", "Right")
        self._origin = _Origin()
        turned = {
            "FacePositionX": inverted.position_x, "FacePositionY": inverted.position_y, "FacePositionZ": inverted.position_z,
            "FaceAngleX": inverted.angle_x, "FaceAngleY": inverted.angle_y, "FaceAngleZ": inverted.angle_z,
            "EyeLeftX": inverted.gaze_x, "EyeRightX": inverted.gaze_x, "EyeLeftY": inverted.gaze_y, "EyeRightY": inverted.gaze_y,
            "MouthX": inverted.mouth_x,
        }  # fmt: skip
        scales = dict.fromkeys(_POSITION_NAMES, position_scale)
        self._factors = tuple(scales.get(name, 1.0) * (-1.0 if turned.get(name) else 1.0) for name in _NAMES)
        rest = zip(self._factors, self._recipe_values(FaceState.rest()), strict=True)
        self._rest = tuple(factor * value if relative else 0.0 for factor, value in rest)
        self._first = 0 if position_scale else len(_POSITION_NAMES)
        own = _NAMES[self._first :] if self._own else ()
        self._coefficients = tuple(i for i, name in enumerate(arkit.PASCAL) if name not in own) if self._arkit else ()
        self.names: tuple[str, ...] = (*own, *(arkit.PASCAL[i] for i in self._coefficients))
        """What every state sets, whatever rules add."""
        self._at = {name: i for i, name in enumerate(self.names)}
        self._extra_names: tuple[str, ...] = ()
        self._all_names = self.names

    def step(self, state: FaceState) -> VtsFrame:
        """The parameters of a state, those of rules last; a rule that is called like a parameter goes before the recipe."""
        values: list[float] = []
        if self._own:
            recipe = self._recipe_values(state)
            values += [f * v - r for f, v, r in zip(self._factors, recipe, self._rest, strict=True)][self._first :]
        if self._arkit:
            weights = state.weights.tolist()
            values += [weights[i] for i in self._coefficients]
        names = self._add_extras(values, state.extras) if state.extras else self.names
        return VtsFrame(names=names, values=tuple(values), face_found=state.presence is not Presence.LOST)

    def _recipe_values(self, state: FaceState) -> tuple[float, ...]:
        w: list[float] = state.weights.tolist()
        left, right = self._sides
        recipes = self._recipes
        return (
            *self._origin.position_cm(state),
            *face_angles(state.head, recipes),
            mouth_smile(w), mouth_open(w), mouth_x(w),
            brows(w), brow_y(w, left), brow_y(w, right),
            eye_open(w, left, recipes), eye_open(w, right, recipes),
            eye_x(w, left, recipes), eye_y(w, left, recipes), eye_x(w, right, recipes), eye_y(w, right, recipes),
            w[_I["tongueOut"]], w[_I["cheekPuff"]], emotion_strengths(state.weights)[1],
        )  # fmt: skip

    def _add_extras(self, values: list[float], extras: Iterable[tuple[str, float]]) -> tuple[str, ...]:
        """Puts what rules made into ``values``; the names of all. Names that VTube Studio would refuse are left out."""
        added: dict[str, float] = {}
        for name, value in extras:
            if not is_custom_name(name) or not math.isfinite(value):
                continue
            bounded = _within(value, -LARGEST_VALUE, LARGEST_VALUE)
            if name in self._at:
                values[self._at[name]] = bounded
            else:
                added[name] = bounded
        names = tuple(added)
        if names != self._extra_names:
            self._extra_names, self._all_names = names, (*self.names, *names)
        values += added.values()
        return self._all_names


class _Origin:
    """From where the position counts: the neutral, or, as long as none was set, where the head was first seen.

    A position from the camera would be half a metre, ten times what the program's own tracking gives.
    """

    __slots__ = ("_last_z", "_x", "_y", "_z")

    def __init__(self) -> None:
        self._x = self._y = self._z = 0.0
        self._last_z = 0.0

    def position_cm(self, state: FaceState) -> tuple[float, float, float]:
        """FacePositionX, Y, Z: + to the own right, up, towards the camera. That they are centimetres is UNVERIFIED."""
        if state.head is None:
            return 0.0, 0.0, 0.0
        x, y, z = state.head.position_m.tolist()
        if state.presence is Presence.LIVE:
            if self._z == 0.0 and z < _FROM_CAMERA_M and self._last_z - z > _SUDDEN_M:
                self._x, self._y, self._z = x, y, z
            elif self._z != 0.0 and z > _NEUTRAL_SET_M:
                self._x = self._y = self._z = 0.0
            self._last_z = z
        if self._z != 0.0 and z > _NEUTRAL_SET_M:  # the rest state of before and after everything
            return 0.0, 0.0, 0.0
        return _bounded_cm(self._x - x), _bounded_cm(y - self._y), _bounded_cm(z - self._z)


def _bounded_cm(metres: float) -> float:
    return _within(100.0 * metres, -_LARGEST_CM, _LARGEST_CM)


def _within(value: float, low: float, high: float) -> float:
    return low if value < low else min(value, high)
