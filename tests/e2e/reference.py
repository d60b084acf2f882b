"""What MediaPipe itself says about pictures of a file, in VIDEO mode and in a process of its own: the oracle for the bridge.

No code of the bridge: cv2 reads the pictures, the public API is asked, scipy turns the matrix into Unity's quaternion by the rule
of the fact sheet "ARKit <-> MediaPipe", section 3: (x, y, z, w) -> (x, -y, -z, w).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One picture."""

    quat_unity: tuple[float, float, float, float] | None
    """None: no face."""
    scores: dict[str, float]
    """By MediaPipe's own names, ``_neutral`` left out."""
    nose_right: float
    """How far the tip of the nose is to the picture's right of the middle of the cheeks, in widths of the face."""


def ask_mediapipe(video: Path, *, model: Path, timestamps_ms: dict[int, int], work: Path) -> dict[int, Seen]:
    """Runs this file as a program. ``timestamps_ms``: which pictures of the file, counted from 0, are shown, and their times."""
    asked, answered = work / "asked.json", work / "answered.json"
    asked.write_text(json.dumps(sorted(timestamps_ms.items())), encoding="utf-8")
    arguments = ["--video", str(video), "--model", str(model), "--asked", str(asked), "--out", str(answered)]
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return {
        index: Seen(quat_unity=one["quat"] and tuple(one["quat"]), scores=one["scores"], nose_right=one["nose_right"])
        for index, one in json.loads(answered.read_text(encoding="utf-8"))
    }


def _pictures(video: Path) -> list[Any]:
    import cv2

    capture = cv2.VideoCapture(str(video))
    pictures = []
    while True:
        good, picture = capture.read()
        if not good:
            break
        # A GIF's pixels come with an alpha channel in some builds of OpenCV.
        code = cv2.COLOR_BGRA2RGB if picture.shape[2] == 4 else cv2.COLOR_BGR2RGB
        pictures.append(cv2.cvtColor(picture, code))
    return pictures


def _look(result: Any) -> dict[str, Any]:
    from scipy.spatial.transform import Rotation

    if not result.face_landmarks:
        return {"quat": None, "scores": {}, "nose_right": 0.0}
    x, y, z, w = Rotation.from_matrix(result.facial_transformation_matrixes[0][:3, :3]).as_quat().tolist()
    points = result.face_landmarks[0]
    left, right = points[454].x, points[234].x  # of the picture: 454 is the subject's left cheek, at larger x
    return {
        "quat": [x, -y, -z, w],
        "scores": {one.category_name: one.score for one in result.face_blendshapes[0] if one.category_name != "_neutral"},
        "nose_right": (points[1].x - 0.5 * (left + right)) / (left - right),
    }


def main() -> None:
    """Writes one JSON array of (index, what was seen)."""
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    parser = argparse.ArgumentParser()
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--asked", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=arguments.model),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    pictures = _pictures(arguments.video)
    answers = []
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for index, timestamp_ms in json.loads(arguments.asked.read_text(encoding="utf-8")):
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=pictures[index])
            answers.append((index, _look(landmarker.detect_for_video(image, timestamp_ms))))
    arguments.out.write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main()
