"""The Prometheus text, read back by prometheus-client's own parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from bridge.metrics import render_metrics

SNAPSHOT: dict[str, object] = {
    "version": "0.1.0",
    "state": "running",
    "uptime_s": 12.5,
    "viewers": 2,
    "source": {"fps_measured": None, "frames": 40, "losses": 1, "rebuilds": 0},
    "tracker": {"submitted": 40, "returned": 39, "dropped": 1, "callback_errors": 0},
    "engine": {
        "results": 39, "fps": 29.5, "replaced": 2, "errors": 0, "presence": ["LIVE", "LOST"],
        "latency_ms_p50": 13.0, "latency_ms_p95": None,
    },
    "outputs": [
        {"name": "vmc", "state": "sending", "sent": 39, "replaced": 0, "failures": 0, "fps": 30.0},
        {"name": 'odd "name"', "state": "faulted", "sent": 0, "replaced": 0, "failures": 3, "fps": 0.0},
    ],
    "recording": None,
}  # fmt: skip


def samples(snapshot: dict[str, object]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """(name, labels) -> value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(render_metrics(snapshot).decode())
        for sample in family.samples
    }


def test_figures_of_the_snapshot_are_there() -> None:
    """Counters end in _total, times are seconds."""
    found = samples(SNAPSHOT)

    assert found["avatar_bridge_fps", ()] == 29.5
    assert found["avatar_bridge_frames_dropped_total", ()] == 1.0
    assert found["avatar_bridge_source_losses_total", ()] == 1.0
    assert found["avatar_bridge_viewers", ()] == 2.0
    assert found["avatar_bridge_latency_seconds", (("quantile", "0.5"),)] == 0.013
    assert found["avatar_bridge_info", (("state", "running"), ("version", "0.1.0"))] == 1.0


def test_states_are_one_of_a_set() -> None:
    """1 for the state that is, 0 for the others: what alert rules count on."""
    found = samples(SNAPSHOT)

    assert found["avatar_bridge_presence", (("presence", "LIVE"), ("subject", "0"))] == 1.0
    assert found["avatar_bridge_presence", (("presence", "LOST"), ("subject", "0"))] == 0.0
    assert found["avatar_bridge_presence", (("presence", "LOST"), ("subject", "1"))] == 1.0
    assert found["avatar_bridge_output_state", (("output", "vmc"), ("state", "sending"))] == 1.0
    assert found["avatar_bridge_output_state", (("output", "vmc"), ("state", "faulted"))] == 0.0


def test_outputs_are_told_apart_by_name() -> None:
    """Whatever the name is made of."""
    found = samples(SNAPSHOT)

    assert found["avatar_bridge_output_sent_total", (("output", "vmc"),)] == 39.0
    assert found["avatar_bridge_output_failures_total", (("output", 'odd "name"'),)] == 3.0


def test_what_is_not_known_is_left_out() -> None:
    """Neither zero nor NaN: a graph with a gap says what is."""
    names = {name for name, _ in samples(SNAPSHOT)}

    assert "avatar_bridge_source_fps" not in names
    assert "avatar_bridge_recording_lost_total" not in names
    assert ("avatar_bridge_latency_seconds", (("quantile", "0.95"),)) not in samples(SNAPSHOT)
    assert {name for name, _ in samples({})} == {"avatar_bridge_info"}
