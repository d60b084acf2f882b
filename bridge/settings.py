"""The configuration as types: every key, its default, its range. ``config/bridge.toml`` shows the same keys to people.

Order of precedence: defaults < file < environment ``AVATAR_BRIDGE_*`` < flags (``settings_load``). Settings are frozen values; a
reload makes new ones. Options of one kind of output (``names`` of vmc, ...) are checked by ``outputs.registry``, the names that a
mapping rule reads by ``mapping.rules``.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from bridge.stage_settings import (
    CalibrationSettings,
    EmaGroups,
    ExpressionSettings,
    EyesSettings,
    FilterSettings,
    Fraction,
    HeadSettings,
    OneEuroGroups,
    OneEuroSettings,
    PresenceSettings,
    Section,
    SmoothingGroups,
    SmoothingSettings,
)

LandmarkShape: TypeAlias = Literal["cheekPuff", "noseSneer", "jawForward", "eyeWide", "mouthFrown"]
__all__ = [
    "MAX_RULES",
    "SECRETS",
    "CalibrationSettings",
    "ControlSettings",
    "EmaGroups",
    "ExpressionSettings",
    "EyesSettings",
    "Factor",
    "FilterSettings",
    "Fraction",
    "HeadSettings",
    "LogSettings",
    "OneEuroGroups",
    "OneEuroSettings",
    "OutputSettings",
    "Port",
    "PresenceSettings",
    "RuleSettings",
    "RuleSource",
    "Section",
    "Settings",
    "SmoothingGroups",
    "SmoothingSettings",
    "SourceSettings",
    "TrackerSettings",
]

Port = Annotated[int, Field(ge=1, le=65535)]

SECRETS = frozenset({"token", "password"})
"""Keys whose values are never shown: not in messages, logs, status or ``config show``."""


class SourceSettings(Section):
    """What is watched."""

    input: str = Field(
        "auto",
        description="auto | camera | camera:0 | camera:NAME-or-path | a video, GIF, still or folder | demo | "
        "a sender in the network: vmc[:HOST[:PORT]], vts-phone:HOST, ifacialmocap:HOST, facemotion3d:HOST, livelink[:HOST]",
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
        "auto", description="MediaPipe's own landmark filter: auto follows [smoothing] preset (low-latency: off, others: light)"
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


class ControlSettings(Section):
    """The page, the stream and remote control, all on one port."""

    enabled: bool = True
    host: str = Field("127.0.0.1", min_length=1)
    port: Port = 8722
    osc_port: int = Field(
        0, ge=0, le=65535, description="UDP port of this machine for /avatar-bridge/recenter, calibrate, ...; 0 is off"
    )
    token: str = Field("", description="demanded from everybody when host is not loopback; empty with such a host is refused")


class LogSettings(Section):
    """What is told on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"


# --- mapping rules -------------------------------------------------------------------------------------------------------

Factor = Annotated[float, Field(ge=-1e6, le=1e6)]


class RuleSource(Section):
    """One thing that a rule reads: a name, or a number that stays as it is."""

    name: str = Field("", description="one of the 52, headYaw, ..., gazeLeftYaw, ...")
    value: Factor | None = Field(None, description="a constant, instead of a name")
    scale: Factor = 1.0

    @model_validator(mode="after")
    def _is_one_of_both(self) -> RuleSource:
        if bool(self.name) == (self.value is not None):
            raise ValueError("a source has a name or a value")
        return self


def _source(given: Any) -> Any:
    """``"jawOpen"`` and ``0.5`` are short for tables."""
    if isinstance(given, str):
        return {"name": given}
    return {"value": given} if isinstance(given, int | float) and not isinstance(given, bool) else given


def _sources(given: Any) -> Any:
    return given if isinstance(given, list | tuple) else [given]


class RuleSettings(Section):
    """How one value is made. The order: sources times their scales, combine, dead zone, scale, offset, curve or gamma, clip."""

    sources: Annotated[
        tuple[Annotated[RuleSource, BeforeValidator(_source)], ...],
        BeforeValidator(_sources),
        Field(max_length=64, description="what is read; empty: the target itself"),
    ] = ()
    combine: Literal["sum", "mean", "max", "diff"] = Field("sum", description="diff: the first minus all others")
    dead_zone: float = Field(0.0, ge=0, le=1e6, description="what is nearer to 0 than this is 0, the rest moves up to it")
    scale: Factor = 1.0
    offset: Factor = 0.0
    curve: tuple[tuple[Factor, Factor], ...] = Field((), max_length=16, description="points x, y; straight lines between them")
    gamma: float = Field(1.0, ge=0.1, le=10, description="an exponent instead of a curve; keeps the sign")
    clip: tuple[Factor, Factor] | None = Field(None, description="lowest and highest value")

    @model_validator(mode="after")
    def _fits_together(self) -> RuleSettings:
        if self.combine == "diff" and len(self.sources) < 2:
            raise ValueError("combine = 'diff' needs at least two sources: the first minus the others")
        if self.curve and self.gamma != 1.0:
            raise ValueError("curve and gamma exclude each other; keep one of them")
        if len(self.curve) == 1 or any(b[0] - a[0] < 1e-6 for a, b in pairwise(self.curve)):
            raise ValueError("curve has two points [x, y] or more, and x grows from point to point")
        if self.clip is not None and self.clip[0] >= self.clip[1]:
            raise ValueError("clip is [lowest, highest]")
        return self


RuleTables: TypeAlias = dict[Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")], RuleSettings]
"""Target -> how it is made."""

MAX_RULES = 256


def _tables(given: Any) -> Any:
    """``[[rules]]`` with ``target = "jawOpen"`` says the same as ``[rules.jawOpen]``."""
    if isinstance(given, list | tuple):
        tables: dict[str, Any] = {}
        for number, each in enumerate(given, start=1):
            target = each.get("target") if isinstance(each, Mapping) else None
            if not isinstance(target, str):
                raise ValueError(f"rule number {number} has no target; write target = 'jawOpen'")  # noqa: TRY004 - pydantic's way
            if target in tables:
                raise ValueError(f"two rules make {target}; keep one of them")
            tables[target] = {key: value for key, value in each.items() if key != "target"}
        given = tables
    if isinstance(given, Mapping) and len(given) > MAX_RULES:
        raise ValueError(f"{len(given)} rules are more than the {MAX_RULES} that are possible")
    return given


def _form(given: Any) -> str:
    return "<file>" if isinstance(given, str) else "<tables>"


RulesSetting: TypeAlias = Annotated[
    Annotated[str, Tag("<file>")] | Annotated[RuleTables, BeforeValidator(_tables), Tag("<tables>")], Discriminator(_form)
]
"""Mapping rules, or the file that has them. In the place of a problem (``loc``), parts in angle brackets are no keys."""


Motion: TypeAlias = Literal["linear", "low-latency", "hold"]
"""How an output with more messages than tracked frames moves in between: evenly; evenly but foreseeing; not at all."""


class OutputSettings(BaseModel):
    """One receiver. ``url`` or the same as keys (kind, host, port, options); further keys belong to the kind."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)

    url: str = Field("", description="vmc://127.0.0.1:39539?names=pascal, osc://..., ws://..., record://FILE")
    kind: str = ""
    name: str = Field("", description="how status calls it; default: the kind, numbered when there are several")
    fps: float = Field(0.0, ge=0, le=240, description="messages per second; 0 sends every tracked frame")
    motion: Motion = Field("linear", description="between tracked frames, when fps is higher: linear | low-latency | hold")
    mirror: bool | None = Field(None, description="swap left and right for this receiver; default: the global mirror")
    subject: int = Field(0, ge=0, le=15, description="which face it follows when num_faces > 1")
    rules: RulesSetting = Field(
        default_factory=dict,
        description="mapping rules for this receiver: a file, or tables; off: none, not even the global ones",
    )
    enabled: bool = True

    @property
    def options(self) -> dict[str, Any]:
        """The keys that belong to the kind."""
        return dict(self.__pydantic_extra__ or {})


class Settings(Section):
    """Everything."""

    mirror: bool = Field(False, description="swap left and right for every output that does not say otherwise")
    profiles: str = Field(
        "", description="folder with receiver profiles of your own; default: profiles/ beside the configuration file"
    )
    rules: RulesSetting = Field(default_factory=dict, description="mapping rules for every output: tables, or a file")
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
        """Whether the landmarks are read even when no output asks for them."""
        iris = self.eyes.enabled and self.eyes.gaze_source == "iris"
        shapes = self.expression.enabled and bool(self.expression.landmark_shapes)
        return self.tracker.landmarks or iris or shapes

    @property
    def timestamp_scale(self) -> float:
        """Factor on the milliseconds that MediaPipe is given: its landmark filter weakens with it (1 full, 4 light, 1e5 off)."""
        choice = self.tracker.landmark_smoothing
        if choice == "auto":
            choice = "off" if self.smoothing.preset == "low-latency" else "light"
        return {"full": 1.0, "light": 4.0, "off": 1e5}[choice]
