"""``bench`` and ``bench quality`` as they are typed."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from bridge.bench.quality import GoalsMissed
from bridge.cli.app import app


def test_quality_is_a_command_below_bench() -> None:
    """It measures the motion only, with the settings that were given, and ends well although goals are missed."""
    done = CliRunner().invoke(
        app,
        ["bench", "quality", "--only", "calibration", "--json", "--preset", "low-latency", "--set", "calibration.collect_s=1.5"],
    )

    assert 0 == done.exit_code
    assert {"calibration"} == {row["part"] for row in json.loads(done.stdout)["rows"]}


def test_bench_itself_still_measures_the_machine() -> None:
    """Its options are those that it had."""
    done = CliRunner().invoke(app, ["bench", "--only", "cost", "--json"])

    assert 0 == done.exit_code
    assert {"encode_vmc_us", "stages_us"} == set(json.loads(done.stdout)["cost"])


def test_check_ends_with_1() -> None:
    """What programs go by."""
    assert 1 == GoalsMissed("2 of 3 goals are missed").exit_code
