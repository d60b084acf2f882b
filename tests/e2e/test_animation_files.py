"""Animation files of ours in front of those who play them: three.js, three-vrm-animation and an avatar, in node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bridge import arkit
from bridge.sources.demo import performance_at
from bridge.types import Face, TrackResult
from bridge.wire import bvh, vrma
from bridge.wire.animation import EXPRESSIONS, Animation, AnimationCollector
from tests.e2e.program import Program

pytestmark = pytest.mark.e2e

SCRIPT = Path(__file__).parent / "three_vrm" / "animation.mjs"
AVATAR = "ict_arkit52_lite_vrm1.vrm"
Player = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def player(node_modules: Path) -> Player:
    """``player(file, ..., avatar=None)``: what three.js makes of the files."""

    def play(*files: Path, avatar: Path | None = None) -> list[dict[str, Any]]:
        arguments = [*(("--avatar", str(avatar)) if avatar else ()), *map(str, files)]
        done = subprocess.run(
            ["node", "--input-type=module", "-", *arguments],
            input=SCRIPT.read_text(encoding="utf-8"), cwd=node_modules.parent,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert (0, "") == (done.returncode, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return play


@pytest.fixture(scope="session")
def take() -> Animation:
    """The demo performance, 9 s at 30 a second with a hole in it."""
    collector = AnimationCollector()
    for k in range(270):
        weights, head = performance_at(k / 30)
        faces = (Face(weights=weights, head=head),) if not 100 <= k < 110 else ()
        collector.add_result(TrackResult(seq=k, t=k / 30, t_done=k / 30, faces=faces))
    return collector.finished()


def apart_deg(a: Any, b: Any) -> float:
    """The largest angle between rotations, x y z w."""
    return float(np.degrees((Rotation.from_quat(a) * Rotation.from_quat(b).inv()).magnitude()).max())


def rotations(seen: dict[str, Any], bone: str) -> Any:
    """The keys of a bone."""
    return Rotation.from_quat(np.array(seen["rotation"][bone]["values"]).reshape(-1, 4))


@pytest.mark.parametrize("neck", [0.0, 0.5])
def test_three_vrm_animation_reads_our_vrma(player: Player, take: Animation, tmp_path: Path, neck: float) -> None:
    """Without a warning: duration, hips, every key of head, neck, expressions and gaze."""
    path = tmp_path / "take.vrma"
    path.write_bytes(vrma.encode(take, neck=neck))

    (seen,) = player(path)

    assert float(take.times_s[-1]) == pytest.approx(seen["duration"], abs=1e-6)
    assert [0, 1, 0] == seen["restHips"]
    head = rotations(seen, "head")
    if neck:
        head = rotations(seen, "neck") * head
    assert ({"head", "neck"} if neck else {"head"}) == set(seen["rotation"])
    assert take.times_s.astype(np.float32).tolist() == pytest.approx(seen["rotation"]["head"]["times"], abs=1e-7)
    assert apart_deg(take.head_xyzw, head.as_quat()) < 1e-3
    looked = np.array(seen["lookAt"]["values"]).reshape(-1, 4)
    wanted = Rotation.from_euler("YX", _gaze(take, seen["lookAt"]["times"]), degrees=True)
    assert apart_deg(wanted.as_quat(), looked) < 1e-3
    live = {name for name, support in zip(arkit.NAMES, arkit.SUPPORT, strict=True) if support is not arkit.Support.DEAD}
    assert live <= set(seen["custom"])
    assert {"aa", "ih", "ou", "ee", "oh", "blinkLeft", "blinkRight"} == set(seen["preset"])
    for names, columns, group in ((arkit.NAMES, take.weights, "custom"), (EXPRESSIONS, take.presets, "preset")):
        for name, track in seen[group].items():
            there = np.interp(take.times_s.astype(np.float32), track["times"], track["values"])
            np.testing.assert_allclose(there, columns[:, names.index(name)], atol=1e-6, err_msg=name)


def _gaze(take: Animation, times: list[float]) -> Any:
    """Yaw and pitch at some of the take's times."""
    at = np.searchsorted(take.times_s.astype(np.float32), np.array(times, dtype=np.float32))
    return take.gaze_deg[at]


def test_an_avatar_plays_it(player: Player, take: Animation, assets: Path, tmp_path: Path) -> None:
    """Head bone, expressions and lookAt of a VRM 1 avatar, at five moments."""
    avatar = assets / AVATAR
    if not avatar.is_file():
        pytest.skip(f"needs {avatar}; BRIDGE_TEST_ASSETS can name another folder")
    path = tmp_path / "take.vrma"
    path.write_bytes(vrma.encode(take))

    (seen,) = player(path, avatar=avatar)

    for moment in seen["played"]:
        k = np.searchsorted(take.times_s, moment["t"], side="right") - 1
        near = slice(max(0, k), k + 2)
        rows = take.head_xyzw[near]
        step_deg = apart_deg(rows[0], rows[-1])
        assert apart_deg(rows[0], moment["head"]) <= step_deg + 0.01
        for name, column in zip(arkit.NAMES, take.weights.T, strict=True):
            if name in moment["expressions"] and arkit.SUPPORT[arkit.INDEX[name]] is not arkit.Support.DEAD:
                low, high = column[near].min(), column[near].max()
                assert low - 1e-4 <= moment["expressions"][name] <= high + 1e-4, name
        yaw, pitch = take.gaze_deg[near, 0], take.gaze_deg[near, 1]
        assert yaw.min() - 0.1 <= moment["yaw"] <= yaw.max() + 0.1
        assert pitch.min() - 0.1 <= moment["pitch"] <= pitch.max() + 0.1
    assert apart_deg(seen["played"][1]["head"], seen["played"][3]["head"]) > 1.0


@pytest.mark.parametrize("neck", [0.0, 0.5])
def test_three_js_reads_our_bvh(player: Player, take: Animation, tmp_path: Path, neck: float) -> None:
    """The head's rotation in the world, frame by frame."""
    path = tmp_path / "take.bvh"
    path.write_bytes(bvh.encode(take, neck=neck))

    (seen,) = player(path)

    assert len(take.times_s) == len(seen["frames"])
    assert float(take.times_s[-1]) == pytest.approx(seen["duration"], abs=1e-6)
    assert apart_deg(take.head_xyzw, seen["frames"]) < 1e-3


def test_a_clip_becomes_animations_that_play(player: Player, clips: Path, model_path: Path, tmp_path: Path, home: Path) -> None:
    """``track`` on a real clip: both files say the same head; the .vrma is converted and played like any recording."""
    files = [tmp_path / "clip.vrma", tmp_path / "clip.bvh"]
    model = ("--set", f"tracker.model={json.dumps(str(model_path))}")
    for file in files:
        with Program("track", str(clips / "head-pose-female.gif"), "--out", str(file), *model, home=home) as program:
            finished = program.finish()
        assert 0 == finished.code, str(finished)
    again, live = tmp_path / "again.vrma", tmp_path / "live.csv"
    for arguments in (
        ("track", str(files[0]), "--out", str(again)),
        ("run", "--source", str(files[0]), "--no-control", "--output", f"record://{live}"),
    ):
        with Program(*arguments, home=home) as program:
            finished = program.finish()
        assert 0 == finished.code, str(finished)
    assert len(live.read_text(encoding="ascii").splitlines()) > 10

    first, text, second = player(*files, again)

    assert 22 * 0.08 == pytest.approx(first["duration"], abs=1e-6)
    whole = rotations(first, "neck") * rotations(first, "head")
    assert apart_deg(whole.as_quat(), text["frames"]) < 1e-3
    yaws = whole.as_euler("YXZ", degrees=True)[:, 0]
    assert yaws.min() < -10.0 < 10.0 < yaws.max()
    assert first["custom"]["jawOpen"]["values"] == pytest.approx(second["custom"]["jawOpen"]["values"], abs=1e-7)
