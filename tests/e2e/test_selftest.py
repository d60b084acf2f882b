"""``avatar-bridge selftest`` in front of receivers that know nothing of it: every pose, in order, on the right side.

What is expected is written in the receivers' own conventions: Unity's for VMC (+x nods down, +y turns to the own right, +z leans
to the own left), the README's for OSC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.program import Finished, Program
from tests.e2e.receivers import Datagram, OscReceiver, vmc_frames

pytestmark = pytest.mark.e2e

STEPS = (
    "turn-left", "turn-right", "nod-down", "head-up", "tilt-left", "tilt-right", "blink-left", "blink-right", "blink",
    "look-left", "look-right", "look-up", "look-down", "jaw-open", "jaw-left", "smile", "smile-left", "pucker", "brows-up",
    "brows-down",
)  # fmt: skip
Signals = Mapping[str, float]
"""One frame: coefficients in camelCase, yaw pitch roll (own left, down, own right), eyes_yaw eyes_pitch (own left, down)."""

EXPECTED: Mapping[str, Signals] = {
    "turn-left": {"yaw": 1}, "turn-right": {"yaw": -1}, "nod-down": {"pitch": 1}, "head-up": {"pitch": -1},
    "tilt-left": {"roll": -1}, "tilt-right": {"roll": 1},
    "blink-left": {"eyeBlinkLeft": 1}, "blink-right": {"eyeBlinkRight": 1}, "blink": {"eyeBlinkLeft": 1, "eyeBlinkRight": 1},
    "look-left": {"eyes_yaw": 1, "eyeLookOutLeft": 1, "eyeLookInRight": 1},
    "look-right": {"eyes_yaw": -1, "eyeLookInLeft": 1, "eyeLookOutRight": 1},
    "look-up": {"eyes_pitch": -1, "eyeLookUpLeft": 1, "eyeLookUpRight": 1},
    "look-down": {"eyes_pitch": 1, "eyeLookDownLeft": 1, "eyeLookDownRight": 1},
    "jaw-open": {"jawOpen": 1}, "jaw-left": {"jawLeft": 1},
    "smile": {"mouthSmileLeft": 1, "mouthSmileRight": 1}, "smile-left": {"mouthSmileLeft": 1}, "pucker": {"mouthPucker": 1},
    "brows-up": {"browInnerUp": 1, "browOuterUpLeft": 1, "browOuterUpRight": 1},
    "brows-down": {"browDownLeft": 1, "browDownRight": 1},
}  # fmt: skip
"""The sign of everything that moves in a pose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One run and what three receivers saw of it."""

    finished: Finished
    vmc: list[Signals]
    osc: list[Signals]
    mirrored: list[Signals]


def _vmc_signals(datagrams: tuple[Datagram, ...]) -> list[Signals]:
    seen: list[Signals] = []
    for frame in vmc_frames(datagrams):
        x, y, z, _ = frame.head_quat
        eye_x, eye_y = frame.bones["LeftEye"][3:5]
        seen.append(
            {name[0].lower() + name[1:]: value for name, value in frame.blend.items()}
            | {"yaw": -y, "pitch": x, "roll": -z, "eyes_yaw": -eye_y, "eyes_pitch": eye_x}
        )
    return seen


def _osc_signals(datagrams: tuple[Datagram, ...]) -> list[Signals]:
    seen: list[Signals] = []
    for datagram in datagrams:
        assert datagram.error is None
        values = {message.address: message.args for message in datagram.messages}
        yaw, pitch, roll = (angle / 60.0 for angle in values["/head/euler"])
        eyes = dict(zip(("eyes_yaw", "eyes_pitch"), (angle / 60.0 for angle in values["/gaze/left"]), strict=True))
        blend = {address[1:]: args[0] for address, args in values.items() if address.count("/") == 1 and address != "/presence"}
        seen.append(blend | {"yaw": yaw, "pitch": pitch, "roll": roll} | eyes)
    return seen


ATTEMPTS = 3
"""On a machine that stands still for a quarter of a second two poses may melt into one; then it is worth another try."""


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """All poses, 0.4 s each, to VMC, OSC and a mirrored OSC."""
    for _ in range(ATTEMPTS):
        tried = _perform(tmp_path_factory.mktemp("selftest"))
        if all(len(STEPS) == len(_told_apart(frames)) for frames in (tried.vmc, tried.osc, tried.mirrored)):
            break
    return tried


def _perform(home: Path) -> Seen:
    with OscReceiver() as vmc, OscReceiver() as osc, OscReceiver() as mirrored:
        arguments = [
            *("--output", f"vmc://127.0.0.1:{vmc.port}"),
            *("--output", f"osc://127.0.0.1:{osc.port}?max_bytes=65000&name=plain"),
            *("--output", f"osc://127.0.0.1:{mirrored.port}?max_bytes=65000&name=glass&mirror=1"),
        ]
        with Program("selftest", *arguments, "--seconds", "0.4", home=home) as program:
            finished = program.finish()
        return Seen(
            finished=finished, vmc=_vmc_signals(vmc.stop()), osc=_osc_signals(osc.stop()), mirrored=_osc_signals(mirrored.stop())
        )


def _told_apart(frames: list[Signals]) -> list[tuple[str, Signals]]:
    """(pose, its strongest frame) for each stretch of frames in which something moves; what it is, is read from the signs."""
    found: list[tuple[str, Signals]] = []
    stretch: list[Signals] = []
    for frame in [*frames, dict.fromkeys(frames[0], 0.0)]:
        if max(map(abs, frame.values())) > 0.08:
            stretch.append(frame)
        elif stretch:
            strongest = max(stretch, key=lambda each: sum(map(abs, each.values())))
            signs = {name: int(np.sign(value)) for name, value in strongest.items() if abs(value) > 0.08}
            name = next((step for step, expected in EXPECTED.items() if expected == signs), str(signs))
            found.append((name, strongest))
            stretch = []
    return found


@pytest.mark.parametrize("which", ["vmc", "osc"])
def test_every_pose_arrives_in_order_with_the_right_signs(seen: Seen, which: str) -> None:
    """Nothing else moves in any of them, and each is strong enough to be seen."""
    assert 0 == seen.finished.code, str(seen.finished)
    frames: list[Signals] = getattr(seen, which)

    found = _told_apart(frames)

    assert list(STEPS) == [name for name, _ in found]
    for name, strongest in found:
        for signal in EXPECTED[name]:
            least = 0.12 if signal in ("yaw", "pitch", "roll", "eyes_yaw", "eyes_pitch") else 0.4
            assert abs(strongest[signal]) >= least, (name, signal)
    assert not any(frames[-1].values()), "it ends at rest"


def test_a_mirrored_output_does_the_other_side(seen: Seen) -> None:
    """Left and right change places, for jaw and eyes too; up and down do not."""

    def swap(name: str) -> str:
        return name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")

    names = [name for name, _ in _told_apart(seen.mirrored)]
    one_sided = {"jaw-left": str({"jawRight": 1}), "smile-left": str({"mouthSmileRight": 1})}

    assert [one_sided.get(name, swap(name)) for name in STEPS] == names


def test_the_captions_say_what_comes(seen: Seen) -> None:
    """One line a pose, in order, then rest; first whose left is meant, and which output is mirrored. Not a terminal here."""
    lines = seen.finished.stdout.splitlines()

    assert [*STEPS, "rest"] == [line.split()[0] for line in lines[-len(STEPS) - 1 :]]
    assert "Left and right are YOURS" in lines[0]
    assert ["glass shows"] == [" ".join(line.split()[:2]) for line in lines if "mirror" in line]
    assert "\x1b" not in seen.finished.stdout
