"""glTF 2.0 in its binary container (.glb): the two chunks, and accessors that are read without trusting them. Pure.

Sizes are checked against the bytes that are there before anything is allocated.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from bridge.types import Float64Array
from bridge.wire.animation import BadAnimation

_MAGIC, _VERSION = 0x46546C67, 2
_JSON_CHUNK, _BIN_CHUNK = 0x4E4F534A, 0x004E4942
_LARGEST_JSON = 4 << 20
"""Bytes; parsed JSON takes up to fifty times as much memory. Ours are 30,000 long."""

FLOAT = 5126
_COMPONENTS: Mapping[int, np.dtype[Any]] = MappingProxyType({
    5120: np.dtype("<i1"), 5121: np.dtype("<u1"), 5122: np.dtype("<i2"), 5123: np.dtype("<u2"), FLOAT: np.dtype("<f4"),
})  # fmt: skip
_WIDTHS: Mapping[str, int] = MappingProxyType({"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4})


def pack(document: Mapping[str, Any], binary: bytes) -> bytes:
    """The file of a JSON document and the bytes of its one buffer, both padded to four bytes as the container wants it."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    padding = b"\0" * (-len(binary) % 4)
    chunks = [struct.pack("<II", len(text), _JSON_CHUNK), text]
    if binary:
        chunks += [struct.pack("<II", len(binary) + len(padding), _BIN_CHUNK), binary, padding]
    total = 12 + sum(map(len, chunks))
    return b"".join([struct.pack("<III", _MAGIC, _VERSION, total), *chunks])


@dataclass(frozen=True, slots=True, kw_only=True)
class Glb:
    """A file taken apart. Everything in it is somebody's claim: every getter checks and raises BadAnimation."""

    document: Mapping[str, Any]
    binary: memoryview

    def accessor(self, index: object, *, kind: str, longest: int) -> Float64Array:
        """Numbers of an accessor, float64 (count, width of ``kind``); normalised integers as fractions, all finite."""
        accessor = self.item("accessors", index)
        if accessor.get("type") != kind:
            raise BadAnimation(f"an accessor is {shown(accessor.get('type'))} where {kind} belongs")
        if "sparse" in accessor:
            raise BadAnimation("sparse accessors are not read")
        component = accessor.get("componentType")
        dtype = _COMPONENTS.get(component) if type(component) is int else None
        if dtype is None or (component != FLOAT and accessor.get("normalized") is not True):
            raise BadAnimation(f"an accessor has components of type {shown(component)}, not floats or normalised integers")
        count = whole(accessor.get("count"), "count")
        if not 1 <= count <= longest:
            raise BadAnimation(f"an accessor has {count} elements; from 1 to {longest} are read")
        if "bufferView" not in accessor:
            return np.zeros((count, _WIDTHS[kind]))
        view, stride = self._view(accessor["bufferView"])
        offset = whole(accessor.get("byteOffset", 0), "byteOffset")
        size = dtype.itemsize * _WIDTHS[kind]
        stride = stride or size
        if stride < size or offset + (count - 1) * stride + size > len(view):
            raise BadAnimation("an accessor reaches beyond its buffer view")
        raw: NDArray[Any] = np.ndarray((count, _WIDTHS[kind]), dtype, view, offset, (stride, dtype.itemsize))
        with np.errstate(invalid="ignore"):  # a signalling NaN; it is refused below
            values = raw.astype(np.float64)
        if component != FLOAT:
            values = np.maximum(values / float(np.iinfo(dtype).max), -1.0)
        if not np.isfinite(values).all():
            raise BadAnimation("an accessor has numbers that are not finite")
        return values

    def item(self, key: str, index: object) -> Mapping[str, Any]:
        """``document[key][index]``, which must be an object."""
        items = self.document.get(key)
        position = whole(index, f"an index of {key}")
        if not isinstance(items, list) or position >= len(items):
            raise BadAnimation(f"{key}[{position}] does not exist")
        return mapping(items[position], f"{key}[{position}]")

    def _view(self, index: object) -> tuple[memoryview, int]:
        view = self.item("bufferViews", index)
        if whole(view.get("buffer"), "buffer") != 0 or "uri" in self.item("buffers", 0):
            raise BadAnimation("its numbers are not inside the file; save it as one .glb")
        offset, length = whole(view.get("byteOffset", 0), "byteOffset"), whole(view.get("byteLength"), "byteLength")
        if offset + length > len(self.binary):
            raise BadAnimation("a buffer view reaches beyond the file")
        return self.binary[offset : offset + length], whole(view.get("byteStride", 0), "byteStride")


def unpack(data: bytes) -> Glb:
    """Takes a file apart. Raises BadAnimation."""
    if len(data) < 20:
        raise BadAnimation("too short for a binary glTF file")
    magic, version, total, length, kind = struct.unpack_from("<IIIII", data)
    if magic != _MAGIC:
        raise BadAnimation("not a binary glTF file")
    if version != _VERSION:
        raise BadAnimation(f"version {version} of binary glTF is not read, only {_VERSION}")
    if total > len(data):
        raise BadAnimation(f"cut off: {len(data)} of {total} bytes are there")
    if kind != _JSON_CHUNK or 20 + length > total:
        raise BadAnimation("its first chunk is not a whole JSON document")
    if length > _LARGEST_JSON:
        raise BadAnimation(f"its JSON document has {length} bytes; up to {_LARGEST_JSON} are read")
    view = memoryview(data)
    binary = view[:0]
    at = 20 + length
    if at + 8 <= total:
        size, kind = struct.unpack_from("<II", data, at)
        if kind == _BIN_CHUNK:
            if at + 8 + size > total:
                raise BadAnimation("its binary chunk is cut off")
            binary = view[at + 8 : at + 8 + size]
    return Glb(document=_parse(data[20 : 20 + length]), binary=binary)


def _parse(text: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise BadAnimation("its JSON document cannot be read") from error
    return mapping(document, "its JSON document")


def _no_constant(name: str) -> NoReturn:
    raise BadAnimation(f"{name} is not a number in JSON")


# --- claims, checked ---------------------------------------------------------------------------------------------------


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """``value`` when it is a JSON object."""
    if not isinstance(value, dict):
        raise BadAnimation(f"{what} is not an object")
    return value


def whole(value: object, what: str) -> int:
    """``value`` when it is a whole number from 0 that a file could need."""
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise BadAnimation(f"{what} is {shown(value)}, not a whole number from 0")
    return value


def shown(value: object) -> str:
    """A piece of the file in a message, shortened."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
