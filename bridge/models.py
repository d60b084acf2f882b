"""The Face Landmarker model: where it is, whether it is whole, and how it gets here.

The file is Google's and not part of the project; ``models/manifest.toml`` says where it is published and what it must be.
Nothing here runs while the bridge tracks; the only network use is ``fetch_model``.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import platformdirs

from bridge.download import download
from bridge.errors import AssetError, ModelCorrupt, ModelMissing
from bridge.shipped import checkout_path, shipped_path

log = logging.getLogger(__name__)

Progress: TypeAlias = Callable[[int, int], None]
"""Bytes so far, bytes in all."""

FETCH = "run `avatar-bridge model fetch`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelManifest:
    """What the model must be."""

    file: str
    what: str
    url: str
    sha256: str
    size: int
    licence: str


@cache
def model_manifest() -> ModelManifest:
    """The shipped manifest's Face Landmarker. Raises AssetError when the installation is broken."""
    path = shipped_path("models/manifest.toml")
    try:
        with path.open("rb") as file:
            return ModelManifest(**tomllib.load(file)["face_landmarker"])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise AssetError(f"{path} is missing or damaged ({error}): reinstall avatar-bridge") from error


def cached_model_path(manifest: ModelManifest | None = None) -> Path:
    """Where a download is kept for this user; it may not exist."""
    folder = Path(platformdirs.user_cache_dir("avatar-bridge", appauthor=False))
    return folder / "models" / (manifest or model_manifest()).file


def model_folders() -> Iterator[Path]:
    """Folders that are searched, in order: ``models`` of the working directory, of the checkout, beside it, the user's cache."""
    with contextlib.suppress(OSError):  # the working directory may be gone
        yield Path.cwd() / "models"
    checkout = checkout_path()
    if checkout is not None:
        yield checkout / "models"
        yield checkout.parent / "shared" / "models"
    yield cached_model_path().parent


def find_model(explicit: str = "", *, download: bool = True, on_progress: Progress | None = None) -> Path:
    """A model file that was checked just now; downloaded and checked when there is none and ``download`` allows it.

    ``explicit`` (``tracker.model``) is taken or refused, never replaced: another model than the official one is accepted with a
    warning when it is a whole .task file. Elsewhere only the official one counts; a damaged one is reported and passed over.
    Raises ModelMissing, ModelCorrupt.
    """
    if explicit:
        return _check_explicit(Path(explicit).expanduser())
    damaged: ModelCorrupt | None = None
    for folder in dict.fromkeys(model_folders()):
        path = folder / model_manifest().file
        try:
            return verify_model(path)
        except ModelMissing:
            continue
        except ModelCorrupt as error:
            log.warning("%s; looking further", error)
            damaged = damaged or error
    if download:
        return fetch_model(on_progress)
    manifest = model_manifest()
    raise damaged or ModelMissing(
        f"{manifest.file} was not found in {', '.join(map(str, dict.fromkeys(model_folders())))}: {FETCH}, or download "
        f"{manifest.url} to {cached_model_path()}"
    )


def verify_model(path: Path, *, manifest: ModelManifest | None = None) -> Path:
    """``path``, whose size and SHA-256 are the official model's; takes 5 ms. Raises ModelMissing, ModelCorrupt."""
    manifest = manifest or model_manifest()
    size = _size(path)
    if size != manifest.size:
        raise ModelCorrupt(f"{path} is damaged: {_size_problem(size, manifest)}; delete it and {FETCH}")
    if _sha256(path) != manifest.sha256:
        raise ModelCorrupt(f"{path} is not the official model: its SHA-256 is another one; delete it and {FETCH}")
    return path


def fetch_model(
    progress: Progress | None = None,
    *,
    manifest: ModelManifest | None = None,
    destination: Path | None = None,
    allow_http: bool = False,
    timeout_s: float = 20.0,
) -> Path:
    """Downloads the model into the user's cache, or ``destination``, checks it, and returns its path.

    Goes on where an earlier attempt broke off; a file already there that is whole is kept. ``progress`` is told bytes so far and
    in all. Raises ModelMissing when the network, and ModelCorrupt when the content, is not as it should be.
    """
    manifest = manifest or model_manifest()
    target = destination or cached_model_path(manifest)
    try:
        return verify_model(target, manifest=manifest)
    except (ModelMissing, ModelCorrupt):
        pass  # to be replaced
    by_hand = f"download {manifest.url} by hand to {target}, or name a copy with --set tracker.model=FILE"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        resumed = part.is_file()
        _download(manifest, part, progress=progress, allow_http=allow_http, timeout_s=timeout_s)
        if resumed and not _is_whole(part, manifest):  # the earlier part was of something else: once more from its beginning
            part.unlink(missing_ok=True)
            _download(manifest, part, progress=progress, allow_http=allow_http, timeout_s=timeout_s)
        if not _is_whole(part, manifest):
            size = part.stat().st_size
            part.unlink()
            problem = "its SHA-256 is another one" if size == manifest.size else _size_problem(size, manifest)
            raise ModelCorrupt(f"what {manifest.url} delivered is not the model ({problem}): {by_hand}")
        part.replace(target)
    except OSError as error:  # includes every failure of the network
        raise ModelMissing(f"the Face Landmarker model could not be downloaded ({_reason(error)}): {by_hand}") from error
    return target


def _download(manifest: ModelManifest, part: Path, *, progress: Progress | None, allow_http: bool, timeout_s: float) -> None:
    download(
        manifest.url, part, size=manifest.size, progress=progress or _no_progress, allow_http=allow_http, timeout_s=timeout_s
    )


def _no_progress(_done: int, _total: int) -> None:
    pass


def _reason(error: OSError) -> str:
    inner = getattr(error, "reason", None)  # urllib wraps the cause
    return str(inner if isinstance(inner, Exception) else error) or type(error).__name__


def _is_whole(path: Path, manifest: ModelManifest) -> bool:
    return path.stat().st_size == manifest.size and _sha256(path) == manifest.sha256


def _check_explicit(path: Path) -> Path:
    manifest = model_manifest()
    size = _size(path)
    if size == manifest.size and _sha256(path) == manifest.sha256:
        return path
    if path.name == manifest.file and size < manifest.size:
        raise ModelCorrupt(
            f"{path} is truncated: {_size_problem(size, manifest)}; replace it, or {FETCH} and leave tracker.model empty"
        )
    try:
        with zipfile.ZipFile(path) as bundle:
            # MediaPipe itself does not look: with a damaged member it starts and never finds a face.
            broken = bundle.testzip()
            if broken is None and bundle.namelist():
                log.warning("%s is not the official Face Landmarker model; using it because it was named", path)
                return path
            problem = f"{broken} in it is damaged" if broken else "it is empty"
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise ModelCorrupt(
            f"{path} is not a Face Landmarker model ({size} bytes, {error}): {FETCH} and leave tracker.model empty"
        ) from error
    raise ModelCorrupt(f"{path} is not a whole Face Landmarker model ({problem}): {FETCH} and leave tracker.model empty")


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            raise ModelMissing(f"{path} is a folder, not a model file: name the .task file in it, or {FETCH}")
        return path.stat().st_size
    except OSError as error:
        raise ModelMissing(f"there is no readable model at {path}: check the path, or {FETCH}") from error


def _size_problem(size: int, manifest: ModelManifest) -> str:
    return f"its size is {size} of {manifest.size} bytes"


def model_sha256(path: Path) -> str:
    """The SHA-256 of a model file, hexadecimal; takes 5 ms. Raises ModelMissing."""
    return _sha256(path)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelMissing(f"{path} cannot be read ({error.strerror}): check its permissions") from error
