"""The commands that look at the machine and its files: ``cameras``, ``doctor``, ``model``, ``config``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bridge.cli.options import ConfigOption, SetOption, download_progress, gather_settings, stderr_console
from bridge.errors import ConfigError

model_app = typer.Typer(help="The Face Landmarker model.", no_args_is_help=True)
config_app = typer.Typer(help="The configuration.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(model_app, name="model")
    app.add_typer(config_app, name="config")
    for command in (cameras, receivers, doctor):
        app.command()(command)


def cameras(as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """List the cameras of this machine and what they can do."""
    from bridge.sources.camera_devices import list_cameras
    from bridge.status import plain

    found = list_cameras()
    if as_json:
        print(json.dumps([plain(camera) for camera in found], indent=2))
        return
    if not found:
        stderr_console().print("No camera found. Is it plugged in? On Linux, `ls /dev/video*` should list it.", highlight=False)
        return
    for camera in found:
        grid = Table.grid(padding=(0, 2))
        for what, value in camera.describe():
            grid.add_row(f"[bold]{what}[/]", value)
        Console().print(grid, "")


def receivers(
    name: Annotated[str, typer.Argument(help="one of them, to say more about it")] = "",
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """List the programs and protocols that --output can name, and what to switch on there."""
    from bridge.outputs.profiles import ProfileShelf
    from bridge.outputs.receivers import describe_receiver, list_receivers
    from bridge.status import plain
    from bridge.terminal import print_receiver, print_receivers

    shelf = ProfileShelf(gather_settings(config, None).profiles)
    if name:
        found = describe_receiver(name, shelf)
        if as_json:
            print(json.dumps(plain(found), indent=2))
        else:
            print_receiver(found, Console())
        return
    profiles, kinds, broken = list_receivers(shelf)
    if as_json:
        print(json.dumps([plain(each) for each in (*profiles, *kinds)], indent=2))
    else:
        print_receivers(profiles, kinds, broken, Console())


def doctor(config: ConfigOption = None) -> None:
    """Check everything that usually goes wrong, and say what to do about it."""
    from bridge.doctor import examine, print_findings

    findings = examine(lambda: gather_settings(config, None))
    print_findings(findings, Console())
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


@model_app.command()
def fetch() -> None:
    """Download the model from Google and verify it."""
    from bridge.models import fetch_model

    print(fetch_model(download_progress(stderr_console())))


@model_app.command()
def path(config: ConfigOption = None) -> None:
    """Print where the model is that a run would use."""
    from bridge.models import find_model

    print(find_model(gather_settings(config, None).tracker.model, download=False))


@model_app.command()
def verify(config: ConfigOption = None) -> None:
    """Check size and SHA-256 of the model."""
    from bridge.models import find_model, verify_model

    found = find_model(gather_settings(config, None).tracker.model, download=False)
    verify_model(found)
    print(f"{found}: size and SHA-256 are right")


@config_app.command()
def init(target: Annotated[Path | None, typer.Argument(help="default: the user's own configuration file")] = None) -> None:
    """Write a configuration file with every key and its default."""
    from bridge.settings_load import user_config_file
    from bridge.shipped import shipped_path

    place = target or user_config_file()
    if place.exists():
        raise ConfigError(f"{place} exists already; it is yours, so it is not overwritten")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(shipped_path("config/bridge.toml").read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{place} cannot be written: {error.strerror}") from error
    print(place)


@config_app.command()
def show(config: ConfigOption = None, set_: SetOption = None) -> None:
    """Print the configuration in force, as JSON; tokens are starred."""
    from bridge.settings_load import find_config_file

    settings = _without_secrets(gather_settings(config, set_).model_dump(mode="json"))
    print(json.dumps({"file": str(find_config_file(config) or ""), **settings}, indent=2))


def _without_secrets(tree: Any) -> Any:
    """People show this to others when they ask for help."""
    from bridge.outputs.url import without_secrets
    from bridge.settings import SECRETS

    if isinstance(tree, dict):
        return {key: "***" if key in SECRETS and value else _without_secrets(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_without_secrets(value) for value in tree]
    return without_secrets(tree) if isinstance(tree, str) else tree


@config_app.command()
def check(config: ConfigOption = None, set_: SetOption = None) -> None:
    """Check the configuration without starting anything."""
    from bridge.runtime import check_settings
    from bridge.settings_load import find_config_file

    check_settings(gather_settings(config, set_))
    print(f"{find_config_file(config) or 'built-in defaults'}: fine")


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from bridge.settings import Settings

    print(json.dumps(Settings.model_json_schema(), indent=2))
