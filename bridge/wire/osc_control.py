"""Commands over OSC, for buttons of other programs (Stream Deck, TouchOSC, an avatar's menu). Pure; any thread.

    /avatar-bridge/recenter            the head is straight ahead now
    /avatar-bridge/calibrate           learn the neutral face; an argument "range", "blink" or "wizard" leads through more
    /avatar-bridge/pause, /resume      release the camera, take it again
    /avatar-bridge/profile NAME        use a profile
    /avatar-bridge/undo                back to the calibration before

A button sends a number or a truth value when it is pressed and another when it is released: what is 0 or false does nothing.
"""

from __future__ import annotations

from typing import TypeAlias

from bridge.wire.osc import Argument, Buffer, Message, OscError, messages

PREFIX = "/avatar-bridge/"
MOST_COMMANDS = 16
"""Of one datagram; the rest of it is left alone."""
_LONGEST_NAME = 40
_GUIDES = frozenset({"neutral", "range", "blink", "wizard"})
_METHODS = {"recenter": "recenter", "pause": "pause", "resume": "resume", "undo": "calibration.undo"}

OscCommand: TypeAlias = tuple[str, dict[str, object]]
"""A method of the control protocol and its parameters."""


def parse_osc_commands(data: Buffer) -> tuple[OscCommand, ...]:
    """The commands in one datagram, in their order. Whatever is something else, or nothing, is left out; never raises."""
    try:
        found = [command for message in messages(data) if (command := _command(message)) is not None]
    except OscError:
        return ()
    return tuple(found[:MOST_COMMANDS])


def _command(message: Message) -> OscCommand | None:
    if not message.address.startswith(PREFIX):
        return None
    name = message.address.removeprefix(PREFIX)
    argument = message.arguments[0] if message.arguments else True
    if name == "profile":
        return ("calibration.use", {"name": argument}) if _is_name(argument) else None
    if not _is_pressed(argument):
        return None
    if name == "calibrate":
        if isinstance(argument, str):
            return ("calibrate", {"guide": argument}) if argument in _GUIDES else None
        return "calibrate", {}
    method = _METHODS.get(name)
    return None if method is None else (method, {})


def _is_name(argument: Argument) -> bool:
    return isinstance(argument, str) and 0 < len(argument) <= _LONGEST_NAME and argument.isprintable()


def _is_pressed(argument: Argument) -> bool:
    if isinstance(argument, bool | int | float):
        return argument > 0  # NaN is not
    return isinstance(argument, str)
