"""Files that ship with the program are found in a checkout and in an installed package."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from bridge import shipped


@pytest.fixture
def installed(tmp_path: Path) -> Callable[[], dict[str, Callable[..., Path | None]]]:
    """Runs a copy of the module from ``tmp_path/bridge``, wherever its files then are."""
    package = tmp_path / "bridge"
    package.mkdir()
    shutil.copy(shipped.__file__, package / "shipped.py")

    def load() -> dict[str, Callable[..., Path | None]]:
        return cast("dict[str, Callable[..., Path | None]]", runpy.run_path(str(package / "shipped.py")))

    return load


def test_in_a_checkout_the_files_are_the_checkouts_own() -> None:
    """The tests run from one: its configuration and pyproject lie side by side."""
    checkout = shipped.checkout_path()

    assert checkout is not None
    assert (checkout / "pyproject.toml").is_file()
    assert shipped.shipped_path("models/manifest.toml") == checkout / "models" / "manifest.toml"


def test_in_a_wheel_the_files_are_inside_the_package(
    installed: Callable[[], dict[str, Callable[..., Path | None]]], tmp_path: Path
) -> None:
    """The wheel has the copies under bridge/_shipped, and is no checkout."""
    (tmp_path / "bridge" / "_shipped").mkdir()
    module = installed()

    assert module["shipped_path"]("config/bridge.toml") == tmp_path / "bridge" / "_shipped" / "config" / "bridge.toml"
    assert module["checkout_path"]() is None


def test_a_strangers_pyproject_beside_the_package_makes_no_checkout(
    installed: Callable[[], dict[str, Callable[..., Path | None]]], tmp_path: Path
) -> None:
    """Some packages drop a pyproject.toml into site-packages; the wheel's own files still win."""
    (tmp_path / "bridge" / "_shipped").mkdir()
    (tmp_path / "pyproject.toml").touch()
    module = installed()

    assert module["checkout_path"]() is None
    assert module["shipped_path"]("config/bridge.toml") == tmp_path / "bridge" / "_shipped" / "config" / "bridge.toml"


def test_in_a_copied_checkout_the_files_are_beside_the_package(
    installed: Callable[[], dict[str, Callable[..., Path | None]]], tmp_path: Path
) -> None:
    """A pyproject.toml beside the package and no _shipped inside: a checkout."""
    (tmp_path / "pyproject.toml").touch()
    module = installed()

    assert module["checkout_path"]() == tmp_path
    assert module["shipped_path"]("config/bridge.toml") == tmp_path / "config" / "bridge.toml"
