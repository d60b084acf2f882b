"""MediaPipe, imported fast and without its noise.

``import mediapipe`` pulls in sounddevice (which starts processes to look for PortAudio) and matplotlib; the Face Landmarker
uses neither. With stand-ins for both in ``sys.modules`` during the import it takes 0.6-0.75 s instead of 1.1-1.8 s (3.6 s with
cold files) and 40 MB less. A stand-in becomes the real module when somebody asks it for anything, and is gone from
``sys.modules`` afterwards.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
import tempfile
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from bridge.errors import TrackerRefused

_UNUSED = ("sounddevice", "matplotlib", "matplotlib.pyplot")
"""Parents before children."""

_NOISE = re.compile(
    rb"[IW]\d{4,8} [\d:.]+ |WARNING: All log messages before absl|INFO: Created TensorFlow Lite|INFO: Initialized TensorFlow"
)
"""Beginnings of lines that the native code writes when nothing is wrong."""

_import_lock = threading.Lock()
_stderr_lock = threading.Lock()
_loaded: list[MediaPipe] = []


@dataclass(frozen=True, slots=True)
class MediaPipe:
    """The parts of MediaPipe that the bridge uses; all untyped."""

    version: str
    module: Any
    """``mediapipe`` itself."""
    image: Any
    """``mediapipe.Image``."""
    image_format: Any
    base_options: Any
    vision: Any
    """``mediapipe.tasks.python.vision``."""
    face_landmarker: Any
    """The module behind ``vision.FaceLandmarker``, with the ctypes definitions of its results."""


def load() -> MediaPipe:
    """MediaPipe, imported at the first call. Any thread.

    Raises TrackerRefused when it is not installed or a system library that it needs is missing.
    """
    with _import_lock:
        if not _loaded:
            _loaded.append(_import())
        return _loaded[0]


def import_mediapipe() -> Any:
    """The module ``mediapipe``, imported the fast way."""
    return load().module


def _import() -> MediaPipe:
    try:
        with _stand_ins():
            mediapipe = importlib.import_module("mediapipe")
            vision = importlib.import_module("mediapipe.tasks.python.vision")
            face_landmarker = importlib.import_module("mediapipe.tasks.python.vision.face_landmarker")
        return MediaPipe(
            version=str(mediapipe.__version__),
            module=mediapipe,
            image=mediapipe.Image,
            image_format=mediapipe.ImageFormat,
            base_options=mediapipe.tasks.BaseOptions,
            vision=vision,
            face_landmarker=face_landmarker,
        )
    except (ImportError, OSError, AttributeError) as error:
        raise TrackerRefused(
            f"MediaPipe cannot be loaded ({error}): reinstall avatar-bridge, or install the system library that is named"
        ) from error


class _StandIn(types.ModuleType):
    """Stands in for a module that nobody is expected to use; turns to the real one when somebody does."""

    def __getattr__(self, name: str) -> Any:
        registered = sys.modules.get(self.__name__)
        if registered is self or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def _stand_ins() -> Iterator[None]:
    """Stand-ins in ``sys.modules`` for what is not imported yet; removed again whatever happens."""
    placed: dict[str, types.ModuleType] = {}
    for name in _UNUSED:
        parent = name.rpartition(".")[0]
        if name in sys.modules or (parent in sys.modules and parent not in placed):
            continue  # the real one is there, or can be had cheaply
        sys.modules[name] = placed[name] = _StandIn(name)
        if parent:
            setattr(placed[parent], name.rpartition(".")[2], placed[name])
    try:
        yield
    finally:
        for name, module in placed.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


@contextlib.contextmanager
def quiet_stderr(*, verbose: bool) -> Iterator[None]:
    """Holds back what native code writes to file descriptor 2 meanwhile; no environment variable does that.

    Afterwards the lines that are not MediaPipe's usual noise are written after all; when the block raises, every line.
    Process-wide, one at a time, so keep the block short. Does nothing when ``verbose`` or when there is no stderr.
    """
    with contextlib.ExitStack() as stack:
        if not verbose:
            stack.enter_context(_stderr_lock)
            try:
                catcher = stack.enter_context(tempfile.TemporaryFile())
                saved = os.dup(2)
            except OSError:
                pass  # no stderr, or no place for a temporary file: nothing to silence, or no way to
            else:
                stack.enter_context(_diverted(saved, catcher))
        yield


@contextlib.contextmanager
def _diverted(saved: int, catcher: IO[bytes]) -> Iterator[None]:
    _flush_stderr()
    os.dup2(catcher.fileno(), 2)
    keep_all = True
    try:
        yield
        keep_all = False
    finally:
        _flush_stderr()
        os.dup2(saved, 2)
        os.close(saved)
        catcher.seek(0)
        kept = b"".join(line for line in catcher if keep_all or not _NOISE.match(line))
        if kept:
            os.write(2, kept)


def _flush_stderr() -> None:
    # pythonw and closed streams: None, ValueError
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.flush()
