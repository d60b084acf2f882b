"""A face tracker the way most scripts on the web do it, as a yardstick: nothing here is how the bridge works.

One loop: read, convert, ``detect_for_video``, one python-osc datagram a value. No smoothing, no threads, no bundles.
"""

from __future__ import annotations

from pathlib import Path

from pythonosc.udp_client import SimpleUDPClient

from bridge import space
from bridge.bench.clip import ClipCamera
from bridge.errors import SourceEnded

_BONES = ("Head", "Neck", "LeftEye", "RightEye")


def perform_naively(camera: ClipCamera, *, model: Path, port: int, epoch: float) -> None:
    """Runs until the camera ends. ``/VMC/Ext/T`` carries the capture time minus ``epoch``."""
    import mediapipe as mp

    vision = mp.tasks.vision
    client = SimpleUDPClient("127.0.0.1", port)
    options = vision.FaceLandmarkerOptions(
        base_options=mp.tasks.BaseOptions(model_asset_path=str(model)),
        running_mode=vision.RunningMode.VIDEO,
        num_faces=1,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    last = -1
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        while True:
            try:
                frame = camera.read()
            except SourceEnded:
                return
            last = max(last + 1, int(1e3 * (frame.t - epoch)))
            result = landmarker.detect_for_video(mp.Image(image_format=mp.ImageFormat.SRGB, data=frame.image), last)
            client.send_message("/VMC/Ext/OK", 1)
            client.send_message("/VMC/Ext/T", float(frame.t - epoch))
            if not result.face_blendshapes:
                continue
            pose = space.head_pose_from_matrix(result.facial_transformation_matrixes[0])
            turn = [float(value) for value in space.to_unity(pose.quat_xyzw)]
            client.send_message("/VMC/Ext/Root/Pos", ["root", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
            for bone in _BONES:
                client.send_message("/VMC/Ext/Bone/Pos", [bone, 0.0, 0.0, 0.0, *turn])
            for category in result.face_blendshapes[0]:
                client.send_message("/VMC/Ext/Blend/Val", [category.category_name, category.score])
            client.send_message("/VMC/Ext/Blend/Apply", [])
