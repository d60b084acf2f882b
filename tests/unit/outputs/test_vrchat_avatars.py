"""``vrchat://`` and the files in which VRChat says what an avatar accepts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.errors import OutputRejected, OutputUnavailable
from bridge.outputs.vrchat_avatars import AvatarFiles, usual_folders
from bridge.types import FaceState, OutputState
from tests.unit.outputs.vrchat_game import FIRST, LIDS, SECOND, UNKNOWN, Make, VrchatStandIn, outputs, write_file

MakeState = Callable[..., FaceState]


@pytest.fixture
def game() -> Iterator[VrchatStandIn]:
    standing = VrchatStandIn()
    yield standing
    standing.close()


@pytest.fixture
def make(game: VrchatStandIn, free_udp_port: int) -> Iterator[Make]:
    yield from outputs(game, free_udp_port, [])


def test_a_named_file_tells_what_to_send(make: Make, game: VrchatStandIn, tmp_path: Path, make_state: MakeState) -> None:
    """Only those, and the eyes that it does not move itself."""
    path = write_file(tmp_path / "a.json", FIRST, "My/v2/JawOpen", "My/v2/EyeLeftX", "Hat")
    output = make(files=AvatarFiles(path))
    output.send(make_state(weights={"jawOpen": 0.5}))

    assert {"/avatar/parameters/My/v2/JawOpen": [0.5], "/avatar/parameters/My/v2/EyeLeftX": [0.0], LIDS: [0.0]} == game.heard()
    assert f"avatar {FIRST}: 2 parameters" == output.report().note


def test_the_newest_of_a_folder_is_taken(make: Make, game: VrchatStandIn, tmp_path: Path, make_state: MakeState) -> None:
    """VRChat's own folder of all users."""
    old = write_file(tmp_path / "usr_1" / "Avatars" / f"{FIRST}.json", FIRST, "v2/JawX")
    write_file(tmp_path / "usr_2" / "Avatars" / f"{SECOND}.json", SECOND, "v2/JawOpen")
    os.utime(old, (1.0, 1.0))
    make(files=AvatarFiles(tmp_path), eyes="off").send(make_state())

    assert {"/avatar/parameters/v2/JawOpen"} == set(game.heard())


def test_a_change_looks_for_its_file(
    make: Make, game: VrchatStandIn, free_udp_port: int, tmp_path: Path, make_state: MakeState
) -> None:
    """Of another avatar only its own file counts; VRChat writes it a little later; meanwhile the whole set is sent."""
    now = [0.0]
    first = write_file(tmp_path / f"{FIRST}.json", FIRST, "v2/JawOpen")
    output = make(files=AvatarFiles(first), clock=lambda: now[0], eyes="off")
    game.puts_on(SECOND, free_udp_port)
    output.send(make_state(t=1.0))
    meanwhile, note = game.heard(), output.report().note
    write_file(tmp_path / f"{SECOND}.json", SECOND, "v2/JawX", "v2/JawZ")
    output.send(make_state(seed=1, t=1.1))
    too_soon = output.report().note
    now[0] = 1.5
    output.send(make_state(t=1.2))

    assert len(meanwhile) > 100
    assert (UNKNOWN, UNKNOWN) == (note, too_soon)
    assert f"avatar {SECOND}: 2 parameters" == output.report().note
    game.heard()
    output.send(make_state(weights={"jawOpen": 1.0, "jawLeft": 1.0}, t=1.3))
    assert {"/avatar/parameters/v2/JawX": [-1.0]} == game.heard()


def test_the_usual_folders_are_searched_for_the_worn_avatar_only(
    make: Make, game: VrchatStandIn, free_udp_port: int, tmp_path: Path, make_state: MakeState
) -> None:
    """The newest file there may be about any avatar."""
    write_file(tmp_path / "usr_1" / "Avatars" / f"{FIRST}.json", FIRST, "v2/JawOpen")
    output = make(files=AvatarFiles(None, [tmp_path / "absent", tmp_path]))
    output.send(make_state(t=1.0))
    before = output.report().note
    game.puts_on(FIRST, free_udp_port)
    output.send(make_state(t=1.1))

    assert (UNKNOWN, f"avatar {FIRST}: 1 parameters") == (before, output.report().note)


def test_the_same_avatar_again_is_only_fresh(
    make: Make, game: VrchatStandIn, free_udp_port: int, tmp_path: Path, make_state: MakeState
) -> None:
    """A reset of the avatar: it is still known, and gets everything."""
    output = make(files=AvatarFiles(write_file(tmp_path / "a.json", FIRST, "v2/JawOpen")), eyes="off")
    output.send(make_state(t=1.0))
    game.heard()
    game.puts_on(FIRST, free_udp_port)
    output.send(make_state(t=1.1))

    assert {"/avatar/parameters/v2/JawOpen": [0.0]} == game.heard()


@pytest.mark.parametrize("avatar_id", ["avtr_../../secret", "/etc/passwd", "avtr_*"])
def test_an_id_cannot_lead_out_of_the_folder(avatar_id: str, tmp_path: Path) -> None:
    """It came over the network."""
    write_file(tmp_path / "secret.json", avatar_id, "v2/JawOpen")
    write_file(tmp_path / "in" / "Avatars" / "avtr_1.json", "avtr_1", "v2/JawOpen")

    assert AvatarFiles(tmp_path / "in").worn(avatar_id) is None
    assert AvatarFiles(tmp_path / "in").worn("avtr_1") is not None


def test_a_half_written_file_is_not_yet_one(tmp_path: Path) -> None:
    """It is looked at again."""
    (tmp_path / f"{FIRST}.json").write_text('{"id": "avt', encoding="utf-8")

    assert AvatarFiles(tmp_path).worn(FIRST) is None


def test_files_that_are_not_usable_are_one_sentence(make: Make, tmp_path: Path) -> None:
    """Missing: tried again. Something else: not."""
    (tmp_path / "b.json").write_text("[]", encoding="utf-8")
    with pytest.raises(OutputUnavailable, match=r"there is no file or folder '.*a\.json': check avatar="):
        make(files=AvatarFiles(tmp_path / "a.json"))
    with pytest.raises(OutputRejected, match=r"avatar=.*b\.json: not a VRChat avatar file"):
        make(files=AvatarFiles(tmp_path / "b.json"))
    assert AvatarFiles(tmp_path / "empty").worn(FIRST) is None


def test_an_empty_folder_waits_for_its_first_file(make: Make, tmp_path: Path) -> None:
    """No error: the avatar was never put on with OSC."""
    assert UNKNOWN == make(files=AvatarFiles(tmp_path)).report().note


def test_an_avatar_without_a_face(make: Make, tmp_path: Path) -> None:
    """Its eyes are moved; without those, the output waits."""
    files = AvatarFiles(write_file(tmp_path / "a.json", FIRST, "Hat"))
    moving, waiting = make(files=files).report(), make(files=files, eyes="off", listen=0).report()

    assert (OutputState.SENDING, f"avatar {FIRST} has no face parameters, only its eyes are moved") == (moving.state, moving.note)
    assert (OutputState.WAITING, f"avatar {FIRST} has no face parameters") == (waiting.state, waiting.note)


def test_the_usual_folders_are_below_home() -> None:
    """Nothing is created or read by asking."""
    assert all(folder.is_relative_to(Path.home()) and folder.name == "OSC" for folder in usual_folders())
