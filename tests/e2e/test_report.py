"""The report in a real browser, from the disk: it draws, picks, zooms, and asks nobody for anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.recording import RecordingWriter
from bridge.report import write_report
from bridge.settings import Settings
from bridge.sources.demo import DemoSource
from bridge.types import TrackResult
from tests.e2e.chromium import Page

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of the demo performance, the face lost for a while."""
    folder = tmp_path_factory.mktemp("report")
    now = 0.0
    source = DemoSource(fps=30.0, clock=lambda: now, loop=True)
    source.open()
    with RecordingWriter(folder / "take.jsonl", stage="raw") as writer:
        for k in range(240):
            now = k / 30
            result = source.read()
            assert isinstance(result, TrackResult)
            writer.write_result(TrackResult(seq=k, t=k / 30, t_done=k / 30 + 0.01, faces=() if 120 <= k < 170 else result.faces))
    source.close()
    return write_report(Settings(), folder / "take.jsonl", folder / "take.html")


@pytest.fixture(params=["dark", "light"])
def page(request: pytest.FixtureRequest, report: Path, tmp_path: Path) -> Iterator[Page]:
    """The report, open."""
    with Page(tmp_path, width=1200, height=1300, scheme=request.param) as opened:
        opened.open(report.as_uri())
        opened.wait_for("!!window.motionReport")
        yield opened
        assert ([], [report.as_uri()]) == (opened.errors, [url for url in opened.requests if not url.startswith("data:")])


def _box(page: Page, name: str) -> list[float]:
    found = page.evaluate(
        f"(({{x, y, width, height}}) => [x, y, width, height])(document.getElementById('{name}').getBoundingClientRect())"
    )
    return [float(number) for number in found]


def _canvas(page: Page, name: str) -> NDArray[np.int16]:
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    x, y, width, height = (round(number) for number in _box(page, name))
    return page.screenshot()[y : y + height, x : x + width, :3].astype(np.int16)


def _drag(page: Page, name: str, start: float, end: float) -> None:
    x, y, width, height = _box(page, name)
    for kind, share in (
        ("mousePressed", start),
        ("mouseMoved", 0.5 * (start + end)),
        ("mouseMoved", end),
        ("mouseReleased", end),
    ):
        page.call(
            "Input.dispatchMouseEvent",
            type=kind, x=x + share * width, y=y + 0.5 * height, button="left", buttons=1, clickCount=1,
        )  # fmt: skip


def test_another_channel_is_another_curve(page: Page) -> None:
    """A click in the list; the drawing changes with it, and its points are those of the data."""
    before = _canvas(page, "plot")
    page.evaluate("document.querySelector('[data-channel=jawOpen]').click()")
    after = _canvas(page, "plot")

    assert "jawOpen" == page.evaluate("document.getElementById('picked').textContent")
    assert "true" == page.evaluate("document.querySelector('[data-channel=jawOpen]').getAttribute('aria-selected')")
    assert 200 < int((np.abs(before - after).max(axis=2) > 40).sum())
    state = page.evaluate("(({picked, drawn, points}) => [picked, drawn, points[0].length])(motionReport.state())")
    assert ["jawOpen", ["final", "raw"], 240] == state
    last = page.evaluate(
        "(({scale, final}) => final.reduce((sum, d) => sum + d, 0) / scale)(motionReport.data.curves.series.jawOpen)"
    )
    assert pytest.approx(last) == page.evaluate("motionReport.state().points[0].at(-1)")


def test_a_drag_zooms_and_a_key_goes_back(page: Page) -> None:
    """All plots together; the timeline shows which part it is."""
    head, strip = _canvas(page, "head"), _canvas(page, "strip")
    _drag(page, "plot", 0.25, 0.5)
    page.wait_for("motionReport.view.to - motionReport.view.from < 4")
    begin, end = page.evaluate("[motionReport.view.from, motionReport.view.to]")

    assert 1.0 < begin < 2.5
    assert 3.0 < end < 4.5
    assert (np.abs(head - _canvas(page, "head")).max(axis=2) > 40).any()
    assert (np.abs(strip - _canvas(page, "strip")).max(axis=2) > 40).any()
    page.evaluate("document.getElementById('plot').dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
    page.wait_for("motionReport.view.to - motionReport.view.from > 7.9")


def test_the_pointer_reads_values(page: Page) -> None:
    """Time and both values stand in the legend."""
    page.evaluate("motionReport.pick('eyeBlinkLeft'); motionReport.view.point(1.0)")
    page.wait_for("document.getElementById('plot-legend').textContent.includes('0:01.000')")

    values = page.evaluate("document.getElementById('plot-legend').textContent")
    shown = page.evaluate("motionReport.state().points.map((points) => points[30].toFixed(3))")
    assert f"0:01.000final {shown[0]}raw {shown[1]}" == values


def test_a_worst_moment_leads_there(page: Page) -> None:
    """The loss is listed first, and a click shows it."""
    page.evaluate("document.querySelector('#moments button').click()")
    page.wait_for("motionReport.view.to - motionReport.view.from < 7")

    begin, end = page.evaluate("[motionReport.view.from, motionReport.view.to]")
    assert begin < 4.0
    assert end > 5.67
    assert page.evaluate("document.querySelector('#moments button').textContent.includes('face not seen for')")


def test_the_search_narrows_the_list(page: Page) -> None:
    """Whatever case and separators are typed."""
    page.evaluate("document.getElementById('search').value = 'Mouth_Smile'")
    page.evaluate("document.getElementById('search').dispatchEvent(new Event('input'))")

    rows = "[...document.querySelectorAll('.channel')].filter((row) => row.offsetParent)"
    shown = page.evaluate(f"{rows}.map((row) => row.dataset.channel)")
    assert ["mouthSmileLeft", "mouthSmileRight"] == shown


def test_a_narrow_window_scrolls_one_way_only(page: Page) -> None:
    """On a phone nothing sticks out to the side."""
    page.call("Emulation.setDeviceMetricsOverride", width=420, height=900, deviceScaleFactor=1, mobile=False)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
