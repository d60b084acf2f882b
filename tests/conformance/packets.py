"""Benches whose frame is one datagram, and VRChat's, whose frame is many parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pylivelinkface import FaceBlendShape, PyLiveLinkFace
from scipy.spatial.transform import Rotation

from bridge import arkit
from bridge.testing import Bench, Seen, UdpBench
from tests.conformance.osc_frames import OscFrames
from tests.unit.wire.openseeface_packet import head_rotation, read_packet

Factory = Callable[[Path, int], Bench]
PERCENT = 0.00501
"""Half a percent, which formats of whole percents lose, and the rounding of a float."""


def _seen(weights: dict[str, float], head: Rotation) -> list[Seen]:
    return [Seen(weights, np.asarray(head.as_quat()))]


def _livelink(data: bytes) -> list[Seen]:
    """PyLiveLinkFace. Radians; + is own right, up, own left."""
    found, packet = PyLiveLinkFace.decode(data)
    assert found
    weights = {name: packet.get_blendshape(FaceBlendShape[name[0].upper() + name[1:]]) for name in arkit.NAMES}
    yaw, pitch, roll = (packet.get_blendshape(FaceBlendShape[f"Head{angle}"]) for angle in ("Yaw", "Pitch", "Roll"))
    return _seen(weights, Rotation.from_euler("YXZ", [-yaw, -pitch, -roll]))


def _phone_text(separator: str, names: Sequence[str]) -> Callable[[bytes], list[Seen]]:
    """By hand, as VMagicMirror reads: one =, whole percents. Degrees; + is down, own left, own right."""

    def decode(data: bytes) -> list[Seen]:
        shapes, vectors = data.decode("ascii").split("=")
        values = dict(section.split(separator) for section in shapes.split("|") if section)
        weights = {name: int(values[key]) / 100 for name, key in zip(arkit.NAMES, names, strict=True)}
        rx, ry, rz, *_ = map(float, vectors.split("|")[0].removeprefix("head#").split(","))
        return _seen(weights, Rotation.from_euler("YXZ", [ry, rx, rz], degrees=True))

    return decode


def _openseeface(data: bytes) -> list[Seen]:
    """By the fact sheet's table of offsets: lids and head; the rest is points and features of its own."""
    face = read_packet(data)
    lids = {"eyeBlinkLeft": 1 - float(face["left_open"]), "eyeBlinkRight": 1 - float(face["right_open"])}
    return _seen(lids, head_rotation(face))


def _opentrack(data: bytes) -> list[Seen]:
    """Six doubles; + is own right, up, own left."""
    yaw, pitch, roll = np.frombuffer(data, "<f8")[3:]
    return _seen({}, Rotation.from_euler("YXZ", [-yaw, -pitch, -roll], degrees=True))


_SIDED = {
    "EyeClosed": "eyeBlink", "EyeWide": "eyeWide", "EyeSquint": "eyeSquint", "BrowLowerer": "browDown",
    "BrowOuterUp": "browOuterUp", "CheekSquint": "cheekSquint", "NoseSneer": "noseSneer", "MouthCornerPull": "mouthSmile",
    "MouthFrown": "mouthFrown", "MouthStretch": "mouthStretch", "MouthDimple": "mouthDimple", "MouthPress": "mouthPress",
    "MouthUpperUp": "mouthUpperUp", "MouthLowerDown": "mouthLowerDown", "MouthUpper": "mouth", "Jaw": "jaw",
}  # fmt: skip
_SINGLE = {
    "BrowInnerUpLeft": "browInnerUp", "CheekPuffLeft": "cheekPuff", "JawOpen": "jawOpen", "JawForward": "jawForward",
    "MouthClosed": "mouthClose", "LipFunnel": "mouthFunnel", "LipPucker": "mouthPucker", "LipSuckUpper": "mouthRollUpper",
    "LipSuckLower": "mouthRollLower", "MouthRaiserUpper": "mouthShrugUpper", "MouthRaiserLower": "mouthShrugLower",
    "TongueOut": "tongueOut",
}  # fmt: skip
UNIFIED = {f"{name}{side}": f"{own}{side}" for name, own in _SIDED.items() for side in ("Left", "Right")} | _SINGLE
"""VRCFaceTracking's v2 name -> ARKit's: fact sheet, section 5.3. Gaze is sent as differences: tests/unit/wire/test_vrchat."""


class VrchatReader:
    """A frame is complete with the last of the head's parameters."""

    def __init__(self) -> None:
        self._head: dict[str, float] = {}

    def __call__(self, frame: Seen, address: str, arguments: list[Any]) -> bool:
        name = address.removeprefix("/avatar/parameters/FT/v2/")
        if name in UNIFIED:
            frame.weights[UNIFIED[name]] = arguments[0]
        if name.startswith("Head/"):
            self._head[name.removeprefix("Head/")] = arguments[0]
        if name == "Head/Roll":
            angles = [-90 * self._head["Yaw"], 90 * self._head["Pitch"], -90 * self._head["Roll"]]
            frame.quat_xyzw = np.asarray(Rotation.from_euler("YXZ", angles, degrees=True).as_quat())
        return name == "Head/PosZ"


def _vts_phone(data: bytes) -> list[Seen]:
    """The json module. Degrees; Rotation is turn (+ own left), nod (+ down), tilt (+ own right shoulder)."""
    frame = json.loads(data)
    weights = {entry["k"][0].lower() + entry["k"][1:]: entry["v"] for entry in frame["BlendShapes"]}
    angles = [frame["Rotation"][axis] for axis in "xyz"]
    return _seen(weights, Rotation.from_euler("YXZ", angles, degrees=True))


class PhoneClient(UdpBench):
    """Asks the phone for data, as VTube Studio's clients do."""

    def __init__(self, port: int) -> None:
        self._phone = port
        super().__init__(f"vts-phone://127.0.0.1:{port}", _vts_phone, met_while_sending=True)

    def meet(self) -> None:
        """For ten seconds."""
        request = {"messageType": "iOSTrackingDataRequest", "time": 10, "sentBy": "bench", "ports": [self.port]}
        self.ask(json.dumps(request).encode(), self._phone)


def _udp(url: str, decode: Callable[[bytes], list[Seen]], **limits: Any) -> Factory:
    return lambda _folder, _port: UdpBench(url, decode, **limits)


def _vrchat(_folder: Path, _port: int) -> Bench:
    url = "vrchat://127.0.0.1:PORT?oscquery=off&listen=0&status=0&epsilon=0&refresh=0.001"
    return UdpBench(url, OscFrames(VrchatReader()), carries=UNIFIED.values(), head_error_deg=1e-2)


BENCHES: dict[str, Factory] = {
    "livelink": _udp("livelink://127.0.0.1:PORT", _livelink),
    "ifacialmocap": _udp("ifacialmocap://127.0.0.1:PORT", _phone_text("-", arkit.IFACIALMOCAP), weight_error=PERCENT),
    "ifacialmocap-2": _udp("ifacialmocap://127.0.0.1:PORT?version=2", _phone_text("&", arkit.IFACIALMOCAP), weight_error=PERCENT),
    "facemotion3d": _udp("facemotion3d://127.0.0.1:PORT", _phone_text("&", arkit.NAMES), weight_error=PERCENT),
    "openseeface": _udp(
        "openseeface://127.0.0.1:PORT?lids=plain&lost=1", _openseeface, carries=("eyeBlinkLeft", "eyeBlinkRight")
    ),
    "opentrack": _udp("opentrack://127.0.0.1:PORT", _opentrack, carries=()),
    "vrchat": _vrchat,
    "vts-phone": lambda _folder, port: PhoneClient(port),
}
"""As in ``benches``, which adds these to its own."""
