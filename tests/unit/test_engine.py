"""The engine: one state per subject and result, silence told to the stages, commands, failures survived."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from bridge import arkit, space
from bridge.engine import Engine, Port
from bridge.settings import Settings
from bridge.stages.calibrate import PLAIN
from bridge.stages.calibration_commands import BeginCalibration, ClearCalibration, Recenter
from bridge.stages.guard import GuardStage
from bridge.types import ZERO_WEIGHTS, Face, FaceState, HeadPose, Presence, TrackResult, frozen_array

DEADLINE_S = 20.0


def _settings(**changes: object) -> Settings:
    return Settings.model_validate({"smoothing": {"enabled": False}, "calibration": PLAIN.model_dump(), **changes})


def _engine(settings: Settings | None = None, *, clock: Callable[[], float] = time.monotonic) -> Engine:
    return Engine(settings or _settings(), clock=clock, landmark_filtered=False)


def _face(*, jaw: float = 0.0, yaw: float = 0.0, box: tuple[float, float, float, float] | None = None) -> Face:
    weights = ZERO_WEIGHTS.copy()
    weights[arkit.INDEX["jawOpen"]] = jaw
    head = HeadPose(
        position_m=frozen_array(np.array([0.0, 0.0, -0.5])),
        quat_xyzw=frozen_array(space.from_euler_deg(yaw=yaw, pitch=0.0, roll=0.0)),
    )
    return Face(weights=frozen_array(weights), head=head, box=box)


def _result(k: int, *faces: Face, fps: float = 30.0) -> TrackResult:
    return TrackResult(seq=k, t=k / fps, t_done=k / fps + 0.014, faces=faces)


def test_a_result_becomes_one_state_with_the_faces_values() -> None:
    """Unsmoothed and uncalibrated, what was tracked is what outputs get, the head bit by bit."""
    engine = _engine()
    face = _face(jaw=0.5, yaw=20.0)

    (state,) = engine.tick(_result(0, face), now=0.02)

    assert face.head is not None
    assert state.head is not None
    assert (0, 0, 0.0, Presence.LIVE) == (state.subject, state.seq, state.t, state.presence)
    np.testing.assert_array_equal(face.weights, state.weights)
    np.testing.assert_array_equal(face.head.quat_xyzw, state.head.quat_xyzw)


def test_ports_get_the_subject_they_follow() -> None:
    """A port with a subject gets that one; one without gets all; a subject nobody tracks gets nothing."""
    engine = _engine(_settings(tracker={"num_faces": 2}))
    seen: dict[str, list[FaceState]] = {"first": [], "second": [], "all": [], "ninth": []}
    engine.ports = (
        Port(subject=0, offer=seen["first"].append),
        Port(subject=1, offer=seen["second"].append),
        Port(subject=None, offer=seen["all"].append),
        Port(subject=8, offer=seen["ninth"].append),
    )
    left, right = _face(jaw=0.1, box=(0, 0, 90, 90)), _face(jaw=0.9, box=(300, 0, 80, 80))

    engine.tick(_result(0, left, right), now=0.0)

    assert [0.1, 0.9] == [round(float(state.weights[arkit.INDEX["jawOpen"]]), 3) for state in seen["all"]]
    assert [0] == [state.subject for state in seen["first"]]
    assert [1] == [state.subject for state in seen["second"]]
    assert [] == seen["ninth"]


def test_no_face_is_never_live() -> None:
    """An empty result is held, then lost: not zeros that pretend to be a face."""
    engine = _engine()
    engine.tick(_result(0, _face(jaw=0.5)), now=0.0)

    presences = [engine.tick(_result(k), now=k / 30)[0].presence for k in range(1, 90)]

    assert Presence.LIVE not in presences
    assert Presence.HELD is presences[0]
    assert Presence.LOST is presences[-1]


def test_silence_eases_the_avatar_to_rest() -> None:
    """Without any result (camera gone) ticks at the clock's time bring the face back to rest."""
    engine = _engine()
    for k in range(60):
        engine.tick(_result(k, _face(jaw=0.8, yaw=30.0)), now=k / 30)

    for k in range(60, 180):
        (state,) = engine.tick(None, now=k / 30)

    assert Presence.LOST is state.presence
    assert not state.weights.any()
    assert state.head is not None
    assert space.to_euler_deg(state.head.quat_xyzw)[0] == pytest.approx(0.0, abs=0.01)


def test_silence_before_the_first_result_says_nothing() -> None:
    """There is no time to date it with: receivers hear of the bridge with its first picture."""
    engine = _engine()
    seen: list[FaceState] = []
    engine.ports = (Port(subject=None, offer=seen.append),)

    assert () == engine.tick(None, now=100.0)
    assert [] == seen


def test_silence_does_not_overtake_a_result_that_is_merely_late() -> None:
    """Its time begins where the results' time ended, so a result that was under way keeps its own time."""
    engine = _engine()
    engine.tick(_result(0, _face()), now=0.014)
    (silent,) = engine.tick(None, now=0.27)
    late = TrackResult(seq=1, t=1 / 30, t_done=0.31, faces=(_face(),))

    (state,) = engine.tick(late, now=0.31)

    assert silent.t < 1 / 30
    assert 1 / 30 == state.t


def test_time_never_runs_backwards() -> None:
    """A result from before the silence that was told meanwhile is dated at its end."""
    engine = _engine()
    engine.tick(_result(0, _face()), now=0.014)
    (silent,) = engine.tick(None, now=5.0)
    late = TrackResult(seq=1, t=1 / 30, t_done=5.1, faces=(_face(),))

    (state,) = engine.tick(late, now=5.1)

    assert silent.t == state.t


def test_recenter_makes_the_present_head_straight() -> None:
    """After the command the same head is the identity, and a turn from there is measured from there."""
    engine = _engine()
    for k in range(5):
        engine.tick(_result(k, _face(yaw=15.0)), now=k / 30)
    engine.command(Recenter())

    (state,) = engine.tick(_result(5, _face(yaw=15.0)), now=5 / 30)
    (turned,) = engine.tick(_result(6, _face(yaw=25.0)), now=6 / 30)

    assert state.head is not None
    assert turned.head is not None
    assert space.to_euler_deg(state.head.quat_xyzw)[0] == pytest.approx(0.0, abs=1e-6)
    assert space.to_euler_deg(turned.head.quat_xyzw)[0] == pytest.approx(10.0, abs=1e-6)


def test_clear_goes_back_to_what_the_model_delivers() -> None:
    """ClearCalibration undoes a recentre."""
    engine = _engine()
    engine.tick(_result(0, _face(yaw=15.0)), now=0.0)
    engine.command(Recenter())
    engine.tick(_result(1, _face(yaw=15.0)), now=1 / 30)
    engine.command(ClearCalibration())

    (cleared,) = engine.tick(_result(2, _face(yaw=15.0)), now=2 / 30)

    assert cleared.head is not None
    assert space.to_euler_deg(cleared.head.quat_xyzw)[0] == pytest.approx(15.0, abs=1e-6)


def test_calibrating_on_a_still_face_maps_it_to_zero() -> None:
    """BeginCalibration over two seconds of a still face: that face is zero from then on."""
    engine = _engine()
    face = _face(jaw=0.06, yaw=5.0)
    engine.tick(_result(0, face), now=0.0)
    engine.command(BeginCalibration(collect_s=2.0))

    for k in range(1, 100):
        (state,) = engine.tick(_result(k, face), now=k / 30)

    assert engine.status().calibration.calibrated
    assert float(state.weights[arkit.INDEX["jawOpen"]]) == pytest.approx(0.0, abs=1e-3)


def test_taps_see_every_raw_result() -> None:
    """Recorders get what the tracker delivered, before any stage."""
    engine = _engine()
    seen: list[TrackResult] = []
    engine.taps = (seen.append,)
    results = [_result(k, _face()) for k in range(3)]

    for result in results:
        engine.tick(result, now=result.t_done)

    assert results == seen


def test_a_stage_that_raises_does_not_end_the_performance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread survives, counts the error, and later frames go through."""
    engine = _engine()
    original = GuardStage.step
    broken = threading.Event()
    through = threading.Event()

    def step(self: GuardStage, state: FaceState) -> FaceState:
        if state.seq == 1:
            broken.set()
            raise ZeroDivisionError("bug")
        return original(self, state)

    monkeypatch.setattr("bridge.stages.chain.GuardStage.step", step)
    engine = _engine()
    engine.ports = (Port(subject=0, offer=lambda state: through.set() if state.seq == 2 else None),)
    engine.start()
    try:
        now = time.monotonic()
        for k in range(3):
            engine.offer(TrackResult(seq=k, t=now + k / 30, t_done=now + k / 30, faces=(_face(),)))
            assert engine.drain(DEADLINE_S)
        assert broken.wait(DEADLINE_S)
        assert through.wait(DEADLINE_S)
        assert engine.status().errors == 1
    finally:
        engine.stop()


def test_the_thread_tells_silence_by_itself() -> None:
    """When results stop, the engine goes on sending states until the avatar is at rest, and keeps it alive there."""
    engine = _engine(_settings(presence={"grace_s": 0, "hold_s": 0, "hold_ease_s": 0, "ease_s": 0.05}))
    lost = threading.Event()
    kept_alive = threading.Semaphore(0)

    def offer(state: FaceState) -> None:
        if state.presence is Presence.LOST and not state.weights.any():
            lost.set()
            kept_alive.release()

    engine.ports = (Port(subject=0, offer=offer),)
    engine.start()
    try:
        now = time.monotonic()
        engine.offer(TrackResult(seq=0, t=now, t_done=now, faces=(_face(jaw=1.0),)))
        assert lost.wait(DEADLINE_S)
        for _ in range(3):
            assert kept_alive.acquire(timeout=DEADLINE_S)
    finally:
        engine.stop()


def test_status_counts_what_newer_results_replaced() -> None:
    """Results that wait for a busy engine are replaced by newer ones, and counted."""
    engine = _engine()
    for k in range(4):
        engine.offer(_result(k, _face()))

    engine.start()
    try:
        assert engine.drain(DEADLINE_S)
        assert (1, 3) == (engine.status().results, engine.status().replaced)
    finally:
        engine.stop()
