"""The command ``report``."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import ConfigOption, SetOption, gather_settings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(report)


def report(
    file: Annotated[Path, typer.Argument(help="a recording (.jsonl, .npz, Live Link Face .csv) or a trace (.csv)")],
    out: Annotated[Path | None, typer.Option("--out", help="the page to write; default: FILE.html")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="open it in the browser")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Turn a recording or trace into one page with plots: jitter, lag, blinks, dropouts, channels."""
    from bridge.report import write_report

    page = write_report(gather_settings(config, set_), file, out or file.with_name(file.name + ".html"))
    print(page)
    if open_page:
        webbrowser.open(page.resolve().as_uri())
