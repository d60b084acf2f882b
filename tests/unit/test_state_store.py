"""What is remembered between runs."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from bridge.state_store import VERSION, StateStore, default_state_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state file in a folder that does not exist yet."""
    return tmp_path / "deep" / "state.json"


def test_what_was_put_is_there_in_the_next_run(path: Path) -> None:
    """Another store on the same file, as after a restart."""
    StateStore(path).put("calibration", {"weights": [0.25] * 3, "device": "camera"})
    assert StateStore(path).get("calibration") == {"weights": [0.25] * 3, "device": "camera"}


def test_nothing_is_the_default(path: Path) -> None:
    """A missing file, a missing key and a forgotten key."""
    store = StateStore(path)
    assert store.get("a") is None
    assert store.get("a", 5) == 5
    store.put("a", 1)
    store.put("a", None)
    assert store.get("a", 7) == 7
    assert json.loads(path.read_text()) == {"version": VERSION, "values": {}}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has access lists, not modes")
def test_only_the_owner_can_read_it(path: Path) -> None:
    """Tokens live here: mode 600 in a folder of mode 700, whatever the umask, also after a rewrite."""
    previous = os.umask(0)
    try:
        store = StateStore(path)
        store.put("token", "secret")
        path.chmod(0o644)
        store.put("token", "newer")
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_no_temporary_file_is_left(path: Path) -> None:
    """The folder holds the state file and nothing else."""
    store = StateStore(path)
    for k in range(3):
        store.put("k", k)
    assert [entry.name for entry in path.parent.iterdir()] == ["state.json"]


def test_a_failed_write_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When the disk is full the old file stays whole, the new value lives on in memory, and the log says so once."""
    store = StateStore(path)
    store.put("a", "old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        store.put("a", "new")
        store.put("b", 2)
    assert [entry.name for entry in path.parent.iterdir()] == ["state.json"]
    assert StateStore(path).get("a") == "old"
    assert (store.get("a"), store.get("b")) == ("new", 2)
    assert caplog.text.count("No space left") == 1
    store.put("c", 3)
    assert [StateStore(path).get(key) for key in "abc"] == ["new", 2, 3]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'{"version": 1}', b'{"version": 1, "values": []}'])
def test_a_broken_file_is_set_aside(path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It is moved away, so that it can be looked at, and the bridge starts afresh."""
    path.parent.mkdir()
    path.write_bytes(content)
    store = StateStore(path)
    assert store.get("a") is None
    assert path.with_suffix(".broken").read_bytes() == content
    store.put("a", 1)
    assert StateStore(path).get("a") == 1
    assert caplog.text.count("is broken") == 1


def test_a_newer_file_is_not_touched(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After going back to an older release its calibration starts empty, but the newer file survives."""
    newer = json.dumps({"version": VERSION + 1, "values": {"a": 1}})
    path.parent.mkdir()
    path.write_text(newer)
    store = StateStore(path)
    assert store.get("a") is None
    store.put("a", 2)
    assert store.get("a") == 2
    assert path.read_text() == newer
    assert "newer avatar-bridge" in caplog.text


def test_values_are_copies(path: Path) -> None:
    """Changing what was put or got changes nothing in the store."""
    store = StateStore(path)
    value = {"list": [1]}
    store.put("a", value)
    value["list"].append(2)
    store.get("a")["list"].append(3)
    assert store.get("a") == {"list": [1]}


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_only_json_values_are_taken(path: Path, value: object) -> None:
    """What JSON cannot hold is refused before anything is written."""
    with pytest.raises((TypeError, ValueError)):
        StateStore(path).put("a", value)
    assert not path.exists()


def test_many_threads(path: Path) -> None:
    """Values put at the same time by several threads are all kept."""
    store = StateStore(path)
    threads = [threading.Thread(target=store.put, args=(f"k{k}", k)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.get(f"k{k}") for k in range(8)] == list(range(8))


def test_the_default_place_is_the_user_s() -> None:
    """The state folder of the platform, named after the program."""
    assert default_state_path().name == "state.json"
    assert default_state_path().parent.name == "avatar-bridge"
