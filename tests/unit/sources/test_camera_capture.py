"""A camera opened with OpenCV, with a stand-in for its VideoCapture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from bridge.sources.camera_capture import CameraCapture, CaptureRequest, open_capture
from bridge.sources.camera_device import Opening

PLAIN = np.full((8, 8, 3), (10, 20, 30), np.uint8)
"""BGR."""


class FakeVideoCapture:
    """Remembers what it is told. ``script``: a picture, None (a damaged one), "wait" (nothing yet), or an exception."""

    opens = True
    script: list[Any] = []  # noqa: RUF012 - each test sets its own
    made: list[FakeVideoCapture] = []  # noqa: RUF012

    def __init__(self, target: int | str, backend: int) -> None:
        self.target, self.backend = target, backend
        self.told: list[tuple[int, float]] = []
        self.values: dict[int, float] = {}
        self.released = False
        FakeVideoCapture.made.append(self)

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.opens

    def set(self, prop: int, value: float) -> bool:
        self.told.append((prop, value))
        return True

    def get(self, prop: int) -> float:
        return self.values.get(prop, 0.0)

    def read(self, into: Any = None) -> tuple[bool, Any]:
        item = self.script.pop(0) if self.script else None
        if isinstance(item, Exception):
            raise item
        return item is not None, item

    retrieve = read

    def release(self) -> None:
        self.released = True

    @staticmethod
    def waitAny(streams: Sequence[FakeVideoCapture], timeout_ns: int) -> tuple[bool, list[int]]:  # noqa: N802
        assert 0 < timeout_ns <= 100_000_000
        script = streams[0].script
        if not script:
            return False, []
        if isinstance(script[0], str):
            script.pop(0)
            return False, []
        return True, [0]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeVideoCapture]:
    """Stands where cv2.VideoCapture is; opens, and delivers nothing until given a script."""
    monkeypatch.setattr(cv2, "VideoCapture", FakeVideoCapture)
    monkeypatch.setattr(FakeVideoCapture, "opens", True)
    monkeypatch.setattr(FakeVideoCapture, "script", [])
    monkeypatch.setattr(FakeVideoCapture, "made", [])
    return FakeVideoCapture


def request(fourcc: str = "MJPG") -> CaptureRequest:
    return CaptureRequest(width=1280, height=720, fps=60.0, fourcc=fourcc, read_timeout_s=2.0)


def opened(backend: int = cv2.CAP_V4L2) -> CameraCapture:
    capture = open_capture(Opening(backend=backend, target="/nowhere/video0"), request())
    assert capture is not None
    return capture


def never() -> bool:
    return False


def test_format_is_set_before_the_size(fake: type[FakeVideoCapture]) -> None:
    """FOURCC, width, height, rate, and one buffer."""
    opened()
    (made,) = fake.made
    assert (made.target, made.backend) == ("/nowhere/video0", cv2.CAP_V4L2)
    assert made.told == [
        (cv2.CAP_PROP_FOURCC, int.from_bytes(b"MJPG", "little")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 60.0),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ]


def test_format_is_left_alone_when_none_is_asked_for(fake: type[FakeVideoCapture]) -> None:
    """Without a FOURCC the backend picks."""
    open_capture(Opening(backend=cv2.CAP_MSMF, target=0), request(""))
    assert cv2.CAP_PROP_FOURCC not in dict(fake.made[0].told)


def test_camera_that_does_not_open_is_none(fake: type[FakeVideoCapture], monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception of OpenCV's comes through."""
    monkeypatch.setattr(fake, "opens", False)
    assert open_capture(Opening(backend=cv2.CAP_V4L2, target="/nowhere/video0"), request()) is None


def test_camera_that_opencv_refuses_is_none(fake: type[FakeVideoCapture], monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception while opening is the same as not opening."""

    def refuse(target: object, backend: int) -> None:
        raise cv2.error("no")

    monkeypatch.setattr(cv2, "VideoCapture", refuse)
    assert open_capture(Opening(backend=cv2.CAP_V4L2, target="/nowhere/video0"), request()) is None


def test_absent_device_really_does_not_open(capfd: pytest.CaptureFixture[str]) -> None:
    """The real OpenCV on a path that leads nowhere: None, and nothing printed."""
    assert open_capture(Opening(backend=cv2.CAP_V4L2, target="/nowhere/video0"), request()) is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("backend", [cv2.CAP_V4L2, cv2.CAP_MSMF])
def test_picture_is_rgb(fake: type[FakeVideoCapture], backend: int) -> None:
    """Polled or blocking, the picture is RGB and read-only."""
    fake.script[:] = [PLAIN]
    image = opened(backend).read(timeout_s=1.0, cancelled=never)
    assert image is not None
    assert image[0, 0].tolist() == [30, 20, 10]
    assert not image.flags.writeable


def test_waiting_goes_on_until_a_picture_comes(fake: type[FakeVideoCapture]) -> None:
    """Slices without a picture are no failure."""
    fake.script[:] = ["wait", "wait", PLAIN]
    assert opened().read(timeout_s=5.0, cancelled=never) is not None


def test_silent_camera_gives_none_in_time(fake: type[FakeVideoCapture]) -> None:
    """Nothing comes: None once the time is over."""
    fake.script[:] = ["wait"] * 3
    assert opened().read(timeout_s=0.05, cancelled=never) is None


@pytest.mark.parametrize("backend", [cv2.CAP_V4L2, cv2.CAP_MSMF])
def test_damaged_pictures_are_passed_over(fake: type[FakeVideoCapture], backend: int) -> None:
    """A few failed reads, or errors of OpenCV, are not a loss."""
    fake.script[:] = [None, cv2.error("broken"), None, PLAIN]
    assert opened(backend).read(timeout_s=5.0, cancelled=never) is not None


def test_many_failures_in_a_row_are_the_end(fake: type[FakeVideoCapture]) -> None:
    """An unplugged camera fails at once, again and again: None long before the time is over."""
    fake.script[:] = [None] * 50
    assert opened().read(timeout_s=3600.0, cancelled=never) is None
    assert len(fake.script) == 40


def test_cancelled_read_gives_none(fake: type[FakeVideoCapture]) -> None:
    """Looked at between the slices of the wait."""
    answers = iter([False, False, True])
    fake.script[:] = ["wait"] * 100
    assert opened().read(timeout_s=3600.0, cancelled=lambda: next(answers)) is None
    assert len(fake.script) == 98


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float(int.from_bytes(b"MJPG", "little")), "MJPG"),
        (float(int.from_bytes(b"Y16 ", "little")), "Y16"),
        (0.0, ""),
        (-1.0, ""),
        (22.0, ""),
        (1e12, ""),
    ],
)
def test_delivered_format(fake: type[FakeVideoCapture], value: float, text: str) -> None:
    """The FourCC as text; empty where the backend gives none, or nonsense."""
    capture = opened()
    fake.made[0].values[cv2.CAP_PROP_FOURCC] = value
    assert capture.fourcc == text


@pytest.mark.parametrize(("value", "fps"), [(30.0, 30.0), (0.0, 0.0), (-1.0, 0.0), (90000.0, 0.0), (float("nan"), 0.0)])
def test_promised_rate(fake: type[FakeVideoCapture], value: float, fps: float) -> None:
    """0 where the backend gives none, or nonsense."""
    capture = opened()
    fake.made[0].values[cv2.CAP_PROP_FPS] = value
    assert capture.fps == fps


def test_close_releases_the_device(fake: type[FakeVideoCapture]) -> None:
    """Another program can have it."""
    opened().close()
    assert fake.made[0].released


def test_cancel_is_noticed_in_time(fake: type[FakeVideoCapture]) -> None:
    """No wait is longer than 100 ms (asserted by the stand-in for waitAny)."""
    looked: list[bool] = []

    def cancelled() -> bool:
        looked.append(True)
        return len(looked) > 5

    opened().read(timeout_s=3600.0, cancelled=cancelled)
    assert len(looked) == 6
