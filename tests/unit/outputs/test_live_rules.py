"""Rules of an output: layers, files that change while it runs, what status and log say."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge import arkit
from bridge.errors import ConfigError
from bridge.outputs.live_rules import LiveRules, live_rules
from bridge.outputs.worker import OutputWorker
from bridge.settings import Settings
from bridge.types import FaceState, OutputState
from tests.unit.outputs.fake_output import PLAN, FakeOutput, until

MakeState = Callable[..., FaceState]
LAYER = {"jawOpen": {"scale": 0.5}}


class _Bench:
    """A rules file, and a clock that moves when told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 0.0
        self._written = 0

    def write(self, text: str) -> None:
        """Each writing has a time of its own, whatever the file system's clock can tell apart."""
        self._written += 1
        self.path.write_text(text, encoding="utf-8")
        os.utime(self.path, (self._written, self._written))

    def clock(self) -> float:
        return self.now

    def rules(self, *layers: Any) -> LiveRules:
        return LiveRules([*layers, str(self.path)], mirrored=False, label="me", clock=self.clock)


@pytest.fixture
def bench(tmp_path: Path) -> _Bench:
    """With a file that makes ``X = 1``."""
    made = _Bench(tmp_path / "rules.toml")
    made.write("[rules.X]\nsources = [1]\n")
    return made


def _tables(tree: Any) -> Any:
    return Settings.model_validate({"rules": tree}).rules


def _extras(rules: LiveRules, state: FaceState) -> dict[str, float]:
    return dict(rules.apply(state).extras)


# --- files that change -----------------------------------------------------------------------------------------------


def test_a_changed_file_is_read_again_within_a_second(
    bench: _Bench, make_state: MakeState, caplog: pytest.LogCaptureFixture
) -> None:
    """Not before; once."""
    rules, state = bench.rules(), make_state()
    bench.write("[rules.X]\nsources = [2]\n[rules.Y]\nsources = [3]\n")
    with caplog.at_level(logging.INFO):
        bench.now = 0.9
        assert {"X": 1.0} == _extras(rules, state)
        bench.now = 1.0
        assert {"X": 2.0, "Y": 3.0} == _extras(rules, state)
        bench.now = 5.0
        _extras(rules, state)

    assert [f"output me: {bench.path} read again, 2 named values"] == [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[rules.X", "is not valid TOML"),
        ("[rules.X]\nsources = ['jawOpn']", "rules.X.sources: 'jawOpn' cannot be read; did you mean jawOpen?"),
        ("[rules.X]\nscale = 'big'", "rules.X.scale: input should be a valid number"),
        ("[X]\nsources = [1]", "X: unknown key"),
        ("rules = 'other.toml'", "here they are tables"),
        ("", "rules: field required"),
    ],
)
def test_a_broken_file_keeps_the_old_rules_and_says_so_once(
    bench: _Bench, make_state: MakeState, caplog: pytest.LogCaptureFixture, text: str, says: str
) -> None:
    """Until it is mended."""
    rules, state = bench.rules(), make_state()
    bench.write(text)
    for _ in range(3):
        bench.now += 1.0
        assert {"X": 1.0} == _extras(rules, state)

    assert says in rules.note
    assert str(bench.path) in rules.note
    assert rules.note.endswith("; the rules of before go on")
    assert "\n" not in rules.note
    assert [f"output me: {rules.note}"] == [record.getMessage() for record in caplog.records]
    bench.write("[rules.X]\nsources = [5]\n")
    bench.now += 1.0
    assert ({"X": 5.0}, "") == (_extras(rules, state), rules.note)


def test_a_file_that_vanishes_and_comes_back(bench: _Bench, make_state: MakeState) -> None:
    """As when an editor replaces it."""
    rules, state = bench.rules(), make_state()
    bench.path.unlink()
    bench.now += 1.0
    assert {"X": 1.0} == _extras(rules, state)
    assert "cannot be read: No such file or directory" in rules.note
    bench.write("[rules.X]\nsources = [4]\n")
    bench.now += 1.0

    assert ({"X": 4.0}, "") == (_extras(rules, state), rules.note)


def test_a_broken_file_is_refused_at_the_start(bench: _Bench) -> None:
    """Then there are no rules of before; every file's problems are told."""
    bench.write("[rules.X]\nsources = ['jawOpn']\n[rules.Y]\n")
    with pytest.raises(ConfigError) as caught:
        bench.rules(_tables({"Z": {"sources": "qqq"}}))

    assert [
        "rules.Z.sources: 'qqq' cannot be read",
        f"rules file {bench.path}: rules.X.sources: 'jawOpn' cannot be read; did you mean jawOpen?",
        f"rules file {bench.path}: rules.Y: nothing is read; Y is no source itself, so write sources = [...]",
    ] == str(caught.value).splitlines()


def test_a_target_that_looks_misspelt_is_a_line_in_the_log(bench: _Bench, caplog: pytest.LogCaptureFixture) -> None:
    """It may be meant."""
    bench.write("[rules.jawOpn]\nsources = [1]\n")
    bench.rules()
    expected = f"output me: rules file {bench.path}: rules.jawOpn: makes a new value of this name; did you mean jawOpen?"

    assert [expected] == [record.getMessage() for record in caplog.records]


# --- layers ----------------------------------------------------------------------------------------------------------


def test_global_rules_the_profiles_and_the_own_add_up(bench: _Bench, make_state: MakeState) -> None:
    """Of one target, the later layer's counts; tables and files mix."""
    settings = Settings.model_validate({"rules": {"X": {"sources": 7}, "G": {"sources": 8}, "jawOpen": {"scale": 0.25}}})
    plan = replace(PLAN, rules=(_tables({"jawOpen": {"scale": 0.5}}), str(bench.path)))
    rules = live_rules(plan, settings, mirrored=False, clock=bench.clock)
    assert rules is not None
    made = rules.apply(make_state(weights={"jawOpen": 0.5}))

    assert {"X": 1.0, "G": 8.0} == dict(made.extras)
    assert 0.25 == float(made.weights[arkit.INDEX["jawOpen"]])


def test_an_output_without_rules_has_none(bench: _Bench) -> None:
    """Nor one that says off, global rules or not."""
    settings = Settings.model_validate({"rules": LAYER})

    assert None is live_rules(PLAN, Settings(), mirrored=False)
    assert None is live_rules(replace(PLAN, rules=(str(bench.path), "off")), settings, mirrored=False)
    assert None is not live_rules(PLAN, settings, mirrored=False)


def test_a_problem_names_the_output(tmp_path: Path) -> None:
    """And the file that is missing."""
    with pytest.raises(ConfigError, match=r"^output fake://h:1: rules file .*absent\.toml cannot be read: No such file"):
        live_rules(replace(PLAN, rules=(str(tmp_path / "absent.toml"),)), Settings(), mirrored=False)


# --- in the worker ---------------------------------------------------------------------------------------------------


def test_a_worker_sends_what_the_rules_make_then_mirrors(make_state: MakeState) -> None:
    """The rest state too, so that named values rest where they should."""
    output = FakeOutput()
    rules = LiveRules(
        [_tables({"eyeBlinkLeft": {"scale": 2}, "Open": {"sources": ["eyeBlinkLeft"], "scale": -1, "offset": 1}})],
        mirrored=True, label="me",
    )  # fmt: skip
    worker = OutputWorker(PLAN, output, mirror=True, rules=rules)
    worker.start()
    worker.offer(make_state(weights={"eyeBlinkLeft": 0.25, "eyeBlinkRight": 0.125}, t=1.0))
    worker.stop(FaceState.rest(t=2.0))
    sent = [call for call in output.rest() if isinstance(call, FaceState)]
    lids = [tuple(float(state.weights[arkit.INDEX[f"eyeBlink{side}"]]) for side in ("Left", "Right")) for state in sent]

    assert [(0.125, 0.5), (0.0, 0.0)] == lids
    assert [(("Open", 0.875),), (("Open", 1.0),)] == [state.extras for state in sent]


def test_status_says_that_a_file_is_broken_while_sending_goes_on(bench: _Bench, make_state: MakeState) -> None:
    """The state stays what it is, the note is the rules'."""
    output = FakeOutput()
    worker = OutputWorker(PLAN, output, mirror=False, rules=bench.rules())
    worker.start()
    worker.offer(make_state(t=1.0))
    output.next()
    output.next()
    bench.write("[")
    bench.now = 2.0
    worker.offer(make_state(t=2.0))
    output.next()
    until(lambda: bool(worker.status.note))
    status = worker.status
    worker.stop()

    assert OutputState.SENDING is status.state
    assert status.note.startswith(f"rules file {bench.path} is not valid TOML")
