"""Recordings as NumPy archives (.npz), for analysis: written whole, read whole.

Keys, N results long: ``ts_ms`` milliseconds; ``found`` bool; ``bs`` (N, 52) coefficients in the order of ``names``; ``mat``
(N, 4, 4) the head as MediaPipe's facial transformation matrix, column vectors, centimetres. What the bridge writes has ARKit
order and also ``seq``, ``head_quat_xyzw`` (N, 4), ``head_position_m`` (N, 3) in bridge space and ``box`` (N, 4) in pixels; where
nothing was found, numbers are NaN. What it reads may have any order of names, as archives made straight from MediaPipe do.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from bridge import arkit, space
from bridge.errors import SourceUnavailable
from bridge.types import CHANNELS, Face, Float64Array, HeadPose, TrackResult
from bridge.wire.recording import BadLine, arrange, map_names


def matrix_of(head: HeadPose) -> Float64Array:
    """The head as MediaPipe's facial transformation matrix: float64 (4, 4), column vectors, centimetres."""
    matrix = np.eye(4)
    matrix[:3, :3] = space.to_rotation_matrix(head.quat_xyzw)
    matrix[:3, 3] = head.position_m * 100.0
    return matrix


def write_npz(file: BinaryIO, results: Iterable[TrackResult]) -> int:
    """Writes the first face of every result; returns how many results there were. Raises OSError."""
    kept = tuple(results)
    count = len(kept)
    columns: dict[str, Float64Array] = {
        "mat": np.full((count, 4, 4), np.nan),
        "head_quat_xyzw": np.full((count, 4), np.nan),
        "head_position_m": np.full((count, 3), np.nan),
        "box": np.full((count, 4), np.nan),
    }
    weights = np.full((count, CHANNELS), np.nan, dtype=np.float32)
    for i, result in enumerate(kept):
        if not result.faces:
            continue
        face = result.faces[0]
        weights[i] = face.weights
        if face.head is not None:
            columns["mat"][i] = matrix_of(face.head)
            columns["head_quat_xyzw"][i] = face.head.quat_xyzw
            columns["head_position_m"][i] = face.head.position_m
        if face.box is not None:
            columns["box"][i] = face.box
    np.savez_compressed(
        file,
        allow_pickle=False,
        ts_ms=np.array([result.t * 1e3 for result in kept], dtype=np.float64),
        seq=np.array([result.seq for result in kept], dtype=np.int64),
        found=np.array([bool(result.faces) for result in kept], dtype=np.bool_),
        names=np.array(arkit.NAMES),
        bs=weights,
        **columns,
    )
    return count


def read_npz(path: Path) -> tuple[TrackResult, ...]:
    """The results in an archive, at most one face each, without boxes. Raises SourceUnavailable."""
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)  # never: a pickle can run what it likes
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise SourceUnavailable(f"{path} is a single NumPy array, not an .npz recording")
            arrays = {key: archive[key] for key in ("ts_ms", "found", "bs", "names", "mat") if key in archive}
    except FileNotFoundError as error:
        raise SourceUnavailable(f"There is no file {path}: check the path") from error
    except (OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise SourceUnavailable(f"{path} cannot be read as a NumPy archive: {error}") from error
    try:
        return _results(arrays)
    except BadLine as error:
        raise SourceUnavailable(f"{path}: {error}") from error


def _results(arrays: Mapping[str, np.ndarray[Any, Any]]) -> tuple[TrackResult, ...]:
    missing = [key for key in ("ts_ms", "found", "bs", "names") if key not in arrays]
    if missing:
        raise BadLine(f"not a recording: {' and '.join(missing)} missing")
    names = arrays["names"]
    if names.ndim != 1 or names.dtype.kind != "U":
        raise BadLine("names is not a list of text")
    count, width = len(arrays["ts_ms"]) if arrays["ts_ms"].ndim else 0, len(names)
    _check_shape(arrays, "ts_ms", (count,))
    _check_shape(arrays, "found", (count,))
    _check_shape(arrays, "bs", (count, width))
    if "mat" in arrays:
        _check_shape(arrays, "mat", (count, 4, 4))
    times = arrays["ts_ms"].astype(np.float64) / 1e3
    if not np.isfinite(times).all() or (np.diff(times) < 0.0).any():
        raise BadLine("ts_ms goes back, or has numbers that are not finite")
    positions, _ = map_names(names.tolist())
    found, weights, matrices = arrays["found"].astype(bool), arrays["bs"].astype(np.float64), arrays.get("mat")
    results = []
    for i, t in enumerate(times.tolist()):
        faces: tuple[Face, ...] = ()
        if found[i]:
            if not np.isfinite(weights[i]).all():
                raise BadLine(f"bs[{i}] has numbers that are not finite")
            head = None if matrices is None else _head(matrices[i], i)
            faces = (Face(weights=arrange(weights[i], positions), head=head),)
        results.append(TrackResult(seq=i, t=t, t_done=t, faces=faces))
    return tuple(results)


def _check_shape(arrays: Mapping[str, np.ndarray[Any, Any]], key: str, shape: tuple[int, ...]) -> None:
    array = arrays[key]
    if array.shape != shape or array.dtype.kind not in "biuf":
        raise BadLine(f"{key} is {array.dtype} {array.shape}, not numbers {shape}")


def _head(matrix: np.ndarray[Any, Any], i: int) -> HeadPose | None:
    if np.isnan(matrix).all():
        return None
    try:
        return space.head_pose_from_matrix(matrix.astype(np.float64))
    except ValueError as error:
        raise BadLine(f"mat[{i}]: {error}") from error
