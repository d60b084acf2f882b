"""Settings survive being written and read."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bridge.settings import (
    FilterSettings,
    OutputSettings,
    PresenceSettings,
    RuleSettings,
    RuleSource,
    Settings,
    SmoothingGroups,
    SmoothingSettings,
    SourceSettings,
    TrackerSettings,
)

fractions = st.floats(0, 1)
words = st.text(alphabet="abcdefghij:/.-_ 0123456789", max_size=12).map(str.strip)
filters = st.builds(
    FilterSettings,
    min_cutoff_hz=st.none() | st.floats(0.001, 100),
    beta=st.none() | st.floats(0, 1e5),
    dead_zone=st.none() | st.floats(0, 10),
    noise_prior=st.none() | st.floats(1e-6, 10),
)
rules = st.just("rules.toml") | st.dictionaries(
    st.sampled_from(["jawOpen", "MouthOpen", "file", "off"]),
    st.builds(
        RuleSettings,
        sources=st.lists(st.builds(RuleSource, name=st.sampled_from(["jawOpen", "headYaw"]), scale=st.floats(-9, 9)), max_size=3),
        scale=st.floats(-9, 9),
        clip=st.none() | st.just((0.0, 1.0)),
        curve=st.just(()) | st.just(((0.0, 0.0), (0.5, 0.75))),
    ),
    max_size=3,
)
outputs = st.builds(
    OutputSettings,
    rules=rules,
    url=words,
    name=words,
    fps=st.floats(0, 240),
    mirror=st.none() | st.booleans(),
    subject=st.integers(0, 15),
    enabled=st.booleans(),
    port=st.integers(1, 65535),
)
everything = st.builds(
    Settings,
    mirror=st.booleans(),
    source=st.builds(SourceSettings, input=words, width=st.integers(16, 8192), fps=st.floats(1, 240), loop=st.booleans()),
    tracker=st.builds(
        TrackerSettings,
        num_faces=st.integers(1, 16),
        min_tracking_confidence=fractions,
        rotation=st.sampled_from([0, 90, 180, 270]),
        region_of_interest=st.none() | st.tuples(st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0.1, 0.5), st.floats(0.1, 0.5)),
    ),
    smoothing=st.builds(SmoothingSettings, groups=st.builds(SmoothingGroups, jaw=filters, head_rotation=filters)),
    presence=st.builds(PresenceSettings, grace_s=st.floats(0, 10), hold_s=st.floats(0, 60)),
    outputs=st.lists(outputs, max_size=3).map(tuple),
    rules=rules,
)


@given(everything)
def test_settings_round_trip_through_plain_data(settings: Settings) -> None:
    """Dumped to JSON and validated again they are equal, options of an output's kind included."""
    plain = json.loads(json.dumps(settings.model_dump(mode="json")))

    assert Settings.model_validate(plain) == settings


@given(everything)
def test_leaving_out_defaults_changes_nothing(settings: Settings) -> None:
    """A file needs to hold only what differs."""
    assert Settings.model_validate(settings.model_dump(mode="json", exclude_defaults=True)) == settings
