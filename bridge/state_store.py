"""What the bridge remembers between runs, as yet the results of self-tests. Not the configuration."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import platformdirs

log = logging.getLogger(__name__)

VERSION = 1


def default_state_path() -> Path:
    """Where the state is kept for this user."""
    return Path(platformdirs.user_state_dir("avatar-bridge", appauthor=False)) / "state.json"


class StateStore:
    """Named JSON values in one small file: atomically replaced, readable by the owner only, versioned. Any thread.

    Every call looks at the file, so several processes may share it; of two writers at the same instant the later one wins.
    It never stops the bridge: a file that is broken is set aside, one that cannot be written is reported once in the log and
    its values live as long as the process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path if path is not None else default_state_path()
        self._lock = threading.Lock()
        self._unsaved: dict[str, Any] = {}
        self._writable = True

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, a JSON value of the caller's own."""
        with self._lock:
            values = self._read() | self._unsaved
            value = values.get(key)
            return default if value is None else value

    def put(self, key: str, value: Any) -> None:
        """Remembers a JSON value; None forgets the key. Raises TypeError or ValueError when it is not one (NaN is none)."""
        text = json.dumps(value, allow_nan=False)
        with self._lock:
            values = self._read() | self._unsaved | {key: json.loads(text)}
            try:
                self._write({name: kept for name, kept in values.items() if kept is not None})
            except OSError as error:
                self._unsaved[key] = json.loads(text)
                if self._writable:
                    log.warning("%s cannot be written (%s): what was learnt will be forgotten", self.path, error)
                self._writable = False
            else:
                self._unsaved.clear()
                self._writable = True

    def _load(self) -> Any:
        """The parsed file; None when there is none."""
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def _foreign(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            document = self._load()
            return isinstance(document, dict) and isinstance(document.get("version"), int) and document["version"] > VERSION
        return False

    def _read(self) -> dict[str, Any]:
        try:
            document = self._load()
            if document is None:
                return {}
            if self._is_ours(document):
                values: dict[str, Any] = document["values"]
                return values
            problem = "not a state file"
        except OSError as error:
            log.debug("%s cannot be read: %s", self.path, error)
            return {}
        except ValueError as error:  # includes JSONDecodeError and UnicodeDecodeError
            problem = str(error)
        if not self._foreign():
            self._set_aside(problem)
        return {}

    @staticmethod
    def _is_ours(document: Any) -> bool:
        return isinstance(document, dict) and document.get("version") == VERSION and isinstance(document.get("values"), dict)

    def _set_aside(self, problem: str) -> None:
        aside = self.path.with_suffix(".broken")
        with contextlib.suppress(OSError):
            self.path.replace(aside)
        log.warning("%s is broken (%s): moved to %s, starting afresh", self.path, problem, aside.name)

    def _write(self, values: dict[str, Any]) -> None:
        if self._foreign():
            raise OSError("it was written by a newer avatar-bridge")
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # mkstemp makes the file with mode 600; Windows inherits the profile folder's access list.
        handle, name = tempfile.mkstemp(prefix=".state-", suffix=".tmp", dir=self.path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, "values": values}, file, indent=1, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
