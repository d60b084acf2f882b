"""What a terminal shows: names as they are, one line while it runs, the verdict of the attempt that was asked for."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from bridge.terminal import (
    describe_run,
    describe_step,
    lead_calibration,
    live_line,
    outputs_table,
    print_status,
    profiles_table,
)


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


def test_the_line_says_whom_the_source_waits_for() -> None:
    """A sender in the network that has sent nothing yet."""
    waiting = _state(state="waiting") | {"notice": "waits for VMC: start it"}

    assert "waits for VMC: start it  |  vmc sending 30/s  |  osc faulted" == describe_run(waiting)
    assert describe_run(_state(state="waiting")).startswith("source waiting  |")


def test_the_status_compares_only_what_was_asked_for() -> None:
    """Nobody asks a sender for anything."""
    camera, sender = (
        _shown(lambda console, asked=asked: print_status(_state(requested=asked, delivered="X"), console)) for asked in ("Y", "")
    )

    assert "asked for Y; delivers X" in camera
    assert "asked for" not in sender
    assert "delivers X" in sender


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
    """Answers ``calibration.status`` with one state after the other."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self._states = list(states)

    def call(self, method: str, _params: dict[str, object]) -> dict[str, Any]:
        assert method == "calibration.status"
        return _calibration(**self._states.pop(0))


def _calibration(**values: Any) -> dict[str, Any]:
    usual = {"state": "collecting", "message": "", "progress": 0.5, "attempt": 2, "number": 1, "count": 2, "watching": True}
    return {**usual, "notes": [], "can_insist": False, **values}


def test_the_verdict_is_of_the_attempt_that_was_asked_for() -> None:
    """The bridge may still show the last one's for a moment; each step is told once."""
    bridge = _Bridge(
        {"state": "rejected", "message": "old", "attempt": 1},
        {"message": "Smile."},
        {"message": "Smile."},
        {"message": "Pucker.", "number": 2},
        {"state": "accepted", "message": "new"},
    )
    verdict: list[bool] = []

    shown = _shown(lambda console: verdict.append(lead_calibration(bridge, console, attempt=2)))

    assert "1/2 Smile.\n2/2 Pucker.\nnew\n" == shown
    assert [True] == verdict


def test_a_rejected_calibration_tells_how_to_insist() -> None:
    """Where there is something to insist on."""
    bridge = _Bridge({"state": "rejected", "message": "Not calibrated.", "can_insist": True})
    verdict: list[bool] = []

    shown = _shown(lambda console: verdict.append(lead_calibration(bridge, console, attempt=2)))

    assert "calibration insist" in shown
    assert [False] == verdict


def test_a_step_shows_what_to_do_and_how_far_it_is() -> None:
    """Half of the bar, and what was missed before."""
    text = describe_step(_calibration(message="Raise your eyebrows.", notes=["no smile was seen"])).plain

    assert "1/2  Raise your eyebrows." in text
    assert 20 == text.count("━")
    assert "hold it" in text
    assert "no smile was seen" in text


def test_the_profiles_in_a_table() -> None:
    """Name, cameras, and which is in use; brackets are no markup."""
    profiles = [{"name": "[anna]", "cameras": ["C920", "demo"], "used": True}]

    shown = _shown(lambda console: console.print(profiles_table(profiles)))

    assert "[anna]" in shown
    assert "C920, demo" in shown
    assert "in use" in shown


def test_status_tells_the_profile_in_use() -> None:
    """And that it was insisted on."""
    state = _state() | {"calibration": {"calibrated": True, "flagged": True, "profile": "[anna]"}}

    shown = _shown(lambda console: print_status(state, console))

    assert "profile [anna]; hard to believe" in shown
