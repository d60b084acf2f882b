"""The commands that measure: ``bench`` what the machine can do, ``bench quality`` how good the motion is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import SetOption

bench_app = typer.Typer()


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(bench_app, name="bench")


@bench_app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="how long each variant runs")] = 10.0,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="how often the variants take turns")] = 3,
    clip: Annotated[Path | None, typer.Option("--clip", help="a video with a face, played as if it were a camera")] = None,
    naive: Annotated[Path | None, typer.Option("--naive", help="the naive bridge's script, to be compared with")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="parts: pace30, pace60, unpaced, cost, start, memory")] = None,
    outputs: Annotated[
        str | None, typer.Option("--outputs", help="instead: one output against so many (10), or against these: vmc,osc,ws")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the figures for programs")] = False,
) -> None:
    """Measure this machine: latency, CPU, cost of each step, start, memory. `bench quality` measures the motion instead."""
    if context.invoked_subcommand is not None:
        return
    from bridge.bench import BenchOptions, run_bench, run_many

    options = BenchOptions(seconds=seconds, rounds=rounds, clip=clip, naive=naive, only=tuple(only or ()), as_json=as_json)
    if outputs is None:
        run_bench(options)
    else:
        run_many(options, outputs)


@bench_app.command()
def quality(
    preset: Annotated[str, typer.Option("--preset", help="of the smoothing: balanced, low-latency, ...")] = "balanced",
    set_: SetOption = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="parts: rest, motion, rates, output, eyes, calibration, loss, recordings, clips, pictures"),
    ] = None,
    recordings: Annotated[Path | None, typer.Option("--recordings", help="a folder of recorded results (.npz)")] = None,
    clips: Annotated[Path | None, typer.Option("--clips", help="a folder of videos with a face")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the figures for programs")] = False,
    check: Annotated[bool, typer.Option("--check", help="exit with 1 when a goal is missed")] = False,
) -> None:
    """Measure the motion: jitter at rest, lag, blinks, gaps, calibration, beside usual filters and against the goals."""
    from bridge.bench.quality import QualityOptions, run_quality

    run_quality(
        QualityOptions(
            preset=preset,
            overrides=tuple(set_ or ()),
            only=tuple(only or ()),
            recordings=recordings,
            clips=clips,
            as_json=as_json,
            check=check,
        )
    )
