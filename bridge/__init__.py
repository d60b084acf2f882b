"""avatar-bridge: any webcam in, any number of avatars out.

The data path, in the order a frame takes it: ``sources -> trackers -> engine (stages) -> mailbox -> outputs (mapping -> wire)``.
``ARCHITECTURE.md`` is the one-screen map.
"""

__version__ = "0.1.0"
