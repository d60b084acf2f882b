"""Whether a head's position is counted from the camera or from a neutral, for receivers that need the one or the other. Pure."""

from __future__ import annotations

from bridge.types import FaceState, Presence

_NEAREST_M = 0.1
"""No camera tracks a head nearer than this: a position that is nearer is counted from a neutral."""
_JUMP_M = 0.25
"""No head moves so far along the camera's axis from one frame to the next: the origin has changed."""


class HeadPlace:
    """Follows the positions of one subject. One thread.

    A ``FaceState`` does not say which origin its position has. A calibration that is in use from the start is recognised as soon
    as the head is less than 10 cm behind its neutral; ``recenter`` and its undoing in the frame in which they happen.
    """

    __slots__ = ("_from_camera", "_place")

    def __init__(self) -> None:
        self._from_camera: bool | None = None
        self._place = (0.0, 0.0, 0.0)

    def locate(self, state: FaceState) -> tuple[float, float, float, bool]:
        """(x, y, z, whether that is from the camera), metres, bridge space; (0, 0, 0, False) when there was never a head.

        Where the rest state says 0 although positions are counted from the camera, and where there is no head, it is the last
        place: nobody has moved.
        """
        head = state.head
        if head is None:
            return *self._place, bool(self._from_camera)
        x, y, z = head.position_m.tolist()
        if state.presence is Presence.LIVE:
            if z > -_NEAREST_M:
                self._from_camera = False
            elif self._from_camera is None or abs(z - self._place[2]) > _JUMP_M:
                self._from_camera = True
        elif self._from_camera and (x, y, z) == (0.0, 0.0, 0.0):
            return *self._place, True
        self._place = (x, y, z)
        return x, y, z, bool(self._from_camera)
