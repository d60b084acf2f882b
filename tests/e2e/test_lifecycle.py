"""Beginning, middle and end of a run when the world does not cooperate: signals, receivers that die or never were."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from tests.e2e.program import Finished, Program
from tests.e2e.receivers import OscReceiver, VmcFrame, vmc_frames
from tests.e2e.truth import angle_deg

pytestmark = pytest.mark.e2e

STOP_LIMIT_S = 10.0
"""The promise is 2 s, and 0.3 s is usual; a machine that runs ten other things gets more."""
REST = (0.0, 0.0, 0.0, 1.0)
FRAMES_AFTER = 10


@pytest.fixture
def clip_flags(clips: Path, model_path: Path) -> list[str]:
    """A real clip, again and again."""
    return ["--source", str(clips / "head-pose-female.gif"), "--loop", "--set", f"tracker.model={model_path}"]


@pytest.fixture
def receiver() -> Iterator[OscReceiver]:
    """One that stays to the end."""
    with OscReceiver() as running:
        yield running


def _is_rest(frame: VmcFrame) -> bool:
    return set(frame.blend.values()) == {0.0} and angle_deg(frame.head_quat, REST) < 1e-6


def _stop(program: Program, number: int = signal.SIGINT) -> tuple[Finished, float]:
    """How it ended, and how many seconds that took."""
    asked_s = program.signal(number)
    finished = program.finish()
    return finished, finished.ended_s - asked_s


def _wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:g} s"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to another process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(
    number: signal.Signals, clip_flags: list[str], receiver: OscReceiver, home: Path, free_tcp_port: int
) -> None:
    """Exit 0, the rest state last, no child at any time, the control port free again, nothing to complain about."""
    arguments = ["run", *clip_flags, "--output", f"vmc://127.0.0.1:{receiver.port}", "--set", f"control.port={free_tcp_port}"]
    with Program(*arguments, home=home) as program:
        receiver.wait_for_first()
        children = psutil.Process(program.process.pid).children(recursive=True)
        finished, took_s = _stop(program, number)
    print(f"{number.name}: gone after {took_s:.2f} s")
    assert 0 == finished.code, str(finished)
    assert [] == children
    assert "Traceback" not in finished.stderr
    assert took_s <= STOP_LIMIT_S
    frames = vmc_frames(receiver.stop())
    assert _is_rest(frames[-1])
    assert not _is_rest(frames[-2])
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", free_tcp_port))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to another process")
def test_a_signal_while_it_starts_ends_it_too(
    clip_flags: list[str], receiver: OscReceiver, home: Path, free_tcp_port: int
) -> None:
    """The control port is the first thing that is opened, the model comes after it: a signal in between ends the run with 0."""
    arguments = ["run", *clip_flags, "--output", f"vmc://127.0.0.1:{receiver.port}", "--set", f"control.port={free_tcp_port}"]
    with Program(*arguments, home=home) as program:
        _wait_until(lambda: _listens(free_tcp_port), what="the control port")
        finished, took_s = _stop(program, signal.SIGTERM)
    print(f"while starting: gone after {took_s:.2f} s")
    assert 0 == finished.code, str(finished)
    assert "Traceback" not in finished.stderr
    assert took_s <= STOP_LIMIT_S


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to another process")
def test_a_receiver_that_dies_is_not_missed(clip_flags: list[str], receiver: OscReceiver, home: Path) -> None:
    """When one of two receivers is killed the other goes on getting frames, without a pause of half a second."""
    with OscReceiver() as victim:
        arguments = [f"vmc://127.0.0.1:{victim.port}?name=victim", "--output", f"vmc://127.0.0.1:{receiver.port}?name=survivor"]
        with Program("run", *clip_flags, "--output", *arguments, "--no-control", home=home) as program:
            receiver.wait_for_first()
            victim.wait_for_first()
            victim.kill()
            killed_s = time.monotonic()
            # A third receiver on the victim's port tells when enough time has passed, and that a return is noticed.
            with OscReceiver(victim.port) as heir:
                heir.wait_for_first()
                _wait_until(lambda: time.monotonic() > killed_s + 2.0, what="two seconds")
                finished, _ = _stop(program)
    assert 0 == finished.code, str(finished)
    frames = vmc_frames(receiver.stop())
    after = [frame for frame in frames if frame.arrival_s > killed_s]
    assert len(after) >= FRAMES_AFTER
    gaps = [later.arrival_s - earlier.arrival_s for earlier, later in pairwise(frames)]
    assert max(gaps) < 1.0, f"{max(gaps):.2f} s"
    assert _is_rest(frames[-1])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to another process")
def test_outputs_that_lead_nowhere_disturb_nobody(
    clip_flags: list[str], receiver: OscReceiver, home: Path, pick_udp_port: Callable[[], int], pick_tcp_port: Callable[[], int]
) -> None:
    """A host that does not exist, a port where nobody listens: the third output gets everything, and the end comes in time."""
    outputs = [
        "vmc://no-such-host.invalid:1?name=nowhere",
        f"vmc://127.0.0.1:{pick_udp_port()}?name=nobody",
        f"osc://127.0.0.1:{pick_udp_port()}?name=deaf",
        f"vmc://127.0.0.1:{receiver.port}?name=there",
    ]
    flags = [flag for url in outputs for flag in ("--output", url)]
    with Program("run", *clip_flags, *flags, "--no-control", home=home) as program:
        receiver.wait_for_first()
        began_s = time.monotonic()
        _wait_until(lambda: time.monotonic() > began_s + 3.0, what="three seconds of the clip")
        finished, took_s = _stop(program)
    print(f"with dead outputs: gone after {took_s:.2f} s")
    assert 0 == finished.code, str(finished)
    assert "Traceback" not in finished.stderr
    assert "no-such-host.invalid" in finished.stderr
    assert took_s <= STOP_LIMIT_S
    frames = vmc_frames(receiver.stop())
    gaps = [later.arrival_s - earlier.arrival_s for earlier, later in pairwise(frames)]
    assert len(frames) >= FRAMES_AFTER
    assert max(gaps) < 1.0, f"{max(gaps):.2f} s"
    assert _is_rest(frames[-1])


def test_a_file_ends_by_itself_in_time(clips: Path, model_path: Path, receiver: OscReceiver, home: Path) -> None:
    """Without --loop the run ends when the clip does, with 0, and says nothing but what it plays and where to."""
    flags = ["--source", str(clips / "head-pose-female.gif"), "--set", f"tracker.model={model_path}"]
    with Program("run", *flags, "--output", f"vmc://127.0.0.1:{receiver.port}", "--no-control", home=home) as program:
        finished = program.finish()
    assert 0 == finished.code, str(finished)
    assert "" == finished.stdout
    assert [["source", "head-pose-female.gif"], ["output", "vmc:", f"vmc://127.0.0.1:{receiver.port}"]] == [
        line.split() for line in finished.stderr.splitlines()
    ]
    assert finished.ended_s - vmc_frames(receiver.stop())[-1].arrival_s <= STOP_LIMIT_S
