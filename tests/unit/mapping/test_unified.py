"""ARKit's coefficients as VRCFaceTracking's parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from bridge import arkit
from bridge.mapping.unified import V1, V2, Form, Parameter, UnifiedMapping, is_head, named
from bridge.mapping.unified_v2 import UNKNOWN
from bridge.stages.mirror import mirror_state
from bridge.types import FaceState

MakeState = Callable[..., FaceState]


def _values(parameters: tuple[Parameter, ...], state: FaceState, form: Form = Form.BITS) -> dict[str, float]:
    """By name; where a name has two forms, that which is not ``form``."""
    values = UnifiedMapping(parameters).step(state)
    return {each.name: float(value) for each, value in zip(parameters, values, strict=True) if each.form is not form}


def _v2(make_state: MakeState, **weights: float) -> dict[str, float]:
    return {name.removeprefix("v2/"): value for name, value in _values(V2, make_state(weights=weights)).items()}


def _v1(make_state: MakeState, **weights: float) -> dict[str, float]:
    return _values(V1, make_state(weights=weights))


REST = {"EyeOpenLeft": 1.0, "EyeOpenRight": 1.0, "EyeOpen": 1.0, "EyeLidLeft": 0.75, "EyeLidRight": 0.75, "EyeLid": 0.75}


def test_at_rest_the_eyes_are_open_and_all_else_is_zero(make_state: MakeState) -> None:
    """Open lids stand at three quarters, wide ones at 1."""
    values = _v2(make_state)

    assert REST == {name: value for name, value in values.items() if value and not name.startswith("Head/")}


def _pair(name: str, value: float) -> dict[str, float]:
    return {name + "Left": value, name + "Right": value}


def _quad(name: str, value: float) -> dict[str, float]:
    return {name + lip + side: value for lip in ("Upper", "Lower") for side in ("Left", "Right")}


# What moves, and to where, when one coefficient is at .5 (rows of the sheet's table in 5.3; right sides mirror left ones).
ROWS: Mapping[str, Mapping[str, float]] = {
    "eyeBlinkLeft": {"EyeClosedLeft": 0.5, "EyeOpenLeft": 0.5, "EyeLidLeft": 0.375, "EyeLid": 0.5625, "EyeOpen": 0.75,
                     "EyeClosed": 0.25},
    "eyeWideLeft": {"EyeWideLeft": 0.5, "EyeWide": 0.5, "EyeLidLeft": 0.875, "EyeLid": 0.8125},
    "eyeSquintLeft": {"EyeSquintLeft": 0.5, "EyeSquint": 0.5, "EyesSquint": 0.5},
    "eyeLookInLeft": {"EyeLeftX": 0.5, "EyeX": 0.25},
    "eyeLookOutLeft": {"EyeLeftX": -0.5, "EyeX": -0.25},
    "eyeLookUpLeft": {"EyeLeftY": 0.5, "EyeY": 0.25},
    "eyeLookDownLeft": {"EyeLeftY": -0.5, "EyeY": -0.25},
    "browDownLeft": {"BrowLowererLeft": 0.5, "BrowPinchLeft": 0.5, "BrowDownLeft": 0.5, "BrowDown": 0.25,
                     "BrowExpressionLeft": -0.5, "BrowExpression": -0.25},
    "browInnerUp": {**_pair("BrowInnerUp", 0.5), "BrowInnerUp": 0.5, **_pair("BrowUp", 0.2), "BrowUp": 0.2,
                    **_pair("BrowExpression", 0.25), "BrowExpression": 0.25},
    "browOuterUpLeft": {"BrowOuterUpLeft": 0.5, "BrowOuterUp": 0.25, "BrowUpLeft": 0.3, "BrowUp": 0.15,
                        "BrowExpressionLeft": 0.25, "BrowExpression": 0.125},
    "cheekSquintLeft": {"CheekSquintLeft": 0.5, "CheekSquint": 0.25},
    "cheekPuff": {**_pair("CheekPuff", 0.5), **_pair("CheekPuffSuck", 0.5), "CheekPuffSuck": 0.5},
    "noseSneerLeft": {"NoseSneerLeft": 0.5, "NoseSneer": 0.25},
    "jawOpen": {"JawOpen": 0.5},
    "jawForward": {"JawForward": 0.5, "JawZ": 0.5},
    "jawLeft": {"JawLeft": 0.5, "JawX": -0.5},
    "jawRight": {"JawRight": 0.5, "JawX": 0.5},
    "mouthClose": {"MouthClosed": 0.5},
    "mouthFunnel": {**_quad("LipFunnel", 0.5), "LipFunnelUpper": 0.5, "LipFunnelLower": 0.5, "LipFunnel": 0.5,
                    **_quad("LipSuckFunnel", -0.5), "LipSuckFunnelUpper": -0.5, "LipSuckFunnelLower": -0.5},
    "mouthPucker": {**_quad("LipPucker", 0.5), "LipPuckerUpper": 0.5, "LipPuckerLower": 0.5, **_pair("LipPucker", 0.5),
                    "LipPucker": 0.5},
    "mouthRollUpper": {**_pair("LipSuckUpper", 0.5), "LipSuckUpper": 0.5, "LipSuck": 0.25, **_pair("LipSuckFunnelUpper", 0.5),
                       "LipSuckFunnelUpper": 0.5},
    "mouthRollLower": {**_pair("LipSuckLower", 0.5), "LipSuckLower": 0.5, "LipSuck": 0.25, **_pair("LipSuckFunnelLower", 0.5),
                       "LipSuckFunnelLower": 0.5},
    "mouthShrugUpper": {"MouthRaiserUpper": 0.5},
    "mouthShrugLower": {"MouthRaiserLower": 0.5},
    "mouthLeft": {"MouthUpperLeft": 0.5, "MouthLowerLeft": 0.5, "MouthX": -0.5, "MouthUpperX": -0.5, "MouthLowerX": -0.5},
    "mouthSmileLeft": {"MouthCornerPullLeft": 0.5, "MouthCornerSlantLeft": 0.5, "MouthSmileLeft": 0.5, "SmileFrownLeft": 0.5,
                       "SmileFrown": 0.25, "SmileSadLeft": 0.5, "SmileSad": 0.25, "MouthCornerYLeft": 0.5, "MouthCornerY": 0.25},
    "mouthFrownLeft": {"MouthFrownLeft": 0.5, "MouthSadLeft": 0.5, "SmileFrownLeft": -0.5, "SmileFrown": -0.25,
                       "SmileSadLeft": -0.5, "SmileSad": -0.25, "MouthCornerYLeft": -0.5, "MouthCornerY": -0.25},
    "mouthStretchLeft": {"MouthStretchLeft": 0.5, "MouthStretch": 0.25, "MouthSadLeft": 0.5, "SmileSadLeft": -0.5,
                         "SmileSad": -0.25, "MouthTightenerStretchLeft": -0.5, "MouthTightenerStretch": -0.25},
    "mouthDimpleLeft": {"MouthDimpleLeft": 0.5, "MouthDimple": 0.25},
    "mouthPressLeft": {"MouthPressLeft": 0.5, "MouthPress": 0.25},
    "mouthUpperUpLeft": {"MouthUpperUpLeft": 0.5, "MouthUpperUp": 0.25, "MouthOpen": 0.125},
    "mouthLowerDownLeft": {"MouthLowerDownLeft": 0.5, "MouthLowerDown": 0.25, "MouthOpen": 0.125},
    "tongueOut": {"TongueOut": 0.5},
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_one_coefficient_moves_what_the_sheet_says(name: str, make_state: MakeState) -> None:
    """Everything that it moves, and nothing else."""
    rest, values = _v2(make_state), _v2(make_state, **{name: 0.5})

    assert {key: pytest.approx(value, abs=1e-6) for key, value in ROWS[name].items()} == {
        key: value for key, value in values.items() if abs(value - rest[key]) > 1e-6
    }


def test_the_rows_are_all_of_arkit() -> None:
    """Every coefficient, or its other side."""
    other_side = {name.replace("Left", "Right") for name in ROWS}

    assert set(arkit.NAMES) == set(ROWS) | other_side


def _mirrored(name: str) -> str:
    """Left for Right; in v1 the letter-case of both is the same."""
    return re.sub("Left|Right", lambda found: "Right" if found[0] == "Left" else "Left", name)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("parameters", [V2, V1], ids=["v2", "v1"])
def test_a_mirrored_face_gives_mirrored_parameters(seed: int, parameters: tuple[Parameter, ...], make_state: MakeState) -> None:
    """Left and Right change places; what points to a side changes its sign."""
    state = make_state(seed=seed)
    values, mirrored = _values(parameters, state), _values(parameters, mirror_state(state))
    sideways = {
        name for name in values
        if name.endswith(("X", "Head/Yaw", "Head/Roll")) or name in ("MouthUpper", "MouthLower")
    }  # fmt: skip

    assert {name: pytest.approx(value, abs=1e-6) for name, value in values.items()} == {
        name: -mirrored[_mirrored(name)] if name in sideways else mirrored[_mirrored(name)] for name in values
    }


@pytest.mark.parametrize("parameters", [V2, V1], ids=["v2", "v1"])
def test_values_stay_in_their_range(parameters: tuple[Parameter, ...], make_state: MakeState) -> None:
    """Also where a face does all of it at once, far from the camera."""
    lowest = np.array([-1.0 if each.signed else 0.0 for each in parameters])
    for seed in range(200):
        values = UnifiedMapping(parameters).step(make_state(seed=seed, yaw=170, position_m=(9, -9, -9)))
        assert np.isfinite(values).all()
        assert (lowest <= values).all()
        assert (values <= 1.0).all()


def test_no_v2_parameter_needs_its_clip() -> None:
    """Over all faces no sum leaves [0, 1], or [-1, 1] where it is signed: clipping changes no believable value."""
    one_at = len(arkit.NAMES)
    for each in V2:
        if is_head(each):
            continue
        constant, factors = float(each.factors[one_at]), np.delete(each.factors, one_at)
        assert constant + factors[factors < 0].sum() > (-1 if each.signed else 0) - 1e-6, each.name
        assert constant + factors[factors > 0].sum() < 1 + 1e-6, each.name


def test_what_no_camera_knows_is_zero(make_state: MakeState) -> None:
    """The names are there, so that an avatar's value of before is put to rest."""
    values = _v2(make_state, **dict.fromkeys(arkit.NAMES, 1.0))
    unknown = {name.replace("{}", side) for name in UNKNOWN for side in ("Left", "Right")}

    assert unknown <= set(values)
    assert {0.0} == {values[name] for name in unknown}


def test_names_are_there_once() -> None:
    """But for v1's lids, whose bits have values of their own."""
    twice = {name for name, several in named(V1).items() if len(several) > 1}

    assert {len(V2)} == {len(named(V2))}
    assert {
        "LeftEyeLidExpanded", "RightEyeLidExpanded", "LeftEyeLidExpandedSqueeze", "RightEyeLidExpandedSqueeze"
    } == twice  # fmt: skip


@pytest.mark.parametrize(
    ("pose", "name", "value"),
    [
        ({"yaw": 45}, "Yaw", -0.5),
        ({"pitch": 45}, "Pitch", 0.5),
        ({"roll": 45}, "Roll", -0.5),
        ({"yaw": -120}, "Yaw", 1.0),
        ({"position_m": (0.25, 0.0, 0.0)}, "PosX", -0.5),
        ({"position_m": (0.0, 0.25, 0.0)}, "PosY", 0.5),
        ({"position_m": (0.0, 0.0, 0.25)}, "PosZ", 0.5),
        ({"position_m": (0.0, 0.0, -0.9)}, "PosZ", -1.0),
    ],
)
def test_the_head_is_in_unitys_axes(pose: Mapping[str, object], name: str, value: float, make_state: MakeState) -> None:
    """+ to the own right, down, tilted left; x right, y up, z forward; 90 degrees or half a metre are 1."""
    values = _values(V2, make_state(**{"position_m": (0.0, 0.0, 0.0), **pose}))

    assert pytest.approx(value, abs=1e-6) == values[f"v2/Head/{name}"]


def test_without_a_head_it_is_straight(make_state: MakeState) -> None:
    """Matrices may be off."""
    values = _values(V2, make_state(head=None))

    assert {0.0} == {value for name, value in values.items() if name.startswith("v2/Head/")}


# --- legacy --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"jawOpen": 0.7, "mouthClose": 0.2}, {"JawOpen": 0.5, "MouthApeShape": 0.2, "JawOpenApe": 0.3}),
        ({"jawOpen": 0.2, "mouthClose": 0.7}, {"JawOpen": 0.0, "JawOpenApe": -0.7}),
        ({"eyeBlinkLeft": 0.4}, {"LeftEyeLid": 0.6, "CombinedEyeLid": 0.8, "LeftEyeLidExpanded": 0.48, "EyeLidExpanded": 0.64}),
        ({"eyeWideLeft": 0.5}, {"LeftEyeWiden": 0.5, "LeftEyeLidExpanded": 0.9, "LeftEyeWidenToggle": 1.0, "EyesWidenToggle": 1.0,
                                "RightEyeWidenToggle": 0.0}),
        ({"eyeBlinkLeft": 1.0, "eyeSquintLeft": 0.5}, {"LeftEyeLidExpandedSqueeze": -0.5, "LeftEyeSqueezeToggle": 1.0,
                                                       "LeftEyeSqueeze": 0.5, "EyesSqueeze": 0.25, "EyesSqueezeToggle": 0.0}),
        ({"eyeLookInLeft": 0.5, "eyeLookOutRight": 0.5}, {"LeftEyeX": 0.5, "RightEyeX": 0.5, "EyesX": 0.5}),
        ({"eyeLookUpLeft": 0.5}, {"LeftEyeY": 0.5, "EyesY": 0.25}),
        ({"mouthSmileLeft": 0.3, "mouthDimpleLeft": 0.5}, {"MouthSmileLeft": 0.5, "SmileSadLeft": 0.5, "SmileSad": 0.25}),
        ({"mouthFrownLeft": 0.4, "mouthStretchRight": 0.6}, {"MouthSadLeft": 0.2, "MouthSadRight": 0.6, "SmileSad": -0.4}),
        ({"mouthFunnel": 0.5, "mouthPucker": 0.5, "mouthUpperUpLeft": 0.25},
         {"MouthUpperUpLeft": 0.5, "MouthUpperUpRight": 0.25, "MouthUpperOverturn": 0.5, "MouthPout": 0.5, "SmileOverturn": -0.5,
          "MouthUpperUpLeftPout": 0.0, "MouthUpperUpPout": -0.125}),
        ({"mouthRollUpper": 0.2, "mouthRollLower": 0.6, "mouthLowerDownRight": 0.5},
         {"MouthUpperInside": 0.2, "MouthLowerInside": 0.6, "MouthLowerDownInside": -0.1, "MouthLowerDownLowerInside": -0.35}),
        ({"mouthShrugLower": 0.5, "cheekPuff": 0.25}, {"MouthLowerOverlay": 0.5, "PuffSuck": 0.25, "PuffSuckLeft": 0.25,
                                                       "JawOpenOverlay": -0.5, "JawOpenPuff": -0.25}),
        ({"mouthRight": 0.5, "jawLeft": 0.5}, {"MouthUpper": 0.5, "MouthLower": 0.5, "MouthX": 0.5, "JawX": -0.5}),
        ({"tongueOut": 0.25}, {"TongueLongStep1": 0.5, "TongueLongStep2": 0.0, "TongueSteps": -0.5}),
        ({"tongueOut": 0.75}, {"TongueLongStep1": 1.0, "TongueLongStep2": 0.5, "TongueSteps": 0.5}),
        ({"browDownLeft": 0.5, "browOuterUpRight": 0.25}, {"BrowsDown": 0.5, "BrowDownLeft": 0.5, "BrowsOuterUp": 0.25}),
    ],
)  # fmt: skip
def test_legacy_parameters(weights: Mapping[str, float], expected: Mapping[str, float], make_state: MakeState) -> None:
    """SRanipal's shapes and their merged forms, computed by hand from section 5.4."""
    values = _v1(make_state, **weights)

    assert {name: pytest.approx(value, abs=1e-6) for name, value in expected.items()} == {name: values[name] for name in expected}


def test_the_bits_of_legacy_lids_tell_the_part_that_moves(make_state: MakeState) -> None:
    """Widening above .8, else how far open; squeezing below 0."""

    def bits(**weights: float) -> dict[str, float]:
        return _values(V1, make_state(weights=weights), Form.FLOAT)

    assert pytest.approx(0.5) == bits(eyeWideLeft=0.5)["LeftEyeLidExpanded"]
    assert pytest.approx(0.6) == bits(eyeBlinkLeft=0.4)["LeftEyeLidExpanded"]
    assert pytest.approx(0.5) == bits(eyeBlinkLeft=1.0, eyeSquintLeft=0.5)["LeftEyeLidExpandedSqueeze"]


def test_a_mapping_of_nothing_gives_nothing(make_state: MakeState) -> None:
    """An avatar without face parameters."""
    assert 0 == len(UnifiedMapping(()).step(make_state(seed=1)))
