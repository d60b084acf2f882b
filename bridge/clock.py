"""The one clock: seconds that never go back, comparable between threads and between processes of one machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Tests pass one that moves when told."""

monotonic: Clock = time.perf_counter
"""Not ``time.monotonic``: before Python 3.13 that one steps by 15.6 ms on Windows, which would date two frames alike. Elsewhere
both read the same clock."""
