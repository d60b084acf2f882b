"""The two ways to run a landmarker, around a stand-in for it. With the real one: ``tests/e2e/test_tracker.py``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bridge.errors import TrackerStalled
from bridge.settings import TrackerSettings
from bridge.trackers import backends
from bridge.trackers.backends import LiveStreamBackend, RawFaces, VideoBackend
from bridge.types import ImageArray

IMAGE: ImageArray = np.zeros((2, 2, 3), dtype=np.uint8)
EMPTY = SimpleNamespace(face_landmarks=[], face_blendshapes=[], facial_transformation_matrixes=[])


class _Landmarker:
    """Has MediaPipe's public parts only, as a wheel with other insides would."""

    def __init__(self, detect: Callable[[Any, int], Any], on_result: Any) -> None:
        self.on_result = on_result
        self.library = SimpleNamespace(face_landmarker=SimpleNamespace(FaceLandmarkerResult=object))
        self.task = SimpleNamespace(detect_for_video=detect, detect_async=detect)
        self.ended: list[str] = []

    def picture(self, image: ImageArray) -> ImageArray:
        return image.copy()

    def close(self) -> None:
        self.ended.append("closed")

    def abandon(self) -> None:
        self.ended.append("abandoned")


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any, int], Any]], list[_Landmarker]]:
    """Puts such a landmarker in place; returns the list of those that were opened."""

    def put(detect: Callable[[Any, int], Any]) -> list[_Landmarker]:
        opened: list[_Landmarker] = []

        def open_one(_settings: TrackerSettings, _path: Path, *, mode: str, on_result: Any = None) -> _Landmarker:
            opened.append(_Landmarker(detect, on_result))
            return opened[-1]

        monkeypatch.setattr(backends, "Landmarker", open_one)
        return opened

    return put


class _Delivered:
    """Collects what a backend delivers, and lets a test wait for it."""

    def __init__(self) -> None:
        self.timestamps: list[int] = []
        self._arrived = threading.Semaphore(0)

    def __call__(self, _faces: RawFaces, timestamp: int) -> None:
        self.timestamps.append(timestamp)
        self._arrived.release()

    def wait(self) -> None:
        assert self._arrived.acquire(timeout=30.0)


def _video(delivered: Callable[[RawFaces, int], None]) -> VideoBackend:
    return VideoBackend(TrackerSettings(), Path("x.task"), landmarks=False, deliver=delivered)


def test_video_delivers_through_the_public_method(install: Any) -> None:
    """A wheel without the known private parts works all the same; stats can tell why it is slower."""
    opened = install(lambda _picture, _timestamp: EMPTY)
    delivered = _Delivered()
    backend = _video(delivered)
    backend.submit(IMAGE, 5)
    delivered.wait()
    backend.close()
    assert delivered.timestamps == [5]
    assert backend.reader.kind == "public"
    assert opened[0].ended == ["closed"]


def test_video_takes_the_newest_picture(install: Any) -> None:
    """What arrives during an inference waits; a newer one takes its place."""
    busy, go_on = threading.Event(), threading.Event()

    def detect(_picture: Any, timestamp: int) -> Any:
        if timestamp == 0:
            busy.set()
            assert go_on.wait(30.0)
        return EMPTY

    install(detect)
    delivered = _Delivered()
    backend = _video(delivered)
    backend.submit(IMAGE, 0)
    assert busy.wait(30.0)
    for timestamp in (1, 2, 3):
        backend.submit(IMAGE, timestamp)
    go_on.set()
    delivered.wait()
    delivered.wait()
    backend.close()
    assert delivered.timestamps == [0, 3]


def test_video_reports_a_failed_graph(install: Any) -> None:
    """MediaPipe's error on the thread is raised by the next submit, as a stall that a rebuild can cure."""
    failed = threading.Event()

    def detect(_picture: Any, _timestamp: int) -> Any:
        failed.set()
        raise RuntimeError("graph has errors")

    install(detect)
    backend = _video(_Delivered())
    backend.submit(IMAGE, 0)
    assert failed.wait(30.0)
    backend._thread.join(30.0)
    with pytest.raises(TrackerStalled, match="graph has errors"):
        backend.submit(IMAGE, 1)
    backend.close()


def test_video_does_not_close_under_a_stuck_inference(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing would free memory that the other thread is using: the landmarker is left behind instead."""
    stuck, free = threading.Event(), threading.Event()

    def detect(_picture: Any, _timestamp: int) -> Any:
        stuck.set()
        free.wait(60.0)
        return EMPTY

    opened = install(detect)
    monkeypatch.setattr(backends, "CLOSE_TIMEOUT_S", 0.01)
    backend = _video(_Delivered())
    backend.submit(IMAGE, 0)
    assert stuck.wait(30.0)
    backend.close()
    assert opened[0].ended == ["abandoned"]
    free.set()
    backend._thread.join(30.0)


def test_live_stream_delivers_public_results(install: Any) -> None:
    """A dispatcher without a converter hands over public objects, which are read."""
    sent: list[int] = []
    opened = install(lambda _picture, timestamp: sent.append(timestamp))
    delivered = _Delivered()
    backend = LiveStreamBackend(TrackerSettings(), Path("x.task"), landmarks=False, deliver=delivered)
    backend.submit(IMAGE, 7)
    opened[0].on_result(EMPTY, None, 7)
    backend.close()
    assert (sent, delivered.timestamps) == ([7], [7])
    assert opened[0].ended == ["closed"]


def test_live_stream_reports_a_failed_graph(install: Any) -> None:
    """What detect_async raises is a stall that a rebuild can cure."""

    def detect(_picture: Any, _timestamp: int) -> Any:
        raise RuntimeError("graph has errors")

    install(detect)
    backend = LiveStreamBackend(TrackerSettings(), Path("x.task"), landmarks=False, deliver=_Delivered())
    with pytest.raises(TrackerStalled, match="graph has errors"):
        backend.submit(IMAGE, 0)
    backend.close()
