"""``avatar-bridge bench quality``: jitter, lag, blinks and gaps of the bridge beside those of usual filters, and the goals met.

Everything is deterministic: recorded or made-up times, no clock. What is measured is the engine as ``replay --fast`` runs it.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import platformdirs
from rich.console import Console
from rich.table import Table

from bridge.bench.quality_chains import Chain, bridge_chain, through_ema, through_nothing, through_one_euro
from bridge.bench.quality_eyes import measure_calibration, measure_eyes
from bridge.bench.quality_goals import Row
from bridge.bench.quality_loss import measure_loss
from bridge.bench.quality_output import measure_output
from bridge.bench.quality_pictures import drawn_portrait, portraits_of
from bridge.bench.quality_recorded_faces import measure_recordings
from bridge.bench.quality_recordings import load_clips, measure_people, through_all
from bridge.bench.quality_rest import measure_rest
from bridge.bench.quality_steps import measure_motion, measure_rates
from bridge.bench.quality_tracked import Laboratory, measure_pictures, tracked_clips
from bridge.errors import BridgeError, ConfigError
from bridge.models import find_model
from bridge.settings import Settings
from bridge.settings_load import load_settings
from bridge.shipped import checkout_path, shipped_path

_WIDTH = 130
"""Of the table when it goes into a file."""


class GoalsMissed(BridgeError):
    """``--check``: at least one goal is missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityOptions:
    """What ``avatar-bridge bench quality`` was asked for."""

    preset: str = "balanced"
    overrides: tuple[str, ...] = ()
    """Further keys of the configuration, ``section.key=value``."""
    only: tuple[str, ...] = ()
    recordings: Path | None = None
    """Folder of recorded results, the same clip at several timestamp scales."""
    clips: Path | None = None
    """Folder of videos with a face."""
    as_json: bool = False
    check: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is measured: the bridge as configured, beside the yardsticks."""

    settings: Settings
    chains: Mapping[str, Chain]
    options: QualityOptions
    console: Console

    def folder(self, what: str, given: Path | None) -> Path | None:
        """Data that is no part of the project: as given, else as tests find it; None, and said, when it is not there."""
        variable, checkout = f"BRIDGE_TEST_{what.upper()}", checkout_path()
        beside = None if checkout is None else checkout.parent / "shared" / what
        named = os.environ.get(variable)
        folder = given or (Path(named) if named else beside)
        if folder is not None and folder.is_dir():
            return folder
        if given is not None:
            raise ConfigError(f"--{what} {given} is not a folder")
        self.console.print(f"  left out: no {what}; name a folder with --{what} DIR", highlight=False)
        return None


def _recordings(subject: Subject) -> Iterator[Row]:
    folder = subject.folder("recordings", subject.options.recordings)
    if folder is None:
        return
    clips, missing = load_clips(folder, timestamp_scale=subject.settings.timestamp_scale)
    if missing:
        subject.console.print(f"  left out, not recorded at this timestamp scale: {', '.join(missing)}", highlight=False)
    yield from measure_recordings(clips, subject.chains, subject.settings)


def _pictures(subject: Subject) -> Iterator[Row]:
    laboratory = _laboratory(subject)
    folder = subject.folder("clips", subject.options.clips)
    portraits = [drawn_portrait(), *([] if folder is None else portraits_of(folder, laboratory.model))]
    yield from measure_pictures(portraits, laboratory, subject.chains, subject.settings)


def _clips(subject: Subject) -> Iterator[Row]:
    folder = subject.folder("clips", subject.options.clips)
    if folder is not None:
        clips = tracked_clips(folder, _laboratory(subject))
        outs = through_all(clips, subject.chains)
        yield from measure_people(clips, outs, subject.chains, part="clips", judged=False)


def _laboratory(subject: Subject) -> Laboratory:
    return Laboratory(
        model=find_model(subject.settings.tracker.model),
        cache=Path(platformdirs.user_cache_dir("avatar-bridge", appauthor=False)) / "bench",
        scale=subject.settings.timestamp_scale,
        say=lambda text: subject.console.print(text, highlight=False),
    )


Part: TypeAlias = Callable[[Subject], Iterator[Row]]

PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "rest": lambda subject: measure_rest(subject.chains),
        "motion": lambda subject: measure_motion(subject.chains),
        "rates": lambda subject: measure_rates(subject.chains),
        "output": lambda subject: measure_output(subject.chains, subject.settings),
        "eyes": lambda subject: measure_eyes(subject.chains, subject.settings),
        "calibration": lambda subject: measure_calibration(subject.settings),
        "loss": lambda subject: measure_loss(subject.chains, subject.settings),
        "recordings": _recordings,
        "clips": _clips,
        "pictures": _pictures,
    }
)
"""In the order of the table."""


def run_quality(options: QualityOptions) -> None:
    """Measures what ``options.only`` names (default: all) and prints it. Raises ConfigError, and GoalsMissed with ``check``."""
    unknown = sorted(set(options.only) - set(PARTS))
    if unknown:
        raise ConfigError(f"bench quality --only {', '.join(unknown)}: known parts are {', '.join(PARTS)}")
    subject = _subject(options)
    rows: list[Row] = []
    for part in options.only or tuple(PARTS):
        subject.console.print(f"{part} ...", highlight=False)
        rows += PARTS[part](subject)
    missed = [row for row in rows if row.passed is False]
    if options.as_json:
        print(json.dumps({"preset": options.preset, "goals": len(_judged(rows)), "missed": len(missed),
                          "rows": [row.plain() for row in rows]}, indent=2))  # fmt: skip
    else:
        print_rows(rows, Console() if sys.stdout.isatty() else Console(width=_WIDTH))
    if options.check and missed:
        raise GoalsMissed(f"{len(missed)} of {len(_judged(rows))} goals are missed: {', '.join(row.goal.name for row in missed)}")


def _subject(options: QualityOptions) -> Subject:
    """From the shipped defaults, not the user's configuration: figures that can be compared."""
    overrides = (f"smoothing.preset={options.preset}", *options.overrides)
    settings = load_settings(path=shipped_path("config/bridge.toml"), overrides=overrides).settings
    chains: dict[str, Chain] = {
        "raw": through_nothing,
        "EMA": through_ema,
        "One Euro": through_one_euro,
        "bridge": bridge_chain(settings),
    }
    return Subject(settings=settings, chains=chains, options=options, console=Console(stderr=True))


def _judged(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.passed is not None]


def print_rows(rows: list[Row], console: Console) -> None:
    """The table, and how many goals each variant meets."""
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    table = Table("", *names, "limit", "", "reference")
    for row in rows:
        goal = row.goal
        limit = "" if goal.limit is None else f"{'>=' if goal.at_least else '<='} {goal.limit:g}"
        verdict = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[row.passed]
        label = f"{goal.name} [dim]{goal.unit}[/]" if goal.unit else goal.name
        table.add_row(label, *(_number(row.values.get(name)) for name in names), limit, verdict, goal.reference)
    console.print(table)
    judged = _judged(rows)
    for name in names:
        reached = [row for row in judged if name in row.values and row.meets(name)]
        known = [row for row in judged if name in row.values]
        console.print(f"{name}: {len(reached)} of {len(known)} goals", highlight=False)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if not math.isfinite(value):
        return "-"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1e}" if value else "0"
