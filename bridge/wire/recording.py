"""The text of a recording: JSON Lines, written and read. ``recording`` does the files.

Line 1 is the header ``{"format":"avatar-bridge-recording","version":1,"stage":"raw"|"final","names":[...]}``. Then a line for
each result: ``{"seq","t","t_done","faces":[{"subject","weights","head":{"position_m","quat_xyzw"},"box"}]}``; ``"faces":[]`` is
"no face". Faces of the final stage also have ``presence`` and ``gaze``, and ``extras`` (name -> number) where mapping rules make
named values. Numbers have as many digits as bring the same float32
(weights) and float64 (everything else) back, and no more. Units, ranges and axes are those of ``types``. Pure; any thread.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bridge import arkit, space
from bridge.mapping.gaze import gaze_of
from bridge.types import (
    GAZE_AHEAD,
    Face,
    FaceState,
    Float32Array,
    Float64Array,
    Gaze,
    HeadPose,
    Presence,
    TrackResult,
    frozen_array,
)

FORMAT = "avatar-bridge-recording"
VERSION = 1

_FLOAT32_LIMIT = (2.0 - 2.0**-24) * 2.0**127
"""From here on, rounding to float32 gives infinity."""

RecordingStage: TypeAlias = Literal["raw", "final"]
"""raw: results as the tracker gave them; final: states after all stages."""


class BadLine(Exception):
    """What is wrong with a line, without its place; ``recording`` adds that. Never leaves it."""


# --- writing ---------------------------------------------------------------------------------------------------------

_SHORT = {"0.0": "0", "1.0": "1"}


def header_line(stage: RecordingStage) -> str:
    """Line 1. The same for every recording of a stage, so that two replays of one take are the same bytes."""
    header = {"format": FORMAT, "version": VERSION, "stage": stage, "names": list(arkit.NAMES)}
    return json.dumps(header, separators=(",", ":")) + "\n"


def result_line(result: TrackResult, *, stage: RecordingStage) -> str:
    """A result, subjects numbered in its order. In the final stage its faces are LIVE and look where the weights say.

    A face whose numbers are not finite is left out: JSON has none, and the stages would drop it too.
    """
    faces = []
    for subject, face in enumerate(result.faces):
        if is_finite(face):
            text = _face(subject, face)
            faces.append(text if stage == "raw" else text + _final(Presence.LIVE, gaze_of(face.weights)))
    return _line(result, faces)


def state_line(state: FaceState) -> str:
    """A state of the final stage; all its numbers must be finite."""
    extras = f',"extras":{json.dumps(dict(state.extras), separators=(",", ":"))}' if state.extras else ""
    return _line(state, [_face(state.subject, state) + _final(state.presence, state.gaze) + extras])


def is_finite(face: Face | FaceState) -> bool:
    """Whether every number that would be written is."""
    numbers = list(face.box or ())
    if face.head is not None:
        numbers += [*face.head.position_m.tolist(), *face.head.quat_xyzw.tolist()]
    if isinstance(face, FaceState):
        numbers += [*face.gaze.left_deg, *face.gaze.right_deg, *[value for _, value in face.extras]]
    return bool(np.isfinite(face.weights).all()) and all(map(math.isfinite, numbers))


def _line(item: TrackResult | FaceState, faces: list[str]) -> str:
    joined = ",".join([f"{{{face}}}" for face in faces])
    return f'{{"seq":{int(item.seq)},"t":{float(item.t)!r},"t_done":{float(item.t_done)!r},"faces":[{joined}]}}\n'


def _face(subject: int, face: Face | FaceState) -> str:
    head = "null"
    if face.head is not None:
        position, quat = face.head.position_m.tolist(), face.head.quat_xyzw.tolist()
        head = f'{{"position_m":{_floats(position)},"quat_xyzw":{_floats(quat)}}}'
    box = "null" if face.box is None else _floats(face.box)
    texts = map(str, face.weights)  # numpy writes the shortest text that is this float32 and no other
    weights = ",".join([_SHORT.get(text, text) for text in texts])
    return f'"subject":{subject},"weights":[{weights}],"head":{head},"box":{box}'


def _final(presence: Presence, gaze: Gaze) -> str:
    looks = f'{{"left_deg":{_floats(gaze.left_deg)},"right_deg":{_floats(gaze.right_deg)}}}'
    return f',"presence":"{presence.value}","gaze":{looks}'


def _floats(values: list[float] | tuple[float, ...]) -> str:
    return "[" + ",".join([repr(float(value)) for value in values]) + "]"


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingHeader:
    """What line 1 says."""

    stage: RecordingStage
    names: tuple[str, ...]
    """As written: the order of the weights in this file."""
    positions: NDArray[np.intp]
    """Where each weight of the file belongs in ARKit order; -1 for names that are not among the 52."""
    warnings: tuple[str, ...]
    """A sentence for each thing that was let pass."""


class RecordedLine(NamedTuple):
    """A line: one moment with all its faces."""

    seq: int
    t: float
    t_done: float
    faces: tuple[FaceState, ...]
    """Presence is LIVE in the raw stage."""

    def result(self) -> TrackResult:
        """The faces that were there at that moment, as a tracker would give them."""
        return TrackResult(
            seq=self.seq,
            t=self.t,
            t_done=self.t_done,
            faces=tuple(
                Face(weights=state.weights, head=state.head, box=state.box)
                for state in self.faces
                if state.presence is Presence.LIVE
            ),
        )


def parse_header(raw: bytes) -> RecordingHeader:
    """Raises BadLine."""
    header = _json(raw.removeprefix(b"\xef\xbb\xbf"))
    if header.get("format") != FORMAT:
        raise BadLine(f'not a recording of avatar-bridge: "format" is {_shown(header.get("format"))}, not "{FORMAT}"')
    version = header.get("version")
    if version != VERSION:
        raise BadLine(f"version {_shown(version)} of the format is not known here; this program reads version {VERSION}")
    stage = _parse_stage(header.get("stage"))
    names = header.get("names")
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise BadLine('"names" is not a list of blendshape names')
    positions, warnings = map_names(names)
    return RecordingHeader(stage=stage, names=tuple(names), positions=positions, warnings=warnings)


def _parse_stage(value: Any) -> RecordingStage:
    if value == "raw":
        return "raw"
    if value == "final":
        return "final"
    raise BadLine(f'"stage" is {_shown(value)}, not "raw" or "final"')


def map_names(names: list[str]) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """The position of each name in ARKit order, -1 for strangers, and what is odd. Raises BadLine for a name given twice."""
    found = [arkit.find(name) for name in names]
    known = [position for position in found if position is not None]
    if len(set(known)) != len(known):
        twice = next(arkit.NAMES[position] for position in known if known.count(position) > 1)
        raise BadLine(f"{twice} is among the names twice")
    warnings = []
    strangers = [name for name, position in zip(names, found, strict=True) if position is None and name != "_neutral"]
    if strangers:
        warnings.append(f"ignored, as they are not ARKit blendshapes: {', '.join(map(_shown, strangers))}")
    missing = [name for position, name in enumerate(arkit.NAMES) if position not in known and name != "tongueOut"]
    if missing:
        warnings.append(f"taken as 0, as the recording lacks them: {', '.join(missing)}")
    return frozen_array(np.array([-1 if p is None else p for p in found], dtype=np.intp)), tuple(warnings)


def arrange(given: Float64Array, positions: NDArray[np.intp]) -> Float32Array:
    """Weights in the order of a file -> float32 (52,) in ARKit order, read-only."""
    weights = np.zeros(len(arkit.NAMES), dtype=np.float32)
    known = positions >= 0
    weights[positions[known]] = given[known]
    return frozen_array(weights)


def parse_line(raw: bytes, header: RecordingHeader, *, last_t: float) -> RecordedLine:
    """Raises BadLine, also when ``t`` is before ``last_t``."""
    line = _json(raw)
    seq = _whole(_field(line, "seq"), "seq")
    t = _number(_field(line, "t"), "t")
    if t < last_t:
        raise BadLine(f"t goes back from {last_t!r} to {t!r}")
    t_done = _number(line.get("t_done", t), "t_done")
    faces = _field(line, "faces")
    if not isinstance(faces, list):
        raise BadLine("faces is not a list")
    return RecordedLine(seq, t, t_done, tuple(_parse_face(face, header, seq=seq, t=t, t_done=t_done) for face in faces))


def _parse_face(face: Any, header: RecordingHeader, *, seq: int, t: float, t_done: float) -> FaceState:
    if not isinstance(face, dict):
        raise BadLine("a face is not a JSON object")
    weights = _array(_field(face, "weights"), len(header.names), "weights")
    if float(np.abs(weights).max()) >= _FLOAT32_LIMIT:
        raise BadLine("weights has a number that no float32 can hold")
    return FaceState(
        subject=_whole(face.get("subject", 0), "subject"),
        seq=seq,
        t=t,
        t_done=t_done,
        presence=_parse_presence(face.get("presence", "LIVE")),
        weights=arrange(weights, header.positions),
        head=_parse_head(face.get("head")),
        gaze=_parse_gaze(face.get("gaze")),
        box=_parse_box(face.get("box")),
        extras=_parse_extras(face.get("extras")),
    )


def _parse_presence(value: Any) -> Presence:
    try:
        return Presence(value)
    except ValueError:
        raise BadLine(f"presence is {_shown(value)}, not LIVE, HELD or LOST") from None


def _parse_head(head: Any) -> HeadPose | None:
    if head is None:
        return None
    if not isinstance(head, dict):
        raise BadLine("head is not a JSON object")
    position = _array(_field(head, "position_m"), 3, "position_m")
    quat = _array(_field(head, "quat_xyzw"), 4, "quat_xyzw")
    # What the bridge wrote is kept to the last bit; what somebody typed is made a unit quaternion.
    if abs(float(quat @ quat) - 1.0) > 1e-9 or quat[3] < 0.0:
        try:
            quat = space.canonical(quat)
        except ValueError as error:
            raise BadLine("quat_xyzw is no rotation") from error
    return HeadPose(position_m=frozen_array(position), quat_xyzw=frozen_array(quat))


def _parse_gaze(gaze: Any) -> Gaze:
    if gaze is None:
        return GAZE_AHEAD
    if not isinstance(gaze, dict):
        raise BadLine("gaze is not a JSON object")
    left, right = (_array(_field(gaze, key), 2, key).tolist() for key in ("left_deg", "right_deg"))
    return Gaze(left_deg=(left[0], left[1]), right_deg=(right[0], right[1]))


def _parse_box(box: Any) -> tuple[float, float, float, float] | None:
    if box is None:
        return None
    x, y, width, height = _array(box, 4, "box").tolist()
    return x, y, width, height


def _parse_extras(extras: Any) -> tuple[tuple[str, float], ...]:
    if extras is None:
        return ()
    if not isinstance(extras, dict):
        raise BadLine("extras is not a JSON object")
    return tuple((name, _number(value, "extras")) for name, value in extras.items())


def _json(raw: bytes) -> dict[str, Any]:
    try:
        line = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise BadLine("not a line of JSON") from error
    if not isinstance(line, dict):
        raise BadLine("not a JSON object")
    return line


def _no_constant(name: str) -> NoReturn:
    raise BadLine(f"{name} is not a number here")


def _field(line: dict[str, Any], key: str) -> Any:
    if key not in line:
        raise BadLine(f"{key} is missing")
    return line[key]


def _whole(value: Any, what: str) -> int:
    if type(value) is not int or value < 0:
        raise BadLine(f"{what} is {_shown(value)}, not a whole number from 0")
    return value


def _number(value: Any, what: str) -> float:
    if type(value) in (int, float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise BadLine(f"{what} is {_shown(value)}, not a finite number")


def _array(values: Any, length: int, what: str) -> Float64Array:
    if not isinstance(values, list):
        raise BadLine(f"{what} is not a list")
    if len(values) != length:
        raise BadLine(f"{what} has {len(values)} numbers instead of {length}")
    return np.array([_number(value, what) for value in values], dtype=np.float64)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
