"""Real people whom nobody calibrated: the goals of QUALITY.md, sections 6.3, 6.4 and 9, on what MediaPipe said of them.

Truth is the recording without MediaPipe's landmark filter (``nosmooth``). A closure is where an eye is more than 0.25 above its
own resting level of those seconds; it is a blink when the other eye goes at least 0.3 as far. Eyes are open where nothing closes
within a quarter of a second.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import arkit
from bridge.recording_npz import read_npz
from bridge.settings import Settings
from bridge.stages.eyes import EyesStage
from bridge.stages.guard import GuardStage
from bridge.stages.smooth import SmoothStage
from bridge.types import FaceState, Float32Array, Float64Array, Presence, Stage

BLINKING = ("lp_d9", "lp_d10", "lp_d12", "lp_d13", "lp_s20", "st_a")
LIDS = [arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]]
UP = [arkit.INDEX["eyeLookUpLeft"], arkit.INDEX["eyeLookUpRight"]]
DOWN = [arkit.INDEX["eyeLookDownLeft"], arkit.INDEX["eyeLookDownRight"]]


@dataclass(frozen=True)
class Watched:
    """One recording as it was and as it is shown."""

    t: Float64Array
    raw: Float32Array
    shown: Float32Array

    @property
    def resting(self) -> Float32Array:
        """The lower quartile of each eye's raw eyeBlink around each moment (N, 2)."""
        lids = self.raw[:, LIDS]
        return np.array([np.percentile(lids[np.abs(self.t - t) < 1.5], 25, axis=0) for t in self.t], dtype=np.float32)

    def closures(self) -> Iterator[tuple[slice, bool]]:
        """Each closure with some frames around it, and whether both eyes took part."""
        rise = self.raw[:, LIDS] - self.resting
        closing = np.concatenate(([False], rise.max(axis=1) > 0.15, [False])).astype(int)
        edges = np.diff(closing)
        for first, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
            peaks = rise[first:end].max(axis=0)
            if peaks.max() > 0.25:
                yield slice(max(0, first - 2), end + 4), bool(peaks.min() > 0.3 * peaks.max())

    def open_eyed(self) -> NDArray[np.bool_]:
        """The frames with open eyes."""
        quiet: NDArray[np.bool_] = (self.raw[:, LIDS] - self.resting).max(axis=1) < 0.1
        for closure, _ in self.closures():
            quiet &= (self.t < self.t[closure][0] - 0.2) | (self.t > self.t[closure][-1] + 0.2)
        return quiet


def _read(path: Path) -> list[FaceState]:
    return [
        FaceState(
            subject=0, seq=result.seq, t=result.t, t_done=result.t_done, presence=Presence.LIVE,
            weights=result.faces[0].weights, head=result.faces[0].head,
        )
        for result in read_npz(path)
    ]  # fmt: skip


@functools.cache
def _watch(folder: Path, clip: str, feed: str, every: int = 1) -> Watched:
    """``feed``: dil4 is what the balanced preset gets, nosmooth what the low-latency one does. ``every``: 2 halves the rate."""
    settings = Settings()
    stages: tuple[Stage, ...] = (
        GuardStage(),
        SmoothStage(settings.smoothing, landmark_filtered=feed != "nosmooth"),
        EyesStage(settings.eyes),
    )
    raw = _read(folder / f"{clip}.nosmooth.npz")[::every]
    fed = _read(folder / f"{clip}.{feed}.npz")[::every]
    shown = [functools.reduce(lambda seen, stage: stage.step(seen), stages, state) for state in fed]
    return Watched(
        np.array([state.t for state in raw]),
        np.stack([state.weights for state in raw]),
        np.stack([state.weights for state in shown]),
    )


@pytest.mark.parametrize(
    ("feed", "every"), [("dil4", 1), ("nosmooth", 1), ("dil4", 2)], ids=["balanced", "low-latency", "15 fps"]
)
def test_blinks_close_together_and_open_eyes_are_open(recordings: Path, feed: str, every: int) -> None:
    """Closed by > 0.95 in 75 % (at full rate 85 %), lids apart by <= 0.08, no false closure, open by <= 0.04."""
    closed, apart, open_lids = [], [], []
    for clip in BLINKING:
        watched = _watch(recordings, clip, feed, every)
        lids = watched.shown[:, LIDS]
        for closure, both in watched.closures():
            if both:
                closed.append(lids[closure].min(axis=1).max() > 0.95)
                apart.append(np.ptp(lids[closure], axis=1).max())
        open_lids.append(lids[watched.open_eyed()])
    values = np.concatenate(open_lids)
    assert len(closed) >= 30
    assert np.mean(closed) >= (0.85 if every == 1 else 0.75)
    assert np.mean(apart) <= 0.04
    assert (values > 0.3).mean() <= 0.01
    assert values.mean() <= 0.01


@pytest.mark.parametrize("feed", ["dil4", "nosmooth"])
def test_blinks_hardly_look_down(recordings: Path, feed: str) -> None:
    """Raw gaze drops by more than half of its range in a blink; shown, by less than 0.19."""
    raw_drops, shown_drops = [], []
    for clip in BLINKING:
        watched = _watch(recordings, clip, feed)
        raw, shown = (w[:, DOWN].mean(axis=1) - w[:, UP].mean(axis=1) for w in (watched.raw, watched.shown))
        for closure, both in watched.closures():
            if both and closure.start > 4 and np.ptp(watched.t[closure]) < 0.8:
                before = np.median(raw[closure.start - 4 : closure.start])
                raw_drops.append(raw[closure].max() - before)
                shown_drops.append(shown[closure].max() - before)
    assert np.mean(raw_drops) > 0.5
    assert np.mean(shown_drops) < 0.19


@pytest.mark.parametrize("feed", ["dil4", "nosmooth"])
@pytest.mark.parametrize(("closed", "seconds"), [(0, (0.3, 0.65)), (1, (1.2, 1.53))], ids=["left", "right"])
def test_a_real_wink_is_one(recordings: Path, feed: str, closed: int, seconds: tuple[float, float]) -> None:
    """lp_d3 winks with raw 0.52 against 0.10, left and then right, right after its beginning."""
    watched = _watch(recordings, "lp_d3", feed)
    lids = watched.shown[(watched.t - watched.t[0] >= seconds[0]) & (watched.t - watched.t[0] <= seconds[1])][:, LIDS]
    assert lids[:, closed].max() >= 0.70
    assert lids[:, closed].mean() >= 0.70
    assert lids[:, 1 - closed].max() <= 0.20
