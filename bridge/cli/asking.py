"""The commands that talk to the running bridge: ``status``, ``stop``, ``recenter``, ``calibrate``, ``pause``, ..."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bridge.cli.options import ConfigOption, gather_settings, stderr_console

calibration_app = typer.Typer(help="What was learnt of your face: profiles, undo.", no_args_is_help=True)


class Guided(enum.StrEnum):
    """What ``calibrate`` can lead through."""

    NEUTRAL = "neutral"
    RANGE = "range"
    BLINK = "blink"
    WIZARD = "wizard"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(calibration_app, name="calibration")
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
    what: Annotated[
        Guided, typer.Argument(help="your resting face | your strongest expressions | your closed eyes | all of it, step by step")
    ] = Guided.NEUTRAL,
    config: ConfigOption = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="how long to watch the neutral face")] = None,
    insist: Annotated[bool, typer.Option("--insist", help="use a neutral face even if it is hard to believe")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="forget the neutral face and head")] = False,
) -> None:
    """Learn your face: relaxed and eyes open, or led through expressions, eyes and winks."""
    client = _client(config)
    if clear:
        client.call("calibration.clear", {})
        return
    asked: dict[str, object] = {"guide": what.value, "insist": insist}
    answer = client.call("calibrate", asked if seconds is None else asked | {"seconds": seconds})
    from bridge.terminal import lead_calibration

    if not lead_calibration(client, stderr_console(), attempt=int(answer["attempt"])):
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


NameArgument = Annotated[str, typer.Argument(help="the profile's name")]


@calibration_app.command("list")
def list_profiles(config: ConfigOption = None) -> None:
    """List the profiles."""
    from bridge.terminal import profiles_table

    found = _client(config).call("calibration.list", {})
    if found:
        Console().print(profiles_table(found))
    else:
        _say("no profiles yet: `avatar-bridge calibrate` makes one")


@calibration_app.command()
def use(name: NameArgument, config: ConfigOption = None) -> None:
    """Use a profile, from now on and at the next start with this camera."""
    _say(_client(config).call("calibration.use", {"name": name})["message"])


@calibration_app.command()
def save(name: NameArgument, config: ConfigOption = None) -> None:
    """Keep what is in use under a name; later calibrations go there too."""
    _say(f"saved as {_client(config).call('calibration.save', {'name': name})['saved']}")


@calibration_app.command()
def delete(name: NameArgument, config: ConfigOption = None) -> None:
    """Forget a profile."""
    _say(f"{_client(config).call('calibration.delete', {'name': name})['deleted']} is forgotten")


@calibration_app.command()
def undo(config: ConfigOption = None) -> None:
    """Back to the calibration before the last one."""
    client = _client(config)
    if not client.call("calibration.status", {})["undo"]:
        _say("there is nothing to undo")
        raise typer.Exit(1)
    client.call("calibration.undo", {})
    _say("the calibration before is in use again")


@calibration_app.command("insist")
def insist_on_rejected(config: ConfigOption = None) -> None:
    """Use what was rejected last, made usable."""
    client = _client(config)
    if not client.call("calibration.status", {})["can_insist"]:
        _say("nothing was rejected that could be used")
        raise typer.Exit(1)
    client.call("calibration.insist", {})
    _say("used as you insist; it corrects itself while your face is calmer")


@calibration_app.command("clear")
def clear_calibration(config: ConfigOption = None) -> None:
    """Back to what the model delivers; profiles are kept."""
    _client(config).call("calibration.clear", {})
    _say("nothing is calibrated now; `avatar-bridge calibration undo` brings it back")


@calibration_app.command("show")
def show_calibration(config: ConfigOption = None) -> None:
    """Print what is in use, as JSON."""
    print(json.dumps(_client(config).call("calibration.show", {}), indent=2))
