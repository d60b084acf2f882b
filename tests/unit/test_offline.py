"""Replaying as fast as it goes: complete, and the same bytes every time."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from bridge import arkit
from bridge.errors import ConfigError, SourceUnavailable
from bridge.offline import replay_fast, track_file
from bridge.recording import RecordingWriter
from bridge.settings import Settings
from bridge.sources.demo import DemoSource, performance_at
from bridge.types import Face, TrackResult
from bridge.wire import vrma_reader


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Two seconds of the demo performance, with a gap, as a recording."""
    path = tmp_path / "take.jsonl"
    now = 0.0
    source = DemoSource(fps=30.0, clock=lambda: now, loop=True)
    source.open()
    with RecordingWriter(path, stage="raw") as writer:
        for k in range(60):
            now = k / 30
            result = source.read()
            assert isinstance(result, TrackResult)
            seen = () if 20 <= k < 25 else result.faces
            writer.write_result(TrackResult(seq=k, t=k / 30, t_done=k / 30, faces=seen))
    source.close()
    return path


def _settings(*urls: str) -> Settings:
    return Settings.model_validate({"outputs": [{"url": url} for url in urls]})


def test_the_same_recording_gives_the_same_bytes_twice(take: Path, tmp_path: Path) -> None:
    """Smoothing, presence and all: nothing in the path looks at a clock."""
    outs = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]

    counts = [replay_fast(_settings(f"record://{out}?stage=final"), take) for out in outs]

    assert [60, 60] == counts
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert len(outs[0].read_text(encoding="utf-8").splitlines()) == 61


def test_an_output_with_a_rate_of_its_own_is_resampled_on_recorded_times(take: Path, tmp_path: Path) -> None:
    """60 a second out of 30: twice the states, evenly spaced motion, the same bytes twice."""
    outs = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]

    for out in outs:
        replay_fast(_settings(f"record://{out}?stage=final&fps=60"), take)

    lines = [json.loads(line) for line in outs[0].read_text(encoding="utf-8").splitlines()[1:]]
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert 117 <= len(lines) <= 120
    jaws = [line["faces"][0]["weights"][arkit.INDEX["jawOpen"]] for line in lines]
    repeated = sum(a == b != 0.0 for a, b in pairwise(jaws))
    assert repeated < len(jaws) / 4


def test_presence_follows_the_gap(take: Path, tmp_path: Path) -> None:
    """The five frames without a face are never LIVE."""
    out = tmp_path / "final.jsonl"

    replay_fast(_settings(f"record://{out}?stage=final"), take)

    lines = out.read_text(encoding="utf-8").splitlines()[1:]
    assert all('"presence":"LIVE"' in line for line in lines[:20])
    assert all('"presence":"HELD"' in line for line in lines[20:25])


def test_fast_needs_an_output(take: Path) -> None:
    """Without pace and without output nothing would come of it."""
    with pytest.raises(ConfigError, match="needs at least one --output"):
        replay_fast(_settings(), take)


def test_what_is_not_a_recording_is_said(tmp_path: Path) -> None:
    """One sentence with the file's name."""
    path = tmp_path / "other.jsonl"
    path.write_text('{"hello": 1}\n', encoding="utf-8")

    with pytest.raises(SourceUnavailable, match=r"other\.jsonl"):
        replay_fast(_settings(f"record://{tmp_path}/x.jsonl"), path)


# --- recordings made into other files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["take.vrma", "take.bvh", "take.csv", "take.npz", "again.jsonl"])
def test_a_recording_is_converted_without_a_tracker(take: Path, tmp_path: Path, name: str) -> None:
    """Every result; no model is looked for."""
    settings = Settings.model_validate({"tracker": {"model": str(tmp_path / "no.task")}})
    out = tmp_path / "out" / name

    done = track_file(settings, take, out, mode=None, final=False, console=Console(quiet=True))

    assert (60, 55) == (done.frames, done.found)
    assert [out] == list(out.parent.iterdir())


def test_a_converted_animation_can_be_converted_back(take: Path, tmp_path: Path) -> None:
    """Coefficients and rotations of the demo, through .vrma into .jsonl."""
    for source, out in ((take, tmp_path / "a.vrma"), (tmp_path / "a.vrma", tmp_path / "b.jsonl")):
        track_file(Settings(), source, out, mode=None, final=False, console=Console(quiet=True))

    first, last = (
        [json.loads(line)["faces"] for line in path.read_text(encoding="utf-8").splitlines()[1:]]
        for path in (take, tmp_path / "b.jsonl")
    )
    assert 60 == len(last)
    for was, got in zip(first, last, strict=True):
        if was:
            assert was[0]["weights"] == got[0]["weights"]
            assert was[0]["head"]["quat_xyzw"] == pytest.approx(got[0]["head"]["quat_xyzw"], abs=1e-6)
    assert last[19][0]["weights"] == last[22][0]["weights"]  # the gap: held


def test_a_recentred_take_begins_straight_ahead(take: Path, tmp_path: Path) -> None:
    """--final --recenter: the first head is the origin; without it the camera is."""
    turns = {}
    for recenter in (False, True):
        out = tmp_path / f"{recenter}.vrma"
        track_file(Settings(), take, out, mode=None, final=True, console=Console(quiet=True), recenter=recenter)
        turns[recenter] = vrma_reader.decode(out.read_bytes()).head_xyzw[0]

    assert [0.0, 0.0, 0.0, 1.0] == pytest.approx(turns[True].tolist(), abs=1e-6)
    assert turns[False].tolist() != pytest.approx([0.0, 0.0, 0.0, 1.0], abs=1e-3)


def test_a_final_animation_eases_to_rest(tmp_path: Path) -> None:
    """As an output would show it: after the face has gone for long, nothing moves any more."""
    path, out = tmp_path / "take.jsonl", tmp_path / "take.vrma"
    weights, head = performance_at(3.0)
    with RecordingWriter(path, stage="raw") as writer:
        for k in range(120):
            faces = (Face(weights=weights, head=head),) if k < 30 else ()
            writer.write_result(TrackResult(seq=k, t=k / 30, t_done=k / 30, faces=faces))

    track_file(Settings(), path, out, mode=None, final=True, console=Console(quiet=True))

    animation = vrma_reader.decode(out.read_bytes())
    assert animation.weights[25].any()
    assert not animation.weights[-1].any()
