"""Whatever is wrong with what the user gave: one sentence on stderr, the exit code of its kind, never a traceback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.e2e.program import Finished, Program, healthy

pytestmark = pytest.mark.e2e

QUIET = ("--output", "vmc://127.0.0.1:9", "--no-control")


def _run(*arguments: str, home: Path) -> Finished:
    with Program("run", *arguments, home=home) as program:
        return program.finish()


def _assert_one_sentence(finished: Finished, *, code: int, names: tuple[str, ...]) -> None:
    """``names``: what the sentence must mention, so that the user knows where to look."""
    assert code == finished.code, str(finished)
    assert "" == finished.stdout
    assert "Traceback" not in finished.stderr
    lines = [line for line in finished.stderr.splitlines() if line.strip()]
    assert 1 == len(lines), str(finished)
    assert lines[0].startswith("avatar-bridge: ")
    assert [] == [name for name in names if name not in finished.stderr], finished.stderr


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[smoothing]\nenabeld = true\n", ("smoothing.enabeld", "enabled", "bridge.toml")),
        ('[tracker]\nnum_faces = "many"\n', ("tracker.num_faces", "bridge.toml")),
        ("[tracker]\nmin_face_detection_confidence = 1.5\n", ("tracker.min_face_detection_confidence", "bridge.toml")),
        ("[control]\nport = 70000\n", ("control.port", "65535", "bridge.toml")),
        ("[tracker\n", ("bridge.toml",)),
    ],
    ids=["unknown-key", "wrong-type", "confidence-out-of-range", "port-out-of-range", "not-toml"],
)
def test_a_wrong_configuration(text: str, names: tuple[str, ...], home: Path) -> None:
    """The key path and the file are named, a near miss is guessed: exit 2."""
    config = home / "bridge.toml"
    config.write_text(text, encoding="utf-8")
    finished = _run("--config", str(config), *QUIET, home=home)
    assert 2 == finished.code, str(finished)
    assert "Traceback" not in finished.stderr
    assert 1 == finished.stderr.count("avatar-bridge:"), str(finished)
    assert [] == [name for name in names if name not in finished.stderr], finished.stderr


def test_all_problems_come_in_one_report(home: Path) -> None:
    """Three mistakes in one file are told at once."""
    config = home / "bridge.toml"
    config.write_text('[smoothing]\nenabeld = true\n[tracker]\nnum_faces = "many"\n[control]\nport = 0\n', encoding="utf-8")
    finished = _run("--config", str(config), *QUIET, home=home)
    assert 2 == finished.code, str(finished)
    assert 1 == finished.stderr.count("avatar-bridge:"), str(finished)
    for key in ("smoothing.enabeld", "tracker.num_faces", "control.port"):
        assert key in finished.stderr


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (("--output", "vmc://127.0.0.1:1?name=a", "--output", "vmc://127.0.0.1:2?name=a"), ("'a'",)),
        (("--output", "vmc//127.0.0.1"), ("vmc//127.0.0.1",)),
        (("--output", "vmc://127.0.0.1:70000"), ("70000",)),
        (("--output", "vmcc://127.0.0.1:1"), ("vmcc", "vmc")),
        (("--output", "vmc://127.0.0.1:1?nmaes=camel"), ("nmaes", "names")),
        (("--set", "tracker.min_tracking_confidence=2"), ("tracker.min_tracking_confidence",)),
        (("--config", "not-there.toml"), ("not-there.toml",)),
    ],
    ids=["same-name", "malformed-url", "port-out-of-range", "unknown-scheme", "unknown-option", "flag-out-of-range", "no-config"],
)
def test_wrong_flags(flags: tuple[str, ...], names: tuple[str, ...], home: Path) -> None:
    """What is wrong with a URL or an override: exit 2."""
    _assert_one_sentence(_run(*flags, "--source", "demo", "--no-control", home=home), code=2, names=names)


def _text_video(folder: Path, _clip: Path) -> Path:
    path = folder / "diary.mp4"
    path.write_text("dear diary\n" * 500, encoding="utf-8")
    return path


def _cut_video(folder: Path, clip: Path) -> Path:
    path = folder / "cut.mp4"
    path.write_bytes(clip.read_bytes()[:4000])
    return path


def _empty_folder(folder: Path, _clip: Path) -> Path:
    path = folder / "nothing"
    path.mkdir()
    return path


def _missing(folder: Path, _clip: Path) -> Path:
    return folder / "missing.mp4"


def _bad_recording(folder: Path, _clip: Path) -> Path:
    path = folder / "broken.jsonl"
    path.write_text("{}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("make", [_text_video, _cut_video, _empty_folder, _missing, _bad_recording])
def test_a_file_that_cannot_be_watched(
    make: Callable[[Path, Path], Path], synthetic: Callable[[str], Path], model_path: Path, home: Path
) -> None:
    """The file or folder is named: exit 4; what the decoder itself would like to say is not for users."""
    path = make(home, synthetic(".mp4"))
    finished = _run("--source", str(path), *QUIET, "--set", f"tracker.model={model_path}", home=home)
    _assert_one_sentence(finished, code=4, names=(path.name,))


@pytest.mark.parametrize("camera", ["camera:99", "camera:NoSuchCam"])
def test_a_camera_that_is_not_there(camera: str, model_path: Path, home: Path) -> None:
    """The camera is named: exit 4, at once, not after retries."""
    finished = _run("--source", camera, *QUIET, "--set", f"tracker.model={model_path}", home=home)
    _assert_one_sentence(finished, code=4, names=(camera.removeprefix("camera:"),))


def _garbage(path: Path, _model: Path) -> None:
    path.write_bytes(b"not a model" * 1000)


def _truncated(path: Path, model: Path) -> None:
    path.write_bytes(model.read_bytes()[:100_000])


def _absent(_path: Path, _model: Path) -> None:
    pass


@pytest.mark.parametrize("spoil", [_garbage, _truncated, _absent])
def test_a_model_that_is_none(
    spoil: Callable[[Path, Path], None], synthetic: Callable[[str], Path], model_path: Path, home: Path
) -> None:
    """Corrupt, truncated or missing at the path that was given: the path and the remedy, exit 3; nothing is downloaded."""
    path = home / "face.task"
    spoil(path, model_path)
    finished = _run("--source", str(synthetic(".mp4")), *QUIET, "--set", f"tracker.model={path}", home=home)
    _assert_one_sentence(finished, code=3, names=("face.task", "model"))


# --- the control port ------------------------------------------------------------------------------------------------


class _SomethingElse(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _mute() -> Iterator[int]:
    """Listens and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


@contextmanager
def _web_server() -> Iterator[int]:
    """Answers everything with 404."""
    with HTTPServer(("127.0.0.1", 0), _SomethingElse) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("occupant", [_mute, _web_server])
def test_the_control_port_is_taken(occupant: Callable[[], object], home: Path) -> None:
    """By another program, mute or talking: its number and the key that changes it, exit 1."""
    with occupant() as port:  # type: ignore[attr-defined]  # a context manager, which parametrize forgets
        finished = _run("--source", "demo", "--output", "vmc://127.0.0.1:9", "--set", f"control.port={port}", home=home)
    _assert_one_sentence(finished, code=1, names=(str(port), "control.port"))


def test_a_second_daemon(home: Path, free_tcp_port: int) -> None:
    """While one avatar-bridge has the control port the next one says so and ends: exit 5; the first is not disturbed."""
    flags = ["--source", "demo", "--output", "vmc://127.0.0.1:9", "--set", f"control.port={free_tcp_port}"]
    with Program("run", *flags, home=home) as first:
        first.wait_for_page(free_tcp_port)
        _assert_one_sentence(_run(*flags, home=home), code=5, names=(str(free_tcp_port),))
        assert healthy(free_tcp_port)
