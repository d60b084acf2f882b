"""The commands put together. A failure is one sentence on stderr and the exit code of its kind (``errors``)."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from bridge import __version__
from bridge.cli import asking, looking, measuring, performing, reporting, selftesting
from bridge.cli.options import stderr_console
from bridge.errors import BridgeError

app = typer.Typer(
    name="avatar-bridge",
    help="Turns any webcam into a live performance for any avatar. Nothing leaves this machine that you did not ask for.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (performing, selftesting, asking, looking, measuring, reporting):
    part.register(app)


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="show the version and exit")] = False) -> None:
    if version:
        print(f"avatar-bridge {__version__}")
        raise typer.Exit


def run_command() -> NoReturn:
    """Does what the process's arguments say, and exits."""
    try:
        code = app(standalone_mode=False)
        if sys.stdout is not None:  # as it is when the parent closed it
            sys.stdout.flush()
    except BrokenPipeError:  # of stdout: the sockets' are translated. The reader has seen enough (``... | head``)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
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
