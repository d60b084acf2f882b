"""Does MediaPipe's own landmark filter still answer to scaled timestamps? Measured once per release, model and scale.

The filter (a One Euro on every landmark, before coefficients and pose) takes its time steps from the timestamps; multiplying them
weakens it. That is nobody's promise, so it is checked: a drawn face jumps by one pixel of 256, and what share of the jump the
landmarks have made one frame later is compared between plain and scaled timestamps. Measured with 0.10.33, one face:
.36/.32 (jump to/fro) at 1, .58/.52 at 4, .94/.88 at 1e5.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bridge.errors import BridgeError
from bridge.settings import TrackerSettings
from bridge.state_store import StateStore
from bridge.trackers.drawn_face import draw_face, moved
from bridge.trackers.landmarker import Landmarker
from bridge.types import ImageArray

log = logging.getLogger(__name__)

UNFILTERED_SHARE = 0.8
"""A landmark that makes this share of a small jump at once is not being filtered."""
_MARGIN = 0.1
_FRAME_MS = 33
_PAUSE_MS = 10_000_000
"""So long a step makes the filter take the new value as it is, at any scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmoothingCheck:
    """What was measured."""

    works: bool
    """Scaled timestamps weaken the filter, or there is none to weaken."""
    landmark_filtered: bool
    """At this scale landmarks arrive filtered: what the smoothing stage is to be told."""
    share_plain: float
    """Of the jump, made within one frame at plain timestamps; 1 = no filter."""
    share_scaled: float
    """The same at scaled timestamps."""
    conclusive: bool = True
    """False when nothing could be measured (a model that does not find the drawn face); ``works`` is then taken for granted."""


def check_smoothing(model_path: Path, scale: float, *, num_faces: int = 1) -> SmoothingCheck:
    """Measures with a landmarker of its own: ten inferences, 0.25-0.4 s. Raises TrackerRefused."""
    settings = TrackerSettings(num_faces=num_faces, output_face_blendshapes=False, output_facial_transformation_matrixes=False)
    landmarker = Landmarker(settings, model_path, mode="VIDEO")
    try:
        shares = _measure(landmarker, scale)
    except (RuntimeError, ValueError, OSError) as error:
        log.warning("the landmark filter could not be checked: %s", error)
        shares = None
    finally:
        landmarker.close()
    if shares is None:
        return SmoothingCheck(
            works=True,
            landmark_filtered=expect_filtered(scale, num_faces=num_faces),
            share_plain=0.0,
            share_scaled=0.0,
            conclusive=False,
        )
    plain, scaled = shares
    return SmoothingCheck(
        works=scale <= 1.0 or scaled > plain + _MARGIN or scaled > UNFILTERED_SHARE,
        landmark_filtered=scaled < UNFILTERED_SHARE,
        share_plain=round(plain, 3),
        share_scaled=round(scaled, 3),
    )


def expect_filtered(scale: float, *, num_faces: int) -> bool:
    """What is known of 0.10.33 without measuring: filtered with one face up to a scale of about 100, never with more faces."""
    return num_faces == 1 and scale < 100.0


def _measure(landmarker: Landmarker, scale: float) -> tuple[float, float] | None:
    """Shares (plain, scaled), each the mean of a jump to and fro; None when the drawn face is not found."""
    here = draw_face(256)
    there = moved(here, x_px=1.0)
    timestamp = 0

    def look(image: ImageArray, step_ms: float) -> float | None:
        nonlocal timestamp
        timestamp += round(step_ms)
        found = landmarker.task.detect_for_video(landmarker.picture(image), timestamp).face_landmarks
        return float(np.mean([point.x for point in found[0]])) * image.shape[1] if found else None

    look(here, _PAUSE_MS)  # by the detector's crop
    settled = look(here, _PAUSE_MS)  # by the tracker's
    shares: list[float] = []
    for factor in (1.0, scale):
        for image in (there, here):
            first, after = look(image, _FRAME_MS * factor), look(image, _PAUSE_MS)
            if settled is None or first is None or after is None or abs(after - settled) < 0.5:
                return None
            shares.append((first - settled) / (after - settled))
            settled = after
    return (shares[0] + shares[1]) / 2, (shares[2] + shares[3]) / 2


def smoothing_check(model_path: Path, scale: float, *, num_faces: int = 1, store: StateStore) -> SmoothingCheck:
    """As ``check_smoothing``, measured once per MediaPipe release, model, scale and number of faces, then from ``store``."""
    key = _key(model_path, scale, num_faces)
    known = _parse(store.get(key))
    if known is None:
        known = check_smoothing(model_path, scale, num_faces=num_faces)
        if known.conclusive:
            store.put(key, asdict(known))
    return known


def known_smoothing_check(model_path: Path, scale: float, *, num_faces: int = 1, store: StateStore) -> SmoothingCheck | None:
    """What an earlier start measured; None when this is the first. 3 ms."""
    return _parse(store.get(_key(model_path, scale, num_faces)))


def start_smoothing_check(
    model_path: Path,
    scale: float,
    *,
    num_faces: int = 1,
    store: StateStore,
    on_done: Callable[[SmoothingCheck], None],
) -> threading.Thread:
    """``smoothing_check`` on a thread "bridge-smoothing-check", for after the first datagram; warns in the log when it fails.

    ``on_done`` is called on that thread, and not at all when MediaPipe refuses. Join the thread before the process ends.
    """

    def run() -> None:
        try:
            check = smoothing_check(model_path, scale, num_faces=num_faces, store=store)
        except BridgeError as error:
            log.warning("the landmark filter could not be checked: %s", error)
            return
        if not check.works:
            log.warning("%s", warning_about(check, scale))
        on_done(check)

    thread = threading.Thread(target=run, name="bridge-smoothing-check", daemon=True)
    thread.start()
    return thread


def warning_about(check: SmoothingCheck, scale: float) -> str:
    """The sentence for the log and for ``doctor``."""
    return (
        f"this MediaPipe does not weaken its landmark filter when timestamps are scaled by {scale:g} (a jump is followed to "
        f"{check.share_scaled:.0%} instead of {check.share_plain:.0%}): fast motion lags 10-20 ms more; install mediapipe 0.10.33"
    )


def _key(model_path: Path, scale: float, num_faces: int) -> str:
    # Without importing MediaPipe: a start that has measured before pays for a hash only.
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version("mediapipe")
    except PackageNotFoundError:
        release = "unknown"
    with model_path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return f"smoothing-check/{release}/{digest}/{scale:g}/{num_faces}"


def _parse(stored: Any) -> SmoothingCheck | None:
    """A stored measurement; None when it is not one."""
    try:
        check = SmoothingCheck(**stored)
    except TypeError:
        return None
    flags = (check.works, check.landmark_filtered, check.conclusive)
    shares = (check.share_plain, check.share_scaled)
    sound = all(isinstance(flag, bool) for flag in flags) and all(isinstance(share, int | float) for share in shares)
    return check if sound else None
