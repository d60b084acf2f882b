"""Where VRChat's files about avatars are, and which of them is about the avatar that is worn. Worker thread."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bridge.errors import OutputRejected, OutputUnavailable
from bridge.wire.vrchat_avatar import MAX_FILE_CHARACTERS, AvatarParameters, avatar_from_file_text

_BELOW_HOME = Path("AppData", "LocalLow", "VRChat", "VRChat", "OSC")
_STEAM_HOMES = (
    Path(".local", "share", "Steam"),
    Path(".steam", "steam"),
    Path(".var", "app", "com.valvesoftware.Steam", ".local", "share", "Steam"),
)
_STEAM_PREFIX = Path("steamapps", "compatdata", "438100", "pfx", "drive_c", "users", "steamuser")
_FOLDERS = ("", "Avatars", "*/Avatars")
"""A folder may be that of the avatars, of a user, or of all users."""
_MOST_FILES = 10_000
_ID = re.compile(r"avtr_[0-9A-Za-z-]{1,64}")


def usual_folders() -> tuple[Path, ...]:
    """Where VRChat keeps its OSC files, on Windows and under Steam's Proton."""
    if sys.platform == "win32":
        return (Path.home() / _BELOW_HOME,)
    return tuple(Path.home() / steam / _STEAM_PREFIX / _BELOW_HOME for steam in _STEAM_HOMES)


class AvatarFiles:
    """Looks avatars up: in the file or folder that the user named, else in the usual folders."""

    def __init__(self, named: Path | None, usual: Sequence[Path] = ()) -> None:
        """``usual`` are searched only for an avatar whose id is known: their newest file need not be about the worn one."""
        self._named = named
        self._usual = tuple(usual)

    def at_start(self) -> AvatarParameters | None:
        """What the named file, or the newest of the named folder, says; None where none was named, or the folder has none.

        Raises OutputUnavailable for a path that is not there, OutputRejected for a file that is something else.
        """
        path = self._named
        if path is None:
            return None
        try:
            if path.is_dir():
                newest = max(_files(path, "*.json"), key=lambda file: file.stat().st_mtime, default=None)
                return None if newest is None else _read(newest)
            if not path.is_file():
                raise OutputUnavailable(f"there is no file or folder {str(path)!r}: check avatar=, or put the avatar on once")
            return _read(path)
        except OSError as error:
            raise OutputUnavailable(f"{str(path)!r} cannot be read: {error.strerror}; check avatar=") from error
        except ValueError as error:
            raise OutputRejected(f"avatar={path}: {error}") from error

    def worn(self, avatar_id: str) -> AvatarParameters | None:
        """What the file of this avatar says; None where there is none, or it cannot be read (yet)."""
        if not _ID.fullmatch(avatar_id):  # it came over the network, and becomes a file name
            return None
        for path in self._candidates(avatar_id):
            try:
                avatar = _read(path)
            except (OSError, ValueError):  # VRChat may be writing it at this moment
                continue
            if avatar.avatar_id == avatar_id:
                return avatar
        return None

    def _candidates(self, avatar_id: str) -> Iterator[Path]:
        name = f"{avatar_id}.json"
        if self._named is not None and self._named.is_file():
            yield self._named
            yield self._named.with_name(name)
            return
        for folder in self._usual if self._named is None else (self._named,):
            yield from _files(folder, name)


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    found = itertools.chain.from_iterable(folder.glob(f"{inner}/{pattern}" if inner else pattern) for inner in _FOLDERS)
    return (path for path in itertools.islice(found, _MOST_FILES) if path.is_file())


def _read(path: Path) -> AvatarParameters:
    """Raises OSError; ValueError for something else."""
    if not path.is_file():  # a pipe would block
        raise ValueError("not a file")
    with path.open(encoding="utf-8") as file:
        return avatar_from_file_text(file.read(MAX_FILE_CHARACTERS + 1))
