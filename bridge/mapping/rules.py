"""Mapping rules: any value made from coefficients, head, gaze and constants. Pure; one thread per ``RuleSet``.

All weighted sums of all rules are one matrix; what is not linear (max, dead zone, curve, gamma, clip) follows on whole arrays.
Rules read only what was tracked, never each other, so no order and no cycle exists. A rule whose target is one of the 52 replaces
that coefficient; any other target is a named value in ``FaceState.extras``.

**Sides.** Sources mean the subject's own left and right, as everywhere. Rules for coefficients are applied to the tracked face,
before the mirror swaps sides: "my left eye is the weaker one" stays true for every receiver. Named values of a mirrored output
are made from the mirrored face, as the receiver sees it: nobody could swap the sides in names that only it understands.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bridge import arkit, space
from bridge.errors import ConfigError
from bridge.settings import RuleSettings
from bridge.types import CHANNELS, FaceState, Float32Array, Float64Array, frozen_array

HEAD_SOURCES = ("headYaw", "headPitch", "headRoll", "headX", "headY", "headZ")
"""Degrees and metres in bridge space: yaw + to the own left, pitch + down, roll + to the own right shoulder; x own left, y up, z
out of the face. 0 where the head is not known."""

GAZE_SOURCES = ("gazeLeftYaw", "gazeLeftPitch", "gazeRightYaw", "gazeRightPitch")
"""Degrees in the head's frame: yaw + to the own left, pitch + down."""

SOURCES = (*arkit.NAMES, *HEAD_SOURCES, *GAZE_SOURCES)
"""Every name that a rule can read, in the order of the input array."""

LIMIT = 1e6
"""Inputs and named values stay within +-1,000,000: what VTube Studio takes, and always a finite float32."""

_ONE = len(SOURCES)
"""Position of the constant 1 in the input array."""
_HEAD, _GAZE = CHANNELS, CHANNELS + len(HEAD_SOURCES)


def _squeeze(spelling: str) -> str:
    return "".join(c for c in spelling.lower() if c.isalnum())


_BY_SPELLING = {_squeeze(name): i for i, name in enumerate(SOURCES)}


def find_source(spelling: str) -> int | None:
    """Position among ``SOURCES`` of what any spelling means (jawOpen, JawOpen, JAW_OPEN, mouthSmile_L, head_yaw), or None."""
    position = arkit.find(spelling)
    return _BY_SPELLING.get(_squeeze(spelling)) if position is None else position


def canonical_target(target: str) -> str:
    """A coefficient in Apple's spelling, any other name as it is: two rules of one canonical target contradict each other."""
    position = arkit.find(target)
    return target if position is None else arkit.NAMES[position]


def merged(layers: Sequence[Mapping[str, RuleSettings]]) -> dict[str, RuleSettings]:
    """One set of rules from several: of one target, the last layer's counts. Spelling of coefficients does not matter."""
    return {canonical_target(target): rule for layer in layers for target, rule in layer.items()}


def problems(rules: Mapping[str, RuleSettings]) -> list[str]:
    """A line for each thing that is wrong with names in ``rules``: "rules.jawOpen: ..."; empty when they compile."""
    lines, makers = [], dict[str, str]()
    for target, rule in rules.items():
        other = makers.setdefault(canonical_target(target), target)
        if other != target:
            lines.append(f"rules.{target}: {other} is the same coefficient; keep one of the two rules")
        if not rule.sources and find_source(target) is None:
            lines.append(
                f"rules.{target}: nothing is read; {target} is no source itself, so write sources = [...]{_near(target)}"
            )
        lines += [
            f"rules.{target}.sources: {source.name!r} cannot be read{_near(source.name)}"
            for source in rule.sources
            if source.name and find_source(source.name) is None
        ]
    return lines


def doubts(rules: Mapping[str, RuleSettings]) -> list[str]:
    """A line for each target that makes a new value but is spelt almost like a coefficient."""
    return [
        f"rules.{target}: makes a new value of this name{_near(target, cutoff=0.85)}"
        for target in rules
        if arkit.find(target) is None and _near(target, cutoff=0.85)
    ]


def _near(name: str, cutoff: float = 0.6) -> str:
    near = difflib.get_close_matches(_squeeze(name), _BY_SPELLING, n=1, cutoff=cutoff)
    return f"; did you mean {SOURCES[_BY_SPELLING[near[0]]]}?" if near else ""


class RuleSet:
    """Compiled rules. One thread."""

    def __init__(self, rules: Mapping[str, RuleSettings], *, mirrored: bool = False) -> None:
        """``mirrored``: the result will be mirrored (``stages.mirror``). Raises ConfigError, a line per thing that is wrong."""
        wrong = problems(rules)
        if wrong:
            raise ConfigError("\n".join(wrong))
        # Coefficients first: then both kinds of results are slices.
        ordered = sorted(rules.items(), key=lambda item: arkit.find(item[0]) is None)
        self.names = tuple(target for target, _ in ordered if arkit.find(target) is None)
        """The named values that are made, in their order in ``extras``."""
        positions = [position for target, _ in ordered if (position := arkit.find(target)) is not None]
        self._replaced = np.array(positions, dtype=np.intp)
        columns = [_columns(target, rule, flip=mirrored and arkit.find(target) is None) for target, rule in ordered]
        self._matrix = np.array([column for own in columns for column in own]).reshape(-1, _ONE + 1).T.copy()
        sizes = [len(own) for own in columns]
        self._groups = np.cumsum([0, *sizes[:-1]]) if any(size > 1 for size in sizes) else None
        """Where the columns of each rule begin; None when each has one."""
        used = np.count_nonzero(self._matrix, axis=1)
        self._reads_head = bool(used[_HEAD:_GAZE].any())
        self._reads_gaze = bool(used[_GAZE:_ONE].any())
        self._shape = _Shape([rule for _, rule in ordered], coefficients=len(positions))
        self._inputs = np.zeros(_ONE + 1)
        self._inputs[_ONE] = 1.0

    def apply(self, state: FaceState) -> FaceState:
        """The same moment with the rules' results: coefficients replaced, within 0..1, named values in ``extras``."""
        values = self._values(state)
        count = len(self._replaced)
        return FaceState(
            subject=state.subject,
            seq=state.seq,
            t=state.t,
            t_done=state.t_done,
            presence=state.presence,
            weights=self._with_replaced(state.weights, values) if count else state.weights,
            head=state.head,
            gaze=state.gaze,
            landmarks=state.landmarks,
            box=state.box,
            frame=state.frame,
            extras=tuple(zip(self.names, values[count:].tolist(), strict=True)),
        )

    def _with_replaced(self, weights: Float32Array, values: Float64Array) -> Float32Array:
        changed = weights.copy()
        changed[self._replaced] = values[: len(self._replaced)]
        return frozen_array(changed)

    def _values(self, state: FaceState) -> Float64Array:
        inputs = self._inputs
        inputs[:CHANNELS] = state.weights
        if self._reads_head:
            head = state.head
            if head is None:
                inputs[_HEAD:_GAZE] = 0.0
            else:
                inputs[_HEAD:_GAZE] = [*space.to_euler_deg(head.quat_xyzw), *_within(*head.position_m.tolist())]
        if self._reads_gaze:
            inputs[_GAZE:_ONE] = _within(*state.gaze.left_deg, *state.gaze.right_deg)
        values: Float64Array = inputs @ self._matrix
        if self._groups is not None:
            values = np.maximum.reduceat(values, self._groups)
        return self._shape.apply(values)


def _within(*numbers: float) -> list[float]:
    return [min(LIMIT, max(-LIMIT, number)) for number in numbers]


# --- compiling -----------------------------------------------------------------------------------------------------------


def _mirror() -> tuple[NDArray[np.intp], Float64Array]:
    """Where the mirrored face's inputs stand among the face's own, and their signs: as ``stages.mirror`` swaps them."""
    order = np.arange(_ONE + 1)
    order[:CHANNELS] = arkit.MIRROR_INDEX
    order[_GAZE:_ONE] = [_GAZE + 2, _GAZE + 3, _GAZE, _GAZE + 1]
    signs = np.ones(_ONE + 1)
    negated = ("headYaw", "headRoll", "headX", "gazeLeftYaw", "gazeRightYaw")
    signs[[SOURCES.index(name) for name in negated]] = -1.0
    return order, signs


_MIRROR_ORDER, _MIRROR_SIGNS = _mirror()


def _folds(rule: RuleSettings) -> bool:
    """Whether scale and offset can be part of the matrix: nothing that is not linear comes before them."""
    return rule.dead_zone == 0.0 and (rule.combine != "max" or rule.scale >= 0.0)


def _columns(target: str, rule: RuleSettings, *, flip: bool) -> list[Float64Array]:
    """The weighted sums that a rule needs: one, or with max one per source. ``flip``: of the mirrored face."""
    terms = []
    for source in rule.sources:
        term = np.zeros(_ONE + 1)
        position = find_source(source.name) if source.value is None else None
        if position is None:
            term[_ONE] = (source.value or 0.0) * source.scale
        else:
            term[position] = source.scale
        terms.append(term)
    if not terms:
        own = find_source(target)
        terms.append(np.eye(_ONE + 1)[_ONE if own is None else own])
    match rule.combine:
        case "sum":
            terms = [np.sum(terms, axis=0)]
        case "mean":
            terms = [np.mean(terms, axis=0)]
        case "diff":
            terms = [terms[0] - np.sum(terms[1:], axis=0)]
        case "max":
            pass
    if _folds(rule):
        terms = [term * rule.scale for term in terms]
        for term in terms:
            term[_ONE] += rule.offset
    if not flip:
        return terms
    flipped = []
    for term in terms:
        mirrored = np.zeros(_ONE + 1)
        mirrored[_MIRROR_ORDER] = term * _MIRROR_SIGNS
        flipped.append(mirrored)
    return flipped


class _Shape:
    """What follows on the combined values: dead zone, scale, offset, curve or gamma, clip; each only where a rule has it."""

    def __init__(self, rules: Sequence[RuleSettings], *, coefficients: int) -> None:
        """The first ``coefficients`` rules end within 0..1, the others within +-``LIMIT``."""
        self._dead_zone = np.array([rule.dead_zone for rule in rules])
        self._has_dead_zone = bool(self._dead_zone.any())
        late = [rule if not _folds(rule) else RuleSettings() for rule in rules]
        self._scale, self._offset = np.array([rule.scale for rule in late]), np.array([rule.offset for rule in late])
        self._has_scale = not all(map(_folds, rules))
        self._gammas = np.flatnonzero([rule.gamma != 1.0 for rule in rules])
        self._exponents = np.array([rule.gamma for rule in rules])[self._gammas]
        self._curves = np.flatnonzero([bool(rule.curve) for rule in rules])
        # Every curve as start + sum of rise * (how far through the piece, 0..1), filled up with pieces that do not rise.
        pieces = max([len(rule.curve) - 1 for rule in rules if rule.curve], default=0)
        self._start = np.zeros(len(self._curves))
        self._begin = np.zeros((pieces, len(self._curves)))
        self._width, self._rise = np.ones_like(self._begin), np.zeros_like(self._begin)
        for column, curve in enumerate([rule.curve for rule in rules if rule.curve]):
            points, own = np.array(curve), len(curve) - 1
            self._start[column] = points[0, 1]
            self._begin[:own, column], self._width[:own, column] = points[:-1, 0], np.diff(points[:, 0])
            self._rise[:own, column] = np.diff(points[:, 1])
        clips = [rule.clip or (-LIMIT, LIMIT) for rule in rules]
        self._low, self._high = np.array(clips).reshape(-1, 2).T.copy()
        for bound in (self._low, self._high):
            bound[:coefficients] = np.clip(bound[:coefficients], 0.0, 1.0)

    def apply(self, values: Float64Array) -> Float64Array:
        """The shaped values; ``values`` may be changed."""
        if self._has_dead_zone:
            beyond = np.abs(values)
            np.subtract(beyond, self._dead_zone, out=beyond)
            values = np.copysign(np.maximum(beyond, 0.0, out=beyond), values, out=beyond)
        if self._has_scale:
            values = values * self._scale + self._offset
        if self._curves.size:
            through = values[self._curves] - self._begin
            np.divide(through, self._width, out=through)
            np.minimum(np.maximum(through, 0.0, out=through), 1.0, out=through)
            values[self._curves] = np.add.reduce(np.multiply(through, self._rise, out=through)) + self._start
        if self._gammas.size:
            bent = values[self._gammas]
            values[self._gammas] = np.copysign(np.abs(bent) ** self._exponents, bent)
        np.minimum(np.maximum(values, self._low, out=values), self._high, out=values)
        return values
