"""The cameras of this machine: listing them, choosing one by what a person types, explaining what is wrong with one."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from bridge.errors import SourceUnavailable
from bridge.sources.camera_device import CameraDevice, CameraMode, CameraState, matches

__all__ = ["CameraDevice", "CameraMode", "CameraState", "explain", "find_camera", "list_cameras"]


def list_cameras() -> list[CameraDevice]:
    """Real capture devices only, in the system's order; empty where there are none. Takes milliseconds."""
    if sys.platform != "linux":
        from bridge.sources.camera_devices_desktop import list_desktop_cameras

        return list_desktop_cameras(windows=sys.platform == "win32")
    from bridge.sources.camera_devices_linux import list_linux_cameras

    return list_linux_cameras()


def find_camera(spec: str, devices: Sequence[CameraDevice]) -> CameraDevice:
    """The one camera that ``spec`` means (see ``matches``). Raises SourceUnavailable: none, or several, with what there is."""
    found = matches(spec, devices) or matches(_real_path(spec), devices)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{device.label} is camera:{device.index}" for device in found)
        raise SourceUnavailable(f"{len(found)} cameras match {spec!r}: {listed}; name one by its number or its path")
    reason = _explain_missing(spec)
    if reason is not None:
        raise SourceUnavailable(reason)
    if not devices:
        raise SourceUnavailable(f"No camera matches {spec!r}, none is connected: plug it in, or use --source demo")
    listed = ", ".join(f"camera:{device.index} {device.name}" for device in devices)
    raise SourceUnavailable(f"No camera matches {spec!r}; there is {listed} (avatar-bridge cameras tells more)")


def explain(device: CameraDevice) -> str:
    """Why ``device`` does not open, with the remedy: one sentence."""
    reason = None
    if sys.platform == "linux":
        from bridge.sources.camera_devices_linux import explain_node

        if device.state is CameraState.NO_NODE:
            reason = "has no device file here: give this container or sandbox access to it (for example --device)"
        else:
            reason = explain_node(device.path)
    elif sys.platform == "darwin":
        reason = "does not open: allow your terminal under System Settings > Privacy & Security > Camera, then start it again"
    elif sys.platform == "win32":
        reason = (
            "does not open: close other programs that use it, and see that Settings > Privacy & security > Camera lets desktop "
            "apps use the camera"
        )
    return f"{device.label} {reason or 'does not open: unplug it and plug it in again'}"


def _real_path(spec: str) -> str:
    """Where a path such as /dev/v4l/by-id/... leads; other text as it is."""
    if sys.platform == "linux" and spec.startswith("/"):
        import os

        return os.path.realpath(spec)
    return spec


def _explain_missing(spec: str) -> str | None:
    """For a number or path that is no camera in the list: what is there instead, if anything."""
    if sys.platform != "linux":
        return None
    from pathlib import Path

    from bridge.sources.camera_devices_linux import explain_node

    path = f"/dev/video{int(spec)}" if re.fullmatch(r"\d+", spec) else spec
    if not path.startswith("/") or not Path(path).exists():
        return None
    reason = explain_node(path)
    return f"{path} {reason}" if reason is not None else None
