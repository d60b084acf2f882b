"""What the iFacialMocap and Facemotion3d sources share: a phone that is asked for frames, and asked again while it is silent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from bridge.clock import Clock, monotonic
from bridge.sources.network import Request
from bridge.sources.peer_options import PeerOptions
from bridge.types import Face
from bridge.wire.ifacialmocap import decode
from bridge.wire.signs import Sign, split_words

_SILENT_S = 0.2
"""A phone sends 30 to 60 frames a second."""


class PhoneTextOptions(PeerOptions):
    """Options behind the address of a phone: ``ifacialmocap:192.168.1.20?swap=1&invert=yaw,roll``."""

    phone: int = Field(0, ge=0, le=65535, description="UDP port of the phone that is asked; 0: the app's usual one")
    swap: bool = Field(False, description="exchange left and right of the coefficients, but not the angles")
    invert: Annotated[tuple[Sign, ...], BeforeValidator(split_words)] = Field(
        (), description="angles that the app turns the other way: yaw, pitch, roll"
    )


class PhoneText:
    """Decodes a phone's frames, and knows when it has to be asked. Capture thread."""

    def __init__(
        self, options: PhoneTextOptions, *, start: bytes, default_phone_port: int, times: int = 1, clock: Clock = monotonic
    ) -> None:
        """``start`` is what the app waits for; it is sent ``times`` times, as datagrams get lost."""
        self._options = options
        self._asked = (Request(data=start, port=options.phone or default_phone_port),) * times
        self._clock = clock
        self._heard_at = -math.inf

    def decode(self, data: bytes) -> tuple[Face, ...] | None:
        """As ``network.Decode``."""
        faces = decode(data, swap_sides=self._options.swap, inverted=self._options.invert)
        if faces is not None:
            self._heard_at = self._clock()
        return faces

    def requests(self, _port: int) -> Sequence[Request]:
        """The start string while no frame comes, else nothing: asked again, an app that sends may begin anew."""
        return self._asked if self._clock() - self._heard_at >= _SILENT_S else ()
