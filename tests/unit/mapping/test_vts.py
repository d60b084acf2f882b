"""A face as VTube Studio's parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge import arkit
from bridge.mapping.vts import DEFAULTS, Inverted, VtsFrame, VtsMapping, is_custom_name
from bridge.stages.mirror import mirror_state
from bridge.types import FaceState, Presence

MakeState = Callable[..., FaceState]


def _named(frame: VtsFrame) -> dict[str, float]:
    return dict(zip(frame.names, frame.values, strict=True))


def _values(state: FaceState, **options: object) -> dict[str, float]:
    return _named(VtsMapping(**options).step(state))  # type: ignore[arg-type]  # each test knows what it passes


def test_a_resting_face_rests() -> None:
    """The values that VTube Studio calls neutral: smile and brows in the middle, eyes open, all else 0."""
    expected = {parameter.name: parameter.rest for parameter in DEFAULTS}

    assert expected == _values(FaceState.rest())
    assert {"MouthSmile": 0.5, "Brows": 0.5, "BrowLeftY": 0.5, "BrowRightY": 0.5, "EyeOpenLeft": 1.0, "EyeOpenRight": 1.0} == {
        name: rest for name, rest in expected.items() if rest
    }


def test_the_avatar_is_a_mirror_image(make_state: MakeState) -> None:
    """Own left is the left of the screen, up is up, and the own right shoulder is the right of the screen."""
    values = _values(make_state(yaw=20, pitch=10, roll=-5, position_m=(0.05, 0.02, 0.03)))

    assert [-20, -10, -5] == [pytest.approx(values[f"FaceAngle{axis}"], abs=1e-9) for axis in "XYZ"]
    assert [-5, 2, 3] == [pytest.approx(values[f"FacePosition{axis}"], abs=1e-9) for axis in "XYZ"]


def test_the_avatars_left_side_takes_the_users_right(make_state: MakeState) -> None:
    """Lids, brows and eyes; own: the user's left."""
    weights = {"eyeBlinkRight": 0.75, "browOuterUpRight": 0.25, "eyeLookUpRight": 0.5}
    state = make_state(weights=weights)
    mirrored, own = _values(state), _values(state, sides="own")

    assert (0.25, 1.0, 0.75, 0.5, 0.5, 0.0) == tuple(
        mirrored[n] for n in ("EyeOpenLeft", "EyeOpenRight", "BrowLeftY", "BrowRightY", "EyeLeftY", "EyeRightY")
    )
    assert (1.0, 0.25, 0.5, 0.75, 0.0, 0.5) == tuple(
        own[n] for n in ("EyeOpenLeft", "EyeOpenRight", "BrowLeftY", "BrowRightY", "EyeLeftY", "EyeRightY")
    )


def test_both_eyes_look_to_the_same_side(make_state: MakeState) -> None:
    """+ is the own right, which is the right of the screen."""
    right = _values(make_state(weights={"eyeLookInLeft": 0.5, "eyeLookOutRight": 0.5}))
    left = _values(make_state(weights={"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5}))

    assert (0.5, 0.5) == (right["EyeLeftX"], right["EyeRightX"])
    assert (-0.5, -0.5) == (left["EyeLeftX"], left["EyeRightX"])


def test_the_houses_mirror_undoes_the_mirror_image(make_state: MakeState) -> None:
    """A state that was mirrored before turns X and Z and swaps the sides: the avatar moves like a person opposite."""
    state = make_state(seed=3, position_m=(0.1, 0.0, 0.0))
    plain, mirrored = _values(state), _values(mirror_state(state))
    swapped = {
        name: plain[name.replace("Left", "\0").replace("Right", "Left").replace("\0", "Right")]
        * (-1.0 if name.endswith("X") or name == "FaceAngleZ" else 1.0)
        for name in plain
    }

    assert {name: pytest.approx(value, abs=1e-6) for name, value in swapped.items()} == mirrored


def test_every_axis_can_be_turned(make_state: MakeState) -> None:
    """One switch, its parameters, no other."""
    state = make_state(
        yaw=20, pitch=10, roll=-5, position_m=(0.05, 0.02, 0.03),
        weights={"eyeLookInLeft": 0.5, "eyeLookOutRight": 0.5, "eyeLookUpLeft": 0.25, "eyeLookUpRight": 0.25, "mouthLeft": 0.5},
    )  # fmt: skip
    plain = _values(state)
    turned = {
        "angle_x": {"FaceAngleX"}, "angle_y": {"FaceAngleY"}, "angle_z": {"FaceAngleZ"}, "position_x": {"FacePositionX"},
        "position_y": {"FacePositionY"}, "position_z": {"FacePositionZ"}, "gaze_x": {"EyeLeftX", "EyeRightX"},
        "gaze_y": {"EyeLeftY", "EyeRightY"}, "mouth_x": {"MouthX"},
    }  # fmt: skip

    for axis, names in turned.items():
        values = _values(state, inverted=Inverted(**{axis: True}))
        assert names == {name for name, value in values.items() if value != plain[name]}
        assert {name: -plain[name] for name in names} == {name: values[name] for name in names}


def test_the_52_are_custom_parameters_with_their_own_sides(make_state: MakeState) -> None:
    """PascalCase; two of them are VTube Studio's own, and none comes twice."""
    state = make_state(seed=5)
    frame = VtsMapping(parameters="both").step(state)
    weights = dict(zip(arkit.PASCAL, state.weights.tolist(), strict=True))

    assert len(DEFAULTS) + 50 == len(set(frame.names)) == len(frame.names)
    assert weights == {name: value for name, value in _named(frame).items() if name in weights}
    assert weights == _values(state, parameters="arkit")
    assert all(map(is_custom_name, frame.names))


def test_rules_become_custom_parameters(make_state: MakeState) -> None:
    """As far as VTube Studio takes their names; one that is called like a parameter replaces it."""
    extras = (("HappyFace", 0.5), ("MouthOpen", 0.25), ("no good", 1.0), ("Fun", 1.0), ("Infinite", float("inf")), ("Huge", 1e9))
    frame = VtsMapping().step(replace(make_state(), extras=extras))
    values = _named(frame)

    assert ("HappyFace", "Huge") == frame.names[-2:]
    assert (0.5, 0.25, 1e6) == (values["HappyFace"], values["MouthOpen"], values["Huge"])
    assert len(DEFAULTS) + 2 == len(values)


def test_names_stay_the_same_object(make_state: MakeState) -> None:
    """So that a frame costs no comparison of a hundred names, rules or not."""
    mapping = VtsMapping()
    state = replace(make_state(), extras=(("HappyFace", 0.5),))

    assert mapping.step(make_state()).names is mapping.step(make_state(seed=1)).names
    assert mapping.step(state).names is mapping.step(state).names


@pytest.mark.parametrize(("presence", "found"), [(Presence.LIVE, True), (Presence.HELD, True), (Presence.LOST, False)], ids=str)
def test_a_face_is_found_until_it_is_lost(make_state: MakeState, presence: Presence, found: bool) -> None:
    """A moment of holding still is no reason for the tracking-lost animation."""
    assert found is VtsMapping().step(make_state(presence=presence)).face_found


def test_without_a_neutral_the_position_counts_from_where_the_head_was_first(make_state: MakeState) -> None:
    """Half a metre from the camera is no position; once a neutral is set, and at rest, it counts from there."""
    mapping = VtsMapping()

    def position(**how: object) -> list[float]:
        values = _named(mapping.step(make_state(**how)))
        return [round(values[f"FacePosition{axis}"], 6) for axis in "XYZ"]

    assert [0, 0, 0] == [round(v, 6) for v in _named(mapping.step(FaceState.rest())).values()][:3]
    assert [0, 0, 0] == position(position_m=(0.1, -0.2, -0.5))
    assert [-2, 1, -10] == position(position_m=(0.12, -0.19, -0.6))
    assert [-2, 1, -10] == position(position_m=(0.12, -0.19, -0.6), presence=Presence.LOST)
    assert [0, 0, 0] == [round(v, 6) for v in _named(mapping.step(FaceState.rest())).values()][:3]
    assert [-3, 0, 1] == position(position_m=(0.03, 0.0, 0.01))
    assert [-3, 0, -15] == position(position_m=(0.03, 0.0, -0.15))
    assert [-3, 0, -30] == position(position_m=(0.03, 0.0, -0.3))


def test_the_position_can_be_scaled_and_left_out(make_state: MakeState) -> None:
    """Its unit is not documented."""
    state = make_state(position_m=(0.0, 0.02, 0.0))

    assert 4.0 == pytest.approx(_values(state, position_scale=2.0)["FacePositionY"])
    assert len(DEFAULTS) - 3 == len(_values(state, position_scale=0.0))
    assert "FacePositionX" not in _values(state, position_scale=0.0)


@pytest.mark.parametrize("recipes", ["standard", "vbridger"])
def test_relative_values_are_nothing_at_rest(recipes: str) -> None:
    """What is added to a parameter must not move a resting face."""
    assert {0.0} == {abs(value) for value in _values(FaceState.rest(), recipes=recipes, relative=True).values()}


def test_vbridgers_head_is_coupled(make_state: MakeState) -> None:
    """The sheet's formulas by hand: yaw 20, pitch 10, roll -5 give X -17.78 - 1.11, Y -10, Z -4.44 + 4.44."""
    values = _values(make_state(yaw=20, pitch=10, roll=-5), recipes="vbridger")

    assert -20 * 80 / 90 + -5 * 10 / 45 == pytest.approx(values["FaceAngleX"])
    assert -10 == pytest.approx(values["FaceAngleY"])
    assert -5 * 80 / 90 + 20 * 10 / 45 == pytest.approx(values["FaceAngleZ"])
