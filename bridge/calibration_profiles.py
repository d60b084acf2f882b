"""Calibrations between runs: one file of named profiles, each with what was learnt of that person at each camera.

The file lies beside the state store's and is kept as carefully: replaced atomically, readable by the owner only, versioned, set
aside when it is broken. It says nothing of a face but 52 numbers at rest and how far expressions reach.
"""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bridge import arkit
from bridge.errors import ControlError
from bridge.stages.calibrate import check_neutral
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.state_store import StateStore, default_state_path
from bridge.types import Float32Array, frozen_array

log = logging.getLogger(__name__)

LONGEST_NAME = 40
RESERVED = frozenset({"auto", "none"})
"""Words of ``calibration.profile``."""
MOST_PROFILES = 200


def default_profiles_path() -> Path:
    """Where profiles are kept for this user."""
    return default_state_path().with_name("calibration.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What was learnt of one person at one camera."""

    name: str
    camera: str
    """``camera_id`` or the label of the source."""
    neutral: Neutral
    model_sha256: str
    """Of the model that saw the face; "" where no model of ours did."""
    mediapipe: str
    """Its release; "" likewise."""
    saved: str = ""
    """When, ISO 8601, UTC."""


def check_name(name: object) -> str:
    """A profile's name as it is kept. Raises ControlError."""
    text = name.strip() if isinstance(name, str) else ""
    if not 0 < len(text) <= LONGEST_NAME or not text.isprintable() or text.lower() in RESERVED:
        raise ControlError(f"a profile's name has 1 to {LONGEST_NAME} printable characters and is neither auto nor none")
    return text


class ProfileStore:
    """The file. Any thread; several processes may share it."""

    def __init__(self, path: Path | None = None) -> None:
        self._file = StateStore(path or default_profiles_path())
        self._lock = threading.Lock()

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._file.path

    def names(self) -> tuple[str, ...]:
        """All profiles, by alphabet."""
        return tuple(sorted(self._profiles()))

    def cameras(self, name: str) -> tuple[str, ...]:
        """The cameras at which ``name`` was calibrated, the newest first."""
        entries = self._profiles().get(name, {})
        return tuple(sorted(entries, key=lambda camera: str(_tree(entries[camera]).get("saved", "")), reverse=True))

    def load(self, name: str, camera: str) -> Profile | None:
        """None when there is none, or it is damaged (which the log says)."""
        entry = self._profiles().get(name, {}).get(camera)
        if entry is None:
            return None
        try:
            return _profile(name, camera, entry)
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            log.warning("the profile %s in %s is damaged (%s): it is not used; calibrate anew", name, self.path, error)
            return None

    def save(self, profile: Profile) -> None:
        """Keeps it; a profile of that name and camera is replaced. Raises ControlError when there are too many."""
        saved = profile.saved or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with self._lock:
            profiles = self._profiles()
            if profile.name not in profiles and len(profiles) >= MOST_PROFILES:
                raise ControlError(
                    f"there are {MOST_PROFILES} profiles already: delete one with `avatar-bridge calibration delete`"
                )
            profiles.setdefault(profile.name, {})[profile.camera] = _entry(replace(profile, saved=saved))
            self._file.put("profiles", profiles)

    def delete(self, name: str) -> bool:
        """Whether there was one."""
        with self._lock:
            profiles = self._profiles()
            if profiles.pop(name, None) is None:
                return False
            self._file.put("profiles", profiles)
            last = {camera: used for camera, used in self._last().items() if used != name}
            self._file.put("last", last)
            return True

    def last(self, camera: str) -> str | None:
        """The profile last used with ``camera``."""
        name = self._last().get(camera)
        return name if isinstance(name, str) else None

    def set_last(self, camera: str, name: str | None) -> None:
        """Remembers which profile is used with ``camera``; None: none."""
        with self._lock:
            last = {known: used for known, used in self._last().items() if known != camera}
            if name is not None:
                last[camera] = name
            self._file.put("last", last)

    def _profiles(self) -> dict[str, dict[str, Any]]:
        return {str(name): dict(_tree(cameras)) for name, cameras in _tree(self._file.get("profiles")).items()}

    def _last(self) -> dict[str, Any]:
        return dict(_tree(self._file.get("last")))


def _tree(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


# --- one profile as JSON ------------------------------------------------------------------------------------------------


def _named(values: Float32Array) -> dict[str, float]:
    return {name: round(float(value), 5) for name, value in zip(arkit.NAMES, values, strict=True)}


def _entry(profile: Profile) -> dict[str, Any]:
    neutral = profile.neutral
    return {
        "saved": profile.saved,
        "model_sha256": profile.model_sha256,
        "mediapipe": profile.mediapipe,
        "weights": _named(neutral.weights),
        "quat_xyzw": neutral.quat_xyzw.tolist(),
        "position_m": neutral.position_m.tolist(),
        "closed_lids": None if neutral.closed_lids is None else list(neutral.closed_lids),
        "peaks": None if neutral.peaks is None else _named(neutral.peaks),
        "flagged": neutral.flagged,
    }


def _values(tree: object, *, otherwise: float) -> Float32Array:
    known = _tree(tree)
    return frozen_array(np.array([float(known.get(name, otherwise)) for name in arkit.NAMES], dtype=np.float32))


def _profile(name: str, camera: str, entry: object) -> Profile:
    tree = _tree(entry)
    lids = tree["closed_lids"]
    neutral = Neutral(
        weights=_values(tree["weights"], otherwise=0.0),
        quat_xyzw=frozen_array(np.array(tree["quat_xyzw"], dtype=np.float64)),
        position_m=frozen_array(np.array(tree["position_m"], dtype=np.float64)),
        closed_lids=None if lids is None else (float(lids[0]), float(lids[1])),
        peaks=None if tree["peaks"] is None else _values(tree["peaks"], otherwise=1.0),
        flagged=bool(tree["flagged"]),
    )
    check_neutral(neutral)
    return Profile(
        name=name, camera=camera, neutral=neutral, model_sha256=str(tree["model_sha256"]), mediapipe=str(tree["mediapipe"]),
        saved=str(tree["saved"]),
    )  # fmt: skip


# --- what of it can be used ---------------------------------------------------------------------------------------------


def fitting(profile: Profile, *, camera: str, model_sha256: str) -> tuple[Neutral, str]:
    """What of ``profile`` holds for this camera and model, and one sentence about it.

    Another model reports other coefficients: of such a profile only the head is kept. Another camera stands elsewhere: of such
    a profile the head is dropped.
    """
    neutral, told = profile.neutral, f"The profile {profile.name} is in use."
    if profile.model_sha256 != model_sha256:
        neutral = replace(IDENTITY_NEUTRAL, quat_xyzw=neutral.quat_xyzw, position_m=neutral.position_m)
        told = f"The profile {profile.name} was learnt with another model: only its head is used; calibrate your face again."
    if profile.camera != camera:
        neutral = replace(neutral, quat_xyzw=IDENTITY_NEUTRAL.quat_xyzw, position_m=IDENTITY_NEUTRAL.position_m)
        told = f"The profile {profile.name} was learnt at {profile.camera}: recenter your head for this camera."
        if not neutral.knows_face:
            return IDENTITY_NEUTRAL, f"The profile {profile.name} fits neither this camera nor this model: calibrate again."
    return neutral, told
