"""An iPhone with iFacialMocap as the source: ``ifacialmocap:HOST``, or ``ifacialmocap:HOST:PORT?option=value``.

The app is sent its start string on port 49983, again whenever it is silent, and answers to port 49983 of this machine: PORT is
only for senders that answer elsewhere. The TCP variants and the binary FMV3 are left out.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from bridge.clock import Clock, monotonic
from bridge.settings import SourceSettings
from bridge.sources.network import DatagramSource, parse_peer
from bridge.sources.peer_options import split_options
from bridge.sources.phone_text import PhoneText, PhoneTextOptions
from bridge.wire.ifacialmocap_requests import IFACIALMOCAP_PORT, START_V1, START_V2


class IfacialmocapSourceOptions(PhoneTextOptions):
    """Options of ``ifacialmocap:HOST``."""

    version: Annotated[Literal[1, 2], BeforeValidator(lambda value: {"1": 1, "2": 2}.get(value, value))] = Field(
        2, description="which format is asked for; 1 for apps before 1.1.8"
    )


def make_source(settings: SourceSettings, which: str, *, clock: Clock = monotonic) -> DatagramSource:
    """The source behind ``ifacialmocap:WHICH``, not open. Raises ConfigError."""
    address, options = split_options(which, IfacialmocapSourceOptions, scheme="ifacialmocap")
    peer = parse_peer(address, scheme="ifacialmocap", default_host="", default_port=IFACIALMOCAP_PORT)
    start = START_V1 if options.version == 1 else START_V2
    phone = PhoneText(options, start=start, default_phone_port=IFACIALMOCAP_PORT, clock=clock)
    return DatagramSource(
        name="iFacialMocap",
        peer=peer,
        decode=phone.decode,
        requests=phone.requests,
        timeout_s=settings.read_timeout_s,
        hint=f"open the app on the phone, and let UDP port {peer.port} through the firewall",
        clock=clock,
    )
