"""A whole run whose face another program sends."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge import arkit, space
from bridge.errors import ConfigError
from bridge.runtime import Runtime
from tests.unit.runs import run_settings, run_status, run_with, wait_for


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
        run_settings(
            f"osc://127.0.0.1:{receiver.getsockname()[1]}", source={"input": f"vmc:{free_udp_port}", "read_timeout_s": 0.5}
        )
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
        wait_for(lambda: run_status(runtime)["state"] == "waiting")
        wait_for(lambda: "nothing has come yet on UDP port" in str(run_status(runtime)["notice"]))
        wait_for(sent(lambda: run_status(runtime)["engine"]["presence"] == ["LIVE"] and abs(yaw_deg() - 20.0) < 0.1))
        status = run_status(runtime)
        assert ("running", None, None) == (status["state"], status["notice"], status["tracker"])
        assert 0.5 == pytest.approx(float(runtime._engine.states[0].weights[arkit.INDEX["jawOpen"]]), abs=0.01)
        runtime.command("recenter", {})
        wait_for(sent(lambda: abs(yaw_deg()) < 0.1))

        wait_for(lambda: run_status(runtime)["engine"]["presence"] == ["HELD"])
        wait_for(lambda: run_status(runtime)["state"] == "lost" and run_status(runtime)["engine"]["presence"] == ["LOST"])
        assert "VMC from 127.0.0.1 has sent nothing for 0.5 s" in run_status(runtime)["source"]["error"]
        wait_for(sent(lambda: run_status(runtime)["state"] == "running"))

        runtime.command("pause", {})
        wait_for(lambda: run_status(runtime)["state"] == "paused" and run_status(runtime)["source"]["delivered"] == "")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", free_udp_port))
        runtime.command("resume", {})
        wait_for(sent(lambda: run_status(runtime)["state"] == "running"))

    with sender:
        run_with(runtime, body)


@pytest.mark.parametrize("url", ["vmc://127.0.0.1:PORT", "vmc://localhost:PORT", "vmc://0.0.0.0:PORT"])
def test_a_bridge_does_not_feed_itself(url: str, free_udp_port: int) -> None:
    """What it sends would come back as what it sees. Another port, or an output that is off, is fine."""
    with pytest.raises(ConfigError, match=rf"would feed source\.input vmc:any:{free_udp_port}, .* name another port"):
        Runtime(run_settings(url.replace("PORT", str(free_udp_port)), source={"input": f"vmc:any:{free_udp_port}"}))
    Runtime(run_settings(f"vmc://127.0.0.1:{free_udp_port}", source={"input": "vmc"}))
    off = {"url": f"vmc://127.0.0.1:{free_udp_port}", "enabled": False}
    Runtime(run_settings(outputs=[off], source={"input": f"vmc::{free_udp_port}"}))


def test_a_phone_of_our_own_is_not_asked_by_ourselves() -> None:
    """The phone's port is what closes the circle there."""
    with pytest.raises(ConfigError, match="would feed source"):
        Runtime(run_settings("vts-phone://", source={"input": "vts-phone:127.0.0.1"}))
    Runtime(run_settings("vts-phone://", source={"input": "vts-phone:192.168.1.20"}))


def test_what_a_sender_has_smoothed_is_smoothed_little() -> None:
    """Less noise is expected than of a landmark model that filters nothing, whatever the preset says of MediaPipe."""
    light = {"smoothing": {"preset": "low-latency"}}
    assert Runtime(run_settings(source={"input": "vmc"}, **light))._landmark_filtered()
    assert not Runtime(run_settings(**light))._landmark_filtered()
