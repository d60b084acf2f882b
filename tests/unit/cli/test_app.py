"""The command line around its commands: an interrupted import, a reader that has gone, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bridge import cli
from bridge.cli import asking
from bridge.cli.app import app
from bridge.errors import ConfigError


class _InterruptedImport:
    @property
    def run_command(self) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_while_the_commands_are_imported_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """That takes half a second, in which impatient people press it."""
    monkeypatch.setitem(sys.modules, "bridge.cli.app", _InterruptedImport())

    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert 130 == ended.value.code


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_is_told_nothing(unbuffered: str) -> None:
    """``avatar-bridge config show | head -1`` ends as quietly as other programs do."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "bridge.cli", "config", "show"]

    done = subprocess.run(
        command,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    )
    os.close(writing)

    assert (1, "") == (done.returncode, done.stderr)


def test_only_a_recording_is_replayed(tmp_path: Path) -> None:
    """A picture would play through the tracker, which nobody who says replay wants."""
    result = CliRunner().invoke(app, ["replay", str(tmp_path / "photo.png")])

    assert isinstance(result.exception, ConfigError)
    assert "run --source" in str(result.exception)


class _Bridge:
    """Its calibration fails."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, object]]] = []

    def call(self, method: str, params: dict[str, object]) -> Any:
        self.asked.append((method, params))
        if method == "calibration.list":
            return [{"name": "anna", "cameras": ["C920"], "used": True}]
        if method == "calibration.status":
            return {"state": "rejected", "message": "Not calibrated.", "attempt": 1, "can_insist": False, "undo": 0}
        return {"attempt": 1, "message": "used", "saved": "anna", "deleted": "anna"}


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> _Bridge:
    """What the commands talk to."""
    made = _Bridge()
    monkeypatch.setattr(asking, "_client", lambda _config: made)
    return made


def test_a_calibration_that_fails_is_an_exit_code(bridge: _Bridge) -> None:
    """For scripts and stream decks."""
    assert 1 == CliRunner().invoke(app, ["calibrate"]).exit_code
    assert ("calibrate", {"guide": "neutral", "insist": False}) == bridge.asked[0]


def test_calibrate_leads_through_what_is_asked_for(bridge: _Bridge) -> None:
    """The guide, the time and the insisting reach the bridge; an unknown guide does not."""
    CliRunner().invoke(app, ["calibrate", "wizard", "--insist", "--seconds", "3"])

    assert ("calibrate", {"guide": "wizard", "insist": True, "seconds": 3.0}) == bridge.asked[0]
    assert 2 == CliRunner().invoke(app, ["calibrate", "dance"]).exit_code


@pytest.mark.parametrize(
    ("arguments", "method", "params"),
    [
        (["list"], "calibration.list", {}),
        (["use", "anna"], "calibration.use", {"name": "anna"}),
        (["save", "anna"], "calibration.save", {"name": "anna"}),
        (["delete", "anna"], "calibration.delete", {"name": "anna"}),
        (["clear"], "calibration.clear", {}),
        (["show"], "calibration.show", {}),
    ],
)
def test_profiles_are_commands(bridge: _Bridge, arguments: list[str], method: str, params: dict[str, object]) -> None:
    """Each is one method of the control protocol."""
    assert 0 == CliRunner().invoke(app, ["calibration", *arguments]).exit_code
    assert [(method, params)] == bridge.asked


@pytest.mark.parametrize("command", ["undo", "insist"])
def test_undo_and_insist_say_when_there_is_nothing(bridge: _Bridge, command: str) -> None:
    """And do nothing then."""
    assert 1 == CliRunner().invoke(app, ["calibration", command]).exit_code
    assert ["calibration.status"] == [method for method, _ in bridge.asked]
