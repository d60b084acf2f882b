"""Options of a sender in the network, as they stand behind its address in ``source.input``: ``livelink:any?invert=mouth``."""

from __future__ import annotations

import difflib
from typing import TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError

from bridge.errors import ConfigError


class PeerOptions(BaseModel):
    """Base for the options of a kind of sender: unknown keys are errors, values never change, all come as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)


OptionsT = TypeVar("OptionsT", bound=PeerOptions)


def split_options(which: str, model: type[OptionsT], *, scheme: str) -> tuple[str, OptionsT]:
    """What stands before the first ``?``, and the options after it. Raises ConfigError that names the first wrong one."""
    address, _, query = which.partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=32)
        given = dict(pairs)
        if len(given) < len(pairs):
            raise ConfigError(f"source.input {scheme}:{which}: an option is given twice; keep one of them")
        return address, model.model_validate(given)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, model.model_fields, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(model.model_fields)}"
            raise ConfigError(f"source.input {scheme}:{which}: unknown option {key!r}; {hint}") from error
        message = str(fault["msg"]).removeprefix("Value error, ")
        raise ConfigError(f"source.input {scheme}:{which}: {key}: {message[0].lower()}{message[1:]}") from error
    except ValueError as error:
        raise ConfigError(f"source.input {scheme}:{which}: {query!r} is no option; write ?name=value&name=value") from error
