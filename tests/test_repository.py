"""What belongs to the project and what does not: sizes, data, places that exist on one machine only, what the wheel takes."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LARGEST_FILE = 1_000_000
DATA_SUFFIXES = {".task", ".part", ".mp4", ".mkv", ".gif", ".avi", ".mov", ".webm", ".vrm", ".glb", ".npz", ".onnx", ".tflite"}


def _none(problems: Iterable[object]) -> None:
    lines = [str(problem) for problem in problems]
    assert not lines, "\n".join(["", *lines])


def _tracked() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a checkout, to know which files belong to the project")
    listing = subprocess.run(
        [git, "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_tracked_files_are_small() -> None:
    """Nothing above 1 MB."""
    _none(path for path in _tracked() if path.stat().st_size > LARGEST_FILE)


def test_no_data_is_tracked() -> None:
    """Models, clips, avatars and recordings stay outside."""
    _none(path for path in _tracked() if path.suffix.lower() in DATA_SUFFIXES)


# In pieces, so that this file does not name them itself.
REGISTRIES = [
    ".".join(host)
    for host in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("crates", "io"),
                 ("rubygems", "org"), ("unpkg", "com"), ("jsdelivr", "net"))
]  # fmt: skip
MACHINE_PATH = re.compile(r"(?<![\w./:-])/(?:" + "|".join(("wo" + "rk", "fa" + "rm", "ro" + "ot")) + r")(?![\w-])")


@pytest.mark.parametrize(
    "pattern",
    [re.compile("|".join(map(re.escape, REGISTRIES))), MACHINE_PATH],
    ids=["package registries", "paths of one machine"],
)
def test_no_file_names_what_is_only_here(pattern: re.Pattern[str]) -> None:
    """No registry host and no absolute path of a developer's machine: both break elsewhere."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in _tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), start=1)
        if pattern.search(line)
    ]

    _none(found)


def test_tests_are_no_package() -> None:
    """Tests are collected by path (import-mode=importlib), so two of one name do not collide."""
    _none((ROOT / "tests").rglob("__init__.py"))


def test_what_the_wheel_takes_along_exists() -> None:
    """Files from outside the package, and the mark that its types count."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    taken = [*build["force-include"], "bridge/py.typed", "config/bridge.toml", "bridge/control/web/index.html"]

    _none(name for name in taken if not (ROOT / name).exists())
