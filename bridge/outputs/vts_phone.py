"""``vts-phone://``: the bridge is the phone. It listens where VTube Studio's phone app does, and sends to all who ask."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from bridge.clock import Clock, monotonic
from bridge.errors import OutputUnavailable
from bridge.outputs.registry import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.worker import OutputReport
from bridge.types import FaceState, OutputState
from bridge.wire.vts_phone import MAX_REQUEST, PORT, Axis, PhoneAxes, PhoneEncoder, TrackingRequest, decode_request, split_axes
from bridge.wire.web import in_url

_REQUESTS_PER_FRAME = 64
"""More are left for the next frame: who floods the port does not stop the others' frames."""


class VtsPhoneOptions(OutputOptions):
    """Options of ``vts-phone://``. The first three are for receivers in which an axis is the wrong way round."""

    flip: Annotated[tuple[Axis, ...], BeforeValidator(split_axes)] = Field(
        (), description="axes with the other sign: yaw, pitch, roll, x, y, z"
    )
    nod_first: bool = Field(False, description="Rotation.x is the nod and Rotation.y the turn")
    units: float = Field(100.0, gt=0, le=1e5, description="units of Position in a metre; 100: centimetres")
    clients: int = Field(16, ge=1, le=256, description="at most so many ports are sent to at once")


@dataclass(frozen=True, slots=True)
class _Lease:
    address: tuple[Any, ...]
    name: str
    expires: float


class VtsPhoneOutput:
    """Leases, renewed by whoever asks again. Worker thread; ``report`` any."""

    def __init__(
        self, host: str, port: int, options: VtsPhoneOptions, *, clock: Clock = monotonic, unix_s: Callable[[], float] = time.time
    ) -> None:
        self._host = host
        self._port = port
        self._most = options.clients
        self._encoder = PhoneEncoder(
            PhoneAxes(flip=frozenset(options.flip), nod_first=options.nod_first, units_per_m=options.units)
        )
        self._clock = clock
        self._unix_s = unix_s
        self._socket: socket.socket | None = None
        # Replaced as a whole, so that `report` sees one state of it.
        self._leases: dict[tuple[str, int], _Lease] = {}
        self._refused = ""

    @property
    def place(self) -> str:
        """host:port, as people write it."""
        return f"{in_url(self._host)}:{self._port}"

    def open(self) -> None:
        """Listens. Raises OutputUnavailable."""
        self.close()
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
            family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
            opened = socket.socket(family, socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise OutputUnavailable(f"there is no address {self._host} on this machine ({error}); check the host") from error
        try:
            opened.setblocking(False)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind(address)
        except OSError as error:
            opened.close()
            raise OutputUnavailable(
                f"UDP port {self.place} cannot be listened on ({error.strerror}): close what has it, or use another port"
            ) from error
        self._socket = opened

    def send(self, state: FaceState) -> None:
        """One frame to everybody whose lease runs. Raises OutputUnavailable."""
        if self._socket is None:
            raise OutputUnavailable(f"the socket on {self.place} is not open")
        self._take_requests(self._socket)
        now = self._clock()
        running = {key: lease for key, lease in self._leases.items() if lease.expires > now}
        if running:
            frame = self._encoder.encode(state, unix_ms=int(self._unix_s() * 1e3))
            running = {key: lease for key, lease in running.items() if _sent(self._socket, frame, lease.address)}
        self._leases = running

    def close(self) -> None:
        """Stops listening; everybody's lease is over."""
        opened, self._socket = self._socket, None
        self._leases, self._refused = {}, ""
        if opened is not None:
            opened.close()

    def report(self) -> OutputReport | None:
        """Any thread: who is sent to."""
        now = self._clock()
        running = [lease for lease in self._leases.values() if lease.expires > now]
        if not running:
            return OutputReport(state=OutputState.WAITING, note=self._refused or f"nobody asks for data on UDP port {self.place}")
        names = ", ".join(sorted({lease.name for lease in running}))
        count = "1 client" if len(running) == 1 else f"{len(running)} clients"
        return OutputReport(state=OutputState.SENDING, note=f"{count}: {names}" + (f"; {self._refused}" if self._refused else ""))

    # --- worker thread --------------------------------------------------------------------------------------------------

    def _take_requests(self, opened: socket.socket) -> None:
        leases = dict(self._leases)
        for _ in range(_REQUESTS_PER_FRAME):
            try:
                data, sender = opened.recvfrom(MAX_REQUEST + 1)
            except BlockingIOError:
                break
            except OSError:  # an echo of what a client no longer takes; Windows also complains of what is too long
                continue
            request = decode_request(data)
            if request is None:
                continue
            if _is_far(str(sender[0])):
                # Whoever can forge a sender's address could have us flood a machine elsewhere in the world.
                self._refused = f"{sender[0]} asked and is refused: it is not in this network"
                continue
            self._lease(leases, request, sender)
        self._leases = leases

    def _lease(self, leases: dict[tuple[str, int], _Lease], request: TrackingRequest, sender: tuple[Any, ...]) -> None:
        now = self._clock()
        for port in request.ports:
            key = (str(sender[0]), port)
            if key not in leases and sum(lease.expires > now for lease in leases.values()) >= self._most:
                self._refused = f"{sender[0]} asked and is refused: there are {self._most} clients already"
                return
            leases[key] = _Lease((sender[0], port, *sender[2:]), request.sent_by, now + request.lease_s)


def _is_far(host: str) -> bool:
    """Whether an address belongs to somebody on the other side of a router."""
    return ipaddress.ip_address(host.partition("%")[0]).is_global


def _sent(opened: socket.socket, frame: bytes, address: tuple[Any, ...]) -> bool:
    """False for an address that nothing can be sent to: its lease ends. No room at the moment is no reason."""
    try:
        opened.sendto(frame, address)
    except (BlockingIOError, ConnectionError):
        return True
    except OSError:
        return False
    return True


def _create(plan: OutputPlan, _: OutputContext) -> VtsPhoneOutput:
    return VtsPhoneOutput(plan.host, plan.port, plan.options_as(VtsPhoneOptions))


OUTPUT = OutputKind(
    scheme="vts-phone",
    Options=VtsPhoneOptions,
    create=_create,
    summary="as VTube Studio's phone app sends: VSeeFace, VBridger, VTube Studio clients; they ask, on UDP 21412",
    default_port=PORT,
)
