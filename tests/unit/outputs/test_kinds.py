"""Where kinds of outputs come from: plugins, and creating what a plan names."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import ConfigError, PluginError
from bridge.outputs.registry import (
    ENTRY_POINT_GROUP,
    OutputContext,
    OutputPlan,
    create_output,
    known_schemes,
    parse_output,
    parse_outputs,
)
from bridge.settings import OutputSettings
from bridge.types import Output
from tests.unit.outputs.null_kinds import NullOutput, add_built_ins, make_kind

NULL = make_kind("null", default_port=7)


def _broken(_plan: OutputPlan, _context: OutputContext) -> Output:
    raise RuntimeError("oh")


def _contradicting(_plan: OutputPlan, _context: OutputContext) -> Output:
    raise ConfigError("loud and quiet exclude each other")


BROKEN = make_kind("broken", create=_broken)
CONTRADICTING = make_kind("contradicting", default_port=1, create=_contradicting)


@pytest.fixture(autouse=True)
def _kinds_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    add_built_ins(monkeypatch, NULL, BROKEN, CONTRADICTING)


def _plan(url: str = "", **keys: Any) -> OutputPlan:
    return parse_output(OutputSettings(url=url, **keys))


def _complaint(*outputs: OutputSettings) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_outputs(outputs)
    return str(caught.value)


# --- plugins ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a package with one output: ``plugins("name", scheme="x", code="...")``."""
    modules: list[str] = []

    def install(name: str, *, scheme: str, code: str) -> None:
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
        info = tmp_path / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\n{scheme} = {name}:OUTPUT\n", encoding="utf-8")
        modules.append(name)
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield install
    for name in modules:
        sys.modules.pop(name, None)


GOOD = """
from bridge.outputs.registry import OutputKind, OutputOptions

class Options(OutputOptions):
    shout: bool = False

OUTPUT = OutputKind(scheme="{scheme}", Options=Options, create=lambda plan, context: None, summary="a test", default_port=5)
"""


def test_a_plugin_is_found_by_its_entry_point(plugins: Callable[..., None]) -> None:
    """Its scheme is known, its options are checked as ours are."""
    plugins("shouter", scheme="shout", code=GOOD.format(scheme="shout"))

    assert "shout" in known_schemes()
    assert "shout://127.0.0.1:5?shout=1" == _plan("shout://?shout=1").url


def test_a_plugin_is_not_imported_before_it_is_configured(plugins: Callable[..., None]) -> None:
    """Listing schemes and using other outputs leaves it alone."""
    plugins("sleeper", scheme="sleep", code="raise SystemError('imported')")
    known_schemes()
    _plan("null://")

    assert "sleeper" not in sys.modules


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise SystemError('oh')", "cannot be loaded: SystemError: oh (bad:OUTPUT)"),
        ("import a_module_that_nobody_has", "cannot be loaded: ModuleNotFoundError"),
        ("def f(:", "cannot be loaded: SyntaxError"),
        ("", "cannot be loaded: AttributeError"),
        ("OUTPUT = 3", "is a int, not an OutputKind"),
        (GOOD.format(scheme="other"), "calls itself other://; the two must agree"),
        (GOOD.format(scheme="bad").replace("shout:", "mirror:"), "option mirror has a name that every output uses"),
    ],
)
def test_a_broken_plugin_is_one_sentence(plugins: Callable[..., None], code: str, says: str) -> None:
    """It names scheme, package and fault."""
    plugins("bad", scheme="bad", code=code)
    with pytest.raises(PluginError) as caught:
        _plan("bad://")

    assert "output bad://: bad:// from the plugin bad" in str(caught.value)
    assert says in str(caught.value)


def test_a_broken_plugin_among_other_problems_is_a_line_of_the_report(plugins: Callable[..., None]) -> None:
    """A ConfigError then, since the user can mend that first."""
    plugins("bad", scheme="bad", code="raise SystemError('oh')")

    assert "2 problems" in _complaint(OutputSettings(url="bad://"), OutputSettings(url="nul://"))


def test_two_plugins_of_one_scheme_are_refused(plugins: Callable[..., None]) -> None:
    """Rather than one of them taken by chance."""
    plugins("one", scheme="same", code=GOOD.format(scheme="same"))
    plugins("two", scheme="same", code=GOOD.format(scheme="same"))
    with pytest.raises(PluginError, match="same:// is provided by one and two"):
        _plan("same://")


def test_a_plugin_cannot_replace_a_built_in(plugins: Callable[..., None]) -> None:
    """vmc:// is ours, whatever is installed."""
    plugins("thief", scheme="vmc", code="raise SystemError('imported')")

    assert "bridge.outputs.vmc" == _plan("vmc://").options.__module__


# --- creating --------------------------------------------------------------------------------------------------------


def test_create_output_gives_the_kinds_output() -> None:
    """Not opened."""
    assert isinstance(create_output(_plan("null://"), OutputContext()), NullOutput)


def test_a_constructor_that_fails_is_a_plugin_error() -> None:
    """With the output's URL."""
    with pytest.raises(PluginError, match=r"output broken://h:1 could not be created: RuntimeError: oh"):
        create_output(_plan("broken://h:1"), OutputContext())


def test_options_that_contradict_each_other_are_a_config_error() -> None:
    """The kind's own sentence, with the URL."""
    with pytest.raises(ConfigError, match=r"output contradicting://127.0.0.1:1: loud and quiet exclude each other"):
        create_output(_plan("contradicting://"), OutputContext())
