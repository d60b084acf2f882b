"""MediaPipe's refusals in one sentence, and closing that cannot hang."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.errors import TrackerRefused
from bridge.settings import TrackerSettings
from bridge.trackers import landmarker
from bridge.trackers.landmarker import Landmarker


class _Recorder:
    """Stands in for MediaPipe: notes the options, and refuses if told to."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.options: dict[str, Any] = {}
        self.base: dict[str, Any] = {}
        self.refusal = refusal
        self.task = SimpleNamespace(close=lambda: None)
        delegate = SimpleNamespace(GPU="gpu!", CPU="cpu!")

        def base_options(**options: Any) -> str:
            self.base = options
            return "base"

        base_options.Delegate = delegate  # type: ignore[attr-defined]
        self.library = SimpleNamespace(
            base_options=base_options,
            vision=SimpleNamespace(
                RunningMode={"IMAGE": "image!", "VIDEO": "video!", "LIVE_STREAM": "live!"},
                FaceLandmarkerOptions=dict,
                FaceLandmarker=SimpleNamespace(create_from_options=self._create),
            ),
        )

    def _create(self, options: dict[str, Any]) -> Any:
        self.options = options
        if self.refusal is not None:
            raise self.refusal
        return self.task


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a recorder in MediaPipe's place."""

    def put(recorder: _Recorder) -> _Recorder:
        monkeypatch.setattr(landmarker, "load", lambda: recorder.library)
        return recorder

    return put


def test_every_option_is_passed_under_its_own_name(install: Any) -> None:
    """The settings' keys are the task's keys."""
    recorder = install(_Recorder())
    settings = TrackerSettings(
        num_faces=3,
        min_face_detection_confidence=0.1,
        min_face_presence_confidence=0.2,
        min_tracking_confidence=0.3,
        output_face_blendshapes=False,
        output_facial_transformation_matrixes=False,
        delegate="gpu",
    )
    callback = print
    Landmarker(settings, Path("some.task"), mode="LIVE_STREAM", on_result=callback)
    assert recorder.base == {"model_asset_path": "some.task", "model_asset_buffer": None, "delegate": "gpu!"}
    assert recorder.options == {
        "base_options": "base",
        "running_mode": "live!",
        "num_faces": 3,
        "min_face_detection_confidence": 0.1,
        "min_face_presence_confidence": 0.2,
        "min_tracking_confidence": 0.3,
        "output_face_blendshapes": False,
        "output_facial_transformation_matrixes": False,
        "result_callback": callback,
    }


@pytest.mark.parametrize(
    ("delegate", "refusal", "sentence"),
    [
        ("cpu", RuntimeError("Unable to open zip archive."), r"does not take .*some\.task.*avatar-bridge model fetch"),
        ("cpu", FileNotFoundError("No file with name: face_detector.tflite."), r"does not take .*some\.task"),
        ("gpu", RuntimeError("Service kGpuService,\n required"), r"cannot use the GPU here \(.*kGpuService, required.*cpu"),
        ("cpu", ValueError("num_faces must be positive"), r"refused to start \(num_faces must be positive\)"),
    ],
)  # fmt: skip
def test_refusals_are_one_sentence(install: Any, delegate: Any, refusal: Exception, sentence: str) -> None:
    """What MediaPipe says is kept, on one line, with what to do."""
    install(_Recorder(refusal))
    with pytest.raises(TrackerRefused, match=sentence) as caught:
        Landmarker(TrackerSettings(delegate=delegate), Path("some.task"), mode="IMAGE")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is refusal


def test_closing_twice_is_closing_once(install: Any) -> None:
    """The task is closed by the first call."""
    recorder = install(_Recorder())
    closed = []
    recorder.task.close = lambda: closed.append(True)
    opened = Landmarker(TrackerSettings(), Path("some.task"), mode="IMAGE")
    opened.close()
    opened.close()
    assert closed == [True]


def test_a_native_hang_is_left_behind(install: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """When MediaPipe never finishes closing, the bridge goes on, keeps the task from being collected, and says so."""
    recorder = install(_Recorder())
    abandoned: list[object] = []
    monkeypatch.setattr(landmarker, "_abandoned", abandoned)
    never = threading.Event()
    recorder.task.close = lambda: never.wait(60.0)
    opened = Landmarker(TrackerSettings(), Path("some.task"), mode="IMAGE")
    opened.close(timeout_s=0.01)
    assert abandoned == [recorder.task]
    assert "left behind" in caplog.text
    never.set()


def test_abandoning_does_not_close(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another thread is inside MediaPipe its memory must stay; closing afterwards does nothing."""
    recorder = install(_Recorder())
    abandoned: list[object] = []
    monkeypatch.setattr(landmarker, "_abandoned", abandoned)
    closed: list[bool] = []
    recorder.task.close = lambda: closed.append(True)
    opened = Landmarker(TrackerSettings(), Path("some.task"), mode="VIDEO")
    opened.abandon()
    opened.abandon()
    opened.close()
    assert abandoned == [recorder.task]
    assert closed == []


def test_windows_paths_beyond_ascii(install: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There the model is handed over as bytes, since native code may not find such a path."""
    path = tmp_path / "modèle.task"
    path.write_bytes(b"a model")
    recorder = install(_Recorder())
    monkeypatch.setattr(sys, "platform", "win32")
    Landmarker(TrackerSettings(), path, mode="IMAGE")
    assert (recorder.base["model_asset_path"], recorder.base["model_asset_buffer"]) == (None, b"a model")


def test_complaints_while_closing_are_logged(install: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A graph that failed earlier says so once more when it is closed; that is not our failure."""

    def complain() -> None:
        raise RuntimeError("graph has errors")

    recorder = install(_Recorder())
    recorder.task.close = complain
    Landmarker(TrackerSettings(), Path("some.task"), mode="IMAGE").close()
    assert "graph has errors" in caplog.text
