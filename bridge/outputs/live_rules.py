"""The mapping rules of one output: from tables and files to a ``RuleSet``, and files read again when they change."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from bridge.clock import Clock, monotonic
from bridge.errors import ConfigError
from bridge.mapping.rules import RuleSet, doubts, merged, problems
from bridge.outputs.kinds import OutputPlan, RuleLayer
from bridge.settings import RuleSettings, RulesSetting, Section, Settings
from bridge.settings_load import described, read_toml
from bridge.types import FaceState

_log = logging.getLogger(__name__)

POLL_S = 1.0
"""How often files are looked at, on the states' way through; between two looks a state costs no call of the system."""


class RulesFile(Section):
    """What a file of rules has: ``[rules.TARGET]`` tables, or ``[[rules]]`` with a target each."""

    rules: RulesSetting


_Stamp = tuple[int, int, int] | None
"""What changes with a file: time, size, inode; None: not there."""


class LiveRules:
    """One output's rules. ``apply`` on the output's worker; ``note`` on any thread."""

    def __init__(self, layers: Sequence[RuleLayer], *, mirrored: bool, label: str, clock: Clock = monotonic) -> None:
        """``layers``: later ones go before. ``mirrored``: as ``RuleSet``. ``label``: the output, for the log.

        Reads the files. Raises ConfigError, a line per problem, naming file and key.
        """
        self._layers = [Path(layer).expanduser() if isinstance(layer, str) else layer for layer in layers]
        self._mirrored = mirrored
        self._label = label
        self._clock = clock
        self._watched = [layer for layer in self._layers if isinstance(layer, Path)]
        self._stamps = [_stamp(path) for path in self._watched]
        self._rules = self._load()
        self._next_look = clock() + POLL_S
        self.note = ""
        """One sentence when a file is broken at the moment, and the rules of before go on; else empty."""

    def apply(self, state: FaceState) -> FaceState:
        """The state after the rules. Never raises for what a file has become."""
        if self._watched and self._clock() >= self._next_look:
            self._next_look = self._clock() + POLL_S
            self._look()
        return self._rules.apply(state)

    def _look(self) -> None:
        """Stamps are taken before reading: what is written meanwhile differs at the next look."""
        stamps = [_stamp(path) for path in self._watched]
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._rules = self._load()
        except ConfigError as error:
            self.note = f"{str(error).replace(chr(10), '; ')}; the rules of before go on"
            _log.warning("output %s: %s", self._label, self.note)
            return
        self.note = ""
        _log.info("output %s: %s read again, %d named values", self._label, _listed(self._watched), len(self._rules.names))

    def _load(self) -> RuleSet:
        tables, wrong = [], []
        for layer in self._layers:
            own = read_rules(layer) if isinstance(layer, Path) else layer
            where = f"rules file {layer}: " if isinstance(layer, Path) else ""
            wrong += [where + line for line in problems(own)]
            for line in doubts(own):
                _log.warning("output %s: %s%s", self._label, where, line)
            tables.append(own)
        if wrong:
            raise ConfigError("\n".join(wrong))
        return RuleSet(merged(tables), mirrored=self._mirrored)


def live_rules(plan: OutputPlan, settings: Settings, *, mirrored: bool, clock: Clock = monotonic) -> LiveRules | None:
    """The rules of an output: global ones, its profile's, its own, later ones first; None when it has none.

    Raises ConfigError naming the output, and file and key of each problem.
    """
    layers = [layer for layer in (settings.rules, *plan.rules) if layer]
    if not layers or "off" in layers:
        return None
    try:
        return LiveRules(layers, mirrored=mirrored, label=plan.name, clock=clock)
    except ConfigError as error:
        raise ConfigError(f"output {plan.url}: {error}") from error


def read_rules(path: Path) -> Mapping[str, RuleSettings]:
    """The rules of a file. Raises ConfigError in one sentence naming file and key."""
    try:
        rules = RulesFile.model_validate(read_toml(path, what="rules file")).rules
    except ValidationError as error:
        raise ConfigError(f"rules file {path}: {'; '.join(described(error, RulesFile))}") from error
    if isinstance(rules, str):
        raise ConfigError(f"rules file {path}: rules: here they are tables, [rules.jawOpen] for example, not another file")
    return rules


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _listed(paths: Sequence[Path]) -> str:
    return " and ".join(map(str, paths))
