"""Pictures for the real model: portraits in a webcam's frame, a camera's noise, motions in the picture plane, gaps, a hand.

A motion in the plane is exactly known; and a still that is only noisy shows what the model makes of noise, correlated as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from bridge.bench.quality_motion import ease
from bridge.errors import SourceUnavailable
from bridge.settings import TrackerSettings
from bridge.sources.video import open_material
from bridge.trackers.drawn_face import draw_face
from bridge.trackers.offline import OfflineTracker
from bridge.types import CameraFrame, Face, Float64Array, ImageArray, frozen_array

WIDTH, HEIGHT = 640, 480
FACE_PX = 190.0
"""Forehead to chin of a person before a webcam."""
FPS = 30.0
_FOREHEAD, _CHIN = 10, 152
_DRAWN_FACE_SHARE = 0.57
"""Forehead to chin of the drawn face, as a share of its picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """How bad the camera is."""

    sigma: float
    """Sensor noise, of 255."""
    jpeg: int
    """Quality of its MJPEG."""
    flicker: float
    """Change of brightness from frame to frame, a share."""


LIGHTS = {
    "good": Light(sigma=2.0, jpeg=90, flicker=0.0),
    "typ": Light(sigma=4.0, jpeg=85, flicker=0.004),
    "dim": Light(sigma=9.0, jpeg=80, flicker=0.01),
}
"""QUALITY.md, section 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Portrait:
    """A picture with one face in the middle."""

    name: str
    image: ImageArray
    """uint8 (480, 640, 3) RGB."""


# --- portraits -----------------------------------------------------------------------------------------------------------


def drawn_portrait(*, mouth_open: float = 0.0, eyes_closed: float = 0.0) -> Portrait:
    """The face that the project draws: no picture of a person is needed."""
    size = 960
    face = draw_face(size, mouth_open=mouth_open, eyes_closed=eyes_closed)
    scale = FACE_PX / (_DRAWN_FACE_SHARE * size)
    return Portrait(name="drawn", image=_placed(face, centre=(size * 0.5, size * 0.5), scale=scale))


def portraits_of(folder: Path, model: Path, *, limit: int = 4) -> list[Portrait]:
    """One portrait of each video in a folder in which the model finds a face, enlarged to a webcam's distance."""
    found: list[Portrait] = []
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in {".gif", ".mkv", ".mp4", ".avi", ".webm"}):
        portrait = _portrait_of(path, model)
        if portrait is not None and len(found) < limit:
            found.append(portrait)
    return found


def _portrait_of(path: Path, model: Path) -> Portrait | None:
    """From the frame in the middle of those where a face is seen."""
    seen: list[tuple[ImageArray, Face]] = []
    with OfflineTracker(TrackerSettings(), model, timestamp_scale=1e5, landmarks=True) as tracker:
        for seq, image in enumerate(pictures_of(path, limit=60)):
            faces = tracker.detect(CameraFrame(seq=seq, t=seq / FPS, image=image)).faces
            if faces and faces[0].landmarks is not None:
                seen.append((image, faces[0]))
    if not seen:
        return None
    image, face = seen[len(seen) // 2]
    assert face.landmarks is not None
    height, width = image.shape[:2]
    points = face.landmarks[:, :2].astype(np.float64) * (width, height)
    tall = float(np.linalg.norm(points[_FOREHEAD] - points[_CHIN]))
    x, y = points.mean(axis=0).tolist()
    return Portrait(name=path.stem, image=_placed(image, centre=(x, y), scale=FACE_PX / tall))


def pictures_of(path: Path, *, limit: int = 10_000) -> Iterator[ImageArray]:
    """The frames of a video, RGB. Raises SourceUnavailable."""
    material = open_material(path, fps=FPS)
    try:
        for _ in range(limit):
            image = material.next()
            if image is None:
                return
            yield image
    finally:
        material.close()


def rate_of(path: Path) -> float:
    """Frames per second of a video. Raises SourceUnavailable."""
    material = open_material(path, fps=FPS)
    try:
        return material.fps
    finally:
        material.close()


def _placed(image: ImageArray, *, centre: tuple[float, float], scale: float, roll_deg: float = 0.0,
            shift_px: tuple[float, float] = (0.0, 0.0)) -> ImageArray:  # fmt: skip
    """The picture with ``centre`` in the middle of the frame (plus ``shift_px``); the edges are stretched."""
    matrix = cv2.getRotationMatrix2D(centre, roll_deg, scale)
    matrix[:, 2] += np.array([WIDTH / 2 - centre[0] + shift_px[0], HEIGHT / 2 - centre[1] + shift_px[1]])
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    warped = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return frozen_array(np.asarray(warped, dtype=np.uint8))


# --- the camera ----------------------------------------------------------------------------------------------------------


class NoisyCamera:
    """Adds sensor noise in luma and chroma, flicker, and the traces of MJPEG. Deterministic."""

    def __init__(self, light: Light, *, seed: int = 1) -> None:
        self._light = light
        self._random = np.random.default_rng(seed)
        # New noise for each frame costs more than the model: fields are drawn once and shifted.
        self._fields = self._random.normal(0.0, light.sigma, (6, HEIGHT, WIDTH, 3)).astype(np.float32)
        self._fields[..., 1:] *= 0.6

    def shoot(self, image: ImageArray) -> ImageArray:
        """What comes out of the camera: uint8 (480, 640, 3) RGB."""
        field = self._fields[self._random.integers(len(self._fields))]
        down, right = self._random.integers(HEIGHT), self._random.integers(WIDTH)
        field = np.roll(field, (int(down), int(right)), axis=(0, 1))
        gain = 1.0 + self._random.normal(0.0, self._light.flicker)
        seen = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb).astype(np.float32)
        seen[..., 0] *= gain
        noisy = np.clip(seen + field, 0, 255).astype(np.uint8)
        bgr = cv2.cvtColor(noisy, cv2.COLOR_YCrCb2BGR)
        ok, packed = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, self._light.jpeg))
        if not ok:
            raise SourceUnavailable("OpenCV cannot write JPEG here: install opencv-python-headless again")
        unpacked = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        assert unpacked is not None
        return frozen_array(np.asarray(cv2.cvtColor(unpacked, cv2.COLOR_BGR2RGB), dtype=np.uint8))


# --- scenes --------------------------------------------------------------------------------------------------------------

Scene: TypeAlias = Callable[[], Iterator[ImageArray]]
"""Pictures at ``FPS``, the same each time."""


def still(portrait: Portrait, light: Light, *, seconds: float = 3.6, seed: int = 1) -> Scene:
    """One picture, again and again, with the camera's noise."""

    def shoot() -> Iterator[ImageArray]:
        camera = NoisyCamera(light, seed=seed)
        for _ in range(round(seconds * FPS)):
            yield camera.shoot(portrait.image)

    return shoot


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A motion in the picture plane."""

    seconds: float
    events: tuple[tuple[float, float], ...]
    amount: Callable[[Float64Array], Float64Array]
    """0..1 (or -1..1) at the times (N,)."""
    roll_deg: float = 0.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    grow: float = 0.0
    """By which share the face becomes larger at 1."""


def steps(begins: Sequence[float], rise_s: float, hold_s: float) -> Callable[[Float64Array], Float64Array]:
    """There and back, once for each begin."""

    def amount(t: Float64Array) -> Float64Array:
        total = np.zeros_like(t)
        for begin in begins:
            total += ease((t - begin) / rise_s) - ease((t - begin - rise_s - hold_s) / rise_s)
        return total

    return amount


def swings(period_s: float, begin: float) -> Callable[[Float64Array], Float64Array]:
    """To and fro at a constant speed."""

    def amount(t: Float64Array) -> Float64Array:
        swing: Float64Array = 2.0 / math.pi * np.arcsin(np.sin(2.0 * math.pi * np.maximum(t - begin, 0.0) / period_s))
        return swing

    return amount


_BEGINS = (2.31, 4.83, 7.36)
ROLL = Move(seconds=9.5, events=tuple((b, b + 1.3) for b in _BEGINS), amount=steps(_BEGINS, 0.35, 1.0), roll_deg=20.0)
LEAN = Move(seconds=9.5, events=tuple((b, b + 1.4) for b in _BEGINS), amount=steps(_BEGINS, 0.5, 1.0), grow=0.25)
DRIFT = Move(seconds=11.5, events=((2.0, 11.0),), amount=swings(8.0, 2.0), roll_deg=8.0)


def moved(portrait: Portrait, move: Move, light: Light) -> Scene:
    """The portrait turned, shifted and enlarged as ``move`` says."""

    def shoot() -> Iterator[ImageArray]:
        camera = NoisyCamera(light)
        for amount in move.amount(np.arange(round(move.seconds * FPS)) / FPS).tolist():
            picture = _placed(
                portrait.image,
                centre=(WIDTH / 2, HEIGHT / 2),
                scale=1.0 + amount * move.grow,
                roll_deg=amount * move.roll_deg,
                shift_px=(amount * move.shift_px[0], amount * move.shift_px[1]),
            )
            yield camera.shoot(picture)

    return shoot


def blinking(light: Light, *, begins: Sequence[float] = (2.31, 4.02, 5.73, 7.44), seconds: float = 9.0) -> Scene:
    """The drawn face closes its eyes."""

    def shoot() -> Iterator[ImageArray]:
        camera = NoisyCamera(light)
        levels: dict[float, ImageArray] = {}
        for t in np.arange(round(seconds * FPS)) / FPS:
            closed = max(float(ease(np.array((t - b) / 0.09)) - ease(np.array((t - b - 0.12) / 0.17))) for b in begins)
            key = round(closed, 2)
            if key not in levels:
                levels[key] = drawn_portrait(eyes_closed=key).image
            yield camera.shoot(levels[key])

    return shoot


GAP_FRAME = 75


def interrupted(portrait: Portrait, light: Light, *, frames: int, seconds: float = 4.6) -> Scene:
    """The still with an empty picture for some frames from ``GAP_FRAME`` on; otherwise the same pictures as without a gap."""

    def shoot() -> Iterator[ImageArray]:
        wall = np.empty_like(portrait.image)
        wall[:] = portrait.image[:8, :8].mean(axis=(0, 1)).astype(np.uint8)
        for k, picture in enumerate(still(portrait, light, seconds=seconds)()):
            yield frozen_array(wall) if GAP_FRAME <= k < GAP_FRAME + frames else picture

    return shoot


_HAND_FRAMES, _HAND_MOVES = 32, 6


def occluded(portrait: Portrait, light: Light, *, seconds: float = 5.6) -> Scene:
    """A hand comes from the side at ``GAP_FRAME``, covers the face for a second and leaves."""

    def shoot() -> Iterator[ImageArray]:
        camera = NoisyCamera(light)
        for k in range(round(seconds * FPS)):
            there = min((k - GAP_FRAME) / _HAND_MOVES, (GAP_FRAME + _HAND_FRAMES - k) / _HAND_MOVES)
            yield camera.shoot(portrait.image if there <= 0 else _with_hand(portrait.image, min(1.0, there)))

    return shoot


HAND = (GAP_FRAME, GAP_FRAME + _HAND_FRAMES)
"""The frames between which a hand is in the picture."""


def _with_hand(image: ImageArray, there: float) -> ImageArray:
    """A palm and four fingers, ``there`` 0 (outside) to 1 (over the face)."""
    picture = image.copy()
    skin, edge = (205, 150, 122), (150, 100, 80)
    x, y = WIDTH / 2 + (1.0 - there) * 260.0, HEIGHT / 2 + 20.0
    for finger in range(4):
        start = (round(x - 60 + 40 * finger), round(y))
        end = (round(x - 75 + 48 * finger), round(y - 135 - 12 * (finger in {1, 2})))
        cv2.line(picture, start, end, edge, 40, cv2.LINE_AA)
        cv2.line(picture, start, end, skin, 35, cv2.LINE_AA)
    cv2.ellipse(picture, (round(x), round(y + 45)), (92, 108), 0, 0, 360, skin, cv2.FILLED, cv2.LINE_AA)
    return frozen_array(picture)
