"""The 52 names against the fact sheet's table, copied here by hand: nothing in it is computed from the module under test."""

from __future__ import annotations

import numpy as np
import pytest

from bridge import arkit
from bridge.errors import ConfigError
from bridge.types import CHANNELS

# (Apple's index, ARKit, Perfect Sync, MediaPipe's index, Live Link CSV column, Face Cap index, iFacialMocap, MediaPipe's enum)
TABLE: tuple[tuple[int, str, str, int | None, int, int, str, str], ...] = (
    (0, "eyeBlinkLeft", "EyeBlinkLeft", 9, 0, 13, "eyeBlink_L", "EYE_BLINK_LEFT"),
    (1, "eyeLookDownLeft", "EyeLookDownLeft", 11, 1, 7, "eyeLookDown_L", "EYE_LOOK_DOWN_LEFT"),
    (2, "eyeLookInLeft", "EyeLookInLeft", 13, 2, 9, "eyeLookIn_L", "EYE_LOOK_IN_LEFT"),
    (3, "eyeLookOutLeft", "EyeLookOutLeft", 15, 3, 11, "eyeLookOut_L", "EYE_LOOK_OUT_LEFT"),
    (4, "eyeLookUpLeft", "EyeLookUpLeft", 17, 4, 5, "eyeLookUp_L", "EYE_LOOK_UP_LEFT"),
    (5, "eyeSquintLeft", "EyeSquintLeft", 19, 5, 15, "eyeSquint_L", "EYE_SQUINT_LEFT"),
    (6, "eyeWideLeft", "EyeWideLeft", 21, 6, 17, "eyeWide_L", "EYE_WIDE_LEFT"),
    (7, "eyeBlinkRight", "EyeBlinkRight", 10, 7, 14, "eyeBlink_R", "EYE_BLINK_RIGHT"),
    (8, "eyeLookDownRight", "EyeLookDownRight", 12, 8, 8, "eyeLookDown_R", "EYE_LOOK_DOWN_RIGHT"),
    (9, "eyeLookInRight", "EyeLookInRight", 14, 9, 10, "eyeLookIn_R", "EYE_LOOK_IN_RIGHT"),
    (10, "eyeLookOutRight", "EyeLookOutRight", 16, 10, 12, "eyeLookOut_R", "EYE_LOOK_OUT_RIGHT"),
    (11, "eyeLookUpRight", "EyeLookUpRight", 18, 11, 6, "eyeLookUp_R", "EYE_LOOK_UP_RIGHT"),
    (12, "eyeSquintRight", "EyeSquintRight", 20, 12, 16, "eyeSquint_R", "EYE_SQUINT_RIGHT"),
    (13, "eyeWideRight", "EyeWideRight", 22, 13, 18, "eyeWide_R", "EYE_WIDE_RIGHT"),
    (14, "jawForward", "JawForward", 23, 14, 48, "jawForward", "JAW_FORWARD"),
    (15, "jawLeft", "JawLeft", 24, 16, 49, "jawLeft", "JAW_LEFT"),
    (16, "jawRight", "JawRight", 26, 15, 50, "jawRight", "JAW_RIGHT"),
    (17, "jawOpen", "JawOpen", 25, 17, 47, "jawOpen", "JAW_OPEN"),
    (18, "mouthClose", "MouthClose", 27, 18, 30, "mouthClose", "MOUTH_CLOSE"),
    (19, "mouthFunnel", "MouthFunnel", 32, 19, 24, "mouthFunnel", "MOUTH_FUNNEL"),
    (20, "mouthPucker", "MouthPucker", 38, 20, 25, "mouthPucker", "MOUTH_PUCKER"),
    (21, "mouthLeft", "MouthLeft", 33, 22, 45, "mouthLeft", "MOUTH_LEFT"),
    (22, "mouthRight", "MouthRight", 39, 21, 46, "mouthRight", "MOUTH_RIGHT"),
    (23, "mouthSmileLeft", "MouthSmileLeft", 44, 23, 31, "mouthSmile_L", "MOUTH_SMILE_LEFT"),
    (24, "mouthSmileRight", "MouthSmileRight", 45, 24, 32, "mouthSmile_R", "MOUTH_SMILE_RIGHT"),
    (25, "mouthFrownLeft", "MouthFrownLeft", 30, 25, 33, "mouthFrown_L", "MOUTH_FROWN_LEFT"),
    (26, "mouthFrownRight", "MouthFrownRight", 31, 26, 34, "mouthFrown_R", "MOUTH_FROWN_RIGHT"),
    (27, "mouthDimpleLeft", "MouthDimpleLeft", 28, 27, 35, "mouthDimple_L", "MOUTH_DIMPLE_LEFT"),
    (28, "mouthDimpleRight", "MouthDimpleRight", 29, 28, 36, "mouthDimple_R", "MOUTH_DIMPLE_RIGHT"),
    (29, "mouthStretchLeft", "MouthStretchLeft", 46, 29, 43, "mouthStretch_L", "MOUTH_STRETCH_LEFT"),
    (30, "mouthStretchRight", "MouthStretchRight", 47, 30, 44, "mouthStretch_R", "MOUTH_STRETCH_RIGHT"),
    (31, "mouthRollLower", "MouthRollLower", 40, 31, 27, "mouthRollLower", "MOUTH_ROLL_LOWER"),
    (32, "mouthRollUpper", "MouthRollUpper", 41, 32, 26, "mouthRollUpper", "MOUTH_ROLL_UPPER"),
    (33, "mouthShrugLower", "MouthShrugLower", 42, 33, 29, "mouthShrugLower", "MOUTH_SHRUG_LOWER"),
    (34, "mouthShrugUpper", "MouthShrugUpper", 43, 34, 28, "mouthShrugUpper", "MOUTH_SHRUG_UPPER"),
    (35, "mouthPressLeft", "MouthPressLeft", 36, 35, 41, "mouthPress_L", "MOUTH_PRESS_LEFT"),
    (36, "mouthPressRight", "MouthPressRight", 37, 36, 42, "mouthPress_R", "MOUTH_PRESS_RIGHT"),
    (37, "mouthLowerDownLeft", "MouthLowerDownLeft", 34, 37, 39, "mouthLowerDown_L", "MOUTH_LOWER_DOWN_LEFT"),
    (38, "mouthLowerDownRight", "MouthLowerDownRight", 35, 38, 40, "mouthLowerDown_R", "MOUTH_LOWER_DOWN_RIGHT"),
    (39, "mouthUpperUpLeft", "MouthUpperUpLeft", 48, 39, 37, "mouthUpperUp_L", "MOUTH_UPPER_UP_LEFT"),
    (40, "mouthUpperUpRight", "MouthUpperUpRight", 49, 40, 38, "mouthUpperUp_R", "MOUTH_UPPER_UP_RIGHT"),
    (41, "browDownLeft", "BrowDownLeft", 1, 41, 1, "browDown_L", "BROW_DOWN_LEFT"),
    (42, "browDownRight", "BrowDownRight", 2, 42, 2, "browDown_R", "BROW_DOWN_RIGHT"),
    (43, "browInnerUp", "BrowInnerUp", 3, 43, 0, "browInnerUp", "BROW_INNER_UP"),
    (44, "browOuterUpLeft", "BrowOuterUpLeft", 4, 44, 3, "browOuterUp_L", "BROW_OUTER_UP_LEFT"),
    (45, "browOuterUpRight", "BrowOuterUpRight", 5, 45, 4, "browOuterUp_R", "BROW_OUTER_UP_RIGHT"),
    (46, "cheekPuff", "CheekPuff", 6, 46, 19, "cheekPuff", "CHEEK_PUFF"),
    (47, "cheekSquintLeft", "CheekSquintLeft", 7, 47, 20, "cheekSquint_L", "CHEEK_SQUINT_LEFT"),
    (48, "cheekSquintRight", "CheekSquintRight", 8, 48, 21, "cheekSquint_R", "CHEEK_SQUINT_RIGHT"),
    (49, "noseSneerLeft", "NoseSneerLeft", 50, 49, 22, "noseSneer_L", "NOSE_SNEER_LEFT"),
    (50, "noseSneerRight", "NoseSneerRight", 51, 50, 23, "noseSneer_R", "NOSE_SNEER_RIGHT"),
    (51, "tongueOut", "TongueOut", None, 51, 51, "tongueOut", "TONGUE_OUT"),
)  # fmt: skip

# The pairs, and the directions of jaw and mouth: what a mirror swaps.
SWAPPED = (
    ("eyeBlinkLeft", "eyeBlinkRight"), ("eyeLookDownLeft", "eyeLookDownRight"), ("eyeLookInLeft", "eyeLookInRight"),
    ("eyeLookOutLeft", "eyeLookOutRight"), ("eyeLookUpLeft", "eyeLookUpRight"), ("eyeSquintLeft", "eyeSquintRight"),
    ("eyeWideLeft", "eyeWideRight"), ("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"), ("mouthSmileLeft", "mouthSmileRight"),
    ("mouthFrownLeft", "mouthFrownRight"), ("mouthDimpleLeft", "mouthDimpleRight"), ("mouthStretchLeft", "mouthStretchRight"),
    ("mouthPressLeft", "mouthPressRight"), ("mouthLowerDownLeft", "mouthLowerDownRight"),
    ("mouthUpperUpLeft", "mouthUpperUpRight"), ("browDownLeft", "browDownRight"), ("browOuterUpLeft", "browOuterUpRight"),
    ("cheekSquintLeft", "cheekSquintRight"), ("noseSneerLeft", "noseSneerRight"),
)  # fmt: skip
UNSIDED = {
    "jawForward", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "browInnerUp", "cheekPuff", "tongueOut",
}  # fmt: skip


def test_names_are_in_apples_order() -> None:
    """NAMES is the order of Live Link Face's packet, tongueOut last, 52 in all."""
    assert tuple(row[1] for row in TABLE) == arkit.NAMES
    assert len(arkit.NAMES) == CHANNELS


def test_index_is_the_position_of_each_name() -> None:
    """INDEX turns every name into its place in a weights array."""
    assert {row[1]: row[0] for row in TABLE} == dict(arkit.INDEX)


def test_pascal_names() -> None:
    """PASCAL holds the Perfect Sync clip names."""
    assert tuple(row[2] for row in TABLE) == arkit.PASCAL


def test_ifacialmocap_keys_leave_directions_whole() -> None:
    """Sides become _L and _R; jawLeft, jawRight, mouthLeft and mouthRight are directions and stay."""
    assert tuple(row[6] for row in TABLE) == arkit.IFACIALMOCAP


def test_upper_snake_names() -> None:
    """UPPER_SNAKE holds the members of MediaPipe's Blendshapes enum."""
    assert tuple(row[7] for row in TABLE) == arkit.UPPER_SNAKE


def test_face_cap_order() -> None:
    """FACE_CAP_INDEX is the table's column."""
    assert tuple(row[5] for row in TABLE) == arkit.FACE_CAP_INDEX


def test_live_link_csv_columns_have_right_before_left_for_jaw_and_mouth() -> None:
    """LIVE_LINK_CSV_COLUMN is the table's column: jaw and mouth directions change places."""
    assert tuple(row[4] for row in TABLE) == arkit.LIVE_LINK_CSV_COLUMN


def test_mediapipe_order_is_neutral_then_alphabetical() -> None:
    """MEDIAPIPE_NAMES has _neutral first and every other category at the table's index."""
    expected = ["_neutral"] * 52
    for row in TABLE:
        if row[3] is not None:
            expected[row[3]] = row[1]

    assert tuple(expected) == arkit.MEDIAPIPE_NAMES


def test_mediapipe_scores_are_reordered_by_one_index() -> None:
    """scores[MEDIAPIPE_TO_ARKIT] takes each channel from MediaPipe's place, and _neutral for the missing tongueOut."""
    assert [row[3] or 0 for row in TABLE] == arkit.MEDIAPIPE_TO_ARKIT.tolist()


def test_mirror_swaps_sides_and_directions_and_nothing_else() -> None:
    """MIRROR_INDEX exchanges 20 pairs, jaw and mouth directions among them, and leaves 12 channels."""
    partner = dict(SWAPPED) | {right: left for left, right in SWAPPED} | {name: name for name in UNSIDED}

    assert [arkit.INDEX[partner[row[1]]] for row in TABLE] == arkit.MIRROR_INDEX.tolist()


@pytest.mark.parametrize("index", [arkit.MEDIAPIPE_TO_ARKIT, arkit.MIRROR_INDEX], ids=["mediapipe", "mirror"])
def test_index_arrays_are_read_only(index: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
    """Nobody can change a shared table by accident."""
    with pytest.raises(ValueError, match="read-only"):
        index[0] = 1


def test_dead_channels() -> None:
    """Exactly the channels that never passed 0.01 in 5,700 frames are dead, and tongueOut, which the model does not have."""
    dead = {"cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "jawForward", "tongueOut"}

    assert dead == {name for name, support in zip(arkit.NAMES, arkit.SUPPORT, strict=True) if support is arkit.Support.DEAD}


def test_weak_channels() -> None:
    """Exactly the channels whose 99.5th percentile stayed below 0.35 are weak."""
    weak = {"mouthFrownLeft", "mouthFrownRight", "jawLeft", "jawRight", "mouthStretchRight", "mouthClose", "eyeLookUpRight"}

    assert weak == {name for name, support in zip(arkit.NAMES, arkit.SUPPORT, strict=True) if support is arkit.Support.WEAK}


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("eyeBlinkLeft", "eyeBlinkLeft"),
        ("EyeBlinkLeft", "eyeBlinkLeft"),
        ("EYE_BLINK_LEFT", "eyeBlinkLeft"),
        ("eyeBlink_L", "eyeBlinkLeft"),
        ("faceeyeblinkleft", "eyeBlinkLeft"),
        ("facejawopen", "jawOpen"),
        ("eye-blink-left", "eyeBlinkLeft"),
        ("eyeBlinkL", "eyeBlinkLeft"),
        ("browOuterUp_R", "browOuterUpRight"),
        ("mouthLeft", "mouthLeft"),
        ("MOUTH_RIGHT", "mouthRight"),
        ("JAW_OPEN", "jawOpen"),
        ("Tongue Out", "tongueOut"),
    ],
)
def test_find_knows_the_spellings_of_the_field(spelling: str, name: str) -> None:
    """One example of each spelling that the fact sheets name."""
    assert arkit.INDEX[name] == arkit.find(spelling)


@pytest.mark.parametrize("spelling", ["", "_neutral", "blink_l", "jaw_L", "mouth_R", "Blink", "face", "HeadYaw", "eyeBlink"])
def test_find_knows_nothing_else(spelling: str) -> None:
    """MediaPipe's _neutral, VRM presets, Live Link's head angles and ambiguous stumps are not channels."""
    assert arkit.find(spelling) is None


def test_index_of_returns_the_position() -> None:
    """index_of finds as find does."""
    assert arkit.index_of("JAW_OPEN") == 17


@pytest.mark.parametrize(
    ("spelling", "hint"), [("eyeBlinkLeftt", "eyeBlinkLeft"), ("JAW_OPNE", "jawOpen"), ("mouthSmle_R", "mouthSmileRight")]
)
def test_index_of_suggests_the_nearest_name(spelling: str, hint: str) -> None:
    """A misspelt name, in whatever style, is answered with the channel that was probably meant."""
    with pytest.raises(ConfigError) as caught:
        arkit.index_of(spelling)

    assert f"{spelling!r} is not one of the 52 ARKit blendshapes; did you mean {hint}?" == str(caught.value)


def test_index_of_suggests_nothing_for_something_else() -> None:
    """Far from every name, no guess is made."""
    with pytest.raises(ConfigError) as caught:
        arkit.index_of("xyz")

    assert str(caught.value) == "'xyz' is not one of the 52 ARKit blendshapes"


@pytest.mark.parametrize(
    ("spelling", "names"),
    [
        ("mouthFrown", ("mouthFrownLeft", "mouthFrownRight")),
        ("MouthFrownLeft", ("mouthFrownLeft",)),
        ("jaw", ("jawLeft", "jawRight")),
        ("mouthLeft", ("mouthLeft",)),
        ("cheekPuff", ("cheekPuff",)),
        ("smirk", ()),
    ],
)
def test_a_name_without_its_side_means_both(spelling: str, names: tuple[str, ...]) -> None:
    """One with it means one; an unknown one none."""
    assert names == tuple(arkit.NAMES[i] for i in arkit.sides_of(spelling))
