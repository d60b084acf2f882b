"""The command line. Every failure ends in one readable sentence on stderr and the exit code of its kind (``errors``)."""

from __future__ import annotations

import sys

_INTERRUPTED = 130
"""What shells say of a program that Ctrl-C ended."""


def main() -> None:
    """Entry point of ``avatar-bridge``. Imports the commands itself: Ctrl-C meanwhile is no reason for a traceback either."""
    try:
        from bridge.cli.app import run_command

        run_command()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
