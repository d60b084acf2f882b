"""The documents about receivers and mapping rules: every example in them works as it stands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bridge.mapping.rules import RuleSet
from bridge.outputs.profiles import ProfileShelf
from bridge.outputs.registry import parse_output
from bridge.settings import OutputSettings, Settings
from bridge.settings_load import load_settings

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / document).read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("number", range(3))
def test_every_example_of_rules_compiles(number: int) -> None:
    """Rules and recipes."""
    rules = Settings.model_validate(tomllib.loads(_blocks("mapping.md", "toml")[number])).rules
    assert isinstance(rules, dict)

    assert rules
    RuleSet(rules)
    assert 3 == len(_blocks("mapping.md", "toml"))


def test_the_examples_of_receivers_work(tmp_path: Path) -> None:
    """The output's table, and the profile."""
    output, profile = _blocks("receivers.md", "toml")
    (tmp_path / "bridge.toml").write_text(output, encoding="utf-8")
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "studio.toml").write_text(profile, encoding="utf-8")
    settings = load_settings(path=tmp_path / "bridge.toml").settings
    shelf = ProfileShelf(settings.profiles)

    assert "vmc://192.168.1.5:39539?max_bytes=8192&mirror=1" == parse_output(settings.outputs[0], aliases=shelf).url
    assert (
        "vmc://192.168.1.5:39540?names=camel&fps=60&mirror=1" == parse_output(OutputSettings(url="studio://"), aliases=shelf).url
    )


@pytest.mark.parametrize("document", ["receivers.md", "mapping.md"])
def test_the_urls_of_the_documents_are_understood(document: str) -> None:
    """Every --output of their commands."""
    urls = [url for block in _blocks(document, "sh") for url in re.findall(r'--output "?([^\s"]+)', block)]

    assert urls
    assert all(parse_output(OutputSettings(url=url)).kind.scheme == "vmc" for url in urls)


def test_the_table_of_profiles_is_complete_and_right() -> None:
    """Names and ports, as the files say."""
    rows = re.findall(r"^\| (`.*?) \| .* \| (\d+) \|$", (DOCS / "receivers.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    listed = {name: int(port) for names, port in rows for name in re.findall(r"`([^`]+)`", names)}
    files = {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8"))["port"]
        for path in (DOCS.parent / "config" / "profiles").glob("*.toml")
    }

    assert files == listed
