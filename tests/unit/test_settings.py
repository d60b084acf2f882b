"""The configuration's types: defaults as documented, ranges at their ends, nothing unknown, nothing changed later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from bridge.settings import OutputSettings, Section, Settings

# What DESIGN.md, QUALITY.md section 7 and the issue promise without any configuration.
DEFAULTS: dict[str, Any] = {
    "mirror": False,
    "source": {
        "input": "auto", "width": 640, "height": 480, "fps": 30.0, "pixel_format": "auto", "loop": False,
        "read_timeout_s": 2.0, "retry_max_s": 10.0,
    },
    "tracker": {
        "model": "", "running_mode": "live_stream", "num_faces": 1, "min_face_detection_confidence": 0.5,
        "min_face_presence_confidence": 0.5, "min_tracking_confidence": 0.5, "output_face_blendshapes": True,
        "output_facial_transformation_matrixes": True, "delegate": "cpu", "rotation": 0, "region_of_interest": None,
        "landmark_smoothing": "auto", "landmarks": False, "direct_read": True, "stall_timeout_s": 2.0,
        "identity_hold_s": 2.0,
    },
    "calibration": {
        "collect_s": 2.0, "profile": "auto", "factory": True, "auto": True, "range": True, "camera_tilt_deg": "auto",
    },
    "presence": {
        "enabled": True, "grace_s": 0.1, "hold_s": 0.5, "hold_ease_s": 0.2, "ease_s": 0.8, "blend_s": 0.25, "stall_hold_s": 1.0,
    },
    "control": {"enabled": True, "host": "127.0.0.1", "port": 8722, "osc_port": 0, "token": ""},
    "log": {"level": "info"},
    "outputs": [],
}  # fmt: skip


def _nest(path: str, value: object) -> dict[str, Any]:
    tree: Any = value
    for key in reversed(path.split(".")):
        tree = {key: tree}
    assert isinstance(tree, dict)
    return tree


def _read(settings: BaseModel, path: str) -> object:
    value: Any = settings
    for key in path.split("."):
        value = getattr(value, key)
    found: object = value
    return found


def _problem(path: str, value: object) -> tuple[str, str]:
    """Validates and returns where and what (pydantic's error type) the one problem is."""
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(_nest(path, value))
    (error,) = caught.value.errors()
    return ".".join(str(part) for part in error["loc"]), error["type"]


@pytest.mark.parametrize("section", sorted(DEFAULTS))
def test_defaults_are_the_promised_ones(section: str) -> None:
    """An empty configuration is the documented one."""
    dumped = Settings().model_dump(mode="json")

    assert dumped[section] == DEFAULTS[section]


@pytest.mark.parametrize(
    "path",
    [
        "camra", "source.imput", "tracker.num_face", "smoothing.beta", "smoothing.groups.eyebrows", "smoothing.groups.jaw.cutoff",
        "calibration.seconds", "eyes.gain", "presence.hold", "control.bind", "log.file",
    ],
)  # fmt: skip
def test_an_unknown_key_is_an_error_in_every_section(path: str) -> None:
    """A typing mistake is told, with its place, not ignored."""
    assert _problem(path, 1) == (path, "extra_forbidden")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("source.width", 16), ("source.width", 8192), ("source.fps", 240), ("source.read_timeout_s", 0.2),
        ("tracker.num_faces", 1), ("tracker.num_faces", 16), ("tracker.min_tracking_confidence", 0.0),
        ("tracker.min_tracking_confidence", 1.0), ("tracker.rotation", 270), ("control.port", 1), ("control.port", 65535),
        ("smoothing.amount", 1.0), ("presence.hold_s", 0), ("presence.hold_s", 60), ("eyes.gaze_yaw_deg", 90),
    ],
)  # fmt: skip
def test_the_ends_of_a_range_are_inside(path: str, value: float) -> None:
    """Minimum and maximum are allowed."""
    assert _read(Settings.model_validate(_nest(path, value)), path) == value


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("source.width", 15, "greater_than_equal"), ("source.width", 8193, "less_than_equal"), ("source.fps", 0, "greater_than"),
        ("source.fps", 240.1, "less_than_equal"), ("tracker.num_faces", 0, "greater_than_equal"),
        ("tracker.num_faces", 17, "less_than_equal"), ("tracker.min_face_detection_confidence", 1.01, "less_than_equal"),
        ("tracker.min_face_presence_confidence", -0.01, "greater_than_equal"),
        ("tracker.min_tracking_confidence", 1.5, "less_than_equal"), ("control.port", 0, "greater_than_equal"),
        ("control.port", 65536, "less_than_equal"), ("control.host", "", "string_too_short"),
        ("presence.hold_s", -0.1, "greater_than_equal"), ("smoothing.groups.jaw.min_cutoff_hz", 0, "greater_than"),
    ],
)  # fmt: skip
def test_beyond_the_ends_is_an_error(path: str, value: object, kind: str) -> None:
    """One step further is refused, at its place."""
    assert _problem(path, value) == (path, kind)


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("source.width", "wide", "int_parsing"), ("source.width", 640.5, "int_from_float"), ("source.input", 3, "string_type"),
        ("source.loop", "perhaps", "bool_parsing"), ("tracker.delegate", "tpu", "literal_error"),
        ("tracker.rotation", 45, "literal_error"), ("smoothing.preset", "best", "literal_error"),
        ("log.level", "loud", "literal_error"),
        ("source", "camera", "model_type"), ("outputs", "vmc://127.0.0.1:39539", "tuple_type"),
    ],
)  # fmt: skip
def test_a_wrong_type_is_an_error(path: str, value: object, kind: str) -> None:
    """Words where numbers belong, unknown choices, a value where a table belongs."""
    assert _problem(path, value) == (path, kind)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_are_finite(value: float) -> None:
    """TOML can write nan and inf; the bridge cannot use them."""
    assert _problem("source.fps", value) == ("source.fps", "finite_number")


def test_all_problems_are_told_at_once() -> None:
    """Two mistakes, two errors."""
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"source": {"width": 1, "hight": 2}})

    assert {error["loc"] for error in caught.value.errors()} == {("source", "width"), ("source", "hight")}


def test_settings_never_change() -> None:
    """A reload makes new ones."""
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Settings(), "mirror", True)  # noqa: B010 - mypy already forbids the plain assignment


def test_text_is_stripped() -> None:
    """Spaces around a name are no part of it."""
    assert Settings.model_validate(_nest("source.input", "  demo ")).source.input == "demo"


@pytest.mark.parametrize("region", [(0, 0, 1, 1), (0.25, 0.25, 0.75, 0.75), (0.1, 0.2, 0.9, 0.8), [0.0, 0.5, 1.0, 0.5]])
def test_a_region_inside_the_picture_is_accepted(region: Sequence[float]) -> None:
    """Up to the very edge, rounding included (0.1 + 0.9)."""
    assert Settings.model_validate(_nest("tracker.region_of_interest", region)).tracker.region_of_interest == tuple(region)


@pytest.mark.parametrize("region", [(0.5, 0, 0.6, 1), (0, 0.5, 1, 0.6), (0, 0, 0, 1), (0, 0, 1, 0)])
def test_a_region_outside_the_picture_is_an_error(region: object) -> None:
    """Nothing to see there."""
    assert _problem("tracker.region_of_interest", region) == ("tracker", "value_error")


@pytest.mark.parametrize(
    ("preset", "choice", "scale"),
    [
        ("balanced", "auto", 4.0), ("low-latency", "auto", 1e5), ("balanced", "full", 1.0), ("low-latency", "full", 1.0),
        ("low-latency", "light", 4.0), ("balanced", "off", 1e5),
    ],
)  # fmt: skip
def test_timestamp_scale_follows_the_landmark_filter(preset: str, choice: str, scale: float) -> None:
    """auto goes with the preset, an explicit choice wins."""
    settings = Settings.model_validate({"smoothing": {"preset": preset}, "tracker": {"landmark_smoothing": choice}})

    assert settings.timestamp_scale == scale


def test_an_output_keeps_the_keys_of_its_kind() -> None:
    """What is not common to all outputs is handed to the kind."""
    output = OutputSettings.model_validate({"kind": "vmc", "port": 39539, "names": "pascal", "fps": 60})

    assert output.options == {"port": 39539, "names": "pascal"}
    assert output.fps == 60.0


def test_an_outputs_options_are_a_copy() -> None:
    """Changing what was handed out changes no settings."""
    output = OutputSettings.model_validate({"kind": "vmc", "port": 39539})
    output.options["port"] = 1

    assert output.options == {"port": 39539}


@pytest.mark.parametrize(("key", "value"), [("fps", -1), ("fps", 241), ("subject", 16), ("subject", -1)])
def test_an_outputs_common_keys_have_ranges(key: str, value: float) -> None:
    """Rates up to 240, subjects up to 16 faces; the place names the output's number."""
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"outputs": [{"url": "vmc://127.0.0.1:39539", key: value}]})

    assert [error["loc"] for error in caught.value.errors()] == [("outputs", 0, key)]


def _sections(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = [model]
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += _sections(field.annotation)
    return found


@pytest.mark.parametrize("section", sorted(set(_sections(Settings)), key=str))
def test_every_section_is_strict_about_its_keys(section: type[BaseModel]) -> None:
    """A section added later cannot forget it."""
    assert issubclass(section, Section)


def test_the_schema_describes_every_section() -> None:
    """Editors get a JSON Schema that forbids unknown keys."""
    schema = Settings.model_json_schema()

    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Settings.model_fields)
