"""``avatar-bridge track`` on real clips: every frame, the right formats, the same file every time."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.e2e


def _track(*arguments: str, model: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bridge.cli", "track", *arguments, "--set", f"tracker.model={json.dumps(str(model))}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def test_a_clip_becomes_a_recording_twice_the_same(clips: Path, model_path: Path, tmp_path: Path) -> None:
    """23 frames of the GIF, a face in each, dated by the GIF's own rate; a second time byte for byte the same."""
    outs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]

    for out in outs:
        done = _track(str(clips / "head-pose-female.gif"), "--out", str(out), model=model_path)
        assert done.returncode == 0, done.stderr
        assert "23 frames, a face in 23" in done.stderr

    lines = [json.loads(line) for line in outs[0].read_text(encoding="utf-8").splitlines()]
    assert lines[0]["stage"] == "raw"
    assert [round(k * 0.08, 6) for k in range(23)] == [round(line["t"], 6) for line in lines[1:]]
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_tables_and_arrays_hold_the_same_numbers(clips: Path, model_path: Path, tmp_path: Path) -> None:
    """jawOpen of the Live Link CSV equals that of the .npz."""
    table, arrays = tmp_path / "take.csv", tmp_path / "take.npz"
    for out in (table, arrays):
        done = _track(str(clips / "head-pose-female.gif"), "--out", str(out), model=model_path)
        assert done.returncode == 0, done.stderr

    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with np.load(arrays) as data:
        names = [str(name) for name in data["names"]]
        jaw = data["bs"][:, names.index("jawOpen")]

    assert len(rows) == len(jaw) == 23
    np.testing.assert_allclose(jaw, [float(row["JawOpen"]) for row in rows], atol=1e-4)


def test_a_still_is_one_frame_in_image_mode(model_path: Path, clips: Path, tmp_path: Path) -> None:
    """A picture gives one result; --final gives what an output would get."""
    cv2 = pytest.importorskip("cv2")
    capture = cv2.VideoCapture(str(clips / "head-pose-female.gif"))
    ok, picture = capture.read()
    capture.release()
    assert ok
    still, out = tmp_path / "still.png", tmp_path / "still.jsonl"
    cv2.imwrite(str(still), picture)

    done = _track(str(still), "--mode", "image", "--final", "--out", str(out), model=model_path)

    assert done.returncode == 0, done.stderr
    assert "1 frames, a face in 1" in done.stderr
    assert len(out.read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("absent.mp4",), 4, "absent.mp4"),
        (("absent.mp4", "--out", "x.doc"), 2, "suffix .doc"),
        (("absent.mp4", "--mode", "film"), 2, "choose video or image"),
    ],
)
def test_bad_input_is_one_sentence(arguments: tuple[str, ...], code: int, expected: str, model_path: Path) -> None:
    """The exit code of its kind, no traceback."""
    done = _track(*arguments, model=model_path)

    assert code == done.returncode
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert 1 == len(done.stderr.strip().splitlines())
