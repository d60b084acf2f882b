"""One face, ten receivers of different kinds at once: each at its own rate, each read by code that is not ours.

The clip is real and goes through the model. A recording of the final states is the witness: whatever a receiver read must be one
of its moments. Outputs with a rate of their own move between those moments, so there the numbers have to lie between some that
follow each other.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from websockets.sync.client import ClientConnection, connect

from bridge import arkit
from bridge.testing import Seen, UdpBench
from tests.conformance.benches import BENCHES
from tests.e2e.program import PATIENCE_S, Program
from tests.e2e.vtube_studio import VTubeStudio
from tests.e2e.vtube_studio_api import VTubeStudioApi

pytestmark = pytest.mark.e2e

CLIP = "sign-yes.mkv"
RATES = {
    "vmc": 0, "osc": 0, "vrchat": 0, "livelink": 60, "ifacialmocap": 20, "facemotion3d": 15, "openseeface": 0, "opentrack": 10,
    "vts-phone": 0,
}  # fmt: skip
"""The UDP kinds and the fps of each (0: every tracked frame); the stream, VTube Studio and the recording come on top."""
NEIGHBOURS = 4
"""A move begins at what is being shown, which may still be on its way from the moment before the last."""
FEWEST = 20


@dataclass
class Received:
    """What arrived, by kind, and how long the performance took."""

    frames: dict[str, list[Seen]] = field(default_factory=dict)
    witness: list[Seen] = field(default_factory=list)
    span_s: float = 0.0
    stderr: str = ""


def _recording(path: Path) -> Iterator[tuple[float, Seen]]:
    header, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    for line in lines:
        for face in line["faces"]:
            weights = dict(zip(header["names"], face["weights"], strict=True))
            yield line["t"], Seen(weights, np.array(face["head"]["quat_xyzw"]) if face["head"] else None)


def _watch(port: int) -> ClientConnection:
    """A viewer of the stream, as soon as its output listens."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return connect(f"ws://127.0.0.1:{port}", compression=None, proxy=None, open_timeout=PATIENCE_S)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"nobody listens on port {port}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def received(
    clips: Path,
    model_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    pick_udp_port: Callable[[], int],
    pick_tcp_port: Callable[[], int],
) -> Received:
    """The performance."""
    home = tmp_path_factory.mktemp("ten-outputs")
    done = Received()
    stream_port = pick_tcp_port()
    with ExitStack() as stack:
        benches: dict[str, UdpBench] = {}
        for kind in RATES:
            bench = BENCHES[kind](home, pick_udp_port())
            assert isinstance(bench, UdpBench)
            benches[kind] = bench
            bench._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            stack.callback(bench.die)
        studio = stack.enter_context(VTubeStudio(api=VTubeStudioApi(permission="allow")))
        urls = [f"{bench.url}{'&' if '?' in bench.url else '?'}fps={RATES[kind]}" for kind, bench in benches.items()]
        urls += [
            f"vts://127.0.0.1:{studio.port}?parameters=both&discover=off",
            f"ws://127.0.0.1:{stream_port}",
            "record://w.jsonl",
        ]
        arguments = [part for url in urls for part in ("--output", url)]
        control = pick_tcp_port()
        settings = (f"tracker.model={model_path}", f"control.port={control}")
        flags = [part for text in settings for part in ("--set", text)]
        with Program("run", "--source", str(clips / CLIP), "--loop", "--duration", "8", *arguments, *flags, home=home) as program:
            program.wait_for_page(control)
            viewer = stack.enter_context(_watch(stream_port))
            done.frames["ws"] = []
            for message in viewer:
                if len(done.frames["ws"]) % 15 == 0:
                    benches["vts-phone"].meet()  # clients of a phone ask again and again: at first it may not listen yet
                frame: dict[str, Any] = json.loads(message)
                if frame["type"] == "frame":
                    weights = dict(zip(arkit.NAMES, frame["weights"], strict=True))
                    head = frame["head"]
                    done.frames["ws"].append(Seen(weights, np.array(head["quat_xyzw"]) if head else None))
            finished = program.finish()
        assert 0 == finished.code, str(finished)
        done.stderr = finished.stderr
        done.frames |= {kind: bench.frames() for kind, bench in benches.items()}
        done.frames["vts"] = [
            Seen({name: frame.values[name[0].upper() + name[1:]] for name in arkit.NAMES})
            for frame in studio.api.frames
            if frame.values
        ]
    moments = list(_recording(home / "w.jsonl"))
    done.witness = [seen for _, seen in moments]
    done.span_s = moments[-1][0] - moments[0][0]
    return done


KINDS = (*RATES, "ws", "vts")


def test_every_receiver_saw_the_performance(received: Received) -> None:
    """Ten kinds and more, none of them starved, nothing went wrong on the way."""
    counts = {kind: len(received.frames[kind]) for kind in KINDS}

    assert len(KINDS) >= 10
    assert all(count >= FEWEST for count in counts.values()), f"{counts}\n{received.stderr}"
    assert "Traceback" not in received.stderr


def test_each_has_its_own_rate(received: Received) -> None:
    """In order of what was asked for; never more than that."""
    counts = {kind: len(received.frames[kind]) for kind in RATES}
    most = {kind: fps * (received.span_s + 1.0) for kind, fps in RATES.items() if fps}

    assert counts["opentrack"] < counts["facemotion3d"] < counts["ifacialmocap"] < counts["livelink"]
    assert {} == {kind: (counts[kind], limit) for kind, limit in most.items() if counts[kind] > limit}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "opentrack"])
def test_what_arrived_was_performed(received: Received, kind: str) -> None:
    """Each frame lies between moments of the recording that follow each other, within what its format carries. (On a busy
    machine the recording may lack a moment that a receiver got, so one in ten may have no partner.)"""
    names = [name for name in arkit.NAMES if name in received.frames[kind][0].weights]
    frames = np.array([[frame.weights[name] for name in names] for frame in received.frames[kind]]).reshape(-1, len(names))
    witness = np.array([[seen.weights[name] for name in names] for seen in received.witness])
    slack = 0.00501 if kind in {"ifacialmocap", "facemotion3d"} else 1e-3
    spans = np.lib.stride_tricks.sliding_window_view(witness, NEIGHBOURS if RATES.get(kind) else 2, axis=0)
    low, high = spans.min(axis=-1) - slack, spans.max(axis=-1) + slack
    fits = [bool(((frame >= low) & (frame <= high)).all(axis=1).any()) for frame in frames]

    assert np.mean(fits) >= 0.9
    assert witness.std(axis=0).max() > 0.05  # it moved


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "vts"])
def test_all_heads_turn_alike(received: Received, kind: str) -> None:
    """Every head is near one of the recorded moments, signs included; the rest state at the end counts as well."""
    recorded = Rotation.from_quat([seen.quat_xyzw for seen in received.witness if seen.quat_xyzw is not None])
    heads = [frame.quat_xyzw for frame in received.frames[kind] if frame.quat_xyzw is not None]
    near = [np.degrees((recorded.inv() * Rotation.from_quat(head)).magnitude()).min() for head in heads]
    apart = np.degrees((recorded[:-1].inv() * recorded[1:]).magnitude()).max()

    assert len(heads) >= FEWEST
    assert np.mean(np.array(near) <= 1.6 * apart + 0.05) >= 0.9
    assert np.degrees((recorded[0].inv() * recorded).magnitude()).max() > 3.0  # it turned
