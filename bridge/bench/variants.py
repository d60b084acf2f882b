"""What is measured, each in a process of its own: bare inference, the naive bridge, the real bridge. Prints one JSON line.

``python -m bridge.bench.variants bridge|bare|naive --clip F --model F --fps 30 --seconds 10 --port P --epoch E``
"""

from __future__ import annotations

import argparse
import json
import threading
from pathlib import Path
from typing import Any

from bridge.bench.clip import ClipCamera, load_clip
from bridge.clock import monotonic
from bridge.errors import SourceEnded
from bridge.settings import OutputSettings, Settings
from bridge.types import CameraFrame, TrackResult

WARM_UP_S = 1.0
IN_FLIGHT = 2
"""Unpaced runs keep so many frames inside MediaPipe: one at work, one waiting. More would only be dropped there."""


def main() -> None:
    """Runs one variant and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", choices=("bare", "naive", "bridge"))
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--fps", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clip-frames", type=int, default=90, help="so many pictures of the clip are kept in memory")
    parser.add_argument("--outputs", nargs="*", default=[], help="further output URLs")
    arguments = parser.parse_args()
    # A naive script leaves OpenCV's four driver buffers as they are; the bridge asks for one and takes the newest frame.
    buffers = 4 if arguments.variant == "naive" else 1
    frames = load_clip(arguments.clip, arguments.clip_frames)
    camera = ClipCamera(frames, fps=arguments.fps, seconds=arguments.seconds, buffers=buffers)
    figures = {"bare": _bare, "naive": _naive, "bridge": _bridge}[arguments.variant](camera, arguments)
    measured = max(1, camera.measured)
    print(
        json.dumps(
            {
                "variant": arguments.variant,
                "frames": camera.measured,
                "skipped": camera.skipped,
                "cpu_ms": 1e3 * camera.cpu_s / measured,
                "fps": camera.measured / arguments.seconds,
                "rss_mb": _rss_mb(),
            }
            | figures
        ),
        flush=True,
    )


def _rss_mb() -> float | None:
    try:
        fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return None
    import os

    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _bare(camera: ClipCamera, arguments: argparse.Namespace) -> dict[str, Any]:
    """MediaPipe alone: frames in, results thrown away before a single Python object is made of them."""
    import cv2

    cv2.setNumThreads(1)
    from bridge.trackers.mediapipe_import import import_mediapipe

    mp = import_mediapipe()
    vision = mp.tasks.vision
    landed = threading.Semaphore(IN_FLIGHT)
    latencies: list[float] = []
    ready: dict[int, float] = {}

    def done(_result: object, _image: object, timestamp_ms: int) -> None:
        latencies.append(monotonic() - ready.pop(timestamp_ms))
        landed.release()

    options = vision.FaceLandmarkerOptions(
        base_options=mp.tasks.BaseOptions(model_asset_path=str(arguments.model)),
        running_mode=vision.RunningMode.LIVE_STREAM,
        num_faces=1,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
        result_callback=done,
    )
    landmarker = vision.FaceLandmarker.create_from_options(options)
    landmarker._dispatcher._converter = lambda _result, _image, timestamp_ms: (None, None, timestamp_ms)
    last = -1
    try:
        while True:
            frame = camera.read()
            last = max(last + 1, int(frame.t * 1e3))
            ready[last] = frame.t
            landed.acquire(timeout=1.0)
            landmarker.detect_async(mp.Image(image_format=mp.ImageFormat.SRGB, data=frame.image), last)
    except SourceEnded:
        return {"latencies_ms": [round(1e3 * seconds, 3) for seconds in latencies]}
    finally:
        landmarker.close()


def _naive(camera: ClipCamera, arguments: argparse.Namespace) -> dict[str, Any]:
    """The way most scripts do it: one loop, detect_for_video, one python-osc message a value, no smoothing."""
    from bridge.bench.naive import perform_naively

    epoch = monotonic()
    perform_naively(camera, model=arguments.model, port=arguments.port, epoch=epoch)
    return {"epoch": epoch}


class _Gate:
    """Lets an unpaced camera go on when a result is back: what a camera that is always ready would see."""

    def __init__(self, camera: ClipCamera) -> None:
        self._camera = camera
        self._free = threading.Semaphore(IN_FLIGHT)
        self.live, self.label, self.delivers_results = camera.live, camera.label, False
        self.open, self.close, self.cancel = camera.open, camera.close, camera.cancel

    def read(self) -> CameraFrame:
        self._free.acquire(timeout=1.0)
        return self._camera.read()

    def tap(self, _result: TrackResult) -> None:
        self._free.release()


def _bridge(camera: ClipCamera, arguments: argparse.Namespace) -> dict[str, Any]:
    """The real thing: the same runtime as ``avatar-bridge run``, all default stages on, one VMC output."""
    from bridge.runtime import RunOptions, Runtime

    outputs = [f"vmc://127.0.0.1:{arguments.port}", *arguments.outputs]
    settings = Settings.model_validate(
        {
            "tracker": {"model": str(arguments.model)},
            "control": {"enabled": False},
            "outputs": [OutputSettings(url=url) for url in outputs],
        }
    )
    gate = _Gate(camera)
    runtime = Runtime(settings, RunOptions(source=camera if arguments.fps > 0 else gate))
    taken: list[float] = []
    done: list[float] = []

    def tap(result: TrackResult) -> None:
        taken.append(result.t)
        done.append(result.t_done)

    runtime.add_tap(tap)
    if arguments.fps <= 0:
        runtime.add_tap(gate.tap)
    try:
        runtime.start()
        runtime.wait()
        status = runtime.status()
    finally:
        runtime.stop()
    return {"epoch": taken[0] if taken else 0.0, "engine": status["engine"], "tracked_fps": results_per_second(done)}


def results_per_second(done: list[float]) -> float | None:
    """The rate of results that were done at these times, without the first second, which warms caches up; None for too few."""
    warm = [t for t in done if t >= done[0] + WARM_UP_S]
    return (len(warm) - 1) / (warm[-1] - warm[0]) if len(warm) > 1 and warm[-1] > warm[0] else None


if __name__ == "__main__":
    main()
