"""``record://``: the output that writes recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge import arkit, space
from bridge.errors import BridgeError, ConfigError, OutputRejected
from bridge.outputs.kinds import OutputContext, create_output
from bridge.outputs.registry import parse_output
from bridge.outputs.worker import OutputWorker
from bridge.recording import RecordingWriter, read_recording
from bridge.settings import OutputSettings
from bridge.types import FaceState, Output, OutputState, Presence
from bridge.wire import vrma_reader


def make_output(url: str) -> Output:
    return create_output(parse_output(OutputSettings(url=url)), OutputContext())


def states_in(path: Path) -> list[FaceState]:
    return [item for item in read_recording(path) if isinstance(item, FaceState)]


def test_states_are_recorded_bit_by_bit(tmp_path: Path, make_state: Callable[..., FaceState]) -> None:
    """What an output gets is what is in the file."""
    path = tmp_path / "take one.jsonl"
    output = make_output(f"record://{tmp_path}/take%20one.jsonl")
    states = [make_state(seed=i, seq=i, t=float(i)) for i in range(3)]

    output.open()
    for state in states:
        output.send(state)
    output.close()
    output.close()

    assert [state.weights.tobytes() for state in states] == [state.weights.tobytes() for state in states_in(path)]


def test_opening_again_goes_on_with_the_file(tmp_path: Path, make_state: Callable[..., FaceState]) -> None:
    """After a failure the first part is not lost; a new run replaces it."""
    path = tmp_path / "take.jsonl"
    for run in range(2):
        output = make_output(f"record://{path}")
        for part in range(2):
            output.open()
            output.send(make_state(seq=10 * run + part, t=float(part)))
            output.close()

    assert [10, 11] == [state.seq for state in states_in(path)]


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    """For good: trying again would not help."""
    path = tmp_path / "thesis.txt"
    path.write_text("All my work\n", encoding="utf-8")

    with pytest.raises(OutputRejected, match="is not overwritten") as caught:
        make_output(f"record://{path}").open()

    assert not caught.value.retryable
    assert "All my work\n" == path.read_text(encoding="utf-8")


def test_a_file_in_use_is_refused(tmp_path: Path) -> None:
    """Two outputs, or an output and --record, need two files."""
    path = tmp_path / "take.jsonl"
    with RecordingWriter(path, stage="raw"), pytest.raises(OutputRejected, match="being written already"):
        make_output(f"record://{path}").open()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("record://take.jsonl?stage=raw", "for the raw results write: run --record take.jsonl"),
        ("record://take.jsonl?stage=cooked", "stage"),
        ("record://take.jsonl?level=3", "unknown option level"),
        ("record://", "file"),
        ("record://take.npz", "written by `track`"),
        ("record://take.jsonl?neck=0", r"neck belongs to \.vrma and \.bvh"),
        ("record://take.bvh?gaze=0", r"gaze belongs to \.vrma"),
        ("record://take.vrma?neck=2", "neck"),
        ("record://take.vrma?expressions=none", "expressions"),
    ],
)
def test_a_wrong_url_is_refused_before_anything_is_opened(url: str, reason: str) -> None:
    """An output never sees raw results, so it does not pretend to write them."""
    with pytest.raises(ConfigError, match=reason):
        make_output(url)


def test_the_worker_records_and_ends_with_the_rest_state(tmp_path: Path, make_state: Callable[..., FaceState]) -> None:
    """In the file: the newest state, then LOST."""
    path = tmp_path / "take.jsonl"
    plan = parse_output(OutputSettings(url=f"record://{path}"))
    worker = OutputWorker(plan, create_output(plan, OutputContext()), mirror=False)
    worker.start()
    assert worker.wait_tried(10.0)
    worker.offer(make_state(seq=4, t=1.0))
    worker.stop(FaceState.rest(seq=5, t=2.0))

    assert [(4, Presence.LIVE), (5, Presence.LOST)] == [(state.seq, state.presence) for state in states_in(path)]
    assert OutputState.OFF is worker.status.state


def test_an_unwritable_place_is_rejected_through_the_worker(tmp_path: Path) -> None:
    """Shown in status, in words; nothing is tried again."""
    (tmp_path / "file").touch()
    plan = parse_output(OutputSettings(url=f"record://{tmp_path}/file/take.jsonl"))
    worker = OutputWorker(plan, create_output(plan, OutputContext()), mirror=False)
    worker.start()
    try:
        assert worker.wait_tried(10.0)
        status = worker.status
    finally:
        worker.stop()

    assert OutputState.REJECTED is status.state
    assert "cannot be written" in status.note


def test_an_animation_is_what_outputs_got(tmp_path: Path, make_state: Callable[..., FaceState]) -> None:
    """Through the worker, the rest state at its end included; options from the URL."""
    path = tmp_path / "take.vrma"
    plan = parse_output(OutputSettings(url=f"record://{path}?neck=0&expressions=custom&mirror=1"))
    worker = OutputWorker(plan, create_output(plan, OutputContext()), mirror=True)
    worker.start()
    assert worker.wait_tried(10.0)
    worker.offer(make_state(weights={"eyeBlinkLeft": 0.75}, yaw=20.0, t=1.0))
    worker.stop(FaceState.rest(seq=5, t=2.0))

    take = vrma_reader.decode(path.read_bytes())
    assert [0.0, 1.0] == take.times_s.tolist()
    assert [0.75, 0.0] == take.weights[:, arkit.INDEX["eyeBlinkRight"]].tolist()
    assert -20.0 == pytest.approx(space.to_euler_deg(take.head_xyzw[0])[0], abs=1e-4)
    assert b'"preset"' not in path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_a_finished_file_is_not_gone_on_with(tmp_path: Path, make_state: Callable[..., FaceState]) -> None:
    """An animation that was closed stays as it is."""
    output = make_output(f"record://{tmp_path}/take.bvh")
    output.open()
    output.send(make_state(seed=1))

    with pytest.raises(OutputRejected, match="was finished when writing it failed"):
        output.open()

    assert [tmp_path / "take.bvh"] == list(tmp_path.iterdir())


def test_sending_to_a_closed_output_does_nothing(tmp_path: Path) -> None:
    """A late state after close is no error."""
    output = make_output(f"record://{tmp_path}/take.jsonl")
    try:
        output.send(FaceState.rest())
    except BridgeError as error:  # pragma: no cover
        pytest.fail(str(error))

    assert [] == list(tmp_path.iterdir())
