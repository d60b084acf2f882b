"""VRCFaceTracking's legacy (v1, SRanipal) parameters as formulas; written as those of ``unified_v2``, whose names they may use.

``TERMS`` are what is no sum; a name of ``TERMS`` hides the v2 parameter of that name. EyesDilation and EyesPupilDiameter are left
out, as ``unified_v2`` leaves out the pupils. Source: the fact sheet "VRChat OSC", section 5.4 (VRCFaceTracking 5:
Legacy/Eye/EyeTrackingParams, Legacy/Lip/UnifiedSRanMapper and LipShapeMerger).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from bridge import arkit

TERMS: tuple[str, ...] = (
    "JawOpen", "TongueLongStep1", "TongueLongStep2",
    *(name + side for side in ("Left", "Right") for name in ("MouthSmile", "MouthSad", "MouthUpperUp", "MouthLowerDown")),
    "MouthUpperUpMost", "MouthLowerDownMost", "MouthInsideMost",
    "SqueezeLeft", "SqueezeRight", "BrowsDown", "BrowsOuterUp",
    *(name + side for name in ("Lid", "LidSqueeze") for side in ("Left", "Right", "Both")),
    *(name + side for name in ("WidenToggle", "SqueezeToggle") for side in ("Left", "Right", "Both")),
)  # fmt: skip
"""In the order of ``terms``; each in [0, 1]."""

_I = arkit.INDEX
_SIDES = tuple(
    tuple(_I[name + side] for name in (
        "eyeBlink", "eyeWide", "eyeSquint", "mouthSmile", "mouthDimple", "mouthStretch", "mouthUpperUp", "mouthLowerDown",
    ))
    for side in ("Left", "Right")
)  # fmt: skip


def terms(w: list[float]) -> list[float]:
    """The values of ``TERMS`` by the 52 weights, in [0, 1] as these are."""
    frown = 0.5 * (w[_I["mouthFrownLeft"]] + w[_I["mouthFrownRight"]])
    pout = (1.0 - w[_I["mouthPucker"]]) * w[_I["mouthFunnel"]]
    tongue = 2.0 * w[_I["tongueOut"]]
    mouth: list[float] = []
    opens, wides, squeezes = [], [], []
    for blink, wide, squint, smile, dimple, stretch, upper, lower in _SIDES:
        smiling = max(w[smile], w[dimple])
        mouth += (
            smiling,
            max(0.0, max(frown, w[stretch]) - smiling),
            min(1.0, w[upper] + pout),
            min(1.0, w[lower] + pout),
        )
        openness = max(0.0, 1.0 - w[blink])
        opens.append(openness)
        wides.append(w[wide])
        squeezes.append((1.0 - openness**0.15) * w[squint])
    lids = [_Lid(*values) for values in zip(opens, wides, squeezes, strict=True)]
    both = _Lid(0.5 * sum(opens), 0.5 * sum(wides), 0.5 * sum(squeezes))
    return [
        max(0.0, w[_I["jawOpen"]] - w[_I["mouthClose"]]),
        min(1.0, tongue),
        max(0.0, tongue - 1.0),
        *mouth,
        max(mouth[2], mouth[6]),
        max(mouth[3], mouth[7]),
        max(w[_I["mouthRollUpper"]], w[_I["mouthRollLower"]]),
        *squeezes,
        max(w[_I["browDownLeft"]], w[_I["browDownRight"]]),
        max(w[_I["browOuterUpLeft"]], w[_I["browOuterUpRight"]]),
        *(lid.expanded for lid in lids),
        both.wide if both.wide > 0.0 else both.open,
        *(lid.squeezed for lid in (*lids, both)),
        *(float(lid.position > 0.8) for lid in (*lids, both)),
        *(float(lid.position - lid.squeeze < 0.0) for lid in (*lids, both)),
    ]


class _Lid:
    """One lid, or the mean of both: up to .8 of the way it opens, beyond that it widens, below 0 it is squeezed."""

    __slots__ = ("open", "position", "squeeze", "wide")

    def __init__(self, openness: float, wide: float, squeeze: float) -> None:
        self.open = openness
        self.wide = wide
        self.squeeze = squeeze
        self.position = 0.8 * openness + 0.2 * wide

    @property
    def expanded(self) -> float:
        """The binary form of ...EyeLidExpanded: which part it is say the toggles."""
        return self.wide if self.position > 0.8 else self.open

    @property
    def squeezed(self) -> float:
        """The binary form of ...EyeLidExpandedSqueeze."""
        position = self.position - self.squeeze
        if position > 0.8:
            return self.wide
        return self.open if position >= 0.0 else self.squeeze


EYES: Mapping[str, str] = MappingProxyType({
    "LeftEyeLid": "EyeOpenLeft",
    "RightEyeLid": "EyeOpenRight",
    "CombinedEyeLid": "EyeOpen",
    "LeftEyeWiden": "EyeWideLeft",
    "RightEyeWiden": "EyeWideRight",
    "EyeWiden": "0.5 EyeWideLeft + 0.5 EyeWideRight",
    "LeftEyeSqueeze": "EyeSquintLeft",
    "RightEyeSqueeze": "EyeSquintRight",
    "EyesSqueeze": "0.5 EyeSquintLeft + 0.5 EyeSquintRight",
    "EyesSquint": "0.5 EyeSquintLeft + 0.5 EyeSquintRight",
    "EyeSquint{}": "EyeSquint{}",
    "BrowsInnerUp": "browInnerUp",
    "BrowInnerUp{}": "BrowInnerUp{}",
    "BrowsOuterUp": "BrowsOuterUp",
    "BrowOuterUp{}": "BrowOuterUp{}",
    "BrowsDown": "BrowsDown",
    "BrowDown{}": "0.5 BrowPinch{} + 0.5 BrowLowerer{}",
    "CheeksSquint": "0.5 CheekSquintLeft + 0.5 CheekSquintRight",
    "CheekSquint{}": "CheekSquint{}",
})  # fmt: skip
"""In [0, 1]."""

EYES_SIGNED: Mapping[str, str] = MappingProxyType({
    "LeftEyeX": "EyeLeftX", "LeftEyeY": "EyeLeftY", "RightEyeX": "EyeRightX", "RightEyeY": "EyeRightY", "EyesX": "EyeX",
    "EyesY": "EyeY",
})  # fmt: skip
"""In [-1, 1], + is to the own right and up."""

LIDS: Mapping[str, str] = MappingProxyType({
    "LeftEyeLidExpanded": "0.8 EyeOpenLeft + 0.2 EyeWideLeft",
    "RightEyeLidExpanded": "0.8 EyeOpenRight + 0.2 EyeWideRight",
    "EyeLidExpanded": "0.5 LeftEyeLidExpanded + 0.5 RightEyeLidExpanded",
})  # fmt: skip
"""Floats only, in [0, 1]."""

LIDS_SIGNED: Mapping[str, str] = MappingProxyType({
    "LeftEyeLidExpandedSqueeze": "LeftEyeLidExpanded - SqueezeLeft",
    "RightEyeLidExpandedSqueeze": "RightEyeLidExpanded - SqueezeRight",
    "EyeLidExpandedSqueeze": "0.5 LeftEyeLidExpandedSqueeze + 0.5 RightEyeLidExpandedSqueeze",
})  # fmt: skip
"""Floats only, in [-1, 1]."""

LIDS_BINARY: Mapping[str, str] = MappingProxyType({
    "LeftEyeLidExpanded": "LidLeft",
    "RightEyeLidExpanded": "LidRight",
    "CombinedEyeLidExpanded": "LidBoth",
    "LeftEyeLidExpandedSqueeze": "LidSqueezeLeft",
    "RightEyeLidExpandedSqueeze": "LidSqueezeRight",
    "CombinedEyeLidExpandedSqueeze": "LidSqueezeBoth",
})  # fmt: skip
"""The binary forms of the same, which have other values, in [0, 1]."""

TOGGLES: Mapping[str, str] = MappingProxyType({
    "LeftEyeWidenToggle": "WidenToggleLeft",
    "RightEyeWidenToggle": "WidenToggleRight",
    "EyesWidenToggle": "WidenToggleBoth",
    "LeftEyeSqueezeToggle": "SqueezeToggleLeft",
    "RightEyeSqueezeToggle": "SqueezeToggleRight",
    "EyesSqueezeToggle": "SqueezeToggleBoth",
})  # fmt: skip
"""Single bools."""

LIPS: Mapping[str, str] = MappingProxyType({
    "JawRight": "JawRight",
    "JawLeft": "JawLeft",
    "JawForward": "JawForward",
    "JawOpen": "JawOpen",
    "MouthApeShape": "MouthClosed",
    "MouthUpper{}": "MouthUpper{}",
    "MouthLower{}": "MouthLower{}",
    "MouthUpperOverturn": "LipFunnelUpper",
    "MouthLowerOverturn": "LipFunnelLower",
    "MouthPout": "LipPucker",
    "MouthSmile{}": "MouthSmile{}",
    "MouthSad{}": "MouthSad{}",
    "CheekPuff{}": "CheekPuff{}",
    "CheekSuck": "CheekSuck",
    "MouthUpperUp{}": "MouthUpperUp{}",
    "MouthLowerDown{}": "MouthLowerDown{}",
    "MouthUpperInside": "LipSuckUpper",
    "MouthLowerInside": "LipSuckLower",
    "MouthLowerOverlay": "MouthRaiserLower",
    "TongueLongStep1": "TongueLongStep1",
    "TongueLongStep2": "TongueLongStep2",
    "TongueUp": "TongueUp",
    "TongueDown": "TongueDown",
    "TongueLeft": "TongueLeft",
    "TongueRight": "TongueRight",
    "TongueRoll": "TongueRoll",
    "TongueUp{}Morph": "",
    "TongueDown{}Morph": "",
    "MouthRaiserUpper": "MouthRaiserUpper",
    "MouthRaiserLower": "MouthRaiserLower",
    **{f"{name}{{}}": f"{name}{{}}" for name in ("MouthDimple", "MouthPress", "MouthStretch", "MouthTightener", "NoseSneer")},
    **{name: name for name in ("MouthDimple", "MouthPress", "MouthStretch", "MouthTightener", "NoseSneer")},
})  # fmt: skip
"""SRanipal's shapes, and those that the Quest Pro added, in [0, 1]."""


def _merged() -> Iterator[tuple[str, str]]:
    """Two opposites in one: the first shape - the second; for both sides the mean."""
    yield "JawX", "JawRight - JawLeft"
    yield "MouthUpper", "MouthUpperRight - MouthUpperLeft"
    yield "MouthLower", "MouthLowerRight - MouthLowerLeft"
    yield "MouthX", "0.5 MouthUpper + 0.5 MouthLower"
    yield "TongueY", "TongueUp - TongueDown"
    yield "TongueX", "TongueRight - TongueLeft"
    yield "TongueSteps", "TongueLongStep1 + TongueLongStep2 - 1"
    yield "MouthUpperInsideOverturn", "MouthUpperInside - MouthUpperOverturn"
    yield "MouthLowerInsideOverturn", "MouthLowerInside - MouthLowerOverturn"
    for name, other in (
        ("Ape", "MouthApeShape"), ("PuffRight", "CheekPuffRight"), ("PuffLeft", "CheekPuffLeft"), ("Suck", "CheekSuck"),
        ("Forward", "JawForward"), ("Overlay", "MouthLowerOverlay"),
    ):  # fmt: skip
        yield f"JawOpen{name}", f"JawOpen - {other}"
    yield "JawOpenPuff", "JawOpen - 0.5 CheekPuffLeft - 0.5 CheekPuffRight"
    for lip, shape in (("Upper", "MouthUpperUp"), ("Lower", "MouthLowerDown")):
        for name, other in (
            (f"{lip}Inside", f"Mouth{lip}Inside"), ("Ape", "MouthApeShape"), ("Pout", "MouthPout"),
            ("Overlay", "MouthLowerOverlay"), ("Suck", "CheekSuck"),
        ):  # fmt: skip
            yield f"{shape}{{}}{name}", f"{shape}{{}} - {other}"
            yield f"{shape}{name}", f"0.5 {shape}Left + 0.5 {shape}Right - {other}"
        yield f"{shape}{{}}Puff{{}}", f"{shape}{{}} - CheekPuff{{}}"
        yield f"{shape}Puff{{}}", f"0.5 {shape}Left + 0.5 {shape}Right - CheekPuff{{}}"
        yield f"{shape}Puff", f"0.5 {shape}Left + 0.5 {shape}Right - 0.5 CheekPuffLeft - 0.5 CheekPuffRight"
        yield f"{shape}Inside", f"{shape}Most - MouthInsideMost"
    overturns = (
        ("UpperOverturn", "MouthUpperOverturn"), ("LowerOverturn", "MouthLowerOverturn"),
        ("Overturn", "0.5 MouthUpperOverturn - 0.5 MouthLowerOverturn"),
    )  # fmt: skip
    for name, other in (*overturns, ("Ape", "MouthApeShape"), ("Overlay", "MouthLowerOverlay"), ("Pout", "MouthPout")):
        yield f"Smile{{}}{name}", f"MouthSmile{{}} - {other}"
        yield f"Smile{name}", f"0.5 MouthSmileLeft + 0.5 MouthSmileRight - {other}"
    for name, other in overturns:
        yield f"Puff{{}}{name}", f"CheekPuff{{}} - {other}"
        yield f"Puff{name}", f"0.5 CheekPuffLeft + 0.5 CheekPuffRight - {other}"
    yield "PuffSuck{}", "CheekPuff{} - CheekSuck"
    yield "PuffSuck", "0.5 CheekPuffLeft + 0.5 CheekPuffRight - CheekSuck"
    yield "SmileSad{}", "MouthSmile{} - MouthSad{}"
    yield "SmileSad", "0.5 SmileSadLeft + 0.5 SmileSadRight"


MERGED: Mapping[str, str] = MappingProxyType(dict(_merged()))
"""In [-1, 1]."""
