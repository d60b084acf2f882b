"""Every way the bridge can fail, as one tree.

::

    BridgeError                     exit 1
    ├── ConfigError                 exit 2   a flag, a key of the configuration, an output URL
    ├── AssetError                  exit 3   the model file
    │   ├── ModelMissing
    │   └── ModelCorrupt
    ├── SourceError                 exit 4   camera, video file, recording
    │   ├── SourceUnavailable  *             cannot be opened (absent, busy, forbidden, unreadable)
    │   ├── SourceLost         *             was open, delivers nothing any more
    │   └── SourceEnded                      a file came to its end: not a failure
    ├── TrackerError                exit 70
    │   ├── TrackerStalled     *             frames went in, nothing came back
    │   └── TrackerRefused                   MediaPipe would not take the options or the model
    ├── OutputError                 exit 1
    │   ├── OutputUnavailable  *             the receiver cannot be reached
    │   └── OutputRejected                   the receiver, or the system, refused for good
    ├── PluginError                 exit 1
    ├── ControlError                exit 1   the control port
    └── AlreadyRunning              exit 5

``*`` is retried with back-off. The message of each is one sentence for the person at the keyboard: what, where, what to do.
Library exceptions are translated where they appear, with ``raise ... from``; only this tree crosses module borders.
"""

from __future__ import annotations


class BridgeError(Exception):
    """Root of the tree. ``str(error)`` is one readable sentence.

    Attributes:
        exit_code: what the process ends with when this error ends it.
        retryable: whether trying again later can help.
    """

    exit_code: int = 1
    retryable: bool = False


class ConfigError(BridgeError):
    """A flag, a configuration key, an environment variable or an output URL is wrong."""

    exit_code = 2


class AssetError(BridgeError):
    """A file that the bridge needs is not usable."""

    exit_code = 3


class ModelMissing(AssetError):
    """No Face Landmarker model was found, and none could be fetched."""


class ModelCorrupt(AssetError):
    """The model file is truncated, altered, or not a model."""


class SourceError(BridgeError):
    """The camera, video or recording."""

    exit_code = 4


class SourceUnavailable(SourceError):
    """The source cannot be opened: absent, busy, forbidden, or unreadable."""

    retryable = True


class SourceLost(SourceError):
    """The source was open and has stopped delivering."""

    retryable = True


class SourceEnded(SourceError):
    """The source came to its natural end; nobody did anything wrong."""

    exit_code = 0


class TrackerError(BridgeError):
    """MediaPipe."""

    exit_code = 70


class TrackerStalled(TrackerError):
    """Frames were submitted and nothing came back in time."""

    retryable = True


class TrackerRefused(TrackerError):
    """MediaPipe refused the options or the model."""


class OutputError(BridgeError):
    """One receiver; never stops the others."""


class OutputUnavailable(OutputError):
    """The receiver cannot be reached at the moment."""

    retryable = True


class OutputRejected(OutputError):
    """The receiver, or the operating system, refused; trying again alone will not help."""


class PluginError(BridgeError):
    """An output or filter that is not ours could not be loaded or misbehaved."""


class ControlError(BridgeError):
    """The control port, or a request to it."""


class AlreadyRunning(BridgeError):
    """Another avatar-bridge answers on the control port."""

    exit_code = 5
