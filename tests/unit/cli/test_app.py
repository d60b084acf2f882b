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
        self._states = ["collecting", "rejected"]

    def call(self, method: str, _params: dict[str, object]) -> dict[str, Any]:
        if method != "status":
            return {}
        return {"engine": {"calibration": {"state": self._states.pop(0), "message": "Not calibrated.", "progress": 0.0}}}


def test_a_calibration_that_fails_is_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """For scripts and stream decks."""
    monkeypatch.setattr(asking, "_client", lambda _config: _Bridge())

    assert 1 == CliRunner().invoke(app, ["calibrate"]).exit_code
