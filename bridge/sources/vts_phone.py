"""``vts-phone:HOST``: VTube Studio on an iPhone or an Android phone tracks the face. It is asked every second, for 5 s."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from bridge.clock import Clock, monotonic
from bridge.errors import ConfigError
from bridge.settings import Section, SourceSettings
from bridge.sources.network import DatagramSource, Request
from bridge.sources.peer import ANYBODY, Peer, parse_peer, split_options
from bridge.wire.vts_phone import PORT, Axis, PhoneAxes, PhoneDecoder, TrackingRequest, encode_request, split_axes

ASK_EVERY_S, ASK_FOR_S = 1.0, 5.0
"""As the phone app's own description does; four requests in a row may get lost."""
SENT_BY = "avatar-bridge"


class VtsPhoneSourceOptions(Section):
    """Options of ``vts-phone:``. The first three are for phones whose axes are the wrong way round here."""

    flip: Annotated[tuple[Axis, ...], BeforeValidator(split_axes)] = Field(
        (), description="axes with the other sign: yaw, pitch, roll, x, y, z"
    )
    nod_first: bool = Field(False, description="Rotation.x is the nod and Rotation.y the turn")
    units: float = Field(100.0, gt=0, le=1e5, description="units of Position in a metre; 100: centimetres")
    listen: int = Field(0, ge=0, le=65535, description="our own UDP port, for firewalls; 0: any free one")


def make_source(settings: SourceSettings, which: str, *, clock: Clock = monotonic) -> DatagramSource:
    """Not yet open; the phone has to be named. Raises ConfigError."""
    place, options = split_options(which, VtsPhoneSourceOptions, scheme="vts-phone")
    phone = parse_peer(place, scheme="vts-phone", default_host="", default_port=PORT)
    if phone.host == ANYBODY:
        raise ConfigError(f"source.input vts-phone:{which}: a phone sends only to who asks it: name it, as its app shows")
    axes = PhoneAxes(flip=frozenset(options.flip), nod_first=options.nod_first, units_per_m=options.units)

    def requests(port: int) -> list[Request]:
        request = TrackingRequest(ports=(port,), lease_s=ASK_FOR_S, sent_by=SENT_BY)
        return [Request(data=encode_request(request), port=phone.port)]

    return DatagramSource(
        name="VTube Studio's phone app",
        peer=Peer(host=phone.host, port=options.listen),
        decode=PhoneDecoder(axes).decode,
        requests=requests,
        request_every_s=ASK_EVERY_S,
        timeout_s=settings.read_timeout_s,
        hint='switch on "3rd Party PC Clients" in the app\'s settings, and keep the app in front',
        fed_by_port=phone.port,
        clock=clock,
    )
