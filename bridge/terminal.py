"""How things look in a terminal: the download bar, the line while it runs, the status page, the calibration's progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Column, Table
from rich.text import Text

from bridge.clock import monotonic
from bridge.outputs.receivers import Receiver

_CALIBRATION_LIMIT_S = 180.0
_CALIBRATION_PERIOD_S = 0.1


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
    if source["state"] == "running":
        latency = f", {engine['latency_ms_p50']:.1f} ms" if engine.get("latency_ms_p50") is not None else ""
        parts = [f"{engine['fps']:.0f} fps{latency}", " ".join(engine["presence"])]
    else:
        waits = state.get("notice") if source["state"] == "waiting" else None
        parts = [waits or f"source {source['state']}" + (f": {source['error']}" if source.get("error") else "")]
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
        asked = f"asked for {source['requested']}; " if source.get("requested") else ""
        head.add_row("", escape(f"{asked}delivers {source['delivered']}{measured}"))
    if source.get("warning"):
        head.add_row("", f"[yellow]{escape(source['warning'])}[/]")
    latency = f", {engine['latency_ms_p50']:.1f} ms from frame to state" if engine.get("latency_ms_p50") else ""
    head.add_row("tracking", f"{engine['fps']:.1f} fps{latency}, {', '.join(engine['presence'])}")
    if tracker:
        head.add_row("", f"{tracker['submitted']} frames, {tracker['dropped']} dropped, reader {tracker['reader']}")
    calibration = state.get("calibration") or {}
    if calibration.get("calibrated"):
        doubt = "; hard to believe, and insisted on" if calibration["flagged"] else ""
        head.add_row("calibrated", escape(f"profile {calibration['profile'] or 'not kept'}{doubt}"))
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


def print_receivers(
    profiles: Sequence[Receiver], kinds: Sequence[Receiver], broken: Sequence[tuple[str, str]], console: Console
) -> None:
    """All receivers and kinds for people; what is broken last."""
    listing = Table("receiver", Column("for", overflow="fold"), Column("switch on there, first", overflow="fold"), "--output")
    for each in profiles:
        setup = escape(each.setup[0]) if each.setup else ""
        listing.add_row(escape(each.title), escape(each.description), setup, Text(each.url, no_wrap=True))
    console.print(listing)
    others = Table("protocol", Column("for", overflow="fold"), Column("--output", overflow="fold"))
    for each in kinds:
        others.add_row(escape(each.title), escape(each.description), escape(each.url))
    console.print(others)
    for name, problem in broken:
        console.print(f"[yellow]{escape(name)}:// cannot be used:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    console.print("`avatar-bridge receivers NAME` says more about one of them.", highlight=False)


def print_receiver(receiver: Receiver, console: Console) -> None:
    """Everything about one of them for people."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    grid.add_row(escape(receiver.title), escape(receiver.description))
    grid.add_row("run", escape(f"avatar-bridge run --output {receiver.url}"))
    if receiver.means and receiver.means != receiver.url:
        grid.add_row("which is", escape(receiver.means))
    if receiver.file:
        grid.add_row("profile", escape(receiver.file))
    for heading, lines in (("switch on", receiver.setup), ("not tried", receiver.untested)):
        for number, line in enumerate(lines, start=1):
            grid.add_row(heading if number == 1 else "", escape(f"{number}. {line}" if len(lines) > 1 else line))
    console.print(grid)
    if receiver.options:
        table = Table("option", "default", Column("", overflow="fold"), title_justify="left")
        for option in receiver.options:
            table.add_row(escape(option.name), escape(option.default), escape(option.description))
        console.print(table)
    console.print(
        escape("Options follow a question mark: --output "), f'"{escape(receiver.name)}://?mirror=1"', sep="", highlight=False
    )


def lead_calibration(client: Caller, console: Console, *, attempt: int) -> bool:
    """Shows what to do, step by step, until the verdict of that attempt; whether it went well.

    A terminal rings its bell at the end of each step: closed eyes cannot read.
    """
    deadline = monotonic() + _CALIBRATION_LIMIT_S
    shown: tuple[int, str] = (0, "")
    with Live(console=console, refresh_per_second=10, transient=True) if console.is_terminal else nullcontext() as live:
        while True:
            status = client.call("calibration.status", {})
            ours = status["attempt"] >= attempt
            if ours and status["state"] != "collecting":
                break
            if monotonic() >= deadline:
                client.call("calibration.cancel", {})
                console.print("the calibration took too long and was stopped", highlight=False)
                return False
            step = (status["number"], status["message"])
            if ours and step != shown:
                if shown[0] and live is not None:
                    console.bell()
                if live is None:
                    console.print(f"{step[0]}/{status['count']} {step[1]}", markup=False, highlight=False)
                shown = step
            if live is not None and ours:
                live.update(describe_step(status))
            time.sleep(_CALIBRATION_PERIOD_S)
    if shown[0] and console.is_terminal:
        console.bell()
    console.print(status["message"] or "done", markup=False, highlight=False)
    if status["can_insist"]:
        console.print("Sure that it is right? `avatar-bridge calibration insist` uses it all the same.", highlight=False)
    return bool(status["state"] == "accepted")


def describe_step(status: dict[str, Any]) -> Text:
    """One step of a calibration: its number, what to do, how far it is."""
    done = round(20 * min(1.0, max(0.0, float(status["progress"]))))
    text = Text(f"{status['number']}/{status['count']}  ", style="dim")
    text.append(status["message"], style="bold")
    text.append(f"\n     {'━' * done}", style="green").append("━" * (20 - done), style="dim")
    text.append("  hold it ..." if status["watching"] else "  waiting for you ...", style="dim")
    for note in status["notes"]:
        text.append(f"\n     {note}", style="yellow")
    return text


def profiles_table(profiles: list[dict[str, Any]]) -> Table:
    """One row a profile."""
    table = Table("profile", Column("calibrated at", overflow="fold"), "")
    for profile in profiles:
        table.add_row(escape(profile["name"]), escape(", ".join(profile["cameras"])), "in use" if profile["used"] else "")
    return table
