"""VRM expression presets as ARKit coefficients: for senders that know no Perfect Sync. A guess, as the presets say less.

The reverse of what ``mapping.vrm`` does, where that can be reversed: jawOpen from A and O, the smile from Joy and I, and so on.
So a face that goes out as presets and comes in again still shows the same vowels, lids and gaze. Pure; any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from bridge import arkit
from bridge.mapping.vrm import LOOKS, PRESETS, VRM0_NAMES
from bridge.settings import EyesSettings
from bridge.types import CHANNELS, Float32Array, Gaze, frozen_array

BLINK = "blink"
"""Both lids; not among ``PRESETS``, which the bridge sends."""


def _spellings() -> dict[str, str]:
    table = {name.lower(): name for name in (*PRESETS, BLINK)}
    return table | {theirs.lower(): name for theirs, name in zip(VRM0_NAMES, PRESETS, strict=True)}


PRESET_OF: Mapping[str, str] = MappingProxyType(_spellings())
"""Name of a VRM 0 or VRM 1 preset in lower case -> its VRM 1 name."""

_I = arkit.INDEX
_OPEN_AT_I_AND_E = 0.25
"""Nobody says I or E with the teeth closed; ``mapping.vrm`` lets both count in full from this much of jawOpen on."""
_FUNNEL_OF_O = 0.4
_PUCKER_OF_U = 1.0 / 1.2
"""What ``mapping.vrm`` multiplies by 1.2 for U."""
_SMILE_OF_RELAXED = 0.5
_EYES = EyesSettings()
_LOOK_RANGE_DEG = 40.0
"""Gaze angle at which a look expression is 1, as in ``mapping.vrm``."""


def weights_from_presets(values: Mapping[str, float], gaze: Gaze | None = None) -> Float32Array:
    """float32 (52,) in [0, 1], ARKit order, of ``values`` in [0, 1] by VRM 1 name; what is missing is 0.

    ``gaze``: where the eye bones look, degrees; None takes it from the look expressions.

    ============  =====================================================================================
    jawOpen       aa + oh + a quarter of ih or ee, whichever is more
    mouthSmile    happy or ih or half of relaxed, whichever is most
    mouthStretch  ee
    mouthPucker   ou / 1.2
    mouthFunnel   0.4 oh
    mouthFrown    sad
    eyeBlink      blinkLeft, blinkRight, or blink if that is more
    eyeWide       surprised
    browDown      angry
    browInnerUp   surprised or sad
    browOuterUp   surprised
    eyeLook       of the gaze, at the default degrees of ``[eyes]``
    ============  =====================================================================================
    """
    named = {name: values.get(name, 0.0) for name in (*PRESETS, BLINK)}
    aa, ih, ou, ee, oh, left, right, happy, angry, sad, relaxed, surprised = (named[name] for name in PRESETS[: -len(LOOKS)])
    weights = np.zeros(CHANNELS, dtype=np.float32)
    weights[_I["jawOpen"]] = aa + oh + _OPEN_AT_I_AND_E * max(ih, ee)
    weights[_I["mouthPucker"]] = _PUCKER_OF_U * ou
    weights[_I["mouthFunnel"]] = _FUNNEL_OF_O * oh
    weights[_I["browInnerUp"]] = max(surprised, sad)
    for side, blink in (("Left", left), ("Right", right)):
        weights[_I[f"mouthSmile{side}"]] = max(happy, ih, _SMILE_OF_RELAXED * relaxed)
        weights[_I[f"mouthStretch{side}"]] = ee
        weights[_I[f"mouthFrown{side}"]] = sad
        weights[_I[f"eyeBlink{side}"]] = max(blink, named[BLINK])
        weights[_I[f"eyeWide{side}"]] = surprised
        weights[_I[f"browDown{side}"]] = angry
        weights[_I[f"browOuterUp{side}"]] = surprised
    if gaze is None:
        yaw = _LOOK_RANGE_DEG * (named["lookLeft"] - named["lookRight"])
        pitch = _LOOK_RANGE_DEG * (named["lookDown"] - named["lookUp"])
        gaze = Gaze(left_deg=(yaw, pitch), right_deg=(yaw, pitch))
    _look(weights, gaze)
    return frozen_array(np.clip(weights, 0.0, 1.0))


def _look(weights: Float32Array, gaze: Gaze) -> None:
    """The reverse of ``mapping.gaze``: of each pair one is 0."""
    for side, (yaw, pitch), outwards in (("Left", gaze.left_deg, 1.0), ("Right", gaze.right_deg, -1.0)):
        out, down = outwards * yaw / _EYES.gaze_yaw_deg, pitch / _EYES.gaze_pitch_deg
        weights[_I[f"eyeLookOut{side}"]], weights[_I[f"eyeLookIn{side}"]] = max(out, 0.0), max(-out, 0.0)
        weights[_I[f"eyeLookDown{side}"]], weights[_I[f"eyeLookUp{side}"]] = max(down, 0.0), max(-down, 0.0)
