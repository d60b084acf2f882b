"""Out of one avatar-bridge and into a second one: what arrives is what was sent, within what the format can carry.

One bridge performs the demo into every output of the table at once; for each of them another bridge has the matching source.
All record what their outputs get; smoothing and presence are off, so nothing may change on the way.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bridge.types import Float64Array
from tests.e2e.program import Program

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to another process"),
]

DURATION_S = 4.0
"""Of the demo; phones are asked once a second."""
FEWEST = 30
PERCENT = 0.00501
"""Half of a whole percent, and the rounding of a float."""
PLAIN = ("--set", "smoothing.enabled=false", "--set", "presence.enabled=false")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One format; ``PORT`` is a free UDP port in both."""

    output: str
    source: str
    weight: float
    """What a coefficient may differ by."""
    head_deg: float
    position_m: float | None
    """None: the format, or its default, sends none."""


WAYS = {
    "vmc": Way(
        output="vmc://127.0.0.1:PORT?position=1",
        source="vmc:127.0.0.1:PORT?position=root",
        weight=1e-6,
        head_deg=1e-3,
        position_m=1e-6,
    ),
    "vts-phone": Way(
        output="vts-phone://127.0.0.1:PORT", source="vts-phone:127.0.0.1:PORT", weight=1e-6, head_deg=1e-3, position_m=1e-6
    ),
    "ifacialmocap": Way(
        output="ifacialmocap://127.0.0.1:PORT",
        source="ifacialmocap:127.0.0.1:PORT",
        weight=PERCENT,
        head_deg=1e-3,
        position_m=1e-5,
    ),
    "facemotion3d": Way(
        output="facemotion3d://127.0.0.1:PORT",
        source="facemotion3d:127.0.0.1:PORT",
        weight=PERCENT,
        head_deg=1e-3,
        position_m=1e-5,
    ),
    "livelink": Way(
        output="livelink://127.0.0.1:PORT", source="livelink:127.0.0.1:PORT", weight=1e-6, head_deg=1e-3, position_m=None
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A recording of final states, those with a head."""

    weights: Float64Array
    """(N, 52)."""
    heads: Rotation
    positions_m: Float64Array
    """(N, 3)."""


def _read(path: Path) -> Take:
    _, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    faces: list[dict[str, Any]] = [face for line in lines for face in line["faces"] if face["head"] is not None]
    return Take(
        weights=np.array([face["weights"] for face in faces]).reshape(-1, 52),
        heads=Rotation.from_quat([face["head"]["quat_xyzw"] for face in faces] or np.empty((0, 4))),
        positions_m=np.array([face["head"]["position_m"] for face in faces]).reshape(-1, 3),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What was sent, and what arrived by each way."""

    sent: Take
    arrived: dict[str, Take]
    said: dict[str, str]
    """By the receivers, on stderr."""


@pytest.fixture(scope="module")
def exchange(
    tmp_path_factory: pytest.TempPathFactory, pick_udp_port: Callable[[], int], pick_tcp_port: Callable[[], int]
) -> Exchange:
    """One performance, all ways at once."""
    home = tmp_path_factory.mktemp("network-sources")
    ports = {name: str(pick_udp_port()) for name in WAYS}
    receivers: dict[str, tuple[Program, int]] = {}
    with ExitStack() as running:
        for name, way in WAYS.items():
            control = pick_tcp_port()
            arguments = ("--source", way.source.replace("PORT", ports[name]), "--output", f"record://{name}.jsonl")
            program = Program("run", *arguments, *PLAIN, "--set", f"control.port={control}", home=home)
            receivers[name] = (running.enter_context(program), control)
        for program, control in receivers.values():
            program.wait_for_page(control)
        outputs = [part for name, way in WAYS.items() for part in ("--output", way.output.replace("PORT", ports[name]))]
        sender = (
            "--source",
            "demo",
            "--duration",
            f"{DURATION_S:g}",
            "--no-control",
            *outputs,
            "--output",
            "record://sent.jsonl",
        )
        with Program("run", *sender, *PLAIN, home=home) as performing:
            finished = performing.finish()
            assert 0 == finished.code, str(finished)
        said = {}
        for name, (program, _) in receivers.items():
            program.signal(signal.SIGINT)
            finished = program.finish()
            assert 0 == finished.code, str(finished)
            said[name] = finished.stderr
    return Exchange(sent=_read(home / "sent.jsonl"), arrived={name: _read(home / f"{name}.jsonl") for name in WAYS}, said=said)


@pytest.mark.parametrize("name", WAYS)
def test_what_arrives_is_what_was_sent(exchange: Exchange, name: str) -> None:
    """Every frame that arrived is one that was sent, in order: all 52 coefficients, the head, its place. (On a busy machine the
    recording of what was sent may lack a frame or two, so a few may have no partner.)"""
    way, sent, arrived = WAYS[name], exchange.sent, exchange.arrived[name]
    partners: list[int] = []
    for i, weights in enumerate(arrived.weights):
        apart = np.abs(sent.weights - weights).max(axis=1)
        turned_deg = np.degrees((sent.heads.inv() * arrived.heads[i]).magnitude())
        moved_m = np.linalg.norm(sent.positions_m - arrived.positions_m[i], axis=1)
        fits = (apart <= way.weight) & (turned_deg <= way.head_deg)
        if way.position_m is not None:
            fits &= moved_m <= way.position_m
        candidates = np.flatnonzero(fits)
        later = candidates[candidates >= max(partners, default=0)]
        partners += later[:1].tolist()

    assert len(arrived.weights) >= FEWEST, exchange.said[name]
    assert len(partners) >= 0.9 * len(arrived.weights)
    assert arrived.weights.std(axis=0).max() > 0.1  # and it moved


@pytest.mark.parametrize("name", WAYS)
def test_the_receiver_says_whom_it_hears(exchange: Exchange, name: str) -> None:
    """In the line at the start; a sender that stops is a loss, told at most once, and no failure."""
    assert "from 127.0.0.1" in exchange.said[name]
    assert exchange.said[name].count("waiting for it to return") <= 1
    assert "Traceback" not in exchange.said[name]
