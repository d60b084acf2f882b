"""The closed loop: a face on video, the bridge, UDP, and an avatar in a real browser that nobody of us wrote.

three.js and three-vrm from npm, decoded by osc.js, in headless Chromium. State is asserted with nothing drawn (software rendering
eats the processor that the tracker needs); stills are taken when it is over.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.chromium import Page
from tests.e2e.program import Program
from tests.e2e.receivers import OscReceiver, VmcFrame, vmc_frames
from tests.e2e.truth import angle_deg

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent / "three_vrm"
AVATAR = "ict_arkit52_lite_vrm1.vrm"
STILLS = (("mouth", "jawOpen"), ("smile", "mouthSmileLeft"))
PATIENCE_S = 120.0


class Avatar:
    """A browser with an avatar in it; ``udp_port`` takes VMC."""

    def __init__(self, *, server: subprocess.Popen[str], udp_port: int, out: Path) -> None:
        self._server = server
        self.udp_port = udp_port
        self._out = out

    def expect(self, word: str) -> None:
        """Reads what the server says until it is ``word``."""
        assert self._server.stdout is not None
        for line in self._server.stdout:
            assert not line.startswith("error"), line
            if line.strip() == word:
                return
        raise AssertionError(f"the page's server ended before it said {word!r}")

    def still(self, name: str, expression: str) -> Path:
        """A picture of the frame in which ``expression`` was strongest."""
        assert self._server.stdin is not None
        self._server.stdin.write(f"still {name} {expression}\n")
        self._server.stdin.flush()
        self.expect("still")
        return Path(f"{self._out}.{name}.png")

    def report(self) -> list[dict[str, Any]]:
        """Ends the server; everything the page told it."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        assert self._server.wait(PATIENCE_S) == 0
        return [json.loads(line) for line in self._out.read_text(encoding="utf-8").splitlines()]


@contextmanager
def _avatar(*, node_modules: Path, avatar: Path, work: Path) -> Iterator[Avatar]:
    out = work / "page.jsonl"
    arguments = [str(HERE / "serve.mjs"), "--modules", str(node_modules), "--avatar", str(avatar), "--out", str(out)]
    with subprocess.Popen(["node", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            ports = json.loads(server.stdout.readline())
            with Page(work / "profile", width=400, height=400) as page:
                page.call("Network.disable")  # or every frame would be reported to a listener that does not listen now
                page.call("Page.navigate", url=f"http://127.0.0.1:{ports['http']}/")
                ready = Avatar(server=server, udp_port=ports["udp"], out=out)
                ready.expect("ready")
                yield ready
        finally:
            server.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Frames in the browser, and the same frames as python-osc decoded them on a second output."""

    drop_m: float
    """How far jawOpen = 1 moves the lowest vertex of the avatar's face."""
    pairs: tuple[tuple[dict[str, Any], VmcFrame], ...]
    sent: int
    stills: dict[str, Path]


@pytest.fixture(scope="session")
def loop(
    node_modules: Path,
    assets: Path,
    synthetic: Callable[[str], Path],
    model_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Loop:
    """The synthetic performance once, into the browser and into python-osc."""
    avatar_file = assets / AVATAR
    if not avatar_file.is_file():
        pytest.skip(f"needs {avatar_file}; BRIDGE_TEST_ASSETS can name another folder")
    work = tmp_path_factory.mktemp("three-vrm")
    with _avatar(node_modules=node_modules, avatar=avatar_file, work=work) as avatar, OscReceiver() as oracle:
        arguments = [
            *("--source", str(synthetic(".mp4"))),
            *("--output", f"vmc://127.0.0.1:{avatar.udp_port}?name=browser"),
            *("--output", f"vmc://127.0.0.1:{oracle.port}?name=oracle"),
            *("--set", f"tracker.model={model_path}"),
        ]
        with Program("run", *arguments, "--no-control", home=work) as program:
            finished = program.finish()
        assert finished.code == 0, str(finished)
        stills = {name: avatar.still(name, expression) for name, expression in STILLS}
        report = avatar.report()
        frames = vmc_frames(oracle.stop())
    assert [] == [entry for entry in report if entry["kind"] == "malformed"]
    by_t = {frame.t: frame for frame in frames}  # the same 32-bit number on both ways
    pairs = tuple((entry, by_t[entry["t"]]) for entry in report if entry["kind"] == "frame" and entry["t"] in by_t)
    drop_m = next(entry["drop"] for entry in report if entry["kind"] == "avatar")
    return Loop(drop_m=drop_m, pairs=pairs, sent=len(frames), stills=stills)


def test_the_browser_gets_the_frames(loop: Loop) -> None:
    """What one receiver got, the other got: a worker may skip one frame in fifty."""
    assert loop.sent >= 250, "a machine this busy shows nothing"
    assert len(loop.pairs) >= 0.98 * loop.sent


def test_the_avatars_head_turns_as_sent(loop: Loop) -> None:
    """World rotation of the head bone = product of the sent chain, with VRM 1's axes (x, -y, -z, w): within 0.01 degrees."""
    worst = 0.0
    for entry, frame in loop.pairs:
        x, y, z, w = frame.head_quat
        worst = max(worst, angle_deg(entry["head"], (x, -y, -z, w)))
    turned = [angle_deg(entry["head"], (0, 0, 0, 1)) for entry, _ in loop.pairs]
    print(f"head in the browser against the head sent: at most {worst:.5f} degrees over {len(loop.pairs)} frames")
    assert max(turned) > 15.0, "the head never moved"
    assert worst <= 0.01, f"{worst:.4f} degrees"


def test_every_morph_weight_is_the_one_sent(loop: Loop) -> None:
    """All 52 morph targets within 1e-3 of the decoded Blend/Val."""
    worst = max(
        (abs(weight - frame.blend[name[0].upper() + name[1:]]), name)
        for entry, frame in loop.pairs
        for name, weight in entry["weights"].items()
    )
    assert {52} == {len(entry["weights"]) for entry, _ in loop.pairs}
    assert worst[0] <= 1e-3, worst


def test_the_chin_drops_with_the_jaw(loop: Loop) -> None:
    """The lowest vertex that jawOpen moves goes down with it, as far as the avatar's own morph target says."""
    jaw = np.array([frame.blend["JawOpen"] for _, frame in loop.pairs])
    chin = np.array([entry["chin"] for entry, _ in loop.pairs])
    assert jaw.max() > 0.3
    slope = float(np.polyfit(jaw, chin, 1)[0])
    print(f"chin: {1e3 * slope:.1f} mm per jawOpen, the morph target moves it {1e3 * loop.drop_m:.1f} mm")
    assert float(np.corrcoef(jaw, chin)[0, 1]) <= -0.95
    assert loop.drop_m < -0.005
    assert slope == pytest.approx(loop.drop_m, rel=0.35)  # other mouth shapes move that vertex a little too


def test_the_stills_show_something(loop: Loop) -> None:
    """Two pictures are there, drawn, and differ. (To be looked at by a person too.)"""
    import cv2

    pictures = {name: cv2.imread(str(path)) for name, path in loop.stills.items()}
    for picture in pictures.values():
        assert picture is not None
        assert float(picture.std()) > 10.0
    mouth, smile = (pictures[name] for name, _ in STILLS)
    assert mouth is not None
    assert smile is not None
    assert float(np.abs(mouth.astype(float) - smile.astype(float)).mean()) > 0.5
