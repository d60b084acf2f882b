"""The way from output URLs, or the same as keys, to checked plans; all problems of all outputs in one report.

``scheme://host:port/path?key=value&...``: the scheme is a kind (``vmc``) or a receiver's profile (``vseeface``); host 127.0.0.1
and the kind's own port when omitted, IPv6 in brackets, percent-encoding, booleans 1/0/true/false. The ``[[outputs]]`` table has
the same as keys: kind, host, port, path, and options.
What an output module needs (``OutputKind``, ``OutputOptions``, ...) can be imported from here too.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from bridge.errors import BridgeError, ConfigError, PluginError
from bridge.outputs.kinds import (
    BUILT_IN,
    COMMON,
    ENTRY_POINT_GROUP,
    PLACE,
    Address,
    Alias,
    OptionsT,
    OutputContext,
    OutputKind,
    OutputOptions,
    OutputPlan,
    create_output,
    known_schemes,
    load_kind,
)
from bridge.outputs.profiles import ProfileShelf
from bridge.outputs.url import SplitUrl, check_host, check_port, endpoint, file_path, join_url, split_url, without_secrets
from bridge.settings import SECRETS, OutputSettings

__all__ = [
    "BUILT_IN",
    "COMMON",
    "ENTRY_POINT_GROUP",
    "Address",
    "Alias",
    "OutputContext",
    "OutputKind",
    "OutputOptions",
    "OutputPlan",
    "create_output",
    "known_schemes",
    "load_kind",
    "parse_output",
    "parse_outputs",
]

_DEFAULT_HOST = "127.0.0.1"

Aliases = Mapping[str, Alias]


def parse_output(settings: OutputSettings, *, aliases: Aliases | None = None) -> OutputPlan:
    """The plan for one output; ``aliases`` as for ``parse_outputs``. Raises ConfigError with all that is wrong with it,
    PluginError when its kind cannot be loaded."""
    return parse_outputs((settings,), aliases=aliases)[0]


def parse_outputs(outputs: Sequence[OutputSettings], *, aliases: Aliases | None = None) -> tuple[OutputPlan, ...]:
    """The plans of all outputs, each under a name of its own: the given one, else its scheme, numbered from the second on.

    ``aliases``: the schemes beside the kinds; None: the receivers' profiles, the shipped ones and those in the user's own folder.

    Raises one ConfigError with every problem of every output, a line each; PluginError when the only problems are plugins.
    """
    aliases = ProfileShelf() if aliases is None else aliases
    plans: list[OutputPlan] = []
    schemes: list[str] = []
    problems: list[BridgeError] = []
    for number, settings in enumerate(outputs, start=1):
        try:
            plan, scheme = _parse(settings, aliases, number)
        except _Problems as several:
            problems += several.errors
        else:
            plans.append(plan)
            schemes.append(scheme)
    problems += _name_clashes(plans)
    if problems:
        only_plugins = all(isinstance(problem, PluginError) for problem in problems)
        raise (PluginError if only_plugins else ConfigError)(_report([str(problem) for problem in problems])) from problems[0]
    return _with_names(plans, schemes)


class _Problems(Exception):
    """What is wrong with one output."""

    def __init__(self, errors: Sequence[BridgeError]) -> None:
        super().__init__()
        self.errors = errors


def _parse(settings: OutputSettings, aliases: Aliases, number: int) -> tuple[OutputPlan, str]:
    """One output's plan, its name still empty when none was given, and its scheme (the alias, where it is one)."""
    label = without_secrets(settings.url) or f"{settings.kind or 'without kind'} (number {number} of [[outputs]])"
    errors: list[BridgeError] = []

    def problem(sentence: str) -> None:
        errors.append(ConfigError(f"output {label}: {sentence}"))

    try:
        split, given = _given(settings, problem)
        scheme = split.scheme if split else settings.kind
        alias = aliases.get(scheme)
        kind = load_kind(alias.kind if alias else scheme, also=tuple(aliases))
    except (ConfigError, PluginError) as error:
        raise _Problems([*errors, type(error)(f"output {label}: {error}")]) from error
    given = {**(alias.defaults if alias else {}), **given}
    place = {key: given.pop(key) for key in PLACE if key in given}
    common = _validated(OutputSettings, {key: given.pop(key) for key in COMMON if key in given}, kind, problem)
    options = _validated(kind.Options, given, kind, problem)
    try:
        host, port, path = _place(kind, split, place, options)
    except ConfigError as error:
        problem(str(error))
    if errors or options is None or common is None:
        raise _Problems(errors)
    plan = OutputPlan(
        name=common.name,
        kind=kind,
        options=options,
        host=host,
        port=port,
        path=path,
        fps=common.fps,
        mirror=common.mirror,
        subject=common.subject,
        enabled=common.enabled,
        wants_landmarks=kind.wants_landmarks(options),
        wants_frame=kind.wants_frame(options),
        url="",
        rules=tuple(layer for layer in (alias.rules if alias else {}, common.rules) if layer),
    )
    return replace(plan, url=_canonical(plan, common, preset=_preset(kind, aliases))), scheme


def _preset(kind: OutputKind, aliases: Aliases) -> Mapping[str, Any]:
    """What a profile of the kind's own name presets. Read again, the plan's URL meets that one, so these keys are written out."""
    try:
        own = aliases.get(kind.scheme)
    except BridgeError:  # broken, and not what was asked for
        return {}
    return own.defaults if own else {}


def _given(settings: OutputSettings, problem: Callable[[str], None]) -> tuple[SplitUrl | None, dict[str, Any]]:
    """The URL taken apart, and all that is not its place: options of the URL and of the keys together."""
    keys = {key: getattr(settings, key) for key in COMMON if key in settings.model_fields_set} | settings.options
    if not settings.url:
        if not settings.kind:
            raise ConfigError('names neither a url nor a kind; write for example url = "vmc://127.0.0.1:39539"')
        return None, keys
    split = split_url(settings.url)
    if settings.kind and settings.kind != split.scheme:
        problem(f"kind = {settings.kind!r} contradicts the URL; keep one of them")
    for key in split.query:
        if key in keys:
            problem(f"{key} is given in the URL and as a key; keep one of them")
        if key in PLACE:
            problem(f"{key} is not an option; it stands before the question mark: {split.scheme}://host:port")
    for key in PLACE:
        if key in keys:
            problem(f"{key} is given as a key beside a URL; write it into the URL")
    query = {key: value for key, value in split.query.items() if key not in PLACE}
    return split, {key: value for key, value in keys.items() if key not in PLACE} | query


def _place(kind: OutputKind, split: SplitUrl | None, given: Mapping[str, Any], options: BaseModel | None) -> tuple[str, int, str]:
    """(host, port, path), defaults filled in. ``given`` are keys, and defaults of an alias. Raises ConfigError."""
    host, port, path = given.get("host", ""), given.get("port"), given.get("path", "")
    if not isinstance(host, str) or not isinstance(path, str):
        raise ConfigError("host and path are texts in quotes")
    if port is not None and (isinstance(port, bool) or not isinstance(port, int)):
        raise ConfigError(f"port {port!r} is not a number from 1 to 65535")
    host = check_host(host) if host else ""
    port = check_port(port) if port is not None else None
    if kind.address in (Address.FILE, Address.NONE):
        path = (file_path(split) or path) if split else path
        if kind.address is Address.NONE and (path or host or port):
            raise ConfigError(f"{kind.scheme}:// takes no address; write {kind.scheme}://?option=value")
        if kind.address is Address.FILE and (not path or host or port):
            raise ConfigError(f"{kind.scheme} needs a file and nothing else: {kind.scheme}://FILE")
        return "", 0, path
    if split is not None:
        url_host, url_port = endpoint(split.authority)
        host, port, path = url_host or host, url_port or port, split.path or path
    if kind.address is Address.ENDPOINT and path not in ("", "/"):
        raise ConfigError(f"{kind.scheme} takes no path: {path!r}")
    if port is None and options is not None:
        port = kind.default_port(options) if callable(kind.default_port) else kind.default_port
        if not port:
            raise ConfigError(f"{kind.scheme} has no usual port; write {kind.scheme}://{host or _DEFAULT_HOST}:PORT")
    return host or _DEFAULT_HOST, port or 0, path if kind.address is Address.ENDPOINT_PATH else ""


def _validated(
    model: type[OptionsT], values: Mapping[str, Any], kind: OutputKind, problem: Callable[[str], None]
) -> OptionsT | None:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            key = ".".join(str(part) for part in fault["loc"] if not str(part).startswith("<"))
            if fault["type"] == "extra_forbidden":
                problem(_unknown_option(key, kind))
                continue
            message = str(fault["msg"]).removeprefix("Value error, ")
            message = message[0].lower() + message[1:]
            was = (
                f", not {fault['input']!r}" if isinstance(fault["input"], str | int | float | bool) and key not in SECRETS else ""
            )
            problem(f"{key}: {message}{was}" if key else message)
        return None


def _unknown_option(key: str, kind: OutputKind) -> str:
    own = list(kind.Options.model_fields)
    near = difflib.get_close_matches(key, [*own, *COMMON], n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else "."
    listing = f"Options of {kind.scheme}: {', '.join(own)}; of" if own else f"{kind.scheme} has no options of its own; those of"
    return f"unknown option {key}{hint} {listing} every output: {', '.join(COMMON)}"


def _name_clashes(plans: Sequence[OutputPlan]) -> list[BridgeError]:
    owners: dict[str, list[str]] = {}
    for plan in plans:
        owners.setdefault(plan.name, []).append(plan.url)
    return [
        ConfigError(f"{len(urls)} outputs are called {name!r} ({', '.join(urls)}); names must differ")
        for name, urls in owners.items()
        if name and len(urls) > 1
    ]


def _with_names(plans: Sequence[OutputPlan], schemes: Sequence[str]) -> tuple[OutputPlan, ...]:
    taken = {plan.name for plan in plans}
    named = []
    for plan, scheme in zip(plans, schemes, strict=True):
        name, number = plan.name or scheme, 1
        while not plan.name and name in taken:
            number += 1
            name = f"{scheme}-{number}"
        taken.add(name)
        named.append(replace(plan, name=name))
    return tuple(named)


def _canonical(plan: OutputPlan, common: OutputSettings, *, preset: Mapping[str, Any]) -> str:
    options = plan.options.model_dump(mode="json", exclude_defaults=True)
    options |= plan.options.model_dump(mode="json", include={key for key in preset if key in type(plan.options).model_fields})
    query = {key: "***" if key in SECRETS else _text(value) for key, value in options.items()}
    if plan.fps or "fps" in preset:
        query["fps"] = _text(plan.fps)
    if plan.mirror is not None:
        query["mirror"] = _text(plan.mirror)
    if plan.subject:
        query["subject"] = _text(plan.subject)
    if isinstance(common.rules, str) and common.rules:
        query["rules"] = common.rules
    host, port = (plan.host, plan.port) if plan.kind.address in (Address.ENDPOINT, Address.ENDPOINT_PATH) else ("", None)
    return join_url(scheme=plan.kind.scheme, host=host, port=port, path=plan.path, query=query)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return ",".join(map(_text, value)) if isinstance(value, list) else str(value)


def _report(lines: Sequence[str]) -> str:
    unique = list(dict.fromkeys(lines))
    if len(unique) == 1:
        return unique[0]
    return f"{len(unique)} problems with the outputs:\n" + "\n".join(f"  - {line}" for line in unique)
