"""The camera source, with made-up devices and captures."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from bridge.errors import SourceEnded, SourceLost, SourceUnavailable
from bridge.settings import SourceSettings
from bridge.sources import camera as camera_module
from bridge.sources.camera import CameraSource
from bridge.sources.camera_capture import CaptureRequest
from bridge.sources.camera_device import CameraDevice, CameraMode, CameraState, Opening
from bridge.types import ImageArray
from tests.unit.sources.desk import Desk, FakeCapture, make_device


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """An empty desk; why a camera does not open is made up too."""
    monkeypatch.setattr(camera_module, "explain", lambda device: f"{device.label} is in use by obs (pid 7)")
    return Desk()


# --- choosing and reading -----------------------------------------------------------------------------------------------


def test_camera_is_chosen_by_name(desk: Desk) -> None:
    """A part of the name, case ignored."""
    desk.plug(make_device(0, "Integrated Camera"))
    desk.plug(make_device(2, "HD Pro Webcam C920"))
    source = desk.source("c920")
    assert source.label == "camera c920"
    source.open()
    assert source.label == "HD Pro Webcam C920 (/nowhere/video2)"


def test_frames_are_counted_and_dated_when_read(desk: Desk) -> None:
    """seq from 0; t is the clock when the driver returned, of the first picture too."""
    desk.plug(make_device(0, "Cam"), FakeCapture(desk.clock, rate=10.0))
    source = desk.source("0")
    source.open()
    desk.clock.now += 0.05
    frames = [source.read() for _ in range(3)]
    assert [0, 1, 2] == [frame.seq for frame in frames]
    assert [100.1, 100.25, 100.35] == pytest.approx([frame.t for frame in frames])


def test_without_a_choice_the_first_that_works_is_taken(desk: Desk) -> None:
    """Cameras that do not open or send nothing are passed over, and closed."""
    dead = FakeCapture(desk.clock, silent=True)
    desk.plug(make_device(0, "Busy"), None)
    desk.plug(make_device(1, "Dead"), dead)
    desk.plug(make_device(2, "Good"))
    source = desk.source()
    source.open()
    assert source.label == "Good (/nowhere/video2)"
    assert dead.closed


def test_no_camera_is_one_sentence(desk: Desk) -> None:
    """Nothing is plugged in."""
    with pytest.raises(SourceUnavailable, match="No camera was found: plug one in, or use --source demo"):
        desk.source().open()


def test_one_camera_that_fails_gives_its_own_reason(desk: Desk) -> None:
    """The reason is the system's explanation."""
    desk.plug(make_device(0, "Cam"), None)
    with pytest.raises(SourceUnavailable) as caught:
        desk.source().open()
    assert str(caught.value) == "Cam (/nowhere/video0) is in use by obs (pid 7)"


def test_all_cameras_failing_gives_every_reason(desk: Desk) -> None:
    """One sentence with each."""
    desk.plug(make_device(0, "A"), None)
    desk.plug(make_device(1, "B"), FakeCapture(desk.clock, silent=True))
    with pytest.raises(SourceUnavailable) as caught:
        desk.source().open()
    assert str(caught.value) == (
        "None of 2 cameras works: A (/nowhere/video0) is in use by obs (pid 7); "
        "B (/nowhere/video1) opens but sends no picture: unplug it and plug it in again"
    )


def test_first_picture_may_take_longer(desk: Desk) -> None:
    """Opening waits five seconds, reading as long as configured."""
    capture = FakeCapture(desk.clock)
    desk.plug(make_device(0, "Cam"), capture)
    source = desk.source("0", SourceSettings(read_timeout_s=0.5))
    source.open()
    source.read()
    source.read()
    assert capture.timeouts == [5.0, 0.5]


# --- loss and return ----------------------------------------------------------------------------------------------------


def test_silent_camera_is_lost(desk: Desk) -> None:
    """Nothing for ``read_timeout_s``: the sentence says how long."""
    capture = FakeCapture(desk.clock)
    desk.plug(make_device(0, "Cam"), capture)
    source = desk.source("0", SourceSettings(read_timeout_s=3.0))
    source.open()
    source.read()
    capture.silent = True
    with pytest.raises(SourceLost, match=r"Cam \(/nowhere/video0\) has sent nothing for 3 s"):
        source.read()


def test_failing_camera_is_lost(desk: Desk) -> None:
    """A read that fails at once: it was unplugged."""
    desk.plug(make_device(0, "Cam"), FakeCapture(desk.clock, left=1))
    source = desk.source("0")
    source.open()
    source.read()
    with pytest.raises(SourceLost, match=r"Cam \(/nowhere/video0\) is gone"):
        source.read()


def test_same_camera_is_taken_again_under_a_new_number(desk: Desk) -> None:
    """After a loss ``open`` finds the device, not the number; the count of frames goes on."""
    cam = desk.plug(make_device(0, "Cam", port="1-1"), FakeCapture(desk.clock, left=2))
    source = desk.source("cam")
    source.open()
    assert [0, 1] == [source.read().seq for _ in range(2)]
    with pytest.raises(SourceLost):
        source.read()
    source.close()
    desk.unplug(cam)
    desk.plug(make_device(3, "Cam", port="1-1"))
    source.open()
    assert (source.label, source.read().seq) == ("Cam (/nowhere/video3)", 2)


@pytest.mark.parametrize("spec", ["", "0", "cam"])
def test_another_camera_is_never_taken_silently(desk: Desk, spec: str) -> None:
    """Whatever was typed: once a device was opened, only that one will do."""
    cam = desk.plug(make_device(0, "Cam A", port="1-1"))
    source = desk.source(spec)
    source.open()
    source.close()
    desk.unplug(cam)
    desk.plug(make_device(0, "Cam B", port="1-1"))
    with pytest.raises(SourceUnavailable, match=r"Cam A \(/nowhere/video0\) is not connected: plug it in again"):
        source.open()
    assert [target for _, target, _ in desk.opened] == ["/nowhere/video0"]


def test_twin_of_a_lost_camera_is_not_taken(desk: Desk) -> None:
    """Two cameras of one kind: the one that stays is not mistaken for the one that left."""
    ours = desk.plug(make_device(0, "Cam", port="1-1"))
    desk.plug(make_device(2, "Cam", port="1-2"))
    source = desk.source("0")
    source.open()
    source.close()
    desk.unplug(ours)
    with pytest.raises(SourceUnavailable, match="is not connected"):
        source.open()


def test_failed_reopening_leaves_nothing_open(desk: Desk) -> None:
    """Back, but busy: the error is the explanation, and a later attempt works."""
    capture = FakeCapture(desk.clock)
    desk.plug(make_device(0, "Cam"), capture, None, FakeCapture(desk.clock))
    source = desk.source("0")
    source.open()
    source.close()
    assert capture.closed
    with pytest.raises(SourceUnavailable, match="in use by obs"):
        source.open()
    with pytest.raises(SourceLost, match="not open"):
        source.read()
    source.open()
    source.read()


def test_close_is_idempotent(desk: Desk) -> None:
    """Closing twice, or without opening, is fine."""
    source = desk.source()
    source.close()
    desk.plug(make_device(0, "Cam"))
    source.open()
    source.close()
    source.close()


# --- cancel -------------------------------------------------------------------------------------------------------------


def test_cancelled_source_ends(desk: Desk) -> None:
    """After ``cancel`` neither read nor open goes on."""
    desk.plug(make_device(0, "Cam"))
    source = desk.source()
    source.open()
    source.cancel()
    with pytest.raises(SourceEnded):
        source.read()
    with pytest.raises(SourceEnded):
        source.open()


def test_cancel_ends_a_blocked_read(desk: Desk) -> None:
    """A read in progress sees the cancellation and ends with SourceEnded, not as a loss."""
    reading = threading.Event()

    class Blocked(FakeCapture):
        def read(self, *, timeout_s: float, cancelled: Callable[[], bool]) -> ImageArray | None:
            if not self.timeouts:
                return super().read(timeout_s=timeout_s, cancelled=cancelled)
            reading.set()
            deadline = threading.Event()
            while not cancelled():
                deadline.wait(0.001)
            return None

    desk.plug(make_device(0, "Cam"), Blocked(desk.clock))
    source = desk.source()
    source.open()
    source.read()
    ended: list[Exception] = []

    def read() -> None:
        try:
            source.read()
        except (SourceEnded, SourceLost) as error:
            ended.append(error)

    thread = threading.Thread(target=read, name="bridge-test-camera")
    thread.start()
    assert reading.wait(10.0)
    source.cancel()
    thread.join(10.0)
    assert [SourceEnded] == [type(error) for error in ended]


def test_cancel_while_opening_closes_the_camera(desk: Desk) -> None:
    """Cancelled during the wait for the first picture: nothing stays open."""

    class Cancelling(FakeCapture):
        def read(self, *, timeout_s: float, cancelled: Callable[[], bool]) -> ImageArray | None:
            source.cancel()
            return None

    capture = Cancelling(desk.clock)
    desk.plug(make_device(0, "Cam"), capture)
    source = desk.source()
    with pytest.raises(SourceEnded):
        source.open()
    assert capture.closed


# --- modes and reports --------------------------------------------------------------------------------------------------

MODES = tuple(
    CameraMode(pixel_format=name, width=width, height=height, fps=(fps,))
    for name, width, height, fps in (
        ("YUYV", 640, 480, 30.0),
        ("MJPG", 640, 480, 30.0),
        ("YUYV", 1280, 720, 10.0),
        ("MJPG", 1280, 720, 30.0),
    )
)


@pytest.mark.parametrize(
    ("settings", "modes", "fourcc"),
    [
        (SourceSettings(), MODES, "YUYV"),
        (SourceSettings(width=1280, height=720), MODES, "MJPG"),
        (SourceSettings(pixel_format="mjpg"), MODES, "MJPG"),
        (SourceSettings(pixel_format="yuyv", width=1280, height=720), MODES, "YUYV"),
        (SourceSettings(pixel_format="nv12"), MODES, "NV12"),
        (SourceSettings(), (), ""),
        (SourceSettings(width=1280, height=720), (), "MJPG"),
    ],
)
def test_pixel_format_that_is_asked_for(desk: Desk, settings: SourceSettings, modes: tuple[CameraMode, ...], fourcc: str) -> None:
    """What was configured; on auto what reaches the rate; without knowledge MJPG above VGA."""
    desk.plug(make_device(0, "Cam", modes=modes))
    desk.source("0", settings).open()
    (_, _, request), *_ = desk.opened
    assert request == CaptureRequest(
        width=settings.width, height=settings.height, fps=settings.fps, fourcc=fourcc, read_timeout_s=settings.read_timeout_s
    )


def test_format_that_sends_nothing_gives_way_to_the_other(desk: Desk) -> None:
    """On auto a camera that is silent in the best format is tried in the next."""
    silent = FakeCapture(desk.clock, silent=True)
    desk.plug(make_device(0, "Cam", modes=MODES), silent, FakeCapture(desk.clock))
    desk.source("0", SourceSettings(width=1280, height=720)).open()
    assert ["MJPG", "YUYV"] == [request.fourcc for _, _, request in desk.opened]
    assert silent.closed


def test_second_way_to_open_is_tried(desk: Desk) -> None:
    """Where the first backend fails the next one is taken."""
    device = make_device(0, "Cam")
    two_ways = CameraDevice(
        index=0, identity=device.identity, path=device.path, stable_paths=(), modes=(), state=CameraState.READY, holder="",
        openings=(Opening(backend=1400, target=0), Opening(backend=700, target=1)),
    )  # fmt: skip
    desk.devices.append(two_ways)
    desk.captures = {0: [None], 1: [FakeCapture(desk.clock)]}
    desk.source("0").open()
    assert [(1400, 0), (700, 1)] == [(backend, target) for backend, target, _ in desk.opened]


def play(desk: Desk, settings: SourceSettings, capture: FakeCapture, *, frames: int = 90) -> CameraSource:
    desk.plug(make_device(0, "Cam"), capture)
    source = desk.source("0", settings)
    source.open()
    for _ in range(frames):
        source.read()
    return source


def test_report_before_opening_has_the_request(desk: Desk) -> None:
    """Nothing is delivered yet, and nothing is wrong."""
    report = desk.source("0", SourceSettings(pixel_format="mjpg")).report()
    assert (report.requested, report.delivered, report.warning) == ("640x480 at 30 fps, MJPG", "", None)


def test_report_of_a_good_camera(desk: Desk) -> None:
    """Mode and measured rate, no warning."""
    report = play(desk, SourceSettings(), FakeCapture(desk.clock)).report()
    assert (report.requested, report.delivered, report.warning) == ("640x480 at 30 fps", "640x480 at 30 fps, YUYV", None)
    assert report.fps_measured == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("settings", "capture", "warning"),
    [
        (
            SourceSettings(fps=60),
            {"fps": 60.0, "rate": 30.0},
            "asked for 60 fps, the camera delivers 30 (low light makes many cameras slower)",
        ),
        (
            SourceSettings(fps=60),
            {"fps": 30.0, "rate": 30.0},
            "asked for 60 fps, the camera offers 30 at this size and format (avatar-bridge cameras lists its modes)",
        ),
        (SourceSettings(width=1920, height=1080), {"size": (1280, 720)}, "asked for 1920x1080, the camera delivers 1280x720"),
        (SourceSettings(pixel_format="nv12"), {"fourcc": "YUYV"}, "asked for NV12, the camera delivers YUYV"),
        (
            SourceSettings(pixel_format="mjpg", width=800),
            {"fourcc": "YUYV"},
            "asked for 800x480, the camera delivers 640x480; asked for MJPG, the camera delivers YUYV",
        ),
    ],
)
def test_report_warns_of_what_is_missing(desk: Desk, settings: SourceSettings, capture: dict[str, object], warning: str) -> None:
    """Less than was asked for: one sentence with both sides."""
    fake = FakeCapture(desk.clock)
    for name, value in capture.items():
        setattr(fake, name, value)
    assert play(desk, settings, fake).report().warning == warning


def test_rate_is_measured_anew_after_a_loss(desk: Desk) -> None:
    """The gap of a loss does not count as slowness."""
    source = play(desk, SourceSettings(), FakeCapture(desk.clock))
    source.close()
    assert source.report().fps_measured is None
