"""How things look in a terminal: the download bar, the status page, the calibration's progress."""

from __future__ import annotations

import time
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

_CALIBRATION_LIMIT_S = 60.0


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


def print_status(state: dict[str, Any], console: Console) -> None:
    """The status of a running bridge for people."""
    source, engine, tracker = state["source"], state["engine"], state.get("tracker")
    head = Table.grid(padding=(0, 2))
    head.add_row("[bold]avatar-bridge[/]", f"{state['version']}, process {state['pid']}, up {state['uptime_s']:.0f} s")
    head.add_row("source", f"{source['label']}: {source['state']}" + (f" ({source['error']})" if source.get("error") else ""))
    if source.get("delivered"):
        measured = f", {source['fps_measured']:.1f} fps measured" if source.get("fps_measured") else ""
        head.add_row("", f"asked for {source['requested']}; delivers {source['delivered']}{measured}")
    if source.get("warning"):
        head.add_row("", f"[yellow]{source['warning']}[/]")
    latency = f", {engine['latency_ms_p50']:.1f} ms from frame to state" if engine.get("latency_ms_p50") else ""
    head.add_row("tracking", f"{engine['fps']:.1f} fps{latency}, {', '.join(engine['presence'])}")
    if tracker:
        head.add_row("", f"{tracker['submitted']} frames, {tracker['dropped']} dropped, reader {tracker['reader']}")
    if state.get("notice"):
        head.add_row("note", f"[yellow]{state['notice']}[/]")
    if state.get("control_url"):
        head.add_row("page", state["control_url"])
    console.print(head)
    console.print(outputs_table(state["outputs"]))


def outputs_table(outputs: list[dict[str, Any]]) -> Table:
    """One row an output."""
    table = Table("output", "to", "state", "sent", "fps", "note")
    colours = {"sending": "green", "faulted": "red", "rejected": "red", "connecting": "yellow"}
    for output in outputs:
        state = output["state"]
        table.add_row(
            output["name"],
            output["url"],
            f"[{colours.get(state, 'default')}]{state}[/]",
            str(output["sent"]),
            f"{output['fps']:.1f}",
            output.get("last_error") or output.get("note") or "",
        )
    return table


def await_calibration(client: Caller, console: Console) -> None:
    """Shows the calibration's progress until its verdict."""
    deadline = time.monotonic() + _CALIBRATION_LIMIT_S
    with console.status("look at the screen, relaxed, eyes open ...") as spinner:
        while time.monotonic() < deadline:
            status = client.call("status", {})["engine"]["calibration"]
            if status["state"] != "collecting":
                break
            spinner.update(f"look at the screen, relaxed, eyes open ... {100 * status.get('progress', 0.0):.0f} %")
            time.sleep(0.1)
    console.print(status["message"] or "done", highlight=False)
