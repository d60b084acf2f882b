"""Reads the configuration: defaults < file < environment < flags, every problem of all of them in one report.

The file is TOML. Environment variables are ``AVATAR_BRIDGE_<KEY>`` with ``__`` between levels (``..._TRACKER__NUM_FACES=2``).
Flags are ``--set key.path=value``. Values of both are read as TOML where they can be, else as text.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel, ValidationError

from bridge.errors import ConfigError
from bridge.settings import SECRETS, OutputSettings, RuleSettings, RuleSource, Settings
from bridge.shipped import shipped_path

ENVIRONMENT_PREFIX = "AVATAR_BRIDGE_"
_NOT_SETTINGS = {"CONFIG", "STATE_DIR", "CACHE_DIR"}  # read where they are used, not part of the file


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings and the file they came from (None: built-in defaults)."""

    settings: Settings
    path: Path | None


def find_config_file(explicit: Path | None = None) -> Path | None:
    """The file to read: ``explicit``, else ``./bridge.toml``, else the user's own; None when there is none.

    Raises ConfigError when ``explicit`` does not exist, or is a folder.
    """
    if explicit is not None:
        if explicit.is_dir():
            raise ConfigError(f"configuration file {explicit} is a folder: name the file in it")
        if not explicit.exists():
            raise ConfigError(f"configuration file {explicit} does not exist; `avatar-bridge config init {explicit}` writes one")
        return explicit
    for candidate in (Path("bridge.toml"), user_config_file()):
        if candidate.is_file():
            return candidate
    return None


def user_config_file() -> Path:
    """Where the user's own configuration lives."""
    return Path(platformdirs.user_config_dir("avatar-bridge", appauthor=False)) / "bridge.toml"


def load_settings(
    *, path: Path | None = None, environment: Mapping[str, str] | None = None, overrides: Sequence[str] = ()
) -> LoadedSettings:
    """Merges and checks everything. ``overrides`` are ``key.path=value`` texts. Raises ConfigError with all problems found."""
    found = find_config_file(path)
    tree: dict[str, Any] = {}
    origins: dict[tuple[str, ...], str] = {}
    if found is not None:
        _merge(tree, _beside(found, read_toml(found)), origins, str(found))
    for name, value in sorted((environment or {}).items()):
        key = name.removeprefix(ENVIRONMENT_PREFIX)
        if name.startswith(ENVIRONMENT_PREFIX) and key not in _NOT_SETTINGS:
            _merge(tree, _nest(key.lower().split("__"), _value(value), origin=name), origins, f"environment variable {name}")
    for override in overrides:
        key, separator, value = override.partition("=")
        if not separator or not key.strip():
            raise ConfigError(f"--set {override}: expected key=value, for example --set tracker.num_faces=2")
        nested = _nest(key.strip().split("."), _value(value), origin=f"--set {key}")
        _merge(tree, nested, origins, f"--set {key}" if key.strip().split(".")[-1] in SECRETS else f"--set {override}")
    try:
        return LoadedSettings(settings=Settings.model_validate(tree), path=found)
    except ValidationError as error:
        raise ConfigError(_report(error, origins)) from error


def read_toml(path: Path, *, what: str = "configuration file") -> dict[str, Any]:
    """The tables of a file. Raises ConfigError naming ``what`` and the path, and the line where the text is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows' editors like to begin a file with a mark
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{what} {path} is not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{what} {path} is not valid TOML: {error}") from error


def described(error: ValidationError, model: type[BaseModel] = Settings) -> list[str]:
    """A line per problem of data that should be a ``model``: "key.path: sentence", with "did you mean" for unknown keys."""
    return [line for _, line in _described(error, model)]


def resolved_from(folder: Path, text: str) -> str:
    """A path as written in a file of ``folder``: a relative one begins there. Nothing, and the word off, stay."""
    return text if text in ("", "off") else str(folder / Path(text).expanduser())


def _beside(file: Path, tree: dict[str, Any]) -> dict[str, Any]:
    """Paths of rules and profiles in the file begin at its folder; ``profiles`` beside it counts without being named."""
    folder = file.resolve().parent
    outputs = tree.get("outputs")
    for table in [tree, *(outputs if isinstance(outputs, list) else [])]:
        if isinstance(table, dict) and isinstance(table.get("rules"), str):
            table["rules"] = resolved_from(folder, table["rules"].strip())
    usual, given = folder / "profiles", tree.get("profiles", "")
    if isinstance(given, str) and given.strip():
        tree["profiles"] = resolved_from(folder, given.strip())
    elif given == "" and usual.is_dir() and usual != shipped_path("config/profiles"):
        tree["profiles"] = str(usual)
    return tree


def _value(text: str) -> Any:
    """``2`` -> 2, ``true`` -> True, ``[0, 0, 1, 1]`` -> list, anything that is not TOML -> the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _nest(keys: Sequence[str], value: Any, *, origin: str) -> dict[str, Any]:
    if any(not key for key in keys):
        raise ConfigError(f"{origin}: {'.'.join(keys)!r} is not a key path")
    tree: Any = value
    for key in reversed(keys):
        tree = {key: tree}
    nested: dict[str, Any] = tree
    return nested


def _merge(into: dict[str, Any], new: Mapping[str, Any], origins: dict[tuple[str, ...], str], origin: str) -> None:
    """Deep-merges tables; anything else, lists too, is replaced. Notes where each leaf came from."""

    def walk(target: dict[str, Any], source: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for key, value in source.items():
            here = (*path, key)
            if isinstance(value, Mapping):
                if not isinstance(target.get(key), dict):
                    target[key] = {}
                walk(target[key], value, here)
            else:
                target[key] = value
            origins[here] = origin

    walk(into, new, ())


def _report(error: ValidationError, origins: Mapping[tuple[str, ...], str]) -> str:
    unique = list(dict.fromkeys(f"{_origin(location, origins)}: {line}" for location, line in _described(error, Settings)))
    if len(unique) == 1:
        return unique[0]
    return f"{len(unique)} problems in the configuration:\n" + "\n".join(f"  - {line}" for line in unique)


_Location = tuple[int | str, ...]


def _described(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[_Location, str]]:
    for problem in error.errors(include_url=False):
        # Parts in angle brackets are the branches of a choice, [key] is a table's own name: neither is written in the file.
        location = tuple(part for part in problem["loc"] if not (isinstance(part, str) and part[:1] + part[-1:] in ("<>", "[]")))
        yield location, f"{_dotted(location)}: {_sentence(problem, location, model)}"


def _dotted(location: _Location) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "(top level)"


def _origin(location: _Location, origins: Mapping[tuple[str, ...], str]) -> str:
    names = tuple(part for part in location if isinstance(part, str))
    for length in range(len(names), 0, -1):
        if names[:length] in origins:
            return origins[names[:length]]
    return "configuration"


def _sentence(problem: Any, location: _Location, model: type[BaseModel]) -> str:
    given = problem.get("input")
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(location[-1]), list(_known_keys(location[:-1], model)), n=1, cutoff=0.5)
        return "unknown key" + (f"; did you mean {near[0]}?" if near else "")
    message = str(problem["msg"]).removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if isinstance(given, str | int | float | bool) and not (location and location[-1] in SECRETS):
        return f"{message}, not {given!r}"
    return message


def _known_keys(path: _Location, model: type[BaseModel]) -> Iterator[str]:
    for number, part in enumerate(path):
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if part == "outputs":
            model = OutputSettings
        elif part == "rules":  # then the target, whose name is free
            yield from RuleSettings.model_fields if len(path) == number + 2 else RuleSource.model_fields
            return
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        else:
            return
    yield from model.model_fields
