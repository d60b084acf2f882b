"""Which of the wanted parameters VTube Studio has, which have to be created, and which it is better to leave out. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from bridge import arkit
from bridge.mapping.vts import DEFAULT_NAMES, MAX_CUSTOM
from bridge.wire.vts import ParameterList
from bridge.wire.vts_errors import API_FAULTS

_MISSES = 3
"""So often a parameter that is listed may be said not to exist."""
_NOT_THERE = "this VTube Studio does not have it"
_COEFFICIENTS = dict(zip(arkit.PASCAL, arkit.NAMES, strict=True))


def explanation_of(name: str) -> str:
    """What VTube Studio shows beside a custom parameter of ours."""
    if name in _COEFFICIENTS:
        return f"ARKit coefficient {_COEFFICIENTS[name]}, 0 to 1, from avatar-bridge"
    return "made by a mapping rule of avatar-bridge"


class ParameterBook:
    """Of one connection. ``version`` counts up whenever ``usable`` may answer differently."""

    def __init__(self, plugin: str) -> None:
        self._plugin = plugin
        self._known: set[str] = set()
        self._mine: set[str] = set()
        self._foreign: set[str] = set()
        self._without: dict[str, str] = {}
        self._aside: dict[str, float] = {}
        self._misses: dict[str, int] = {}
        self._full = ""
        self._creating: set[str] = set()
        self._suspected: set[str] = set()
        self.to_create: deque[str] = deque()
        self.to_probe: deque[str] = deque()
        """Parameters to be set alone, since one of them makes whole frames fail."""
        self.version = 0

    @property
    def creating(self) -> bool:
        """Whether parameters are still to be created, or on their way."""
        return bool(self._creating)

    def usable(self, name: str) -> bool:
        """Whether a frame may set it."""
        return name in self._known and not (name in self._without or name in self._aside or name in self._suspected)

    def learn(self, listed: ParameterList) -> None:
        """What there is, whoever made it: any plugin may set any parameter."""
        self._known = set(listed.default) | set(listed.custom)
        self._mine = {name for name, plugin in listed.custom.items() if plugin == self._plugin}
        self._foreign = set(listed.custom) - self._mine
        self.version += 1

    def want(self, names: Iterable[str]) -> None:
        """Has what is not there created, within the limits; VTube Studio's own cannot be."""
        for name in names:
            if name in self._known or name in self._without or name in self._creating:
                continue
            if name in DEFAULT_NAMES and name not in _COEFFICIENTS:
                self._without[name] = _NOT_THERE
            elif self._full or len(self._mine) + len(self._creating) >= MAX_CUSTOM:
                self._without[name] = self._full or API_FAULTS[355].sentence
            else:
                self._creating.add(name)
                self.to_create.append(name)

    def created(self, name: str) -> None:
        """It is there, and ours."""
        self._creating.discard(name)
        self._mine.add(name)
        self._known.add(name)
        self.version += 1

    def exists(self, name: str) -> None:
        """It was there, not made by us; it can be set all the same."""
        self._creating.discard(name)
        self._known.add(name)
        self._foreign.add(name)
        self.version += 1

    def full(self, name: str, sentence: str) -> None:
        """No more can be created."""
        self._full = sentence
        for left in (name, *self.to_create):
            self._creating.discard(left)
            self._without[left] = sentence
        self.to_create.clear()
        self.version += 1

    def drop(self, names: Iterable[str], sentence: str) -> None:
        """Goes on without them, as long as the connection lasts."""
        for name in names:
            self._creating.discard(name)
            self._unsuspect(name)
            self._aside.pop(name, None)
            self._without[name] = sentence
        self.version += 1

    def set_aside(self, names: Iterable[str], until: float) -> None:
        """Goes on without them until ``until``, seconds; then ``due`` has them tried alone."""
        for name in names:
            self._unsuspect(name)
            self._aside[name] = until
        self.version += 1

    def lose(self, names: Iterable[str]) -> None:
        """VTube Studio says that they do not exist: the next list decides. One that is listed and still missed is left out."""
        for name in names:
            self._unsuspect(name)
            self._aside.pop(name, None)
            self._known.discard(name)
            self._misses[name] = self._misses.get(name, 0) + 1
            if self._misses[name] >= _MISSES:
                self._without[name] = API_FAULTS[453].sentence
        self.version += 1

    def suspect(self, names: Iterable[str]) -> None:
        """One of them makes frames fail, nobody knows which: each is to be tried alone."""
        fresh = [name for name in names if name not in self._suspected]
        self._suspected.update(fresh)
        self.to_probe += fresh
        self.version += 1

    def clear(self, name: str) -> None:
        """Alone it works: back into the frame."""
        self._unsuspect(name)
        self._aside.pop(name, None)
        self.version += 1

    def due(self, now: float) -> None:
        """Has those tried again that were set aside long enough."""
        over = [name for name, until in self._aside.items() if now >= until]
        if over:
            self.suspect(over)
            for name in over:
                self._aside[name] = float("inf")  # until the probe is back

    def left_out(self, names: Sequence[str]) -> str:
        """What the user should know: "without JawOpen, TongueOut: ..."; empty when all is as wanted."""
        groups: dict[str, list[str]] = {}
        for name in names:
            if name in self._without:
                groups.setdefault(self._without[name], []).append(name)
            elif name in self._aside:
                groups.setdefault(API_FAULTS[454].sentence, []).append(name)
        parts = [f"without {_some(missing)}: {reason}" for reason, missing in groups.items()]
        shared = [name for name in names if name in self._foreign and self.usable(name)]
        if shared:
            parts.append(f"{_some(shared)}: made by another plugin, set all the same")
        return "; ".join(parts)

    def _unsuspect(self, name: str) -> None:
        self._suspected.discard(name)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
