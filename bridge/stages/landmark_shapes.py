"""Values out of the landmarks for channels that MediaPipe's coefficients leave dead or weak. All are off unless asked for.

How they were measured: the ICT head was rendered with one ARKit shape at a time (0.5 and 1; face 190 px high, camera noise;
straight, yaw +-15°, pitch +-12°) and tracked by face_landmarker.task at full speed. "Measure": how far it moves at 0.5 / 1, in
distances of the outer eye corners, and its standard deviation at rest. "Value": what comes out at 0.5 / 1, straight ahead.

- ``mouthFrown``: corners of the mouth below the lips' middle. Measure .010 / .020, noise .0003. Value .09 / .90; between .02 and
  1.0 when turned or tilted. Mistakes: mouthFunnel .18 (turned .82), a raised lip turned .42.
- ``eyeWide``: opening of the lids over their width. Measure .016 / .035, noise .003. Value .07 / .86; 0 with the chin up.
  Mistakes: mouthFunnel .44, puffed cheeks .15; raised brows of another rendered head 1.0.
- ``noseSneer``: from the wings of the nose to the inner eye corners. Measure .025 / .041, noise .0013, and as much from a smile
  (.041) and a raised lip (.029), whose coefficients take it out. Value .67 / .70; .01 to 1.0 when turned or tilted. Mistakes: a
  raised lip .09 (turned .55), pucker .10 (chin up .37), a blink nose down .42.
- ``cheekPuff``: a narrower mouth while the model sees both lips rolled in (.50 / .70). Measure .034 / .055, noise .003. Value
  .48 / .98; .0 to 1.0 when turned or tilted. The cheeks' own landmarks do not move outward at all (-.012), so this is a guess
  from the lips: rolled lips that are also narrow pass for puffed cheeks.
- ``jawForward``: chin in front of the bridge of the nose. Measure -.006 / -.011: the mesh does not follow the chin, and a raised
  head moves it more (.024). Value 0. It is there for models that may do better.

On the real clips at hand (faces of 44-92 px, nobody doing any of these) all stayed at 0 because those faces are at rest too
shortly to be learnt. No clip of a person puffing, sneering or frowning was at hand: therefore all are off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from bridge import arkit, space
from bridge.types import Float32Array, Float64Array, frozen_array

_POINTS: tuple[int, ...] = (
    33, 133, 159, 145, 263, 362, 386, 374,  # the eyes: outer and inner corner, upper and lower lid; the right one first
    168, 129, 358, 13, 14, 61, 291, 152,  # bridge, wings, inner lips, corners of the mouth, chin
)  # fmt: skip
_INDEX = frozen_array(np.array(_POINTS, dtype=np.intp))
_AT = {point: i for i, point in enumerate(_POINTS)}
_FOUR_THIRDS = (4.0, 3.0)
_LEARNT_S = 15.0
"""Time constant with which the resting measure follows, once it has been watched for as long."""
_FIRST_S = 1.0
"""So long a face is only watched, and nothing is said."""
_IN_USE_SLOWER = 6.0
_IN_USE = 0.25
_LONGEST_STEP_S = 0.5
_FADE_DEG = (20.0, 30.0)
"""From this far turned or tilted on, the measures mean less and less, and then nothing."""

_QUIET = np.float32(0.15)
_BUSY = frozen_array(
    np.array(
        [
            i
            for name in ("mouthSmile", "mouthUpperUp", "mouthFunnel", "mouthPucker", "jawOpen", "mouthStretch")
            for i in arkit.sides_of(name)
        ],
        dtype=np.intp,
    )
)
_BLINKS, _OPEN = frozen_array(np.array(arkit.sides_of("eyeBlink"), dtype=np.intp)), np.float32(0.35)
"""A face that does any of this is not at rest: what is measured then is not what the measures start from."""
_SMILES = arkit.sides_of("mouthSmile")
_RAISED = arkit.sides_of("mouthUpperUp")
_ROLLED = (arkit.INDEX["mouthRollUpper"], arkit.INDEX["mouthRollLower"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    measure: Callable[[Float64Array], float]
    """Points (16, 3) in the head's frame, in distances of the outer eye corners; larger is more of it."""
    begins: float
    """How far above the rest it begins, ..."""
    full: float
    """... and from where on it is 1."""
    per_pitch_deg: float = 0.0
    """What looking down adds to the measure."""
    raises_only: bool = False
    """Whether the model's own value stays where it is larger."""


def _apart(points: Float64Array, a: int, b: int) -> float:
    x, y, z = (points[_AT[a]] - points[_AT[b]]).tolist()
    return math.sqrt(x * x + y * y + z * z)


def _lids(points: Float64Array) -> float:
    right = _apart(points, 159, 145) / max(1e-6, _apart(points, 33, 133))
    left = _apart(points, 386, 374) / max(1e-6, _apart(points, 263, 362))
    return 0.5 * (right + left)


def _height(points: Float64Array, a: int, b: int) -> float:
    """The mean height of two points."""
    return 0.5 * float(points[_AT[a], 1] + points[_AT[b], 1])


_SHAPES: Mapping[str, _Shape] = MappingProxyType({
    "cheekPuff": _Shape(measure=lambda points: -_apart(points, 61, 291), begins=0.015, full=0.055),
    "noseSneer": _Shape(
        measure=lambda points: -0.5 * (_apart(points, 129, 133) + _apart(points, 358, 362)), begins=0.014, full=0.029
    ),
    "jawForward": _Shape(measure=lambda points: float(points[_AT[152], 2]), begins=0.025, full=0.08),
    "eyeWide": _Shape(measure=_lids, begins=0.016, full=0.036, raises_only=True),
    "mouthFrown": _Shape(
        measure=lambda points: _height(points, 13, 14) - _height(points, 61, 291),
        begins=0.009,
        full=0.020,
        per_pitch_deg=-0.0004,
        raises_only=True,
    ),
})  # fmt: skip


class LandmarkShapes:
    """The chosen shapes, each against its own rest, which is learnt from the stream. Engine thread; time comes in."""

    def __init__(self, names: Sequence[str]) -> None:
        self._shapes = [(name, _SHAPES[name], arkit.sides_of(name)) for name in dict.fromkeys(names)]
        self._rest: dict[str, float] = {}
        self._watched_s = 0.0
        self._last_t: float | None = None

    def reset(self) -> None:
        """Forgets how the face is at rest."""
        self._rest.clear()
        self._watched_s = 0.0
        self._last_t = None

    def apply(
        self,
        weights: Float32Array,
        landmarks: Float32Array,
        box: tuple[float, float, float, float] | None,
        quat_xyzw: Float64Array,
        t: float,
    ) -> None:
        """Writes the values into ``weights`` (52,), in place. ``landmarks`` (478, 3) and ``box`` as in ``FaceState``;
        ``quat_xyzw`` is the head as the camera sees it."""
        points = head_points(landmarks, box, quat_xyzw)
        if points is None:
            return
        yaw_deg, pitch_deg, _ = space.to_euler_deg(quat_xyzw)
        dt = 0.0 if self._last_t is None else min(_LONGEST_STEP_S, max(0.0, t - self._last_t))
        self._last_t = t
        seen = 1.0 - min(1.0, max(0.0, (max(abs(yaw_deg), abs(pitch_deg)) - _FADE_DEG[0]) / (_FADE_DEG[1] - _FADE_DEG[0])))
        resting = seen == 1.0 and bool((weights[_BUSY] < _QUIET).all() and (weights[_BLINKS] < _OPEN).all())
        if resting or not self._rest:
            self._watched_s = min(_LEARNT_S, self._watched_s + dt)
        for name, shape, channels in self._shapes:
            measured = shape.measure(points) - shape.per_pitch_deg * pitch_deg - _others(name, weights)
            rest = self._rest.setdefault(name, measured)
            value = seen * min(1.0, max(0.0, (measured - rest - shape.begins) / (shape.full - shape.begins)))
            if self._watched_s < _FIRST_S:
                value = 0.0
            tau = max(dt, self._watched_s) * (_IN_USE_SLOWER if value > _IN_USE else 1.0)
            if resting and tau > 0.0:
                self._rest[name] = rest + (measured - rest) * (1.0 - math.exp(-dt / tau))
            if name == "cheekPuff":
                value *= min(1.0, 2.0 * float(weights[list(_ROLLED)].min()))
            for i in channels:
                weights[i] = max(value, float(weights[i])) if shape.raises_only else value


def _others(name: str, weights: Float32Array) -> float:
    """What other expressions do to the measure of this one."""
    if name != "noseSneer":
        return 0.0
    smile, raised = (0.5 * float(weights[left] + weights[right]) for left, right in (_SMILES, _RAISED))
    return 0.045 * smile + 0.038 * raised


def head_points(
    landmarks: Float32Array, box: tuple[float, float, float, float] | None, quat_xyzw: Float64Array
) -> Float64Array | None:
    """The points that the measures need, (16, 3): in the head's axes, in distances of the outer eye corners. None without size.

    Landmarks are fractions of a picture whose shape only the box in pixels tells; without a box it is taken for 4:3.
    """
    width, height = _FOUR_THIRDS
    if box is not None:
        across, down = np.ptp(landmarks[:, :2], axis=0).tolist()
        if across > 1e-6 and down > 1e-6:
            width, height = box[2] / across, box[3] / down
    points = landmarks[_INDEX].astype(np.float64) * np.array((width, -height, -width))
    points -= points[_AT[168]]
    points = points @ space.to_rotation_matrix(quat_xyzw)
    size = _apart(points, 33, 263)
    if not (size > 1e-9 and math.isfinite(size)):
        return None
    scaled: Float64Array = points / size
    return scaled
