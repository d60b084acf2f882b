"""VMC receiving: ``vmc[:HOST[:PORT]]``, faces that VSeeFace, XR Animator, VMagicMirror, another avatar-bridge, ... send."""

from __future__ import annotations

from pydantic import Field

from bridge.clock import Clock, monotonic
from bridge.settings import Section, SourceSettings
from bridge.sources.network import DatagramSource
from bridge.sources.peer import parse_peer, split_options
from bridge.wire.vmc import PORTS
from bridge.wire.vmc_decode import Position, VmcDecoder

DEFAULT_PORT = PORTS["assistant"]
"""39540, a Performer's: face trackers send there. 39539 is of whatever shows the avatar, and the bridge itself sends to it."""


class VmcSourceOptions(Section):
    """Options of ``vmc:``."""

    position: Position = Field("off", description="root: the head is where the sender's root stands; off: it stays in place")


def make_source(settings: SourceSettings, which: str, *, clock: Clock = monotonic) -> DatagramSource:
    """Not yet open. Without a host only this machine is heard. Raises ConfigError."""
    place, options = split_options(which, VmcSourceOptions, scheme="vmc")
    peer = parse_peer(place, scheme="vmc", default_host="127.0.0.1", default_port=DEFAULT_PORT)
    decoder = VmcDecoder(position=options.position)
    return DatagramSource(
        name="VMC",
        peer=peer,
        decode=decoder.decode,
        restart=decoder.reset,
        timeout_s=settings.read_timeout_s,
        hint="have the other program send VMC to this machine and this port",
        clock=clock,
    )
