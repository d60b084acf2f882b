"""The avatar as a mirror image: the user's left hand side moves the avatar's right."""

from __future__ import annotations

from dataclasses import replace

from bridge import arkit, space
from bridge.stages.look import with_look
from bridge.types import FaceState, Gaze, HeadPose, frozen_array


def mirror_state(state: FaceState) -> FaceState:
    """The same state seen in a mirror; twice is the state itself.

    Sides of the coefficients are swapped (jaw and mouth directions too); yaw, roll and x of the head change sign; each eye takes
    over the other's gaze with yaw negated. ``landmarks``, ``box`` and ``frame`` belong to the camera's picture, which is never
    mirrored, and stay; ``mirrored`` says so. So do ``extras``, which a mirrored output's rules make of the mirrored face already
    (``mapping.rules``).
    """
    head, gaze = state.head, state.gaze
    if head is not None:
        head = HeadPose(
            position_m=frozen_array(space.mirror_position(head.position_m)),
            quat_xyzw=frozen_array(space.mirror_quat(head.quat_xyzw)),
        )
    turned = with_look(
        state,
        weights=frozen_array(state.weights[arkit.MIRROR_INDEX]),
        head=head,
        gaze=Gaze(left_deg=(-gaze.right_deg[0], gaze.right_deg[1]), right_deg=(-gaze.left_deg[0], gaze.left_deg[1])),
        presence=state.presence,
    )
    return replace(turned, mirrored=not state.mirrored)
