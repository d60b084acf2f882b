"""Takes made by hand, of which every figure is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bridge.report.take import NAMES, Take
from bridge.types import Float64Array


def make_take(
    t: Float64Array,
    raw: Mapping[str, Float64Array],
    final: Mapping[str, Float64Array] | None = None,
    *,
    unseen: slice | None = None,
    delay_s: float = 0.0,
    kind: str = "recording",
) -> Take:
    """Named curves, all others 0; ``final`` is ``raw`` where it says nothing else. ``unseen`` steps are HELD."""
    arrays = []
    for curves in (raw, {**raw, **(final or {})}):
        values = np.zeros((len(t), len(NAMES)), dtype=np.float32)
        for name, curve in curves.items():
            values[:, NAMES.index(name)] = curve
        arrays.append(values)
    presence = np.zeros(len(t), dtype=np.uint8)
    if unseen is not None:
        presence[unseen] = 1
        arrays[0][unseen] = np.nan
    return Take(
        name="take.jsonl",
        kind=kind,
        stages=("guard", "presence"),
        t=t,
        t_done=t + delay_s,
        presence=presence,
        raw=None if kind == "final" else arrays[0],
        final=arrays[1],
    )


def hump(t: Float64Array, at: float, *, height: float = 0.7, width_s: float = 0.25) -> Float64Array:
    """A smooth rise and fall around ``at``."""
    phase = np.clip((t - at) / width_s, -0.5, 0.5)
    curve: Float64Array = height * np.square(np.cos(np.pi * phase))
    return curve
