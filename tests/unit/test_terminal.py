"""What a terminal shows: names as they are, one line while it runs, the verdict of the attempt that was asked for."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from bridge.terminal import await_calibration, describe_run, live_line, outputs_table, print_status


def _output(**changes: Any) -> dict[str, Any]:
    usual = {"name": "vmc", "url": "vmc://127.0.0.1:39539", "state": "sending", "sent": 3, "fps": 29.9, "note": ""}
    return usual | changes


def _state(**source: Any) -> dict[str, Any]:
    return {
        "version": "1",
        "pid": 7,
        "uptime_s": 3.0,
        "source": {"label": "demo", "state": "running", "error": None, **source},
        "engine": {"fps": 30.1, "latency_ms_p50": 4.26, "presence": ["LIVE", "HELD"]},
        "outputs": [_output(), _output(name="osc", state="faulted")],
    }


def _shown(draw: Any, *, terminal: bool = False) -> str:
    text = io.StringIO()
    draw(Console(file=text, width=200, force_terminal=terminal))
    return text.getvalue()


def test_the_line_names_rate_latency_presence_and_outputs() -> None:
    """What a streamer wants to see at a glance."""
    assert "30 fps, 4.3 ms  |  LIVE HELD  |  vmc sending 30/s  |  osc faulted" == describe_run(_state())


def test_the_line_says_what_keeps_the_source_from_running() -> None:
    """A lost camera is worth more than the last rate."""
    line = describe_run(_state(state="lost", error="the camera was unplugged"))

    assert "source lost: the camera was unplugged  |  vmc sending 30/s  |  osc faulted" == line


def test_the_line_says_that_nothing_comes() -> None:
    """Not the rate of a second ago."""
    line = describe_run(_state() | {"state": "stalled"})

    assert "stalled: nothing comes from camera or tracker  |  LIVE HELD  |  vmc sending 30/s  |  osc faulted" == line


def test_there_is_a_line_on_a_terminal_only() -> None:
    """Logs and pipes stay as they are."""

    def draw(console: Console) -> None:
        with live_line(_state, console):
            pass

    assert "" == _shown(draw)
    assert "LIVE HELD" in _shown(draw, terminal=True)


def test_square_brackets_are_shown_as_they_are() -> None:
    """They are part of IPv6 addresses and file names, and no markup."""
    outputs = [_output(url="vmc://[fe80::1]:39539", last_error="[b]oom")]

    assert "[fe80::1]" in _shown(lambda console: console.print(outputs_table(outputs)))
    assert "[b]oom" in _shown(lambda console: console.print(outputs_table(outputs)))
    assert "take [final].mp4" in _shown(lambda console: print_status(_state(label="take [final].mp4"), console))


class _Bridge:
    """Answers ``status`` with one calibration state after the other."""

    def __init__(self, *states: tuple[str, str]) -> None:
        self._states = list(states)

    def call(self, _method: str, _params: dict[str, object]) -> dict[str, Any]:
        state, message = self._states.pop(0)
        return {"engine": {"calibration": {"state": state, "message": message, "progress": 0.5}}}


def test_the_verdict_is_of_the_attempt_that_was_asked_for() -> None:
    """The bridge may still show the last one's for a moment."""
    bridge = _Bridge(("rejected", "old"), ("collecting", ""), ("accepted", "new"))
    verdict: list[bool] = []

    shown = _shown(lambda console: verdict.append(await_calibration(bridge, console)))

    assert "new\n" == shown
    assert [True] == verdict
