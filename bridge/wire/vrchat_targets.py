"""Which addresses of an avatar get which parameters: what it has or, where that is not known, the whole set. Pure.

Source: the fact sheet "VRChat OSC", sections 5.1 to 5.4. A parameter is an avatar's when an address ends with its name after any
prefix; as a float, or as bits: bools called NAME1, NAME2, NAME4, ... and NAMENegative. A single bool with a parameter's name is
left alone: VRCFaceTracking sends there whether the value is *below* a threshold, and nobody builds on that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bridge.mapping.unified import V1, V2, VERSION_PREFIX, Form, Parameter, is_head, named
from bridge.wire.vrchat_avatar import AvatarParameters

Names: TypeAlias = Literal["v2", "v1", "both"]

PARAMETERS = "/avatar/parameters/"
STATUS = ("EyeTrackingActive", "ExpressionTrackingActive", "LipTrackingActive")
"""Bools by which avatars switch face tracking on."""

MAX_BITS = 8
LONGEST_ADDRESS = 255
"""Bytes; what is longer is no parameter of an avatar's."""

_VERSION = re.compile(r"v\d+$")
_DEEPEST = 3
"""Parts of the longest name, v2/Head/Yaw."""
_BIT = {str(1 << bit): bit for bit in range(MAX_BITS)}
_NEGATIVE = "Negative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bit:
    """A bool that is one bit of a parameter."""

    address: str
    parameter: Parameter
    bit: int
    count: int
    """How many bits the number has."""
    with_negative: bool
    """Whether there is a bool for the sign; without one, values below 0 are 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A bool that is true below 0; or, where ``toggle``, above one half."""

    address: str
    parameter: Parameter
    toggle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Everything that is sent to one avatar's parameters; no address occurs twice."""

    floats: tuple[tuple[str, Parameter], ...]
    bits: tuple[Bit, ...] = ()
    signs: tuple[Sign, ...] = ()
    status: tuple[str, ...] = ()
    own_gaze: bool = False
    """Whether the avatar turns its eyes by parameters (Eye...X, Eye...Y), so that VRChat should not."""
    own_lids: bool = False
    """Whether it moves its lids by parameters (Eye...Open, Eye...Lid)."""

    @property
    def bools(self) -> tuple[Bit | Sign, ...]:
        """The bits, then the signs."""
        return (*self.bits, *self.signs)

    def __len__(self) -> int:
        """Addresses of face parameters, without the status."""
        return len(self.floats) + len(self.bits) + len(self.signs)


def _chosen(names: Names, *, head: bool) -> list[Parameter]:
    chosen = [*(V2 if names != "v1" else ()), *(V1 if names != "v2" else ())]
    return [each for each in chosen if head or not is_head(each)]


# --- an avatar that is not known -----------------------------------------------------------------------------------------


def whole_set(*, prefix: str = "FT/v2/", names: Names = "v2", bits: int = 0, head: bool = True, status: bool = True) -> Targets:
    """Every parameter as a float, and as ``bits`` bools with their sign. ``prefix`` takes the place of v2/; v1 has none."""
    floats: list[tuple[str, Parameter]] = []
    bit_targets: list[Bit] = []
    signs: list[Sign] = []
    for each in _chosen(names, head=head):
        new = each.name.startswith(VERSION_PREFIX)
        address = PARAMETERS + (prefix + each.name.removeprefix(VERSION_PREFIX) if new else each.name)
        if each.form is Form.TOGGLE:
            signs.append(Sign(address=address, parameter=each, toggle=True))
        if each.form in (Form.ANY, Form.FLOAT):
            floats.append((address, each))
        if each.form in (Form.ANY, Form.BITS):
            bit_targets += _number(address, each, range(bits), with_negative=each.signed)
            if bits and each.signed:
                signs.append(Sign(address=address + _NEGATIVE, parameter=each))
    return Targets(
        floats=tuple(floats),
        bits=tuple(bit_targets),
        signs=tuple(signs),
        status=tuple(PARAMETERS + name for name in STATUS) if status else (),
    )


def _number(address: str, parameter: Parameter, bits: Iterable[int], *, with_negative: bool) -> Iterator[Bit]:
    present = sorted(set(bits))
    for bit in present:
        yield Bit(address=f"{address}{1 << bit}", parameter=parameter, bit=bit, count=len(present), with_negative=with_negative)


# --- an avatar that is ---------------------------------------------------------------------------------------------------


def targets_of(avatar: AvatarParameters, *, names: Names = "both", head: bool = True, status: bool = True) -> Targets:
    """What the avatar has of the parameters. Addresses that OSC could not carry are passed over."""
    known = named(_chosen(names, head=head))
    floats: list[tuple[str, Parameter]] = []
    signs: list[Sign] = []
    switches: list[str] = []
    bits: dict[str, tuple[Parameter, set[int]]] = {}
    negatives: dict[str, Parameter] = {}
    for address, tag in avatar.types.items():
        if not _can_be_sent(address):
            continue
        for name in _names(address):
            if tag == "f":
                floats += [(address, each) for each in known.get(name, ()) if each.form in (Form.ANY, Form.FLOAT)]
            elif tag == "T":
                if status and name in STATUS:
                    switches.append(address)
                signs += [
                    Sign(address=address, parameter=each, toggle=True) for each in known.get(name, ()) if each.form is Form.TOGGLE
                ]
                for each, ending in _as_number(name, known):
                    base = address.removesuffix(ending)
                    if ending == _NEGATIVE:
                        negatives[base] = each
                    else:
                        bits.setdefault(base, (each, set()))[1].add(_BIT[ending])
    numbers = [bit for base, (each, found) in bits.items() for bit in _number(base, each, found, with_negative=base in negatives)]
    signs += [Sign(address=base + _NEGATIVE, parameter=each) for base, each in negatives.items()]
    driven = [*(each for _, each in floats), *(each.parameter for each in numbers), *(each.parameter for each in signs)]
    eyes = {each.name for each in driven if "Eye" in each.name}
    return Targets(
        floats=tuple(floats),
        bits=tuple(numbers),
        signs=tuple(signs),
        status=tuple(switches),
        own_gaze=any("X" in name or "Y" in name for name in eyes),
        own_lids=any("Open" in name or "Lid" in name for name in eyes),
    )


def _can_be_sent(address: str) -> bool:
    try:
        data = address.encode()
    except UnicodeEncodeError:
        return False
    return address.startswith("/") and b"\0" not in data and len(data) <= LONGEST_ADDRESS


def _names(address: str) -> Iterator[str]:
    """Every ending of the address that a prefix may stand before: not one behind a version, ``v2/JawOpen`` is no ``JawOpen``."""
    parts = address.split("/")
    for start in range(max(1, len(parts) - _DEEPEST), len(parts)):
        if not _VERSION.search(parts[start - 1]):
            yield "/".join(parts[start:])


def _as_number(name: str, known: Mapping[str, tuple[Parameter, ...]]) -> Iterator[tuple[Parameter, str]]:
    """(parameter, ending) where the name is a parameter's with the ending of a bit, or of the sign."""
    for ending in (*_BIT, _NEGATIVE):
        if name.endswith(ending):
            for each in known.get(name.removesuffix(ending), ()):
                if each.form in (Form.ANY, Form.BITS):
                    yield each, ending
