"""The state of a run in Prometheus' text format, made from the same snapshot that ``status`` shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PREFIX = "avatar_bridge_"

_GAUGES = (
    # name, where it is in the snapshot, what it is
    ("uptime_seconds", ("uptime_s",), "Time since the start."),
    ("fps", ("engine", "fps"), "Tracked results a second."),
    ("source_fps", ("source", "fps_measured"), "Frames a second that the source delivers."),
    ("viewers", ("viewers",), "Viewers of the stream on the control port."),
)
_COUNTERS = (
    ("results", ("engine", "results"), "Results that the engine handled."),
    ("results_replaced", ("engine", "replaced"), "Results that a newer one replaced before the engine took them."),
    ("engine_errors", ("engine", "errors"), "Mistakes in a stage that the engine survived."),
    ("source_frames", ("source", "frames"), "Frames read from the source."),
    ("source_losses", ("source", "losses"), "How often the source was lost."),
    ("tracker_rebuilds", ("source", "rebuilds"), "How often a stalled tracker was rebuilt."),
    ("frames_submitted", ("tracker", "submitted"), "Frames handed to the tracker."),
    ("frames_returned", ("tracker", "returned"), "Frames that came back as results."),
    ("frames_dropped", ("tracker", "dropped"), "Frames that the tracker let go."),
    ("tracker_callback_errors", ("tracker", "callback_errors"), "Results that could not be read."),
    ("recording_lost", ("recording", "lost"), "Results that could not be recorded."),
)
_PRESENCES = ("LIVE", "HELD", "LOST")
_OUTPUT_STATES = ("connecting", "sending", "waiting", "rejected", "faulted", "off")


def render_metrics(snapshot: Mapping[str, object]) -> bytes:
    """The text for ``/metrics``. What the snapshot does not have is left out. Any thread."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(snapshot))
    return generate_latest(registry)


class _Snapshot(Collector):
    """prometheus-client asks it for the metrics of one snapshot: counters keep the bridge's own counts, nothing is kept here."""

    def __init__(self, snapshot: Mapping[str, object]) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        snapshot = self._snapshot
        about = InfoMetricFamily(_PREFIX.rstrip("_"), "What runs.")
        about.add_metric([], {"version": str(snapshot.get("version", "")), "state": str(snapshot.get("state", ""))})
        yield about
        for name, path, text in _GAUGES:
            value = _number(_at(snapshot, path))
            if value is not None:
                yield GaugeMetricFamily(_PREFIX + name, text, value=value)
        for name, path, text in _COUNTERS:
            value = _number(_at(snapshot, path))
            if value is not None:
                yield CounterMetricFamily(_PREFIX + name, text, value=value)
        yield _latency(snapshot)
        yield _presence(snapshot)
        yield from _outputs(snapshot)


def _latency(snapshot: Mapping[str, object]) -> Metric:
    family = GaugeMetricFamily(_PREFIX + "latency_seconds", "Frame in hand to stages done.", labels=["quantile"])
    for quantile, key in (("0.5", "latency_ms_p50"), ("0.95", "latency_ms_p95")):
        value = _number(_at(snapshot, ("engine", key)))
        if value is not None:
            family.add_metric([quantile], value / 1000.0)
    return family


def _presence(snapshot: Mapping[str, object]) -> Metric:
    family = GaugeMetricFamily(_PREFIX + "presence", "1 for the state that a subject is in.", labels=["subject", "presence"])
    found = _at(snapshot, ("engine", "presence"))
    for subject, presence in enumerate(found if isinstance(found, list | tuple) else ()):
        for name in _PRESENCES:
            family.add_metric([str(subject), name], float(presence == name))
    return family


def _outputs(snapshot: Mapping[str, object]) -> Iterator[Metric]:
    found = snapshot.get("outputs")
    outputs = [output for output in (found if isinstance(found, list) else ()) if isinstance(output, Mapping)]
    state = GaugeMetricFamily(_PREFIX + "output_state", "1 for the state that an output is in.", labels=["output", "state"])
    sent = CounterMetricFamily(_PREFIX + "output_sent", "States sent.", labels=["output"])
    replaced = CounterMetricFamily(_PREFIX + "output_replaced", "States that a newer one replaced.", labels=["output"])
    failures = CounterMetricFamily(_PREFIX + "output_failures", "Failed attempts to open or to send.", labels=["output"])
    fps = GaugeMetricFamily(_PREFIX + "output_fps", "States sent a second.", labels=["output"])
    for output in outputs:
        name = str(output.get("name", ""))
        for known in _OUTPUT_STATES:
            state.add_metric([name, known], float(output.get("state") == known))
        for family, key in ((sent, "sent"), (replaced, "replaced"), (failures, "failures"), (fps, "fps")):
            value = _number(output.get(key))
            if value is not None:
                family.add_metric([name], value)
    yield from (state, sent, replaced, failures, fps)


def _at(tree: Mapping[str, object], path: tuple[str, ...]) -> object:
    value: object = tree
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
