"""VRCFaceTracking's ``v2/`` parameters as formulas over the ARKit coefficients.

A key with ``{}`` stands for Left and Right. A formula is a sum of ``[factor] name``; the names are ARKit's, or what stands higher
up. Source: the fact sheet "VRChat OSC", section 5.3 (VRCFaceTracking 5: UnifiedExpressionsParameters, UnifiedSimplifier).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LARGER: Mapping[str, tuple[str, str]] = MappingProxyType({
    "EyeWide": ("eyeWideLeft", "eyeWideRight"),
    "EyeSquint": ("eyeSquintLeft", "eyeSquintRight"),
    "MouthSadLeft": ("mouthFrownLeft", "mouthStretchLeft"),
    "MouthSadRight": ("mouthFrownRight", "mouthStretchRight"),
})  # fmt: skip
"""The only parameters that are no sums: the larger of two coefficients. In [0, 1]."""

SHAPES: Mapping[str, str] = MappingProxyType({
    "EyeSquint{}": "eyeSquint{}",
    "EyeWide{}": "eyeWide{}",
    "BrowPinch{}": "browDown{}",
    "BrowLowerer{}": "browDown{}",
    "BrowInnerUp{}": "browInnerUp",
    "BrowOuterUp{}": "browOuterUp{}",
    "NoseSneer{}": "noseSneer{}",
    "CheekSquint{}": "cheekSquint{}",
    "CheekPuff{}": "cheekPuff",
    "JawOpen": "jawOpen",
    "JawForward": "jawForward",
    "JawLeft": "jawLeft",
    "JawRight": "jawRight",
    "MouthClosed": "mouthClose",
    "LipSuckUpper{}": "mouthRollUpper",
    "LipSuckLower{}": "mouthRollLower",
    "LipFunnelUpper{}": "mouthFunnel",
    "LipFunnelLower{}": "mouthFunnel",
    "LipPuckerUpper{}": "mouthPucker",
    "LipPuckerLower{}": "mouthPucker",
    "MouthUpperUp{}": "mouthUpperUp{}",
    "MouthLowerDown{}": "mouthLowerDown{}",
    "MouthUpper{}": "mouth{}",
    "MouthLower{}": "mouth{}",
    "MouthCornerPull{}": "mouthSmile{}",
    "MouthCornerSlant{}": "mouthSmile{}",
    "MouthFrown{}": "mouthFrown{}",
    "MouthStretch{}": "mouthStretch{}",
    "MouthDimple{}": "mouthDimple{}",
    "MouthRaiserUpper": "mouthShrugUpper",
    "MouthRaiserLower": "mouthShrugLower",
    "MouthPress{}": "mouthPress{}",
    "TongueOut": "tongueOut",
})  # fmt: skip
"""Unified Expressions that ARKit knows, in [0, 1]."""

UNKNOWN: tuple[str, ...] = (
    "NasalDilation{}", "NasalConstrict{}", "CheekSuck{}", "JawBackward", "JawClench", "JawMandibleRaise", "LipSuckCorner{}",
    "MouthUpperDeepen{}", "MouthTightener{}", "TongueUp", "TongueDown", "TongueLeft", "TongueRight", "TongueRoll",
    "TongueBendDown", "TongueCurlUp", "TongueSquish", "TongueFlat", "TongueTwist{}", "SoftPalateClose", "ThroatSwallow",
    "NeckFlex{}",
)  # fmt: skip
"""Unified Expressions that ARKit does not know: always 0, their rest.

PupilDilation and PupilDiameter are not here, nor sent: 0 would be the smallest pupil, not "unknown".
"""

COMBINED: Mapping[str, str] = MappingProxyType({
    "EyeClosed{}": "eyeBlink{}",
    "EyeClosed": "0.5 EyeClosedLeft + 0.5 EyeClosedRight",
    "EyeOpen{}": "1 - EyeClosed{}",
    "EyeOpen": "0.5 EyeOpenLeft + 0.5 EyeOpenRight",
    "EyeLid{}": "0.75 EyeOpen{} + 0.25 EyeWide{}",
    "EyeLid": "0.5 EyeLidLeft + 0.5 EyeLidRight",
    "EyesSquint": "EyeSquint",
    "BrowUp{}": "0.6 BrowOuterUp{} + 0.4 BrowInnerUp{}",
    "BrowDown{}": "0.75 BrowLowerer{} + 0.25 BrowPinch{}",
    "BrowUp": "0.5 BrowUpLeft + 0.5 BrowUpRight",
    "BrowDown": "0.5 BrowDownLeft + 0.5 BrowDownRight",
    "BrowInnerUp": "0.5 BrowInnerUpLeft + 0.5 BrowInnerUpRight",
    "BrowOuterUp": "0.5 BrowOuterUpLeft + 0.5 BrowOuterUpRight",
    "CheekSquint": "0.5 CheekSquintLeft + 0.5 CheekSquintRight",
    "CheekSuck": "0.5 CheekSuckLeft + 0.5 CheekSuckRight",
    "NoseSneer": "0.5 NoseSneerLeft + 0.5 NoseSneerRight",
    "LipSuckUpper": "0.5 LipSuckUpperLeft + 0.5 LipSuckUpperRight",
    "LipSuckLower": "0.5 LipSuckLowerLeft + 0.5 LipSuckLowerRight",
    "LipSuck": "0.5 LipSuckUpper + 0.5 LipSuckLower",
    "LipFunnelUpper": "0.5 LipFunnelUpperLeft + 0.5 LipFunnelUpperRight",
    "LipFunnelLower": "0.5 LipFunnelLowerLeft + 0.5 LipFunnelLowerRight",
    "LipFunnel": "0.5 LipFunnelUpper + 0.5 LipFunnelLower",
    "LipPuckerUpper": "0.5 LipPuckerUpperLeft + 0.5 LipPuckerUpperRight",
    "LipPuckerLower": "0.5 LipPuckerLowerLeft + 0.5 LipPuckerLowerRight",
    "LipPucker{}": "0.5 LipPuckerUpper{} + 0.5 LipPuckerLower{}",
    "LipPucker": "0.5 LipPuckerLeft + 0.5 LipPuckerRight",
    "MouthSmile{}": "0.8 MouthCornerPull{} + 0.2 MouthCornerSlant{}",
    "MouthUpperUp": "0.5 MouthUpperUpLeft + 0.5 MouthUpperUpRight",
    "MouthLowerDown": "0.5 MouthLowerDownLeft + 0.5 MouthLowerDownRight",
    "MouthOpen": "0.5 MouthUpperUp + 0.5 MouthLowerDown",
    "MouthStretch": "0.5 MouthStretchLeft + 0.5 MouthStretchRight",
    "MouthTightener": "0.5 MouthTightenerLeft + 0.5 MouthTightenerRight",
    "MouthPress": "0.5 MouthPressLeft + 0.5 MouthPressRight",
    "MouthDimple": "0.5 MouthDimpleLeft + 0.5 MouthDimpleRight",
})  # fmt: skip
"""Made of several shapes, in [0, 1]."""

SIGNED: Mapping[str, str] = MappingProxyType({
    "EyeLeftX": "eyeLookInLeft - eyeLookOutLeft",
    "EyeRightX": "eyeLookOutRight - eyeLookInRight",
    "EyeX": "0.5 EyeLeftX + 0.5 EyeRightX",
    "Eye{}Y": "eyeLookUp{} - eyeLookDown{}",
    "EyeY": "0.5 EyeLeftY + 0.5 EyeRightY",
    "BrowExpression{}": "0.5 BrowInnerUp{} + 0.5 BrowOuterUp{} - BrowDown{}",
    "BrowExpression": "0.5 BrowExpressionLeft + 0.5 BrowExpressionRight",
    "JawX": "JawRight - JawLeft",
    "JawZ": "JawForward - JawBackward",
    "CheekPuffSuck{}": "CheekPuff{} - CheekSuck{}",
    "CheekPuffSuck": "0.5 CheekPuffSuckLeft + 0.5 CheekPuffSuckRight",
    "MouthUpperX": "MouthUpperRight - MouthUpperLeft",
    "MouthLowerX": "MouthLowerRight - MouthLowerLeft",
    "MouthX": "0.5 MouthUpperX + 0.5 MouthLowerX",
    "LipSuckFunnelUpper{}": "LipSuckUpper{} - LipFunnelUpper{}",
    "LipSuckFunnelLower{}": "LipSuckLower{} - LipFunnelLower{}",
    "LipSuckFunnelUpper": "LipSuckUpper - LipFunnelUpper",
    "LipSuckFunnelLower": "LipSuckLower - LipFunnelLower",
    "MouthTightenerStretch{}": "MouthTightener{} - MouthStretch{}",
    "MouthTightenerStretch": "MouthTightener - MouthStretch",
    "MouthCornerY{}": "MouthCornerSlant{} - MouthFrown{}",
    "MouthCornerY": "0.5 MouthCornerYLeft + 0.5 MouthCornerYRight",
    "SmileFrown{}": "MouthSmile{} - MouthFrown{}",
    "SmileFrown": "0.5 SmileFrownLeft + 0.5 SmileFrownRight",
    "SmileSad{}": "MouthSmile{} - MouthSad{}",
    "SmileSad": "0.5 SmileSadLeft + 0.5 SmileSadRight",
    "TongueX": "TongueRight - TongueLeft",
    "TongueY": "TongueUp - TongueDown",
    "TongueArchY": "TongueCurlUp - TongueBendDown",
    "TongueShape": "TongueFlat - TongueSquish",
    "Head/Yaw": "headYaw",
    "Head/Pitch": "headPitch",
    "Head/Roll": "headRoll",
    "Head/PosX": "headX",
    "Head/PosY": "headY",
    "Head/PosZ": "headZ",
})  # fmt: skip
"""In [-1, 1]: + is to the own right, up, forward, smiling, worried; of the head see ``unified.head_inputs``."""
