"""Videos, GIFs, stills and folders of stills, at their own pace on the monotonic clock."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Protocol

from bridge.clock import Clock, monotonic
from bridge.errors import SourceEnded, SourceLost, SourceUnavailable
from bridge.sources.opencv import load_cv2, rgb_image
from bridge.sources.paced import Pacer, Wait
from bridge.sources.report import RateMeter, SourceReport, rate_text
from bridge.sources.stills import PICTURE_SUFFIXES, Stills
from bridge.types import CameraFrame, ImageArray

log = logging.getLogger(__name__)

HOLD_S = 2.0
"""A single picture is delivered again and again for this long, so that receivers see it."""
FALLBACK_FPS = 30.0


class Material(Protocol):
    """Pictures in order."""

    @property
    def fps(self) -> float: ...

    @property
    def note(self) -> str | None:
        """A sentence about something odd."""
        ...

    def next(self) -> ImageArray | None:
        """The next picture; None after the last. Raises SourceUnavailable."""
        ...

    def rewind(self) -> None:
        """From the start again. Raises SourceUnavailable."""
        ...

    def close(self) -> None: ...


class VideoSource:
    """A file or folder as a source: frame k is due, and dated, start + k / fps; the start is the first ``read``.

    All frames are delivered, in order; a consumer that is slower than the file slows it down. Capture times keep increasing when
    it loops. A single picture (a still, a folder with one, a video of one frame) is delivered for at least ``HOLD_S`` seconds.
    """

    live = False
    notice: str | None = None
    delivers_results = False

    def __init__(
        self,
        path: Path,
        *,
        fps: float = FALLBACK_FPS,
        loop: bool = False,
        clock: Clock = monotonic,
        wait: Wait | None = None,
    ) -> None:
        """``fps`` is the pace of stills; videos have their own."""
        self._path = path
        self._stills_fps = fps
        self._loop = loop
        self._clock = clock
        self._pacer = Pacer(slack_s=1 / fps, clock=clock, wait=wait)
        self._meter = RateMeter()
        self._material: Material | None = None
        self._seq = 0
        self._paced = 0
        self._ahead: list[ImageArray] = []
        self._single: ImageArray | None = None
        self._size = ""
        self._ended = False

    @property
    def label(self) -> str:
        return self._path.name or str(self._path)

    def open(self) -> None:
        """Opens the file and reads its first picture. Raises SourceUnavailable, SourceEnded."""
        self.close()
        self._pacer.check()
        self._material = open_material(self._path, fps=self._stills_fps)
        try:
            self._look_ahead(self._material)
        except SourceUnavailable:
            self.close()
            raise
        self._pacer.slack_s = 1 / self._material.fps
        self._pacer.restart()
        self._meter.reset()
        self._paced = 0
        self._ended = False

    def read(self) -> CameraFrame:
        """Blocks until the next frame is due. Raises SourceEnded after the last, SourceLost if the file has gone."""
        self._pacer.check()
        material = self._material
        if material is None:
            raise SourceLost(f"{self.label} is not open")
        image = None if self._ended else self._next_image(material)
        if image is None:
            self._ended = True
            raise SourceEnded(f"{self.label} has ended")
        t = self._pacer.wait_for(self._paced / material.fps)
        frame = CameraFrame(seq=self._seq, t=t, image=image)
        self._seq += 1
        self._paced += 1
        self._size = f"{image.shape[1]}x{image.shape[0]}"
        self._meter.tick(self._clock())
        return frame

    def close(self) -> None:
        material, self._material = self._material, None
        self._ahead, self._single = [], None
        if material is not None:
            material.close()

    def cancel(self) -> None:
        self._pacer.cancel()

    def report(self) -> SourceReport:
        """The file's pace against the measured one. Any thread."""
        material = self._material
        measured = self._meter.fps
        if material is None:
            return SourceReport(requested="", delivered="", fps_measured=measured, warning=None)
        warning = material.note
        if warning is None and measured is not None and measured < 0.8 * material.fps:
            warning = (
                f"{self.label} plays at {rate_text(measured)} fps instead of {rate_text(material.fps)}: reading it takes too long"
            )
        pace = f"{rate_text(material.fps)} fps"
        return SourceReport(requested=pace, delivered=f"{self._size} at {pace}".strip(), fps_measured=measured, warning=warning)

    # --- order of pictures ----------------------------------------------------------------------------------------------

    def _look_ahead(self, material: Material) -> None:
        """Reads two pictures: one tells that there is something, the second that it moves."""
        first = material.next()
        if first is None:
            raise SourceUnavailable(f"{self._path} holds no picture that can be read")
        second = material.next()
        if second is None:
            self._single = first
        else:
            self._ahead = [first, second]

    def _next_image(self, material: Material) -> ImageArray | None:
        """The next picture, of the next round if need be; None at the end. Raises SourceLost."""
        if self._single is not None:
            return self._single if self._loop or self._paced < math.ceil(HOLD_S * material.fps) else None
        if self._ahead:
            return self._ahead.pop(0)
        try:
            image = material.next()
            if image is None and self._loop:
                material.rewind()
                image = material.next()
                if image is None:
                    raise SourceLost(f"{self._path} can no longer be read")
        except SourceUnavailable as error:
            raise SourceLost(str(error)) from error
        return image


def open_material(path: Path, *, fps: float) -> Material:
    """What lies at ``path``, by what it is: folder, picture, or anything that FFmpeg plays. Raises SourceUnavailable."""
    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        _check_readable(path)
        return Stills(path, fps=fps)
    return VideoFile(path)


class VideoFile:
    """Anything that FFmpeg plays, GIFs included, as RGB pictures."""

    def __init__(self, path: Path) -> None:
        """Raises SourceUnavailable."""
        _check_readable(path)
        self._cv2 = load_cv2()
        self._path = path
        self._open()
        stated = float(self._capture.get(self._cv2.CAP_PROP_FPS))
        self.note: str | None = None
        self.fps = stated
        if not 1.0 <= stated <= 240.0:
            self.fps = FALLBACK_FPS
            self.note = f"{path.name} states no usable frame rate: it plays at {rate_text(FALLBACK_FPS)} fps"
            log.info("%s", self.note)
        self._stated_frames = float(self._capture.get(self._cv2.CAP_PROP_FRAME_COUNT))
        self._warned = False

    def next(self) -> ImageArray | None:
        try:
            ok, image = self._capture.read()
        except self._cv2.error as error:
            raise SourceUnavailable(f"{self._path} cannot be decoded: {str(error).strip()}") from error
        if ok:
            self._frames += 1
            return rgb_image(image)
        # Containers estimate their length; a picture or two less is not worth a word.
        if not self._warned and self._frames and self._frames < 0.95 * self._stated_frames - 2:
            self._warned = True
            log.warning(
                "%s ends early: %d of %d pictures could be read, the file is damaged or incomplete",
                self._path,
                self._frames,
                int(self._stated_frames),
            )
        return None

    def rewind(self) -> None:
        """Opens the file anew: seeking is not exact in every container, and this takes 10 ms."""
        self.close()
        self._open()

    def close(self) -> None:
        self._capture.release()

    def _open(self) -> None:
        self._frames = 0
        # The absolute path keeps FFmpeg from reading "name:" at the front as a protocol.
        self._capture = self._cv2.VideoCapture(str(self._path.resolve()), self._cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise SourceUnavailable(
                f"{self._path} is neither a video nor a picture that can be read: it is damaged, incomplete or of a kind that is "
                "not known; convert it, for example to .mp4"
            )


def _check_readable(path: Path) -> None:
    try:
        if path.is_dir():
            return
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise SourceUnavailable(f"There is no file {path}: check the path") from error
    except PermissionError as error:
        raise SourceUnavailable(f"No permission to read {path}: make it readable for this user") from error
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read: {error.strerror or error}") from error
    if empty:
        raise SourceUnavailable(f"{path} is empty: it holds no picture")
