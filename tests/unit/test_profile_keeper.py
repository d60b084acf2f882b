"""Which profile a run uses: loaded at the start, saved when something was learnt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge import space
from bridge.calibration_profiles import ProfileStore
from bridge.errors import ControlError
from bridge.profile_keeper import ProfileKeeper
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral
from bridge.types import frozen_array

DEADLINE_S = 30.0


def _neutral(level: float = 0.2) -> Neutral:
    return Neutral(
        weights=frozen_array(np.full(52, level, dtype=np.float32)),
        quat_xyzw=frozen_array(space.from_euler_deg(yaw=0, pitch=5, roll=0)),
        position_m=frozen_array(np.array([0.0, 0.0, -0.5])),
    )


class _Run:
    """One start of the bridge."""

    def __init__(self, path: Path, *, wanted: str = "auto", camera: str = "C920", model: str = "abc") -> None:
        self.used: list[tuple[Neutral, str]] = []
        self.store = ProfileStore(path)
        self.keeper = ProfileKeeper(self.store, wanted=wanted, use=lambda neutral, told: self.used.append((neutral, told)))
        self.keeper.begin(camera=camera, model_sha256=model, mediapipe="0.10.33")

    def learn(self, neutral: Neutral) -> None:
        """And wait until it is saved."""
        self.keeper.learnt(neutral)
        self.keeper.close()

    @property
    def level(self) -> float:
        """Of the neutral that was put in use last."""
        return float(self.used[-1][0].weights[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """No file yet."""
    return tmp_path / "calibration.json"


def test_what_is_learnt_is_there_at_the_next_start(path: Path) -> None:
    """Without a word about profiles: it is called default."""
    first = _Run(path)
    assert ([], None) == (first.used, first.keeper.status()["profile"])
    first.learn(_neutral(0.2))
    assert "default" == first.keeper.status()["profile"]
    second = _Run(path)
    assert 0.2 == pytest.approx(second.level)
    assert "default" == second.keeper.status()["profile"]


def test_another_camera_starts_without(path: Path) -> None:
    """What was last used with it is used, nothing else."""
    _Run(path).learn(_neutral())
    assert [] == _Run(path, camera="Brio").used


def test_a_person_moves_to_another_camera(path: Path) -> None:
    """Asked for by name, the face comes along and the head does not."""
    run = _Run(path)
    run.learn(_neutral())
    run.keeper.save("anna")
    other = _Run(path, camera="Brio", wanted="anna")
    neutral, told = other.used[0]
    assert neutral.knows_face
    assert not neutral.moves_head
    assert "recenter" in told


def test_another_model_is_told_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One sentence; the head is kept."""
    _Run(path).learn(_neutral())
    run = _Run(path, model="def")
    assert (False, True) == (run.used[0][0].knows_face, run.used[0][0].moves_head)
    assert 1 == len([record for record in caplog.records if "another model" in record.getMessage()])


def test_none_neither_loads_nor_saves_by_itself(path: Path) -> None:
    """Until a name is given."""
    _Run(path).learn(_neutral(0.2))
    run = _Run(path, wanted="none")
    run.learn(_neutral(0.3))
    assert [] == run.used
    assert 0.2 == pytest.approx(_Run(path).level)
    run.keeper.save("anna")
    assert 0.3 == pytest.approx(_Run(path).level)


def test_a_name_that_does_not_exist_yet_is_made_by_the_next_calibration(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And told at the start."""
    run = _Run(path, wanted="ben")
    assert "there is no profile ben yet" in caplog.text
    run.learn(_neutral())
    assert ("ben",) == run.store.names()


def test_two_persons_take_turns(path: Path) -> None:
    """use switches; what is learnt then goes to the one in use."""
    run = _Run(path)
    run.learn(_neutral(0.1))
    run.keeper.save("anna")
    run.learn(_neutral(0.2))
    run.keeper.save("ben")
    assert "The profile anna is in use." == run.keeper.use("anna")
    assert 0.2 == pytest.approx(run.level)  # learnt as anna before it was saved as ben
    run.learn(_neutral(0.15))
    run.keeper.use("ben")
    assert 0.2 == pytest.approx(run.level)
    run.keeper.use("anna")
    assert 0.15 == pytest.approx(run.level)
    assert [("anna", True), ("ben", False), ("default", False)] == [(row["name"], row["used"]) for row in run.keeper.profiles()]


def test_a_cleared_calibration_stays_cleared_and_the_profile_is_kept(path: Path) -> None:
    """The next start begins without; use brings it back."""
    run = _Run(path)
    run.learn(_neutral())
    run.learn(IDENTITY_NEUTRAL)
    later = _Run(path)
    assert [] == later.used
    later.keeper.use("default")
    assert 0.2 == pytest.approx(later.level)


def test_undoing_a_switch_leaves_both_profiles_as_they_are(path: Path) -> None:
    """anna is in use, ben is put in use, undone: anna's again, in use and on disk, and ben's is untouched."""
    run = _Run(path)
    run.learn(_neutral(0.1))
    run.keeper.save("ben")
    anna = _neutral(0.2)
    run.learn(anna)
    run.keeper.save("anna")
    ben = run.store.load("ben", "C920")
    assert ben is not None
    run.store.save(replace(ben, neutral=_neutral(0.1)))
    run.keeper.use("ben")
    run.learn(anna)  # what the engine tells after an undo
    assert "anna" == run.keeper.status()["profile"]
    run.keeper.use("ben")
    assert 0.1 == pytest.approx(run.level)
    run.keeper.use("anna")
    assert 0.2 == pytest.approx(run.level)


def test_what_cannot_be_done_is_said(path: Path) -> None:
    """Unknown names, nothing to save."""
    run = _Run(path)
    with pytest.raises(ControlError, match="there is no profile 'anna'; there are: none yet"):
        run.keeper.use("anna")
    with pytest.raises(ControlError, match="there is no profile 'anna'"):
        run.keeper.delete("anna")
    with pytest.raises(ControlError, match="calibrate first"):
        run.keeper.save("anna")
    with pytest.raises(ControlError, match="printable"):
        run.keeper.use(None)


def test_a_deleted_profile_is_gone(path: Path) -> None:
    """What is in use stays in use."""
    run = _Run(path)
    run.learn(_neutral())
    run.keeper.save("anna")
    assert "anna" == run.keeper.delete("anna")
    assert ("default",) == run.store.names()
    assert [] == _Run(path).used


def test_show_is_plain_and_complete(path: Path) -> None:
    """For people and programs."""
    run = _Run(path)
    run.learn(_neutral())
    shown = run.keeper.show()
    assert (True, False, "default", str(path)) == (shown["calibrated"], shown["flagged"], shown["profile"], shown["file"])
    assert [0.2] * 52 == pytest.approx(shown["weights"])


def test_saving_never_holds_the_engine_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """learnt returns while the disk is slow; of several the newest is kept."""
    run = _Run(path)
    go, original = threading.Event(), run.store.save
    entered = threading.Event()

    def slow(profile: object) -> None:
        entered.set()
        assert go.wait(DEADLINE_S)
        original(profile)  # type: ignore[arg-type]

    monkeypatch.setattr(run.store, "save", slow)
    run.keeper.learnt(_neutral(0.1))
    assert entered.wait(DEADLINE_S)
    run.keeper.learnt(_neutral(0.2))
    run.keeper.learnt(_neutral(0.3))
    go.set()
    _wait_for(lambda: bool(_Run(path).used) and abs(_Run(path).level - 0.3) < 1e-6)
    run.keeper.close()


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline, pause = time.monotonic() + DEADLINE_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)
