"""An iPhone with Facemotion3d as the source: ``facemotion3d:HOST``, or ``facemotion3d:HOST:PORT?option=value``.

The app is sent its start string on port 49993, three times as its vendor advises, and again whenever it is silent. Its page says
that it answers to port 49993 of this machine, its vendor's example listens on 49983: 49983 is listened on here, and
``facemotion3d:HOST:49993`` is for an app that keeps to its page. TCP and the binary FMV3 are left out.
"""

from __future__ import annotations

from bridge.clock import Clock, monotonic
from bridge.settings import SourceSettings
from bridge.sources.network import DatagramSource, parse_peer
from bridge.sources.peer_options import split_options
from bridge.sources.phone_text import PhoneText, PhoneTextOptions
from bridge.wire.ifacialmocap_requests import FACEMOTION3D_PORT, IFACIALMOCAP_PORT, START_FACEMOTION3D

_TIMES = 3


def make_source(settings: SourceSettings, which: str, *, clock: Clock = monotonic) -> DatagramSource:
    """The source behind ``facemotion3d:WHICH``, not open. Raises ConfigError."""
    address, options = split_options(which, PhoneTextOptions, scheme="facemotion3d")
    peer = parse_peer(address, scheme="facemotion3d", default_host="", default_port=IFACIALMOCAP_PORT)
    phone = PhoneText(options, start=START_FACEMOTION3D, default_phone_port=FACEMOTION3D_PORT, times=_TIMES, clock=clock)
    other = FACEMOTION3D_PORT if peer.port == IFACIALMOCAP_PORT else IFACIALMOCAP_PORT
    return DatagramSource(
        name="Facemotion3d",
        peer=peer,
        decode=phone.decode,
        requests=phone.requests,
        timeout_s=settings.read_timeout_s,
        hint=(
            f"open the app on the phone, let UDP port {peer.port} through the firewall, "
            f"or try port {other}: facemotion3d:{peer.host}:{other}"
        ),
        clock=clock,
    )
