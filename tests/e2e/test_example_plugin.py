"""The example plugin as its reader meets it: installed beside the bridge, held to the kit, used by its scheme."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.program import PATIENCE_S, Program

pytestmark = pytest.mark.e2e

PLUGIN = Path(__file__).resolve().parents[2] / "integrations" / "example-output-plugin"
INSTALL_LIMIT_S = 300


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed package, as ``pip install --target`` leaves it."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv, to install the example plugin (pip install uv)")
    folder = tmp_path_factory.mktemp("plugin")
    copy = folder / "source"  # a build leaves nothing in the checkout
    shutil.copytree(PLUGIN, copy)
    target = folder / "site"
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--target", str(target), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_LIMIT_S)
    assert 0 == done.returncode, done.stderr
    return target


def test_it_passes_the_kit(installed: Path, tmp_path: Path) -> None:
    """Its own tests, by pytest, against the installed package."""
    shutil.copytree(PLUGIN / "tests", tmp_path / "tests")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(tmp_path / "tests")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_LIMIT_S,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "13 passed" in done.stdout


def test_a_run_sends_through_it(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--output jsonudp://``: its option is checked, its frames are JSON, faces come and the rest state is the last."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(PATIENCE_S)
        url = f"jsonudp://127.0.0.1:{receiver.getsockname()[1]}"
        flags = ["run", "--source", "demo", "--duration", "1", "--no-control", "--output"]
        with Program(*flags, f"{url}?digits=4", home=tmp_path) as program:
            first = json.loads(receiver.recv(65536))
            finished = program.finish()
        receiver.settimeout(0.0)
        frames = [first]
        while frames[-1]["face"] is not False:
            frames.append(json.loads(receiver.recv(65536)))

    assert 0 == finished.code, str(finished)
    assert 10 <= len(frames)
    assert {True} == {frame["face"] for frame in frames[:-1]}
    assert [0.0, 0.0, 0.0] == frames[-1]["head"]


def test_a_wrong_option_is_named(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of a plugin's options read like those of our own."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    with Program("run", "--source", "demo", "--no-control", "--output", "jsonudp://?digit=4", home=tmp_path) as program:
        finished = program.finish()

    assert 2 == finished.code
    assert "unknown option digit; did you mean digits?" in finished.stderr
    assert "Traceback" not in finished.stderr
