"""Profiles of receivers: ``vseeface://`` is a kind of output with that program's names, port and options already set.

A profile is a TOML file whose name is the scheme: ``profiles/vseeface.toml``. Those in the folder that the configuration names
(or that lies beside it) go before those in the user's configuration folder, and these before the shipped ones. A file is read
when an output uses it, so a broken one that nobody uses harms nobody. A profile called like a kind may only refine that kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from bridge.errors import BridgeError, ConfigError
from bridge.mapping.rules import problems
from bridge.outputs.kinds import COMMON, PLACE, Address, Alias, OutputKind, known_schemes, load_kind
from bridge.settings import Port, RulesSetting, Section
from bridge.settings_load import described, read_toml, resolved_from, user_config_file
from bridge.shipped import shipped_path

_NAME = re.compile(r"[a-z][a-z0-9+.-]*")


class Profile(Section):
    """One file. Only ``kind`` and ``description`` must be there."""

    kind: str = Field(min_length=1, description="kind of output that the receiver takes: vmc, osc, livelink, ...")
    description: str = Field(min_length=1, max_length=120, description="one line for listings")
    title: str = Field("", description="the program's own name; default: the file's name")
    host: str = ""
    port: Port | None = Field(None, description="default: the kind's")
    fps: float = Field(0.0, ge=0, le=240, description="messages per second; 0 sends every tracked frame")
    mirror: bool | None = Field(None, description="left out: as the global setting says")
    options: dict[str, Any] = Field(default_factory=dict, description="options of the kind: names, bundle, ...")
    rules: RulesSetting = Field(default_factory=dict, description="mapping rules for this receiver: tables, or a file beside it")
    setup: tuple[str, ...] = Field((), description="what to switch on in the receiver, step by step")
    untested: tuple[str, ...] = Field((), description="what was not tried on the real program, and which option changes it")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedProfile:
    """A profile and where it came from."""

    name: str
    path: Path
    profile: Profile

    @property
    def title(self) -> str:
        """The program's own name."""
        return self.profile.title or self.name

    def alias(self) -> Alias:
        """As the registry takes it."""
        profile = self.profile
        own = {key: getattr(profile, key) for key in ("host", "port", "fps", "mirror")}
        defaults = {key: value for key, value in own.items() if value not in ("", None, 0.0)} | profile.options
        rules = profile.rules
        return Alias(
            kind=profile.kind,
            defaults=defaults,
            rules=resolved_from(self.path.parent, rules) if isinstance(rules, str) else rules,
        )


class BrokenProfile(NamedTuple):
    """A file that is no profile, and why."""

    name: str
    path: Path
    problem: str


class ProfileShelf(Mapping[str, Alias]):
    """All profiles by name. Files are read when they are asked for, and again each time: they are small."""

    def __init__(self, folder: str = "") -> None:
        """``folder``: of the configuration, empty for none. Raises ConfigError when it is named and is no folder."""
        if folder and not Path(folder).is_dir():
            raise ConfigError(f"profiles: {folder} is no folder")
        self._folders = [Path(folder)] if folder else []
        self._folders += [user_config_file().parent / "profiles", shipped_path("config/profiles")]

    def __getitem__(self, name: str) -> Alias:
        """Raises KeyError when there is none, ConfigError or PluginError when it cannot be used: one sentence, file and key."""
        return self.load(name).alias()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({path.stem for folder in self._folders for path in folder.glob("*.toml") if _is_name(path.stem)}))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) is not None

    def load(self, name: str) -> LoadedProfile:
        """A profile, checked: its kind exists and takes its options. Raises as ``[]``."""
        path = self._find(name)
        if path is None:
            raise KeyError(name)
        profile = _read(path)
        _check(name, path, profile)
        return LoadedProfile(name=name, path=path, profile=profile)

    def load_all(self) -> tuple[list[LoadedProfile], list[BrokenProfile]]:
        """Every profile, and every file that is none; for listings."""
        good, broken = [], []
        for name in self:
            try:
                good.append(self.load(name))
            except BridgeError as error:
                broken.append(BrokenProfile(name, self._find(name) or Path(name), str(error)))
        return good, broken

    def _find(self, name: str) -> Path | None:
        if not _is_name(name):  # no way out of the folder
            return None
        return next((path for folder in self._folders if (path := folder / f"{name}.toml").is_file()), None)


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and ".." not in text


def _read(path: Path) -> Profile:
    try:
        return Profile.model_validate(read_toml(path, what="profile"))
    except ValidationError as error:
        raise _broken(path, described(error, Profile)) from error


def _broken(path: Path, lines: Sequence[str]) -> ConfigError:
    return ConfigError(f"profile {path}: {'; '.join(lines)}")


def _check(name: str, path: Path, profile: Profile) -> None:
    """What the file's keys say together, and against the kind."""
    if name in known_schemes() and profile.kind != name:
        raise _broken(path, [f"kind: a profile called like the kind {name} can only refine it, not be {profile.kind!r}"])
    try:
        kind = load_kind(profile.kind)
    except ConfigError as error:
        raise _broken(path, [f"kind: {error}"]) from error
    lines = [f"options.{key}: stands one level higher, outside [options]" for key in (*COMMON, *PLACE) if key in profile.options]
    lines += [] if lines else _option_problems(kind, profile)
    if (profile.host or profile.port) and kind.address in (Address.FILE, Address.NONE):
        lines.append(f"{'host' if profile.host else 'port'}: {kind.scheme} takes no address")
    if not isinstance(profile.rules, str):
        lines += problems(profile.rules)
    if lines:
        raise _broken(path, lines)


def _option_problems(kind: OutputKind, profile: Profile) -> list[str]:
    options: type[BaseModel] = kind.Options
    try:
        options.model_validate(profile.options)
    except ValidationError as error:
        return [f"options.{line}".replace("options.(top level)", "options") for line in described(error, options)]
    return []
