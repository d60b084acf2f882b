"""The process around a run: logging, signals, exit code."""

from __future__ import annotations

import logging
import signal
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

from bridge.clock import monotonic
from bridge.runtime import Runtime

log = logging.getLogger("bridge")

_STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
"""Ctrl-C, a service manager's stop, a terminal that was closed (SIGBREAK is Windows' word for both)."""

_SAME_REQUEST_S = 0.5
"""One Ctrl-C may come twice: from the terminal and from a launcher that passes its own on (``uv run``, ``timeout``)."""


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


def perform(
    runtime: Runtime,
    *,
    duration_s: float | None,
    open_page: bool,
    console: Console,
    meanwhile: AbstractContextManager[object] | None = None,
) -> None:
    """Runs until the source ends, a signal comes, or the time is over. Raises the BridgeError that ended it.

    ``meanwhile`` is entered once everything is announced, for as long as the run lasts.
    """
    with _stop_on_signals(runtime):
        try:
            runtime.start()
            _announce(runtime, console)
            if open_page and runtime.control_url is not None:
                token = runtime.settings.control.token
                webbrowser.open(runtime.control_url + (f"?token={quote(token)}" if token else ""))
            with meanwhile or nullcontext():
                runtime.wait(duration_s)
        finally:
            runtime.stop()


@contextmanager
def _stop_on_signals(runtime: Runtime) -> Iterator[None]:
    """They end the run in order; a later one while it is still ending does what it always does."""
    previous: dict[int, Any] = {}
    asked_at: float | None = None

    def ask(number: int, _frame: FrameType | None) -> None:
        nonlocal asked_at
        now = monotonic()
        if asked_at is None:
            asked_at = now
            runtime.stop_soon(signal.Signals(number).name)
        elif now - asked_at >= _SAME_REQUEST_S:
            signal.signal(number, previous[number])
            signal.raise_signal(number)

    for stop in _STOP_SIGNALS:
        previous[stop] = signal.signal(stop, ask)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _announce(runtime: Runtime, console: Console) -> None:
    status = runtime.status()
    notice = status["notice"]
    if notice:
        console.print(f"[bold yellow]{escape(str(notice))}[/]", highlight=False)
    source = status["source"]
    if isinstance(source, dict):
        console.print(f"[bold]source[/]  {escape(source['label'])}", highlight=False)
    for plan in runtime.plans:
        line = f"{plan.name}: {plan.url}" + ("" if plan.enabled else " (off)")
        console.print(f"[bold]output[/]  {escape(line)}", highlight=False)
    if runtime.control_url is not None:
        console.print(f"[bold]page[/]    {escape(runtime.control_url)}", highlight=False)
        console.print(f"[bold]overlay[/] {escape(runtime.control_url)}overlay  (OBS browser source)", highlight=False)
        if runtime.settings.control.token:
            console.print("          both want ?token=... with the token of your configuration", highlight=False)
