"""``vts://``: its options, its picture, its token, its manners towards the worker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.errors import ConfigError, OutputRejected, OutputUnavailable
from bridge.outputs import vts as vts_output
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.kinds import OutputContext
from bridge.outputs.registry import parse_output
from bridge.outputs.vts import VtsOutput, icon_base64
from bridge.outputs.worker import OutputReport
from bridge.settings import OutputSettings
from bridge.state_store import StateStore
from bridge.types import FaceState, OutputState
from tests.e2e.vtube_studio import VTubeStudio
from tests.e2e.vtube_studio_api import VTubeStudioApi, is_icon
from tests.unit.outputs.fake_output import until

MakeState = Callable[..., FaceState]
MakeOutput = Callable[..., VtsOutput]


@pytest.fixture
def make_output() -> Iterator[MakeOutput]:
    """An output from its URL, closed at the end."""
    loop = EventLoopThread()
    made: list[VtsOutput] = []

    def make(url: str, state: StateStore | None = None) -> VtsOutput:
        plan = parse_output(OutputSettings(url=url))
        output = plan.kind.create(plan, OutputContext(event_loop=loop, state=state))
        assert isinstance(output, VtsOutput)
        made.append(output)
        return output

    yield make
    for output in made:
        output.close()
    loop.close()


@pytest.fixture
def studio() -> Iterator[VTubeStudio]:
    """A VTube Studio whose user allows everything."""
    with VTubeStudio(api=VTubeStudioApi(permission="allow")) as running:
        yield running


def _report(output: VtsOutput) -> OutputReport:
    report = output.report()
    assert report is not None
    return report


def test_the_port_is_vtube_studios() -> None:
    """When none is given."""
    assert "vts://127.0.0.1:8001" == parse_output(OutputSettings(url="vts://")).url


@pytest.mark.parametrize("option", ["plugin=ab", "developer=x", "parameters=all", "mode=mix", "position_scale=-1", "discover=on",
                                    f"plugin={'x' * 33}", "recipes=best", "sides=left"])  # fmt: skip
def test_a_wrong_option_is_named(option: str) -> None:
    """With its key."""
    with pytest.raises(ConfigError, match=option.partition("=")[0]):
        parse_output(OutputSettings(url=f"vts://?{option}"))


def test_it_needs_the_network_thread() -> None:
    """A sentence, not a crash later."""
    plan = parse_output(OutputSettings(url="vts://"))
    with pytest.raises(ConfigError, match="network thread"):
        plan.kind.create(plan, OutputContext())


def test_the_picture_is_what_vtube_studio_wants(studio: VTubeStudio, make_output: MakeOutput) -> None:
    """A PNG of 128 x 128, inside the package, and not refused."""
    assert is_icon(icon_base64())
    assert vts_output.ICON.parent == Path(vts_output.__file__).parent

    make_output(f"vts://127.0.0.1:{studio.port}").open()
    studio.wait(lambda api: api.granted)
    assert [] == studio.api.errors


def test_states_are_set(studio: VTubeStudio, make_output: MakeOutput, make_state: MakeState) -> None:
    """Handed over by ``send``, or at the latest by ``close``; options reach the mapping."""
    output = make_output(f"vts://127.0.0.1:{studio.port}?invert_angle_x=1&parameters=both&position_scale=0&discover=off")
    output.open()
    until(lambda: _report(output).state is OutputState.SENDING)
    for i in range(5):
        output.send(make_state(yaw=10.0 + i, weights={"jawOpen": 0.5}))
    output.close()
    last = studio.api.frames[-1].values

    assert 14.0 == pytest.approx(last["FaceAngleX"])
    assert 0.5 == last["JawOpen"]
    assert "FacePositionX" not in last
    assert [] == studio.api.errors


def test_the_last_state_arrives_at_a_vtube_studio_that_falls_behind(
    studio: VTubeStudio, make_output: MakeOutput, make_state: MakeState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``close`` waits until it was taken: the rest state must not be the one that is skipped."""
    monkeypatch.setattr("bridge.outputs.vts_client.FLUSH_S", 20.0)
    monkeypatch.setattr(vts_output, "_CLOSE_S", 30.0)
    output = make_output(f"vts://127.0.0.1:{studio.port}")
    output.open()
    until(lambda: _report(output).state is OutputState.SENDING)
    answers: list[str] = []
    studio.misbehave = answers.append  # returns None: nothing is sent
    for i in range(4):
        output.send(make_state(yaw=float(i)))
        until(lambda i=i: len(answers) > i)  # type: ignore[misc]
    output.send(make_state(yaw=99.0))  # no room: it waits for an answer
    closing = threading.Thread(target=output.close)
    closing.start()
    studio.misbehave = lambda text: text
    for answer in answers:
        studio.tell(answer)
    closing.join(60.0)

    assert -99.0 == pytest.approx(studio.api.frames[-1].values["FaceAngleX"])


def test_adding_adds_differences_from_rest(studio: VTubeStudio, make_output: MakeOutput, make_state: MakeState) -> None:
    """mode=add."""
    output = make_output(f"vts://127.0.0.1:{studio.port}?mode=add")
    output.open()
    output.send(make_state(weights={"eyeBlinkLeft": 0.25}))
    studio.wait(lambda api: api.frames)

    assert "add" == studio.api.frames[-1].mode
    assert {"EyeOpenRight": -0.25} == {name: value for name, value in studio.api.frames[-1].values.items() if value}


def test_the_token_is_kept_and_never_shown(
    studio: VTubeStudio, make_output: MakeOutput, tmp_path: Path, caplog: pytest.LogCaptureFixture, make_state: MakeState
) -> None:
    """The next run asks nobody; another plugin name has a token of its own; neither log nor report has it."""
    caplog.set_level(logging.DEBUG)
    store = StateStore(tmp_path / "state.json")
    url = f"vts://127.0.0.1:{studio.port}"
    for _ in range(2):
        output = make_output(url, store)
        output.open()
        output.send(make_state())
        until(lambda output=output: _report(output).state is OutputState.SENDING)  # type: ignore[misc]
        output.close()
    assert (2, 1) == (studio.api.requests.count("AuthenticationRequest"), studio.api.granted)

    make_output(f"{url}?plugin=another", store).open()
    studio.wait(lambda api: api.granted == 2)

    (token, *_) = studio.api.tokens
    assert token in store.path.read_text(encoding="utf-8")
    mine = [record.getMessage() for record in caplog.records if record.name.startswith("bridge")]
    assert mine
    assert not [line for line in mine if token in line]


def test_without_a_store_the_token_lives_as_long_as_the_output(studio: VTubeStudio, make_output: MakeOutput) -> None:
    """As after a failure, when the worker opens it again."""
    output = make_output(f"vts://127.0.0.1:{studio.port}")
    for _ in range(2):
        output.open()
        until(lambda: _report(output).state is OutputState.SENDING)

    assert 1 == studio.api.granted


def test_denied_is_raised_to_the_worker(make_output: MakeOutput, make_state: MakeState) -> None:
    """Which then waits until the user has it tried again."""
    with VTubeStudio(api=VTubeStudioApi(permission="deny")) as studio:
        output = make_output(f"vts://127.0.0.1:{studio.port}")
        output.open()
        until(lambda: _report(output).state is OutputState.REJECTED)
        with pytest.raises(OutputRejected, match="choose Allow"):
            output.send(make_state())

        studio.do(lambda: studio.api.answer_with("allow"))
        output.close()
        output.open()
        until(lambda: _report(output).state is OutputState.SENDING)


def test_nobody_there_is_said_with_what_to_do(make_output: MakeOutput, free_tcp_port: int, make_state: MakeState) -> None:
    """Opening is no failure, and sending none: it connects by itself as soon as it can."""
    output = make_output(f"vts://127.0.0.1:{free_tcp_port}?discover=off")
    output.open()
    output.send(make_state())

    assert OutputState.FAULTED is _report(output).state
    assert f"VTube Studio is not there (127.0.0.1:{free_tcp_port}): start it" in _report(output).note


def test_a_bug_of_ours_is_told_to_the_worker(
    studio: VTubeStudio, make_output: MakeOutput, make_state: MakeState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which opens it again: it is never left dead and silent."""
    monkeypatch.setattr("bridge.wire.vts.parse_reply", lambda _text: 1 / 0)
    output = make_output(f"vts://127.0.0.1:{studio.port}")
    output.open()
    until(lambda: _report(output).state is OutputState.FAULTED)

    with pytest.raises(OutputUnavailable, match="ZeroDivisionError"):
        output.send(make_state())


def test_a_closed_loop_is_an_output_error(make_state: MakeState) -> None:
    """The program is stopping."""
    loop = EventLoopThread()
    plan = parse_output(OutputSettings(url="vts://"))
    output = plan.kind.create(plan, OutputContext(event_loop=loop))
    loop.close()

    with pytest.raises(OutputUnavailable, match="network thread"):
        output.open()
    with pytest.raises(OutputUnavailable, match="not open"):
        output.send(make_state())
    output.close()
