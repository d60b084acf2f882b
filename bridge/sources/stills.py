"""Pictures from files: one still, or a folder of them in natural order."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np

from bridge.errors import SourceUnavailable
from bridge.sources.opencv import load_cv2, rgb_image
from bridge.types import ImageArray

log = logging.getLogger(__name__)

# fmt: off
PICTURE_SUFFIXES = frozenset({
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".avif", ".jp2",
    ".pgm", ".ppm", ".pbm", ".pnm", ".pam", ".sr", ".ras",
})
# fmt: on
"""Files with one of these endings are pictures; a GIF is a video."""
_LITTER = frozenset({"thumbs.db", "desktop.ini"})


class Stills:
    """The pictures of a file or folder, from the first to the last; frame by frame on the capture thread."""

    note: str | None = None

    def __init__(self, path: Path, *, fps: float) -> None:
        """Lists the pictures; reads none. Raises SourceUnavailable for a folder without any."""
        self.fps = fps
        self._path = path
        self._warned = False
        self._files = self._list_folder(path) if path.is_dir() else [path]
        self._next = 0

    def next(self) -> ImageArray | None:
        """The next picture that can be read; None after the last. A single file that cannot be read raises SourceUnavailable."""
        while self._next < len(self._files):
            file = self._files[self._next]
            self._next += 1
            try:
                return load_picture(file)
            except SourceUnavailable as error:
                if len(self._files) == 1:
                    raise
                self._skip(str(error))
        return None

    def rewind(self) -> None:
        self._next = 0

    def close(self) -> None:
        self._files = []

    def _list_folder(self, folder: Path) -> list[Path]:
        try:
            files = [file for file in folder.iterdir() if file.is_file() and not _is_litter(file)]
        except OSError as error:
            raise SourceUnavailable(f"The folder {folder} cannot be read: {error.strerror or error}") from error
        pictures = sorted((file for file in files if file.suffix.lower() in PICTURE_SUFFIXES), key=natural_key)
        if not pictures:
            others = ", ".join(sorted(file.name for file in files)[:3])
            found = f"only {others}{' and more' if len(files) > 3 else ''}" if files else "it is empty"
            raise SourceUnavailable(
                f"The folder {folder} holds no pictures ({found}): name a folder of .png or .jpg files, or a file"
            )
        if len(pictures) < len(files):
            self._skip(f"{len(files) - len(pictures)} of {len(files)} files in {folder} are not pictures")
        return pictures

    def _skip(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            log.warning("%s: skipped, and so is any other like it", reason)


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sorts shot2 before shot10, whatever the case."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def load_picture(path: Path) -> ImageArray:
    """One picture as uint8 (H, W, 3) RGB, turned as its camera noted.

    Grey becomes RGB, 16 bits become 8, transparency is dropped. Raises SourceUnavailable.
    """
    cv2 = load_cv2()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read: {error.strerror or error}") from error
    # Decoded from memory: OpenCV's own file reading fails on Windows for names outside the system's code page.
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as error:
        raise SourceUnavailable(f"{path} is not a picture that can be used: {str(error).strip()}") from error
    if image is None:
        reason = "damaged, or of a kind that is not known" if data else "the file is empty"
        raise SourceUnavailable(f"{path} is not a picture that can be read: {reason}")
    return rgb_image(image)


def _is_litter(file: Path) -> bool:
    return file.name.startswith(".") or file.name.lower() in _LITTER
