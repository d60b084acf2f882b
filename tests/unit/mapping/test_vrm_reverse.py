"""VRM presets as ARKit coefficients, and there and back."""

from __future__ import annotations

import numpy as np
import pytest

from bridge import arkit
from bridge.mapping.gaze import gaze_of
from bridge.mapping.vrm import PRESETS, VRM0_NAMES, VrmMapping
from bridge.mapping.vrm_reverse import PRESET_OF, weights_from_presets
from bridge.types import GAZE_AHEAD, Gaze


def test_every_preset_is_known_in_both_spellings() -> None:
    """In lower case; blink and the spelling of VRM 0 as well."""
    assert {*PRESETS, "blink"} == set(PRESET_OF.values())
    assert ["blinkLeft", "happy", "aa"] == [PRESET_OF[name] for name in ("blink_l", "joy", "a")]
    assert all(PRESET_OF[old.lower()] == new for old, new in zip(VRM0_NAMES, PRESETS, strict=True))


def test_no_preset_is_also_a_coefficient() -> None:
    """A name is one or the other."""
    assert [] == [name for name in PRESET_OF if arkit.find(name) is not None]


def test_nothing_named_is_the_resting_face() -> None:
    """Also read-only, as all weights are."""
    weights = weights_from_presets({})

    assert not weights.any()
    assert (52,) == weights.shape
    assert weights.dtype == np.float32
    assert not weights.flags.writeable


@pytest.mark.parametrize("name", [name for name in PRESETS if not name.startswith("look")])
def test_every_preset_moves_something_and_nothing_leaves_its_range(name: str) -> None:
    """Even all of them at once, and far too much of each."""
    assert weights_from_presets({name: 1.0}).max() > 0.2
    everything = weights_from_presets(dict.fromkeys(PRESETS, 9.0))
    assert 0.0 <= everything.min()
    assert 1.0 == everything.max()


@pytest.mark.parametrize("name", ["aa", "ih", "ou"])
def test_a_vowel_is_still_the_loudest_after_the_way_back(name: str) -> None:
    """Presets -> coefficients -> presets: an A stays an A. (E is weak whatever the face, but it is there.)"""
    back = VrmMapping().step(weights_from_presets({name: 0.8}), GAZE_AHEAD)
    vowels = dict(zip(PRESETS[:5], back[:5].tolist(), strict=True))

    assert name == max(vowels, key=vowels.__getitem__)
    assert VrmMapping().step(weights_from_presets({"ee": 0.8}), GAZE_AHEAD)[PRESETS.index("ee")] > 0.1


def test_a_and_o_open_the_jaw_alike() -> None:
    """What ``mapping.vrm`` splits into the two adds up again."""
    weights = weights_from_presets({"aa": 0.25, "oh": 0.5})

    assert 0.75 == pytest.approx(weights[arkit.INDEX["jawOpen"]])


@pytest.mark.parametrize("gaze", [Gaze(left_deg=(19.0, -7.0), right_deg=(-12.0, 14.0)), GAZE_AHEAD])
def test_a_gaze_comes_back_as_it_was(gaze: Gaze) -> None:
    """Each eye, both axes, signs included."""
    back = gaze_of(weights_from_presets({}, gaze))

    assert (*gaze.left_deg, *gaze.right_deg) == pytest.approx((*back.left_deg, *back.right_deg), abs=1e-4)


def test_look_expressions_are_the_gaze_of_both_eyes() -> None:
    """lookLeft is the own left: 40 degrees at 1."""
    back = gaze_of(weights_from_presets({"lookLeft": 0.5, "lookDown": 0.25}))

    assert (20.0, 10.0, 20.0, 10.0) == pytest.approx((*back.left_deg, *back.right_deg), abs=1e-4)
