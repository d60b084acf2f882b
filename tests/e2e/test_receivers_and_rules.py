"""Receivers by their names, and rules that change while the program runs: the real program, sockets and python-osc."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pythonosc.osc_packet import OscPacket

from bridge import arkit
from tests.e2e.program import PATIENCE_S, Program
from tests.e2e.receivers import OscReceiver, vmc_frames

pytestmark = pytest.mark.e2e


class _Listener:
    """A receiver that looks at what arrives while it arrives."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE_S)
        self.port = self._socket.getsockname()[1]

    def close(self) -> None:
        self._socket.close()

    def frame(self) -> dict[str, float]:
        """The expressions up to the next Apply."""
        found: dict[str, float] = {}
        while True:
            for timed in OscPacket(self._socket.recv(65536)).messages:
                address, params = timed.message.address, timed.message.params
                if address == "/VMC/Ext/Blend/Val":
                    found[params[0]] = params[1]
                elif address == "/VMC/Ext/Blend/Apply":
                    return found

    def until(self, condition: Callable[[dict[str, float]], bool], what: str) -> dict[str, float]:
        """The first frame for which it is so."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition(found := self.frame()):
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:g} s"
        return found


@pytest.fixture
def listener() -> Iterator[_Listener]:
    """On a free port."""
    made = _Listener()
    yield made
    made.close()


def test_receivers_are_named_and_get_their_own_dialect(home: Path) -> None:
    """VSeeFace's expressions in one bundle of PascalCase names, VNyan's mirrored and with a value of its own."""
    (home / "rules.toml").write_text(
        "[rules.MouthOpen]\nsources = ['jawOpen', 'mouthClose']\ncombine = 'diff'\n", encoding="utf-8"
    )
    with OscReceiver() as vseeface, OscReceiver() as vnyan:
        outputs = [f"vseeface://127.0.0.1:{vseeface.port}", f"vnyan://:{vnyan.port}?mirror=1&rules=rules.toml"]
        arguments = ["run", "--source", "demo", "--no-control", "--duration", "3"]
        with Program(*arguments, "--output", outputs[0], "--output", outputs[1], home=home) as program:
            vseeface.wait_for_first()
            finished = program.finish()
        assert 0 == finished.code, str(finished)
        datagrams, mirrored = vseeface.stop(), vmc_frames(vnyan.stop())
    straight = vmc_frames(datagrams)

    assert {*arkit.PASCAL} == set(straight[0].blend)
    assert {*arkit.PASCAL, "MouthOpen"} == set(mirrored[0].blend)
    assert all(datagram.bundled for datagram in datagrams)
    assert 52 == sum(message.address == "/VMC/Ext/Blend/Val" for message in datagrams[1].messages)
    for frame in mirrored:
        assert frame.blend["JawOpen"] - frame.blend["MouthClose"] == pytest.approx(frame.blend["MouthOpen"], abs=1e-6)
    same = {frame.t: frame for frame in mirrored}
    pairs = [(frame, same[frame.t]) for frame in straight if frame.t in same]
    assert len(pairs) > 20
    assert any(frame.blend["EyeBlinkLeft"] != frame.blend["EyeBlinkRight"] for frame, _ in pairs)
    assert all(frame.blend["EyeBlinkLeft"] == other.blend["EyeBlinkRight"] for frame, other in pairs)


def _status_note(home: Path) -> str:
    """What ``avatar-bridge status`` says of the one output."""
    with Program("status", "--json", home=home) as asking:
        finished = asking.finish()
    assert 0 == finished.code, str(finished)
    (output,) = json.loads(finished.stdout)["outputs"]
    return str(output["note"])


def test_a_rules_file_is_read_again_while_the_receiver_watches(listener: _Listener, home: Path, free_tcp_port: int) -> None:
    """A new value appears, a broken file changes nothing but the status, a mended one is in force again."""
    rules = home / "rules.toml"
    rules.write_text("[rules.Made]\nsources = [0.25]\n", encoding="utf-8")
    (home / "bridge.toml").write_text(
        f"[control]\nport = {free_tcp_port}\n[[outputs]]\nkind = 'vseeface'\nport = {listener.port}\nrules = 'rules.toml'\n",
        encoding="utf-8",
    )
    with Program("run", "--source", "demo", home=home) as program:
        assert 0.25 == listener.until(lambda frame: "Made" in frame, "the first rule")["Made"]
        rules.write_text("[rules.Made]\nsources = [0.5]\n\n[rules.More]\nsources = [2]\n", encoding="utf-8")
        changed = listener.until(lambda frame: "More" in frame, "the changed file")
        assert (0.5, 2.0, 54) == (changed["Made"], changed["More"], len(changed))
        rules.write_text("[rules.Made]\nsources = ['jawOpn']\n", encoding="utf-8")
        deadline = time.monotonic() + PATIENCE_S
        while not (note := _status_note(home)):
            assert 2.0 == listener.frame()["More"]
            assert time.monotonic() < deadline, "status did not say that the file is broken"
        assert "rules.toml: rules.Made.sources: 'jawOpn' cannot be read; did you mean jawOpen?" in note
        rules.write_text("[rules.Made]\nsources = [0.75]\n", encoding="utf-8")
        assert 52 + 1 == len(listener.until(lambda frame: frame.get("Made") == 0.75, "the mended file"))
        program.process.terminate()
        finished = program.finish()

    assert 1 == finished.stderr.count("the rules of before go on")
    assert (0 if sys.platform != "win32" else finished.code) == finished.code, str(finished)
