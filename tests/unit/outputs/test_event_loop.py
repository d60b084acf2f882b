"""The shared asyncio loop in its thread."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from bridge.outputs.event_loop import EventLoopThread

DEADLINE_S = 20.0


async def _value(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def _fail() -> None:
    raise LookupError("oh")


def _bridge_net() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "bridge-net"]


def test_run_gives_what_the_coroutine_returns() -> None:
    """Or raises what it raises."""
    loop = EventLoopThread()
    try:
        assert 5 == loop.run(_value(5), DEADLINE_S)
        with pytest.raises(LookupError, match="oh"):
            loop.run(_fail(), DEADLINE_S)
    finally:
        loop.close()


def test_the_thread_starts_with_the_first_use_and_ends_with_close() -> None:
    """A run without any WebSocket has no such thread."""
    loop = EventLoopThread()
    assert [] == _bridge_net()
    loop.run(_value(1), DEADLINE_S)
    assert [True] == [thread.daemon for thread in _bridge_net()]
    loop.close()

    assert [] == _bridge_net()


def test_call_runs_the_function_in_the_loops_thread() -> None:
    """And returns at once."""
    loop = EventLoopThread()
    done = threading.Event()
    names: list[str] = []

    def note(prefix: str, suffix: str) -> None:
        names.append(prefix + threading.current_thread().name + suffix)
        done.set()

    try:
        loop.call(note, "<", ">")
        assert done.wait(DEADLINE_S)
        assert ["<bridge-net>"] == names
    finally:
        loop.close()


def test_run_past_its_time_cancels_the_coroutine() -> None:
    """TimeoutError for the caller, CancelledError for the coroutine."""
    loop = EventLoopThread()
    cancelled = threading.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    try:
        with pytest.raises(TimeoutError):
            loop.run(hang(), 0.01)
        assert cancelled.wait(DEADLINE_S)
    finally:
        loop.close()


def test_close_cancels_what_still_runs_and_lets_it_clean_up() -> None:
    """Also what somebody is waiting for in `run`."""
    loop = EventLoopThread()
    started, cleaned = threading.Event(), threading.Event()
    outcome: list[str] = []

    async def hang() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    def wait_for_it() -> None:
        try:
            loop.run(hang())
        except RuntimeError as error:
            outcome.append(str(error))

    waiter = threading.Thread(target=wait_for_it)
    waiter.start()
    assert started.wait(DEADLINE_S)
    loop.close()
    waiter.join(DEADLINE_S)

    assert (True, ["the event loop was closed meanwhile"]) == (cleaned.is_set(), outcome)


def test_after_close_run_raises_and_call_is_ignored() -> None:
    """Nothing starts the thread again; the coroutine is not left un-awaited (warnings are errors)."""
    loop = EventLoopThread()
    loop.close()
    loop.close()
    loop.call(pytest.fail, "called")
    with pytest.raises(RuntimeError, match="closed"):
        loop.run(_value(1))

    assert [] == _bridge_net()


def test_run_in_the_loops_own_thread_raises() -> None:
    """It would wait for itself for ever."""
    loop = EventLoopThread()

    async def inside() -> str:
        with pytest.raises(RuntimeError) as caught:
            loop.run(_value(1))
        return str(caught.value)

    try:
        assert "in its own loop" in loop.run(inside(), DEADLINE_S)
    finally:
        loop.close()


def test_a_failing_callback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """One line, since nobody waits for it."""
    loop = EventLoopThread()

    def fail() -> None:
        raise LookupError("oh")

    with caplog.at_level(logging.ERROR, logger="bridge.outputs.event_loop"):
        loop.call(fail)
        loop.run(_value(1), DEADLINE_S)
    loop.close()

    assert ["LookupError('oh')"] == [record.getMessage().rsplit(": ", 1)[1] for record in caplog.records]
