"""What the doctor makes of cameras and of the control port."""

from __future__ import annotations

import socket

import pytest

from bridge import doctor
from bridge.settings import ControlSettings
from bridge.sources.camera_device import CameraDevice, CameraIdentity, CameraState


def _camera(index: int, state: CameraState) -> CameraDevice:
    return CameraDevice(
        index=index,
        identity=CameraIdentity(name="Cam", usb_id="", serial="", node=0, port=""),
        path=f"/nowhere/video{index}",
        stable_paths=(),
        modes=(),
        state=state,
        holder="",
        openings=(),
    )


def test_a_camera_that_does_not_open_is_a_warning_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is ready is fine."""
    devices = [_camera(0, CameraState.READY), _camera(1, CameraState.FORBIDDEN)]
    monkeypatch.setattr(doctor, "list_cameras", lambda: devices)
    monkeypatch.setattr(doctor, "explain", lambda device: f"{device.label} may not be opened by this user")

    assert [
        ("ok", "camera Cam (/nowhere/video0)"),
        ("warning", "camera Cam (/nowhere/video1) may not be opened by this user"),
    ] == [(finding.level, finding.what) for finding in doctor._cameras()]


def test_a_free_control_port(free_tcp_port: int) -> None:
    """Nobody answers."""
    (finding,) = doctor._control(ControlSettings(port=free_tcp_port))

    assert ("ok", f"control port {free_tcp_port} is free") == (finding.level, finding.what)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_control_port_that_another_program_has(host: str) -> None:
    """It accepts and says nothing that we know; a wildcard is asked on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port: int = other.getsockname()[1]
        (finding,) = doctor._control(ControlSettings(host=host, port=port))

    assert ("warning", f"port {port} is taken by another program") == (finding.level, finding.what)
