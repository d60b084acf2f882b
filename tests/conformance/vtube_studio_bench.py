"""VTube Studio's bench: the strict stand-in that pyvts takes for the real one, whose user allows everything."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from bridge import arkit
from bridge.testing import Seen
from tests.conformance.lossless import Lossless
from tests.e2e.vtube_studio import VTubeStudio
from tests.e2e.vtube_studio_api import VTubeStudioApi


class VtsBench(Lossless):
    """All 52 as parameters of our own, the head as VTube Studio's."""

    def __init__(self) -> None:
        self._studio = VTubeStudio(api=VTubeStudioApi(permission="allow"))
        self._studio.__enter__()
        self._left, self._seen = False, 0
        self.url = f"vts://127.0.0.1:{self._studio.port}?parameters=both&discover=off"

    def meet(self) -> None:
        """It is the output that connects."""

    def sent(self) -> None:
        """Waits for the frame: a later one would replace it."""
        self._studio.wait(lambda api: len(api.frames) > self._seen, "a frame")
        self._seen += 1

    def frames(self) -> list[Seen]:
        """What was injected."""
        return [_seen(frame.values) for frame in self._studio.api.frames]

    def die(self) -> None:
        """Closes the port and every connection. Idempotent."""
        if not self._left:
            self._left = True
            self._studio.__exit__(None, None, None)


def _seen(values: Mapping[str, float]) -> Seen:
    """A mirror image: X and Y against ours, Z as ours (fact sheet, A.7)."""
    weights = {name: values[name[0].upper() + name[1:]] for name in arkit.NAMES}
    angles = [-values["FaceAngleX"], -values["FaceAngleY"], values["FaceAngleZ"]]
    return Seen(weights, np.asarray(Rotation.from_euler("YXZ", angles, degrees=True).as_quat()))
