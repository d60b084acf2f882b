"""``avatar-bridge receivers``: what --output can name, for people and programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.cli.app import app
from bridge.outputs.profiles import ProfileShelf
from bridge.outputs.receivers import describe_receiver, list_receivers


@pytest.fixture(autouse=True)
def _nobody_elses_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for module in ("bridge.settings_load", "bridge.outputs.profiles"):
        monkeypatch.setattr(f"{module}.user_config_file", lambda: tmp_path / "none" / "bridge.toml")
    monkeypatch.setenv("COLUMNS", "160")


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["receivers", *arguments])
    assert 0 == result.exit_code, result.output
    return result.output


def test_the_listing_names_receivers_and_protocols() -> None:
    """What for, the URL, and the first thing to switch on there."""
    output = _run()

    for text in ("VSeeFace", "vseeface://", "General settings > OSC/VMC receiver", "osc://127.0.0.1:9000", "record://FILE"):
        assert text in output


def test_one_receiver_is_told_in_full() -> None:
    """The output that it means, all steps, what was not tried, the options with the profile's defaults."""
    output = _run("vseeface")

    for text in ("vmc://127.0.0.1:39539?max_bytes=8192", "head and neck tracking off", "Not tried on the real VSeeFace", "neck"):
        assert text in output
    assert (
        "8192"
        == {option.name: option.default for option in describe_receiver("vseeface://", ProfileShelf()).options}["max_bytes"]
    )


def test_a_kind_is_told_with_its_options() -> None:
    """For everything that has no profile."""
    assert "address of a coefficient" in _run("osc")


def test_programs_get_json() -> None:
    """The same."""
    listed = {each["name"]: each for each in json.loads(_run("--json"))}

    assert "vmc://127.0.0.1:39539" == listed["vnyan"]["means"]
    assert "osc" in listed
    assert listed["vnyan"] == json.loads(_run("vnyan", "--json"))


def test_profiles_beside_the_configuration_are_listed_and_broken_ones_said(tmp_path: Path) -> None:
    """One line, file and key; the others are listed nevertheless."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.toml").write_text('kind = "vmc"\ndescription = "my own"\n', encoding="utf-8")
    (tmp_path / "profiles" / "bad.toml").write_text('kind = "vmc"\n', encoding="utf-8")
    (tmp_path / "bridge.toml").write_text("", encoding="utf-8")
    output = _run()

    assert "my own" in output
    assert f"bad:// cannot be used: profile {tmp_path}/profiles/bad.toml: description: field required" in output.replace("\n", "")


def test_a_name_that_is_none_is_guessed() -> None:
    """As in a URL."""
    result = CliRunner().invoke(app, ["receivers", "vsefa"])

    assert "did you mean vseeface?" in str(result.exception)


def test_no_scheme_is_listed_twice() -> None:
    """A profile of a kind's name stands for both."""
    profiles, kinds, broken = list_receivers(ProfileShelf())
    names = [*(each.name for each in (*profiles, *kinds)), *(name for name, _ in broken)]

    assert len(set(names)) == len(names)
