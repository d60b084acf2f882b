"""The error tree: what the module's drawing promises is what the classes are."""

from __future__ import annotations

import inspect
import re

import pytest

from bridge import errors
from bridge.errors import BridgeError

# name -> (parent, exit code, retryable): DESIGN.md section 9, written out.
TREE = {
    "ConfigError": ("BridgeError", 2, False),
    "AssetError": ("BridgeError", 3, False),
    "ModelMissing": ("AssetError", 3, False),
    "ModelCorrupt": ("AssetError", 3, False),
    "SourceError": ("BridgeError", 4, False),
    "SourceUnavailable": ("SourceError", 4, True),
    "SourceLost": ("SourceError", 4, True),
    "SourceEnded": ("SourceError", 0, False),
    "TrackerError": ("BridgeError", 70, False),
    "TrackerStalled": ("TrackerError", 70, True),
    "TrackerRefused": ("TrackerError", 70, False),
    "OutputError": ("BridgeError", 1, False),
    "OutputUnavailable": ("OutputError", 1, True),
    "OutputRejected": ("OutputError", 1, False),
    "PluginError": ("BridgeError", 1, False),
    "ControlError": ("BridgeError", 1, False),
    "AlreadyRunning": ("BridgeError", 5, False),
}


def _classes() -> dict[str, type[BridgeError]]:
    return {name: value for name, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, BridgeError)}


def test_the_tree_has_these_classes_and_no_others() -> None:
    """Parent, exit code and retryability of every error."""
    actual = {
        name: (kind.__mro__[1].__name__, kind.exit_code, kind.retryable)
        for name, kind in _classes().items()
        if kind is not BridgeError
    }

    assert actual == TREE


def test_the_root_is_an_ordinary_exception() -> None:
    """Nothing of ours slips through ``except Exception``, and an unknown failure ends with 1."""
    assert BridgeError.__mro__[1] is Exception
    assert BridgeError.exit_code == 1
    assert not BridgeError.retryable


def test_the_drawing_in_the_module_names_every_class_once() -> None:
    """The tree that people read is complete."""
    drawing = (errors.__doc__ or "").split("``*``")[0]
    drawn = re.findall(r"[├└│] ?.*?([A-Z]\w+)", drawing)

    assert sorted(TREE) == sorted(drawn)


def test_the_drawing_stars_exactly_the_retryable_ones() -> None:
    """``*`` in the drawing means retried."""
    drawing = (errors.__doc__ or "").split("``*``")[0]
    starred = {match.group(1) for match in re.finditer(r"([A-Z]\w+) +\*", drawing)}

    assert starred == {name for name, (_, _, retryable) in TREE.items() if retryable}


@pytest.mark.parametrize("name", sorted(TREE))
def test_the_message_is_the_sentence(name: str) -> None:
    """str(error) is what the person reads, nothing around it."""
    assert str(_classes()[name]("One sentence.")) == "One sentence."
