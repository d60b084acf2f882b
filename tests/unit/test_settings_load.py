"""Reading the configuration: precedence, located errors, all problems at once, the shipped file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.settings import RuleSettings, Section, Settings
from bridge.settings_load import load_settings
from bridge.shipped import shipped_path


@pytest.fixture(autouse=True)
def _nobody_elses_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No ``bridge.toml`` of the machine takes part."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bridge.settings_load.user_config_file", lambda: tmp_path / "none" / "bridge.toml")


def _write(folder: Path, text: str) -> Path:
    path = folder / "given.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_given_is_the_defaults() -> None:
    """Without file, environment and flags the defaults are in force."""
    loaded = load_settings()

    assert Settings() == loaded.settings
    assert loaded.path is None


def test_the_shipped_file_says_the_defaults() -> None:
    """``config/bridge.toml`` parses and equals ``settings.py``."""
    assert Settings() == load_settings(path=shipped_path("config/bridge.toml")).settings


def _keys(model: type[Section], prefix: str = "") -> list[str]:
    keys = []
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, Section):
            keys += _keys(annotation, f"{prefix}{name}.")
        else:
            keys.append(prefix + name)
    return keys


def test_the_shipped_file_names_every_key() -> None:
    """Every key of the settings appears in ``config/bridge.toml``, at least in a comment."""
    text = shipped_path("config/bridge.toml").read_text(encoding="utf-8")

    missing = [key for key in _keys(Settings) if f"{key.rsplit('.', 1)[-1]} =" not in text and key != "outputs"]

    assert [] == [key for key in missing if not key.startswith("smoothing.groups.")]
    assert "[[outputs]]" in text


def test_precedence_is_defaults_file_environment_flags(tmp_path: Path) -> None:
    """Later ones win, key by key."""
    path = _write(tmp_path, "[tracker]\nnum_faces = 2\nmin_tracking_confidence = 0.1\n[source]\nwidth = 800\n")

    settings = load_settings(
        path=path,
        environment={"AVATAR_BRIDGE_TRACKER__NUM_FACES": "3", "AVATAR_BRIDGE_SOURCE__WIDTH": "1280", "HOME": "/x"},
        overrides=["tracker.num_faces=4"],
    ).settings

    assert (4, 0.1, 1280, 480) == (
        settings.tracker.num_faces,
        settings.tracker.min_tracking_confidence,
        settings.source.width,
        settings.source.height,
    )


def test_values_of_flags_are_toml_where_they_can_be() -> None:
    """Numbers, booleans and lists are typed; anything else is text."""
    settings = load_settings(
        overrides=["mirror=true", "tracker.region_of_interest=[0, 0, 0.5, 1]", "source.input=camera:Logitech C920"]
    ).settings

    assert settings.mirror
    assert (0.0, 0.0, 0.5, 1.0) == settings.tracker.region_of_interest
    assert "camera:Logitech C920" == settings.source.input


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[tracker]\nnum_facez = 2", "tracker.num_facez: unknown key; did you mean num_faces?"),
        ("[trakcer]\nx = 2", "trakcer: unknown key; did you mean tracker?"),
        ("[source]\nwidth = 'wide'", "source.width: input should be a valid integer"),
        ("[tracker]\nmin_tracking_confidence = 1.5", "less than or equal to 1, not 1.5"),
        ("[tracker]\nrotation = 45", "tracker.rotation"),
        ("[tracker]\nregion_of_interest = [0.5, 0, 0.6, 1]", "region_of_interest must have a size and lie inside"),
        ("[[outputs]]\nfps = -1", "outputs[0].fps"),
        ("[presence]\nhold_s = nan", "presence.hold_s"),
        ("[rules.jawOpen]\nscael = 2", "rules.jawOpen.scael: unknown key; did you mean scale?"),
        ("[[rules]]\ntarget = 'X'\nsources = [{nmae = 'jawOpen'}]", "rules.X.sources[0].nmae: unknown key; did you mean name?"),
        ("[rules.X]\nsources = ['jawOpen']\ncombine = 'avg'", "rules.X.combine: input should be 'sum', 'mean', 'max' or 'diff'"),
        ("[rules.X]\nsources = ['jawOpen']\ncombine = 'diff'", "rules.X: combine = 'diff' needs at least two sources"),
        ("[rules.X]\ncurve = [[0, 0], [0, 1]]", "rules.X: curve has two points [x, y] or more, and x grows"),
        ("[rules.X]\ncurve = [[0, 0], [1, 1]]\ngamma = 2", "rules.X: curve and gamma exclude each other"),
        ("[rules.X]\nclip = [1, 0]", "rules.X: clip is [lowest, highest]"),
        ("[rules.X]\nsources = [{}]", "rules.X.sources[0]: a source has a name or a value"),
        ("[rules.X]\nscale = inf", "rules.X.scale: input should be a finite number"),
        ("[[rules]]\nscale = 2", "rules: rule number 1 has no target"),
        ("[[rules]]\ntarget = 'X'\n[[rules]]\ntarget = 'X'", "rules: two rules make X"),
        ("rules = 5", "rules: input should be a valid dictionary, not 5"),
        ("[[outputs]]\n[outputs.rules.X]\nscael = 1", "outputs[0].rules.X.scael: unknown key; did you mean scale?"),
    ],
)
def test_a_problem_names_file_key_and_remedy(tmp_path: Path, text: str, expected: str) -> None:
    """One problem is one sentence with the file and the key path."""
    path = _write(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        load_settings(path=path)

    assert expected in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_come_in_one_report(tmp_path: Path) -> None:
    """File, environment and flags are reported together, each with where it came from."""
    path = _write(tmp_path, "[tracker]\nnum_faces = 0\n")

    with pytest.raises(ConfigError) as caught:
        load_settings(path=path, environment={"AVATAR_BRIDGE_MIRROR": "perhaps"}, overrides=["control.port=99999"])

    report = str(caught.value)
    assert report.startswith("3 problems in the configuration:")
    assert f"{path}: tracker.num_faces" in report
    assert "environment variable AVATAR_BRIDGE_MIRROR: mirror" in report
    assert "--set control.port=99999: control.port" in report


def test_a_token_is_in_no_report() -> None:
    """Neither as what was given nor as where it stood."""
    with pytest.raises(ConfigError) as caught:
        load_settings(environment={"AVATAR_BRIDGE_CONTROL__TOKEN": "[4711]"}, overrides=["control.token=4711"])

    assert "--set control.token: control.token: input should be a valid string" == str(caught.value)


def test_broken_toml_names_line_and_column(tmp_path: Path) -> None:
    """A syntax error says where it is."""
    path = _write(tmp_path, "[tracker\n")

    with pytest.raises(ConfigError, match=r"given\.toml is not valid TOML: .*line 1"):
        load_settings(path=path)


def test_text_that_is_not_utf8_is_said(tmp_path: Path) -> None:
    """A binary file is named, not a traceback."""
    path = tmp_path / "given.toml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_settings(path=path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Windows' editors write one."""
    path = tmp_path / "given.toml"
    path.write_bytes(b"\xef\xbb\xbfmirror = true\r\n")

    assert load_settings(path=path).settings.mirror


def test_a_folder_is_no_configuration_file(tmp_path: Path) -> None:
    """It does exist, so nothing is said about making it."""
    with pytest.raises(ConfigError, match="is a folder: name the file in it"):
        load_settings(path=tmp_path)


def test_a_missing_explicit_file_says_how_to_make_one(tmp_path: Path) -> None:
    """``--config`` must exist."""
    with pytest.raises(ConfigError, match="does not exist; `avatar-bridge config init"):
        load_settings(path=tmp_path / "absent.toml")


@pytest.mark.parametrize("flag", ["tracker.num_faces", "=3", "tracker..x=1"])
def test_a_malformed_set_flag_is_one_sentence(flag: str) -> None:
    """``--set`` without key or value is refused."""
    with pytest.raises(ConfigError, match="--set"):
        load_settings(overrides=[flag])


def test_the_working_folders_file_is_found(tmp_path: Path) -> None:
    """``./bridge.toml`` is read without being named."""
    (tmp_path / "bridge.toml").write_text("mirror = true\n", encoding="utf-8")

    assert load_settings().settings.mirror


def test_paths_of_rules_and_profiles_begin_at_the_file(tmp_path: Path) -> None:
    """Wherever the bridge is started; off and nothing are no paths."""
    text = 'rules = "mine.toml"\nprofiles = "p"\n[[outputs]]\nrules = "a/b.toml"\n[[outputs]]\nrules = "off"\n[[outputs]]\n'
    settings = load_settings(path=_write(tmp_path, text)).settings

    assert (str(tmp_path / "mine.toml"), str(tmp_path / "p")) == (settings.rules, settings.profiles)
    assert [str(tmp_path / "a" / "b.toml"), "off", {}] == [output.rules for output in settings.outputs]


def test_profiles_beside_the_file_count_without_being_named(tmp_path: Path) -> None:
    """Only when the folder is there; a file made by ``config init`` names none."""
    path = _write(tmp_path, 'profiles = ""\n')
    before = load_settings(path=path).settings.profiles
    (tmp_path / "profiles").mkdir()

    assert ("", str(tmp_path / "profiles")) == (before, load_settings(path=path).settings.profiles)


def test_rules_as_tables_and_as_a_list_are_the_same(tmp_path: Path) -> None:
    """One that is named once more by a flag is changed, not replaced."""
    table = load_settings(path=_write(tmp_path, "[rules.jawOpen]\nscale = 2\n"), overrides=["rules.jawOpen.offset=1"])
    listed = load_settings(path=_write(tmp_path, "[[rules]]\ntarget = 'jawOpen'\nscale = 2\noffset = 1\n"))

    assert table.settings.rules == listed.settings.rules == {"jawOpen": RuleSettings(scale=2, offset=1)}
