"""Files that ship with the program: ``config/`` and ``models/manifest.toml``, in a checkout or inside an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped_path(relative: str) -> Path:
    """Where ``relative`` ("config/bridge.toml") is: the checkout's own file, else the wheel's copy. It may not exist."""
    return (checkout_path() or _PACKAGE / "_shipped") / relative


def checkout_path() -> Path | None:
    """The checkout that the package runs from; None when it is installed."""
    # Only the wheel has _shipped; a pyproject.toml alone proves nothing, some packages drop theirs into site-packages.
    if (_PACKAGE / "_shipped").is_dir() or not (_PACKAGE.parent / "pyproject.toml").is_file():
        return None
    return _PACKAGE.parent
