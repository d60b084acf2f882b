"""A stand-in for VRChat on loopback sockets, a discovery that says what a test wants, and outputs that meet both."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

from bridge.outputs.vrchat import VrchatOptions, VrchatOutput
from bridge.outputs.vrchat_avatars import AvatarFiles
from bridge.wire.vrchat_avatar import AvatarParameters

DEADLINE_S = 20.0
FT = "/avatar/parameters/FT/v2/"
LIDS = "/tracking/eye/EyesClosedAmount"
LOOK = "/tracking/eye/LeftRightPitchYaw"
FIRST = "avtr_11111111-1111-1111-1111-111111111111"
SECOND = "avtr_22222222-2222-2222-2222-222222222222"
UNKNOWN = "no avatar known: the whole set is sent"


class VrchatStandIn:
    """Takes OSC on a port, as VRChat does, and tells avatar changes to another."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(DEADLINE_S)
        self.port = int(self._socket.getsockname()[1])

    def heard(self) -> dict[str, list[Any]]:
        """Everything that has arrived since the last call, address -> arguments."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"/end\0\0\0\0", ("127.0.0.1", self.port))
        arrived: dict[str, list[Any]] = {}
        while (data := self._socket.recv(65536)) != b"/end\0\0\0\0":
            arrived |= {each.message.address: each.message.params for each in OscPacket(data).messages}
        return arrived

    def puts_on(self, avatar_id: str, port: int) -> None:
        """Says so, between other things that it says."""
        for address, value in (
            ("/avatar/parameters/MuteSelf", True), ("/avatar/change", avatar_id), ("/avatar/parameters/Upright", 0.5)
        ):  # fmt: skip
            builder = OscMessageBuilder(address=address)
            builder.add_arg(value)
            self._socket.sendto(builder.build().dgram, ("127.0.0.1", port))

    def close(self) -> None:
        self._socket.close()


@dataclass(frozen=True)
class Found:
    host: str
    osc_port: int
    avatar: AvatarParameters | None = None


class FakeDiscovery:
    """Says what a test puts into it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.found: Found | None = None
        self.problem: str | None = None
        self.started = self.closed = self.refreshed = 0

    def start(self) -> None:
        self.started += 1

    def refresh(self) -> None:
        self.refreshed += 1

    def close(self) -> None:
        self.closed += 1


Make = Callable[..., VrchatOutput]


def outputs(game: VrchatStandIn, free_udp_port: int, discoveries: list[FakeDiscovery]) -> Iterator[Make]:
    """Makes outputs to the stand-in, opened, listening on a free port; closes them. ``discoveries``: those that they made."""
    made: list[VrchatOutput] = []

    def build(
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        files: AvatarFiles | None = None,
        clock: Callable[[], float] = lambda: 0.0,
        discover: bool = False,
        opened: bool = True,
        **options: Any,
    ) -> VrchatOutput:
        def begin(own_port: int) -> FakeDiscovery:
            discoveries.append(FakeDiscovery(own_port))
            return discoveries[-1]

        output = VrchatOutput(
            host,
            port or game.port,
            VrchatOptions(**{"listen": free_udp_port, **options}),
            files=files or AvatarFiles(None),
            discover=begin if discover else None,
            clock=clock,
        )
        made.append(output)
        if opened:
            output.open()
        return output

    yield build
    for output in made:
        output.close()
        output.close()


def write_file(path: Path, avatar_id: str, *names: str) -> Path:
    parameters = [{"name": name, "input": {"address": f"/avatar/parameters/{name}", "type": "Float"}} for name in names]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"id": avatar_id, "name": "x", "parameters": parameters}), encoding="utf-8-sig")
    return path


def avatar_of(avatar_id: str | None, *names: str) -> AvatarParameters:
    return AvatarParameters(avatar_id=avatar_id, types={f"/avatar/parameters/{name}": "f" for name in names})
