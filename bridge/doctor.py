"""Checks what usually goes wrong, and says what to do about it."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.markup import escape

from bridge.errors import BridgeError
from bridge.models import find_model, verify_model
from bridge.settings import ControlSettings, Settings
from bridge.sources.camera_devices import list_cameras

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
    return [*findings, Finding(level="ok", what="configuration"), *_model(settings), *_cameras(), *_control(settings.control)]


def print_findings(findings: list[Finding], console: Console) -> None:
    """For people."""
    marks = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "error": "[red]error  [/]"}
    for finding in findings:
        console.print(f"{marks[finding.level]}  {escape(finding.what)}", highlight=False, soft_wrap=True)
        if finding.remedy:
            console.print(f"         -> {escape(finding.remedy)}", highlight=False, soft_wrap=True)


def _system() -> Iterator[Finding]:
    yield Finding(level="ok", what=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}")


def _opencv() -> Iterator[Finding]:
    owners = sorted(set(importlib.metadata.packages_distributions().get("cv2", [])))
    if len(owners) > 1:
        yield Finding(
            level="error",
            what=f"the cv2 folder has {len(owners)} owners: {', '.join(owners)}; which one is imported is a matter of luck",
            remedy=f"uninstall all of them, then install opencv-python alone: pip uninstall -y {' '.join(owners)}"
            " && pip install opencv-python",
        )
    elif owners:
        yield Finding(level="ok", what=f"{owners[0]} {importlib.metadata.version(owners[0])}")
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
        verify_model(path)
    except BridgeError as error:
        yield Finding(level="error", what=str(error), remedy="avatar-bridge model fetch")
        return
    yield Finding(level="ok", what=f"model {path}")
    yield from _tracking(settings, str(path))


def _tracking(settings: Settings, path: str) -> Iterator[Finding]:
    """Runs the landmarker for a moment: does it start, and has the strength of its own filter the effect we count on?"""
    from pathlib import Path

    from bridge.trackers.smoothing_check import check_smoothing

    try:
        check = check_smoothing(Path(path), settings.timestamp_scale)
    except BridgeError as error:
        yield Finding(level="error", what=str(error))
        return
    if check.works:
        yield Finding(level="ok", what=f"landmark filter answers to scaled timestamps (x{settings.timestamp_scale:g})")
    else:
        yield Finding(
            level="warning",
            what="this mediapipe release does not weaken its landmark filter with scaled timestamps: motion lags a little more",
            remedy="pip install mediapipe==0.10.33",
        )


def _cameras() -> Iterator[Finding]:
    found = list_cameras()
    if not found:
        remedy = "plug one in; `avatar-bridge run` plays the demo performance meanwhile"
        if sys.platform == "linux":
            remedy += "; `ls /dev/video*` shows what the system sees"
        yield Finding(level="warning", what="no camera found", remedy=remedy)
    for camera in found:
        problem = getattr(camera, "problem", None)
        if problem:
            yield Finding(level="warning", what=f"camera {camera.name}: {problem}")
        else:
            yield Finding(level="ok", what=f"camera {camera.name}")


def _control(control: ControlSettings) -> Iterator[Finding]:
    if not control.enabled:
        return
    request = urllib.request.Request(f"http://{control.host}:{control.port}/healthz")
    if control.token:
        request.add_header("Authorization", f"Bearer {control.token}")
    try:
        # An environment's proxy must never see loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=1.0) as answer:
            name = json.load(answer).get("name")
    except (urllib.error.HTTPError, ValueError, AttributeError):
        name = "another program"
    except OSError:
        yield Finding(level="ok", what=f"control port {control.port} is free")
        return
    if name == "avatar-bridge":
        yield Finding(level="ok", what=f"avatar-bridge is running: http://{control.host}:{control.port}/")
    else:
        yield Finding(
            level="warning",
            what=f"port {control.port} is taken by another program",
            remedy="avatar-bridge run --set control.port=8723",
        )
