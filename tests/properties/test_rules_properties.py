"""Laws of mapping rules, for any face and any rules."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bridge import arkit, space
from bridge.mapping.rules import LIMIT, SOURCES, RuleSet
from bridge.settings import RuleSettings
from bridge.stages.mirror import mirror_state
from bridge.types import FaceState, Gaze, HeadPose, Presence, frozen_array

finite = st.floats(-1e6, 1e6)
degrees = st.floats(-80, 80)


@st.composite
def states(draw: st.DrawFn) -> FaceState:
    """Any LIVE face."""
    weights = np.random.default_rng(draw(st.integers(0, 2**32))).random(52, dtype=np.float32)
    weights[draw(st.integers(0, 51))] = draw(st.sampled_from([0.0, 1.0]))
    head = HeadPose(
        position_m=frozen_array(np.array([draw(st.floats(-1e9, 1e9)) for _ in range(3)])),
        quat_xyzw=frozen_array(space.from_euler_deg(yaw=draw(degrees), pitch=draw(degrees), roll=draw(degrees))),
    )
    gaze = Gaze(left_deg=(draw(degrees), draw(degrees)), right_deg=(draw(degrees), draw(degrees)))
    return FaceState(
        subject=0, seq=0, t=0.0, t_done=0.0, presence=Presence.LIVE, weights=frozen_array(weights),
        head=draw(st.sampled_from([head, None])), gaze=gaze,
    )  # fmt: skip


@st.composite
def shapes(draw: st.DrawFn) -> RuleSettings:
    """Any rule that settings let through."""
    source = st.sampled_from(SOURCES) | finite
    tree = {
        "sources": draw(
            st.lists(source | st.fixed_dictionaries({"name": st.sampled_from(SOURCES), "scale": finite}), min_size=2, max_size=5)
        ),
        "combine": draw(st.sampled_from(["sum", "mean", "max", "diff"])),
        "dead_zone": draw(st.sampled_from([0.0, 0.1, 1e6])),
        "scale": draw(finite),
        "offset": draw(finite),
        "clip": draw(st.none() | st.tuples(st.floats(-1e6, -1e-3), st.floats(1e-3, 1e6))),
    }
    xs = sorted(draw(st.sets(st.integers(-1000, 1000), max_size=6)))
    if len(xs) > 1:
        tree["curve"] = [(x / 100, draw(finite)) for x in xs]
    else:
        tree["gamma"] = draw(st.floats(0.1, 10))
    return RuleSettings.model_validate(tree)


@given(states())
def test_rules_that_name_only_their_target_change_no_bit(state: FaceState) -> None:
    """Identity, through matrix, straight curve and clip."""
    straight = RuleSettings(curve=((0.0, 0.0), (1.0, 1.0)), clip=(0.0, 1.0))
    for rule in (RuleSettings(), straight):
        made = RuleSet(dict.fromkeys(arkit.PASCAL, rule)).apply(state)

        assert state.weights.tobytes() == made.weights.tobytes()


@given(states(), st.dictionaries(st.sampled_from([*arkit.NAMES, "A", "B", "C", "D"]), shapes(), max_size=8))
def test_finite_in_is_finite_out_and_within_bounds(state: FaceState, rules: dict[str, RuleSettings]) -> None:
    """Coefficients 0..1, named values within +-1,000,000 and their own clip, whatever was multiplied."""
    made = RuleSet(rules).apply(state)

    assert bool(np.isfinite(made.weights).all())
    assert (0.0 <= made.weights).all()
    assert (made.weights <= 1.0).all()
    for name, value in made.extras:
        low, high = rules[name].clip or (-LIMIT, LIMIT)
        assert math.isfinite(value)
        assert low <= value <= high


@given(states(), st.lists(shapes(), min_size=1, max_size=4))
def test_named_values_of_a_mirrored_output_are_those_of_the_mirrored_face(state: FaceState, rules: list[RuleSettings]) -> None:
    """The same as mirroring first; nothing else of the state differs."""
    named = {f"V{i}": rule for i, rule in enumerate(rules)}
    before = mirror_state(RuleSet(named, mirrored=True).apply(state))
    after = RuleSet(named).apply(mirror_state(state))

    assert after.weights.tobytes() == before.weights.tobytes()
    for (name, expected), (_, value) in zip(after.extras, before.extras, strict=True):
        assert math.isclose(expected, value, rel_tol=1e-6, abs_tol=_slack(named[name])), name


def _slack(rule: RuleSettings) -> float:
    """What rounding may cost where large numbers cancel and what is left is made large again."""
    size = sum(abs(source.scale) * (1e6 if source.value is None else abs(source.value)) for source in rule.sources)
    steep = max([abs(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(rule.curve, rule.curve[1:], strict=False)], default=1.0)
    return math.inf if rule.gamma != 1.0 else 1e-12 * (size * abs(rule.scale) + abs(rule.offset) + 1e6) * max(1.0, steep)


@given(states(), st.dictionaries(st.sampled_from(arkit.NAMES), st.floats(0.1, 3), min_size=1, max_size=6))
def test_coefficient_rules_and_mirror_commute_when_the_rules_swap_sides_too(state: FaceState, scales: dict[str, float]) -> None:
    """A stronger left lid of the face is a stronger right lid of its mirror image."""
    other_side = {arkit.NAMES[arkit.MIRROR_INDEX[arkit.INDEX[name]]]: scale for name, scale in scales.items()}
    own = RuleSet({name: RuleSettings(scale=scale) for name, scale in scales.items()}, mirrored=True)
    swapped = RuleSet({name: RuleSettings(scale=scale) for name, scale in other_side.items()})

    assert swapped.apply(mirror_state(state)).weights.tobytes() == mirror_state(own.apply(state)).weights.tobytes()


@given(states(), st.lists(st.sampled_from(SOURCES), min_size=2, max_size=6))
def test_combinations_are_what_python_makes_of_the_same_numbers(state: FaceState, names: list[str]) -> None:
    """Sum, mean, max, and the first minus the others."""
    rules = {name: RuleSettings.model_validate({"sources": [name]}) for name in SOURCES if name not in arkit.INDEX}
    values = {name: float(weight) for name, weight in zip(arkit.NAMES, state.weights, strict=True)}
    values |= dict(RuleSet(rules).apply(state).extras)
    numbers = [values[name] for name in names]
    made = RuleSet({
        way: RuleSettings.model_validate({"sources": names, "combine": way}) for way in ("sum", "mean", "max", "diff")
    }).apply(state)  # fmt: skip
    expected = (sum(numbers), sum(numbers) / len(numbers), max(numbers), numbers[0] - sum(numbers[1:]))
    slack = 1e-9 * max(1.0, *map(abs, numbers)) * len(numbers)

    for (way, value), right in zip(made.extras, expected, strict=True):
        bounded = min(LIMIT, max(-LIMIT, right))
        assert math.isclose(bounded, value, rel_tol=1e-9, abs_tol=slack), way
