"""Which profile a run uses: loaded when the camera is known, saved when something was learnt."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from bridge.calibration_profiles import Profile, ProfileStore, check_name, fitting
from bridge.errors import ControlError
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral

log = logging.getLogger(__name__)

FIRST_NAME = "default"
"""The profile of whoever calibrates without having named one."""
_CLOSE_S = 3.0
_REMEMBERED = 32
"""Calibrations of which it is known whose they are: more than ``undo`` goes back."""


class ProfileKeeper:
    """``begin`` once the source is open; ``learnt`` from the engine's thread; everything else from any.

    Saving takes a disk's time, so it happens in a thread of its own, which lives as long as there is something to save.
    """

    def __init__(self, store: ProfileStore, *, wanted: str, use: Callable[[Neutral, str], None]) -> None:
        """``wanted`` is ``calibration.profile``; ``use`` puts a neutral in use, with a sentence for the person."""
        self._store = store
        self._wanted = wanted
        self._use = use
        self._lock = threading.Lock()
        self._camera = ""
        self._model_sha256 = self._mediapipe = ""
        self._name: str | None = None
        self._in_use: Neutral = IDENTITY_NEUTRAL
        self._owned: deque[tuple[Neutral, str]] = deque(maxlen=_REMEMBERED)
        self._unsaved: Neutral | None = None
        self._saver: threading.Thread | None = None
        self._names: tuple[str, ...] = ()

    def begin(self, *, camera: str, model_sha256: str, mediapipe: str) -> None:
        """Loads what ``calibration.profile`` asks for. Nothing that is wrong with it stops a run: the log says it."""
        self._camera, self._model_sha256, self._mediapipe = camera, model_sha256, mediapipe
        self._names = self._store.names()
        if self._wanted == "none":
            return
        last = self._store.last(camera) if self._wanted == "auto" else self._wanted
        self._name = last or FIRST_NAME
        if last is None:
            return
        profile = self._find(last)
        if profile is not None:
            self._put(profile)
        elif self._wanted != "auto":
            log.warning("there is no profile %s yet: your next calibration makes it", last)

    def learnt(self, neutral: Neutral) -> None:
        """What the person changed; saved under the name in use. Returns at once."""
        with self._lock:
            self._in_use = neutral
            # What was undone may lead back to somebody else's calibration: that one must not become this profile's.
            self._name = next((name for known, name in self._owned if known is neutral), self._name)
            if self._name is None:
                return
            if neutral is not IDENTITY_NEUTRAL:
                self._owned.appendleft((neutral, self._name))
            self._unsaved = neutral
            if self._saver is None:
                self._saver = threading.Thread(target=self._save_all, name="bridge-profiles", daemon=True)
                self._saver.start()

    def close(self) -> None:
        """Waits for what is being saved. Idempotent."""
        with self._lock:
            saver = self._saver
        if saver is not None:
            saver.join(_CLOSE_S)

    # --- commands ------------------------------------------------------------------------------------------------------

    def use(self, name: object) -> str:
        """Puts a profile in use; the sentence about it. Raises ControlError."""
        known = check_name(name)
        profile = self._find(known)
        if profile is None:
            names = ", ".join(self._store.names()) or "none yet"
            raise ControlError(f"there is no profile {known!r}; there are: {names}")
        told = self._put(profile)
        self._store.set_last(self._camera, known)
        return told

    def save(self, name: object) -> str:
        """Keeps what is in use under ``name``, which is in use from now on. Raises ControlError."""
        known = check_name(name)
        with self._lock:
            neutral = self._in_use
        if neutral is IDENTITY_NEUTRAL:
            raise ControlError("there is nothing to save: calibrate first")
        self._store.save(self._profile(known, neutral))
        self._store.set_last(self._camera, known)
        with self._lock:
            self._name = known
            self._owned.appendleft((neutral, known))
        self._names = self._store.names()
        return known

    def delete(self, name: object) -> str:
        """Forgets a profile; what is in use stays in use until the run ends. Raises ControlError."""
        known = check_name(name)
        if not self._store.delete(known):
            raise ControlError(f"there is no profile {known!r}")
        with self._lock:
            if self._name == known:
                self._name = FIRST_NAME if self._wanted != "none" else None
        self._names = self._store.names()
        return known

    def profiles(self) -> list[dict[str, object]]:
        """Every profile: its name, its cameras, whether it is in use."""
        status = self.status()
        return [
            {"name": name, "cameras": list(self._store.cameras(name)), "used": name == status["profile"]}
            for name in self._store.names()
        ]

    def status(self) -> dict[str, object]:
        """What ``status`` shows; reads no file. ``profile`` is None while nothing is in use that it could name."""
        with self._lock:
            used = None if self._in_use is IDENTITY_NEUTRAL else self._name
        return {"profile": used, "profiles": list(self._names), "camera": self._camera}

    def show(self) -> dict[str, object]:
        """What is in use, as plain values."""
        with self._lock:
            neutral = self._in_use
        return self.status() | {
            "file": str(self._store.path),
            "calibrated": neutral.knows_face,
            "flagged": neutral.flagged,
            "weights": [round(float(value), 4) for value in neutral.weights],
            "peaks": None if neutral.peaks is None else [round(float(value), 4) for value in neutral.peaks],
            "closed_lids": None if neutral.closed_lids is None else [round(lid, 4) for lid in neutral.closed_lids],
            "quat_xyzw": neutral.quat_xyzw.tolist(),
            "position_m": neutral.position_m.tolist(),
        }

    # --- inside --------------------------------------------------------------------------------------------------------

    def _find(self, name: str) -> Profile | None:
        """At this camera, else the newest of another."""
        for camera in (self._camera, *self._store.cameras(name)):
            profile = self._store.load(name, camera)
            if profile is not None:
                return profile
        return None

    def _put(self, profile: Profile) -> str:
        neutral, told = fitting(profile, camera=self._camera, model_sha256=self._model_sha256)
        if neutral is not profile.neutral:
            log.warning("%s", told)
        with self._lock:
            self._in_use, self._name = neutral, profile.name
            if neutral is not IDENTITY_NEUTRAL:
                self._owned.appendleft((neutral, profile.name))
        self._use(neutral, told)
        return told

    def _profile(self, name: str, neutral: Neutral) -> Profile:
        return Profile(
            name=name, camera=self._camera, neutral=neutral, model_sha256=self._model_sha256, mediapipe=self._mediapipe
        )

    def _save_all(self) -> None:
        while True:
            with self._lock:
                neutral, self._unsaved = self._unsaved, None
                name = self._name
                if neutral is None or name is None:
                    self._saver = None
                    return
            try:
                if neutral is IDENTITY_NEUTRAL:  # cleared: the next start begins without, the profile itself is kept
                    self._store.set_last(self._camera, None)
                else:
                    self._store.save(self._profile(name, neutral))
                    self._store.set_last(self._camera, name)
            except ControlError as error:
                log.warning("the calibration was not saved: %s", error)
            self._names = self._store.names()
