"""The model file: found, verified, fetched; and what is said when it is not."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge import models
from bridge.errors import ModelCorrupt, ModelMissing
from bridge.models import ModelManifest, fetch_model, find_model, model_manifest, verify_model

CONTENT = bytes(range(256)) * 1024


class _Server(http.server.ThreadingHTTPServer):
    """Serves ``content`` on loopback; can break off, ignore ranges, or answer with an error."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = CONTENT
        self.break_after: int | None = None
        self.ranges = True
        self.status = 200
        self.location: str | None = None
        self.asked: list[str | None] = []
        """The Range header of each request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/model.task"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append(asked)
        if server.location is not None:
            self.send_response(302)
            self.send_header("Location", server.location)
            self.end_headers()
            return
        if server.status != 200:
            self.send_error(server.status)
            return
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else 0
        if begin >= len(server.content):
            self.send_error(416)
            return
        body = server.content[begin:]
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(server.content) - 1}/{len(server.content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if server.break_after is None else body[: server.break_after])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Silence."""


@pytest.fixture
def server() -> Iterator[_Server]:
    """A running server on loopback."""
    with _Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is asked directly, whatever proxy the machine uses."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def _manifest(url: str, content: bytes = CONTENT) -> ModelManifest:
    digest = hashlib.sha256(content).hexdigest()
    return ModelManifest(file="face_landmarker.task", what="", url=url, sha256=digest, size=len(content), licence="")


def _fetch(server: _Server, target: Path, **options: object) -> Path:
    manifest = _manifest(server.url)
    return fetch_model(manifest=manifest, destination=target, allow_http=True, timeout_s=20.0, **options)  # type: ignore[arg-type]


# --- the manifest ----------------------------------------------------------------------------------------------------


def test_the_manifest_names_google_s_official_file() -> None:
    """https at Google's model storage, with size, hash and licence."""
    manifest = model_manifest()
    assert manifest.file == "face_landmarker.task"
    assert manifest.url.startswith("https://storage.googleapis.com/mediapipe-models/face_landmarker/")
    assert manifest.size == 3_758_596
    assert re.fullmatch(r"[0-9a-f]{64}", manifest.sha256)
    assert manifest.licence == "Apache-2.0"


def test_the_official_model_passes(model_path: Path) -> None:
    """The real file is what the manifest describes."""
    assert verify_model(model_path) == model_path


# --- finding ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three searched folders of the test's own, and a small official model."""
    places = [tmp_path / name for name in ("cwd", "checkout", "cache")]
    for place in places:
        place.mkdir()
    monkeypatch.setattr(models, "model_folders", lambda: iter(places))
    monkeypatch.setattr(models, "model_manifest", lambda: _manifest("https://example.org/model.task"))
    monkeypatch.setattr(models, "cached_model_path", lambda *_: places[-1] / "face_landmarker.task")
    return places


def _put(folder: Path, content: bytes = CONTENT, name: str = "face_landmarker.task") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_the_first_folder_that_has_it_wins(folders: list[Path]) -> None:
    """In the order of the folders."""
    last = _put(folders[2])
    assert find_model(download=False) == last
    first = _put(folders[0])
    assert find_model(download=False) == first


def test_a_damaged_one_is_passed_over_aloud(folders: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    """A truncated file in an earlier folder is reported; a whole one in a later folder is used."""
    _put(folders[0], CONTENT[:12])
    whole = _put(folders[1])
    assert find_model(download=False) == whole
    assert f"12 of {len(CONTENT)} bytes" in caplog.text


def test_only_a_damaged_one_is_an_error(folders: list[Path]) -> None:
    """Without any whole file the damage is the error."""
    _put(folders[1], CONTENT[:12])
    with pytest.raises(ModelCorrupt, match=rf"checkout.*12 of {len(CONTENT)} bytes.*model fetch"):
        find_model(download=False)


def test_none_anywhere_is_an_error_with_the_remedy(folders: list[Path]) -> None:
    """The sentence names the folders, the command, and the address for doing it by hand; exit code 3."""
    with pytest.raises(
        ModelMissing, match=r"cwd.*checkout.*cache.*model fetch.*https://example\.org/model\.task.*cache"
    ) as caught:
        find_model(download=False)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_an_explicit_official_file(folders: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Under any name, silently."""
    named = _put(tmp_path, name="my.task")
    assert find_model(str(named)) == named
    assert caplog.text == ""


def test_an_explicit_path_is_not_replaced(folders: list[Path], tmp_path: Path) -> None:
    """When the named file is not there, another one elsewhere does not step in."""
    _put(folders[0])
    with pytest.raises(ModelMissing, match=r"no readable model at .*absent\.task"):
        find_model(str(tmp_path / "absent.task"))


def test_an_explicit_folder_is_told_so(folders: list[Path], tmp_path: Path) -> None:
    """A folder is not a model."""
    with pytest.raises(ModelMissing, match="is a folder"):
        find_model(str(tmp_path))


def test_an_explicit_home_path(folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """~ means the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    named = _put(tmp_path, name="my.task")
    assert find_model("~/my.task") == named


def test_another_model_is_accepted_with_a_warning(folders: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A whole .task file that is not the official one, named by the user."""
    path = tmp_path / "other.task"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("face_detector.tflite", b"a model of somebody's own")
    assert find_model(str(path)) == path
    assert "not the official" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("face_landmarker.task", CONTENT[:12], r"truncated: its size is 12 of \d+ bytes"),
        ("face_landmarker.task", b"", r"truncated: its size is 0 of \d+ bytes"),
        ("other.task", b"<html>not found</html>", r"not a Face Landmarker model \(22 bytes, File is not a zip file\)"),
        ("other.task", b"", r"not a Face Landmarker model \(0 bytes"),
    ],
)
def test_a_damaged_explicit_file(folders: list[Path], tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    """Truncated, empty, or a web page saved under the name: exit code 3, one sentence."""
    path = _put(tmp_path, content, name)
    with pytest.raises(ModelCorrupt, match=sentence) as caught:
        find_model(str(path))
    assert caught.value.exit_code == 3


def test_a_damaged_member_is_noticed(folders: list[Path], tmp_path: Path) -> None:
    """MediaPipe starts with flipped bytes inside and then finds no face; the checksum in the file tells."""
    path = tmp_path / "other.task"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as bundle:
        bundle.writestr("face_detector.tflite", b"0123456789" * 50)
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(ModelCorrupt, match=r"face_detector\.tflite in it is damaged"):
        find_model(str(path))


def test_the_right_size_with_other_bytes_is_not_official(folders: list[Path], tmp_path: Path) -> None:
    """Size alone does not pass."""
    path = _put(tmp_path, CONTENT[:-1] + b"!")
    with pytest.raises(ModelCorrupt, match="SHA-256"):
        verify_model(path, manifest=_manifest("https://example.org/"))


# --- fetching --------------------------------------------------------------------------------------------------------


def test_a_download(server: _Server, tmp_path: Path) -> None:
    """The file arrives whole, in a folder made for it, with progress to the end and nothing left over."""
    target = tmp_path / "new" / "face_landmarker.task"
    told: list[tuple[int, int]] = []
    assert _fetch(server, target, progress=lambda done, total: told.append((done, total))) == target
    assert target.read_bytes() == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [entry.name for entry in target.parent.iterdir()] == ["face_landmarker.task"]


def test_a_whole_file_is_not_fetched_again(server: _Server, tmp_path: Path) -> None:
    """Nothing is asked of the server."""
    target = _put(tmp_path)
    _fetch(server, target)
    assert server.asked == []


def test_a_damaged_file_is_replaced(server: _Server, tmp_path: Path) -> None:
    """A truncated file at the destination gives way."""
    target = _put(tmp_path, CONTENT[:100])
    _fetch(server, target)
    assert target.read_bytes() == CONTENT


def test_a_broken_connection_is_continued(server: _Server, tmp_path: Path) -> None:
    """What came stays in a .part file, and the next attempt asks for the rest only; no half model is ever in place."""
    target = tmp_path / "face_landmarker.task"
    server.break_after = 1000
    with pytest.raises(ModelMissing, match=rf"1000 of {len(CONTENT)} bytes|connection broke"):
        _fetch(server, target)
    assert not target.exists()
    server.break_after = None
    _fetch(server, target)
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000-"]


def test_a_server_without_ranges_starts_again(server: _Server, tmp_path: Path) -> None:
    """When the server sends everything, the earlier part is overwritten."""
    (tmp_path / "face_landmarker.task.part").write_bytes(CONTENT[:500])
    server.ranges = False
    target = _fetch(server, tmp_path / "face_landmarker.task")
    assert target.read_bytes() == CONTENT


def test_a_part_of_something_else_is_thrown_away(server: _Server, tmp_path: Path) -> None:
    """A continued file with a wrong hash is fetched once more from its beginning."""
    (tmp_path / "face_landmarker.task.part").write_bytes(b"x" * 500)
    target = _fetch(server, tmp_path / "face_landmarker.task")
    assert target.read_bytes() == CONTENT
    assert server.asked == ["bytes=500-", None]


def test_a_complete_part_is_taken(server: _Server, tmp_path: Path) -> None:
    """A process killed between download and check has nothing to download again."""
    (tmp_path / "face_landmarker.task.part").write_bytes(CONTENT)
    target = _fetch(server, tmp_path / "face_landmarker.task")
    assert target.read_bytes() == CONTENT
    assert server.asked == []


def test_a_part_that_the_server_finds_too_long(server: _Server, tmp_path: Path) -> None:
    """416 leads to a fresh start; what then comes is too short and stays for the next time."""
    (tmp_path / "face_landmarker.task.part").write_bytes(CONTENT[:-5])
    server.content = CONTENT[:1000]
    with pytest.raises(ModelMissing, match=rf"1000 of {len(CONTENT)} bytes"):
        _fetch(server, tmp_path / "face_landmarker.task")
    assert server.asked == [f"bytes={len(CONTENT) - 5}-", None]


@pytest.mark.parametrize(
    ("content", "problem"), [(CONTENT[:-1] + b"!", "SHA-256"), (CONTENT + b"!", rf"{len(CONTENT) + 1} of {len(CONTENT)} bytes")]
)
def test_a_wrong_file_is_refused(server: _Server, tmp_path: Path, content: bytes, problem: str) -> None:
    """Another hash or too many bytes: nothing is put in place, nothing is kept."""
    server.content = content
    with pytest.raises(ModelCorrupt, match=problem):
        _fetch(server, tmp_path / "face_landmarker.task")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_page_is_one_sentence(server: _Server, tmp_path: Path) -> None:
    """404: who answered what, and how to do it by hand."""
    server.status = 404
    with pytest.raises(
        ModelMissing, match=r"127\.0\.0\.1 answered 404 .*by hand to .*face_landmarker\.task.*tracker\.model"
    ) as caught:
        _fetch(server, tmp_path / "face_landmarker.task")
    assert "\n" not in str(caught.value)


def test_no_network_is_one_sentence(tmp_path: Path, free_tcp_port: int) -> None:
    """Nobody there: the reason and the way by hand."""
    manifest = _manifest(f"http://127.0.0.1:{free_tcp_port}/model.task")
    with pytest.raises(ModelMissing, match=r"could not be downloaded \(.*refused.*\): download http"):
        fetch_model(manifest=manifest, destination=tmp_path / "m.task", allow_http=True, timeout_s=20.0)


def test_only_https_is_used(server: _Server, tmp_path: Path) -> None:
    """A manifest with an http address is refused before anything is sent."""
    with pytest.raises(ModelMissing, match="not an https address"):
        fetch_model(manifest=_manifest(server.url), destination=tmp_path / "m.task")
    assert server.asked == []


def test_an_unwritable_cache_is_one_sentence(server: _Server, tmp_path: Path) -> None:
    """A destination below a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelMissing, match=r"could not be downloaded .*by hand"):
        _fetch(server, tmp_path / "file" / "face_landmarker.task")


def test_it_follows_a_redirection(server: _Server, tmp_path: Path) -> None:
    """Storage servers may send elsewhere."""
    with _Server() as other:
        thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.location = other.url
        _fetch(server, tmp_path / "face_landmarker.task")
        other.shutdown()
        thread.join()
    assert len(other.asked) == 1
