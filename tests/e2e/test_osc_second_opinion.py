"""What python-osc understood, others must understand too: osc.js (node), liblo's oscdump (C) and Wireshark's dissector (C).

The datagrams of one run are kept as bytes and shown to each of them. A packet that only some libraries can read is a packet that
some receiver out there cannot.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.e2e.program import Program
from tests.e2e.receivers import Datagram, Message, OscReceiver

pytestmark = pytest.mark.e2e

FORMS = {
    "vmc": "vmc://127.0.0.1:{port}?names=both",
    "vmc-singles": "vmc://127.0.0.1:{port}?bundle=0&target=assistant",
    "osc": "osc://127.0.0.1:{port}",
    "facecap": "osc://127.0.0.1:{port}?preset=facecap&prefix=/me",
}
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def everything(clips: Path, model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Datagram, ...]]:
    """By form, all datagrams of one run on a real clip."""
    home = tmp_path_factory.mktemp("second-opinion")
    with contextlib.ExitStack() as stack:
        receivers = {form: stack.enter_context(OscReceiver()) for form in FORMS}
        outputs = [
            flag
            for form, url in FORMS.items()
            for flag in ("--output", url.format(port=receivers[form].port) + ("&" if "?" in url else "?") + f"name={form}")
        ]
        flags = ["--source", str(clips / "head-pose-female.gif"), "--set", f"tracker.model={model_path}", "--no-control"]
        with Program("run", *flags, *outputs, home=home) as program:
            finished = program.finish()
        assert finished.code == 0, str(finished)
        return {form: receiver.stop() for form, receiver in receivers.items()}


@pytest.fixture(params=sorted(FORMS))
def datagrams(request: pytest.FixtureRequest, everything: dict[str, tuple[Datagram, ...]]) -> tuple[Datagram, ...]:
    """Those of one form; python-osc could read them all."""
    chosen = everything[str(request.param)]
    assert len(chosen) > 20
    assert {None} == {datagram.error for datagram in chosen}
    return chosen


def _messages(datagrams: Iterable[Datagram]) -> list[Message]:
    return [message for datagram in datagrams for message in datagram.messages]


def test_osc_js_reads_the_same(datagrams: tuple[Datagram, ...], node_modules: Path) -> None:
    """Addresses, type tags and every value, to the last bit: both print the double that the float32 is."""
    program = Path(__file__).parent / "three_vrm" / "decode.mjs"
    lines = "".join(f"{datagram.data.hex()}\n" for datagram in datagrams)
    done = subprocess.run(
        ["node", str(program), str(node_modules)], input=lines, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    decoded = [json.loads(line) for line in done.stdout.splitlines()]
    assert [[[m.address, m.types, list(m.args)] for m in datagram.messages] for datagram in datagrams] == decoded


def test_oscdump_prints_the_same(datagrams: tuple[Datagram, ...], free_udp_port: int, tmp_path: Path) -> None:
    """liblo takes every message, in order: same addresses, tags and values, as far as it prints them (6 decimals)."""
    if shutil.which("oscdump") is None:
        pytest.skip("needs oscdump (Debian: liblo-tools)")
    printed = tmp_path / "oscdump.txt"
    with printed.open("w", encoding="utf-8") as out:
        dump = subprocess.Popen(["oscdump", "-L", str(free_udp_port)], stdout=out)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", free_udp_port))
            _show(sender, datagrams, printed)
    finally:
        dump.kill()
        dump.wait(PATIENCE_S)
    found = [_dumped(line) for line in printed.read_text(encoding="utf-8").splitlines() if KNOCK not in line]
    expected = [(message.address, message.types, message.args) for message in _messages(datagrams)]
    assert [each[:2] for each in expected] == [each[:2] for each in found]
    for (_, _, sent), (_, _, read) in zip(expected, found, strict=True):
        assert len(sent) == len(read)
        for one, other in zip(sent, read, strict=True):
            assert one == (other if isinstance(one, str) else pytest.approx(float(other), abs=1e-6))


KNOCK = "/knock"


def _show(sender: socket.socket, datagrams: Iterable[Datagram], printed: Path) -> None:
    """Sends all, never so far ahead of what is printed that a socket's buffer overflows."""

    def lines(*, knocks: bool) -> int:
        return sum(knocks == (KNOCK in line) for line in printed.read_text(encoding="utf-8").splitlines())

    deadline = time.monotonic() + PATIENCE_S
    while not lines(knocks=True):
        assert time.monotonic() < deadline, "oscdump does not listen"
        with contextlib.suppress(ConnectionRefusedError):  # of the knock before
            sender.send(b"/knock\0\0,\0\0\0")
        time.sleep(0.05)
    sent = 0
    for number, datagram in enumerate(datagrams, start=1):
        sender.send(datagram.data)
        sent += len(datagram.messages)
        if number % 20 == 0:
            _wait(lines, sent, deadline)
    _wait(lines, sent, deadline)


def _wait(lines: Callable[..., int], wanted: int, deadline: float) -> None:
    while lines(knocks=False) < wanted:
        assert time.monotonic() < deadline, "oscdump lost messages"
        time.sleep(0.005)


def _dumped(line: str) -> tuple[str, str, list[str]]:
    """``eeae10b8.d96733ea /VMC/Ext/Blend/Val sf "JawOpen" 0.250000`` -> address, tags, arguments."""
    _, address, *rest = shlex.split(line)
    return address, rest[0] if rest else "", rest[1:]


def test_wireshark_dissects_the_same(datagrams: tuple[Datagram, ...], tmp_path: Path) -> None:
    """No packet is malformed; addresses and texts are those that were sent, and as many floats."""
    if shutil.which("tshark") is None:
        pytest.skip("needs tshark")
    capture = tmp_path / "osc.pcap"
    capture.write_bytes(_pcap(datagram.data for datagram in datagrams))
    fields = ["_ws.malformed", "osc.message.header.path", "osc.message.string", "osc.message.float", "osc.message.int32"]
    command = ["tshark", "-r", str(capture), "--enable-heuristic", "osc_udp", "-T", "fields", "-E", "aggregator=|"]
    done = subprocess.run(
        [*command, *(flag for field in fields for flag in ("-e", field))],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
        env=os.environ | {"HOME": str(tmp_path)},
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(datagrams) == len(rows)
    for datagram, (malformed, paths, texts, floats, ints) in zip(datagrams, rows, strict=True):
        sent = [argument for message in datagram.messages for argument in message.args]
        assert "" == malformed
        assert [message.address for message in datagram.messages] == paths.split("|")
        assert [each for each in sent if isinstance(each, str)] == _cells(texts)
        assert [each for each in sent if isinstance(each, int)] == [int(cell) for cell in _cells(ints)]
        assert [each for each in sent if isinstance(each, float)] == pytest.approx(
            [float(cell) for cell in _cells(floats)],
            rel=1e-5,
            abs=1e-6,  # it prints 6 digits
        )


def _cells(joined: str) -> list[str]:
    return joined.split("|") if joined else []


def _pcap(payloads: Iterable[bytes]) -> bytes:
    """A capture file of UDP packets over IPv4 (link type 101: raw IP), as text2pcap would write it; checksums left out."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    loopback = bytes([127, 0, 0, 1])
    for payload in payloads:
        udp = struct.pack(">HHHH", 50000, 39539, 8 + len(payload), 0) + payload
        packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + loopback + loopback + udp
        parts.append(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)
    return b"".join(parts)
