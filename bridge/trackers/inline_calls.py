"""MediaPipe's C functions called by the thread that asks for them, not handed to a thread pool and waited for.

The wheel sends every call through an executor with one thread, so that calls never overlap. Ours never do: the tracker holds a
lock around ``submit`` and ``close``. Without the two hand-overs a frame costs 0.3 ms less CPU and ``detect_async`` returns in 0.4
instead of 0.7 ms (paired medians of 20 rounds at 30 fps; 0.4 instead of 1.9 ms on a busy machine). The calls themselves, with
their types and errors, are built by the wheel's own code, given an executor that works on the spot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class _Done:
    """A future whose result is there already."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self) -> Any:
        return self._value


class _OnTheSpot:
    """The part of ``concurrent.futures.Executor`` that the wheel uses."""

    @staticmethod
    def submit(function: Callable[..., Any], *args: Any, **options: Any) -> _Done:
        return _Done(function(*args, **options))


def call_inline(task: Any, definitions: Any, *names: str) -> bool:
    """Replaces these C functions of an open task (``task._lib.NAME``) by ones without the executor.

    ``definitions`` is the module of the task. The caller sees to it that no two calls overlap and none follows ``close``. False,
    and nothing changed, when the wheel is not built as 0.10.32 to 1.2.2 are.
    """
    try:
        library = task._lib
        signatures = {signature.func_name: signature for signature in definitions._CTYPES_SIGNATURES}
        calls = {name: signatures[name].create_python_wrapper(library._lib, _OnTheSpot()) for name in names}
        present = all(callable(getattr(library, name)) for name in names)
    except (AttributeError, KeyError, TypeError):
        return False
    if present:
        for name, call in calls.items():
            setattr(library, name, call)
    return present
