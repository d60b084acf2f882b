"""Kinds of outputs that do nothing, for tests of the way from URLs to plans."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from bridge.outputs import kinds
from bridge.outputs.registry import BUILT_IN, OutputContext, OutputKind, OutputOptions, OutputPlan
from bridge.types import FaceState, Output


class NullOptions(OutputOptions):
    """Options of the test's own kinds."""

    size: int = Field(1, ge=0, le=9)
    gain: float = 1.0
    loud: bool = False
    token: str = ""
    landmarks: bool = False


class NullOutput:
    """Does nothing."""

    def open(self) -> None: ...

    def send(self, state: FaceState) -> None: ...

    def close(self) -> None: ...


def _create(_plan: OutputPlan, _context: OutputContext) -> Output:
    return NullOutput()


def make_kind(scheme: str, **changes: Any) -> OutputKind:
    """An ``OutputKind``, all defaults but for ``changes``."""
    return OutputKind(**{"scheme": scheme, "Options": NullOptions, "create": _create, "summary": "", **changes})


def add_built_ins(monkeypatch: pytest.MonkeyPatch, *own: OutputKind) -> None:
    """Puts ``own`` beside the built-in kinds."""
    by_scheme = {kind.scheme: kind for kind in own}
    load = kinds._import_kind
    monkeypatch.setattr(kinds, "BUILT_IN", {**BUILT_IN, **dict.fromkeys(by_scheme, "the test")})
    monkeypatch.setattr(
        kinds, "_import_kind", lambda scheme, reference, owner: by_scheme.get(scheme) or load(scheme, reference, owner)
    )
