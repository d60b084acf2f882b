"""Who is who: keeps each person's number from frame to frame."""

from __future__ import annotations

import math

from bridge.types import Face, TrackResult

_Box = tuple[float, float, float, float]

HELD_S = 2.0
"""A subject that is not seen keeps its number for this long, if the settings say nothing else."""
FACE_M = 0.155
"""The width of a face, metres: for faces of which only the head's place is known."""
REACH = 1.5
"""Farther than this many face widths from where it was, a face is somebody else (QUALITY.md, section 3)."""


class SubjectAssigner:
    """Gives every face its subject, by overlap and distance of the boxes. Engine thread.

    Subject 0 is the largest, most central face when tracking began, and so on downwards. Who is missing keeps the number for
    ``hold_s``: until then only a face near the last place is the same person, also when there is but one subject and one face,
    so that nobody else steals the avatar. After that anybody takes the lowest number that is free, so that nobody is locked out.

    Places are boxes in the picture. Where a face has none (recordings, network sources) the head's position stands for it, as
    a box of a face's width in metres. Faces without either are subjects in the order in which they come.
    """

    def __init__(self, count: int, *, hold_s: float = HELD_S) -> None:
        if count < 1:
            raise ValueError("there is at least one subject")
        self._count = count
        self._hold_s = hold_s
        self.reset()

    def reset(self) -> None:
        """Forgets everybody."""
        self._boxes: list[_Box | None] = [None] * self._count
        self._seen_t = [-math.inf] * self._count
        self._in_picture = True

    def assign(self, result: TrackResult) -> tuple[Face | None, ...]:
        """The face of each subject (as many as there are subjects); None where it is not seen in this frame."""
        faces = result.faces
        in_picture = all(face.box is not None for face in faces)
        boxes = [face.box if in_picture else _head_box(face) for face in faces]
        if any(box is None for box in boxes):
            return tuple(faces[i] if i < len(faces) else None for i in range(self._count))
        if faces and in_picture != self._in_picture:  # pixels and metres do not compare
            self.reset()
            self._in_picture = in_picture
        chosen = self._match([box for box in boxes if box is not None], faces, result.t)
        for subject, index in enumerate(chosen):
            if index is not None:
                self._boxes[subject], self._seen_t[subject] = boxes[index], result.t
        return tuple(None if index is None else faces[index] for index in chosen)

    def _match(self, boxes: list[_Box], faces: tuple[Face, ...], t: float) -> list[int | None]:
        """The index of each subject's face."""
        for subject, seen_t in enumerate(self._seen_t):
            if not 0.0 <= t - seen_t <= self._hold_s:
                self._boxes[subject] = None
        pairs = sorted(
            (closeness, -subject, -index)
            for subject, known in enumerate(self._boxes)
            for index, box in enumerate(boxes)
            if known is not None and (closeness := _closeness(known, box)) > 0.0
        )
        chosen: list[int | None] = [None] * self._count
        left = set(range(len(faces)))
        for _, minus_subject, minus_index in reversed(pairs):
            if chosen[-minus_subject] is None and -minus_index in left:
                chosen[-minus_subject] = -minus_index
                left.discard(-minus_index)
        self._admit(chosen, sorted(left, key=lambda index: _prominence(faces[index]), reverse=True))
        return chosen

    def _admit(self, chosen: list[int | None], strangers: list[int]) -> None:
        if any(known is not None and index is None for known, index in zip(self._boxes, chosen, strict=True)):
            return  # somebody is missing and may come back: a stranger must not push in
        free = [subject for subject, index in enumerate(chosen) if index is None]
        for subject, index in zip(free, strangers, strict=False):
            chosen[subject] = index


def _head_box(face: Face) -> _Box | None:
    """The head's place as a box, metres; None without a head, or when it is nowhere."""
    if face.head is None:
        return None
    x, y, z = face.head.position_m.tolist()
    return (x, -y, FACE_M, FACE_M) if math.isfinite(x + y + z) else None


def _closeness(known: _Box, box: _Box) -> float:
    """1 for the same place, falling with distance, raised by overlap; 0 or less out of reach."""
    width = 0.5 * (known[2] + box[2])
    if width <= 0.0:
        return 0.0
    across = known[0] + 0.5 * known[2] - box[0] - 0.5 * box[2]
    down = known[1] + 0.5 * known[3] - box[1] - 0.5 * box[3]
    near = 1.0 - math.hypot(across, down) / (REACH * width)
    return near + _overlap(known, box) if near > 0.0 else 0.0


def _overlap(a: _Box, b: _Box) -> float:
    """Intersection over union, 0..1."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if wide <= 0.0 or high <= 0.0:
        return 0.0
    both = wide * high
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def _prominence(face: Face) -> float:
    """Larger for larger faces and for those nearer to the picture's centre, which is the camera's axis."""
    area = 0.0 if face.box is None else face.box[2] * face.box[3]
    if face.head is None:
        return area
    x, y, z = face.head.position_m.tolist()
    off_axis = (x * x + y * y) / max(z * z, 1e-6)
    return float(area / (1.0 + 4.0 * off_axis))
