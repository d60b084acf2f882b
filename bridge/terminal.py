"""How things look in a terminal: the download bar, the line while it runs, the status page, the calibration's progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Column, Table
from rich.text import Text

from bridge.clock import monotonic

_CALIBRATION_LIMIT_S = 60.0
_CALIBRATION_BEGINS_S = 0.5


class Caller(Protocol):
    """The part of the control client that is needed here."""

    def call(self, method: str, params: dict[str, object]) -> Any:
        """The running bridge's answer. Raises ControlError."""
        ...


class DownloadBar:
    """``callback(done, total)``: a bar on a terminal, a line at the start and the end elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._task: Any = None

    def __call__(self, done: int, total: int) -> None:
        if self._progress is None:
            self._progress = Progress(
                TextColumn("model"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), console=self._console
            )
            self._progress.start()
            self._task = self._progress.add_task("model", total=total)
        self._progress.update(self._task, completed=done, total=total)
        if done >= total:
            self._progress.stop()
            self._progress = None


def live_line(status: Callable[[], dict[str, Any]], console: Console) -> AbstractContextManager[object]:
    """While the context lasts: one line at the bottom of a terminal, twice a second; elsewhere nothing."""
    if not console.is_terminal:
        return nullcontext()
    return Live(
        get_renderable=lambda: Text(describe_run(status()), style="dim", no_wrap=True, overflow="ellipsis"),
        console=console,
        refresh_per_second=2,
        transient=True,
        redirect_stdout=False,
    )


def describe_run(state: dict[str, Any]) -> str:
    """fps, latency, presence and outputs of a run in one line; what keeps the source from running, when it does not."""
    source, engine = state["source"], state["engine"]
    if state.get("state") == "stalled":
        parts = ["stalled: nothing comes from camera or tracker", " ".join(engine["presence"])]
    elif source["state"] == "running":
        latency = f", {engine['latency_ms_p50']:.1f} ms" if engine.get("latency_ms_p50") is not None else ""
        parts = [f"{engine['fps']:.0f} fps{latency}", " ".join(engine["presence"])]
    else:
        parts = [f"source {source['state']}" + (f": {source['error']}" if source.get("error") else "")]
    parts += [
        f"{output['name']} {output['state']}" + (f" {output['fps']:.0f}/s" if output["state"] == "sending" else "")
        for output in state["outputs"]
    ]
    return "  |  ".join(parts)


def print_status(state: dict[str, Any], console: Console) -> None:
    """The status of a running bridge for people."""
    source, engine, tracker = state["source"], state["engine"], state.get("tracker")
    error = f" ({source['error']})" if source.get("error") else ""
    head = Table.grid(padding=(0, 2))
    head.add_row("[bold]avatar-bridge[/]", f"{state['version']}, process {state['pid']}, up {state['uptime_s']:.0f} s")
    head.add_row("source", escape(f"{source['label']}: {source['state']}{error}"))
    if source.get("delivered"):
        measured = f", {source['fps_measured']:.1f} fps measured" if source.get("fps_measured") else ""
        head.add_row("", escape(f"asked for {source['requested']}; delivers {source['delivered']}{measured}"))
    if source.get("warning"):
        head.add_row("", f"[yellow]{escape(source['warning'])}[/]")
    latency = f", {engine['latency_ms_p50']:.1f} ms from frame to state" if engine.get("latency_ms_p50") else ""
    head.add_row("tracking", f"{engine['fps']:.1f} fps{latency}, {', '.join(engine['presence'])}")
    if tracker:
        head.add_row("", f"{tracker['submitted']} frames, {tracker['dropped']} dropped, reader {tracker['reader']}")
    if state.get("notice"):
        head.add_row("note", f"[yellow]{escape(state['notice'])}[/]")
    if state.get("control_url"):
        head.add_row("page", escape(state["control_url"]))
    console.print(head)
    console.print(outputs_table(state["outputs"]))


def outputs_table(outputs: list[dict[str, Any]]) -> Table:
    """One row an output."""
    table = Table("output", Column("to", overflow="fold"), "state", "sent", "fps", "note")
    colours = {"sending": "green", "faulted": "red", "rejected": "red", "connecting": "yellow"}
    for output in outputs:
        state = output["state"]
        table.add_row(
            escape(output["name"]),
            escape(output["url"]),
            f"[{colours.get(state, 'default')}]{state}[/]",
            str(output["sent"]),
            f"{output['fps']:.1f}",
            escape(output.get("last_error") or output.get("note") or ""),
        )
    return table


def await_calibration(client: Caller, console: Console) -> bool:
    """Shows the calibration's progress until its verdict; whether it went well."""
    began, begun = monotonic(), False
    with console.status("look at the screen, relaxed, eyes open ...") as spinner:
        while monotonic() < began + _CALIBRATION_LIMIT_S:
            status = client.call("status", {})["engine"]["calibration"]
            # The first answers may still be about the attempt before this one.
            begun = begun or status["state"] == "collecting" or monotonic() > began + _CALIBRATION_BEGINS_S
            if begun and status["state"] != "collecting":
                break
            spinner.update(f"look at the screen, relaxed, eyes open ... {100 * status.get('progress', 0.0):.0f} %")
            time.sleep(0.1)
    console.print(status["message"] or "done", markup=False, highlight=False)
    return bool(status["state"] == "accepted")
