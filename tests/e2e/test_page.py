"""The page and the overlay in a real browser: frames arrive, the puppet performs, and nobody else gets in."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import arkit
from bridge.control.server import ControlServer
from bridge.outputs.event_loop import EventLoopThread
from bridge.outputs.stream_hub import StreamHub
from bridge.settings import ControlSettings
from bridge.types import Gaze, Presence
from tests.e2e.chromium import Page
from tests.e2e.page_stage import NEUTRAL, MakeState, Stage, open_stage
from tests.e2e.program import Program

pytestmark = pytest.mark.e2e

PATIENCE_S = 60.0

LAUGH = {"jawOpen": 0.8, "mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "browInnerUp": 0.6}
WINK = {"eyeBlinkLeft": 1.0, "mouthSmileLeft": 0.5}


@pytest.fixture
def stage(make_state: MakeState, free_tcp_port: int) -> Iterator[Stage]:
    """Listening, with the neutral face on show."""
    with open_stage(make_state, free_tcp_port) as made:
        yield made


def drawn(page: Page, seq: int) -> None:
    """Returns when the frame has been received and painted."""
    page.wait_for(f"window.avatarBridge?.last?.seq >= {seq}")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def puppet(page: Page) -> NDArray[np.int16]:
    """The puppet's picture, float-safe, (H, W, 4)."""
    box = page.evaluate(
        "(({x, y, width, height}) => [x, y, width, height])(document.getElementById('puppet').getBoundingClientRect())"
    )
    x, y, width, height = (round(value) for value in box)
    return page.screenshot()[y : y + height, x : x + width].astype(np.int16)


def changed(a: NDArray[np.int16], b: NDArray[np.int16], *, x: tuple[float, float], y: tuple[float, float]) -> float:
    """The share of pixels that differ clearly inside a part of the picture, given as fractions of it."""
    height, width = a.shape[:2]
    part = np.s_[round(y[0] * height) : round(y[1] * height), round(x[0] * width) : round(x[1] * width)]
    return float((np.abs(a[part] - b[part]).max(axis=2) > 40).mean())


# --- the real program ------------------------------------------------------------------------------------------------


def test_page_receives_and_draws_the_demo(home: Path, tmp_path: Path, free_tcp_port: int) -> None:
    """Of ``avatar-bridge run`` with the demo: 25 frames a second or more, counted in the page; moments look different."""
    arguments = ("run", "--source", "demo", "--output", "osc://127.0.0.1:9", "--set", f"control.port={free_tcp_port}")
    with Program(*arguments, home=home) as program, Page(tmp_path / "profile") as page:
        wait_until_up(program, free_tcp_port)
        page.open(f"http://127.0.0.1:{free_tcp_port}/")
        page.wait_for("window.avatarBridge?.frames > 0")
        count = "[window.avatarBridge.frames, performance.now()]"
        frames, began_ms = page.evaluate(count)
        pictures = [puppet(page)]
        page.evaluate("new Promise((done) => setTimeout(done, 4000))")
        more, ended_ms = page.evaluate(count)
        pictures.append(puppet(page))

        rate = (more - frames) / (ended_ms - began_ms) * 1000

        assert rate >= 25.0
        assert changed(*pictures, x=(0.2, 0.8), y=(0.1, 0.8)) > 0.01
        assert page.errors == []


def wait_until_up(program: Program, port: int) -> None:
    """Polls ``/healthz``."""
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        try:
            connection.request("GET", "/healthz")
            assert json.load(connection.getresponse())["name"] == "avatar-bridge"
            return
        except OSError:
            assert program.process.poll() is None, program.finish()
            assert time.monotonic() < deadline
            pause.wait(0.1)
        finally:
            connection.close()


# --- the puppet ------------------------------------------------------------------------------------------------------


def test_puppet_follows_mouth_eyes_and_head(stage: Stage, tmp_path: Path) -> None:
    """Each part of the picture changes when, and only when, its part of the face does."""
    eyes, mouth = {"x": (0.25, 0.75), "y": (0.42, 0.66)}, {"x": (0.35, 0.65), "y": (0.67, 0.82)}
    with Page(tmp_path / "profile") as page:
        page.open(stage.url)
        page.evaluate("document.getElementById('mirror').click()")  # as the camera sees it: own left is screen right
        pictures = {}
        moments: tuple[tuple[str, dict[str, float], dict[str, object]], ...] = (
            ("neutral", NEUTRAL, {}),
            ("again", NEUTRAL, {}),
            ("laugh", LAUGH, {}),
            ("wink", WINK, {}),
            ("left", NEUTRAL, {"yaw": 30}),
            ("gaze", NEUTRAL, {"gaze": Gaze(left_deg=(25.0, 0.0), right_deg=(25.0, 0.0))}),
        )
        for name, weights, pose in moments:
            drawn(page, stage.show(weights, **pose))
            pictures[name] = puppet(page)
        neutral = pictures.pop("neutral")
        moved = {name: (changed(neutral, other, **eyes), changed(neutral, other, **mouth)) for name, other in pictures.items()}

    assert moved["again"] == (0.0, 0.0)
    assert moved["laugh"][1] > 0.1
    assert moved["wink"][0] > 0.03
    assert moved["left"][0] > 0.15
    assert moved["left"][1] > 0.02
    assert moved["gaze"][0] > 0.02
    half = {"left": (0.5, 0.75), "right": (0.25, 0.5)}
    wink = {side: changed(neutral, pictures["wink"], x=x, y=(0.42, 0.66)) for side, x in half.items()}
    assert wink["left"] > 3 * wink["right"]  # the own left eye winked: on the right of the unmirrored picture


def test_mirror_view_swaps_sides_and_is_remembered(stage: Stage, tmp_path: Path) -> None:
    """The default is a mirror; the choice outlives a reload."""
    half = {"left": (0.5, 0.75), "right": (0.25, 0.5)}
    with Page(tmp_path / "profile") as page:
        page.open(stage.url)
        drawn(page, stage.show(NEUTRAL))
        neutral = puppet(page)
        drawn(page, stage.show(WINK))
        wink = {side: changed(neutral, puppet(page), x=x, y=(0.42, 0.66)) for side, x in half.items()}
        page.evaluate("document.getElementById('mirror').click()")
        page.open(f"{stage.url}/?again")
        remembered = page.evaluate("document.getElementById('mirror').getAttribute('aria-pressed')")

    assert wink["right"] > 3 * wink["left"]
    assert remembered == "false"


# --- the rest of the page --------------------------------------------------------------------------------------------


def test_bars_show_all_channels_and_mark_the_dead(stage: Stage, tmp_path: Path) -> None:
    """52 of them, each with its value; dead and weak ones say so."""
    weights = dict.fromkeys(arkit.NAMES, 0.25)
    with Page(tmp_path / "profile") as page:
        page.open(stage.url)
        drawn(page, stage.show(weights))
        drawn(page, stage.show(weights | {"jawOpen": 0.75}))
        bars = page.evaluate(
            "Object.fromEntries([...document.querySelectorAll('[data-channel]')].map((bar) => [bar.dataset.channel,"
            " [bar.className.split(' ')[1], bar.querySelector('.fill').style.transform, bar.textContent]]))"
        )

    assert set(bars) == set(arkit.NAMES)
    assert {name: bar[0] for name, bar in bars.items()} == {
        name: support.value for name, support in zip(arkit.NAMES, arkit.SUPPORT, strict=True)
    }
    assert bars["jawOpen"][1] == "scaleX(0.75)"
    assert bars["eyeBlinkLeft"][1] == "scaleX(0.25)"
    assert "not delivered" in bars["cheekPuff"][2]


def test_page_shows_figures_source_outputs_and_notice(stage: Stage, tmp_path: Path) -> None:
    """What a person wants to know; text from outside stays text, tokens stay secret."""
    with Page(tmp_path / "profile") as page:
        page.open(stage.url)
        drawn(page, stage.show(NEUTRAL, presence=Presence.HELD, yaw=12))
        page.wait_for("document.querySelectorAll('[data-output]').length === 2")
        text = page.evaluate("document.body.innerText")
        outputs = page.evaluate("[...document.querySelectorAll('[data-output]')].map((card) => card.dataset.state)")
        bold = page.evaluate("document.querySelectorAll('#outputs b').length")

    for expected in (
        "9.9.9",
        "No camera found",
        "stage",
        "vmc://127.0.0.1:39539",
        "1,234 sent",
        "hall is not a known <b>host</b>",
    ):
        assert expected in text
    assert "abc" not in text
    assert outputs == ["sending", "faulted"]
    assert bold == 0


def test_page_comes_back_after_the_bridge_was_away(make_state: MakeState, free_tcp_port: int, tmp_path: Path) -> None:
    """It says so while nobody answers, and goes on by itself when somebody does."""
    loop = EventLoopThread()
    hub = StreamHub(loop)

    def serve() -> ControlServer:
        made = ControlServer(
            ControlSettings(port=free_tcp_port), hub=hub, event_loop=loop, status=dict, commands=lambda *_: None, metrics=bytes
        )
        made.start()
        return made

    with ExitStack() as stack:
        stack.callback(loop.close)
        server = serve()
        hub.publish(make_state(seq=1))
        with Page(tmp_path / "profile") as page:
            page.open(f"http://127.0.0.1:{free_tcp_port}/")
            page.wait_for("window.avatarBridge?.last?.seq === 1")
            server.close()
            page.wait_for("!document.getElementById('lost').hidden")
            server = serve()
            stack.callback(server.close)
            hub.publish(make_state(seq=2))
            page.wait_for("window.avatarBridge.last.seq === 2 && document.getElementById('lost').hidden")


def test_page_fits_a_phone(stage: Stage, tmp_path: Path) -> None:
    """390 pixels wide, nothing to scroll sideways."""
    with Page(tmp_path / "profile", width=390, height=844, scheme="light") as page:
        page.open(stage.url)
        drawn(page, stage.show(LAUGH))
        page.wait_for("document.querySelectorAll('[data-output]').length === 2")

        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_page_asks_nobody_but_the_bridge_and_logs_no_error(stage: Stage, tmp_path: Path) -> None:
    """Every request goes to its own host and port, WebSockets included."""
    with Page(tmp_path / "profile") as page:
        for path in ("/", "/overlay"):
            page.open(stage.url + path)
            drawn(page, stage.show(LAUGH))

        assert {urlsplit(url).netloc for url in page.requests} == {f"127.0.0.1:{stage.port}"}
        assert {urlsplit(url).scheme for url in page.requests} == {"http", "ws"}
        assert page.errors == []


# --- the overlay -----------------------------------------------------------------------------------------------------


def test_overlay_is_the_puppet_on_nothing(stage: Stage, tmp_path: Path) -> None:
    """Transparent corners, an opaque face, no scrollbars, the size that was asked for."""
    with Page(tmp_path / "profile", width=500, height=400) as page:
        page.open(f"{stage.url}/overlay?size=320&mirror=1")
        drawn(page, stage.show(LAUGH))
        picture = page.screenshot(transparent=True)
        overflow = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")

    assert overflow == [500, 400]
    assert [int(picture[y, x, 3]) for y, x in ((0, 0), (0, 499), (399, 499))] == [0, 0, 0]
    assert picture[240, 160, 3] == 255  # in the middle of the face: 320 wide, at the lower left
    assert not picture[:, 330:, 3].any()


# --- strangers -------------------------------------------------------------------------------------------------------


def test_page_of_another_origin_gets_nothing(
    stage: Stage, make_state: MakeState, pick_tcp_port: Callable[[], int], tmp_path: Path
) -> None:
    """A web page elsewhere in the same browser can neither watch nor command; the browser itself is the witness."""
    port = pick_tcp_port()
    stranger = Stage(StreamHub(loop := EventLoopThread()), port, make_state)
    server = ControlServer(
        ControlSettings(port=port), hub=stranger.hub, event_loop=loop, status=dict, commands=lambda *_: None, metrics=bytes
    )
    server.start()
    try:
        with Page(tmp_path / "profile") as page:
            page.open(f"http://127.0.0.1:{port}/healthz")
            # Without the stranger's own policy, which would forbid it the attempt.
            page.call("Page.setBypassCSP", enabled=True)
            page.open(f"http://127.0.0.1:{port}/healthz?again")
            attempt = (
                "new Promise((done) => {{ const line = new WebSocket('ws://127.0.0.1:{}/api/v1/{}');"
                " line.onopen = () => done('open'); line.onerror = () => done('refused'); }})"
            )
            outcomes = [page.evaluate(attempt.format(stage.port, path)) for path in ("stream", "control")]
            own = page.evaluate(attempt.format(port, "stream"))
    finally:
        server.close()
        loop.close()

    assert outcomes == ["refused", "refused"]
    assert own == "open"
    assert stage.hub.viewers == 0
    assert stage.asked == []


@pytest.mark.parametrize("header", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
@pytest.mark.parametrize("path", ["/", "/overlay", "/api/v1/state", "/metrics"])
def test_foreign_host_and_origin_are_refused(stage: Stage, header: dict[str, str], path: str) -> None:
    """403, whatever is asked for."""
    connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=PATIENCE_S)
    connection.request("GET", path, headers=header)
    status = connection.getresponse().status
    connection.close()

    assert status == 403
