"""What a kind of output is, and where the kinds come from.

A kind is an ``OutputKind`` object. Ours are in ``BUILT_IN``; other packages name theirs in the entry-point group
``avatar_bridge.outputs``. A module is imported only when a configured output needs it.
"""

from __future__ import annotations

import difflib
import enum
import importlib
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from bridge.errors import BridgeError, ConfigError, PluginError
from bridge.outputs.event_loop import EventLoopThread
from bridge.settings import RuleSettings
from bridge.state_store import StateStore
from bridge.types import Output

ENTRY_POINT_GROUP = "avatar_bridge.outputs"

BUILT_IN: Mapping[str, str] = MappingProxyType({
    "facemotion3d": "bridge.outputs.facemotion3d:OUTPUT",
    "ifacialmocap": "bridge.outputs.ifacialmocap:OUTPUT",
    "livelink": "bridge.outputs.livelink:OUTPUT",
    "openseeface": "bridge.outputs.openseeface:OUTPUT",
    "opentrack": "bridge.outputs.opentrack:OUTPUT",
    "osc": "bridge.outputs.osc:OUTPUT",
    "record": "bridge.outputs.record:OUTPUT",
    "vmc": "bridge.outputs.vmc:OUTPUT",
    "vrchat": "bridge.outputs.vrchat:OUTPUT",
    "vts": "bridge.outputs.vts:OUTPUT",
    "vts-phone": "bridge.outputs.vts_phone:OUTPUT",
    "ws": "bridge.outputs.websocket:OUTPUT",
})  # fmt: skip
"""Scheme -> "module:attribute". Kept beside the entry points so that a checkout works without installed metadata."""

COMMON = ("name", "fps", "mirror", "subject", "rules", "enabled")
"""Options that every output has; they belong to its worker, not to its kind."""

PLACE = ("host", "port", "path")
"""Keys that say where an output sends to, written before the question mark of its URL."""

OptionsT = TypeVar("OptionsT", bound=BaseModel)

RuleLayer: TypeAlias = str | Mapping[str, RuleSettings]
"""Mapping rules: the path of their file, or target -> rule."""


class OutputOptions(BaseModel):
    """Base for the options of a kind: unknown keys are errors, values never change. An empty subclass has no options.

    Values come as text from URLs and typed from the configuration file; each field takes both. No field may be called like one of
    ``COMMON``, kind, url, host, port or path.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)


class Address(enum.Enum):
    """What stands between ``scheme://`` and ``?``."""

    ENDPOINT = "host:port"
    ENDPOINT_PATH = "host:port/path"
    FILE = "a file"
    NONE = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputContext:
    """What the program lends to its outputs."""

    event_loop: EventLoopThread | None = None
    """For outputs that are WebSocket or HTTP."""
    state: StateStore | None = None
    """Where what a receiver granted (a token) is kept for the next run; None: it lives as long as the process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputKind:
    """One kind of output: what an output module exports as ``OUTPUT``."""

    scheme: str
    Options: type[BaseModel]
    create: Callable[[OutputPlan, OutputContext], Output]
    """Cheap and silent: nothing is opened before ``Output.open``. Raises ConfigError for options that contradict each other."""
    summary: str
    """One line for listings: "VMC protocol: VSeeFace, Warudo, ..."."""
    default_port: int | Callable[[Any], int] = 0
    """The port when none is given, or how it follows from the options. Unused where the address is no endpoint."""
    address: Address = Address.ENDPOINT
    mirrors_itself: bool = False
    """Whether what is sent is a mirror image by nature: then the output's own ``mirror`` counts, and not the global one."""
    wants_landmarks: Callable[[Any], bool] = lambda _options: False
    """Whether, with these options, ``FaceState.landmarks`` must be filled."""
    wants_frame: Callable[[Any], bool] = lambda _options: False
    """Whether, with these options, ``FaceState.frame`` must be filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPlan:
    """One configured output, checked; nothing is open yet. Equal plans need no rebuild on reload."""

    name: str
    kind: OutputKind
    options: BaseModel
    host: str
    port: int
    path: str
    fps: float
    """At most so many messages a second; 0: one per tracked frame."""
    mirror: bool | None
    """None: as the global setting says."""
    subject: int
    enabled: bool
    wants_landmarks: bool
    wants_frame: bool
    url: str
    """Canonical: host and port filled in, defaults left out, tokens and passwords starred: fit for logs and status. Otherwise it
    parses to the same plan, but for ``name``, ``enabled`` and mapping rules that are tables."""
    rules: tuple[RuleLayer, ...] = ()
    """Mapping rules of its receiver's profile, then its own, which go before; the word "off" among them: none, no global ones."""

    def mirrored(self, everywhere: bool) -> bool:
        """Whether states are mirrored for this output; ``everywhere`` is the global setting."""
        return everywhere and not self.kind.mirrors_itself if self.mirror is None else self.mirror

    def options_as(self, model: type[OptionsT]) -> OptionsT:
        """The options as the kind's own type. Raises TypeError for another kind's."""
        if not isinstance(self.options, model):
            raise TypeError(f"options of {self.kind.scheme} are {type(self.options).__name__}, not {model.__name__}")
        return self.options


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A scheme that stands for a kind with other defaults: a receiver's profile (``vseeface://``)."""

    kind: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """port, options, fps, mirror by name; what the user writes goes before."""
    rules: RuleLayer = field(default_factory=dict)
    """Mapping rules of the receiver; the user's own are added, and go before for the same target."""


def known_schemes() -> tuple[str, ...]:
    """Every scheme that a URL may have: ours and those of installed plugins. Reads metadata, imports nothing."""
    return tuple(sorted(set(BUILT_IN) | importlib.metadata.entry_points(group=ENTRY_POINT_GROUP).names))


def load_kind(scheme: str, *, also: Sequence[str] = ()) -> OutputKind:
    """The kind behind a scheme; imports its module. ``also`` are names that would have been right too (aliases).

    Raises ConfigError for an unknown scheme, PluginError for a module that is broken.
    """
    if scheme in BUILT_IN:  # a plugin cannot take the place of a built-in
        return _import_kind(scheme, BUILT_IN[scheme], "avatar-bridge itself")
    found = list(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP, name=scheme))
    if not found:
        raise ConfigError(f"unknown kind of output {scheme!r}{_did_you_mean(scheme, (*known_schemes(), *also))}")
    owners = sorted({entry.dist.name if entry.dist else entry.value for entry in found})
    if len(owners) > 1:
        raise PluginError(f"{scheme}:// is provided by {' and '.join(owners)}; uninstall all but one of them")
    return _import_kind(scheme, found[0].value, f"the plugin {owners[0]}")


def _import_kind(scheme: str, reference: str, owner: str) -> OutputKind:
    module, _, attribute = reference.partition(":")
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a plugin's module may raise anything while it is imported
        raise PluginError(f"{scheme}:// from {owner} cannot be loaded: {type(error).__name__}: {error} ({reference})") from error
    if not isinstance(kind, OutputKind):
        raise PluginError(f"{scheme}:// from {owner}: {reference} is a {type(kind).__name__}, not an OutputKind")
    if kind.scheme != scheme:
        raise PluginError(f"{scheme}:// from {owner}: {reference} calls itself {kind.scheme}://; the two must agree")
    reserved = sorted({*COMMON, *PLACE, "kind", "url"} & set(kind.Options.model_fields))
    if reserved:
        raise PluginError(f"{scheme}:// from {owner}: option {reserved[0]} has a name that every output uses already")
    return kind


def create_output(plan: OutputPlan, context: OutputContext) -> Output:
    """The output of a plan, not opened. Raises ConfigError for contradicting options, PluginError when the kind misbehaves."""
    try:
        return plan.kind.create(plan, context)
    except BridgeError as error:
        raise type(error)(f"output {plan.url}: {error}") from error
    except Exception as error:  # a plugin's constructor may raise anything
        raise PluginError(f"output {plan.url} could not be created: {type(error).__name__}: {error}") from error


def _did_you_mean(scheme: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(scheme, known, n=1, cutoff=0.5)
    return (f"; did you mean {near[0]}?" if near else ".") + f" There are {', '.join(sorted(set(known)))}"
