"""Our own kinds of output against the kit that plugins are held to. A new kind gets a bench in ``benches``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bridge.outputs.registry import BUILT_IN
from bridge.testing import Bench, OutputConformance
from tests.conformance.benches import BENCHES


class TestOutputs(OutputConformance):
    """Every bench, every test of the kit."""

    @pytest.fixture(params=BENCHES)
    def bench(
        self, request: pytest.FixtureRequest, tmp_path: Path, pick_tcp_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Bench]:
        """Every kind of output, some of them in several dialects."""
        monkeypatch.setattr("bridge.wire.vts_setter.RESEND_S", 60.0)  # a frame that is sent again would be one too many
        made = BENCHES[request.param](tmp_path, pick_tcp_port())
        yield made
        with suppress(pytest.skip.Exception):
            made.die()


def test_every_built_in_kind_has_a_bench() -> None:
    """A kind without one would escape all of this."""
    tested = {max((scheme for scheme in BUILT_IN if f"{name}-".startswith(f"{scheme}-")), key=len) for name in BENCHES}

    assert set(BUILT_IN) == tested
