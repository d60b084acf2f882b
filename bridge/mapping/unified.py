"""A FaceState as the avatar parameters of VRCFaceTracking: Unified Expressions (``v2/JawOpen``) and their forerunners (v1). Pure.

All that is a sum is one matrix: a frame costs one product and the few values that are no sums. Tables: ``unified_v2``,
``unified_legacy``. Source: the fact sheet "VRChat OSC", sections 5.3 and 5.4.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bridge import arkit, space
from bridge.mapping import unified_legacy as legacy
from bridge.mapping import unified_v2 as v2
from bridge.types import CHANNELS, IDENTITY_HEAD, FaceState, Float32Array, frozen_array

VERSION_PREFIX = "v2/"

_HEAD = ("headYaw", "headPitch", "headRoll", "headX", "headY", "headZ")
_HEAD_RANGE_DEG = 90.0
_HEAD_RANGE_M = 0.5

_ONE_AT = CHANNELS
_HEAD_AT = _ONE_AT + 1
_LARGER_AT = _HEAD_AT + len(_HEAD)
_LEGACY_AT = _LARGER_AT + len(v2.LARGER)
_INPUTS = _LEGACY_AT + len(legacy.TERMS)

_FIRST = [arkit.INDEX[first] for first, _ in v2.LARGER.values()]
_SECOND = [arkit.INDEX[second] for _, second in v2.LARGER.values()]


class Form(enum.Enum):
    """As what an avatar may have a parameter."""

    ANY = "float, or bits"
    FLOAT = "float"
    BITS = "bits"
    TOGGLE = "bool"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameter:
    """One parameter and how it follows from a face."""

    name: str
    """As VRCFaceTracking calls it: ``v2/JawOpen``, or ``JawOpen`` of v1. Case matters."""
    signed: bool
    """Whether it is in [-1, 1]; otherwise in [0, 1]."""
    form: Form
    factors: Float32Array
    """float32, what it takes of each input; zeros where no camera can know it. Read-only."""


class UnifiedMapping:
    """FaceState -> values of some parameters. Stateless but for its buffers: one thread."""

    __slots__ = ("_factors", "_inputs", "_low", "_values", "_with_head", "_with_legacy")

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self._factors = np.array([each.factors for each in parameters], dtype=np.float32).reshape(len(parameters), _INPUTS)
        self._low = np.array([-1.0 if each.signed else 0.0 for each in parameters], dtype=np.float32)
        self._with_head = bool(self._factors[:, _HEAD_AT:_LARGER_AT].any())
        self._with_legacy = bool(self._factors[:, _LEGACY_AT:].any())
        self._inputs = np.zeros(_INPUTS, dtype=np.float32)
        self._inputs[_ONE_AT] = 1.0
        self._values = np.zeros(len(parameters), dtype=np.float32)

    def step(self, state: FaceState) -> Float32Array:
        """float32 (n,), in the order of the parameters, clipped to their ranges. The next call overwrites it."""
        inputs, values, weights = self._inputs, self._values, state.weights
        inputs[:CHANNELS] = weights
        np.maximum(weights[_FIRST], weights[_SECOND], out=inputs[_LARGER_AT:_LEGACY_AT])
        if self._with_head:
            inputs[_HEAD_AT:_LARGER_AT] = head_inputs(state)
        if self._with_legacy:
            inputs[_LEGACY_AT:] = legacy.terms(weights.tolist())
        np.matmul(self._factors, inputs, out=values)
        np.maximum(values, self._low, out=values)
        np.minimum(values, 1.0, out=values)
        values += 0.0  # no -0.0
        return values


def head_inputs(state: FaceState) -> tuple[float, float, float, float, float, float]:
    """(yaw, pitch, roll, x, y, z) of ``v2/Head/*`` in Unity's axes: + to the own right, down, tilted to the own left; x + to the
    own right, y up, z forward. 1 is 90 degrees or 0.5 m; without a head, zeros. Positions are meant from the neutral pose: until
    it is set, the way to the camera leaves z at -1."""
    head = state.head or IDENTITY_HEAD
    pitch, yaw, roll = space.to_unity_euler_deg(head.quat_xyzw)
    x, y, z = space.to_unity_position(head.position_m).tolist()
    return (
        yaw / _HEAD_RANGE_DEG, pitch / _HEAD_RANGE_DEG, roll / _HEAD_RANGE_DEG,
        x / _HEAD_RANGE_M, y / _HEAD_RANGE_M, z / _HEAD_RANGE_M,
    )  # fmt: skip


# --- tables to rows ------------------------------------------------------------------------------------------------------

_Symbols = dict[str, Float32Array]


def _unit(position: int) -> Float32Array:
    row = np.zeros(_INPUTS, dtype=np.float32)
    row[position] = 1.0
    return row


def _row(formula: str, symbols: Mapping[str, Float32Array]) -> Float32Array:
    """``0.5 BrowInnerUp + 0.5 BrowOuterUp - BrowDown`` -> factors of the inputs. Empty: always 0."""
    row = np.zeros(_INPUTS, dtype=np.float32)
    for term in formula.replace(" - ", " + -").split(" + ") if formula else ():
        factor, _, name = term.rpartition(" ")
        if not factor and name.startswith("-"):
            factor, name = "-1", name[1:]
        row += float(factor or 1.0) * symbols[name]
    return row


def _sides(table: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(name, formula), with ``{}`` once for Left and once for Right."""
    for name, formula in table.items():
        if "{}" in name:
            for side in ("Left", "Right"):
                yield name.replace("{}", side), formula.replace("{}", side)
        else:
            yield name, formula


def _defined(
    table: Mapping[str, str], symbols: _Symbols, *, prefix: str = "", signed: bool = False, form: Form = Form.ANY
) -> list[Parameter]:
    """The table's parameters; each name becomes a symbol for those that follow."""
    made: list[Parameter] = []
    for name, formula in _sides(table):
        symbols[name] = frozen_array(_row(formula, symbols))
        made.append(Parameter(name=prefix + name, signed=signed, form=form, factors=symbols[name]))
    return made


def _inputs() -> _Symbols:
    symbols = {name: _unit(i) for i, name in enumerate(arkit.NAMES)}
    symbols["1"] = _unit(_ONE_AT)
    symbols |= {name: _unit(_HEAD_AT + i) for i, name in enumerate(_HEAD)}
    return symbols | {name: _unit(_LARGER_AT + i) for i, name in enumerate(v2.LARGER)}


def _compiled() -> tuple[tuple[Parameter, ...], tuple[Parameter, ...]]:
    symbols = _inputs()
    new = _defined({name: name for name in v2.LARGER}, symbols, prefix=VERSION_PREFIX)
    new += _defined(v2.SHAPES, symbols, prefix=VERSION_PREFIX)
    new += _defined(dict.fromkeys(v2.UNKNOWN, ""), symbols, prefix=VERSION_PREFIX)
    new += _defined(v2.COMBINED, symbols, prefix=VERSION_PREFIX)
    new += _defined(v2.SIGNED, symbols, prefix=VERSION_PREFIX, signed=True)
    symbols |= {name: _unit(_LEGACY_AT + i) for i, name in enumerate(legacy.TERMS)}
    old = _defined(legacy.EYES, symbols)
    old += _defined(legacy.EYES_SIGNED, symbols, signed=True)
    old += _defined(legacy.LIDS, symbols, form=Form.FLOAT)
    old += _defined(legacy.LIDS_SIGNED, symbols, signed=True, form=Form.FLOAT)
    old += _defined(legacy.LIDS_BINARY, symbols, form=Form.BITS)
    old += _defined(legacy.TOGGLES, symbols, form=Form.TOGGLE)
    old += _defined(legacy.LIPS, symbols)
    old += _defined(legacy.MERGED, symbols, signed=True)
    return tuple(new), tuple(old)


V2, V1 = _compiled()
"""Every parameter of either generation. A name may occur twice in V1: as a float, and with another value as bits."""


def is_head(parameter: Parameter) -> bool:
    """Whether it tells the head's pose."""
    return parameter.name.startswith(VERSION_PREFIX + "Head/")


def named(parameters: Iterable[Parameter]) -> dict[str, tuple[Parameter, ...]]:
    """By name; see ``V1`` for why there may be several."""
    found: dict[str, tuple[Parameter, ...]] = {}
    for each in parameters:
        found[each.name] = (*found.get(each.name, ()), each)
    return found
