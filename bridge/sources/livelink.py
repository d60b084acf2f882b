"""An iPhone with Epic's Live Link Face, or another bridge: ``livelink``, ``livelink:HOST``, ``livelink:HOST:PORT``.

The sender has this machine and port 11111 as its target; nothing is asked of it. HOST is the sender, or ``any``; without one,
only this machine is heard. The app's capture mode "MetaHuman Animator" is another protocol, which is not spoken here.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field

from bridge.clock import Clock, monotonic
from bridge.settings import SourceSettings
from bridge.sources.network import DatagramSource, parse_peer
from bridge.sources.peer_options import PeerOptions, split_options
from bridge.wire.livelink import PORT, Inverted, decode
from bridge.wire.signs import split_words


class LiveLinkSourceOptions(PeerOptions):
    """Options of ``livelink:HOST``."""

    invert: Annotated[tuple[Inverted, ...], BeforeValidator(split_words)] = Field(
        (), description="what the sender has the other way round: yaw, pitch, roll, mouth (mouthLeft with mouthRight)"
    )


def make_source(settings: SourceSettings, which: str, *, clock: Clock = monotonic) -> DatagramSource:
    """The source behind ``livelink:WHICH``, not open. Raises ConfigError."""
    address, options = split_options(which, LiveLinkSourceOptions, scheme="livelink")
    peer = parse_peer(address, scheme="livelink", default_host="127.0.0.1", default_port=PORT)
    return DatagramSource(
        name="Live Link Face",
        peer=peer,
        decode=partial(decode, inverted=options.invert),
        timeout_s=settings.read_timeout_s,
        hint=f"in the app, set this machine and port {peer.port} as target, and let UDP port {peer.port} through the firewall",
        clock=clock,
    )
