"""From MediaPipe's numbers to ``Face`` values: order, range, rejection, and the reader that builds on the public objects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bridge import arkit, space
from bridge.types import ZERO_WEIGHTS, Face, Float32Array, frozen_array

Bounds = tuple[float, float, float, float]
"""Smallest x, smallest y, largest x, largest y."""


class RawFace(NamedTuple):
    """One face as MediaPipe gives it, copied out of its memory. A tuple: built once a frame on MediaPipe's thread."""

    scores: Float32Array | None
    """float32 (52,), MediaPipe's order; None when blendshapes are off."""
    matrix: Float32Array | None
    """float32 (4, 4), column vectors, centimetres; None when matrices are off."""
    bounds: Bounds
    """Of all landmarks, in fractions of the picture."""
    landmarks: Float32Array | None
    """float32 (478, 3); None unless asked for."""

    def same_as(self, other: RawFace) -> bool:
        """True when every number is the same."""
        return (
            _same(self.scores, other.scores)
            and _same(self.matrix, other.matrix)
            and _same(self.landmarks, other.landmarks)
            and np.array_equal(self.bounds, other.bounds, equal_nan=True)
        )


def _same(a: Float32Array | None, b: Float32Array | None) -> bool:
    if a is None or b is None:
        return a is b
    return np.array_equal(a, b, equal_nan=True)


def bounds_of(points: Float32Array) -> Bounds:
    """The box around points (N, >= 2), N > 0."""
    x, y = points[:, 0], points[:, 1]
    return float(_least(x)), float(_least(y)), float(_most(x)), float(_most(y))


_least, _most = np.minimum.reduce, np.maximum.reduce  # what array.min and array.max call after 5 us of Python


def read_public(result: Any, *, landmarks: bool) -> tuple[RawFace, ...]:
    """The faces of a ``FaceLandmarkerResult``."""
    faces = []
    for i, points in enumerate(result.face_landmarks):
        xyz = np.array([(point.x, point.y, point.z) for point in points], dtype=np.float32)
        scores = result.face_blendshapes[i] if i < len(result.face_blendshapes) else None
        matrices = result.facial_transformation_matrixes
        faces.append(
            RawFace(
                scores=None if scores is None else np.array([category.score for category in scores], dtype=np.float32),
                matrix=np.array(matrices[i], dtype=np.float32) if i < len(matrices) else None,
                bounds=bounds_of(xyz),
                landmarks=xyz if landmarks else None,
            )
        )
    return tuple(faces)


def category_names(result: Any) -> tuple[str, ...] | None:
    """The blendshape names of the first face of a ``FaceLandmarkerResult``, in the model's order; None without one."""
    if not result.face_blendshapes:
        return None
    return tuple(str(category.category_name) for category in result.face_blendshapes[0])


_DEAD = np.array([i for i, support in enumerate(arkit.SUPPORT) if support is arkit.Support.DEAD], dtype=np.intp)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightOrder:
    """How the model's categories become ARKit weights."""

    index: NDArray[np.intp]
    """``weights = scores[index]``, intp (52,)."""
    silent: NDArray[np.intp]
    """Positions of ARKit channels that are always 0: those that the model does not have, and of Google's model those that it has
    but never moves (``arkit.Support.DEAD``), whose values of up to 0.01 are noise."""
    length: int
    """How many scores the model gives."""

    @classmethod
    def of(cls, names: Sequence[str] | None) -> WeightOrder:
        """By the model's own names; None means that it gives none: MediaPipe's known order is then taken for granted."""
        if names is None or tuple(names) == arkit.MEDIAPIPE_NAMES:
            return cls(index=arkit.MEDIAPIPE_TO_ARKIT, silent=_DEAD, length=len(arkit.MEDIAPIPE_NAMES))
        known = {name: position for position, name in enumerate(names)}
        missing = [name for name in arkit.NAMES if name not in known]
        return cls(
            index=np.array([known.get(name, 0) for name in arkit.NAMES], dtype=np.intp),
            silent=np.array([arkit.INDEX[name] for name in missing], dtype=np.intp),
            length=len(names),
        )


def build_face(raw: RawFace, *, order: WeightOrder, width: int, height: int) -> Face | None:
    """A face of a picture of ``width`` x ``height`` pixels; None when a number in it is not finite or it has the wrong length.

    Weights are clipped to [0, 1], and exactly 0 where the model is silent; without blendshapes they are all 0.
    """
    weights = ZERO_WEIGHTS
    if raw.scores is not None:
        if raw.scores.shape != (order.length,):
            return None
        weights = raw.scores[order.index]
        lowest, highest = float(_least(weights)), float(_most(weights))
        if not math.isfinite(lowest + highest):  # both carry a NaN on
            return None
        if lowest < 0.0 or highest > 1.0:
            np.clip(weights, 0.0, 1.0, out=weights)
        weights[order.silent] = 0.0
        frozen_array(weights)
    left, top, right, bottom = raw.bounds
    if not math.isfinite(left + top + right + bottom):
        return None
    if raw.landmarks is not None and not np.isfinite(raw.landmarks).all():
        return None
    try:
        head = None if raw.matrix is None else space.head_pose_from_matrix(raw.matrix)
    except ValueError:
        return None
    return Face(
        weights=weights,
        head=head,
        landmarks=None if raw.landmarks is None else frozen_array(raw.landmarks),
        box=(left * width, top * height, (right - left) * width, (bottom - top) * height),
    )
