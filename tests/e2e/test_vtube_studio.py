"""``vts://`` through its real worker and a real WebSocket, led through everything that VTube Studio and its user may do.

The other side is the stand-in, of which pyvts, which is not ours, is shown to think that it is VTube Studio.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.pacing import Backoff
from bridge.outputs.registry import OutputContext, create_output, parse_output
from bridge.outputs.worker import OutputStatus, OutputWorker
from bridge.settings import OutputSettings
from bridge.types import FaceState, OutputState, Presence
from bridge.wire.vts_session import Timing
from tests.e2e.program import Program
from tests.e2e.vtube_studio import VTubeStudio, broadcast
from tests.e2e.vtube_studio_api import VTubeStudioApi

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
MakeState = Callable[..., FaceState]


class Performer:
    """A worker with its ``vts://`` output; a state every 10 ms from a thread of its own, until it leaves."""

    def __init__(self, url: str, make_state: MakeState) -> None:
        plan = parse_output(OutputSettings(url=url))
        self._loop = EventLoopThread()
        output = create_output(plan, OutputContext(event_loop=self._loop))
        self.worker = OutputWorker(plan, output, mirror=False, backoff=Backoff(first_s=0.05, longest_s=0.1))
        self._make_state = make_state
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._perform, daemon=True)
        self.presence = Presence.LIVE
        self.offered = 0

    def _perform(self) -> None:
        while not self._stopping.wait(0.01):
            self.offered += 1
            yaw = self.offered / 100
            self.worker.offer(self._make_state(seq=self.offered, t=yaw, yaw=yaw, presence=self.presence))

    def __enter__(self) -> Performer:
        self.worker.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Stops as the program does, with the rest state. Idempotent."""
        self._stopping.set()
        self._thread.join(PATIENCE_S)
        self.worker.stop(FaceState.rest(t=1e6))
        self._loop.close()

    def until(self, state: OutputState, words: str = "") -> OutputStatus:
        """The status, as soon as it has this state and says these words."""
        deadline = time.monotonic() + PATIENCE_S
        while (status := self.worker.status).state is not state or words not in status.note:
            assert time.monotonic() < deadline, status
            time.sleep(0.002)
        return status


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two attempts to connect."""
    monkeypatch.setattr("bridge.outputs.vts_client._FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr("bridge.outputs.vts_client._LONGEST_PAUSE_S", 0.2)


@pytest.fixture
def studio() -> Iterator[VTubeStudio]:
    """A VTube Studio whose user has not been asked anything yet."""
    with VTubeStudio() as running:
        yield running


@pytest.fixture
def perform(make_state: MakeState) -> Iterator[Callable[[str], Performer]]:
    """A performer by its URL, performing."""
    with contextlib.ExitStack() as stack:
        yield lambda url: stack.enter_context(Performer(url, make_state))


def _new_frames(studio: VTubeStudio) -> None:
    """Returns when frames that were sent from now on have been taken."""
    seen = len(studio.api.frames)
    studio.wait(lambda api: len(api.frames) > seen + 5, "a frame")


def test_from_the_question_to_the_last_frame(studio: VTubeStudio, perform: Callable[[str], Performer]) -> None:
    """The user takes their time, allows, and sees the newest face; the rest state is the last thing that arrives."""
    performer = perform(f"vts://127.0.0.1:{studio.port}?parameters=both")
    performer.until(OutputState.WAITING, 'allow "avatar-bridge" in VTube Studio')
    studio.wait(lambda api: api.question, "the question")
    assert performer.worker.status.failures == 0
    studio.do(lambda: studio.api.decide(allow=True))
    performer.until(OutputState.SENDING)
    _new_frames(studio)
    performer.presence = Presence.LOST
    studio.wait(lambda api: not api.frames[-1].face_found, "the loss")
    performer.leave()

    last = studio.api.frames[-1]
    assert (False, 0.0, 0.5, 1.0) == (last.face_found, *(last.values[n] for n in ("FaceAngleX", "MouthSmile", "EyeOpenLeft")))
    assert (50, 50) == (
        sum(each.added_by == "avatar-bridge" for each in studio.api.parameters.values()),
        studio.api.requests.count("ParameterCreationRequest"),
    )
    assert ([], [], []) == (studio.api.errors, studio.api.unread, studio.api.releases)


def test_denied_then_tried_again_and_allowed(studio: VTubeStudio, perform: Callable[[str], Performer]) -> None:
    """REJECTED until ``retry``; no second question before."""
    performer = perform(f"vts://127.0.0.1:{studio.port}")
    studio.wait(lambda api: api.question, "the question")
    studio.do(lambda: studio.api.decide(allow=False))
    performer.until(OutputState.REJECTED, "choose Allow")
    connections = studio.connections
    offered = performer.offered
    while performer.offered < offered + 50:
        time.sleep(0.005)
    assert connections == studio.connections

    performer.worker.retry()
    studio.wait(lambda api: api.question, "the second question")
    studio.do(lambda: studio.api.decide(allow=True))
    performer.until(OutputState.SENDING)
    _new_frames(studio)


def test_everything_that_happens_to_a_plugin(studio: VTubeStudio, perform: Callable[[str], Performer]) -> None:
    """API off and on, token revoked, parameters taken, malformed JSON, a restart: each is said, and then it goes on."""
    api = studio.api
    studio.do(lambda: api.switch(on=False))
    studio.do(lambda: api.add_foreign("JawOpen"))
    performer = perform(f"vts://127.0.0.1:{studio.port}?parameters=both")
    performer.until(OutputState.WAITING, 'switch on "Allow Plugin API access"')
    studio.do(lambda: api.answer_with("allow"))
    studio.do(lambda: api.switch(on=True))
    performer.until(OutputState.SENDING, "JawOpen: made by another plugin, set all the same")
    _new_frames(studio)
    assert "JawOpen" in api.frames[-1].values

    studio.do(lambda: api.answer_with("ask"))
    studio.do(api.revoke)
    performer.until(OutputState.WAITING, 'allow "avatar-bridge"')
    studio.wait(lambda api: api.question, "the question")
    studio.do(lambda: api.decide(allow=True))
    performer.until(OutputState.SENDING)
    _new_frames(studio)

    studio.do(lambda: api.take_over("MouthOpen"))
    performer.until(OutputState.SENDING, "without MouthOpen: another plugin sets it at the moment")
    _new_frames(studio)
    assert "MouthOpen" not in api.frames[-1].values

    studio.do(lambda: api.remove("FaceAngry"))
    performer.until(OutputState.SENDING, "without FaceAngry: this VTube Studio does not have it")
    _new_frames(studio)

    studio.tell("{malformed")
    performer.until(OutputState.SENDING, "unreadable messages from VTube Studio: 1")
    _new_frames(studio)

    studio.stop()
    performer.until(OutputState.FAULTED)
    performer.until(OutputState.FAULTED, "VTube Studio is not there")
    studio.start()
    performer.until(OutputState.SENDING)
    _new_frames(studio)
    assert 2 == api.granted
    assert (0, None) == (performer.worker.status.failures, performer.worker.status.last_error)
    assert [] == api.unread


def test_silence_and_noise_are_said(
    studio: VTubeStudio, perform: Callable[[str], Performer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing, nothing that can be read, and far too much; afterwards it goes on."""
    monkeypatch.setattr("bridge.outputs.vts.TIMING", Timing(answer_s=0.5))
    studio.do(lambda: studio.api.answer_with("allow"))
    studio.misbehave = lambda _text: None
    performer = perform(f"vts://127.0.0.1:{studio.port}")
    performer.until(OutputState.FAULTED, "does not answer")

    studio.misbehave = lambda _text: "{malformed"
    performer.until(OutputState.FAULTED, "answers nothing that can be read")

    studio.misbehave = lambda text: text + " " * (2 << 20)
    performer.until(OutputState.FAULTED, "sent a message that is too large")

    studio.misbehave = lambda text: text
    performer.until(OutputState.SENDING)
    _new_frames(studio)


def test_another_port_is_found_and_a_switched_off_api_is_said(
    perform: Callable[[str], Performer],
    pick_tcp_port: Callable[[], int],
    free_udp_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its broadcasts, while nobody answers on the usual port; then nobody listens to broadcasts any more."""
    usual = pick_tcp_port()
    monkeypatch.setattr("bridge.outputs.vts.DEFAULT_PORT", usual)
    monkeypatch.setattr("bridge.outputs.vts.DISCOVERY_PORT", free_udp_port)
    with VTubeStudio(api=VTubeStudioApi(permission="allow")) as studio:
        performer = perform(f"vts://127.0.0.1:{usual}")
        performer.until(OutputState.FAULTED, "VTube Studio is not there")
        _broadcast_until(performer, OutputState.WAITING, port=studio.port, active=False, to=free_udp_port)
        assert 'switch on "Allow Plugin API access"' in performer.worker.status.note
        _broadcast_until(performer, OutputState.SENDING, port=studio.port, active=True, to=free_udp_port)
        _new_frames(studio)
        assert 1 == studio.api.granted


def _broadcast_until(performer: Performer, state: OutputState, *, port: int, active: bool, to: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while performer.worker.status.state is not state:
        assert time.monotonic() < deadline, performer.worker.status
        broadcast(port=port, active=active, to=("127.0.0.1", to))
        time.sleep(0.05)


# --- the stand-in is one ----------------------------------------------------------------------------------------------------

PYVTS = """
import asyncio, json, sys
import pyvts

async def main(port, token_path):
    info = {"plugin_name": "independent", "developer": "somebody else", "authentication_token_path": token_path}
    api = {"version": "1.0", "name": "VTubeStudioPublicAPI", "host": "127.0.0.1", "port": port}
    vts = pyvts.vts(plugin_info=info, vts_api_info=api)
    await vts.connect()
    await vts.request_authenticate_token()
    assert await vts.request_authenticate()
    r = vts.vts_request
    seen = {"created": await vts.request(r.requestCustomParameter("IndependentValue", 0, 10, 2.0, "mine"))}
    seen["default"] = await vts.request(r.requestParameterValue("IndependentValue"))
    seen["injected"] = await vts.request(
        r.requestSetMultiParameterValue(["IndependentValue", "FaceAngleX"], [7.5, -12.0], face_found=True)
    )
    seen["values"] = [await vts.request(r.requestParameterValue(name)) for name in ("IndependentValue", "FaceAngleX")]
    seen["listed"] = await vts.request(r.requestTrackingParameterList())
    seen["unknown"] = await vts.request(r.requestSetParameterValue("NoSuchParameter", 1.0))
    seen["deleted"] = await vts.request(r.requestDeleteCustomParameter("IndependentValue"))
    seen["gone"] = await vts.request(r.requestParameterValue("IndependentValue"))
    await vts.close()
    print("SEEN", json.dumps(seen))

asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
"""


def test_pyvts_takes_the_stand_in_for_vtube_studio(studio: VTubeStudio, tmp_path: Path) -> None:
    """It authenticates, creates, sets, reads back, deletes, and meets the errors it should. In a process of its own."""
    studio.do(lambda: studio.api.answer_with("allow"))
    script = tmp_path / "independent.py"
    script.write_text(PYVTS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(studio.port), str(tmp_path / "token.txt")],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False, cwd=tmp_path,
        env={"PATH": "", "NO_PROXY": "*", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    seen = json.loads(done.stdout.rpartition("SEEN ")[2])

    assert "IndependentValue" == seen["created"]["data"]["parameterName"]
    assert 2.0 == seen["default"]["data"]["value"]
    assert "InjectParameterDataResponse" == seen["injected"]["messageType"]
    assert [7.5, -12.0] == [answer["data"]["value"] for answer in seen["values"]]
    assert ["IndependentValue"] == [each["name"] for each in seen["listed"]["data"]["customParameters"]]
    assert (453, 500) == (seen["unknown"]["data"]["errorID"], seen["gone"]["data"]["errorID"])
    assert "ParameterDeletionResponse" == seen["deleted"]["messageType"]
    assert studio.api.frames[0].face_found


# --- the program --------------------------------------------------------------------------------------------------------


def test_the_demo_performs_in_vtube_studio(home: Path, tmp_path: Path) -> None:
    """``run --output vts://``, both sides as programs: frames of the performance, no error, no gap, rest at the end."""
    out = tmp_path / "seen.json"
    studio = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.vtube_studio", "--out", str(out)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with studio:
        assert studio.stdout is not None
        port = int(studio.stdout.readline())
        arguments = ("--source", "demo", "--output", f"vts://127.0.0.1:{port}?parameters=both", "--no-control", "--duration", "2")
        with Program("run", *arguments, home=home) as program:
            finished = program.finish()
        studio.communicate("stop\n", timeout=PATIENCE_S)
    seen = json.loads(out.read_text(encoding="utf-8"))
    times = [frame["t"] for frame in seen["frames"]]

    assert 0 == finished.code, str(finished)
    assert ([], [], []) == (seen["errors"], seen["unread"], seen["releases"])
    assert len(times) > 20
    assert max(b - a for a, b in itertools.pairwise(times)) < 1.0
    assert (True, False) == (seen["frames"][-10]["face_found"], seen["frames"][-1]["face_found"])
    assert 1 < len({frame["values"]["FaceAngleX"] for frame in seen["frames"]})
    assert 0.0 == seen["frames"][-1]["values"]["FaceAngleX"]
