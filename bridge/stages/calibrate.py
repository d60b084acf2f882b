"""Takes out of a face what is this person's own: posture, and the coefficients of the face at rest."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from bridge import space
from bridge.stages.look import with_look
from bridge.stages.neutral import CAPS, IDENTITY_NEUTRAL, Neutral, NeutralCollection
from bridge.types import FaceState, Float32Array, HeadPose, Presence, frozen_array

__all__ = ["IDENTITY_NEUTRAL", "CalibrateStage", "CalibrationState", "CalibrationStatus", "Neutral"]


class CalibrationState(enum.Enum):
    """What ``status`` says of the calibration."""

    IDLE = "idle"
    """Nothing is being learnt."""
    WAITING = "waiting"
    """The next head seen becomes straight ahead."""
    COLLECTING = "collecting"
    ACCEPTED = "accepted"
    """The last attempt went well."""
    REJECTED = "rejected"
    """The last attempt failed; what was valid before still is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationStatus:
    """A snapshot; may cross threads."""

    state: CalibrationState
    progress: float
    """0..1 while collecting."""
    accepted: int
    """Frames collected in this, or the last, attempt."""
    message: str
    """One sentence for the person; empty when there is nothing to say."""
    calibrated: bool
    """Whether a neutral is in use."""


class CalibrateStage:
    """Makes the neutral face zero and the neutral head straight ahead, and learns both on command.

    Head: ``R * R0^-1``, the neutral on the right, because the offset is posture and model bias, which live in the head's frame:
    with the true rotation T and the offset B the tracker sees ``R = T * B``. The other order tilts the axes by the offset: 10° of
    offset and a turn of 30° gave 5° of false roll (QUALITY.md, section 3). Position: ``p - p0``, along the camera's axes.

    Weights: ``clip((x - b) / (1 - b), 0, 1)`` with the neutral b, which is capped so that every expression still reaches 1. This
    includes the lids: an open eye goes to 0, and because 1 stays 1 a blink closes as far as before. With the identity neutral the
    same state comes out.

    Commands come from the engine's thread, between two steps; ``status`` and ``neutral`` may be read from any.
    """

    def __init__(self) -> None:
        self._neutral = IDENTITY_NEUTRAL
        self._zero: Float32Array | None = None
        self._range = np.ones(len(CAPS), dtype=np.float32)
        self._newest: HeadPose | None = None
        self._collection: NeutralCollection | None = None
        self._recenter_next = False
        self._report(CalibrationState.IDLE, "")

    @property
    def status(self) -> CalibrationStatus:
        """What is going on, or what came of the last attempt."""
        return self._status

    @property
    def neutral(self) -> Neutral:
        """The neutral in use; ``IDENTITY_NEUTRAL`` when there is none."""
        return self._neutral

    @neutral.setter
    def neutral(self, neutral: Neutral) -> None:
        """Uses a neutral learnt before. Raises ValueError when it is not one."""
        if neutral.weights.shape != CAPS.shape or not bool(((neutral.weights >= 0.0) & (neutral.weights <= 1.0)).all()):
            raise ValueError("a neutral has 52 weights within 0..1")
        if not (np.isfinite(neutral.position_m).all() and abs(float(neutral.quat_xyzw.dot(neutral.quat_xyzw)) - 1.0) < 1e-3):
            raise ValueError("a neutral's head is a finite position and a unit quaternion")
        self._neutral = neutral
        zero = np.minimum(neutral.weights, CAPS)
        self._zero = zero if bool(zero.any()) else None
        self._range = np.float32(1.0) - zero
        self._report(CalibrationState.IDLE, "")

    def recenter(self) -> None:
        """Makes the newest head straight ahead and its place the origin; when nobody is seen, the next head."""
        self._recenter_next = self._newest is None
        if self._newest is None:
            self._report(CalibrationState.WAITING, "Nobody is seen: the next face is taken as straight ahead.")
        else:
            self._recenter(self._newest)

    def begin_neutral(self, collect_s: float) -> None:
        """Starts to learn the neutral face and head over ``collect_s`` seconds; ``status`` tells how it goes."""
        self._collection = NeutralCollection(collect_s=collect_s, keep_head=self._neutral)
        self._report(CalibrationState.COLLECTING, "Look straight ahead with a relaxed face.")

    def clear(self) -> None:
        """Back to what the tracker delivers; also ends learning."""
        self._collection = None
        self._recenter_next = False
        self.neutral = IDENTITY_NEUTRAL

    def reset(self) -> None:
        """Forgets the stream and ends learning; the neutral stays."""
        self._newest = None
        if self._collection is not None or self._recenter_next:
            self._collection = None
            self._recenter_next = False
            self._report(CalibrationState.IDLE, "")

    def step(self, state: FaceState) -> FaceState:
        """The face relative to the neutral one."""
        observed = state.presence is Presence.LIVE
        self._newest = state.head if observed else None
        if self._recenter_next and self._newest is not None:
            self._recenter_next = False
            self._recenter(self._newest)
        if self._collection is not None:
            self._collect(self._collection, state, observed=observed)
        if not observed or self._neutral is IDENTITY_NEUTRAL:
            return state
        return with_look(
            state,
            weights=state.weights if self._zero is None else self._relative_weights(state.weights, self._zero),
            head=None if state.head is None else self._relative_head(state.head),
            gaze=state.gaze,
        )

    def _relative_weights(self, weights: Float32Array, zero: Float32Array) -> Float32Array:
        relative = weights - zero
        np.divide(relative, self._range, out=relative)
        np.maximum(relative, 0.0, out=relative)
        return frozen_array(np.minimum(relative, 1.0, out=relative))

    def _relative_head(self, head: HeadPose) -> HeadPose:
        neutral = self._neutral
        return HeadPose(
            position_m=frozen_array(head.position_m - neutral.position_m),
            quat_xyzw=frozen_array(space.canonical(space.multiply(head.quat_xyzw, space.inverse(neutral.quat_xyzw)))),
        )

    def _recenter(self, head: HeadPose) -> None:
        self.neutral = Neutral(weights=self._neutral.weights, quat_xyzw=head.quat_xyzw, position_m=head.position_m)
        if self._collection is None:
            self._report(CalibrationState.ACCEPTED, "The head is centred.")

    def _collect(self, collection: NeutralCollection, state: FaceState, *, observed: bool) -> None:
        verdict = collection.add(state, observed=observed)
        if verdict is None:
            self._report(CalibrationState.COLLECTING, self._status.message)
            return
        if verdict.neutral is not None:
            self.neutral = verdict.neutral
        outcome = CalibrationState.REJECTED if verdict.neutral is None else CalibrationState.ACCEPTED
        self._report(outcome, verdict.message)
        self._collection = None

    def _report(self, state: CalibrationState, message: str) -> None:
        collection = self._collection
        self._status = CalibrationStatus(
            state=state,
            progress=0.0 if collection is None else collection.progress,
            accepted=0 if collection is None else collection.accepted,
            message=message,
            calibrated=self._neutral is not IDENTITY_NEUTRAL,
        )
