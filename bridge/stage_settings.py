"""The configuration of the stages: what is done to a face between tracker and outputs. Part of ``settings``."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bridge import arkit

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Gain = Annotated[float, Field(ge=0.0, le=8.0)]
Limit = Annotated[float, Field(ge=0.0, le=180.0)]
Reach = Annotated[float, Field(ge=0.0, le=10.0)]
LandmarkShape: TypeAlias = Literal["cheekPuff", "noseSneer", "jawForward", "eyeWide", "mouthFrown"]


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)


class FilterSettings(Section):
    """One gated One Euro filter. None keeps the default of the group."""

    min_cutoff_hz: float | None = Field(None, gt=0, le=100)
    beta: float | None = Field(None, ge=0, le=1e5, description="Hz per unit of the channel (1, degree, centimetre)")
    dead_zone: float | None = Field(None, ge=0, le=10, description="k: dead zone in units of the measured noise")
    knee: float | None = Field(None, ge=0, le=100, description="how softly the zone ends, in the same units; 0: sharply")
    derivative_cutoff_hz: float | None = Field(None, gt=0, le=100, description="of its look at the distance")
    noise_prior: float | None = Field(None, gt=0, le=10, description="noise before it is measured (1, degree, centimetre)")


class SmoothingGroups(Section):
    """filter = gated: what differs from the defaults, per channel group."""

    eyelids: FilterSettings = FilterSettings()
    gaze: FilterSettings = FilterSettings()
    brows: FilterSettings = FilterSettings()
    mouth: FilterSettings = FilterSettings()
    jaw: FilterSettings = FilterSettings()
    head_rotation: FilterSettings = FilterSettings()
    head_position: FilterSettings = FilterSettings()


class OneEuroSettings(Section):
    """One textbook One Euro filter. None keeps the default of the group."""

    min_cutoff_hz: float | None = Field(None, gt=0, le=100)
    beta: float | None = Field(None, ge=0, le=1e5, description="Hz per unit of speed (1, degree, centimetre a second)")
    derivative_cutoff_hz: float | None = Field(None, gt=0, le=100)


class OneEuroGroups(Section):
    """filter = one-euro: what differs from the defaults, per channel group."""

    eyelids: OneEuroSettings = OneEuroSettings()
    gaze: OneEuroSettings = OneEuroSettings()
    brows: OneEuroSettings = OneEuroSettings()
    mouth: OneEuroSettings = OneEuroSettings()
    jaw: OneEuroSettings = OneEuroSettings()
    head_rotation: OneEuroSettings = OneEuroSettings()
    head_position: OneEuroSettings = OneEuroSettings()


TimeConstant = Annotated[float, Field(ge=0.001, le=10)]


class EmaGroups(Section):
    """filter = ema: the time constant in seconds, per channel group."""

    eyelids: TimeConstant = 0.03
    gaze: TimeConstant = 0.03
    brows: TimeConstant = 0.05
    mouth: TimeConstant = 0.05
    jaw: TimeConstant = 0.03
    head_rotation: TimeConstant = 0.08
    head_position: TimeConstant = 0.08


class SmoothingSettings(Section):
    """Jitter out, motion in."""

    enabled: bool = True
    preset: Literal["low-latency", "balanced", "calm"] = Field(
        "balanced", description="low-latency: 4 ms faster, more jitter; calm: stiller at rest, slower to start"
    )
    amount: Fraction = Field(0.5, description="0 weakest, 0.5 as the preset, 1 strongest")
    filter: Literal["gated", "one-euro", "ema"] = Field(
        "gated", description="gated: stillest for its delay; one-euro, ema: the usual ones, for comparison"
    )
    groups: SmoothingGroups = SmoothingGroups()
    one_euro: OneEuroGroups = OneEuroGroups()
    ema: EmaGroups = EmaGroups()


class CalibrationSettings(Section):
    """The neutral pose and face, and the range of the expressions."""

    collect_s: float = Field(2.0, ge=0.2, le=30, description="how long `calibrate` watches the neutral face")
    profile: str = Field(
        "auto",
        min_length=1,
        max_length=40,
        description="loaded at the start: auto (last used with this camera) | none | NAME",
    )
    factory: bool = Field(True, description="before anybody calibrated: start from MediaPipe's usual resting face")
    auto: bool = Field(True, description="learn slowly, only from a face at rest, while nobody calibrated")
    range: bool = Field(True, description="stretch each channel to the range that faces, or you, really use")
    camera_tilt_deg: Annotated[float, Field(ge=-60, le=60)] | Literal["auto"] = Field(
        "auto", description="how far the camera looks down (+) or up (-) at you; auto: from the calibrated head"
    )


class EyesSettings(Section):
    """Lids that close, open and wink as the person's do, and where the eyes look."""

    enabled: bool = Field(True, description="false: lids and eyeLook coefficients stay as tracked and gaze stays ahead")
    lids: Literal["auto", "map", "off"] = Field(
        "auto",
        description="each eye's open level becomes 0, a blink 1; auto: eyes that are not MediaPipe's (demo, phones) stay",
    )
    link: Literal["auto", "blend", "off"] = Field(
        "auto", description="auto: the lids close together unless you wink; blend: always together; off: each for itself"
    )
    far_eye: bool = Field(True, description="beyond 20-30 degrees of yaw the eye that the camera hardly sees follows the other")
    gaze: Literal["linked", "separate", "off"] = Field(
        "linked", description="both eyes look the same way; separate: each its own, but never apart; off: as tracked"
    )
    gaze_hold: bool = Field(True, description="the eyes do not look down while the lids are closing")
    gaze_source: Literal["coefficients", "iris"] = Field(
        "coefficients", description="iris: sideways gaze from the irises' landmarks, linear but not calmer"
    )
    iris_gain: float = Field(4.0, ge=0.5, le=12, description="coefficient per eye width that the iris is off its middle")
    gaze_yaw_deg: float = Field(38.0, ge=0, le=90, description="degrees to the side at coefficient 1")
    gaze_pitch_deg: float = Field(35.0, ge=0, le=90, description="degrees up or down at coefficient 1")


class ExpressionSettings(Section):
    """What the channels of a face owe each other."""

    enabled: bool = True
    dead_zone: float = Field(0.02, ge=0, le=0.2, description="values up to this are rest, softly; gaze and blinks have none")
    gain: dict[str, Gain] = Field(
        default={"mouthFrown": 3.0, "mouthClose": 1.5, "mouthStretch": 1.3, "jawLeft": 1.5, "jawRight": 1.5, "eyeLookUp": 1.5},
        description="slope above gain_from per channel; a name without side means both; 1 changes nothing, 0 switches off",
    )
    gain_from: float = Field(0.05, ge=0, le=0.5, description="gains above 1 begin here, so that rest stays calm")
    lips_with_jaw: bool = Field(True, description="mouthClose is never more than jawOpen")
    symmetry: Fraction = Field(1.0, description="how far the far side of a face turned by 20-35 degrees follows the near side")
    pitch_coupling: Fraction = Field(0.0, description="how much of the model's mistake with tilted heads is taken off")
    landmark_shapes: tuple[LandmarkShape, ...] = Field((), description="dead or weak channels to take from the landmarks")

    @field_validator("gain")
    @classmethod
    def _gain_names(cls, gain: dict[str, float]) -> dict[str, float]:
        for name in gain:
            if not arkit.sides_of(name):
                raise ValueError(f"{name!r} is not one of the 52 ARKit blendshapes, with or without its side")
        return gain


class HeadSettings(Section):
    """The head's pose for avatars."""

    enabled: bool = True
    off_axis: Fraction = Field(0.0, description="how much of the turn is taken out that a head aside of the camera seems to make")
    camera_vfov_deg: float = Field(63.0, ge=20, le=120, description="vertical; MediaPipe's distance is for 63 degrees")
    gain_deg: tuple[Gain, Gain, Gain] = Field((1.0, 1.0, 1.0), description="factors on yaw, pitch and roll")
    gain_m: tuple[Gain, Gain, Gain] = Field((1.0, 1.0, 1.0), description="factors on x (own left), y (up) and z (forward)")
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
