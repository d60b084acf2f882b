"""The process around a run: what it announces, and what signals do to it."""

from __future__ import annotations

import io
import signal
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from bridge import daemon


class _Runtime:
    """Notes what it is told; ``wait`` does what the test wants to happen meanwhile."""

    plans = ()
    control_url = None

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self.said: list[str] = []
        self._meanwhile = meanwhile

    def start(self) -> None:
        self.said.append("start")

    def wait(self, _duration_s: float | None) -> None:
        self._meanwhile()

    def stop_soon(self, reason: str) -> None:
        self.said.append(reason)

    def stop(self) -> None:
        self.said.append("stop")

    def status(self) -> dict[str, Any]:
        return {"notice": None, "source": {"label": "take [final].mp4"}}


def _perform(meanwhile: Callable[[], None]) -> tuple[_Runtime, str]:
    runtime, text = _Runtime(meanwhile), io.StringIO()
    daemon.perform(runtime, duration_s=None, open_page=False, console=Console(file=text, width=200))  # type: ignore[arg-type]
    return runtime, text.getvalue()


def test_a_file_is_announced_by_the_name_it_has() -> None:
    """Square brackets in it are no markup."""
    _, shown = _perform(lambda: None)

    assert "source  take [final].mp4\n" == shown


def test_a_signal_that_comes_twice_at_once_is_one_request() -> None:
    """``uv run`` and ``timeout`` pass on a signal that the whole group was sent already: the run still ends in order."""

    def twice() -> None:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)

    runtime, _ = _perform(twice)

    assert ["start", "SIGTERM", "stop"] == runtime.said


def test_a_later_signal_does_what_it_always_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who asks again after a while wants it to end now."""
    times = iter([100.0, 101.0])
    monkeypatch.setattr(daemon, "monotonic", lambda: next(times))

    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        _perform(twice)


def test_signals_are_left_as_they_were_found() -> None:
    """Whoever embeds a run keeps their own."""
    before = signal.getsignal(signal.SIGTERM)

    _perform(lambda: None)

    assert before == signal.getsignal(signal.SIGTERM)
