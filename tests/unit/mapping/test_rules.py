"""Mapping rules: what each key does, in which order, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge import arkit
from bridge.errors import ConfigError
from bridge.mapping.rules import LIMIT, SOURCES, RuleSet, doubts, find_source, merged, problems
from bridge.settings import RuleSettings, Settings
from bridge.stages.mirror import mirror_state
from bridge.types import FaceState, Gaze

MakeState = Callable[..., FaceState]


def _rules(tree: Any) -> dict[str, RuleSettings]:
    rules = Settings.model_validate({"rules": tree}).rules
    assert isinstance(rules, dict)
    return rules


def _value(state: FaceState, **rule: Any) -> float:
    """What one rule makes of a state, as a named value."""
    ((name, value),) = RuleSet(_rules({"Made": rule})).apply(state).extras
    assert "Made" == name
    return value


# --- one rule --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"sources": "jawOpen"}, 0.5),
        ({"sources": ["jawOpen"], "scale": 3, "offset": -1}, 0.5),
        ({"sources": ["jawOpen", "mouthFunnel", 2]}, 2.75),
        ({"sources": [{"name": "jawOpen", "scale": -2}, {"value": 0.5, "scale": 4}]}, 1.0),
        ({"sources": ["jawOpen", "mouthFunnel"], "combine": "mean"}, 0.375),
        ({"sources": ["jawOpen", "mouthFunnel", 0.125], "combine": "diff"}, 0.125),
        ({"sources": ["mouthFunnel", "jawOpen", 0.375], "combine": "max"}, 0.5),
        ({"sources": ["mouthFunnel", "jawOpen"], "combine": "max", "scale": -1, "offset": 1}, 0.5),
        ({"sources": ["jawOpen"], "dead_zone": 0.125}, 0.375),
        ({"sources": ["mouthFunnel"], "dead_zone": 0.5}, 0.0),
        ({"sources": [{"name": "jawOpen", "scale": -1}], "dead_zone": 0.25, "scale": 2, "offset": 1}, 0.5),
        ({"sources": ["jawOpen"], "clip": [0, 0.25]}, 0.25),
        ({"sources": ["jawOpen"], "scale": -1, "clip": [-0.25, 1]}, -0.25),
        ({"sources": ["jawOpen"], "gamma": 2}, 0.25),
        ({"sources": ["jawOpen"], "scale": -1, "gamma": 2}, -0.25),
        ({"sources": ["jawOpen"], "curve": [[0, 0], [0.25, 0.5], [0.75, 1]]}, 0.75),
        ({"sources": ["jawOpen"], "curve": [[0, 1], [1, 0]]}, 0.5),
        ({"sources": [-5], "curve": [[0, 0.125], [1, 1]]}, 0.125),
        ({"sources": [5], "curve": [[0, 0.125], [1, 1]]}, 1.0),
        ({"sources": ["jawOpen"], "scale": 2, "offset": -0.5, "curve": [[0, 0], [1, 4]], "clip": [0, 1.5]}, 1.5),
        ({"sources": [1e6], "scale": 1e6}, LIMIT),
    ],
)
def test_every_key_does_what_it_says(make_state: MakeState, rule: dict[str, Any], expected: float) -> None:
    """Sources, combine, dead zone, scale, offset, curve or gamma, clip; in this order."""
    state = make_state(weights={"jawOpen": 0.5, "mouthFunnel": 0.25})

    assert expected == pytest.approx(_value(state, **rule), abs=1e-12)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("headYaw", 20.0), ("head.pitch", 10.0), ("HEAD_ROLL", -5.0), ("headX", 0.25), ("head y", -0.125), ("HeadZ", -0.5),
        ("gazeLeftYaw", 1.0), ("gaze_left_pitch", 2.0), ("gaze.right.yaw", 3.0), ("GazeRightPitch", 4.0),
        ("EYE_BLINK_LEFT", 0.75), ("EyeBlinkLeft", 0.75), ("eyeBlink_L", 0.75), ("faceeyeblinkleft", 0.75),
    ],
)  # fmt: skip
def test_head_gaze_and_every_spelling_can_be_read(make_state: MakeState, source: str, expected: float) -> None:
    """Degrees and metres of bridge space."""
    state = make_state(
        weights={"eyeBlinkLeft": 0.75}, yaw=20, pitch=10, roll=-5, position_m=(0.25, -0.125, -0.5),
        gaze=Gaze(left_deg=(1.0, 2.0), right_deg=(3.0, 4.0)),
    )  # fmt: skip

    assert expected == pytest.approx(_value(state, sources=[source]), abs=1e-9)


def test_a_head_that_is_not_known_is_read_as_straight(make_state: MakeState) -> None:
    """Also after a frame that had one."""
    rules = RuleSet(_rules({"Made": {"sources": ["headYaw", "headZ"], "offset": 1}}))
    rules.apply(make_state(yaw=30))

    assert (("Made", 1.0),) == rules.apply(make_state(head=None)).extras


# --- targets ---------------------------------------------------------------------------------------------------------


def test_a_coefficient_is_replaced_within_0_and_1(make_state: MakeState) -> None:
    """Every other one, and everything else of the state, stays; the state that was given too."""
    state = make_state(seed=3, t=7.0)
    made = RuleSet(_rules({"JawOpen": {"sources": [2]}, "mouthClose": {"sources": [-1], "clip": [-2, -1]}})).apply(state)
    expected = state.weights.copy()
    expected[arkit.INDEX["jawOpen"]], expected[arkit.INDEX["mouthClose"]] = 1.0, 0.0

    assert expected.tolist() == made.weights.tolist()
    assert not made.weights.flags.writeable
    assert (state.t, state.head, state.gaze, state.presence, ()) == (made.t, made.head, made.gaze, made.presence, made.extras)
    assert 1.0 != state.weights[arkit.INDEX["jawOpen"]]


def test_a_rule_without_sources_shapes_its_target(make_state: MakeState) -> None:
    """``[rules.jawOpen] scale = 1.5`` is all that is needed."""
    made = RuleSet(_rules({"jawOpen": {"scale": 1.5}})).apply(make_state(weights={"jawOpen": 0.5}))

    assert 0.75 == float(made.weights[arkit.INDEX["jawOpen"]])


def test_rules_never_see_each_other(make_state: MakeState) -> None:
    """Two that read each other's target swap: both read what was tracked."""
    made = RuleSet(_rules({"mouthLeft": {"sources": "mouthRight"}, "mouthRight": {"sources": "mouthLeft"}})).apply(
        make_state(weights={"mouthLeft": 0.25, "mouthRight": 0.75})
    )

    assert (0.75, 0.25) == (float(made.weights[arkit.INDEX["mouthLeft"]]), float(made.weights[arkit.INDEX["mouthRight"]]))


def test_named_values_keep_their_order_whatever_stands_between(make_state: MakeState) -> None:
    """Receivers may build their layout from it."""
    rules = RuleSet(_rules({"Z": {"sources": [1]}, "jawOpen": {"sources": [0]}, "A b/ü": {"sources": [2, 3], "combine": "max"}}))

    assert ("Z", "A b/ü") == rules.names
    assert (("Z", 1.0), ("A b/ü", 3.0)) == rules.apply(make_state()).extras


# --- sides -----------------------------------------------------------------------------------------------------------


def test_a_correction_of_the_own_left_eye_is_seen_at_the_mirrors_right(make_state: MakeState) -> None:
    """Rules for coefficients know the subject's own sides; the mirror comes after."""
    rules = RuleSet(_rules({"eyeBlinkLeft": {"scale": 2}}), mirrored=True)
    shown = mirror_state(rules.apply(make_state(weights={"eyeBlinkLeft": 0.25, "eyeBlinkRight": 0.125})))

    assert (0.125, 0.5) == tuple(float(shown.weights[arkit.INDEX[name]]) for name in ("eyeBlinkLeft", "eyeBlinkRight"))


def test_named_values_of_a_mirrored_output_are_of_the_mirrored_face(make_state: MakeState) -> None:
    """Beside an avatar that blinks with its left eye, the value for the left eye says so; a turn left is one right."""
    tree = {
        name: {"sources": name.removeprefix("My")}
        for name in ("MyeyeBlinkLeft", "MyheadYaw", "MyheadPitch", "MyheadX", "MygazeLeftYaw", "MygazeLeftPitch")
    }
    state = make_state(
        weights={"eyeBlinkRight": 0.75}, yaw=20, pitch=10, position_m=(0.25, 0.0, 0.0),
        gaze=Gaze(left_deg=(1.0, 2.0), right_deg=(3.0, 4.0)),
    )  # fmt: skip
    shown = mirror_state(RuleSet(_rules(tree), mirrored=True).apply(state))
    expected = (0.75, -20.0, 10.0, -0.25, -3.0, 4.0)

    assert [pytest.approx(value, abs=1e-9) for value in expected] == [value for _, value in shown.extras]


# --- several sets, and names -----------------------------------------------------------------------------------------


def test_later_layers_go_before() -> None:
    """Whatever the spelling of the coefficient."""
    both = merged([_rules({"jawOpen": {"scale": 1}, "X": {"sources": 1}}), _rules({"JAW_OPEN": {"scale": 2}})])

    assert {"jawOpen": 2.0, "X": 1.0} == {target: rule.scale for target, rule in both.items()}


def test_wrong_names_are_told_all_at_once_with_what_was_perhaps_meant() -> None:
    """A line each."""
    rules = _rules({
        "Mouth": {"sources": ["jawOpn", "mouthClose", "headYa", "qqq"]},
        "Nothing": {"scale": 2},
        "jawOpen": {},
        "JawOpen": {},
    })  # fmt: skip
    expected = [
        "rules.Mouth.sources: 'jawOpn' cannot be read; did you mean jawOpen?",
        "rules.Mouth.sources: 'headYa' cannot be read; did you mean headYaw?",
        "rules.Mouth.sources: 'qqq' cannot be read",
        "rules.Nothing: nothing is read; Nothing is no source itself, so write sources = [...]",
        "rules.JawOpen: jawOpen is the same coefficient; keep one of the two rules",
    ]

    assert expected == problems(rules)
    with pytest.raises(ConfigError) as caught:
        RuleSet(rules)
    assert expected == str(caught.value).splitlines()


def test_a_target_that_is_almost_a_coefficient_is_doubted() -> None:
    """It may be meant; it is told once."""
    rules = _rules({"jawOpn": {"sources": 1}, "MouthOpen": {"sources": 1}, "JawOpen": {}})

    assert ["rules.jawOpn: makes a new value of this name; did you mean jawOpen?"] == doubts(rules)


def test_every_source_is_found_by_its_own_name() -> None:
    """52 coefficients, 6 of the head, 4 of the eyes."""
    assert list(range(62)) == [find_source(name) for name in SOURCES]


def test_no_rules_change_nothing(make_state: MakeState) -> None:
    """An empty file is allowed."""
    state = make_state(seed=1)
    made = RuleSet({}).apply(state)

    assert state.weights is made.weights
    assert () == made.extras


def test_a_frame_of_many_rules_is_right_everywhere(make_state: MakeState) -> None:
    """Rules of different shapes beside each other do not touch each other: against a rule at a time."""
    state = make_state(seed=5)
    random = np.random.default_rng(0)
    tree: dict[str, Any] = {}
    for i in range(60):
        names = [str(name) for name in random.choice(SOURCES, size=3)]
        tree[f"V{i}"] = {"sources": names, "combine": ["sum", "mean", "max", "diff"][i % 4], "scale": float(random.normal())}
        if i % 3 == 0:
            tree[f"V{i}"]["curve"] = sorted((float(x), float(y)) for x, y in random.normal(size=(2 + i % 5, 2)))
        elif i % 3 == 1:
            tree[f"V{i}"] |= {"gamma": 1.5, "dead_zone": 0.1, "clip": [-1.0, 2.0]}
    together = dict(RuleSet(_rules(tree)).apply(state).extras)

    assert {name: pytest.approx(_value(state, **rule), rel=1e-9, abs=1e-9) for name, rule in tree.items()} == together
