"""Calibration on the page, in a real browser: buttons, the guide, profiles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chromium import Page
from tests.e2e.page_stage import MakeState, Stage, open_stage

pytestmark = pytest.mark.e2e


@pytest.fixture
def stage(make_state: MakeState, free_tcp_port: int) -> Iterator[Stage]:
    """Listening, with the neutral face on show."""
    with open_stage(make_state, free_tcp_port) as made:
        yield made


TOLD = "document.getElementById('told').textContent"


def _step(number: int, caption: str, **rest: object) -> dict[str, object]:
    step = {"state": "collecting", "attempt": 1, "number": number, "count": 2, "message": caption, "progress": 0.5}
    return {**step, "watching": True, "notes": [], "can_insist": False, **rest}


def _ended(state: str, message: str, **rest: object) -> dict[str, object]:
    return {"state": state, "attempt": 1, "message": message, "can_insist": False, **rest}


def test_buttons_reach_the_bridge(stage: Stage, tmp_path: Path) -> None:
    """Recenter, undo, and calibrate with its verdict."""
    stage.calibration = [_ended("accepted", "Your neutral face is learnt.")]
    with Page(tmp_path / "profile") as page:
        page.open(stage.url)
        page.wait_for("document.getElementById('version').textContent === '9.9.9'")
        page.evaluate("document.getElementById('recenter').click()")
        page.wait_for("document.getElementById('told').className.includes('good')")
        page.evaluate("document.getElementById('undo').click()")
        page.wait_for(f"{TOLD} === 'The calibration before is in use again.'")
        page.evaluate("document.getElementById('calibrate').click()")
        page.wait_for(f"{TOLD} === 'Your neutral face is learnt.'")

    assert stage.asked == ["recenter", "calibration.undo", "calibrate neutral"]


def test_the_guide_leads_through_the_steps(stage: Stage, tmp_path: Path) -> None:
    """Caption, progress and what was missed, beside the puppet; then the verdict, and the way to insist."""
    stage.calibration = [_step(1, "Smile <b>widely</b>.")]
    with Page(tmp_path / "profile") as page:
        page.open(stage.url)
        page.wait_for("document.getElementById('version').textContent === '9.9.9'")
        page.evaluate("document.getElementById('wizard').click()")
        page.wait_for("document.getElementById('caption').textContent === 'Smile <b>widely</b>.'")
        bar = page.evaluate("document.getElementById('progress').firstElementChild.style.transform")
        busy = page.evaluate("document.getElementById('wizard').disabled")
        stage.calibration = [_step(2, "Pucker.", notes=["no smile was seen"], watching=False)]
        page.wait_for("document.getElementById('caption').textContent === 'Pucker.'")
        notes = page.evaluate("document.getElementById('notes').textContent")
        steps = page.evaluate("[...document.getElementById('steps').children].map((step) => step.className)")
        stage.calibration = [_ended("rejected", "Not calibrated: you moved.", can_insist=True)]
        page.wait_for(f"{TOLD} === 'Not calibrated: you moved.'")
        page.wait_for("document.getElementById('guide').hidden && !document.getElementById('wizard').disabled")
        page.evaluate("document.getElementById('insist').click()")
        page.wait_for("document.getElementById('insist').hidden")
        assert page.errors == []

    assert (bar, busy) == ("scaleX(0.5)", True)
    assert notes == "no smile was seen"
    assert steps == ["done", "now"]
    assert stage.asked == ["calibrate wizard", "calibration.insist"]


def test_a_calibration_can_be_stopped(stage: Stage, tmp_path: Path) -> None:
    """The bridge is told; the page waits for its word."""
    stage.calibration = [_step(1, "Smile.")]
    with Page(tmp_path / "profile") as page:
        page.open(stage.url)
        page.wait_for("document.getElementById('version').textContent === '9.9.9'")
        page.evaluate("document.getElementById('wizard').click()")
        page.wait_for("!document.getElementById('guide').hidden")
        page.evaluate("document.getElementById('stopGuide').click()")
        stage.calibration = [_ended("idle", "Calibration stopped.")]
        page.wait_for(f"document.getElementById('guide').hidden && {TOLD} === 'Calibration stopped.'")

    assert stage.asked == ["calibrate wizard", "calibration.cancel"]


def test_profiles_can_be_chosen_and_saved(stage: Stage, tmp_path: Path) -> None:
    """The one in use is shown; names stay text."""
    with Page(tmp_path / "profile") as page:
        page.open(stage.url)
        page.wait_for("document.getElementById('profile').value === 'anna'")
        page.evaluate(
            "((box) => { box.value = 'ben'; box.dispatchEvent(new Event('change')); })(document.getElementById('profile'))"
        )
        page.wait_for(f"{TOLD} === 'The profile ben is in use.'")
        page.evaluate("document.getElementById('saveAs').click()")
        page.evaluate("document.getElementById('name').value = 'cleo'")
        page.evaluate("document.getElementById('naming').requestSubmit()")
        page.wait_for(f"{TOLD} === 'Saved as <b>cleo</b>.'")

    assert stage.asked == ["calibration.use ben", "calibration.save cleo"]
