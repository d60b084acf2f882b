"""``selftest``: known poses one by one, with captions, so that a person sees whether axes and sides are right."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli.options import (
    ConfigOption,
    OutputOption,
    SetOption,
    VerboseOption,
    gather_settings,
    stderr_console,
    with_outputs,
)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(selftest)


def selftest(
    output: OutputOption = None,
    step: Annotated[
        list[str] | None, typer.Option("--step", help="only this pose, for example turn-left; any number, in this order")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.3, max=60.0, help="how long each pose takes")] = 0.9,
    loop: Annotated[bool, typer.Option("--loop", help="again and again, until Ctrl-C")] = False,
    list_: Annotated[bool, typer.Option("--list", help="only say which poses there are")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Act out known poses one by one: does the avatar do what the captions say, on the right side?"""
    from rich.console import Console

    from bridge.cli.captions import captions, describe_step, explain_sides
    from bridge.daemon import perform, set_up_logging
    from bridge.runtime import RunOptions, Runtime, check_settings
    from bridge.sources.selftest import SelftestSource, steps_called

    console = Console(soft_wrap=True)
    steps = steps_called(step or ())
    if list_:
        for each in steps:
            console.print(describe_step(each))
        return
    settings = with_outputs(gather_settings(config, set_), output)
    settings = settings.model_copy(update={"control": settings.control.model_copy(update={"enabled": False})})
    set_up_logging("debug" if verbose else settings.log.level, stderr_console())
    check_settings(settings)
    source = SelftestSource(steps, seconds=seconds, fps=settings.source.fps, loop=loop)
    runtime = Runtime(settings, RunOptions(source=source))
    explain_sides(runtime.plans, mirror=settings.mirror, console=console)
    with captions(source, console):
        perform(runtime, duration_s=None, open_page=False, console=stderr_console())
