"""The table of a trace: names, numbers, gaps, and everything that is refused."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import arkit
from bridge.types import FaceState, Gaze, Presence
from bridge.wire.trace_csv import (
    FIXED,
    LONGEST_LINE,
    RAW,
    VALUES,
    BadTrace,
    header,
    parse_header,
    parse_row,
    row,
    step_of,
)

States = Callable[..., FaceState]


def _states(make_state: States) -> tuple[FaceState, FaceState, FaceState]:
    seen = make_state(weights={"jawOpen": 0.5}, yaw=10.0, position_m=(0.1, 0.0, -0.5), seq=7, t=2.0, t_done=2.0125)
    looks = make_state(
        weights={"jawOpen": 0.25}, gaze=Gaze(left_deg=(1.5, -2.0), right_deg=(3.0, 0.0)), seq=7, t=2.0, t_done=2.0125
    )
    return seen, seen, looks


def test_columns_are_named_by_stage_and_value() -> None:
    """The names that mapping rules know, so that nothing is to be learnt twice."""
    names = header(["guard", "presence"]).strip().split(",")

    assert list(FIXED) == names[:5]
    assert ["raw.eyeBlinkLeft", "raw.eyeLookDownLeft"] == names[5:7]
    assert ["raw.headYaw", "raw.headPitch", "raw.headRoll", "raw.headX", "raw.headY", "raw.headZ"] == names[57:63]
    assert ["presence.gazeLeftYaw", "presence.gazeLeftPitch", "presence.gazeRightYaw", "presence.gazeRightPitch"] == names[-4:]
    assert 5 + 3 * 62 == len(names) == len(set(names))


def test_a_row_has_what_every_stage_returned(make_state: States) -> None:
    """Literal text of the first cells and of some values."""
    cells = row(step_of(_states(make_state), last_t=1.9667)).strip().split(",")
    by_name = dict(zip(header(["guard", "presence"]).strip().split(","), cells, strict=True))

    assert ["7", "2.000000", "2.012500", "0.033300", "LIVE"] == cells[:5]
    assert ("0.5", "0.5", "0.25") == tuple(by_name[f"{stage}.jawOpen"] for stage in (RAW, "guard", "presence"))
    assert ("10", "0.1", "-0.5") == (by_name["raw.headYaw"], by_name["raw.headX"], by_name["raw.headZ"])
    assert ("1.5", "-2", "3") == tuple(by_name[f"presence.{name}"] for name in ("gazeLeftYaw", "gazeLeftPitch", "gazeRightYaw"))


def test_nobody_is_empty_cells_and_never_zeros(make_state: States) -> None:
    """Only what avatars show, the last stage, always has numbers; a head that is not known is empty too."""
    absent = make_state(presence=Presence.LOST, head=None)
    held = make_state(weights={"jawOpen": 0.25}, head=None, presence=Presence.HELD)

    read = parse_row(row(step_of((absent, absent, held), last_t=None)).encode(), 3)

    assert np.isnan(read.values[:2]).all()
    assert 0.25 == read.values[2, arkit.INDEX["jawOpen"]]
    assert np.isnan(read.values[2, 52:58]).all()
    assert not np.isnan(read.values[2, 58:]).any()
    assert Presence.HELD is read.presence


def test_what_is_written_is_read(make_state: States) -> None:
    """To six digits."""
    states = tuple(make_state(seed=seed, seq=3, t=123456.789) for seed in range(8))
    stages = [f"s{k}" for k in range(7)]

    names = parse_header(header(stages).encode())
    read = parse_row(row(step_of(states, last_t=None)).encode(), len(names))

    assert (RAW, *stages) == names
    assert (3, 123456.789) == (read.seq, read.t)
    for state, values in zip(states, read.values, strict=True):
        assert state.weights == pytest.approx(values[:52], rel=1e-5)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (lambda text: text.replace(b"LIVE", b"ALIVE"), "cannot be read"),
        (lambda text: text + b",1", "cells instead of"),
        (lambda text: text.replace(b",0.5,", b",nan,", 1), "not a finite number"),
        (lambda text: text.replace(b",0.5,", b",inf,", 1), "not a finite number"),
        (lambda text: text.replace(b",0.5,", b",x,", 1), "cannot be read"),
        (lambda text: text.replace(b"2.000000", b"nan", 1), "time"),
        (lambda text: text.replace(b"2.000000", b"1.000000", 1), "time goes back"),
        (lambda text: b"\xff" + text, "not text"),
        (lambda text: text + b"0" * LONGEST_LINE, "too long"),
    ],
)  # fmt: skip
def test_a_row_that_is_none_is_refused(make_state: States, broken: Callable[[bytes], bytes], why: str) -> None:
    """With what is wrong."""
    text = row(step_of(_states(make_state), last_t=None)).strip().encode()

    with pytest.raises(BadTrace, match=why):
        parse_row(broken(text), 3, last_t=1.5)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"Timecode,BlendShapeCount,EyeBlinkLeft\n",
        ",".join(FIXED).encode(),
        header([]).encode(),
        header([f"s{k}" for k in range(30)]).encode(),
        header(["guard", "guard"]).encode(),
        header(["guard"]).replace("guard.jawOpen", "guard.jawClosed").encode(),
        header(["guard"]).replace("raw.", "rare.").encode(),
    ],
)
def test_another_table_is_no_trace(line: bytes) -> None:
    """Live Link Face has .csv files as well."""
    with pytest.raises(BadTrace):
        parse_header(line)


_HEADER = header(["guard", "presence"]).encode()
_ROW = b"3,1.000000,1.012000,0.033000,LIVE," + b",".join([b"0.5"] * 124 + [b""] * 62)


@settings(max_examples=100)
@given(st.data())
def test_nothing_that_comes_from_a_file_breaks_the_reader(data: st.DataObject) -> None:
    """100 times 100 lines, random and mutated: read with finite numbers, or refused, and nothing else."""
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    for _ in range(100):
        _try(random)


def _try(random: np.random.Generator) -> None:
    line = bytearray(_HEADER if random.random() < 0.2 else _ROW)
    if random.random() < 0.2:
        line = bytearray(random.bytes(int(random.integers(0, 300))))
    for _ in range(int(random.integers(0, 4))):
        at = int(random.integers(0, len(line) + 1))
        match int(random.integers(0, 4)):
            case 0:
                line[at : at + 1] = random.bytes(1)
            case 1:
                line[at:at] = [b"nan", b"1e999", b",", b"-", b"9" * 400, b"_1", b"\n", "ü".encode()][int(random.integers(0, 8))]
            case 2:
                del line[at : at + int(random.integers(1, 40))]
            case _:
                line += line[:at]
    with contextlib.suppress(BadTrace):
        parse_header(bytes(line))
    try:
        read = parse_row(bytes(line), 3, last_t=0.0)
    except BadTrace:
        return
    assert (3, len(VALUES)) == read.values.shape
    assert math.isfinite(read.t)
    assert not np.isinf(read.values).any()
