"""What can stand before ``://``, for people: receivers with a profile, then the plain kinds of outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticUndefined

from bridge.errors import BridgeError, PluginError
from bridge.outputs.kinds import Address, OutputKind, known_schemes, load_kind
from bridge.outputs.profiles import LoadedProfile, ProfileShelf
from bridge.outputs.registry import parse_output
from bridge.settings import OutputSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a kind of output."""

    name: str
    default: str
    """As it is written in a URL; empty where there is none."""
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """One scheme: a receiver's profile, or a kind of output for everything else."""

    name: str
    title: str
    description: str
    url: str
    """The shortest that works."""
    means: str
    """Which output it is in full; empty where the URL needs something of the user's first (a file)."""
    setup: tuple[str, ...] = ()
    untested: tuple[str, ...] = ()
    file: str = ""
    """Of the profile; empty for a kind."""
    options: tuple[Option, ...] = ()


def list_receivers(shelf: ProfileShelf) -> tuple[list[Receiver], list[Receiver], list[tuple[str, str]]]:
    """Profiles; kinds that have no profile of their own name; (scheme, sentence) of all that is broken. Imports every kind."""
    good, bad = shelf.load_all()
    profiles = [_of_profile(profile, shelf) for profile in good]
    broken = [(each.name, each.problem) for each in bad]
    kinds = []
    for scheme in known_schemes():
        if scheme in {profile.name for profile in profiles}:
            continue
        try:
            kinds.append(_of_kind(load_kind(scheme), shelf))
        except PluginError as error:
            broken += [] if scheme in shelf else [(scheme, str(error))]
    return profiles, kinds, broken


def describe_receiver(name: str, shelf: ProfileShelf) -> Receiver:
    """One of them. Raises ConfigError for a name that is neither, or a broken profile; PluginError for a broken kind."""
    name = name.removesuffix("://").lower()
    if name in shelf:
        return _of_profile(shelf.load(name), shelf)
    return _of_kind(load_kind(name, also=tuple(shelf)), shelf)


def _of_profile(profile: LoadedProfile, shelf: ProfileShelf) -> Receiver:
    return Receiver(
        name=profile.name,
        title=profile.title,
        description=profile.profile.description,
        url=f"{profile.name}://",
        means=_in_full(profile.name, shelf),
        setup=profile.profile.setup,
        untested=profile.profile.untested,
        file=str(profile.path),
        options=_options(load_kind(profile.profile.kind), preset=profile.profile.options),
    )


def _of_kind(kind: OutputKind, shelf: ProfileShelf) -> Receiver:
    means = _in_full(kind.scheme, shelf)
    short = f"{kind.scheme}://FILE" if kind.address is Address.FILE else means or f"{kind.scheme}://HOST:PORT"
    return Receiver(
        name=kind.scheme,
        title=f"{kind.scheme}://",
        description=kind.summary,
        url=short,
        means=means,
        options=_options(kind, preset={}),
    )


def _in_full(scheme: str, shelf: ProfileShelf) -> str:
    try:
        return parse_output(OutputSettings(url=f"{scheme}://"), aliases=shelf).url
    except BridgeError:
        return ""


def _options(kind: OutputKind, *, preset: Mapping[str, Any]) -> tuple[Option, ...]:
    return tuple(
        Option(name=name, default=_text(preset.get(name, field.get_default())), description=field.description or "")
        for name, field in kind.Options.model_fields.items()
    )


def _text(value: Any) -> str:
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(getattr(value, "value", value))
