"""``openseeface://`` and ``opentrack://``: every option of the URL has its effect on what arrives."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from bridge.errors import ConfigError
from bridge.outputs.registry import OutputContext, OutputPlan, create_output, parse_output
from bridge.settings import OutputSettings
from bridge.types import FaceState, Presence
from tests.unit.wire.openseeface_packet import FACE, read_packet

DEADLINE_S = 20.0
Send = Callable[..., list[bytes]]


def _plan(url: str) -> OutputPlan:
    return parse_output(OutputSettings(url=url))


@pytest.fixture
def send(make_state: Callable[..., FaceState]) -> Iterator[Send]:
    """Sends states through the output of a URL (PORT is filled in); the datagrams that arrived."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(DEADLINE_S)
        port = receiver.getsockname()[1]

        def run(url: str, *states: FaceState) -> list[bytes]:
            output = create_output(_plan(url.replace("PORT", str(port))), OutputContext())
            output.open()
            for state in states:
                output.send(state)
            output.close()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closing:
                closing.sendto(b"/end", ("127.0.0.1", port))
            arrived: list[bytes] = []
            while (data := receiver.recv(65536)) != b"/end":
                arrived.append(data)
            return arrived

        yield run


def _face(sent: list[bytes]) -> Any:
    (data,) = sent
    return read_packet(data)


def test_a_face_is_dated_with_the_wall_clock(send: Send, make_state: Callable[..., FaceState]) -> None:
    """A frame of just now has the time of now, in Unix seconds."""
    before = time.time()
    face = _face(send("openseeface://:PORT", make_state(t=time.perf_counter())))

    assert before - 0.1 <= face["time"] <= time.time() + 0.1


def test_default_ports() -> None:
    """Where the programs listen."""
    assert (11573, 4242) == (_plan("openseeface://").port, _plan("opentrack://").port)


def test_landmarks_are_asked_for_unless_the_model_is_wanted() -> None:
    """points=model spares the tracker the work."""
    assert _plan("openseeface://").wants_landmarks
    assert not _plan("openseeface://?points=model").wants_landmarks
    assert not _plan("opentrack://").wants_landmarks


def test_scale_and_distance(send: Send, make_state: Callable[..., FaceState]) -> None:
    """Units in a metre; where a calibrated head is put."""
    centred = make_state(position_m=(0.0, 0.0, 0.0))

    seen = [_face(send(f"openseeface://:PORT?scale=100&distance={d}", centred))["translation"][2] for d in (0.5, 1)]

    assert [pytest.approx(-42.52), pytest.approx(-92.52)] == seen


def test_lids(send: Send, make_state: Callable[..., FaceState]) -> None:
    """MediaPipe's resting value is taken off, or not."""
    state = make_state(weights={"eyeBlinkLeft": 0.2})

    seen = [_face(send(f"openseeface://:PORT?lids={lids}", state))["left_open"] for lids in ("mediapipe", "plain")]

    assert [pytest.approx(1.0), pytest.approx(0.8)] == seen


def test_lost(send: Send, make_state: Callable[..., FaceState]) -> None:
    """Silence while nobody is seen, unless told otherwise."""
    states = (make_state(), make_state(presence=Presence.HELD), make_state(presence=Presence.LOST), FaceState.rest())

    assert [2, 4] == [len(send(f"openseeface://:PORT?lost={lost}", *states)) for lost in (0, 1)]


def test_an_opened_again_output_begins_anew(send: Send, make_state: Callable[..., FaceState]) -> None:
    """Its times go on growing with the states'."""
    first, second = (_face(send("openseeface://:PORT", make_state(t=t)))["time"] for t in (1.0, 2.0))

    assert pytest.approx(1.0, abs=0.1) == second - first


def test_opentrack_distance_and_inversion(send: Send, make_state: Callable[..., FaceState]) -> None:
    """Each axis by itself."""
    state = make_state(yaw=20.0, pitch=10.0, roll=-5.0, position_m=(0.05, -0.02, -0.45))
    query = "distance=40&invert_x=1&invert_yaw=1&invert_roll=true"
    plain, changed = (np.frombuffer(send(f"opentrack://:PORT?{q}", state)[0], "<f8") for q in ("", query))

    np.testing.assert_allclose([5, -2, 45, -20, -10, 5], plain, atol=1e-9)
    np.testing.assert_allclose([-5, -2, 5, 20, -10, -5], changed, atol=1e-9)
    (again,) = send("opentrack://:PORT?invert_y=1&invert_z=1&invert_pitch=1", state)
    np.testing.assert_allclose([5, 2, -45, -20, 10, 5], np.frombuffer(again, "<f8"), atol=1e-9)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("openseeface://?scale=0", "scale"),
        ("openseeface://?distance=0", "distance"),
        ("openseeface://?points=mesh", "points"),
        ("openseeface://?lids=none", "lids"),
        ("opentrack://?distance=-1", "distance"),
        ("opentrack://?invert=yaw", "did you mean invert_"),
    ],
)
def test_bad_options_are_named(url: str, message: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigError, match=message):
        _plan(url)


def test_the_sheets_offsets_fill_the_packet() -> None:
    """The independent reader's own consistency: the last field ends with the packet."""
    assert 1785 == FACE.itemsize
    last, offset = FACE.fields["features"][:2] if FACE.fields else (FACE, 0)
    assert 1785 == offset + last.itemsize
