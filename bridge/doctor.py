"""Checks what usually goes wrong, and says what to do about it."""

from __future__ import annotations

import importlib.metadata
import platform
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape

from bridge.errors import BridgeError
from bridge.models import find_model
from bridge.outputs.profiles import ProfileShelf
from bridge.runtime import check_settings
from bridge.settings import ControlSettings, Settings
from bridge.sources.camera_devices import CameraState, explain, list_cameras
from bridge.sources.select import NETWORK_SOURCES
from bridge.wire.web import in_url, reachable

QUIET_MEDIAPIPE = ("0.10.31", "0.10.32", "0.10.33")
"""Releases that were watched and open no socket of their own; 0.10.35 and later contact a log server from native code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report."""

    level: Literal["ok", "warning", "error"]
    what: str
    remedy: str = ""


def examine(load: Callable[[], Settings]) -> list[Finding]:
    """All findings, in the order of the data path. Never raises for what it looks at."""
    findings = [*_system(), *_opencv(), *_mediapipe()]
    try:
        settings = load()
    except BridgeError as error:
        return [*findings, Finding(level="error", what=f"configuration: {error}", remedy="avatar-bridge config check")]
    return [*findings, *_outputs(settings), *_model(settings), *_source(settings), *_control(settings.control)]


def print_findings(findings: list[Finding], console: Console) -> None:
    """For people."""
    marks = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "error": "[red]error  [/]"}
    for finding in findings:
        console.print(f"{marks[finding.level]}  {escape(finding.what)}", highlight=False, soft_wrap=True)
        if finding.remedy:
            console.print(f"         -> {escape(finding.remedy)}", highlight=False, soft_wrap=True)


def _system() -> Iterator[Finding]:
    yield Finding(level="ok", what=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}")


def _outputs(settings: Settings) -> Iterator[Finding]:
    """Whether the configured outputs are possible, and every file in the folders of receivers' profiles is one."""
    try:
        check_settings(settings)
        broken = ProfileShelf(settings.profiles).load_all()[1]
    except BridgeError as error:
        yield Finding(level="error", what=f"configuration: {error}", remedy="avatar-bridge config check")
        return
    yield Finding(level="ok", what="configuration")
    for each in broken:
        yield Finding(
            level="warning", what=f"{each.name}:// cannot be used: {each.problem}", remedy="mend that file, or delete it"
        )


def _opencv() -> Iterator[Finding]:
    owners = sorted(set(importlib.metadata.packages_distributions().get("cv2", [])))
    found = ", ".join(f"{owner} {importlib.metadata.version(owner)}" for owner in owners)
    # mediapipe asks for opencv-contrib-python: pip and `uv tool install` put it beside ours, which is harmless at one version.
    if len({importlib.metadata.version(owner) for owner in owners}) > 1:
        yield Finding(
            level="error",
            what=f"the cv2 folder is a mixture of {found}",
            remedy=f"uninstall all of them, then install opencv-python alone: pip uninstall -y {' '.join(owners)}"
            " && pip install opencv-python",
        )
    elif owners:
        yield Finding(level="ok", what=found)
    else:
        yield Finding(level="error", what="OpenCV is not installed", remedy="pip install opencv-python")


def _mediapipe() -> Iterator[Finding]:
    try:
        version = importlib.metadata.version("mediapipe")
    except importlib.metadata.PackageNotFoundError:
        yield Finding(level="error", what="mediapipe is not installed", remedy="pip install mediapipe==0.10.33")
        return
    if version in QUIET_MEDIAPIPE:
        yield Finding(level="ok", what=f"mediapipe {version}")
    else:
        yield Finding(
            level="warning",
            what=f"mediapipe {version} contacts a log server of Google's, or was never watched",
            remedy="pip install mediapipe==0.10.33, or block its egress (Linux on aarch64 has no wheel that is quiet)",
        )


def _model(settings: Settings) -> Iterator[Finding]:
    try:
        path = find_model(settings.tracker.model, download=False)
    except BridgeError as error:
        yield Finding(level="error", what=str(error), remedy="avatar-bridge model fetch")
        return
    yield Finding(level="ok", what=f"model {path}")
    yield from _tracking(settings, path)


def _tracking(settings: Settings, model: Path) -> Iterator[Finding]:
    """Runs the landmarker for a moment: does it start, and has the strength of its own filter the effect we count on?"""
    from bridge.trackers.smoothing_check import check_smoothing, warning_about

    scale = settings.timestamp_scale
    try:
        check = check_smoothing(model, scale, num_faces=settings.tracker.num_faces)
    except BridgeError as error:
        yield Finding(level="error", what=str(error))
        return
    if check.works:
        yield Finding(level="ok", what=f"landmark filter answers to scaled timestamps (x{scale:g})")
    else:
        yield Finding(level="warning", what=warning_about(check, scale))


def _source(settings: Settings) -> Iterator[Finding]:
    kind = settings.source.input.partition(":")[0].strip()
    if kind in NETWORK_SOURCES:
        yield Finding(level="ok", what=f"source {settings.source.input}: a sender in the network, so no camera is needed")
    else:
        yield from _cameras()


def _cameras() -> Iterator[Finding]:
    found = list_cameras()
    if not found:
        remedy = "plug one in; `avatar-bridge run` plays the demo performance meanwhile"
        if sys.platform == "linux":
            remedy += "; `ls /dev/video*` shows what the system sees"
        yield Finding(level="warning", what="no camera found", remedy=remedy)
    for camera in found:
        if camera.state is CameraState.READY:
            yield Finding(level="ok", what=f"camera {camera.label}")
        else:
            yield Finding(level="warning", what=f"camera {explain(camera)}")


def _control(control: ControlSettings) -> Iterator[Finding]:
    if not control.enabled:
        return
    from bridge.control.server import probe

    host = reachable(control.host)
    try:
        socket.create_connection((host, control.port), timeout=1.0).close()
    except OSError:
        yield Finding(level="ok", what=f"control port {control.port} is free")
        return
    pid = probe(control)
    if pid is not None:
        yield Finding(level="ok", what=f"avatar-bridge is running{pid}: http://{in_url(host)}:{control.port}/")
    else:
        yield Finding(
            level="warning",
            what=f"port {control.port} is taken by another program",
            remedy="choose another one: --set control.port=...",
        )
