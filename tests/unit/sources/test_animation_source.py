"""Animation files as sources: played like recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge import space
from bridge.errors import SourceEnded, SourceUnavailable
from bridge.settings import SourceSettings
from bridge.sources import animation
from bridge.sources.animation import read_animation
from bridge.sources.recording import RecordingSource
from bridge.sources.select import make_source
from bridge.types import FaceState
from bridge.wire import bvh, vrma
from bridge.wire.animation import AnimationCollector


@pytest.fixture
def takes(tmp_path: Path, make_state: Callable[..., FaceState]) -> Path:
    """A folder with the same three moments as .vrma and .bvh."""
    collector = AnimationCollector()
    for i in range(3):
        collector.add_state(make_state(seed=i, t=i / 4))
    take = collector.finished()
    (tmp_path / "take.vrma").write_bytes(vrma.encode(take))
    (tmp_path / "take.bvh").write_bytes(bvh.encode(take))
    return tmp_path


@pytest.mark.parametrize("name", ["take.vrma", "take.bvh"])
def test_a_file_is_a_source_that_ends(takes: Path, name: str, make_state: Callable[..., FaceState]) -> None:
    """``run --source F.vrma`` takes it for a recording; heads come back, weights as far as the format has them."""
    source = make_source(SourceSettings(input=str(takes / name)))
    assert isinstance(source, RecordingSource)
    source = RecordingSource(takes / name, fast=True)
    source.open()
    results = [source.read() for _ in range(3)]
    with pytest.raises(SourceEnded):
        source.read()
    source.close()

    assert [0.0, 0.25, 0.5] == pytest.approx([result.t for result in results])
    for i, result in enumerate(results):
        wanted, (face,) = make_state(seed=i), result.faces
        assert face.head is not None
        assert wanted.head is not None
        assert 1e-3 > space.angle_between_deg(wanted.head.quat_xyzw, face.head.quat_xyzw)
        assert (wanted.weights.tolist() if name == "take.vrma" else [0.0] * 52) == face.weights.tolist()


def test_a_file_may_loop(takes: Path) -> None:
    """Times and numbers go on."""
    source = RecordingSource(takes / "take.vrma", fast=True, loop=True)
    source.open()
    results = [source.read() for _ in range(5)]
    source.close()

    assert [0, 1, 2, 3, 4] == [result.seq for result in results]
    assert [0.0, 0.25, 0.5, 0.75, 1.0] == pytest.approx([result.t for result in results])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("bad.vrma", b"glTF", r"bad\.vrma: too short"),
        ("bad.bvh", b"HIERARCHY", r"bad\.bvh: not a BVH file"),
        ("absent.vrma", None, "There is no file"),
        ("folder.bvh", ..., "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, name: str, content: object, reason: str) -> None:
    """With the file's name."""
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is ...:
        (tmp_path / name).mkdir()

    with pytest.raises(SourceUnavailable, match=reason):
        read_animation(tmp_path / name)


def test_a_huge_file_is_not_read_at_all(takes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is looked at first."""
    monkeypatch.setattr(animation, "_LARGEST_BYTES", 100)
    with pytest.raises(SourceUnavailable, match="animations up to 0 MB are read"):
        read_animation(takes / "take.vrma")
