"""The command line. Every failure ends in one readable sentence on stderr and the exit code of its kind (``errors``)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bridge import __version__
from bridge.errors import BridgeError, ConfigError
from bridge.settings import OutputSettings, Settings

app = typer.Typer(
    name="avatar-bridge",
    help="Turns any webcam into a live performance for any avatar. Nothing leaves this machine that you did not ask for.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="configuration file (TOML)")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="any key of the configuration: section.key=value")]
OutputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--output", "-o", help="receiver as a URL, any number: vmc://127.0.0.1:39539, osc://..., ws://..., record://FILE"
    ),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="say more, MediaPipe's own messages too")]


def stderr_console() -> Console:
    """Messages for people go to stderr; stdout is for what was asked."""
    return Console(stderr=True, soft_wrap=True)


def gather_settings(config: Path | None, overrides: list[str] | None) -> Settings:
    """Defaults < file < environment < flags."""
    from bridge.settings_load import load_settings

    return load_settings(path=config, environment=os.environ, overrides=overrides or ()).settings


def with_outputs(settings: Settings, urls: list[str] | None) -> Settings:
    """``--output`` replaces the outputs of the configuration."""
    if not urls:
        return settings
    return settings.model_copy(update={"outputs": tuple(OutputSettings(url=url) for url in urls)})


@app.command()
def run(
    config: ConfigOption = None,
    source: Annotated[
        str | None, typer.Option("--source", "-s", help="auto, camera, camera:0, camera:NAME, a file or folder, demo")
    ] = None,
    output: OutputOption = None,
    set_: SetOption = None,
    loop: Annotated[bool, typer.Option("--loop", help="files start again at their end")] = False,
    duration: Annotated[float | None, typer.Option("--duration", min=0.1, help="stop after this many seconds")] = None,
    record: Annotated[Path | None, typer.Option("--record", help="write every raw result to this .jsonl file")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="open the page in the browser")] = False,
    no_control: Annotated[bool, typer.Option("--no-control", help="no page, no stream, no control port")] = False,
    verbose: VerboseOption = False,
) -> None:
    """Drive avatars from a camera, a file or the demo performance."""
    settings = with_outputs(gather_settings(config, set_), output)
    changes: dict[str, Any] = {}
    if source is not None or loop:
        update = ({"input": source} if source is not None else {}) | ({"loop": True} if loop else {})
        changes["source"] = settings.source.model_copy(update=update)
    if no_control:
        changes["control"] = settings.control.model_copy(update={"enabled": False})
    if verbose:
        changes["log"] = settings.log.model_copy(update={"level": "debug"})
    _perform(settings.model_copy(update=changes), record=record, duration=duration, open_page=open_page)


@app.command()
def replay(
    recording: Annotated[Path, typer.Argument(help="a recording (.jsonl)")],
    config: ConfigOption = None,
    output: OutputOption = None,
    set_: SetOption = None,
    loop: Annotated[bool, typer.Option("--loop", help="start again at the end")] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="as fast as it goes, on the recorded times alone: the same bytes every time")
    ] = False,
    open_page: Annotated[bool, typer.Option("--open", help="open the page in the browser")] = False,
    no_control: Annotated[bool, typer.Option("--no-control", help="no page, no stream, no control port")] = False,
    verbose: VerboseOption = False,
) -> None:
    """Play a recording through the same pipeline."""
    settings = with_outputs(gather_settings(config, set_), output)
    level = "debug" if verbose else settings.log.level
    settings = settings.model_copy(
        update={
            "source": settings.source.model_copy(update={"input": str(recording), "loop": loop}),
            "control": settings.control.model_copy(update={"enabled": settings.control.enabled and not no_control}),
            "log": settings.log.model_copy(update={"level": level}),
        }
    )
    if fast:
        from bridge.daemon import set_up_logging
        from bridge.offline import replay_fast

        set_up_logging(settings.log.level, stderr_console())
        count = replay_fast(settings, recording)
        stderr_console().print(f"{count} results replayed", highlight=False)
        return
    _perform(settings, record=None, duration=None, open_page=open_page)


@app.command()
def track(
    input_: Annotated[Path, typer.Argument(metavar="INPUT", help="a video, GIF, still or folder of stills")],
    out: Annotated[Path | None, typer.Option("--out", help=".jsonl, .csv (Live Link Face) or .npz; default: INPUT.jsonl")] = None,
    mode: Annotated[str, typer.Option("--mode", help="video follows faces from frame to frame, image sees each alone")] = "",
    final: Annotated[bool, typer.Option("--final", help="smoothed, as an output would get it; default: raw")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Track a file offline, every frame of it, as fast as it goes."""
    from bridge.daemon import set_up_logging
    from bridge.offline import track_file

    settings = gather_settings(config, set_)
    set_up_logging("debug" if verbose else settings.log.level, stderr_console())
    if mode not in ("", "image", "video"):
        raise ConfigError(f"--mode {mode}: choose video or image")
    target = out or input_.with_suffix(".jsonl")
    done = track_file(settings, input_, target, mode=mode or None, final=final, console=stderr_console())
    stderr_console().print(f"{done.frames} frames, a face in {done.found}: {target}", highlight=False)


def _perform(settings: Settings, *, record: Path | None, duration: float | None, open_page: bool) -> None:
    from bridge.daemon import perform, set_up_logging
    from bridge.runtime import RunOptions, Runtime, check_settings

    console = stderr_console()
    set_up_logging(settings.log.level, console)
    check_settings(settings)
    runtime = Runtime(settings, RunOptions(record=record, on_progress=download_progress(console)))
    perform(runtime, duration_s=duration, open_page=open_page, console=console)


def download_progress(console: Console) -> Any:
    """A callback (done, total) that draws a bar on a terminal, and a line at start and end elsewhere."""
    from bridge.terminal import DownloadBar

    return DownloadBar(console)


def _client(config: Path | None) -> Any:
    from bridge.control.client import ControlClient

    control = gather_settings(config, None).control
    return ControlClient(control.host, control.port, control.token)


@app.command()
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


@app.command()
def stop(config: ConfigOption = None) -> None:
    """Stop the running bridge."""
    _client(config).call("stop", {})


@app.command()
def recenter(config: ConfigOption = None) -> None:
    """Where the head is now is straight ahead."""
    _client(config).call("recenter", {})


@app.command()
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

    await_calibration(client, stderr_console())


@app.command()
def pause(config: ConfigOption = None) -> None:
    """Release the camera; the avatar goes to rest."""
    _client(config).call("pause", {})


@app.command()
def resume(config: ConfigOption = None) -> None:
    """Take the camera again."""
    _client(config).call("resume", {})


@app.command()
def outputs(config: ConfigOption = None) -> None:
    """List the running bridge's outputs and how they do."""
    from bridge.terminal import outputs_table

    Console().print(outputs_table(_client(config).call("outputs.list", {})))


@app.command()
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


@app.command()
def doctor(config: ConfigOption = None) -> None:
    """Check everything that usually goes wrong, and say what to do about it."""
    from bridge.doctor import examine, print_findings

    findings = examine(lambda: gather_settings(config, None))
    print_findings(findings, Console())
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="show the version and exit")] = False) -> None:
    if version:
        print(f"avatar-bridge {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of ``avatar-bridge``."""
    from bridge import cli_files  # adds its commands

    cli_files.register(app)
    try:
        code = app(standalone_mode=False)
    except BridgeError as error:
        stderr_console().print(f"avatar-bridge: {error}", style="red", markup=False, highlight=False)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        show = getattr(error, "show", None)  # click's usage errors know how to present themselves
        if not callable(show):
            raise
        show()
        sys.exit(getattr(error, "exit_code", 2))
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
