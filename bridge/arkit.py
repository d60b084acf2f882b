"""The 52 ARKit face coefficients: names, spellings, sides, and what MediaPipe really delivers of them.

Order and names: Apple's ``ARFaceAnchor.BlendShapeLocation`` in the order of Live Link Face's UDP packet, tongueOut last.
Left and right are the subject's own; jawLeft/jawRight and mouthLeft/mouthRight are directions, towards the own left or right.
"""

from __future__ import annotations

import difflib
import enum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bridge.errors import ConfigError

NAMES: tuple[str, ...] = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft", "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight",
    "jawForward", "jawLeft", "jawRight", "jawOpen",
    "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight",
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""camelCase, as Apple and MediaPipe's ``category_name`` write them."""

INDEX: MappingProxyType[str, int] = MappingProxyType({name: i for i, name in enumerate(NAMES)})
"""Name -> position in every weights array."""

PASCAL: tuple[str, ...] = tuple(name[0].upper() + name[1:] for name in NAMES)
"""PascalCase: Perfect Sync clips, VTube Studio, Unity's ``ARKitBlendShapeLocation``."""


def _suffixed(name: str) -> str:
    if name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
        return name  # directions, not sides: iFacialMocap leaves them whole
    return name.removesuffix("Left") + "_L" if name.endswith("Left") else (
        name.removesuffix("Right") + "_R" if name.endswith("Right") else name)  # fmt: skip


IFACIALMOCAP: tuple[str, ...] = tuple(_suffixed(name) for name in NAMES)
"""iFacialMocap's keys: ``eyeBlink_L``, but ``jawLeft`` and ``mouthLeft``."""


def _upper_snake(name: str) -> str:
    return "".join("_" + c if c.isupper() else c.upper() for c in name)


UPPER_SNAKE: tuple[str, ...] = tuple(_upper_snake(name) for name in NAMES)
"""MediaPipe's ``Blendshapes`` enum members: ``EYE_BLINK_LEFT``."""

FACE_CAP_INDEX: tuple[int, ...] = (
    13, 7, 9, 11, 5, 15, 17, 14, 8, 10, 12, 6, 16, 18, 48, 49, 50, 47, 30, 24, 25, 45, 46, 31, 32, 33, 34, 35, 36, 43, 44, 27,
    26, 29, 28, 41, 42, 39, 40, 37, 38, 1, 2, 0, 3, 4, 19, 20, 21, 22, 23, 51,
)  # fmt: skip
"""ARKit position -> index in Face Cap's and phiz's order. That Face Cap's indices above 9 equal phiz's is UNVERIFIED."""

LIVE_LINK_CSV_COLUMN: tuple[int, ...] = tuple({15: 16, 16: 15, 21: 22, 22: 21}.get(i, i) for i in range(len(NAMES)))
"""ARKit position -> value column in the Live Link Face app's CSV, which has jawRight and mouthRight first."""

MEDIAPIPE_NAMES: tuple[str, ...] = ("_neutral", *sorted(set(NAMES) - {"tongueOut"}))
"""MediaPipe's 52 categories in its order: ``_neutral``, then 51 names alphabetically; there is no tongueOut."""

MEDIAPIPE_TO_ARKIT: NDArray[np.intp] = np.array(
    [MEDIAPIPE_NAMES.index(name) if name != "tongueOut" else 0 for name in NAMES], dtype=np.intp
)
"""``weights = scores[MEDIAPIPE_TO_ARKIT]``; tongueOut takes ``_neutral``, which stays below 0.001. intp (52,)."""
MEDIAPIPE_TO_ARKIT.flags.writeable = False


def _mirror(name: str) -> str:
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    return name.removesuffix("Right") + "Left" if name.endswith("Right") else name


MIRROR_INDEX: NDArray[np.intp] = np.array([INDEX[_mirror(name)] for name in NAMES], dtype=np.intp)
"""``mirrored = weights[MIRROR_INDEX]``: swaps every side and the jaw and mouth directions. intp (52,), its own inverse."""
MIRROR_INDEX.flags.writeable = False


class Support(enum.Enum):
    """How much of a channel MediaPipe's model delivers."""

    LIVE = "live"
    WEAK = "weak"
    """Rarely above 0.35 even in strong expressions."""
    DEAD = "dead"
    """Never above 0.01: as good as 0."""


_DEAD = {"cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "jawForward", "tongueOut"}
_WEAK = {"mouthFrownLeft", "mouthFrownRight", "jawLeft", "jawRight", "mouthStretchRight", "mouthClose", "eyeLookUpRight"}

SUPPORT: tuple[Support, ...] = tuple(
    Support.DEAD if name in _DEAD else Support.WEAK if name in _WEAK else Support.LIVE for name in NAMES
)
"""Per channel. Source: maxima and 99.5th percentiles over 5,700 frames of 18 close-up clips of faces with face_landmarker.task
(float16, 1): dead = maximum <= 0.01, weak = p99.5 < 0.35; tongueOut is not among MediaPipe's categories at all."""


def _squeeze(spelling: str) -> str:
    """Lower case without separators: the one form in which every spelling of a name is the same."""
    return "".join(c for c in spelling.lower() if c.isalnum())


def _aliases() -> dict[str, int]:
    table: dict[str, int] = {}
    for spellings in (NAMES, PASCAL, UPPER_SNAKE, IFACIALMOCAP):
        for i, spelling in enumerate(spellings):
            table[_squeeze(spelling)] = i
    table |= {"face" + name.lower(): i for i, name in enumerate(NAMES)}  # ZIG SIM: faceeyeblinkleft
    return table


_ALIASES = _aliases()


def sides_of(spelling: str) -> tuple[int, ...]:
    """Positions of the channels that a name with or without its side means: mouthFrown both, mouthFrownLeft one; else none."""
    whole = find(spelling)
    if whole is not None:
        return (whole,)
    return tuple(i for side in ("Left", "Right") if (i := find(spelling + side)) is not None)


def find(spelling: str) -> int | None:
    """Position of the channel that any known spelling means, or None.

    Knows camelCase, PascalCase, UPPER_SNAKE, ``_L``/``_R`` on the sides that iFacialMocap shortens, and ZIG SIM's lower case
    with ``face`` in front; each in any case, with or without separators.
    """
    return _ALIASES.get(_squeeze(spelling))


def index_of(spelling: str) -> int:
    """As ``find``; raises ConfigError with the nearest name when there is none."""
    position = find(spelling)
    if position is None:
        near = difflib.get_close_matches(_squeeze(spelling), _ALIASES, n=1, cutoff=0.6)
        hint = f"; did you mean {NAMES[_ALIASES[near[0]]]}?" if near else ""
        raise ConfigError(f"{spelling!r} is not one of the 52 ARKit blendshapes{hint}")
    return position
