"""Takes out of a face what is this person's own: posture, the face at rest, and how far the expressions reach."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

import numpy as np

from bridge import arkit
from bridge.settings import CalibrationSettings
from bridge.stages.camera_tilt import HeadZero, tilt_of
from bridge.stages.guide import GUIDES, Guide
from bridge.stages.look import with_look
from bridge.stages.neutral import CAPS, IDENTITY_NEUTRAL, Neutral, Verdict
from bridge.stages.neutral_drift import NeutralDrift
from bridge.stages.neutral_population import FACTORY
from bridge.stages.range import RangeMap
from bridge.types import ZERO_WEIGHTS, FaceState, Float32Array, HeadPose, Presence, frozen_array

__all__ = ["IDENTITY_NEUTRAL", "PLAIN", "CalibrateStage", "CalibrationState", "CalibrationStatus", "Neutral"]

PLAIN = CalibrationSettings(factory=False, auto=False, range=False, camera_tilt_deg=0.0)
"""Nothing but what is learnt on command: for coefficients that already run from 0 to 1."""
_KEPT = 8
"""How many calibrations ``undo`` can go back."""


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
    """0..1 of this step while collecting."""
    accepted: int
    """Frames collected in this, or the last, step."""
    message: str
    """One sentence for the person; while collecting, what to do now; empty when there is nothing to say."""
    calibrated: bool
    """Whether a neutral is in use."""
    attempt: int = 0
    """Counts the attempts: whoever asks for one waits for the next number."""
    step: str = ""
    """The step's name; empty unless collecting."""
    number: int = 0
    """Which step it is, from 1."""
    count: int = 0
    """How many steps there are."""
    watching: bool = False
    """Whether the step is being watched; otherwise the person is waited for."""
    notes: tuple[str, ...] = ()
    """What was not seen so far."""
    flagged: bool = False
    """The neutral in use is hard to believe and was insisted on."""
    can_insist: bool = False
    """What was rejected last can still be used (``insist``)."""
    undo: int = 0
    """How many calibrations can be undone."""


class CalibrateStage:
    """Makes the neutral face zero, strong expressions one and the neutral head straight ahead, and learns all that on command.

    Head: ``HeadZero``. Weights: ``RangeMap`` for all channels but eyeBlink, which pass: the eyes stage maps the lids, from the
    same ``neutral``. Until the face was calibrated the map starts from the population's neutral (``factory``) and follows a face
    at rest slowly (``auto``, ``NeutralDrift``). Without ``settings`` there is nothing but what is learnt on command, and with the
    identity neutral the same state comes out.

    Commands come from the engine's thread, between two steps; ``status`` and ``neutral`` may be read from any.
    """

    def __init__(self, settings: CalibrationSettings = PLAIN) -> None:
        self._settings = settings
        self._map = RangeMap(stretch=settings.range)
        self._drift = NeutralDrift(self._map)
        self._newest: HeadPose | None = None
        self._guide: Guide | None = None
        self._recenter_next = False
        self._attempt = 0
        self._doubted: Neutral | None = None
        self._before: list[Neutral] = []
        self.revision = 0
        """Counts what the person changed; a neutral that was merely put in use does not count."""
        self._use(IDENTITY_NEUTRAL)
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
        check_neutral(neutral)
        self._use(neutral)
        self._report(CalibrationState.IDLE, "")

    @property
    def learnt_zero(self) -> Float32Array:
        """The zero of each channel as it is now, (52,): the neutral's or the factory's, and what was learnt since. Lids 0."""
        return frozen_array(self._map.zero.copy())

    # --- commands ------------------------------------------------------------------------------------------------------

    def recenter(self) -> None:
        """Makes the newest head straight ahead and its place the origin; when nobody is seen, the next head."""
        self._recenter_next = self._newest is None
        if self._newest is None:
            self._report(CalibrationState.WAITING, "Nobody is seen: the next face is taken as straight ahead.")
        else:
            self._recenter(self._newest)

    def begin_neutral(self, collect_s: float, *, insist: bool = False) -> None:
        """Starts to learn the neutral face and head over ``collect_s`` seconds; ``status`` tells how it goes."""
        self.begin("neutral", collect_s, insist=insist)

    def begin(self, guide: str, collect_s: float, *, insist: bool = False) -> None:
        """Starts a guided calibration, one of ``guide.GUIDES``. Whoever insists gets a neutral that is hard to believe."""
        self._attempt += 1
        self._doubted = None
        self._guide = Guide(GUIDES[guide], collect_s=collect_s, base=self._neutral, insist=insist)
        self._report_guide(self._guide)

    def cancel(self) -> None:
        """Ends learning; what was valid before still is."""
        if self._guide is not None or self._recenter_next:
            self._guide, self._recenter_next = None, False
            self._report(CalibrationState.IDLE, "Calibration stopped.")

    def insist(self) -> None:
        """Uses what was rejected last, lowered to what can be believed."""
        doubted, self._doubted = self._doubted, None
        if doubted is None:
            self._report(self._status.state, "There is nothing rejected to insist on.")
            return
        self._change(doubted)
        self._report(CalibrationState.ACCEPTED, "Used as you insist; it corrects itself while your face is calmer.")

    def undo(self) -> None:
        """Back to the calibration before the last one."""
        self._guide, self._recenter_next, self._doubted = None, False, None
        if not self._before:
            self._report(CalibrationState.IDLE, "There is nothing to undo.")
            return
        self._use(self._before.pop())
        self.revision += 1
        self._report(CalibrationState.IDLE, "The calibration before is in use again.")

    def put(self, neutral: Neutral, message: str) -> None:
        """Uses a neutral learnt before, which can be undone. Raises ValueError when it is not one."""
        check_neutral(neutral)
        self._guide, self._recenter_next, self._doubted = None, False, None
        self._remember()
        self._use(neutral)
        self._report(CalibrationState.IDLE, message)

    def clear(self) -> None:
        """Back to what the tracker delivers; also ends learning."""
        self._guide, self._recenter_next, self._doubted = None, False, None
        self._change(IDENTITY_NEUTRAL)
        self._report(CalibrationState.IDLE, "")

    def trust(self) -> None:
        """From now on nothing but what was learnt on command: the coefficients that come already run from 0 to 1."""
        self._settings = self._settings.model_copy(update={"factory": False, "auto": False, "range": False})
        self._map = RangeMap(stretch=False)
        self._drift = NeutralDrift(self._map)
        self._use(self._neutral)

    # --- the stream ----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Forgets the stream and ends learning; the neutral stays."""
        self._newest = None
        self._drift.reset()
        if self._guide is not None or self._recenter_next:
            self._guide, self._recenter_next = None, False
            self._report(CalibrationState.IDLE, "")

    def step(self, state: FaceState) -> FaceState:
        """The face relative to the neutral one."""
        observed = state.presence is Presence.LIVE
        self._newest = state.head if observed else None
        if self._recenter_next and self._newest is not None:
            self._recenter_next = False
            self._recenter(self._newest)
        if self._guide is not None:
            self._lead(self._guide, state, observed=observed)
        if not observed or self._is_identity:
            return state
        head = None if state.head is None else self._head_zero.apply(state.head)
        weights = state.weights if self._map.is_identity else self._map.apply(state.weights)
        if self._settings.auto:
            dt = self._drift.learn(state.weights, weights, head, state.t)
            self._map.follow(state.weights, dt)
        return with_look(state, weights=weights, head=head, gaze=state.gaze)

    # --- inside --------------------------------------------------------------------------------------------------------

    def _use(self, neutral: Neutral) -> None:
        self._neutral = neutral
        zero = np.minimum(neutral.weights, CAPS)
        if not neutral.knows_face:
            zero = FACTORY if self._settings.factory else ZERO_WEIGHTS
        self._map.begin(zero, neutral.peaks)
        self._drift.begin(calibrated=neutral.knows_face, flagged=neutral.flagged)
        self._head_zero = HeadZero(neutral, tilt_deg=tilt_of(self._settings.camera_tilt_deg, neutral))
        settings = self._settings
        idle = self._map.is_identity and not settings.auto and not self._head_zero.tilt_deg
        self._is_identity = idle and neutral is IDENTITY_NEUTRAL

    def _remember(self) -> None:
        self._before = [*self._before, self._neutral][-_KEPT:]

    def _change(self, neutral: Neutral) -> None:
        self._remember()
        self._use(neutral)
        self.revision += 1

    def _recenter(self, head: HeadPose) -> None:
        self._change(replace(self._neutral, quat_xyzw=head.quat_xyzw, position_m=head.position_m))
        if self._guide is None:
            self._report(CalibrationState.ACCEPTED, "The head is centred.")

    def _lead(self, guide: Guide, state: FaceState, *, observed: bool) -> None:
        verdict = guide.add(state, observed=observed)
        if verdict is None:
            self._report_guide(guide)
            return
        self._guide = None
        self._judge(verdict)

    def _judge(self, verdict: Verdict) -> None:
        self._doubted = verdict.doubted
        if verdict.neutral is not None:
            self._change(verdict.neutral)
        self._report(CalibrationState.REJECTED if verdict.neutral is None else CalibrationState.ACCEPTED, verdict.message)

    def _report_guide(self, guide: Guide) -> None:
        self._report(CalibrationState.COLLECTING, guide.step.caption, guide)

    def _report(self, state: CalibrationState, message: str, guide: Guide | None = None) -> None:
        self._status = CalibrationStatus(
            state=state,
            progress=0.0 if guide is None else guide.progress,
            accepted=0 if guide is None else guide.accepted,
            message=message,
            calibrated=self._neutral is not IDENTITY_NEUTRAL,
            attempt=self._attempt,
            step="" if guide is None else guide.step.name,
            number=0 if guide is None else guide.number,
            count=0 if guide is None else guide.count,
            watching=guide is not None and guide.watching,
            notes=() if guide is None else guide.notes,
            flagged=self._neutral.flagged,
            can_insist=self._doubted is not None,
            undo=len(self._before),
        )


def check_neutral(neutral: Neutral) -> None:
    """Raises ValueError when it is not one: it may come from a damaged file."""
    weights, peaks = neutral.weights, neutral.peaks
    if weights.shape != CAPS.shape or not bool(((weights >= 0.0) & (weights <= 1.0)).all()):
        raise ValueError("a neutral has 52 weights within 0..1")
    if neutral.position_m.shape != (3,) or neutral.quat_xyzw.shape != (4,):
        raise ValueError("a neutral's head has a position of 3 numbers and a quaternion of 4")
    if not (np.isfinite(neutral.position_m).all() and abs(float(neutral.quat_xyzw.dot(neutral.quat_xyzw)) - 1.0) < 1e-3):
        raise ValueError("a neutral's head is a finite position and a unit quaternion")
    if peaks is not None and (peaks.shape != (len(arkit.NAMES),) or not bool(((peaks > 0.0) & (peaks <= 1.0)).all())):
        raise ValueError("a neutral's peaks are 52 values above 0, up to 1")
    if neutral.closed_lids is not None and not all(0.0 <= lid <= 1.0 for lid in neutral.closed_lids):
        raise ValueError("a neutral's closed lids are two values within 0..1")
