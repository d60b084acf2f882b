"""The guided calibration: it waits, watches, judges, asks once more, and goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from bridge import arkit
from bridge.stages.guide import GUIDES, HOLD_S, PATIENCE_S, PAUSE_S, Guide
from bridge.stages.neutral import IDENTITY_NEUTRAL, Neutral, Verdict
from bridge.stages.neutral_population import HIGHEST
from bridge.types import FaceState, Presence

States = Callable[..., FaceState]
AT = arkit.INDEX
REST = {"eyeBlinkLeft": 0.15, "eyeBlinkRight": 0.12, "eyeSquintLeft": 0.45, "mouthPressLeft": 0.2}
SHOWN: dict[str, dict[str, float]] = {
    "neutral": {},
    "smile": {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.7},
    "brows up": {"browInnerUp": 0.7, "browOuterUpLeft": 0.6, "browOuterUpRight": 0.6},
    "brows down": {"browDownLeft": 0.5, "browDownRight": 0.5},
    "jaw": {"jawOpen": 0.65},
    "pucker": {"mouthPucker": 0.9},
    "close both eyes": {"eyeBlinkLeft": 0.66, "eyeBlinkRight": 0.58},
    "wink left": {"eyeBlinkLeft": 0.55, "eyeBlinkRight": 0.2},
    "wink right": {"eyeBlinkLeft": 0.2, "eyeBlinkRight": 0.6},
}


def _guide(name: str, *, base: Neutral = IDENTITY_NEUTRAL, insist: bool = False) -> Guide:
    return Guide(GUIDES[name], collect_s=2.0, base=base, insist=insist)


def _led(
    make_state: States, guide: Guide, shown: Callable[[str, float], Mapping[str, float]], *, fps: float = 30.0
) -> tuple[Verdict, float]:
    """A person who shows, for each step, what ``shown(name, seconds in the step)`` says; the verdict and when it came."""
    step, began = "", 0.0
    for i in range(int(120 * fps)):
        t = i / fps
        if guide.step.name != step:
            step, began = guide.step.name, t
        verdict = guide.add(make_state(weights=REST | dict(shown(step, t - began)), t=t), observed=True)
        if verdict is not None:
            return verdict, t
    pytest.fail("no verdict")


def _obliging(step: str, passed_s: float) -> Mapping[str, float]:
    return SHOWN[step] if passed_s > 1.0 else {}


@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
def test_the_wizard_learns_everything(make_state: States, fps: float) -> None:
    """Neutral, upper ends, closed lids; an eye that closes alone sets the lower of both."""
    verdict, t = _led(make_state, _guide("wizard"), _obliging, fps=fps)
    neutral = verdict.neutral
    assert neutral is not None
    assert neutral.peaks is not None
    assert "Calibrated." == verdict.message
    assert 0.45 == pytest.approx(float(neutral.weights[AT["eyeSquintLeft"]]))
    peaks = {name: float(neutral.peaks[AT[name]]) for name in ("mouthSmileLeft", "mouthSmileRight", "jawOpen", "mouthPucker")}
    assert {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.7, "jawOpen": 0.65, "mouthPucker": 0.9} == pytest.approx(peaks)
    assert float(HIGHEST[AT["mouthFunnel"]]) == float(neutral.peaks[AT["mouthFunnel"]])
    assert (0.55, 0.58) == pytest.approx(neutral.closed_lids)
    assert t == pytest.approx(2.0 + 8 * (1.0 + HOLD_S), abs=2.0)


def test_steps_wait_for_the_person(make_state: States) -> None:
    """Progress and watching tell the difference; nothing is watched in the pause."""
    guide = _guide("range")
    for i in range(60):
        guide.add(make_state(weights=REST, t=i / 30), observed=True)
    assert ("smile", 1, 5, False, 0.0) == (guide.step.name, guide.number, guide.count, guide.watching, guide.progress)
    for i in range(60, 60 + int(30 * HOLD_S / 2)):
        guide.add(make_state(weights=REST | SHOWN["smile"], t=i / 30), observed=True)
    assert guide.watching
    assert 0.4 < guide.progress < 0.6


def test_an_expression_that_is_still_there_from_before_waits_for_the_pause(make_state: States) -> None:
    """What was shown for the step before has time to go."""
    guide = _guide("range")
    for i in range(int(30 * PAUSE_S)):
        guide.add(make_state(weights=SHOWN["smile"], t=i / 30), observed=True)
    assert not guide.watching


def test_what_is_not_seen_is_noted_and_left_at_what_is_usual(make_state: States) -> None:
    """After its patience; the other steps go on."""
    verdict, t = _led(make_state, _guide("range"), lambda step, s: {} if step == "smile" else _obliging(step, s))
    assert verdict.neutral is not None
    assert verdict.neutral.peaks is not None
    assert "Calibrated. Left at what is usual: no smile was seen." == verdict.message
    assert float(HIGHEST[AT["mouthSmileLeft"]]) == float(verdict.neutral.peaks[AT["mouthSmileLeft"]])
    assert t > PATIENCE_S


def test_letting_go_too_early_is_asked_for_once_more(make_state: States) -> None:
    """Half a second of a smile, then nothing; at the second try it is held."""
    begun: list[float] = []

    def shown(step: str, passed_s: float) -> Mapping[str, float]:
        if step != "smile":
            return _obliging(step, passed_s)
        begun.append(passed_s)
        first_try = passed_s < 1.0 + HOLD_S + 0.1
        return SHOWN["smile"] if 1.0 < passed_s < 1.5 or (not first_try and passed_s > 4.0) else {}

    verdict, _ = _led(make_state, _guide("range"), shown)
    assert "Calibrated." == verdict.message
    assert 4.0 + HOLD_S == pytest.approx(max(begun), abs=0.2)


def test_a_blink_is_no_closed_eye(make_state: States) -> None:
    """Blinks while the step waits neither begin it nor count as tries."""

    def shown(step: str, passed_s: float) -> Mapping[str, float]:
        if step == "close both eyes" and passed_s < 7.0:
            return SHOWN[step] if passed_s % 1.5 > 1.3 else {}
        return _obliging(step, passed_s)

    verdict, _ = _led(make_state, _guide("blink"), shown)
    assert verdict.neutral is not None
    assert "Calibrated." == verdict.message


def test_who_cannot_wink_loses_nothing(make_state: States) -> None:
    """Optional steps pass without a remark; both eyes' closed points are kept."""
    verdict, _ = _led(make_state, _guide("blink"), lambda step, s: {} if step.startswith("wink") else _obliging(step, s))
    assert verdict.neutral is not None
    assert (0.66, 0.58) == pytest.approx(verdict.neutral.closed_lids)
    assert "Calibrated." == verdict.message


def test_one_closed_eye_is_not_both(make_state: States) -> None:
    """A wink does not pass for closed eyes."""
    verdict, _ = _led(make_state, _guide("blink"), lambda _step, s: SHOWN["wink left"] if s > 1.0 else {})
    assert verdict.neutral is None
    assert "closed eyes were not seen" in verdict.message


def test_nothing_seen_is_no_calibration(make_state: States) -> None:
    """Every note is told."""
    verdict, _ = _led(make_state, _guide("range"), lambda *_: {})
    assert verdict.neutral is None
    assert "no smile was seen; no raised eyebrows were seen" in verdict.message


def test_the_wizard_stops_at_a_neutral_that_cannot_be_believed(make_state: States) -> None:
    """The rest would be measured against it; who insists goes on, and is told so."""
    smiling = {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6}

    def shown(step: str, passed_s: float) -> Mapping[str, float]:
        return smiling if step == "neutral" else smiling | SHOWN["smile"] if step == "smile" else _obliging(step, passed_s)

    verdict, t = _led(make_state, _guide("wizard"), shown)
    assert (None, True) == (verdict.neutral, "you seem to be smiling" in verdict.message)
    assert t < 2.2
    verdict, _ = _led(make_state, _guide("wizard", insist=True), shown)
    assert verdict.neutral is not None
    assert verdict.neutral.flagged
    assert verdict.message.startswith("Calibrated as you insist, though you seem to be smiling")


def test_what_is_not_learnt_anew_is_kept(make_state: States) -> None:
    """Peaks of before survive a new neutral, and the neutral survives new peaks."""
    first = _led(make_state, _guide("wizard"), _obliging)[0].neutral
    assert first is not None
    again = _led(make_state, _guide("neutral", base=first), _obliging)[0].neutral
    assert again is not None
    assert (first.peaks, first.closed_lids) == (again.peaks, again.closed_lids)
    ranged = _led(make_state, _guide("range", base=first), _obliging)[0].neutral
    assert ranged is not None
    assert first.weights is ranged.weights


def test_nobody_there_lets_the_time_pass(make_state: States) -> None:
    """The guide ends by itself."""

    def absent() -> Iterator[FaceState]:
        return (make_state(presence=Presence.LOST, head=None, t=i / 10) for i in range(1000))

    guide = _guide("range")
    ends = [state.t for state in absent() if guide.add(state, observed=False) is not None]
    assert 5 * PATIENCE_S == pytest.approx(ends[0], abs=1.0)


def test_a_clock_that_starts_again_starts_the_step_again(make_state: States) -> None:
    """A looped recording."""
    guide = _guide("range")
    guide.add(make_state(weights=REST, t=100.0), observed=True)
    assert guide.add(make_state(weights=REST, t=0.0), observed=True) is None
    assert guide.add(make_state(weights=REST, t=PATIENCE_S - 0.5), observed=True) is None
    assert 1 == guide.number


@pytest.mark.parametrize("guide", sorted(GUIDES))
def test_captions_are_sentences(guide: str) -> None:
    """They are read aloud by nobody, but read."""
    for step in GUIDES[guide]:
        assert step.caption[0].isupper()
        assert step.caption.endswith(".")
    assert "glasses" in GUIDES["blink"][0].caption
