"""What the tests of whole runs share: settings, a receiver, a run that always ends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage

from bridge.runtime import Runtime
from bridge.settings import Settings

DEADLINE_S = 30.0


def run_settings(*urls: str, **changes: Any) -> Settings:
    """The demo, no control port, these outputs."""
    return Settings.model_validate(
        {
            "source": {"input": "demo"},
            "control": {"enabled": False},
            "outputs": [{"url": url} for url in urls],
            **changes,
        }
    )


def osc_messages(datagram: bytes) -> list[OscMessage]:
    """Of a bundle, or the one message that it is."""
    if not OscBundle.dgram_is_bundle(datagram):
        return [OscMessage(datagram)]
    return [part for part in OscBundle(datagram) if isinstance(part, OscMessage)]


def run_with(runtime: Runtime, body: Callable[[], None]) -> None:
    """Starts, does, stops."""
    try:
        runtime.start()
        body()
    finally:
        runtime.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    """Polls until it is so."""
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)


def run_status(runtime: Runtime) -> dict[str, Any]:
    """What ``status`` shows; plain JSON."""
    status: dict[str, Any] = json.loads(json.dumps(runtime.status()))  # must be plain JSON
    return status
