"""What real V4L2 cameras do to the bridge; runs as root inside the virtual machine of ``test_camera_device.py``.

``python -m tests.e2e.camera_guest --tools DIR --data DIR --model FILE`` plays every scenario of ``SCENARIOS`` in order and writes
``results.json`` into the data folder after each: name -> seconds, lines it said, and the traceback of a failure or null.
The machine's cameras: "Test Webcam" on /dev/video0 and "Avatar Camera" on /dev/video1 (v4l2loopback, silent until a feeder plays
the clip into them) and the kernel's vivid on /dev/video9, whose plug can be pulled.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from bridge.sources.camera import CameraSource
from bridge.sources.camera_device import CameraState
from bridge.sources.camera_devices import find_camera, list_cameras
from bridge.sources.report import SourceReport
from tests.e2e.camera_machine import (
    FPS,
    PATIENCE_S,
    SECOND,
    SIZE,
    VIVID,
    WEBCAM,
    Machine,
    VmcPort,
    camera,
    distance,
    holds,
    lost,
    read,
    refused,
    same,
    wait_until,
)
from tests.e2e.program import Program

READ_TIMEOUT_S = 1.5

HOLD = """
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(fd, 0xC0145608, bytearray(struct.pack("=3I8x", 2, 1, 1)))
print("held", flush=True)
sys.stdin.read()
"""
"""A program that has taken a camera's buffers, until its stdin ends."""


# --- scenarios --------------------------------------------------------------------------------------------------------


def listing(machine: Machine) -> None:
    """Only nodes that capture video are listed, by their names and with modes; a loopback camera once a program writes to it."""
    nodes = {entry.name: (entry / "name").read_text().strip() for entry in Path("/sys/class/video4linux").iterdir()}
    machine.say(f"nodes {nodes}")
    same(4, sum("vivid" in name for name in nodes.values()))
    same(2, sum("vivid" not in name for name in nodes.values()))
    same([("vivid-000-vid-cap", VIVID)], [(device.name, device.path) for device in list_cameras()])
    same("/dev/video0 is a loopback camera that no program writes to: start the program that feeds it", refused(camera("0")))
    with machine.feeding(WEBCAM):
        webcam, vivid = list_cameras()
    same(("Test Webcam", 0, WEBCAM, CameraState.READY), (webcam.name, webcam.index, webcam.path, webcam.state))
    same([("YUYV", *SIZE)], [(mode.pixel_format, mode.width, mode.height) for mode in webcam.modes])
    same(("vivid-000-vid-cap", 9, VIVID, CameraState.READY), (vivid.name, vivid.index, vivid.path, vivid.state))
    yuyv = {(mode.width, mode.height): mode.max_fps for mode in vivid.modes if mode.pixel_format == "YUYV"}
    same((25.0, 12.5), (yuyv[640, 480], yuyv[1280, 720]))


def _delivers(machine: Machine, *, device: str, spec: str, label: str, fourcc: str) -> None:
    references = np.load(machine.data / "references.npy")
    with machine.feeding(device, fourcc), closing(camera(spec)) as source:
        source.open()
        same(label, source.label)
        image = read(source, 5).image
        right, swapped = distance(image, references), distance(image[..., ::-1], references)
        machine.say(f"{source.report()}, colours off by {right:.2f}, were red and blue swapped by {swapped:.1f}")
        same((SIZE[1], SIZE[0], 3), image.shape)
        assert right < 4.0
        assert swapped > 12.0
        report, own_fps = _settled_report(source)
    machine.say(f"{report}; by the frames' own times {own_fps:.1f} fps")
    same(f"640x480 at 20 fps, {fourcc}", report.delivered)
    assert own_fps < 1.5 * FPS  # the first frames were waiting in the driver and come at once
    if own_fps > 0.9 * FPS:  # a machine that is too busy to feed the camera in time has something to warn of
        same(None, report.warning)


def _settled_report(source: CameraSource) -> tuple[SourceReport, float]:
    """The report as soon as its rate is that of the frames read in the last two seconds, and that rate."""
    deadline = time.monotonic() + PATIENCE_S
    times: list[float] = []
    while True:
        times += [source.read().t for _ in range(10)]
        times = [t for t in times if times[-1] - t <= 2.0]
        own_fps = (len(times) - 1) / max(times[-1] - times[0], 1e-9)
        report = source.report()
        if report.fps_measured is not None and abs(report.fps_measured - own_fps) <= 0.1 * own_fps:
            return report, own_fps
        assert time.monotonic() < deadline, f"{own_fps:.1f} fps are read, {report.fps_measured} reported"


def webcam_yuyv(machine: Machine) -> None:
    """A raw webcam, opened by a part of its name: its rate, its colours."""
    _delivers(machine, device=WEBCAM, spec="test web", label="Test Webcam (/dev/video0)", fourcc="YUYV")


def webcam_mjpg(machine: Machine) -> None:
    """The same in compressed pictures."""
    _delivers(machine, device=SECOND, spec="AVATAR", label="Avatar Camera (/dev/video1)", fourcc="MJPG")


def silence(machine: Machine) -> None:
    """A camera that stays there but sends nothing is lost after the read timeout, and delivers again when it goes on."""
    with machine.feeding(WEBCAM) as feeder, closing(camera("test webcam", read_timeout_s=READ_TIMEOUT_S)) as source:
        source.open()
        read(source, 5)
        feeder.pause()
        sentence, after_s = lost(source)
        machine.say(f"{after_s:.2f} s: {sentence}")
        same("Test Webcam (/dev/video0) has sent nothing for 1.5 s: check its plug, and that no other program took it", sentence)
        assert 0.9 * READ_TIMEOUT_S <= after_s <= READ_TIMEOUT_S + 5.0
        source.close()
        feeder.resume()
        source.open()
        read(source, 10)


def replug(machine: Machine) -> None:
    """Pulled while it delivers, a camera is lost at once; another one is never taken; plugged in again it is found again."""
    with machine.feeding(WEBCAM), closing(camera("vivid")) as source:
        source.open()
        read(source, 10)
        same(f"vivid-000-vid-cap ({VIVID})", source.label)
        machine.vivid.unplug()
        sentence, after_s = lost(source)
        machine.say(f"{after_s:.2f} s: {sentence}")
        same(f"vivid-000-vid-cap ({VIVID}) is gone: check its plug, and that no other program took it", sentence)
        same(["Test Webcam"], [device.name for device in list_cameras()])
        away = f"vivid-000-vid-cap ({VIVID}) is not connected: plug it in again, it is not replaced by another camera"
        same([away, away], [refused(source), refused(source)])
        machine.replug()
        source.open()
        read(source, 10)
        same(f"vivid-000-vid-cap ({VIVID})", source.label)


def sentences(machine: Machine) -> None:
    """Busy, absent and forbidden cameras say so, and what to do."""
    with subprocess.Popen(
        [sys.executable, "-S", "-c", HOLD, VIVID], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        same("held\n", holder.stdout.readline())
        name = f"{Path(f'/proc/{holder.pid}/comm').read_text().strip()} (pid {holder.pid})"
        device = find_camera("vivid", list_cameras())
        same((CameraState.IN_USE, name), (device.state, device.holder))
        busy = f"vivid-000-vid-cap ({VIVID}) is in use by {name}: close that program, or choose another camera"
        same(busy, refused(camera("vivid")))
        holder.communicate()
    same("No camera matches '5'; there is camera:9 vivid-000-vid-cap (avatar-bridge cameras tells more)", refused(camera("5")))
    same("/dev/video1 is a loopback camera that no program writes to: start the program that feeds it", refused(camera(SECOND)))
    Path(VIVID).chmod(0o600)
    os.seteuid(65534)
    try:
        same(CameraState.FORBIDDEN, find_camera("vivid", list_cameras()).state)
        forbidden = refused(camera("vivid"))
    finally:
        os.seteuid(0)
    hint = "may not be opened by this user: run 'sudo usermod -aG video $USER' and log in again"
    same(f"vivid-000-vid-cap ({VIVID}) {hint}", forbidden)


# --- the whole program ------------------------------------------------------------------------------------------------


def _stderr(home: str) -> str:
    """What the running program has said so far."""
    return "".join(file.read_text(encoding="utf-8") for file in Path(home).glob("stderr-*.txt"))


def _through_a_loss(
    machine: Machine, *, name: str, device: str, face: bool | None, lose: Callable[[], object], give_back: Callable[[], object]
) -> None:
    with closing(VmcPort()) as port, tempfile.TemporaryDirectory() as home:
        flags = ["--source", f"camera:{name}", "--output", port.url, "--set", f"tracker.model={machine.model}", "--no-control"]
        with Program("run", *flags, home=Path(home)) as program:
            pid = program.process.pid
            began_s = time.monotonic()
            try:
                port.frames(10, face=face)
                machine.say(f"first ten frames after {time.monotonic() - began_s:.1f} s")
                assert holds(pid, device)
                lose()
                wait_until(lambda: not holds(pid, device), "the program lets go of the lost camera")
                port.forget()
                port.frames(8, face=None if face is None else not face)
                lost_s = time.monotonic()
                give_back()
                # Not the open device: trying it opens it as well.
                wait_until(lambda: f"({device}) is back" in _stderr(home), "the program has its camera again")
                port.forget()
                port.frames(10, face=face)
                machine.say(f"ten frames {time.monotonic() - lost_s:.1f} s after its return")
            finally:
                program.signal(signal.SIGINT)
                finished = program.finish()
                machine.say(finished.stderr)
        same(0, finished.code)
        assert "Traceback" not in finished.stderr
        assert "waiting for it to return" in finished.stderr


def program_replug(machine: Machine) -> None:
    """The whole program keeps sending while its camera is unplugged, and takes it again when it is back."""
    with machine.feeding(WEBCAM):
        _through_a_loss(machine, name="vivid", device=VIVID, face=None, lose=machine.vivid.unplug, give_back=machine.replug)


def program_face(machine: Machine) -> None:
    """A face before the webcam moves the avatar, and moves it again after the camera was silent."""
    with machine.feeding(WEBCAM) as feeder:
        _through_a_loss(machine, name="test", device=WEBCAM, face=True, lose=feeder.pause, give_back=feeder.resume)


def other_number(machine: Machine) -> None:
    """Plugged in again while another camera has its number, the same camera is found under the new one."""
    with closing(camera("vivid")) as source:
        source.open()
        machine.vivid.unplug()
        lost(source)
        source.close()  # as the capture loop does; a number is free when nobody has the old node open
        subprocess.run(["rmmod", "v4l2loopback"], check=True)
        same([VIVID], machine.camguest.load_loopback("Another Webcam", first=9))
        with machine.feeding(VIVID):
            same([("Another Webcam", VIVID)], [(device.name, device.path) for device in list_cameras()])
            away = f"vivid-000-vid-cap ({VIVID}) is not connected: plug it in again, it is not replaced by another camera"
            same(away, refused(source))
            machine.replug()
            source.open()
            read(source, 10)
            machine.say(source.label)
            same("vivid-000-vid-cap (/dev/video10)", source.label)


SCENARIOS: dict[str, Callable[[Machine], None]] = {
    scenario.__name__: scenario
    for scenario in (
        listing, webcam_yuyv, webcam_mjpg, silence, replug, sentences, program_replug, program_face, other_number,
    )
}  # fmt: skip
"""In this order: the last one changes the machine's loopback cameras."""


def main() -> None:
    """Plays all scenarios; exit 0 also when some fail: the results tell."""
    parser = argparse.ArgumentParser()
    for name in ("--tools", "--data", "--model"):
        parser.add_argument(name, type=Path, required=True)
    arguments = parser.parse_args()
    machine = Machine(arguments.tools, arguments.data, arguments.model)
    machine.start()
    results: dict[str, object] = {}
    for name, scenario in SCENARIOS.items():
        began_s = time.monotonic()
        machine.said = []
        print(f"--- {name}", flush=True)
        error = None
        try:
            scenario(machine)
        except Exception:  # noqa: BLE001  whatever it is, it is this scenario's result, and the others go on
            error = traceback.format_exc()
            print(error, flush=True)
        machine.restore()
        results[name] = {"seconds": round(time.monotonic() - began_s, 2), "said": machine.said, "error": error}
        (arguments.data / "results.json").write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
