"""A whole run that is calibrated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pythonosc.udp_client import SimpleUDPClient

from bridge.errors import ControlError
from bridge.runtime import Runtime
from bridge.types import TrackResult
from tests.unit.runs import run_settings, run_status, run_with, wait_for


def _calibration(runtime: Runtime) -> dict[str, Any]:
    state: Any = runtime.command("calibration.status", {})
    json.dumps(state)  # must be plain JSON
    return dict(state)


def test_a_calibration_is_kept_for_the_next_run() -> None:
    """Recentred, undone, recentred, saved under a name: the next run begins with it, and with its name."""
    first = Runtime(run_settings())

    def body() -> None:
        wait_for(lambda: run_status(first)["engine"]["results"] > 3)
        first.command("recenter", {})
        wait_for(lambda: _calibration(first)["calibrated"])
        first.command("calibration.undo", {})
        wait_for(lambda: not _calibration(first)["calibrated"])
        first.command("recenter", {})
        wait_for(lambda: _calibration(first)["profile"] == "default")
        assert first.command("calibration.save", {"name": "anna"}) == {"saved": "anna"}

    run_with(first, body)
    second = Runtime(run_settings())

    def again() -> None:
        wait_for(lambda: _calibration(second)["calibrated"])
        state = _calibration(second)
        assert ("anna", ["anna", "default"], "demo") == (state["profile"], state["profiles"], state["camera"])
        assert "The profile anna is in use." == state["message"]
        assert {"anna", "default"} == {row["name"] for row in _listed(second)}
        assert second.command("calibration.delete", {"name": "default"}) == {"deleted": "default"}
        shown = second.command("calibration.show", {})
        assert isinstance(shown, dict)
        assert shown["position_m"][2] < 0.0

    run_with(second, again)
    third = Runtime(run_settings(calibration={"profile": "none"}))

    def without() -> None:
        wait_for(lambda: run_status(third)["engine"]["results"] > 3)
        assert not _calibration(third)["calibrated"]

    run_with(third, without)


def _listed(runtime: Runtime) -> list[dict[str, Any]]:
    rows: Any = runtime.command("calibration.list", {})
    return list(rows)


def test_a_guide_can_be_begun_and_cancelled() -> None:
    """The answer says which attempt, and what is to be done; nonsense is one sentence."""
    runtime = Runtime(run_settings())

    def body() -> None:
        wait_for(lambda: run_status(runtime)["engine"]["results"] > 3)
        answer = runtime.command("calibrate", {"guide": "range"})
        assert isinstance(answer, dict)
        assert (1, 5) == (answer["attempt"], len(answer["steps"]))
        wait_for(lambda: _calibration(runtime)["step"] == "smile")
        runtime.command("calibration.cancel", {})
        wait_for(lambda: _calibration(runtime)["message"] == "Calibration stopped.")
        with pytest.raises(ControlError, match="guide must be one of neutral, range, blink, wizard, not 'dance'"):
            runtime.command("calibrate", {"guide": "dance"})
        with pytest.raises(ControlError, match="insist must be true or false"):
            runtime.command("calibrate", {"insist": 1})
        with pytest.raises(ControlError, match="there is no profile 'x'"):
            runtime.command("calibration.use", {"name": "x"})

    run_with(runtime, body)


def test_the_demos_coefficients_are_trusted() -> None:
    """They are authored from 0 to 1: nothing of MediaPipe's resting face is taken off them."""
    runtime = Runtime(run_settings(smoothing={"enabled": False}, eyes={}))
    raw: list[TrackResult] = []
    runtime.add_tap(raw.append)

    def body() -> None:
        wait_for(lambda: len(raw) > 10)

    run_with(runtime, body)
    chain = runtime._engine._chains[0]
    assert not chain.calibrate.learnt_zero.any()


def test_osc_commands_reach_the_run(free_udp_port: int, free_tcp_port: int) -> None:
    """With control.osc_port a button of another program recentres."""
    runtime = Runtime(run_settings(control={"port": free_tcp_port, "osc_port": free_udp_port}))
    client = SimpleUDPClient("127.0.0.1", free_udp_port)

    def body() -> None:
        wait_for(lambda: run_status(runtime)["engine"]["results"] > 3)
        client.send_message("/avatar-bridge/recenter", 1)
        wait_for(lambda: _calibration(runtime)["calibrated"])

    try:
        run_with(runtime, body)
    finally:
        client._sock.close()
