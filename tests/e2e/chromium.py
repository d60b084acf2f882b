"""A real headless Chromium and one page in it, driven over the DevTools protocol with nothing but ``websockets``."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.sync.client import ClientConnection, connect

PATIENCE_S = 60.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-gpu", "--enable-unsafe-swiftshader", "--remote-debugging-port=0",
)  # fmt: skip


def find_chromium() -> str:
    """The browser's command; skips the test when there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found is not None:
            return found
    pytest.skip("needs Chromium (Debian: apt-get install chromium)")


class Page:
    """One tab, as a context. What goes wrong in it is in ``errors``, every address it asked for in ``requests``."""

    def __init__(self, profile: Path, *, width: int = 1280, height: int = 900, scheme: str = "dark") -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._size = (width, height)
        self._scheme = scheme
        self._profile = profile
        self._ids = 0
        self._exit = ExitStack()
        self._line: ClientConnection | None = None

    def __enter__(self) -> Page:
        with ExitStack() as undo:
            undo.callback(self._exit.close)
            browser = subprocess.Popen(
                [find_chromium(), *FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._exit.callback(_end, browser)
            self._line = self._exit.enter_context(connect(self._address(), max_size=None, compression=None, proxy=None))
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
            width, height = self._size
            self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
            # Reduced motion: what is drawn depends on the frame alone, not on breath and swinging hair.
            media = {"prefers-color-scheme": self._scheme, "prefers-reduced-motion": "reduce"}
            features = [{"name": name, "value": value} for name, value in media.items()]
            self.call("Emulation.setEmulatedMedia", features=features)
            undo.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._exit.close()

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """One command of the protocol; events that come meanwhile are noted."""
        assert self._line is not None
        self._ids += 1
        self._line.send(json.dumps({"id": self._ids, "method": method, "params": params}))
        while True:
            message = json.loads(self._line.recv(timeout=PATIENCE_S))
            if message.get("id") == self._ids:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def open(self, url: str) -> None:
        """Goes there and waits until the document is complete."""
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    def evaluate(self, expression: str) -> Any:
        """The expression's value as JSON would carry it. Fails the test when it throws."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str, *, timeout_s: float = PATIENCE_S) -> None:
        """Asks until it is true."""
        deadline, pause = time.monotonic() + timeout_s, threading.Event()
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}; errors: {self.errors}"
            pause.wait(0.05)

    def screenshot(self, *, transparent: bool = False) -> NDArray[np.uint8]:
        """uint8 (H, W, 4), RGBA. ``transparent``: without the white that browsers put behind everything."""
        colour = {"color": {"r": 0, "g": 0, "b": 0, "a": 0}} if transparent else {}
        self.call("Emulation.setDefaultBackgroundColorOverride", **colour)
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        code = cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGBA
        return np.asarray(cv2.cvtColor(picture, code), dtype=np.uint8)

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(params["exceptionDetails"].get("exception", params["exceptionDetails"])))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.errors.append(f"console.{params['type']}: {params['args']}")
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.errors.append(f"{params['entry']['text']} ({params['entry'].get('url', '')})")
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Network.webSocketCreated":
                self.requests.append(params["url"])

    def _address(self) -> str:
        """The tab's DevTools address: the browser writes its port into the profile."""
        deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
        note = self._profile / "DevToolsActivePort"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < deadline:
            lines = note.read_text().split() if note.exists() else []
            if len(lines) >= 2:
                with opener.open(f"http://127.0.0.1:{lines[0]}/json", timeout=PATIENCE_S) as answer:
                    tabs = [tab for tab in json.load(answer) if tab["type"] == "page"]
                if tabs:
                    return str(tabs[0]["webSocketDebuggerUrl"])
            pause.wait(0.05)
        raise AssertionError("Chromium did not open its DevTools port")


def _end(browser: subprocess.Popen[bytes]) -> None:
    """The browser and its helpers: the group that ``start_new_session`` made."""
    if hasattr(os, "killpg"):
        os.killpg(browser.pid, signal.SIGKILL)
    else:
        browser.kill()
    browser.wait(PATIENCE_S)
