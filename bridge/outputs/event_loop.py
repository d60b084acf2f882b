"""One asyncio loop in a thread of its own, for everything that is a WebSocket or HTTP."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Args = TypeVarTuple("Args")

_log = logging.getLogger(__name__)

_CLOSE_TIMEOUT_S = 1.5


class EventLoopThread:
    """The loop that page, stream, control and WebSocket outputs share. The daemon thread "bridge-net" starts with the first use.

    ``run``, ``call`` and ``close`` may be called from any thread but the loop's own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, coro: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """What ``coro`` returns, or raises. Blocks; past ``timeout_s`` the coroutine is cancelled and TimeoutError is raised.

        Raises RuntimeError after ``close``, and in the loop's own thread.
        """
        if threading.current_thread() is self._thread:
            coro.close()
            raise RuntimeError("EventLoopThread.run was called in its own loop, where it would wait for itself")
        # Under the lock: whatever is scheduled before `close` is also seen, and cancelled, by it.
        with self._lock:
            if self._closed:
                coro.close()
                raise RuntimeError("the event loop is closed")
            future = asyncio.run_coroutine_threadsafe(coro, self._start_locked())
        try:
            return future.result(timeout_s)
        except concurrent.futures.CancelledError as error:
            raise RuntimeError("the event loop was closed meanwhile") from error
        except TimeoutError:
            future.cancel()
            raise

    def call(self, fn: Callable[[*Args], object], *args: *Args) -> None:
        """Has the loop call ``fn(*args)`` soon; returns at once. Ignored after ``close``."""
        with self._lock:
            if self._closed:
                return
            self._start_locked().call_soon_threadsafe(fn, *args)

    def close(self) -> None:
        """Cancels what still runs in the loop, lets it clean up, ends the thread. Idempotent; at most 1.5 s."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = None
            if loop is not None:
                loop.call_soon_threadsafe(loop.stop)
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE_TIMEOUT_S)
            if thread.is_alive():
                _log.warning("the network thread did not end within %.1f s and was left behind", _CLOSE_TIMEOUT_S)

    def _start_locked(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_exception_handler(_report)
            self._thread = threading.Thread(target=_serve, args=(self._loop,), name="bridge-net", daemon=True)
            self._thread.start()
        return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            # Not gather: a task that swallows its cancellation must not hold the thread for ever.
            loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A task or callback that nobody waited for has failed."""
    error = context.get("exception")
    _log.error("in the network thread: %s%s", context.get("message", "unknown failure"), f": {error!r}" if error else "")
    if error is not None:
        _log.debug("traceback", exc_info=error)
