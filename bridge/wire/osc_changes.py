"""OSC messages of which only those are sent whose values changed."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np

from bridge.types import Float32Array
from bridge.wire.osc import Bundle, Message, encode, pack_bundles
from bridge.wire.osc_template import Slot, Template

_SIZE = struct.Struct(">i")
_HEADER = encode(Bundle(()))


class ChangingMessages:
    """Messages with slots, as ``Template``. One thread.

    A message is due when one of its floats moved by more than ``epsilon`` since it was sent, or one of its ints changed; all are
    due at first, and again whenever ``refresh_s`` of the states' time have passed.
    """

    def __init__(self, messages: Sequence[Message], *, epsilon: float, refresh_s: float, max_bytes: int | None) -> None:
        """``max_bytes``: of a bundle; None: no bundles. Raises OscError for a message that does not fit into one."""
        if max_bytes is not None:
            pack_bundles([[each] for each in messages], max_bytes=max_bytes)
        self._template = Template(messages)
        self._epsilon = epsilon
        self._refresh_s = refresh_s
        self._max_bytes = max_bytes
        slots = [
            [(int(argument), tag) for tag, argument in zip(each.tags, each.arguments, strict=True) if isinstance(argument, Slot)]
            for each in messages
        ]
        count = 1 + max((slot for own in slots for slot, tag in own if tag == "f"), default=-1)
        self._uses = np.zeros((len(messages), count), dtype=np.bool_)
        self._int_users: dict[int, list[int]] = {}
        for i, own in enumerate(slots):
            for slot, tag in own:
                if tag == "f":
                    self._uses[i, slot] = True
                else:
                    self._int_users.setdefault(slot, []).append(i)
        self._ints: dict[int, int] = {}
        self._forced = np.zeros(len(messages), dtype=np.bool_)
        self._sent = np.zeros(count, dtype=np.float32)
        self._complete_t = -math.inf

    def set_int(self, slot: int, value: int) -> None:
        """Puts ``value`` into every int slot of this number; a new value makes its messages due."""
        if self._ints.get(slot) != value:
            self._ints[slot] = value
            self._template.set_int(slot, value)
            self._forced[self._int_users.get(slot, [])] = True

    def fill(self, values: Float32Array, t: float) -> Sequence[bytes | memoryview]:
        """Puts ``values[i]`` into float slot i; returns the datagrams to send at time ``t`` of the states, perhaps none."""
        self._template.fill(values)
        values = values[: len(self._sent)]
        if 0.0 <= t - self._complete_t < self._refresh_s:
            due = self._uses @ (np.abs(values - self._sent) > self._epsilon) | self._forced
        else:
            due = np.ones(len(self._forced), dtype=np.bool_)
            self._complete_t = t
        self._forced[:] = False
        chosen = np.flatnonzero(due).tolist()
        if not chosen:
            return ()
        sent = self._uses[due].any(axis=0)
        self._sent[sent] = values[sent]
        datagrams = self._template.datagrams
        messages = [datagrams[i] for i in chosen]
        return messages if self._max_bytes is None else _bundled(messages, self._max_bytes)


def _bundled(messages: Sequence[memoryview], max_bytes: int) -> list[bytes]:
    """Encoded messages in as few bundles as keep their order; each is known to fit."""
    bundles: list[bytes] = []
    parts: list[bytes | memoryview] = [_HEADER]
    size = len(_HEADER)
    for each in messages:
        if size + 4 + len(each) > max_bytes:
            bundles.append(b"".join(parts))
            parts, size = [_HEADER], len(_HEADER)
        parts += (_SIZE.pack(len(each)), each)
        size += 4 + len(each)
    return [*bundles, b"".join(parts)]
