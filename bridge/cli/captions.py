"""What the self-test says while it acts: whose left is meant, and each pose as it begins."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from bridge.outputs.kinds import OutputPlan
from bridge.sources.selftest import REST, STEPS, SelftestSource, Step


def explain_sides(plans: Sequence[OutputPlan], *, mirror: bool, console: Console) -> None:
    """Whose left is meant, and what is different at a mirrored output. ``mirror`` is the global setting."""
    console.print(
        "Left and right are YOURS, as if you were the avatar: at turn-left it turns to its own left.\n"
        "When it faces you, that is the right side of your screen.",
        style="dim",
    )
    for plan in plans:
        if plan.mirrored(mirror) != plan.kind.mirrors_itself:
            console.print(
                Text(f"{plan.name} shows your mirror image, so its RIGHT does what is said of your left."), style="yellow"
            )


@contextmanager
def captions(source: SelftestSource, console: Console) -> Iterator[None]:
    """While the context lasts every step that begins is printed, by a thread of its own: a slow terminal delays no pose."""

    def show() -> None:
        while (step := source.announced.get()) is not None:
            try:
                console.print(describe_step(step))
            except (OSError, SystemExit):  # the terminal has gone (rich wants to exit then); the poses go on
                return

    thread = threading.Thread(target=show, name="bridge-captions", daemon=True)
    thread.start()
    try:
        yield
    finally:
        source.announced.put(None)
        thread.join(2.0)


def describe_step(step: Step) -> Text:
    """Name and caption of a pose, in two columns."""
    width = max(len(each.name) for each in STEPS)
    return Text.assemble((f"{step.name:<{width}}", "dim" if step is REST else "bold"), "  ", step.caption)
