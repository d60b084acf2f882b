"""A camera as a source: the one that was asked for, and after a loss that very one again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from bridge.clock import Clock, monotonic
from bridge.errors import SourceEnded, SourceLost, SourceUnavailable
from bridge.settings import SourceSettings
from bridge.sources.camera_capture import CameraCapture, CaptureRequest, OpenCapture, open_capture
from bridge.sources.camera_device import CameraDevice, CameraIdentity, best_formats, find_again, twin_ports
from bridge.sources.camera_devices import explain, find_camera, list_cameras
from bridge.sources.report import RateMeter, SourceReport, rate_text
from bridge.types import CameraFrame, ImageArray

log = logging.getLogger(__name__)

FIRST_FRAME_S = 5.0
"""What a camera gets for its first picture; some take seconds to wake."""
_FOURCC = {"mjpg": "MJPG", "yuyv": "YUYV", "nv12": "NV12"}
_ENOUGH = 0.8
"""Less than this part of the requested rate is worth a warning."""


class CameraSource:
    """Frames from one camera. ``t`` of a frame is the clock when ``read`` returned from the driver.

    The first ``open`` picks the camera by ``spec`` (number, part of the name, path, USB id), or the first that works when it is
    empty. From then on the object belongs to that device: every later ``open`` finds the same one, whatever its number, or fails.
    """

    live = True
    notice: str | None = None
    delivers_results = False

    def __init__(
        self,
        settings: SourceSettings,
        spec: str = "",
        *,
        clock: Clock = monotonic,
        devices: Callable[[], Sequence[CameraDevice]] = list_cameras,
        opener: OpenCapture = open_capture,
    ) -> None:
        self._settings = settings
        self._spec = spec.strip()
        self._clock = clock
        self._devices = devices
        self._opener = opener
        self._cancelled = threading.Event()
        self._meter = RateMeter()
        self._capture: CameraCapture | None = None
        self._first: tuple[float, ImageArray] | None = None
        self._identity: CameraIdentity | None = None
        self._twins: frozenset[str] = frozenset()
        self._label = f"camera {self._spec}".strip()
        self._seq = 0
        self._delivered: tuple[int, int, float, str] | None = None

    @property
    def label(self) -> str:
        return self._label

    @property
    def camera_id(self) -> str:
        """What stays the same of this camera from one run to the next: name, USB id, serial number; "" before it is open."""
        identity = self._identity
        return "" if identity is None else " ".join(filter(None, (identity.name, identity.usb_id, identity.serial)))

    def open(self) -> None:
        """Opens the camera and waits for its first picture. Raises SourceUnavailable, SourceEnded when cancelled."""
        self.close()
        self._check_cancelled()
        devices = self._devices()
        failures: list[SourceUnavailable] = []
        for device in self._candidates(devices):
            try:
                self._open_device(device)
            except SourceUnavailable as error:
                failures.append(error)
                continue
            if self._identity is None:
                self._twins = twin_ports(device, devices)
            self._identity, self._label = device.identity, device.label
            return
        if len(failures) == 1:
            raise failures[0]
        raise SourceUnavailable(f"None of {len(failures)} cameras works: {'; '.join(map(str, failures))}")

    def read(self) -> CameraFrame:
        """The next picture. Raises SourceLost when the camera fails or is silent for ``read_timeout_s``, SourceEnded."""
        self._check_cancelled()
        capture = self._capture
        if capture is None:
            raise SourceLost(f"{self.label} is not open")
        if self._first is not None:
            (t, image), self._first = self._first, None
        else:
            began = self._clock()
            picture = capture.read(timeout_s=self._settings.read_timeout_s, cancelled=self._cancelled.is_set)
            self._check_cancelled()
            if picture is None:
                silent = self._clock() - began >= 0.9 * self._settings.read_timeout_s
                what = f"has sent nothing for {rate_text(self._settings.read_timeout_s)} s" if silent else "is gone"
                raise SourceLost(f"{self.label} {what}: check its plug, and that no other program took it")
            t, image = self._clock(), picture
        self._meter.tick(t)
        frame = CameraFrame(seq=self._seq, t=t, image=image)
        self._seq += 1
        return frame

    def close(self) -> None:
        capture, self._capture = self._capture, None
        self._first = None
        self._meter.reset()
        if capture is not None:
            capture.close()

    def cancel(self) -> None:
        """Ends a waiting ``read`` within 50 ms on Linux; elsewhere when the driver's own wait ends."""
        self._cancelled.set()

    def report(self) -> SourceReport:
        """The requested mode against the delivered one. Any thread."""
        wanted = self._settings
        requested = f"{wanted.width}x{wanted.height} at {rate_text(wanted.fps)} fps"
        if wanted.pixel_format != "auto":
            requested += f", {_FOURCC[wanted.pixel_format]}"
        measured = self._meter.fps
        if self._delivered is None:
            return SourceReport(requested=requested, delivered="", fps_measured=measured, warning=None)
        width, height, fps, fourcc = self._delivered
        delivered = f"{width}x{height}"
        delivered += f" at {rate_text(fps)} fps" if fps else ""
        delivered += f", {fourcc}" if fourcc else ""
        warning = "; ".join(self._complaints(measured)) or None
        return SourceReport(requested=requested, delivered=delivered, fps_measured=measured, warning=warning)

    # --- opening --------------------------------------------------------------------------------------------------------

    def _candidates(self, devices: Sequence[CameraDevice]) -> list[CameraDevice]:
        """Never empty. Raises SourceUnavailable."""
        if self._identity is not None:
            device = find_again(self._identity, devices, twins=self._twins)
            if device is None:
                raise SourceUnavailable(f"{self.label} is not connected: plug it in again, it is not replaced by another camera")
            return [device]
        if self._spec:
            return [find_camera(self._spec, devices)]
        if not devices:
            raise SourceUnavailable("No camera was found: plug one in, or use --source demo")
        return list(devices)

    def _open_device(self, device: CameraDevice) -> None:
        """Tries every way and format until one brings a picture. Raises SourceUnavailable, SourceEnded."""
        opened = False
        for opening in device.openings:
            for fourcc in self._fourccs(device):
                request = CaptureRequest(
                    width=self._settings.width,
                    height=self._settings.height,
                    fps=self._settings.fps,
                    fourcc=fourcc,
                    read_timeout_s=self._settings.read_timeout_s,
                )
                self._check_cancelled()
                capture = self._opener(opening, request)
                if capture is None:
                    continue
                opened = True
                if self._take(capture):
                    return
        if opened:
            raise SourceUnavailable(f"{device.label} opens but sends no picture: unplug it and plug it in again")
        raise SourceUnavailable(explain(device))

    def _take(self, capture: CameraCapture) -> bool:
        """Keeps ``capture`` if it delivers; else closes it. Raises SourceEnded."""
        timeout_s = max(FIRST_FRAME_S, self._settings.read_timeout_s)
        image = capture.read(timeout_s=timeout_s, cancelled=self._cancelled.is_set)
        if image is None:
            capture.close()
            self._check_cancelled()
            return False
        self._capture, self._first = capture, (self._clock(), image)
        self._delivered = (image.shape[1], image.shape[0], capture.fps, capture.fourcc)
        report = self.report()
        log.info("camera opened: asked for %s, got %s", report.requested, report.delivered)
        return True

    def _fourccs(self, device: CameraDevice) -> tuple[str, ...]:
        """What to ask for, in order; the empty one leaves it to the backend."""
        wanted = self._settings
        if wanted.pixel_format != "auto":
            return (_FOURCC[wanted.pixel_format],)
        if device.modes:
            return best_formats(device.modes, width=wanted.width, height=wanted.height, fps=wanted.fps) or ("",)
        # Nothing is known of the modes: above VGA most cameras reach their rate in MJPG only.
        return ("MJPG", "") if wanted.width * wanted.height > 640 * 480 else ("",)

    def _complaints(self, measured: float | None) -> list[str]:
        wanted = self._settings
        if self._delivered is None:
            return []
        width, height, fps, fourcc = self._delivered
        said = []
        if (width, height) != (wanted.width, wanted.height):
            said.append(f"asked for {wanted.width}x{wanted.height}, the camera delivers {width}x{height}")
        if fourcc and wanted.pixel_format != "auto" and fourcc != _FOURCC[wanted.pixel_format]:
            said.append(f"asked for {_FOURCC[wanted.pixel_format]}, the camera delivers {fourcc}")
        asked = f"asked for {rate_text(wanted.fps)} fps, the camera"
        if 0 < fps < _ENOUGH * wanted.fps:
            said.append(f"{asked} offers {rate_text(fps)} at this size and format (avatar-bridge cameras lists its modes)")
        elif measured is not None and measured < _ENOUGH * wanted.fps:
            said.append(f"{asked} delivers {rate_text(measured)} (low light makes many cameras slower)")
        return said

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            self.close()
            raise SourceEnded("stopped on request")
