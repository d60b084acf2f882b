"""Reads a result straight from MediaPipe's memory instead of building 530 Python objects first.

Where the numbers lie is taken from the wheel's own ctypes definitions, walked from the result's class (names of the inner
classes changed between versions, names of the fields did not), so every offset and stride is the one that the public reader
uses. The first results are read both ways and compared number by number; any difference, exception or missing field means the
public way for good.

Measured per result of one face (0.10.33, two shared cores, medians): 30-45 us in a tight loop, 0.18 ms with the cold caches
that an inference leaves; the public objects and arrays from them take 1.5 and 1.75 ms.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from bridge import arkit
from bridge.trackers.results import RawFace, WeightOrder, bounds_of, category_names, read_public
from bridge.types import Float32Array

log = logging.getLogger(__name__)

VERIFIED_RESULTS = 3
"""Results with a face that are read both ways before the direct one is trusted."""


class _Records:
    """A C array of structs behind a pointer, of which neighbouring floats are wanted."""

    def __init__(self, holder: Any, pointer: str, count: str, *, floats: tuple[str, ...]) -> None:
        record = _pointee(holder, pointer)
        fields = {name: getattr(record, name) for name in floats}
        first = fields[floats[0]].offset
        step = ctypes.sizeof(ctypes.c_float)
        for i, name in enumerate(floats):
            if dict(record._fields_)[name] is not ctypes.c_float or fields[name].offset != first + i * step:
                raise TypeError(f"{record.__name__}.{name} is not the float it was")
        self._pointer, self._count = pointer, count
        self._size, self._first, self._step, self._width = ctypes.sizeof(record), first, step, len(floats)
        getattr(holder, count)  # raises where the field is missing

    def copy(self, holder: Any) -> Float32Array:
        """float32 (count, floats), a strided view of a private copy of the records."""
        count = getattr(holder, self._count)
        data = ctypes.string_at(getattr(holder, self._pointer), count * self._size)
        view: Float32Array = np.ndarray((count, self._width), np.float32, data, self._first, (self._size, self._step))
        return view


def _pointee(holder: Any, field: str) -> Any:
    """The struct type that a pointer field of the struct type ``holder`` points to."""
    return dict(holder._fields_)[field]._type_


class DirectLayout:
    """Where the numbers of a ``FaceLandmarkerResultC`` lie.

    Raises AttributeError, KeyError or TypeError when the definitions are not what they were.
    """

    def __init__(self, result_type: Any) -> None:
        self._points = _Records(_pointee(result_type, "face_landmarks"), "landmarks", "landmarks_count", floats=("x", "y", "z"))
        self._scores = _Records(_pointee(result_type, "face_blendshapes"), "categories", "categories_count", floats=("score",))
        matrix = dict(_pointee(result_type, "facial_transformation_matrixes")._fields_)
        if matrix["data"]._type_ is not ctypes.c_float or not {"rows", "cols"} <= matrix.keys():
            raise TypeError("the matrix is not one of floats")

    def read(self, result: Any, *, landmarks: bool) -> tuple[RawFace, ...]:
        """The faces of a ``FaceLandmarkerResultC``, copied."""
        return tuple(self._face(result, i, landmarks=landmarks) for i in range(result.face_landmarks_count))

    def _face(self, result: Any, i: int, *, landmarks: bool) -> RawFace:
        points = self._points.copy(result.face_landmarks[i])
        scores = matrix = None
        if i < result.face_blendshapes_count:
            scores = self._scores.copy(result.face_blendshapes[i])[:, 0]
        if i < result.facial_transformation_matrixes_count:
            stored = result.facial_transformation_matrixes[i]
            if (stored.rows, stored.cols) != (4, 4):
                raise ValueError("the matrix is not 4 x 4")
            step = ctypes.sizeof(ctypes.c_float)
            data = ctypes.string_at(stored.data, 16 * step)
            matrix = np.ndarray((4, 4), np.float32, data, 0, (step, 4 * step))  # column-major
        return RawFace(
            scores=scores,
            matrix=matrix,
            bounds=bounds_of(points),
            landmarks=np.ascontiguousarray(points) if landmarks else None,
        )


class ResultReader:
    """Reads results directly while that is proven right, else through the public objects. One thread at a time.

    What is worth a line in the log waits for ``tell``: ``read`` may run on a thread of MediaPipe's, and logging there would
    leave a dummy thread behind in ``threading``.
    """

    def __init__(self, result_type: Any, *, direct: bool, landmarks: bool) -> None:
        self._landmarks = landmarks
        self._to_verify = VERIFIED_RESULTS
        self._layout: DirectLayout | None = None
        self._names_known = False
        self._news: list[str] = []
        self.order = WeightOrder.of(None)
        """How the model's scores become weights; known after the first face."""
        self.reason = "switched off by tracker.direct_read" if not direct else ""
        """Why the public objects are used; empty while the direct reader is."""
        if direct:
            try:
                self._layout = DirectLayout(result_type)
            except (AttributeError, KeyError, TypeError) as error:
                self.give_up(f"MediaPipe's result structures are not the known ones ({error!r})")

    @property
    def kind(self) -> Literal["direct", "public"]:
        """How results are read at present."""
        return "public" if self._layout is None else "direct"

    def give_up(self, reason: str) -> None:
        """The public objects from now on."""
        self._layout, self.reason = None, reason
        self._news.append(f"results are read through MediaPipe's public objects, at 1-1.5 ms more per frame: {reason}")

    def tell(self) -> None:
        """Writes to the log what happened since the last call. A thread of Python's."""
        while self._news:
            log.warning("%s", self._news.pop(0))

    def read(self, result: Any, as_public: Callable[[], Any]) -> tuple[RawFace, ...]:
        """The faces of a ``FaceLandmarkerResultC``; ``as_public`` makes a ``FaceLandmarkerResult`` of it."""
        if self._layout is None:
            return self.read_public(as_public())
        try:
            faces = self._layout.read(result, landmarks=self._landmarks)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the public way is there
            self.give_up(f"the direct reader failed ({error!r})")
            return self.read_public(as_public())
        if self._to_verify == 0:
            return faces
        public = self.read_public(as_public())
        if len(faces) != len(public) or not all(a.same_as(b) for a, b in zip(faces, public, strict=True)):
            self.give_up("the direct reader and the public objects differ")
        elif faces:
            self._to_verify -= 1
        return public

    def read_public(self, result: Any) -> tuple[RawFace, ...]:
        """The faces of a ``FaceLandmarkerResult``."""
        if not self._names_known and (names := category_names(result)):
            self.order, self._names_known = WeightOrder.of(names), True
            if names != arkit.MEDIAPIPE_NAMES:
                absent = ", ".join(arkit.NAMES[i] for i in self.order.silent) or "none"
                self._news.append(f"the model's blendshapes are not MediaPipe's usual ones; read by name, absent: {absent}")
        return read_public(result, landmarks=self._landmarks)
