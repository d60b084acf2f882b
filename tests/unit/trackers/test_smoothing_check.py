"""The check of MediaPipe's landmark filter: judgement, memory and background run, around a stand-in that filters as told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bridge.errors import TrackerRefused
from bridge.settings import TrackerSettings
from bridge.state_store import StateStore
from bridge.trackers import smoothing_check
from bridge.trackers.smoothing_check import (
    SmoothingCheck,
    check_smoothing,
    expect_filtered,
    known_smoothing_check,
    start_smoothing_check,
)

Share = Callable[[int], float]
"""Milliseconds since the last frame -> share of a jump that is followed."""


def _answering(step_ms: int) -> float:
    """A filter that weakens with longer steps, as MediaPipe's does."""
    return {33: 0.34, 132: 0.55, 3_300_000: 0.91}.get(step_ms, 1.0)


def _deaf(step_ms: int) -> float:
    """A filter with its own clock: 0.34 whatever the timestamps say (pauses apart)."""
    return 1.0 if step_ms >= 10_000_000 else 0.34


def _none(_step_ms: int) -> float:
    return 1.0


class _FilteringLandmarker:
    """Finds the brightness-weighted centre of the picture, filtered by ``share``."""

    def __init__(self, share: Share | None) -> None:
        self._share = share
        self._x: float | None = None
        self._timestamp = 0
        self.closed = False
        self.task = SimpleNamespace(detect_for_video=self._detect)

    def picture(self, image: Any) -> Any:
        return image

    def _detect(self, image: Any, timestamp: int) -> Any:
        if self._share is None:
            return SimpleNamespace(face_landmarks=[])
        dark = 255.0 - image.mean(axis=2)
        dark -= dark[:, :1]
        x = float((dark * np.arange(image.shape[1])).sum() / dark.sum()) / image.shape[1]
        share = self._share(timestamp - self._timestamp) if self._x is not None else 1.0
        self._x = x if self._x is None else self._x + share * (x - self._x)
        self._timestamp = timestamp
        return SimpleNamespace(face_landmarks=[[SimpleNamespace(x=self._x)] * 478])

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a landmarker with this filter in MediaPipe's place; returns the list of those that were opened."""

    def put(share: Share | None) -> list[_FilteringLandmarker]:
        opened: list[_FilteringLandmarker] = []

        def open_one(_settings: TrackerSettings, _path: Path, *, mode: str) -> _FilteringLandmarker:
            assert mode == "VIDEO"
            opened.append(_FilteringLandmarker(share))
            return opened[-1]

        monkeypatch.setattr(smoothing_check, "Landmarker", open_one)
        return opened

    return put


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Some file: only its hash matters here."""
    path = tmp_path / "some.task"
    path.write_bytes(b"a model")
    return path


@pytest.mark.parametrize(
    ("share", "scale", "works", "filtered"),
    [
        (_answering, 4.0, True, True),
        (_answering, 1e5, True, False),
        (_answering, 1.0, True, True),
        (_deaf, 4.0, False, True),
        (_deaf, 1.0, True, True),
        (_none, 4.0, True, False),
    ],
)
def test_the_verdict(install: Any, model: Path, *, share: Share, scale: float, works: bool, filtered: bool) -> None:
    """It works when scaling lets a jump through faster, or nothing holds it back; filtered says what still arrives smoothed."""
    opened = install(share)
    check = check_smoothing(model, scale)
    assert (check.works, check.landmark_filtered, check.conclusive) == (works, filtered, True)
    assert [landmarker.closed for landmarker in opened] == [True]


def test_the_measured_shares_are_told(install: Any, model: Path) -> None:
    """The figures are the shares of the jump made within one frame."""
    install(_answering)
    check = check_smoothing(model, 4.0)
    assert (round(check.share_plain, 2), round(check.share_scaled, 2)) == (0.34, 0.55)


def test_a_model_that_sees_no_face_proves_nothing(install: Any, model: Path, tmp_path: Path) -> None:
    """Then the known behaviour is assumed, and it is measured again next time."""
    install(None)
    check = check_smoothing(model, 4.0)
    assert (check.works, check.landmark_filtered, check.conclusive) == (True, True, False)
    store = StateStore(tmp_path / "state.json")
    smoothing_check.smoothing_check(model, 4.0, store=store)
    assert known_smoothing_check(model, 4.0, store=store) is None


def test_it_is_measured_once(install: Any, model: Path, tmp_path: Path) -> None:
    """The second start reads the store; another scale, number of faces or model is measured anew."""
    opened = install(_answering)
    store = StateStore(tmp_path / "state.json")
    first = smoothing_check.smoothing_check(model, 4.0, store=store)
    again = smoothing_check.smoothing_check(model, 4.0, store=StateStore(tmp_path / "state.json"))
    assert first == again
    assert len(opened) == 1
    smoothing_check.smoothing_check(model, 1e5, store=store)
    smoothing_check.smoothing_check(model, 4.0, num_faces=2, store=store)
    model.write_bytes(b"another model")
    smoothing_check.smoothing_check(model, 4.0, store=store)
    assert len(opened) == 4


_ODD = {"works": 1, "landmark_filtered": 0, "share_plain": "x", "share_scaled": 0}


@pytest.mark.parametrize("stored", ["nonsense", {}, {"works": True}, [1], _ODD])
def test_a_damaged_memory_is_measured_again(install: Any, model: Path, tmp_path: Path, stored: object) -> None:
    """What is stored under the key but is not a measurement counts as none."""
    opened = install(_answering)
    store = StateStore(tmp_path / "state.json")
    store.put(smoothing_check._key(model, 4.0, 1), stored)
    assert smoothing_check.smoothing_check(model, 4.0, store=store).works
    assert len(opened) == 1


def test_in_the_background_the_verdict_is_told(
    install: Any, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The callback gets the verdict; a filter that does not answer is a warning that names the remedy."""
    install(_deaf)
    told: list[SmoothingCheck] = []
    start_smoothing_check(model, 4.0, store=StateStore(tmp_path / "s.json"), on_done=told.append).join(30.0)
    assert [check.works for check in told] == [False]
    assert "mediapipe 0.10.33" in caplog.text


def test_in_the_background_a_refusal_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A self-test must not end the bridge."""

    def refuse(*_args: object, **_options: object) -> object:
        raise TrackerRefused("MediaPipe refused to start")

    monkeypatch.setattr(smoothing_check, "Landmarker", refuse)
    told: list[SmoothingCheck] = []
    with caplog.at_level(logging.WARNING):
        start_smoothing_check(model, 4.0, store=StateStore(tmp_path / "s.json"), on_done=told.append).join(30.0)
    assert told == []
    assert "MediaPipe refused to start" in caplog.text


def test_what_is_expected_without_measuring() -> None:
    """One face: filtered unless the scale is huge; several: never."""
    assert [expect_filtered(scale, num_faces=1) for scale in (1.0, 4.0, 1e5)] == [True, True, False]
    assert not expect_filtered(1.0, num_faces=2)
