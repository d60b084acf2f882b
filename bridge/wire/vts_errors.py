"""VTube Studio's error ids, and what the session does about each. Source: the fact sheet "VTube Studio", A.5. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

ALLOW_API = 'in VTube Studio, open the settings and switch on "Allow Plugin API access"'


class Reaction(enum.Enum):
    """What the session does."""

    AGAIN = "asks the same again after a pause"
    WAIT_FOR_API = "waits until the user switches the API on"
    WAIT_FOR_ANSWER = "waits until the user has answered an earlier question"
    REJECT = "stops until the user has it tried again"
    RECONNECT = "begins anew with another connection"
    AUTHENTICATE = "authenticates again with its token; asks for another if that is refused"
    ASK = "forgets the token and asks the user for another"
    NO_ICON = "asks the user without a picture"
    EXISTS = "uses the parameter that is there"
    WITHOUT = "goes on without the parameter"
    FULL = "goes on without further custom parameters"
    LIST = "looks up which parameters there are, creates what is missing, goes on without the rest"
    ASIDE = "goes on without the parameter, and tries it alone again after a while"
    IGNORE = "takes no notice"


class ApiFault(NamedTuple):
    """One error id."""

    reaction: Reaction
    sentence: str
    """What the user reads: what is wrong and, where something can be done, what."""


API_FAULTS: Mapping[int, ApiFault] = MappingProxyType({
    0: ApiFault(Reaction.AGAIN, "VTube Studio reports an error of its own"),
    1: ApiFault(Reaction.WAIT_FOR_API, f"VTube Studio's API is switched off: {ALLOW_API}"),
    2: ApiFault(Reaction.RECONNECT, "VTube Studio could not read a request"),
    3: ApiFault(Reaction.REJECT, "VTube Studio does not know the API VTubeStudioPublicAPI: update it, or avatar-bridge"),
    4: ApiFault(Reaction.REJECT, "VTube Studio does not speak version 1.0 of its API any more: look for a newer avatar-bridge"),
    5: ApiFault(Reaction.RECONNECT, "VTube Studio did not accept the number of a request"),
    6: ApiFault(Reaction.RECONNECT, "VTube Studio missed the type of a request"),
    7: ApiFault(Reaction.REJECT, "VTube Studio does not know a request that it needs for face tracking: update VTube Studio"),
    8: ApiFault(Reaction.AUTHENTICATE, "VTube Studio wants the connection to be authenticated"),
    9: ApiFault(Reaction.REJECT, "VTube Studio does not permit this plugin to set parameters: allow it in its plugin settings"),
    50: ApiFault(Reaction.REJECT, "access was denied in VTube Studio: retry this output and choose Allow there"),
    51: ApiFault(Reaction.WAIT_FOR_ANSWER, "an earlier question is still open in VTube Studio: answer it there"),
    52: ApiFault(Reaction.REJECT, "VTube Studio does not accept the plugin's name: choose another with plugin="),
    53: ApiFault(
        Reaction.REJECT, "VTube Studio does not accept the developer's name: choose another with developer="
    ),
    54: ApiFault(Reaction.NO_ICON, "VTube Studio does not accept the plugin's picture"),
    100: ApiFault(Reaction.ASK, "VTube Studio missed the token"),
    101: ApiFault(Reaction.REJECT, "VTube Studio missed the plugin's name: set plugin="),
    102: ApiFault(Reaction.REJECT, "VTube Studio missed the developer's name: set developer="),
    350: ApiFault(Reaction.WITHOUT, "VTube Studio does not accept its name"),
    351: ApiFault(Reaction.WITHOUT, "VTube Studio does not accept its range"),
    352: ApiFault(Reaction.EXISTS, "it belongs to another plugin"),
    353: ApiFault(Reaction.WITHOUT, "VTube Studio does not accept its explanation"),
    354: ApiFault(Reaction.EXISTS, "it is one of VTube Studio's own"),
    355: ApiFault(Reaction.FULL, "VTube Studio takes no more than 100 custom parameters from one plugin"),
    356: ApiFault(Reaction.FULL, "VTube Studio has all 300 custom parameters that it can have: remove those of unused plugins"),
    400: ApiFault(Reaction.IGNORE, "VTube Studio missed the name of a parameter to delete"),
    401: ApiFault(Reaction.IGNORE, "a parameter to delete was not there"),
    402: ApiFault(Reaction.IGNORE, "a parameter to delete belongs to another plugin"),
    403: ApiFault(Reaction.IGNORE, "a parameter to delete is one of VTube Studio's own"),
    450: ApiFault(Reaction.IGNORE, "VTube Studio missed the values of a frame"),
    451: ApiFault(Reaction.WITHOUT, "VTube Studio does not accept its value"),
    452: ApiFault(Reaction.WITHOUT, "VTube Studio does not accept its weight"),
    453: ApiFault(Reaction.LIST, "VTube Studio does not have it"),
    454: ApiFault(Reaction.ASIDE, "another plugin sets it at the moment"),
    455: ApiFault(Reaction.REJECT, "this VTube Studio cannot add to parameters: take mode=add away, or update VTube Studio"),
    500: ApiFault(Reaction.LIST, "VTube Studio does not have it"),
})  # fmt: skip
"""What the numbers from 400 to 403 mean one by one is not in the sheet, which has "deletion" for all; nothing is ever deleted."""


def fault_of(error_id: int) -> ApiFault:
    """What to do; of an id that is not known, nothing is known but that the request failed."""
    return API_FAULTS.get(error_id, ApiFault(Reaction.WITHOUT, f"VTube Studio answers with error {error_id}"))
