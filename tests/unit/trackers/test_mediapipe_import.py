"""Importing MediaPipe fast, and keeping its noise off the terminal."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.errors import TrackerRefused
from bridge.trackers import mediapipe_import
from bridge.trackers.mediapipe_import import _stand_ins, quiet_stderr

NATIVE = b"W0000 00:00:1795393844.728820   13444 face_landmarker_graph.cc:174] Sets FaceBlendshapesGraph acceleration\n"
OURS = b"something a person should see\n"


@pytest.fixture
def two_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package "needless" with a module "needless.inner", to be stood in for."""
    package = tmp_path / "needless"
    package.mkdir()
    (package / "__init__.py").write_text("value = 'the real one'\n")
    (package / "inner.py").write_text("value = 'really inner'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(mediapipe_import, "_UNUSED", ("needless", "needless.inner"))
    yield
    for name in ("needless", "needless.inner"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("two_modules")
def test_stand_ins_are_gone_afterwards() -> None:
    """Inside, the modules are empty; afterwards nothing is left and the real ones can be imported."""
    with _stand_ins():
        inside = importlib.import_module("needless.inner")
        assert not hasattr(inside, "value")
    assert "needless" not in sys.modules
    assert importlib.import_module("needless.inner").value == "really inner"


@pytest.mark.usefixtures("two_modules")
def test_a_stand_in_that_is_asked_becomes_the_real_one() -> None:
    """Whoever imported the stand-in and uses it later gets the real module's attributes."""
    with _stand_ins():
        kept = importlib.import_module("needless.inner")
    assert kept.value == "really inner"


@pytest.mark.usefixtures("two_modules")
def test_real_modules_are_left_alone() -> None:
    """What was imported before is not replaced."""
    real = importlib.import_module("needless")
    with _stand_ins():
        assert sys.modules["needless"] is real
        assert "needless.inner" not in sys.modules
    assert sys.modules["needless"] is real


@pytest.mark.usefixtures("two_modules")
def test_stand_ins_are_gone_after_a_failure() -> None:
    """An import that raises leaves nothing behind either."""
    with pytest.raises(ImportError), _stand_ins():
        raise ImportError
    assert "needless" not in sys.modules


def test_a_missing_system_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that fails names what is missing and what to do."""

    def refuse(_name: str) -> object:
        raise OSError("libGLESv2.so.2: cannot open shared object file")

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(TrackerRefused, match=r"libGLESv2\.so\.2.*install"):
        mediapipe_import._import()


def test_native_noise_is_swallowed(capfd: pytest.CaptureFixture[str]) -> None:
    """Lines that the native code writes when all is well do not appear; others do, after the block."""
    with quiet_stderr(verbose=False):
        os.write(2, NATIVE + OURS)
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == OURS.decode()


def test_everything_is_shown_when_it_raises(capfd: pytest.CaptureFixture[str]) -> None:
    """The noise may hold the cause of a failure."""

    def fail() -> None:
        with quiet_stderr(verbose=False):
            os.write(2, NATIVE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert capfd.readouterr().err == NATIVE.decode()


def test_nothing_is_held_back_when_verbose(capfd: pytest.CaptureFixture[str]) -> None:
    """-v shows the native log as it comes."""
    with quiet_stderr(verbose=True):
        os.write(2, NATIVE)
        assert capfd.readouterr().err == NATIVE.decode()


def test_native_errors_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """Lines of level E and F are not noise."""
    error = b"E0000 00:00:1795393844.728820   13444 something.cc:1] it broke\n"
    with quiet_stderr(verbose=False):
        os.write(2, error)
    assert capfd.readouterr().err == error.decode()


def test_no_stderr_is_no_problem(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A process without file descriptor 2 runs the block all the same."""

    def refuse(_descriptor: int) -> int:
        raise OSError("bad file descriptor")

    monkeypatch.setattr(os, "dup", refuse)
    ran = []
    with caplog.at_level(logging.DEBUG), quiet_stderr(verbose=False):
        ran.append(True)
    assert ran == [True]
