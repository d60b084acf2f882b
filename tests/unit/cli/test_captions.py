"""What the self-test says: whose left is meant, and each pose when it begins."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bridge.cli.app import app
from bridge.cli.captions import captions, explain_sides
from bridge.errors import ConfigError
from bridge.outputs.registry import parse_outputs
from bridge.settings import OutputSettings
from bridge.sources.selftest import REST, STEPS, SelftestSource


class Terminal(io.StringIO):
    """Text, and a word when so many lines are there."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines
        self.full = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.getvalue().count("\n") >= self._lines:
            self.full.set()
        return written


def test_each_pose_is_a_line_when_it_begins() -> None:
    """Plain text where there is no terminal; the context's end ends the thread."""
    source, terminal = SelftestSource(), Terminal(2)
    with captions(source, Console(file=terminal, width=200)):
        source.announced.put(STEPS[0])
        source.announced.put(REST)
        assert terminal.full.wait(20.0)

    assert [["turn-left", "the head turns to YOUR left"], ["rest", "face and head are at rest"]] == [
        line.split(maxsplit=1) for line in terminal.getvalue().splitlines()
    ]


def test_a_terminal_that_has_gone_stops_nothing() -> None:
    """Ends quietly, the poses go on."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    source = SelftestSource()
    with captions(source, Console(file=Gone(), width=200)):
        for step in STEPS:
            source.announced.put(step)


@pytest.mark.parametrize(
    ("url", "mirror", "told"),
    [
        ("vmc://", False, False),
        ("vmc://", True, True),
        ("vmc://?mirror=1", False, True),
        ("vmc://?mirror=0", True, False),
        ("vts://", False, True),
        ("vts://", True, True),
        ("vts://?mirror=1", False, False),
    ],
)
def test_mirrored_outputs_are_named(url: str, mirror: bool, told: bool) -> None:
    """The output's own setting goes before the global one; VTube Studio's avatars are mirror images without either."""
    terminal = Terminal(99)
    explain_sides(parse_outputs((OutputSettings(url=url),)), mirror=mirror, console=Console(file=terminal, width=200))

    assert "Left and right are YOURS" in terminal.getvalue()
    assert told == ("shows your mirror image" in terminal.getvalue())


def test_poses_are_listed_without_acting() -> None:
    """``--list`` opens nothing."""
    result = CliRunner().invoke(app, ["selftest", "--list"])

    assert 0 == result.exit_code
    assert [step.name for step in STEPS] == [line.split()[0] for line in result.stdout.splitlines()]


def test_an_unknown_pose_is_refused() -> None:
    """Before anything is opened."""
    result = CliRunner().invoke(app, ["selftest", "--step", "wave"])

    assert isinstance(result.exception, ConfigError)
    assert "there is no step 'wave'" in str(result.exception)
