"""``avatar-bridge bench``: what this machine makes of the bridge, each figure beside bare inference and a naive bridge.

Variants run in processes of their own and take turns, so that a machine whose speed drifts treats them alike; medians over the
rounds are shown. Latency is from "frame ready" to "VMC datagram received by another process on loopback".
"""

from __future__ import annotations

from bridge.bench.many import run_many
from bridge.bench.run import BenchOptions, run_bench

__all__ = ["BenchOptions", "run_bench", "run_many"]
