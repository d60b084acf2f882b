"""What the doctor makes of the OpenCV that is installed, of cameras and of the control port."""

from __future__ import annotations

import importlib.metadata
import socket
from pathlib import Path

import pytest

from bridge import doctor
from bridge.settings import ControlSettings, OutputSettings, Settings, SourceSettings
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


def _opencv(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]) -> doctor.Finding:
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: {"cv2": list(versions)})
    monkeypatch.setattr(importlib.metadata, "version", versions.__getitem__)
    (finding,) = doctor._opencv()
    return finding


def test_two_opencvs_of_one_version_are_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pip and ``uv tool install`` leave them, because mediapipe asks for the other one: nobody has to repair that."""
    finding = _opencv(monkeypatch, {"opencv-python": "5.0", "opencv-contrib-python": "5.0"})

    assert ("ok", "opencv-contrib-python 5.0, opencv-python 5.0") == (finding.level, finding.what)


def test_two_opencvs_of_different_versions_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which file of their one folder is whose is a matter of luck."""
    finding = _opencv(monkeypatch, {"opencv-python": "5.0", "opencv-contrib-python": "4.11"})

    assert "error" == finding.level
    assert "a mixture of opencv-contrib-python 4.11, opencv-python 5.0" in finding.what
    assert "pip uninstall -y opencv-contrib-python opencv-python" in finding.remedy


def test_a_camera_that_does_not_open_is_a_warning_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is ready is fine."""
    devices = [_camera(0, CameraState.READY), _camera(1, CameraState.FORBIDDEN)]
    monkeypatch.setattr(doctor, "list_cameras", lambda: devices)
    monkeypatch.setattr(doctor, "explain", lambda device: f"{device.label} may not be opened by this user")

    assert [
        ("ok", "camera Cam (/nowhere/video0)"),
        ("warning", "camera Cam (/nowhere/video1) may not be opened by this user"),
    ] == [(finding.level, finding.what) for finding in doctor._cameras()]


def test_a_sender_in_the_network_needs_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is looked for."""
    monkeypatch.delattr(doctor, "list_cameras")
    (finding,) = doctor._source(Settings(source=SourceSettings(input="vmc:192.168.1.20")))

    assert ("ok", "source vmc:192.168.1.20: a sender in the network, so no camera is needed") == (finding.level, finding.what)


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


def test_outputs_and_profiles_are_looked_at(tmp_path: Path) -> None:
    """An impossible output is an error; a broken profile that nobody uses a warning with file and key."""
    (tmp_path / "mine.toml").write_text("kind = 'vmc'\n", encoding="utf-8")
    fine = list(doctor._outputs(Settings(profiles=str(tmp_path), outputs=(OutputSettings(url="vnyan://"),))))
    (bad,) = doctor._outputs(Settings(outputs=(OutputSettings(url="vnyna://"),)))
    (mine,) = [finding for finding in fine if finding.what.startswith("mine://")]

    assert ("ok", "configuration") == (fine[0].level, fine[0].what)
    assert ("warning", f"mine:// cannot be used: profile {tmp_path}/mine.toml: description: field required") == (
        mine.level,
        mine.what,
    )
    assert "error" == bad.level
    assert "did you mean vnyan?" in bad.what
