"""Animation files as results: .vrma (coefficients and head) and .bvh (head only, all coefficients 0)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from bridge.errors import SourceUnavailable
from bridge.types import TrackResult
from bridge.wire import bvh, vrma_reader
from bridge.wire.animation import Animation, BadAnimation

_DECODERS: Mapping[str, Callable[[bytes], Animation]] = MappingProxyType({".vrma": vrma_reader.decode, ".bvh": bvh.decode})

_LARGEST_BYTES = 256 << 20
"""Two hours of ours have 180 MB."""


def read_animation(path: Path) -> tuple[TrackResult, ...]:
    """A face at every key of the file, read whole. Raises SourceUnavailable."""
    try:
        size = path.stat().st_size
        if size > _LARGEST_BYTES:
            raise SourceUnavailable(f"{path} has {size >> 20} MB; animations up to {_LARGEST_BYTES >> 20} MB are read")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise SourceUnavailable(f"There is no file {path}: check the path") from error
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        return _DECODERS[path.suffix.lower()](data).results()
    except BadAnimation as error:
        raise SourceUnavailable(f"{path}: {error}") from error
