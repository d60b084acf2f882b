"""VRChat over OSC: a FaceState as avatar parameters and native eye tracking; and what VRChat sends back. Pure.

Only changes are sent, as VRCFaceTracking does: VRChat keeps a value until the next. Where the avatar is known, only what it has.
Source: the fact sheet "VRChat OSC". VRChat's own face tracking input is not spoken: its layout is not published (UNVERIFIED).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from bridge.mapping.unified import Parameter, UnifiedMapping
from bridge.types import GAZE_AHEAD, FaceState, Float32Array
from bridge.wire import vrchat_eyes as native
from bridge.wire.osc import Argument, Buffer, Bundle, Message, OscError, encode, messages
from bridge.wire.osc_face import check_address
from bridge.wire.vrchat_avatar import AvatarParameters
from bridge.wire.vrchat_eyes import LookForm
from bridge.wire.vrchat_targets import PARAMETERS, Names, Targets, targets_of, whole_set

Eyes: TypeAlias = Literal["auto", "always", "off"]

CHANGE = "/avatar/change"
"""VRChat: an avatar was put on, or reset; its id."""

_HEADER = encode(Bundle(()))
_SIZE = struct.Struct(">i")
_ALMOST_ONE = 0.99999
_GAZE_STEP = 0.1
"""Degrees; smaller turns of the eyes are not worth a message. For vectors a hundredth of it."""


class VrchatEncoder:
    """States of one subject -> datagrams for one avatar. One thread."""

    def __init__(
        self,
        *,
        avatar: AvatarParameters | None = None,
        prefix: str = "FT/v2/",
        names: Names = "v2",
        bits: int = 0,
        eyes: Eyes = "auto",
        look: LookForm = "LeftRightPitchYaw",
        head: bool = True,
        status: bool = True,
        bundled: bool = True,
        max_bytes: int = 1400,
        epsilon: float = 0.001,
        refresh_s: float = 2.0,
    ) -> None:
        """With an ``avatar``: what it has, whatever ``prefix``, ``names`` and ``bits`` say, which are for one that is not known.

        ``eyes``: native eye tracking; auto: the part that no parameter of the avatar does. ``refresh_s``: everything again after
        so much of the states' time, as UDP may lose a change; 0: never. Status is sent once, and again after ``reset``.
        Raises OscError for addresses that do not fit into ``max_bytes``.
        """
        self.targets: Targets = (
            whole_set(prefix=prefix, names=names, bits=bits, head=head, status=status)
            if avatar is None
            else targets_of(avatar, head=head, status=status)
        )
        used = [each for _, each in self.targets.floats]
        used += [each.parameter for each in self.targets.bools]
        parameters = list(dict.fromkeys(used))
        self._mapping = UnifiedMapping(parameters)
        self._floats = _Floats(self.targets.floats, parameters, epsilon)
        self._bools = _Bools(self.targets, parameters)
        self._extras = _Extras(avatar, epsilon, max_bytes)
        self._status = [_element(Message(address, "T", (True,))) for address in self.targets.status]
        self._look = _Eye(native.look_address(look), len(native.look_values(GAZE_AHEAD, look)), 0.01 if "Vec" in look else 1.0)
        self._lids = _Eye(native.LIDS_ADDRESS, 1, epsilon / _GAZE_STEP)
        self._form: LookForm = look
        self.looks = look != "off" and (eyes == "always" or (eyes == "auto" and not self.targets.own_gaze))
        """Whether VRChat is told where the eyes look."""
        self.blinks = eyes == "always" or (eyes == "auto" and not self.targets.own_lids)
        """Whether VRChat is told how far the lids are closed."""
        self._max_bytes = max_bytes if bundled else None
        self._check_sizes(max_bytes)
        self._refresh_s = refresh_s or math.inf
        self._complete_t = math.inf
        self._untold = True

    def reset(self) -> None:
        """The next state goes out completely, status included: the avatar has forgotten everything."""
        self._complete_t = math.inf
        self._untold = True

    def encode(self, state: FaceState) -> Sequence[bytes | memoryview]:
        """The datagrams of one frame, perhaps none; without bundles they are views of memory that the next call overwrites."""
        t = state.t
        everything = not 0.0 <= t - self._complete_t < self._refresh_s
        elements: list[bytes | memoryview] = []
        if everything:
            self._complete_t = t
        if self._untold:
            self._untold = False
            elements += self._status
        if self.looks:
            elements += self._look.due(native.look_values(state.gaze, self._form), t, everything=everything)
        if self.blinks:
            elements += self._lids.due((native.closed_amount(state),), t, everything=everything)
        values = self._mapping.step(state)
        elements += self._floats.due(values, everything=everything)
        elements += self._bools.due(values, everything=everything)
        if state.extras:
            elements += self._extras.due(state.extras, everything=everything)
        if self._max_bytes is None:
            return [element[_SIZE.size :] for element in elements]
        return _bundled(elements, self._max_bytes)

    def _check_sizes(self, max_bytes: int) -> None:
        elements = [*self._floats.elements, *self._bools.elements[0], *self._status, self._look.element, self._lids.element]
        longest = max(elements, key=len)
        if len(_HEADER) + len(longest) > max_bytes:
            address = bytes(longest[_SIZE.size :]).partition(b"\0")[0].decode()
            raise OscError(f"{address} needs {len(_HEADER) + len(longest)} bytes, more than the {max_bytes} of a datagram")


def _element(message: Message) -> bytes:
    """As it stands in a bundle: its length, then itself."""
    data = encode(message)
    return _SIZE.pack(len(data)) + data


def _bundled(elements: Sequence[bytes | memoryview], max_bytes: int) -> list[bytes]:
    """Elements in as few bundles as keep their order; each is known to fit."""
    bundles: list[bytes] = []
    parts: list[bytes | memoryview] = [_HEADER]
    size = len(_HEADER)
    for element in elements:
        if size + len(element) > max_bytes:
            bundles.append(b"".join(parts))
            parts, size = [_HEADER], len(_HEADER)
        parts.append(element)
        size += len(element)
    return [*bundles, b"".join(parts)] if len(parts) > 1 else bundles


class _Floats:
    """One message per float; the value is the last four bytes of each, in one buffer that is filled by one assignment."""

    def __init__(self, targets: Sequence[tuple[str, Parameter]], parameters: Sequence[Parameter], epsilon: float) -> None:
        index = {each: i for i, each in enumerate(parameters)}
        encoded = [_element(Message(address, "f", (0.0,))) for address, _ in targets]
        buffer = bytearray(b"".join(encoded))
        self._arguments = np.frombuffer(buffer, dtype=">f4")
        ends = np.cumsum([len(each) for each in encoded], dtype=np.intp)
        self._positions = ends // 4 - 1
        view = memoryview(buffer).toreadonly()
        self.elements = [view[end - len(each) : end] for each, end in zip(encoded, ends.tolist(), strict=True)]
        self._of = np.array([index[each] for _, each in targets], dtype=np.intp)
        self._sent = np.zeros(len(targets), dtype=np.float32)
        self._epsilon = epsilon

    def due(self, values: Float32Array, *, everything: bool) -> list[memoryview]:
        """What moved by more than epsilon since it was sent, or came to one of the ends or to rest, however little it moved."""
        now = values[self._of]
        if everything:
            self._sent[:] = now
            self._arguments[self._positions] = now
            return self.elements
        moved = np.abs(now - self._sent)
        size = np.abs(now)
        chosen = np.flatnonzero((moved > self._epsilon) | ((moved > 0.0) & ((size == 0.0) | (size == 1.0))))
        self._sent[chosen] = now[chosen]
        self._arguments[self._positions[chosen]] = now[chosen]
        return [self.elements[i] for i in chosen.tolist()]


class _Bools:
    """One message per bool. Bits: floor(|v| 2^n), all set above .99999; without a bool for the sign, values below 0 are 0."""

    def __init__(self, targets: Targets, parameters: Sequence[Parameter]) -> None:
        index = {each: i for i, each in enumerate(parameters)}
        both = targets.bools
        self.elements = tuple(
            [_element(Message(each.address, "T" if on else "F", (on,))) for each in both] for on in (False, True)
        )
        self._count = len(targets.bits)
        self._of = np.array([index[each.parameter] for each in both], dtype=np.intp)
        self._levels = np.array([1 << each.count for each in targets.bits], dtype=np.float32)
        self._shifts = np.array([each.bit for each in targets.bits], dtype=np.int32)
        self._cut = np.array([not each.with_negative for each in targets.bits], dtype=np.bool_)
        self._toggles = np.array([each.toggle for each in targets.signs], dtype=np.bool_)
        self._sent = np.zeros(len(both), dtype=np.bool_)

    def due(self, values: Float32Array, *, everything: bool) -> list[bytes]:
        """What changed."""
        if not len(self._of):
            return []
        now = values[self._of]
        numbers, signs = now[: self._count], now[self._count :]
        size = np.abs(numbers)
        steps = np.where(size > _ALMOST_ONE, self._levels - 1.0, np.floor(size * self._levels)).astype(np.int32)
        steps[self._cut & (numbers < 0.0)] = 0
        on = np.concatenate([(steps >> self._shifts) & 1 > 0, np.where(self._toggles, signs > 0.5, signs < 0.0)])
        chosen = range(len(on)) if everything else np.flatnonzero(on != self._sent).tolist()
        self._sent = on
        off_elements, on_elements = self.elements
        return [on_elements[i] if on[i] else off_elements[i] for i in chosen]


class _Extras:
    """Values that the user's mapping rules name: floats of the avatar's own, whatever they are for."""

    def __init__(self, avatar: AvatarParameters | None, epsilon: float, max_bytes: int) -> None:
        self._avatar, self._epsilon, self._max_bytes = avatar, epsilon, max_bytes
        self._known: dict[str, bytes | None] = {}
        self._sent: dict[str, float] = {}

    def due(self, extras: Sequence[tuple[str, float]], *, everything: bool) -> list[bytes]:
        """What moved by more than epsilon, or came to rest; what the avatar has not, or no address can be, is left out."""
        elements = []
        for name, value in extras:
            if name not in self._known:
                self._known[name] = self._template(name)
            template, last = self._known[name], self._sent.get(name, math.inf)
            if template is None or not (everything or abs(value - last) > self._epsilon or (value == 0.0 != last)):
                continue
            self._sent[name] = value
            elements.append(template[:-4] + struct.pack(">f", value))
        return elements

    def _template(self, name: str) -> bytes | None:
        address = PARAMETERS + name
        if self._avatar is not None and self._avatar.types.get(address) != "f":
            return None
        try:
            check_address(address)
        except ValueError:
            return None
        element = _element(Message(address, "f", (0.0,)))
        return element if len(_HEADER) + len(element) <= self._max_bytes else None


class _Eye:
    """One native eye message: when it changed, and before VRChat could think that nobody sends."""

    def __init__(self, address: str, count: int, unit: float) -> None:
        """``unit``: by what a step of the gaze is multiplied to be one of these values."""
        self._data = bytearray(_element(Message(address, "f" * count, (0.0,) * count)))
        self._arguments = struct.Struct(f">{count}f")
        self._at = len(self._data) - self._arguments.size
        self._step = _GAZE_STEP * unit
        self._sent: tuple[float, ...] = (math.inf,) * count
        self._sent_t = -math.inf
        self.element = memoryview(self._data).toreadonly()

    def due(self, values: tuple[float, ...], t: float, *, everything: bool) -> tuple[memoryview, ...]:
        """The message, or nothing."""
        still = 0.0 <= t - self._sent_t < native.REPEAT_S and all(
            abs(new - old) <= self._step for new, old in zip(values, self._sent, strict=True)
        )
        if still and not everything:
            return ()
        self._sent, self._sent_t = values, t
        self._arguments.pack_into(self._data, self._at, *(value + 0.0 for value in values))
        return (self.element,)


# --- from VRChat ---------------------------------------------------------------------------------------------------------

_LONGEST_TEXT = 256


def parse_from_vrchat(datagram: Buffer) -> list[tuple[str, Argument]]:
    """(address, value) of every ``/avatar/change`` and ``/avatar/parameters/...`` in it, in their order.

    Whatever else it is, wrongly typed or not finite, is left out; never raises.
    """
    try:
        found = messages(datagram)
    except OscError:
        return []
    return [(each.address, each.arguments[0]) for each in found if _is_ours(each)]


def _is_ours(message: Message) -> bool:
    if len(message.arguments) != 1:
        return False
    (value,) = message.arguments
    if message.address == CHANGE:
        return isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT
    if not message.address.startswith(PARAMETERS) or message.tags not in ("i", "f", "T", "F"):
        return False
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
