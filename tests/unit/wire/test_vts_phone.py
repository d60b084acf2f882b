"""VTube Studio's phone feed: requests and frames."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bridge import arkit, space
from bridge.types import Face, FaceState, Gaze, Presence
from bridge.wire.vts_phone import (
    Axis,
    PhoneAxes,
    PhoneDecoder,
    PhoneEncoder,
    TrackingRequest,
    decode_request,
    encode_request,
    split_axes,
)

MakeState = Callable[..., FaceState]


def _sample(**changes: Any) -> dict[str, Any]:
    """One frame of the sheet's part B, by hand: an iPhone's, all 52 in PascalCase."""
    frame: dict[str, Any] = {
        "Timestamp": 1630159656406,
        "Hotkey": -1,
        "FaceFound": True,
        "Rotation": {"x": 20.0, "y": 10.0, "z": -5.0},
        "Position": {"x": -5.0, "y": -2.0, "z": -45.0},
        "EyeLeft": {"x": 0.0, "y": 0.0, "z": 0.0},
        "EyeRight": {"x": 0.0, "y": 0.0, "z": 0.0},
        "BlendShapes": [{"k": name, "v": i / 100} for i, name in enumerate(arkit.PASCAL)],
    }
    return frame | changes


def _face(frame: dict[str, Any], axes: PhoneAxes | None = None) -> Face:
    faces = PhoneDecoder(axes).decode(json.dumps(frame).encode())
    assert faces is not None
    (face,) = faces
    return face


def _sent(state: FaceState, axes: PhoneAxes | None = None) -> dict[str, Any]:
    """As a program that knows nothing of ours reads it."""
    frame: dict[str, Any] = json.loads(PhoneEncoder(axes).encode(state, unix_ms=1630159656406))
    return frame


def _angles(face: Face) -> tuple[float, float, float]:
    assert face.head is not None
    return space.to_euler_deg(face.head.quat_xyzw)


def _named(face: Face) -> dict[str, float]:
    return {name: float(value) for name, value in zip(arkit.NAMES, face.weights, strict=True) if value}


# --- frames in -------------------------------------------------------------------------------------------------------------


def test_a_frame_is_a_face() -> None:
    """All 52, the turn in Rotation.x, the nod in Rotation.y; centimetres, and x the own right."""
    face = _face(_sample())

    assert np.array_equal(np.arange(52, dtype=np.float32) / np.float32(100), face.weights)
    assert (20.0, 10.0, -5.0) == pytest.approx(_angles(face), abs=1e-9)
    assert face.head is not None
    assert [0.05, -0.02, -0.45] == pytest.approx(face.head.position_m.tolist())
    assert not face.weights.flags.writeable


@pytest.mark.parametrize(
    ("axes", "angles", "position"),
    [
        (PhoneAxes(flip=frozenset({"yaw"})), (-20, 10, -5), (0.05, -0.02, -0.45)),
        (PhoneAxes(flip=frozenset({"pitch"})), (20, -10, -5), (0.05, -0.02, -0.45)),
        (PhoneAxes(flip=frozenset({"roll"})), (20, 10, 5), (0.05, -0.02, -0.45)),
        (PhoneAxes(flip=frozenset({"x", "y", "z"})), (20, 10, -5), (-0.05, 0.02, 0.45)),
        (PhoneAxes(nod_first=True), (10, 20, -5), (0.05, -0.02, -0.45)),
        (PhoneAxes(nod_first=True, flip=frozenset({"yaw"})), (-10, 20, -5), (0.05, -0.02, -0.45)),
        (PhoneAxes(units_per_m=1.0), (20, 10, -5), (5, -2, -45)),
    ],
)
def test_whatever_nobody_could_check_can_be_switched(
    axes: PhoneAxes, angles: tuple[float, ...], position: tuple[float, ...]
) -> None:
    """Each sign, the order of turn and nod, the unit; and what goes out with a switch comes in with it as it was."""
    face = _face(_sample(), axes)
    assert angles == pytest.approx(_angles(face), abs=1e-9)
    assert face.head is not None
    assert list(position) == pytest.approx(face.head.position_m.tolist())


@pytest.mark.parametrize("names", [arkit.PASCAL, arkit.NAMES, arkit.IFACIALMOCAP, arkit.UPPER_SNAKE])
def test_every_spelling_is_read(names: tuple[str, ...]) -> None:
    """iPhones write EyeBlinkLeft, Android phones eyeLookOut_L, jawOpen and EyeBlinkLeft."""
    face = _face(_sample(BlendShapes=[{"k": name, "v": i / 100} for i, name in enumerate(names)]))

    assert np.array_equal(np.arange(52, dtype=np.float32) / np.float32(100), face.weights)


def test_no_face_found_is_no_face() -> None:
    """Whatever else is in the frame."""
    assert () == PhoneDecoder().decode(json.dumps(_sample(FaceFound=False)).encode())


def test_fields_of_the_future_and_missing_ones_are_no_harm() -> None:
    """Only the coefficients must be there; without a rotation there is no head, without a position it is at 0."""
    shapes = [{"k": "JawOpen", "v": 0.5, "w": 1}, {"k": "JawSpin", "v": 1.0}]
    assert {"jawOpen": 0.5} == _named(_face({"BlendShapes": shapes, "Future": {"x": [1]}}))
    assert None is _face({"BlendShapes": shapes}).head
    turned = _face({"BlendShapes": shapes, "Rotation": {"x": 20, "y": 0, "z": 0}}).head
    assert turned is not None
    assert [0.0, 0.0, 0.0] == turned.position_m.tolist()


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([{"k": "JawOpen", "v": 2}, {"k": "JawLeft", "v": -1}], {"jawOpen": 1.0}),
        ([{"k": "JawOpen", "v": 0.5}, {"k": "JawLeft", "v": float("nan")}, {"k": "JawRight", "v": 10**400}], {"jawOpen": 0.5}),
        ([{"k": "JawOpen", "v": 0.5}, {"k": "JawLeft", "v": "1"}, {"k": "JawRight", "v": True}], {"jawOpen": 0.5}),
        ([{"k": "JawOpen", "v": 0.5}, 7, None, [], {"v": 1}, {"k": 7, "v": 1}, {"k": "x" * 5000, "v": 1}], {"jawOpen": 0.5}),
        ([{"k": "JawOpen", "v": 0.25}, {"k": "jawOpen", "v": 0.5}], {"jawOpen": 0.5}),
        ([*[{"k": "JawOpen", "v": 0.5}] * 256, {"k": "JawLeft", "v": 1}], {"jawOpen": 0.5}),
    ],
)
def test_strange_coefficients(shapes: list[Any], expected: dict[str, float]) -> None:
    """Cut to their range, left out when they are none, bounded in number."""
    assert expected == _named(_face(_sample(BlendShapes=shapes)))


@pytest.mark.parametrize(
    "rotation", [None, 7, [], {}, {"x": 1, "y": 2}, {"x": 1, "y": 2, "z": float("inf")}, {"x": 1, "y": 2, "z": 1e300}]
)
def test_what_is_no_rotation_is_no_head(rotation: object) -> None:
    """The coefficients are still worth something."""
    face = _face(_sample(Rotation=rotation))

    assert face.head is None
    assert 0.51 == pytest.approx(float(face.weights[51]))


def test_a_head_at_the_other_end_of_the_world_is_none() -> None:
    """More than a kilometre."""
    assert None is _face(_sample(Position={"x": 9e5, "y": 0, "z": 0}), PhoneAxes(units_per_m=1.0)).head


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"BlendShapes":{}}',
        b'{"BlendShapes":[]}',
        b'{"FaceFound":true}',
        b'{"FaceFound":false}',
        b'{"BlendShapes":[{"k":"x","v":1}]}',
        encode_request(TrackingRequest(ports=(1,), lease_s=1.0, sent_by="x")),
        b"[" * 60_000,
    ],
)
def test_what_is_no_frame(data: bytes) -> None:
    """Nothing can be said of the face by it."""
    assert None is PhoneDecoder().decode(data)


# --- frames out ------------------------------------------------------------------------------------------------------------


def test_a_state_is_the_phones_frame(make_state: MakeState) -> None:
    """Field by field and in the phone's order; each of the 52 once, PascalCase, in ARKit order."""
    state = make_state(seed=3, presence=Presence.LIVE, gaze=Gaze(left_deg=(10.0, -4.0), right_deg=(6.0, -3.0)))
    frame = _sent(state)

    assert ["Timestamp", "Hotkey", "FaceFound", "Rotation", "Position", "EyeLeft", "EyeRight", "BlendShapes"] == list(frame)
    assert (1630159656406, -1, True) == (frame["Timestamp"], frame["Hotkey"], frame["FaceFound"])
    assert list(arkit.PASCAL) == [shape["k"] for shape in frame["BlendShapes"]]
    assert np.array_equal(state.weights, np.array([shape["v"] for shape in frame["BlendShapes"]], dtype=np.float32))
    assert {"x": 4.0, "y": -10.0, "z": 0.0} == frame["EyeLeft"]
    assert {"x": 3.0, "y": -6.0, "z": 0.0} == frame["EyeRight"]


def test_the_golden_pose(make_state: MakeState) -> None:
    """Yaw 20, pitch 10, roll -5 at (5, -2, -45) cm."""
    frame = _sent(make_state(yaw=20, pitch=10, roll=-5, position_m=(0.05, -0.02, -0.45)))

    assert {"x": 20.0, "y": 10.0, "z": -5.0} == {key: pytest.approx(value, abs=1e-4) for key, value in frame["Rotation"].items()}
    assert {"x": -5.0, "y": -2.0, "z": -45.0} == {key: pytest.approx(value, abs=1e-4) for key, value in frame["Position"].items()}


def test_the_official_sample_would_draw_the_head_as_a_camera_sees_it(make_state: MakeState) -> None:
    """It turns a cube by Unity Euler(-y, -x, z), its mouth towards the viewer, whose +X is right and +Z away. Unmirrored, a head
    that turns to its own left turns to the viewer's right, and one that looks down looks down."""
    frame = _sent(make_state(yaw=20, pitch=10, roll=0, position_m=(0.1, 0.0, -0.5)))
    x_deg, y_deg = np.radians(-frame["Rotation"]["y"]), np.radians(-frame["Rotation"]["x"])
    # Left-handed, first about X, then about Y, of the mouth's direction (0, 0, -1).
    y, z = np.sin(x_deg), -np.cos(x_deg)
    mouth = np.array([z * np.sin(y_deg), y, z * np.cos(y_deg)])

    assert mouth[0] > 0.3
    assert mouth[1] < -0.15
    assert -frame["Position"]["x"] > 0  # and stands to the viewer's right


@pytest.mark.parametrize(("presence", "found"), [(Presence.LIVE, True), (Presence.HELD, True), (Presence.LOST, False)])
def test_a_face_that_is_lost_is_not_found(make_state: MakeState, presence: Presence, *, found: bool) -> None:
    """A short gap is bridged."""
    assert found is _sent(make_state(presence=presence))["FaceFound"]


def test_a_state_without_a_head_looks_ahead(make_state: MakeState) -> None:
    """The phone always sends one."""
    frame = _sent(make_state(head=None))

    assert ({"x": 0, "y": 0, "z": 0},) * 2 == (frame["Rotation"], frame["Position"])


@pytest.mark.parametrize(
    "axes", [None, PhoneAxes(flip=frozenset({"yaw", "roll", "x"}), nod_first=True, units_per_m=7.0), PhoneAxes(nod_first=True)]
)
def test_what_goes_out_comes_in_as_it_was(make_state: MakeState, axes: PhoneAxes | None) -> None:
    """Coefficients bit for bit, the head within seven digits, with whatever switches."""
    for seed in range(50):
        state = make_state(seed=seed)
        assert state.head is not None
        (face,) = PhoneDecoder(axes).decode(PhoneEncoder(axes).encode(state, unix_ms=0)) or ()
        assert face.head is not None

        assert np.array_equal(state.weights, face.weights)
        assert space.angle_between_deg(state.head.quat_xyzw, face.head.quat_xyzw) < 1e-4
        assert state.head.position_m == pytest.approx(face.head.position_m, abs=1e-6)


# --- requests --------------------------------------------------------------------------------------------------------------


def test_the_sheets_request_is_read() -> None:
    """As any program sends it."""
    data = b'{"messageType":"iOSTrackingDataRequest","time":2.5,"sentBy":"MyApp","ports":[11125]}'

    assert TrackingRequest(ports=(11125,), lease_s=2.5, sent_by="MyApp") == decode_request(data)


def test_our_request_is_the_sheets() -> None:
    """Field for field."""
    data = encode_request(TrackingRequest(ports=(11125, 11126), lease_s=5.0, sent_by="avatar-bridge"))

    assert {
        "messageType": "iOSTrackingDataRequest", "time": 5.0, "sentBy": "avatar-bridge", "ports": [11125, 11126],
    } == json.loads(data)  # fmt: skip


def _request(**changes: Any) -> bytes:
    usual = {"messageType": "iOSTrackingDataRequest", "time": 2.5, "sentBy": "MyApp", "ports": [11125]}
    return json.dumps({key: value for key, value in (usual | changes).items() if value != ...}).encode()


@pytest.mark.parametrize(
    ("changes", "lease_s"),
    [({"time": 0.1}, 0.5), ({"time": 60}, 10.0), ({"time": ..., "sendForSeconds": 8}, 8.0), ({"time": ...}, 5.0)],
)
def test_a_lease_is_within_its_range(changes: dict[str, Any], lease_s: float) -> None:
    """Too short, too long, under the other name that is in use, not said."""
    request = decode_request(_request(**changes))

    assert request is not None
    assert lease_s == request.lease_s


@pytest.mark.parametrize(
    ("given", "shown"),
    [("My\nApp\x1b[31m", "MyApp[31m"), ("x" * 500, "x" * 64), ("", "somebody without a name"), (7, "somebody without a name")],
)
def test_a_name_is_fit_to_be_shown(given: object, shown: str) -> None:
    """It comes from outside, and goes to a terminal and a page."""
    request = decode_request(_request(sentBy=given))

    assert request is not None
    assert shown == request.sent_by


def test_ports_are_told_once() -> None:
    """And 32 are enough."""
    request = decode_request(_request(ports=[1, 2, 1]))
    assert request is not None
    assert (1, 2) == request.ports
    assert decode_request(_request(ports=list(range(1, 33)))) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"messageType": "other"},
        {"messageType": ...},
        {"time": 0},
        {"time": -1},
        {"time": "5"},
        {"time": float("nan")},
        {"ports": []},
        {"ports": list(range(1, 34))},
        {"ports": 11125},
        {"ports": ...},
        {"ports": [0]},
        {"ports": [65536]},
        {"ports": [1.5]},
        {"ports": ["11125"]},
        {"ports": [True]},
        {"sentBy": "x" * 5000},
    ],
)
def test_what_is_no_request(changes: dict[str, Any]) -> None:
    """Nobody is sent anything for it."""
    assert None is decode_request(_request(**changes))


def test_axes_are_read_from_a_url() -> None:
    """A list stays one; what is none is for whoever checks it."""
    expected: list[Axis] = ["yaw", "x"]
    assert expected == split_axes(" yaw, x,")
    assert (["yaw"], 7) == (split_axes(["yaw"]), split_axes(7))
