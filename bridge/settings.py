"""The configuration as types: every key, its default, its range. ``config/bridge.toml`` shows the same keys to people.

Order of precedence: defaults < file < environment ``AVATAR_BRIDGE_*`` < flags (``settings_load``). Settings are frozen values; a
reload makes new ones. Options of one kind of output (``names`` of vmc, ...) are checked by ``outputs.registry``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bridge import arkit

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Limit = Annotated[float, Field(ge=0.0, le=180.0)]
Reach = Annotated[float, Field(ge=0.0, le=10.0)]
LandmarkShape: TypeAlias = Literal["cheekPuff", "noseSneer", "jawForward", "eyeWide", "mouthFrown"]
Port = Annotated[int, Field(ge=1, le=65535)]

SECRETS = frozenset({"token", "password"})
"""Keys whose values are never shown: not in messages, logs, status or ``config show``."""


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)


class SourceSettings(Section):
    """What is watched."""

    input: str = Field(
        "auto", description="auto | camera | camera:0 | camera:NAME-or-path | a video, GIF, still or folder | demo"
    )
    width: int = Field(640, ge=16, le=8192, description="requested width of the camera, pixels")
    height: int = Field(480, ge=16, le=8192, description="requested height of the camera, pixels")
    fps: float = Field(
        30.0, gt=0, le=240, description="requested frame rate of the camera; pace of folders of stills and of the demo"
    )
    pixel_format: Literal["auto", "mjpg", "yuyv", "nv12"] = Field(
        "auto", description="what the camera is asked to send; auto takes MJPG where raw pictures cannot reach the frame rate"
    )
    loop: bool = Field(False, description="files start again at their end")
    read_timeout_s: float = Field(2.0, ge=0.2, le=60, description="a camera silent for this long counts as lost")
    retry_max_s: float = Field(10.0, ge=0.5, le=300, description="longest pause between two attempts to reopen a lost camera")


class TrackerSettings(Section):
    """MediaPipe's Face Landmarker; keys carry the task's own names."""

    model: str = Field("", description="path of face_landmarker.task; empty: searched, then downloaded and verified")
    running_mode: Literal["live_stream", "video"] = Field(
        "live_stream", description="mode for live sources; `track` chooses its own"
    )
    num_faces: int = Field(1, ge=1, le=16)
    min_face_detection_confidence: Fraction = 0.5
    min_face_presence_confidence: Fraction = 0.5
    min_tracking_confidence: Fraction = 0.5
    output_face_blendshapes: bool = True
    output_facial_transformation_matrixes: bool = True
    delegate: Literal["cpu", "gpu"] = "cpu"
    rotation: Literal[0, 90, 180, 270] = Field(0, description="degrees clockwise by which the picture is turned upright first")
    region_of_interest: tuple[Fraction, Fraction, Fraction, Fraction] | None = Field(
        None,
        description="x, y, width, height as fractions of the upright picture; faces outside are not seen, the pose is unchanged",
    )
    landmark_smoothing: Literal["auto", "full", "light", "off"] = Field(
        "auto", description="MediaPipe's own landmark filter: auto follows [smoothing] preset (balanced: light, low-latency: off)"
    )
    landmarks: bool = Field(False, description="read the 478 landmarks even when no output asks for them")
    direct_read: bool = Field(
        True, description="copy results straight from MediaPipe's memory after checking it against the public API"
    )
    stall_timeout_s: float = Field(2.0, ge=0.5, le=60, description="frames went in and nothing came back for this long: rebuild")
    identity_hold_s: float = Field(
        2.0,
        ge=0,
        le=60,
        description="for this long after a loss only a face near the lost one's place is taken for the same person",
    )

    @model_validator(mode="after")
    def _region_is_inside(self) -> TrackerSettings:
        if self.region_of_interest is not None:
            x, y, width, height = self.region_of_interest
            if width <= 0 or height <= 0 or x + width > 1.0 + 1e-9 or y + height > 1.0 + 1e-9:
                raise ValueError(
                    "region_of_interest must have a size and lie inside the picture (x, y, width, height within 0..1)"
                )
        return self


class FilterSettings(Section):
    """One gated One Euro filter. None keeps the preset's value for the group."""

    min_cutoff_hz: float | None = Field(None, gt=0, le=100)
    beta: float | None = Field(None, ge=0, le=1e5, description="Hz per unit of the channel (1, degree, centimetre)")
    dead_zone: float | None = Field(None, ge=0, le=10, description="k: dead zone in units of the measured noise")
    noise_prior: float | None = Field(None, gt=0, le=10, description="noise before it is measured (1, degree, centimetre)")


class SmoothingGroups(Section):
    """Overrides per channel group."""

    eyelids: FilterSettings = FilterSettings()
    gaze: FilterSettings = FilterSettings()
    brows: FilterSettings = FilterSettings()
    mouth: FilterSettings = FilterSettings()
    jaw: FilterSettings = FilterSettings()
    head_rotation: FilterSettings = FilterSettings()
    head_position: FilterSettings = FilterSettings()


class SmoothingSettings(Section):
    """Jitter out, motion in."""

    enabled: bool = True
    preset: Literal["balanced", "low-latency"] = Field(
        "balanced", description="balanced: calmest at rest; low-latency: 3-5 ms faster, a little more jitter"
    )
    derivative_cutoff_hz: float = Field(8.0, gt=0, le=100)
    groups: SmoothingGroups = SmoothingGroups()


class CalibrationSettings(Section):
    """The neutral pose and face."""

    collect_s: float = Field(2.0, ge=0.2, le=30, description="how long `calibrate` watches the neutral face")


class EyesSettings(Section):
    """Gaze from the eyeLook coefficients."""

    gaze_yaw_deg: float = Field(38.0, ge=0, le=90, description="degrees to the side at coefficient 1")
    gaze_pitch_deg: float = Field(35.0, ge=0, le=90, description="degrees up or down at coefficient 1")


class ExpressionSettings(Section):
    """What the channels of a face owe each other."""

    enabled: bool = True
    dead_zone: float = Field(0.02, ge=0, le=0.2, description="values up to this are rest, softly; gaze and blinks have none")
    gain: dict[str, Annotated[float, Field(ge=0, le=8)]] = Field(
        default={"mouthFrown": 3.0, "mouthClose": 1.5, "mouthStretch": 1.3, "jawLeft": 1.5, "jawRight": 1.5, "eyeLookUp": 1.5},
        description="slope above gain_from per channel; a name without side means both; 1 changes nothing, 0 switches off",
    )
    gain_from: float = Field(0.05, ge=0, le=0.5, description="gains above 1 begin here, so that rest stays calm")
    lips_with_jaw: bool = Field(True, description="mouthClose is never more than jawOpen")
    symmetry: Fraction = Field(
        1.0, description="how far the far side of a face turned by more than 20-35 degrees follows the near side"
    )
    pitch_coupling: Fraction = Field(
        0.0, description="how much of the model's mistake with raised and lowered heads is taken off the brows and lips"
    )
    landmark_shapes: tuple[LandmarkShape, ...] = Field(
        (), description="channels that the model leaves dead or weak, taken from the landmarks instead"
    )

    @field_validator("gain")
    @classmethod
    def _gain_names(cls, gain: dict[str, float]) -> dict[str, float]:
        for name in gain:
            if not arkit.sides_of(name):
                raise ValueError(f"{name!r} is not one of the 52 ARKit blendshapes, with or without its side")
        return gain


class HeadAxes(Section):
    """A number for each angle and each direction of the head."""

    yaw: float = Field(1.0, ge=0, le=4)
    pitch: float = Field(1.0, ge=0, le=4)
    roll: float = Field(1.0, ge=0, le=4)
    x: float = Field(1.0, ge=0, le=4)
    y: float = Field(1.0, ge=0, le=4)
    z: float = Field(1.0, ge=0, le=4)


class HeadSettings(Section):
    """The head's pose for avatars."""

    enabled: bool = True
    off_axis: Fraction = Field(
        0.0, description="how much of the turn is taken out that a head seems to make when it only moves aside"
    )
    camera_vfov_deg: float = Field(
        63.0, ge=20, le=120, description="the camera's vertical field of view; MediaPipe's distance is for 63 degrees"
    )
    gain: HeadAxes = HeadAxes()
    limit_deg: tuple[Limit, Limit, Limit] = Field(
        (0.0, 0.0, 0.0), description="largest yaw, pitch and roll, approached softly; 0 is no limit"
    )
    limit_m: tuple[Reach, Reach, Reach] = Field(
        (0.5, 0.4, 0.6), description="farthest from the neutral place: sideways, up or down, to and fro; softly; 0 is no limit"
    )


class PresenceSettings(Section):
    """What the avatar does when the face is not seen."""

    enabled: bool = True
    grace_s: float = Field(0.1, ge=0, le=10, description="gaps up to this long are bridged by holding still")
    hold_s: float = Field(0.5, ge=0, le=60, description="then the last believable pose is held for this long")
    hold_ease_s: float = Field(0.2, ge=0, le=10, description="how long it takes to reach that pose")
    ease_s: float = Field(0.8, ge=0, le=60, description="then the avatar eases to rest in this time")
    blend_s: float = Field(0.25, ge=0, le=10, description="and blends back in over this long when the face returns")
    stall_hold_s: float = Field(
        1.0, ge=0, le=60, description="when camera or tracker stand still, the avatar does so too for this long before that"
    )


class ControlSettings(Section):
    """The page, the stream and remote control, all on one port."""

    enabled: bool = True
    host: str = Field("127.0.0.1", min_length=1)
    port: Port = 8722
    token: str = Field("", description="demanded from everybody when host is not loopback; empty with such a host is refused")


class LogSettings(Section):
    """What is told on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class OutputSettings(BaseModel):
    """One receiver. ``url`` or the same as keys (kind, host, port, options); further keys belong to the kind."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)

    url: str = Field("", description="vmc://127.0.0.1:39539?names=pascal, osc://..., ws://..., record://FILE")
    kind: str = ""
    name: str = Field("", description="how status calls it; default: the kind, numbered when there are several")
    fps: float = Field(0.0, ge=0, le=240, description="messages per second; 0 sends every tracked frame")
    mirror: bool | None = Field(None, description="swap left and right for this receiver; default: the global mirror")
    subject: int = Field(0, ge=0, le=15, description="which face it follows when num_faces > 1")
    enabled: bool = True

    @property
    def options(self) -> dict[str, Any]:
        """The keys that belong to the kind."""
        return dict(self.__pydantic_extra__ or {})


class Settings(Section):
    """Everything."""

    mirror: bool = Field(False, description="swap left and right for every output that does not say otherwise")
    source: SourceSettings = SourceSettings()
    tracker: TrackerSettings = TrackerSettings()
    smoothing: SmoothingSettings = SmoothingSettings()
    calibration: CalibrationSettings = CalibrationSettings()
    eyes: EyesSettings = EyesSettings()
    expression: ExpressionSettings = ExpressionSettings()
    head: HeadSettings = HeadSettings()
    presence: PresenceSettings = PresenceSettings()
    control: ControlSettings = ControlSettings()
    log: LogSettings = LogSettings()
    outputs: tuple[OutputSettings, ...] = ()

    @property
    def needs_landmarks(self) -> bool:
        """Whether a stage reads the landmarks."""
        return self.tracker.landmarks or (self.expression.enabled and bool(self.expression.landmark_shapes))

    @property
    def timestamp_scale(self) -> float:
        """Factor on the milliseconds that MediaPipe is given: its landmark filter weakens with it (1 full, 4 light, 1e5 off)."""
        choice = self.tracker.landmark_smoothing
        if choice == "auto":
            choice = "off" if self.smoothing.preset == "low-latency" else "light"
        return {"full": 1.0, "light": 4.0, "off": 1e5}[choice]
