"""The commands that perform: ``run``, ``replay``, ``track``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.options import (
    ConfigOption,
    OutputOption,
    SetOption,
    VerboseOption,
    download_progress,
    gather_settings,
    stderr_console,
    with_outputs,
)
from bridge.errors import ConfigError
from bridge.settings import Settings


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (run, replay, track):
        app.command()(command)


def run(
    config: ConfigOption = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            "-s",
            help="auto, camera, camera:0, camera:NAME, a file or folder, demo; or who sends faces: vmc, vts-phone:HOST, "
            "ifacialmocap:HOST, facemotion3d:HOST, livelink",
        ),
    ] = None,
    output: OutputOption = None,
    set_: SetOption = None,
    loop: Annotated[bool, typer.Option("--loop", help="files start again at their end")] = False,
    duration: Annotated[float | None, typer.Option("--duration", min=0.1, help="stop after this many seconds")] = None,
    record: Annotated[
        Path | None, typer.Option("--record", help="write every raw result to this file: .jsonl, .csv, .vrma or .bvh")
    ] = None,
    trace: Annotated[Path | None, typer.Option("--trace", help="write every stage per channel to this .csv file")] = None,
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
    _perform(settings.model_copy(update=changes), record=record, trace=trace, duration=duration, open_page=open_page)


def replay(
    recording: Annotated[Path, typer.Argument(help="a recording: .jsonl, .npz, .csv (Live Link Face), .vrma or .bvh")],
    config: ConfigOption = None,
    output: OutputOption = None,
    set_: SetOption = None,
    loop: Annotated[bool, typer.Option("--loop", help="start again at the end")] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="as fast as it goes, on the recorded times alone: the same bytes every time")
    ] = False,
    trace: Annotated[Path | None, typer.Option("--trace", help="write every stage per channel to this .csv file")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="open the page in the browser")] = False,
    no_control: Annotated[bool, typer.Option("--no-control", help="no page, no stream, no control port")] = False,
    verbose: VerboseOption = False,
) -> None:
    """Play a recording through the same pipeline."""
    from bridge.sources.recording import RECORDING_SUFFIXES

    if recording.suffix.lower() not in RECORDING_SUFFIXES:
        known = ", ".join(sorted(RECORDING_SUFFIXES))
        raise ConfigError(f"{recording} is not called like a recording ({known}): to watch a video or picture, `run --source` it")
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
        from bridge.runtime import check_settings

        set_up_logging(settings.log.level, stderr_console())
        check_settings(settings)
        count = replay_fast(settings, recording, trace=trace)
        stderr_console().print(f"{count} results replayed", highlight=False)
        return
    _perform(settings, record=None, trace=trace, duration=None, open_page=open_page)


def track(
    input_: Annotated[
        Path, typer.Argument(metavar="INPUT", help="a video, GIF, still or folder of stills; or a recording, to convert it")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help=".jsonl, .csv (Live Link Face), .npz, .vrma or .bvh; default: INPUT.jsonl"),
    ] = None,
    mode: Annotated[str, typer.Option("--mode", help="video follows faces from frame to frame, image sees each alone")] = "",
    final: Annotated[bool, typer.Option("--final", help="smoothed, as an output would get it; default: raw")] = False,
    recenter: Annotated[
        bool, typer.Option("--recenter", help="with --final: the first head is straight ahead; default: the camera is")
    ] = False,
    neck: Annotated[
        float, typer.Option("--neck", min=0.0, max=1.0, help=".vrma, .bvh: the neck's part of the rotation; 0: no neck")
    ] = 0.5,
    expressions: Annotated[
        str, typer.Option("--expressions", help=".vrma: custom (the 52), presets (aa, blinkLeft, ...), or all")
    ] = "all",
    config: ConfigOption = None,
    set_: SetOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Track a file offline, every frame of it, as fast as it goes."""
    from bridge.daemon import set_up_logging
    from bridge.export import EXPRESSION_CHOICES, ExportOptions
    from bridge.offline import track_file

    settings = gather_settings(config, set_)
    set_up_logging("debug" if verbose else settings.log.level, stderr_console())
    if mode not in ("", "image", "video"):
        raise ConfigError(f"--mode {mode}: choose video or image")
    chosen = next((each for each in EXPRESSION_CHOICES if each == expressions), None)
    if chosen is None:
        raise ConfigError(f"--expressions {expressions}: choose all, custom or presets")
    if recenter and not final:
        raise ConfigError("--recenter needs --final: raw results are what the camera saw")
    target = out or input_.with_suffix(".jsonl")
    done = track_file(
        settings,
        input_,
        target,
        mode=mode or None,
        final=final,
        console=stderr_console(),
        recenter=recenter,
        options=ExportOptions(neck=neck, expressions=chosen),
    )
    stderr_console().print(f"{done.frames} frames, a face in {done.found}: {target}", markup=False, highlight=False)


def _perform(settings: Settings, *, record: Path | None, trace: Path | None, duration: float | None, open_page: bool) -> None:
    from bridge.daemon import perform, set_up_logging
    from bridge.runtime import RunOptions, Runtime, check_settings
    from bridge.terminal import live_line

    console = stderr_console()
    set_up_logging(settings.log.level, console)
    check_settings(settings)
    runtime = Runtime(settings, RunOptions(record=record, trace=trace, on_progress=download_progress(console)))
    perform(runtime, duration_s=duration, open_page=open_page, console=console, meanwhile=live_line(runtime.status, console))
