"""NumPy archives of results: ours there and back, MediaPipe's own order, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge import arkit
from bridge.errors import SourceUnavailable
from bridge.recording_npz import matrix_of, read_npz, write_npz
from bridge.space import head_pose_from_matrix
from bridge.types import Face, FaceState, TrackResult


def some_arrays(**changes: Any) -> dict[str, Any]:
    """A good archive of two results, changed; None removes a key."""
    arrays: dict[str, Any] = {
        "ts_ms": np.array([0, 33]),
        "found": np.array([True, False]),
        "names": np.array(arkit.MEDIAPIPE_NAMES),
        "bs": np.full((2, 52), 0.5, dtype=np.float32),
        "mat": np.tile(np.eye(4, dtype=np.float32), (2, 1, 1)),
    } | changes
    return {key: value for key, value in arrays.items() if value is not None}


def test_results_come_back(tmp_path: Path, make_state: Callable[..., FaceState]) -> None:
    """Weights bit by bit, the head to the last digits of a rotation matrix, absence as absence."""
    state = make_state(seed=3)
    results = (
        TrackResult(seq=0, t=1.0, t_done=1.01, faces=(Face(weights=state.weights, head=state.head),)),
        TrackResult(seq=1, t=1.04, t_done=1.05, faces=()),
        TrackResult(seq=2, t=1.08, t_done=1.09, faces=(Face(weights=state.weights, head=None),)),
    )
    path = tmp_path / "take.npz"
    with path.open("wb") as file:
        assert 3 == write_npz(file, results)

    back = read_npz(path)

    assert [1, 0, 1] == [len(result.faces) for result in back]
    assert [1.0, 1.04, 1.08] == pytest.approx([result.t for result in back])
    assert state.weights.tobytes() == back[0].faces[0].weights.tobytes()
    head = back[0].faces[0].head
    assert head is not None
    assert state.head is not None
    assert state.head.quat_xyzw.tolist() == pytest.approx(head.quat_xyzw.tolist(), abs=1e-12)
    assert state.head.position_m.tolist() == pytest.approx(head.position_m.tolist(), abs=1e-12)
    assert back[2].faces[0].head is None


def test_the_arrays_that_are_written(tmp_path: Path, make_state: Callable[..., FaceState]) -> None:
    """Keys, shapes, order and NaN for what was not found, as the docstring promises to other programs."""
    state = make_state(seed=4)
    box = (1.0, 2.0, 3.0, 4.0)
    path = tmp_path / "take.npz"
    with path.open("wb") as file:
        faces = (Face(weights=state.weights, head=state.head, box=box),)
        write_npz(file, [TrackResult(seq=5, t=0.5, t_done=0.5, faces=faces), TrackResult(seq=6, t=0.6, t_done=0.6, faces=())])

    with np.load(path) as archive:
        assert list(arkit.NAMES) == archive["names"].tolist()
        assert [500.0, 600.0] == archive["ts_ms"].tolist()
        assert [5, 6] == archive["seq"].tolist()
        assert [True, False] == archive["found"].tolist()
        assert state.weights.tolist() == archive["bs"][0].tolist()
        assert np.isnan(archive["bs"][1]).all()
        assert list(box) == archive["box"][0].tolist()
        assert state.head is not None
        assert state.head.quat_xyzw.tolist() == archive["head_quat_xyzw"][0].tolist()
        assert state.head.position_m.tolist() == archive["head_position_m"][0].tolist()
        assert (2, 4, 4) == archive["mat"].shape


def test_the_matrix_is_mediapipes(make_state: Callable[..., FaceState]) -> None:
    """Column vectors, centimetres: the golden example of the fact sheet (yaw 20, pitch 10, roll -5)."""
    head = make_state(yaw=20.0, pitch=10.0, roll=-5.0, position_m=(0.05, -0.02, -0.45)).head
    assert head is not None

    matrix = matrix_of(head)

    expected = [
        [0.930940525, 0.141064782, 0.336824089, 5.0],
        [-0.085831651, 0.981060262, -0.173648178, -2.0],
        [-0.354940371, 0.132745958, 0.925416578, -45.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
    assert np.allclose(expected, matrix, atol=1e-9, rtol=0.0)


def test_mediapipes_order_becomes_arkit_order(tmp_path: Path) -> None:
    """Each coefficient by its name."""
    scores = np.arange(52, dtype=np.float32) / 100
    path = tmp_path / "take.npz"
    np.savez(path, **some_arrays(bs=np.stack([scores, scores])))

    weights = read_npz(path)[0].faces[0].weights

    names = ("jawOpen", "eyeBlinkLeft", "noseSneerRight", "tongueOut")
    assert [25, 9, 51, 0] == [round(float(weights[arkit.INDEX[name]]) * 100) for name in names]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bs": None, "names": None}, "not a recording: bs and names missing"),
        ({"bs": np.zeros((2, 51))}, r"bs is float64 \(2, 51\), not numbers \(2, 52\)"),
        ({"found": np.array(["yes", "no"])}, "found is <U3"),
        ({"mat": np.zeros((2, 3, 3))}, "mat is float64"),
        ({"ts_ms": np.array([33, 0])}, "ts_ms goes back"),
        ({"ts_ms": np.array([0.0, np.inf])}, "ts_ms goes back, or has numbers that are not finite"),
        ({"ts_ms": np.array(3)}, "ts_ms is int64"),
        ({"bs": np.full((2, 52), np.nan)}, r"bs\[0\] has numbers that are not finite"),
        ({"mat": np.zeros((2, 4, 4))}, r"mat\[0\]: the facial transformation matrix is not a pose"),
        ({"names": np.array(["jawOpen"] * 52)}, "jawOpen is among the names twice"),
        ({"names": np.arange(52)}, "names is not a list of text"),
        ({"names": np.array(list(arkit.MEDIAPIPE_NAMES), dtype=object)}, "cannot be read as a NumPy archive"),
    ],
)
def test_what_is_wrong_with_an_archive_is_said(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    """In words; a pickle inside is never opened."""
    path = tmp_path / "take.npz"
    np.savez(path, **some_arrays(**changes))

    with pytest.raises(SourceUnavailable, match=reason):
        read_npz(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"hello", b"\x93NUMPY"])
def test_something_else_is_not_an_archive(tmp_path: Path, content: bytes) -> None:
    """Whatever the bytes are: one sentence."""
    path = tmp_path / "take.npz"
    path.write_bytes(content)

    with pytest.raises(SourceUnavailable, match="cannot be read as a NumPy archive"):
        read_npz(path)


def test_a_truncated_archive_and_a_single_array_are_refused(tmp_path: Path) -> None:
    """A download that broke off, a .npy by another name."""
    whole, cut, single = tmp_path / "whole.npz", tmp_path / "cut.npz", tmp_path / "single.npz"
    np.savez(whole, **some_arrays())
    cut.write_bytes(whole.read_bytes()[:-100])
    with single.open("wb") as file:
        np.save(file, np.zeros(3))

    with pytest.raises(SourceUnavailable, match="cannot be read"):
        read_npz(cut)
    with pytest.raises(SourceUnavailable, match="a single NumPy array"):
        read_npz(single)


def test_a_missing_archive_is_said(tmp_path: Path) -> None:
    """As any other missing file."""
    with pytest.raises(SourceUnavailable, match="There is no file"):
        read_npz(tmp_path / "nothing.npz")


def test_real_recordings_are_read(recordings: Path) -> None:
    """Archives made straight from MediaPipe: all frames, true times, heads half a metre away, blinks by name."""
    path = recordings / "lp_d10.nosmooth.npz"
    results = read_npz(path)

    with np.load(path) as archive:
        column = archive["names"].tolist().index("eyeBlinkLeft")
        expected = archive["bs"][:, column].tolist()
        pose = head_pose_from_matrix(archive["mat"][100].astype(np.float64))
    head = results[100].faces[0].head

    assert 448 == len(results)
    assert 14.9 == results[-1].t
    assert expected == [float(result.faces[0].weights[arkit.INDEX["eyeBlinkLeft"]]) for result in results]
    assert head is not None
    assert pose.quat_xyzw.tolist() == head.quat_xyzw.tolist()
