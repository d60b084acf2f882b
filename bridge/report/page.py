"""The page around the numbers: one file that needs nothing else, and that can be shown to anybody."""

from __future__ import annotations

import html
import json
import os
import platform
import re
from pathlib import Path
from typing import Any

from bridge import __version__
from bridge.errors import ConfigError, OutputRejected
from bridge.outputs.url import without_secrets
from bridge.report.curves import curves
from bridge.report.events import blinks, moments
from bridge.report.figures import Plain, channels, groups, presence_spans, summary
from bridge.report.take import Take, load_take
from bridge.settings import SECRETS, Settings

MARK = '<meta name="generator" content="avatar-bridge report">'
"""By this a report is known: nothing else is overwritten."""

_WEB = Path(__file__).resolve().parent / "web"
_HOME = re.compile(r"(?:[A-Za-z]:)?[\\/](?:home|Users)[\\/][^\\/\s\"']+")


def write_report(settings: Settings, source: Path, out: Path) -> Path:
    """The page about the recording or trace ``source``; returns ``out``.

    Raises SourceUnavailable, ConfigError, OutputRejected.
    """
    check_report_path(out)
    text = render(report_data(load_take(settings, source), settings))
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(text, encoding="utf-8", newline="\n")
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputRejected(f"{out} cannot be written: {error.strerror or error}; name a file in a folder of yours") from error
    return out


def check_report_path(out: Path) -> None:
    """Raises ConfigError when ``out`` is no name for a page, or somebody's other file."""
    if out.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"{out}: a report is a page, so its name must end in .html")
    try:
        ours = not out.exists() or (out.is_file() and MARK in out.read_bytes()[:1000].decode("ascii", "replace"))
    except OSError as error:
        raise ConfigError(f"{out} cannot be looked at: {error.strerror}") from error
    if not ours:
        raise ConfigError(f"{out} exists and is not a report, so it is not overwritten; choose another name with --out")


def report_data(take: Take, settings: Settings) -> Plain:
    """Everything that the page shows, as plain JSON values."""
    return {
        "version": __version__,
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "name": take.name,
        "kind": take.kind,
        "stages": list(take.stages),
        "summary": summary(take),
        "presence": presence_spans(take),
        "groups": groups(take),
        "blinks": blinks(take),
        "channels": channels(take),
        "moments": moments(take),
        "curves": curves(take),
        "settings": shareable(settings.model_dump(mode="json")),
        "changed": _changed(shareable(settings.model_dump(mode="json")), Settings().model_dump(mode="json")),
    }


def shareable(tree: Any) -> Any:
    """Settings as they may be shown to anybody: secrets starred, folders of a person's home shortened to ~."""
    if isinstance(tree, dict):
        return {key: "***" if key in SECRETS and value else shareable(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [shareable(value) for value in tree]
    if not isinstance(tree, str):
        return tree
    return _HOME.sub("~", without_secrets(tree).replace(str(Path.home()), "~"))


def _changed(tree: Plain, default: Plain, prefix: str = "") -> Plain:
    """Key path -> value of every setting that is not the default."""
    found: Plain = {}
    for key, value in tree.items():
        usual = default.get(key)
        if isinstance(value, dict) and isinstance(usual, dict) and usual:
            found |= _changed(value, usual, f"{prefix}{key}.")
        elif value != usual:
            found[prefix + key] = value
    return found


def render(data: Plain) -> str:
    """The page. Its data stands in it as JSON, in which no tag can begin."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    parts = {
        "mark": MARK,
        "title": html.escape(f"{data['name']} - motion report"),
        "style": _read("report.css"),
        "script": _read("plot.js") + _read("report.js"),
        "data": text,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _read("report.html"))


def _read(name: str) -> str:
    return (_WEB / name).read_text(encoding="utf-8")
