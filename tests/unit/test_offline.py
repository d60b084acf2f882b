"""Replaying as fast as it goes: complete, and the same bytes every time."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from bridge import arkit
from bridge.errors import ConfigError, SourceUnavailable
from bridge.offline import replay_fast
from bridge.recording import RecordingWriter
from bridge.settings import Settings
from bridge.sources.demo import DemoSource
from bridge.types import TrackResult


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
