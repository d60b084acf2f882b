"""The values that flow through the bridge, and the roles that pass them on.

Values are frozen and slotted; their arrays are read-only. They may cross threads freely.

**Bridge space** (everywhere unless a name says otherwise): right-handed, metres; +X the subject's own left, +Y up, +Z out of the
face. yaw + turns to the own left, pitch + looks down, roll + tilts to the own right shoulder (intrinsic Y-X-Z). It equals
MediaPipe's camera space (/100), ARKit's face frame and glTF/VRM 1. Left and right always mean the subject's own.

**Time** is seconds on the monotonic clock, taken when the frame left the camera. Only edges and the engine read a clock.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Float32Array: TypeAlias = NDArray[np.float32]
Float64Array: TypeAlias = NDArray[np.float64]
ImageArray: TypeAlias = NDArray[np.uint8]

CHANNELS = 52
"""Length of every weights array: the ARKit coefficients in Apple's order (``arkit.NAMES``)."""

LANDMARKS = 478
"""Points of MediaPipe's face mesh with irises."""


_Array = TypeVar("_Array", bound="NDArray[np.generic]")


def frozen_array(array: _Array) -> _Array:
    """Marks ``array`` read-only and returns it."""
    array.setflags(write=False)  # a third of what ``flags.writeable`` costs
    return array


ZERO_WEIGHTS: Float32Array = frozen_array(np.zeros(CHANNELS, dtype=np.float32))
"""The resting face, float32 (52,), read-only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFrame:
    """One picture, as the sensor saw it: never mirrored."""

    seq: int
    """Counts delivered frames from 0."""
    t: float
    """Capture time, seconds, monotonic; the only time that stages see."""
    image: ImageArray
    """uint8 (H, W, 3) RGB, C-contiguous, read-only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPose:
    """Where the head is and how it is turned, in bridge space."""

    position_m: Float64Array
    """float64 (3,), metres. From the camera (z < 0) until a neutral was set; then from the neutral."""
    quat_xyzw: Float64Array
    """float64 (4,), unit, w >= 0."""


IDENTITY_HEAD = HeadPose(position_m=frozen_array(np.zeros(3)), quat_xyzw=frozen_array(np.array([0.0, 0.0, 0.0, 1.0])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaze:
    """Where each eye looks, in the head's frame; (yaw, pitch) in degrees, + = own left, + = down."""

    left_deg: tuple[float, float]
    right_deg: tuple[float, float]


GAZE_AHEAD = Gaze(left_deg=(0.0, 0.0), right_deg=(0.0, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One face of one inference."""

    weights: Float32Array
    """float32 (52,) in [0, 1], ARKit order. MediaPipe has no tongueOut; ``arkit.SUPPORT`` tells live, weak and dead."""
    head: HeadPose | None
    """None when transformation matrices are off."""
    landmarks: Float32Array | None = None
    """float32 (478, 3): x, y in [0, 1] of the picture, z in the same scale as x; None unless a consumer asked."""
    box: tuple[float, float, float, float] | None = None
    """(x, y, width, height) in pixels of the picture, from the landmarks; None where the source knows none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackResult:
    """One inference. An empty ``faces`` is "no face", never zeros."""

    seq: int
    """The ``CameraFrame.seq`` that it belongs to."""
    t: float
    """The frame's capture time, seconds."""
    t_done: float
    """When the result was there, seconds, same clock."""
    faces: tuple[Face, ...]
    frame: CameraFrame | None = None
    """The picture itself; None unless a consumer asked (virtual camera, preview)."""


class Presence(enum.Enum):
    """Whether a subject is there."""

    LIVE = "LIVE"
    """Tracked in this very frame (also while blending back in)."""
    HELD = "HELD"
    """Not seen at the moment; the last believable state is held."""
    LOST = "LOST"
    """Not seen for longer than the hold time; easing to, or at, rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceState:
    """What stages hand on and outputs receive: one subject at one time.

    On its way through the stages before ``presence``, LOST with ``head=None`` means "not observed in this frame".
    """

    subject: int
    """0 is the largest, most central face when tracking began."""
    seq: int
    t: float
    """Capture time, seconds."""
    t_done: float
    """When the tracker was done, seconds."""
    presence: Presence
    weights: Float32Array
    """float32 (52,) in [0, 1], ARKit order."""
    head: HeadPose | None
    gaze: Gaze = GAZE_AHEAD
    landmarks: Float32Array | None = None
    box: tuple[float, float, float, float] | None = None
    frame: CameraFrame | None = None
    stalled: bool = False
    """Whether nothing at all came from camera or tracker: not the same as a picture without a face. Never with LIVE."""
    extras: tuple[tuple[str, float], ...] = ()
    """Further named values that the user's mapping rules made, for outputs that can carry any name."""
    mirrored: bool = False
    """Whether weights, head and gaze are those of the mirror image; landmarks, box and frame never are."""

    @classmethod
    def rest(cls, *, subject: int = 0, seq: int = 0, t: float = 0.0, t_done: float | None = None) -> FaceState:
        """The neutral state: LOST, all weights 0, head straight, eyes ahead. Sent when the bridge stops."""
        return cls(
            subject=subject,
            seq=seq,
            t=t,
            t_done=t if t_done is None else t_done,
            presence=Presence.LOST,
            weights=ZERO_WEIGHTS,
            head=IDENTITY_HEAD,
        )


class OutputState(enum.Enum):
    """What ``status`` says of an output."""

    CONNECTING = "connecting"
    SENDING = "sending"
    WAITING = "waiting"
    """Open, but there is nothing to send or nobody to send to: no viewer yet, or the user must agree in the receiver."""
    REJECTED = "rejected"
    FAULTED = "faulted"
    """The last attempt failed; it will be tried again."""
    OFF = "off"


# --- roles -----------------------------------------------------------------------------------------------------------


class Source(Protocol):
    """Delivers camera frames, or finished results (demo, recording, network): whatever ``read`` returns.

    ``open``, ``read`` and ``close`` are called by the capture thread only; ``cancel`` by any thread.
    """

    @property
    def label(self) -> str:
        """How people call it: "Logitech C920 (/dev/video0)", "clip.gif", "demo"."""
        ...

    @property
    def live(self) -> bool:
        """True for a device that may come back when lost; False for files, which end."""
        ...

    def open(self) -> None:
        """Makes ``read`` possible. A failure leaves nothing open. Raises SourceUnavailable."""
        ...

    def read(self) -> CameraFrame | TrackResult:
        """Blocks until the next frame or result is due. Raises SourceLost, SourceEnded."""
        ...

    def close(self) -> None:
        """Idempotent; never raises."""
        ...

    def cancel(self) -> None:
        """Any thread: makes a blocked ``read`` end soon with SourceEnded. Later reads end at once."""
        ...


OnResult: TypeAlias = Callable[[TrackResult], None]


class Tracker(Protocol):
    """Turns frames into results, asynchronously."""

    def start(self, on_result: OnResult) -> None:
        """Loads the model. ``on_result`` is called from a thread of the tracker's; it must only store and return.
        Raises AssetError, TrackerRefused."""
        ...

    def submit(self, frame: CameraFrame) -> None:
        """Capture thread. Returns fast; may drop (counted), never queues more than one. Raises TrackerStalled when
        frames have gone in and nothing came back for the stall time."""
        ...

    def flush(self, timeout_s: float) -> bool:
        """Waits until all that was accepted has come back; True if so."""
        ...

    def close(self) -> None:
        """Idempotent; returns after the last callback."""
        ...


class Stage(Protocol):
    """One step of the chain. Engine thread; no clock, no I/O, no thread. Finite in, finite out."""

    def step(self, state: FaceState) -> FaceState:
        """The state after this step. Called in order of time, also when nothing was observed."""
        ...

    def reset(self) -> None:
        """Forgets everything learnt from the stream (not the calibration)."""
        ...


class Output(Protocol):
    """One receiver. All calls come from the output's own worker thread and may block."""

    def open(self) -> None:
        """Raises OutputUnavailable (tried again with back-off) or OutputRejected."""
        ...

    def send(self, state: FaceState) -> None:
        """Encodes and sends one state. Raises as ``open`` does."""
        ...

    def close(self) -> None:
        """Idempotent; never raises."""
        ...


class Filter(Protocol):
    """One step of the virtual camera's picture. Pure."""

    def apply(self, image: ImageArray, state: FaceState) -> ImageArray:
        """A new picture of the same size, uint8 (H, W, 3) RGB; ``image`` is left alone."""
        ...
