"""Profiles: there and back, per person and camera, whole or not at all, and what of them fits."""

from __future__ import annotations

import json
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import space
from bridge.calibration_profiles import MOST_PROFILES, Profile, ProfileStore, check_name, fitting
from bridge.errors import ControlError
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.types import frozen_array


def _neutral(seed: int = 0) -> Neutral:
    random = np.random.default_rng(seed)
    return Neutral(
        weights=frozen_array((0.4 * random.random(52)).astype(np.float32)),
        quat_xyzw=frozen_array(space.from_euler_deg(yaw=3, pitch=8, roll=-1)),
        position_m=frozen_array(np.array([0.01, -0.02, -0.55])),
        closed_lids=(0.61, 0.58),
        peaks=frozen_array((0.3 + 0.7 * random.random(52)).astype(np.float32)),
        flagged=bool(seed % 2),
    )


def _profile(name: str = "anna", camera: str = "C920", *, seed: int = 0, model: str = "abc", saved: str = "") -> Profile:
    return Profile(name=name, camera=camera, neutral=_neutral(seed), model_sha256=model, mediapipe="0.10.33", saved=saved)


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    """Empty."""
    return ProfileStore(tmp_path / "state" / "calibration.json")


@given(seed=st.integers(0, 2**32 - 1))
def test_there_and_back(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Another process reads what was written, to five digits."""
    path = tmp_path_factory.getbasetemp() / "round-trip.json"
    ProfileStore(path).save(_profile(seed=seed))
    found = ProfileStore(path).load("anna", "C920")
    assert found is not None
    expected = _neutral(seed)
    np.testing.assert_allclose(expected.weights, found.neutral.weights, atol=1e-5)
    assert expected.peaks is not None
    assert found.neutral.peaks is not None
    np.testing.assert_allclose(expected.peaks, found.neutral.peaks, atol=1e-5)
    assert expected.quat_xyzw.tolist() == found.neutral.quat_xyzw.tolist()
    assert expected.position_m.tolist() == found.neutral.position_m.tolist()
    assert (expected.closed_lids, expected.flagged) == (found.neutral.closed_lids, found.neutral.flagged)
    assert ("abc", "0.10.33") == (found.model_sha256, found.mediapipe)
    assert found.saved


def test_profiles_are_of_a_person_at_a_camera(store: ProfileStore) -> None:
    """One name, two cameras, the newest first; another name beside it."""
    store.save(_profile(camera="C920", saved="2026-01-01T00:00:00+00:00"))
    store.save(_profile(camera="Brio", seed=2, saved="2026-02-01T00:00:00+00:00"))
    store.save(_profile("ben", seed=4))
    assert ("anna", "ben") == store.names()
    assert ("Brio", "C920") == store.cameras("anna")
    assert store.load("anna", "Facecam") is None
    assert store.load("ben", "Brio") is None


def test_the_last_used_is_remembered_per_camera(store: ProfileStore) -> None:
    """And forgotten with its profile."""
    store.save(_profile())
    store.set_last("C920", "anna")
    store.set_last("Brio", "ben")
    assert ("anna", "ben", None) == (store.last("C920"), store.last("Brio"), store.last("demo"))
    store.set_last("Brio", None)
    assert store.delete("anna")
    assert not store.delete("anna")
    assert (None, None, ()) == (store.last("C920"), store.last("Brio"), store.names())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps access lists instead")
def test_only_the_owner_may_read_it(store: ProfileStore) -> None:
    """A resting face is nobody's business."""
    store.save(_profile())
    assert 0o600 == stat.S_IMODE(store.path.stat().st_mode)


def test_a_corrupt_file_is_set_aside(store: ProfileStore) -> None:
    """The next calibration makes a new one."""
    store.save(_profile())
    store.path.write_text("{ not json", encoding="utf-8")
    assert () == store.names()
    assert store.path.with_suffix(".broken").exists()
    store.save(_profile("ben"))
    assert ("ben",) == store.names()


@pytest.mark.parametrize(
    "damage",
    [
        {"weights": {"jawOpen": "wide"}},
        {"weights": {"jawOpen": 7.0}},
        {"quat_xyzw": [0, 0, 0, 2]},
        {"quat_xyzw": "straight"},
        {"position_m": [0, 0]},
        {"closed_lids": [0.5]},
        {"closed_lids": [0.5, 3]},
        {"position_m": [0, 0, 10**400]},
        {"peaks": {"jawOpen": 0}},
        None,
    ],
)
def test_a_damaged_profile_is_told_and_not_used(
    store: ProfileStore, damage: dict[str, Any] | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing half of it; the others stay."""
    store.save(_profile())
    store.save(_profile("ben"))
    document = json.loads(store.path.read_text(encoding="utf-8"))
    cameras = document["values"]["profiles"]["anna"]
    cameras["C920"] = "nonsense" if damage is None else cameras["C920"] | damage
    store.path.write_text(json.dumps(document), encoding="utf-8")
    assert store.load("anna", "C920") is None
    assert "anna" in caplog.text
    assert "calibrate anew" in caplog.text
    assert store.load("ben", "C920") is not None


def test_there_is_an_end_to_profiles(store: ProfileStore) -> None:
    """A script that runs wild fills no disk."""
    store.save(_profile())
    document = json.loads(store.path.read_text(encoding="utf-8"))
    profiles = document["values"]["profiles"]
    profiles |= {f"p{i}": profiles["anna"] for i in range(MOST_PROFILES - 1)}
    store.path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ControlError, match="delete one"):
        store.save(_profile("one more"))
    store.save(_profile("anna", "Brio"))


@pytest.mark.parametrize("name", ["", "  ", "auto", "None", "a\nb", "x" * 41, 7, None])
def test_what_is_no_name(name: object) -> None:
    """One clear sentence."""
    with pytest.raises(ControlError, match="1 to 40 printable characters"):
        check_name(name)


def test_a_profile_fits_its_own_camera_and_model() -> None:
    """As it is."""
    profile = _profile()
    neutral, told = fitting(profile, camera="C920", model_sha256="abc")
    assert profile.neutral is neutral
    assert "The profile anna is in use." == told


def test_of_another_model_only_the_head_is_kept() -> None:
    """The same coefficients would mean something else."""
    neutral, told = fitting(_profile(), camera="C920", model_sha256="def")
    assert (False, None, None) == (neutral.knows_face, neutral.peaks, neutral.closed_lids)
    assert _neutral().position_m.tolist() == neutral.position_m.tolist()
    assert "another model" in told


def test_of_another_camera_only_the_face_is_kept() -> None:
    """It stands elsewhere."""
    profile = _profile()
    neutral, told = fitting(profile, camera="Brio", model_sha256="abc")
    assert profile.neutral.weights is neutral.weights
    assert not neutral.moves_head
    assert "recenter your head for this camera" in told


def test_of_neither_nothing_is_kept() -> None:
    """And it says so."""
    neutral, told = fitting(replace(_profile()), camera="Brio", model_sha256="def")
    assert IDENTITY_NEUTRAL is neutral
    assert "calibrate again" in told
