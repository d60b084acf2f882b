"""The process around a run: logging, signals, exit code."""

from __future__ import annotations

import logging
import signal
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from urllib.parse import quote

from rich.console import Console
from rich.logging import RichHandler

from bridge.runtime import Runtime

log = logging.getLogger("bridge")

_STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
"""Ctrl-C, a service manager's stop, a terminal that was closed (SIGBREAK is Windows' word for both)."""


def set_up_logging(level: str, console: Console) -> None:
    """One line a message on stderr; warnings of libraries too."""
    if console.is_terminal:
        handler: logging.Handler = RichHandler(
            console=console, show_path=False, rich_tracebacks=False, markup=False, log_time_format="%H:%M:%S"
        )
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("bridge").setLevel(level.upper())


def perform(runtime: Runtime, *, duration_s: float | None, open_page: bool, console: Console) -> None:
    """Runs until the source ends, a signal comes, or the time is over. Raises the BridgeError that ended it."""
    with _stop_on_signals(runtime):
        try:
            runtime.start()
            _announce(runtime, console)
            if open_page and runtime.control_url is not None:
                token = runtime.settings.control.token
                webbrowser.open(runtime.control_url + (f"?token={quote(token)}" if token else ""))
            runtime.wait(duration_s)
        finally:
            runtime.stop()


@contextmanager
def _stop_on_signals(runtime: Runtime) -> Iterator[None]:
    """They end the run in order; a second one while it is ending does what it always does."""
    previous: dict[int, object] = {}

    def ask(number: int, _frame: FrameType | None) -> None:
        runtime.stop_soon(signal.Signals(number).name)
        signal.signal(number, previous[number])  # type: ignore[arg-type]  # what signal.signal returned

    for asked in _STOP_SIGNALS:
        previous[asked] = signal.signal(asked, ask)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned


def _announce(runtime: Runtime, console: Console) -> None:
    status = runtime.status()
    notice = status["notice"]
    if notice:
        console.print(f"[bold yellow]{notice}[/]", highlight=False)
    source = status["source"]
    if isinstance(source, dict):
        console.print(f"[bold]source[/]  {source['label']}", highlight=False)
    for plan in runtime.plans:
        console.print(f"[bold]output[/]  {plan.name}: {plan.url}" + ("" if plan.enabled else " (off)"), highlight=False)
    if runtime.control_url is not None:
        console.print(f"[bold]page[/]    {runtime.control_url}", highlight=False)
        console.print(f"[bold]overlay[/] {runtime.control_url}overlay  (OBS browser source)", highlight=False)
        if runtime.settings.control.token:
            console.print("          both want ?token=... with the token of your configuration", highlight=False)
