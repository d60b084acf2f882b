"""VRChat output: ``vrchat://host:port`` moves face-tracking avatars, and any avatar's eyes by VRChat's own eye tracking.

Which parameters the avatar has is learnt by OSCQuery, or from the file that VRChat writes; else the whole set is sent. VRChat
tells on another port when an avatar is put on. Where the URL names this machine, that port and OSCQuery's multicast stay on it;
where it names another, both reach into the network.
"""

from __future__ import annotations

import importlib
import math
import socket
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Literal, Protocol, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from bridge.clock import Clock, monotonic
from bridge.errors import OutputUnavailable
from bridge.outputs.registry import OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.outputs.udp import UdpSender
from bridge.outputs.vrchat_avatars import AvatarFiles, usual_folders
from bridge.outputs.vrchat_listener import ChangeListener
from bridge.outputs.worker import OutputReport
from bridge.types import FaceState, Output, OutputState
from bridge.wire.osc_face import check_address
from bridge.wire.vrchat import Eyes, VrchatEncoder
from bridge.wire.vrchat_avatar import AvatarParameters
from bridge.wire.vrchat_eyes import LookForm
from bridge.wire.vrchat_targets import MAX_BITS, PARAMETERS, Names
from bridge.wire.web import in_url, is_loopback

DEFAULT_PORT = 9000
LISTEN_PORT = 9001

_SEARCH_S = 10.0
"""So long after a change the avatar's file is looked for: VRChat writes it when it has loaded the avatar."""
_SEARCH_EVERY_S = 1.0


class FoundVrchat(Protocol):
    """A VRChat that was discovered."""

    @property
    def host(self) -> str:
        """127.0.0.1 for one of this machine, else its address."""
        ...

    @property
    def osc_port(self) -> int:
        """Where it takes OSC over UDP."""
        ...

    @property
    def avatar(self) -> AvatarParameters | None:
        """What it wears; None: not known (yet)."""
        ...


class Discovery(Protocol):
    """Finds VRChat by OSCQuery, and lets it find the port that we listen on."""

    @property
    def found(self) -> FoundVrchat | None:
        """The newest; another object when anything changed. Any thread, quick."""
        ...

    @property
    def problem(self) -> str | None:
        """One sentence when it does not work on this machine."""
        ...

    def start(self) -> None:
        """Begins to look; returns at once."""
        ...

    def refresh(self) -> None:
        """Asks again soon what is worn."""
        ...

    def close(self) -> None:
        """Idempotent."""
        ...


StartDiscovery: TypeAlias = Callable[[int], Discovery]
"""Made with the UDP port that VRChat shall send to."""


def _prefix(value: str) -> str:
    value = value.removeprefix("/").removeprefix(PARAMETERS[1:])
    value = value if not value or value.endswith("/") else value + "/"
    check_address(f"{PARAMETERS}{value}Name")
    return value


class VrchatOptions(OutputOptions):
    """Options of ``vrchat://``."""

    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        "FT/v2/", description="stands before the names of v2 where the avatar is not known: FT/v2/JawOpen"
    )
    names: Names = Field("v2", description="what an avatar that is not known gets; v1: names of before 2023, without prefix")
    bits: int = Field(0, ge=0, le=MAX_BITS, description="the whole set also as so many bools each (JawOpen1, JawOpen2, ...)")
    eyes: Eyes = Field("auto", description="VRChat's own eye tracking; auto: the part that no parameter of the avatar does")
    look: LookForm = Field("LeftRightPitchYaw", description="by which address it is told where the eyes look")
    head: bool = Field(True, description="send v2/Head/...; set the neutral pose first")
    status: bool = Field(True, description="switch EyeTrackingActive, ExpressionTrackingActive and LipTrackingActive on, once")
    avatar: str = Field("", description="the avatar's OSC file of VRChat, or the folder of such files")
    listen: int = Field(LISTEN_PORT, ge=0, le=65535, description="UDP port where avatar changes are heard; 0: by OSCQuery only")
    oscquery: Literal["auto", "off"] = Field(
        "auto", description="auto: find VRChat and what its avatar has, by mDNS; off: do not look"
    )
    bundle: bool = Field(True, description="OSC bundles; 0: single messages")
    max_bytes: int = Field(1400, ge=256, le=65507, description="largest datagram")
    epsilon: float = Field(0.001, ge=0, le=1, description="changes up to this are none")
    refresh: float = Field(2.0, ge=0, le=3600, description="seconds after which everything is sent again; 0: never")

    @model_validator(mode="after")
    def _fits_together(self) -> VrchatOptions:
        _encoder(self, None)  # finds addresses that do not fit into max_bytes
        return self


def _encoder(options: VrchatOptions, avatar: AvatarParameters | None) -> VrchatEncoder:
    return VrchatEncoder(
        avatar=avatar,
        prefix=options.prefix,
        names=options.names,
        bits=options.bits,
        eyes=options.eyes,
        look=options.look,
        head=options.head,
        status=options.status,
        bundled=options.bundle,
        max_bytes=options.max_bytes,
        epsilon=options.epsilon,
        refresh_s=options.refresh,
    )


class VrchatOutput:
    """One VRChat.

    It is always sent to the host of the URL, so that nobody in the network can draw a face to himself by calling himself VRChat;
    what discovery finds there may move the port, if that is the usual one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        options: VrchatOptions,
        *,
        files: AvatarFiles,
        discover: StartDiscovery | None = None,
        clock: Clock = monotonic,
    ) -> None:
        """``discover`` None: no OSCQuery."""
        self._host = host
        self._port = port
        self._options = options
        self._files = files
        self._discover = discover
        self._clock = clock
        self._sender = UdpSender(host, port)
        self._at = port
        self._addresses: Collection[str] = ()
        self._listener: ChangeListener | None = None
        self._discovery: Discovery | None = None
        self._found: FoundVrchat | None = None
        self._problem: str | None = None
        self._avatar: AvatarParameters | None = None
        self._encoder: VrchatEncoder | None = None
        self._worn: str | None = None
        self._search_until = self._search_at = -math.inf
        self._report = OutputReport(state=OutputState.SENDING)

    def open(self) -> None:
        """Raises OutputUnavailable, OutputRejected."""
        self.close()
        self._aim(self._port)
        self._addresses = () if is_loopback(self._host) else _addresses(self._host)
        self._worn = None
        self._know(self._files.at_start())
        self._listen()
        if self._discover is not None and self._listener is not None:
            self._discovery = self._discover(self._listener.port)
            self._discovery.start()
        self._retell()

    def send(self, state: FaceState) -> None:
        """Raises OutputUnavailable."""
        worn = self._listener.newest() if self._listener is not None else None
        if worn is not None:
            self._on_change(worn)
        self._follow()
        self._search()
        if self._encoder is None:
            raise OutputUnavailable(f"the output to {self._sender.place} is not open")
        for datagram in self._encoder.encode(state):
            self._sender.send(datagram)

    def close(self) -> None:
        """Idempotent."""
        discovery, self._discovery = self._discovery, None
        if discovery is not None:
            discovery.close()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        self._encoder = self._found = self._problem = None
        self._sender.close()

    def report(self) -> OutputReport:
        """What is known of the avatar, and whether anybody listens."""
        report, sender = self._report, self._sender
        if not sender.refused:
            return report
        return OutputReport(state=report.state, note=f"nobody listens on {sender.place} yet; {report.note}")

    # --- opening -------------------------------------------------------------------------------------------------------------

    def _aim(self, port: int) -> None:
        self._sender.close()
        self._sender = UdpSender(self._host, port)
        self._at = port
        self._sender.open()

    def _listen(self) -> None:
        wanted = self._options.listen
        listener = ChangeListener(senders=None if is_loopback(self._host) else self._addresses)
        # Where the usual port is taken, any will do if VRChat learns of it by OSCQuery.
        if (wanted and listener.open(wanted)) or (self._discover is not None and listener.open(0)):
            self._listener = listener

    # --- while sending -------------------------------------------------------------------------------------------------------

    def _on_change(self, avatar_id: str) -> None:
        """Another avatar, or the same one fresh: all of it is sent again."""
        self._worn = avatar_id
        if self._avatar is not None and self._avatar.avatar_id not in (None, avatar_id):
            self._know(None)
        elif self._encoder is not None:
            self._encoder.reset()
        self._search_at = self._clock()
        self._search_until = self._search_at + _SEARCH_S
        if self._discovery is not None:
            self._discovery.refresh()

    def _follow(self) -> None:
        """What discovery has found."""
        if self._discovery is None:
            return
        found = self._discovery.found
        if self._discovery.problem != self._problem:
            self._problem = self._discovery.problem
            self._retell()
        if found is self._found:
            return
        appeared, self._found = self._found is None, found
        ours = found is not None and self._is_meant(found)
        port = found.osc_port if found is not None and ours and self._port == DEFAULT_PORT else self._port
        if port != self._at:
            self._aim(port)
        if appeared and self._encoder is not None:  # VRChat has just been started, and knows nothing
            self._encoder.reset()
        if found is not None and ours and found.avatar is not None:
            self._know(found.avatar)
            self._search_until = -math.inf
        self._retell()

    def _is_meant(self, found: FoundVrchat) -> bool:
        if self._port not in (DEFAULT_PORT, found.osc_port):
            return False
        return is_loopback(found.host) if is_loopback(self._host) else found.host in self._addresses

    def _search(self) -> None:
        """The file of the avatar that was put on."""
        now = self._clock()
        if self._worn is None or not self._search_at <= now < self._search_until:
            return
        avatar = self._files.worn(self._worn)
        if avatar is None:
            self._search_at = now + _SEARCH_EVERY_S
        else:
            self._search_until = -math.inf
            self._know(avatar)

    def _know(self, avatar: AvatarParameters | None) -> None:
        """From now on it is sent to this avatar; None: to one that is not known."""
        if self._encoder is not None and avatar is not None and avatar == self._avatar:
            return
        self._avatar = avatar
        self._encoder = _encoder(self._options, avatar)
        self._retell()

    def _retell(self) -> None:
        """What ``report`` says."""
        encoder, avatar = self._encoder, self._avatar
        idle = encoder is not None and not (len(encoder.targets) or encoder.looks or encoder.blinks)
        if avatar is None:
            note = "no avatar known: the whole set is sent"
        else:
            who = f"avatar {avatar.avatar_id}" if avatar.avatar_id else "the avatar"
            count = 0 if encoder is None else len(encoder.targets)
            note = f"{who}: {count} parameters" if count else f"{who} has no face parameters"
            note += "" if count or idle else ", only its eyes are moved"
        parts = [note]
        if self._listener is None and self._options.listen:
            parts.append(f"UDP port {self._options.listen} is taken, so changes of the avatar go unnoticed")
        if self._problem is not None:
            parts.append(f"VRChat is not looked for: {self._problem}")
        found = self._found
        if found is not None and not self._is_meant(found):
            there = f"{in_url(found.host)}:{found.osc_port}"
            parts.append(f"there is a VRChat at {there}; to send to it write vrchat://{there}")
        self._report = OutputReport(state=OutputState.WAITING if idle else OutputState.SENDING, note="; ".join(parts))


def _addresses(host: str) -> Collection[str]:
    try:
        return {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)}
    except (OSError, UnicodeError):
        return ()


def _create(plan: OutputPlan, context: OutputContext) -> Output:
    options = plan.options_as(VrchatOptions)
    named = Path(options.avatar).expanduser() if options.avatar else None
    files = AvatarFiles(named, usual_folders() if is_loopback(plan.host) else ())

    def discover(osc_port: int) -> Discovery:
        module = importlib.import_module("bridge.outputs.oscquery")  # zeroconf is loaded only where it is wanted
        reach = module.Reach.MACHINE if is_loopback(plan.host) else module.Reach.NETWORK
        made: Discovery = module.VrchatDiscovery(osc_port=osc_port, reach=reach, event_loop=context.event_loop)
        return made

    return VrchatOutput(plan.host, plan.port, options, files=files, discover=None if options.oscquery == "off" else discover)


OUTPUT = OutputKind(
    scheme="vrchat",
    Options=VrchatOptions,
    create=_create,
    summary="VRChat: face-tracking avatars (VRCFaceTracking's parameters) and its own eye tracking",
    default_port=DEFAULT_PORT,
)
