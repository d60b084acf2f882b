"""A whole run in this process: the demo into real sockets, commands, taps, an orderly end."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from bridge import arkit
from bridge.errors import ConfigError, ControlError, SourceUnavailable
from bridge.runtime import RunOptions, Runtime, check_settings
from bridge.types import TrackResult
from tests.unit.runs import DEADLINE_S, osc_messages, run_settings, run_status, run_with, wait_for


def test_the_demo_reaches_a_receiver_and_rest_is_the_last_thing_sent(receiver: socket.socket) -> None:
    """Frames arrive over VMC; after the stop the last Apply had all 52 at zero."""
    runtime = Runtime(run_settings(f"vmc://127.0.0.1:{receiver.getsockname()[1]}"))
    frames: list[dict[str, float]] = []
    values: dict[str, float] = {}

    def collect() -> None:
        for message in osc_messages(receiver.recv(65536)):
            if message.address == "/VMC/Ext/Blend/Val":
                values[message.params[0]] = message.params[1]
            elif message.address == "/VMC/Ext/Blend/Apply":
                frames.append(dict(values))
                values.clear()

    def body() -> None:
        while len(frames) < 10:
            collect()

    run_with(runtime, body)
    receiver.settimeout(0.5)
    try:
        while True:
            collect()
    except TimeoutError:
        pass

    assert set(arkit.PASCAL) == set(frames[0])
    assert any(any(frame.values()) for frame in frames[:-1])
    assert not any(frames[-1].values())


def test_an_output_that_cannot_be_reached_does_not_disturb_the_others(receiver: socket.socket) -> None:
    """A host that does not resolve is faulted in status; the good one keeps sending."""
    runtime = Runtime(run_settings(f"osc://127.0.0.1:{receiver.getsockname()[1]}", "vmc://host.invalid:39539"))

    def body() -> None:
        for _ in range(20):
            assert receiver.recv(65536)
        outputs = {output["name"]: output for output in run_status(runtime)["outputs"]}
        assert outputs["osc"]["state"] == "sending"
        assert outputs["vmc"]["state"] in ("connecting", "faulted")

    run_with(runtime, body)


def test_a_recording_is_complete_and_ends_the_run(tmp_path: Path) -> None:
    """--record writes what a tap saw; a recording as source ends the wait by itself, with nothing missing."""
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    seen: list[TrackResult] = []
    runtime = Runtime(run_settings(f"record://{tmp_path}/final.jsonl?stage=final"), RunOptions(record=first))
    runtime.add_tap(seen.append)
    run_with(runtime, lambda: wait_for(lambda: len(seen) >= 30))
    again = Runtime(run_settings(source={"input": str(first)}), RunOptions(record=second))

    run_with(again, again.wait)

    lines, lines_again = (path.read_text(encoding="utf-8").splitlines() for path in (first, second))
    assert len(seen) + 1 == len(lines)
    weights = [json.loads(line)["faces"][0]["weights"] for line in lines[1:]]
    assert weights == [json.loads(line)["faces"][0]["weights"] for line in lines_again[1:]]


def test_commands_reach_the_engine() -> None:
    """recenter, calibrate and clear are answered and carried out; nonsense is one sentence."""
    runtime = Runtime(run_settings())

    def body() -> None:
        wait_for(lambda: run_status(runtime)["engine"]["results"] > 3)
        assert runtime.command("recenter", {}) == {"done": True}
        wait_for(lambda: run_status(runtime)["engine"]["calibration"]["calibrated"])
        assert runtime.command("calibration.clear", {}) == {"done": True}
        wait_for(lambda: not run_status(runtime)["engine"]["calibration"]["calibrated"])
        answer = runtime.command("calibrate", {"seconds": 1})
        assert isinstance(answer, dict)
        assert (answer["collecting_s"], answer["guide"], answer["steps"][0]["name"]) == (1.0, "neutral", "neutral")
        with pytest.raises(ControlError, match=r"seconds must be a number from 0\.2 to 30, not 'x'"):
            runtime.command("calibrate", {"seconds": "x"})
        with pytest.raises(ControlError, match="unknown method 'dance'; known are calibrate"):
            runtime.command("dance", {})
        channels = runtime.command("channels", {})
        assert isinstance(channels, list)
        assert len(channels) == 52

    run_with(runtime, body)


def test_pause_and_resume_are_seen_inrun_status() -> None:
    """Paused the source is released; resumed it delivers again."""
    runtime = Runtime(run_settings())

    def body() -> None:
        runtime.command("pause", {})
        wait_for(lambda: run_status(runtime)["state"] == "paused")
        before = run_status(runtime)["engine"]["results"]
        runtime.command("resume", {})
        wait_for(lambda: run_status(runtime)["engine"]["results"] > before + 5)

    run_with(runtime, body)


def test_the_stop_command_ends_the_wait() -> None:
    """What `avatar-bridge stop` does."""
    runtime = Runtime(run_settings())

    def body() -> None:
        threading.Timer(0.1, runtime.command, ("stop", {})).start()
        runtime.wait(DEADLINE_S)
        assert runtime.done.is_set()

    run_with(runtime, body)


def test_a_duration_ends_the_wait() -> None:
    """--duration."""
    runtime = Runtime(run_settings())

    run_with(runtime, lambda: runtime.wait(0.3))

    assert not runtime.done.is_set()


def test_a_start_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """A source that cannot be opened raises its sentence, and no thread of ours is left (the thread watch checks that)."""
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    runtime = Runtime(run_settings(source={"input": str(broken)}))

    with pytest.raises(SourceUnavailable, match=r"broken\.mp4"):
        runtime.start()


@pytest.mark.parametrize("output", [{"url": "vmc://127.0.0.1:39539", "subject": 1}, {"url": "vmc://127.0.0.1:39539?subject=1"}])
def test_an_output_of_a_subject_that_is_not_tracked_is_refused(output: dict[str, object]) -> None:
    """subject=1 with one face is a contradiction that is found before anything is opened, wherever it is written."""
    settings = run_settings(outputs=[output])

    with pytest.raises(ConfigError, match=r"tracker\.num_faces is 1: set tracker\.num_faces to at least 2"):
        check_settings(settings)


def test_an_output_that_cannot_be_made_ends_in_its_own_sentence() -> None:
    """A server for everybody needs a token: `config check` says so, and a start that gets that far undoes what it opened."""
    settings = run_settings("ws://0.0.0.0:8723")

    with pytest.raises(ConfigError, match="give it a token"):
        check_settings(settings)
    with pytest.raises(ConfigError, match="give it a token"):
        Runtime(settings).start()


def test_viewers_of_the_page_are_counted_in_status_and_metrics(free_tcp_port: int) -> None:
    """One snapshot for both; without a control port there is nothing to count."""
    runtime = Runtime(run_settings(control={"port": free_tcp_port}))
    metrics: list[bytes] = []

    def body() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", free_tcp_port, timeout=DEADLINE_S)
        connection.request("GET", "/metrics")
        metrics.append(connection.getresponse().read())
        connection.close()
        assert 0 == run_status(runtime)["viewers"]

    assert run_status(runtime)["viewers"] is None
    run_with(runtime, body)

    assert b"avatar_bridge_viewers 0.0" in metrics[0]


def test_a_stop_sends_the_rest_state_before_it_waits_for_the_filters_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of MediaPipe's landmark filter may take a while on a first start."""
    order: list[str] = []
    stop_outputs = Runtime._stop_outputs

    def stop(self: Runtime) -> None:
        stop_outputs(self)
        order.append("outputs")

    monkeypatch.setattr(Runtime, "_stop_outputs", stop)
    check = SimpleNamespace(join=lambda _timeout_s: order.append("check"))
    monkeypatch.setattr("bridge.runtime.start_smoothing_check", lambda *_, **__: check)
    runtime = Runtime(run_settings())
    runtime._model = Path("face_landmarker.task")
    run_with(runtime, lambda: None)

    assert ["outputs", "check"] == order


@pytest.mark.parametrize(("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1")])
def test_the_page_is_named_by_an_address_that_a_browser_can_go_to(host: str, shown: str, free_tcp_port: int) -> None:
    """0.0.0.0 stands for all addresses and is none: browsers on Windows do not open it."""
    runtime = Runtime(run_settings(control={"host": host, "port": free_tcp_port, "token": "secret"}))

    run_with(runtime, lambda: None)

    assert f"http://{shown}:{free_tcp_port}/" == runtime.control_url


def test_without_outputs_vmc_goes_to_loopback() -> None:
    """Nothing to configure before VSeeFace and its like move."""
    assert [plan.url for plan in Runtime(run_settings()).plans] == ["vmc://127.0.0.1:39539"]
