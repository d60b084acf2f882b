"""``avatar-bridge`` as its users run it: a process with flags, signals, an exit code and two streams of text."""

from __future__ import annotations

import http.client
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

PATIENCE_S = 90.0
"""A start takes 1-2 s on an idle machine; shared ones have taken ten times that."""


def command() -> list[str]:
    """What is run; BRIDGE_TEST_COMMAND can name another installation's ``avatar-bridge``."""
    return shlex.split(os.environ.get("BRIDGE_TEST_COMMAND", "")) or [sys.executable, "-m", "bridge.cli"]


def environment(home: Path) -> dict[str, str]:
    """This process's, but with an empty home and nothing that configures the bridge: the machine of somebody who never ran it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AVATAR_BRIDGE_", "XDG_"))}
    return clean | {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "APPDATA": str(home / "appdata"),
        "LOCALAPPDATA": str(home / "localappdata"),
        "PYTHONUNBUFFERED": "1",
    }


def healthy(port: int) -> bool:
    """Whether an avatar-bridge answers on the control port. No proxy is asked."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", "/healthz")
        return line.getresponse().status == 200
    except OSError:
        return False
    finally:
        line.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a run ended."""

    arguments: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    began_s: float
    ended_s: float
    """Monotonic."""

    def __str__(self) -> str:
        return f"{' '.join(self.arguments)}\nexit {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


class Program:
    """One run, as a context: killed on leaving if it still lives. Its working directory and home are ``home``."""

    def __init__(self, *arguments: str, home: Path, wrapper: Sequence[str] = ()) -> None:
        self._arguments = (*wrapper, *command(), *arguments)
        self._home = home
        self.began_s = time.monotonic()
        # Files, not pipes: nobody has to read them for the program to go on.
        self._stdout = (home / f"stdout-{id(self)}.txt").open("w+", encoding="utf-8")
        self._stderr = (home / f"stderr-{id(self)}.txt").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            self._arguments,
            cwd=home,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=self._stdout,
            stderr=self._stderr,
        )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)
        self._stdout.close()
        self._stderr.close()

    def signal(self, number: int) -> float:
        """Sends it; returns the time, monotonic."""
        now = time.monotonic()
        self.process.send_signal(number)
        return now

    def wait_for_page(self, port: int) -> None:
        """Polls until the control port answers."""
        deadline = time.monotonic() + PATIENCE_S
        while not healthy(port):
            assert self.process.poll() is None, str(self.finish())
            assert time.monotonic() < deadline, f"nobody answered on port {port}"
            time.sleep(0.05)

    def finish(self, timeout_s: float = PATIENCE_S) -> Finished:
        """Waits for the end. Fails the test, with what the program said, when it does not come."""
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(PATIENCE_S)
            code = None
        ended_s = time.monotonic()
        texts = []
        for stream in (self._stdout, self._stderr):
            stream.seek(0)
            texts.append(stream.read())
        finished = Finished(
            arguments=self._arguments,
            code=-9 if code is None else code,
            stdout=texts[0],
            stderr=texts[1],
            began_s=self.began_s,
            ended_s=ended_s,
        )
        assert code is not None, f"still running after {timeout_s:g} s\n{finished}"
        return finished
