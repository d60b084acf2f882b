"""The OpenSeeFace sheet's examples: a packet byte for byte, raw poses as cv2 and OpenSeeFace's routine gave them; opentrack's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bridge import space
from bridge.mapping.openseeface import OpenSeeFace, raw_euler_deg, raw_quaternion
from bridge.types import FaceState
from bridge.wire import opentrack
from bridge.wire.openseeface import decode, encode_face
from bridge.wire.opentrack import OpentrackEncoder
from tests.unit.wire.openseeface_packet import raw_matrix, read_packet

GOLDEN_HEAD = space.from_euler_deg(yaw=20.0, pitch=10.0, roll=-5.0)
GOLDEN_QUAT = np.frombuffer(bytes.fromhex("28c93b3fa5d1263f537938bea1718ebd"), dtype="<f4")
"""0.733538, 0.651636, -0.180150, -0.069553."""

FIRST = (
    "00000000004a934000000000000020440000f0436666663fcdcc4c3f010000484128c93b3fa5d1263f537938bea1718ebd40d62bc37d51a641ee76a9420000"
    "003f000080be0000c0c0"
)
LAST = (
    "cdcccc3dcdcc4c3e9a99993ecdcccc3e0000003f9a99193f3333333fcdcc4c3f6666663f0000803fcdcc8c3f9a99993f6666a63f3333b33f"
)  # fmt: skip
SHA256 = "31f367ce3184b66c29c97f2ef7ff8759980e42b37dff50cd8cb3aa8564e9fe54"


def _golden_face() -> OpenSeeFace:
    k = np.arange(70)
    x, y, z, w = GOLDEN_QUAT.tolist()
    return OpenSeeFace(
        time_s=1234.5,
        face_id=0,
        size_px=(640.0, 480.0),
        right_open=0.9,
        left_open=0.8,
        fitted=True,
        fit_error=12.5,
        quat_xyzw=(x, y, z, w),
        euler_deg=raw_euler_deg(GOLDEN_HEAD),
        translation=(0.5, -0.25, -6.0),
        confidence=np.ones(68),
        points_px=np.stack([100.0 + k[:68], 200.0 + k[:68]], axis=1),
        points_3d=np.stack([0.01 * k, -0.02 * k, -0.03 * k], axis=1),
        features=np.linspace(0.1, 1.4, 14),
    )


def test_the_sheets_packet() -> None:
    """Golden 1: 1785 bytes, the printed ones and the hash of all."""
    data = encode_face(_golden_face())

    assert 1785 == len(data)
    assert FIRST == data[:73].hex()
    assert LAST == data[-56:].hex()
    assert SHA256 == hashlib.sha256(data).hexdigest()


def test_the_sheets_packet_decodes_to_its_values() -> None:
    """Golden 1 backwards, and two faces in one datagram."""
    data = encode_face(_golden_face())

    faces = decode(data + encode_face(replace(_golden_face(), face_id=1)))

    assert faces is not None
    assert [0, 1] == [face.face_id for face in faces]
    assert (1234.5, (640.0, 480.0), True, 12.5) == (faces[0].time_s, faces[0].size_px, faces[0].fitted, faces[0].fit_error)
    np.testing.assert_allclose(faces[0].points_px, _golden_face().points_px)
    np.testing.assert_allclose(faces[0].points_3d, _golden_face().points_3d, atol=1e-6)
    np.testing.assert_allclose(faces[0].features, _golden_face().features, atol=1e-6)
    assert encode_face(faces[0]) == data


def test_the_golden_poses_quaternion() -> None:
    """Golden 1's, which OpenSeeFace's routine rounds to float32 on the way: its last bit is the rounding's."""
    ours = np.array(raw_quaternion(GOLDEN_HEAD))
    exact = Rotation.from_matrix(raw_matrix(Rotation.from_quat(GOLDEN_HEAD))).inv().as_quat()
    exact *= np.sign(exact[0])
    pivot = 4.0 * exact[0]

    np.testing.assert_allclose(exact, ours, atol=1e-12)
    np.testing.assert_allclose(GOLDEN_QUAT, ours, atol=1e-8)
    assert GOLDEN_QUAT.tobytes() == ((exact * pivot).astype(np.float32) / np.float64(pivot)).astype("<f4").tobytes()


def test_the_golden_poses_angles() -> None:
    """Golden 1's, to the bit."""
    expected = np.array([-171.83691, 20.78979, 84.732285])

    np.testing.assert_allclose(expected, raw_euler_deg(GOLDEN_HEAD), atol=1e-5)
    assert read_packet(encode_face(_golden_face()))["euler"].tobytes().hex() == FIRST[2 * 49 : 2 * 61]


@pytest.mark.parametrize(
    ("pose", "quaternion", "angles"),
    [
        ({"yaw": 20.0}, (0.696364, 0.696364, -0.122788, -0.122788), (180.0, 20.0, 90.0)),
        ({"pitch": 15.0}, (0.701057, 0.701057, -0.092296, 0.092296), (-165.0, 0.0, 90.0)),
        ({"roll": 10.0}, (0.642788, 0.766044, 0.0, 0.0), (180.0, 0.0, 100.0)),
    ],
)
def test_the_sheets_raw_poses(pose: dict[str, float], quaternion: tuple[float, ...], angles: tuple[float, ...]) -> None:
    """Golden 2, in the branch with x near 180 and z near 90."""
    head = space.from_euler_deg(**{"yaw": 0.0, "pitch": 0.0, "roll": 0.0} | pose)
    x, y, z = raw_euler_deg(head)

    np.testing.assert_allclose(quaternion, raw_quaternion(head), atol=1e-6)
    np.testing.assert_allclose(np.array(angles) % 360.0, np.array([x, y, z]) % 360.0, atol=1e-9)


OPENTRACK = "000000000000144000000000000000c0000000000080464000000000000034c000000000000024c00000000000001440"
"""5, -2, 45 cm, -20, -10, 5 degrees: 5.0 is 4014..., -2.0 c000..., 45.0 40468..., -20.0 c034..., -10.0 c024... as doubles."""


def test_the_sheets_opentrack_datagram(make_state: Callable[..., FaceState]) -> None:
    """Golden 3: t = (5, -2, -45) cm, yaw 20, pitch 10, roll -5. NumPy reads it back, and so do we."""
    state = make_state(yaw=20.0, pitch=10.0, roll=-5.0, position_m=(0.05, -0.02, -0.45))

    (data,) = OpentrackEncoder().encode(state)

    np.testing.assert_allclose(np.frombuffer(bytes.fromhex(OPENTRACK), "<f8"), np.frombuffer(data, "<f8"), atol=1e-12)
    assert OPENTRACK == opentrack.encode_pose((5.0, -2.0, 45.0, -20.0, -10.0, 5.0)).hex()
    assert (5.0, -2.0, 45.0, -20.0, -10.0, 5.0) == opentrack.decode(bytes.fromhex(OPENTRACK))
