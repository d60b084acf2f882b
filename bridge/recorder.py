"""Writes every raw result to a recording on a thread of its own: a slow disk never slows the performance."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import replace
from pathlib import Path

from bridge.errors import BridgeError
from bridge.export import DEFAULTS, ExportOptions, open_take
from bridge.types import TrackResult

log = logging.getLogger(__name__)

_LIMIT = 20_000
"""Results that may wait for the disk (ten minutes at 30 fps); beyond that they are counted as lost."""


class ResultRecorder:
    """``run --record``: nothing that the engine took is missing from the file unless ``lost`` says so.

    The file's suffix says what it is (``export``): a recording, unless .csv, .vrma or .bvh.
    """

    def __init__(self, path: Path, *, options: ExportOptions = DEFAULTS) -> None:
        """Opens the file. Raises ConfigError or OutputError when it cannot be written."""
        self._writer = open_take(path, stage="raw", options=options)
        self._queue: queue.SimpleQueue[TrackResult | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="bridge-recorder", daemon=True)
        self.lost = 0
        self.error: str | None = None
        self._thread.start()

    def tap(self, result: TrackResult) -> None:
        """Engine thread: stores and returns."""
        if self.error is not None or self._queue.qsize() >= _LIMIT:
            self.lost += 1
        else:
            # Without its picture, which no recording has: ten minutes of them would not fit into memory.
            self._queue.put(result if result.frame is None else replace(result, frame=None))

    def stop(self) -> None:
        """Writes what is waiting and closes the file."""
        self._queue.put(None)
        self._thread.join(10.0)

    def _run(self) -> None:
        try:
            while (result := self._queue.get()) is not None:
                self._writer.write_result(result)
        except (BridgeError, OSError) as error:
            self.error = str(error)
            log.error("recording stopped: %s", error)  # noqa: TRY400 - one sentence for the user, no traceback
        finally:
            self._writer.close()
