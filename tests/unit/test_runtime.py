"""A whole run in this process: the demo into real sockets, commands, taps, an orderly end."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from bridge import arkit, space
from bridge.errors import ConfigError, ControlError, SourceUnavailable
from bridge.runtime import RunOptions, Runtime, check_settings
from bridge.settings import Settings
from bridge.types import TrackResult

DEADLINE_S = 30.0


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    """A UDP socket on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(DEADLINE_S)
        yield listening


def _settings(*urls: str, **changes: Any) -> Settings:
    return Settings.model_validate(
        {
            "source": {"input": "demo"},
            "control": {"enabled": False},
            "outputs": [{"url": url} for url in urls],
            **changes,
        }
    )


def _messages(datagram: bytes) -> list[OscMessage]:
    if not OscBundle.dgram_is_bundle(datagram):
        return [OscMessage(datagram)]
    return [part for part in OscBundle(datagram) if isinstance(part, OscMessage)]


def _run(runtime: Runtime, body: Callable[[], None]) -> None:
    try:
        runtime.start()
        body()
    finally:
        runtime.stop()


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)


def test_the_demo_reaches_a_receiver_and_rest_is_the_last_thing_sent(receiver: socket.socket) -> None:
    """Frames arrive over VMC; after the stop the last Apply had all 52 at zero."""
    runtime = Runtime(_settings(f"vmc://127.0.0.1:{receiver.getsockname()[1]}"))
    frames: list[dict[str, float]] = []
    values: dict[str, float] = {}

    def collect() -> None:
        for message in _messages(receiver.recv(65536)):
            if message.address == "/VMC/Ext/Blend/Val":
                values[message.params[0]] = message.params[1]
            elif message.address == "/VMC/Ext/Blend/Apply":
                frames.append(dict(values))
                values.clear()

    def body() -> None:
        while len(frames) < 10:
            collect()

    _run(runtime, body)
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
    runtime = Runtime(_settings(f"osc://127.0.0.1:{receiver.getsockname()[1]}", "vmc://host.invalid:39539"))

    def body() -> None:
        for _ in range(20):
            assert receiver.recv(65536)
        outputs = {output["name"]: output for output in _status(runtime)["outputs"]}
        assert outputs["osc"]["state"] == "sending"
        assert outputs["vmc"]["state"] in ("connecting", "faulted")

    _run(runtime, body)


def _status(runtime: Runtime) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(json.dumps(runtime.status()))  # must be plain JSON
    return status


def test_a_recording_is_complete_and_ends_the_run(tmp_path: Path) -> None:
    """--record writes what a tap saw; a recording as source ends the wait by itself, with nothing missing."""
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    seen: list[TrackResult] = []
    runtime = Runtime(_settings(f"record://{tmp_path}/final.jsonl?stage=final"), RunOptions(record=first))
    runtime.add_tap(seen.append)
    _run(runtime, lambda: _wait_for(lambda: len(seen) >= 30))
    again = Runtime(_settings(source={"input": str(first)}), RunOptions(record=second))

    _run(again, again.wait)

    lines, lines_again = (path.read_text(encoding="utf-8").splitlines() for path in (first, second))
    assert len(seen) + 1 == len(lines)
    weights = [json.loads(line)["faces"][0]["weights"] for line in lines[1:]]
    assert weights == [json.loads(line)["faces"][0]["weights"] for line in lines_again[1:]]


def test_commands_reach_the_engine() -> None:
    """recenter, calibrate and clear are answered and carried out; nonsense is one sentence."""
    runtime = Runtime(_settings())

    def body() -> None:
        _wait_for(lambda: _status(runtime)["engine"]["results"] > 3)
        assert runtime.command("recenter", {}) == {"done": True}
        _wait_for(lambda: _status(runtime)["engine"]["calibration"]["calibrated"])
        assert runtime.command("calibration.clear", {}) == {"done": True}
        _wait_for(lambda: not _status(runtime)["engine"]["calibration"]["calibrated"])
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

    _run(runtime, body)


def test_pause_and_resume_are_seen_in_status() -> None:
    """Paused the source is released; resumed it delivers again."""
    runtime = Runtime(_settings())

    def body() -> None:
        runtime.command("pause", {})
        _wait_for(lambda: _status(runtime)["state"] == "paused")
        before = _status(runtime)["engine"]["results"]
        runtime.command("resume", {})
        _wait_for(lambda: _status(runtime)["engine"]["results"] > before + 5)

    _run(runtime, body)


def test_the_stop_command_ends_the_wait() -> None:
    """What `avatar-bridge stop` does."""
    runtime = Runtime(_settings())

    def body() -> None:
        threading.Timer(0.1, runtime.command, ("stop", {})).start()
        runtime.wait(DEADLINE_S)
        assert runtime.done.is_set()

    _run(runtime, body)


def test_a_duration_ends_the_wait() -> None:
    """--duration."""
    runtime = Runtime(_settings())

    _run(runtime, lambda: runtime.wait(0.3))

    assert not runtime.done.is_set()


def test_a_start_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """A source that cannot be opened raises its sentence, and no thread of ours is left (the thread watch checks that)."""
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    runtime = Runtime(_settings(source={"input": str(broken)}))

    with pytest.raises(SourceUnavailable, match=r"broken\.mp4"):
        runtime.start()


@pytest.mark.parametrize("output", [{"url": "vmc://127.0.0.1:39539", "subject": 1}, {"url": "vmc://127.0.0.1:39539?subject=1"}])
def test_an_output_of_a_subject_that_is_not_tracked_is_refused(output: dict[str, object]) -> None:
    """subject=1 with one face is a contradiction that is found before anything is opened, wherever it is written."""
    settings = _settings(outputs=[output])

    with pytest.raises(ConfigError, match=r"tracker\.num_faces is 1: set tracker\.num_faces to at least 2"):
        check_settings(settings)


def test_an_output_that_cannot_be_made_ends_in_its_own_sentence() -> None:
    """A server for everybody needs a token: `config check` says so, and a start that gets that far undoes what it opened."""
    settings = _settings("ws://0.0.0.0:8723")

    with pytest.raises(ConfigError, match="give it a token"):
        check_settings(settings)
    with pytest.raises(ConfigError, match="give it a token"):
        Runtime(settings).start()


def test_viewers_of_the_page_are_counted_in_status_and_metrics(free_tcp_port: int) -> None:
    """One snapshot for both; without a control port there is nothing to count."""
    runtime = Runtime(_settings(control={"port": free_tcp_port}))
    metrics: list[bytes] = []

    def body() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", free_tcp_port, timeout=DEADLINE_S)
        connection.request("GET", "/metrics")
        metrics.append(connection.getresponse().read())
        connection.close()
        assert 0 == _status(runtime)["viewers"]

    assert _status(runtime)["viewers"] is None
    _run(runtime, body)

    assert b"avatar_bridge_viewers 0.0" in metrics[0]


def _bundle(jaw: float) -> bytes:
    """A VMC frame of python-osc's: JawOpen, a head turned by 20 degrees to the own left, Apply."""
    builder = OscBundleBuilder(IMMEDIATELY)
    messages: list[tuple[str, list[str | float]]] = [
        ("/VMC/Ext/Bone/Pos", ["Head", 0.0, 0.0, 0.0, 0.0, -0.17364818, 0.0, 0.98480775]),
        ("/VMC/Ext/Blend/Val", ["JawOpen", jaw]),
        ("/VMC/Ext/Blend/Apply", []),
    ]
    for address, arguments in messages:
        message = OscMessageBuilder(address=address)
        for argument in arguments:
            message.add_arg(argument)
        builder.add_content(message.build())
    dgram: bytes = builder.build().dgram
    return dgram


def test_a_sender_in_the_network_is_waited_for_calibrated_and_missed(receiver: socket.socket, free_udp_port: int) -> None:
    """A whole run on VMC: waiting, running with its values, centred on command, held and lost when it falls silent, paused."""
    runtime = Runtime(
        _settings(f"osc://127.0.0.1:{receiver.getsockname()[1]}", source={"input": f"vmc:{free_udp_port}", "read_timeout_s": 0.5})
    )
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def sent(condition: Callable[[], bool]) -> Callable[[], bool]:
        def send_and_ask() -> bool:
            sender.sendto(_bundle(0.5), ("127.0.0.1", free_udp_port))
            return condition()

        return send_and_ask

    def yaw_deg() -> float:
        head = runtime._engine.states[0].head
        return 99.0 if head is None else space.to_euler_deg(head.quat_xyzw)[0]

    def body() -> None:
        _wait_for(lambda: _status(runtime)["state"] == "waiting")
        _wait_for(lambda: "nothing has come yet on UDP port" in str(_status(runtime)["notice"]))
        _wait_for(sent(lambda: _status(runtime)["engine"]["presence"] == ["LIVE"] and abs(yaw_deg() - 20.0) < 0.1))
        status = _status(runtime)
        assert ("running", None, None) == (status["state"], status["notice"], status["tracker"])
        assert 0.5 == pytest.approx(float(runtime._engine.states[0].weights[arkit.INDEX["jawOpen"]]), abs=0.01)
        runtime.command("recenter", {})
        _wait_for(sent(lambda: abs(yaw_deg()) < 0.1))

        _wait_for(lambda: _status(runtime)["engine"]["presence"] == ["HELD"])
        _wait_for(lambda: _status(runtime)["state"] == "lost" and _status(runtime)["engine"]["presence"] == ["LOST"])
        assert "VMC from 127.0.0.1 has sent nothing for 0.5 s" in _status(runtime)["source"]["error"]
        _wait_for(sent(lambda: _status(runtime)["state"] == "running"))

        runtime.command("pause", {})
        _wait_for(lambda: _status(runtime)["state"] == "paused" and _status(runtime)["source"]["delivered"] == "")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", free_udp_port))
        runtime.command("resume", {})
        _wait_for(sent(lambda: _status(runtime)["state"] == "running"))

    with sender:
        _run(runtime, body)


@pytest.mark.parametrize("url", ["vmc://127.0.0.1:PORT", "vmc://localhost:PORT", "vmc://0.0.0.0:PORT"])
def test_a_bridge_does_not_feed_itself(url: str, free_udp_port: int) -> None:
    """What it sends would come back as what it sees. Another port, or an output that is off, is fine."""
    with pytest.raises(ConfigError, match=rf"would feed source\.input vmc:any:{free_udp_port}, .* name another port"):
        Runtime(_settings(url.replace("PORT", str(free_udp_port)), source={"input": f"vmc:any:{free_udp_port}"}))
    Runtime(_settings(f"vmc://127.0.0.1:{free_udp_port}", source={"input": "vmc"}))
    off = {"url": f"vmc://127.0.0.1:{free_udp_port}", "enabled": False}
    Runtime(_settings(outputs=[off], source={"input": f"vmc::{free_udp_port}"}))


def test_a_phone_of_our_own_is_not_asked_by_ourselves() -> None:
    """The phone's port is what closes the circle there."""
    with pytest.raises(ConfigError, match="would feed source"):
        Runtime(_settings("vts-phone://", source={"input": "vts-phone:127.0.0.1"}))
    Runtime(_settings("vts-phone://", source={"input": "vts-phone:192.168.1.20"}))


def test_what_a_sender_has_smoothed_is_smoothed_little() -> None:
    """Less noise is expected than of a landmark model that filters nothing, whatever the preset says of MediaPipe."""
    light = {"smoothing": {"preset": "low-latency"}}
    assert Runtime(_settings(source={"input": "vmc"}, **light))._landmark_filtered()
    assert not Runtime(_settings(**light))._landmark_filtered()


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
    runtime = Runtime(_settings())
    runtime._model = Path("face_landmarker.task")
    _run(runtime, lambda: None)

    assert ["outputs", "check"] == order


@pytest.mark.parametrize(("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1")])
def test_the_page_is_named_by_an_address_that_a_browser_can_go_to(host: str, shown: str, free_tcp_port: int) -> None:
    """0.0.0.0 stands for all addresses and is none: browsers on Windows do not open it."""
    runtime = Runtime(_settings(control={"host": host, "port": free_tcp_port, "token": "secret"}))

    _run(runtime, lambda: None)

    assert f"http://{shown}:{free_tcp_port}/" == runtime.control_url


def test_without_outputs_vmc_goes_to_loopback() -> None:
    """Nothing to configure before VSeeFace and its like move."""
    assert [plan.url for plan in Runtime(_settings()).plans] == ["vmc://127.0.0.1:39539"]


# --- calibration -----------------------------------------------------------------------------------------------------------


def _calibration(runtime: Runtime) -> dict[str, Any]:
    state: Any = runtime.command("calibration.status", {})
    json.dumps(state)  # must be plain JSON
    return dict(state)


def test_a_calibration_is_kept_for_the_next_run() -> None:
    """Recentred, undone, recentred, saved under a name: the next run begins with it, and with its name."""
    first = Runtime(_settings())

    def body() -> None:
        _wait_for(lambda: _status(first)["engine"]["results"] > 3)
        first.command("recenter", {})
        _wait_for(lambda: _calibration(first)["calibrated"])
        first.command("calibration.undo", {})
        _wait_for(lambda: not _calibration(first)["calibrated"])
        first.command("recenter", {})
        _wait_for(lambda: _calibration(first)["profile"] == "default")
        assert first.command("calibration.save", {"name": "anna"}) == {"saved": "anna"}

    _run(first, body)
    second = Runtime(_settings())

    def again() -> None:
        _wait_for(lambda: _calibration(second)["calibrated"])
        state = _calibration(second)
        assert ("anna", ["anna", "default"], "demo") == (state["profile"], state["profiles"], state["camera"])
        assert "The profile anna is in use." == state["message"]
        assert {"anna", "default"} == {row["name"] for row in _listed(second)}
        assert second.command("calibration.delete", {"name": "default"}) == {"deleted": "default"}
        shown = second.command("calibration.show", {})
        assert isinstance(shown, dict)
        assert shown["position_m"][2] < 0.0

    _run(second, again)
    third = Runtime(_settings(calibration={"profile": "none"}))

    def without() -> None:
        _wait_for(lambda: _status(third)["engine"]["results"] > 3)
        assert not _calibration(third)["calibrated"]

    _run(third, without)


def _listed(runtime: Runtime) -> list[dict[str, Any]]:
    rows: Any = runtime.command("calibration.list", {})
    return list(rows)


def test_a_guide_can_be_begun_and_cancelled() -> None:
    """The answer says which attempt, and what is to be done; nonsense is one sentence."""
    runtime = Runtime(_settings())

    def body() -> None:
        _wait_for(lambda: _status(runtime)["engine"]["results"] > 3)
        answer = runtime.command("calibrate", {"guide": "range"})
        assert isinstance(answer, dict)
        assert (1, 5) == (answer["attempt"], len(answer["steps"]))
        _wait_for(lambda: _calibration(runtime)["step"] == "smile")
        runtime.command("calibration.cancel", {})
        _wait_for(lambda: _calibration(runtime)["message"] == "Calibration stopped.")
        with pytest.raises(ControlError, match="guide must be one of neutral, range, blink, wizard, not 'dance'"):
            runtime.command("calibrate", {"guide": "dance"})
        with pytest.raises(ControlError, match="insist must be true or false"):
            runtime.command("calibrate", {"insist": 1})
        with pytest.raises(ControlError, match="there is no profile 'x'"):
            runtime.command("calibration.use", {"name": "x"})

    _run(runtime, body)


def test_the_demos_coefficients_are_trusted() -> None:
    """They are authored from 0 to 1: nothing of MediaPipe's resting face is taken off them."""
    runtime = Runtime(_settings(smoothing={"enabled": False}, eyes={}))
    raw: list[TrackResult] = []
    runtime.add_tap(raw.append)

    def body() -> None:
        _wait_for(lambda: len(raw) > 10)

    _run(runtime, body)
    chain = runtime._engine._chains[0]
    assert not chain.calibrate.learnt_zero.any()


def test_osc_commands_reach_the_run(free_udp_port: int, free_tcp_port: int) -> None:
    """With control.osc_port a button of another program recentres."""
    runtime = Runtime(_settings(control={"port": free_tcp_port, "osc_port": free_udp_port}))
    client = SimpleUDPClient("127.0.0.1", free_udp_port)

    def body() -> None:
        _wait_for(lambda: _status(runtime)["engine"]["results"] > 3)
        client.send_message("/avatar-bridge/recenter", 1)
        _wait_for(lambda: _calibration(runtime)["calibrated"])

    try:
        _run(runtime, body)
    finally:
        client._sock.close()
