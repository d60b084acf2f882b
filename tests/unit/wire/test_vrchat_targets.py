"""Which address gets which parameter."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bridge.mapping.unified import V1, V2
from bridge.wire.vrchat_avatar import AvatarParameters
from bridge.wire.vrchat_targets import PARAMETERS, STATUS, Names, Targets, targets_of, whole_set


def _avatar(types: dict[str, str]) -> AvatarParameters:
    return AvatarParameters(
        avatar_id="avtr_1", types={name if name.startswith("/") else PARAMETERS + name: tag for name, tag in types.items()}
    )


def _floats(targets: Targets) -> dict[str, str]:
    return {address.removeprefix(PARAMETERS): each.name for address, each in targets.floats}


def _all(targets: Targets) -> list[str]:
    return [*(address for address, _ in targets.floats), *(each.address for each in targets.bools), *targets.status]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("v2/JawOpen", "v2/JawOpen"),
        ("FT/v2/JawOpen", "v2/JawOpen"),
        ("Any/Deep/Prefix/v2/JawOpen", "v2/JawOpen"),
        ("FT/v2/Head/Yaw", "v2/Head/Yaw"),
        ("/elsewhere/v2/JawOpen", "v2/JawOpen"),
        ("JawOpen", "JawOpen"),
        ("Old/JawOpen", "JawOpen"),
    ],
)
def test_any_prefix_matches(address: str, name: str) -> None:
    """Also an input address that the user has moved."""
    assert {address: name} == _floats(targets_of(_avatar({address: "f"})))


@pytest.mark.parametrize(
    "address", ["v3/JawOpen", "FT/v2/v2/JawOpen", "v2/jawOpen", "v2/JawOpens", "Myv2/JawOpen", "NotJawOpen", "v2/Unheard", "v2"]
)
def test_what_is_not_a_parameters_name_does_not(address: str) -> None:
    """Case matters; behind a version there is no v1 name; only whole parts count."""
    targets = targets_of(_avatar({address: "f"}))

    assert {} == {place: name for place, name in _floats(targets).items() if name != "v2/JawOpen" or place != address}
    assert 0 == len(targets)


def test_a_float_is_not_driven_as_something_else() -> None:
    """A single bool of that name means a threshold, and is left alone; ints are not sent at all."""
    assert 0 == len(targets_of(_avatar({"v2/JawOpen": "T", "v2/JawX": "i", "v2/Other": "f"})))


def test_bits_of_one_prefix_are_one_number() -> None:
    """n is how many there are; each prefix counts for itself; 3 and 16384 are no bits of ours."""
    targets = targets_of(
        _avatar(
            dict.fromkeys(["A/v2/JawX1", "A/v2/JawX2", "A/v2/JawX3", "A/v2/JawX16384", "A/v2/JawXNegative", "B/v2/JawX1"], "T")
        )
    )

    assert {("A/v2/JawX1", 0, 2, True), ("A/v2/JawX2", 1, 2, True), ("B/v2/JawX1", 0, 1, False)} == {
        (each.address.removeprefix(PARAMETERS), each.bit, each.count, each.with_negative) for each in targets.bits
    }
    assert ["A/v2/JawXNegative"] == [each.address.removeprefix(PARAMETERS) for each in targets.signs]


def test_bits_of_a_name_that_ends_in_a_digit() -> None:
    """v1's TongueLongStep1 as a number, and itself as a float."""
    targets = targets_of(_avatar({"TongueLongStep1": "f", "TongueLongStep11": "T", "TongueLongStep12": "T"}))

    assert {"TongueLongStep1": "TongueLongStep1"} == _floats(targets)
    assert {("TongueLongStep1", 0), ("TongueLongStep1", 1)} == {(each.parameter.name, each.bit) for each in targets.bits}


def test_legacy_lids_have_other_values_as_bits() -> None:
    """The float is the expanded lid, the bits are the part of it that moves."""
    targets = targets_of(_avatar({"LeftEyeLidExpanded": "f", "LeftEyeLidExpanded1": "T", "LeftEyeWidenToggle": "T"}))
    float_parameter = targets.floats[0][1]

    assert float_parameter.name == targets.bits[0].parameter.name
    assert float_parameter is not targets.bits[0].parameter
    assert [True] == [each.toggle for each in targets.signs]


def test_status_is_found_under_any_prefix() -> None:
    """As bools only; it is no face parameter."""
    targets = targets_of(_avatar({"EyeTrackingActive": "T", "FT/LipTrackingActive": "T", "ExpressionTrackingActive": "f"}))

    assert {"EyeTrackingActive", "FT/LipTrackingActive"} == {place.removeprefix(PARAMETERS) for place in targets.status}
    assert 0 == len(targets)


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ({}, (False, False)),
        ({"v2/JawX": "f", "v2/EyeWideLeft": "f", "NotAnEyeX": "f"}, (False, False)),
        ({"FT/v2/EyeLeftX": "f"}, (True, False)),
        ({"FT/v2/EyeY1": "T"}, (True, False)),
        ({"EyesX": "f"}, (True, False)),
        ({"FT/v2/EyeLidLeft": "f"}, (False, True)),
        ({"FT/v2/EyeOpen1": "T"}, (False, True)),
        ({"CombinedEyeLid": "f", "LeftEyeY": "f"}, (True, True)),
        ({"FT/v2/EyeLeftX": "i"}, (False, False)),
    ],
)
def test_whose_the_eyes_are(types: dict[str, str], expected: tuple[bool, bool]) -> None:
    """Parameters for gaze and for lids, each for itself; what is not driven does not count."""
    targets = targets_of(_avatar(types))

    assert expected == (targets.own_gaze, targets.own_lids)


@pytest.mark.parametrize("address", ["/avatar/parameters/\ud800/v2/JawOpen", "/" + 300 * "x" + "/v2/JawOpen", "/a\0b/v2/JawOpen"])
def test_addresses_that_osc_cannot_carry_are_passed_over(address: str) -> None:
    """A file or a server may say anything."""
    assert 0 == len(targets_of(_avatar({address: "f", "v2/JawOpen": "f"}))) - 1


@pytest.mark.parametrize("names", ["v2", "v1", "both"])
@pytest.mark.parametrize("bits", [0, 8])
def test_the_whole_set_names_every_address_once(names: Names, bits: int) -> None:
    """Twice would be two values for one parameter."""
    targets = whole_set(names=names, bits=bits)
    addresses = _all(targets)

    assert len(addresses) == len(set(addresses))
    assert set(STATUS) == {place.removeprefix(PARAMETERS) for place in targets.status}
    assert (names != "v1") == any("/FT/v2/" in address for address in addresses)
    assert (names != "v2") == (PARAMETERS + "MouthPout" in addresses)


def test_an_avatar_that_has_the_whole_set_gets_it() -> None:
    """The two ways agree: what is sent blindly is what such an avatar would be found to have."""
    blind = whole_set(names="both", bits=4)
    types = {address: "f" for address, _ in blind.floats} | {each.address: "T" for each in blind.bools}
    found = targets_of(AvatarParameters(avatar_id=None, types=types | dict.fromkeys(blind.status, "T")))

    def as_set(entries: Iterable[object]) -> set[str]:
        return set(map(str, entries))

    assert set(blind.floats) == set(found.floats)
    assert as_set((each.address, each.parameter.name, each.bit, each.count) for each in blind.bits) == as_set(
        (each.address, each.parameter.name, each.bit, each.count) for each in found.bits
    )
    assert as_set((each.address, each.toggle) for each in blind.signs) == as_set(
        (each.address, each.toggle) for each in found.signs
    )
    assert set(blind.status) == set(found.status)
    assert {each.name for each in (*V2, *V1)} == {
        *(each.name for _, each in found.floats), *(each.parameter.name for each in found.bools)
    }  # fmt: skip


def test_parts_can_be_left_out() -> None:
    """Head and status, whether the avatar is known or not."""
    avatar = _avatar({"v2/Head/Yaw": "f", "EyeTrackingActive": "T", "v2/JawOpen": "f"})
    for targets in (targets_of(avatar, head=False, status=False), whole_set(head=False, status=False)):
        assert not [address for address in _all(targets) if "Head" in address or "Active" in address]
        assert [address for address in _all(targets) if address.endswith("v2/JawOpen")]


def test_the_prefix_takes_the_place_of_the_version() -> None:
    """v2/ without a folder, or a folder of one's own; v1 has none."""
    assert "/avatar/parameters/v2/JawOpen" in _all(whole_set(prefix="v2/"))
    assert "/avatar/parameters/My/v2/Head/Yaw" in _all(whole_set(prefix="My/v2/"))
    assert "/avatar/parameters/JawOpen" in _all(whole_set(prefix="My/v2/", names="v1"))
