"""The page as a file: complete in itself, its numbers recomputed, and nothing in it of whoever made it."""

from __future__ import annotations

import json
import re
import webbrowser
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from bridge import arkit, space
from bridge.cli.app import app
from bridge.errors import ConfigError, OutputRejected, SourceUnavailable
from bridge.offline import replay_fast
from bridge.recording import RecordingWriter, read_recording
from bridge.report import write_report
from bridge.report.curves import unpacked
from bridge.report.page import MARK, render, report_data, shareable
from bridge.report.take import NAMES
from bridge.settings import Settings
from bridge.sources.demo import DemoSource
from bridge.types import FaceState, Presence, TrackResult
from tests.unit.report.takes import make_take


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Four seconds of the demo performance, with a gap, as a recording."""
    path = tmp_path / "take.jsonl"
    now = 0.0
    source = DemoSource(fps=30.0, clock=lambda: now, loop=True)
    source.open()
    with RecordingWriter(path, stage="raw") as writer:
        for k in range(120):
            now = k / 30
            result = source.read()
            assert isinstance(result, TrackResult)
            writer.write_result(TrackResult(seq=k, t=k / 30, t_done=k / 30 + 0.012, faces=() if 50 <= k < 80 else result.faces))
    source.close()
    return path


class _Page(HTMLParser):
    """Tags that are opened and closed, addresses that are asked for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.addresses: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action", "data", "poster", "srcset"}]
        if tag not in {"meta", "input", "br", "img", "link"}:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack.pop() != tag:
            self.wrong.append(tag)


def _data(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def _curve(data: dict[str, Any], name: str, which: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    series = data["curves"]["series"][name]
    return np.array(unpacked(series[which], series["scale"], len(data["curves"]["t_ms"])), dtype=np.float64)


def test_the_page_needs_nothing_but_itself(take: Path, tmp_path: Path) -> None:
    """Well-formed, no address of anything, a policy that forbids all loading."""
    page = write_report(Settings(), take, tmp_path / "take.html")

    text = page.read_text(encoding="utf-8")
    parsed = _Page(text)
    assert ([], [], []) == (parsed.stack, parsed.wrong, parsed.addresses)
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket", text)
    assert "default-src 'none'" in text
    assert "{{" not in re.sub(r'id="data">.*?</script>', "", text, flags=re.DOTALL)


def test_its_curves_are_what_came_in_and_what_went_out(take: Path, tmp_path: Path) -> None:
    """Against the recording itself, and against what an output got in a replay of its own."""
    final = tmp_path / "final.jsonl"
    replay_fast(Settings.model_validate({"outputs": [{"url": f"record://{final}?stage=final"}]}), take)

    data = _data(write_report(Settings(), take, tmp_path / "take.html"))

    results = [result for result in read_recording(take) if isinstance(result, TrackResult)]
    states = [state for state in read_recording(final) if isinstance(state, FaceState)]
    assert np.cumsum(data["curves"]["t_ms"]) == pytest.approx([1e3 * result.t for result in results], abs=0.51)
    for name in ("jawOpen", "eyeBlinkLeft", "mouthSmileRight"):
        i = arkit.INDEX[name]
        came = np.array([result.faces[0].weights[i] if result.faces else np.nan for result in results])
        assert np.allclose(came, _curve(data, name, "raw"), atol=5.1e-5, equal_nan=True)
        assert np.allclose([state.weights[i] for state in states], _curve(data, name, "final"), atol=5.1e-5)
    yaws = [np.nan if state.head is None else space.to_euler_deg(state.head.quat_xyzw)[0] for state in states]
    assert np.allclose(yaws, _curve(data, "headYaw", "final"), atol=5.1e-3, equal_nan=True)
    shown = [state.gaze.left_deg[0] for state in states]
    assert np.allclose(shown, _curve(data, "gazeLeftYaw", "final"), atol=5.1e-3)
    live = sum(state.presence is Presence.LIVE for state in states) / 30.0
    assert pytest.approx(live, abs=0.02) == data["summary"]["presence_s"]["LIVE"]
    assert 12.0 == data["summary"]["latency_ms"]["p50"]


def test_a_trace_gives_the_same_curves_and_figures_as_its_recording(take: Path, tmp_path: Path) -> None:
    """Six digits are enough."""
    trace = tmp_path / "trace.csv"
    replay_fast(Settings(), take, trace=trace)

    one, two = (_data(write_report(Settings(), source, tmp_path / "page.html")) for source in (take, trace))

    assert ("recording", "trace") == (one["kind"], two["kind"])
    assert one["stages"] == two["stages"]
    for key in ("summary", "presence", "moments"):
        assert one[key] == two[key]
    for name in ("jawOpen", "headPitch", "gazeRightPitch"):
        for which in ("raw", "final"):
            assert np.allclose(_curve(one, name, which), _curve(two, name, which), atol=0.0101, equal_nan=True)
    for before, after in zip(one["groups"], two["groups"], strict=True):
        jitters = [group["jitter"]["final"] or 0.0 for group in (before, after)]
        assert jitters[0] == pytest.approx(jitters[1], rel=0.01, abs=2e-6)


def test_a_recording_of_the_final_stage_is_shown_as_it_is(take: Path, tmp_path: Path) -> None:
    """It went through the stages once; twice would show something that nobody ever saw."""
    final = tmp_path / "final.jsonl"
    replay_fast(Settings.model_validate({"outputs": [{"url": f"record://{final}?stage=final"}]}), take)

    data = _data(write_report(Settings(), final, tmp_path / "page.html"))

    states = [state for state in read_recording(final) if isinstance(state, FaceState)]
    assert "final" == data["kind"]
    assert np.allclose([s.weights[arkit.INDEX["jawOpen"]] for s in states], _curve(data, "jawOpen", "final"), atol=5.1e-5)
    assert data["curves"]["series"]["jawOpen"]["raw"] is None
    assert all(group["lag_ms"] is None and group["jitter"]["ratio"] is None for group in data["groups"])


def test_the_same_file_gives_the_same_page(take: Path, tmp_path: Path) -> None:
    """No date, no chance."""
    pages = [write_report(Settings(), take, tmp_path / f"{k}.html").read_bytes() for k in range(2)]

    assert pages[0] == pages[1]


def test_ten_minutes_stay_a_small_file() -> None:
    """Below 5 MB, though every one of the 62 curves is noisy."""
    t = np.arange(18_000) / 30.0
    rng = np.random.default_rng(7)
    raw = {name: np.clip(rng.normal(0.3, 0.03, len(t)), 0.0, 1.0) for name in NAMES}

    page = render(report_data(make_take(t, raw, {name: 0.9 * curve for name, curve in raw.items()}), Settings()))

    assert 5_000_000 > len(page.encode())
    assert 2_000_000 < len(page)


def test_nothing_of_the_person_is_in_it(take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets starred, homes shortened, the folder of the file unknown."""
    monkeypatch.setattr(Path, "home", lambda: Path("/srv/people/mona"))
    settings = Settings.model_validate(
        {
            "control": {"token": "hush-hush"},
            "tracker": {"model": "/home/lisa/face_landmarker.task"},
            "source": {"input": r"C:\Users\Otto Maier\clip.mp4"},
            "outputs": [
                {"url": "record:///srv/people/mona/out.jsonl"},
                {"url": "ws://127.0.0.1:9000?token=hush-hush", "password": "hush-hush"},
            ],
        }
    )

    page = write_report(settings, take, tmp_path / "page.html")

    text = page.read_text(encoding="utf-8")
    assert [] == [word for word in ("hush", "lisa", "Otto", "mona", str(tmp_path), "/home/") if word in text]
    assert "~/face_landmarker.task" == _data(page)["changed"]["tracker.model"]
    assert {"kind": "x", "token": "***", "password": ""} == shareable({"kind": "x", "token": "a", "password": ""})


def test_a_name_cannot_become_part_of_the_page(take: Path, tmp_path: Path) -> None:
    """Recordings come from other people."""
    evil = take.rename(tmp_path / "<script>alert(1)<!--{{data}}.jsonl")

    text = write_report(Settings(), evil, tmp_path / "page.html").read_text(encoding="utf-8")

    assert "<script>alert" not in text
    assert evil.name == _data(tmp_path / "page.html")["name"]


def test_only_reports_are_overwritten(take: Path, tmp_path: Path) -> None:
    """And a name that is no page's, a source that is none: one sentence."""
    mine = tmp_path / "mine.html"
    mine.write_text("<h1>mine</h1>")
    (tmp_path / "bad.csv").write_text("a,b\n")
    (tmp_path / "block").write_text("")

    with pytest.raises(ConfigError, match="is not a report, so it is not overwritten"):
        write_report(Settings(), take, mine)
    with pytest.raises(ConfigError, match=r"must end in \.html"):
        write_report(Settings(), take, tmp_path / "page.txt")
    with pytest.raises(OutputRejected, match="cannot be written"):
        write_report(Settings(), take, tmp_path / "block" / "page.html")
    for source in ("nothing.jsonl", "nothing.npz", "nothing.csv", "bad.csv", "clip.mp4"):
        with pytest.raises(SourceUnavailable):
            write_report(Settings(), tmp_path / source, tmp_path / "page.html")
    assert "<h1>mine</h1>" == mine.read_text()
    assert [] == [path.name for path in tmp_path.iterdir() if path.suffix == ".part" or path.name == "page.html"]


def test_the_command_writes_beside_the_file_and_opens_it(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path goes to stdout, for scripts."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)

    result = CliRunner().invoke(app, ["report", str(take), "--open"])

    page = take.with_name("take.jsonl.html")
    assert (0, f"{page}\n") == (result.exit_code, result.stdout)
    assert [page.as_uri()] == opened
    assert MARK in page.read_text(encoding="utf-8")
