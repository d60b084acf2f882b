"""Calling MediaPipe's C functions without its executor."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.trackers.inline_calls import call_inline


class _Signature:
    """As the wheel's: builds a wrapper that calls through an executor and waits."""

    def __init__(self, name: str) -> None:
        self.func_name = name

    def create_python_wrapper(self, library: Any, executor: Executor) -> Any:
        function = getattr(library, self.func_name)
        return lambda *args: executor.submit(function, *args).result()


def _fail(*_args: object) -> None:
    raise ValueError("Input timestamp must be monotonically increasing.")


def _task() -> tuple[Any, Any, list[int]]:
    """A task with two functions behind an executor, its module, and the threads that its first function ran on."""
    threads: list[int] = []

    def detect(*args: int) -> int:
        threads.append(threading.get_ident())
        return sum(args)

    native = SimpleNamespace(Detect=detect, Fail=_fail)
    definitions = SimpleNamespace(_CTYPES_SIGNATURES=(_Signature("Detect"), _Signature("Fail")))
    library = SimpleNamespace(_lib=native)
    pool = ThreadPoolExecutor(1)
    for signature in definitions._CTYPES_SIGNATURES:
        setattr(library, signature.func_name, signature.create_python_wrapper(native, pool))
    return SimpleNamespace(_lib=library, pool=pool), definitions, threads


def test_the_caller_s_thread_makes_the_call() -> None:
    """Before, the pool's; afterwards, ours. Arguments and result pass through."""
    task, definitions, threads = _task()
    assert task._lib.Detect(1, 2) == 3
    assert call_inline(task, definitions, "Detect")
    assert task._lib.Detect(3, 4) == 7
    task.pool.shutdown()
    assert [thread == threading.get_ident() for thread in threads] == [False, True]


def test_errors_come_through() -> None:
    """What the native side refuses is raised to the caller."""
    task, definitions, _ = _task()
    assert call_inline(task, definitions, "Fail")
    with pytest.raises(ValueError, match="monotonically"):
        task._lib.Fail(1)
    task.pool.shutdown()


@pytest.mark.parametrize("break_it", ["no library", "no signatures", "other signatures", "no function"])
def test_a_wheel_built_otherwise_is_left_alone(break_it: str) -> None:
    """Nothing is replaced, not even in part, when a piece is not where it was."""
    task, definitions, _ = _task()
    before = task._lib.Detect
    task.pool.shutdown()
    if break_it == "no library":
        del task._lib._lib
    elif break_it == "no signatures":
        del definitions._CTYPES_SIGNATURES
    elif break_it == "other signatures":
        definitions._CTYPES_SIGNATURES = (_Signature("Detect"), SimpleNamespace(func_name="Fail"))
    else:
        del task._lib.Fail
    assert not call_inline(task, definitions, "Detect", "Fail")
    assert task._lib.Detect is before
