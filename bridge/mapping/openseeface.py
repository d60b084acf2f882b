"""A FaceState as OpenSeeFace's tracker would tell it: pose in its axes, points, features. Pure; the fact sheet "OpenSeeFace".

OpenSeeFace fits its face model (x the own right, y up, z out of the face; origin at the tip of the nose) to the picture with rows
as x and columns as y, and ends at the solution with negative z. ``raw_quaternion`` and ``raw_euler_deg`` are that rotation,
``N S R S`` with the head's rotation R, ``S = diag(-1, 1, 1)`` and ``N = [[0, 1, 0], [1, 0, 0], [0, 0, -1]]``, as closed formulas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from bridge import arkit, space
from bridge.mapping.face66 import head_points_cm, picture_points_px, with_eyes
from bridge.mapping.generic_face import FACE_CM, MIRROR, generic_points_cm
from bridge.mapping.head_place import HeadPlace
from bridge.mapping.vrm import blinks
from bridge.types import IDENTITY_HEAD, FaceState, Float32Array, Float64Array, Presence, frozen_array

Points: TypeAlias = Literal["landmarks", "model"]
Lids: TypeAlias = Literal["mediapipe", "plain"]

UNITS_PER_M = 0.632 / 0.0889
"""OpenSeeFace's outer corners of the eyes are 0.632 units apart, those of MediaPipe's average face 88.9 mm. UNVERIFIED as a
scale: OpenSeeFace never says how large a unit is."""
RESTING_DISTANCE_M = 0.6
DEFAULT_SIZE_PX = (640.0, 480.0)
"""Of the picture that is assumed where none is known."""

_FOV_DEG = 63.0
"""From top to bottom, of the virtual camera in which MediaPipe's positions are counted."""
_FIT_ERROR_PX = 1.0
"""There is no fit of OpenSeeFace's whose error could be told; receivers only drop what is above 100 or so."""
_CONFIDENCE = {
    presence: frozen_array(np.full(68, share))
    for presence, share in ((Presence.LIVE, 1.0), (Presence.HELD, 0.5), (Presence.LOST, 0.0))
}
_NOSE_TIP_CM = frozen_array(FACE_CM[30].copy())

FEATURES: tuple[str, ...] = (
    "eye_l", "eye_r", "eyebrow_steepness_l", "eyebrow_updown_l", "eyebrow_quirk_l", "eyebrow_steepness_r", "eyebrow_updown_r",
    "eyebrow_quirk_r", "mouth_corner_updown_l", "mouth_corner_inout_l", "mouth_corner_updown_r", "mouth_corner_inout_r",
    "mouth_open", "mouth_wide",
)  # fmt: skip
"""In the order of the packet; ``_l`` is the own left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSeeFace:
    """One face of one packet: values as they stand on the wire, arrays float, rows in the order of ``mapping.face66``."""

    time_s: float
    """Of the picture; Unix seconds from a tracker."""
    face_id: int
    size_px: tuple[float, float]
    """Width and height of the picture."""
    right_open: float
    """1 open, 0 closed."""
    left_open: float
    fitted: bool
    """Whether pose and points in space mean anything."""
    fit_error: float
    quat_xyzw: tuple[float, float, float, float]
    euler_deg: tuple[float, float, float]
    translation: tuple[float, float, float]
    """OpenSeeFace's units; z is minus the distance."""
    confidence: Float64Array
    """(68,), 0..1."""
    points_px: Float64Array
    """(68, 2), x to the right, y down."""
    points_3d: Float64Array
    """(70, 3), OpenSeeFace's units: its model frame's x, -y, -z."""
    features: Float64Array | Float32Array
    """(14,), -1..1, as ``FEATURES``."""


def raw_quaternion(quat_xyzw: Float64Array) -> tuple[float, float, float, float]:
    """Head rotation -> x, y, z, w of OpenSeeFace's raw quaternion, about (0.7, 0.7, 0, 0) for a frontal face.

    It is the conjugate of the usual quaternion of the raw matrix, since OpenSeeFace's routine is written for row vectors.
    """
    x, y, z, w = quat_xyzw.tolist()
    half = math.sqrt(0.5)
    return half * (w - z), half * (w + z), -half * (x + y), half * (x - y)


def raw_euler_deg(quat_xyzw: Float64Array) -> tuple[float, float, float]:
    """Head rotation -> the angles of ``cv2.RQDecomp3x3`` of the raw matrix, in the branch with x near +-180 and z near 90.

    The raw matrix is Rz Ry Rx of them. Looking down raises x from -180, turning to the own left raises y, tilting to the own
    right shoulder raises z from 90.
    """
    x, y, z, w = quat_xyzw.tolist()
    # The entries of R that the angles need; R itself is `space.to_rotation_matrix`.
    r00, r10 = 1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z)
    r20, r21, r22 = 2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)
    ax, ay, az = math.atan2(-r21, -r22), math.atan2(-r20, math.hypot(r21, r22)), math.atan2(r00, -r10)
    ax_deg, ay_deg, az_deg = math.degrees(ax), math.degrees(ay), math.degrees(az)
    # The other solution has x and z half a turn farther, so both distances together are 360 less these.
    if (180.0 - abs(ax_deg)) + abs((az_deg + 90.0) % 360.0 - 180.0) > 180.0:
        return ax_deg - math.copysign(180.0, ax_deg), math.copysign(180.0, ay_deg) - ay_deg, az_deg - math.copysign(180.0, az_deg)
    return ax_deg, ay_deg, az_deg


def raw_translation(position_m: tuple[float, float, float], units_per_m: float = UNITS_PER_M) -> tuple[float, float, float]:
    """A point from the camera, bridge space (its z is negative) -> OpenSeeFace's units: up, own right, z."""
    x, y, z = position_m
    return units_per_m * y, -units_per_m * x, units_per_m * z


def _feature_matrix() -> Float32Array:
    """(52, 14): what each coefficient adds to each feature."""
    matrix = np.zeros((len(arkit.NAMES), len(FEATURES)), dtype=np.float32)

    def add(feature: str, **shares: float) -> None:
        for name, share in shares.items():
            matrix[arkit.INDEX[name], FEATURES.index(feature)] = share

    for side, end, away, towards in (("Left", "_l", "mouthLeft", "mouthRight"), ("Right", "_r", "mouthRight", "mouthLeft")):
        brows = {"down": f"browDown{side}", "outer": f"browOuterUp{side}"}
        add(f"eyebrow_updown{end}", **{"browInnerUp": 0.5, brows["outer"]: 0.5, brows["down"]: -1.0})
        # Steep: the inner end above the outer.
        add(f"eyebrow_steepness{end}", **{"browInnerUp": 1.0, brows["outer"]: -0.5, brows["down"]: -0.5})
        add(f"eyebrow_quirk{end}", **{brows["outer"]: 1.0, brows["down"]: -0.5})
        # How far the corner is *below* the upper lip: a smile is negative.
        add(f"mouth_corner_updown{end}", **{f"mouthSmile{side}": -1.0, f"mouthFrown{side}": 1.0, f"mouthStretch{side}": 0.3})
        corner = {f"mouthSmile{side}": 0.6, f"mouthStretch{side}": 0.8, f"mouthDimple{side}": 0.4}
        add(f"mouth_corner_inout{end}", **corner, **{"mouthPucker": -0.8, "mouthFunnel": -0.5, away: 0.5, towards: -0.5})
        add("mouth_open", **{f"mouthUpperUp{side}": 0.1, f"mouthLowerDown{side}": 0.1})
        add("mouth_wide", **{name: share / 2.0 for name, share in corner.items()})
    add("mouth_open", jawOpen=1.0, mouthClose=-1.0)
    add("mouth_wide", mouthPucker=-0.8, mouthFunnel=-0.5)
    return frozen_array(matrix)


_FEATURES = _feature_matrix()
_BLINKS = (arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"])
_WIDES = (arkit.INDEX["eyeWideLeft"], arkit.INDEX["eyeWideRight"])


def closures(weights: Float32Array, lids: Lids = "mediapipe") -> tuple[float, float]:
    """(left, right), 0 open .. 1 closed: with the resting value of MediaPipe's eyeBlink taken off, or eyeBlink itself."""
    return blinks(weights) if lids == "mediapipe" else (float(weights[_BLINKS[0]]), float(weights[_BLINKS[1]]))


def features(weights: Float32Array, lids: Lids = "mediapipe") -> Float32Array:
    """OpenSeeFace's 14 features, float32 (14,), each -1..1 and 0 for the resting face.

    Signs are those of its feature extractor: eyes -1 closed, +1 wide; brows up, inner end higher, and arched positive; corners of
    the mouth positive when *low*, and when far out; mouth open and wide positive. The sizes are ours: it measures them against
    the person's own median.
    """
    values = weights @ _FEATURES
    left, right = closures(weights, lids)
    values[0], values[1] = weights[_WIDES[0]] - left, weights[_WIDES[1]] - right
    clipped: Float32Array = np.minimum(np.maximum(values, -1.0, out=values), 1.0, out=values)
    return clipped


class OpenSeeFaceMapping:
    """States of one subject -> faces. One thread; remembers the last landmarks, for while the face is HELD, and the origin."""

    def __init__(
        self,
        *,
        epoch_s: float = 0.0,
        units_per_m: float = UNITS_PER_M,
        points: Points = "landmarks",
        lids: Lids = "mediapipe",
        distance_m: float = RESTING_DISTANCE_M,
    ) -> None:
        """``epoch_s`` is added to the states' times; ``distance_m``: how far a neutral is taken to be from the camera."""
        self._epoch_s = epoch_s
        self._units_per_m = units_per_m
        self._use_landmarks = points == "landmarks"
        self._lids: Lids = lids
        self._distance_m = distance_m
        self._place = HeadPlace()
        self._time_s = -math.inf
        self._landmarks: Float32Array | None = None
        self._size_px = DEFAULT_SIZE_PX

    def step(self, state: FaceState) -> OpenSeeFace:
        """The face of this state.

        Without a head it looks straight ahead. Its time grows with every call: receivers take no face twice that is as old as the
        one before, and a resampled state still has the time of its picture.
        """
        quat_xyzw = (state.head or IDENTITY_HEAD).quat_xyzw
        x, y, z, from_camera = self._place.locate(state)
        place = np.array((x, y, z if from_camera else z - self._distance_m))
        place[2] = min(place[2], -0.05)  # never behind the camera
        turn = space.to_rotation_matrix(quat_xyzw)
        nose = place + turn @ _NOSE_TIP_CM * 0.01
        left, right = closures(state.weights, self._lids)
        self._look(state)
        points_px, points_cm = self._points(state, (left, right), turn, place)
        self._time_s = max(state.t + self._epoch_s, self._time_s + 0.001)
        return OpenSeeFace(
            time_s=self._time_s,
            face_id=state.subject,
            size_px=self._size_px,
            right_open=1.0 - right,
            left_open=1.0 - left,
            fitted=True,
            fit_error=_FIT_ERROR_PX,
            quat_xyzw=raw_quaternion(quat_xyzw),
            euler_deg=raw_euler_deg(quat_xyzw),
            translation=raw_translation((nose[0], nose[1], nose[2]), self._units_per_m),
            confidence=_CONFIDENCE[state.presence],
            points_px=points_px,
            # Own right is minus x, so all three axes of the wire are minus head space's.
            points_3d=(_NOSE_TIP_CM - points_cm) * (0.01 * self._units_per_m),
            features=features(state.weights, self._lids),
        )

    def _look(self, state: FaceState) -> None:
        """Takes over the newest landmarks and the size of their picture; forgets them when the face is lost."""
        if state.presence is Presence.LOST:
            self._landmarks = None
        if state.presence is Presence.LIVE:
            landmarks = state.landmarks if self._use_landmarks else None
            if landmarks is not self._landmarks:
                self._landmarks = landmarks
                self._size_px = DEFAULT_SIZE_PX if landmarks is None else picture_size_px(state)

    def _points(
        self, state: FaceState, lids: tuple[float, float], turn: Float64Array, place: Float64Array
    ) -> tuple[Float64Array, Float64Array]:
        """(68, 2) pixels and (70, 3) centimetres in head space."""
        if self._landmarks is not None:
            picture = picture_points_px(self._landmarks, self._size_px)
            head = head_points_cm(self._landmarks, self._size_px)
            if state.mirrored:
                picture = picture[MIRROR[:68]]
                picture[:, 0] = self._size_px[0] - picture[:, 0]
                head = head[MIRROR[:66]]
                head[:, 0] *= -1.0
            return picture, with_eyes(head, state.gaze)
        weights = state.weights.copy()
        weights[_BLINKS[0]], weights[_BLINKS[1]] = lids
        head = with_eyes(generic_points_cm(weights), state.gaze)
        return project_px(head[:68] @ turn.T * 0.01 + place, self._size_px), head


def picture_size_px(state: FaceState) -> tuple[float, float]:
    """Width and height of the picture that a state's landmarks are of, as far as it can be known."""
    if state.frame is not None:
        height, width = state.frame.image.shape[:2]
        return float(width), float(height)
    landmarks, box = state.landmarks, state.box
    if landmarks is None or box is None:
        return DEFAULT_SIZE_PX
    # The box is the landmarks' bounds in pixels, the landmarks are in fractions of the picture.
    across, down = (float(np.maximum.reduce(column) - np.minimum.reduce(column)) for column in (landmarks[:, 0], landmarks[:, 1]))
    if not (across > 1e-6 and down > 1e-6):
        return DEFAULT_SIZE_PX
    width, height = round(box[2] / across), round(box[3] / down)
    return (float(width), float(height)) if 1 <= width <= 65535 and 1 <= height <= 65535 else DEFAULT_SIZE_PX


def project_px(points_m: Float64Array, size_px: tuple[float, float]) -> Float64Array:
    """Points (N, 3) from the camera, bridge space -> float64 (N, 2) pixels in the picture of MediaPipe's virtual camera."""
    width, height = size_px
    focal_px = height / 2.0 / math.tan(math.radians(_FOV_DEG) / 2.0)
    depth = np.maximum(-points_m[:, 2], 0.01)
    projected: Float64Array = points_m[:, :2] / depth[:, None] * (focal_px, -focal_px) + (width / 2.0, height / 2.0)
    return projected
