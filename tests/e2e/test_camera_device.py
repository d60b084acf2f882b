"""Real V4L2 cameras, also where there is none: a kernel of our own runs as a process and has them (see CONTRIBUTING.md).

The harness that makes and boots that kernel is no part of the project. The scenarios, in ``camera_guest.py``, run inside.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.e2e.camera_guest import SCENARIOS
from tests.e2e.camera_machine import SIZE, SMALL
from tests.e2e.tracking import read_clip

pytestmark = pytest.mark.e2e

CHECKOUT = Path(__file__).resolve().parents[2]
FRAMES = 40
GUEST_LIMIT_S = 420
"""Alone on the machine it takes a minute."""
PREPARE_LIMIT_S = 3600


@pytest.fixture(scope="module")
def harness() -> Path:
    """``camvm.py`` with its kernel prepared; skips without."""
    if sys.platform != "linux":
        pytest.skip("needs Linux: the cameras are V4L2's")
    script = Path(os.environ.get("BRIDGE_TEST_TOOLS") or CHECKOUT.parent / "shared" / "tools") / "camvm.py"
    if not script.is_file():
        pytest.skip(f"needs the camera harness {script}; BRIDGE_TEST_TOOLS can name another folder")
    if shutil.which("insmod", path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
        pytest.skip("needs insmod (Debian: apt-get install kmod)")
    cache = Path(os.environ.get("CAMVM_CACHE") or Path.home() / ".cache" / "camvm")
    if not (cache / "uml" / "linux").is_file():
        if os.environ.get("BRIDGE_TEST_DEVICES") != "1":
            pytest.skip(f"needs a kernel with cameras in {cache}; BRIDGE_TEST_DEVICES=1 makes it, in some minutes")
        subprocess.run([sys.executable, str(script), "prepare"], check=True, timeout=PREPARE_LIMIT_S)
    return script.resolve()


@pytest.fixture(scope="module")
def verdicts(
    harness: Path, synthetic: Callable[[str], Path], model_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Boots the machine once and plays all scenarios: by name, the seconds, what was said, the traceback or None."""
    out = tmp_path_factory.mktemp("camera-guest")
    _write_clip(synthetic(".mp4"), out)
    guest = [sys.executable, "-m", "tests.e2e.camera_guest", "--tools", str(harness.parent), "--data", "/out"]
    command = [sys.executable, str(harness), "run", "--out", str(out), "--timeout", str(GUEST_LIMIT_S), "--", *guest]
    log = out / "guest.log"
    with log.open("wb") as stream:
        # The harness ends its machine itself when the time is up; killing it from here would leave the machine running.
        ended = subprocess.run(
            [*command, "--model", str(model_path.resolve())],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
        )
    for file in out.glob("face.*"):
        file.unlink()
    results = out / "results.json"
    assert results.is_file(), f"exit {ended.returncode}\n{log.read_text(errors='replace')[-3000:]}"
    verdicts: dict[str, dict[str, Any]] = json.loads(results.read_text(encoding="utf-8"))
    return verdicts


def _write_clip(video: Path, folder: Path) -> None:
    """What the feeders play, and the same pictures small, to compare with."""
    frames = read_clip(video, limit=FRAMES)
    assert SIZE == frames[0].shape[1::-1]
    with (folder / "face.yuyv").open("wb") as raw, (folder / "face.mjpg").open("wb") as packed:
        for frame in frames:
            raw.write(cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_YUY2).tobytes())
            ok, jpeg = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
            assert ok
            packed.write(len(jpeg).to_bytes(4, "little") + jpeg.tobytes())
    np.save(folder / "references.npy", np.stack([cv2.resize(frame, SMALL, interpolation=cv2.INTER_AREA) for frame in frames]))


@pytest.mark.parametrize("name", SCENARIOS)
def test_on_a_real_kernel(name: str, verdicts: dict[str, dict[str, Any]]) -> None:
    """What the docstring of ``camera_guest``'s function of that name says."""
    assert name in verdicts, f"the machine ended before: {', '.join(verdicts)}"
    verdict = verdicts[name]
    print(f"{verdict['seconds']} s", *verdict["said"], sep="\n")
    assert None is verdict["error"], verdict["error"]
