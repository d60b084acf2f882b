"""What every test can ask for: where the data is, states, ports; and the watch over threads left running.

Data never ships with the project. A folder is taken from an environment variable, else from ``../shared`` beside the checkout; a
test that needs one that is not there is skipped, and the reason names both.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import EllipsisType

import hypothesis
import numpy as np
import pytest

from bridge import arkit, space
from bridge.sources.opencv import load_cv2
from bridge.types import (
    GAZE_AHEAD,
    ZERO_WEIGHTS,
    CameraFrame,
    FaceState,
    Float32Array,
    Gaze,
    HeadPose,
    Presence,
    frozen_array,
)

_CHECKOUT = Path(__file__).resolve().parent.parent
_THREAD_GRACE_S = 5.0

# Shared machines stall now and then: slowness of one example is no finding.
hypothesis.settings.register_profile("bridge", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("bridge")


# --- data ------------------------------------------------------------------------------------------------------------


def _data_folder(name: str) -> Path:
    variable = f"BRIDGE_TEST_{name.upper()}"
    folder = Path(os.environ.get(variable) or _CHECKOUT.parent / "shared" / name)
    if not folder.is_dir():
        pytest.skip(f"needs the test data folder {folder}; {variable} can name another")
    return folder


@pytest.fixture(scope="session")
def model_path() -> Path:
    """``face_landmarker.task``."""
    path = _data_folder("models") / "face_landmarker.task"
    if not path.is_file():
        pytest.skip(f"needs the model {path}; BRIDGE_TEST_MODELS can name another folder")
    return path


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of real face clips."""
    return _data_folder("clips")


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of avatars and of the synthetic face with its truth."""
    return _data_folder("assets")


@pytest.fixture(scope="session")
def protocols() -> Path:
    """The folder of protocol fact sheets and their golden files."""
    return _data_folder("protocols")


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded MediaPipe results."""
    return _data_folder("recordings")


@pytest.fixture(scope="session", autouse=True)
def _opencv_as_in_the_program() -> None:
    """FFmpeg's log level is read once in a process: whichever test opens a video first finds it as in the program."""
    load_cv2()


@pytest.fixture(autouse=True)
def _no_profile_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No run of a test finds, or leaves, a calibration."""
    path = tmp_path_factory.getbasetemp() / f"profiles-{uuid.uuid4().hex}" / "calibration.json"
    monkeypatch.setattr("bridge.calibration_profiles.default_profiles_path", lambda: path)


# --- threads ---------------------------------------------------------------------------------------------------------


def _our_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("bridge-")}


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    """Fails a test after which a thread of ours is still alive; threads of wider fixtures were there before and may stay."""
    before = _our_threads()
    yield
    deadline = time.monotonic() + _THREAD_GRACE_S
    started = _our_threads() - before
    for thread in started:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = sorted(thread.name for thread in started if thread.is_alive())
    if left:
        pytest.fail(f"threads left running: {', '.join(left)}", pytrace=False)


# --- ports -----------------------------------------------------------------------------------------------------------


def _port_picker(kind: socket.SocketKind) -> Callable[[], int]:
    given: set[int] = set()

    def pick() -> int:
        while True:
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            if port not in given:
                given.add(port)
                return port

    return pick


@pytest.fixture(scope="session")
def pick_udp_port() -> Callable[[], int]:
    """Returns another free UDP port of 127.0.0.1 at each call."""
    return _port_picker(socket.SOCK_DGRAM)


@pytest.fixture(scope="session")
def pick_tcp_port() -> Callable[[], int]:
    """Returns another free TCP port of 127.0.0.1 at each call."""
    return _port_picker(socket.SOCK_STREAM)


@pytest.fixture
def free_udp_port(pick_udp_port: Callable[[], int]) -> int:
    """One free UDP port of 127.0.0.1."""
    return pick_udp_port()


@pytest.fixture
def free_tcp_port(pick_tcp_port: Callable[[], int]) -> int:
    """One free TCP port of 127.0.0.1."""
    return pick_tcp_port()


# --- states ----------------------------------------------------------------------------------------------------------


def _make_state(
    *,
    weights: Mapping[str, float] | Float32Array | None = None,
    yaw: float = 0.0,
    pitch: float = 0.0,
    roll: float = 0.0,
    position_m: tuple[float, float, float] = (0.0, 0.0, -0.5),
    head: HeadPose | EllipsisType | None = ...,
    seed: int | None = None,
    subject: int = 0,
    seq: int = 0,
    t: float = 0.0,
    t_done: float | None = None,
    presence: Presence = Presence.LIVE,
    gaze: Gaze = GAZE_AHEAD,
    landmarks: Float32Array | None = None,
    box: tuple[float, float, float, float] | None = None,
    frame: CameraFrame | None = None,
) -> FaceState:
    values = ZERO_WEIGHTS
    if seed is not None:
        random = np.random.default_rng(seed)
        values = frozen_array(random.random(52, dtype=np.float32))
        yaw, pitch, roll = (float(angle) for angle in random.uniform(-60.0, 60.0, 3))
        x, y, z = random.uniform(-0.3, 0.3, 3)
        position_m = (float(x), float(y), float(z) - 0.5)
    if isinstance(weights, Mapping):
        named = values.copy()
        for name, value in weights.items():
            named[arkit.INDEX[name]] = value
        values = frozen_array(named)
    elif weights is not None:
        values = frozen_array(np.array(weights, dtype=np.float32))
    if isinstance(head, EllipsisType):
        quat_xyzw = space.from_euler_deg(yaw=yaw, pitch=pitch, roll=roll)
        head = HeadPose(position_m=frozen_array(np.array(position_m)), quat_xyzw=frozen_array(quat_xyzw))
    return FaceState(
        subject=subject, seq=seq, t=t, t_done=t if t_done is None else t_done, presence=presence, weights=values, head=head,
        gaze=gaze, landmarks=landmarks, box=box, frame=frame,
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_state() -> Callable[..., FaceState]:
    """Builds a FaceState: ``make_state(weights={"jawOpen": 0.5}, yaw=20, t=1.0)``, or a random one: ``make_state(seed=7)``.

    Angles are degrees, ``weights`` are by ARKit name (or an array of 52) and go over the random ones; ``head=None`` is no head.
    A state that was not observed: ``make_state(presence=Presence.LOST, head=None)``.
    """
    return _make_state
