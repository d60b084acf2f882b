"""What the commands share: options, settings from all places, the console for messages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bridge.settings import OutputSettings, Settings
from bridge.settings_load import load_settings

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="configuration file (TOML)")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="any key of the configuration: section.key=value")]
OutputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        help="receiver as a URL, any number: vseeface://, vmc://127.0.0.1:39539, osc://..., record://FILE; see `receivers`",
    ),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="say more, MediaPipe's own messages too")]


def stderr_console() -> Console:
    """Messages for people go to stderr; stdout is for what was asked."""
    return Console(stderr=True, soft_wrap=True)


def gather_settings(config: Path | None, overrides: list[str] | None) -> Settings:
    """Defaults < file < environment < flags."""
    return load_settings(path=config, environment=os.environ, overrides=overrides or ()).settings


def with_outputs(settings: Settings, urls: list[str] | None) -> Settings:
    """``--output`` replaces the outputs of the configuration."""
    if not urls:
        return settings
    return settings.model_copy(update={"outputs": tuple(OutputSettings(url=url) for url in urls)})


def download_progress(console: Console) -> Any:
    """A callback (done, total) that draws a bar on a terminal, and a line at start and end elsewhere."""
    from bridge.terminal import DownloadBar

    return DownloadBar(console)
