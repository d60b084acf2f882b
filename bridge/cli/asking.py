"""The commands that talk to the running bridge: ``status``, ``stop``, ``recenter``, ``calibrate``, ``pause``, ..."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bridge.cli.options import ConfigOption, gather_settings, stderr_console


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (status, stop, recenter, calibrate, pause, resume, outputs):
        app.command()(command)


def _say(sentence: str) -> None:
    stderr_console().print(sentence, highlight=False)


def _client(config: Path | None) -> Any:
    from bridge.control.client import ControlClient

    control = gather_settings(config, None).control
    return ControlClient(control.host, control.port, control.token)


def status(
    config: ConfigOption = None, as_json: Annotated[bool, typer.Option("--json", help="everything, for programs")] = False
) -> None:
    """Show what the running bridge does."""
    state = _client(config).call("status", {})
    if as_json:
        print(json.dumps(state, indent=2))
        return
    from bridge.terminal import print_status

    print_status(state, Console())


def stop(config: ConfigOption = None) -> None:
    """Stop the running bridge."""
    _client(config).call("stop", {})


def recenter(config: ConfigOption = None) -> None:
    """Where the head is now is straight ahead."""
    _client(config).call("recenter", {})
    _say("the head is straight ahead as it is now")


def calibrate(
    config: ConfigOption = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="how long to watch the neutral face")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="forget the neutral face and head")] = False,
) -> None:
    """Learn your neutral face: look at the screen, relaxed, eyes open."""
    client = _client(config)
    if clear:
        client.call("calibration.clear", {})
        return
    client.call("calibrate", {} if seconds is None else {"seconds": seconds})
    from bridge.terminal import await_calibration

    if not await_calibration(client, stderr_console()):
        raise typer.Exit(1)


def pause(config: ConfigOption = None) -> None:
    """Release the camera; the avatar goes to rest."""
    _client(config).call("pause", {})
    _say("paused: the camera is released; `avatar-bridge resume` takes it again")


def resume(config: ConfigOption = None) -> None:
    """Take the camera again."""
    _client(config).call("resume", {})
    _say("on again")


def outputs(config: ConfigOption = None) -> None:
    """List the running bridge's outputs and how they do."""
    from bridge.terminal import outputs_table

    Console().print(outputs_table(_client(config).call("outputs.list", {})))
