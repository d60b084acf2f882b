"""Files that ship with the program: ``config/`` and ``models/manifest.toml``, in a checkout or inside an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent


def shipped_path(relative: str) -> Path:
    """Where ``relative`` ("config/bridge.toml") is: the checkout's own file, else the wheel's copy. It may not exist."""
    if (_CHECKOUT / "pyproject.toml").is_file():
        return _CHECKOUT / relative
    return _PACKAGE / "_shipped" / relative


def checkout_path() -> Path | None:
    """The checkout that the package runs from; None when it is installed."""
    return _CHECKOUT if (_CHECKOUT / "pyproject.toml").is_file() else None
